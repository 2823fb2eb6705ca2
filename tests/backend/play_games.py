"""Plays small games of other shapes than the zoo's on the backend of the environment, and writes what failed, as JSON.

Run by `test_games.py`, a process for each backend: python play_games.py OUTPUT [NAME...]

Networks are single kernels, and where a round ends is computed by NumPy too: it takes gradients by central differences, and
knows nothing of the house.
"""

import importlib.util
import json
import sys
import traceback

import keras
import numpy as np
from keras import layers, ops

from keras_gan_zoo.base import LatentSampler, Player, Sampler, TwoPlayerGame
from keras_gan_zoo.base.batches import batch_size_of, per_sample
from keras_gan_zoo.data import Field, Images, Labels, Points
from keras_gan_zoo.models.pac_gan import PacGAN

RATE, CLASSES = 0.5, 3
POINTS = np.random.default_rng(0).uniform(-1, 1, (4, 2)).astype("float32")
LABELS = np.array([0, 2, 1, 2], "int32")


# Networks and games -----------------------------------------------------------------------------------------------------


def kernel(inputs, units, seed):
    initializer = keras.initializers.RandomNormal(stddev=0.7, seed=seed)
    return keras.Sequential([keras.Input((inputs,)), layers.Dense(units, use_bias=False, kernel_initializer=initializer)])


class Plane(LatentSampler, TwoPlayerGame):
    """Points from latents of ones."""

    sample = "points"

    def __init__(self, **options):
        super().__init__(1, **{"seed": 0, **options})

    def fields(self):
        return {"points": Points((2,)), **self.conditions()}

    def normal(self, shape):
        return ops.ones(shape)

    def default_generator(self):
        return kernel(1, 2, seed=1)

    def default_discriminator(self):
        return kernel(2, 1, seed=2)

    def default_optimizers(self):
        return {name: keras.optimizers.SGD(RATE) for name in self.optimizer_names}


def value(x):
    return ops.convert_to_numpy(x)


def values(variables):
    return [value(variable).copy() for variable in variables]


def weights_of(game):
    """Name of a network -> its weights by their names, in float64."""
    return {name: [weight.astype("float64") for weight in getattr(game, name).get_weights()] for name in game.network_names}


def log_of(game, *data):
    """The logs of one round."""
    game.reset_metrics()
    return {name: float(x) for name, x in game.train_on_batch(*data, return_dict=True).items()}


def same(first, second):
    return [np.array_equal(a, b) for a, b in zip(first, second, strict=True)]


# NumPy's rounds ---------------------------------------------------------------------------------------------------------


def softplus(x):
    return np.logaddexp(0.0, x)


