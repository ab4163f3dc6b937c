"""Where the bytes went: the ledger as bars and as shares."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry, Steps, mean_share

from .at_step import account_cell
from .basis import OVER, side_of
from .blocks import Bars, Block, Grid
from .numbers import percent
from .palette import LOOKS


def accounts_of(runs: Sequence[Entry], over: Steps) -> list[str]:
    """The accounts that hold anything in any of the runs, in the order of the ledger."""
    return [account for account in LOOKS if any(mean_share(run, over, account) for run in runs)]


def ledger_blocks(runs: Sequence[Entry], *, table: bool = True) -> list[Block]:
    """The ledger as bars and, with `table`, as shares; the accounts sum to the arena."""
    over = side_of(runs)
    accounts = accounts_of(runs, over)
    bars = tuple((run["name"], _bar(run, over, accounts)) for run in runs)
    rows = tuple((account_cell(key), *(percent(mean_share(run, over, key)) for run in runs)) for key in accounts)
    title = f"Where the bytes are, {OVER[over]}"
    numbers = [Grid("", ("account", *(run["name"] for run in runs)), rows)]
    return [Bars(title, bars, legend=not table), *(numbers if table else [])]


def _bar(run: Entry, over: Steps, accounts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The shares of a bar, none for a policy without a step."""
    shares = ((account, mean_share(run, over, account)) for account in accounts)
    return tuple((account, share) for account, share in shares if share is not None)
