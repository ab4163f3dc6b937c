"""Machine code on disk, one file for each function and types of arguments.

It takes the place of Numba's own cache, whose files are believed as they are: one that is empty or damaged ends every
later run. Written against what Numba's dispatcher asks of a cache, which is internal.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from paged_sim.compiled import ways
from paged_sim.compiled.folder import SUFFIX, read_sealed, write_sealed


class Kept:
    """The machine code of one function, kept in `folder`."""

    cache_path = ""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._folder = folder
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        # A function that was made by another one is known by more than its source: it is not kept.
        source = None if function.__closure__ else inspect.getsourcefile(function)
        self._source = Path(source).read_bytes() if source else None

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The code for arguments of some types, None if it has to be compiled."""
        target.refresh()
        path = self._path(signature, target)
        if path is not None and path.exists():
            try:
                content = read_sealed(path)
                if content is not None:
                    return CompileResult._rebuild(target, *pickle.loads(content))
            except Exception:  # whole, but of no use to this Numba
                pass
            ways.warn(f"{path} is damaged: compiling again")
            with contextlib.suppress(OSError):
                path.unlink()
        ways.try_here()
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep what was compiled, if that is possible."""
        path = self._path(signature, result.target_context)
        if path is None or result.library.has_dynamic_globals:
            return
        try:
            write_sealed(path, dumps(result._reduce()))
        except OSError as error:
            ways.warn(f"compiled code cannot be kept in {self._folder} ({error.strerror}): each run compiles again")

    def _path(self, signature: Any, target: Any) -> Path | None:
        if self._source is None:
            return None
        digest = hashlib.sha256(self._source)
        digest.update(f"{signature}|{target.codegen().magic_tuple()}".encode())
        return self._folder / f"{self._name}-{digest.hexdigest()[:20]}{SUFFIX}"
