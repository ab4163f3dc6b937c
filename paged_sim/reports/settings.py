"""What differs in the configuration of two runs, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paged_sim.configuration import Difference

from .numbers import amount

NONE = "none"
_SIZES = frozenset({"memory.kv_cache", "memory.weights", "model.bytes_per_slot"})
_LONGEST = 60


def difference_text(found: Difference) -> str:
    """One difference: `allocators.p.page_size: 16 -> 64`, or that a default or a preset itself changed."""
    before, after = (_written(found.path, value) for value in (found.before, found.after))
    changed = f"{found.path}: {before} -> {after}"
    if found.source == "default":
        return f"the default of {found.path} changed: {before} -> {after}"
    return f"{found.source} changed: {changed}" if found.source else changed


def difference_lines(found: Sequence[Difference]) -> str:
    """A line for each difference."""
    return "\n".join(map(difference_text, found))


def _written(path: str, value: object) -> str:
    """A value as a scenario writes it, sizes in the unit that suits them; of a long list the beginning."""
    if value is None:
        return NONE
    if path in _SIZES and isinstance(value, int):
        return amount(value)
    if isinstance(value, Mapping):
        inside = (f"{key}: {_written(f'{path}.{key}', part)}" for key, part in value.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, list):
        text = ", ".join(_written("", part) for part in value)
        return (
            f"[{text}]" if len(text) <= _LONGEST else f"[{text[:_LONGEST].rsplit(',', 1)[0]}, ... {len(value)} in all]"
        )
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
