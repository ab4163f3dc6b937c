"""One value for each number of a log that is printed several times, and those that follow from others."""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.servers.lines import SGLANG, TENSORRT_LLM

GIB = 2**30

UNITS: dict[str, str] = {
    "total": "bytes",
    "gpu_memory_utilization": "",
    "requested": "bytes",
    "weights": "bytes",
    "activations": "bytes",
    "non_torch": "bytes",
    "cuda_graphs": "bytes",
    "free": "bytes",
    "kv_cache": "bytes",
    "blocks": "blocks",
    "block_size": "tokens",
    "tokens": "tokens",
    "concurrency": "requests",
    "max_model_len": "tokens",
    "max_num_seqs": "sequences",
    "max_num_batched_tokens": "tokens",
    "bytes_per_token": "bytes",
    "tensor_parallel": "GPUs",
    "pipeline_parallel": "GPUs",
    "dtype": "",
    "kv_dtype": "",
    "quantization": "",
    "model": "",
    "gpu": "",
    "version": "",
}
"""Everything that may be found, in the order it is shown; bytes are those of one GPU."""

_LEAST = ("total", "requested", "free", "kv_cache", "blocks", "tokens", "concurrency")


@dataclass(frozen=True, slots=True)
class Said:
    """A value that the log gives or that follows from those it gives: `how` is "" or the calculation."""

    value: int | float | str
    line: int
    how: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A value as it was printed by the process `rank` ("" where the line names none): `digits` behind the point."""

    key: str
    value: int | float | str
    digits: int
    line: int
    rank: str


def agreed(found: list[Found], engine: str) -> tuple[dict[str, Said], list[str]]:
    """One value for each key, and a note where several do not agree."""
    values: dict[str, Said] = {}
    notes: list[str] = []
    for key in dict.fromkeys(item.key for item in found):
        by_rank: dict[str, list[Found]] = {}
        for item in found:
            if item.key == key:
                by_rank.setdefault(item.rank, []).append(item)
        chosen = [_of_one(items, engine, notes) for items in by_rank.values()]
        best = _of_all(chosen)
        if key in UNITS and not _same(chosen):
            low, high = (
                _shown(key, item) for item in sorted((chosen[0], chosen[-1]), key=lambda item: str(item.value))
            )
            notes.append(f"{key}: {low} and {high} in different processes; {_shown(key, best)} counts")
        values[key] = Said(best.value, best.line)
    return values, notes


def _of_one(items: list[Found], engine: str, notes: list[str]) -> Found:
    """The value of one process: the most exact of equal ones; else the last, for SGLang the first (a draft follows)."""
    if _same(items):
        return max(items, key=lambda item: item.digits)
    first, last = items[0], items[-1]
    kept = first if engine == SGLANG else last
    if engine != TENSORRT_LLM:  # which prints its numbers twice: of a trial, then of the server
        notes.append(
            f"{kept.key}: {_shown(kept.key, first)} at line {first.line} and {_shown(kept.key, last)} at line "
            f"{last.line}; {'the first' if kept is first else 'the last'} counts"
        )
    return kept


def _of_all(chosen: list[Found]) -> Found:
    """Of several processes the one that counts: of KV memory the least, of what is taken from it the most."""
    numbers = [item for item in chosen if not isinstance(item.value, str)]
    if len(numbers) < len(chosen) or chosen[0].key not in UNITS:
        return chosen[0]
    pick = min if chosen[0].key in _LEAST else max
    return pick(numbers, key=lambda item: float(item.value))


def _same(items: list[Found]) -> bool:
    """Whether values differ by no more than the digits they were printed with."""
    numbers = [float(item.value) for item in items if not isinstance(item.value, str)]
    digits = min(item.digits for item in items)
    if len(numbers) < len(items) or not digits:
        return len({item.value for item in items}) == 1
    step: float = (GIB if _is_bytes(items[0].key) else 1) / 10**digits
    return max(numbers) - min(numbers) <= 1.01 * step


def _is_bytes(key: str) -> bool:
    return UNITS.get(key, "bytes") == "bytes"


def _shown(key: str, item: Found) -> str:
    if _is_bytes(key) and isinstance(item.value, int):
        return f"{item.value / GIB:.2f} GiB"
    return f"{item.value:,}" if isinstance(item.value, int) else f"{item.value}"


def derived(values: dict[str, Said]) -> dict[str, Said]:
    """The values with those that follow from them, in the order of `UNITS`."""
    for key, parts, sign, how in (
        ("kv_cache", ("k_cache", "v_cache"), 1, "K + V"),
        ("weights", ("free_before", "free_after"), -1, "free memory before - after"),
        ("non_torch", ("consumed", "weights"), -1, "consumed - weights"),
        ("activations", ("peak", "weights"), -1, "peak_torch_memory - weights"),
    ):
        first, second = (values.get(part) for part in parts)
        if key not in values and first and second:
            assert isinstance(first.value, int) and isinstance(second.value, int)
            values[key] = Said(first.value + sign * second.value, first.line, how)
    _derive_tokens(values)
    memory, tokens = values.get("kv_cache"), values.get("tokens")
    if memory and tokens and "bytes_per_token" not in values and int(tokens.value) > 0:
        values["bytes_per_token"] = Said(int(memory.value) // int(tokens.value), tokens.line, "kv_cache / tokens")
    return {key: values[key] for key in UNITS if key in values}


def _derive_tokens(values: dict[str, Said]) -> None:
    """Block size from concurrency or tokens, tokens from blocks, where two of them are known."""
    blocks, longest, concurrency = (values.get(key) for key in ("blocks", "max_model_len", "concurrency"))
    if blocks and longest and concurrency and not {"tokens", "block_size"} & values.keys():
        size = float(concurrency.value) * float(longest.value) / float(blocks.value or 1)
        if abs(size - round(size)) < 0.01 * size:
            how = f"{concurrency.value} x {longest.value:,} / {blocks.value:,} blocks"
            values["block_size"] = Said(round(size), blocks.line, how)
    size_said, tokens = values.get("block_size"), values.get("tokens")
    if blocks and size_said and not tokens:
        assert isinstance(blocks.value, int) and isinstance(size_said.value, int)
        how = f"{blocks.value:,} blocks x {size_said.value:,}"
        values["tokens"] = Said(blocks.value * size_said.value, blocks.line, how)
    elif blocks and tokens and not size_said and int(tokens.value) % int(blocks.value or 1) == 0:
        how = f"{tokens.value:,} tokens / {blocks.value:,} blocks"
        values["block_size"] = Said(int(tokens.value) // int(blocks.value), tokens.line, how)
