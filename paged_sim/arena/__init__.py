"""The arena: real memory that every token is written to and read back from. It executes and decides nothing."""

from __future__ import annotations

from paged_sim.arena.absent import AbsentArena
from paged_sim.arena.contract import Arena, ArenaStats
from paged_sim.arena.device import DeviceChoice, Stage, choose_device, load_cupy, probe
from paged_sim.arena.device_arena import DeviceArena
from paged_sim.arena.host import HostArena
from paged_sim.arena.operations import ArenaError
from paged_sim.arena.sizing import bytes_stored
from paged_sim.errors import PagedSimError
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

    `compiled` lets it run through Numba. With the device "auto" a GPU whose memory is too small is passed over.
    Raises PagedSimError if the payload or the device cannot be had, naming the option that mends it.
    """
    payload = str(spec.payload)
    stored = bytes_stored(spec.payload, bytes_per_slot)
    if stored == 0:
        # Without memory there is nothing to put on a GPU; one that is asked for by name must be there all the same.
        reason = "no memory is asked for" if spec.device == "auto" else choose_device(spec.device).reason
        return AbsentArena(slots, reason=reason)
    choice = choose_device(spec.device)
    reason = choice.reason
    if choice.device != "cpu":
        index = int(choice.device.removeprefix("cuda:"))
        try:
            return DeviceArena(load_cupy(), index, payload, slots, stored, compiled=compiled, reason=reason)
        except PagedSimError as error:
            if spec.device != "auto":
                raise
            reason = str(error)
    return HostArena(payload, slots, stored, compiled=compiled, reason=reason)