def cross_entropy(logits, labels):
    return (np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean()


def gradients(loss, weights, networks, step=1e-5):
    """d loss / d weights of these networks, by central differences."""
    found = {name: [np.zeros_like(array) for array in weights[name]] for name in networks}
    for name in networks:
        for array, gradient in zip(weights[name], found[name], strict=True):
            for index in np.ndindex(array.shape):
                before = array[index]
                array[index] = before + step
                above = loss(weights)
                array[index] = before - step
                gradient[index] = (above - loss(weights)) / (2 * step)
                array[index] = before
    return found


def descend(weights, of_networks):
    for name, parts in of_networks.items():
        for array, gradient in zip(weights[name], parts, strict=True):
            array -= RATE * gradient


def expected_round(weights, moves, at_once=False):
    """Lets the moves (networks, loss) follow each other, or the last of each take place at once; the losses before each."""
    losses, waiting = [], []
    for networks, loss in moves:
        losses.append(loss(weights))
        waiting.append(gradients(loss, weights, networks))
        if not at_once:
            descend(weights, waiting.pop())
    for of_networks in waiting:
        descend(weights, of_networks)
    return losses


def check_rounds(game, data, moves, names, at_once=False):
    """Two rounds end where NumPy's do, and their logs hold its losses; `names` are those of the players of the moves."""
    weights = weights_of(game)
    for _ in range(2):
        log = log_of(game, data)
        # The loss of the last step is logged of who takes several.
        losses = dict(zip(names, expected_round(weights, moves, at_once), strict=True))
        for name, loss in losses.items():
            np.testing.assert_allclose(log[f"{name}_loss"], loss, rtol=1e-4, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(log["loss"], sum(losses.values()), rtol=1e-4, atol=1e-5)
        for name, found in weights_of(game).items():
            for ours, theirs in zip(found, weights[name], strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=name)


# Two players that share a trunk -----------------------------------------------------------------------------------------


class Trunk(Plane):
    """A classifier of real points and a discriminator, on features that both move."""

    network_names = (*Plane.network_names, "trunk", "classifier")

    def fields(self):
        return {"points": Points((2,)), "labels": Labels(classes=CLASSES)}

    def default_trunk(self):
        return kernel(2, 2, seed=3)

    def default_classifier(self):
        return kernel(2, CLASSES, seed=4)

    def judge(self, batch, training=True, by="discriminator"):
        features = self.trunk(batch["points"], training=training)
        return {"scores": per_sample(getattr(self, by)(features, training=training)), "features": features}

    def players(self):
        discriminator, generator = super().players()
        discriminator = discriminator._replace(networks=(self.trunk, self.discriminator))
        classifier = Player("classifier", (self.trunk, self.classifier), self.classifier_objective)
        return discriminator, classifier, generator

    def classifier_objective(self, real, fake):
        logits = self.classifier(self.judge(real)["features"])
        return ops.mean(ops.sparse_categorical_crossentropy(real["labels"], logits, from_logits=True))


def play_two_players_that_share_a_trunk():
    def scores(w, points):
        return points @ w["trunk"][0] @ w["discriminator"][0]

    moves = [
        (
            ("trunk", "discriminator"),
            lambda w: softplus(-scores(w, POINTS)).mean() + softplus(scores(w, w["generator"][0])).mean(),
        ),
        (("trunk", "classifier"), lambda w: cross_entropy(POINTS @ w["trunk"][0] @ w["classifier"][0], LABELS)),
        (("generator",), lambda w: softplus(-scores(w, w["generator"][0])).mean()),
    ]
    for at_once in (False, True):
        game = Trunk(simultaneous=at_once)
        assert game.optimizer_names == ("discriminator", "classifier", "generator")
        assert list(game.trackers) == ["discriminator_loss", "classifier_loss", "generator_loss"]
        names = ("discriminator", "classifier", "generator")
        check_rounds(game, (POINTS, LABELS), moves, names, at_once)


# A player that moves the generator too ----------------------------------------------------------------------------------


class Helped(Plane):
    """Between the two, a helper moves the generator, so that it answers with points that are made anew."""

    def players(self):
        discriminator, generator = super().players()
        return discriminator, Player("helper", (self.generator,), self.helper_objective), generator

    def helper_objective(self, real, fake):
        return ops.mean(ops.square(self.fake_like(real)["points"] - 1.0))


def play_a_helper_that_moves_the_generator():
    moves = [
        (
            ("discriminator",),
            lambda w: (
                softplus(-POINTS @ w["discriminator"][0]).mean() + softplus(w["generator"][0] @ w["discriminator"][0]).mean()
            ),
        ),
        (("generator",), lambda w: ((w["generator"][0] - 1.0) ** 2).mean()),
        (("generator",), lambda w: softplus(-w["generator"][0] @ w["discriminator"][0]).mean()),
    ]
    check_rounds(Helped(), POINTS, moves, ("discriminator", "helper", "generator"))


# A discriminator of several outputs -------------------------------------------------------------------------------------


class Auxiliary(Plane):
    """The discriminator finds the class, which it is not told."""

    judges_conditions = False

    def conditions(self):
        return {"labels": Labels(classes=CLASSES)}

    def default_generator(self):
        latents, labels = keras.Input((1,)), keras.Input((), dtype="int32")
        initializer = keras.initializers.RandomNormal(stddev=0.7, seed=5)
        of_class = layers.Embedding(CLASSES, 2, embeddings_initializer=initializer)(labels)
        return keras.Model([latents, labels], layers.Add()([kernel(1, 2, seed=1)(latents), of_class]))

    def default_discriminator(self):
        points = keras.Input((2,))
        return keras.Model(points, {"scores": kernel(2, 1, seed=2)(points), "classes": kernel(2, CLASSES, seed=6)(points)})

    def class_loss(self, batch, said):
        return ops.mean(ops.sparse_categorical_crossentropy(batch["labels"], said["classes"], from_logits=True))

    def discriminator_extra(self, real, fake, of_real, of_fake):
        return self.class_loss(real, of_real) + self.class_loss(fake, of_fake)

    def generator_extra(self, real, fake, of_fake):
        return self.class_loss(fake, of_fake)


def play_a_discriminator_of_several_outputs():
    game = Auxiliary()
    said = game.judge({"points": ops.convert_to_tensor(POINTS)})
    assert tuple(said["scores"].shape) == (4,) and tuple(said["classes"].shape) == (4, CLASSES)
    order = [tuple(weight.shape) for weight in game.discriminator.weights]
    of_scores, of_classes = order.index((2, 1)), order.index((2, CLASSES))
    order = [tuple(weight.shape) for weight in game.generator.weights]
    of_latents, of_labels = order.index((1, 2)), order.index((CLASSES, 2))

    def fakes(w):
        return w["generator"][of_latents] + w["generator"][of_labels][LABELS]

    def scores(w, points):
        return points @ w["discriminator"][of_scores]

    def class_loss(w, points):
        return cross_entropy(points @ w["discriminator"][of_classes], LABELS)

    moves = [
        (
            ("discriminator",),
            lambda w: (
                softplus(-scores(w, POINTS)).mean()
                + softplus(scores(w, fakes(w))).mean()
                + class_loss(w, POINTS)
                + class_loss(w, fakes(w))
            ),
        ),
        (("generator",), lambda w: softplus(-scores(w, fakes(w))).mean() + class_loss(w, fakes(w))),
    ]
    check_rounds(game, (POINTS, LABELS), moves, ("discriminator", "generator"))
    assert game.generate(3, labels=1, seed=0).shape == (3, 2)


# Two discriminators -----------------------------------------------------------------------------------------------------


class TwoJudges(Plane):
    network_names = (*Plane.network_names, "second")
    discriminator_names = ("discriminator", "second")

    def default_second(self):
        return kernel(2, 1, seed=7)


def play_two_discriminators():
    def judged(name, points):
        def loss(w):
            real, fake = points @ w[name][0], w["generator"][0] @ w[name][0]
            # R1 of a linear score: gamma / 2 |w|^2.
            return softplus(-real).mean() + softplus(fake).mean() + 0.2 * (w[name][0] ** 2).sum()

        return (name,), loss

    def answer(w):
        return sum(softplus(-w["generator"][0] @ w[name][0]).mean() for name in ("discriminator", "second"))

    game = TwoJudges(r1_gamma=0.4, n_critic=2)
    moves = [judged(name, part) for name in game.discriminator_names for part in (POINTS[:2], POINTS[2:])]
    moves.append((("generator",), answer))
    check_rounds(game, POINTS, moves, ("discriminator", "discriminator", "second", "second", "generator"))
    assert [int(value(optimizer.iterations)) for optimizer in game.optimizers.values()] == [4, 4, 2]
    first, second = (value(game.score({"points": POINTS}, by=name)) for name in game.discriminator_names)
    np.testing.assert_allclose(second, POINTS @ game.second.get_weights()[0][:, 0], atol=1e-6)
    assert np.abs(first - second).max() > 1e-3
    given = kernel(2, 1, seed=8)
    assert TwoJudges(second=given).second is given


# An objective that reads its optimizer ----------------------------------------------------------------------------------


class Reading(Plane):
    """The discriminator's gradient is 1 + its last momentum + the number of its steps."""

    def default_optimizers(self):
        return {name: keras.optimizers.SGD(0.1, momentum=0.5) for name in ("discriminator", "generator")}

    def discriminator_objective(self, real, fake, by="discriminator"):
        optimizer = self.optimizers["discriminator"]
        (weight,), (momentum,) = self.discriminator.trainable_variables, optimizer.momentums
        steps = ops.cast(optimizer.iterations, "float32")
        return ops.sum(weight * ops.stop_gradient(1.0 + momentum + steps))


def play_an_objective_that_reads_its_optimizer():
    game = Reading(n_critic=2)
    (weight,) = weights_of(game)["discriminator"]
    momentum, steps = np.zeros_like(weight), 0
    for _ in range(3):
        log = log_of(game, POINTS)
        for _ in range(2):
            gradient = 1.0 + momentum + steps
            loss = (weight * gradient).sum()
            momentum = 0.5 * momentum - 0.1 * gradient
            weight, steps = weight + momentum, steps + 1
        np.testing.assert_allclose(log["discriminator_loss"], loss, rtol=1e-5)
        np.testing.assert_allclose(game.discriminator.get_weights()[0], weight, rtol=1e-5)


# A reference taken from the data ----------------------------------------------------------------------------------------


class Referring(Plane):
    """Scores go by the distance from the mean of a reference, which the game keeps of the first data that it sees."""

    def build_more(self):
        self.reference = self.add_weight(name="reference", shape=(3, 2), initializer="zeros", trainable=False)

    def adapt(self, data):
        self.looks = [*getattr(self, "looks", ()), len(data["points"])]
        self.reference.assign(data["points"][:3])

    def judge(self, batch, training=True, by="discriminator"):
        centerd = batch["points"] - ops.mean(self.reference, axis=0)
        return {"scores": per_sample(self.discriminator(centerd, training=training))}


def batches_of(data, size=4):
    return [data[i : i + size] for i in range(0, len(data), size)]


class Dataset(keras.utils.PyDataset):
    def __init__(self, data):
        super().__init__()
        self.batches = batches_of(data)

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return {"points": self.batches[index]}


def sources(data):
    found = {"array": data, "iterator": iter(batches_of(data)), "data set": Dataset(data)}
    if importlib.util.find_spec("torch") is not None:
        import torch

        found["loader"] = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(data)), batch_size=4)
    if importlib.util.find_spec("tensorflow") is not None:
        import tensorflow as tf

        found["tf.data"] = tf.data.Dataset.from_tensor_slices(data).batch(4)
        found["single examples"] = tf.data.Dataset.from_tensor_slices(data)
    return found


