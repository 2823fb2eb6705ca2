"""`fit` on whatever holds the fields of a variant."""

import difflib
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..backend import is_lost
from ..data import InvalidData, Schema, Stream
from ..data.checks import check_integer
from ..data.on_demand import ImagesInFiles, read_ahead
from ..data.rounds import CheckedBatches, Epochs, Rounds, holds_batches, watched
from ..files import writing
from ..untrusted import shown
from .agreement import require_agreement
from .sharing import refuse_sharing

_MEASURES = "measure samples by the callback keras_gan_zoo.callbacks.Evaluate, or afterwards by keras_gan_zoo.metrics"
_ALIKE = "repeat the examples that should count more, since all of them count alike"
# Arguments of Keras's `fit` that make no sense here -> what to use in their place.
_UNSUPPORTED = {
    **dict.fromkeys(("validation_data", "validation_split", "validation_steps", "validation_batch_size"), _MEASURES),
    "validation_freq": _MEASURES,
    "shuffle": "leave it out, since arrays are shuffled by seed, and data sets keep their own order",
    "class_weight": _ALIKE,
    "sample_weight": _ALIKE,
}


def _spelled(name, known):
    close = difflib.get_close_matches(name, known, n=1)
    return f"perhaps {close[0]!r} is meant" if close else "leave it out"


