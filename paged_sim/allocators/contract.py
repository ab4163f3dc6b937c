"""What every allocator's functions agree on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Listed = npt.NDArray[np.int32]
"""The first slots of pages, as wide as an arena takes them."""

NO_ROOM = -1
"""The answer "it cannot be placed now": a value, not an error, and nothing has changed."""

KEPT = -2
"""The answer "it has this page to itself": nothing had to be copied."""
