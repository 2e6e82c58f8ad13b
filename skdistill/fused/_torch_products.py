"""Products of a loaded student in torch: int8 and bfloat16 arithmetic, where the processor has it."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch.nn.functional import linear

from skdistill._utils.numpy_student import NumpyStudent, _Layer

__all__ = ["use_torch"]

_LEAST = 1e-30  # unit of rows of zeros


def use_torch(student: NumpyStudent) -> None:
    """Let torch compute the products of a student, in the precision of its weights.

    A layer with one matrix per target stays in NumPy, and covariates do, too.

    Parameters
    ----------
    student : NumpyStudent
        The student, which is changed.
    """
    kinds = {"float32": _Float, "bfloat16": _Bfloat16, "int8": _Int8}
    student._layers = [
        kinds[student.precision](layer) if layer.weight.ndim == 2 else layer for layer in student._layers
    ]
    student._by_columns = False


class _Float(_Layer):
    """One matrix product in torch, with the other parts of its layer."""

    def __init__(self, layer: _Layer) -> None:
        super().__init__(layer.weight, layer.bias, layer.scale)
        self.tensor = torch.tensor(layer.weight)  # needs no gradient, and neither do the products

    def product(self, rows: np.ndarray) -> np.ndarray:
        """Multiply rows (n_windows, n_targets, n_inputs)."""
        return self.multiply(rows.reshape(-1, rows.shape[-1])).reshape(*rows.shape[:2], -1)

    def multiply(self, rows: np.ndarray) -> np.ndarray:
        """Multiply rows (n_rows, n_inputs)."""
        return linear(torch.from_numpy(rows), self.tensor).numpy()


class _Bfloat16(_Float):
    """A product of bfloat16 numbers."""

    def __init__(self, layer: _Layer) -> None:
        super().__init__(layer)
        self.tensor = self.tensor.bfloat16()

    def multiply(self, rows: np.ndarray) -> np.ndarray:
        """Multiply rows, rounded to bfloat16."""
        given = torch.from_numpy(rows)
        return linear(given.bfloat16(), self.tensor).to(given.dtype).numpy()


class _Int8(_Float):
    """A product of int8 weights with rows that are rounded to 7 bits of their largest value."""

    def __init__(self, layer: _Layer) -> None:
        super().__init__(layer)
        largest = self.tensor.abs().amax(dim=1).double()
        steps = torch.where(largest > 0, largest, 1.0) / 127
        zeros = torch.zeros(len(steps), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.quantize_per")  # says that torch will drop it one day
            weight = torch.quantize_per_channel(self.tensor.float(), steps, zeros, 0, torch.qint8)
        self.packed = torch.ops.quantized.linear_prepack(weight, None)
        self.dynamic = torch.ops.quantized.linear_dynamic.default

    def multiply(self, rows: np.ndarray) -> np.ndarray:
        """Multiply rows, each in units of its largest value."""
        units = np.maximum(rows.max(axis=1, keepdims=True), -rows.min(axis=1, keepdims=True))
        np.maximum(units, _LEAST, out=units)
        scaled = torch.from_numpy(np.divide(rows, units, dtype=np.float32, casting="unsafe"))
        product = self.dynamic(scaled, self.packed, True).numpy()
        product = product.astype(rows.dtype, copy=False)
        product *= units
        return product
