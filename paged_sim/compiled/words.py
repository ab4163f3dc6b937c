"""Words of 64 bits: wrapping sums and products, the lowest bit that is set, and eight consecutive words at once.

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
MASKED = "llvm.masked.{}.v8i64.p0v8i64"
"""LLVM's loads and stores of such a vector under a mask (LLVM Language Reference, masked vector intrinsics)."""


def plus(one: Any, other: Any) -> Any:
    """The sum modulo 2^64 of two integers, or of arrays of uint64. Compiled, it is signed."""
    return (one + other) & MASK


def times(one: Any, other: Any) -> Any:
    """The product modulo 2^64 of two integers, or of arrays of uint64. Compiled, it is signed."""
    return (one * other) & MASK


def lowest_bit(word: Any) -> int:
    """Which of the bits of an integer above 0 is the lowest that is set."""
    return (int(word) & -int(word)).bit_length() - 1


def store(words: Any, index: int, count: int, first: int, step: int) -> None:
    """Let the first `count` of the LANES words from `index` on be `first`, `first + step`, … (mod 2^64)."""
    for lane in range(min(count, LANES)):
        words[index + lane] = np.uint64(plus(first, lane * step))


def differ(words: Any, index: int, count: int, first: int, step: int) -> bool:
    """Whether any of the first `count` of the LANES words from `index` on is not what `store` would write."""
    return any(int(words[index + lane]) != plus(first, lane * step) for lane in range(min(count, LANES)))


@cache
def register() -> None:
    """Tell Numba what they compile to: LLVM's plain arithmetic and vectors, which it lowers to what a processor has."""
    from llvmlite import ir
    from numba.core import types
    from numba.core.cgutils import get_or_insert_function
    from numba.extending import intrinsic, overload

    vector = ir.VectorType(ir.IntType(64), LANES)
    bits = ir.IntType(LANES)
    alignment = ir.IntType(32)(8)
    declare: Any = get_or_insert_function

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

    def chosen(builder: Any, count: Any) -> Any:
        return builder.icmp_signed("<", ir.Constant(vector, list(range(LANES))), spread(builder, count))

    def place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.bitcast(builder.gep(start, [arguments[1]]), vector.as_pointer())

    def call(builder: Any, operation: str, result: Any, arguments: Any) -> Any:
        signature = ir.FunctionType(result, [argument.type for argument in arguments])
        return builder.call(declare(builder.module, signature, MASKED.format(operation)), arguments)

    @intrinsic
    def count_zeros(_: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.int64), generate

    @intrinsic
    def store_chosen(_: Any, words: Any, index: Any, count: Any, first: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            target = place(context, builder, signature, arguments)
            values = expected(builder, *arguments[3:])
            call(builder, "store", ir.VoidType(), [values, target, alignment, chosen(builder, arguments[2])])
            return context.get_dummy_value()

        return types.void(words, types.int64, types.int64, types.int64, types.int64), generate

    @intrinsic
    def compare_chosen(_: Any, words: Any, index: Any, count: Any, first: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source = place(context, builder, signature, arguments)
            values = expected(builder, *arguments[3:])
            # Words that are not chosen are not even read: they count as what was expected.
            found = call(builder, "load", vector, [source, alignment, chosen(builder, arguments[2]), values])
            differing = builder.icmp_unsigned("!=", found, values)
            return builder.icmp_unsigned("!=", builder.bitcast(differing, bits), bits(0))

        return types.boolean(words, types.int64, types.int64, types.int64, types.int64), generate

    adding, multiplying = arithmetic("add"), arithmetic("mul")
    counting: Any = count_zeros
    storing: Any = store_chosen
    comparing: Any = compare_chosen
    overloads: Any = overload
    overloads(plus, strict=False, inline="always")(lambda one, other: lambda one, other: adding(one, other))
    overloads(times, strict=False, inline="always")(lambda one, other: lambda one, other: multiplying(one, other))
    overloads(lowest_bit, strict=False, inline="always")(lambda word: lambda word: counting(word))
    overloads(store, strict=False, inline="always")(
        lambda words, index, count, first, step: (
            lambda words, index, count, first, step: storing(words, index, count, first, step)
        )
    )
    overloads(differ, strict=False, inline="always")(
        lambda words, index, count, first, step: (
            lambda words, index, count, first, step: comparing(words, index, count, first, step)
        )
    )
