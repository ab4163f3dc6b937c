"""The lines of start-up logs that are understood: one regular expression each, by engine.

A group is named after what it holds and the form it has: `weights__gib` is the key `weights` in GiB (engines print "GB"
for the same), `__mib`, `__bytes`, `__whole` (thousands separated or not), `__number` and `__text` likewise. The forms
were taken from logs in public threads and from the engines' sources; none is complete, and a log is often partial.
"""

from __future__ import annotations

import re

VLLM, SGLANG, TENSORRT_LLM = "vllm", "sglang", "tensorrt-llm"

_GIB = r"-?[\d.]*\d"

_VLLM_LINES = (
    # V0, one sentence or one line a number (0.6.5)
    rf"total_gpu_memory(?: \(|\s+|=)(?P<total__gib>{_GIB})GiB",
    r"gpu_memory_utilization(?: \(|\s+|=)(?P<gpu_memory_utilization__number>[\d.]*\d)(?!\S*GiB)",
    rf"the current vLLM instance can use\s+(?P<requested__gib>{_GIB})GiB",
    rf"\)\s*x gpu_memory_utilization \([\d.]+\) = (?P<requested__gib>{_GIB})GiB",
    rf"model weights take\s+(?P<weights__gib>{_GIB})GiB",
    rf"^(?!.*snapshot).*non_torch_memory(?: takes)?(?:\s+|=)(?P<non_torch__gib>{_GIB})GiB",
    rf"PyTorch activation peak memory(?: takes)?\s+(?P<activations__gib>{_GIB})GiB",
    rf"(?:reserved for KV Cache is|KV Cache is|available_kv_cache_memory)\s+(?P<kv_cache__gib>{_GIB})GiB",
    # before 0.6.5, pairs on one line; the peak includes the weights
    rf"peak_torch_memory=(?P<peak__gib>{_GIB})GiB",
    rf"kv_cache_size=(?P<kv_cache__gib>{_GIB})GiB",
    # loading
    rf"(?:Loading model weights|Model loading) took (?P<weights__gib>{_GIB}) ?(?:GB|GiB)\b",
    r"Using (?P<kv_dtype__text>fp8\w*) data type to store kv cache",
    r"Using max model len (?P<max_model_len__whole>\d+)",
    r"max_num_batched_tokens=(?P<max_num_batched_tokens__whole>\d+)\.",
    r"Defaulting max_num_batched_tokens to (?P<max_num_batched_tokens__whole>\d+)",
    r"Defaulting max_num_seqs to (?P<max_num_seqs__whole>\d+)",
    # V1
    rf"Available KV cache memory: (?P<kv_cache__gib>{_GIB}) ?GiB",
    rf"reserved (?P<kv_cache__gib>{_GIB}) GiB memory for KV Cache as specified",
    rf"[Cc]urrent kv cache memory(?: in use is|:) (?P<kv_cache__gib>{_GIB}) GiB",
    r"GPU KV cache size: (?P<tokens__whole>[\d,]+) tokens",
    r"(?i)\b(?:GPU|CUDA|ROCm|XPU|HPU|NPU) blocks: (?P<blocks__whole>\d+)",
    r"with num_gpu_blocks_override=(?P<blocks__whole>\d+)",
    r"Maximum concurrency for (?P<max_model_len__whole>[\d,]+) tokens per request: (?P<concurrency__number>[\d.]+)x",
    r"Setting attention block size to (?P<block_size__whole>\d+) tokens",
    rf"torch peak memory increase: (?P<activations__gib>{_GIB})GiB",
    rf"non-torch forward increase memory: (?P<non_torch__gib>{_GIB})GiB",
    rf"total consumed \(from mem_get_info\): (?P<consumed__gib>{_GIB})GiB",
    rf"weights memory: (?P<weights__gib>{_GIB})GiB",
    rf"[, ]total_memory=(?P<total__gib>{_GIB})GiB",
    rf"worker requested memory: (?P<requested__gib>{_GIB})GiB",
    rf"Requested memory: (?P<gpu_memory_utilization__number>[\d.]+) \(util\), (?P<requested__gib>{_GIB}) GiB",
    rf"Free memory on device[^(]*\({_GIB}/(?P<total__gib>{_GIB}) GiB\)",
    rf"esired GPU memory utilization (?:is )?\((?P<gpu_memory_utilization__number>[\d.]+), "
    rf"(?P<requested__gib>{_GIB}) GiB\)",
    rf"(?P<weights__gib>{_GIB}) GiB for weights?[,\s]",
    rf"(?P<consumed__gib>{_GIB}) GiB for consumed memory",
    rf"(?P<activations__gib>{_GIB}) GiB for peak activation",
    rf"(?P<non_torch__gib>{_GIB}) GiB for non-torch memory",
    rf"Estimated CUDA graph memory: (?P<cuda_graphs__gib>{_GIB}) GiB",
    r"The current --gpu-memory-utilization=(?P<gpu_memory_utilization__number>[\d.]*\d) is equivalent",
)

