"""What a scenario resolves to: every value with its origin, every derived number with its formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .blocks import Block, Grid, Heading, Paragraph
from .listing import Listing
from .numbers import amount, count

if TYPE_CHECKING:
    from paged_sim.geometry import Capacity, Geometry, Term
    from paged_sim.geometry.measured import Beside
    from paged_sim.servers.startup_log import StartupLog


@dataclass(frozen=True, slots=True)
class Demand:
    """What one policy takes for one request, in slots: when it is admitted (its whole prompt at once) and when it ends.

    `fit` is how many such requests an empty arena holds at their end; `formula` says how `at_end` comes about.
    """

    name: str
    prompt: int
    output: int
    max_tokens: int
    at_start: int
    at_end: int
    fit: int
    formula: str


def explain_scenario(
    resolved: Mapping[str, Any], geometry: Geometry, capacity: Capacity, demands: Sequence[Demand]
) -> Listing:
    """The whole explanation of a scenario: values, bytes of a slot, capacity, and what each policy reserves."""
    blocks: list[Block] = [
        Heading(str(resolved["name"])),
        *values_grids(resolved),
        terms_grid("Bytes of one slot", geometry.terms),
        terms_grid("Capacity", capacity.terms),
        *log_blocks(capacity.log, capacity.notes),
        *_demand_blocks(demands, geometry.bytes_per_slot),
    ]
    data = {
        "scenario": resolved,
        "model": [asdict(term) for term in geometry.terms],
        "capacity": {
            "slots": capacity.slots,
            "bytes": capacity.bytes,
            "bytes_per_slot": geometry.bytes_per_slot,
            "spare_bytes": capacity.spare_bytes,
            "kv_bytes": asdict(capacity.kv_bytes),
            "terms": [asdict(term) for term in capacity.terms],
            "log": [asdict(row) for row in capacity.log],
            "notes": list(capacity.notes),
        },
        "policies": [asdict(demand) for demand in demands],
    }
    return Listing(blocks, data)


def explain_models(geometries: Sequence[Geometry]) -> Listing:
    """The terms of one model, or a line per model for several."""
    data = [
        {
            "model": geometry.name,
            "bytes_per_token": geometry.bytes_per_token,
            "bytes_per_token_above_window": geometry.bytes_per_token_above_window,
            "state_bytes": geometry.state_bytes,
            "layer_kinds": [asdict(kind) for kind in geometry.layer_kinds],
            "terms": [asdict(term) for term in geometry.terms],
        }
        for geometry in geometries
    ]
    if len(geometries) == 1:
        return Listing([Heading(geometries[0].name), terms_grid("Bytes of one token", geometries[0].terms)], data)
    header = ("model", "bytes", "beyond\nwindow", "state a\nsequence", "formula")
    rows = tuple(_model_row(geometry) for geometry in geometries)
    return Listing([Grid("Bytes of one token", header, rows, prose=frozenset({4}))], data)


def _model_row(geometry: Geometry) -> tuple[str, ...]:
    """One model in a line; what it has not stays empty."""
    beyond = f"{geometry.bytes_per_token_above_window:,}" if geometry.window is not None else ""
    state = amount(geometry.state_bytes) if geometry.state_bytes else ""
    return geometry.name, f"{geometry.bytes_per_token:,}", beyond, state, _formula(geometry)


def explain_log(log: StartupLog, rows: Sequence[Beside], model: str | None) -> Listing:
    """What a start-up log says, beside what would have been estimated of `model`."""
    version = log.text("version")
    name = f"{log.path.name}: {log.engine}{' ' * bool(version)}{version or ''}"
    about = f"Estimates are of {model}." if model else "No estimate without the model: name it with --model."
    data = {
        "log": str(log.path),
        "engine": log.engine,
        "version": version,
        "model": model,
        "numbers": [asdict(row) for row in rows],
        "notes": list(log.notes),
    }
    return Listing([Heading(name), *log_blocks(rows, log.notes), Paragraph(about)], data)


def log_blocks(rows: Sequence[Beside], notes: Sequence[str]) -> list[Block]:
    """A row per number of a start-up log, of one GPU, its words in a sentence, and what in it does not agree."""
    if not rows:
        return []
    words = [f"{row.key} {row.said} (line {row.line})" for row in rows if isinstance(row.said, str)]
    cells = tuple(
        (
            row.key,
            _amount(row.said, row.unit),
            "" if row.line is None else str(row.line),
            _amount(row.estimate, row.unit),
            row.how or _bounds(row),
        )
        for row in rows
        if not isinstance(row.said, str) and (row.said is not None or row.estimate)
    )
    header = ("number", "the log\nsays", "at line", "estimated", "how, or the bounds of the\nestimate")
    grid = Grid("What the start-up log says", header, cells, frozenset({4}))
    return [grid, *(Paragraph(text) for text in [", ".join(words), *notes] if text)]


def _bounds(row: Beside) -> str:
    if row.low is None or row.high is None or row.low == row.high:
        return ""
    return f"{_amount(row.low, row.unit)} to {_amount(row.high, row.unit)}"


def _amount(value: float | str | None, unit: str) -> str:
    """A number as logs print it: bytes in GiB, unless they are few."""
    if value is None or isinstance(value, str):
        return value or ""
    if unit == "bytes" and abs(value) >= 2**20:
        return f"{value / 2**30:,.2f} GiB"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def values_grids(resolved: Mapping[str, Any]) -> list[Block]:
    """Every value of the resolved scenario and where it came from, in the order of the file; checks apart."""
    origins: Mapping[str, str] = resolved["origins"]
    named = {entry["name"]: entry for entry in resolved["allocators"]}
    values = {key: value for key, value in resolved.items() if key not in ("origins", "checks")}
    rows = tuple(
        (path, _written(value), _origin(path, origins))
        for path, value in _flat({**values, "allocators": named}).items()
    )
    checks = tuple(
        (path, str(expected), _origin(f"checks.{path}", origins))
        for path, expected in resolved.get("checks", {}).items()
    )
    grids: list[Block] = [
        Grid("Values, and where each comes from", ("key", "value", "origin"), rows, frozenset({1, 2}))
    ]
    if checks:
        grids.append(Grid("Checks", ("number", "expected", "origin"), checks, frozenset({1, 2})))
    return grids


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            leaves.update(_flat(value, f"{prefix}{key}."))
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """The origin of a path, or of the nearest key above it that has one."""
    parts = path.split(".")
    above = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((origins[key] for key in above if key in origins), "")


_LONGEST = 60


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_written(part)}" for key, part in value.items())
    if isinstance(value, list):
        text = ", ".join(f"{{{_written(part)}}}" if isinstance(part, Mapping) else _written(part) for part in value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(',', 1)[0]}, … ({len(value)} in all)"
    return f"{value:g}" if isinstance(value, float) else str(value)


def terms_grid(title: str, terms: Sequence[Term]) -> Grid:
    """A row per term: value, formula, origin."""
    rows = tuple((term.key, _term_value(term), term.formula, term.origin) for term in terms)
    return Grid(title, ("number", "value", "formula", "origin"), rows, prose=frozenset({2, 3}))


def _term_value(term: Term) -> str:
    if isinstance(term.value, str):
        return term.value
    number = f"{term.value:,}" if isinstance(term.value, int) else f"{term.value:g}"
    return f"{number} {term.unit}".strip()


def _formula(geometry: Geometry) -> str:
    """The bytes of a token over all its layers, in one GPU."""
    return " + ".join(kind.formula for kind in geometry.layer_kinds if not kind.state_bytes)


def _demand_blocks(demands: Sequence[Demand], bytes_per_slot: int) -> list[Block]:
    first = demands[0]
    about = (
        f"A typical request, by the medians of the workload: prompt {first.prompt:,}, output {first.output:,}, "
        f"declared limit {first.max_tokens:,}; it ends with {first.prompt:,} + {first.output:,} - 1 = "
        f"{first.prompt + first.output - 1:,} stored tokens."
    )
    rows = tuple(
        (
            demand.name,
            count(demand.at_start),
            count(demand.at_end),
            amount(demand.at_end * bytes_per_slot),
            count(demand.fit),
            demand.formula,
        )
        for demand in demands
    )
    header = ("policy", "slots at\nthe start", "slots at\nthe end", "bytes at\nthe end", "such fit", "how")
    return [Paragraph(about), Grid("What each policy takes for it", header, rows, prose=frozenset({5}))]
