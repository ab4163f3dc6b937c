"""What else than memory holds requests back: rules of the scheduler, and long steps."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.basis import steps_behind
from paged_sim.result import Document, Entry, value_at

from ..basis import is_timed
from ..numbers import count, percent
from .costs import NOTABLE, share_for, share_for_memory
from .words import wait

RULES = {
    "max_num_seqs": ("max_num_seqs", "raise it"),
    "token_budget": ("the token budget", "raise max_num_batched_tokens"),
    "watermark": ("the watermark", "lower it"),
    "after_preemption": ("the pause after a preemption", ""),
}
"""A rule of the scheduler: what it is called in a sentence, and what would move it."""


def rule_of(document: Document, rule: str) -> tuple[str, str]:
    """A rule's name and what would move it, by the scenario's own settings."""
    name, advice = RULES[rule]
    if rule == "token_budget" and value_at(document, "scenario.scheduler.prefill") == "whole":
        return name, "use prefill: chunked"
    return name, advice


def binding_rule(document: Document, runs: Sequence[Entry]) -> str:
    """The rule that blocked most steps under any policy, if they are worth a word: what to do."""
    found = [(int(value_at(run, f"blocked_by.{rule}") or 0), rule, run) for run in runs for rule in RULES]
    steps, rule, run = max(found, key=lambda entry: entry[0])
    of = steps_behind(run, "all")
    if steps < NOTABLE * max(1, of):
        return ""
    name, advice = rule_of(document, rule)
    where = "" if len(runs) == 1 else f" ({run['name']})"
    advised = f": {advice}" if advice else ""
    return f"{name} did, on {count(steps)} of {count(of)} steps{where}{advised}"


def held_back(document: Document, runs: Sequence[Entry]) -> str:
    """What else than memory made requests wait, under the policy where it did most."""
    found = [(share_for(run, rule), rule, run) for run in runs for rule in RULES]
    share, rule, run = max(found, key=lambda entry: entry[0])
    if share < 5 * NOTABLE:
        return long_steps(document, runs)
    name, advice = rule_of(document, rule)
    where = "" if len(runs) == 1 else f" under {run['name']}"
    advised = f": {advice}" if advice else ""
    begins = f"{name[0].upper()}{name[1:]}" if name.startswith("the ") else name
    also = " longer" if share > max(map(share_for_memory, runs)) else ", too"
    return f"{begins} holds requests back{also}, {percent(share)} of the time{where}{advised}."


def long_steps(document: Document, runs: Sequence[Entry]) -> str:
    """Whether long steps keep requests waiting that nothing else holds back, as one with a long prompt does."""
    if not is_timed(runs):
        return ""
    longest = max(runs, key=lambda run: share_for(run, "step"))
    share, waits, queue, total = (
        float(value_at(longest, path) or 0.0)
        for path in ("waiting.share_by.step", "waiting.share", "latency.queue.mean", "latency.total.mean")
    )
    if share < max(5 * NOTABLE, waits / 2) or queue < 5 * NOTABLE * total:
        return ""
    is_whole = value_at(document, "scenario.scheduler.prefill") == "whole"
    advice = "use prefill: chunked" if is_whole else "lower max_num_batched_tokens"
    where = "" if len(runs) == 1 else f" under {longest['name']}"
    return f"Long steps keep requests waiting {percent(share)} of the time{where}, {wait(longest)} each: {advice}."
