"""What each layer of a model is, by its architecture's rule."""

from __future__ import annotations

from collections.abc import Callable

from paged_sim.geometry.config_file import ConfigFile
from paged_sim.geometry.plan import Plan, num_layers

_LETTERS = {"M": "state", "*": "full", "-": "none", "E": "none"}


def _full(config: ConfigFile) -> Plan:
    return Plan(["full"] * num_layers(config), "every layer of this architecture")


def _double(config: ConfigFile) -> Plan:
    """Two attention blocks a layer (LongCat-Flash)."""
    return Plan(["full"] * 2 * num_layers(config), "two attention blocks a layer of this architecture")


def _window(config: ConfigFile) -> Plan:
    """Every layer slides where a window is set."""
    if config.get("sliding_window") is None:
        return _full(config)
    return Plan(["sliding"] * num_layers(config), config.origin("sliding_window"))


def _switched(config: ConfigFile) -> Plan:
    """Every layer slides where use_sliding_window is true."""
    if not config.flag("use_sliding_window", default=False):
        return _full(config)
    return Plan(_window(config).words, config.where("use_sliding_window"))


def _tail(config: ConfigFile) -> Plan:
    """Layers from max_window_layers on slide where use_sliding_window is true."""
    plan = _switched(config)
    if "sliding" not in plan.words:
        return plan
    full = config.get("max_window_layers")
    first = 0 if full == 0 else min(config.integer("max_window_layers"), len(plan.words))
    return Plan(["full"] * first + plan.words[first:], config.origin("max_window_layers"))


def _alternate(config: ConfigFile) -> Plan:
    """Layers 0, 2, 4 … slide."""
    words = ["full" if index % 2 else "sliding" for index in range(num_layers(config))]
    return Plan(words, "every second layer of this architecture slides")


def _every_full(usual: int, other: str = "sliding") -> Callable[[ConfigFile], Plan]:
    """All but every n-th layer are `other`; n is a key of the file, else `usual`."""
    keys = ("sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers")
    names = keys if other == "sliding" else ("full_attention_interval",)

    def rule(config: ConfigFile) -> Plan:
        if other == "sliding" and config.get("sliding_window") is None:
            return _full(config)
        every = _full_every(config, names, usual)
        words = [other if (index + 1) % every else "full" for index in range(num_layers(config))]
        return Plan(words, f"all but every {every}th layer of this architecture")

    return rule


def _full_every(config: ConfigFile, names: tuple[str, ...], usual: int) -> int:
    """A layer of full attention comes every so many; EXAONE 4 writes a pattern of letters ("LLLG")."""
    name = config.name_of(names)
    pattern = config.get(name) if name else None
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"} and pattern.endswith("G"):
        return len(pattern)
    return config.optional_integer(*names) or usual


def _first_of_4_full(config: ConfigFile) -> Plan:
    words = ["sliding" if index % 4 else "full" for index in range(num_layers(config))]
    return Plan(words, "layers 0, 4, 8 … of this architecture are full")


def _gemma4(config: ConfigFile) -> Plan:
    """Every sixth layer and the last are full."""
    plan = _every_full(6)(config)
    return Plan([*plan.words[:-1], "full"], plan.origin)


def _no_rope_layers(config: ConfigFile) -> Plan:
    """Layers with rotary positions see a chunk, the others (every fourth by default) everything."""
    layers = num_layers(config)
    if config.get("attention_chunk_size") is None:
        return _full(config)
    if config.get("no_rope_layers"):
        listed, origin = config.per_layer("no_rope_layers", layers), config.where("no_rope_layers")
        return Plan(["chunked" if entry else "full" for entry in listed], origin)
    every = config.optional_integer("no_rope_layer_interval") or 4
    words = ["chunked" if (index + 1) % every else "full" for index in range(layers)]
    return Plan(words, f"all but every {every}th layer of this architecture")