_SGLANG_LINES = (
    rf"Load weight begin\. avail mem=(?P<free_before__gib>{_GIB}) GB",
    rf"Load weight end\..*?avail mem=(?P<free_after__gib>{_GIB}) GB",
    rf"Load weight end\..*?mem usage=(?P<weights__gib>{_GIB}) GB",
    r"KV Cache is allocated\..*?#tokens: (?P<tokens__whole>\d+)",
    rf"KV Cache is allocated\..*?\bK(?: size:)? (?P<k_cache__gib>{_GIB}) GB, V(?: size:)? (?P<v_cache__gib>{_GIB}) GB",
    rf"KV Cache is allocated\..*?\bKV size: (?P<kv_cache__gib>{_GIB}) GB",
    r"KV Cache is allocated\. dtype: torch\.(?P<kv_dtype__text>\w+)",
    r"Using KV cache dtype: torch\.(?P<kv_dtype__text>\w+)",
    r"max_total_num_tokens=(?P<tokens__whole>\d+)",
    r"chunked_prefill_size=(?P<max_num_batched_tokens__whole>\d+)",
    r"max_running_requests=(?P<max_num_seqs__whole>\d+)",
    r"context_len=(?P<max_model_len__whole>\d+)",
)

_TENSORRT_LLM_LINES = (
    r"TensorRT[- ]LLM version:? (?P<version__text>\d[\w.]*)",
    r"Engine version (?P<version__text>\d[\w.]*) found in the config file",
    rf"max tokens in paged kv cache: total: (?P<total__gib>{_GIB}) GiB, available: (?P<free__gib>{_GIB}) GiB",
    r"Number of blocks in KV cache primary pool: (?P<blocks__whole>\d+)",
    r"tokens per block(?:: |=)(?P<block_size__whole>\d+)",
    r"primary blocks=(?P<blocks__whole>\d+)",
    rf"Allocated (?P<kv_cache__gib>{_GIB}) GiB for max tokens in paged KV cache \((?P<tokens__whole>\d+)\)",
    rf"Allocated (?P<kv_cache__gib>{_GIB}) GiB for max tokens \((?P<tokens__whole>\d+)\)",
    r"Allocate (?P<kv_cache__bytes>\d+) bytes for k/v cache",
    r"Using (?P<tokens__whole>\d+) tokens in paged KV cache",
    rf"Loaded engine size: (?P<weights__mib>{_GIB}) MiB",
    rf"Allocated (?P<activations__mib>{_GIB}) MiB for execution context memory",
    rf"after loading model weights \(inside torch\).*?: (?P<weights__gib>{_GIB}) GiB",
    rf"dynamically allocated during inference \(inside torch\).*?: (?P<activations__gib>{_GIB}) GiB",
    rf"Memory used outside torch .*?: (?P<non_torch__gib>{_GIB}) GiB",
    r"fraction is set (?P<gpu_memory_utilization__number>[\d.]*\d)",
    rf"device total memory (?P<total__gib>{_GIB}) GiB",
    r"kv size (?:per token )?is (?P<bytes_per_token__whole>\d+)",
    r"[mM]axSequenceLen: (?P<max_model_len__whole>\d+)",
    r"max_seq_len=(?P<max_model_len__whole>\d+), max_num_requests=(?P<max_num_seqs__whole>\d+)",
    r"max_num_requests=\d+, max_num_tokens=(?P<max_num_batched_tokens__whole>\d+)",
    r"(?:maxBatchSize|maxNumSequences): (?P<max_num_seqs__whole>\d+)",
    r"maxNumTokens: (?P<max_num_batched_tokens__whole>\d+)",
)

