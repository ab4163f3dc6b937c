"""The arena: real memory that every token is written to and read back from. It executes and decides nothing."""

from __future__ import annotations

from paged_sim.arena.absent import AbsentArena
from paged_sim.arena.contract import Arena, ArenaStats
from paged_sim.arena.device import DeviceChoice, Stage, choose_device, load_cupy, probe
from paged_sim.arena.device_arena import DeviceArena
from paged_sim.arena.failures import DeviceError
from paged_sim.arena.host import HostArena
from paged_sim.arena.operations import ArenaError
from paged_sim.arena.sizing import WORD, bytes_stored
from paged_sim.scenario.models import ArenaSpec

__all__ = [
    "Arena",
    "ArenaError",
    "ArenaStats",
    "DeviceChoice",
    "Stage",
    "choose_device",
    "open_arena",
    "probe",
]


def open_arena(spec: ArenaSpec, slots: int, bytes_per_slot: int, *, compiled: bool) -> Arena:
    """Open an arena of `slots` (at least 1) slots for a model of `bytes_per_slot` bytes a token; a context manager.

    `compiled` lets it run through Numba. With the device "auto" the host is taken for 8 bytes a slot or none, with
    which it is faster, and where the GPU cannot be used or has too little memory. Raises PagedSimError if the payload
    or the device cannot be had, naming the option that mends it.
    """
    payload = str(spec.payload)
    stored = bytes_stored(spec.payload, bytes_per_slot)
    # A GPU that is asked for by name must be there, with payload none too.
    choice = choose_device("cpu" if spec.device == "auto" and stored <= WORD else spec.device)
    if stored == 0:
        return AbsentArena(slots)
    fallback = choice.fallback
    if choice.device != "cpu":
        index = int(choice.device.removeprefix("cuda:"))
        try:
            return DeviceArena(load_cupy(), index, payload, slots, stored, compiled=compiled)
        except DeviceError as error:
            if spec.device != "auto":
                raise
            fallback = f"{error.where}: {error.reason}"
    if fallback:
        fallback = f"the arena is on the host: {fallback}"
    return HostArena(payload, slots, stored, compiled=compiled, fallback=fallback)
