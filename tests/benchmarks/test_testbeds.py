"""The testbeds: that the plain GAN collapses where WGAN-GP does not, and what a run leaves behind."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
import typer
from rich.console import Console

from benchmarks import configurations, testbeds
from benchmarks import testbed_tables as tables
from benchmarks.cells import BACKENDS, attempt
from benchmarks.configurations import CONFIGURATIONS, points_gan
from benchmarks.testbeds import Cell, measured, run
from keras_gan_zoo.data import Images
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.models import variant_class, variants
from keras_gan_zoo.provenance import commit

HERE = keras.backend.backend()
OTHERS = [backend for backend in BACKENDS if backend != HERE]


def cell_of(*fields, backend=HERE):
    return Cell(*fields, backend)


def file_of(variant, seed, bed="ring", backend=HERE):
    return f"{bed}_RC1_{variant}_seed{seed}_{backend}.json"


def test_the_plain_gan_collapses_where_wgan_gp_covers_all_modes():
    """The negative control is the same networks and data, with no smaller budget; the game is all that differs."""
    collapsed = measured(cell_of("ring", "RC1", "gan", 0, 4000, 256))["coverage"]
    covering = measured(cell_of("ring", "RC1", "wgan_gp", 0, 1500, 128))["coverage"]
    assert collapsed["modes"] <= 3 and collapsed["nearest20"] <= 4
    assert collapsed["reverse_kl"] is None or collapsed["reverse_kl"] > 0.9
    assert covering["nearest20"] == 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Cells of two variants after a few rounds."""
    folder = tmp_path_factory.mktemp("cells")
    cells = [
        cell_of(bed, "RC1", name, seed, 2, 8)
        for bed in ("ring", "swiss_roll")
        for name in ("gan", "cgan")
        for seed in (0, 1)
    ]
    failed = run(cells, folder, Console(quiet=True))
    # A conditional GAN needs modes to label, which a curve has not.
    assert {(c.bed, c.variant) for c in failed} == {("swiss_roll", "cgan")}
    return folder


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("name", [name for name in variants() if testbeds.plays("ring", "RC1", name)])
def test_every_variant_plays_on_points(name, configuration):
    gan = points_gan(configuration, name, 0, 8)
    gan.run_eagerly = True  # that compiled rounds are the same is tested of each variant
    points, modes = ring().sample(8 * gan.minibatches_per_round, 0)
    before = [w.numpy() if hasattr(w, "numpy") else np.asarray(w) for w in gan.generator.get_weights()]
    data = {"points": points, "labels": modes}
    logs = gan.train_on_batch({name: data[name] for name in gan.fields()}, return_dict=True)
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, gan.generator.get_weights(), strict=True))
    samples = testbeds.generated(gan, 30)
    assert samples.shape == (30, 2) and np.isfinite(samples).all() and samples.std() > 0


def test_who_plays_where():
    for name in variants():
        gan = variant_class(name).tiny()
        from_noise = gan.generates and isinstance(gan.fields()[gan.sample], Images)
        assert testbeds.plays("ring", "RC1", name) == from_noise, name
    with_labels = {"acgan", "bad_gan", "cgan", "matching_gan", "projection_gan", "semi_supervised_gan"}
    refused = {
        name for name in variants() if testbeds.plays("ring", "RC1", name) != testbeds.plays("swiss_roll", "RC1", name)
    }
    assert refused == with_labels
    told = {name for name in variants() if testbeds.plays("stacked_mnist", "digits", name)}
    assert told == set(testbeds.STACKED_ARGUMENTS["digits"]) and "dcgan" not in told


def test_the_networks_are_those_of_the_configuration():
    gan = points_gan("RC1", "gan", 0, 8)
    shapes = [w.shape for w in gan.generator.get_weights()], [w.shape for w in gan.discriminator.get_weights()]
    assert shapes[0] == [(16, 128), (128,), (128, 128), (128,), (128, 2), (2,)]
    assert shapes[1] == [(2, 128), (128,), (128, 128), (128,), (128, 1), (1,)]
    for optimizer in gan.optimizers.values():
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (pytest.approx(1e-3), 0.5, 0.999)
    gan = points_gan("RC1", "wgan_gp", 0, 8)
    adam = gan.optimizers["discriminator"]
    assert (gan.penalty_weight, gan.options.n_critic, adam.beta_1, adam.beta_2) == (0.1, 5, 0, 0.9)
    for sgd in points_gan("RC1", "bayesian_gan", 0, 8).optimizers.values():
        assert (float(sgd.learning_rate), sgd.momentum) == (pytest.approx(1e-3), 0.9)
    gan = points_gan("RC1", "mad_gan", 0, 8)
    assert (gan.generators, gan.optimizers["generator"].beta_1) == (12, 0)
    assert np.abs(points_gan("RC1", "gan", 0, 8).latents(2000, seed=0)).max() > 2  # Gaussian