def _states(config: ConfigFile) -> Plan:
    return Plan(["state"] * num_layers(config), "every layer of this architecture")


def _both(config: ConfigFile) -> Plan:
    """Attention beside a state in every layer."""
    return Plan(["both"] * num_layers(config), "every layer of this architecture has attention and a state")


def _alternate_states(config: ConfigFile) -> Plan:
    words = ["state" if index % 2 else "full" for index in range(num_layers(config))]
    return Plan(words, "every second layer of this architecture")


def _indices(key: str, first: int = 0) -> Callable[[ConfigFile], Plan]:
    """The layers that a list names, counted from `first`, are full, all others states; without a list all are full."""

    def rule(config: ConfigFile) -> Plan:
        layers, listed = num_layers(config), config.get(key)
        if listed is None:
            return _full(config)
        return Plan(_marked(config, key, layers, first, "full", "state"), config.where(key))

    return rule


def _marked(config: ConfigFile, key: str, layers: int, first: int, named: str, others: str) -> list[str]:
    """One word a layer: `named` for those that the list under `key` counts from `first`, `others` for the rest."""
    listed = config.get(key)
    if not isinstance(listed, list):
        raise config.refuse(key, f"expected a list of layers, found {type(listed).__name__}")
    chosen = {index - first for index in listed if isinstance(index, int)}
    if len(chosen) != len(listed) or not chosen <= set(range(layers)):
        raise config.refuse(key, f"expected different layers from {first} to {layers - 1 + first}")
    return [named if index in chosen else others for index in range(layers)]


def _kimi_linear(config: ConfigFile) -> Plan:
    """Layers of full attention are listed from 1; without a list every fourth from layer 4 on."""
    layers, key = num_layers(config), "linear_attn_config.full_attn_layers"
    if config.get(key) is None:
        words = ["full" if index and index % 4 == 0 else "state" for index in range(layers)]
        return Plan(words, "layers 4, 8, 12 … of this architecture are full")
    return Plan(_marked(config, key, layers, 1, "full", "state"), config.where(key))


def _attn_layer_period(config: ConfigFile) -> Plan:
    """Every attn_layer_period-th layer from attn_layer_offset on is full attention."""
    period, offset = config.integer("attn_layer_period"), config.get("attn_layer_offset")
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < period:
        raise config.refuse("attn_layer_offset", f"{offset!r} is not a whole number below attn_layer_period {period}")
    words = ["full" if index % period == offset else "state" for index in range(num_layers(config))]
    return Plan(words, config.origin("attn_layer_period"))


def _layer_group_size(config: ConfigFile) -> Plan:
    """The last layer of each group is full attention, and layers beyond the last whole group are."""
    layers, group = num_layers(config), config.integer("layer_group_size")
    grouped = layers - layers % group
    words = ["full" if (index + 1) % group == 0 or index >= grouped else "state" for index in range(layers)]
    return Plan(words, config.where("layer_group_size"))


def _nemotron_h(config: ConfigFile) -> Plan:
    """One letter a layer: M Mamba-2, * attention, - MLP, E experts."""
    key = "hybrid_override_pattern"
    pattern = config.get(key)
    if not isinstance(pattern, str) or not pattern:
        raise config.refuse(key, "missing" if pattern is None else f"{pattern!r} is not a text of one letter a layer")
    letters = pattern.replace("|", "")
    unknown = sorted(set(letters) - set(_LETTERS))
    if unknown:
        raise config.refuse(key, f"the letter {unknown[0]!r} is none of {', '.join(_LETTERS)}")
    if config.get("num_hidden_layers") is not None and len(letters) != num_layers(config):
        raise config.refuse(key, f"{len(letters)} letters for {num_layers(config)} layers")
    return Plan([_LETTERS[letter] for letter in letters], config.where(key))


