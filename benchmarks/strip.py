"""The picture at the head of the README: samples of all presets."""

from collections.abc import Sequence
from typing import Any

from benchmarks.cards import SAMPLES
from benchmarks.processes import ROOT
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.presets import Preset

STRIP = "strip.png"


def strip(presets: Sequence[Preset], columns: int = 4, side: int = 168) -> Any:
    """A picture of samples of all presets that have pictures, with their names.

    A square grid shows its first 3 x 3 of 8 x 8 samples; what is not square, such as rows of input and output, shows all.
    """
    from PIL import Image, ImageDraw

    files = [(preset.name, preset.folder / f"{SAMPLES}.png") for preset in presets]
    files = [(name, file) for name, file in files if file.exists()]
    gap, line = 8, 18
    height = -(-len(files) // columns) * (side + line + gap)
    made = Image.new("RGB", (columns * (side + gap) - gap, max(height, 1)), "white")
    draw = ImageDraw.Draw(made)
    for i, (name, file) in enumerate(files):
        x, y = i % columns * (side + gap), i // columns * (side + line + gap)
        with Image.open(file) as picture:
            shown = picture.convert("RGB")
        if shown.width == shown.height:
            shown = shown.crop((0, 0, 3 * shown.width // 8, 3 * shown.width // 8))
        factor = side / max(shown.size)
        shown = shown.resize([max(1, round(factor * edge)) for edge in shown.size])
        made.paste(shown, (x + (side - shown.width) // 2, y + (side - shown.height) // 2))
        draw.text((x + 2, y + side + 2), name, fill="black")
    return made.quantize(256)


def write_strip(presets: Sequence[Preset]) -> None:
    """Writes the picture at the head of the README."""
    with whole_file(ROOT / "benchmarks" / STRIP) as partial:
        strip(presets).save(partial, format="PNG", optimize=True)
