"""Columns of any table and keys of any JSON: named by the user or by usual names; units, block sizes, several files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_text
from paged_sim.simulation import draw
from paged_sim.workloads import Reading, Trace, read_trace, trace_info
from paged_sim.workloads.traces.values import is_number

TRACES = Path(__file__).parent / "data" / "traces"
Rows = list[tuple[float, int, int]]


def rows(trace: Trace) -> Rows:
    requests = trace.requests
    columns = (requests.arrival, requests.prompt_tokens, requests.output_tokens)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def write(folder: Path, text: str, name: str = "trace") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, columns: Mapping[str, str] | None = None, **others: Any) -> Trace:
    return read_trace(path, reading=Reading(columns or {}, **others))


NAMES = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\ufeff"), min_size=1, max_size=9
)


def test_a_column_may_be_called_infinity(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("INFINITY,in,out\n0,7,3\n", "utf-8")
    trace = read(path, {"arrival": "1", "prompt": "2", "output": "3"})
    assert trace.requests.prompt_tokens.tolist() == [7]


@settings(max_examples=150)
@given(
    values=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 999), st.integers(1, 999)), min_size=1, max_size=9),
    names=st.lists(
        NAMES.filter(
            lambda name: (
                name == name.strip().strip('"').strip() and not name.startswith(("[", "{")) and not is_number(name)
            )
        ),
        min_size=5,
        max_size=5,
        unique_by=lambda name: name.lower().translate(str.maketrans("", "", " -_")),
    ),
    separator=st.sampled_from(",;|\t"),
    order=st.permutations(range(5)),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    header=st.booleans(),
    by_number=st.booleans(),
    mark=st.sampled_from(["", "\ufeff"]),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_reads_by_its_columns(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[tuple[int, int, int]],
    names: list[str],
    separator: str,
    order: list[int],
    quoting: Any,
    header: bool,
    by_number: bool,
    mark: str,
    ends: str,
) -> None:
    """Three columns of five hold time, prompt and output, called anything, in any order, between any separators."""
    names = [name if separator == "\t" else name.replace("\t", " ") for name in names]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=ends)
    if header:
        writer.writerow([names[column] for column in order])
    for row in values:
        writer.writerow([(*row, "a b", "7.5")[column] for column in order])
    path = write(tmp_path_factory.mktemp("table"), mark + text.getvalue())
    numbered = by_number or not header
    fields = {
        field: str(order.index(column) + 1) if numbered else names[column]
        for column, field in enumerate(("arrival", "prompt", "output"))
    }
    first = text.getvalue().split(ends)[0]
    if max(first.count(other) for other in ",;|\t" if other != separator) >= first.count(separator) or "\t" in first:
        separated = separator == "\t"
        if not separated:
            return
    start = min(time for time, _, _ in values)
    expected = sorted(((time - start, prompt, output) for time, prompt, output in values), key=lambda row: row[0])
    assert rows(read(path, fields)) == expected


@settings(max_examples=80)
@given(
    values=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 999), st.integers(1, 999)), min_size=1, max_size=9),
    shape=st.sampled_from(["lines", "list", "wrapped", "indented"]),
    deep=st.booleans(),
)
def test_any_json_reads_by_its_keys(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[int, int, int]], shape: str, deep: bool
) -> None:
    records = [
        {"when": time, "sizes": {"in": prompt, "out": {"n": output}}}
        if deep
        else {"when": time, "sizes.in": prompt, "sizes.out.n": output}
        for time, prompt, output in values
    ]
    text = {
        "lines": "".join(json.dumps(record) + "\n" for record in records),
        "list": json.dumps(records),
        "wrapped": json.dumps({"version": 1, "models": ["a"], "data": records}),
        "indented": json.dumps({"data": records}, indent=1),
    }[shape]
    path = write(tmp_path_factory.mktemp("json"), text)
    start = min(time for time, _, _ in values)
    expected = sorted(((time - start, prompt, output) for time, prompt, output in values), key=lambda row: row[0])
    fields = {"arrival": "when", "prompt": "sizes.in", "output": "sizes.out.n"}
    assert rows(read(path, fields)) == expected


USUAL = [
    ("input_tokens,completion_tokens,created\n5,6,7\n", "s"),
    ("Prompt Tokens;Completion-Tokens;Timestamp\n5;6;7\n", "s"),
    ("prompt_len|output_len\n5|6\n", None),
    ("prompt_tokens^output_tokens\n5^6\n", None),
    ("input:output\n5:6\n", None),
    ('{"input": 5, "output": 6, "t_s": 1}\n', "s"),
    ("arrival_timestamp prompt_size token_size\n7 5 6\n", "s"),
    ("timestamp_ms,prompt_tokens,output_tokens\n7,5,6\n", "ms"),
    ("arrival_time_ns\tprompt_tokens\toutput_tokens\n7\t5\t6\n", "ns"),
    ("time,prompt_tokens,output_tokens\n1760000000,5,6\n", "s"),
    ("time,prompt_tokens,output_tokens\n1760000000000,5,6\n", "ms"),
    ("time,prompt_tokens,output_tokens\n1760000000000000,5,6\n", "us"),
    ("time,prompt_tokens,output_tokens\n1760000000000000000,5,6\n", "ns"),
    ("time,prompt_tokens,output_tokens\n2026/08-24 09:15:00,5,6\n", "date"),
    ('{"usage": {"prompt_tokens": 5, "completion_tokens": 6}, "created": 1760000000}\n', "s"),
    ('{"response": {"usage": {"input_tokens": 5, "output_tokens": 6}}, "ts": "2026-08-24T09:15:00.5+02:00"}\n', "date"),
    ('{"num_prefill_tokens": 5, "num_decode_tokens": 6}\n', None),
    ('{"requests": [{"prompt_tokens": 5, "output_tokens": 6}]}', None),
    ('[{"number_input_tokens": 5, "number_output_tokens": 6}]', None),
]


@pytest.mark.parametrize(("text", "unit"), USUAL)
def test_usual_names_and_units_need_no_mapping(tmp_path: Path, text: str, unit: str | None) -> None:
    trace = read(write(tmp_path, text))
    assert rows(trace) == [(0, 5, 6)]
    assert trace.time_unit == unit


def test_a_turn_without_a_time_or_a_turn_before_it_is_there_from_the_start(tmp_path: Path) -> None:
    text = """{"session": "a", "delay": 1, "prompt_tokens": 5, "output_tokens": 6}
{"session": "b", "timestamp": 1760000000, "prompt_tokens": 7, "output_tokens": 8}
"""
    trace = read(write(tmp_path, text))
    assert rows(trace) == [(0, 5, 6), (0, 7, 8)]
    assert trace.first_arrival == 1760000000


def test_a_log_of_answers_leaves_out_those_with_an_error(tmp_path: Path) -> None:
    text = """{"created": 10, "error": "timeout"}
{"created": 12, "error": null, "usage": {"prompt_tokens": 5, "completion_tokens": 6}}
"""
    trace = read(write(tmp_path, text))
    assert (rows(trace), trace.skipped) == ([(0, 5, 6)], {"failed": 1})


@pytest.mark.parametrize("header", ["prompt_tokens,output_tokens\n", ""])
def test_comments_in_front_of_a_table_are_passed_over(tmp_path: Path, header: str) -> None:
    columns = {"prompt": "1", "output": "2"}
    assert rows(read(write(tmp_path, f"# made by a script\n\n{header}5,6\n"), columns)) == [(0, 5, 6)]
    with pytest.raises(PagedSimError, match=f":{4 + bool(header)}: column .*: 'x' is not a whole number"):
        read(write(tmp_path, f"# made by a script\n\n{header}5,6\n7,x\n"), columns)


def test_zones_of_dates_are_heeded(tmp_path: Path) -> None:
    text = "time,prompt_tokens,output_tokens\n2026-08-24T09:00:00+02:00,5,6\n2026-08-24 07:00:01 UTC,7,8\n"
    assert rows(read(write(tmp_path, text))) == [(0, 5, 6), (1, 7, 8)]


def test_a_time_unit_overrules_the_format() -> None:
    path = TRACES / "mooncake.jsonl"
    assert read(path, time_unit="s").requests.arrival.tolist() == [0, 0, 250, 1500]
    assert trace_info(path, reading=Reading(time_unit="us")).span == pytest.approx(0.0015)


def test_a_rate_that_no_server_sees_is_read_as_the_format_says_with_a_warning(tmp_path: Path) -> None:
    line = '{{"timestamp": {}, "input_length": 5, "output_length": 1}}\n'
    fast = write(tmp_path, "".join(map(line.format, (0, 10, 20.5, 40))))
    (warning,) = read(fast).warnings
    assert warning == (
        "times are read in ms, which makes 75 requests/s; if they are seconds give time_unit: s (0.075 requests/s)"
    )
    assert read(fast, time_unit="s").warnings == ()
    assert read(fast, time_unit="s").requests.arrival.tolist() == [0, 10, 20.5, 40]
    slow = write(tmp_path, "arrival,prompt_tokens,output_tokens\n0,5,6\n9000,5,6\n")
    assert read(slow).warnings == (
        "times are read in s, which makes a request every 9,000 s; if they are finer give time_unit: ms (0.111 "
        "requests/s), us or ns",
    )


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,b\n1,2\n", {"prompt": "a", "output": "c"}, r":1: no column 'c'; the first line names 'a', 'b'; say which"),
        (
            "tokens_in,tokens_out\n1,2\n",
            {"prompt": "token_in", "output": "tokens_out"},
            r"no column 'token_in'; if 'tokens_in' is it, say columns: \{prompt: tokens_in\}",
        ),
        ("1,2\n", {"prompt": "1", "output": "3"}, r"no column '3'"),
        ('{"n": {"in": 1}, "out": 2}\n', {"prompt": "n.inn", "output": "out"}, r"no key 'n\.inn'; if 'n\.in' is it"),
        ("a,b\n1,2\n", {"promt": "a"}, r"^trace columns: unknown field 'promt'; did you mean prompt\?$"),
    ],
)
def test_a_column_that_is_not_there(tmp_path: Path, text: str, columns: dict[str, str], message: str) -> None:
    with pytest.raises(PagedSimError, match=message):
        read(write(tmp_path, text), columns)


def test_units_and_block_sizes_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(PagedSimError, match=r"^trace time_unit: unknown unit 'min'; the units are s, ms, us, ns$"):
        read(tmp_path / "x", time_unit="min")
    with pytest.raises(PagedSimError, match=r"^trace block_size: 0 tokens; give 1 or more$"):
        read(tmp_path / "x", block_size=0)


def shared(size: int, prompts: list[int], whole: bool) -> str:
    """Mooncake or plain request lines with ids of blocks of `size` tokens, the partial last one too or not."""
    keys = ("timestamp", "input_length", "output_length") if whole else ("arrival", "prompt_tokens", "output_tokens")
    counts = [-(-prompt // size) if whole else prompt // size for prompt in prompts]
    records = (
        {keys[0]: 0, keys[1]: prompt, keys[2]: 1, "hash_ids": list(range(number))}
        for prompt, number in zip(prompts, counts, strict=True)
    )
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("size", [1, 16, 32, 64, 128, 256, 512, 528, 1024, 2048])
@pytest.mark.parametrize("whole", [True, False])
def test_the_block_size_is_found_from_lengths(tmp_path: Path, size: int, whole: bool) -> None:
    trace = read(write(tmp_path, shared(size, [size * 3 + size // 3, 7 * size - 1, 40 * size, 90 * size], whole)))
    assert trace.requests.prefix_block == size
    assert bool(trace.warnings) == (whole and size != 512)


def test_a_stated_block_size_is_checked_in_every_row(tmp_path: Path) -> None:
    path = write(tmp_path, shared(64, [640, 200], whole=False))
    assert read(path, block_size=32).requests.prefix_block == 32
    with pytest.raises(
        PagedSimError, match=r":1: key hash_ids: 10 blocks of 128 tokens are more than the prompt of 640"
    ):
        read(path, block_size=128)


def test_ids_of_64_bits_without_sign_and_text_keep_apart(tmp_path: Path) -> None:
    line = '{{"prompt_tokens": 48, "output_tokens": 1, "hash_ids": {}}}\n'
    lists = ["[17000000000000000001, -1446744073709551615, 5]", '[5, "5", "17000000000000000001"]', "[5, -1, 5]"]
    trace = read(write(tmp_path, "".join(map(line.format, lists))))
    assert trace.requests.prefix_ids.tolist() == [0, 1, 2, 2, 3, 4, 2, 5, 2]


def test_ids_in_the_cells_of_a_table(tmp_path: Path) -> None:
    text = 'prompt_tokens,output_tokens,hash_ids\n32,1,"[1, 2]"\n32,1,1 3\n16,1,x9\n20,1,\n'
    trace = read(write(tmp_path, text))
    assert trace.requests.prefix_ids.tolist() == [0, 1, 0, 2, 3]
    assert trace.requests.prefix_offsets.tolist() == [0, 2, 4, 5, 5]


def test_a_column_that_bears_a_known_name_is_used_or_named(tmp_path: Path) -> None:
    text = "arrival,timestamp,prompt_tokens,output_tokens,model,max_tokens\n0,5,5,6,m,9\n"
    trace = read(write(tmp_path, text))
    assert trace.unused == ("timestamp", "model")
    assert trace.warnings == ("column 'timestamp' is not used: arrival is 'arrival'",)
    assert trace.requests.max_tokens.tolist() == [9]


def test_equal_numbers_in_a_first_row_are_no_names(tmp_path: Path) -> None:
    path = write(tmp_path, "5,5,5\n6,7,8\n")
    assert read(path, {"prompt": "2", "output": "3"}).requests.prompt_tokens.tolist() == [5, 7]
    path = write(tmp_path, "0,2,3\n4,7,8\n")
    assert read(path, {"prompt": "2", "output": "3"}).requests.prompt_tokens.tolist() == [2, 7]
    path = write(tmp_path, ",0,1,2\n9,4,7,8\n")
    assert read(path, {"prompt": "1", "output": "2"}).requests.prompt_tokens.tolist() == [7]


def test_of_two_columns_with_one_name_a_number_says_which(tmp_path: Path) -> None:
    path = write(tmp_path, "prompt_tokens,prompt_tokens,output_tokens\n1,2,3\n")
    trace = read(path, {"prompt": "1"})
    assert (trace.requests.prompt_tokens.tolist(), trace.unused) == ([1], ("prompt_tokens (column 2)",))
    assert read(path, {"prompt": "2"}).requests.prompt_tokens.tolist() == [2]
    with pytest.raises(PagedSimError, match="columns 1 and 2 have this name"):
        read(path, {"prompt": "prompt_tokens"})


def test_turns_and_delays_without_a_session_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"prompt_tokens": 5, "output_tokens": 3, "delay": 1, "turn": 1}\n' * 2)
    assert read(path).warnings == (
        "column 'turn' is not used: no request names its session",
        "column 'delay' is not used: no request names its session",
    )


def test_conversations_of_several_files_begin_together_and_share_nothing(tmp_path: Path) -> None:
    one = {"block_size": 4, "requests": [{"t": 100, "in": 8, "out": 2, "hash_ids": [1, 2]}]}
    two = {"block_size": 4, "requests": [{"t": 7, "in": 8, "out": 2, "hash_ids": [1, 2]}, {"t": 9, "in": 4, "out": 1}]}
    paths = [write(tmp_path, json.dumps(each), f"{number}.json") for number, each in enumerate((one, two))]
    trace = read_trace(paths)
    assert (trace.files, rows(trace)) == (2, [(0, 8, 2), (0, 8, 2), (2, 4, 1)])
    assert trace.requests.prefix_ids.tolist() == [0, 1, 2, 3]
    assert len(set(trace.rows.session.tolist())) == 2


def test_parts_of_one_log_keep_one_clock_and_their_ids(tmp_path: Path) -> None:
    line = '{{"arrival": {}, "prompt_tokens": 16, "output_tokens": 1, "hash_ids": [{}], "session": "a"}}\n'
    paths = [write(tmp_path, line.format(9, 4), "b.jsonl"), write(tmp_path, line.format(5, 4), "a.jsonl")]
    trace = read_trace(paths)
    assert (rows(trace), trace.first_arrival) == ([(0, 16, 1), (4, 16, 1)], 5)
    assert trace.requests.prefix_ids.tolist() == [0, 0]
    assert trace.rows.session.tolist() == [0, 0]
    assert rows(read_trace(paths, skip=1, limit=1)) == [(0, 16, 1)]


def test_files_that_are_no_one_run(tmp_path: Path) -> None:
    plain = write(tmp_path, '{"prompt_tokens": 16, "output_tokens": 1}\n', "a")
    timed = write(tmp_path, '{"prompt_tokens": 16, "output_tokens": 1, "arrival": 4}\n', "b")
    with pytest.raises(PagedSimError, match=r"b: of the files only some have times; give those of one kind$"):
        read_trace([plain, timed])
    with pytest.raises(
        PagedSimError, match=r"mooncake\.jsonl: mooncake, for .*, but .*/a is requests, for 'prompt_tokens'"
    ):
        read_trace([plain, TRACES / "mooncake.jsonl"])
    small = write(tmp_path, shared(16, [32, 40], whole=False), "c")
    large = write(tmp_path, shared(64, [640, 200], whole=False), "d")
    with pytest.raises(PagedSimError, match=r"d: blocks of 64 tokens, but .*/c has blocks of 16; give files of one"):
        read_trace([small, large])


def test_a_scenario_says_how_a_trace_is_read(tmp_path: Path) -> None:
    write(tmp_path, "sent;n_in;n_out\n0;5;6\n500;7;8\n", "a.csv")
    text = f"""
