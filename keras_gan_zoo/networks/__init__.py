"""Factories of generators and discriminators; each has a width that tests can shrink."""

from .began import began_autoencoder, began_decoder
from .dcgan import dcgan_discriminator, dcgan_generator
from .info_gan import info_gan_discriminator, info_gan_recognition
from .mlp import mlp_discriminator, mlp_generator

__all__ = [
    "began_autoencoder",
    "began_decoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "info_gan_discriminator",
    "info_gan_recognition",
    "mlp_discriminator",
    "mlp_generator",
]
