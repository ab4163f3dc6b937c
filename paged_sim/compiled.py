"""Compilation: the same source runs as plain Python or, through Numba, as machine code.

A function marked `@kernel` may be called from compiled code; one marked `@dispatched` picks its implementation by the
type of its first argument, a named tuple. Nothing is compiled, and Numba is not imported, before `jit` is called.
Plain Python calls the very same functions, so a debugger and a coverage tool see every line.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_KERNELS: list[Callable[..., Any]] = []
_DISPATCHED: list[tuple[Callable[..., Any], Mapping[type, ModuleType]]] = []


def kernel(function: Function) -> Function:
    """Mark a function as callable from compiled code. It stays a plain function."""
    _KERNELS.append(function)
    return function


def dispatched(families: Mapping[type, ModuleType]) -> Callable[[Function], Function]:
    """Mark a function that calls its namesake in `families[type(first argument)]`.

    Compiled code resolves the namesake by the argument's type; the function's own body does so in plain Python.
    """

    def mark(function: Function) -> Function:
        _DISPATCHED.append((function, families))
        return function

    return mark


@cache
def jit(function: Function) -> Function:
    """The compiled form of `function`, found again on disk in later processes.

    The first call with new argument types compiles (seconds); a later process loads the result in a fraction of one.
    """
    import numba

    _register_with_numba()
    # Numba's cache looks at the entry function's file only. The folder's name holds a hash of the whole package's
    # source, so a changed callee, an upgrade or another Numba never meets stale machine code.
    previous = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # Numba fills its config at run time
    numba.config.CACHE_DIR = str(cache_folder(numba.__version__))  # type: ignore[attr-defined]
    try:
        compiled: Any = numba.njit(cache=True, nogil=True)(function)
    finally:
        numba.config.CACHE_DIR = previous  # type: ignore[attr-defined]
    machine_code: Function = compiled
    return machine_code


@cache
def _register_with_numba() -> None:
    from numba.extending import overload, register_jitable

    for function in _KERNELS:
        register_jitable(function)
    for function, families in _DISPATCHED:
        _overload_by_state(overload, function, families)


def _overload_by_state(overload: Any, function: Callable[..., Any], families: Mapping[type, ModuleType]) -> None:
    def choose(*arguments: Any) -> Any:
        return getattr(families[arguments[0].instance_class], function.__name__)

    overload(function, strict=False)(choose)


def cache_folder(numba_version: str) -> Path:
    """Where compiled code of exactly this source, Python and Numba is kept.

    `PAGED_SIM_CACHE_DIR`, else the user's cache folder, else (read-only home) the system's temporary folder.
    """
    digest = hashlib.sha256(f"{sys.version}|{numba_version}".encode())
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    name = digest.hexdigest()[:16]
    candidates = [
        os.environ.get("PAGED_SIM_CACHE_DIR"),
        str(Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "paged_sim"),
    ]
    for candidate in filter(None, candidates):
        folder = Path(candidate) / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="paged_sim-"))
