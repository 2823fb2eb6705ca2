"""What the tables of the documents share."""

from collections.abc import Iterable, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in (header, *rows)]
    return "\n".join(f"| {line} |" for line in (lines[0], " | ".join(["---"] * len(header)), *lines[1:]))


def listed(words: Iterable[str]) -> str:
    """Words in their order, with commas between."""
    return ", ".join(sorted(words))


def versions(record: dict[str, Any]) -> list[str]:
    """Names and numbers of a record's libraries."""
    return [f"{name} {number}" for name, number in record["versions"].items()]


def short(commit: str) -> str:
    """Twelve digits of a commit; "-dirty" stays."""
    digits, dash, rest = commit.partition("-")
    return digits[:12] + dash + rest
