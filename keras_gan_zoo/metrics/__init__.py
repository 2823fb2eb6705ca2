"""Measures of generated samples: arrays in, records or numbers out. Nothing here knows a GAN.

    from keras_gan_zoo.metrics import evaluate, feature_extractor

    records = evaluate(fake, real, metrics=("fid", "kid"), extractor=feature_extractor("inception"))

`evaluate` passes once over the images for all metrics that are asked for. The functions that it is made of take arrays of
features, logits or images, and can be called alone. Everything is imported when it is first used.
"""

import importlib

_NAMES = {
    "LPIPS": "perceptual",
    "METRICS": "definitions",
    "Moments": "frechet",
    "PerceptualDistance": "perceptual",
    "Protocol": "protocol",
    "Record": "records",
    "Sample": "samples",
    "Shard": "shards",
    "birthday_paradox": "copies",
    "class_histogram": "records",
    "classification_accuracy_score": "accuracy_score",
    "compare": "records",
    "density_coverage": "manifolds",
    "evaluate": "measuring",
    "feature_extractor": "features",
    "fid_infinity": "frechet",
    "frechet_distance": "frechet",
    "gather": "samples",
    "inception_score": "scores",
    "kernel_distance": "kernel",
    "label_agreement": "records",
    "manifold_metrics": "manifolds",
    "memorization": "copies",
    "ms_ssim": "similarity",
    "ms_ssim_diversity": "similarity",
    "nearest_neighbor_accuracy": "two_sample",
    "number_of_different_bins": "bins",
    "perceptual_distance": "perceptual",
    "perceptual_diversity": "perceptual",
    "perceptual_path_length": "path_length",
    "precision_recall": "manifolds",
    "psnr": "similarity",
    "reference": "references",
    "sliced_wasserstein": "wasserstein",
    "ssim": "similarity",
    "to_uint8": "images",
    "unbiased_mmd": "kernel",
}


def __getattr__(name):
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(_NAMES)
