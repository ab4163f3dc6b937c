"""The keys of a scenario file: each with its shape, default, bounds and meaning.

Validation, `--set`, the dump of a resolved scenario, the JSON Schema and the reference page are made from this table
alone. What involves several keys at once is in `crosscheck`.
"""

from __future__ import annotations

from paged_sim.allocators import FAMILIES, WORDS
from paged_sim.scenario.compound import Bounds, Choice, Expectations, Histogram, Quantiles
from paged_sim.scenario.hardware import EngineName, GpuName
from paged_sim.scenario.lognormal import LogNormal
from paged_sim.scenario.models import Variant
from paged_sim.scenario.scalars import FilePath, FilePaths, Flag, Name, Number, Text, Word
from paged_sim.scenario.shapes import Key, ListOf, ScalarOrList, Section
from paged_sim.scenario.units import DURATION, NUMBER, RATE, SHARE, SIZE
from paged_sim.scenario.variants import Variants, Way, nested, one_key

COUNT = Number(minimum=1)
TOKENS = Number(minimum=1, maximum=10**9)
FRACTION = Number(SHARE, minimum=0, maximum=1)
POSITIVE = Number(NUMBER, above=0)
SPAN = Number(DURATION, minimum=0)
POSITIVE_SPAN = Number(DURATION, above=0)
POSITIVE_RATE = Number(RATE, above=0)
DTYPE = Word(
    ("fp16", "bf16", "fp32", "fp8", "int8", "int4", "nvfp4"),
    also=("float16", "bfloat16", "float32", "fp8_e4m3", "fp8_e5m2"),
)

_KV_DTYPE = Key("kv_dtype", DTYPE, "Element type of the KV cache.", "fp8", default_text="the model's own")
_PARALLEL = Key("tensor_parallel", COUNT, "GPUs that share the KV heads; bytes are those of one GPU.", "8", default=1)

_PRESET = Section(
    (
        Key(
            "preset", Name("model"), "A model that the project knows, by its name or Hub id.", "opt-13b", required=True
        ),
        _KV_DTYPE,
        _PARALLEL,
    ),
    bare="preset",
)
_HF_CONFIG = Section(
    (
        Key(
            "hf_config",
            FilePath(inside="config.json"),
            "A model as its local Hugging Face config.json, or the folder with it, describes it.",
            "config.json",
            required=True,
            field="path",
        ),
        _KV_DTYPE,
        _PARALLEL,
    )
)
_EXPLICIT = Section(
    (
        Key("layers", COUNT, "Layers that keep KV.", "40", required=True),
        Key("kv_heads", COUNT, "KV heads of one layer.", "40", required=True),
        Key("head_dim", COUNT, "Elements of one head.", "128", required=True),
        Key(
            "dtype", DTYPE, "Element type of the model and, without kv_dtype, of the KV cache.", "bf16", default="fp16"
        ),
        _KV_DTYPE,
        _PARALLEL,
    )
)
MODEL = Variants(
    (
        Way("preset", _PRESET, "A model by name."),
        Way("hf_config", _HF_CONFIG, "A model by its config.json."),
        Way("explicit", _EXPLICIT, "A model by its numbers."),
        one_key("bytes_per_slot", Number(SIZE, minimum=1), "Bytes of one token's KV.", "800KiB", field="bytes"),
    ),
    later=("layer_groups",),
)

_GPU = Section(
    (
        Key(
            "gpu",
            GpuName(),
            "The GPU whose memory is divided, by the project's name, the driver's or a short one; or the total that an "
            "engine prints for it.",
            "a100-40gb",
            required=True,
        ),
        Key(
            "gpu_memory_utilization",
            Number(SHARE, above=0, maximum=1),
            "Share of the GPU's memory that the server takes (SGLang: mem_fraction_static; TensorRT-LLM: "
            "free_gpu_memory_fraction, of what is free).",
            "0.95",
            default_text="0.9; vLLM 0.21 and later 0.92",
        ),
        Key(
            "weights",
            Word(("auto",), number=Number(SIZE, minimum=1)),
            "Bytes of the model's weights over all GPUs; auto takes them from the model.",
            "26GB",
            default="auto",
        ),
        Key(
            "activations",
            Number(SIZE, minimum=0),
            "Peak of the activations on each GPU, as a start-up log prints it.",
            "1.89GiB",
            default_text="estimated, with its bounds",
        ),
        Key(
            "non_torch",
            Number(SIZE, minimum=0),
            "What lies outside of PyTorch on each GPU, as a start-up log prints it.",
            "0.25GiB",
            default_text="estimated, with its bounds",
        ),
        Key(
            "engine",
            EngineName(),
            "The server, with its version, whose overheads are meant where they are not given.",
            "vllm-0.19",
            default_text="vllm of any version",
        ),
    )
)
MEMORY = Variants(
    (
        one_key("kv_cache", Number(SIZE, minimum=1), "Bytes for the KV cache on one GPU.", "12GiB", field="bytes"),
        one_key("slots", COUNT, "Room for so many tokens.", "15728"),
        one_key("pages", COUNT, "Room for so many pages: all allocators are paged, with one page size.", "600"),
        Way("gpu", _GPU, "What a GPU has left beside the model's weights."),
        one_key("log", FilePath(), "What a server measured, by its start-up log.", "server.log", field="path"),
    )
)

