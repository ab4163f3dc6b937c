"""What a run books otherwise than a server would: layers with a window, and states."""

from __future__ import annotations

from paged_sim.geometry.kv_bytes import Geometry, LayerKind


def booking_notes(geometry: Geometry, longest: int) -> tuple[str, ...]:
    """Sentences for the user of a run whose sequences have up to `longest` tokens; none for plain attention."""
    notes = []
    windows = [kind for kind in geometry.layer_kinds if kind.window is not None and kind.window < longest]
    if windows:
        notes.append(_window_note(geometry, windows, longest))
    state = sum(kind.state_bytes_per_gpu for kind in geometry.layer_kinds)
    if state:
        kinds = ", ".join(dict.fromkeys(kind.kind for kind in geometry.layer_kinds if kind.state_bytes))
        notes.append(
            f"the state that {geometry.name} keeps of each sequence in its {kinds} layers, {_size(state)} on a GPU, is "
            "not booked"
        )
    return tuple(notes)


def _window_note(geometry: Geometry, windows: list[LayerKind], longest: int) -> str:
    """By how much a sequence of `longest` tokens is booked too large."""
    layers = sum(kind.layers for kind in windows)
    seen = " or ".join(f"{kind.window:,}" for kind in windows)
    booked = longest * geometry.bytes_per_slot
    kept = sum(min(longest, kind.window or longest) * kind.bytes_per_slot for kind in geometry.layer_kinds)
    return (
        f"{layers} layers of {geometry.name} keep the last {seen} tokens only, but every layer is booked in full: "
        f"a sequence of {longest:,} tokens takes {_size(booked)} here, {booked / kept:.2g} times the {_size(kept)} "
        "it keeps"
    )


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