def play_a_reference_taken_from_the_data():
    data = np.random.default_rng(1).normal(3.0, 0.1, (12, 2)).astype("float32")
    for n_critic in (1, 3):
        for name, source in sources(data).items():
            game = Referring(n_critic=n_critic)
            first = []
            once = keras.callbacks.LambdaCallback(on_train_begin=lambda logs, game=game, to=first: to.append(game.looks))
            game.fit(source, batch_size=4, verbose=0, callbacks=[once])
            expected = 12 if name == "array" else 4
            assert game.looks == [expected] and first == [[expected]], (name, n_critic, game.looks, first)
            np.testing.assert_array_equal(value(game.reference), data[:3])
            points = {"points": ops.convert_to_tensor(data)}
            loss = float(ops.stop_gradient(game.discriminator_objective(points, points)))
            # Of points around the reference, whose scores are near 0.
            assert abs(loss - 2 * np.log(2)) < 0.1
            assert int(value(game.rounds)) == 3 // n_critic
    # The game has played, and keeps what it took.
    game.fit(-data, batch_size=4, verbose=0)
    assert game.looks == [4]
    np.testing.assert_array_equal(value(game.reference), data[:3])
    game.save_weights("game.weights.h5")
    again = Referring(n_critic=3)
    again.load_weights("game.weights.h5")
    again.fit(-data, batch_size=4, verbose=0)
    assert not hasattr(again, "looks")
    np.testing.assert_array_equal(value(again.reference), data[:3])


