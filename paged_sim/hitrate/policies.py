"""The eviction policies. A new one is a file here and a line in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paged_sim.errors import PagedSimError
from paged_sim.hitrate.belady import belady
from paged_sim.hitrate.fifo import fifo
from paged_sim.hitrate.lfu import lfu
from paged_sim.hitrate.lru import lru
from paged_sim.hitrate.references import Bools, References
from paged_sim.wording import show, suggestion

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
            hint = suggestion(name, POLICIES, f"the policies are {', '.join(POLICIES)}", most=1)
            raise PagedSimError(f"--policy: unknown policy {show(name)}; {hint}")
    return tuple(name for name in POLICIES if name in names)
