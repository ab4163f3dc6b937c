"""Bad requests, lengths and arrivals: each is refused with a line that says what, where and what to do."""

from __future__ import annotations

import pytest
from bad_scenarios import refusal, text_with

BAD_KEYS = [
    # the source of requests
    ("workload: {prompt: 5, output: 3}", "bad.yaml:1: workload.requests: missing; give it, for example requests: 4000"),
    (
        "workload: {requests: 4, output: 3}",
        "bad.yaml:1: workload.prompt: missing; give it, for example prompt: {uniform: [1, 512]}",
    ),
    ("workload: {requests: 4, prompt: 5}", "bad.yaml:1: workload.output: missing; give it, for example output: 64"),
    ("workload: [5]", "bad.yaml:1: workload: expected a mapping with requests, prompt, output, max_tokens, arrival,"),
    (
        "workload: {requests: [], prompt: 5}",
        "bad.yaml:1: workload.requests: the list is empty; give a list, each item a mapping with prompt,",
    ),
    (
        "workload: {requests: [{prompt: 5}]}",
        "bad.yaml:1: workload.requests.0.output: missing; give it, for example output: 4",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 2, outptu: 3}]}",
        "bad.yaml:1: workload.requests.0.outptu: unknown key 'outptu'; did you mean output?",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, max_tokens: 3}]}",
        "bad.yaml:1: workload.requests.0: output 9 is above its max_tokens 3; raise the limit",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9}], prompt: 5}",
        "bad.yaml:1: workload.prompt: given beside a list of requests, which has its own; remove it",
    ),
    (
        "workload: {requests: [5, 6]}",
        "bad.yaml:1: workload.requests.0: expected a mapping with prompt, output, max_tokens and arrival,",
    ),
    (
        "workload: {requests: 0, prompt: 5, output: 3}",
        "bad.yaml:1: workload.requests: 0 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, samples: 300}",
        "bad.yaml:1: workload.samples: 300 sequences of one request never run together with max_num_seqs 256; raise",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, beam: 300}",
        "bad.yaml:1: workload.beam.width: 300 sequences of one request never run together with max_num_seqs 256; raise",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, samples: 2, beam: {width: 4}}",
        "bad.yaml:1: workload.beam: ",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, beam: {width: 4, keep: 2}}",
        "bad.yaml:1: workload.beam.keep: 2 is too large; write at most 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, promt: 3}",
        "bad.yaml:1: workload.promt: unknown key 'promt'; did you mean prompt?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, max_tokens: outptu}",
        "bad.yaml:1: workload.max_tokens: 'outptu' will not do; did you mean output?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, max_tokens: {factor: 0.5}}",
        "bad.yaml:1: workload.max_tokens.factor: 0.5 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, trace: t.csv}",
        "bad.yaml:1: workload.trace: given beside requests, which it replaces; leave one of them out",
    ),
    (
        "workload: {trace: nowhere.csv}",
        "bad.yaml:1: workload.trace.file: the file 'nowhere.csv' is not there; check the path",
    ),
    (
        "workload: {trace: {limit: 5}}",
        "bad.yaml:1: workload.trace.file: missing; give it, for example file: requests.csv",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, prefix: {groups: 2, tokens: 5, share: 60}}",
        "bad.yaml:1: workload.prefix.share: 60 is too large; write at most 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, prefix: 3}",
        "bad.yaml:1: workload.prefix: expected a mapping with groups, tokens and share, found text",
    ),
    (
        "workload: {requests: 4, prompt: 2040, output: 3, prefix: {groups: 2, tokens: 200}}",
        "bad.yaml:1: workload.prompt: a prompt of 2040 after a prefix of 200 leaves no room for the output",
    ),
    (
        "workload: {requests: 4, prompt: 2048, output: 3}",
        "bad.yaml:1: workload.prompt: a prompt of 2048 leaves no room for the output in max_model_len",
    ),
    ("workload: {requests: 4, prompt: 0, output: 3}", "bad.yaml:1: workload.prompt: 0 is too small; write at least 1"),
    (
        "workload: {requests: 4, prompt: five, output: 3}",
        "bad.yaml:1: workload.prompt: 'five' will not do; give an integer >= 1, <= 1,000,000,000 or",
    ),
    (
        "workload: {requests: 1e12, prompt: 5, output: 3}",
        "bad.yaml:1: workload.requests: 1e12 is too large; write at most 100,000,000",
    ),
    (
        "workload: {trace: {file: pyproject.toml, format: azur}}",
        "bad.yaml:1: workload.trace.format: unknown trace format 'azur'; did you mean azure?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: {values: [1, 2]}}",
        "bad.yaml:1: workload.output.values: 2 values for 4 requests; give one for each",
    ),
    # lengths
    (
        "workload: {requests: 4, prompt: {uniform: [9, 3]}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: low 9 is above high 3; swap them",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: expected [low, high], such as [1, 512]",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [0, 5]}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: 0 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [3000, 4000]}, output: 3}",
        "bad.yaml:1: workload.prompt: a prompt of 3000 leaves no room for the output in max_model_len",
    ),
    (
        "workload: {requests: 4, prompt: {unifrom: [1, 5]}, output: 3}",
        "bad.yaml:1: workload.prompt: unknown key 'unifrom'; did you mean uniform?",
    ),
    (
        "workload: {requests: 4, prompt: {constant: 40}, output: 3}",
        "bad.yaml:1: workload.prompt: unknown key 'constant'; give an integer >= 1, <= 1,000,000,000 or {uniform: ...}",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [1, 5], gamma: {mean: 3, cv: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt: uniform and gamma are different ways to say it; give one of them",
    ),
    (
        "workload: {requests: 4, prompt: {normal: {mean: 5}}, output: 3}",
        "bad.yaml:1: workload.prompt.normal.std: missing; give it, for example std: 200",
    ),
    (
        "workload: {requests: 4, prompt: {normal: {mean: 5, std: 3, min: 9, max: 4}}, output: 3}",
        "bad.yaml:1: workload.prompt.normal: min 9 is above max 4; swap them",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: needs two numbers, found 1; give mean, median or a quantile such as",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5, median: 6}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: mean 5 is not above the median 6, as it is in every log-",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {cv: 5, sigma: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: cv and sigma do not tell where and how wide it is; give ",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p50: 9, p95: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: the values of p50 and p95 do not rise; check both",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p90: 9, std: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: std and a quantile do not tell one distribution; give mean, median or",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 9, p90: 80}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: mean and a quantile do not tell one distribution; give mean, median or",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p50: 9, median: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: 'median' is no other quantile; write p1 to p99.9, each once",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {median: 9, sigma: 1e18}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: its mean is beyond all bounds; check both numbers",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mu: 9, sigma: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal.mu: unknown key 'mu'; give mean, median or a quantile such as p50, and",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5, sigma: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal.sigma: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {gamma: {mean: 5, cv: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.gamma.cv: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {gamma: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.gamma: expected a mapping with mean and cv, found text",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: sharegpt-promt}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram: unknown histogram 'sharegpt-promt'; did you mean",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 0, counts: [1]}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.bin_width: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 2, counts: [0, 0]}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.counts: all counts are 0; give at least one above 0",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 2}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.counts: missing; give it, for example counts: [120, 80, 3]",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p50: 40}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: expected at least two quantiles, such as {p1: 5, p50: 40,",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p50: 40, p99: 30}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: the values fall while the quantiles rise; put them in order",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {median: 40, p99: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: 'median' is no quantile; write p0 to p100, such as p50 or p99.9",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p5: 40, p05: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: p05 is given twice; leave one out",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p5: 40, p101: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: 'p101' is no quantile; write p0 to p100, such as p50 or p99.9",
    ),
    (
        "workload: {requests: 4, prompt: {choice: []}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: the list is empty; give a list, each item an integer >= 1, <=",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {16: 0, 64: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: the weights sum to 0; give at least one above 0",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {16: -1, 64: 3}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: -1 is too small; write at least 0",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {short: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: 'short' is not an integer; write an integer such as 16 or",
    ),
    (
        "workload: {requests: 4, prompt: {choice: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: expected [length, ...] or {length: weight, ...}, found text",
    ),
    (
        "workload: {requests: 4, prompt: {values: [1, 2, 3]}, output: 3}",
        "bad.yaml:1: workload.prompt.values: 3 values for 4 requests; give one for each",
    ),
    (
        "workload: {requests: 4, prompt: {values: 3}, output: 3}",
        "bad.yaml:1: workload.prompt.values: expected a list, each item an integer >= 1, <= 1,000,000,000,",
    ),
    (
        "workload: {requests: 4, prompt: {values: [1, two]}, output: 3}",
        "bad.yaml:1: workload.prompt.values.1: 'two' is not an integer; write an integer such as 16 or",
    ),
    # arrivals
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3}]}",
        "bad.yaml:1: workload.requests.0.arrival: '3' has no unit; write a number with ns, us, ms, s, min",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3s}]}",
        "bad.yaml:1: workload.requests.0.arrival: requests arrive in time, but clock: step only counts",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3s}], arrival: {poisson: 2/s}}\nclock: {base: 1ms}",
        "bad.yaml:1: workload.arrival: given beside the arrival of workload.requests.0; leave one of them out",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: poison}",
        "bad.yaml:1: workload.arrival: 'poison' will not do; did you mean poisson?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2}}",
        "bad.yaml:1: workload.arrival.poisson: '2' has no unit; write a number per s, min or h, such as 2/s",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 0/s}}",
        "bad.yaml:1: workload.arrival.poisson: 0/s is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/fortnight}}",
        "bad.yaml:1: workload.arrival.poisson: '2/fortnight' is not a rate; write a number per s, min or",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/s}}",
        "bad.yaml:1: workload.arrival: requests arrive in time, but clock: step only counts steps; add a",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {gamma: {rate: 2/s, cv: 0}}}",
        "bad.yaml:1: workload.arrival.gamma.cv: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {on_off: {rate: 20/s, on: 10s}}}",
        "bad.yaml:1: workload.arrival.on_off.off: missing; give it, for example off: 38s",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {every: 100}}",
        "bad.yaml:1: workload.arrival.every: '100' has no unit; write a number with ns, us, ms, s, min or",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {every: 5sec}}",
        "bad.yaml:1: workload.arrival.every: '5sec' is not a duration; write a number with ns, us, ms, s,",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {users: 3, think: 2s}}",
        "bad.yaml:1: workload.arrival: users think in time, but clock: step only counts steps; add a",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {users: 3, think: -2s}}",
        "bad.yaml:1: workload.arrival.think: -2s is too small; write at least 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {think: 2s}}",
        "bad.yaml:1: workload.arrival.users: missing; give it, for example users: 32",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/s, every: 3s}}",
        "bad.yaml:1: workload.arrival: poisson and every are different ways to say it; give one of them",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: burst}",
        "bad.yaml:1: workload.arrival: 'burst' will not do; did you mean users?",
    ),
]


@pytest.mark.parametrize(("lines", "message"), BAD_KEYS)
def test_bad_workload(lines: str, message: str) -> None:
    assert refusal(text_with(lines)).startswith(message)