# Replay, and packs --------------------------------------------------------------------------------------------------------


def play_replay():
    """Past samples come back to D with what they were made of; a round of a fresh store is one without replay."""
    games = Plane(), Plane(replay_size=4)
    for game in games:
        game.train_on_batch(POINTS)
    for name, weights in weights_of(games[0]).items():
        np.testing.assert_array_equal(weights_of(games[1])[name], weights)
    game = games[1]
    game.fit(np.tile(POINTS, (16, 1)), batch_size=4, verbose=0)
    past = {name: value(variable) for name, variable in game.past_fakes["discriminator"].items()}
    assert past["is held"].all() and len(np.unique(past["points"][:, 0, 0])) > 1
    np.testing.assert_array_equal(past["latents"], 1.0)
    fake = {"points": ops.convert_to_tensor(100.0 + POINTS), "latents": ops.ones((4, 1))}
    with keras.StatelessScope():
        shown = value(game.replayed(fake)["points"])
    assert (shown[:, 0] < 50).sum() == 2


def play_packs_judged_by_networks_of_ones_own():
    def pack(packing):
        generator = keras.Sequential([kernel(1, 1, seed=1), layers.Reshape((1, 1, 1))])
        discriminator = keras.Sequential([keras.Input((1, 1, 3)), layers.Flatten(), kernel(3, 1, seed=2)])
        networks = {"generator": generator, "discriminator": discriminator}
        return PacGAN((1, 1, 1), 1, packing=packing, replay_size=6, seed=0, **networks)

    pack(3).fit(np.zeros((12, 1, 1, 1), "float32"), batch_size=6, verbose=0)
    refused(lambda: pack(2), "The networks of PacGAN must fit each other")


