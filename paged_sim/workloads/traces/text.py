"""Prompts and answers as text: counted with a tokenizer of the user's, where one is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import refuse_endless

PROMPT_TEXTS = ("prompt", "messages", "text_input", "text", "instruction", "question", "input", "content")
ANSWER_TEXTS = ("output", "completion", "response", "answer", "generated_text", "output_text")
TEXT_KEYS = (*PROMPT_TEXTS, "conversations")
"""Names under which logs and data sets keep text, of prompts and of answers."""


class TokenCounter:
    """Counts the tokens of text with a local `tokenizer.json`, through the package tokenizers.

    A chat template is not applied: of a list of messages the tokens of their contents are counted.
    """

    def __init__(self, path: Path) -> None:
        """Raises PagedSimError: the package is not installed, or the file is no tokenizer."""
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise PagedSimError(
                "trace tokenizer: the package tokenizers is not installed; pip install 'paged-sim[tokenizer]'"
            ) from None
        refuse_endless(path)
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises Exception itself
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PagedSimError(f"trace tokenizer: {path}: no tokenizer ({reason}); give a tokenizer.json") from None

    def __call__(self, value: object) -> object:
        """The tokens of a text or of a list of messages; what is neither is handed back."""
        if isinstance(value, list) and value and all(isinstance(message, dict) for message in value):
            return sum(self._count(str(message.get("content") or "")) for message in value)
        return self._count(value) if isinstance(value, str) else value

    def _count(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)
