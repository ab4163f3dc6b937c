"""Where two operation logs part: properties over random logs, and the words for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.oplog.diff import LogDiff, Parting, diff_logs
from paged_sim.oplog.digest import digest_of_records
from paged_sim.oplog.records import Record
from paged_sim.oplog.write import write_log
from paged_sim.reports.block_ids import block_ids
from paged_sim.reports.blocks import Screen
from paged_sim.reports.listing import LISTING_FORMATS
from paged_sim.reports.ops_difference import describe_difference

blocks = st.lists(st.integers(0, 50), min_size=1, max_size=6).map(tuple)
logs = st.lists(
    st.builds(Record, st.integers(0, 9), st.sampled_from("ATF"), blocks, st.none() | st.integers(0, 5)), min_size=1
).map(lambda found: sorted(found, key=lambda record: record.step))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def compared(folder: Path, first: list[Record], second: list[Record], context: int = 3) -> LogDiff:
    write_log(folder / "a", first)
    write_log(folder / "b.gz", second)
    diff = diff_logs(folder / "a", folder / "b.gz", context)
    assert [side.digest for side in diff.sides] == [digest_of_records(first), digest_of_records(second)]
    return diff


def text_of(diff: LogDiff, shape: str = "table") -> str:
    return LISTING_FORMATS[shape](describe_difference(diff), Screen())


@settings(max_examples=50)
@given(log=logs)
def test_a_log_is_the_same_as_itself_without_requests(folder: Path, log: list[Record]) -> None:
    diff = compared(folder, log, [record._replace(request=None) for record in log])
    assert diff.parting is None
    assert [side.after for side in diff.sides] == [(), ()]
    assert diff.sides[0].has_requests == any(record.request is not None for record in log)
    assert "The logs are the same" in text_of(diff)


@settings(max_examples=50)
@given(log=logs, data=st.data(), context=st.integers(0, 3))
def test_one_changed_block_is_found(folder: Path, log: list[Record], data: st.DataObject, context: int) -> None:
    index = data.draw(st.integers(0, len(log) - 1))
    at = data.draw(st.integers(0, len(log[index].blocks) - 1))
    changed = [*log[index].blocks[:at], 99, *log[index].blocks[at + 1 :]]
    other = [*log[:index], log[index]._replace(blocks=changed), *log[index + 1 :]]
    diff = compared(folder, log, other, context)
    assert diff.parting == Parting(index + 1, log[index].step, at, (log[index].blocks[at], 99))
    assert [line.record() for line in diff.before] == log[max(index - context, 0) : index]
    assert [line.record() for line in diff.sides[0].after] == log[index : index + context + 1]
    assert f"step {log[index].step}, operation {index + 1}, block {at + 1}\n" in text_of(diff)
    assert "[99]" in text_of(diff)


@settings(max_examples=50)
@given(log=logs, data=st.data())
def test_a_log_that_is_cut_short(folder: Path, log: list[Record], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(log) - 1))
    diff = compared(folder, log, log[:kept])
    assert diff.parting == Parting(kept + 1, log[kept].step, None, (log[kept].blocks[0], None))
    assert diff.sides[1].after == ()
    assert f"B ends after {kept} operations; A goes on" in " ".join(text_of(diff).split())
    mirrored = compared(folder, log[:kept], log)
    assert mirrored.parting == Parting(kept + 1, log[kept].step, None, (None, log[kept].blocks[0]))


@settings(max_examples=50)
@given(first=logs, second=logs)
def test_the_parting_is_that_of_lists(folder: Path, first: list[Record], second: list[Record]) -> None:
    diff = compared(folder, first, second)
    keys = [[(record.step, record.kind, tuple(record.blocks)) for record in log] for log in (first, second)]
    pairs = [a == b for a, b in zip(*keys, strict=False)]
    expected = pairs.index(False) + 1 if False in pairs else len(pairs) + 1
    found = expected if keys[0] == keys[1] else diff.parting and diff.parting.operation
    assert found == expected
    assert (diff.parting is None) == (keys[0] == keys[1])


ONE = Record(4, "A", [7, 8, 9], 2)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            [ONE],
            [Record(4, "A", [7, 8, 1], 3)],
            "Both allocate blocks at step 4 (line 1 of A, 1 of B). After 2 equal blocks, the next is another: A has "
            "block 9, B has block 1. Involved: request 2 in A, request 3 in B.",
        ),
        (
            [ONE],
            [Record(4, "A", [7])],
            "After one equal block, the next is another: A has block 8, B has no more. Involved: request 2 in A. B "
            "carries no requests.",
        ),
        (
            [ONE],
            [Record(4, "T", [7])],
            "A allocates block 7 first at step 4 (line 1); B touches block 7 at step 4 (line 1). Involved",
        ),
        (
            [Record(2, "F", [])],
            [Record(5, "F", [3])],
            "A frees no block at step 2 (line 1); B frees block 3 at step 5 (line 1). Neither log carries requests.",
        ),
        (
            [Record(2, "F", [3]), ONE],
            [Record(2, "F", [4])],
            "A has block 3, B has block 4. No request is given there. B carries no requests.",
        ),
        ([], [ONE], "A ends after 0 operations; B goes on: allocates block 7 first at step 4 (line 1). Involved: req"),
    ],
)
def test_the_words(folder: Path, first: list[Record], second: list[Record], sentence: str) -> None:
    assert sentence in " ".join(text_of(compared(folder, first, second)).split())


def test_logs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name / "log", [ONE])
    found = diff_logs(tmp_path / "x" / "log", tmp_path / "y" / "log")
    assert f"A  {tmp_path / 'x' / 'log'}: 1 operations, with requests" in text_of(found, "markdown")


def test_a_mistake_behind_the_parting_is_found(tmp_path: Path) -> None:
    write_log(tmp_path / "a", [ONE])
    (tmp_path / "b").write_text('[0,"A",[1]]\n[0,"A"]\n')
    with pytest.raises(PagedSimError, match="b:2: "):
        diff_logs(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("ids", "marked", "text"),
    [
        ([], None, "none"),
        ([], 0, "none"),
        ([5], 0, "[5]"),
        ([1, 2, 3], None, "1-3"),
        ([1, 2], None, "1 2"),
        ([9, 8, 7, 5], None, "9-7 5"),
        ([1, 2, 3, 4, 5, 6, 7], 3, "1-3 [4] 5-7"),
        ([1, 2, 3, 3, 3], None, "1-3 3 3"),
        ([2, 1, 2, 3], None, "2 1-3"),
        (list(range(0, 40, 2)), None, "0 2 4 6 8 10 12 14 (12).."),
        (list(range(0, 40, 2)), 10, "..(6) 12 14 16 18 [20] 22 24 26 (6).."),
        (list(range(0, 40, 2)), 19, "..(12) 24 26 28 30 32 34 36 [38]"),
        ([1, 2], 5, "1 2"),
        (list(range(0, 40, 2)), 20, "..(12) 24 26 28 30 32 34 36 38"),
    ],
)
def test_block_ids_on_little_room(ids: list[int], marked: int | None, text: str) -> None:
    assert block_ids(ids, marked) == text
