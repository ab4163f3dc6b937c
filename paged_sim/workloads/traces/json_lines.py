"""Traces of one JSON object a line: Mooncake, and plain request files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.workloads.traces.opening import open_text
from paged_sim.workloads.traces.records import Records, parse_object
from paged_sim.workloads.traces.rows import Rows
from paged_sim.workloads.traces.values import REMEDY


@dataclass(frozen=True, slots=True)
class JsonLinesFormat:
    """The keys of one format; any other key is ignored.

    `time` is in `per_second` units a second; where it is not `time_required` a file may do without, on all its lines.
    Each of `hash_ids` stands for `block` tokens from the start of the prompt; the last one may stand for fewer.
    """

    prompt: str
    output: str
    time: str
    block: int
    per_second: float = 1.0
    time_required: bool = True


JSON_LINES = {
    "mooncake": JsonLinesFormat("input_length", "output_length", "timestamp", block=512, per_second=1000.0),
    "requests": JsonLinesFormat("prompt_tokens", "output_tokens", "arrival", block=16, time_required=False),
}


def read_json_lines(form: JsonLinesFormat, path: Path, wanted: int | None) -> Rows:
    """The first `wanted` usable lines of the file (all with None); blank lines do not count.

    Raises:
        PagedSimError: a line is no JSON object, or a value is missing or wrong.
    """
    records = Records(form.block, form.per_second)
    timed: bool | None = form.time_required or None
    with open_text(path) as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            record = parse_object(line, f"{path}:{number}")
            if timed is None:
                timed = form.time in record
            if not timed and form.time in record:
                raise PagedSimError(f"{path}:{number}: key {form.time}: the lines before it have none; {REMEDY}")
            records.add(record, (form.prompt, form.output, form.time if timed else None), f"{path}:{number}: key ")
            if len(records) == wanted:
                break
    return records.rows(bool(timed))
