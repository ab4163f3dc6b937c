"""The eviction policies. A new one is a file here and a line in the table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from paged_sim.errors import PagedSimError
from paged_sim.hitrate.belady import belady
from paged_sim.hitrate.fifo import fifo
from paged_sim.hitrate.lfu import lfu
from paged_sim.hitrate.lru import lru
from paged_sim.hitrate.references import Bools, References

Policy = Callable[[References, bool], Callable[[int], Bools]]
"""(references, compiled) -> (capacity in blocks, at least 1 -> which references find their block in the cache).

Every block that is not found is computed and put into the cache, which is empty in the beginning.
"""

POLICIES: dict[str, Policy] = {"lru": lru, "lfu": lfu, "fifo": fifo, "belady": belady}


def chosen_policies(text: str | None) -> tuple[str, ...]:
    """The policies that a list such as "lru,belady" names, in the order of the table; all of them for None.

    Raises:
        PagedSimError: a name is unknown.
    """
    names: Sequence[str] = list(POLICIES) if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in POLICIES:
            close = difflib.get_close_matches(name, POLICIES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the policies are {', '.join(POLICIES)}"
            raise PagedSimError(f"--policy: unknown policy {name!r}; {hint}")
    return tuple(name for name in POLICIES if name in names)
