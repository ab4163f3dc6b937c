"""Independent tasks side by side, each in one of several processes, with results as if they ran one after the other."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

from paged_sim.errors import EXIT_ERROR, PagedSimError

Result = TypeVar("Result")

_LOOK_EVERY = 0.2
"""Seconds between two looks at how far the tasks are."""


def in_processes(
    function: Callable[..., Result],
    tasks: Sequence[tuple[Any, ...]],
    jobs: int,
    ended: Callable[[list[int]], None],
) -> Generator[Result, None, None]:
    """Yield `function(*task)` of every task, in order, computed by up to `jobs` processes.

    Function and tasks travel to each process once, as it starts, and results back, so they must be picklable. `ended`
    hears now and then which tasks have ended. The error of the first task (in order) that raises one is raised here.
    Whatever ends this generator early, an error, Ctrl-C or `close`, also ends the processes.

    Raises PagedSimError (exit code 1) if a process dies, as one does that the system takes for too large.
    """
    others = set(active_children())
    with (
        _broken_pipes_as_errors(),
        ProcessPoolExecutor(min(jobs, len(tasks)), get_context("spawn"), _begin, (function, tasks)) as pool,
    ):
        try:
            with _interrupts_held():
                futures = [pool.submit(_carry_out, index) for index in range(len(tasks))]
            waiting = deque(futures)
            while waiting:
                _await(waiting[0], futures, ended)
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise PagedSimError(
                f"one of {jobs} processes was ended from outside, perhaps for want of memory; give a smaller --jobs",
                exit_code=EXIT_ERROR,
            ) from None
        except BaseException:
            for child in set(active_children()) - others:
                child.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _await(future: Future[Any], futures: list[Future[Any]], ended: Callable[[list[int]], None]) -> None:
    """Wait for one task and say meanwhile which have ended."""
    while True:
        wait([future], timeout=_LOOK_EVERY)
        ended([index for index, other in enumerate(futures) if other.done()])
        if future.done():
            return


@contextmanager
def _broken_pipes_as_errors() -> Iterator[None]:
    """Survive the pipes of a process that has ended, although the command line ends with its own standard output."""
    if current_thread() is not main_thread() or not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that never see Ctrl-C, which reaches all of a terminal's processes: it is the parent's to answer.

    They inherit the mask. What arrives meanwhile is delivered to this process afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_work: tuple[Callable[..., Any], Sequence[tuple[Any, ...]]]
"""In a process started here: the function and all tasks. Only numbers go through the queue of the pool, which would
wait for ever, in the middle of a long task, for processes that have ended."""


def _begin(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> None:
    """Set up a new process, and let it end when its parent has, however it did: nobody else would tell it."""
    global _work
    _work = function, tasks
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(EXIT_ERROR)

    Thread(target=watch, daemon=True).start()


def _carry_out(index: int) -> Any:
    function, tasks = _work
    return function(*tasks[index])
