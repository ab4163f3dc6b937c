"""Reading what a server printed as it started: numbers with the line they stand on, and what does not agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.files import open_bytes
from paged_sim.servers.agreement import GIB, Found, Said, agreed, derived
from paged_sim.servers.lines import CONFIG, LINES, STARTS, TELLING

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\][^\x07\x1b]*\x07")
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


@dataclass(slots=True)
class _Reading:
    """What has been found since the last start."""

    found: list[Found] = field(default_factory=list)
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
    values, notes = agreed(reading.found, engine)
    return StartupLog(path, engine, derived(values), (*reading.notes, *notes))


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


def _values(groups: Mapping[str, str | None], line: int, rank: str) -> Iterator[Found]:
    """The values of named groups, each by its form."""
    for name, text in groups.items():
        if text is None:
            continue
        key, _, form = name.partition("__")
        value = _value(text, form)
        if value is not None:
            yield Found(key, value, len(text.partition(".")[2]), line, rank)


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
