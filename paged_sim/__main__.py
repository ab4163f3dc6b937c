"""`python -m paged_sim` is `paged-sim`."""

from __future__ import annotations

import os
import sys

# Python looks for modules in the current folder first when it is started this way: no data beside a scenario may be
# taken for a library. The package's own modules are found beside this file.
if sys.path[0] == os.getcwd() and not getattr(sys.flags, "safe_path", False):  # noqa: PTH109 (pathlib comes later)
    del sys.path[0]

from paged_sim.cli import main

sys.exit(main())
