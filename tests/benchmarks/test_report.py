"""What the report says of the records, and whether its page stands alone and fits on a screen and on a phone."""

import base64
import dataclasses
import html
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import keras_gan_zoo
from benchmarks import (
    card_pictures,
    cards,
    measured,
    page,
    preset_tables,
    quality,
    report,
    speed_tables,
    strip,
    testbed_tables,
)
from keras_gan_zoo import presets
from keras_gan_zoo.config import parse_recipe
from keras_gan_zoo.models import variant_class
from keras_gan_zoo.preset_files import PICTURES
from keras_gan_zoo.preset_saving import recipe_of, save_to_preset

PRESET = "cgan_mnist"
NAMES = (PRESET, "dcgan_mnist")  # on the page


def browser():
    """A browser that starts: on Ubuntu, chromium-browser may only say how to get one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0:
            return path
    return None


BROWSER = browser()


def record(value=6.0, seed=0, **changes):
    fields = {
        "value": value,
        "metric": "fid",
        "extractor": "inception",
        "extractor_sha256": "0123456789abcdef" * 4,
        "resizer": "legacy",
        "n_real": 10_000,
        "n_fake": 10_000,
        "reference_split": "mnist/test",
        "dtype": "float32",
        "seed": seed,
        "settings": {},
        "details": {},
        "backend": "tensorflow",
        "device": "cpu:0 (x86_64)",
        "versions": {"keras": "3.15.1", "tensorflow": "2.21.0"},
        "commit": "0123456789abcdef0123",
    }
    return {**fields, **changes}


def judged(seed=0):
    shares = [0.11, 0.09] + [0.1] * 8
    network = {"extractor": "mnist_classifier", "resizer": "none", "n_real": 0, "reference_split": "none"}
    return record(0.09, seed, metric="share_of_rarest_class", details={"shares": shares, "mean_confidence": 0.95}, **network)


def rows_of(text):
    """The rows of the Markdown tables in a text, each as title of the column -> cell."""
    rows, header = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells or header is None:
            header = cells or None
        elif set(line) - set("|- "):
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def row_of(text, **wanted):
    """The one row that has these cells."""
    (row,) = (row for row in rows_of(text) if wanted.items() <= row.items())
    return row


@pytest.fixture
def preset():
    """A shipped preset with other results."""
    described = keras_gan_zoo.list_presets(PRESET)[0]
    return dataclasses.replace(described, results={"FID": record(), "rarest class": judged()})


@pytest.fixture
def cell(tmp_path):
    """Writes a cell of the preset."""

    def write(records=None, seed=0, backend="tensorflow", **changes):
        content = {
            "cell": dataclasses.asdict(quality.Cell(PRESET, "mnist", "test", 10_000, seed, backend)),
            "weights_sha256": quality.weights_of(PRESET),
            "records": records or {},
            **changes,
        }
        (tmp_path / f"{PRESET}_mnist-test_seed{seed}_{backend}.json").write_text(json.dumps(content))

    return write


def test_seeds_of_one_protocol_make_one_distribution(tmp_path, preset, cell):
    cell({"fid": record(6.0), "kid": record(0.002, metric="kid", settings={"subsets": 100})})
    cell({"fid": record(7.5, 1)}, seed=1)
    cell({"fid": record(6.5, 2), "recall": record(0.5, 2, metric="recall", settings={"k": 3})}, seed=2)
    cell({"fid": record(6.25, 0, backend="jax")}, backend="jax")
    found = measured.measurements(preset, tmp_path)
    assert [(m.title, m.values) for m in found] == [
        ("FID", [6.0, 7.5, 6.5]),
        ("rarest class", [0.09]),
        ("FID", [6.25]),
        ("KID", [0.002]),
        ("recall", [0.5]),
        ("mean confidence", [0.95]),
    ]
    assert found[0].text(".2f") == "6.50 (6.00 to 7.50)" and found[0].seeds == "0, 1, 2"
    assert found[1].text() == "0.09"
    assert set(measured.headline(preset, tmp_path)) == {"FID", "rarest class"}


@pytest.mark.parametrize(
    "change",
    [
        {"extractor_sha256": "f" * 64},
        {"resizer": "clean"},
        {"n_fake": 5000},
        {"reference_split": "mnist/train"},
        {"dtype": "mixed_bfloat16"},
        {"backend": "torch"},
        {"settings": {"k": 1}},
    ],
)
def test_records_of_other_protocols_stay_apart(tmp_path, preset, cell, change):
    cell({"fid": record(60.0, 1, **change)}, seed=1)
    assert [m.values for m in measured.measurements(preset, tmp_path) if m.title == "FID"] == [[6.0], [60.0]]


def test_what_was_measured_with_other_weights_is_left_out_and_named(tmp_path, preset, cell):
    cell({"fid": record(7.5, 1)}, seed=1, weights_sha256="0")
    assert measured.measurements(preset, tmp_path)[0].values == [6.0]
    assert measured.stale_cells([preset], tmp_path) == [f"{PRESET}_mnist-test_seed1_tensorflow.json"]


def test_a_card_says_protocol_hash_seeds_device_and_failures(tmp_path, preset, cell):
    cell({"fid": record(7.0, 1, device="cuda:0 (x86_64)", commit="f" * 40 + "-dirty")}, seed=1)
    cell(seed=2, error="ValueError: out of order")
    text = cards.quality_text(preset, tmp_path)
    row = row_of(text, metric="FID")
    assert (row["value"], row["seeds"], row["backend"]) == ("6.5 (6 to 7)", "0, 1", "tensorflow")
    assert row["images"] == "10,000 generated, 10,000 real (mnist/test)"
    assert "inception (0123456789ab), legacy, float32" in row.values()
    assert row_of(text, metric="rarest class")["value"] == "0.09" and len(rows_of(text)) == 3
    assert row_of(text, metric="mean confidence")["value"] == "0.95"
    assert "tensorflow on cpu:0 (x86_64), tensorflow on cuda:0 (x86_64)" in text
    assert "keras 3.15.1, tensorflow 2.21.0; commit 0123456789ab, ffffffffffff-dirty." in text
    assert "Not measured: cgan_mnist against mnist/test, seed 2, tensorflow: ValueError: out of order." in text
    bare = cards.quality_text(dataclasses.replace(preset, results={}), tmp_path / "none")
    assert bare == "These weights were not measured yet; `python -m benchmarks quality cgan_mnist` does it."


@pytest.fixture
def preset_of(tmp_path, monkeypatch):
    """Writes a preset of a tiny model of a variant, which the zoo then has alone."""

    def write(variant):
        gan = variant_class(variant).tiny(seed=0)
        monkeypatch.setattr(presets, "preset_root", lambda: tmp_path / "zoo")
        model = json.loads(json.dumps(recipe_of(gan).model))
        training = {"rounds": 10, "batch_size": 4, "dtype": "float32", "checkpoint_rounds": 5, "sample_rounds": 5}
        recipe = {"variant": variant, "description": "Noise.", "model": model, "data": {"source": "noise.npz"}}
        folder = tmp_path / "zoo" / f"tiny_{variant}"
        save_to_preset(gan, folder, recipe=parse_recipe({**recipe, "training": training}, "the test"))
        return gan, next(preset for preset in presets.list_presets() if preset.variant == variant)

    return write


@pytest.fixture
def empty_testbeds(monkeypatch):
    """Documents with an empty figure for those of the testbeds, which take ten seconds to draw."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    for module in (page, testbed_tables):
        monkeypatch.setattr(module, "testbed_figures", lambda: {"ring, RC1": Figure((1, 1))})


