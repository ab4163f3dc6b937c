"""What a trace file is: a table or JSON, and which of the formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from paged_sim.errors import PagedSimError
from paged_sim.wording import shown
from paged_sim.workloads.traces.formats import FORMATS, Format
from paged_sim.workloads.traces.json_files import JsonFile
from paged_sim.workloads.traces.opening import no_request, read_head
from paged_sim.workloads.traces.sources import Source
from paged_sim.workloads.traces.tables import Table, plainly
from paged_sim.workloads.traces.text import PROMPT_TEXTS, TEXT_KEYS
from paged_sim.workloads.traces.unpack import UNPACK
from paged_sim.workloads.traces.values import TEXT_REMEDY, is_number, is_prose


class Found(NamedTuple):
    """A file, the name of its format and what told it: nothing where the user named it."""

    source: Source
    name: str
    why: str

    @property
    def form(self) -> Format:
        return FORMATS[self.name]

    def explain(self, error: PagedSimError) -> PagedSimError:
        """The error with the format that was assumed, and why, behind it."""
        return PagedSimError(f"{error} (read as {self.name}{self.why})")


def open_trace(
    path: Path, trace_format: str, columns: Mapping[str, str], most: int | None, *, counts_text: bool = False
) -> Found:
    """Open a trace of a known format, or tell which one it is; `most` requests of it will be read.

    With `counts_text` a file of text is one of requests.

    Raises:
        PagedSimError: the file cannot be read, is of no known format, or could be of two.
    """
    head = read_head(path).lstrip()
    first_line = head.split("\n", 1)[0].strip()
    source: JsonFile | Table = JsonFile(path, most=most) if head[0] in "{[" else _table(path, columns)
    if isinstance(source, JsonFile) and source.is_lines and first_line.startswith("["):
        raise _events(path)
    names = source.object_names if isinstance(source, JsonFile) else source.names
    if not names:
        raise no_request(path)
    if trace_format != "auto":
        name, why = trace_format, ", as `format` says"
    else:
        name, why = _choose(path, names, columns, first_line, counts_text)
    if isinstance(source, JsonFile):
        source.unpack = UNPACK.get(name)
    return Found(source, name, why)


def _table(path: Path, columns: Mapping[str, str]) -> Table:
    """The table, without a header where its columns are given by number and the first line holds numbers there.

    Numbers that count from 0 or 1 are names, as pandas writes them.
    """
    table = Table(path)
    cells = table.first_cells
    numbers = [cell for cell in cells if is_number(cell)]
    names = numbers if numbers in [[str(start + index) for index in range(len(numbers))] for start in (0, 1)] else []
    by_number = [int(name) - 1 for name in columns.values() if name.isdecimal() and name not in names]
    if any(0 <= index < len(cells) and is_number(cells[index]) for index in by_number):
        return Table(path, has_header=False)
    return table


def _choose(
    path: Path, names: list[str], columns: Mapping[str, str], first_line: str, counts_text: bool
) -> tuple[str, str]:
    """The format that the names in a file tell, and by which of them."""
    plain = {plainly(name) for name in names}
    telling = {
        name: [each for each in form.telling if (each in names if form.exact else plainly(each) in plain)]
        for name, form in FORMATS.items()
    }
    told = [name for name, by in telling.items() if by]
    told = [name for name in told if not set(FORMATS[name].but_not) & set(told)]
    if len(told) > 1 and "requests" in told and not _has_more(telling["requests"], told):
        told.remove("requests")
    complete = [name for name in told if _is_complete(FORMATS[name], names, plain)]
    if len(told) > 1 and len(complete) == 1:
        told = complete
    if len(told) == 1:
        return told[0], f", for {' and '.join(map(shown, telling[told[0]][:2]))}"
    if {"prompt", "output"} <= columns.keys():
        return "requests", ", as `columns` says"
    text = next((key for key in PROMPT_TEXTS if key in names), None)
    if counts_text and text is not None and not told:
        return "requests", f", for {shown(text)}"
    if told:
        two = " or ".join(f"{name} (for {shown(telling[name][0])})" for name in told[:2])
        raise PagedSimError(f"{path}: could be {two}; name one with `format`, or its columns with `columns`")
    raise _unknown(path, names, first_line)


def _has_more(usual: list[str], told: list[str]) -> bool:
    """Whether one of the usual names is not just another spelling of what a format calls its own."""
    own = {plainly(name) for each in told if each != "requests" for name in FORMATS[each].telling}
    return any(plainly(name) not in own for name in usual)


def _is_complete(form: Format, names: list[str], plain: set[str]) -> bool:
    needed = ("prompt", "output", "arrival") if form.timed else ("prompt", "output")
    return form.document or all(
        any(name in names or (not form.exact and plainly(name) in plain) for name in form.columns[field])
        for field in needed
    )


def _unknown(path: Path, names: list[str], first_line: str) -> PagedSimError:
    text = next((key for key in TEXT_KEYS if key in names), None)
    if text is not None:
        return PagedSimError(f"{path}: this is text ({text!r}), without its number of tokens; {TEXT_REMEDY}")
    if "events" in names or "event_id" in names:
        return _events(path)
    is_sentence = first_line.rstrip("\"'").endswith((".", "?", "!"))
    if is_prose(first_line) and (is_sentence or not any(sign in first_line for sign in ",;|{")):
        return PagedSimError(f"{path}: this is text, without numbers of tokens; {TEXT_REMEDY}")
    return PagedSimError(
        f"{path}: unknown trace format, its first line is {shown(first_line)}; say what is where "
        f"(columns: {{prompt: NAME, output: NAME, arrival: NAME}}), or name one of {', '.join(FORMATS)} with `format`"
    )


def _events(path: Path) -> PagedSimError:
    return PagedSimError(f"{path}: these look like KV events, not requests; `paged-sim ops replay` reads them")
