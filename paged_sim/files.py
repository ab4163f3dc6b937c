"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from paged_sim.errors import EXIT_ERROR, PagedSimError


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: into a new file beside it, which then takes its place.

    What is no regular file (a device, a pipe) is written as it is, and a link stays one. Raises PagedSimError.
    """
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        _replace(target, content)
    except OSError as error:
        raise PagedSimError(f"{path}: cannot be written: {error.strerror}", exit_code=EXIT_ERROR) from None


def _replace(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
