"""Which column of a file serves for what: as the user says, as its format has it, or by another usual name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paged_sim.errors import PagedSimError
from paged_sim.wording import close_names, shown
from paged_sim.workloads.traces.formats import FIELDS, Format
from paged_sim.workloads.traces.opening import no_request
from paged_sim.workloads.traces.sources import Source
from paged_sim.workloads.traces.tables import Table, plainly
from paged_sim.workloads.traces.text import ANSWER_TEXTS, PROMPT_TEXTS, TEXT_KEYS, TokenCounter
from paged_sim.workloads.traces.values import TEXT_REMEDY, is_number, number_in

_CLOSE = 0.75
_TEXTS = {"prompt": PROMPT_TEXTS, "output": ANSWER_TEXTS}
_SUFFIXES = {"ms": "ms", "us": "us", "ns": "ns", "s": "s", "sec": "s", "seconds": "s", "millis": "ms"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The column of each field that the file has, its unit of time, and the columns that are not used.

    `unit` is a name of `formats.UNITS`, None where only the numbers tell; `delay_unit` is that of the delays. `unused`
    are names as the file has them, nested ones left out.
    """

    columns: Mapping[str, str]
    unit: str | None
    delay_unit: str
    unused: tuple[str, ...]
    counter: TokenCounter | None = None


def plan_columns(
    form: Format,
    source: Source,
    given: Mapping[str, str],
    time_unit: str | None,
    counter: TokenCounter | None = None,
) -> Plan:
    """Find the columns of a format in a file; `given` overrule it, by field.

    Raises:
        PagedSimError: a column that is named or needed is not there, two have one name, or two could be meant.
    """
    if not source.names:
        raise no_request(source.path)
    if isinstance(source, Table):
        _refuse_twins(source, given)
    names = dict.fromkeys(source.names, True)
    columns: dict[str, str] = {}
    for field in FIELDS:
        name = _given(source, field, given[field]) if field in given else _usual(form, source, names, field)
        if name is None and counter is not None:
            name = next((text for text in _TEXTS.get(field, ()) if text in names), None)
        if name is not None:
            columns[field] = name
    prompt = columns.get("prompt")
    if counter is None and prompt in TEXT_KEYS and _holds_text(source, prompt):
        raise _text(source, prompt)
    _check_needed(form, source, columns)
    unit = time_unit or _unit_in(columns.get("arrival", "")) or (form.unit if form.exact else None)
    delay_unit = time_unit or _unit_in(columns.get("delay", "")) or form.unit
    used = {name.partition(".")[0] for name in columns.values()} | set(columns.values())
    unused = tuple(name for name in source.names if name not in used and ("." not in name or isinstance(source, Table)))
    return Plan(columns, unit, delay_unit, unused, counter)


def _refuse_twins(table: Table, given: Mapping[str, str]) -> None:
    """Of two columns with one name nobody can know which is meant; a number in `given` says so."""
    cells = table.first_cells if table.has_header else []
    chosen = {plainly(cell) for number, cell in enumerate(cells, start=1) if str(number) in given.values()}
    first: dict[str, int] = {}
    for number, cell in enumerate(cells, start=1):
        name = plainly(cell)
        if name in first and not is_number(cell) and name not in chosen:
            place = f"{table.path}:{table.header_line()}: column {cell}"
            raise PagedSimError(
                f"{place}: columns {first[name]} and {number} have this name; rename one, or say which is meant "
                f"by its number, such as columns: {{prompt: {number}}}"
            )
        if name:
            first.setdefault(name, number)


def _given(source: Source, field: str, wanted: str) -> str:
    name = source.resolve(wanted)
    if name is None:
        raise _missing(source, field, wanted, (), {})
    return name


def _missing(source: Source, field: str, name: str, like: tuple[str, ...], columns: Mapping[str, str]) -> PagedSimError:
    """What to say of a column that is not there: one with a name close to it, or to those in `like`, may be it."""
    if isinstance(source, Table):
        what, listing = f"{source.path}:{source.header_line()}: no column {name!r}", "the first line names"
    else:
        what, listing = f"{source.path}: no key {name!r}", "the keys are"
    lower = {plainly(other): other for other in source.names if other not in columns.values()}
    close = [match for each in (name, *like) for match in close_names(plainly(each), lower, 1, _CLOSE)]
    if close:
        found = lower[close[0]]
        return PagedSimError(f"{what}; if {shown(found)} is it, say columns: {{{field}: {found}}}")
    names = ", ".join(map(shown, source.names[:8])) or "nothing"
    return PagedSimError(f"{what}; {listing} {names}; say which one it is, columns: {{{field}: NAME}}")


def _usual(form: Format, source: Source, names: Mapping[str, bool], field: str) -> str | None:
    """The first name of a field that the file has, in the format's spelling or in another."""
    usual = form.names(field)
    for name in usual:
        if name in names:
            return name
    plain = {plainly(name): name for name in reversed(list(names))}
    for name in usual:
        if plainly(name) in plain and not (form.exact and field in form.columns):
            return plain[plainly(name)]
    if field != "arrival":
        return None
    with_unit = {plainly(f"{name}_{suffix}") for name in usual for suffix in _SUFFIXES}
    return next((plain[key] for key in plain if key in with_unit), None)


def _unit_in(name: str) -> str | None:
    """The unit of time that the end of a column's name says."""
    head, _, suffix = name.lower().rpartition("_")
    return _SUFFIXES.get(suffix) if head else None


def _check_needed(form: Format, source: Source, columns: Mapping[str, str]) -> None:
    needed = ["prompt", "output", *(["arrival"] if form.timed and "delay" not in columns else [])]
    for field in needed:
        if field in columns:
            continue
        if field == "prompt" and (text := next((key for key in TEXT_KEYS if key in source.names), None)):
            raise _text(source, text)
        raise _missing(source, field, form.columns[field][0], form.names(field)[1:5], columns)


def _holds_text(source: Source, name: str) -> bool:
    """Whether a column holds prompts themselves rather than their lengths."""
    first = next(iter(source.blocks())).column(name)[:1]
    return any(
        isinstance(value, list) or (isinstance(value, str) and isinstance(number_in(value), str)) for value in first
    )


def _text(source: Source, name: str) -> PagedSimError:
    return PagedSimError(f"{source.path}: this is text ({name!r}), without its number of tokens; {TEXT_REMEDY}")
