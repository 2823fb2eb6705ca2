"""What is imported only to be looked at must answer at once, and import no framework."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import keras_gan_zoo

FRAMEWORKS = {"keras", "tensorflow", "jax", "torch", "tensorflow_datasets", "scipy"}

PROGRAM = """
import json, sys, time
begin = time.process_time()
{statements}
end = time.process_time()
modules = {{name.split(".")[0] for name in sys.modules}}
print(json.dumps([end - begin, sorted(modules)]), file=sys.stderr)
"""

# What commands need before they do anything. It takes a third of a second here, and more on a slow or loaded machine.
DEPENDENCIES = "import numpy, pydantic, rich.table, typer, yaml"


def fresh(statements):
    """Runs statements in processes of their own, each after one that imports the dependencies alone.

    Returns:
        Time of the processor, as a multiple of that of the other process; seconds of the statements; each the best of three.
        Frameworks imported; what was printed.
    """
    times = []
    for _ in range(3):
        dependencies, _, _, _ = one(DEPENDENCIES)
        whole, part, modules, said = one(statements)
        times.append((whole / dependencies, part))
    whole, part = map(min, zip(*times, strict=True))
    return whole, part, FRAMEWORKS & set(modules), said


def one(statements):
    """Seconds of a process and of the statements in it, modules imported, and what was printed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent), "COLUMNS": "160"}
    before = seconds_of_children()
    command = [sys.executable, "-c", PROGRAM.format(statements=statements)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    whole = seconds_of_children() - before
    assert done.returncode == 0, done.stderr
    part, modules = json.loads(done.stderr.splitlines()[-1])
    return whole, part, modules, done.stdout


def seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_importing_the_package_costs_nothing():
    _, _, frameworks, _ = fresh("import keras_gan_zoo\nkeras_gan_zoo.list_presets, dir(keras_gan_zoo)")
    assert not frameworks
    _, seconds, frameworks, _ = fresh("import keras_gan_zoo")
    assert not frameworks and seconds < 0.1


@pytest.mark.parametrize(("arguments", "shown"), [(["list"], "dcgan_mnist"), (["train", "--help"], "--resume")])
def test_commands_that_need_no_framework_import_none(arguments, shown):
    whole, _, frameworks, output = fresh(
        f"from keras_gan_zoo import cli\nsys.argv = ['keras-gan-zoo', *{arguments}]\n"
        "try: cli.main()\nexcept SystemExit as end: assert not end.code"
    )
    assert not frameworks and shown in output
    assert whole < 2


def test_presets_are_listed_without_a_framework():
    whole, _, frameworks, output = fresh("from keras_gan_zoo import list_presets\nprint(list_presets('dcgan*'))")
    assert not frameworks and "dcgan_mnist" in output
    assert whole < 1.2


def test_public_names():
    """In the process of the tests, where a framework is imported anyway."""
    import inspect

    assert inspect.isclass(keras_gan_zoo.DCGAN) and keras_gan_zoo.WGANGP.__name__ == "WGANGP"
    assert keras_gan_zoo.train.__module__ == "keras_gan_zoo.training"
    assert all(inspect.ismodule(getattr(keras_gan_zoo, name)) for name in keras_gan_zoo._MODULES)
    assert not any(hasattr(keras_gan_zoo, name) for name in ("dcgan", "DCGan", "nothing", "_hidden"))