def test_the_networks_are_those_of_the_other_configurations():
    gan = points_gan("RC2", "gan", 0, 8)
    kernels, judge = gan.generator.get_weights(), gan.discriminator.get_weights()
    assert [w.shape for w in judge] == [(2, 128), (128,), (128, 1), (1,)] and kernels[0].shape == (256, 128)
    # Orthogonal, times the gain.
    np.testing.assert_allclose(kernels[2] @ kernels[2].T, 0.64 * np.eye(128), atol=1e-5)
    assert gan.options.saturating and not gan.options.simultaneous
    point = np.ones((1, 2), "float32")
    hidden = np.maximum((point / 4) @ judge[0], 0)
    np.testing.assert_allclose(gan.discriminator.predict(point, verbose=0), hidden @ judge[2], rtol=1e-5)

    gan = points_gan("RC3", "gan", 0, 8)
    kernels, judge = gan.generator.get_weights(), gan.discriminator.get_weights()
    assert [w.shape for w in judge] == [(2, 128), (128,), (128, 128), (128,), (128, 1), (1,)]
    np.testing.assert_allclose(kernels[2] @ kernels[2].T, 1.96 * np.eye(128), atol=1e-5)
    hidden = np.tanh(np.tanh(point @ judge[0]) @ judge[2])
    np.testing.assert_allclose(gan.discriminator.predict(point, verbose=0), hidden @ judge[4], rtol=1e-4)
    assert not gan.options.saturating and gan.options.simultaneous


def test_a_cell_says_how_it_came_about(folder):
    record = json.loads((folder / file_of("gan", 1)).read_text())
    assert record["cell"] == {
        "bed": "ring",
        "configuration": "RC1",
        "variant": "gan",
        "seed": 1,
        "rounds": 2,
        "batch_size": 8,
        "backend": HERE,
    }
    assert record["settings"]["distribution"] == "ring_unrolled" and record["settings"]["n"] == 2500
    assert set(record["coverage"]) == {"modes", "modes20", "nearest20", "high_quality", "reverse_kl", "jsd"}
    curve = json.loads((folder / file_of("gan", 0, "swiss_roll")).read_text())
    assert set(curve["coverage"]) == {"bins", "off_curve", "sliced_wasserstein"}
    assert curve["coverage"]["sliced_wasserstein"] > 0.1
    assert record["commit"] and record["device"] and record["versions"]["keras"] and record["seconds"] > 0
    assert np.shape(record["samples"]) == (500, 2)