_NORMAL = Section(
    (
        Key("mean", POSITIVE, "Mean before clipping.", "500", required=True),
        Key("std", Number(NUMBER, minimum=0), "Standard deviation before clipping.", "200", required=True),
        Key("min", TOKENS, "Smaller values become this.", "200", default=1),
        Key("max", TOKENS, "Larger values become this.", "2048", default_text="max_model_len"),
    )
)
_GAMMA_LENGTH = Section(
    (
        Key("mean", POSITIVE, "Mean.", "340", required=True),
        Key("cv", POSITIVE, "Standard deviation over mean.", "0.8", required=True),
    )
)
_BINS = Section(
    (
        Key("first_edge", Number(NUMBER, minimum=0), "Lower edge of the first bin.", "1", required=True),
        Key("bin_width", POSITIVE, "Width of every bin.", "16", required=True),
        Key("counts", ListOf(Number(NUMBER, minimum=0)), "Weight of each bin.", "[120, 80, 3]", required=True),
    )
)
LENGTHS = Variants(
    (
        Way("constant", TOKENS, "The same length for every request."),
        nested("uniform", Bounds(), "Every length from low to high is as likely.", "[1, 512]"),
        nested("normal", _NORMAL, "Normal, clipped to min and max.", "{mean: 500, std: 200, min: 200, max: 2048}"),
        nested("lognormal", LogNormal(), "Log-normal, by two of its numbers.", "{median: 90, p95: 700}"),
        nested("gamma", _GAMMA_LENGTH, "Gamma.", "{mean: 340, cv: 0.8}"),
        nested(
            "histogram",
            Histogram(Name("histogram"), _BINS),
            "Bins of a histogram by weight, uniform within a bin: a preset or bins written out.",
            "sharegpt-prompt",
        ),
        nested("quantiles", Quantiles(), "Quantiles, linear in between.", "{p1: 5, p50: 40, p99: 900}"),
        nested("choice", Choice(), "One of these lengths, each as likely or by weight.", "{16: 0.5, 64: 0.5}"),
        one_key("values", ListOf(TOKENS), "These lengths, in order; one per request.", "[320, 48, 160, 96, 272]"),
    )
)

_MAX_TOKENS = Variants(
    (
        Way("constant", TOKENS, "The same limit for every request."),
        Way("output", Word(("output",)), "Exactly the output: the user knew."),
        one_key("factor", Number(NUMBER, minimum=1), "So many times the output, rounded up.", "2"),
    )
)

_GAMMA_ARRIVAL = Section(
    (
        Key("rate", POSITIVE_RATE, "Requests per time.", "2/s", required=True),
        Key("cv", POSITIVE, "Standard deviation over mean of the gaps; 1 is Poisson.", "3", required=True),
    )
)
_ON_OFF = Section(
    (
        Key("rate", POSITIVE_RATE, "Requests per time in a busy phase.", "20/s", required=True),
        Key("on", POSITIVE_SPAN, "Mean length of a busy phase.", "10s", required=True),
        Key("off", POSITIVE_SPAN, "Mean length of a silent phase.", "38s", required=True),
    )
)
_USERS = Section(
    (
        Key("users", COUNT, "So many users, each with one request at a time.", "32", required=True),
        Key("think", SPAN, "Time between a user's last answer and the next request.", "2s", default=0.0),
    )
)
ARRIVAL = Variants(
    (
        Way("saturated", Word(("saturated",)), "Every request waits from the start."),
        one_key("poisson", POSITIVE_RATE, "Independent requests at this rate.", "2/s", field="rate"),
        nested("gamma", _GAMMA_ARRIVAL, "Gaps of a gamma distribution.", "{rate: 2/s, cv: 3}"),
        nested("on_off", _ON_OFF, "Busy and silent phases of exponential length.", "{rate: 20/s, on: 10s, off: 38s}"),
        one_key("every", POSITIVE_SPAN, "One request after each interval.", "100ms", field="interval"),
        Way("users", _USERS, "A closed loop of users."),
    )
)

