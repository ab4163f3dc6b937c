"""The one exception a user's mistake raises; the command line turns it into a line and an exit code."""

from __future__ import annotations

from paged_sim.wording import printable

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 99


class PagedSimError(Exception):
    """A mistake or a missing thing that the user can mend, or several of one file.

    Each of `messages` is one clear line: what is wrong, where (file, line, key path, column), what to do; what cannot
    be printed is escaped in them. `exit_code` is 2 for a usage, scenario or trace error and 1 for anything else (a GPU
    that is not there, corrupted content, a run that cannot go on).
    """

    def __init__(self, *messages: str, exit_code: int = EXIT_USAGE) -> None:
        self.messages = tuple(map(printable, messages))
        super().__init__("\n".join(self.messages))
        self.exit_code = exit_code
