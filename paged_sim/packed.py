"""NumPy arrays and names inside JSON: each array as compressed text that reads back to the same array."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_NARROWER = ("<u1", "<u2", "<u4", "<i8")
_MOST_BYTES = 1 << 32


class DamagedError(ValueError):
    """What was read is nothing that was packed here; the message says what is wrong with it."""


def packed(value: Any) -> Any:
    """Arrays of numbers, alone or below names, as JSON; any other sequence as a list.

    An array is an object: `dtype` and `shape` are its own, `data` is its numbers in C order, little-endian and of the
    type `stored` (a narrower one, where that holds each of them exactly), compressed with zlib and written in base64.
    """
    if isinstance(value, Mapping):
        return {name: packed(inner) for name, inner in value.items()}
    if not isinstance(value, np.ndarray):
        return list(value)
    stored = _narrowed(value)
    return {
        "dtype": value.dtype.newbyteorder("<").str,
        "shape": list(value.shape),
        "stored": stored.dtype.str,
        "data": base64.b64encode(zlib.compress(stored.tobytes())).decode(),
    }


def unpacked(value: Any) -> Any:
    """What was packed; lists as tuples. Raises DamagedError."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, Mapping):
        raise DamagedError(f"{value!r:.40} is no packed array")
    if "data" not in value:
        return {name: unpacked(inner) for name, inner in value.items()}
    try:
        return _array(value)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error, zlib.error) as error:
        raise DamagedError(f"a packed array cannot be read: {error}") from None


def _narrowed(array: Array) -> Array:
    """The array in the narrowest type that gives the same array again, bit by bit."""
    own = array.astype(array.dtype.newbyteorder("<"))
    for dtype in _NARROWER:
        with np.errstate(invalid="ignore"):
            narrow = own.astype(dtype)
        if narrow.itemsize < own.itemsize and narrow.astype(own.dtype).tobytes() == own.tobytes():
            return narrow
    return own


def _array(value: Mapping[str, Any]) -> Array:
    """The array of a packed object, which need not be one."""
    stored, dtype, shape = np.dtype(value["stored"]), np.dtype(value["dtype"]), tuple(value["shape"])
    size = math.prod(shape) * stored.itemsize
    if stored.hasobject or dtype.hasobject or min(shape, default=0) < 0 or size > _MOST_BYTES:
        raise ValueError(f"no array of {shape} numbers of type {stored}")
    unpack = zlib.decompressobj()
    # One byte more than there should be, so that neither a longer nor an endless text goes unnoticed.
    content = unpack.decompress(base64.b64decode(value["data"], validate=True), size + 1)
    if len(content) != size or not unpack.eof:
        raise ValueError(f"it does not hold {shape} numbers")
    return np.frombuffer(content, stored).reshape(shape).astype(dtype)
