"""The standard streams of this process, whatever state they were handed over in: closed, full or broken.

What cannot be written to standard output is an error, never lost in silence nor told at the interpreter's end; what
cannot be written to standard error is lost, and the exit code says so.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

from paged_sim.errors import EXIT_ERROR, PagedSimError


class _Checked(io.FileIO):
    """A stream's descriptor. Once it has failed everything else is dropped, so that nobody stumbles over it again."""

    def __init__(self, descriptor: int, *, telling: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._telling = telling
        self.failed = False

    def write(self, data: Any) -> int:
        """All of `data` or a PagedSimError, for a stream that is not `telling` silence."""
        whole = memoryview(data).cast("B")
        rest = whole
        while len(rest) and not self.failed:
            try:
                rest = rest[super().write(rest) or 0 :]
            except OSError as error:
                self.failed = True
                if self._telling:
                    message = f"standard output cannot be written: {error.strerror}"
                    raise PagedSimError(message, exit_code=EXIT_ERROR) from None
        return len(whole)


_error: _Checked | None = None


def take_over() -> None:
    """Write to this process's standard output and error through what notices that it fails.

    A descriptor that is closed is opened on nothing first, so that no file of ours gets its number.
    """
    global _error
    _fill_closed_descriptors()
    sys.stdout = _text(sys.stdout, _Checked(1, telling=True), "strict", lines=os.isatty(1))
    _error = _Checked(2, telling=False)
    sys.stderr = _text(sys.stderr, _error, "backslashreplace", lines=True)


def _text(before: TextIO | None, stream: _Checked, errors: str, *, lines: bool) -> TextIO:
    """Text encoded as on the stream `before`, where there was one; with `lines` each line is written at once."""
    encoding = before.encoding if before is not None else "utf-8"
    handler = (before.errors if before is not None else None) or errors
    return io.TextIOWrapper(io.BufferedWriter(stream), encoding, handler, line_buffering=lines)


def _fill_closed_descriptors() -> None:
    """Open what is closed of 0, 1 and 2 for reading only: whatever is written there fails, as it would have."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    while descriptor <= 2:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)


def settled(code: int) -> int:
    """The exit code once both streams have written all they hold: 1 for a success that could not be told."""
    try:
        sys.stdout.flush()
    except PagedSimError as error:
        print(f"paged-sim: error: {error}", file=sys.stderr)
        code = code or EXIT_ERROR
    sys.stderr.flush()
    return EXIT_ERROR if code == 0 and _error is not None and _error.failed else code
