"""Errors for people say what must hold, then "Received: ..." and, where that does not say it all, the fix."""

import ast
import contextlib
from pathlib import Path

import pytest

import keras_gan_zoo

PACKAGE = Path(keras_gan_zoo.__file__).parent
# What is raised where an argument, a file, or data cannot be used; others tell of a state, such as a training that diverged.
ERRORS = {"ValueError", "TypeError", "InvalidData", "ConfigError", "PresetError", "FileExistsError", "YAMLError"}
# Their messages are reasons, which other messages quote after their "Received: ".
REASONS = {
    "untrusted.py": "of files that anybody may have written",
    "config.py": "of a parser of YAML",
    "data/files.py": "of files that cannot be read",
    "base/wiring.py": "of networks that do not fit",
    "metrics/references.py": "for computing what was kept again",
}


def messages(path):
    """(line, what is raised, the parts of its message that are text, whether it shows a value)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        called = node.exc.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name in ERRORS and node.exc.args:
            parts = list(ast.walk(node.exc.args[0]))
            text = "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
            yield node.lineno, name, text, any(isinstance(part, ast.FormattedValue) for part in parts)


def check(path, shows_all=True):
    for line, name, text, shows in messages(path):
        where = f"{path}:{line}: {name}: {text}"
        assert "is not possible" not in text, where
        assert not shows_all or not shows or "Received: " in text or not text.strip(), where
        assert text.count("Fix: ") <= 1, where
        # In this order.
        assert "Received: " not in text or "Fix: " not in text.partition("Received: ")[0], where


FILES = [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py"))]


@pytest.mark.parametrize("name", FILES)
def test_errors_say_what_was_received(name):
    check(PACKAGE / name, name not in REASONS)


@pytest.mark.parametrize(
    "message",
    [
        'f"n={n} is not possible; pass 1."',
        'f"n={n} must be 1."',
        'f"Fix: n=1. Received: n={n}."',
        'f"n must be 1. Received: n={n}. Fix: n=1." "Fix: another."',
    ],
)
def test_it_sees_a_fault(message, tmp_path):
    for text, bad in ((message, True), ('f"n must be 1. Received: n={n}. Fix: n=1."', False), ('"It must be 1."', False)):
        (tmp_path / "a.py").write_text(f"def f(n):\n    raise ValueError({text})\n")
        with pytest.raises(AssertionError) if bad else contextlib.nullcontext():
            check(tmp_path / "a.py")
