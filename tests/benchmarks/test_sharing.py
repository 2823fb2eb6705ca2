"""What is counted of a round that two processes share."""

import json

import pytest

from benchmarks import sharing
from benchmarks.processes import environment_of, run

pytest.importorskip("torch")


def test_the_bytes_of_a_round_are_gradients_and_little_more():
    said, _ = run(["-m", "benchmarks.sharing", "gan_mnist"], environment_of("torch"))
    counted = json.loads(said.splitlines()[-1])
    # Both players' weights once; statistics and losses are the rest. No player takes more than a step.
    assert counted["gradient_bytes"] < counted["bytes"] < 1.02 * counted["gradient_bytes"]
    assert counted["messages"] > 2 and counted["batch_size"] == 64


def test_a_variant_without_a_recipe_is_counted_too():
    said, _ = run(["-m", "benchmarks.sharing", "bad_gan"], environment_of("torch"))
    counted = json.loads(said.splitlines()[-1])
    assert 0 < counted["gradient_bytes"] < counted["bytes"] and counted["batch_size"] == 64


def test_players_that_wait_have_no_row(tmp_path):
    measured = {"bytes": 3_000_000, "gradient_bytes": 1_500_000, "messages": 7, "seconds": 0.25, "batch_size": 64}
    record = {"results": {"a": measured, "b": {"refused": True}}, "device": {"cpu": "one", "cores": 2}}
    (tmp_path / "sharing.json").write_text(json.dumps({**record, "versions": {}, "commit": "0" * 40}))
    *_, row = sharing.sharing_table(tmp_path / "sharing.json").splitlines()
    assert row == "| `a` | 64 | 3.00 | 50% | 7 | 250 | 2.40 |"
