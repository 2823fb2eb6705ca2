"""A GAN as the Keras guide on custom training steps writes it (https://keras.io/guides/custom_train_step_in_tensorflow).

Our own text in its manner: two optimizers, one pass of the discriminator over fakes and reals together, noise on the labels,
fresh latents for the generator's step, two loss metrics, and float32 images that were scaled beforehand. The networks are
arguments; those below are the ones of `keras_gan_zoo.DCGAN` in stock Keras layers, so that no work of the zoo on its own
layers reaches this baseline. It differs from the guide where DCGAN networks ask for it: images lie in [-1, 1], and the
generator is called with training=True, without which its batch norms would not train.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from benchmarks.peers.cases import ladder


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def _batch_norm():
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=_normal(1.0))


def generator(image_shape, latent_dim=100, width=64, base_size=7):
    """Model, latents (n, latent_dim) -> images (n, height, width, channels) in [-1, 1]."""
    sizes = ladder(*image_shape[:2], base_size)
    channels = width * 2 ** max(len(sizes) - 2, 0)
    base = (*sizes[-1], channels)
    stages = [
        keras.Input((latent_dim,)),
        layers.Dense(math.prod(base), use_bias=False, kernel_initializer=_normal()),
        layers.Reshape(base),
        _batch_norm(),
        layers.ReLU(),
    ]
    for i, (height, width_) in reversed(list(enumerate(sizes[:-1]))):
        channels = channels // 2 if i else image_shape[2]
        stages.append(layers.Conv2DTranspose(channels, 4, 2, "same", use_bias=False, kernel_initializer=_normal()))
        excess = (2 * sizes[i + 1][0] - height, 2 * sizes[i + 1][1] - width_)
        if any(excess):
            stages.append(layers.Cropping2D(((0, excess[0]), (0, excess[1]))))
        if i:
            stages += [_batch_norm(), layers.ReLU()]
    return keras.Sequential([*stages, layers.Activation("tanh")])


def discriminator(image_shape, width=64, base_size=7):
    """Model, images (n, height, width, channels) in [-1, 1] -> logits (n, 1)."""
    stages = [keras.Input(image_shape)]
    for i in range(len(ladder(*image_shape[:2], base_size)) - 1):
        stages.append(layers.Conv2D(width * 2**i, 4, 2, "same", use_bias=False, kernel_initializer=_normal()))
        if i:
            stages.append(_batch_norm())
        stages.append(layers.LeakyReLU(0.2))
    return keras.Sequential([*stages, layers.Flatten(), layers.Dense(1, use_bias=False, kernel_initializer=_normal())])


class GuideGAN(keras.Model):
    """Trains a generator (latents -> images) against a discriminator (images -> logits (batch, 1))."""

    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator, self.generator, self.latent_dim = discriminator, generator, latent_dim
        self.discriminator_loss_tracker = keras.metrics.Mean(name="discriminator_loss")
        self.generator_loss_tracker = keras.metrics.Mean(name="generator_loss")
        self.seed_generator = keras.random.SeedGenerator(1337)

    @property
    def metrics(self):
        return [self.discriminator_loss_tracker, self.generator_loss_tracker]

    def compile(self, discriminator_optimizer, generator_optimizer, loss):
        super().compile()
        self.discriminator_optimizer, self.generator_optimizer = discriminator_optimizer, generator_optimizer
        self.loss_function = loss

    def train_step(self, real):
        n = tf.shape(real)[0]
        latents = keras.random.normal((n, self.latent_dim), seed=self.seed_generator)
        fake = self.generator(latents, training=True)
        images = tf.concat([fake, real], axis=0)
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)
        labels += 0.05 * keras.random.uniform(tf.shape(labels), seed=self.seed_generator)
        with tf.GradientTape() as tape:
            logits = self.discriminator(images, training=True)
            discriminator_loss = self.loss_function(labels, logits)
        weights = self.discriminator.trainable_weights
        self.discriminator_optimizer.apply_gradients(zip(tape.gradient(discriminator_loss, weights), weights, strict=True))

        latents = keras.random.normal((n, self.latent_dim), seed=self.seed_generator)
        called_real = tf.zeros((n, 1))
        with tf.GradientTape() as tape:
            logits = self.discriminator(self.generator(latents, training=True), training=True)
            generator_loss = self.loss_function(called_real, logits)
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply_gradients(zip(tape.gradient(generator_loss, weights), weights, strict=True))

        self.discriminator_loss_tracker.update_state(discriminator_loss)
        self.generator_loss_tracker.update_state(generator_loss)
        return {metric.name: metric.result() for metric in self.metrics}


def scaled(images):
    """uint8 images as float32 in [-1, 1]; done once, before the training."""
    return images.astype("float32") / 127.5 - 1.0


def compiled(discriminator, generator, latent_dim):
    """The model, ready for `fit` on the result of `dataset`."""
    gan = GuideGAN(discriminator, generator, latent_dim)
    gan.compile(
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return gan


def dataset(images, batch_size):
    """Scaled images as shuffled batches, the incomplete last one left out."""
    return tf.data.Dataset.from_tensor_slices(images).shuffle(1024).batch(batch_size, drop_remainder=True)
