"""Replay: past samples take the place of half of the fakes in the steps of discriminators, as they were made."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.base import TwoPlayerGame
from keras_gan_zoo.base.replaying import HELD, exchanged
from keras_gan_zoo.data import Points
from keras_gan_zoo.models.cgan import CGAN
from keras_gan_zoo.models.gan import GAN
from keras_gan_zoo.models.pac_gan import PacGAN
from keras_gan_zoo.models.vae_gan import VAEGAN


def value(x):
    return ops.convert_to_numpy(x)


@pytest.fixture
def exchange():
    """exchange(names, store) exchanges samples, which have numbers for names, and their labels, minus the number each."""
    seeds = keras.random.SeedGenerator(0)

    def play(names, past):
        new = {"x": ops.convert_to_tensor(names, "float32"), "labels": ops.convert_to_tensor([-n for n in names], "int32")}
        return exchanged(new, past, lambda shape: keras.random.uniform(shape, seed=seeds))

    return play


def empty(entries):
    return {"x": ops.zeros(entries), "labels": ops.zeros(entries, "int32"), HELD: ops.zeros(entries)}


def held(past):
    return [int(name) for name, is_held in zip(value(past["x"]), value(past[HELD]), strict=True) if is_held]


def test_half_of_each_batch_is_exchanged_and_no_sample_is_lost_or_doubled(exchange):
    past, came, left = empty(6), [], []
    for step in range(20):
        names = list(range(1 + 8 * step, 9 + 8 * step))
        before = held(past)
        seen, past = exchange(names, past)
        shown = [int(name) for name in value(seen["x"])]
        # Labels come along with their samples, into the store and out of it.
        assert value(seen["labels"]).tolist() == [-name for name in shown]
        assert value(past["labels"])[value(past[HELD]) > 0].tolist() == [-name for name in held(past)]
        old = [name for name in shown if name not in names]
        stored = set(held(past)) - set(before)
        assert len(stored) == 4 and stored <= set(names)
        # An entry that was empty gives back what it is given.
        gave_back = 4 - len(old)
        assert len(held(past)) == len(before) + gave_back
        assert sorted(shown) == sorted(old + [name for name in names if name not in stored] + list(stored & set(shown)))
        assert len(stored & set(shown)) == gave_back
        # What does not come from the store stands where it stood.
        assert all(name in old or name == names[i] for i, name in enumerate(shown))
        came, left = came + list(stored), left + old
    assert step == 19 and len(held(past)) == 6
    assert len(left) == len(set(left)) and set(left) | set(held(past)) == set(came)


def test_which_half_and_which_entries_are_drawn(exchange):
    past = {**empty(8), HELD: ops.ones(8), "x": ops.arange(-8.0, 0.0)}
    places, entries = set(), set()
    for _ in range(20):
        seen, _ = exchange([1, 2, 3, 4], past)
        old = value(seen["x"]) < 0
        assert old.sum() == 2
        places |= set(np.flatnonzero(old))
        entries |= set(value(seen["x"])[old])
    assert places == {0, 1, 2, 3} and entries == set(range(-8, 0))


def test_batches_of_one_are_exchanged_every_other_time(exchange):
    past, replayed = empty(1), 0
    for name in range(1, 201):
        seen, past = exchange([name], past)
        replayed += int(value(seen["x"])[0]) != name
    assert 70 <= replayed <= 130  # 7 in 100,000 draws of a fair coin are outside


def test_a_store_with_less_than_half_a_batch_is_exchanged_as_a_whole(exchange):
    past = {**empty(2), HELD: ops.ones(2), "x": ops.convert_to_tensor([-1.0, -2.0])}
    seen, past = exchange([1, 2, 3, 4, 5, 6, 7, 8], past)
    assert {-1.0, -2.0} < set(value(seen["x"])) and (value(seen["x"]) > 0).sum() == 6
    assert (value(past["x"]) > 0).all()


# In a game --------------------------------------------------------------------------------------------------------------


class Listening:
    """Keeps the fakes that each discriminator step is about."""

    def judging_loss(self, real, fake, by="discriminator"):
        self.seen.append({name: value(x) for name, x in fake.items()})
        return super().judging_loss(real, fake, by)


def listening(cls, *arguments, build=None, **options):
    kind = type(cls.__name__, (Listening, cls), {})
    gan = build(kind, *arguments, **options) if build else kind(*arguments, **options)
    gan.seen = []
    return gan


def images(n, first=0, size=2):
    """Images that are filled with their numbers."""
    names = np.arange(first, first + n, dtype="float32")
    return ops.convert_to_tensor(np.broadcast_to(names[:, None, None, None], (n, size, size, 1)))


def names_of(batch):
    return value(batch["images"])[:, 0, 0, 0].astype(int)


no_jax = pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX traces what this listens to")


@no_jax
def test_discriminators_see_past_fakes_and_the_generator_answers_for_its_own(tiny_gan):
    gan = listening(GAN, build=tiny_gan, replay_size=8)
    real = {"images": ops.zeros((8, 2, 2, 1))}
    latents = ops.zeros((8, 3))
    for step in range(6):
        fake = {"images": images(8, 8 * step), "latents": latents}
        gan.discriminator_objective(real, fake)
        names = names_of(gan.seen[-1])
        old = names < 8 * step
        assert (names[~old] == np.arange(8 * step, 8 * step + 8)[~old]).all()
        assert 0 < old.sum() <= 4 or step == 0
    before = value(gan.past_fakes["discriminator"]["images"])
    gan.generator_objective(real, fake)
    np.testing.assert_array_equal(value(gan.past_fakes["discriminator"]["images"]), before)


@no_jax
def test_conditions_come_along():
    gan = listening(CGAN, (8, 8, 1), 3, num_classes=10, width=2, seed=0, replay_size=6)
    real = {"images": ops.zeros((4, 8, 8, 1)), "labels": ops.zeros((4,), "int32")}
    for step in range(6):
        names = np.arange(4 * step, 4 * step + 4)
        fake = {"images": images(4, 4 * step, 8), "labels": ops.convert_to_tensor(names % 10, "int32")}
        gan.discriminator_objective(real, {**fake, "latents": ops.zeros((4, 3))})
        np.testing.assert_array_equal(gan.seen[-1]["labels"], names_of(gan.seen[-1]) % 10)
    assert any(name < 20 for name in names_of(gan.seen[-1]))


@no_jax
def test_packs_stay_together():
    options = {"width": 2, "packing": 2, "seed": 0, "base_size": 2}
    gan = listening(PacGAN, (4, 4, 1), 3, **options, replay_size=8)
    real = {"images": ops.zeros((8, 4, 4, 1))}
    for step in range(6):
        gan.discriminator_objective(real, {"images": images(8, 8 * step, 4), "latents": ops.zeros((8, 3))})
        pairs = names_of(gan.seen[-1]).reshape(4, 2)
        assert (pairs[:, 1] == pairs[:, 0] + 1).all() and (pairs[:, 0] % 2 == 0).all()
    assert (pairs < 40).any()
    with pytest.raises(ValueError, match="replay_size must be a multiple of 2, .* Received: replay_size=7"):
        PacGAN((4, 4, 1), 3, **options, replay_size=7)


@no_jax
def test_reconstructions_are_exchanged_with_their_fakes():
    gan = listening(VAEGAN, (4, 4, 1), 3, width=2, base_size=2, seed=0, replay_size=8)
    real = {"images": ops.zeros((4, 4, 4, 1))}
    for step in range(6):
        filled = images(4, 4 * step, 4)
        gan.discriminator_objective(real, {"images": filled, "reconstructions": -filled, "latents": ops.zeros((4, 3))})
        np.testing.assert_array_equal(gan.seen[-1]["reconstructions"], -gan.seen[-1]["images"])
    assert (names_of(gan.seen[-1]) < 20).any()


def test_past_fakes_are_a_part_of_the_state(tiny_gan, tmp_path):
    gan = tiny_gan(replay_size=4)
    for _ in range(3):
        gan.train_on_batch(np.zeros((4, 2, 2, 1), "float32"))
    past = {name: value(variable) for name, variable in gan.past_fakes["discriminator"].items()}
    assert past[HELD].any() and past["images"].any()
    gan.save_weights(tmp_path / "gan.weights.h5")
    again = tiny_gan(replay_size=4)
    again.load_weights(tmp_path / "gan.weights.h5")
    for name, variable in again.past_fakes["discriminator"].items():
        np.testing.assert_array_equal(value(variable), past[name])


def test_compiled_rounds_replay_too(tiny_gan):
    gan = tiny_gan(replay_size=4, compiled=False)
    gan.compile()
    gan.fit(np.zeros((32, 2, 2, 1), "float32"), batch_size=4, verbose=0)
    past = gan.past_fakes["discriminator"]
    assert value(past[HELD]).all()
    made = gan.generator.predict(value(past["latents"])[:, 0], verbose=0)
    # They are of their latents, by the generator as it was within these few rounds.
    np.testing.assert_allclose(value(past["images"])[:, 0], made, atol=0.05)
    assert (value(past["images"])[:, 0] != made).any()


class Extra(GAN):
    """Whose fakes have what replay knows nothing of."""

    def fake_like(self, real):
        return {**super().fake_like(real), "more": real["images"]}


def test_what_replay_would_leave_behind_is_refused(tiny_gan):
    real = {"images": ops.zeros((4, 2, 2, 1))}
    gan = tiny_gan(Extra)
    gan.discriminator_objective(real, gan.fake_like(real))
    with pytest.raises(ValueError, match="replay_size must be 0 where .* Received: 'more' in those of Extra. Fix: override"):
        gan = tiny_gan(Extra, replay_size=4)
        gan.discriminator_objective(real, gan.fake_like(real))


def test_a_store_that_no_memory_holds_is_refused(tiny_gan):
    for size in (10**12, 2**63):
        with pytest.raises(
            ValueError, match=f"replay_size must be of samples that fit in memory. Received: replay_size={size}"
        ):
            tiny_gan(replay_size=size)


# Games of one's own -----------------------------------------------------------------------------------------------------


class Told(Listening, TwoPlayerGame):
    """Points that are judged beside a field that is no condition, with fakes that no sampler makes."""

    sample = "points"

    def fields(self):
        return {"points": Points((2,)), "context": Doubled((1,))}

    def default_generator(self):
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])

    def default_discriminator(self):
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def fake_like(self, real):
        return {"points": self.generator(real["context"][:, :1]), "context": real["context"]}


class Doubled(Points):
    """Numbers of which networks see each one twice."""

    def preprocess(self, data):
        return ops.concatenate([data, data], axis=-1)


@no_jax
def test_what_is_judged_beside_a_sample_comes_along_in_games_of_ones_own():
    gan = Told(seed=0, replay_size=8)
    gan.seen = []
    real = {"points": ops.zeros((4, 2)), "context": ops.zeros((4, 2))}
    for step in range(6):
        names = np.repeat(np.arange(4.0 * step, 4.0 * step + 4)[:, None], 2, axis=1)
        points = ops.convert_to_tensor(names, "float32")
        gan.discriminator_objective(real, {"points": points, "context": -points})
        np.testing.assert_array_equal(gan.seen[-1]["context"], -gan.seen[-1]["points"])
    assert (gan.seen[-1]["points"] < 20).any()


@no_jax
def test_fakes_need_not_hold_what_they_were_made_of(tiny_gan):
    gan = listening(GAN, build=tiny_gan, replay_size=8)
    for step in range(6):
        gan.discriminator_objective({"images": ops.zeros((8, 2, 2, 1))}, {"images": images(8, 8 * step)})
    assert (names_of(gan.seen[-1]) < 40).sum() > 0