LISTED_REQUEST = Section(
    (
        Key("prompt", TOKENS, "Prompt tokens.", "7", required=True),
        Key("output", TOKENS, "Output tokens.", "4", required=True),
        Key("max_tokens", TOKENS, "Declared limit of the output.", "2041", default_text="workload.max_tokens"),
        Key("arrival", SPAN, "When it arrives.", "1.5s", default=0.0),
    )
)
_BEAM = Section(
    (
        Key("width", Number(minimum=1, maximum=10**4), "Beams of each request.", "4", required=True),
        Key(
            "keep",
            FRACTION,
            "Probability that a beam continues itself; else it continues one drawn from all beams of its request.",
            "0.5",
            default=0.0,
        ),
    ),
    bare="width",
)
_PREFIX = Section(
    (
        Key("groups", COUNT, "Different shared system prompts.", "8", required=True),
        Key("tokens", TOKENS, "Length of each, in front of the drawn prompt.", "200", required=True),
        Key("share", FRACTION, "Share of the requests that begin with one.", "0.6", default=1.0),
    )
)
_COLUMN = Text("the name of a column, its number from 1, or keys with dots between them")
_COLUMNS = Section(
    (
        Key("arrival", _COLUMN, "When it arrives.", "sent_at", default_text="told by the name"),
        Key("prompt", _COLUMN, "Prompt tokens.", "usage.prompt_tokens", default_text="told by the name"),
        Key("output", _COLUMN, "Output tokens.", "3", default_text="told by the name"),
        Key("max_tokens", _COLUMN, "Declared limit of the output.", "max_tokens", default_text="told by the name"),
        Key("session", _COLUMN, "Conversation that it is a turn of.", "session_id", default_text="told by the name"),
        Key("turn", _COLUMN, "Number of the turn in it.", "turn", default_text="told by the name"),
        Key("delay", _COLUMN, "Time since the answer before it.", "delay", default_text="told by the name"),
        Key("hash_ids", _COLUMN, "Ids of the prompt's leading blocks.", "hash_ids", default_text="told by the name"),
    )
)
_TRACE = Section(
    (
        Key(
            "file",
            FilePaths(),
            "The recorded requests; relative to the scenario file, in a flag to the current directory. Several files "
            "are one run: conversations of one file each begin together.",
            "requests.csv",
            required=True,
            field="paths",
        ),
        Key(
            "format", Name("trace format"), "Format of the file; auto tells it by the content.", "auto", default="auto"
        ),
        Key(
            "columns",
            _COLUMNS,
            "Which column or key of the file holds what.",
            "{prompt: tokens_in, output: tokens_out}",
            default_text="told by the format",
        ),
        Key(
            "time_unit",
            Word(("s", "ms", "us", "ns")),
            "Unit of the times in the file.",
            "ms",
            default_text="that of the format",
        ),
        Key(
            "block_size",
            TOKENS,
            "Prompt tokens that each of the hash_ids stands for.",
            "64",
            default_text="told by the format and the lengths",
        ),
        Key(
            "tokenizer",
            FilePath(),
            "A tokenizer.json that counts the tokens of a file of text; needs the package tokenizers.",
            "tokenizer.json",
            default_text="none",
        ),
        Key("limit", COUNT, "At most so many requests.", "5000", default_text="all"),
        Key("skip", Number(minimum=0), "Requests left out at the start.", "100", default=0),
        Key("speedup", POSITIVE, "Arrivals come so many times faster than recorded.", "2", default=1.0),
        Key(
            "answers",
            Flag(),
            "The prompt of a later turn holds the answers before it, where sessions or ids say so.",
            "false",
            default=True,
        ),
    ),
    bare="file",
)
_NEEDED = "required without a list of requests or a trace"
WORKLOAD = Section(
    (
        Key(
            "requests",
            ScalarOrList(Number(minimum=1, maximum=10**8), ListOf(LISTED_REQUEST, most=10_000)),
            "How many requests are drawn, or the requests themselves, one by one.",
            "4000",
            default_text="as many as there are values, where lengths are given as values",
        ),
        Key("prompt", LENGTHS, "Prompt tokens of each request.", "{uniform: [1, 512]}", default_text=_NEEDED),
        Key("output", LENGTHS, "Output tokens of each request.", "64", default_text=_NEEDED, like="workload.prompt"),
        Key(
            "max_tokens",
            _MAX_TOKENS,
            "The limit of the output that a request declares; allocators see it, and not the output.",
            "{factor: 2}",
            default_text="max_model_len",
        ),
        Key("arrival", ARRIVAL, "When requests arrive.", "{poisson: 2/s}", default=Variant("saturated")),
        Key(
            "samples",
            Number(minimum=1, maximum=10**4),
            "Parallel samples of each request: sequences with its prompt and its lengths.",
            "4",
            default=1,
        ),
        Key(
            "beam",
            _BEAM,
            "Beam search in place of samples: at every step each beam of a request continues one of its beams.",
            "{width: 4, keep: 0.5}",
            default_text="none",
            excludes=("samples",),
        ),
        Key("prefix", _PREFIX, "Shared system prompts.", "{groups: 8, tokens: 200}", default_text="none"),
        Key(
            "trace",
            _TRACE,
            "Recorded requests in place of requests, prompt and output.",
            "requests.csv",
            default_text="none",
            excludes=("requests", "prompt", "output"),
        ),
    )
)

