"""What the tables of the documents share."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in (header, *rows)]
    return "\n".join(f"| {line} |" for line in (lines[0], " | ".join(["---"] * len(header)), *lines[1:]))


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of rows that hold each cell under the title of its column."""
    return markdown_table(rows[0] if rows else (), [row.values() for row in rows])


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


def made_on(records: Iterable[dict[str, Any]]) -> str:
    """Devices and commits behind records; those that failed have no device."""
    records = list(records)
    devices = {record["device"] for record in records if "device" in record}
    return f"on {listed(devices)}, commit {listed({short(record['commit']) for record in records})}"


def spread(values: Sequence[float], form: str | Callable[[float], str]) -> str:
    """Median and range of values in a form such as ".3g", or as a function tells them; one where all are told alike."""
    tell = form if callable(form) else lambda value: format(value, form)
    middle, low, high = map(tell, (statistics.median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"
