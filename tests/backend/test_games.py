"""Games of other shapes than the zoo's play on every backend: shared trunks, several judges, gates, masks and averages."""

import re
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("play_games.py")
PLAYS = re.findall(r"^def play_(\w+)", SCRIPT.read_text(), re.MULTILINE)
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("name", PLAYS)
def test_it_plays_as_its_rules_say(name, backend, play):
    outcome = play(backend, "play_games.py", needed=("tensorflow",))["plays"][name]
    assert outcome == "played", outcome
