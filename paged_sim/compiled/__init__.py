"""Compilation: the same source runs as plain Python or, through Numba, as machine code.

A function marked `@kernel` may be called from compiled code; one marked `@dispatched` picks its implementation by the
type of its first argument, a state: a named tuple of arrays marked `@marked_state`; one marked `@numbered` by a number
in it. Nothing is compiled, and Numba is not imported, before `jit` is called. Plain Python calls the very same
functions, so a debugger and a coverage tool see every line.

Compiled code neither allocates nor frees arrays and does not count references to them: it works on what it is given.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

# How kernels are compiled: division by zero does not occur (and so needs no exception), arrays are only borrowed, and
# nobody calls from C, for which Numba would compile each of them a second time.
OPTIONS: Any = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}

# The sources that machine code depends on, below the package.
COMPILED_SOURCES = ("allocators", "arena", "compiled", "content.py", "engine", "hitrate", "ledger.py")

_KERNELS: list[Callable[..., Any]] = []
_INLINED: set[Callable[..., Any]] = set()
_FEW_EVENTS: set[type] = set()
_STATES: list[type] = []
_DISPATCHED: dict[Callable[..., Any], tuple[Mapping[type, ModuleType], str]] = {}
_NUMBERED: dict[Callable[..., Any], Sequence[ModuleType]] = {}


def kernel(function: Function) -> Function:
    """Mark a function as callable from compiled code. It stays a plain function."""
    _KERNELS.append(function)
    return function


def inlined(function: Function) -> Function:
    """Mark a kernel whose machine code is to become part of its callers': one that is called at most events.

    Where it takes a state marked `@few_events` it stays a function. Measured on the step loop over pages: up to twice
    as fast.
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


def dispatched(families: Mapping[type, ModuleType], by: str = "") -> Callable[[Function], Function]:
    """Mark a function that calls its namesake in `families[type(first argument)]`, or of its field `by`.

    Compiled code resolves the namesake by the argument's type, and inlines it; the function's own body does so in plain
    Python.
    """

    def mark(function: Function) -> Function:
        _DISPATCHED[function] = families, by
        return function

    return mark


def numbered(modules: Sequence[ModuleType]) -> Callable[[Function], Function]:
    """Mark a function that calls its namesake in `modules[i]`, i being the first of its first argument's `numbers`.

    Compiled code has all namesakes in it and chooses as it runs; choosing is inlined if all of them are. A module whose
    number never comes may lack one.
    """

    def mark(function: Function) -> Function:
        _NUMBERED[function] = modules
        return function

    return mark


@cache
def jit(function: Function) -> Function:
    """The compiled form of `function`, found again on disk in later processes.

    The first call with new argument types compiles (seconds); a later process loads the result in a fraction of one.
    """
    import numba

    from paged_sim.compiled.linking import WholeCompiler

    _register_with_numba()
    with _cache_in(cache_folder(numba.__version__)):
        compiled: Any = numba.njit(cache=True, nogil=True, pipeline_class=WholeCompiler, **OPTIONS)(function)
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
    from paged_sim.compiled import prefetch, words

    prefetch.register()
    words.register()
    for cls in _STATES:
        _register_state(cls)
    for function in _KERNELS:
        _register_kernel(function)
    for function in _DISPATCHED:
        _register_dispatched(function)
    for function in _NUMBERED:
        _register_numbered(function)


@cache
def _register_state(cls: type) -> None:
    from paged_sim.compiled import reference

    reference.register(cls)


@cache
def _register_kernel(function: Callable[..., Any]) -> None:
    _register(function, lambda *arguments: function)


@cache
def _register_dispatched(function: Callable[..., Any]) -> None:
    families, by = _DISPATCHED[function]

    def choose(state: Any, *_: Any) -> Any:
        chosen = state.fields[state.names.index(by)] if by else state
        return getattr(families[chosen.instance_class], function.__name__)

    if not by:
        _INLINED.update(getattr(module, function.__name__) for module in families.values())
    _register(function, choose)


@cache
def _register_numbered(function: Callable[..., Any]) -> None:
    name = function.__name__
    numbers: dict[Callable[..., Any], list[int]] = {}
    for number, module in enumerate(_NUMBERED[function]):
        if hasattr(module, name):
            numbers.setdefault(getattr(module, name), []).append(number)
    # What most have in common needs no question.
    *others, common = sorted(numbers, key=lambda namesake: len(numbers[namesake]))
    for namesake in numbers:
        _register_kernel(namesake)
    is_small = all(namesake in _INLINED for namesake in numbers)
    for namesake in others:
        for number in numbers[namesake]:
            common = _either(number, namesake, common)
            _register_kernel(common)
            if is_small:
                _INLINED.add(common)
    chosen = common
    _register(function, lambda *_: chosen)


def _either(number: int, namesake: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls `namesake` where the first argument has this number, else `other`."""

    def choose(state: Any, *arguments: Any) -> Any:
        if state.numbers[0] == number:
            return namesake(state, *arguments)
        return other(state, *arguments)

    return choose


def _register(function: Callable[..., Any], choose: Callable[..., Any]) -> None:
    """Tell Numba what to compile for a function: `choose` says it by the types of the arguments."""
    from numba.extending import overload

    from paged_sim.compiled.linking import PartCompiler

    options: Any = {**OPTIONS, "pipeline_class": PartCompiler}
    overload(function, strict=False, jit_options=options)(choose)


def is_inlined(function: Callable[..., Any], arguments: Iterable[Any]) -> bool:
    """Whether the machine code of a function becomes part of its callers', for arguments of these types.

    It depends on nothing else: what is cached never depends on what was compiled before.
    """
    few_events = any(getattr(argument, "instance_class", None) in _FEW_EVENTS for argument in arguments)
    return function in _INLINED and not few_events


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
    temporary = Path(tempfile.mkdtemp(prefix="paged_sim-"))
    # Processes that this one starts are to find what it compiles.
    os.environ["PAGED_SIM_CACHE_DIR"] = str(temporary)
    return temporary / name