def _cross_layer(config: ConfigFile) -> Plan:
    """With use_cla groups of cla_share_factor layers share the KV of their first (cross-layer attention)."""
    layers = num_layers(config)
    if not config.flag("use_cla", default=False):
        return _full(config)
    factor = config.integer("cla_share_factor")
    words = ["none" if index % factor else "full" for index in range(layers)]
    return Plan(words, config.where("cla_share_factor"))


def _phi4flash(config: ConfigFile) -> Plan:
    """SambaY: Mamba and sliding attention by turns, one layer of full attention, whose KV the second half reads.

    vLLM's `SambaYDecoderLayer`: of N layers those from N/2 + 2 on keep nothing, layer N/2 + 1 is full attention, below
    it every mb_per_layer-th layer is Mamba.
    """
    layers, every = num_layers(config), config.optional_integer("mb_per_layer") or 2
    half = layers // 2
    words = ["none" if index > half + 1 else "sliding" if index % every else "state" for index in range(layers)]
    if half + 1 < layers:
        words[half + 1] = "full"
    return Plan(words, "the layers of this architecture up to the middle")


def _mimo_v2(config: ConfigFile) -> Plan:
    """`hybrid_layer_pattern` has 1 for a layer that slides; without it every sixth layer and the first are full."""
    layers, key = num_layers(config), "hybrid_layer_pattern"
    if config.get(key) is None:
        words = ["sliding" if index and (index + 1) % 6 else "full" for index in range(layers)]
        return Plan(words, "the first and every 6th layer of this architecture are full")
    return Plan(["sliding" if entry else "full" for entry in config.per_layer(key, layers)], config.where(key))


def _mllama(config: ConfigFile) -> Plan:
    """The listed layers see the image only: their K and V are fixed."""
    key = "cross_attention_layers"
    if config.get(key) is None:
        return _full(config)
    return Plan(_marked(config, key, num_layers(config), 0, "state", "full"), config.where(key))


def _nas(config: ConfigFile) -> Plan:
    """`block_configs` says of each layer whether it has attention."""
    words = []
    for index, block in enumerate(config.per_layer("block_configs", num_layers(config))):
        attention = block.get("attention") if isinstance(block, dict) else None
        if not isinstance(attention, dict):
            raise config.refuse(f"block_configs[{index}].attention", "missing")
        if attention.get("window_length") is not None:
            raise config.refuse(f"block_configs[{index}].attention.window_length", "a window of one layer is not read")
        words.append("none" if attention.get("no_op") or attention.get("replace_with_linear") else "full")
    return Plan(words, config.where("block_configs"))


def _zamba2(config: ConfigFile) -> Plan:
    """A Mamba-2 layer each, some beside a shared block of attention."""
    key = "hybrid_layer_ids"
    return Plan(_marked(config, key, num_layers(config), 0, "both", "state"), config.where(key))


RULES: dict[str, Callable[[ConfigFile], Plan]] = {
    "alternate": _alternate,
    "alternate_states": _alternate_states,
    "attn_layer_indices": _indices("attn_layer_indices"),
    "attn_layer_period": _attn_layer_period,
    "both": _both,
    "cross_layer": _cross_layer,
    "double": _double,
    "every_4th_full": _every_full(4),
    "every_4th_states": _every_full(4, "state"),
    "every_5th_full": _every_full(5),
    "every_6th_full": _every_full(6),
    "first_of_4_full": _first_of_4_full,
    "full": _full,
    "full_attn_idxs": _indices("full_attn_idxs"),
    "gemma4": _gemma4,
    "kimi_linear": _kimi_linear,
    "layer_group_size": _layer_group_size,
    "mimo_v2": _mimo_v2,
    "mllama": _mllama,
    "nas": _nas,
    "nemotron_h": _nemotron_h,
    "no_rope_layers": _no_rope_layers,
    "phi4flash": _phi4flash,
    "states": _states,
    "switched": _switched,
    "tail": _tail,
    "window": _window,
    "zamba2": _zamba2,
}