SCHEDULER = Section(
    (
        Key("max_num_seqs", COUNT, "Sequences served at once, at most.", "64", default=256),
        Key("max_num_batched_tokens", COUNT, "Tokens computed in one step, at most.", "2048", default=8192),
        Key(
            "prefill",
            Word(("chunked", "whole")),
            "chunked: a prompt is computed in parts, as the token budget allows; whole: in the step that admits it.",
            "whole",
            default="chunked",
        ),
        Key(
            "preemption",
            Word(("recompute", "none"), later=("swap",)),
            "recompute: a sequence that cannot grow frees another, which starts again; none: it is refused.",
            "none",
            default="recompute",
        ),
        Key(
            "watermark",
            Number(SHARE, minimum=0, below=1),
            "Share of the memory that an admission leaves free while something runs.",
            "0.01",
            default=0.0,
        ),
        Key(
            "reserve_full_prompt",
            Flag(),
            "An admission needs room for the whole prompt, not only for its first chunk.",
            "false",
            default=True,
        ),
    )
)

_LINEAR = Section(
    (
        Key("base", SPAN, "Part of every step.", "36ms", default=0.0),
        Key("per_sequence", SPAN, "For each sequence of the step.", "0.29ms", default=0.0),
        Key("per_prefill_token", SPAN, "For each prompt token computed in the step.", "0.25ms", default=0.0),
    )
)
CLOCK = Variants(
    (
        Way("step", Word(("step",)), "Steps are counted, not timed; for requests that all wait from the start."),
        Way("linear", _LINEAR, "A step takes base + per_sequence x sequences + per_prefill_token x prompt tokens."),
    ),
    later=("roofline",),
)


def _meanings(lead: str, key: str) -> str:
    """The description of a key of an allocator by those of its words."""
    return f"{lead} {'; '.join(f'{word}: {meaning}' for word, meaning in WORDS[key].items())}."


def _policies_with(key: str) -> list[str]:
    """The policies that a key of an allocator is for."""
    return [*dict.fromkeys(family.policy for family in FAMILIES if key in family.keys)]


