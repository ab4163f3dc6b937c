"""Bad scenarios and bad flags: each is refused with one line that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from bad_scenarios import refusal, text_with
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_samples import FULL

from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_scenario, load_text, reference

BAD_FILES = [
    ("", "bad.yaml: the file holds nothing; `paged-sim init` writes a scenario to start from"),
    ("# nothing\n", "bad.yaml: the file holds nothing; `paged-sim init` writes a scenario to start from"),
    ("- a\n- b\n", "bad.yaml:1: a scenario is a mapping of keys such as memory and workload, not a list"),
    ("hello", "bad.yaml:1: a scenario is a mapping of keys such as memory and workload, not text"),
    ("a: [1", "bad.yaml:1: broken YAML"),
    ("memory: {slots: 5}\nmemory: {slots: 6}", "bad.yaml:2: key 'memory' is given twice (first at bad.yaml:1)"),
    ("memory:\n\tslots: 5", "bad.yaml:2: a tab at the start of the line; indent with spaces"),
    (
        "seed: !!python/object:os.system 3\n",
        "bad.yaml:1: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported; remove it",
    ),
    ("seed: !mine 3", "bad.yaml:1: the tag '!mine' is not supported; remove it"),
    ("a: 1\n---\nb: 1\n", "bad.yaml:2: a second document begins here; a file holds one scenario"),
    ("memory: &a {x: *a}", "bad.yaml:1: nested too deeply, or a value inside itself; a scenario is flat"),
    ("seed: *nope", "bad.yaml:1: broken YAML"),
    ("? [1]\n: 2\n", "bad.yaml:1: a key must be a plain word, not a list or a mapping"),
    ("<<: 5\n", "bad.yaml:1: << takes a mapping or a list of mappings; give it an alias such as *base"),
    ("seed: '1\n", "bad.yaml:1: broken YAML"),
    ("memory: {slots: 5}\x00", "bad.yaml: a character that YAML does not allow in text; remove it"),
]

BAD_FLAGS = [
    ("scheduler.max_num_sqs=3", "--set scheduler.max_num_sqs=3: unknown key 'max_num_sqs'; did you mean max_num_seqs?"),
    ("seed", "--set seed: expected path=value, such as scheduler.max_num_seqs=64"),
    ("=3", "--set =3: expected path=value, such as scheduler.max_num_seqs=64"),
    ("seed=", "--set seed=: no value; give an integer >= 0"),
    ("a..b=3", "--set a..b=3: expected path=value, such as scheduler.max_num_seqs=64"),
    ("name=\udcff", "--set name=\\udcff: a character that YAML does not allow in text; remove it"),
    ("seed=x", "--set seed=x: 'x' is not an integer; write an integer such as 16 or 1_000_000"),
    ("seed.x=1", "--set seed.x=1: expected an integer >= 0, found a mapping"),
    ("allocators.vlm.page_size=3", "--set allocators.vlm.page_size=3: there is no item 'vlm'; did you mean vllm?"),
    ("allocators.3.page_size=3", "--set allocators.3.page_size=3: there is no item '3'; write vllm"),
    ("allocators.vllm.page_sze=3", "--set allocators.vllm.page_sze=3: unknown key 'page_sze'; did you mean page_size?"),
    (
        "workload.requests.0.prompt=3",
        "--set workload.requests.0.prompt=3: there is no list to change; set the whole list",
    ),
    ("memory.slot=3", "--set memory.slot=3: unknown key 'slot'; did you mean slots?"),
    (
        "memory.kv_cache=12GB",
        "bad.yaml: model: missing; give it, for example model: opt-13b; the memory is in bytes, so the",
    ),
    (
        "memory.gpu=a100-41gb",
        "--set memory.gpu=a100-41gb: unknown GPU 'a100-41gb'; did you mean a100-40gb or a100-80gb? Or give its memory",
    ),
    (
        "workload.arrival={poisson: 2}",
        "--set workload.arrival={poisson: 2}: workload.arrival.poisson: '2' has no unit; write a number",
    ),
    (
        "workload.arrival.poisson=2/s",
        "--set workload.arrival.poisson=2/s: requests arrive in time, but clock: step only counts steps;",
    ),
    ("memory={slots: 5", "--set memory={slots: 5: broken YAML"),
    ("checks.vlm.batch.mean=>= 3", "--set checks.vlm.batch.mean=>= 3: no allocator 'vlm'; did you mean vllm?"),
    ("arena.device=gpu", "--set arena.device=gpu: 'gpu' will not do; write auto, cpu, cuda or cuda:N"),
    (
        "scheduler.preemption=swap",
        "--set scheduler.preemption=swap: 'swap' is not available in this version; write recompute or none",
    ),
    (
        "allocators.vllm.policy=vmm",
        "--set allocators.vllm.policy=vmm: 'vmm' is not available in this version; write contiguous or",
    ),
    (
        "workload.trace=none.csv",
        "--set workload.trace=none.csv: workload.trace.file: the file 'none.csv' is not there; check the path",
    ),
    ("schedler.max_num_seqs=3", "--set schedler.max_num_seqs=3: unknown key 'schedler'; did you mean scheduler?"),
    ("allocators.vllm.page_size=0", "--set allocators.vllm.page_size=0: 0 is too small; write at least 1"),
    (
        "workload.prompt={uniform: [5, 1]}",
        "--set workload.prompt={uniform: [5, 1]}: workload.prompt.uniform: low 5 is above high 1; swap them",
    ),
    (
        "clock.roofline={gpu: a100-40gb}",
        "--set clock.roofline={gpu: a100-40gb}: 'roofline' is not available in this version; remove it",
    ),
    ("max_model_len=4", "bad.yaml:3: workload.prompt: a prompt of 5 leaves no room for the output in max_model_len 4;"),
    (
        "measure.warmup_requests=9",
        "--set measure.warmup_requests=9: 9 of 4 requests would leave nothing to measure; write less than 4",
    ),
    ("memory=", "--set memory=: no value; give {kv_cache: ...} or {slots: ...} or {pages: ...} or {gpu: ...}"),
    ("seed=[1", "--set seed=[1: broken YAML"),
]


def test_the_good_scenario_is_good() -> None:
    assert load_text(text_with("seed: 1"), "bad.yaml").seed == 1


def test_impossible_file_name() -> None:
    lines = f"workload: {{trace: {'x' * 300}}}"
    assert refusal(text_with(lines)).endswith("is no possible file name; check the path")


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_bad_file(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(("assignment", "message"), BAD_FLAGS)
def test_bad_set(assignment: str, message: str) -> None:
    assert refusal(text_with("seed: 1"), (assignment,)).startswith(message)


def test_bad_device_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--device gpu: 'gpu' will not do; write auto, cpu, cuda or cuda:N$"):
        load_text(text_with("seed: 1"), device="gpu")


def test_bad_seed_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--seed -1: -1 is too small; write at least 0$"):
        load_text(text_with("seed: 1"), seed=-1)


def test_bad_trace_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--trace no.csv: the file 'no.csv' is not there; check the path$"):
        load_text(text_with("seed: 1"), trace="no.csv")


def test_deep_nesting_is_refused() -> None:
    assert "bad.yaml:1" in refusal("a: " + "[" * 40 + "]" * 40)


def test_without_the_c_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert refusal("a: " + "[" * 3000) == "bad.yaml: lists or mappings are nested too deeply; a scenario is flat"
    assert refusal("a: [1").startswith("bad.yaml:1: broken YAML: ")
    assert refusal("memory:\n\tslots: 5").startswith("bad.yaml:2: a tab")


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_scenario_loads_or_is_refused_in_one_line(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(FULL)))
    stop = data.draw(st.integers(start, min(start + 12, len(FULL))))
    damage = data.draw(st.one_of(st.text(max_size=4), st.text("{}[]:,-#&*!|>'\"%@\n\t 0123456789.eE+/_~<", max_size=6)))
    try:
        load_text(FULL[:start] + damage + FULL[stop:], "bad.yaml")
    except PagedSimError as error:
        assert all(message.isprintable() for message in error.messages)


@settings(max_examples=150)
@given(
    st.sampled_from([row.path.replace("[]", ".0") for row in reference()]),
    st.one_of(
        st.text(max_size=6), st.text("{}[]:,-&*!|>'\"019.eE+/", max_size=6), st.sampled_from(["5", "{}", "[1, 2]"])
    ),
)
def test_any_value_of_any_key_loads_or_is_refused_in_one_line(path: str, value: str) -> None:
    try:
        load_text(FULL, "bad.yaml", overrides=[f"{path}={value}"])
    except PagedSimError as error:
        assert all(message.isprintable() for message in error.messages)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such.yaml", "no/such.yaml: no such file; check the path, or see `paged-sim list`"),
        ("no\0name.yaml", "no\\x00name.yaml: cannot be read: no possible file name"),
        ("x" * 300 + ".yaml", "x" * 300 + ".yaml: cannot be read: File name too long"),
    ],
)
def test_bad_path(source: str, message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        load_scenario(source)
    assert str(caught.value) == message


def test_folder_in_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.yaml").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("folder.yaml", "folder"):
        with pytest.raises(PagedSimError, match=rf"^{name}: a directory; give one scenario file in it$"):
            load_scenario(name)


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"seed: 1\n# caf\xe9\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PagedSimError, match=r"^latin.yaml:2: not UTF-8 text; save the file as UTF-8$"):
        load_scenario("latin.yaml")