def test_finished_cells_are_not_run_again(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(testbeds, "measured", lambda cell: seen.append(cell) or {"coverage": {}, "settings": {}})
    again = [cell_of("ring", "RC1", "gan", seed, 2, 8) for seed in (0, 1)] + [cell_of("swiss_roll", "RC1", "cgan", 0, 2, 8)]
    before = {path: path.read_text() for path in folder.glob("ring*.json")}
    error = (folder / file_of("cgan", 0, "swiss_roll")).read_text()
    run(again, folder, Console(quiet=True))
    # Only the one that failed.
    assert seen == again[2:]
    assert {path: path.read_text() for path in folder.glob("ring*.json")} == before
    (folder / file_of("cgan", 0, "swiss_roll")).write_text(error)
    seen.clear()
    longer = cell_of("ring", "RC1", "gan", 0, 3, 8)
    run([longer], folder, Console(quiet=True))
    assert seen == [longer]
    (folder / file_of("gan", 0)).write_text(before[folder / file_of("gan", 0)])


def test_finished_cells_of_one_backend_are_not_those_of_another(folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(testbeds, "attempt", lambda backend, *_: asked.append(backend) or {"coverage": {}})
    done = tmp_path / file_of("gan", 0)
    shutil.copy(folder / done.name, done)
    todo = [cell_of("ring", "RC1", "gan", 0, 2, 8, backend=backend) for backend in BACKENDS]
    run(todo, tmp_path, Console(quiet=True))
    assert asked == OTHERS
    assert done.read_text() == (folder / done.name).read_text()
    run(todo, tmp_path, Console(quiet=True))
    assert asked == OTHERS


def test_backends_come_first_in_the_order_of_cells(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(testbeds, "run", lambda cells, folder, console: asked.extend(cells))
    with pytest.raises(typer.Exit):
        testbeds.testbeds("ring,grid", "RC1", "gan", "0,1", "torch,tensorflow", 2, 8, folder=tmp_path)
    assert [(c.backend, c.bed, c.seed) for c in asked] == [
        (backend, bed, seed) for backend in ("torch", "tensorflow") for bed in ("ring", "grid") for seed in (0, 1)
    ]
    assert asked[0].title == "gan on ring, RC1, seed 0, torch"


@pytest.mark.parametrize("backend", OTHERS)
def test_a_cell_of_another_backend_runs_in_a_process_of_its_own(backend, tmp_path):
    pytest.importorskip(backend)
    assert not run([cell_of("ring", "RC1", "gan", 0, 2, 8, backend=backend)], tmp_path, Console(quiet=True))
    record = json.loads((tmp_path / file_of("gan", 0, backend=backend)).read_text())
    assert set(record["versions"]) == {"python", "keras", backend, "numpy", "scipy"}
    assert "cpu" in record["device"] or "cuda" in record["device"]
    assert record["commit"] == commit() and record["cell"]["backend"] == backend
    assert np.shape(record["samples"]) == (500, 2) and np.std(record["samples"]) > 0


def test_a_process_that_fails_is_a_cell_that_says_so(tmp_path):
    """A cell that fails in its process, a process that does not start, and then one of this process."""
    pytest.importorskip(OTHERS[0])
    todo = [
        cell_of("swiss_roll", "RC1", "cgan", 0, 2, 8, backend=OTHERS[0]),
        cell_of("ring", "RC1", "gan", 0, 2, 8, backend="theano"),
        cell_of("ring", "RC1", "gan", 0, 2, 8),
    ]
    assert run(todo, tmp_path, Console(quiet=True)) == todo[:2]
    failed, absent, good = (json.loads(cell.path(tmp_path).read_text()) for cell in todo)
    assert failed["error"].startswith("ValueError: CGAN trains on labels")
    assert "theano" in absent["error"]
    # They computed nothing, and least of all in this process.
    assert not {"versions", "device"} & (failed.keys() | absent.keys())
    assert "error" not in good and HERE in good["versions"]


@pytest.mark.skipif(HERE == "jax", reason="an error of JAX's own process is read from the exception")
def test_an_error_within_jax_is_told(tmp_path, monkeypatch):
    pytest.importorskip("jax")
    (tmp_path / "broken.py").write_text("import jax\njax.jit(lambda x: jax.numpy.dot(x, x[1:]))(jax.numpy.ones(3))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert attempt("jax", None, "broken", {})["error"].startswith("TypeError: dot_general")


def test_equal_seeds_give_equal_cells():
    a, b, other = (measured(cell_of("ring", "RC1", "gan", seed, 3, 16))["samples"] for seed in (4, 4, 5))
    assert np.abs(np.array(a) - b).max() < 1e-2
    assert np.abs(np.array(a) - other).max() > 0.1


def test_table(folder):
    table = tables.testbed_table(folder=folder)
    assert "**ring** (`ring_unrolled`): RC1, 2 rounds of 8 samples" in table
    assert re.search(r"\| a perfect sampler \| +\| 8 \| 8 \| 8 \| 98.9% \| 0.0014 \|", table)
    assert re.search(r"\| `gan` \| 0, 1 \|", table)
    one = tables.testbed_table([("swiss_roll", "RC1", HERE)], folder)
    assert "**swiss_roll**" in one and "**ring**" not in one
    assert re.search(r"\| `cgan` \| 0, 1 \| .*2 not measured: ValueError: CGAN trains on labels", table)
    assert "not run yet" in tables.testbed_table(folder=folder / "nothing")


def test_each_backend_has_its_own_table_and_figure(folder, tmp_path):
    for name in ("gan", "cgan"):
        record = json.loads((folder / file_of(name, 0)).read_text())
        for backend in BACKENDS:
            copy = {**record, "cell": {**record["cell"], "backend": backend}, "device": f"{backend}:7"}
            if (name, backend) == ("cgan", "jax"):  # the first of its table; its process has said no device
                copy = {"cell": copy["cell"], "error": "no jax", "commit": "abc"}
            (tmp_path / file_of(name, 0, backend=backend)).write_text(json.dumps(copy))
    table = tables.testbed_table(folder=tmp_path)
    places = re.findall(r"\*\*ring\*\* \(`ring_unrolled`\): RC1.* judged\. (\w+) on (\w+):7, commit", table)
    assert places == [(backend, backend) for backend in BACKENDS]
    assert table.count("| `gan` | 0 | ") == 3 and table.count("no jax") == 1
    assert tables.testbed_table([("ring", "RC1", "torch")], tmp_path) == "**ring**" + table.split("**ring**")[-1]
    figures = tables.testbed_figures(tmp_path)
    assert {title: len(figure.axes) for title, figure in figures.items()} == {
        "ring, RC1, tensorflow": 2,
        "ring, RC1, jax": 1,
        "ring, RC1, torch": 2,
    }


def test_figures(folder, tmp_path):
    figures = tables.testbed_figures(folder)
    assert list(figures) == [f"ring, RC1, {HERE}", f"swiss_roll, RC1, {HERE}"]
    figure = figures[f"ring, RC1, {HERE}"]
    assert len(figure.axes) == 4
    # The true distribution, and the samples.
    assert [len(c.get_offsets()) for c in figure.axes[0].collections] == [2000, 500]
    figure.savefig(tmp_path / "ring.png")
    assert (tmp_path / "ring.png").stat().st_size > 5000


def test_many_variants_stand_in_lines(folder):
    """Nine in two lines of five and four, each with a row for each seed: names above, seeds at the left."""
    record = next(record for record in tables.records(folder) if "samples" in record)
    names, seeds = [f"gan_{i}" for i in range(9)], (0, 1)
    cells = [{**record, "cell": {**record["cell"], "variant": name, "seed": seed}} for name in names for seed in seeds]
    panels = tables.figure("ring", cells).axes
    rows = {round(panel.get_position().y0, 3) for panel in panels}
    columns = sorted({round(panel.get_position().x0, 3) for panel in panels})
    assert len(panels) == 18 and len(rows) == 4 and len(columns) == 5
    assert [panel.get_title() for panel in panels[::2]] == names
    left = [panel for panel in panels if round(panel.get_position().x0, 3) == columns[0]]
    assert [panel.get_ylabel() for panel in left] == ["seed 0", "seed 1"] * 2


def test_the_document_has_a_picture_below_each_table(folder, tmp_path, monkeypatch):
    figures = tables.testbed_figures(folder)
    monkeypatch.setattr(tables, "testbed_figures", lambda: figures)
    tables.write_testbed_pictures(tmp_path)
    document = tables.testbed_table(folder=folder, pictures=True)
    named = re.findall(r"\|\n\n!\[Samples of each variant on [^\]]+\]\((\S+)\)", document)
    assert named == [f"testbed_ring_rc1_{HERE}.png", f"testbed_swiss_roll_rc1_{HERE}.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in named)
    assert "![" not in tables.testbed_table(folder=folder)


def test_a_variant_that_diverges_is_a_cell_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(configurations.ADAM, "gan", {"beta_1": 0.5, "epsilon": float("nan")})
    failed = run([cell_of("ring", "RC1", "gan", 0, 2, 8)], tmp_path, Console(quiet=True))
    record = json.loads((tmp_path / file_of("gan", 0)).read_text())
    assert len(failed) == 1 and "diverged" in record["error"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beds": "circle"}, "ring, grid.*'circle'"),
        ({"variants": "wgan_pg"}, "wgan_gp"),
        ({"configurations": "RC4"}, "RC1, RC2, RC3, own, digits.*'RC4'"),
        ({"backends": "theano"}, "--backends must be among tensorflow, jax, torch. Received: 'theano'"),
        ({"backends": ""}, "Nothing is left.*a backend"),
        ({"configurations": "own"}, "Nothing is left.*ring: RC1, RC2, RC3"),
        ({"beds": "swiss_roll", "variants": "cgan"}, "Nothing is left.*without labels"),
        ({"seeds": "one"}, "'one'"),
    ],
)
def test_bad_arguments(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        testbeds.testbeds(**{"beds": "ring", "variants": "gan", "seeds": "0", "folder": tmp_path, **options})


@pytest.mark.real_data("mnist")
def test_stacked_mnist(tmp_path, monkeypatch):
    monkeypatch.setattr(testbeds, "STACKED_SAMPLES", 300)
    assert not run([cell_of("stacked_mnist", "own", "dcgan", 0, 2, 8)], tmp_path, Console(quiet=True))
    (result,) = tables.records(tmp_path)
    assert 1 <= result["coverage"]["modes"] <= 300 and result["coverage"]["reverse_kl"] > 1
    assert result["settings"]["n"] == 300
    table = tables.testbed_table(folder=tmp_path)
    assert re.search(r"\| `dcgan` \| 385,985 \| (float32|mixed_bfloat16) \| 0 \| \d+ \|", table)
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    (figure,) = tables.testbed_figures(tmp_path).values()
    assert figure.axes[0].images[0].get_array().shape == (4 * 28, 4 * 28, 3)


@pytest.mark.real_data("mnist")
def test_stacked_mnist_with_arguments_for_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(testbeds, "STACKED_SAMPLES", 20)
    monkeypatch.setitem(
        testbeds.STACKED_ARGUMENTS["digits"], "dcgan", {"width": 8, "output_activation": None, "learning_rate": 0.1}
    )
    played, train = [], testbeds.train
    monkeypatch.setattr(testbeds, "train", lambda gan, *arguments: [played.append(gan), train(gan, *arguments)])
    assert not run([cell_of("stacked_mnist", "digits", "dcgan", 0, 1, 8)], tmp_path, Console(quiet=True))
    assert played[0].output_activation is None
    assert all(float(optimizer.learning_rate) == pytest.approx(0.1) for optimizer in played[0].optimizers.values())
    (result,) = tables.records(tmp_path)
    assert result["settings"]["arguments"] == {"width": 8, "output_activation": None, "learning_rate": 0.1}
    defaults = variant_class("dcgan")((28, 28, 3), width=8)
    assert result["settings"]["parameters"] == defaults.count_params()
    assert (
        "own networks with `width=8, output_activation=None, learning_rate=0.1` for `dcgan`, 1 rounds of 8"
        in tables.testbed_table(folder=tmp_path)
    )


def test_another_rate_of_the_default_optimizers():
    gan = variant_class("sagan").tiny()
    gan.compile(**testbeds.optimizers_at(gan, 0.01))
    for name, optimizer in gan.default_optimizers().items():
        played = gan.optimizers[name]
        assert float(played.learning_rate) == pytest.approx(0.01) and played.beta_1 == optimizer.beta_1 == 0
    assert testbeds.optimizers_at(gan, None) == {}


def test_another_rate_of_one_player():
    gan = variant_class("stylegan2").tiny()
    gan.compile(**testbeds.optimizers_at(gan, {"generator": 0.01}))
    default = float(gan.default_optimizers()["discriminator"].learning_rate)
    rates = {name: float(optimizer.learning_rate) for name, optimizer in gan.optimizers.items()}
    assert rates == pytest.approx({"discriminator": default, "generator": 0.01}) and default != 0.01


def test_arguments_for_digits_spread_what_collapses():
    measured = tables.games(testbeds.FOLDER)
    played = [configuration for bed, configuration, _ in measured if bed == "stacked_mnist"]
    assert played == ["own", "digits"]  # the defaults stand before what mends them
    modes = {
        configuration: {
            c["cell"]["variant"]: c["coverage"]["modes"] for c in measured["stacked_mnist", configuration, "tensorflow"]
        }
        for configuration in ("own", "digits")
    }
    for name, covered in {"bayesian_gan": 800, "r3gan": 999, "sagan": 800, "stylegan2": 600}.items():
        assert modes["own"][name] < 20 and modes["digits"][name] > covered, name
