"""Bad schedulers, clocks, allocators, arenas and checks: refused with a line that says what, where and what to do."""

from __future__ import annotations

import pytest
from bad_scenarios import refusal, text_with

BAD_KEYS = [
    # the scheduler and the clock
    (
        "scheduler: {max_num_sqs: 3}",
        "bad.yaml:1: scheduler.max_num_sqs: unknown key 'max_num_sqs'; did you mean max_num_seqs?",
    ),
    (
        "scheduler: {max_num_seqs: 64, max_num_batched_tokens: 32}",
        "bad.yaml:1: scheduler.max_num_batched_tokens: max_num_batched_tokens 32 is below max_num_seqs 64;",
    ),
    (
        "scheduler: {max_num_seqs: 10000}",
        "bad.yaml:1: scheduler.max_num_seqs: max_num_batched_tokens 8192 is below max_num_seqs 10000; each",
    ),
    ("scheduler: {prefill: chunky}", "bad.yaml:1: scheduler.prefill: unknown 'chunky'; did you mean chunked?"),
    (
        "scheduler: {preemption: swap}",
        "bad.yaml:1: scheduler.preemption: 'swap' is not available in this version; write recompute or none",
    ),
    ("scheduler: {watermark: 1}", "bad.yaml:1: scheduler.watermark: 1 is too large; write less than 1"),
    ("scheduler: {watermark: 1‰}", "bad.yaml:1: scheduler.watermark: '1‰' is not a number; write a number such as 0.9"),
    ("scheduler: {watermark: 100%}", "bad.yaml:1: scheduler.watermark: 100% is too large; write less than 1"),
    (
        "scheduler: {reserve_full_prompt: yes}",
        "bad.yaml:1: scheduler.reserve_full_prompt: 'yes' is neither true nor false; write true or false",
    ),
    (
        "scheduler: {reserve_full_prompt: 'true'}",
        "bad.yaml:1: scheduler.reserve_full_prompt: 'true' is neither true nor false; write true or false",
    ),
    ("scheduler:", "bad.yaml:1: scheduler: no value; give its keys below it, or leave it out"),
    (
        "clock: {roofline: {gpu: a100-40gb}}",
        "bad.yaml:1: clock.roofline: 'roofline' is not available in this version; remove it",
    ),
    ("clock: {base: 0ms}", "bad.yaml:1: clock: a step would take no time; give base or per_sequence above 0"),
    (
        "clock: {base: 36}",
        "bad.yaml:1: clock.base: '36' has no unit; write a number with ns, us, ms, s, min or h, such as 5ms",
    ),
    ("clock: steps", "bad.yaml:1: clock: 'steps' will not do; did you mean step?"),
    ("clock: {}", "bad.yaml:1: clock: the mapping is empty; give step or {base: ...}"),
    ("clock: roofline", "bad.yaml:1: clock: 'roofline' is not available in this version; remove it"),
    ("clock: {bse: 36ms}", "bad.yaml:1: clock: unknown key 'bse'; did you mean base?"),
    (
        "clock: {base: 1h, per_sequnce: 1ms}",
        "bad.yaml:1: clock.per_sequnce: unknown key 'per_sequnce'; did you mean per_sequence?",
    ),
    # allocators
    ("allocators:", "bad.yaml:1: allocators: expected a list, each item a mapping with name, policy"),
    (
        "allocators: []",
        "bad.yaml:1: allocators: the list is empty; give a list, each item a mapping with name, policy,",
    ),
    (
        "allocators: {name: a, policy: paged}",
        "bad.yaml:1: allocators: expected a list, each item a mapping with name, policy, reserve,",
    ),
    ("allocators: [{policy: paged}]", "bad.yaml:1: allocators.0.name: missing; give it, for example name: vllm"),
    ("allocators: [{name: a}]", "bad.yaml:1: allocators.a.policy: missing; give it, for example policy: paged"),
    (
        "allocators: [{name: a b, policy: paged}]",
        "bad.yaml:1: allocators.0.name: 'a b' will not do; write a name of letters, digits, - and _, with",
    ),
    (
        "allocators: [{name: '7', policy: paged}]",
        "bad.yaml:1: allocators.7.name: '7' will not do; write a name of letters, digits, - and _, with a",
    ),
    ("allocators: [{name: a, policy: pagd}]", "bad.yaml:1: allocators.a.policy: unknown 'pagd'; did you mean paged?"),
    (
        "allocators: [{name: a, policy: vmm}]",
        "bad.yaml:1: allocators.a.policy: 'vmm' is not available in this version; write contiguous or paged",
    ),
    (
        "allocators: [{name: a, policy: vmm}]",
        "bad.yaml:1: allocators.a.policy: 'vmm' is not available in this version; write contiguous or paged",
    ),
    (
        "allocators: [{name: a, policy: paged, reserve: max}]",
        "bad.yaml:1: allocators.a.reserve: only policy: contiguous uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, page_size: 16}]",
        "bad.yaml:1: allocators.a.page_size: only policy: paged uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, chunk: 16}]",
        "bad.yaml:1: allocators.a.chunk: only reserve: grow uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, reserve: most}]",
        "bad.yaml:1: allocators.a.reserve: unknown 'most'; write one of max, limit, pow2, oracle, grow",
    ),
    (
        "allocators: [{name: a, policy: contiguous, placement: worst}]",
        "bad.yaml:1: allocators.a.placement: unknown 'worst'; did you mean worst_fit?",
    ),
    (
        "allocators: [{name: a, policy: paged}, {name: a, policy: paged}]",
        "bad.yaml:1: allocators.1.name: 'a' is the name of two allocators; rename one",
    ),
    (
        "allocators: [{name: a, policy: paged, page_size: 16, block_size: 16}]",
        "bad.yaml:1: allocators.a.page_size: page_size and block_size mean the same; give one of them",
    ),
    (
        "allocators: [{name: a, policy: paged, block_size: 0}]",
        "bad.yaml:1: allocators.a.page_size: 0 is too small; write at least 1",
    ),
    (
        "allocators: [{name: a, policy: paged, vmm: true}]",
        "bad.yaml:1: allocators.a.vmm: 'vmm' is not available in this version; remove it",
    ),
    (
        "allocators: [paged]",
        "bad.yaml:1: allocators.0: expected a mapping with name, policy, reserve, placement, chunk,",
    ),
    (
        "allocators: \n  - name: a\n    policy: paged\n    page_sze: 16",
        "bad.yaml:4: allocators.a.page_sze: unknown key 'page_sze'; did you mean page_size?",
    ),
    (
        "allocators: [{name: a, policy: paged, layer_groups: 2}]",
        "bad.yaml:1: allocators.a.layer_groups: 'layer_groups' is not available in this version; remove it",
    ),
    # the arena, measuring and checks
    ("arena: {device: gpu}", "bad.yaml:1: arena.device: 'gpu' will not do; write auto, cpu, cuda or cuda:N"),
    ("arena: {payload: 12}", "bad.yaml:1: arena.payload: 12 is not a multiple of 8; write one"),
    (
        "arena: {payload: big}",
        "bad.yaml:1: arena.payload: unknown 'big'; write one of tag, full, none, or an integer such as 16",
    ),
    (
        "arena: {payload: full}",
        "bad.yaml: model: missing; give it, for example model: opt-13b; payload: full writes the model's",
    ),
    ("arena: {check: some}", "bad.yaml:1: arena.check: unknown 'some'; did you mean sample?"),
    ("arena: {poison: 1}", "bad.yaml:1: arena.poison: '1' is neither true nor false; write true or false"),
    (
        "measure: {warmup_requests: 4}",
        "bad.yaml:1: measure.warmup_requests: 4 of 4 requests would leave nothing to measure; write less than 4",
    ),
    ("measure: {warmup_requests: -1}", "bad.yaml:1: measure.warmup_requests: -1 is too small; write at least 0"),
    ("measure: {samples: 0}", "bad.yaml:1: measure.samples: 0 is too small; write at least 1"),
    (
        "checks: [1]",
        'bad.yaml:1: checks: expected paths with expressions, such as vllm.batch.mean: ">= 4", found a list',
    ),
    (
        "checks: {vllm: '>= 1'}",
        "bad.yaml:1: checks: 'vllm' is no path; write allocator.key.key, such as vllm.batch.mean",
    ),
    ("checks: {vlm.batch.mean: '>= 1'}", "bad.yaml:1: checks.vlm.batch.mean: no allocator 'vlm'; did you mean vllm?"),
    (
        "checks: {vllm.batch.mean: '=> 1'}",
        'bad.yaml:1: checks.vllm.batch.mean: \'=> 1\' is no expectation; write ">= 0.95", "p99 < 0.06", "0.204 +-',
    ),
    (
        "checks:\n  vllm.batch.mean:\n    - '>= 1'\n    - {check: '!= 1', level: warn}",
        "bad.yaml:4: checks.vllm.batch.mean: '!= 1' is no expectation; write",
    ),
    (
        "checks: {vllm.batch.mean: {check: 3, level: fatal}}",
        "bad.yaml:1: checks.vllm.batch.mean: unknown level 'fatal'; write one of warn, error",
    ),
    (
        "checks: {vllm.batch.mean: {check: 3, levl: warn}}",
        "bad.yaml:1: checks.vllm.batch.mean: unknown key 'levl'; did you mean level?",
    ),
    (
        "checks: {vllm.batch.mean: {level: warn}}",
        'bad.yaml:1: checks.vllm.batch.mean: the check is missing; write {check: ">= 0.95", level: warn}',
    ),
    (
        "checks: {vllm.batch.mean: {check: [3], level: warn}}",
        'bad.yaml:1: checks.vllm.batch.mean: expected an expression such as ">= 0.95", found a list',
    ),
    (
        "checks:\n  vllm.batch.mean: > baseline",
        'bad.yaml:2: YAML reads > as the start of a text block; quote the expression: ">= 0.9"',
    ),
    (
        "checks: {vllm.batch.mean: '1 +- -1'}",
        "bad.yaml:1: checks.vllm.batch.mean: the tolerance in '1 +- -1' is negative; write it without a sign",
    ),
    (
        "checks: {vllm.batch.mean: }",
        'bad.yaml:1: checks.vllm.batch.mean: no value; give an expression such as ">= 0.95"',
    ),
    (
        "checks: {'a b.c': '>= 1'}",
        "bad.yaml:1: checks: 'a b.c' is no path; write allocator.key.key, such as vllm.batch.mean",
    ),
    (
        "checks:\n  vllm.batch.mean: >= 3",
        'bad.yaml:2: YAML reads > as the start of a text block; quote the expression: ">= 0.9"',
    ),
    (
        "checks: {vllm.batch.mean: [ '>= 1', '=2']}",
        "bad.yaml:1: checks.vllm.batch.mean: '=2' is no expectation; write",
    ),
    ("measure: {samples: 1e9}", "bad.yaml:1: measure.samples: 1e9 is too large; write at most 1,000,000"),
    (
        "trace: t.csv",
        "bad.yaml:1: trace: 'trace' belongs to workload; write workload: {trace: t.csv}",
    ),
    (
        "checks: {vllm.batch.mean: '>= high'}",
        'bad.yaml:1: checks.vllm.batch.mean: \'>= high\' is no expectation; write ">= 0.95", "p99 < 0.06",',
    ),
]


@pytest.mark.parametrize(("lines", "message"), BAD_KEYS)
def test_bad_policy(lines: str, message: str) -> None:
    assert refusal(text_with(lines)).startswith(message)
