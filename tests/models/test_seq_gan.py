"""SeqGAN: its gradient and action values on a policy that can be enumerated, its phases, rollouts, and what it draws."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import SeqGAN
from keras_gan_zoo.data import InvalidData

SEQUENCES = np.array(list(itertools.product(range(3), repeat=3)), "int32")
# Logits of the next token after 0, 1, 2 and the start, as in tests/losses/test_policy.py, with the gradient of E D there.
TABLE = np.sin(np.arange(1.0, 13.0)).reshape(4, 3)
GRADIENT = np.array(
    [
        [0.007108788, -0.00270381, -0.004404978],
        [0.013694942, 0.001784903, -0.015479846],
        [0.020513265, -0.001003901, -0.019509365],
        [-0.060311242, -0.002740116, 0.063051358],
    ]
)


def value(x):
    return ops.convert_to_numpy(x)


def tensor(x):
    return ops.convert_to_tensor(x)


def same(first, second):
    return [np.array_equal(a, b) for a, b in zip(first, second, strict=True)]


def table_generator():
    """A step network that looks its logits up, for the start in a row of its own; its state says whether it has begun."""
    token, begun = keras.Input((), dtype="int32"), keras.Input((1,))
    after = layers.Embedding(3, 3, name="after")(token)
    start = layers.Dense(3, use_bias=False, name="start")(1.0 - begun)
    network = keras.Model([token, begun], [begun * after + start, ops.ones_like(begun)])
    network.get_layer("after").set_weights([TABLE[:3]])
    network.get_layer("start").set_weights([TABLE[3:]])
    return network


def rating(score):
    """A discriminator of three tokens: score(first, second, third), times a weight that is 1."""
    tokens = keras.Input((3,), dtype="int32")
    x = ops.cast(tokens, "float32")
    weight = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Model(tokens, weight(score(x[:, :1], x[:, 1:2], x[:, 2:])))


@pytest.fixture(scope="module")
def small():
    def build(cls=SeqGAN, **options):
        discriminator = rating(lambda a, b, c: 0.8 * a - 0.5 * b * c + 0.3 * c)
        arguments = {"generator": table_generator(), "discriminator": discriminator, "seed": 0, "n_critic": 1}
        return cls(3, 3, **{**arguments, **options})

    return build


@pytest.fixture(scope="module")
def exact():
    """Probabilities of all sequences, and their action values, by enumeration."""
    before = np.concatenate([np.full((27, 1), 3), SEQUENCES[:, :2]], axis=1)
    log_policy = TABLE - np.log(np.exp(TABLE).sum(axis=1, keepdims=True))
    probabilities = np.exp(log_policy[before, SEQUENCES].sum(axis=1))
    first, second, third = SEQUENCES.T
    rewards = 1 / (1 + np.exp(-(0.8 * first - 0.5 * second * third + 0.3 * third)))
    values = []
    for t in (1, 2, 3):
        alike = (SEQUENCES[:, None, :t] == SEQUENCES[None, :, :t]).all(axis=-1) * probabilities
        values.append(((alike @ rewards) / alike.sum(axis=1), (alike @ rewards**2) / alike.sum(axis=1)))
    means, squares = (np.stack(part, axis=1) for part in zip(*values, strict=True))
    return probabilities, means, np.sqrt(np.maximum(squares - means**2, 0))


# The gradient ----------------------------------------------------------------------------------------------------------


def shifted(cls):
    class Shifted(cls):
        def action_values(self, tokens):
            return ops.roll(super().action_values(tokens), 1, axis=1)

    return Shifted


def before_the_choice(cls):
    class BeforeTheChoice(cls):
        def rolled_out(self, tokens, given):
            return super().rolled_out(tokens, given - 1)

    return BeforeTheChoice


def summed(cls):
    class Summed(cls):
        def action_values(self, tokens):
            return ops.flip(ops.cumsum(ops.flip(super().action_values(tokens), 1), axis=1), 1)

    return Summed


def gradient_by_the_table(gan, probabilities, gradients_of):
    """Of E D, from the objective of the generator on sequences that come as often as the policy draws them."""
    counts = np.rint(20_000 * probabilities).astype(int)
    tokens = tensor(np.repeat(SEQUENCES, counts, axis=0))
    names = [variable.path.partition("/")[0] for variable in gan.generator.trainable_variables]
    found = gradients_of(lambda: gan.generator_objective({}, {"tokens": tokens}), gan.generator.trainable_variables)
    rows = {name: value(ops.convert_to_tensor(gradient)) for name, gradient in zip(names, found, strict=True)}
    return -np.concatenate([rows["after"], rows["start"]])


@pytest.mark.parametrize("baseline", [True, False])
def test_its_gradient_is_that_of_the_expected_reward(baseline, small, exact, gradients_of):
    gradient = gradient_by_the_table(small(rollouts=8, baseline=baseline), exact[0], gradients_of)
    # 160,000 rollouts of each length, and probabilities that are rounded to 1 / 20,000.
    np.testing.assert_allclose(gradient, GRADIENT, atol=1.5e-3)


@pytest.mark.parametrize("mutant", [shifted, before_the_choice, summed])
def test_other_rewards_have_another_gradient(mutant, small, exact, gradients_of):
    gradient = gradient_by_the_table(small(mutant(SeqGAN), rollouts=8), exact[0], gradients_of)
    assert np.abs(gradient - GRADIENT).max() > 6e-3


def test_action_values_are_expected_rewards_once_a_token_is_known(small, exact):
    _, means, deviations = exact
    found = value(small(rollouts=4000).action_values(tensor(SEQUENCES)))
    assert found.shape == (27, 3)
    assert (np.abs(found - means) <= 4 * deviations / 4000**0.5 + 1e-6).all()
    # The last token leaves nothing open.
    assert deviations[:, 2].max() < 1e-6 < deviations[:, 1].min()


def test_what_it_draws_has_the_probabilities_of_the_policy(small, exact):
    gan = small()
    drawn = gan.generate(50_000, seed=0, batch_size=50_000)
    counts, expected = np.bincount(drawn @ [9, 3, 1], minlength=27), 50_000 * exact[0]
    # 26 degrees of freedom: mean 26, standard deviation 7.2.
    assert ((counts - expected) ** 2 / expected).sum() < 26 + 4 * 7.2
    np.testing.assert_allclose(np.exp(gan.log_likelihood(SEQUENCES)), exact[0], rtol=1e-6)


def test_rewards_are_taken_without_dropout_and_without_a_gradient(gradients_of):
    gan = SeqGAN.tiny(dropout=0.5, seed=0)
    tokens = tensor(gan.fields()["tokens"].random(np.random.default_rng(0), 6))
    scores = value(gan.score({"tokens": tokens}, training=False))
    np.testing.assert_allclose(value(gan.action_values(tokens))[:, -1], 1 / (1 + np.exp(-scores)), atol=1e-6)
    objective = lambda: gan.generator_objective({}, {"tokens": tokens})  # noqa: E731
    assert all(gradient is None for gradient in gradients_of(objective, gan.discriminator.trainable_variables))
    assert all(gradient is not None for gradient in gradients_of(objective, gan.generator.trainable_variables))


def test_a_baseline_takes_off_what_all_sequences_share():
    tokens = {"tokens": tensor(SeqGAN.tiny().fields()["tokens"].random(np.random.default_rng(0), 6))}

    class Equal(SeqGAN):
        def action_values(self, tokens):
            return ops.broadcast_to(ops.arange(1.0, 6.0)[None], (6, 5))

    with_baseline, without = (Equal.tiny(baseline=baseline, seed=0) for baseline in (True, False))
    assert float(with_baseline.generator_objective({}, tokens)) == pytest.approx(0.0, abs=1e-6)
    # About log 10 for each token, times 1 + 2 + 3 + 4 + 5.
    assert float(without.generator_objective({}, tokens)) == pytest.approx(15 * np.log(10), rel=0.1)


# Rollouts --------------------------------------------------------------------------------------------------------------


def test_rollouts_keep_what_is_given():
    gan = SeqGAN.tiny(seed=0)
    tokens = gan.fields()["tokens"].random(np.random.default_rng(0), 60)
    np.testing.assert_array_equal(value(gan.rolled_out(tensor(tokens), ops.full((60,), 5))), tokens)
    given = np.repeat(np.arange(6), 10)
    rolled = value(gan.rolled_out(tensor(tokens), tensor(given)))
    kept = np.arange(5) < given[:, None]
    np.testing.assert_array_equal(rolled[kept], tokens[kept])
    assert 0.7 < (rolled[~kept] != tokens[~kept]).mean() < 1.0
    # And are drawn anew each time.
    assert not np.array_equal(rolled, value(gan.rolled_out(tensor(tokens), tensor(given))))


def test_each_position_has_rollouts_of_its_own():
    seen = []

    class Watched(SeqGAN):
        def rolled_out(self, tokens, given):
            seen.append((value(tokens), value(given)))
            return super().rolled_out(tokens, given)

    gan = Watched.tiny(rollouts=3, seed=0)
    tokens = gan.fields()["tokens"].random(np.random.default_rng(0), 2)
    gan.action_values(tensor(tokens))
    (rows, given), *rest = seen
    assert not rest and len(rows) == 2 * 3 * 4
    for row in tokens:
        mine = given[(rows == row).all(axis=1)]
        np.testing.assert_array_equal(np.sort(mine), np.repeat([1, 2, 3, 4], 3))


# Phases ----------------------------------------------------------------------------------------------------------------


def test_phases_follow_each_other_and_who_waits_stands_still_bit_for_bit():
    gan = SeqGAN.tiny(pretraining_rounds=2, discriminator_pretraining_rounds=2, seed=0)
    data = gan.fields()["tokens"].random(np.random.default_rng(0), 8)

    def parts():
        found = {name: getattr(gan, name).trainable_variables for name in gan.network_names}
        found |= {f"{name} optimizer": optimizer.variables for name, optimizer in gan.optimizers.items()}
        return {name: [value(variable).copy() for variable in variables] for name, variables in found.items()}

    phases = [({"likelihood_loss"}, {"generator", "likelihood optimizer"})] * 2
    phases += [({"discriminator_loss"}, {"discriminator", "discriminator optimizer"})] * 2
    both = {"generator", "generator optimizer", "discriminator", "discriminator optimizer"}
    phases += [({"discriminator_loss", "generator_loss", "reward"}, both)] * 2
    for names, moving in phases:
        before = parts()
        logs = gan.train_on_batch(data, return_dict=True)
        gan.reset_metrics()
        assert set(logs) == names | {"loss"}
        assert logs["loss"] == pytest.approx(sum(logs[name] for name in names - {"reward"}), rel=1e-6)
        after = parts()
        assert {name for name in after if not all(same(before[name], after[name]))} == moving
    steps = {name: int(value(optimizer.iterations)) for name, optimizer in gan.optimizers.items()}
    assert steps == {"likelihood": 4, "discriminator": 8, "generator": 2}


def test_without_pretraining_it_plays_at_once():
    gan = SeqGAN.tiny(pretraining_rounds=0, seed=0)
    logs = gan.train_on_batch(gan.fields()["tokens"].random(np.random.default_rng(0), 8), return_dict=True)
    assert set(logs) == {"discriminator_loss", "generator_loss", "reward", "loss"}


def test_the_likelihood_loss_is_per_token(small, exact):
    gan = small()
    loss = float(gan.likelihood_objective({"tokens": tensor(SEQUENCES)}, {}))
    assert loss == pytest.approx(-np.log(exact[0]).mean() / 3, rel=1e-6)


def test_the_discriminator_decays_its_output_weights():
    batch = {"tokens": tensor(SeqGAN.tiny().fields()["tokens"].random(np.random.default_rng(0), 4))}
    gan = SeqGAN.tiny(dropout=0.0, output_l2=0.6, seed=0)
    weights = [value(v) for name in ("real", "generated") for v in gan.discriminator.get_layer(name).weights]
    # Twice w / 2 |.|^2, as the loss is twice the mean over real and generated ones.
    decay = 0.6 * sum((weight**2).sum() for weight in weights)
    of_real, of_fake = gan.judge_pair(batch, batch)
    expected = float(gan.discriminator_loss(of_real["scores"], of_fake["scores"])) + decay
    judge = gan.regularized(gan.players()[1])
    assert judge.name == "discriminator"
    assert float(judge.objective(batch, batch)) == pytest.approx(expected, rel=1e-6)
    assert decay > 0.05


# What it draws and says ------------------------------------------------------------------------------------------------


def test_seeds_and_noise_decide_what_is_drawn():
    gan = SeqGAN.tiny(seed=0)
    tokens = gan.generate(300, seed=1)
    assert tokens.shape == (300, 5) and tokens.dtype == np.int32 and set(np.unique(tokens)) == set(range(10))
    np.testing.assert_array_equal(tokens, gan.generate(300, seed=1, batch_size=77))
    assert not np.array_equal(tokens, gan.generate(300, seed=2))
    assert not np.array_equal(gan.generate(300), gan.generate(300))
    noise = gan.inputs()["noise"].random(np.random.default_rng(1), 300)
    np.testing.assert_array_equal(tokens, gan.generate(300, noise=noise))
    # What is drawn for a preview or a report leaves the random numbers of training as they were.
    state = value(gan.seed_generator.state).copy()
    gan.generate(3)
    np.testing.assert_array_equal(state, value(gan.seed_generator.state))


def test_previews_are_lines():
    ((title, (field, tokens)),) = SeqGAN.tiny(seed=0).preview(2).items()
    first, second = field.render(tokens)
    assert title == "tokens" and len(first.split()) == len(second.split()) == 5


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_probabilities_at_a_temperature_sum_to_one_and_are_those_of_what_is_drawn(temperature, small):
    gan = small()
    probabilities = np.exp(gan.log_likelihood(SEQUENCES, temperature=temperature))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    drawn = gan.generate(20_000, seed=0, temperature=temperature, batch_size=20_000)
    counts, expected = np.bincount(drawn @ [9, 3, 1], minlength=27), 20_000 * probabilities
    assert ((counts - expected) ** 2 / expected).sum() < 26 + 4 * 7.2


def test_the_coldest_draws_the_likeliest(small):
    # After the start, 2 has the largest logit; after 2, 1 has; after 1, 2 has.
    assert (small().generate(20, seed=0, temperature=1e-4) == [[2, 1, 2]]).all()


@pytest.mark.parametrize("verb", ["generate", "log_likelihood"])
def test_impossible_temperatures_are_refused(verb, small):
    for temperature in (0, np.inf, np.nan, "a", None, True):
        with pytest.raises((TypeError, ValueError), match=f"temperature must be .*Received: temperature={temperature!r}"):
            getattr(small(), verb)(3 if verb == "generate" else SEQUENCES, temperature=temperature)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernel_sizes": (1, 9)}, "kernel_sizes must be integers from 1 to length=5"),
        ({"kernel_sizes": (1.5,)}, "kernel_sizes must be an integer .* Received: kernel_sizes=1.5"),
        *(
            ({"kernel_sizes": value}, "kernel_sizes must be a list of integers from 1 to length=5")
            for value in (5, "abc", None, ())
        ),
        *(({"filters": value}, "filters must be an integer of at least 1") for value in (0, -1, 2.5, None, (4, 0, 4))),
        ({"filters": (4, 4)}, "filters must be one number, or one for each"),
    ],
)
def test_impossible_kernels_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        SeqGAN.tiny(**arguments)


def test_foreign_tokens_have_no_likelihood(small):
    with pytest.raises(InvalidData, match=r"tokens in \[0, 3\]"):
        small().log_likelihood([[0, 1, 3]])


@pytest.mark.parametrize("option", [{"latent_distribution": "uniform"}, {"instance_noise": 0.1}, {"r1_gamma": 1.0}])
def test_options_of_other_data_are_refused(option):
    with pytest.raises(ValueError, match="must be left out of SeqGAN: tokens are"):
        SeqGAN.tiny(**option)


# Behavior --------------------------------------------------------------------------------------------------------------


def test_it_learns_what_is_rewarded():
    class Unrelated(SeqGAN):
        """Each sequence gets the rewards of another one."""

        def action_values(self, tokens):
            return ops.roll(super().action_values(tokens), 1, axis=0)

    def share(cls):
        keras.utils.set_random_seed(0)
        # It rewards the token 2 anywhere.
        wants = rating(lambda a, b, c: sum(2.0 * ops.cast(ops.equal(x, 2.0), "float32") for x in (a, b, c)) - 3.0)
        schedule = {"n_critic": 1, "pretraining_rounds": 0, "discriminator_pretraining_rounds": 0}
        gan = cls(3, 3, discriminator=wants, rollouts=4, seed=0, **schedule)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1.0))
        data = gan.fields()["tokens"].random(np.random.default_rng(0), 256)
        for _ in range(60):
            gan.train_on_batch(data)
        return (gan.generate(500, seed=0) == 2).mean()

    assert share(SeqGAN) > 0.9
    assert share(Unrelated) == pytest.approx(1 / 3, abs=0.1)
