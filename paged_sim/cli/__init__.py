"""The command line: `paged-sim COMMAND …`, and the one place where a mistake becomes a line and an exit code.

Exit codes: 0 fine; 1 an error (a GPU that is not there, corrupted content, nothing could be served); 2 a mistake in
the command, a scenario or a trace; 99 a check that `paged-sim check` was asked about failed; 130 Ctrl-C.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import click

from paged_sim import __version__
from paged_sim.cli import streams
from paged_sim.cli.catalogue import init, list_, schema
from paged_sim.cli.check import check
from paged_sim.cli.compare import compare
from paged_sim.cli.doctor import doctor
from paged_sim.cli.explain import explain
from paged_sim.cli.hitrate import hitrate
from paged_sim.cli.ops import ops
from paged_sim.cli.report import report
from paged_sim.cli.run import run
from paged_sim.cli.trace import trace
from paged_sim.errors import EXIT_ERROR, EXIT_USAGE, PagedSimError
from paged_sim.wording import one_line

COMMANDS = (run, report, compare, check, explain, init, list_, schema, trace, hitrate, ops, doctor)
EXIT_INTERRUPTED = 130
_LONGEST = 500


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Where did the bytes of an LLM server's KV cache go?

    Begin with `paged-sim compare`, then `paged-sim list` and `paged-sim run NAME`.
    """


for command in COMMANDS:
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line, by default the process's own, and return its exit code; never raises for a user.

    With the process's own, a pipe that its reader closes ends the process quietly, as it ends any Unix tool.
    """
    if arguments is not None:
        return _carried_out(arguments)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    streams.take_over()
    return streams.settled(_carried_out(None))


def _carried_out(arguments: Sequence[str] | None) -> int:
    """The exit code of one command line, with a line on standard error for each mistake."""
    try:
        code = cli.main(arguments, prog_name="paged-sim", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_USAGE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "paged-sim"
        told = one_line(error.format_message(), _LONGEST)
        return _complain(f"error: {told} (see {where} --help)", code=EXIT_USAGE)
    except PagedSimError as error:
        return _complain(*(f"error: {message}" for message in error.messages), code=error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", code=EXIT_INTERRUPTED)
    except MemoryError as error:
        told = one_line(str(error), _LONGEST) or "an allocation failed"
        return _complain(f"error: out of memory: {told}; make the scenario smaller", code=EXIT_ERROR)
    except Exception as error:
        if os.environ.get("PAGED_SIM_DEBUG"):
            raise
        hint = "set PAGED_SIM_DEBUG=1 and run it again for the traceback"
        told = one_line(str(error), _LONGEST)
        return _complain(f"internal error: {type(error).__name__}: {told}; {hint}", code=EXIT_ERROR)
    return code if isinstance(code, int) else 0


def _complain(*messages: str, code: int) -> int:
    for message in messages:
        click.echo(f"paged-sim: {message}", err=True)
    return code