memory: {{slots: 4096}}
max_model_len: 1024
workload:
  trace: {{file: {tmp_path}/a.csv, time_unit: ms, columns: {{arrival: sent, prompt: x, output: 3}}}}
clock: {{base: 10ms}}
allocators: [{{name: paged, policy: paged}}]
"""
    scenario = load_text(text, overrides=["workload.trace.columns.prompt=n_in"])
    requests = draw(scenario, 0).requests
    assert requests.arrival.tolist() == [0, 0.5]
    assert (requests.prompt_tokens.tolist(), requests.output_tokens.tolist()) == ([5, 7], [6, 8])


def test_a_scenario_names_files_by_a_pattern_or_a_list(tmp_path: Path) -> None:
    line = '{{"arrival": {}, "prompt_tokens": {}, "output_tokens": 1}}\n'
    for number in (1, 2):
        write(tmp_path, line.format(number, number), f"part-{number}.jsonl")
    text = """
memory: {{slots: 4096}}
max_model_len: 1024
workload: {{trace: {{file: {files}}}}}
clock: {{base: 10ms}}
allocators: [{{name: paged, policy: paged}}]
"""
    for files in (f"{tmp_path}/part-*.jsonl", f"[{tmp_path}/part-1.jsonl, {tmp_path}/part-2.jsonl]"):
        assert draw(load_text(text.format(files=files)), 0).requests.prompt_tokens.tolist() == [1, 2]
    with pytest.raises(PagedSimError, match=r"workload\.trace\.file: no file is called like '.*'; check the pattern$"):
        load_text(text.format(files=f"{tmp_path}/none-*"))