LINES: dict[str, tuple[re.Pattern[str], ...]] = {
    VLLM: tuple(map(re.compile, _VLLM_LINES)),
    SGLANG: tuple(map(re.compile, _SGLANG_LINES)),
    TENSORRT_LLM: tuple(map(re.compile, _TENSORRT_LLM_LINES)),
}

TELLING = re.compile(
    r"GiB|GB\b|MiB|block|bytes for k/v|max_|max[A-Z]|cache size|is allocated|KV cache dtype|data type|version|[Aa]rgs|"
    r"config|model len|concurrency|fraction is|kv size|in paged|utilization|GPU \d+:"
)
"""What every line that is understood has in it: most lines of a long log do not, and are passed over."""

STARTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        VLLM,
        re.compile(r"Initializing an? (?:V[01] )?LLM engine \(v(?P<version__text>[^)]+)\) with config: (?P<config>.*)"),
    ),
    (VLLM, re.compile(r"vLLM API server version (?P<version__text>\d\S*)")),
    (VLLM, re.compile(r"[█▀▄ ]{6,}version (?P<version__text>\d\S*)")),
    (VLLM, re.compile(r"non-default args: (?P<config>.*)")),
    (VLLM, re.compile(r"\bargs: Namespace\((?P<config>.*)")),
    (SGLANG, re.compile(r"server_args=(?P<config>ServerArgs\(.*)")),
    (TENSORRT_LLM, re.compile(r"LLM Args:(?P<config>.*)")),
    (TENSORRT_LLM, re.compile(r"engine args: (?P<config>\{.*)")),
)
"""Lines with which an engine begins; `config` is a list of its settings, which `CONFIG` reads."""

CONFIG: dict[str, str] = {
    "model": "model__text",
    "model_tag": "model__text",
    "model_path": "model__text",
    "dtype": "dtype__text",
    "kv_cache_dtype": "kv_dtype__text",
    "quantization": "quantization__text",
    "max_seq_len": "max_model_len__whole",
    "max_model_len": "max_model_len__whole",
    "context_length": "max_model_len__whole",
    "tensor_parallel_size": "tensor_parallel__whole",
    "tp_size": "tensor_parallel__whole",
    "pipeline_parallel_size": "pipeline_parallel__whole",
    "pp_size": "pipeline_parallel__whole",
    "gpu_memory_utilization": "gpu_memory_utilization__number",
    "mem_fraction_static": "gpu_memory_utilization__number",
    "free_gpu_memory_fraction": "gpu_memory_utilization__number",
    "max_num_seqs": "max_num_seqs__whole",
    "max_running_requests": "max_num_seqs__whole",
    "max_batch_size": "max_num_seqs__whole",
    "max_num_batched_tokens": "max_num_batched_tokens__whole",
    "chunked_prefill_size": "max_num_batched_tokens__whole",
    "max_num_tokens": "max_num_batched_tokens__whole",
    "block_size": "block_size__whole",
    "page_size": "block_size__whole",
    "tokens_per_block": "block_size__whole",
}
"""Settings of engines and what they mean here."""
