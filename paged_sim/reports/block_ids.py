"""Lists of block ids on little room: runs of neighbours as one, the middle left out, one block marked."""

from __future__ import annotations

from collections.abc import Sequence

_SHORTEST_RUN = 3
_MOST_RUNS = 8


def block_ids(blocks: Sequence[int], marked: int | None = None) -> str:
    """Ids with a space between them, three or more that count up or down by one as `first-last`.

    The block at position `marked` stands in brackets; a position behind the last block marks none. Of a long list, the
    runs around the position are shown (without one, the first), and how many blocks are left out on either side:
    `..(12) 40-52 [7] 9 (30)..`.
    """
    if not blocks:
        return "none"
    parts = _parts(blocks, marked)
    at = min(marked or 0, len(blocks) - 1)
    centre = next(index for index, part in enumerate(parts) if part[1] >= at)
    begin = max(min(centre - _MOST_RUNS // 2, len(parts) - _MOST_RUNS), 0)
    kept = parts[begin : begin + _MOST_RUNS]
    texts = [_text(blocks, first, last, marked) for first, last in kept]
    if before := kept[0][0]:
        texts.insert(0, f"..({before})")
    if behind := len(blocks) - 1 - kept[-1][1]:
        texts.append(f"({behind})..")
    return " ".join(texts)


def _parts(blocks: Sequence[int], marked: int | None) -> list[tuple[int, int]]:
    """Positions (first, last) of what is written as one; a marked block is always on its own."""
    parts: list[tuple[int, int]] = []
    first = 0
    while first < len(blocks):
        last = first if first == marked else _run_end(blocks, first, marked)
        if last - first + 1 < _SHORTEST_RUN:
            last = first
        parts.append((first, last))
        first = last + 1
    return parts


def _run_end(blocks: Sequence[int], first: int, marked: int | None) -> int:
    last = first
    step = blocks[first + 1] - blocks[first] if first + 1 < len(blocks) else 0
    while abs(step) == 1 and last + 1 < len(blocks) and last + 1 != marked and blocks[last + 1] - blocks[last] == step:
        last += 1
    return last


def _text(blocks: Sequence[int], first: int, last: int, marked: int | None) -> str:
    if first == marked:
        return f"[{blocks[first]}]"
    return str(blocks[first]) if first == last else f"{blocks[first]}-{blocks[last]}"
