"""Writes what was measured into the documents: tables, the model cards with their sample grids, and one HTML page.

    python -m benchmarks report --html somewhere/report.html

No number in these documents is typed by hand, and tests compare the committed ones with what this module writes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cards import COMMAND, write_card
from benchmarks.cells import write_text
from benchmarks.image_tricks import image_tricks_table, write_image_tricks_picture
from benchmarks.measured import stale_cells, trained_presets
from benchmarks.page import page
from benchmarks.precision import precision_table
from benchmarks.preset_tables import variant_table
from benchmarks.processes import ROOT
from benchmarks.semi_supervised import semi_supervised_table
from benchmarks.sharing import sharing_table
from benchmarks.speed_tables import metrics_speed_table, speed_tables
from benchmarks.strip import write_strip
from benchmarks.study_tables import study_table, write_pictures
from benchmarks.testbed_tables import testbed_table, write_testbed_pictures
from benchmarks.tricks import tricks_table, write_tricks_picture

README = ROOT / "README.md"
PRECISION = ROOT / "benchmarks" / "PRECISION.md"
SPEED = ROOT / "benchmarks" / "SPEED.md"
TESTBEDS = ROOT / "benchmarks" / "TESTBEDS.md"
QUALITY = ROOT / "benchmarks" / "QUALITY.md"
GUIDE = ROOT / "docs" / "which_gan.md"
SEMI_SUPERVISED = ROOT / "benchmarks" / "SEMI_SUPERVISED.md"


def report(html: Annotated[Path, typer.Option(help="Where the HTML page goes.")] = ROOT / "runs" / "report.html"):
    """Writes the tables of the documents, model cards, sample grids and an HTML page from what was measured."""
    presets = trained_presets()
    for preset in presets:
        write_card(preset)
    write_strip(presets)
    write_pictures()
    write_testbed_pictures(TESTBEDS.parent)
    write_tricks_picture(GUIDE.parent)
    write_image_tricks_picture(GUIDE.parent)
    written = write_documents()
    write_text(html, page(presets))
    for name in stale_cells(presets):
        typer.echo(f"{name} is left out: it was measured with other weights.", err=True)
    names = ", ".join(str(path.relative_to(ROOT)) for path in written)
    typer.echo(f"{names}, {len(presets)} model cards and {html} are written.")


def write_documents() -> list[Path]:
    """Writes the tables of the documents anew; the documents."""
    written = documents()
    for path, tables in written.items():
        write_text(path, with_tables(path.read_text("utf-8"), tables))
    return list(written)


def documents() -> dict[Path, dict[str, Callable[[], str]]]:
    """Document -> name of a marker in it -> the table that goes there."""
    return {
        README: {"variants": variant_table},
        SPEED: {"speed": speed_tables, "sharing": sharing_table},
        TESTBEDS: {"testbeds": lambda: testbed_table(pictures=True)},
        QUALITY: {"study": study_table},
        GUIDE: {"tricks": tricks_table, "image_tricks": image_tricks_table},
        SEMI_SUPERVISED: {"semi_supervised": semi_supervised_table},
        PRECISION: {"precision": precision_table, "metrics_speed": metrics_speed_table},
    }


def with_tables(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """A document with the tables between its markers written anew."""
    for name, table in tables.items():
        start, end = f"<!-- {name}: written by `{COMMAND}` -->\n", f"<!-- end of {name} -->"
        if text.count(start) != 1 or end not in text.partition(start)[2]:
            raise ValueError(f"The document needs the lines {start.strip()!r} and {end!r} once each, in this order.")
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return text
