"""Finding a scenario file, reading it, and laying the command line's flags over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.files import MIB, read_bounded
from paged_sim.scenario.build import build
from paged_sim.scenario.builtin import builtin_scenarios
from paged_sim.scenario.mistakes import UNSOUND, Mistakes
from paged_sim.scenario.models import Scenario
from paged_sim.scenario.nodes import Origin, compose
from paged_sim.scenario.overrides import apply_flag, apply_set
from paged_sim.wording import printable, show, suggestion

MOST_BYTES = 4 * MIB
"""The largest scenario file."""

_LIST = "`paged-sim list` shows the built-in ones"


def load_scenario(
    source: str | Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    device: str | None = None,
    trace: str | Path | None = None,
) -> Scenario:
    """The scenario in the file `source`, or the built-in one of that name, with flags over it.

    `trace` is relative to the current directory and takes the place of requests, prompt and output, or of the file's
    own trace. After it come `overrides`, `path=value` in order, then `seed` and `device`. Raises
    PagedSimError (exit code 2) with one line for anything that is wrong.
    """
    path, label = _find(str(source))
    return load_text(_read(path, label), label, source=path, overrides=overrides, seed=seed, device=device, trace=trace)


def load_text(
    text: str,
    label: str = "scenario.yaml",
    *,
    source: Path | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    device: str | None = None,
    trace: str | Path | None = None,
) -> Scenario:
    """The scenario that `text` says; messages call it `label`, relative paths start from the folder of `source`."""
    mistakes = Mistakes()
    root = compose(text, Origin(label, folder_of(source)), mistakes)
    if root is None or root.empty:
        raise PagedSimError(f"{label}: the file holds nothing; `paged-sim init` writes a scenario to start from")
    if not isinstance(root.data, dict):
        raise PagedSimError(
            f"{root.where}: a scenario is a mapping of keys such as memory and workload, not {root.kind}"
        )
    root = replace(root, where=label)
    changes = [partial(apply_set, assignment=assignment) for assignment in overrides]
    if trace is not None:
        changes.insert(0, partial(apply_flag, flag="--trace", path="workload.trace", text=str(trace)))
    if seed is not None:
        changes.append(partial(apply_flag, flag="--seed", path="seed", text=str(seed)))
    if device is not None:
        changes.append(partial(apply_flag, flag="--device", path="arena.device", text=device))
    for change in changes:
        changed = mistakes.tried(change, root)
        root = root if changed is UNSOUND else changed
    return build(root, label, source, mistakes)


def folder_of(source: Path | None) -> Path:
    """Where the relative paths of a scenario file start: its folder, for a link the folder of the file it leads to."""
    if source is None:
        return Path()
    return source.resolve().parent if source.is_symlink() else source.parent


def _find(source: str) -> tuple[Path, str]:
    """The file that `source` means, and what messages call it."""
    if source.endswith((".yaml", ".yml")) or "/" in source or Path(source).is_file():
        return Path(source), printable(source)
    known = {scenario.name: scenario.path for scenario in builtin_scenarios()}
    if source in known:
        return known[source], f"{source}.yaml"
    if Path(source).is_dir():
        raise PagedSimError(f"{source}: a directory; give one scenario file in it")
    raise PagedSimError(f"{show(source)} is no file and no built-in scenario; {suggestion(source, known, _LIST)}")


def _read(path: Path, label: str) -> str:
    try:
        return read_bounded(path, MOST_BYTES, "scenario").decode("utf-8-sig")
    except FileNotFoundError:
        raise PagedSimError(f"{label}: no such file; check the path, or see `paged-sim list`") from None
    except IsADirectoryError:
        raise PagedSimError(f"{label}: a directory; give one scenario file in it") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PagedSimError(f"{label}:{line}: not UTF-8 text; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no possible file name"
        raise PagedSimError(f"{label}: cannot be read: {reason}") from None