ALLOCATOR = Section(
    (
        Key(
            "name",
            Text("a name of letters, digits, - and _, with a letter in it", r"[0-9_-]*[A-Za-z][A-Za-z0-9_-]*"),
            "What reports and checks call it.",
            "vllm",
            required=True,
        ),
        Key(
            "policy",
            Word((*WORDS["policy"],), later=("vmm", "caching", "layer_groups")),
            _meanings("How memory is handed out.", "policy"),
            "paged",
            required=True,
        ),
        Key(
            "reserve",
            Word((*WORDS["reserve"],)),
            _meanings("How much a sequence gets.", "reserve"),
            "oracle",
            default="max",
            when=("policy", *_policies_with("reserve")),
        ),
        Key(
            "placement",
            Word((*WORDS["placement"],)),
            _meanings("Where a reservation goes.", "placement"),
            "buddy",
            default="first_fit",
            when=("policy", *_policies_with("placement")),
        ),
        Key("chunk", TOKENS, "Slots by which reserve: grow extends.", "128", default=256, when=("reserve", "grow")),
        Key(
            "page_size",
            TOKENS,
            "Slots of one page.",
            "32",
            default=16,
            aliases=("block_size", "tokens_per_block"),
            when=("policy", *_policies_with("page_size")),
        ),
        Key(
            "null_page",
            Flag(),
            "Page 0 is never handed out.",
            "true",
            default=False,
            when=("policy", *_policies_with("null_page")),
        ),
        Key(
            "prefix_cache",
            Word(("none", *WORDS["prefix_cache"])),
            _meanings("Share the pages of sequences that begin alike, kept after their end.", "prefix_cache"),
            "hash",
            default="none",
            when=("policy", *_policies_with("prefix_cache")),
        ),
        Key(
            "eviction",
            Word((*WORDS["eviction"],)),
            _meanings("Which kept page goes when memory is short.", "eviction"),
            "lfu",
            default="lru",
            when=("prefix_cache", "hash", "radix"),
        ),
    ),
    later=("layer_groups", "vmm"),
)

ARENA = Section(
    (
        Key(
            "device",
            Text("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(:[0-9]{1,4})?"),
            "Where the memory is; auto takes a usable GPU, but for payload: tag the host, which is faster.",
            "cuda:0",
            default="auto",
        ),
        Key(
            "payload",
            Word(("tag", "full", "none"), number=Number(minimum=8, multiple_of=8)),
            "What a slot really holds. tag: 8 bytes; full: the model's real bytes; none: no memory at all; or a number "
            "of bytes.",
            "full",
            default="tag",
        ),
        Key(
            "check",
            Word(("all", "finish", "sample", "none")),
            "Which tokens are read back: all of them once, those of sequences that end, a sample, or none.",
            "finish",
            default="all",
        ),
        Key("poison", Flag(), "Freed slots are overwritten, so that a stale read shows.", "true", default=False),
    )
)

MEASURE = Section(
    (
        Key("warmup_requests", Number(minimum=0), "Finished requests before measuring starts.", "100", default=0),
        Key("samples", Number(minimum=1, maximum=10**6), "Rows of the timeline that are kept.", "500", default=2000),
    )
)

SCENARIO = Section(
    (
        Key(
            "version",
            Number(minimum=1, maximum=1, beyond="this version reads scenarios of version 1; write version: 1"),
            "Version of the file format.",
            "1",
            default=1,
        ),
        Key("name", Text("a name"), "What reports call the scenario.", "vllm-fig2", default_text="the file's name"),
        Key("seed", Number(minimum=0), "Seed of everything random.", "42", default=0),
        Key(
            "repeats",
            Number(minimum=1, maximum=10**4),
            "Runs with seed, seed + 1, ...; reports show mean and spread.",
            "5",
            default=1,
        ),
        Key(
            "model",
            MODEL,
            "The model whose KV is stored: what one slot holds in bytes. Required where memory is given in bytes or as "
            "a GPU, and for payload: full.",
            "opt-13b",
            default_text="llama-2-7b (512 KiB a slot) where memory is given in slots or pages",
        ),
        Key("memory", MEMORY, "The memory for the KV cache.", "{kv_cache: 12GiB}", required=True),
        Key("max_model_len", TOKENS, "Longest prompt + output that is served.", "4096", default=2048),
        Key(
            "workload",
            WORKLOAD,
            "Where the requests come from.",
            "{requests: 100, prompt: 64, output: 32}",
            required=True,
        ),
        Key("scheduler", SCHEDULER, "Limits and rules of continuous batching.", "{max_num_seqs: 64}", implied=True),
        Key("clock", CLOCK, "How long a step takes.", "{base: 36ms, per_sequence: 0.29ms}", default=Variant("step")),
        Key(
            "allocators",
            ListOf(ALLOCATOR, label="name", most=100),
            "The allocation policies to compare; each runs on the same requests.",
            "[{name: vllm, policy: paged}]",
            required=True,
        ),
        Key("arena", ARENA, "The memory that is really written and read.", "{payload: none}", implied=True),
        Key("measure", MEASURE, "What is measured.", "{warmup_requests: 100}", implied=True),
        Key(
            "checks",
            Expectations(),
            "What is expected of numbers of the run's JSON, by path (allocator, then keys).",
            '{vllm.occupancy.saturated.mean: ">= 0.95"}',
            default_text="none",
        ),
    ),
    later=("layer_groups",),
)
