"""Shapes of what names hardware and engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.scenario.context import At, mistake, scalar_text
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.scalars import Number
from paged_sim.scenario.shapes import Key, Section
from paged_sim.scenario.units import SIZE
from paged_sim.wording import show

_OWN = Section((Key("memory", Number(SIZE, minimum=1), "Its memory as an engine prints it.", "94GiB", required=True),))


@dataclass(frozen=True, slots=True)
class GpuName:
    """The name of a GPU, or {memory: bytes} for one of the user's own; reads into the project's name, or a mapping."""

    def read(self, node: Node, at: At) -> str | dict[str, Any]:
        if isinstance(node.data, Mapping):
            return _OWN.read(node, at)
        from paged_sim.geometry.gpus import advice, find_gpu

        text = scalar_text(node, at, self.describe())
        found = find_gpu(text)
        if found is None:
            raise mistake(node.where, at.path, f"unknown GPU {show(text)}; {advice(text)}")
        at.note(node)
        return found

    def dump(self, value: str | Mapping[str, Any]) -> Any:
        return value if isinstance(value, str) else _OWN.dump(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, _OWN.schema()]}

    def describe(self) -> str:
        return f"the name of a GPU, or {_OWN.describe()}"


@dataclass(frozen=True, slots=True)
class EngineName:
    """An engine with or without its version; reads into "name-version"."""

    def read(self, node: Node, at: At) -> str:
        from paged_sim.geometry.engines import parse_engine

        text = scalar_text(node, at, self.describe())
        try:
            name, version = parse_engine(text)
        except PagedSimError as error:
            raise mistake(node.where, at.path, str(error).removeprefix("memory.engine: ")) from None
        at.note(node)
        return f"{name}-{version}" if version else name

    def dump(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^ *(vllm|sglang|tensorrt[-_ ]?llm|trt[-_ ]?llm)"}

    def describe(self) -> str:
        return "an engine such as vllm-0.19"
