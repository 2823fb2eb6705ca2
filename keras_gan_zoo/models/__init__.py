"""One flat file for each variant; `registry.py` lists this folder."""

from ..registry import check_variant, register_variant, variant_class, variant_name, variants


def __getattr__(name):
    """The classes, as `keras_gan_zoo.models.DCGAN`."""
    for variant in variants():
        if variant.replace("_", "") == name.lower() and (cls := variant_class(variant)).__name__ == name:
            return cls
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["check_variant", "register_variant", "variant_class", "variant_name", "variants"]
