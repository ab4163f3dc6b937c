"""Processes of our own: independent tasks side by side, with results as if they ran one after the other.

Each is a fresh Python that never looks into the current folder for a module, never sees an interrupt, which is the
parent's to answer, and ends when its parent has, however that came about. They talk through pipes: nothing is shared
that could stay behind.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Thread, current_thread, main_thread
from typing import Any, TypeVar

from paged_sim.errors import EXIT_ERROR, PagedSimError, PagedSimWarning

Result = TypeVar("Result")

_LOOK_EVERY = 0.2
"""Seconds between two looks at how far the tasks are."""

_BEGINNING = """
import sys
if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]
import importlib, runpy, typing
sys.path.insert(0, sys.argv.pop(1))
import paged_sim
del sys.path[0]
"""


class LostProcessError(PagedSimError):
    """A process died in the middle of a task."""


def python_command(statement: str, package: Path | None = None) -> list[str]:
    """The command of a fresh Python that executes a statement with this package, or the one in the folder `package`.

    `python -m` would look for every module in the current folder first, and execute a `numpy.py` there. The package
    itself is found, and all others are where the interpreter, with PYTHONPATH and this one's flags, looks for them.
    """
    folder = package or Path(__file__).parent.parent
    flags = {"-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    given = [flag for flag, is_set in flags.items() if is_set]
    return [sys.executable, *given, "-c", _BEGINNING + statement, str(folder.resolve())]


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

    Raises PagedSimError (exit code 1) if a process cannot be started, LostProcessError if one dies, as one does that
    the system takes for too large.
    """
    with _broken_pipes_as_errors(), _Pool(function, tasks, min(jobs, len(tasks))) as pool:
        for index in range(len(tasks)):
            yield pool.result(index, ended)


class _Pool:
    """Processes that take the next task each, as long as there is one."""

    def __init__(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], size: int) -> None:
        self._work = pickle.dumps((function, tasks))
        self._size = size
        self._waiting = iter(range(len(tasks)))
        self._replies: dict[int, bytes] = {}
        self._has_lost = False
        self._changed = Condition()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> _Pool:
        try:
            for _ in range(self._size):
                self._start()
        except (OSError, RuntimeError) as error:
            self.close()
            reason = getattr(error, "strerror", None) or error
            raise PagedSimError(
                f"a process cannot be started: {reason}; give a smaller --jobs", exit_code=EXIT_ERROR
            ) from None
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        its_input, to = Pipe(duplex=False)
        back, its_output = Pipe(duplex=False)
        with _signals_held(), its_input, its_output:
            command = python_command("from paged_sim.processes import work; work()")
            self._processes.append(subprocess.Popen(command, stdin=its_input.fileno(), stdout=its_output.fileno()))
        thread = Thread(target=self._serve, args=(to, back), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _serve(self, to: Connection, back: Connection) -> None:
        """Hand one process task after task, in a thread of its own."""
        with to, back:
            try:
                to.send(_importable())
                to.send_bytes(self._work)
                while (index := self._next()) is not None:
                    to.send(index)
                    self._hear(index, back.recv_bytes())
            except (EOFError, OSError):
                with self._changed:
                    self._has_lost = True
                    self._changed.notify()

    def _next(self) -> int | None:
        with self._changed:
            return next(self._waiting, None)

    def _hear(self, index: int, reply: bytes) -> None:
        with self._changed:
            self._replies[index] = reply
            self._changed.notify()

    def result(self, index: int, ended: Callable[[list[int]], None]) -> Any:
        """Wait for the result of one task, say meanwhile which have ended, and raise what the task raised."""
        with self._changed:
            while index not in self._replies and not self._has_lost:
                self._changed.wait(_LOOK_EVERY)
                ended(sorted(self._replies))
            if index not in self._replies:
                raise LostProcessError(
                    f"one of {self._size} processes was ended from outside, perhaps for want of memory; "
                    "give a smaller --jobs",
                    exit_code=EXIT_ERROR,
                )
            ended(sorted(self._replies))
        result, error = pickle.loads(self._replies[index])
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """End all processes, whatever they do."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for thread in self._threads:
            thread.join()


def _importable() -> list[str]:
    """Where this process finds modules, but for the current folder."""
    return [folder for folder in sys.path if folder not in ("", str(Path.cwd()))]


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
def _signals_held() -> Iterator[None]:
    """Start processes that never see Ctrl-C or the signal to end, which may reach all of a terminal's processes.

    They inherit the mask. What arrives meanwhile is delivered to this process afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work() -> None:
    """What a process started here does: tasks, until its standard input ends, which is when its parent does."""
    warnings.simplefilter("ignore", PagedSimWarning)  # the parent says it once
    back = Connection(os.dup(1), readable=False)
    with suppress(OSError):  # there is no standard error
        os.dup2(2, 1)  # what a task prints is no reply
    arrived: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(arrived,), daemon=True).start()
    sys.path += [folder for folder in pickle.loads(arrived.get()) if folder not in sys.path]
    given, tasks = arrived.get(), None
    while True:
        index = pickle.loads(arrived.get())
        try:
            if tasks is None:
                function, tasks = pickle.loads(given)
            reply = pickle.dumps((function(*tasks[index]), None))
        except Exception as error:
            if os.environ.get("PAGED_SIM_DEBUG"):
                traceback.print_exc()
            reply = _pickled_error(error)
        back.send_bytes(reply)


def _listen(arrived: SimpleQueue[bytes]) -> None:
    """Take what the parent sends, and end with it, in the middle of a task, too."""
    source = Connection(os.dup(0), writable=False)
    try:
        while True:
            arrived.put(source.recv_bytes())
    except (EOFError, OSError):
        os._exit(EXIT_ERROR)


def _pickled_error(error: Exception) -> bytes:
    try:
        reply = pickle.dumps((None, error))
        pickle.loads(reply)
    except Exception:  # an error that cannot travel is told in words
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
    return reply
