"""A Hugging Face `config.json` as typed values: every mistake names the file and the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import read_bounded
from paged_sim.json_text import parse_json
from paged_sim.wording import shown

INSTEAD = "describe the model as {layers, kv_heads, head_dim, dtype} instead"

# The same quantity under the names different architectures give it; the first is the one messages use.
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
HIDDEN = ("hidden_size", "n_embd", "d_model", "n_embed")

# Lists of layers, whose length is their number.
LISTS_OF_LAYERS = ("layers_block_type", "layer_types", "hybrid_override_pattern")

# Sections in which multimodal files keep their language model, outermost first.
NESTINGS = ("thinker_config", "text_config", "llm_config", "language_config", "lm_config")

# A section of a file leaves out what its class means anyway; a file of its own without these is damaged.
_WRITTEN = frozenset((*LAYERS, *HEADS, *HIDDEN))

_LARGEST = 10**9
_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The part of a config.json that describes the language model.

    `label` names the file, `sections` are the language model's keys and the sections around them, innermost first,
    `prefix` is where the innermost one stands ("text_config."), "" for the file itself. `defaults` is what the
    architecture's class means by a key that is not there.
    """

    label: str
    sections: tuple[Mapping[str, Any], ...]
    prefix: str
    defaults: Mapping[str, Any]

    @property
    def values(self) -> Mapping[str, Any]:
        """The language model's own keys."""
        return self.sections[0]

    def where(self, key: str) -> str:
        """File and key, for messages and origins."""
        return f"{self.label}: {self.prefix}{key}"

    def refuse(self, key: str, reason: str) -> PagedSimError:
        """The error for a key whose value cannot be used."""
        return PagedSimError(f"{self.where(key)}: {reason}; {INSTEAD}")

    def get(self, key: str) -> Any:
        """The value of a key ("attn_config.kv_n_heads" of one in a section), the class's where absent, else None."""
        section, _, last = key.rpartition(".")
        values = self.values.get(section) if section else self.values
        if not isinstance(values, Mapping):
            return None
        if last in values:
            return values[last]
        return None if key in _WRITTEN and not self.prefix else self.defaults.get(key)

    def name_of(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` that has a value, in the file or else by the class; None where none has."""
        given = (name for name in names if self.values.get(name) is not None)
        meant = (name for name in names if self.get(name) is not None)
        return next(given, None) or next(meant, None)

    def integer(self, *names: str) -> int:
        """The whole number under one of `names`. Raises PagedSimError when it is absent, or is not at least 1."""
        name = self.name_of(names)
        if name is None:
            raise self.refuse(names[0], "missing")
        return self.checked(name, self.get(name))

    def checked(self, name: str, value: Any) -> int:
        """`value` as a whole number from 1 to a thousand million."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.refuse(name, f"{shown(value)} is not a whole number of at least 1")
        if value > _LARGEST:
            raise self.refuse(name, f"larger than in any model (at most {_LARGEST:,})")
        return value

    def optional_integer(self, *names: str) -> int | None:
        """As `integer`, None when no name has a value."""
        return None if self.name_of(names) is None else self.integer(*names)

    def flag(self, key: str, default: bool) -> bool:
        """A true or false value, `default` when absent."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(key, f"{shown(value)} is not true or false")
        return value

    def per_layer(self, key: str, layers: int) -> list[Any]:
        """A list with one entry a layer."""
        listed = self.get(key)
        if not isinstance(listed, list) or len(listed) != layers:
            found = f"{len(listed)} entries" if isinstance(listed, list) else type(listed).__name__
            raise self.refuse(key, f"expected a list of {layers} entries, found {found}")
        return listed

    def inherited(self, *names: str) -> tuple[str, Any] | None:
        """Where it stands and value of the first of `names` set for the language model, or else around it."""
        for depth, section in enumerate(self.sections):
            for name in names:
                if section.get(name) is not None:
                    prefix = ".".join(self.prefix.split(".")[: len(self.sections) - 1 - depth])
                    return f"{prefix}.{name}" if prefix else name, section[name]
        return None

    def origin(self, *names: str) -> str:
        """Where the value under one of `names` comes from."""
        name = self.name_of(names) or names[0]
        if "." not in name and name not in self.values and name in self.defaults:
            return f"{self.where(name)} absent, the architecture's default"
        return self.where(name)


def load_json(path: Path) -> Mapping[str, Any]:
    """The JSON object in a local file. Raises PagedSimError when there is none to read."""
    try:
        text = read_bounded(path, _LARGEST_FILE, "config.json").decode("utf-8-sig")
    except FileNotFoundError:
        raise PagedSimError(f"{path}: no such file; give the path of a local config.json or of its folder") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PagedSimError(f"{path}: cannot be read: {reason}") from None
    values = parse_json(text, path, None, "fetch the file again")
    if not isinstance(values, dict):
        raise PagedSimError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values
