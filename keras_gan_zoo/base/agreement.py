"""What processes that train together must agree on before the first step."""

import hashlib
import json
from typing import Any

from keras import ops


def digest_of_state(gan: Any) -> str:
    """A digest of all that a training goes on from: networks, optimizers, counters, and states."""
    digest = hashlib.sha256()
    for variable in (*gan.variables, *gan.optimizer.variables):
        digest.update(ops.convert_to_numpy(variable).tobytes())
    return digest.hexdigest()[:16]


def require_agreement(gan: Any, **further: str) -> None:
    """Exchanges the round, a digest of the state, and `further` facts with the other processes.

    Raises:
        ValueError: in each of them, if they differ; it names what each has.
    """
    if gan.processes == 1:
        return
    facts = {**further, "round": str(ops.convert_to_numpy(gan.rounds)), "state": digest_of_state(gan)}
    all_facts = [json.loads(message) for message in gan.exchange(json.dumps(facts))]
    for name in facts:
        said = [facts.get(name) for facts in all_facts]
        if len(set(said)) > 1:
            listed = ", ".join(f"{value} in process {rank}" for rank, value in enumerate(said))
            raise ValueError(
                f"All processes must begin with the same {name}. Received: {listed}. Fix: let them share the folder of the "
                "run, with the same recipe, data and arguments; in Python, call keras.utils.set_random_seed before."
            )
