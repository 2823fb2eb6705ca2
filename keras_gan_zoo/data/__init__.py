"""Images in, batches out.

    source (array, .npz, folder, zip, TFDS name, tf.data) --load_images--> ImageData --ImageStream--> batches

NumPy, Pillow and Keras do the work. TensorFlow and TensorFlow Datasets are imported only when a TFDS name or a
tf.data.Dataset is loaded, so everything else runs on the JAX and torch backends without them.
"""

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.files import FolderBatches
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.load import load_images
from keras_gan_zoo.data.stream import ImageStream

__all__ = ["FolderBatches", "ImageData", "ImageStream", "InvalidData", "load_images"]
