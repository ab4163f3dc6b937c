"""Recorded KV events: the ways they are written down, what is refused, and what the cache held."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from paged_sim.errors import PagedSimError
from paged_sim.oplog.kv_events import Batch, Event, read_events
from paged_sim.oplog.occupancy import Contradiction, Replay
from paged_sim.oplog.replay import replay_log

ROOT = Path(__file__).parent
FORMS = ROOT / "data" / "oplog"
EXAMPLE = ROOT.parent / "docs" / "examples" / "kv-events.jsonl"
MEND = "correct the line, or record the log again"
SHAPE = "a line is a batch with `ts` and `events`, or one event with its `type`"
KNOWN = "there are BlockStored, BlockRemoved, AllBlocksCleared"


def saved(folder: Path, *lines: object) -> Path:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def stored(*hashes: object, **more: object) -> dict[str, object]:
    return {"type": "BlockStored", "block_hashes": hashes, **more}


def removed(*hashes: object, **more: object) -> dict[str, object]:
    return {"type": "BlockRemoved", "block_hashes": hashes, **more}


@pytest.mark.parametrize("path", [EXAMPLE, FORMS / "batch_arrays.jsonl", FORMS / "event_objects.jsonl"], ids=str)
def test_all_ways_with_times_give_the_same(path: Path) -> None:
    replay = replay_log(path)
    assert (replay.format, replay.axis, replay.length, replay.in_use) == ("KV events", "second", 4.0, None)
    assert replay.cached.level() == (4.25, 5, 0.5, 0)
    assert {name: replay.counts[name] for name in ("stored", "evicted", "cleared")} == {
        "stored": 5,
        "evicted": 1,
        "cleared": 4,
    }
    assert [each[1:] for each in replay.contradictions.first] == [(2.0, 31, "is removed, but is not stored")]


def test_events_without_times_count_by_line() -> None:
    replay = replay_log(FORMS / "event_arrays.jsonl")
    assert (replay.axis, replay.origin, replay.length) == ("line", 1, 5)
    assert replay.cached.level() == ((3 + 5 + 4 + 4 + 0) / 5, 5, 1, 0)
    assert replay.contradictions.first == [Contradiction(4, 4, "0b31", "is removed, but is not stored")]


def test_fields_are_found_in_objects_and_arrays(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        {"events": [stored(1, "a", medium="CPU", group_idx=2, later=True)], "more": 1},
        [5, [["BlockStored", [1], None, [], 16, None, "GPU", None, None, 3], ["BlockRemoved", [1], None, 3]], 1],
        ["BlockRemoved", ["a"], "CPU"],
    )
    assert list(read_events(path)) == [
        Batch(1, None, 0, (Event("BlockStored", (1, "a"), "CPU", 2),)),
        Batch(2, 5.0, 1, (Event("BlockStored", (1,), "GPU", 3), Event("BlockRemoved", (1,), None, 3))),
        Batch(3, None, 0, (Event("BlockRemoved", ("a",), "CPU"),)),
    ]


def replayed(folder: Path, *lines: object) -> Replay:
    return replay_log(saved(folder, *lines))


def test_equal_blocks_count_each(tmp_path: Path) -> None:
    replay = replayed(tmp_path, stored(1, 1), removed(1), removed(1), removed(1))
    assert replay.cached.level() == (3 / 4, 2, 0, 0)
    assert replay.contradictions.number == 1
    assert "Blocks stored while their hash was: 1; each counts as a block of its own." in replay.notes


def test_clearing_takes_equal_blocks_out_as_well(tmp_path: Path) -> None:
    replay = replayed(tmp_path, stored(1, 1, 2), ["AllBlocksCleared"])
    assert (replay.counts["cleared"], replay.cached.level().end) == (3, 0)


def test_ranks_and_groups_are_caches_of_their_own(tmp_path: Path) -> None:
    replay = replayed(
        tmp_path,
        {"ts": 1, "events": [stored(1, group_idx=0), stored(1, group_idx=1)], "data_parallel_rank": 0},
        {"ts": 2, "events": [stored(1, 2)], "data_parallel_rank": 1},
        {"ts": 3, "events": [{"type": "AllBlocksCleared"}], "data_parallel_rank": 0},
    )
    assert replay.cached.level() == ((2 + 4) / 2, 4, 1, 2)
    assert replay.counts["cleared"] == 2
    assert "Blocks of 2 data-parallel ranks are counted together." in replay.notes


def test_other_media_are_left_out(tmp_path: Path) -> None:
    replay = replayed(tmp_path, stored(1, medium="GPU"), stored(1, 2, medium="CPU"), removed(1, 2, 3, medium="CPU"))
    assert replay.counts["stored"] == replay.cached.level().end == 1
    assert replay.contradictions.number == 0
    assert "Blocks on CPU, left out: 5." in replay.notes


def test_a_time_that_is_set_back_is_the_one_before(tmp_path: Path) -> None:
    replay = replayed(tmp_path, stored(1, ts=50), stored(2, ts=53), stored(3, ts=51), stored(4), stored(5, ts=54))
    assert replay.length == 4
    assert replay.cached.level() == ((3 * 1 + 1 * 4) / 4, 5, 4, 5)
    assert "Batches with an earlier time than the one before, taken as simultaneous: 1." in replay.notes


def test_a_recording_of_one_moment_has_no_mean(tmp_path: Path) -> None:
    assert replayed(tmp_path, stored(1, 2, ts=7)).cached.level() == (None, 2, 0, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"type": "BlockMoved"}, f'unknown type of event "BlockMoved"; {KNOWN}'),
        (["BlockMoved", [1]], f'unknown type of event "BlockMoved"; {KNOWN}'),
        ({"ts": 0, "events": [["A"]]}, f'unknown type of event "A"; {KNOWN}'),
        ({"ts": 0, "events": [{"kind": 3}]}, f"unknown type of event null; {KNOWN}"),
        ({"ts": 0, "events": [[["BlockStored"], []]]}, f'unknown type of event ["BlockStored"]; {KNOWN}'),
        ({"ts": 0, "events": 5}, f"events: 5 is not a list; {SHAPE}"),
        ({"ts": 0, "events": [5]}, f"5 is no KV event; {SHAPE}"),
        ({"ts": 0, "events": [[]]}, f"[] is no KV event; {SHAPE}"),
        ({"ts": 0}, f'{{"ts": 0}} is no KV event; {SHAPE}'),
        ([0, "A", [1]], f'[0, "A", [1]] is no KV event; {SHAPE}'),
        (7, f"7 is no KV event; {SHAPE}"),
        ({"ts": "now", "events": []}, f'ts "now" is not a time in seconds; {MEND}'),
        ([float("nan"), []], f"ts NaN is not a time in seconds; {MEND}"),
        ([True, []], f"ts true is not a time in seconds; {MEND}"),
        ([0, [], "x"], f'data_parallel_rank "x" is not a whole number; {MEND}'),
        (stored(None), f"BlockStored: block hash null is neither a whole number nor a text; {MEND}"),
        (removed(True), f"BlockRemoved: block hash true is neither a whole number nor a text; {MEND}"),
        ({"type": "BlockStored"}, f"BlockStored: block_hashes null is not a list; {MEND}"),
        (["BlockRemoved"], f"BlockRemoved: block_hashes null is not a list; {MEND}"),
        (stored(1, medium=3), f"BlockStored: medium 3 is not a name; {MEND}"),
        (stored(1, group_idx="0"), f'group_idx "0" is not a whole number; {MEND}'),
    ],
)
def test_what_is_no_event_is_one_line(line: object, message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, ["AllBlocksCleared"], line)
    with pytest.raises(PagedSimError) as caught:
        list(read_events(path))
    assert str(caught.value) == f"{path}:2: {message}"


def test_times_and_ranks_by_their_other_names(tmp_path: Path) -> None:
    """2 blocks for 9 of 10 seconds, none for the last one."""
    path = saved(
        tmp_path,
        {"batch_ts": 100.0, "attn_dp_rank": 1, "events": [stored(1, 2, medium="GPU")]},
        {"batch_ts": 109.0, "attn_dp_rank": 1, "events": [removed(1, 2, medium="GPU")]},
        {"batch_ts": 110.0, "attn_dp_rank": 1, "events": [stored(3, medium="GPU")]},
    )
    assert [(batch.time, batch.rank) for batch in read_events(path)] == [(100.0, 1), (109.0, 1), (110.0, 1)]
    replay = replay_log(path)
    assert (replay.axis, replay.length, replay.cached.level()) == ("second", 10.0, (1.8, 2, 0, 1))


def test_ranks_one_after_the_other_are_merged_by_time(tmp_path: Path) -> None:
    """2 blocks for half a second, 4 for one and a half, then 5 for one, of two ranks."""
    lines = [
        [10.0, [["BlockStored", [1, 2], None, [], 16, None, "GPU"]], 0],
        [12.0, [["BlockStored", [3], 2, [], 16, None, "GPU"]], 0],
        [10.5, [["BlockStored", [1, 2], None, [], 16, None, "GPU"]], 1],
        [13.0, [["BlockRemoved", [2], "GPU"]], 1],
    ]
    replay = replay_log(saved(tmp_path, *lines))
    assert replay.cached.level() == ((2 * 0.5 + 4 * 1.5 + 5 * 1) / 3, 5, 2.0, 4)
    assert not any("set back" in note or "earlier time" in note for note in replay.notes)
    assert replay.cached.level() == replay_log(saved(tmp_path, *(lines[at] for at in (0, 2, 1, 3)))).cached.level()


def trtllm(number: int, **data: object) -> dict[str, object]:
    return {"event_id": number, "data": data, "window_size": 2048}


def test_events_of_tensorrt_llm(tmp_path: Path) -> None:
    """A block that moves to the host's memory leaves the GPU, and its removal there is none here."""
    block = {"type": "stored_block", "tokens": [], "cache_level": 0, "priority": 35}
    path = saved(
        tmp_path,
        trtllm(0, type="created", num_blocks_per_cache_level=[10, 5]),
        [trtllm(1, type="stored", parent_hash=None, blocks=[{**block, "block_hash": each} for each in (7, 2**63)])],
        trtllm(2, type="updated", block_hash=7, cache_level={"type": "event_diff", "new_value": 1, "old_value": 0}),
        trtllm(3, type="updated", block_hash=2**63, priority={"type": "event_diff", "new_value": 1, "old_value": 0}),
        trtllm(4, type="removed", block_hashes=[7]),
        trtllm(5, type="removed", block_hashes=[2**63]),
    )
    replay = replay_log(path)
    assert (replay.axis, replay.cached.level()) == ("line", ((0 + 2 + 1 + 1 + 1 + 0) / 6, 2, 1, 0))
    assert {name: replay.counts[name] for name in ("stored", "evicted")} == {"stored": 2, "evicted": 2}
    assert replay.contradictions.first == []
    assert any("cache level 1" in note for note in replay.notes)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (trtllm(1, type="moved"), ':1: unknown type of event "moved"; there are created, stored, removed, updated'),
        (trtllm(1, type="stored"), f":1: stored: blocks null is not a list; {MEND}"),
        (trtllm(1, type="removed", block_hashes=[1.5]), ":1: block_hash 1.5 is neither a whole number nor a text; "),
        (trtllm(1, type="stored", blocks=[7]), ":1: block_hash null is neither a whole number nor a text; "),
        (
            trtllm(1, type="updated", block_hash=7, cache_level={"new_value": 1}),
            f":1: cache_level null is not a whole number; {MEND}",
        ),
    ],
)
def test_bad_events_of_tensorrt_llm(tmp_path: Path, event: object, message: str) -> None:
    with pytest.raises(PagedSimError, match=re.escape(message)):
        replay_log(saved(tmp_path, event))
