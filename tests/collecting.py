"""Python's garbage collector, for processes that make many small models."""

import gc


def collect_seldom():
    """Leaves what is imported by now alone, and looks at the rest each 20,000 new objects instead of each 700.

    Keras models are full of cycles, so they go only when the collector comes; but each time it goes through hundreds of
    thousands of objects of the frameworks, which took a sixth of the time of the tests of every variant.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
