"""Names of models as people write them, and what to say of one that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paged_sim.wording import close_names

_ALIKE = 0.75


def plain(name: str) -> str:
    """A name without case, spaces and underscores."""
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def hint_for(name: str, known: Iterable[str]) -> str:
    """What the `known` names offer for one that is not among them, "" for nothing.

    Those that begin with it, else those of its family, else those it may be a slip of. A slip has all numbers right
    and is in no family of its own: "mixtral" is no slip of "mistral-7b", and a size that is not there does not stand
    for another.
    """
    wanted = plain(name).rpartition("/")[2]
    names = list(known)
    begun = [candidate for candidate in names if wanted and candidate.startswith(wanted)]
    family = [candidate for candidate in names if _family(candidate) == _family(wanted)]
    if family and not begun:
        near = sorted(family, key=lambda candidate: -_common(candidate, wanted))
        more = f" and {len(near) - 6} more" if len(near) > 6 else ""
        return f"of that family {', '.join(near[:6])}{more} are built in; "
    same = [candidate for candidate in names if _numbers(candidate) == _numbers(wanted)]
    close = begun[:3] or close_names(wanted, same, 3, _ALIKE)
    return f"did you mean {' or '.join(close)}? " if close else ""


def _family(name: str) -> str:
    """The letters before the first number or hyphen."""
    found = re.match(r"[a-z]+", name)
    return found.group() if found else ""


def _common(one: str, other: str) -> int:
    """Characters that two names begin with alike."""
    return next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


def _numbers(name: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", name)
