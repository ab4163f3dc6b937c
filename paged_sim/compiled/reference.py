"""States by reference in compiled code.

Numba passes a tuple of arrays as all the fields of all its arrays: a state of twenty arrays is two hundred arguments
of every call, which takes most of the time to compile and much of the time to run (measured on the step loop: 16 s and
8 M token-steps/s that way, 9 s and 115 M/s this way). Here a state is a pointer to a struct of its arrays that is
filled when Python calls and lives as long as that call. Reading a field loads it; nothing is ever assigned.

Written with Numba's extension interface (numba.extending and its documented lowering registry).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox


class Reference(types.Type):
    """The compiled type of a state: its class, and the names and types of its fields."""

    def __init__(self, instance_class: type, names: tuple[str, ...], fields: tuple[Any, ...]) -> None:
        self.instance_class = instance_class
        self.names = names
        self.fields = fields
        super().__init__(name=f"Reference({instance_class.__name__}, {fields})")


@register_model(Reference)
class ReferenceModel(models.PrimitiveModel):
    """A pointer to the struct of all fields."""

    def __init__(self, manager: Any, reference: Reference) -> None:
        struct = ir.LiteralStructType([manager.lookup(field).get_value_type() for field in reference.fields])
        super().__init__(manager, reference, struct.as_pointer())


@infer_getattr
class ReferenceAttributes(AttributeTemplate):
    """Fields are read by name."""

    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:
        """The type of a field, or None."""
        return dict(zip(reference.names, reference.fields, strict=True)).get(name)


@lower_getattr_generic(Reference)
def read_field(context: Any, builder: Any, reference: Reference, pointer: Any, name: str) -> Any:
    """Load a field from the struct; its array is borrowed."""
    return builder.load(cgutils.gep_inbounds(builder, pointer, 0, reference.names.index(name)))


@unbox(Reference)
def fill_struct(reference: Reference, instance: Any, c: Any) -> Any:
    """Fill a struct on the caller's stack with the fields of a Python named tuple."""
    struct = c.context.data_model_manager[reference].get_value_type().pointee
    pointer = cgutils.alloca_once(c.builder, struct)
    failed = cgutils.alloca_once_value(c.builder, cgutils.false_bit)
    cleanups = []
    for index, field in enumerate(reference.fields):
        native = c.unbox(field, c.pyapi.tuple_getitem(instance, index))
        c.builder.store(native.value, cgutils.gep_inbounds(c.builder, pointer, 0, index))
        c.builder.store(c.builder.or_(native.is_error, c.builder.load(failed)), failed)
        if native.cleanup is not None:
            cleanups.append(native.cleanup)

    def clean_up() -> None:
        for cleanup in reversed(cleanups):
            cleanup()

    return NativeValue(pointer, is_error=c.builder.load(failed), cleanup=clean_up)


def register(cls: Any) -> None:
    """Let Numba take instances of a named tuple class by reference."""
    names: tuple[str, ...] = cls._fields

    @typeof_impl.register(cls)
    def type_of_state(value: Any, c: Any) -> Reference:
        return Reference(cls, names, tuple(typeof_impl(field, c) for field in value))
