"""Files of text: refused with the way out, and counted with a tokenizer of the user's where one is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_text
from paged_sim.simulation import draw
from paged_sim.workloads import Reading, read_trace

WORDS = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
}
"""A tokenizer for which every word is a token."""

LOG = [
    {"prompt": "one two three", "response": "four five", "ts": 10},
    {"prompt": "one", "response": "two", "ts": 12},
]


class FakeTokenizer:
    """The part of the package that is used, for machines without it."""

    @staticmethod
    def from_file(path: str) -> FakeTokenizer:
        if json.loads(Path(path).read_text())["model"]["type"] != "WordLevel":
            raise Exception("unknown model\nsecond line")
        return FakeTokenizer()

    def encode(self, text: str) -> Any:
        return SimpleNamespace(ids=text.split())


@pytest.fixture(params=["package", "stand-in"])
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "package":
        pytest.importorskip("tokenizers", reason="the extra paged-sim[tokenizer] is not installed")
    else:
        monkeypatch.setitem(sys.modules, "tokenizers", SimpleNamespace(Tokenizer=FakeTokenizer))
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(WORDS))
    return path


def write(folder: Path, *records: object) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def lengths(path: Path, tokenizer: Path | None) -> list[tuple[int, int]]:
    requests = read_trace(path, reading=Reading(tokenizer=tokenizer)).requests
    return list(zip(requests.prompt_tokens.tolist(), requests.output_tokens.tolist(), strict=True))


def test_text_is_counted(tokenizer: Path, tmp_path: Path) -> None:
    assert lengths(write(tmp_path, *LOG), tokenizer) == [(3, 2), (1, 1)]


def test_messages_and_numbers_beside_text_are_counted(tokenizer: Path, tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "what is it"}, {"content": None}]
    assert lengths(write(tmp_path, {"messages": messages, "output_tokens": 7}), tokenizer) == [(5, 7)]
    table = tmp_path / "t.csv"
    table.write_text('prompt,completion_tokens\n"what, is it",4\n')
    assert lengths(table, tokenizer) == [(3, 4)]


def test_a_scenario_names_the_tokenizer(tokenizer: Path, tmp_path: Path) -> None:
    text = f"""
memory: {{slots: 64}}
max_model_len: 32
workload: {{trace: {{file: {write(tmp_path, *LOG)}, tokenizer: {tokenizer}}}}}
clock: {{base: 10ms}}
allocators: [{{name: paged, policy: paged}}]
"""
    assert draw(load_text(text), 0).requests.prompt_tokens.tolist() == [3, 1]


def test_a_file_that_is_no_tokenizer(tokenizer: Path, tmp_path: Path) -> None:
    tokenizer.write_text(json.dumps({**WORDS, "model": {"type": "Other"}}))
    with pytest.raises(PagedSimError, match=r"^trace tokenizer: .*: no tokenizer \(.*\); give a tokenizer\.json$"):
        lengths(write(tmp_path, *LOG), tokenizer)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(PagedSimError, match=r"the package tokenizers is not installed; pip install 'paged-sim\[tok"):
        lengths(write(tmp_path, *LOG), tmp_path / "tokenizer.json")


def test_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(
        PagedSimError, match=r": this is text \('prompt'\), without its number of tokens; give the model's"
    ):
        lengths(write(tmp_path, *LOG), None)