@pytest.mark.parametrize(
    ("variant", "shape"),
    [
        ("cgan", {"labels": (10, 10), "between_classes": (10, 10)}),
        ("info_gan", {"numbers": (10, 4), "labels": (10, 10)}),
        ("mad_gan", {"members": (10, 2)}),
        ("gan", {}),
        ("stylegan2", {}),
    ],
)
def test_a_card_shows_classes_and_codes(variant, shape, preset_of):
    """Columns and rows of each picture."""
    gan, preset = preset_of(variant)
    found = card_pictures.pictures(gan)
    assert [picture.name for picture in found] == list(shape)
    assert {f"{name}.png" for name in shape} <= set(PICTURES)
    cards.write_card(preset)
    card = (preset.folder / "README.md").read_text("utf-8")
    height, width = gan.image_shape[:2]
    for name, title, make in found:
        columns, rows = shape[name]
        images = make()
        assert images.shape == (rows * columns, *gan.image_shape) and images.dtype == np.uint8
        assert len(np.unique(images, axis=0)) > columns
        assert f"![{title}]({name}.png)" in card
        with Image.open(preset.folder / f"{name}.png") as picture:
            assert picture.width * rows * height == picture.height * columns * width
    save_to_preset(gan, preset.folder)  # what a card adds is in nobody's way


