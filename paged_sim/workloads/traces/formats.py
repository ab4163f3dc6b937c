"""The formats of recorded requests: what tells each, its columns, its unit of time, its block.

A name of a column is a header of a table or a key of a JSON object; dots lead into nested objects. The first name of a
field that a file has serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIELDS = ("arrival", "prompt", "output", "max_tokens", "session", "turn", "delay", "hash_ids", "block_size")
"""What a row may say of its request; each is a key of `columns`."""

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Units of time, and how many of each a second has."""

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "max_tokens": (
        "max_tokens",
        "max_new_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "sampling_params.max_tokens",
        "params.max_tokens",
    ),
    "session": ("session", "session_id", "sessionid", "Session ID", "conversation_id", "conversation"),
    "turn": ("turn", "turn_index", "turn_id", "round"),
    "delay": ("delay", "delay_ms"),
    "hash_ids": ("hash_ids", "block_hashes", "block_ids"),
    "block_size": ("block_size",),
}


@dataclass(frozen=True, slots=True)
class Format:
    """One format. Any of `telling` in a file tells it, unless one of `but_not` does too.

    `columns` gives for each field the names it has, in order of preference; those of all formats for the optional
    fields come after them. Times are in `unit`, each id of a block stands for `block` tokens where the file says
    nothing else (`whole_prompt`: always all of the prompt, its partial last block included). A file may
    do without times unless `timed`. With `zero_is_failure` a row in which either count is 0 is a failed request.
    A `document` is one object that holds requests; `local_ids` mean nothing outside their file. Unless `exact`, names
    may be spelt otherwise: in another case, with other separators between words.
    """

    what: str
    telling: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    unit: str = "s"
    block: int = 16
    whole_prompt: bool = False
    timed: bool = False
    zero_is_failure: bool = False
    but_not: tuple[str, ...] = ()
    exact: bool = True
    document: bool = False
    local_ids: bool = False

    def names(self, wanted: str) -> tuple[str, ...]:
        """The names that a field has in this format."""
        return (*self.columns.get(wanted, ()), *_OPTIONAL.get(wanted, ()))


_PROMPT = (
    "prompt_tokens",
    "input_tokens",
    "num_prompt_tokens",
    "num_input_tokens",
    "number_input_tokens",
    "prompt_token_count",
    "input_token_count",
    "usage.prompt_tokens",
    "usage.input_tokens",
    "response.usage.prompt_tokens",
    "response.usage.input_tokens",
    "prompt_len",
    "prompt_length",
    "input_len",
    "prefill_tokens",
    "context_tokens",
    "request_tokens",
    "prompt_size",
    "input_sequence_length",
    "request_num_prefill_tokens",
    "isl",
    "prompt",
    "input",
)
_OUTPUT = (
    "output_tokens",
    "completion_tokens",
    "generated_tokens",
    "num_output_tokens",
    "num_generated_tokens",
    "num_completion_tokens",
    "number_output_tokens",
    "completion_token_count",
    "output_token_count",
    "usage.completion_tokens",
    "usage.output_tokens",
    "response.usage.completion_tokens",
    "response.usage.output_tokens",
    "output_len",
    "generated_len",
    "completion_length",
    "decode_tokens",
    "response_tokens",
    "token_size",
    "output_sequence_length",
    "request_num_decode_tokens",
    "osl",
    "output",
    "completion",
)
_ARRIVAL = (
    "arrival",
    "arrival_time",
    "arrived_at",
    "arrival_timestamp",
    "timestamp",
    "request_start_time",
    "start_time",
    "request_time",
    "request_timestamp",
    "created_at",
    "created",
    "time",
    "ts",
    "datetime",
    "date",
)

