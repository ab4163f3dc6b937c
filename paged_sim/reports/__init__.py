"""Ways of showing runs. A report reads runs and nothing else; a new one is a file here and a line in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paged_sim.result import Document

from .as_csv import as_csv
from .as_json import as_json
from .as_markdown import as_markdown
from .as_table import as_table
from .blocks import Screen

Report = Callable[[Sequence[Document], Screen], str]

FORMATS: dict[str, Report] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
}
