"""A good scenario whose lines the tests of bad ones replace, and what is said of the result."""

from __future__ import annotations

import pytest

from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_text

# A row changes these lines (its own come first) and says how the message begins.
GOOD = {
    "memory": "memory: {slots: 1000}",
    "workload": "workload: {requests: 4, prompt: 5, output: 3}",
    "allocators": "allocators: [{name: vllm, policy: paged}]",
}


def text_with(lines: str) -> str:
    """The good scenario with some of its lines replaced."""
    changed = [line.partition(":")[0] for line in lines.splitlines()]
    return "\n".join([lines, *(line for key, line in GOOD.items() if key not in changed)])


def refusals(text: str, overrides: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Everything that is said of a scenario that is refused: each a line, and short."""
    with pytest.raises(PagedSimError) as caught:
        load_text(text, "bad.yaml", overrides=overrides)
    assert caught.value.exit_code == 2
    assert all(message.isprintable() and len(message) < 320 for message in caught.value.messages)
    return caught.value.messages


def refusal(text: str, overrides: tuple[str, ...] = ()) -> str:
    """What is said first."""
    return refusals(text, overrides)[0]
