"""The shape of a KV cache from a local Hugging Face `config.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.geometry.architectures import ARCHITECTURES, Architecture
from paged_sim.geometry.config_file import HEADS, HIDDEN, LAYERS, ConfigFile, load_json
from paged_sim.geometry.dtypes import parse_dtype
from paged_sim.geometry.parameters import config_weights
from paged_sim.geometry.shape import Shape
from paged_sim.geometry.sizes import config_sizes

_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv")


def read_hf_config(path: Path, kv_dtype: str | None = None) -> Shape:
    """The KV shape of the model that the `config.json` at `path` describes; nothing is fetched.

    `kv_dtype` overrules the file's torch_dtype. Raises PagedSimError, naming file and key, for an unreadable file, an
    architecture that is not in `ARCHITECTURES`, or a value that is missing or impossible.
    """
    config, model_type = _open(path)
    architecture = ARCHITECTURES[model_type]
    origins = {"attention": config.where("model_type"), "layers": config.origin(*LAYERS)}
    dtype = _dtype(config, kv_dtype, origins)
    layers = config.integer(*LAYERS)
    heads = _latent(config, origins) if architecture.kv_heads == "mla" else _heads(config, architecture, origins)
    sliding = _sliding(config, architecture, layers, origins)
    return Shape(
        name=path.parent.name if path.name == "config.json" and path.parent.name else path.stem,
        attention=heads.attention + ("+sliding" if sliding.layers else ""),
        layers=layers,
        kv_heads=heads.kv_heads,
        head_dim=heads.head_dim,
        dtype=dtype,
        source=str(path),
        tensors=1 if heads.latent else 2,
        latent=heads.latent,
        sliding_layers=sliding.layers,
        window=sliding.window,
        weights=config_weights(config, architecture, heads.head_dim, heads.kv_heads),
        sizes=config_sizes(config.values),
        origins=origins,
    )


@dataclass(frozen=True, slots=True)
class _Heads:
    """What one layer stores for a token."""

    attention: str
    kv_heads: int
    head_dim: int
    latent: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Sliding:
    """How many layers look back at most `window` tokens."""

    layers: int
    window: int | None


def _open(path: Path) -> tuple[ConfigFile, str]:
    """The language model's part of the file and its model_type, which is a key of ARCHITECTURES."""
    outer = load_json(path)
    values, prefix = outer, ""
    if isinstance(outer.get("text_config"), dict):
        values, prefix = outer["text_config"], "text_config."
    model_type = values.get("model_type")
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        found = "missing" if model_type is None else f"{model_type!r} is not a known architecture"
        raise PagedSimError(
            f"{path}: {prefix}model_type: {found} (architectures: {outer.get('architectures')!r}); "
            f"known: {', '.join(ARCHITECTURES)}; or describe the model as {{layers, kv_heads, head_dim, dtype}}"
        )
    return ConfigFile(path, values, outer, prefix, ARCHITECTURES[model_type].defaults), model_type


def _dtype(config: ConfigFile, kv_dtype: str | None, origins: dict[str, str]) -> str:
    """The element type of the KV cache: the scenario's, else the file's; notes where it comes from."""
    if kv_dtype is not None:
        origins["dtype"] = "model.kv_dtype"
        return kv_dtype
    found = config.inherited("dtype", "torch_dtype")
    if found is None:
        where = config.where("torch_dtype")
        raise PagedSimError(f"{where}: missing; say model: {{hf_config: {config.path}, kv_dtype: fp16}}")
    origins["dtype"] = config.where(found[0])
    return parse_dtype(found[1], origins["dtype"])


def _heads(config: ConfigFile, architecture: Architecture, origins: dict[str, str]) -> _Heads:
    """Heads and elements a head of one layer with separate K and V."""
    attention_heads = config.integer(*HEADS)
    kv_heads = _kv_heads(config, architecture, attention_heads, origins)
    if attention_heads % kv_heads:
        key = config.name_of(_KV_HEADS) or _KV_HEADS[0]
        raise config.refuse(key, f"{kv_heads} does not divide {attention_heads} attention heads")
    head_dim = _head_dim(config, architecture, attention_heads, origins)
    attention = "mha" if kv_heads == attention_heads else "mqa" if kv_heads == 1 else "gqa"
    return _Heads(attention, kv_heads, head_dim)