# Masks made in the round ------------------------------------------------------------------------------------------------


class Masks(Field):
    """1 where an image is to be filled in, else 0."""

    output_range = (0.0, 1.0)

    def random(self, rng, n):
        return rng.integers(0, 2, (n, *self.shape)).astype(self.dtype)

    def render(self, data):
        return (255 * data).astype("uint8")


class Inpainting(Sampler, TwoPlayerGame):
    """Fills in what a mask hides; the judge is shown the mask too."""

    image_shape = (4, 4, 1)
    log_names = ("hidden",)

    def __init__(self, **options):
        super().__init__(**{"seed": 0, **options})

    def fields(self):
        return {"images": Images(self.image_shape)}

    def derived_fields(self):
        return {"masks": Masks(self.image_shape)}

    def inputs(self):
        return {**self.fields(), **self.derived_fields()}

    def conditions(self):
        return self.derived_fields()

    def derive(self, real):
        share = self.uniform((batch_size_of(real), *self.image_shape), 0.0, 1.0)
        return {"masks": ops.cast(share < 0.25, "float32")}

    def joined_maps(self):
        return [keras.Input(self.image_shape), keras.Input(self.image_shape)]

    def default_generator(self):
        maps = self.joined_maps()
        return keras.Model(maps, layers.Conv2D(1, 3, padding="same", activation="tanh")(layers.Concatenate()(maps)))

    def default_discriminator(self):
        maps = self.joined_maps()
        return keras.Model(maps, layers.Dense(1)(layers.Flatten()(layers.Concatenate()(maps))))

    def make(self, batch, training):
        images, masks = batch["images"], batch["masks"]
        filled = self.generator([images * (1.0 - masks), masks], training=training)
        return {"images": masks * filled + (1.0 - masks) * images}

    def generator_extra(self, real, fake, of_fake):
        # What is not hidden comes back as it was, and the masks of both are one.
        shown = ops.max(ops.abs((1.0 - real["masks"]) * (fake["images"] - real["images"])))
        # By where it is, so that masks of equal size differ.
        place = ops.reshape(ops.linspace(0.0, 2.0, 16), (1, 4, 4, 1))
        self.log("hidden", ops.mean(place * fake["masks"]) + 100.0 * shown)
        return 0.0


