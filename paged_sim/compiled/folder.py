"""Where machine code is kept between processes, and how: in files that show whether they are whole.

What is kept is unpickled and executed, so the folder must be one that only this user, or root, can have written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from paged_sim.compiled import ways

# The sources that machine code depends on, below the package.
COMPILED_SOURCES = (
    "allocators",
    "arena",
    "compiled",
    "content.py",
    "engine",
    "hitrate",
    "ledger.py",
    "result/accounts.py",
)

ROOM = 32 << 20
"""Bytes that must be free where machine code is to be kept: that of one version takes up to 20 MiB."""

SUFFIX = ".nbc"
MARK = ".compiled"
_SEAL = hashlib.sha256().digest_size


@cache
def cache_folder(numba_version: str) -> Path | None:
    """Where compiled code of exactly this source, Python and Numba is kept; None if nowhere, which is said.

    A hash over all that is compiled is its name, so a changed callee, an upgrade or another Numba never meets stale
    machine code. It lies in `PAGED_SIM_CACHE_DIR`, else in the user's cache folder, else in one of the user's own in
    the temporary folder: the first that can be used.
    """
    name = _name(numba_version)
    passed: list[str] = []
    for parent in _parents():
        problem = _problem(parent / name)
        if problem is None:
            if passed:
                ways.warn(f"{'; '.join(passed)}: compiled code is kept in {parent}")
                # Processes that this one starts are to look there first.
                os.environ["PAGED_SIM_CACHE_DIR"] = str(parent)
            return parent / name
        passed.append(f"{parent / name} {problem}")
    ways.warn(f"{'; '.join(passed)}: compiled code is kept nowhere, and each run compiles again")
    return None


def _name(numba_version: str) -> str:
    digest = hashlib.sha256(f"{sys.version}|{numba_version}".encode())
    package = Path(__file__).parent.parent
    for source in COMPILED_SOURCES:
        root = package / source
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _parents() -> Iterator[Path]:
    if chosen := os.environ.get("PAGED_SIM_CACHE_DIR"):
        yield Path(chosen).absolute()
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "paged_sim"
    with contextlib.suppress(OSError):
        user = os.getuid() if hasattr(os, "getuid") else "user"
        yield Path(tempfile.gettempdir()) / f"paged_sim-{user}"


def _problem(folder: Path) -> str | None:
    """Why machine code is neither read from nor kept in a folder, in words; it is made if it is not there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if hasattr(os, "geteuid") and status.st_uid not in (os.geteuid(), 0):
            return "belongs to somebody else"
        if hasattr(os, "geteuid") and status.st_mode & 0o022:
            return "can be written to by others"
        if any(folder.glob(f"*{MARK}")):
            return None
        if not os.access(folder, os.W_OK | os.X_OK):
            return "cannot be written to"
        return "is full" if shutil.disk_usage(folder).free < ROOM else None
    except OSError as error:
        return f"cannot be used ({error.strerror})"


def can_keep(folder: Path | None) -> bool:
    """Whether more machine code can be kept in a folder."""
    with contextlib.suppress(OSError):
        return folder is not None and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM
    return False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a folder holds of machine code; `damaged` are the names of files that are compiled again when needed."""

    num_files: int
    num_bytes: int
    damaged: tuple[str, ...]


def contents_of(folder: Path) -> Contents:
    """Look at every file of machine code in a folder."""
    files = sorted(folder.glob(f"*{SUFFIX}"))
    damaged = tuple(file.name for file in files if read_sealed(file) is None)
    return Contents(len(files), sum(file.stat().st_size for file in files), damaged)


def read_sealed(path: Path) -> bytes | None:
    """The content of a file that `write_sealed` wrote; None if it is not there or is not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content[_SEAL:] if hashlib.sha256(content[_SEAL:]).digest() == content[:_SEAL] else None


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with what shows that it is. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(hashlib.sha256(content).digest() + content)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
