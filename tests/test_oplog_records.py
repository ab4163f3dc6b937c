"""Operation logs: lines read, checked and written; digests; what is wrong with a line is one line."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.oplog.digest import digest_of_log, digest_of_records
from paged_sim.oplog.lines import shown
from paged_sim.oplog.records import KINDS, LogLine, Record, read_log, read_records
from paged_sim.oplog.write import open_log, write_log

RECORDED = Path(__file__).parent / "data" / "vllm_parity"
FIRST = '[0,"A",[1,2]]\n'
FORM = 'a line is [step,"A"|"T"|"F",[block ids]], or has the request\'s number as a fourth element'
MEND = "correct the line, or record the log again"
KNOWN = 'there are "A" (allocated), "T" (touched), "F" (freed)'

numbers = st.integers(0, 10**9) | st.sampled_from([0, 10**17, 10**18, 2**63 - 1])
records = st.lists(
    st.builds(Record, numbers, st.sampled_from(list(KINDS)), st.lists(numbers).map(tuple), st.none() | numbers)
).map(lambda found: sorted(found, key=lambda record: record.step))


def saved(folder: Path, content: str | bytes, name: str = "F") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(PagedSimError) as caught:
        list(read_log(path))
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(path), "F")


@given(records, st.booleans(), st.sampled_from(["log.jsonl", "log.jsonl.gz"]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, given: list[Record], requests: bool, name: str
) -> None:
    path = tmp_path_factory.mktemp("log") / name
    digest = write_log(path, given, requests=requests)
    assert list(read_records(path)) == [record if requests else record._replace(request=None) for record in given]
    lines = "".join(json.dumps([step, kind, blocks], separators=(",", ":")) + "\n" for step, kind, blocks, _ in given)
    assert digest == (len(given), hashlib.sha256(lines.encode()).hexdigest())
    assert digest == digest_of_log(path) == digest_of_records(given)


@given(records)
def test_any_json_of_the_same_operations_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, given: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    spaced = "\r\n\n".join(json.dumps(list(record)) for record in given)
    path = saved(folder, b"\xef\xbb\xbf" + spaced.encode())
    assert list(read_records(path)) == given
    assert digest_of_log(path) == write_log(folder / "compact", given)


@pytest.mark.parametrize(
    ("name", "lines", "sha256"),
    [
        ("plain_off", 10045, "1e6fcc3b8f35d7b243236211dd0804169c3b922b29fad9ef6bc593cc207ad05c"),
        ("wholly_cached_tight", 6280, "c5f9bfef10d98fc3c2b9d3908d385855604beb8033ea31f67821391f046f430b"),
    ],
)
def test_recorded_logs_have_their_recorded_digest(name: str, lines: int, sha256: str, tmp_path: Path) -> None:
    path = RECORDED / f"{name}.ops.jsonl.gz"
    assert digest_of_log(path) == (lines, sha256)
    assert write_log(tmp_path / "again", read_records(path)) == (lines, sha256)
    assert (tmp_path / "again").read_bytes() == gzip.decompress(path.read_bytes())


def test_the_place_of_a_line_counts_blank_ones(tmp_path: Path) -> None:
    path = saved(tmp_path, '\n[3,"A",[5,4]]\n  \n[3, "F", [], 7]')
    assert list(read_log(path)) == [
        LogLine(2, 3, b'[3,"A",[5,4]]\n', None),
        LogLine(4, 3, b'[3,"F",[]]\n', 7),
    ]
    assert [line.blocks for line in read_log(path)] == [(5, 4), ()]


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert digest_of_log(saved(tmp_path, FIRST.rstrip())) == (1, hashlib.sha256(FIRST.encode()).hexdigest())


def test_logs_with_and_without_requests_mix(tmp_path: Path) -> None:
    path = saved(tmp_path, '[0,"A",[1],3]\n[0,"A",[2]]\n[1,"T",[1],null]\n[1,"F",[2],0]')
    assert [record.request for record in read_records(path)] == [3, None, None, 0]


BAD: dict[str, tuple[str | bytes, str]] = {
    "no JSON": (FIRST + '[0,"A",[1\n', f"F:2: not JSON (Expecting ',' delimiter at character 11); {MEND}"),
    "two values": (FIRST + "1 2\n", f"F:2: not JSON (Extra data at character 3); {MEND}"),
    "object": (FIRST + '{"step":1}\n', f'F:2: {{"step": 1}} is no operation; {FORM}'),
    "number": ("7\n", f"F:1: 7 is no operation; {FORM}"),
    "two elements": ('[0,"A"]\n', f'F:1: [0, "A"] is no operation; {FORM}'),
    "five elements": ('[0,"A",[1],2,3]\n', f'F:1: [0, "A", [1], 2, 3] is no operation; {FORM}'),
    "unknown kind": (FIRST + '[0,"B",[1]]\n', f'F:2: "B" is no kind of operation; {KNOWN}'),
    "kind in lower case": ('[0,"a",[1]]\n', f'F:1: "a" is no kind of operation; {KNOWN}'),
    "kind a list": ('[0,["A"],[1]]\n', f'F:1: ["A"] is no kind of operation; {KNOWN}'),
    "blocks a number": ('[0,"A",1]\n', f"F:1: 1 is no list of block ids; {FORM}"),
    "negative step": ('[-1,"A",[1]]\n', f"F:1: step -1 is negative; {MEND}"),
    "negative block": ('[0,"A",[1,-3]]\n', f"F:1: block -3 is negative; {MEND}"),
    "negative request": ('[0,"A",[1],-3]\n', f"F:1: request -3 is negative; {MEND}"),
    "fraction of a step": ('[0.5,"A",[1]]\n', f"F:1: step 0.5 is not a whole number; {MEND}"),
    "truth as a step": ('[true,"A",[1]]\n', f"F:1: step true is not a whole number; {MEND}"),
    "text as a block": ('[0,"F",["1"]]\n', f'F:1: block "1" is not a whole number; {MEND}'),
    "text as a request": ('[0,"F",[1],"cmpl-1"]\n', f'F:1: request "cmpl-1" is not a whole number; {MEND}'),
    "65 bits": (f'[0,"A",[{2**63}]]\n', f"F:1: block {2**63} is more than {2**63 - 1}; {MEND}"),
    "thousands of digits": (f'[{"9" * 5000},"A",[1]]\n', f"F:1: not JSON (a number of thousands of digits); {MEND}"),
    "leading zero": ('[00,"A",[1]]\n', f"F:1: not JSON (Expecting ',' delimiter at character 3); {MEND}"),
    "falling step": ('[4,"A",[1]]\n[3,"F",[1]]\n', "F:2: step 3 after step 4; steps never fall within a log"),
    "nested too deep": ("[" * 200_000 + "\n", f"F:1: not JSON (nested too deep); {MEND}"),
    "not UTF-8": (b'[0,"\xff",[1]]\n', "F:1: not UTF-8 text; a log is JSON lines, plain or gzipped"),
    "long value": (f'["{"x" * 99}"]', f'F:1: ["{"x" * 42}...] is no operation; {FORM}'),
    "zip": (b"PK\x03\x04rest", "F: a zip archive; give the plain file or gzip it"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_line_is_one_line(content: str | bytes, message: str, tmp_path: Path) -> None:
    assert complaint(saved(tmp_path, content)) == message


def test_a_truncated_gzip_file_names_the_line(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(5000).hex().join(['[0,"A",[1', "]]\n"]).encode())
    path = saved(tmp_path, gzip.compress((FIRST * 5).encode()) + whole[: len(whole) // 2])
    assert complaint(path).startswith("F:6: truncated or damaged gzip file (Compressed file ended")


def test_a_missing_log(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none") == "F: cannot be read (No such file or directory); check the path"


def test_what_is_nested_too_deep_to_be_shown() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert shown(value) == "a deeply nested value"


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",0123456789ATF-.e \n', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = saved(tmp_path_factory.mktemp("log"), content)
    try:
        found = list(read_records(path))
    except PagedSimError as error:
        assert "\n" not in str(error).replace(str(path), "")
    else:
        assert all(record.kind in KINDS for record in found)


def test_the_same_operations_give_the_same_bytes(tmp_path: Path) -> None:
    given = [Record(0, "A", [1, 2], 5), Record(3, "F", [2, 1])]
    for name in ("a.gz", "b.gz"):
        write_log(tmp_path / name, given)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b'[0,"A",[1,2],5]\n[3,"F",[2,1]]\n'


@pytest.mark.parametrize("name", ["log", "log.gz"])
def test_an_interrupted_log_leaves_the_old_one(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, "old", name)
    with pytest.raises(KeyboardInterrupt), open_log(path) as log:
        log.add(Record(0, "A", [1]))
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PagedSimError, match="cannot be written: No such file or directory") as caught:
        write_log(tmp_path / "none" / "log", [])
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("wrong", [(Record(1, "X", [1]),), (Record(2, "A", [1]), Record(1, "F", [1]))])
def test_a_broken_promise_of_the_caller_is_an_assertion(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        write_log(tmp_path / "log", wrong)
    assert list(tmp_path.iterdir()) == []
