"""Reading what a server printed as it started: numbers with the line they stand on, and what does not agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.files import open_bytes
from paged_sim.servers.lines import CONFIG, LINES, SGLANG, STARTS, TELLING, TENSORRT_LLM

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
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\][^\x07]*\x07")
_RANK = re.compile(
    r"\((?P<name>[A-Za-z]\w*(?: rank=\d+)?)(?P<pid> pid=\d+)[^)]*\)"
    r"|\[[^\]]*?\b(?P<group>(?:DP\d+ )?(?:TP|PP)\d+(?: (?:TP|PP|EP)\d+)*)\]"
    r"|\[(?P<rank>RANK \d+|rank\d+|gpu=\d+|\d+,\d+(?=\]<std))\]"
)
_GPU = re.compile(r"^\s*GPU \d+: (?P<gpu>[^(]*[^( ])")
_MEASURED = ("weights", "activations", "total", "kv_cache", "blocks", "tokens")
_SCALES = {"gib": GIB, "mib": 2**20, "bytes": 1}
_LONGEST_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Said:
    """A value that the log gives or that follows from those it gives: `how` is "" or the calculation."""

    value: int | float | str
    line: int
    how: str = ""


@dataclass(frozen=True, slots=True)
class StartupLog:
    """One start of a server. `values` holds what the log says, by the keys of `UNITS`; what it does not is not there.

    `notes` name what does not agree, and what was done about it.
    """

    path: Path
    engine: str
    values: Mapping[str, Said]
    notes: tuple[str, ...] = ()

    def number(self, key: str) -> int | None:
        """A whole number, None where the log does not say it."""
        said = self.values.get(key)
        return said.value if said and isinstance(said.value, int) else None

    def text(self, key: str) -> str | None:
        """A word, None where the log does not say it."""
        said = self.values.get(key)
        return said.value if said and isinstance(said.value, str) else None

    def origin(self, key: str) -> str:
        """Where the value of `key` stands."""
        said = self.values[key]
        return f"{self.path}:{said.line}{': ' * bool(said.how)}{said.how}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A value as it was printed: `digits` behind the point."""

    key: str
    value: int | float | str
    digits: int
    line: int
    rank: str


@dataclass(slots=True)
class _Reading:
    """What has been found since the last start."""

    found: list[_Found] = field(default_factory=list)
    engines: dict[str, int] = field(default_factory=dict)
    starts: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_startup_log(path: Path) -> StartupLog:
    """What a server's start-up log says, plain or gzipped, of vLLM, SGLang or TensorRT-LLM.

    Of several starts in one file the last counts; of several workers the least memory for the KV cache and the most of
    all else. Raises PagedSimError for a file without a line that is known, or with lines of several engines.
    """
    reading = _Reading()
    for number, line in _lines(path):
        _read_line(reading, number, line)
    if not any(found.key in _MEASURED for found in reading.found):
        raise PagedSimError(
            f"{path}: no line of a start-up log of vLLM, SGLang or TensorRT-LLM is in it; "
            "give the file with what the server printed as it started"
        )
    if len(reading.engines) > 1:
        where = " and ".join(f"{name} (line {line})" for name, line in reading.engines.items())
        raise PagedSimError(f"{path}: lines of {where}; give the log of one server alone")
    engine = next(iter(reading.engines))
    values, notes = _agreed(reading.found, engine)
    return StartupLog(path, engine, _derived(values), (*reading.notes, *notes))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with open_bytes(path) as file:
        for number, raw in enumerate(file, start=1):
            yield number, _ANSI.sub("", raw[:_LONGEST_LINE].decode("utf-8", "replace")).rstrip()


def _read_line(reading: _Reading, number: int, line: str) -> None:
    """Add what one line says."""
    if TELLING.search(line) is None:
        return
    rank, process = _rank_of(line)
    for engine, pattern in STARTS:
        if (start := pattern.search(line)) is not None:
            _begin(reading, (pattern.pattern, process), number)
            reading.engines.setdefault(engine, number)
            groups = {key: text for key, text in start.groupdict().items() if key != "config"}
            reading.found += _values({**groups, **_settings(start.groupdict().get("config") or "")}, number, rank)
    if (gpu := _GPU.match(line)) is not None:
        reading.found += _values({"gpu__text": gpu.group("gpu")}, number, rank)
    for engine, patterns in LINES.items():
        for pattern in patterns:
            if (match := pattern.search(line)) is not None:
                reading.engines.setdefault(engine, number)
                reading.found += _values(match.groupdict(), number, rank)


