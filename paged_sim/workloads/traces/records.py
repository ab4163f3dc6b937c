"""One JSON object a request: checked fields and leading-block ids, shared by the JSON formats."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.workloads.prefixes import PrefixIds
from paged_sim.workloads.traces.rows import EMPTY_PROMPT, Rows
from paged_sim.workloads.traces.values import REMEDY, shown, time_in, token_count

_Value = TypeVar("_Value", int, float)


class Records:
    """Requests gathered one by one from JSON objects.

    `block` tokens stand behind each id of `hash_ids`; times are in `per_second` units a second.
    """

    def __init__(self, block: int, per_second: float = 1.0) -> None:
        self._block = block
        self._per_second = per_second
        self._prompt, self._output, self._time = array("q"), array("q"), array("d")
        self._ids, self._offsets = array("q"), array("q", [0])
        self._empty = self._raised = 0

    def __len__(self) -> int:
        return len(self._prompt)

    def add(self, record: dict[str, Any], keys: tuple[str, str, str | None], place: str, start: float = 0.0) -> None:
        """Take the request in `record`, or count it where its prompt is empty.

        `keys` name its prompt, its output and its time (None: the trace has no times), which counts from `start`.

        Raises:
            PagedSimError: a value is missing or wrong; `place` is in front.
        """
        prompt_key, output_key, time_key = keys
        prompt = _checked(record, prompt_key, place, token_count)
        output = _checked(record, output_key, place, token_count)
        time = 0.0
        if time_key is not None:
            time = start + _checked(record, time_key, place, lambda value: time_in(value, self._per_second))
        if prompt == 0:
            self._empty += 1
            return
        self._add_ids(record.get("hash_ids") or [], prompt, place)
        self._prompt.append(prompt)
        self._output.append(max(output, 1))
        self._raised += output == 0
        self._time.append(time)

    def _add_ids(self, ids: object, prompt: int, place: str) -> None:
        if not isinstance(ids, list):
            raise PagedSimError(f"{place}hash_ids: {shown(ids)} is not a list of block ids; {REMEDY}")
        if len(ids) > -(-prompt // self._block):
            raise PagedSimError(
                f"{place}hash_ids: {len(ids)} blocks of {self._block} tokens are more than the prompt of {prompt} "
                f"tokens; {REMEDY}"
            )
        try:
            self._ids.extend(array("q", ids))
        except (TypeError, OverflowError):
            wrong = next(value for value in ids if not _is_id(value))
            raise PagedSimError(f"{place}hash_ids: {shown(wrong)} is not a block id of 64 bits; {REMEDY}") from None
        self._offsets.append(len(self._ids))

    def rows(self, timed: bool) -> Rows:
        """All that was gathered, in order."""
        ids = np.array(self._ids, dtype=np.int64)
        return Rows(
            prompt=np.array(self._prompt, dtype=np.int64),
            output=np.array(self._output, dtype=np.int64),
            seconds=np.array(self._time, dtype=np.float64) / self._per_second if timed else None,
            prefix=PrefixIds(np.array(self._offsets, dtype=np.int64), ids, self._block if len(ids) else 0),
            skipped={EMPTY_PROMPT: self._empty} if self._empty else {},
            raised_outputs=self._raised,
        )


def parse_object(text: str, place: str) -> dict[str, Any]:
    """`text` as one JSON object.

    Raises:
        PagedSimError: it is no JSON, nested too deep, or not an object; `place` is in front.
    """
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise PagedSimError(f"{place}: not JSON ({error.msg} at character {error.pos + 1}); {REMEDY}") from None
    except ValueError:
        raise PagedSimError(f"{place}: not JSON (a number of thousands of digits); {REMEDY}") from None
    except RecursionError:
        raise PagedSimError(f"{place}: nested too deep; {REMEDY}") from None
    if not isinstance(record, dict):
        raise PagedSimError(f"{place}: {shown(record)} is not a JSON object; {REMEDY}")
    return record


def _checked(record: dict[str, Any], key: str, place: str, check: Callable[[object], _Value]) -> _Value:
    if key not in record:
        raise PagedSimError(f"{place}{key}: missing; {REMEDY}")
    try:
        return check(record[key])
    except PagedSimError as error:
        raise PagedSimError(f"{place}{key}: {error}") from None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and -(2**63) <= value < 2**63
