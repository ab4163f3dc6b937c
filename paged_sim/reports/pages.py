"""The memory of a small run, step by step, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paged_sim.pictures import ExtentLook, Pictures, StepLook

from .blocks import Block, Grid, Heading, Paragraph, Screen
from .palette import LOOKS
from .text import render_text

FILLED, EMPTY = "█", "·"
_MOST_WAITING = 12
_LONGEST_BAR = 32
_RULER, _TICK, _MARGIN = 64, 8, 7
_MEANINGS = {
    "token_state": "a token",
    "reservation": "to be written",
    "over_reservation": "never written",
    "tail": "rest of a chunk",
    "rounding": "rounded up",
    "idle": "free",
}


def as_pages(name: str, pictures: Sequence[Pictures], screen: Screen) -> str:
    """Each step of each policy: its pages and block tables, or its extents on a ruler of slots; and who waits."""
    blocks: list[Block] = [Heading(name)]
    for picture in pictures:
        if picture.page_size is None:
            blocks.append(Paragraph(_legend(picture, _cell(picture.slots, screen))))
        for step in picture.steps:
            blocks += _pages(picture, step, picture.page_size) if picture.page_size else _extents(picture, step, screen)
            blocks += _waiting(step)
    return render_text(blocks, screen)


def _pages(picture: Pictures, step: StepLook, page_size: int) -> Iterator[Block]:
    """Each page that is or just was held or idle, its slots, its owners, and what happened to it; then the tables."""
    held = sum(1 for look in step.pages if look.owners)
    each = -(-page_size // _LONGEST_BAR)
    rows = tuple(
        (
            f"page {look.page}",
            _bar(look.filled, page_size, each),
            " ".join(look.owners) or ("idle" if look.idle else "free"),
            ", ".join(look.events),
        )
        for look in step.pages
    )
    title = f"{picture.name}, step {step.step}: {held} of {picture.slots // page_size} pages held"
    head = "slots" if each == 1 else f"{each} slots each"
    yield Grid(title, (picture.name, head, "owners", "what happens"), rows, prose=frozenset({2, 3}))
    tables = tuple(
        (look.label, str(look.tokens), " ".join(f"{logical}->{page}" for logical, page in enumerate(look.table)))
        for look in step.sequences
    )
    if tables:
        header = ("sequence", "tokens", "block table: logical -> physical page")
        yield Grid("", header, tables, prose=frozenset({2}))


def _bar(filled: int, page_size: int, each: int) -> str:
    """A page, a character for `each` slots; one of them that is filled in part counts as filled."""
    return (FILLED * -(-filled // each)).ljust(-(-page_size // each), EMPTY)


def _extents(picture: Pictures, step: StepLook, screen: Screen) -> Iterator[Block]:
    """The slots on a ruler with the owners above them; then each extent in numbers."""
    held = sum(look.slots for look in step.extents if look.owner)
    title = f"{picture.name}, step {step.step}: {held:,} of {picture.slots:,} slots held"
    cell = _cell(picture.slots, screen)
    yield Paragraph("\n".join((title, *_ruler(step.extents, picture.slots, cell))))
    rows = tuple(
        (
            f"{look.start}-{look.start + look.slots - 1}",
            str(look.slots),
            str(dict(look.accounts).get("token_state", 0)) if look.owner else "",
            look.owner or "free",
            ", ".join(look.events),
        )
        for look in step.extents
    )
    header = ("extent", "slots", "tokens", "owner", "what happens")
    yield Grid("", header, rows, prose=frozenset({3, 4}))


def _cell(slots: int, screen: Screen) -> int:
    """Slots that a character of the ruler stands for."""
    return -(-slots // (min(_RULER, screen.width - _MARGIN) // _TICK * _TICK))


def _legend(picture: Pictures, cell: int) -> str:
    there = {account for step in picture.steps for look in step.extents for account, _ in look.accounts}
    signs = ", ".join(f"{LOOKS[key].glyph} {meaning}" for key, meaning in _MEANINGS.items() if key in there)
    each = "a slot" if cell == 1 else f"{cell} slots, shown as most of them are"
    return f"On the rulers of {picture.name} a character is {each}:\n{signs}."


def _ruler(extents: Sequence[ExtentLook], slots: int, cell: int) -> list[str]:
    """Three lines: slot numbers, owners where their extents begin, and what is in the slots."""
    every = "".join(LOOKS[account].glyph * number for look in extents for account, number in look.accounts)
    cells = [every[begin : begin + cell] for begin in range(0, slots, cell)]
    shown = "".join(max(dict.fromkeys(part), key=part.count) for part in cells)
    ticks = [(index, str(index * cell)) for index in range(0, len(cells), _TICK)]
    owners = [(look.start // cell, look.owner) for look in extents if look.owner]
    lines = {"slot": _placed(ticks), "owner": _placed(owners), "": shown}
    return [f"{name:<{_MARGIN}}{line}".rstrip() for name, line in lines.items()]


def _placed(labels: Sequence[tuple[int, str]]) -> str:
    """Each label at its place; one that would touch the one before it is left out."""
    line = ""
    for place, label in labels:
        if place >= len(line) + (1 if line else 0):
            line = f"{line:<{place}}{label}"
    return line


def _waiting(step: StepLook) -> list[Block]:
    if not step.waiting:
        return []
    shown = ", ".join(step.waiting[:_MOST_WAITING])
    more = len(step.waiting) - _MOST_WAITING
    return [Paragraph(f"waiting: {shown}{f' and {more} more' if more > 0 else ''}")]
