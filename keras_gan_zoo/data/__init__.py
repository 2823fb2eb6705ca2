"""Data in, batches out.

    source (array, .npz, folder, zip, TFDS name, tf.data) --Schema--> one array for each field --Stream--> batches

NumPy, Pillow and Keras do the work. TensorFlow and TensorFlow Datasets are imported only when a TFDS name or a
tf.data.Dataset is loaded, so everything else runs on the JAX and torch backends without them.
"""

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.fields import Field, Images, Latents, Noise, Points, Tokens, Volumes
from keras_gan_zoo.data.folder_batches import FolderBatches
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.labels import Labels
from keras_gan_zoo.data.load import class_names, load_images
from keras_gan_zoo.data.schema import Batch, Schema
from keras_gan_zoo.data.stream import Stream

__all__ = [
    "Batch",
    "Field",
    "FolderBatches",
    "ImageData",
    "Images",
    "InvalidData",
    "Labels",
    "Latents",
    "Noise",
    "Points",
    "Schema",
    "Stream",
    "Tokens",
    "Volumes",
    "class_names",
    "load_images",
]
