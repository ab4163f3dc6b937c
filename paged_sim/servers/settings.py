"""The settings of engines that a scenario knows, by every name that engines give them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a setting belongs in a scenario, and how it is written there.

    `form`: how its value reads. `whole` a number (8k is 8,000, 8K is 8,192) | `size` bytes | `share` a number from 0 to
    1 | `word` as it is | a word of the scenario, which the flag stands for. `example` is YAML, `{}` its value.
    """

    path: str
    form: str
    example: str


_LENGTH = Setting("max_model_len", "whole", "max_model_len: {}")
_SHARE = Setting("memory.gpu_memory_utilization", "share", "memory: {{gpu: h100-80gb, gpu_memory_utilization: {}}}")
_BYTES = Setting("memory.kv_cache", "size", "memory: {{kv_cache: {}}}")
_PAGES = Setting("memory.pages", "whole", "memory: {{pages: {}}}")
_SLOTS = Setting("memory.slots", "whole", "memory: {{slots: {}}}")
_PARALLEL = Setting("model.tensor_parallel", "whole", "model: {{preset: llama-3.1-8b, tensor_parallel: {}}}")
_KV_DTYPE = Setting("model.kv_dtype", "dtype", "model: {{preset: llama-3.1-8b, kv_dtype: {}}}")
_SEQS = Setting("scheduler.max_num_seqs", "whole", "scheduler: {{max_num_seqs: {}}}")
_TOKENS = Setting("scheduler.max_num_batched_tokens", "whole", "scheduler: {{max_num_batched_tokens: {}}}")
_CHUNKED = Setting("scheduler.prefill", "chunked", "scheduler: {{prefill: chunked}}")
_PAGE = Setting("allocators[].page_size", "whole", "allocators: [{{name: vllm, policy: paged, page_size: {}}}]")
_HASH = Setting("allocators[].prefix_cache", "hash", "allocators: [{{name: vllm, policy: paged, prefix_cache: hash}}]")
_NONE = Setting(
    "allocators[].prefix_cache", "none", "allocators: [{{name: sglang, policy: paged, prefix_cache: none}}]"
)

SETTINGS: dict[str, Setting] = {
    "max_model_len": _LENGTH,
    "max_seq_len": _LENGTH,
    "context_length": _LENGTH,
    "context_len": _LENGTH,
    "max_context_len": _LENGTH,
    "gpu_memory_utilization": _SHARE,
    "mem_fraction_static": _SHARE,
    "free_gpu_memory_fraction": _SHARE,
    "kv_cache_free_gpu_memory_fraction": _SHARE,
    "kv_cache_free_gpu_mem_fraction": _SHARE,
    "kv_cache_memory_bytes": _BYTES,
    "kv_cache_memory": _BYTES,
    "num_gpu_blocks_override": _PAGES,
    "num_gpu_blocks": _PAGES,
    "max_total_tokens": _SLOTS,
    "max_tokens_in_paged_kv_cache": _SLOTS,
    "tensor_parallel_size": _PARALLEL,
    "tp_size": _PARALLEL,
    "tp": _PARALLEL,
    "kv_cache_dtype": _KV_DTYPE,
    "max_num_seqs": _SEQS,
    "max_running_requests": _SEQS,
    "max_batch_size": _SEQS,
    "max_num_batched_tokens": _TOKENS,
    "max_num_tokens": _TOKENS,
    "chunked_prefill_size": _TOKENS,
    "enable_chunked_prefill": _CHUNKED,
    "enable_chunked_context": _CHUNKED,
    "block_size": _PAGE,
    "page_size": _PAGE,
    "tokens_per_block": _PAGE,
    "enable_prefix_caching": _HASH,
    "enable_block_reuse": _HASH,
    "enable_kv_cache_reuse": _HASH,
    "disable_radix_cache": _NONE,
}

OPPOSITES: dict[str, str] = {"hash": "none", "none": "", "chunked": "whole"}
"""What switching a setting off means, by the word of the scenario that it stands for; "" leaves it to the default."""

SHORT: dict[str, str] = {"tp": "tensor_parallel_size", "pp": "pipeline_parallel_size", "dp": "data_parallel_size"}
"""Options with one dash, by their long names."""

NOT_MODELLED: dict[str, str] = {
    "pipeline_parallel_size": "each GPU is taken to hold its share of every layer",
    "pp_size": "each GPU is taken to hold its share of every layer",
    "data_parallel_size": "one replica is simulated",
    "dp_size": "one replica is simulated",
    "dp": "one replica is simulated",
    "quantization": "give the bytes of the quantized weights as memory.weights",
    "dtype": "give the bytes of the weights as memory.weights where they are not 16 bit",
    "speculative_config": "a draft model's KV and weights are not counted",
    "speculative_model": "a draft model's KV and weights are not counted",
    "speculative_algorithm": "a draft model's KV and weights are not counted",
    "enable_lora": "adapters are not counted",
    "cpu_offload_gb": "all weights lie on the GPU",
    "swap_space": "nothing is swapped",
    "kv_transfer_config": "KV does not leave the GPU",
    "kv_offloading_size": "KV does not leave the GPU",
    "enforce_eager": "memory for CUDA graphs is set aside as if there were some",
    "disable_hybrid_kv_cache_manager": "every layer is booked in full",
    "enable_expert_parallel": "weights are split evenly",
    "max_prefill_tokens": "max_num_batched_tokens is the only limit of a step",
}
"""Settings that matter for memory and have no place in a scenario, with what is done instead."""

UNRELATED: frozenset[str] = frozenset(
    {
        *("host", "port", "served_model_name", "api_key", "trust_remote_code", "tokenizer", "tokenizer_path", "seed"),
        *(
            "random_seed",
            "chat_template",
            "tool_call_parser",
            "reasoning_parser",
            "enable_auto_tool_choice",
            "revision",
        ),
        *("download_dir", "load_format", "log_level", "disable_log_requests", "disable_log_stats", "uvicorn_log_level"),
        *("enable_metrics", "ssl_keyfile", "ssl_certfile", "root_path", "allowed_origins", "backend", "tokenizer_mode"),
        *(
            "distributed_executor_backend",
            "attention_backend",
            "generation_config",
            "enable_reasoning",
            "watchdog_timeout",
        ),
        *("O", "compilation_config", "cuda_graph_max_bs", "disable_cuda_graph_padding", "limit_mm_per_prompt"),
        *("disable_custom_all_reduce", "async_scheduling", "no_enable_log_requests", "enable_log_requests"),
    }
)
"""Settings that have nothing to do with memory."""
