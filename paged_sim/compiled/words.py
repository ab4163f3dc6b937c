"""Words of 64 bits: sums and products that wrap around, and eight consecutive words of memory at once.

Compiled integers are signed, and the compiler may assume that they never overflow: what is to wrap must say so. As for
the eight, a compiler takes several at once by itself in long loops, but not in a run of sixteen tokens, where the ends
of such a loop take longest.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

MASK = 0xFFFFFFFFFFFFFFFF
LANES = 8


def plus(one: Any, other: Any) -> Any:
    """The sum modulo 2^64 of two integers, or of arrays of uint64. Compiled, it is signed."""
    return (one + other) & MASK


def times(one: Any, other: Any) -> Any:
    """The product modulo 2^64 of two integers, or of arrays of uint64. Compiled, it is signed."""
    return (one * other) & MASK


def store(words: Any, index: int, first: int, step: int) -> None:
    """Let the LANES words from `index` on be `first`, `first + step`, … (mod 2^64)."""
    for lane in range(LANES):
        words[index + lane] = np.uint64(plus(first, lane * step))


def differ(words: Any, index: int, first: int, step: int) -> bool:
    """Whether any of the LANES words from `index` on is not what `store` would write."""
    return any(int(words[index + lane]) != plus(first, lane * step) for lane in range(LANES))


@cache
def register() -> None:
    """Tell Numba what they compile to: LLVM's plain arithmetic and vectors, which it lowers to what a processor has."""
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic, overload

    vector = ir.VectorType(ir.IntType(64), LANES)
    bits = ir.IntType(LANES)

    def arithmetic(operation: str) -> Any:
        @intrinsic
        def compute(_: Any, one: Any, other: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return getattr(builder, operation)(*arguments)

            return types.int64(types.int64, types.int64), generate

        return compute

    def spread(builder: Any, value: Any) -> Any:
        """A vector of one value."""
        undefined = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undefined, value, ir.IntType(32)(0))
        return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def expected(builder: Any, first: Any, step: Any) -> Any:
        lanes = ir.Constant(vector, list(range(LANES)))
        return builder.add(spread(builder, first), builder.mul(lanes, spread(builder, step)))

    def place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.bitcast(builder.gep(start, [arguments[1]]), vector.as_pointer())

    @intrinsic
    def store_all(_: Any, words: Any, index: Any, first: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            target = place(context, builder, signature, arguments)
            builder.store(expected(builder, *arguments[2:]), target, align=8)
            return context.get_dummy_value()

        return types.void(words, types.int64, types.int64, types.int64), generate

    @intrinsic
    def compare_all(_: Any, words: Any, index: Any, first: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            found = builder.load(place(context, builder, signature, arguments), align=8)
            differing = builder.icmp_unsigned("!=", found, expected(builder, *arguments[2:]))
            return builder.icmp_unsigned("!=", builder.bitcast(differing, bits), bits(0))

        return types.boolean(words, types.int64, types.int64, types.int64), generate

    adding, multiplying = arithmetic("add"), arithmetic("mul")
    storing: Any = store_all
    comparing: Any = compare_all
    overloads: Any = overload
    overloads(plus, strict=False, inline="always")(lambda one, other: lambda one, other: adding(one, other))
    overloads(times, strict=False, inline="always")(lambda one, other: lambda one, other: multiplying(one, other))
    overloads(store, strict=False, inline="always")(
        lambda words, index, first, step: lambda words, index, first, step: storing(words, index, first, step)
    )
    overloads(differ, strict=False, inline="always")(
        lambda words, index, first, step: lambda words, index, first, step: comparing(words, index, first, step)
    )