def test_a_card_shows_the_curve_of_the_training(preset_of, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    _, preset = preset_of("gan")
    monkeypatch.setattr(quality, "CURVES", tmp_path)
    # A look that had no time leaves its number out.
    for rows, shown in (([], False), (["100,9,"], False), (["100,9,", "200,9,30.5", "300,9,8.25"], True)):
        (tmp_path / f"{preset.name}.csv").write_text("\n".join(["round,seconds,fid", *rows]))
        cards.write_card(preset)
        assert ("](curve.png)" in (preset.folder / "README.md").read_text("utf-8")) == shown
        assert (preset.folder / "curve.png").is_file() == shown


@pytest.mark.parametrize(
    ("variant", "call", "words"),
    [
        (
            "gan_3d",
            "voxels = gan.generate(64, seed=0)",
            ["Output: `voxels`, volumes of shape", "![64 samples, seed 0](samples.png)"],
        ),
        ("seq_gan", "tokens = gan.generate(64, seed=0)", ["(80 real examples seen)", "[64 samples, seed 0](samples.txt)"]),
        (
            "pix2pix",
            "target = gan.translate(source, seed=0)",
            ["Input: `source`, images", "Side by side: source, output, target"],
        ),
    ],
)
def test_a_card_of_other_samples_says_what_goes_in_and_comes_out(variant, call, words, preset_of, empty_testbeds, tmp_path):
    pytest.importorskip("matplotlib")
    gan, preset = preset_of(variant)
    if not gan.generates:  # the samples of its training stay
        Image.new("RGB", (8, 8)).save(preset.folder / "samples.png")
    before = {path.name: path.read_bytes() for path in preset.folder.glob("samples.*")}
    cards.write_card(preset)
    card = (preset.folder / "README.md").read_text("utf-8")
    for sentence in (call, *words, quality.NOT_MEASURABLE, "The\n  discriminator is not; `load` gives it fresh weights."):
        assert sentence in card, sentence
    assert "FID" not in card and "figures hold" not in card
    (samples,) = preset.folder.glob("samples.*")
    assert samples.name in card and before in ({}, {samples.name: samples.read_bytes()})
    text = page.page([preset], tmp_path / "none", tmp_path / "none")
    assert ("Grid of samples of" in text) == (samples.suffix == ".png")
    if samples.suffix == ".txt":
        lines = samples.read_text("utf-8")
        assert lines.count("\n") == 64 and lines in text
        assert "\n".join(lines.splitlines()[:8]) + "\n```" in card and lines.splitlines()[8] not in card.split("```")[3]
    assert f"| [{preset.name}](zoo_configs/{preset.name}/README.md) |" in preset_tables.preset_table(
        [preset], tmp_path / "none"
    )
    with pytest.raises(ValueError, match="nothing to measure.*from noise"):
        quality.cells_of([preset.name], [], [], "test", [0], ["tensorflow"], 10)


def test_repeats_on_other_backends_that_agree_are_one_sentence(tmp_path, preset, cell):
    cell({"fid": record(6.0001, backend="jax"), "kid": record(0.002, metric="kid")}, backend="jax")
    text = cards.quality_text(preset, tmp_path)
    assert row_of(text, metric="FID")["backend"] == "tensorflow" and "Repeats on jax agree to within 2e-05" in text
    cell({"fid": record(6.1, backend="torch")}, backend="torch")
    rows = [row for row in rows_of(cards.quality_text(preset, tmp_path)) if row["metric"] == "FID"]
    assert [(row["value"], row["backend"]) for row in rows] == [("6", "tensorflow"), ("6.1", "torch")]


def test_the_strip_shows_grids_and_rows(tmp_path, preset):
    folders = [tmp_path / name for name in ("grid", "rows", "text")]
    for folder, size in zip(folders, [(64, 64), (192, 64), None], strict=True):
        folder.mkdir()
        if size:
            Image.new("RGB", size, "red").save(folder / "samples.png")
    shown = strip.strip([dataclasses.replace(preset, folder=folder) for folder in folders], columns=2, side=60)
    pixels = np.asarray(shown.convert("RGB"))
    red = (pixels[:60] == [255, 0, 0]).all(-1)
    assert pixels.shape == (86, 128, 3) and red[:, :60].all() and red[:, 68:].sum() == 60 * 20


def test_the_table_of_presets_says_how_its_numbers_were_taken(tmp_path, preset, cell):
    cell({"fid": record(7.5, 1)}, seed=1)
    bare = dataclasses.replace(preset, name="dcgan_mnist", results={})
    text = preset_tables.preset_table([preset, bare], tmp_path)
    measured, not_measured = rows_of(text)
    assert PRESET in measured["preset"] and "dcgan_mnist" in not_measured["preset"]
    columns = ("FID", "rarest class", "mean confidence")
    assert [measured[column] for column in columns] == ["6.75 (6.00 to 7.50)", "0.090", "0.950"]
    assert [not_measured[column] for column in columns] == ["not measured", "", ""]
    assert "10,000 generated, 10,000 real (mnist/test); features of inception (0123456789ab), legacy, float32" in text
    assert "seeds of the images 0, 1 (median and range)." in text


def test_tables_go_between_their_markers_and_nowhere_else():
    parts = ("presets", "speed")
    tables = {name: lambda name=name: f"new {name}" for name in parts}
    blocks = [
        f"before\n<!-- {p}: written by `python -m benchmarks report` -->\nold\n<!-- end of {p} -->\nafter\n" for p in parts
    ]
    text = report.with_tables("".join(blocks), tables)
    assert "old" not in text and text.count("before\n") == text.count("after\n") == 2
    assert "-->\n\nnew speed\n\n<!-- end of speed -->" in text
    assert report.with_tables(text, tables) == text
    for broken in (blocks[0], "".join([*blocks, blocks[0]]), "".join(blocks).replace("<!-- end of speed -->", "")):
        with pytest.raises(ValueError, match="document needs the lines"):
            report.with_tables(broken, tables)


def test_speed_tables_tell_of_failures(tmp_path):
    def numbers(middle):
        return {"median": middle, "min": middle - 100, "max": middle + 100, "values": [middle - 100, middle, middle + 100]}

    result = {"dtype": "float32", "training_images_per_second": numbers(2000.0), "peak_memory_mb": numbers(900.0)}
    result |= {"training_images_per_cpu_second": numbers(1100.0), "first_round_seconds": numbers(600.0)}
    content = {
        "backend": "tensorflow",
        "onednn": True,
        "protocol": {"image_size": 28, "batch_size": 128, "repeats": 3},
        "device": {"cpu": "a CPU", "cores": 2, "accelerator": None},
        "commit": "0" * 40,
        "versions": {"torch": "2.13", "keras": "3.15"},
        "dcgan": {"zoo": result, "torch_loop": {"error": "it broke"}},
        "variants": {"gan": {**result, "sampling_images_per_second": numbers(5000.0)}},
    }
    (tmp_path / "tensorflow_cpu.json").write_text(json.dumps(content))
    text = speed_tables.speed_tables(tmp_path)
    training, sampling, memory = "2,000 (1,900 to 2,100)", "5,000 (4,900 to 5,100)", "900 (800 to 1,000)"
    protocol = text.splitlines()[0]
    for words in ("tensorflow", "28 x 28 images", "batch 128", "a CPU with 2 cores", "keras 3.15, torch 2.13", "0" * 12):
        assert words in protocol
    assert "of 3 processes each" in protocol and "tensorflow with oneDNN" in protocol
    zoo = row_of(text, program="`DCGAN` of the zoo")
    assert (zoo["precision"], zoo["training, images/s"], zoo["peak memory, MB"]) == ("float32", training, memory)
    failed = row_of(text, program="the same networks in a plain PyTorch loop")
    assert list(failed.values())[1:] == ["failed: it broke", "", "", "", ""]
    of_processor, first_round = "1,100 (1,000 to 1,200)", "600 (500 to 700)"
    assert (zoo["images per CPU second"], zoo["first round, s"]) == (of_processor, first_round)
    gan = row_of(text, variant="`gan`")
    assert (gan["training, images/s"], gan["sampling, images/s"]) == (training, sampling)

    content |= {"backend": "jax", "device": {"cpu": "a CPU", "cores": 2, "accelerator": "a GPU"}}
    content["variants"]["dcgan"] = {"error": "it broke"}
    once = {"median": 7.0, "min": 7.0, "max": 7.0, "values": [7.0]}
    content["variants"]["lsgan"] = {"dtype": "float32", "training_images_per_second": once}
    (tmp_path / "jax_gpu.json").write_text(json.dumps(content))
    more = speed_tables.speed_tables(tmp_path)
    assert set(text.splitlines()) <= set(more.splitlines())
    (protocol,) = (line for line in more.splitlines() if line.startswith("jax"))
    assert "a GPU, a CPU with 2 cores" in protocol and "of 1 to 3 processes each" in protocol
    assert more.count("processes each") == 2
    columns = ("jax, GPU: training, images/s", "jax, GPU: sampling, images/s")
    for name, *cells in (("gan", training, sampling), ("dcgan", "failed: it broke", ""), ("lsgan", "7", "")):
        row = row_of(more, program=f"`{name}`")
        assert [row[column] for column in columns] == cells, name


def test_markdown_becomes_html():
    text = page.html_of("A `<b>` & [card](a/b.md)\n\n| x | y |\n|---|---|\n| 1 \\| 2 | https://a.b/c |\n| 3 |  |")
    assert '<p>A <code>&lt;b&gt;</code> &amp; <a href="#card">card</a></p>' in text
    assert '<th scope="row" data-label="x"><span>1 | 2</span></th>' in text
    assert '<a href="https://a.b/c">https://a.b/c</a>' in text
    assert '<td data-label="y"></td>' in text


def test_a_missing_matplotlib_is_named_with_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="need matplotlib, which is not installed. Fix: pip install matplotlib"):
        page.page([])