def play_masks_made_in_the_round():
    images = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 1), np.uint8)
    logs = [[log_of(game, images) for _ in range(3)] for game in (Inpainting(), Inpainting(), Inpainting(seed=1))]
    hidden = [[log["hidden"] for log in of_game] for of_game in logs]
    assert hidden[0] == hidden[1] != hidden[2] and len(set(hidden[0])) == 3
    assert all(0.1 < share < 0.4 for share in sum(hidden, []))

    game = Inpainting(n_critic=2, ema_half_life=10)
    game.fit(images, batch_size=4, verbose=0)
    masks = Masks((4, 4, 1)).random(np.random.default_rng(1), 16)
    made = game.translate(images, masks, batch_size=5)
    seen = images / 127.5 - 1.0
    np.testing.assert_allclose(made[masks == 0], seen[masks == 0], atol=1e-6)
    assert np.abs(made - seen)[masks == 1].mean() > 0.1
    np.testing.assert_array_equal(game.translate(images, masks=masks, batch_size=5), made)
    np.testing.assert_allclose(game.translate(images, np.zeros((4, 4, 1))), seen, atol=1e-6)
    np.testing.assert_array_equal(game.translate(images, masks, dtype="uint8")[masks == 0], images[masks == 0])
    for call, words in (
        (lambda: game.translate(images), "translate takes images, masks. Received: no masks"),
        (lambda: game.translate(images, masks[:3]), "Received: 3 entries for 16 samples"),
        (lambda: game.translate(images, masks, masks), "translate takes images, masks. Received: 3 arrays"),
        (lambda: game.generate(3), "Inpainting must be given images, masks"),
    ):
        refused(call, words)
    shown = game.preview(3, {"images": images}, seed=1)
    assert list(shown) == ["images", "masks", "output"]
    (_, first), (kind, drawn), (_, output) = shown.values()
    assert isinstance(kind, Masks) and set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(output[drawn == 0], first[drawn == 0], atol=1e-6)
    np.testing.assert_array_equal(game.preview(3, {"images": images}, seed=1)["masks"][1], drawn)


def refused(call, words):
    try:
        call()
    except (TypeError, ValueError) as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"not refused: {words}")


# Players that decide when they move -------------------------------------------------------------------------------------


class Waiting(Plane):
    """Who moves is asked of `gates`, name of a player -> function of the game, the batch, the fakes and the losses."""

    gates = {}

    def default_optimizers(self):
        return {name: keras.optimizers.Adam(0.1, beta_1=0.5) for name in self.optimizer_names}

    def players(self):
        return tuple(player._replace(when=self.gate(player.name)) for player in super().players())

    def gate(self, name):
        if name not in self.gates:
            return None
        return lambda real, fake, losses: self.gates[name](self, real, fake, losses)


def waiting(**gates):
    return type("Waiting", (Waiting,), {"gates": gates})


def moved(game, *data):
    """The logs of a round, and the parts of a game that it has changed: networks and, with their counts, optimizers."""
    parts = {name: getattr(game, name).variables for name in game.network_names}
    parts |= {f"{name} slots": optimizer.variables for name, optimizer in game.optimizers.items()}
    before = {name: values(variables) for name, variables in parts.items()}
    log = log_of(game, *data)
    changed = {name for name, variables in parts.items() if not all(same(before[name], values(variables)))}
    return log, changed


def always(game, real, fake, losses):
    return ops.equal(game.rounds, game.rounds)


def never(game, real, fake, losses):
    return ops.not_equal(game.rounds, game.rounds)


def in_even_rounds(game, real, fake, losses):
    return ops.equal(game.rounds % 2, 0)


OF_D, OF_G = {"discriminator", "discriminator slots"}, {"generator", "generator slots"}


