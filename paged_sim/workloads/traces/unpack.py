"""From the objects of a JSON trace to its requests, where an object is not a request: one function a format.

What is no request is handed on with its reason under `SKIPPED`, to be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.wording import shown
from paged_sim.workloads.traces.json_files import SKIPPED, Placed, Unpack, at, value_at
from paged_sim.workloads.traces.sources import FAILED, MISSING
from paged_sim.workloads.traces.values import REMEDY, time_in


def conversations(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """kv-cache-tester (callanjfox/kv-cache-tester, traces/): all requests of a conversation and its sub-agents.

    `t` counts in seconds from the start of the conversation; inside a sub-agent it counts from the sub-agent's own
    start, which is the `t` of the entry that nests it. Each of `hash_ids` stands for `block_size` tokens. The turns of
    the conversation are a session, and those of each sub-agent are.
    """
    for place, conversation in objects:
        front = place if isinstance(place, str) else f"line {place}: "
        block = conversation.get("block_size", 64)
        if not isinstance(block, int) or isinstance(block, bool) or block < 1:
            raise PagedSimError(f"{path}: {front}block_size: {shown(block)} is not a whole number of tokens; {REMEDY}")
        # A stack in place of recursion: how deep sub-agents nest is up to the file.
        pending: list[tuple[Any, float, str, str]] = [(conversation, 0.0, front, front)]
        while pending:
            entry, start, where, session = pending.pop()
            if not isinstance(entry, dict):
                raise PagedSimError(f"{path}: {where.rstrip('.')}: {shown(entry)} is not a JSON object; {REMEDY}")
            if entry is conversation or entry.get("type") == "subagent":
                start = start if entry is conversation else start + _number(path, where, entry, "t")
                items = _list(path, where, entry, "requests")
                nested = [(item, start, f"{where}requests[{i}].", where) for i, item in enumerate(items)]
                pending.extend(reversed(nested))
                continue
            record = {**entry, "session": f"{path}: {session}", "block_size": block}
            if type(entry.get("t")) in (int, float):  # anything else is refused where it is read
                record["t"] = start + entry["t"]
            yield Placed(where, record)


def guidellm(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """guidellm (vllm-project/guidellm, `GenerativeRequestStats`): the requests of all benchmarks of a report."""
    for _, report in objects:
        for index, benchmark in enumerate(_list(path, "", report, "benchmarks")):
            where = f"benchmarks[{index}]."
            requests = benchmark.get("requests") if isinstance(benchmark, dict) else None
            if not requests:
                raise PagedSimError(
                    f"{path}: {where}requests: the report holds sums only, no single requests; let guidellm keep them "
                    "and write its JSON again"
                )
            groups = requests if isinstance(requests, dict) else {"successful": requests}
            for status, items in groups.items():
                for number, item in enumerate(items if isinstance(items, list) else []):
                    place = f"{where}requests.{status}[{number}]."
                    wrong = not isinstance(item, dict) or status != "successful"
                    yield Placed(place, {SKIPPED: FAILED} if wrong else item)


def benchmark(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """Results of `vllm bench serve --save-detailed` (vllm-project/vllm, vllm/benchmarks/serve.py) and of
    `sglang.bench_serving --output-details` (sgl-project/sglang): a list of lengths for all requests of a run."""
    columns = ("input_lens", "output_lens", "start_times")
    for runs, (place, run) in enumerate(objects):
        front = "" if isinstance(place, str) else f"line {place}: "
        if "input_lens" not in run or "output_lens" not in run:
            raise PagedSimError(
                f"{path}: {front}the result holds sums only, no input_lens and output_lens; run the benchmark again "
                "with --save-detailed (vLLM) or --output-details (SGLang)"
            )
        if runs:
            raise PagedSimError(f"{path}: {front}a second run; leave one run in the file")
        lists = {name: _list(path, front, run, name) for name in columns if run.get(name) is not None}
        count = len(lists["input_lens"])
        for name, values in lists.items():
            if len(values) != count:
                raise PagedSimError(
                    f"{path}: {front}{name}: {len(values)} values for {count} input_lens; write the result again"
                )
        errors = _list(path, front, run, "errors") if run.get("errors") is not None else []
        for index in range(count):
            record = {name: values[index] for name, values in lists.items()}
            if index < len(errors) and errors[index]:
                record = {SKIPPED: FAILED}
            yield Placed(f"{front}[{index}].", record)


def llmservingsim(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """LLMServingSim (casys-kaist/LLMServingSim, its router's `load_requests`): single requests, and agentic sessions.

    A session's next request is sent `tool_duration_ns` after the one before has ended. `input_tok_ids` are the tokens,
    of which each whole block of 16 is named.
    """
    for place, record in objects:
        if "sub_requests" not in record:
            yield Placed(place, {**record, **_ids_of(record)})
            continue
        front = f"line {place}: " if isinstance(place, int) else place
        session, delay = record.get("session_id", f"session {place}"), None
        for index, each in enumerate(_list(path, front, record, "sub_requests")):
            where = f"{front}sub_requests[{index}]."
            if not isinstance(each, dict):
                raise PagedSimError(f"{path}: {where.rstrip('.')}: {shown(each)} is not a JSON object; {REMEDY}")
            first = {"arrival_time_ns": record.get("arrival_time_ns")} if index == 0 else {"delay": delay}
            yield Placed(where, {**each, **first, **_ids_of(each), "session": session})
            delay = each.get("tool_duration_ns", 0)


def bailian(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """Qwen-Bailian (alibaba-edu/qwen-bailian-usagetraces-anon): a chat's turns are linked by `parent_chat_id`."""
    roots: dict[object, object] = {}
    for place, record in objects:
        chat, parent = record.get("chat_id"), record.get("parent_chat_id")
        if not isinstance(chat, int | str) or isinstance(chat, bool):
            raise PagedSimError(f"{at(path, place, 'chat_id')}: {shown(chat)} is not the id of a chat; {REMEDY}")
        root = roots.get(parent, parent) if isinstance(parent, int | str) and parent not in (-1, "-1") else chat
        roots[chat] = root
        yield Placed(place, {**record, "session": root})


def aiperf(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    """AIPerf (ai-dynamo/aiperf, profile_export.jsonl): numbers are `{value, unit}`; warm-up requests are left out."""
    names = ("metrics.input_sequence_length", "metrics.output_sequence_length")
    for place, record in objects:
        flat = dict(record)
        for name in names:
            value = value_at(record, f"{name}.value")
            if value is not MISSING:
                flat[name] = value
        if value_at(record, "metadata.benchmark_phase") == "warmup":
            flat = {SKIPPED: "warm-up"}
        elif value_at(record, "metadata.was_cancelled") is True:
            flat = {SKIPPED: FAILED}
        yield Placed(place, flat)


_TOKENS_OF_A_BLOCK = 16

UNPACK: dict[str, Unpack] = {
    "kv-cache-tester": conversations,
    "guidellm": guidellm,
    "benchmark": benchmark,
    "llmservingsim": llmservingsim,
    "bailian": bailian,
    "aiperf": aiperf,
}


def _ids_of(record: dict[str, Any]) -> dict[str, object]:
    """A name for each whole block of a record's tokens, if it has any; what is no list is left to be refused."""
    tokens = record.get("input_tok_ids")
    if not isinstance(tokens, list):
        return {} if tokens is None else {"hash_ids": tokens}
    whole = len(tokens) - len(tokens) % _TOKENS_OF_A_BLOCK
    starts = range(0, whole, _TOKENS_OF_A_BLOCK)
    return {"hash_ids": [str(tokens[start : start + _TOKENS_OF_A_BLOCK]) for start in starts]}


def _list(path: Path, where: str, record: dict[str, Any], key: str) -> list[Any]:
    value = record.get(key)
    if not isinstance(value, list):
        raise PagedSimError(f"{path}: {where}{key}: {shown(value)} is not a list of requests; {REMEDY}")
    return value


def _number(path: Path, where: str, record: dict[str, Any], key: str) -> float:
    try:
        return time_in(record.get(key), 1.0)
    except PagedSimError as error:
        raise PagedSimError(f"{path}: {where}{key}: {error}") from None