def _kv_heads(config: ConfigFile, architecture: Architecture, attention_heads: int, origins: dict[str, str]) -> int:
    """KV heads of one layer, by the architecture's rule; notes where the number comes from."""
    rule = architecture.kv_heads
    if rule == "falcon" and config.flag("new_decoder_architecture", default=False):
        origins["kv_heads"] = config.origin("num_kv_heads", "n_head_kv")
        return config.integer("num_kv_heads", "n_head_kv")
    if rule in ("falcon", "bigcode") and config.flag("multi_query", default=True):
        origins["kv_heads"] = f"{config.where('multi_query')}: one KV head"
        return 1
    if rule == "given" or (rule == "given_or_all" and config.values.get("num_key_value_heads") is not None):
        origins["kv_heads"] = config.origin("num_key_value_heads")
        return config.integer("num_key_value_heads")
    origins["kv_heads"] = f"{config.origin(*HEADS)}: every head keeps K and V"
    return attention_heads


def _head_dim(config: ConfigFile, architecture: Architecture, attention_heads: int, origins: dict[str, str]) -> int:
    """Elements a head, read, or derived where the architecture does so; notes where the number comes from."""
    head_dim = config.optional_integer("head_dim")
    if head_dim is not None or architecture.head_dim == "given":
        origins["head_dim"] = config.origin("head_dim")
        return config.integer("head_dim")
    hidden = config.integer(*HIDDEN)
    if hidden % attention_heads:
        key = config.name_of(HIDDEN) or HIDDEN[0]
        raise config.refuse(key, f"{hidden} is not a multiple of {attention_heads} attention heads")
    origins["head_dim"] = f"{config.origin(*HIDDEN)} / attention heads = {hidden} / {attention_heads}"
    return hidden // attention_heads


def _latent(config: ConfigFile, origins: dict[str, str]) -> _Heads:
    """The latent vector of one MLA layer: the compressed K and V, and the key part that carries positions."""
    rank, rope = config.integer("kv_lora_rank"), config.integer("qk_rope_head_dim")
    origins["kv_lora_rank"], origins["qk_rope_head_dim"] = (
        config.where("kv_lora_rank"),
        config.where("qk_rope_head_dim"),
    )
    return _Heads("mla", 1, rank + rope, (rank, rope))


def _sliding(config: ConfigFile, architecture: Architecture, layers: int, origins: dict[str, str]) -> _Sliding:
    """The sliding layers and their window; notes where both come from."""
    if config.values.get("layer_types") is not None:
        count, origin = _listed_sliding(config, layers), config.where("layer_types")
    else:
        count, origin = _ruled_sliding(config, architecture.sliding, layers)
    if not count:
        return _Sliding(0, None)
    origins["sliding_layers"], origins["window"] = origin, config.where("sliding_window")
    return _Sliding(count, config.integer("sliding_window"))


def _listed_sliding(config: ConfigFile, layers: int) -> int:
    """Sliding layers of the list `layer_types`, one entry a layer."""
    listed = config.values["layer_types"]
    if not isinstance(listed, list) or len(listed) != layers:
        found = f"{len(listed)} entries" if isinstance(listed, list) else type(listed).__name__
        raise config.refuse("layer_types", f"expected a list of {layers} entries, found {found}")
    for index, kind in enumerate(listed):
        if kind not in ("full_attention", "sliding_attention"):
            raise config.refuse(f"layer_types[{index}]", f"{kind!r} is neither full_attention nor sliding_attention")
    return listed.count("sliding_attention")


def _ruled_sliding(config: ConfigFile, rule: str, layers: int) -> tuple[int, str]:
    """Sliding layers by the architecture's rule, and what decided it."""
    if rule == "alternate":
        return (layers + 1) // 2, "every second layer of this architecture slides"
    if rule == "pattern":
        names = ("sliding_window_pattern", "_sliding_window_pattern")
        every = config.optional_integer(*names) or 6
        return layers - layers // every, f"all but every {every}th layer of this architecture"
    if rule == "never" or config.values.get("sliding_window") is None:
        return 0, ""
    if rule == "every":
        return layers, config.where("sliding_window")
    if not config.flag("use_sliding_window", default=False):
        return 0, ""
    if rule == "switched":
        return layers, config.where("use_sliding_window")
    return max(0, layers - config.integer("max_window_layers")), config.where("max_window_layers")
