"""Layers that compute with other weights than those that are trained and saved."""

from typing import Any

from keras import layers


class Reparametrized:
    """Mixed into a layer of Keras with a kernel; `effective(kernel)` is what the layer computes with."""

    def effective(self, kernel: Any) -> Any:
        raise NotImplementedError

    @property
    def kernel(self) -> Any:
        return self.effective(self._kernel)

    @kernel.setter
    def kernel(self, value: Any) -> None:
        self._kernel = value

    # Dense and Conv2D would write the effective kernel, and leave further weights out.

    def save_own_variables(self, store: Any) -> None:
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        layers.Layer.load_own_variables(self, store)
