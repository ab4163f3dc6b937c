"""For authors of allocators, here and elsewhere: the contract that every policy passes, as a test of one line.

Needs Hypothesis (`pip install "paged-sim[test]"`); nothing else in the package does.
"""

from __future__ import annotations

try:
    from paged_sim.testing.contract import AllocatorContract, check_contract
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ImportError('paged_sim.testing needs Hypothesis: pip install "paged-sim[test]"') from error

from paged_sim.testing.requests import Build, random_requests

__all__ = ["AllocatorContract", "Build", "check_contract", "random_requests"]
