"""Replaying operations: references against a plain model, levels over time, contradictions with their place."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.oplog.levels import BINS, Bin, Level, Levels
from paged_sim.oplog.occupancy import MOST_KEPT, Replay
from paged_sim.oplog.records import Record
from paged_sim.oplog.replay import replay_log
from paged_sim.oplog.write import write_log

RECORDED = Path(__file__).parent / "data" / "vllm_parity"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def replayed(folder: Path, records: list[Record]) -> Replay:
    write_log(folder / "log", records)
    return replay_log(folder / "log")


def level_of(levels: Levels | None) -> Level:
    assert levels is not None
    return levels.level()


@pytest.mark.parametrize(
    ("name", "steps", "peak", "mean", "engine"),
    [
        ("plain_off", 7942, 599, 510.448375724, 510.390582),
        ("wholly_cached_tight", 4323, 59, 56.681933842, 56.639602),
    ],
)
def test_a_recorded_engine(name: str, steps: int, peak: int, mean: float, engine: float) -> None:
    """The engine's own mean reads preemptions that nothing is allocated after; docs/ops.md says by how much."""
    replay = replay_log(RECORDED / f"{name}.ops.jsonl.gz")
    level = level_of(replay.in_use)
    assert (replay.axis, replay.origin, replay.length, replay.contradictions.number) == ("step", 0, steps, 0)
    assert (level.peak, level.end) == (peak, 0)
    assert level.mean == pytest.approx(mean, rel=1e-10)
    assert level.mean == pytest.approx(engine, rel=0.00075)
    assert replay.counts["freed"] == replay.counts["allocated"] + replay.counts["touched"]


def test_sharing_done_by_hand(folder: Path) -> None:
    replay = replayed(
        folder,
        [
            Record(10, "A", [1, 2, 3]),
            Record(10, "T", [1, 2]),
            Record(11, "F", [3, 2, 1]),
            Record(14, "F", [2, 1]),
            Record(15, "T", [1]),
            Record(15, "A", [2, 3]),
            Record(16, "F", [3, 2, 1]),
        ],
    )
    assert replay.counts == {"lines": 7, "allocated": 5, "touched": 3, "freed": 8, "evicted": 1}
    in_use, cached = level_of(replay.in_use), level_of(replay.cached)
    # Steps 10 to 16, each read before what is freed at its end: 3, 3, 2, 2, 2, 3, 3.
    assert in_use == (18 / 7, 3, 0, 0)
    # Blocks 1 and 2 lie idle between steps 14 and 15, block 1 from step 16 on; block 2 is evicted at step 15.
    assert cached == (0, 2, 4, 1)
    assert replay.notes
    assert (replay.origin, replay.length) == (10, 7)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([Record(0, "A", [4]), Record(2, "A", [4])], (2, 2, 4, "is allocated while it is held (1 reference)")),
        (
            [Record(0, "A", [4]), Record(2, "T", [4]), Record(2, "A", [4])],
            (3, 2, 4, "is allocated while it is held (2 references)"),
        ),
        ([Record(0, "A", [4, 4])], (1, 0, 4, "is allocated while it is held (1 reference)")),
        ([Record(3, "F", [5])], (1, 3, 5, "is freed, but was never allocated")),
        ([Record(0, "A", [5]), Record(3, "F", [5, 5])], (2, 3, 5, "is freed while nobody holds it")),
        ([Record(3, "T", [5])], (1, 3, 5, "is touched, but was never allocated")),
    ],
)
def test_a_contradiction_has_a_place(folder: Path, records: list[Record], found: tuple[int, int, int, str]) -> None:
    wrong = replayed(folder, records).contradictions
    assert (wrong.number, wrong.first) == (1, [found])


def test_after_a_contradiction_the_log_is_believed(folder: Path) -> None:
    replay = replayed(folder, [Record(0, "T", [5]), Record(1, "A", [5]), Record(2, "F", [5])])
    assert replay.contradictions.number == 2
    assert level_of(replay.in_use) == (1, 1, 0, 0)


def test_only_the_first_contradictions_are_kept(folder: Path) -> None:
    wrong = replayed(folder, [Record(0, "F", range(3 * MOST_KEPT))]).contradictions
    assert (wrong.number, len(wrong.first)) == (3 * MOST_KEPT, MOST_KEPT)


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n \n")
    with pytest.raises(PagedSimError, match="log: empty file; give a log with at least one operation or event"):
        replay_log(tmp_path / "log")


@given(data=st.data())
def test_a_true_log_against_a_model(folder: Path, data: st.DataObject) -> None:
    """Random operations that are possible: no contradiction, and readings as a list per step gives them."""
    references: Counter[int] = Counter()
    known: set[int] = set()
    records: list[Record] = []
    readings: list[int] = []
    peak = step = 0
    for _ in range(data.draw(st.integers(1, 12))):
        gap = data.draw(st.integers(0, 3))
        held = sum(count > 0 for count in references.values())
        if records:
            step += gap
            readings.extend([held] * (step + 1 - len(readings)))
        else:
            readings.append(0)
        kind = data.draw(st.sampled_from("ATF"))
        candidates = {
            "A": [block for block in range(8) if not references[block]],
            "T": sorted(known),
            "F": [block for block in range(8) if references[block]],
        }[kind]
        blocks = data.draw(st.lists(st.sampled_from(candidates), unique=True)) if candidates else []
        references.update(dict.fromkeys(blocks, -1 if kind == "F" else 1))
        known.update(blocks)
        records.append(Record(step, kind, blocks))
        held = sum(count > 0 for count in references.values())
        peak = max(peak, held)
        if kind != "F":
            readings[step] = held
    replay = replayed(folder, records)
    level = level_of(replay.in_use)
    assert replay.contradictions.number == 0
    assert replay.length == len(readings)
    assert level.mean == pytest.approx(sum(readings) / len(readings))
    assert (level.peak, level.end) == (peak, held)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9)), min_size=1, max_size=30))
def test_levels_are_exact_however_long(stretches: list[tuple[int, int]]) -> None:
    levels = Levels()
    at = area = 0
    for length, level in stretches:
        levels.hold(at, at + length, level, level)
        at, area = at + length, area + length * level
    found = levels.level()
    assert found.mean == (pytest.approx(area / at) if at else None)
    assert (found.peak, found.end) == (max(level for _, level in stretches), stretches[-1][1])
    for most in (BINS, 10, 1):
        bins = levels.bins(most)
        assert 1 <= len(bins) <= most
        assert (bins[0].begin, bins[-1].end) == (0, at)
        assert all(a.end == b.begin for a, b in pairwise(bins))
        assert sum((each.end - each.begin) * (each.mean or 0) for each in bins) == pytest.approx(area)
        assert max(each.peak for each in bins) == found.peak


def test_a_bin_per_step_and_then_of_two() -> None:
    levels = Levels()
    for step in range(BINS):
        levels.hold(step, step + 1, step % 2, step % 2)
    assert levels.bins()[:2] == [Bin(0, 1, 0, 0), Bin(1, 2, 1, 1)]
    levels.hold(BINS, BINS + 1, 5, 5)
    assert levels.width == 2
    assert levels.bins()[:1] == [Bin(0, 2, 0.5, 1)]
    assert levels.bins()[-1] == Bin(BINS, BINS + 1, 5, 5)
