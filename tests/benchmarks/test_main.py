"""The commands of `python -m benchmarks`."""

import json
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.processes import ROOT
from keras_gan_zoo.presets import find_preset


@pytest.fixture(scope="module", autouse=True)
def registered():
    command.register()


def run(*arguments):
    return CliRunner().invoke(command.app, [str(argument) for argument in arguments])


def test_every_command_is_there_and_explains_itself():
    text = run("--help").output
    for name in command.COMMANDS:
        assert name in text
    for name, options in (
        ("train", ("--pending", "--minutes", "--backend", "--data-dir", "--weights", "--nice")),
        ("quality", ("--seeds", "--backends", "--variants", "--data", "--metrics", "--extractor")),
        ("throughput", ("--backends", "--device", "--variants", "--parts", "--repeats")),
        ("testbeds", ("--seeds", "--backends", "--variants", "--beds")),
    ):
        text = run(name, "--help").output
        assert not [option for option in options if option not in text]


def test_quality_refuses_what_there_is_not_before_anything_is_loaded():
    for arguments, message in (
        (("--seeds", "x"), "Received: 'x'"),
        (("--metrics", "fidd"), "Received: 'fidd'"),
        (("no_such_preset",), "Received: 'no_such_preset'"),
    ):
        result = run("quality", *arguments)
        assert isinstance(result.exception, ValueError) and message in str(result.exception)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo of one preset, and a run of the same recipe."""
    for folder in ("zoo/dcgan_mnist", "run/preset"):
        shutil.copytree(find_preset("dcgan_mnist"), tmp_path / folder)
    monkeypatch.setattr("keras_gan_zoo.presets.preset_root", lambda: tmp_path / "zoo")
    monkeypatch.setattr("benchmarks.quality.CURVES", tmp_path / "curves")
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves/dcgan_mnist.csv").write_text("of the old weights")
    (tmp_path / "run/preset/weights.json").write_text('{"sha256": "new"}')
    return tmp_path


def test_publish_takes_the_weights_and_drops_the_results_of_the_old_ones(zoo):
    assert run("publish", zoo / "run", "dcgan_mnist").exit_code == 0
    assert json.loads((zoo / "zoo/dcgan_mnist/weights.json").read_text()) == {"sha256": "new"}
    gone = ("zoo/dcgan_mnist/results.json", "zoo/dcgan_mnist/README.md", "curves/dcgan_mnist.csv")
    assert not [file for file in gone if (zoo / file).exists()]


def test_publish_says_of_the_same_weights_by_which_recipe_they_came(zoo):
    target = zoo / "zoo/dcgan_mnist/weights.json"
    shutil.copy(target, zoo / "run/preset/weights.json")
    target.write_text(json.dumps({**json.loads(target.read_text()), "recipe_sha256": "that of another"}))
    assert run("publish", zoo / "run", "dcgan_mnist").exit_code == 0
    assert target.read_text() == (zoo / "run/preset/weights.json").read_text()
    assert (zoo / "zoo/dcgan_mnist/results.json").exists()


def test_publish_of_the_same_weights_brings_the_curve_and_keeps_the_results(zoo):
    # Written by another process than the weights that are there.
    info = json.loads((find_preset("dcgan_mnist") / "weights.json").read_text())
    (zoo / "run/preset/weights.json").write_text(json.dumps({**info, "origin": {"commit": "another"}}))
    (zoo / "run/evaluations").mkdir()
    (zoo / "run/evaluations/evaluations.csv").write_text("round,seconds,fid\n1,1,9\n")
    assert run("publish", zoo / "run", "dcgan_mnist").exit_code == 0
    assert (zoo / "zoo/dcgan_mnist/results.json").exists()
    assert (zoo / "curves/dcgan_mnist.csv").read_text().startswith("round,")


@pytest.mark.parametrize(("name", "message"), [("dcgan_mnist", "another recipe"), ("other", "There is no .*config.yaml")])
def test_publish_refuses_a_run_of_another_recipe(zoo, name, message):
    config = zoo / "run/preset/config.yaml"
    config.write_text(config.read_text().replace("rounds: 18000", "rounds: 500"))
    with pytest.raises(ValueError, match=message):
        raise run("publish", zoo / "run", name).exception
    assert json.loads((zoo / "zoo/dcgan_mnist/weights.json").read_text()) != {"sha256": "new"}


def test_a_command_is_imported_alone_and_called_by_its_name():
    """So that one that trains elsewhere needs nothing that another one imports."""
    program = (
        "import sys; sys.argv = ['benchmarks', 'train', '--help']\n"
        "from benchmarks import __main__ as command\n"
        "try:\n    command.main()\nexcept SystemExit:\n    pass\n"
        "print({'keras', 'tensorflow', 'jax', 'torch', 'benchmarks.testbeds'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "--pending" in done.stdout and done.stdout.splitlines()[-1] == "set()"