def play_a_closed_gate_leaves_everything_as_it_was():
    for name, mine, other, others in (
        ("discriminator", OF_D, "generator", OF_G),
        ("generator", OF_G, "discriminator", OF_D),
    ):
        for gate in (never, lambda *_: False):
            game = waiting(**{name: gate})()
            for _ in range(2):
                log, changed = moved(game, POINTS)
                assert changed == others, (name, changed)
                assert set(log) == {f"{other}_loss", "loss"}, log
                assert log["loss"] == log[f"{other}_loss"]
            assert int(value(game.optimizers[name].iterations)) == 0 and int(value(game.optimizers[other].iterations)) == 2
            assert int(value(game.rounds)) == 2
            history = game.fit(POINTS, batch_size=2, epochs=2, verbose=0).history
            assert set(history) == {f"{other}_loss", "loss"} and len(history["loss"]) == 2
            assert mine & others == set()


def play_an_open_gate_is_none():
    for n_critic in (1, 2):
        for gate in (always, lambda *_: True):
            plain = Waiting(n_critic=n_critic)
            gated = waiting(discriminator=gate, generator=gate)(n_critic=n_critic)
            for _ in range(3):
                ours, theirs = log_of(gated, POINTS), log_of(plain, POINTS)
                assert set(ours) == set(theirs) == {"discriminator_loss", "generator_loss", "loss"}
                np.testing.assert_allclose(ours["generator_loss"], theirs["generator_loss"], rtol=1e-5)
                if n_critic == 1:  # else it is the mean over the steps, and not the loss of the last
                    np.testing.assert_allclose(ours["discriminator_loss"], theirs["discriminator_loss"], rtol=1e-5)
                np.testing.assert_allclose(ours["loss"], ours["discriminator_loss"] + ours["generator_loss"], rtol=1e-5)
            for a, b in zip(gated.variables, plain.variables, strict=True):
                np.testing.assert_allclose(value(a), value(b), rtol=1e-5, atol=1e-6, err_msg=a.path)
            for name, optimizer in gated.optimizers.items():
                for a, b in zip(optimizer.variables, plain.optimizers[name].variables, strict=True):
                    np.testing.assert_allclose(value(a), value(b), rtol=1e-4, atol=1e-6, err_msg=f"{name} {a.path}")


def play_a_gate_that_opens_and_closes():
    game = waiting(discriminator=in_even_rounds)()
    for i in range(4):
        log, changed = moved(game, POINTS)
        assert changed == (OF_D | OF_G if i % 2 == 0 else OF_G), (i, changed)
        losses = [log[name] for name in log if name != "loss"]
        assert len(losses) == (2 if i % 2 == 0 else 1)
        np.testing.assert_allclose(log["loss"], sum(losses), rtol=1e-6)
    assert int(value(game.optimizers["discriminator"].iterations)) == 2
    # Two rounds an epoch: the mean of a loss is over the rounds in which its player has moved.
    alone, epochs = waiting(discriminator=in_even_rounds)(), waiting(discriminator=in_even_rounds)()
    data = np.random.default_rng(2).normal(size=(4, 2)).astype("float32")
    history = epochs.fit(data, batch_size=2, epochs=2, seed=1, verbose=0).history
    seen = []
    for i in range(2):
        # Images in the order of `fit`.
        order = np.random.default_rng([1, i]).permutation(4)
        seen += [log_of(alone, data[order[:2]]), log_of(alone, data[order[2:]])]
    for i, first in enumerate(seen[::2]):
        np.testing.assert_allclose(history["discriminator_loss"][i], first["discriminator_loss"], rtol=1e-5)
        both = (first["generator_loss"] + seen[2 * i + 1]["generator_loss"]) / 2
        np.testing.assert_allclose(history["generator_loss"][i], both, rtol=1e-5)
        np.testing.assert_allclose(history["loss"][i], both + first["discriminator_loss"], rtol=1e-5)


