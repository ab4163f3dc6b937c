"""Compilation: the same source runs as plain Python or, through Numba, as machine code.

A function marked `@kernel` may be called from compiled code; one marked `@dispatched` picks its implementation by the
type of its first argument, a state: a named tuple of arrays marked `@marked_state`. Nothing is compiled, and Numba is
not imported, before `jit` is called. Plain Python calls the very same functions, so a debugger and a coverage tool see
every line.

Compiled code neither allocates nor frees arrays and does not count references to them: it works on what it is given.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

# How kernels are compiled: division by zero does not occur (and so needs no exception), arrays are only borrowed.
OPTIONS: Any = {"error_model": "numpy", "_nrt": False}
INLINING: Any = {**OPTIONS, "forceinline": True}

# The sources that machine code depends on, below the package.
COMPILED_SOURCES = ("allocators", "arena", "compiled", "engine", "ledger.py")

_KERNELS: list[Callable[..., Any]] = []
_INLINED: set[Callable[..., Any]] = set()
_FEW_EVENTS: set[type] = set()
_STATES: list[type] = []
_DISPATCHED: dict[Callable[..., Any], Mapping[type, ModuleType]] = {}


def kernel(function: Function) -> Function:
    """Mark a function as callable from compiled code. It stays a plain function."""
    _KERNELS.append(function)
    return function


def inlined(function: Function) -> Function:
    """Mark a kernel whose machine code is to become part of its callers': one that is called at most events.

    Where it takes a state marked `@few_events` it stays a function. Measured on the step loop over pages: half the time.
    """
    _INLINED.add(function)
    return kernel(function)


def marked_state(cls: Class) -> Class:
    """Mark a named tuple of arrays (or of marked named tuples) that compiled code takes by reference."""
    _STATES.append(cls)
    return cls


def few_events(cls: Class) -> Class:
    """Mark the state of a family whose sequences have few events: inlining would only take time to compile."""
    _FEW_EVENTS.add(cls)
    return cls


def dispatched(families: Mapping[type, ModuleType]) -> Callable[[Function], Function]:
    """Mark a function that calls its namesake in `families[type(first argument)]`.

    Compiled code resolves the namesake by the argument's type, and inlines it; the function's own body does so in plain
    Python.
    """

    def mark(function: Function) -> Function:
        _DISPATCHED[function] = families
        return function

    return mark


@cache
def jit(function: Function) -> Function:
    """The compiled form of `function`, found again on disk in later processes.

    The first call with new argument types compiles (seconds); a later process loads the result in a fraction of one.
    """
    import numba

    _register_with_numba()
    with _cache_in(cache_folder(numba.__version__)):
        compiled: Any = numba.njit(cache=True, nogil=True, **OPTIONS)(function)
    machine_code: Function = compiled
    return machine_code


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Let Numba keep what is declared inside this block in a folder of ours, and leave its settings as they were."""
    from numba import config

    settings: Any = config
    previous = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        settings.CACHE_DIR = previous


def _register_with_numba() -> None:
    """Tell Numba of every marked class and function, once each: more may have been imported since the last call."""
    for cls in _STATES:
        _register_state(cls)
    for function in _KERNELS:
        _register_kernel(function)
    for function in _DISPATCHED:
        _register_dispatched(function)


@cache
def _register_state(cls: type) -> None:
    from paged_sim.compiled import reference

    reference.register(cls)


@cache
def _register_kernel(function: Callable[..., Any]) -> None:
    from numba.extending import overload

    if function in _INLINED:
        overload(function, strict=False, jit_options=INLINING)(_where(function, few_events=False))
        overload(function, strict=False, jit_options=OPTIONS)(_where(function, few_events=True))
    else:
        overload(function, strict=False, jit_options=OPTIONS)(_always(function))


@cache
def _register_dispatched(function: Callable[..., Any]) -> None:
    from numba.extending import overload

    overload(function, strict=False, jit_options=INLINING)(_by_state(function.__name__, _DISPATCHED[function]))


def _always(function: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any) -> Callable[..., Any]:
        return function

    return choose


def _where(function: Callable[..., Any], *, few_events: bool) -> Callable[..., Any]:
    def choose(*arguments: Any) -> Callable[..., Any] | None:
        has_few = any(getattr(argument, "instance_class", None) in _FEW_EVENTS for argument in arguments)
        return function if has_few == few_events else None

    return choose


def _by_state(name: str, families: Mapping[type, ModuleType]) -> Callable[..., Any]:
    def choose(*arguments: Any) -> Any:
        return getattr(families[arguments[0].instance_class], name)

    return choose


@cache
def cache_folder(numba_version: str) -> Path:
    """Where compiled code of exactly this source, Python and Numba is kept.

    Numba itself looks only at the file of the function it was asked to compile; the hash in this folder's name covers
    all that is compiled, so a changed callee, an upgrade or another Numba never meets stale machine code.
    It lies in `PAGED_SIM_CACHE_DIR`, else the user's cache folder, else (read-only home) the temporary folder.
    """
    digest = hashlib.sha256(f"{sys.version}|{numba_version}".encode())
    package = Path(__file__).parent.parent
    for source in COMPILED_SOURCES:
        root = package / source
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    name = digest.hexdigest()[:16]
    user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    chosen = os.environ.get("PAGED_SIM_CACHE_DIR")
    for parent in ([Path(chosen)] if chosen else []) + [user / "paged_sim"]:
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="paged_sim-")) / name