FORMATS: dict[str, Format] = {
    # Azure/AzurePublicDataset: AzureLLMInferenceDataset2023.md and ...2024.md.
    "azure": Format(
        "Azure LLM inference CSV, 2023 and 2024: TIMESTAMP, ContextTokens, GeneratedTokens",
        ("ContextTokens", "GeneratedTokens", "TIMESTAMP"),
        {"prompt": ("ContextTokens",), "output": ("GeneratedTokens",), "arrival": ("TIMESTAMP",)},
        timed=True,
    ),
    # microsoft/vidur, data/processed_traces; microsoft/sarathi-serve.
    "vidur": Format(
        "Vidur or Sarathi CSV: num_prefill_tokens, num_decode_tokens and perhaps arrived_at (s)",
        ("num_prefill_tokens", "num_decode_tokens"),
        {"prompt": ("num_prefill_tokens",), "output": ("num_decode_tokens",), "arrival": ("arrived_at",)},
    ),
    # HPMLL/BurstGPT, README: the second release adds Session ID and Elapsed time.
    "burstgpt": Format(
        "BurstGPT CSV, 1 and 2: Timestamp (s), Request tokens, Response tokens; rows of 0 tokens are failures",
        ("Request tokens", "Response tokens"),
        {"prompt": ("Request tokens",), "output": ("Response tokens",), "arrival": ("Timestamp",)},
        timed=True,
        zero_is_failure=True,
    ),
    # casys-kaist/LLMServingSim: the TSV of its first version, and the JSON lines that its router reads today.
    "llmservingsim": Format(
        "LLMServingSim TSV or JSON lines: input_toks, output_toks, arrival_time_ns; agentic sessions too",
        ("input_toks", "output_toks", "sub_requests"),
        {"prompt": ("input_toks",), "output": ("output_toks",), "arrival": ("arrival_time_ns",)},
        unit="ns",
        timed=True,
    ),
    # kvcache-ai/Mooncake, FAST25-release/traces; `session_id` and `delay` (ms) as ai-dynamo/aiperf reads them.
    "mooncake": Format(
        "Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids of 512 tokens",
        ("input_length", "output_length"),
        {"prompt": ("input_length",), "output": ("output_length",), "arrival": ("timestamp",)},
        unit="ms",
        block=512,
        whole_prompt=True,
        timed=True,
        but_not=("bailian",),
    ),
    # alibaba-edu/qwen-bailian-usagetraces-anon, README; also ai-dynamo/aiperf, docs/tutorials/bailian-trace.md.
    "bailian": Format(
        "Qwen-Bailian JSON lines: chat_id, parent_chat_id, timestamp (s), input_length, output_length, hash_ids of 16",
        ("parent_chat_id", "chat_id"),
        {"prompt": ("input_length",), "output": ("output_length",), "arrival": ("timestamp",)},
        whole_prompt=True,
        timed=True,
    ),
    # ai-dynamo/aiperf, profile_export.jsonl: one record a request, ids and times in `metadata`, sizes in `metrics`.
    "aiperf": Format(
        "AIPerf profile_export.jsonl: metadata.request_start_ns (ns) and the lengths in metrics of each request",
        ("metadata.request_start_ns", "metrics.input_sequence_length", "metrics.output_sequence_length"),
        {
            "prompt": ("metrics.input_sequence_length",),
            "output": ("metrics.output_sequence_length",),
            "arrival": ("metadata.request_start_ns",),
            "session": ("metadata.conversation_id",),
            "turn": ("metadata.turn_index",),
        },
        unit="ns",
        timed=True,
    ),
    # vllm-project/guidellm: benchmarks[].requests of its JSON report (`GenerativeRequestStats`).
    "guidellm": Format(
        "guidellm JSON report: benchmarks[].requests with prompt_tokens, output_tokens, request_start_time (s)",
        ("benchmarks",),
        {
            "prompt": ("prompt_tokens",),
            "output": ("output_tokens",),
            "arrival": ("request_start_time", "start_time"),
        },
        document=True,
    ),
    # vllm-project/vllm, benchmarks/serve.py with --save-detailed; sgl-project/sglang, bench_serving.py with
    # --output-details.
    "benchmark": Format(
        "result of vllm bench serve or sglang.bench_serving with its details: lists input_lens, output_lens",
        ("input_lens", "output_lens", "total_input_tokens"),
        {"prompt": ("input_lens",), "output": ("output_lens",), "arrival": ("start_times",)},
        document=True,
    ),
    "requests": Format(
        "JSON lines, a JSON list or CSV: prompt_tokens, output_tokens, perhaps arrival (s), hash_ids of 16 tokens; or "
        "other usual names of these",
        (*_PROMPT, *_OUTPUT),
        {
            "prompt": (*_PROMPT, "input_length", "num_prefill_tokens", "input_toks", "ContextTokens"),
            "output": (*_OUTPUT, "output_length", "num_decode_tokens", "output_toks", "GeneratedTokens"),
            "arrival": _ARRIVAL,
        },
        exact=False,
        but_not=("guidellm", "aiperf", "benchmark"),
    ),
    # callanjfox/kv-cache-tester, traces/: one conversation a file.
    "kv-cache-tester": Format(
        "kv-cache-tester JSON: one conversation with requests[] of t (s), in, out, hash_ids",
        ("requests",),
        {"prompt": ("in",), "output": ("out",), "arrival": ("t",)},
        block=64,
        timed=True,
        but_not=("guidellm", "benchmark", "requests"),
        document=True,
        local_ids=True,
    ),
}
"""Every format by name, in the order in which they are listed."""
