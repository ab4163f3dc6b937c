"""A local Hugging Face `config.json` as typed values: every mistake names the file and the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError

_INSTEAD = "describe the model as {layers, kv_heads, head_dim, dtype} instead"

# The same quantity under the names different architectures give it; the first is the one messages use.
LAYERS = ("num_hidden_layers", "n_layer")
HEADS = ("num_attention_heads", "n_head")
HIDDEN = ("hidden_size", "n_embd", "n_embed")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The part of a config.json that describes the language model.

    `values` are its keys, `prefix` is "text_config." where they stand in that section, `outer` the whole file,
    `defaults` what the architecture means by a key that is not there.
    """

    path: Path
    values: Mapping[str, Any]
    outer: Mapping[str, Any]
    prefix: str
    defaults: Mapping[str, int]

    def where(self, key: str) -> str:
        """File and key, for messages and origins."""
        return f"{self.path}: {self.prefix}{key}"

    def refuse(self, key: str, reason: str) -> PagedSimError:
        """The error for a key whose value cannot be used."""
        return PagedSimError(f"{self.where(key)}: {reason}; {_INSTEAD}")

    def name_of(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` that the file sets, or that has a default, else None."""
        for name in names:
            if self.values.get(name) is not None or name in self.defaults:
                return name
        return None

    def integer(self, *names: str) -> int:
        """The whole number under one of `names`. Raises PagedSimError when it is absent, or is not at least 1."""
        name = self.name_of(names)
        if name is None:
            raise self.refuse(names[0], "missing")
        value = self.values.get(name)
        if value is None:
            value = self.defaults[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.refuse(name, f"{value!r} is not a whole number of at least 1")
        return value

    def optional_integer(self, *names: str) -> int | None:
        """As `integer`, None when no name is set."""
        return None if self.name_of(names) is None else self.integer(*names)

    def flag(self, key: str, default: bool) -> bool:
        """A true or false value, `default` when absent."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(key, f"{value!r} is not true or false")
        return value

    def inherited(self, *names: str) -> tuple[str, object] | None:
        """Key and value of the first of `names` set for the language model, or else for the whole file."""
        for values in (self.values, self.outer):
            for name in names:
                if values.get(name) is not None:
                    return name, values[name]
        return None

    def origin(self, *names: str) -> str:
        """Where the value under one of `names` comes from."""
        name = self.name_of(names) or names[0]
        if self.values.get(name) is None and name in self.defaults:
            return f"{self.path}: {self.prefix}{name} absent, the architecture's default"
        return self.where(name)


def load_json(path: Path) -> Mapping[str, Any]:
    """The JSON object in a local file. Raises PagedSimError when there is none to read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PagedSimError(f"{path}: no such file; model.hf_config takes the path of a local config.json") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PagedSimError(f"{path}: cannot be read: {reason}") from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise PagedSimError(f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of nested brackets
        raise PagedSimError(f"{path}: cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise PagedSimError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values
