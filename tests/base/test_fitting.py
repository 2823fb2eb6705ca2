"""What `fit` takes, and which images each step then sees."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.data import ImageData, InvalidData
from keras_gan_zoo.models.gan import GAN

SHAPE = (8, 8, 1)


def numbered(n):
    return np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, *SHAPE)).copy()


class Batches(keras.utils.PyDataset):
    """Numbered images, four at a time."""

    def __init__(self, count, labels=False):
        super().__init__()
        self.count, self.labels = count, labels

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        images = numbered(4 * self.count)[4 * index : 4 * index + 4]
        return (images, np.arange(4 * index, 4 * index + 4, dtype="int32") % 10) if self.labels else images


def fit(gan, *data, **options):
    history = gan.fit(*data, **{"verbose": 0, **options})
    assert np.isfinite(history.history["generator_loss"]).all()
    return gan.seen


@pytest.mark.parametrize("n_critic", [1, 3])
def test_arrays_are_passed_over_once_in_an_epoch(n_critic, listening):
    gan = listening(n_critic=n_critic)
    seen = fit(gan, numbered(24), batch_size=4, epochs=2)
    assert [len(step) for step in seen] == [4] * 12
    for epoch in (seen[:6], seen[6:]):
        assert sorted(sum(epoch, [])) == list(range(24))
    assert seen[:6] != seen[6:]
    assert int(ops.convert_to_numpy(gan.rounds)) == 12 // n_critic


def test_the_remainder_is_dropped(listening):
    seen = fit(listening(n_critic=2), numbered(23), batch_size=4)
    assert [len(step) for step in seen] == [4] * 4
    assert len(set(sum(seen, []))) == 16


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("epochs", 1.5), ("batch_size", 0), ("batch_size", None), ("steps_per_epoch", 0)]
)
def test_numbers_that_cannot_be_are_refused_by_name(listening, name, value):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1. Received: {name}={value}"):
        fit(listening(), numbered(12), **{name: value})


def test_steps_per_epoch_and_seed(listening):
    runs = [fit(listening(), numbered(12), batch_size=4, steps_per_epoch=2, epochs=3, seed=s) for s in (0, 0, 1)]
    assert [len(run) for run in runs] == [6] * 3
    assert runs[0] == runs[1] != runs[2]
    # The epochs of Keras go on where the last one stopped: 24 images are two passes over 12.
    assert sorted(sum(runs[0], [])) == sorted(2 * list(range(12)))


def test_a_later_initial_epoch_goes_on_in_the_order(listening):
    whole = fit(listening(), numbered(12), batch_size=4, epochs=3)
    rest = fit(listening(), numbered(12), batch_size=4, epochs=3, initial_epoch=1)
    assert rest == whole[3:]


def test_nothing_is_left_to_do(listening):
    gan = listening()
    history = gan.fit(numbered(12), batch_size=4, epochs=2, initial_epoch=2, verbose=0)
    assert gan.seen == [] and history.history == {}


def test_float_arrays_in_either_range(listening):
    scaled = numbered(256).astype("float32")
    for images in (scaled / 255, scaled / 127.5 - 1):
        assert sorted(sum(fit(listening(), images, batch_size=16), [])) == list(range(256))


def test_image_data_and_folders(listening, tmp_path):
    from PIL import Image

    assert sorted(sum(fit(listening(), ImageData(numbered(8)), batch_size=4), [])) == list(range(8))
    for i, image in enumerate(numbered(8)):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{i}.png")
    assert sorted(sum(fit(listening(), tmp_path, batch_size=4), [])) == list(range(8))
    np.savez(tmp_path / "images.npz", images=numbered(8))
    assert sorted(sum(fit(listening(), str(tmp_path / "images.npz"), batch_size=4), [])) == list(range(8))


def test_labels_stay_with_their_images(conditional):
    labels = np.arange(20) % 10
    assert sorted(sum(fit(conditional, numbered(20), labels, batch_size=5), [])) == [(i, i % 10) for i in range(20)]


@pytest.mark.parametrize("n_critic", [1, 2])
def test_unbatched_tf_data(n_critic, listening):
    tf = pytest.importorskip("tensorflow")
    seen = fit(listening(n_critic=n_critic), tf.data.Dataset.from_tensor_slices(numbered(21)), batch_size=4)
    rounds = 21 // (4 * n_critic)
    assert seen == [list(range(4 * i, 4 * i + 4)) for i in range(rounds * n_critic)]


@pytest.mark.parametrize("n_critic", [1, 2, 3])
def test_batched_tf_data_keeps_its_minibatches(n_critic, listening):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(numbered(24)).batch(4)
    seen = fit(listening(n_critic=n_critic), data, batch_size=100)
    assert seen == [list(range(4 * i, 4 * i + 4)) for i in range(6)]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about the graphs of TensorFlow")
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras has steps_per_execution=1 on torch")
def test_an_epoch_holds_a_multiple_of_the_steps_per_execution(tiny_gan):
    """Keras would play as many more, or end epochs elsewhere."""
    images = np.zeros((28, 2, 2, 1), "uint8")
    for options, words in (({}, "Received: 7. Fix: steps_per_epoch=6 or 9"), ({"steps_per_epoch": 2}, "steps_per_epoch=3")):
        model = tiny_gan(compiled=False)
        model.compile(steps_per_execution=3)
        with pytest.raises(ValueError, match=f"multiple of steps_per_execution=3 rounds.*{words}"):
            model.fit(images, batch_size=4, epochs=2, verbose=0, **options)
        assert int(model.rounds) == 0
    model.fit(images, batch_size=4, epochs=2, steps_per_epoch=6, verbose=0)
    assert int(model.rounds) == 12


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_the_end_of_data_of_unknown_length_moves_nothing(steps_per_execution, tiny_gan):
    # Keras asks for one batch too many to find the end; all that does not need that batch would run.
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(numbered(8)).batch(4, drop_remainder=True)
    gan, other = tiny_gan(GAN, SHAPE), tiny_gan(GAN, SHAPE)
    for model, images in ((gan, data), (other, data.filter(lambda x: True))):
        model.compile(jit_compile=False, steps_per_execution=steps_per_execution)
        history = model.fit(images, epochs=2, verbose=0).history
        assert int(ops.convert_to_numpy(model.rounds)) == 4
    for a, b in zip(gan.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    assert history["discriminator_loss"][-1] == pytest.approx(float(gan.trackers["discriminator_loss"].result()), abs=1e-6)


def test_tf_data_with_labels(conditional):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((numbered(8), np.arange(8) % 10))
    seen = fit(conditional, data.batch(4))
    assert sum(seen, []) == [(i, i % 10) for i in range(8)]
    conditional.seen.clear()
    assert fit(conditional, data, batch_size=4) == seen


@pytest.mark.parametrize("n_critic", [1, 2, 3])
def test_py_dataset_keeps_its_order_and_its_minibatches(n_critic, listening):
    seen = fit(listening(n_critic=n_critic), Batches(6), epochs=2)
    assert seen == 2 * [list(range(4 * i, 4 * i + 4)) for i in range(6)]


def test_py_dataset_with_labels(conditional):
    assert sum(fit(conditional, Batches(3, labels=True)), []) == [(i, i % 10) for i in range(12)]


@pytest.mark.parametrize("n_critic", [1, 2])
def test_generator_of_batches(n_critic, listening):
    batches = (numbered(24)[4 * i : 4 * i + 4] for i in range(6))
    seen = fit(listening(n_critic=n_critic), batches)
    assert seen == [list(range(4 * i, 4 * i + 4)) for i in range(6)]


@pytest.mark.parametrize("n_critic", [1, 2])
def test_data_loader_of_torch(n_critic, listening):
    torch = pytest.importorskip("torch")

    def loader(images):
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(images)), batch_size=4)

    gan = listening(n_critic=n_critic)
    assert fit(gan, loader(numbered(24))) == [list(range(4 * i, 4 * i + 4)) for i in range(6)]
    with pytest.raises(InvalidData, match=r"must hold images of shape \(8, 8, 1\)"):
        gan.fit(loader(np.zeros((8, 4, 4, 1), "uint8")), verbose=0)


def test_errors(listening, conditional):
    gan = listening()
    with pytest.raises(ValueError, match="Listening must be trained on images alone. Received: y .*leave y out"):
        gan.fit(numbered(8), np.zeros(8, "int32"))
    with pytest.raises(InvalidData, match=r"must hold images of shape \(8, 8, 1\)"):
        gan.fit(np.zeros((8, 4, 4, 1), "uint8"))
    with pytest.raises(InvalidData, match=r"must hold images of shape \(8, 8, 1\)"):
        gan.fit(iter([np.zeros((8, 4, 4, 1), "uint8")]))
    with pytest.raises(ValueError, match="must be trained on images alone. Received: data that yields 2 parts"):
        gan.fit(Batches(3, labels=True), verbose=0)
    with pytest.raises(ValueError, match="let the data set yield"):
        conditional.fit(Batches(3), np.zeros(12))
    with pytest.raises(ValueError, match="Received: data without labels. Fix: pass y"):
        conditional.fit(numbered(8))
    with pytest.raises(InvalidData, match="y must be less than 10. Received: the value 10"):
        conditional.fit(numbered(8), np.full(8, 10))
    with pytest.raises(InvalidData, match="labels must be less than 10. Received: the value 11"):
        conditional.fit(iter([(numbered(4), np.full(4, 11))]))
    assert gan.seen == conditional.seen == []


def test_an_initial_epoch_past_the_last_one_is_refused():
    with pytest.raises(ValueError, match="initial_epoch=5 and epochs=2.*epochs=7 to train 2 more"):
        GAN(SHAPE, 4, width=10).fit(numbered(12), epochs=2, initial_epoch=5, verbose=0)


class Looking(GAN):
    """Keeps the images of each discriminator step."""

    def discriminator_objective(self, real, fake, by):
        self.seen.append(ops.convert_to_numpy(real["images"]))
        return super().discriminator_objective(real, fake, by)


def looked_at(**options):
    """The rows and the columns of ramps, as the discriminator saw them in two passes."""
    gan = Looking(SHAPE, 4, width=10, seed=0)
    gan.compile(run_eagerly=True)
    gan.seen = []
    ramps = np.arange(8)[:, None] * 8 + np.arange(8)
    images = np.broadcast_to(ramps[None, :, :, None], (16, *SHAPE)).astype("uint8")
    gan.fit(images, batch_size=8, epochs=2, verbose=0, **options)
    seen = np.rint((np.concatenate(gan.seen)[..., 0] + 1) * 127.5).astype(int)
    return seen[:, 4, :] % 8, seen[:, :, 4] // 8


def test_flips_and_crops_of_arrays():
    plain = np.arange(8)
    columns, rows = looked_at()
    assert (columns == plain).all() and (rows == plain).all()
    columns, rows = looked_at(flip=True)
    mirrored = (columns == plain[::-1]).all(axis=1)
    assert (rows == plain).all() and (mirrored | (columns == plain).all(axis=1)).all()
    assert 4 < mirrored.sum() < 28 and (mirrored[:16] != mirrored[16:]).any()
    columns, rows = looked_at(crop=3)
    assert len({tuple(row) for row in columns}) > 4 and len({tuple(row) for row in rows}) > 4
    np.testing.assert_array_equal(looked_at(crop=3, flip=True), looked_at(crop=3, flip=True))


@pytest.mark.parametrize(("options", "words"), [({"flip": True}, "flip=True"), ({"crop": 2}, "crop=2")])
def test_batches_are_not_changed_behind_their_owner(options, words):
    gan = GAN(SHAPE, 4, width=10)
    with pytest.raises(ValueError, match=f"{words}.*for batches of a Batches"):
        gan.fit(Batches(3), verbose=0, **options)


@pytest.mark.parametrize(
    ("argument", "words"),
    [("validation_data", "Evaluate"), ("shuffle", "by seed"), ("sample_weight", "alike"), ("batchsize", "'batch_size'")],
)
def test_arguments_of_other_models_are_refused_with_what_to_do(argument, words):
    gan = GAN(SHAPE, 4, width=10)
    with pytest.raises(TypeError, match=f"GAN.fit takes .*Received: an argument '{argument}'. Fix: .*{words}"):
        gan.fit(numbered(8), **{argument: 1})


def test_what_is_no_callback_is_refused():
    gan = GAN(SHAPE, 4, width=10)
    for callbacks in (5, [keras.callbacks.TerminateOnNaN], [keras.callbacks.TerminateOnNaN(), "csv"]):
        with pytest.raises(TypeError, match="callbacks must be a list of Keras callbacks. Received: (5|<class|'csv')"):
            gan.fit(numbered(8), callbacks=callbacks, verbose=0)
    assert int(gan.rounds) == 0


@pytest.mark.parametrize("source", [numbered(8), [numbered(8)]], ids=["array", "batches"])
def test_callbacks_may_come_one_alone_in_lists_and_as_keras_keeps_them(source):
    gan, seen = GAN(SHAPE, 4, width=10), []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    for callbacks in (callback, [callback], [[callback]], (callback,), keras.callbacks.CallbackList([callback], model=gan)):
        x = source if isinstance(source, np.ndarray) else iter(source)
        gan.fit(x, callbacks=callbacks, batch_size=8, verbose=0)
    assert seen == [0] * 5


@pytest.mark.parametrize(
    ("argument", "words"), [("optimizer", "one for each player"), ("loss", "of the game"), ("metrics", "measures samples")]
)
def test_compile_says_what_there_is_instead(argument, words):
    gan = GAN(SHAPE, 4, width=10)
    message = f"discriminator_optimizer, generator_optimizer.*Received: an argument '{argument}'. Fix: .*{words}"
    with pytest.raises(TypeError, match=message):
        gan.compile(**{argument: "adam"})
