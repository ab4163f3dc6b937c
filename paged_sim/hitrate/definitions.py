"""What counts as a hit, in words; the command line reads this without importing NumPy."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "blocks": "block references that hit / all block references, a last, partly filled block like any other",
    "full-blocks": "block references that hit / references to full blocks; a hit on a partly filled last block counts, "
    "the block itself does not, so a rate above 100% is possible",
    "full-only": "references to full blocks that hit / references to full blocks; partly filled blocks are not cached",
    "tokens": "prompt tokens in blocks that hit / all prompt tokens",
    "requests": "the mean over requests of: prompt tokens in blocks that hit / prompt tokens",
}

COUNTED_IN_BLOCKS = ("blocks", "full-blocks", "full-only")
"""Definitions under which all references weigh the same, so that the blocks Belady's rule finds bound every policy."""