def _begin(reading: _Reading, start: tuple[str, str], number: int) -> None:
    """A server starts; if this very start was seen before and numbers came after it, all over again."""
    again = start in reading.starts and any(
        found.key in _MEASURED and found.line > reading.starts[start] for found in reading.found
    )
    if again:
        reading.notes[:] = [f"the server starts again at line {number}; what stands before it is left out"]
        reading.found.clear()
        reading.engines.clear()
        reading.starts.clear()
    reading.starts.setdefault(start, number)


def _rank_of(line: str) -> tuple[str, str]:
    """The worker that printed a line, with and without its process id; "" where the line names none."""
    match = _RANK.search(line[:200])
    if match is None:
        return "", ""
    name = match.group("name") or match.group("group") or match.group("rank")
    return name + (match.group("pid") or ""), name


def _settings(config: str) -> dict[str, str]:
    """The settings in a list of them, by what they mean; those left to the engine are not there."""
    found: dict[str, str] = {}
    for name, meaning in CONFIG.items():
        match = re.search(rf"(?<![\w.]){name}['\"]?\s*[:=]\s*(?:'([^']*)'|\"([^\"]*)\"|([^,(){{}}\s]+))", config)
        text = next((part for part in match.groups() if part), "") if match else ""
        if text not in ("", "None", "null", "auto"):
            found.setdefault(meaning, text.removeprefix("torch."))
    return found


def _values(groups: Mapping[str, str | None], line: int, rank: str) -> Iterator[_Found]:
    """The values of named groups, each by its form."""
    for name, text in groups.items():
        if text is None:
            continue
        key, _, form = name.partition("__")
        value = _value(text, form)
        if value is not None:
            yield _Found(key, value, len(text.partition(".")[2]), line, rank)


def _value(text: str, form: str) -> int | float | str | None:
    if form == "text":
        return text
    try:
        number = float(text.replace(",", "").rstrip("."))
    except ValueError:
        return None
    if form in _SCALES:
        return int(number * _SCALES[form])
    return number if form == "number" else int(number)


def _agreed(found: list[_Found], engine: str) -> tuple[dict[str, Said], list[str]]:
    """One value for each key, and a note where several do not agree."""
    values: dict[str, Said] = {}
    notes: list[str] = []
    for key in dict.fromkeys(item.key for item in found):
        by_rank: dict[str, list[_Found]] = {}
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


def _of_one(items: list[_Found], engine: str, notes: list[str]) -> _Found:
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


def _of_all(chosen: list[_Found]) -> _Found:
    """Of several processes the one that counts: of KV memory the least, of what is taken from it the most."""
    numbers = [item for item in chosen if not isinstance(item.value, str)]
    if len(numbers) < len(chosen) or chosen[0].key not in UNITS:
        return chosen[0]
    pick = min if chosen[0].key in _LEAST else max
    return pick(numbers, key=lambda item: float(item.value))


def _same(items: list[_Found]) -> bool:
    """Whether values differ by no more than the digits they were printed with."""
    numbers = [float(item.value) for item in items if not isinstance(item.value, str)]
    digits = min(item.digits for item in items)
    if len(numbers) < len(items) or not digits:
        return len({item.value for item in items}) == 1
    step: float = (GIB if _is_bytes(items[0].key) else 1) / 10**digits
    return max(numbers) - min(numbers) <= 1.01 * step


def _is_bytes(key: str) -> bool:
    return UNITS.get(key, "bytes") == "bytes"


def _shown(key: str, item: _Found) -> str:
    if _is_bytes(key) and isinstance(item.value, int):
        return f"{item.value / GIB:.2f} GiB"
    return f"{item.value:,}" if isinstance(item.value, int) else f"{item.value}"


def _derived(values: dict[str, Said]) -> dict[str, Said]:
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
