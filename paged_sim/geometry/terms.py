"""A term: one number of the geometry with its formula and origin, as `paged-sim explain` prints it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Term:
    """One step of a calculation.

    `unit` is "" for a name or a plain number, else "bytes", "slots", "tokens", "layers", ... `formula` is the
    calculation with the numbers filled in, "" where the value is given. `origin` says where the value or the
    inputs of the formula come from.
    """

    key: str
    value: int | float | str
    unit: str
    formula: str
    origin: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The values read so far, as terms without a formula."""

    terms: list[Term] = field(default_factory=list)

    def add(self, key: str, value: int | float | str, unit: str, origin: str) -> None:
        """Note a value that was read, and where."""
        self.terms.append(Term(key, value, unit, "", origin))
