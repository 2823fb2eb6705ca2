"""Imports point one way, and frameworks are imported where they are used."""

import ast
from pathlib import Path

import pytest

import keras_gan_zoo

PACKAGE = Path(keras_gan_zoo.__file__).parent
FRAMEWORKS = {"tensorflow", "tensorflow_datasets", "jax", "torch"}

# Each part may import itself and those of the parts that are named here.
ALLOWED = {
    "backend": set(),
    "devices": {"backend"},
    "files": {"untrusted"},
    "untrusted": set(),
    "machine": {"backend"},
    "registry": set(),
    "schedules": set(),
    "interpolation": set(),
    "losses": set(),
    "layers": {"backend"},
    "data": {"untrusted"},
    "provenance": {"backend", "machine"},
    "conversion": {"untrusted", "files"},
    "metrics": {"untrusted", "backend", "provenance", "conversion", "data", "files", "interpolation"},
    # They know no model: classes are found by name in the registry.
    "config": {"untrusted"},
    "building": {"untrusted", "registry", "schedules", "config"},
    "preset_files": {"untrusted", "files"},
    "presets": {"untrusted", "registry", "config", "building", "preset_files"},
    "preset_saving": {"untrusted", "registry", "config", "files", "provenance", "preset_files", "presets"},
    "base": {"untrusted", "files", "backend", "losses", "data", "interpolation", "building", "presets", "preset_saving"},
    "networks": {"layers"},
    "models": {"registry", "base", "data", "losses", "layers", "networks"},
    "callbacks": {"untrusted", "data", "files", "metrics"},
    "run_recipes": {"untrusted", "config", "data", "machine", "registry"},
    "training": {
        "base",
        "config",
        "devices",
        "preset_files",
        "preset_saving",
        "presets",
        "callbacks",
        "data",
        "files",
        "metrics",
        "run_recipes",
        "untrusted",
    },
    "evaluation": {"untrusted", "presets", "data", "metrics"},
    "sharding": {"evaluation", "metrics", "untrusted"},
    "preset_results": {"config", "evaluation", "metrics", "presets"},
    "verification": {"presets", "preset_files", "preset_results", "metrics"},
    "terminal": {"untrusted"},
    "translation": {"base", "data", "files"},
    "inversion": {"backend", "base", "data", "networks"},
    "growing": {"base", "data", "layers"},
    "class_mixing": {"base", "data"},
    "anomaly": {"base", "callbacks", "data", "files", "inversion"},
    "startup": set(),
    "cli_options": {"terminal", "config", "registry", "metrics"},
    "cli_measuring": {"cli_options", "evaluation", "files", "metrics", "sharding", "terminal", "untrusted", "verification"},
    "cli": {
        "cli_measuring",
        "cli_options",
        "devices",
        "anomaly",
        "registry",
        "config",
        "presets",
        "callbacks",
        "data",
        "files",
        "training",
        "translation",
        "startup",
        "terminal",
        "untrusted",
    },
}


def files():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_")


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path):
    """(full module name, whether at module level) of every import in a file."""
    tree = ast.parse(path.read_text())
    here = ("keras_gan_zoo", *path.relative_to(PACKAGE).with_suffix("").parts)
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            if module == "keras_gan_zoo":
                for alias in node.names:
                    yield f"{module}.{alias.name}", id(node) in top
            else:
                yield module, id(node) in top


def identifier(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", files(), ids=identifier)
def test_imports_point_one_way(path):
    part = part_of(path)
    assert part in ALLOWED, f"{part} is new; say in ALLOWED what it may import"
    for module, _ in imported(path):
        if module.startswith("keras_gan_zoo"):
            _, _, rest = module.partition(".")
            target = rest.partition(".")[0]
            assert target in {part, *ALLOWED[part]}, f"{part} must not import {module}"


@pytest.mark.parametrize("path", files(), ids=identifier)
def test_frameworks_are_imported_by_the_backends_or_inside_functions(path):
    for module, at_top in imported(path):
        if module.partition(".")[0] in FRAMEWORKS and at_top:
            assert path.parent == PACKAGE / "backend" and module.partition(".")[0] == path.stem.removesuffix("_devices")
    # No way around: an import in an `if` or a `try` of the module runs as one at its top does.
    tree = ast.parse(path.read_text())
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.partition(".")[0] in FRAMEWORKS and path.parent != PACKAGE / "backend":
                assert id(node) in inside, f"{name} is imported at module level"


def test_models_know_nothing_of_recipes():
    for path in (PACKAGE / "models").glob("*.py"):
        names = {module.partition(".")[0] for module, _ in imported(path)}
        assert not names & {"yaml", "pydantic", "typer", "rich"}


def test_the_order_has_no_circle():
    done = set()
    while len(done) < len(ALLOWED):
        ready = {part for part, allowed in ALLOWED.items() if allowed <= done} - done
        assert ready, f"a circle among {set(ALLOWED) - done}"
        done |= ready


def test_every_part_is_there():
    assert {part_of(path) for path in files()} == set(ALLOWED)


def test_nothing_is_imported_before_it_is_used():
    import subprocess
    import sys

    script = "import sys, keras_gan_zoo; print(sorted({'keras', 'numpy', 'yaml'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.strip() == "[]"
