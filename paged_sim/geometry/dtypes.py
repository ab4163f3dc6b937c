"""Element types of a KV cache and their sizes."""

from __future__ import annotations

from paged_sim.errors import PagedSimError
from paged_sim.geometry.choice import unknown_name

# nvfp4 with its scales: a byte for every 16 elements.
BITS: dict[str, float] = {"fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "int4": 4, "nvfp4": 4.5}

_OTHER_NAMES = {
    "float32": "fp32",
    "float": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "f16": "fp16",
    "f32": "fp32",
    "bfloat16": "bf16",
    "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
}


def parse_dtype(text: object, where: str) -> str:
    """The project's name of an element type ("float16" -> "fp16").

    `where` names the key for the message. Raises PagedSimError for any other word.
    """
    name = str(text).lower().removeprefix("torch.")
    name = _OTHER_NAMES.get(name, name)
    if name not in BITS:
        raise unknown_name(f"{where}: the element type", text, [*BITS, *_OTHER_NAMES])
    return name


def whole_bytes(elements: int, dtype: str) -> int:
    """Bytes of `elements` elements of `dtype`; PagedSimError when a part of a byte would be left over."""
    bits = elements * BITS[dtype]
    if bits % 8:
        raise PagedSimError(f"{elements:,} elements of {dtype} are no whole number of bytes: choose another kv_dtype")
    return int(bits // 8)
