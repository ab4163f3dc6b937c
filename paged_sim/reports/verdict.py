"""The verdict on a run: does memory decide here, and what does the better policy buy?

One function over the run's JSON. It looks, in this order, for requests refused for want of memory, for memory that
never bound, for a policy that computes the same tokens again and again, and only then for a winner: by the time the
requests took where they arrive in time, by the sequences held where all are queued from the start. A difference within
the spread over the seeds has no winner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paged_sim.result import Document, Entry, Steps, mean_share, value_at
from paged_sim.result.accounts import ACCOUNTS, LOST, TABLE

from .basis import has_one_seed, is_apart, is_timed, side_of
from .numbers import amount, count, duration, percent

Run = Mapping[str, Any]

RULES = {
    "max_num_seqs": ("max_num_seqs", "raise it"),
    "token_budget": ("the token budget", "raise max_num_batched_tokens"),
    "watermark": ("the watermark", "lower it"),
    "after_preemption": ("the pause after a preemption", ""),
}
"""A rule of the scheduler: what it is called in a sentence, and what would move it."""

_THRASHES = 0.5
"""A policy thrashes that computes more tokens again, after preemptions, than it computes for the first time."""
_DEAR = 0.1
"""Share of the tokens computed again from which it is named as the price of holding more."""
_NOTABLE = 0.01
"""Share of steps, time or memory from which something is worth a word."""


def verdict(document: Document) -> list[str]:
    """Sentences on one run, the answer first."""
    runs: Sequence[Entry] = document["runs"]
    served = _most_served(runs)
    is_settled = len(served) == 1 < len(runs)
    answer = " ".join(_thrashing(served)) if is_settled else _answer(document, served)
    found = [_refused(runs, served), answer, _excluded(runs)]
    return [sentence for sentence in found if sentence]


def memory_bound(run: Entry) -> bool:
    """Whether a request ever waited for memory, was preempted for want of it, or refused."""
    blocked = run["blocked_steps"]
    waited = blocked["capacity"] or blocked["fragmentation"] or _share_for_memory(run)
    return bool(waited or run["requests"]["preempted"] or _num_refused(run))


def largest_loss(run: Entry, over: Steps) -> tuple[str, float]:
    """The account that loses most over those steps ("saturated" or "all"), and its mean share of the arena."""
    return max(((account, mean_share(run, over, account) or 0.0) for account in LOST), key=lambda pair: pair[1])


def _answer(document: Document, runs: Sequence[Entry]) -> str:
    """What memory decides among policies that serve the same requests."""
    if not any(memory_bound(run) for run in runs):
        return _never_binds(document, runs)
    if is_timed(runs):
        parts = [_faster(runs), *_bound_by_memory(runs), _held_back(document, runs)]
    else:
        parts = [*_thrashing(runs), _holds_more(runs), _held_back(document, runs)]
    return " ".join(part for part in parts if part)


# Refusals.


def _num_refused(run: Entry) -> int:
    """Requests refused for want of memory."""
    return sum(entry["count"] for entry in run.get("refusals") or () if not _is_excluded(entry))


def _num_excluded(run: Entry) -> int:
    """Requests that no memory could serve."""
    return sum(entry["count"] for entry in run.get("refusals") or () if _is_excluded(entry))


def _is_excluded(entry: Mapping[str, Any]) -> bool:
    """Whether a refusal is the model's own limit, which is the same under every policy."""
    return bool(entry.get("key") == "max_model_len")


def _num_requests(run: Entry) -> int:
    return int(run["requests"]["finished"] + run["requests"]["refused"])


def _most_served(runs: Sequence[Entry]) -> Sequence[Entry]:
    """The policies that refuse fewest requests for want of memory: only these served the same ones."""
    fewest = min(map(_num_refused, runs))
    return [run for run in runs if _num_refused(run) == fewest]


def _refused(runs: Sequence[Entry], served: Sequence[Entry]) -> str:
    """Who refuses requests for want of memory, the worst first, and why."""
    refusing = sorted((run for run in runs if _num_refused(run)), key=_num_refused, reverse=True)
    if not refusing:
        return ""
    worst, *others = refusing
    why = max((e for e in worst["refusals"] if not _is_excluded(e)), key=lambda entry: int(entry["count"]))
    refuses = f"{worst['name']} refuses {count(_num_refused(worst))} of {count(_num_requests(worst))} requests"
    told = [f"{run['name']} {count(_num_refused(run))}" for run in others[:2]]
    if len(others) > 2:
        told.append(f"{_rest(others[2:])} fewer")
    if len(refusing) < len(runs):
        told.append(f"{_rest([run for run in runs if run not in refusing])} none")
    also = f"; {', '.join(told)}" if told else ""
    text = f"{refuses} for want of memory ({why['reason']}){also}."
    if len(served) == 1 < len(runs):
        finished = f"{count(served[0]['requests']['finished'])} of {count(_num_requests(served[0]))}"
        return f"{served[0]['name']} serves most, {finished}: {text}"
    return f"{text} The rest is about those that refuse fewest." if len(served) < len(runs) else text


