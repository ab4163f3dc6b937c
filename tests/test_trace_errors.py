"""Bad traces: each mistake is one line that names the file, the place, what is wrong and what to do."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.workloads import TRACE_FORMATS, read_trace, trace_info
from paged_sim.workloads.traces import tables

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-03-01 09:00:00.0,10,1\n"
VIDUR = "arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,1\n"
BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
TSV = "input_toks\toutput_toks\tarrival_time_ns\n1\t1\t5\n"
MOONCAKE = '{"timestamp": 0, "input_length": 600, "output_length": 4, "hash_ids": [0, 3]}\n'
REQUEST = '{"arrival": 0, "prompt_tokens": 8, "output_tokens": 2}\n'
AIPERF = (
    '{"metadata": {"request_start_ns": 1760000000000000000}, "metrics": {"input_sequence_length": {"value": 550}, '
    '"output_sequence_length": {"value": 9}}, "error": null}\n'
)
COUNT = (
    "give the model's tokenizer.json (tokenizer), or take the counts that a server logs (usage.prompt_tokens, "
    "usage.completion_tokens)"
)
COUNT_FIRST = f"without its number of tokens; {COUNT}"
EVENTS = "these look like KV events, not requests; `paged-sim ops replay` reads them"
MEND = "correct the row or remove it"
WHOLE = f"is not a whole number; {MEND}"
TWINS = "have this name; rename one, or say which is meant by its number, such as columns: {prompt:"
NEGATIVE = f"is negative; times count from the start; {MEND}"
COMPLETE = "complete the row or remove it"
NOT_TEXT = "not UTF-8 text; a trace is CSV, TSV or JSON text, plain or gzipped"
STREAM = "Compressed file ended before the end-of-stream marker was reached"
DATE = "is not a date and time such as '2023-11-16 18:17:03.97'"


READ_AS = re.compile(r" \(read as [a-z-]+, (for '.*'|as `.*` says)\)$")
"""What is behind every message about a row: the format that was assumed, and why."""


SAMPLES = tuple(path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "data/traces").iterdir()))


def nested(entry: object) -> str:
    return json.dumps({"requests": [{"t": 0, "in": 70, "out": 2}, {"type": "subagent", "t": 1, "requests": [entry]}]})


BAD: dict[str, tuple[str | bytes, str]] = {
    "text for a number": (AZURE + "2024-03-01 09:00:01,abc,5\n", f"F:3: column ContextTokens: 'abc' {WHOLE}"),
    "missing number": (AZURE + "2024-03-01 09:00:01,5,\n", f"F:3: column GeneratedTokens: '' {WHOLE}"),
    "fraction of a token": (VIDUR + "1,10.5,3\n", f"F:3: column num_prefill_tokens: 10.5 {WHOLE}"),
    "underscore": (VIDUR + "1,1_0,3\n", f"F:3: column num_prefill_tokens: '1_0' {WHOLE}"),
    "negative tokens": (VIDUR + "1,10,-3\n", f"F:3: column num_decode_tokens: -3 is negative; {MEND}"),
    "too many tokens": (
        VIDUR + "1,10,9999999999999\n",
        f"F:3: column num_decode_tokens: 9999999999999 is more than 1,099,511,627,776 tokens; {MEND}",
    ),
    "thousands of digits": (VIDUR + f"1,10,{'9' * 5000}\n", f"F:3: column num_decode_tokens: inf {WHOLE}"),
    "token count nan": (VIDUR + "1,nan,3\n", f"F:3: column num_prefill_tokens: nan {WHOLE}"),
    "long text": (VIDUR + f"1,{'x' * 99},3\n", f"F:3: column num_prefill_tokens: '{'x' * 35}...' {WHOLE}"),
    "time nan": (VIDUR + "nan,10,3\n", f"F:3: column arrived_at: nan is not a finite time; {MEND}"),
    "time inf": (VIDUR + "inf,10,3\n", f"F:3: column arrived_at: inf is not a finite time; {MEND}"),
    "negative time": (VIDUR + "-1,10,3\n", f"F:3: column arrived_at: -1 {NEGATIVE}"),
    "text for a time": (VIDUR + "soon,10,3\n", f"F:3: column arrived_at: 'soon' is not a number; {MEND}"),
    "time in other units": (
        VIDUR + "1e18,10,3\n",
        f"F:3: column arrived_at: 1e+18 is more than three centuries; {MEND}",
    ),
    "underscore in a time": (VIDUR + "1_0,10,3\n", f"F:3: column arrived_at: '1_0' is not a number; {MEND}"),
    "no date": (AZURE + "yesterday,10,3\n", f"F:3: column TIMESTAMP: 'yesterday' {DATE}; {MEND}"),
    "month 13": (AZURE + "2024-13-01 09:00:00,10,3\n", f"F:3: column TIMESTAMP: '2024-13-01 09:00:00' {DATE}; {MEND}"),
    "a zone by name": (
        AZURE + "2024-03-01 09:00:00 CET,1,3\n",
        f"F:3: column TIMESTAMP: '2024-03-01 09:00:00 CET' {DATE}; {MEND}",
    ),
    "year 9999": (AZURE + "9999-03-01 09:00:00,10,3\n", f"F:3: column TIMESTAMP: '9999-03-01 09:00:00' {DATE}; {MEND}"),
    "last line cut off": (
        AZURE + "2024-03-01 09:00:01,10",
        "F:3: 2 columns where the first line names 3; complete the row or remove it",
    ),
    "a column too many": (
        AZURE + "2024-03-01 09:00:01,10,3,4\n",
        "F:3: 4 columns where the first line names 3; complete the row or remove it",
    ),
    "line behind blank and quoted ones": (
        VIDUR + '\n"1",10,3\n\n2,?,3\n',
        f"F:6: column num_prefill_tokens: '?' {WHOLE}",
    ),
    "burstgpt number": (
        BURST + "5,ChatGPT,47x,18,490,Conversation log\n",
        f"F:2: column Request tokens: '47x' {WHOLE}",
    ),
    "tsv number": (TSV + "1\t1\t-5\n", f"F:3: column arrival_time_ns: -5 {NEGATIVE}"),
    "quote that does not close": (VIDUR + '1,"10,3\n', f"F:3: not a table (unexpected end of data); {MEND}"),
    "column misspelt": (
        "TIMESTAMP,ContextTokens,generatedtokens\n",
        "F:1: no column 'GeneratedTokens'; if 'generatedtokens' is it, say columns: {output: generatedtokens}",
    ),
    "column missing": (
        "\nTIMESTAMP,ContextTokens\n",
        "F:2: no column 'GeneratedTokens'; the first line names 'TIMESTAMP', 'ContextTokens'; say which one it is, "
        "columns: {output: NAME}",
    ),
    "only a header": ("TIMESTAMP,ContextTokens,GeneratedTokens\r\n", "F: no request; give a trace with at least one"),
    "only failures": (
        BURST + "5,GPT-4,0,0,0,API log\n",
        "F: no request; 1 rows are left out: failed; give a trace with at least one",
    ),
    "empty file": ("", "F: empty file; give a trace with at least one request"),
    "blank file": (" \n\n", "F: empty file; give a trace with at least one request"),
    "binary junk": (b"\x89PNG\r\n\x1a\n\x00\x00", f"F:1: {NOT_TEXT}"),
    "bad byte in the middle": (VIDUR.encode() + b"1,\xff,3\n", f"F:3: {NOT_TEXT}"),
    "zip": (b"PK\x03\x04rest", "F: a zip archive; give the plain file or gzip it"),
    "zstd": (b"\x28\xb5\x2f\xfdrest", "F: compressed with zstd; give the plain file or gzip it"),
    "truncated gzip": (
        gzip.compress(VIDUR.encode() * 50)[:-9],
        f"F: truncated or damaged gzip file ({STREAM}); fetch the file again",
    ),
    "not JSON": (
        MOONCAKE + '{"timestamp": 1,\n',
        f"F:2: not JSON (Expecting property name enclosed in double quotes at character 18); {MEND}",
    ),
    "JSON list": (MOONCAKE + "[1, 2]\n", f"F:2: [1, 2] is not a JSON object; {MEND}"),
    "JSON key twice": (
        MOONCAKE + '{"input_length": 5, "output_length": 1, "input_length": 6}',
        f"F:2: key 'input_length' is given twice; {MEND}",
    ),
    "JSON key twice, deep inside": (
        AIPERF + AIPERF.replace('"value": 9', '"value": 9, "value": 8'),
        f"F:2: key 'value' is given twice; {MEND}",
    ),
    "JSON document with a key twice": (
        '{"requests": [{"t": 0, "in": 1, "in": 2, "out": 2}]}',
        f"F:1: key 'in' is given twice; {MEND}",
    ),
    "true for a list of ids": (
        MOONCAKE.replace("[0, 3]", "true"),
        f"F:1: key hash_ids: True is not a list of block ids; {MEND}",
    ),
    "a number for a list of ids": (
        MOONCAKE.replace("[0, 3]", "7"),
        f"F:1: key hash_ids: 7 is not a list of block ids; {MEND}",
    ),
    "true among ids": (
        MOONCAKE.replace("[0, 3]", "[0, true]"),
        f"F:1: key hash_ids: True is neither a whole number nor a text, so no block id; {MEND}",
    ),
    "false among ids of text": (
        MOONCAKE.replace("[0, 3]", '["a", false]'),
        f"F:1: key hash_ids: False is neither a whole number nor a text, so no block id; {MEND}",
    ),
    "a list among ids": (
        MOONCAKE.replace("[0, 3]", "[[0], [3]]"),
        f"F:1: key hash_ids: [0] is neither a whole number nor a text, so no block id; {MEND}",
    ),
    "true for tokens": (MOONCAKE.replace("600", "true"), f"F:1: key input_length: True {WHOLE}"),
    "a list for tokens": (MOONCAKE.replace(": 4", ": [4]"), f"F:1: key output_length: [4] {WHOLE}"),
    "true for a time": (MOONCAKE.replace('p": 0', 'p": true'), f"F:1: key timestamp: True is not a number; {MEND}"),
    "true for a session": (
        '{"prompt_tokens": 5, "output_tokens": 3, "session_id": true}\n',
        f"F:1: key session_id: True is no name of a session; {MEND}",
    ),
    "true for a turn": (
        '{"prompt_tokens": 5, "output_tokens": 3, "session_id": 1, "turn": true}\n',
        f"F:1: key turn: True {WHOLE}",
    ),
    "true for a limit": (
        '{"prompt_tokens": 5, "output_tokens": 3, "max_tokens": true}\n',
        f"F:1: key max_tokens: True {WHOLE}",
    ),
    "true for a size of blocks": (
        '{"block_size": true, "requests": [{"t": 0, "in": 1, "out": 2}]}',
        f"F: block_size: True is not a whole number of tokens; {MEND}",
    ),
    "true for the time of a conversation": (
        nested({"t": True, "in": 70, "out": 2}),
        f"F: requests[1].requests[0].t: True is not a number; {MEND}",
    ),
    "columns of one name": ("prompt,output,prompt\n5,3,4\n", f"F:1: column prompt: columns 1 and 3 {TWINS} 3}}"),
    "columns of one name, spelt differently": (
        "# recorded\nPrompt Tokens,output_tokens,note,prompt_tokens\n5,3,x,4\n",
        f"F:2: column prompt_tokens: columns 1 and 4 {TWINS} 4}}",
    ),
    "unused columns of one name": ("prompt;output;x;X\n5;3;1;1\n", f"F:1: column X: columns 3 and 4 {TWINS} 4}}"),
    "JSON nested too deep": (MOONCAKE + '{"a": ' * 100_000 + "\n", f"F:2: not JSON (nested too deep); {MEND}"),
    "JSON thousands of digits": (
        MOONCAKE + f'{{"timestamp": {"9" * 5000}}}',
        f"F:2: not JSON (a number of thousands of digits); {MEND}",
    ),
    "JSON key missing": (
        MOONCAKE + '{"timestamp": 1, "input_length": 5}\n',
        f"F:2: key output_length: missing; {MEND}",
    ),
    "JSON text for a number": (
        MOONCAKE + '{"timestamp": 1, "input_length": "5", "output_length": 1}\n',
        f"F:2: key input_length: '5' {WHOLE}",
    ),
    "JSON boolean": (
        MOONCAKE + '{"timestamp": 1, "input_length": true, "output_length": 1}\n',
        f"F:2: key input_length: True {WHOLE}",
    ),
    "JSON nan time": (
        MOONCAKE + '{"timestamp": NaN, "input_length": 5, "output_length": 1}\n',
        f"F:2: key timestamp: nan is not a finite time; {MEND}",
    ),
    "JSON boolean time": (
        MOONCAKE + '{"timestamp": true, "input_length": 5, "output_length": 1}\n',
        f"F:2: key timestamp: True is not a number; {MEND}",
    ),
    "more ids than the prompt has blocks": (
        MOONCAKE + '{"timestamp": 1, "input_length": 512, "output_length": 1, "hash_ids": [1, 2]}\n',
        "F:2: key hash_ids: 2 ids for a prompt of 512 tokens, where blocks of 512 would have 1, and no other usual "
        "size fits all rows; say how many tokens an id stands for: block_size",
    ),
    "ids that are no list": (
        MOONCAKE + '{"timestamp": 1, "input_length": 5, "output_length": 1, "hash_ids": 7}\n',
        f"F:2: key hash_ids: 7 is not a list of block ids; {MEND}",
    ),
    "an id that is none": (
        MOONCAKE + '{"timestamp": 1, "input_length": 5, "output_length": 1, "hash_ids": [1.5]}\n',
        f"F:2: key hash_ids: 1.5 is neither a whole number nor a text, so no block id; {MEND}",
    ),
    "a truth value for an id": (
        MOONCAKE + '{"timestamp": 1, "input_length": 600, "output_length": 1, "hash_ids": ["a", true]}\n',
        f"F:2: key hash_ids: True is neither a whole number nor a text, so no block id; {MEND}",
    ),
    "arrival on some lines": (
        '{"prompt_tokens": 8, "output_tokens": 2}\n' + REQUEST,
        f"F:1: key arrival: missing; {MEND}",
    ),
    "arrival not on all lines": (
        REQUEST + '{"prompt_tokens": 8, "output_tokens": 2}\n',
        f"F:2: key arrival: missing; {MEND}",
    ),
    "an alias with text": (
        '{"prompt_tokens": 8, "output_tokens": 2}\n{"prompt_tokens": 8, "output_tokens": "many"}\n',
        f"F:2: key output_tokens: 'many' {WHOLE}",
    ),
    "text in place of its length": (
        '{"prompt_tokens": "What is the capital of Peru?", "output_tokens": 2}\n',
        f"F:1: key prompt_tokens: 'What is the capital of Peru?' is text, not a number of tokens; {COUNT}",
    ),
    "a file of text": ('{"prompt": "What is it?", "output_tokens": 2}\n', f"F: this is text ('prompt'), {COUNT_FIRST}"),
    "prose": ("What is the capital of Peru?\n", f"F: this is text, without numbers of tokens; {COUNT}"),
    "a sentence": ("Hello, tell me of Peru, please.\n", f"F: this is text, without numbers of tokens; {COUNT}"),
    "a file of conversations": (
        '[{"conversations": [{"from": "human"}]}]',
        f"F: this is text ('conversations'), {COUNT_FIRST}",
    ),
    "messages": ('{"messages": [{"role": "user"}], "max_tokens": 5}\n', f"F: this is text ('messages'), {COUNT_FIRST}"),
    "KV events": ('{"ts": 1, "events": []}\n', f"F: {EVENTS}"),
    "KV events in arrays": ("[1.0, [], 0]\n[2.0, [], 0]\n", f"F: {EVENTS}"),
    "two formats at once": (
        '{"input_length": 5, "output_length": 1, "timestamp": 0, "prompt_tokens": 5, "completion_tokens": 1}\n',
        "F: could be mooncake (for 'input_length') or requests (for 'prompt_tokens'); name one with `format`, or its "
        "columns with `columns`",
    ),
    "a block size in the file that changes": (
        '{"prompt_tokens": 8, "output_tokens": 2, "block_size": 4, "hash_ids": [1, 2]}\n'
        '{"prompt_tokens": 8, "output_tokens": 2, "block_size": 8, "hash_ids": [1]}\n',
        "F:2: key block_size: blocks of 8 tokens behind blocks of 4; give one size a file",
    ),
    "more ids than a stated block size allows": (
        '{"prompt_tokens": 8, "output_tokens": 2, "block_size": 8, "hash_ids": [1, 2]}\n',
        "F:1: key hash_ids: 2 blocks of 8 tokens are more than the prompt of 8 tokens; correct the row, or give "
        "another block_size",
    ),
    "a session that is no name": (
        REQUEST.replace("}", ', "session": [1]}'),
        f"F:1: key session: [1] is no name of a session; {MEND}",
    ),
    "a turn that is no number": (REQUEST.replace("}", ', "turn": "two"}'), f"F:1: key turn: 'two' {WHOLE}"),
    "a delay below zero": (REQUEST.replace("}", ', "delay": -1}'), f"F:1: key delay: -1 {NEGATIVE}"),
    "a limit that is no number": (REQUEST.replace("}", ', "max_tokens": 1.5}'), f"F:1: key max_tokens: 1.5 {WHOLE}"),
    "neither a time nor a delay": (
        MOONCAKE + '{"input_length": 5, "output_length": 1, "session_id": "a", "delay": null}\n',
        f"F:2: key timestamp: missing; {MEND}",
    ),
    "bailian chat without an id": (
        '{"chat_id": [], "parent_chat_id": -1, "timestamp": 1, "input_length": 5, "output_length": 1}\n',
        f"F: chat_id: [] is not the id of a chat; {MEND}",
    ),
    "bailian time": (
        '{"chat_id": 1, "parent_chat_id": -1, "timestamp": "x", "input_length": 5, "output_length": 1}\n',
        f"F: timestamp: 'x' is not a number; {MEND}",
    ),
    "aiperf length": (AIPERF.replace("550", '"5"'), f"F: metrics.input_sequence_length: '5' {WHOLE}"),
    "aiperf time": (AIPERF.replace("1760", "-1760"), f"F: metadata.request_start_ns: -1760000000000000000 {NEGATIVE}"),
    "guidellm sums": (
        '{"benchmarks": [{"requests": null}]}',
        "F: benchmarks[0].requests: the report holds sums only, no single requests; let guidellm keep them and write "
        "its JSON again",
    ),
    "guidellm without benchmarks": ('{"benchmarks": 5}', f"F: benchmarks: 5 is not a list of requests; {MEND}"),
    "guidellm value": (
        '{"benchmarks": [{"requests": {"successful": [{"prompt_tokens": 5, "output_tokens": "x"}]}}]}',
        f"F: benchmarks[0].requests.successful[0].output_tokens: 'x' {WHOLE}",
    ),
    "benchmark sums": (
        '{"completed": 1, "total_input_tokens": 5}',
        "F: the result holds sums only, no input_lens and output_lens; run the benchmark again with --save-detailed "
        "(vLLM) or --output-details (SGLang)",
    ),
    "benchmark lists of two lengths": (
        '{"input_lens": [1, 2], "output_lens": [1]}',
        "F: output_lens: 1 values for 2 input_lens; write the result again",
    ),
    "benchmark value": ('{"input_lens": [1, -2], "output_lens": [1, 1]}', f"F: [1].input_lens: -2 is negative; {MEND}"),
    "benchmark of two runs": (
        '{"input_lens": [1], "output_lens": [1]}\n' * 2,
        "F: line 2: a second run; leave one run in the file",
    ),
    "llmservingsim line": (
        '{"input_toks": 5, "output_toks": 1, "arrival_time_ns": 5}\n{"input_toks": 5, "arrival_time_ns": 5}\n',
        f"F:2: key output_toks: missing; {MEND}",
    ),
    "llmservingsim session": (
        '{"session_id": "s", "arrival_time_ns": 5, "sub_requests": [{"input_toks": 5, "output_toks": 1}, 7]}',
        f"F: sub_requests[1]: 7 is not a JSON object; {MEND}",
    ),
    "conversation without a list": ('{"requests": 5}', f"F: requests: 5 is not a list of requests; {MEND}"),
    "conversation entry": (nested(5), f"F: requests[1].requests[0]: 5 is not a JSON object; {MEND}"),
    "conversation value": (nested({"t": 0, "in": "x", "out": 1}), f"F: requests[1].requests[0].in: 'x' {WHOLE}"),
    "sub-agent without a start": (
        '{"requests": [{"type": "subagent", "requests": []}]}',
        f"F: requests[0].t: None is not a number; {MEND}",
    ),
    "conversation block size": (
        '{"block_size": 0, "requests": []}',
        f"F: block_size: 0 is not a whole number of tokens; {MEND}",
    ),
    "conversation that is empty": ('{"requests": []}', "F: no request; give a trace with at least one"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_trace_is_one_line(case: str, tmp_path: Path) -> None:
    content, expected = BAD[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(PagedSimError) as caught:
        read_trace(path)
    assert READ_AS.sub("", str(caught.value)) == expected.replace("F:", f"{path}:", 1)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "1,2\n", '{"a": 1}\n', '{\n "x": 1}\n'])
def test_unknown_format_names_the_ways_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t"
    path.write_text(text)
    first = text.split("\n")[0]
    with pytest.raises(PagedSimError) as caught:
        read_trace(path)
    assert str(caught.value) == (
        f"{path}: unknown trace format, its first line is {first!r}; say what is where (columns: {{prompt: NAME, "
        f"output: NAME, arrival: NAME}}), or name one of {', '.join(TRACE_FORMATS)} with `format`"
    )


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(
        PagedSimError, match=r"/gone\.csv: cannot be read \(No such file or directory\); check the path$"
    ):
        trace_info(tmp_path / "gone.csv")
    with pytest.raises(PagedSimError, match=r": cannot be read \(Is a directory\); check the path$"):
        read_trace(tmp_path)


def test_named_format_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(PagedSimError, match=r"^unknown trace format 'azur'; did you mean azure\?$"):
        read_trace(tmp_path / "x", "azur")
    with pytest.raises(PagedSimError, match=r"^unknown trace format 'q'; there are auto, azure, vidur,"):
        read_trace(tmp_path / "x", "q")


def test_named_format_that_the_file_is_not_in(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(VIDUR)
    named = (
        r"t\.csv:1: no column 'ContextTokens'; the first line names 'arrived_at'.* \(read as azure, as `format` says"
    )
    with pytest.raises(PagedSimError, match=named):
        read_trace(path, "azure")
    with pytest.raises(PagedSimError, match=r"t\.csv:1: no column 'input_length'"):
        read_trace(path, "mooncake")


def test_named_table_format_on_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(PagedSimError, match=r"t\.csv: empty file; give a trace with at least one request$"):
        read_trace(path, "azure")


def test_skip_past_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(VIDUR)
    with pytest.raises(PagedSimError, match=r"t\.csv: no request after the first 1,000; give a trace"):
        read_trace(path, skip=1000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "trace limit: 0 requests; give 1 or more"),
        ({"skip": -1}, "trace skip: -1 requests; give 0 or more"),
        ({"speedup": 0.0}, "trace speedup: 0.0; give a number above 0"),
        ({"speedup": float("nan")}, "trace speedup: nan; give a number above 0"),
    ],
)
def test_selection_out_of_range(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PagedSimError, match=message):
        read_trace(tmp_path / "x", **arguments)


def test_the_line_of_a_row_in_a_later_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK_ROWS", 3)
    path = tmp_path / "t.csv"
    path.write_text(VIDUR + "1,2,3\n" * 7 + "1,2,three\n")
    with pytest.raises(PagedSimError, match=r"t\.csv:10: column num_decode_tokens: 'three'"):
        read_trace(path)


TOLD = {
    "azure": (AZURE + "x,1,1\n", "for 'ContextTokens' and 'GeneratedTokens'"),
    "vidur": (VIDUR + "x,1,1\n", "for 'num_prefill_tokens' and 'num_decode_tokens'"),
    "burstgpt": (BURST + "x,m,1,1,2,l\n", "for 'Request tokens' and 'Response tokens'"),
    "llmservingsim": (TSV + "x\t1\t1\n", "for 'input_toks' and 'output_toks'"),
    "mooncake": (MOONCAKE + "{}\n", "for 'input_length' and 'output_length'"),
    "requests": (REQUEST + "{}\n", "for 'prompt_tokens' and 'output_tokens'"),
    "aiperf": (AIPERF + "{}\n", "for 'metadata.request_start_ns' and 'metrics.input_sequence_length'"),
    "kv-cache-tester": (nested(5), "for 'requests'"),
    "guidellm": ('{"benchmarks": 5}', "for 'benchmarks'"),
    "benchmark": ('{"input_lens": 5, "output_lens": 5}', "for 'input_lens' and 'output_lens'"),
    "bailian": ('{"chat_id": [], "parent_chat_id": 5}', "for 'parent_chat_id' and 'chat_id'"),
}


def test_every_mistake_names_the_format_that_was_assumed_and_why(tmp_path: Path) -> None:
    assert set(TOLD) == set(TRACE_FORMATS)
    for name, (text, why) in TOLD.items():
        path = tmp_path / "t"
        path.write_text(text)
        with pytest.raises(PagedSimError) as caught:
            read_trace(path)
        assert str(caught.value).endswith(f" (read as {name}, {why})")


@settings(max_examples=300)
@given(
    start=st.sampled_from(
        [AZURE, VIDUR, BURST, TSV, MOONCAKE, REQUEST, nested({"t": 0, "in": 1, "out": 1}), AIPERF, *SAMPLES, ""]
    ),
    junk=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)),
    where=st.integers(0, 200),
)
def test_any_damage_is_one_line_or_reads(
    tmp_path_factory: pytest.TempPathFactory, start: str, junk: bytes, where: int
) -> None:
    path = tmp_path_factory.mktemp("junk") / "t"
    content = start.encode()
    path.write_bytes(content[:where] + junk + content[where:])
    try:
        info = trace_info(path)
    except PagedSimError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(str(path))
    else:
        assert info.requests >= 1
