"""What counts as a finding of the collapse monitor, and how it is worded."""

from typing import NamedTuple

import numpy as np

ADVICE = (
    "Advice: lower the generator's learning rate, give the discriminator more steps (n_critic) or a penalty (r1_gamma), or "
    "choose a variant that collapses less (wgan_gp)."
)


class Rule(NamedTuple):
    """When a measured value is a finding, and the message for it."""

    measure: str
    above: bool
    threshold: float
    text: str


RULES = {
    "pairwise_distance": Rule(
        "pairwise_distance",
        False,
        0.25,
        "the samples are nearly alike: two of them differ by {value:.1%} of what two real images differ by (alarm below "
        f"{{threshold:.0%}}). The generator has collapsed. {ADVICE}",
    ),
    "pixel_std": Rule(
        "pixel_std",
        False,
        0.1,
        "the samples hardly vary: the standard deviation of a pixel over them is {value:.1%} of that of real images (alarm "
        f"below {{threshold:.0%}}). The generator has collapsed. {ADVICE}",
    ),
    "effective_classes": Rule(
        "effective_classes",
        False,
        0.5,
        "the samples show few classes: their effective number is {value:.1%} of that of real images (alarm below "
        f"{{threshold:.0%}}). The generator has lost modes. {ADVICE}",
    ),
    "discriminator_wins": Rule(
        "ranking",
        True,
        0.999,
        "the discriminator tells real from fake without error: it scores the real image higher in {value:.2%} of all pairs "
        "(alarm above {threshold:.1%}), and its score is nearly flat there, so the generator learns little. "
        "Advice: a lower learning rate for the discriminator, instance_noise, label_smoothing, or r1_gamma.",
    ),
    "discriminator_fooled": Rule(
        "ranking",
        False,
        0.05,
        "the discriminator has it backward: it scores the real image higher in only {value:.1%} of all pairs (alarm below "
        "{threshold:.0%}; guessing gives 50%). What it teaches is wrong. Advice: more steps (n_critic) or a higher learning "
        "rate for the discriminator.",
    ),
    "vanishing_gradient": Rule(
        "gradient",
        False,
        0.01,
        "the discriminator's score hardly depends on the samples: its gradient there is {value:.2g} in units of a linear "
        "discriminator (alarm below {threshold:g}). The generator has nothing to learn from. Advice: a lower learning rate "
        "for the discriminator, instance_noise, r1_gamma, or leaky activations.",
    ),
    "exploding_gradient": Rule(
        "gradient",
        True,
        1000.0,
        "the discriminator's score changes wildly around the samples: its gradient there is {value:.2g} in units of a "
        "linear discriminator (alarm above {threshold:g}). Advice: r1_gamma or spectral norm, lower learning rates.",
    ),
    "saturation": Rule(
        "saturation",
        True,
        0.5,
        "the samples stick to the ends of the range: of the values that the data has elsewhere, {value:.0%} are above 0.99 "
        "in size (alarm above {threshold:.0%}). tanh has next to no gradient there. Advice: a lower learning rate for the "
        "generator.",
    ),
}
# A linear discriminator that tells all fakes from real images has a gradient of 2 or more. A discriminator that wins without
# being flat does its job: critics of WGAN-GP win for hundreds of rounds.
FLAT = 0.5
# The findings that `patience` counts. The others are about the course of the training, and may pass.
SERIOUS = ("nan", "pairwise_distance", "pixel_std", "effective_classes")
# A class with this many expected samples is missing by chance in e^-10 of all looks.
EXPECTED = 10


class Finding(NamedTuple):
    """A finding of one look.

    Attributes:
        round: round of the look.
        kind: "nan", a key of `RULES`, "missing_classes", or an action of the monitor itself: "recovered", "rollback",
            "stopped".
        message: the finding in plain words, with its number and advice.
        value: the measured value; NaN if there is no number.
        threshold: the value that it was compared with; NaN if there is none.
    """

    round: int
    kind: str
    message: str
    value: float = np.nan
    threshold: float = np.nan
