"""Compilation: the same source runs as plain Python or, through Numba, as machine code.

A function marked `@kernel` may be called from compiled code; one marked `@dispatched` picks its implementation by the
type of its first argument, a state: a named tuple of arrays marked `@marked_state`; one marked `@numbered` by a number
in it. Nothing is compiled, and Numba is not imported, before `jit` is called. Plain Python calls the very same
functions, so a debugger and a coverage tool see every line.

Compiled code neither allocates nor frees arrays and does not count references to them: it works on what it is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from paged_sim.compiled import ways
from paged_sim.compiled.folder import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

# How kernels are compiled: division by zero does not occur (and so needs no exception), arrays are only borrowed, and
# nobody calls from C, for which Numba would compile each of them a second time.
OPTIONS: Any = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}

_KERNELS: list[Callable[..., Any]] = []
_INLINED: set[Callable[..., Any]] = set()
_FEW_EVENTS: set[type] = set()
_STATES: list[type] = []
_DISPATCHED: dict[Callable[..., Any], tuple[Mapping[type, ModuleType], str]] = {}
_NUMBERED: dict[Callable[..., Any], tuple[Sequence[ModuleType], Sequence[type]]] = {}


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


def numbered(modules: Sequence[ModuleType], types: Sequence[type] = ()) -> Callable[[Function], Function]:
    """Mark a function that calls its namesake in `modules[i]`, i being the first of its first argument's `numbers`.

    Compiled code has the namesakes in it and chooses as it runs, as part of the caller's code. With `types` it
    has only those whose `types[i]` is that of the first argument. A module whose number never comes may lack one.
    """

    def mark(function: Function) -> Function:
        _NUMBERED[function] = modules, types
        return function

    return mark


def worth_compiling(work: int, least: int) -> bool:
    """Whether to compile for so much work, worth it from `least` on; `PAGED_SIM_COMPILE=always|never` overrules.

    Never where nothing can be compiled.
    """
    wish = os.environ.get("PAGED_SIM_COMPILE", "auto")
    return (wish == "always" or (wish != "never" and work >= least)) and is_usable()


def is_usable() -> bool:
    """Whether there is a Numba here that knows what is needed; if not, that is said, and nothing is compiled."""
    if ways.chosen()[0] != ways.PLAIN:
        try:
            register_all()
        except Exception as error:
            ways.fall_back(ways.PLAIN, ways.describe(error))
    return ways.chosen()[0] != ways.PLAIN


@cache
def jit(function: Function) -> Function:
    """The compiled form of `function`, found again on disk in later processes; itself where nothing can be compiled.

    The first call with new argument types compiles (seconds); a later process loads the result in a fraction of one.
    Where Numba fails to compile them, the function goes on as plain Python.
    """
    form: Any = Compiled(function) if is_usable() else function
    return cast(Function, form)


class Compiled:
    """A function as machine code, as long as Numba compiles it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._dispatcher: Any = dispatcher_of(function)
        folder = machine_code_folder()
        if folder is not None:
            self._keep_in(folder)

    def __call__(self, *arguments: Any) -> Any:
        """Call the machine code, or the function where there is none."""
        try:
            return self._dispatcher(*arguments)
        except Exception as error:
            if self._is_compiled_for(arguments):
                raise
            ways.fall_back(ways.PLAIN, ways.describe(error))
            self._dispatcher = self._function
        return self._function(*arguments)

    def _keep_in(self, folder: Path) -> None:
        try:
            from paged_sim.compiled.kept import Kept

            self._dispatcher._cache = Kept(self._function, folder)
        except Exception as error:
            ways.warn(f"{ways.describe(error)}; compiled code cannot be kept, and each run compiles again")

    def _is_compiled_for(self, arguments: Sequence[Any]) -> bool:
        """Whether an error is the function's own, and not one of compiling it."""
        if self._dispatcher is self._function:
            return True
        import numba

        typeof: Any = numba.typeof
        try:
            return tuple(typeof(argument) for argument in arguments) in self._dispatcher.signatures
        except Exception:
            return False


def machine_code_folder() -> Path | None:
    """Where the Numba of this process keeps compiled code; None if nowhere."""
    import numba

    return cache_folder(numba.__version__)


def dispatcher_of(function: Callable[..., Any]) -> Any:
    """Numba's compiled form of a function, kept nowhere."""
    import numba

    return numba.njit(nogil=True, **_pipeline("WholeCompiler"), **OPTIONS)(function)


def _pipeline(name: str) -> dict[str, Any]:
    """The option that makes Numba compile with a class of `compiled.linking`, which needs internals of its."""
    try:
        from paged_sim.compiled import linking
    except Exception as error:
        ways.fall_back(ways.ORDINARY, ways.describe(error))
        return {}
    return {"pipeline_class": getattr(linking, name)}


def register_all() -> None:
    """Tell Numba of every marked class and function, once each: more may have been imported since the last call."""
    from paged_sim.compiled import prefetch, words

    prefetch.register()
    words.register()
    for cls in _STATES:
        _register_state(cls)
    for function in _KERNELS:
        register(function)
    for function in _DISPATCHED:
        _register_dispatched(function)
    for function in _NUMBERED:
        _register_numbered(function)


@cache
def _register_state(cls: type) -> None:
    from paged_sim.compiled import reference

    reference.register(cls)


@cache
def register(function: Callable[..., Any]) -> None:
    """Tell Numba that a function is compiled as it stands."""
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
    modules, types = _NUMBERED[function]
    if not types:
        chosen = _one_of(function.__name__, dict(enumerate(modules)))
        _register(function, lambda *_: chosen)
        return
    choices = {
        of: _one_of(function.__name__, {number: modules[number] for number, each in enumerate(types) if each is of})
        for of in dict.fromkeys(types)
    }
    _register(function, lambda state, *_: choices[state.instance_class])


def _one_of(name: str, modules: Mapping[int, ModuleType]) -> Callable[..., Any] | None:
    """A function that calls its namesake in the module of the first argument's number; None if there is none."""
    numbers: dict[Callable[..., Any], list[int]] = {}
    for number, module in modules.items():
        if hasattr(module, name):
            numbers.setdefault(getattr(module, name), []).append(number)
    if not numbers:
        return None
    # What most have in common needs no question.
    *others, common = sorted(numbers, key=lambda namesake: len(numbers[namesake]))
    for namesake in numbers:
        register(namesake)
    for namesake in others:
        for number in numbers[namesake]:
            common = inlined(_either(number, namesake, common))
            register(common)
    return common


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

    options: Any = {**OPTIONS, **_pipeline("PartCompiler")}
    overload(function, strict=False, jit_options=options)(choose)


def is_inlined(function: Callable[..., Any], arguments: Iterable[Any]) -> bool:
    """Whether the machine code of a function becomes part of its callers', for arguments of these types.

    It depends on nothing else: what is cached never depends on what was compiled before.
    """
    few_events = any(getattr(argument, "instance_class", None) in _FEW_EVENTS for argument in arguments)
    return function in _INLINED and not few_events
