"""Where a key belongs that stands in the wrong section, or under the name that an engine gives it."""

from __future__ import annotations

from functools import cache

from paged_sim.scenario.nodes import Node
from paged_sim.servers.settings import NOT_MODELLED, OPPOSITES, SETTINGS
from paged_sim.wording import show

_LONGEST = 60
"""Characters of a value that a message repeats."""


def belongs(name: str, entry: Node, path: str) -> str | None:
    """The problem with a key that the section at `path` does not know, and how it is written; None where it is no key.

    `name` may be an engine's, with hyphens or underscores.
    """
    plain = name.strip("-").replace("-", "_").lower()
    value = entry.data if isinstance(entry.data, str) and not entry.empty and len(entry.data) <= _LONGEST else "..."
    if (setting := SETTINGS.get(plain)) is not None:
        example = setting.example.format(value)
        if value.lower() in ("false", "no", "0") and (word := OPPOSITES.get(setting.form)):
            example = example.replace(setting.form, word)
        return f"{show(name)} belongs to {_home(setting.path, path)}; write {example}"
    homes = _own().get(name, [])
    elsewhere = [home for home in homes if home.rpartition(".")[0] != path]
    depths = [home.count(".") for home in elsewhere]
    if elsewhere and depths.count(min(depths)) == 1:
        home = elsewhere[depths.index(min(depths))]
        return f"{show(name)} belongs to {_home(home, path)}; write {_written(home, value)}"
    if plain in NOT_MODELLED and not homes:
        return f"{show(name)} is not modelled ({NOT_MODELLED[plain]}); remove it"
    return None


def _home(setting: str, path: str) -> str:
    """Where a setting belongs, seen from the section at `path`."""
    section, _, key = setting.replace("[]", "").rpartition(".")
    if not section:
        return "the top level"
    return f"{section}, as {key}" if section == path.split(".")[0] or section == "allocators" else section


def _written(home: str, value: str) -> str:
    """A key of the scenario as it is written from the top level."""
    *sections, key = home.split(".")
    written = f"{key}: {value}"
    for part in reversed(sections):
        written = f"{part[:-2]}: [{{{written}}}]" if part.endswith("[]") else f"{part}: {{{written}}}"
    return written


@cache
def _own() -> dict[str, list[str]]:
    """By the name of a key of the scenario the paths where it may stand."""
    from paged_sim.scenario.key_rows import reference

    homes: dict[str, list[str]] = {}
    for row in reference():
        homes.setdefault(row.path.rpartition(".")[2], []).append(row.path)
    return homes