def _excluded(runs: Sequence[Entry]) -> str:
    """The requests that no memory could serve."""
    worst = max(runs, key=_num_excluded)
    most = _num_excluded(worst)
    if not most:
        return ""
    who = "refused" if len(runs) == 1 else "refused under every policy"
    do = "does" if most == 1 else "do"
    return f"{count(most)} of {count(_num_requests(worst))} prompts {do} not fit max_model_len: {who}."


# Memory that never binds.


def _never_binds(document: Document, runs: Sequence[Entry]) -> str:
    fullest = max(runs, key=lambda run: float(value_at(run, "held.all.peak") or 0.0))
    stored, held = (float(value_at(fullest, f"{name}.all.peak") or 0.0) for name in ("occupancy", "held"))
    reserved = f", {percent(held, 0)} with what is reserved" if held - stored > 5 * _NOTABLE else ""
    where = "" if len(runs) == 1 else f" ({fullest['name']}{reserved})"
    text = f"Memory never binds: peak {percent(stored, 0)} of {_memory(fullest)}{where or reserved}"
    rule = _binding_rule(document, runs)
    steps = "" if rule else _long_steps(document, runs)
    text += f"; {rule}." if rule else f". {steps}" if steps else ", and nothing else holds requests back for long."
    return f"{text}{_faster_all_the_same(runs)}"


def _binding_rule(document: Document, runs: Sequence[Entry]) -> str:
    """The rule that blocked most steps under any policy, if they are worth a word: what to do."""
    found = [(int(value_at(run, f"blocked_by.{rule}") or 0), rule, run) for run in runs for rule in RULES]
    steps, rule, run = max(found, key=lambda entry: entry[0])
    if steps < _NOTABLE * max(1, value_at(run, "measured.all.steps") or 0):
        return ""
    name, advice = _rule(document, rule)
    where = "" if len(runs) == 1 else f" ({run['name']})"
    advised = f": {advice}" if advice else ""
    return f"{name} did, on {count(steps)} of {count(run['measured']['all']['steps'])} steps{where}{advised}"


def _rule(document: Document, rule: str) -> tuple[str, str]:
    """A rule's name and what would move it, by the scenario's own settings."""
    name, advice = RULES[rule]
    if rule == "token_budget" and value_at(document, "scenario.scheduler.prefill") == "whole":
        return name, "use prefill: chunked"
    return name, advice


def _faster_all_the_same(runs: Sequence[Entry]) -> str:
    """Who is faster though memory never binds, and why."""
    path = "latency.total.mean"
    known = [run for run in runs if value_at(run, path) is not None]
    if len(known) < 2:
        return ""
    best, worst = (choose(known, key=lambda run: float(value_at(run, path))) for choose in (min, max))
    if not is_apart(best, worst, path):
        return ""
    why = ""
    spared = value_at(best, "sharing.prefix_cache.hit_rate") or 0.0
    if spared > (value_at(worst, "sharing.prefix_cache.hit_rate") or 0.0):
        why = f", whose prefix cache spares {percent(spared, 0)} of the prompt tokens"
    return (
        f" Requests take {_time(best, path)} on average under {best['name']}{why}, {_time(worst, path)} under "
        f"{worst['name']}: memory does not decide that."
    )


# Arrivals in time.


def _faster(runs: Sequence[Entry]) -> str:
    """The policy under which requests take least time, against the one under which they take most."""
    path = "latency.total.mean"
    best, worst = (choose(runs, key=lambda run: float(value_at(run, path) or 0.0)) for choose in (min, max))
    if len(runs) == 1:
        return f"Under {best['name']} requests take {_time(best, path)} on average, {_wait(best)} of it in the queue."
    if not is_apart(best, worst, path):
        return f"No winner: requests take {_time(best, path)} on average under {_all_of(runs)}, {_within(runs)}."
    low, high = float(value_at(best, path)), float(value_at(worst, path))
    ends = [_time(run, "time.end") for run in (best, worst)]
    ended = f"; the last ends at {ends[0]} against {ends[1]}" if is_apart(best, worst, "time.end") else ""
    leaders = [run for run in runs if not is_apart(run, best, path)]
    return (
        f"{_names(leaders)} serve{'s' if len(leaders) == 1 else ''} fastest: requests take {_time(best, path)} on "
        f"average, {_time(worst, path)} under {worst['name']} ({_more(high, low)}){ended}."
    )


