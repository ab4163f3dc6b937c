"""Layer kinds against what real servers logged for models with windows and states, by vLLM's groups of layers.

The rules are those of vLLM's KV-cache planning (0.11 to 0.33): layers that keep the same form groups of equal size, all
blocks have the bytes of the largest page, and a block of attention is long enough for a state to fit into its page.
"""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from paged_sim.geometry import Geometry, LayerKind, resolve_model
from paged_sim.scenario.models import Variant

ROWS = json.loads((Path(__file__).parent / "data" / "server_kv_memory.json").read_text())["mixed"]
BATCHED_TOKENS = 8192


def tokens_of_a_block(geometry: Geometry) -> int:
    """16 for attention alone, else as many 16s as make a layer's page hold a layer's state."""
    token = max(kind.bytes_per_slot // kind.layers for kind in geometry.layer_kinds)
    state = max(kind.state_bytes_per_gpu // kind.layers for kind in geometry.layer_kinds)
    return 16 * max(1, ceil(state / (16 * token)))


def blocks_of_a_request(kind: LayerKind, block: int, length: int) -> int:
    """Blocks that one group of these layers holds for a request of `length` tokens; a state has two, to align hits."""
    if kind.state_bytes:
        return 2
    if kind.window is None:
        return ceil(length / block)
    return ceil(min(kind.window - 1 + BATCHED_TOKENS, length) / block) + 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_concurrency_that_a_server_logged(row: dict[str, Any]) -> None:
    geometry = resolve_model(Variant("preset", row["model"]))
    block = tokens_of_a_block(geometry)
    group = min(kind.layers for kind in geometry.layer_kinds)
    block_bytes = group * block * max(kind.bytes_per_slot // kind.layers for kind in geometry.layer_kinds)
    groups = {kind: ceil(kind.layers / group) for kind in geometry.layer_kinds}
    request = sum(n * blocks_of_a_request(kind, block, row["max_model_len"]) for kind, n in groups.items())
    # The log has two decimals of GiB: half of the last is the room that a number of blocks has.
    fewest, most = (int((row["kv_gib"] + rounding) * 2**30 / block_bytes) for rounding in (-0.005, 0.005))
    assert any(
        round(blocks / request, 2) == row["concurrency"]
        # Its tokens are those of the groups side by side in older versions, of the requests that fit in later ones.
        and row["tokens"] in (blocks // sum(groups.values()) * block, int(blocks / request * row["max_model_len"]))
        for blocks in range(fewest, most + 1)
    )
