"""One flat file for each variant; `registry.py` lists this folder."""

from ..registry import check_variant, register_variant, variant_class, variant_name, variants

__all__ = ["check_variant", "register_variant", "variant_class", "variant_name", "variants"]
