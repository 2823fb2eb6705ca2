"""What the package exports is what it says, whatever was imported before."""

import importlib
import inspect
import pkgutil

import pytest

from keras_gan_zoo import metrics


@pytest.mark.parametrize("name", dir(metrics))
def test_names(name):
    value = getattr(metrics, name)
    assert not inspect.ismodule(value)
    assert inspect.getdoc(value) or not callable(value)


def test_no_module_hides_a_name():
    modules = {module.name for module in pkgutil.iter_modules(metrics.__path__)}
    for name in modules:
        importlib.import_module(f"keras_gan_zoo.metrics.{name}")
    hidden = {name for name in dir(metrics) if inspect.ismodule(getattr(metrics, name))}
    assert modules and not hidden


def test_unknown_names():
    with pytest.raises(AttributeError, match="fdi"):
        metrics.fdi  # noqa: B018