def test_the_command_writes_all_documents(tmp_path, preset, empty_testbeds, monkeypatch):
    pytest.importorskip("matplotlib")
    folder = tmp_path / PRESET
    shutil.copytree(preset.folder, folder)
    (folder / "README.md").write_text("old")
    shutil.copyfile(report.README, tmp_path / "README.md")
    for module in (report, strip):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(report, "README", tmp_path / "README.md")
    (tmp_path / "benchmarks").mkdir()
    for name in ("PRECISION", "TESTBEDS", "SPEED", "QUALITY", "SEMI_SUPERVISED"):
        path = shutil.copyfile(getattr(report, name), tmp_path / "benchmarks" / f"{name}.md")
        monkeypatch.setattr(report, name, path)
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(report, "GUIDE", shutil.copyfile(report.GUIDE, tmp_path / "docs" / "which_gan.md"))
    for name in ("precision_table", "metrics_speed_table", "testbed_table"):
        monkeypatch.setattr(report, name, lambda **options: "new")
    monkeypatch.setattr(measured, "list_presets", lambda: [dataclasses.replace(preset, folder=folder)])
    report.report(tmp_path / "new" / "report.html")
    assert (tmp_path / "new" / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert f"---\n\n# {PRESET}\n" in (folder / "README.md").read_text("utf-8")
    assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert " by the classifier, 6.00 by Inception |" in readme and "dcgan_mnist/README.md)" not in readme
    assert (tmp_path / "benchmarks" / "testbed_ring_rc1.png").read_bytes().startswith(b"\x89PNG")
    for name, part in (("PRECISION", "precision"), ("TESTBEDS", "testbeds")):
        assert f"-->\n\nnew\n\n<!-- end of {part} -->" in (tmp_path / "benchmarks" / f"{name}.md").read_text("utf-8")


# The page in a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture
def full_page(tmp_path, preset, cell, monkeypatch):
    """A page with everything that there can be: seeds, curves, testbeds, failures, and long words."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    def testbed_figures():
        figure = Figure((9, 3))
        figure.subplots().plot([0, 1], [1, 0])
        return {"Samples over the true modes": figure}

    names = [f"column {i}" for i in range(9)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (names, ["---"] * 9, ["12,345 (12,000 to 13,000)"] * 9))
    monkeypatch.setattr(page, "testbed_table", lambda: table)
    monkeypatch.setattr(page, "testbed_figures", testbed_figures)
    for seed in (1, 2):
        cell({"fid": record(6.0 + seed, seed), "precision": record(0.7, seed, settings={"k": 3})}, seed=seed)
    cell(seed=3, error=f"ValueError: {'x' * 300}")
    curves = tmp_path / "curves"
    curves.mkdir()
    (curves / f"{PRESET}.csv").write_text("round,seconds,fid\n500,10,80.5\n1000,20,20.25\n1500,30,9.5\n2000,40,11\n")
    return page.page([dataclasses.replace(preset, name=name) for name in NAMES], tmp_path, curves)


def test_the_page_stands_alone_and_describes_its_pictures(full_page):
    assert not re.findall(r"<(?:script|link|iframe|object|base)\b|@import|url\(", full_page)
    figure = r'<figure class="\w+"><img src="data:image/png;base64,([^"]+)" alt="([^"]{10,})"><figcaption>[^<]{10,}</fig'
    pictures = {alt: data for data, alt in re.findall(figure, full_page)}
    assert len(pictures) == len(re.findall("<img", full_page)) == len(re.findall("src=", full_page))
    for what in (
        *(f"{kind} of {name}" for name in NAMES for kind in ("Grid of samples", "Shares of the classes in images")),
        f"FID of {PRESET} over the rounds",
        f"FID of {', '.join(NAMES)} against mnist/test",
        "Samples over the true modes",
    ):
        (data,) = (data for alt, data in pictures.items() if what in alt)
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.width > 200 and np.ptp(np.asarray(picture.convert("L"))) > 100, what
    assert full_page.count("No FID was recorded during this training") == 1
    assert "7 (6 to 8)" in full_page and 'name="viewport"' in full_page and '<html lang="en">' in full_page


SCRIPT = """
<script>
function look(frame) {
  const view = frame.contentWindow, page = frame.contentDocument, faults = [];
  const wide = element => element.getBoundingClientRect().width;
  const images = [...page.images];
  for (const image of images) {
    if (!image.complete || !image.naturalWidth) faults.push("no picture: " + image.alt);
    if (wide(image) > wide(image.parentElement) + 1) faults.push("wider than its figure: " + image.alt);
    if (wide(image) < 100) faults.push("tiny: " + image.alt);
  }
  for (const table of page.querySelectorAll("table"))
    if (table.scrollWidth > table.parentElement.clientWidth + 1) faults.push("table: " + table.innerText.slice(0, 40));
  for (const element of page.body.querySelectorAll("*"))
    if (element.getBoundingClientRect().right > view.innerWidth + 1 || element.getBoundingClientRect().left < 0)
      faults.push("outside of the screen: " + element.tagName + " " + element.innerText.slice(0, 40));
  const across = page.scrollingElement.scrollWidth;
  if (across > view.innerWidth) faults.push("scrolls sideways: " + across);
  return {width: view.innerWidth, images: images.length, tables: page.querySelectorAll("table").length, faults};
}
onload = () => {
  const found = [...document.querySelectorAll("iframe")].map(look);
  document.body.replaceChildren();
  document.body.dataset.found = JSON.stringify(found);
};
</script>
"""


def changed(text, old, new):
    """A text with the first of its `old` replaced, of which it must have one."""
    assert old in text
    return text.replace(old, new, 1)


def looked_at(text, folder):
    """What a browser finds in a page at the widths of a screen and of a phone."""
    frames = "".join(
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(text)}"></iframe>'
        for width in (1280, 390)
    )
    (folder / "frames.html").write_text(f"<!doctype html><meta charset='utf-8'>{SCRIPT}{frames}", "utf-8")
    command = [
        *(
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
        ),
        *("--window-size=1400,1000", f"--user-data-dir={folder / 'profile'}", "--timeout=30000", "--dump-dom"),
        (folder / "frames.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(html.unescape(re.search(r'data-found="([^"]*)"', done.stdout)[1]))


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome here")
def test_in_a_browser_pictures_are_there_and_nothing_overflows(full_page, tmp_path):
    found = looked_at(full_page, tmp_path)
    assert [view.pop("faults") for view in found] == [[], []]
    there_are = {"images": full_page.count("<img"), "tables": full_page.count("<table")}
    assert found == [{"width": width, **there_are} for width in (1280, 390)]


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome here")
def test_in_a_browser_faults_are_seen(full_page, tmp_path):
    broken = changed(full_page, "data:image/png;base64,iVBOR", "data:image/png;base64,AAAA")
    broken = changed(broken, "figure img { display: block; width: 100%;", "figure img { display: block; width: 1300px;")
    broken = changed(broken, "overflow-wrap: break-word;", "")
    screen, phone = looked_at(broken, tmp_path)
    kinds = {fault.partition(":")[0] for fault in screen["faults"]}
    assert {"no picture", "wider than its figure", "outside of the screen", "scrolls sideways"} <= kinds
    # On the screen of a computer, a table is as wide as its words; a phone stacks them.
    unstacked = looked_at(changed(full_page, "@media (max-width: 700px)", "@media (max-width: 1px)"), tmp_path)
    assert not unstacked[0]["faults"] and any(fault.startswith("table") for fault in unstacked[1]["faults"])
    assert phone["faults"]
