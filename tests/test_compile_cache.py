"""The compile cache: used only where it is this user's own, and no damage to it ever stops a run."""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paged_sim.compiled import folder as folders
from paged_sim.compiled import jit
from paged_sim.compiled.folder import cache_folder, contents_of, read_sealed, write_sealed
from paged_sim.doctor import Finding, examine
from paged_sim.errors import PagedSimWarning

Usage = namedtuple("Usage", "total used free")


def triple(number: int) -> int:
    return 3 * number


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for compiled code, and a home of the user's that is another."""
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path / "chosen"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Be as a process that has just started."""
    cache_folder.cache_clear()
    jit.cache_clear()


def compiled_once(cache: Path) -> Path:
    """The file that keeps the machine code of `triple`."""
    assert jit(triple)(5) == 15
    forget()
    [file] = cache.rglob("*.nbc")
    return file


def test_what_was_compiled_is_found_again(cache: Path) -> None:
    file = compiled_once(cache)
    before = file.stat().st_mtime_ns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jit(triple)(5) == 15
    assert file.stat().st_mtime_ns == before
    assert contents_of(file.parent).damaged == ()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-10]),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "one bit": lambda file: file.write_bytes(file.read_bytes()[:-9] + b"\xff" + file.read_bytes()[-8:]),
    "whole, but something else": lambda file: write_sealed(file, pickle.dumps((1, 2))),
    "whole, but no pickle": lambda file: write_sealed(file, b"machine code"),
    "a pickle of nothing that is here": lambda file: write_sealed(file, b"cnowhere\nat_all\n."),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_compiled_again(damage: Callable[[Path], object], cache: Path) -> None:
    file = compiled_once(cache)
    damage(file)
    with pytest.warns(PagedSimWarning, match=r"\.nbc is damaged: compiling again"):
        assert jit(triple)(5) == 15
    forget()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jit(triple)(5) == 15


def test_code_that_cannot_be_kept_is_used_all_the_same(cache: Path) -> None:
    file = compiled_once(cache)
    file.unlink()
    file.mkdir()
    with pytest.warns(PagedSimWarning, match="cannot be kept"):
        assert jit(triple)(5) == 15


def test_a_folder_of_the_users_own_is_made(cache: Path) -> None:
    folder = cache_folder("1.0")
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700


def spoil_by_mode(folder: Path) -> None:
    folder.chmod(0o777)


def spoil_by_group(folder: Path) -> None:
    folder.chmod(0o770)


def spoil_by_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoil_by_mode, "can be written to by others"),
        (spoil_by_group, "can be written to by others"),
        (spoil_by_file, "cannot be used"),
    ],
)
def test_a_folder_that_cannot_be_trusted_or_used_is_passed_over(
    spoil: Callable[[Path], None], why: str, cache: Path
) -> None:
    folder = cache_folder("1.0")
    assert folder is not None
    spoil(folder)
    forget()
    with pytest.warns(PagedSimWarning, match=f"{why}.*compiled code is kept in {cache / 'home'}"):
        found = cache_folder("1.0")
    assert found is not None and found.parent == cache / "home" / "paged_sim"
    assert os.environ["PAGED_SIM_CACHE_DIR"] == str(found.parent), "where processes that this one starts look first"


def test_code_of_somebody_else_is_never_executed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = compiled_once(cache)
    mark = cache / "executed"
    write_sealed(file, pickle.dumps(Evil(mark)))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if os.getuid() == 0:  # root's files are trusted: let them be somebody's
        os.chown(file.parent, 12345, -1)
    with pytest.warns(PagedSimWarning, match="belongs to somebody else"):
        jit(triple)(5)
    assert not mark.exists()


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_full_disk_is_passed_over_but_read_from(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache_folder("1.0")
    assert folder is not None
    forget()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(65536, 65536, 0 if "chosen" in str(path) else 1 << 40))
    (folder / "paged.compiled").touch()
    assert cache_folder("1.0") == folder
    (folder / "paged.compiled").unlink()
    forget()
    with pytest.warns(PagedSimWarning, match="is full: compiled code is kept in"):
        assert cache_folder("1.0") != folder


def test_without_any_folder_code_is_compiled_and_not_kept(cache: Path) -> None:
    for name in ("chosen", "home", "temporary"):
        (cache / name).write_text("a file in the way")
    with pytest.warns(PagedSimWarning, match="kept nowhere, and each run compiles again"):
        assert jit(triple)(5) == 15
    assert not list(cache.rglob("*.nbc"))


def test_a_sealed_file_is_whole_or_none(tmp_path: Path) -> None:
    write_sealed(tmp_path / "file", b"content")
    assert read_sealed(tmp_path / "file") == b"content"
    assert read_sealed(tmp_path / "none") is None
    with pytest.raises(OSError):
        write_sealed(tmp_path / "no folder" / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def looked_at() -> Finding:
    return {finding.name: finding for finding in examine()}["compile cache"]


def test_doctor_looks_at_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = compiled_once(cache)
    whole = looked_at()
    assert whole.ok and whole.value.startswith(str(file.parent)) and "in 1 files" in whole.value
    file.write_bytes(b"")
    damaged = looked_at()
    assert damaged.ok is False and damaged.value.endswith(f"damaged: {file.name}")
    file.unlink()
    monkeypatch.setattr(folders, "ROOM", 1 << 60)
    (file.parent / "paged.compiled").touch()
    assert "no more can be kept" in looked_at().value