def play_gates_know_the_batch_the_fakes_and_the_losses():
    def on_points_to_the_right(game, real, fake, losses):
        # The fakes are as many as the real ones, and are there before anybody moves.
        fits = ops.equal(ops.shape(fake["points"])[0], ops.shape(real["points"])[0])
        return ops.logical_and(ops.mean(real["points"]) > 0, fits)

    def after_the_discriminator(game, real, fake, losses):
        assert list(losses) == ["discriminator"]
        return losses["discriminator"] == losses["discriminator"]  # NaN of who stood still

    game = waiting(discriminator=on_points_to_the_right, generator=after_the_discriminator)(n_critic=2)
    right, left = np.abs(POINTS[:2]), -np.abs(POINTS[2:])
    # Each step is decided on data of its own; the loss that others are told is that of the last.
    for parts, steps, changed in (
        ((left, left), 0, set()),
        ((right, left), 1, OF_D),
        ((left, right), 1, OF_D | OF_G),
        ((right, right), 2, OF_D | OF_G),
    ):
        before = int(value(game.optimizers["discriminator"].iterations))
        log, found = moved(game, np.concatenate(parts))
        assert found == changed, (steps, found)
        assert int(value(game.optimizers["discriminator"].iterations)) == before + steps
        assert set(log) == {f"{name}_loss" for name in game.network_names if name in changed} | {"loss"}
    game.reset_metrics()
    assert log_of(game, np.concatenate([left, left])) == {"loss": 0.0}


def play_gates_are_refused_where_players_move_at_once():
    refused(lambda: waiting(generator=always)(simultaneous=True), "simultaneous must be False if a player decides")


def play_a_gated_game_goes_on_where_it_stopped():
    def after(rounds, stop):
        game = waiting(discriminator=in_even_rounds)()
        for i in range(rounds):
            if i == stop:
                game.save_weights("gated.weights.h5")
                game = waiting(discriminator=in_even_rounds)(seed=5)
                game.load_weights("gated.weights.h5")
            log = log_of(game, POINTS)
        return values(game.variables), log

    (whole, log), (resumed, same_log) = after(4, None), after(4, 1)
    assert all(same(whole, resumed)) and log == same_log


# Averages ---------------------------------------------------------------------------------------------------------------


class Encoding(Plane):
    """Has a verb of its own, over a network whose average is kept and one that has none."""

    network_names = (*Plane.network_names, "encoder")
    averaged_names = ("generator", "encoder")
    inference_names = ("generator", "encoder")

    def default_encoder(self):
        return kernel(2, 2, seed=9)

    def players(self):
        discriminator, generator = super().players()
        return discriminator, Player("encoder", (self.encoder,), self.encoder_objective), generator

    def encoder_objective(self, real, fake):
        return ops.mean(ops.square(self.encoder(fake["points"]) - 1.0))

    def judged_codes(self, points, batch_size=256):
        return self.mapped(lambda x: self.discriminator(self.encoder(x)), points, batch_size=batch_size)


def play_a_verb_of_its_own_takes_the_averages():
    game = Encoding(ema_half_life=8, ema_rampup=1.0)
    for _ in range(3):
        game.train_on_batch(POINTS)
    (weights,), (average,) = game.encoder.get_weights(), game.network("encoder").get_weights()
    (judge,) = game.discriminator.get_weights()
    assert np.abs(weights - average).max() > 1e-3 and game.network("discriminator") is game.discriminator
    found = game.judged_codes(POINTS, batch_size=3)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, POINTS @ average @ judge, rtol=1e-4, atol=1e-6)
    assert np.abs(found - POINTS @ weights @ judge).max() > 1e-4
    np.testing.assert_array_equal(game.encoder.get_weights()[0], weights)
    np.testing.assert_allclose(game.generate(2, latents=np.ones((2, 1)))[0], game.network("generator").get_weights()[0][0])
    without = Encoding()
    np.testing.assert_allclose(
        without.judged_codes(POINTS),
        POINTS @ without.encoder.get_weights()[0] @ without.discriminator.get_weights()[0],
        atol=1e-6,
    )


PLAYS = {name.removeprefix("play_"): function for name, function in list(globals().items()) if name.startswith("play_")}


def main():
    output, *names = sys.argv[1:]
    results = {}
    for name in names or PLAYS:
        keras.utils.set_random_seed(0)
        results[name] = "played"
        try:
            PLAYS[name]()
        except Exception:
            results[name] = traceback.format_exc()
    with open(output, "w") as file:
        json.dump({"backend": keras.backend.backend(), "plays": results}, file)


if __name__ == "__main__":
    main()
