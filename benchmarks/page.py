"""The HTML page: one file that needs nothing from elsewhere, with every table and picture of what was measured.

Its tables are those of the README and the cards, turned from Markdown to HTML, so that no number is formatted twice.
"""

import base64
import html
import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks import quality
from benchmarks.cards import COMMAND, GRID_SEED, GRID_SIZE, SAMPLES, quality_text
from benchmarks.figures import CURVE, curve_figure, distance_figures, png_of, shares_figure
from benchmarks.preset_tables import preset_table
from benchmarks.speed_tables import speed_tables
from benchmarks.testbed_tables import testbed_figures, testbed_table
from keras_gan_zoo.presets import Preset

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
SPAN = [Token("html_inline", "", 0, content=tag) for tag in ("<span>", "</span>")]
STYLE = Path(__file__).with_suffix(".css")


def page(presets: Sequence[Preset], folder: Path = quality.FOLDER, curves: Path = quality.CURVES) -> str:
    """The whole page of presets, whose folders hold the sample grids."""
    try:
        importlib.import_module("matplotlib")
    except ImportError as error:
        raise ImportError(
            "The pictures of the HTML page need matplotlib, which is not installed. Fix: pip install matplotlib, or the "
            "extra `benchmark` of this package."
        ) from error
    links = [*((preset.name, preset.name) for preset in presets), ("speed", "Speed"), ("testbeds", "Testbeds")]
    testbeds = [
        (figure, f"Samples of each variant on {title}", f"Samples, of points over true ones (gray): {title}", "wide")
        for title, figure in testbed_figures().items()
    ]
    parts = [
        "<h1>keras_gan_zoo: what was measured</h1>",
        html_of(
            "Trained presets, the speed of the variants, and mode-collapse testbeds. Written from the records in "
            f"`benchmarks/results` by `{COMMAND}`; each table says how its numbers were taken."
        ),
        "<nav>" + "\n".join(f'<a href="#{html.escape(a)}">{html.escape(text)}</a>' for a, text in links) + "</nav>",
        '<h2 id="presets">Presets</h2>',
        html_of(preset_table(presets, folder)),
        _pictures(
            _picture(figure, title, "A dot for each seed of the images, and their median.")
            for title, figure in distance_figures(presets, folder).items()
        ),
    ]
    for preset in presets:
        parts += _preset_parts(preset, folder, curves)
    parts += ['<h2 id="speed">Speed</h2>', html_of(speed_tables())]
    parts += ['<h2 id="testbeds">Mode-collapse testbeds</h2>', html_of(testbed_table())]
    parts.append(_pictures(_picture(*of_bed) for of_bed in testbeds))
    body = "\n".join(part for part in parts if part)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>keras_gan_zoo: what was measured</title>
<style>
{STYLE.read_text("utf-8")}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _preset_parts(preset, folder, curves):
    from keras_gan_zoo.config import read_recipe

    name = html.escape(preset.name)
    grid, lines = (preset.folder / f"{SAMPLES}.{ending}" for ending in ("png", "txt"))
    caption = f"{GRID_SIZE} samples of seed {GRID_SEED}, not selected."
    pictures = [_picture(grid.read_bytes(), f"Grid of samples of {preset.name}", caption, "grid")] if grid.exists() else []
    text = _figure(f"<pre>{html.escape(lines.read_text('utf-8'))}</pre>", caption) if lines.exists() else ""
    if shares := shares_figure(preset, folder):
        caption = "What the zoo's classifier sees in the images. The line is an even share."
        pictures.append(_picture(shares, f"Shares of the classes in images of {preset.name}", caption))
    if curve := curve_figure(preset.name, curves):
        pictures.append(_picture(curve, f"FID of {preset.name} over the rounds of its training", f"{CURVE}."))
    without = "" if curve else '<p class="small">No FID was recorded during this training, so there is no curve.</p>'
    description = read_recipe(preset.folder).description
    measured = html_of(quality_text(preset, folder))
    return [f'<h3 id="{name}">{name}</h3>', html_of(description), _pictures(pictures), text, without, measured]


# HTML --------------------------------------------------------------------------------------------------------------------


def _picture(picture, alt, caption, kind="plot"):
    """A figure of matplotlib, or the bytes of a PNG file."""
    source = base64.b64encode(picture if isinstance(picture, bytes) else png_of(picture)).decode()
    return _figure(f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}">', caption, f' class="{kind}"')


def _figure(content, caption, attributes=""):
    return f"<figure{attributes}>{content}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _pictures(pictures: Iterable[str]) -> str:
    joined = "\n".join(pictures)
    return f'<div class="pictures">\n{joined}\n</div>' if joined else ""


def html_of(text: str) -> str:
    """Markdown as HTML.

    Links to files of the repository become links to the section of their name, as the page stands alone. Cells of a table
    carry the title of their column, and hold one element, so that a phone can show them in two columns.
    """
    tokens = MARKDOWN.parse(re.sub(r"(?<![(<\w`])https?://[^\s<>)|]+", r"<\g<0>>", text))
    titles, column = [], 0
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            titles = [*titles[:column], tokens[i + 1].content]
            token.attrSet("scope", "col")
            column += 1
        elif token.type == "td_open":
            if column == 0:
                token.tag = tokens[i + 2].tag = "th"
                token.attrSet("scope", "row")
            token.attrSet("data-label", titles[column])
            if cell := tokens[i + 1].children:
                tokens[i + 1].children = [SPAN[0], *cell, SPAN[1]]
            column += 1
        for j, part in enumerate(token.children or ()):
            if part.type == "link_open" and not part.attrs["href"].startswith("http"):
                part.attrSet("href", f"#{token.children[j + 1].content}")
    rendered = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return rendered.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>").strip()