class Fitting:
    """`fit`, `train_on_batch`, and the checks of their data; mixed into `Game`."""

    # Names of the classes in the order of their numbers, or () where they have none.
    class_names: tuple[str, ...] = ()
    # Reads the batches of `train_on_batch`.
    _read_by_hand = None

    @property
    def schema(self) -> Schema:
        """The fields of an example, put together."""
        return Schema(self.fields(), type(self).__name__)

    @property
    def minibatches_per_round(self) -> int:
        return max(player.steps for player in self.players())

    def refuse_devices(self, batch_size: int) -> None:
        """Refuses what the devices that share each batch cannot do as one would; see `refuse_sharing`."""
        refuse_sharing(self, batch_size)
        super().refuse_devices()

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int = 64,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        seed: int = 0,
        flip: bool = False,
        crop: int = 0,
        **unsupported: Any,
    ) -> keras.callbacks.History:
        """Trains the model.

        Args:
            x: the data of the first field (`fields()`), as a NumPy array; or a tuple or dictionary of all fields; what the
                field reads, such as a folder, zip, or .npz of images, or the name of a TFDS data set; an `ImageData`; or an
                iterable of batches (`tf.data.Dataset`, `PyDataset`, generator): arrays, tuples in the order of the fields,
                or dictionaries. Images are uint8, or floats in [-1, 1] or [0, 1]. A data set of single examples is
                batched here. A data set that is already batched keeps its batches as the minibatches of one gradient step:
                with n_critic = 5 a round takes five of them, and `batch_size` is not used.
            y: the data of the second field, such as labels (n,) in [0, num_classes), or their names; or targets. A model
                without `class_names` takes them from class folders and TFDS.
            batch_size: examples in one gradient step. A round takes this many for each step of a player (n_critic).
            epochs: passes over the data, or repeats of `steps_per_epoch` rounds.
            verbose, callbacks, initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: rounds in an epoch; by default as many as there are in one pass over the data.
            seed: seed of the order of the data, of flips, and of crops.
            flip: whether the images of an example are mirrored left to right with probability 1/2, anew in every pass.
            crop: pixels by which images are moved at most along each axis, continued by their own mirror images. `flip` and
                `crop` are for images in memory, not for data sets that yield batches.

        Returns:
            `keras.callbacks.History`.
        """
        for name in unsupported:
            fix = _UNSUPPORTED.get(name) or _spelled(name, inspect.signature(self.fit).parameters)
            if name in (fields := list(self.fields())):
                fix = f"pass it as {'xy'[fields.index(name)]}" if len(fields) < 3 else f"pass x={{{name!r}: ..., ...}}"
            raise TypeError(
                f"{type(self).__name__}.fit takes only the arguments in its documentation. Received: an argument {name!r}. "
                f"Fix: {fix}."
            )
        for name, value, low in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("initial_epoch", initial_epoch, 0)):
            check_integer(value, name, low)
        if initial_epoch > epochs:
            raise ValueError(
                "epochs must be at least initial_epoch, since it is the number of the last epoch, not of those that are "
                f"left. Received: initial_epoch={initial_epoch!r} and epochs={epochs!r}. Fix: "
                f"epochs={initial_epoch + epochs} to train {epochs} more."
            )
        if steps_per_epoch is not None:
            check_integer(steps_per_epoch, "steps_per_epoch", 1)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = callbacks.callbacks
        for callback in keras.tree.flatten(callbacks or []):
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(
                    f"callbacks must be a list of Keras callbacks. Received: {shown(callback)} among them. Fix: objects of "
                    "their classes, such as callbacks=[keras.callbacks.TerminateOnNaN()]."
                )
        options = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, "initial_epoch": initial_epoch}
        # Keras would permute a PyDataset by Python's global random state, and warn that it cannot permute a tf.data one.
        options["shuffle"] = False
        self.refuse_devices(batch_size)
        # A value that an earlier `BackupAndRestore` left there would shorten this training.
        self._initial_epoch = None
        if not holds_batches(x):
            order = {"seed": seed, "flip": flip, "crop": crop}
            schema = self.schema
            arrays = schema.arrays(x, y)
            return self._fit_arrays(arrays, schema.class_names, batch_size, steps_per_epoch, order, options)
        if y is not None:
            raise ValueError(
                f"y must be left out where x is a data set. Received: y of type {type(y).__name__}. Fix: let the data set "
                f"yield ({', '.join(self.schema.fields)})."
            )
        if flip or crop:
            raise ValueError(
                f"flip and crop must be left out unless the images are in memory. Received: flip={flip!r} and "
                f"crop={crop!r}, for batches of a {type(x).__name__}. Fix: change the images in it."
            )
        return self._fit_batches(x, batch_size, steps_per_epoch, options)

    def train_on_batch(self, x: Any, y: Any = None, *further: Any, return_dict: bool = False) -> Any:
        """Plays one round on the examples of all its minibatches, read and checked as in `fit`.

        Args:
            x, y, *further: the data of the fields, in their order; or a tuple or dictionary of all of them as `x`. What a
                batch does not tell, such as the range of images without a dark pixel, is as in the batches before. What is
                chosen by the data before round 0 (`adapt`) is chosen by the first batch.
            return_dict: whether to return the logs by name.
        """
        first = self._read_by_hand is None
        if first:
            self._read_by_hand = self.schema.reader()
        batch = self._read_by_hand((x, y, *further))
        if first:
            self._look_at(batch)
        return super().train_on_batch(batch, return_dict=return_dict)

    def _fit_arrays(self, arrays, class_names, batch_size, steps, order, options):
        """Trains on arrays, in an order that is a function of the rounds that have been played."""
        count, schema, rows = self.minibatches_per_round, self.schema, min(map(len, arrays.values()))
        if batch_size * count > rows:
            fix = f"batch_size of at most {rows // count}, or more data" if rows >= count else "more data"
            raise InvalidData(
                f"A round takes {count} x batch_size examples, which must be at most as many as there are. Received: "
                f"batch_size={batch_size}, so {batch_size * count} of {rows} examples. Fix: {fix}."
            )
        size = batch_size * count
        steps = steps or len(next(iter(arrays.values()))) // size
        first = options["initial_epoch"] * steps
        length = max(options["epochs"] - options["initial_epoch"], 1) * steps
        stream = Stream(arrays, schema.fields, batch_size=size, length=length, start=first, **order)

        def go_on(logs=None):
            # Read when the training begins, since a callback may first restore the state of one that was stopped.
            stream.start = max(first, int(ops.convert_to_numpy(self.rounds)))

        callbacks = [options["callbacks"]] if options["callbacks"] else []
        options["callbacks"] = keras.tree.flatten([callbacks, keras.callbacks.LambdaCallback(on_train_begin=go_on)])
        self._look_at(arrays)
        self.class_names = self.class_names or class_names
        failures = []
        ahead = read_ahead if any(isinstance(array, ImagesInFiles) for array in arrays.values()) else iter
        data = self.as_dataset(lambda: self._dealt(watched(ahead(stream), failures)), schema.signature(size), None)
        return self._fit_rounds(data, failures, steps, options)

    def _dealt(self, rounds):
        """Rounds with the rows of each in the order in which replicas take them, each its part of every minibatch."""
        begun, cut = iter(rounds), (self.minibatches_per_round, self.replicas, -1)
        if 1 in cut:
            return begun

        def dealt(array):
            return array.reshape(*cut, *array.shape[1:]).swapaxes(0, 1).reshape(array.shape)

        return ({name: dealt(array) for name, array in batch.items()} for batch in begun)

    def _fit_batches(self, source, batch_size, steps, options):
        """Trains on what yields examples or batches."""
        count, multiple, sharers = self.minibatches_per_round, self.batch_multiple, self.sharers
        is_py_dataset = isinstance(source, keras.utils.PyDataset)
        if is_py_dataset and count * multiple * sharers == 1:
            data = rounds = CheckedBatches(source, self.schema)
        else:
            rounds = Rounds(Epochs(source) if is_py_dataset else source, self.schema, batch_size, count, multiple, sharers)
            if rounds.once and steps is None and options["epochs"] > options["initial_epoch"] + 1:
                raise ValueError(
                    "Several epochs need something that can be passed over again, or steps_per_epoch. Received: a "
                    f"{type(source).__name__}, which ends after one pass, and epochs={options['epochs']}. Fix: pass "
                    "steps_per_epoch, or a tf.data.Dataset, PyDataset or DataLoader."
                )
            data = self.as_dataset(lambda: self._dealt(rounds), self.schema.signature(rounds.size), rounds.length)
        self._look_at(rounds.first)
        return self._fit_rounds(data, rounds.failures, steps, options)

    def _fit_rounds(self, data, failures, steps, options):
        # Keras would round the rounds of each epoch up.
        if steps and steps % (together := self.steps_per_execution):
            less = steps - steps % together
            near = f"{less} or {less + together}" if less else together
            raise ValueError(
                f"An epoch must hold a multiple of steps_per_execution={together} rounds. Received: {steps}. Fix: "
                f"steps_per_epoch={near}, or another steps_per_execution in compile."
            )
        self._tell_what_is_fresh()
        if self.processes > 1:
            # The last callback, since others may first restore the state of a training that was stopped.
            agree = keras.callbacks.LambdaCallback(on_train_begin=lambda logs=None: require_agreement(self))
            options["callbacks"] = keras.tree.flatten([options["callbacks"] or [], agree])
        try:
            with writing(self.rank == 0):
                history = super().fit(data, steps_per_epoch=steps, **options)
            # None ends well if the last thing that another one did failed.
            self.exchange("Trained.")
            return history
        except Exception as error:
            # TensorFlow turns an error that is raised where it asks for data into text.
            if failures:
                raise failures[0] from None
            if self.processes > 1 and is_lost(error):
                raise RuntimeError(
                    "A training of several processes must go on in all of them. Received: an error among them, in process "
                    f"{self.rank}: {' '.join(str(error).split())[:300]}. Fix: see what ended the first of them, and start "
                    "all again; a run goes on by --resume."
                ) from error
            raise

    def _look_at(self, arrays):
        if not ops.convert_to_numpy(self.rounds):
            self.adapt(arrays)

    def _tell_what_is_fresh(self):
        if self.fresh:
            them = "it starts" if len(self.fresh) == 1 else "they start"
            warnings.warn(
                f"The preset does not hold the {' and the '.join(self.fresh)}, so {them} from fresh weights: samples get "
                "worse before they get better. To go on where a training ended, resume its run, or save the preset with "
                f"networks={self.network_names}.",
                stacklevel=4,
            )
            self.fresh = ()
