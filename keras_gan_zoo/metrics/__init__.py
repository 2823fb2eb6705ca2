"""Measures of generated samples: arrays in, records or numbers out. Nothing here knows a GAN.

    from keras_gan_zoo.metrics import evaluate, feature_extractor

    records = evaluate(fake, real, metrics=("fid", "kid"), extractor=feature_extractor("inception"))

`evaluate` passes once over the images for all metrics that are asked for. The functions that it is made of take arrays of
features, logits or images, and can be called alone. Everything is imported when it is first used.
"""

import importlib

_NAMES_BY_MODULE = {
    "accuracy_score": ("classification_accuracy_score",),
    "bins": ("number_of_different_bins",),
    "copies": ("birthday_paradox", "memorization", "nearest_neighbor_accuracy"),
    "definitions": ("METRICS",),
    "features": ("feature_extractor",),
    "frechet": ("Moments", "fid_infinity", "frechet_distance"),
    "images": ("to_uint8",),
    "kernel": ("kernel_distance", "unbiased_mmd"),
    "manifolds": ("density_coverage", "manifold_metrics", "precision_recall"),
    "measuring": ("evaluate",),
    "path_length": ("perceptual_path_length",),
    "perceptual": ("LPIPS", "PerceptualDistance", "perceptual_distance", "perceptual_diversity"),
    "protocol": ("Protocol",),
    "records": ("Record", "class_histogram", "compare", "label_agreement"),
    "references": ("reference",),
    "samples": ("Sample", "gather"),
    "scores": ("inception_score",),
    "shards": ("Shard",),
    "similarity": ("ms_ssim", "ms_ssim_diversity", "psnr", "ssim"),
    "wasserstein": ("sliced_wasserstein",),
}
_NAMES = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name):
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(_NAMES)
