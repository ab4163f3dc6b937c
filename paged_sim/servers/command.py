"""Reading the command that starts a server: which engine, which model, which settings, and what is left over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paged_sim.errors import PagedSimError
from paged_sim.servers.lines import SGLANG, TENSORRT_LLM, VLLM
from paged_sim.servers.settings import NOT_MODELLED, OPPOSITES, SETTINGS, SHORT, UNRELATED

# What starts an engine: the words it needs, next to each other; options may follow them at once.
_PROGRAMS: tuple[tuple[str, str], ...] = (
    (VLLM, "vllm serve"),
    (VLLM, "vllm.entrypoints.openai.api_server"),
    (VLLM, "vllm.entrypoints.api_server"),
    (VLLM, "dynamo.vllm"),
    (SGLANG, "sglang.launch_server"),
    (SGLANG, "sglang serve"),
    (SGLANG, "dynamo.sglang"),
    (TENSORRT_LLM, "trtllm-serve serve"),
    (TENSORRT_LLM, "trtllm-serve"),
    (TENSORRT_LLM, "dynamo.trtllm"),
)
_IMAGE = re.compile(r"(?:[\w.-]+/)*(?P<name>vllm-openai|sglang|tensorrt-llm(?:/release)?)(?::(?P<tag>[\w.-]+))?")
_IMAGES = {"vllm-openai": VLLM, "sglang": SGLANG}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_RELEASE = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")
_END = ("|", "||", "&&", ";", "&", ">", ">>", "2>&1", "2>", "&>")
_SWITCH = re.compile(r"(?:no_)?(?:enable|disable|trust|enforce|use|skip|log|no|return|allow)_\w+")
_MODEL = ("model", "model_path", "model_tag", "model_name")
_EXPECTED = "`vllm serve MODEL`, `python -m sglang.launch_server --model-path MODEL` or `trtllm-serve MODEL`"


@dataclass(frozen=True, slots=True)
class _Option:
    """An option as written, its name with underscores, and its value, "" for a switch."""

    written: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Command:
    """A server as a command starts it.

    `settings` holds values as text by scenario path, `notes` names everything else that the command says. `version` is
    that of a container image's tag, "" where there is none.
    """

    engine: str
    version: str
    model: str
    settings: Mapping[str, str]
    notes: tuple[str, ...]


def read_command(text: str) -> Command:
    """The server that a command line starts, with any prefix of a shell or of docker.

    Raises PagedSimError for text that is no such command, or that names no model.
    """
    words = _words(text)
    engine, version, before, after = _program(words)
    options, positional = _options(after)
    model = next((option.value for option in options if option.name in _MODEL and option.value), "")
    if not model and positional:
        model = positional.pop(0)
    if not model:
        raise PagedSimError(
            f"--from: the command names no model; write it as you start the server, such as {_EXPECTED}"
        )
    settings: dict[str, str] = {}
    notes = _prefix_notes(before)
    for option in options:
        if option.name not in _MODEL:
            _place(option, settings, notes)
    notes += [f"not understood: {word}" for word in positional]
    return Command(engine, version, model, settings, tuple(notes))


def _words(text: str) -> list[str]:
    """The words of a command line, up to what follows it in a shell."""
    joined = re.sub(r"\\\s*\n", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        return shlex.split(" ".join(lines))
    except ValueError as error:
        raise PagedSimError(
            f"--from: the command cannot be taken apart: {str(error).lower()}; check its quotes"
        ) from None


def _program(words: Sequence[str]) -> tuple[str, str, Sequence[str], Sequence[str]]:
    """Engine and version, the words before the server's own, and those after."""
    version = next((tag for word in words if (tag := _tag(word)) is not None), "")
    for engine, program in _PROGRAMS:
        parts = program.split()
        for index in range(len(words)):
            found = [word.rpartition("/")[2] for word in words[index : index + len(parts)]]
            if found == parts:
                return engine, version, words[:index], words[index + len(parts) :]
    for index, word in enumerate(words):
        if (image := _IMAGE.fullmatch(word)) is not None and image.group("name") in _IMAGES:
            return _IMAGES[image.group("name")], version, words[:index], words[index + 1 :]
    raise PagedSimError(f"--from: no server of vLLM, SGLang or TensorRT-LLM is started there; write it as {_EXPECTED}")


def _tag(word: str) -> str | None:
    """The release in the tag of an engine's container image, None for any other word."""
    image = _IMAGE.fullmatch(word)
    release = _RELEASE.match(image.group("tag") or "") if image else None
    return release.group(1) if release else None


def _options(words: Sequence[str]) -> tuple[list[_Option], list[str]]:
    """The options, and the other words."""
    options: list[_Option] = []
    positional: list[str] = []
    waiting = [*words]
    while waiting and waiting[0] not in _END:
        word = waiting.pop(0)
        if not re.match(r"--?[A-Za-z]", word):
            positional.append(word)
            continue
        written, equals, value = word.partition("=")
        short = written.lstrip("-").replace("-", "_")
        name = short if written.startswith("--") else SHORT.get(short, short)
        if not equals and waiting and _takes(name, waiting[0]):
            value = waiting.pop(0)
        options.append(_Option(written, name, value))
    return options, positional


def _takes(name: str, word: str) -> bool:
    """Whether `word` is the value of the option `name`."""
    if word in _END or re.match(r"--?[A-Za-z]", word):
        return False
    return word.lower() in ("true", "false") or not _SWITCH.fullmatch(name)


def _prefix_notes(words: Sequence[str]) -> list[str]:
    """What stands before the server's own words, named without values, which may be secrets."""
    variables = [word.partition("=")[0] for word in words if _ASSIGNMENT.match(word)]
    notes = [f"environment variables are not read: {', '.join(variables)}"] if variables else []
    launchers = [word for word in words if word in ("docker", "podman", "nerdctl", "srun", "mpirun", "kubectl")]
    return notes + [f"what {word} is told is not read" for word in launchers[:1]]


def _place(option: _Option, settings: dict[str, str], notes: list[str]) -> None:
    """Put one option where it belongs, or name it."""
    negated = option.name.startswith("no_") and option.name[3:] in SETTINGS
    setting = SETTINGS.get(option.name[3:] if negated else option.name)
    if setting is None:
        if option.name == "dtype" and option.value in ("float", "float32"):
            settings.setdefault("model.kv_dtype", "fp32")
        notes.append(_left_out(option))
    elif setting.form in OPPOSITES:
        on = (option.value.lower() != "false") != negated
        if word := setting.form if on else OPPOSITES[setting.form]:
            settings[setting.path] = word
    elif option.name == "chunked_prefill_size" and option.value == "-1":
        settings["scheduler.prefill"] = "whole"
    elif not option.value:
        notes.append(f"not understood: {option.written} without a value")
    elif option.value.lower() in ("auto", "none", "-1"):
        notes.append(f"{option.written} {option.value} is left to the default")
    else:
        settings[setting.path] = option.value


def _left_out(option: _Option) -> str:
    if option.name in NOT_MODELLED:
        value = f" {option.value}" if option.value else ""
        return f"{option.written}{value} is not modelled: {NOT_MODELLED[option.name]}"
    if option.name.removeprefix("no_") in UNRELATED:
        return f"{option.written} has nothing to do with memory"
    return f"not understood: {option.written}"