def _bound_by_memory(runs: Sequence[Entry]) -> list[str]:
    """Who is short of memory, the worst first, and that the others are not."""
    bound = sorted((run for run in runs if memory_bound(run)), key=_share_for_memory, reverse=True)
    shown = len(bound) if len(bound) <= 2 else 1
    told = [_shortage(run) for run in bound[:shown]]
    if len(bound) > shown:
        told.append(f"{_rest(bound[shown:])} less")
    if len(bound) < len(runs):
        others = [run for run in runs if run not in bound]
        told.append(f"{_rest(others)} never {'wait' if len(others) > 1 else 'waits'} for it")
    return [f"Memory binds: {'; '.join(told)}.", *_thrashing(runs)]


def _share_for_memory(run: Entry) -> float:
    """Share of the time in which a request waits for memory."""
    return sum(_share_for(run, cause) for cause in ("capacity", "fragmentation"))


def _share_for(run: Entry, cause: str) -> float:
    """Share of the time in which a request waits for one thing."""
    return float(value_at(run, f"waiting.share_by.{cause}") or 0.0)


def _shortage(run: Entry) -> str:
    parts = []
    if share := _share_for_memory(run):
        fragmentation = _share_for(run, "fragmentation")
        broken = f" (fragmentation {percent(fragmentation)})" if fragmentation else ""
        parts.append(f"waits for it {percent(share)} of the time{broken}")
    if preempted := run["requests"]["preempted"]:
        again = value_at(run, "tokens.recomputed_share") or 0.0
        times = "once" if preempted == 1 else f"{count(preempted)} times"
        parts.append(f"preempts {times} ({percent(again)} of its tokens computed again)")
    return f"{run['name']} {' and '.join(parts) or 'refuses requests'}"


def _held_back(document: Document, runs: Sequence[Entry]) -> str:
    """What else than memory made requests wait, under the policy where it did most."""
    found = [(_share_for(run, rule), rule, run) for run in runs for rule in RULES]
    share, rule, run = max(found, key=lambda entry: entry[0])
    if share < 5 * _NOTABLE:
        return _long_steps(document, runs)
    name, advice = _rule(document, rule)
    where = "" if len(runs) == 1 else f" under {run['name']}"
    advised = f": {advice}" if advice else ""
    begins = f"{name[0].upper()}{name[1:]}" if name.startswith("the ") else name
    also = " longer" if share > max(map(_share_for_memory, runs)) else ", too"
    return f"{begins} holds requests back{also}, {percent(share)} of the time{where}{advised}."


def _long_steps(document: Document, runs: Sequence[Entry]) -> str:
    """Whether long steps keep requests waiting that nothing else holds back, as one with a long prompt does."""
    if not is_timed(runs):
        return ""
    longest = max(runs, key=lambda run: _share_for(run, "step"))
    share, waits, queue, total = (
        float(value_at(longest, path) or 0.0)
        for path in ("waiting.share_by.step", "waiting.share", "latency.queue.mean", "latency.total.mean")
    )
    if share < max(5 * _NOTABLE, waits / 2) or queue < 5 * _NOTABLE * total:
        return ""
    is_whole = value_at(document, "scenario.scheduler.prefill") == "whole"
    advice = "use prefill: chunked" if is_whole else "lower max_num_batched_tokens"
    where = "" if len(runs) == 1 else f" under {longest['name']}"
    return f"Long steps keep requests waiting {percent(share)} of the time{where}, {_wait(longest)} each: {advice}."


def _wait(run: Entry) -> str:
    return _time(run, "latency.queue.mean")


# Everything queued from the start.


def _holds_more(runs: Sequence[Entry]) -> str:
    """Who holds most sequences against who holds fewest, on the steps all are measured over, and who ends first."""
    over = side_of(runs)
    mixed = "Over all steps: " if over == "all" and any(run["over"] != "all" for run in runs) else ""
    path = f"batch.{over}.mean"
    best, worst = (choose(runs, key=lambda run: float(value_at(run, path) or 0.0)) for choose in (max, min))
    most, least = (float(value_at(run, path) or 0.0) for run in (best, worst))
    if most == 0:
        return "No sequence was held on the steps measured."
    if len(runs) == 1:
        held = f"{best['name']} holds {most:,.2f} sequences on average in {_memory(best)}"
        return f"{mixed}{held} and is done after {_time(best, 'time.end')}{_price(best)}{_loss(best, over, 'it')}."
    if not is_apart(best, worst, path):
        held = f"{_all_of(runs)} hold {most:,.2f} sequences on average in {_memory(best)}, {_within(runs)}"
        return f"{mixed}{_alike(runs, bool(mixed))}: {held}{_loss(_most_wasteful(runs, over), over)}."
    leaders = [run for run in runs if not is_apart(run, best, path)]
    holds = "holds" if len(leaders) == 1 else "hold"
    held = f"{_names(leaders)} {holds} {_times(most, least, worst['name'])} {_where(best, worst)}"
    first, _ = _first_and_last(runs)
    if is_apart(first, best, "time.end"):
        late = f"it is done after {_time(best, 'time.end')}, {first['name']} after {_end(first)}"
        return f"{mixed}{held}{_price(best)}, but holding more is not faster here: {late}."
    ends = f" and {_is(leaders)} done after {_time(best, 'time.end')} against {_end(worst)}"
    earlier = ends if is_apart(best, worst, "time.end") else ""
    return f"{mixed}{held}{earlier}{_price(best)}{_loss(worst, over)}."


