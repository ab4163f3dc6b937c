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
from threading import Thread
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

    Function, tasks and results travel between processes, so they must be picklable. `ended` hears now and then which
    tasks have ended. The error of the first task (in order) that raises one is raised here. Whatever ends this
    generator early, an error, Ctrl-C or `close`, also ends the processes.

    Raises PagedSimError (exit code 1) if a process dies, as one does that the system takes for too large.
    """
    others = set(active_children())
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn"), initializer=_leave_with_parent)
    try:
        with _interrupts_held():
            futures = [pool.submit(function, *task) for task in tasks]
        waiting = deque(futures)
        while waiting:
            _await(waiting[0], futures, ended)
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise PagedSimError(
            f"one of {jobs} processes was ended from outside, perhaps because memory ran out; give a smaller --jobs",
            exit_code=EXIT_ERROR,
        ) from None
    except BaseException:
        for child in set(active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _await(future: Future[Any], futures: list[Future[Any]], ended: Callable[[list[int]], None]) -> None:
    """Wait for one task and say meanwhile which have ended."""
    while True:
        wait([future], timeout=_LOOK_EVERY)
        ended([index for index, other in enumerate(futures) if other.done()])
        if future.done():
            return


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


def _leave_with_parent() -> None:
    """In a new process: end when the parent has ended, however it did; nobody else would tell it."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(EXIT_ERROR)

    Thread(target=watch, daemon=True).start()
