"""How many bytes a slot takes, and how sizes are written in messages."""

from __future__ import annotations

from paged_sim.errors import PagedSimError

WORD = 8

SCALE_DOWN = "make it smaller with `arena.payload: tag` (8 bytes a slot) or with less `memory`"


def bytes_stored(payload: str | int, bytes_per_slot: int) -> int:
    """Bytes the arena keeps for each slot: 8 for "tag", all of a slot's, in whole words, for "full", 0 for "none".

    Raises PagedSimError for anything that is neither one of these words nor a positive multiple of 8.
    """
    if payload == "tag":
        return WORD
    if payload == "none":
        return 0
    if payload == "full":
        return -(-bytes_per_slot // WORD) * WORD
    if isinstance(payload, int) and payload > 0 and payload % WORD == 0:
        return payload
    raise PagedSimError(f"arena.payload: {payload!r} is not tag, full, none or a positive multiple of {WORD} bytes")


def readable(size: int) -> str:
    """A number of bytes for a message: exact up to 1 KiB, else to one decimal of the largest unit that fits."""
    scaled, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        if scaled < 1024:
            break
        scaled, unit = scaled / 1024, larger
    return f"{size} bytes" if unit == "bytes" else f"{scaled:.1f} {unit}"