def _alike(runs: Sequence[Entry], goes_on: bool) -> str:
    """Of policies that hold alike: that none wins, unless one is done earlier."""
    first, last = _first_and_last(runs)
    if is_apart(first, last, "time.end"):
        return f"{first['name']} is done first, after {_time(first, 'time.end')}, {last['name']} after {_end(last)}"
    return "no winner" if goes_on else "No winner"


def _first_and_last(runs: Sequence[Entry]) -> tuple[Entry, Entry]:
    """The policies that are done first and last."""
    first, *_, last = sorted(runs, key=lambda run: float(value_at(run, "time.end") or 0.0))
    return first, last


def _end(run: Entry) -> str:
    """When a run ended, behind another such time."""
    return _time(run, "time.end").removesuffix(" steps")


def _most_wasteful(runs: Sequence[Entry], over: Steps) -> Entry:
    return max(runs, key=lambda run: largest_loss(run, over)[1])


def _price(run: Entry) -> str:
    """What holding more costs a policy that preempts."""
    again = value_at(run, "tokens.recomputed_share") or 0.0
    return f", at {percent(again, 0)} of its tokens computed again" if _DEAR <= again < _THRASHES else ""


def _thrashing(runs: Sequence[Entry]) -> list[str]:
    """The policies that spend their steps on tokens they had stored before."""
    return [
        f"{run['name']} thrashes: it computes {count(computed)} tokens, {percent(share)} of them again, after "
        f"{count(run['requests']['preempted'])} preemptions."
        for run in runs
        if (share := value_at(run, "tokens.recomputed_share") or 0.0) >= _THRASHES
        for computed in [run["tokens"]["computed"]]
    ]


def _loss(run: Entry, over: Steps, name: str = "") -> str:
    """What a policy loses most to, if that is worth a word."""
    account, share = largest_loss(run, over)
    if share < _NOTABLE:
        return ""
    lost = f"{amount(share * run['capacity']['bytes'])} ({percent(share)})"
    return f"; {name or run['name']} loses {lost} {TABLE[ACCOUNTS.index(account)].lost}"


# Words.


def _names(runs: Sequence[Entry]) -> str:
    """Policies that are named first: three at most."""
    names = [str(run["name"]) for run in runs]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(runs: Sequence[Entry]) -> str:
    return "is" if len(runs) == 1 else "are"


def _rest(runs: Sequence[Entry]) -> str:
    """Policies that are named last: one by its name."""
    return str(runs[0]["name"]) if len(runs) == 1 else f"the other {len(runs)}"


def _all_of(runs: Sequence[Entry]) -> str:
    return "both policies" if len(runs) == 2 else f"all {len(runs)} policies"


def _within(runs: Sequence[Entry]) -> str:
    return "to within 2%, and one seed says no more" if has_one_seed(runs) else "to within the spread over the seeds"


def _times(most: float, least: float, name: str) -> str:
    if least == 0:
        return f"{most:,.2f} sequences on average and {name} none"
    ratio = most / least
    if ratio < 1.1:
        return f"{100 * (ratio - 1):.1f}% more sequences than {name}"
    return f"{ratio:.1f}x the sequences of {name}"


def _more(high: float, low: float) -> str:
    if low <= 0:
        return "from none"
    return f"{high / low:,.1f}x" if high / low >= 2 else f"+{100 * (high / low - 1):.1f}%"


def _where(best: Entry, worst: Entry) -> str:
    large, small = best["capacity"]["bytes"], worst["capacity"]["bytes"]
    if abs(large - small) <= 0.01 * max(large, small):
        return f"in the same {_memory(worst)}"
    return f"({_memory(best)} against {_memory(worst)})"


def _memory(run: Entry) -> str:
    return amount(run["capacity"]["bytes"])


def _time(run: Entry, path: str) -> str:
    return duration(value_at(run, path), str(value_at(run, "time.unit") or "steps"))
