"""What each layer of a model is: from a list in its `config.json`, or by its architecture's rule."""

from __future__ import annotations

from paged_sim.geometry.config_file import LAYERS, ConfigFile
from paged_sim.geometry.plan import Plan, num_layers
from paged_sim.geometry.plan_rules import RULES

_WORDS = {
    "full_attention": "full",
    "attention": "full",
    "full": "full",
    "global": "full",
    "indexed_attention": "full",
    "deepseek_sparse_attention": "full",
    "sliding_attention": "sliding",
    "sliding_window": "sliding",
    "local": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "state",
    "mamba": "state",
    "conv": "state",
    "recurrent": "state",
    "hybrid": "both",
    "moe": "none",
    "mlp": "none",
}


def plan_of(config: ConfigFile, rule: str) -> Plan:
    """What each layer of the model is. Raises PagedSimError for a list that does not fit."""
    plan = _listed(config, "layers_block_type") or _listed(config, "layer_types") or _types(config)
    if plan is None:
        plan = RULES[rule](config)
    shared = config.get("num_kv_shared_layers")
    if shared:
        own = len(plan.words) - config.checked("num_kv_shared_layers", shared)
        if own < 1:
            raise config.refuse("num_kv_shared_layers", f"{shared} of {len(plan.words)} layers leave none with a KV")
        plan = Plan([*plan.words[:own], *["none"] * shared], plan.origin)
    return plan


def _listed(config: ConfigFile, key: str) -> Plan | None:
    """The plan that a list of layer types gives; entries beyond the last layer are those of draft layers."""
    listed = config.get(key)
    if listed is None:
        return None
    drafts = config.get("num_nextn_predict_layers")
    if config.name_of(LAYERS) is not None and isinstance(listed, list):
        layers = num_layers(config)
        padded = layers + drafts if isinstance(drafts, int) else layers
        listed = listed[:layers] if len(listed) == padded else config.per_layer(key, layers)
    elif not isinstance(listed, list) or not listed:
        raise config.refuse(key, f"expected a list with an entry a layer, found {type(listed).__name__}")
    for index, word in enumerate(listed):
        if not isinstance(word, str) or word not in _WORDS:
            raise config.refuse(f"{key}[{index}]", f"{word!r} is no known kind of layer (known: {', '.join(_WORDS)})")
    return Plan([_WORDS[word] for word in listed], config.where(key))


def _types(config: ConfigFile) -> Plan | None:
    """The plan of `attn_type_list`: 1 for attention, 0 for linear attention."""
    if config.get("attn_type_list") is None:
        return None
    listed = config.per_layer("attn_type_list", num_layers(config))
    return Plan(["full" if entry else "state" for entry in listed], config.where("attn_type_list"))
