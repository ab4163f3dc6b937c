"""`python -m paged_sim` is `paged-sim`."""

from __future__ import annotations

import sys

from paged_sim.cli import main

sys.exit(main())
