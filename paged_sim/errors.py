"""The one exception a user's mistake raises; the command line turns it into one line and an exit code."""

from __future__ import annotations

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 99


class PagedSimError(Exception):
    """A mistake or a missing thing that the user can mend.

    The message is one clear line (a few at most): what is wrong, where (file, line, key path, column), what to do.
    `exit_code` is 2 for a usage, scenario or trace error and 1 for anything else (a GPU that is not there, corrupted
    content, a run that cannot go on).
    """

    def __init__(self, message: str, *, exit_code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PagedSimWarning(UserWarning):
    """Something here makes a simulation slower, and changes none of its results."""
