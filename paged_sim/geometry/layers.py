"""What a layer keeps between steps: so many elements a token, or one state a sequence, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.geometry.dtypes import BITS, whole_bytes


@dataclass(frozen=True, slots=True)
class Heads:
    """K and V of `kv_heads` heads a token: `key_dim` and `value_dim` elements each. Heads are split over the GPUs."""

    kv_heads: int
    key_dim: int
    value_dim: int

    def on_one_gpu(self, gpus: int) -> int:
        """KV heads in one GPU's memory: split, or copied where there are more GPUs than heads, as vLLM does."""
        return max(1, self.kv_heads // gpus)

    def token_bytes(self, layers: int, dtype: str, gpus: int) -> int:
        """Bytes of one token in `layers` such layers on one GPU."""
        return whole_bytes(layers * self.on_one_gpu(gpus) * (self.key_dim + self.value_dim), dtype)

    def formula(self, layers: int, dtype: str, gpus: int) -> str:
        """`token_bytes` with its numbers filled in."""
        heads, size = self.on_one_gpu(gpus), f"{BITS[dtype] / 8:g}"
        if self.key_dim == self.value_dim:
            return f"2 x {layers} x {heads} x {self.key_dim} x {size}"
        return f"{layers} x {heads} x ({self.key_dim} + {self.value_dim}) x {size}"


@dataclass(frozen=True, slots=True)
class Latent:
    """The one vector a token of multi-head latent attention: `rank` elements for K and V, `rope` with the position.

    Every GPU holds a copy.
    """

    rank: int
    rope: int

    def token_bytes(self, layers: int, dtype: str, gpus: int) -> int:
        """Bytes of one token in `layers` such layers on one GPU."""
        return whole_bytes(layers * (self.rank + self.rope), dtype)

    def formula(self, layers: int, dtype: str, gpus: int) -> str:
        """`token_bytes` with its numbers filled in."""
        return f"{layers} x ({self.rank} + {self.rope}) x {BITS[dtype] / 8:g}"


@dataclass(frozen=True, slots=True)
class IndexKeys:
    """The key of a sparse-attention indexer: `elements` of `bits` and `scale` bytes a token, whatever the KV dtype.

    Every GPU holds a copy.
    """

    elements: int
    bits: int
    scale: int

    def token_bytes(self, layers: int, dtype: str, gpus: int) -> int:
        """Bytes of one token in `layers` such layers on one GPU."""
        return layers * (self.elements * self.bits // 8 + self.scale)

    def formula(self, layers: int, dtype: str, gpus: int) -> str:
        """`token_bytes` with its numbers filled in."""
        return f"{layers} x ({self.elements} x {self.bits // 8} + {self.scale})"


@dataclass(frozen=True, slots=True)
class StateTensor:
    """One tensor of a state: `depth` x `rows` elements, the rows split over the GPUs.

    `groups` more rows of `group_rows` each are split by groups, and where the GPUs do not divide them, every GPU keeps
    one (vLLM: MambaStateShapeCalculator.extra_groups_for_head_shards).
    """

    rows: int
    depth: int
    dtype: str
    groups: int = 0
    group_rows: int = 0

    def bytes(self, gpus: int) -> int:
        """Bytes of one sequence in one layer on one of `gpus` GPUs, which divide the rows."""
        return whole_bytes(self.depth * self._rows_of_one(gpus), self.dtype)

    def formula(self, gpus: int) -> str:
        """`bytes` with its numbers filled in."""
        return f"{self.depth:,} x {self._rows_of_one(gpus):,} x {BITS[self.dtype] / 8:g}"

    def _rows_of_one(self, gpus: int) -> int:
        groups = self.groups if self.groups % gpus == 0 else gpus
        return (self.rows + groups * self.group_rows) // gpus


@dataclass(frozen=True, slots=True)
class State:
    """What a recurrent layer keeps of a sequence, whatever its length."""

    tensors: tuple[StateTensor, ...]

    def bytes(self, gpus: int) -> int:
        """Bytes of one sequence in one layer on one GPU."""
        return sum(tensor.bytes(gpus) for tensor in self.tensors)

    def formula(self, layers: int, gpus: int) -> str:
        """Bytes of `layers` such layers with the numbers filled in."""
        return f"{layers} x ({' + '.join(tensor.formula(gpus) for tensor in self.tensors)})"


Kept = Heads | Latent | IndexKeys | State
"""What a layer keeps."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, by what it keeps.

    kind: `full` every token | `sliding` the last `window` tokens | `chunked` the tokens of one chunk of `window`
          | `mla` every token's latent vector | `indexer` every token's index key
          | `gdn`, `kda`, `lightning` linear attention, `mamba`, `mamba2`, `conv`: a state of fixed size
          | `cross` K and V of one image
    """

    kind: str
    keeps: Kept
    window: int | None = None
