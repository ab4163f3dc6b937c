"""What was to be reached, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log

from benchmarks.timing import Row
from benchmarks.workload import PREFIX_CACHES

Results = dict[str, list[Row]]


def judge(results: Results) -> list[Row]:
    """One row for each goal that these results say something about."""
    return [row for name, judge_one in _JUDGES.items() if name in results for row in judge_one(results[name])]


def _row(what: str, goal: str, measured: float, form: str, met: bool) -> Row:
    return {"what": what, "goal": goal, "measured": measured, "shown": format(measured, form), "met": met}


def is_plain(row: Row) -> bool:
    """Whether a row of `throughput` is of a policy without a prefix cache."""
    return row["policy"] not in PREFIX_CACHES


def _throughput(rows: list[Row]) -> Iterator[Row]:
    for load, pages in dict.fromkeys((row["load"], row["pages"]) for row in rows):
        case = [row for row in rows if (row["load"], row["pages"]) == (load, pages)]
        where = f"memory {load}, {pages:,} pages"
        paged = next(row for row in case if row["policy"] == "paged 16")["tag_rate"] / 1e6
        contiguous = (row for row in case if is_plain(row) and row["policy"] != "paged 16")
        slowest = min(contiguous, key=lambda row: row["tag_rate"])
        rate = slowest["tag_rate"] / 1e6
        yield _row(f"paged 16, {where}", ">= 150 M token-steps/s", paged, ".0f", paged >= 150)
        name = f"slowest contiguous ({slowest['policy']}), {where}"
        yield _row(name, ">= 100 M token-steps/s", rate, ".0f", rate >= 100)
        for row in case:
            if not is_plain(row):
                share = row["of_plain"]
                yield _row(f"{row['policy']} over paged 16, {where}", ">= 0.5", share, ".2f", share >= 0.5)
    for part, how in (("tag", "on one core"), ("beside", "arena on a core of its own")):
        ratios = {row[f"{part}_over_none"]: row for row in rows if f"{part}_over_none" in row and is_plain(row)}
        if ratios:
            ratio, worst = max(ratios), ratios[max(ratios)]
            where = f"{worst['policy']}, memory {worst['load']}, {worst['pages']:,} pages"
            yield _row(f"tag over none, {how}, worst ({where})", "<= 2", ratio, ".2f", ratio <= 2)


def _million(rows: list[Row]) -> Iterator[Row]:
    slowest = max(rows, key=lambda row: row["simulate_seconds"])
    seconds, most = slowest["simulate_seconds"], max(row["mebibytes"] for row in rows)
    name = f"{slowest['requests']:,} requests, slowest ({slowest['policy']}, {slowest['pages']:,} pages)"
    yield _row(name, "< 5 s", seconds, ".2f", seconds < 5)
    yield _row(f"{slowest['requests']:,} requests, memory beyond the arena", "< 1024 MiB", most, ".0f", most < 1024)


def _scaling(rows: list[Row]) -> Iterator[Row]:
    for what in dict.fromkeys(row["what"] for row in rows):
        case = [row for row in rows if row["what"] == what]
        largest = max(row["size"] for row in case)
        worst = max((row for row in case if row["size"] == largest), key=lambda row: row["growth"])
        growth, least = worst["growth"], min(row["size"] for row in case)
        name = f"time per token-step, {what} from {least:,} to {largest:,} ({worst['policy']})"
        limit = 1.15 if what.startswith("requests") else 2.0
        yield _row(name, f"<= x {limit:g}", growth, ".2f", growth <= limit)


def _allocators(rows: list[Row]) -> Iterator[Row]:
    """The growth of `take` over that of one read in memory as large, which no tree can escape; least timings."""
    fewest, most = (choose(row["free_extents"] for row in rows) for choose in (min, max))
    read = _growth_of_take(rows, "one random read")
    logarithm = log(most) / log(fewest)
    for policy in ("first_fit", "best_fit", "buddy", "linear scan"):
        growth = _growth_of_take(rows, policy)
        name = f"{policy}: take, {most / fewest:.0f}x the free extents: x {growth:.1f}; one random read: x {read:.1f}"
        goal = f"<= x {logarithm:.2f} of the read's" if policy != "linear scan" else "(no goal: for comparison)"
        yield _row(name, goal, growth / read, ".2f", growth / read <= logarithm or policy == "linear scan")


def _growth_of_take(rows: list[Row], policy: str) -> float:
    spent = {row["free_extents"]: row for row in rows if row["policy"] == policy and row["operation"] == "take"}
    growth: float = spent[max(spent)]["nanoseconds_min"] / spent[min(spent)]["nanoseconds_min"]
    return growth


def _startup(rows: list[Row]) -> Iterator[Row]:
    limits = {"--help": 0.2, "compare, warm": 3.0, "compare, first time": 15.0}
    for row in rows:
        if limit := limits.get(row["what"]):
            yield _row(row["what"], f"< {limit:g} s", row["seconds"], ".2f", row["seconds"] < limit)


def _peers(rows: list[Row]) -> Iterator[Row]:
    for row in rows:
        if row["peer"].startswith("scheduler of vLLM"):
            ratio = row["engine_over_peer"]
            name = f"times the rate recorded for the {row['peer']}, memory {row['load']}"
            yield _row(name, ">= 1000", ratio, ",.0f", ratio >= 1000)


_JUDGES: dict[str, Callable[[list[Row]], Iterator[Row]]] = {
    "throughput": _throughput,
    "million": _million,
    "scaling": _scaling,
    "allocators": _allocators,
    "startup": _startup,
    "peers": _peers,
}
