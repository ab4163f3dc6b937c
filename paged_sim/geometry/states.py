"""The state that a layer of linear attention, Mamba or convolution keeps of a sequence, from its `config.json`.

Shapes and element types are those of vLLM (0.33), `vllm/model_executor/layers/mamba/mamba_utils.py`:
`MambaStateShapeCalculator` and `MambaStateDtypeCalculator`, without speculative tokens. A convolution keeps one input
less than its kernel is long, in the model's 16 bit; the recurrent part is in `mamba_ssm_cache_dtype` where a file says.
"""

from __future__ import annotations

from collections.abc import Callable

from paged_sim.geometry.config_file import HEADS, HIDDEN, ConfigFile
from paged_sim.geometry.dtypes import parse_dtype
from paged_sim.geometry.layers import State, StateTensor

_SSM_HEADS = ("mamba_n_heads", "mamba_num_heads", "n_mamba_heads")
_SSM_HEAD_DIM = ("mamba_d_head", "mamba_head_dim", "mamba_headdim")
_SSM_GROUPS = ("mamba_n_groups", "n_groups", "mamba_ngroups")
_SSM_SIZE = ("mamba_d_state", "ssm_state_size", "state_size")
_KERNEL = ("mamba_d_conv", "conv_kernel")
_EXPAND = ("mamba_expand", "expand")
_TOKENS_OF_A_TILE = 1_601
_TILES = 4


def state_of(config: ConfigFile, rule: str, dtype: str, kv_dtype: str) -> State:
    """One layer's state; `dtype` is the model's 16-bit type, `kv_dtype` that of the KV cache."""
    return State(RULES[rule](config, kv_dtype if rule == "cross" else dtype))


def _recurrent_dtype(config: ConfigFile, dtype: str) -> str:
    """Type of the recurrent part: the file's, else the model's (vLLM: `_mamba_state_dtype`)."""
    for key in ("mamba_ssm_cache_dtype", "mamba_ssm_dtype"):
        stated = config.get(key)
        if stated not in (None, "auto"):
            return parse_dtype(stated, config.where(key))
    return dtype


def _mamba(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """`mamba1_state_shape`: (kernel - 1) x channels, and channels x state size."""
    if config.name_of(("mamba_expand",)) is None and config.name_of(("intermediate_size",)) is not None:
        channels = config.integer("intermediate_size")
    else:
        channels = config.integer(*_EXPAND) * config.integer(*HIDDEN)
    convolution = StateTensor(channels, config.integer(*_KERNEL) - 1, dtype)
    return convolution, StateTensor(channels, config.integer(*_SSM_SIZE), _recurrent_dtype(config, dtype))


def _mamba2(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """The Mamba-2 layers of a model that has attention, too; a head's size may be left to the number of channels."""
    heads = config.integer(*_SSM_HEADS)
    channels = config.optional_integer("mamba_d_ssm")
    if channels is None and config.name_of(("mamba_expand",)) is not None:
        channels = config.integer("mamba_expand") * config.integer(*HIDDEN)
    stated = config.get(config.name_of(_SSM_HEAD_DIM) or "")
    derived = stated in (None, "auto") and channels is not None
    head_dim = channels // heads if derived and channels else config.integer(*_SSM_HEAD_DIM)
    return _ssd(config, dtype, heads, head_dim, channels or heads * head_dim)


def _mamba2_alone(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """The layers of a model of nothing but Mamba-2."""
    heads, head_dim = config.integer("num_heads"), config.integer("head_dim")
    return _ssd(config, dtype, heads, head_dim, heads * head_dim)


def _ssd(config: ConfigFile, dtype: str, heads: int, head_dim: int, channels: int) -> tuple[StateTensor, ...]:
    """`mamba2_state_shape`: (kernel - 1) x (channels + 2 x groups x state size), and heads x head size x state size."""
    size, groups = config.integer(*_SSM_SIZE), config.integer(*_SSM_GROUPS)
    convolution = StateTensor(channels, config.integer(*_KERNEL) - 1, dtype, groups, 2 * size)
    return convolution, StateTensor(heads, head_dim * size, _recurrent_dtype(config, dtype))


def _gdn(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """`gated_delta_net_state_shape`: (kernel - 1) x (2 x keys + values), and value heads x value x key size."""
    key_heads, value_heads = config.integer("linear_num_key_heads"), config.integer("linear_num_value_heads")
    key_dim, value_dim = config.integer("linear_key_head_dim"), config.integer("linear_value_head_dim")
    channels = 2 * key_heads * key_dim + value_heads * value_dim
    convolution = StateTensor(channels, config.integer("linear_conv_kernel_dim") - 1, dtype)
    return convolution, StateTensor(value_heads, value_dim * key_dim, _recurrent_dtype(config, dtype))


def _kda(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """`kda_state_shape`: (kernel - 1) x 3 x heads x head size, and heads x head size squared in 32 bit."""
    heads = config.integer("linear_attn_config.num_heads", "linear_num_heads")
    head_dim = config.integer("linear_attn_config.head_dim", "linear_head_dim")
    kernel = config.integer("linear_attn_config.short_conv_kernel_size", "linear_conv_kernel_dim")
    return StateTensor(3 * heads * head_dim, kernel - 1, dtype), StateTensor(heads, head_dim**2, "fp32")


def _lightning(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """`linear_attention_state_shape`: heads x head size squared."""
    heads = config.integer(*HEADS)
    head_dim = config.optional_integer("head_dim") or config.integer(*HIDDEN) // heads
    return (StateTensor(heads, head_dim**2, dtype),)


def _conv(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """`short_conv_state_shape`: (kernel - 1) x channels."""
    return (StateTensor(config.integer(*HIDDEN), config.integer("conv_L_cache") - 1, dtype),)


def _cross(config: ConfigFile, dtype: str) -> tuple[StateTensor, ...]:
    """K and V of one image of the most tiles: 4 tiles of (560 / 14)^2 + 1 tokens (Llama 3.2 Vision)."""
    heads = config.integer("num_key_value_heads")
    head_dim = config.optional_integer("head_dim") or config.integer(*HIDDEN) // config.integer(*HEADS)
    return (StateTensor(heads, 2 * head_dim * _TILES * _TOKENS_OF_A_TILE, dtype),)


RULES: dict[str, Callable[[ConfigFile, str], tuple[StateTensor, ...]]] = {
    "conv": _conv,
    "cross": _cross,
    "gdn": _gdn,
    "kda": _kda,
    "lightning": _lightning,
    "mamba": _mamba,
    "mamba2": _mamba2,
    "mamba2_alone": _mamba2_alone,
}
