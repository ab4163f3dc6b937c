"""Asking the processor for memory ahead of time."""

from __future__ import annotations

from functools import cache
from typing import Any

INSTRUCTION = "llvm.prefetch.p0i8"
FOR_WRITING, KEEP_IT_CLOSE, DATA = 1, 3, 1


def prefetch(array: Any, index: int) -> None:
    """Bring the line of the processor's cache with element `index` of an array, counted through all rows, closer.

    A hint for what is about to be read or written: it changes nothing, `index` may lie anywhere, and in plain Python
    nothing happens.
    """


@cache
def register() -> None:
    """Tell Numba what `prefetch` compiles to: LLVM's instruction of that name (LLVM Language Reference)."""
    from llvmlite import ir
    from numba.core import types
    from numba.core.cgutils import get_or_insert_function
    from numba.extending import intrinsic, overload

    @intrinsic
    def ask(_: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
            signature_of_hint = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
            hint = get_or_insert_function(builder.module, signature_of_hint, INSTRUCTION)
            line = builder.bitcast(builder.gep(start, [arguments[1]]), byte)
            builder.call(hint, [line, word(FOR_WRITING), word(KEEP_IT_CLOSE), word(DATA)])
            return context.get_dummy_value()

        return types.void(array, index), generate

    asking: Any = ask

    @overload(prefetch, strict=False, inline="always")
    def compiled(array: Any, index: Any) -> Any:
        return lambda array, index: asking(array, index)
