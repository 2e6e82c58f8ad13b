"""What a small student is in the end: matrices, with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["FusedLayer", "FusedQuantiles", "FusedStudent"]


@dataclass(frozen=True)
class FusedLayer:
    """One matrix product with what follows it.

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, n_inputs) or (n_targets, n_outputs, n_inputs)
        The matrix, one for all channels or one a channel.
    bias : ndarray of shape (n_outputs,) or (n_targets, n_outputs)
        Added after the product; multiplied by the spread of the window where the student has one.
    scale : ndarray of shape (n_targets, n_outputs) or None, default=None
        Multiplies the product, before the bias is added.
    """

    weight: np.ndarray
    bias: np.ndarray
    scale: np.ndarray | None = None


@dataclass(frozen=True)
class FusedQuantiles:
    """How far quantiles lie from the point forecast, as two matrix products.

    For each target channel c and its window x, less ``center[c]``, in units of ``unit[c]``::

        z = output @ relu(hidden @ x + hidden_bias) + output_bias[c]

    Of each step, z holds the gaps between lower levels, from the median outwards, before softplus; those between
    upper levels; and perhaps how far the median lies from the point forecast. ``offsets`` are added to what they sum up
    to, and a quantile that has then crossed its neighbor towards the median is set to it.

    Parameters
    ----------
    levels : tuple of float
        Levels of the quantiles, rising.
    hidden : ndarray of shape (n_hidden, context_length)
        The first matrix.
    hidden_bias : ndarray of shape (n_hidden,)
        Added after it.
    output : ndarray of shape (prediction_length * n_outputs, n_hidden)
        The second matrix, the outputs of a step side by side.
    output_bias : ndarray of shape (n_targets, prediction_length * n_outputs)
        Added after it.
    unit : ndarray of shape (n_targets,) or None, default=None
        Units of each channel; None stands for 1.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None, default=None
        Of a calibration, in these units.
    """

    levels: tuple[float, ...]
    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray
    unit: np.ndarray | None = None
    offsets: np.ndarray | None = None

    def in_units(self, scale: np.ndarray) -> FusedQuantiles:
        """Read and answer in other units.

        Parameters
        ----------
        scale : ndarray of shape (n_targets,)
            Of every target.

        Returns
        -------
        quantiles : FusedQuantiles
            The same distances, in other units.
        """
        return replace(self, unit=scale if self.unit is None else self.unit * scale)

    def arrays(self) -> dict[str, np.ndarray]:
        """List everything as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes it.

        Returns
        -------
        arrays : dict of str to ndarray
            float64 arrays.
        """
        arrays = {
            "quantile_levels": np.array(self.levels),
            "quantile_hidden": self.hidden,
            "quantile_hidden_bias": self.hidden_bias,
            "quantile_output": self.output,
            "quantile_output_bias": self.output_bias,
            "quantile_unit": np.ones(len(self.output_bias)) if self.unit is None else self.unit,
        }
        return arrays if self.offsets is None else {**arrays, "quantile_offsets": self.offsets}


@dataclass(frozen=True)
class FusedStudent:
    """A student as matrix products, exactly: ReLU between the layers, the window's level added at the end.

    For each target channel c and its window x, less ``center[c]``::

        h = x;  h = relu(scale * (weight @ h) + spread * bias) for all layers but the last, which has no relu
        forecast = h + level @ x + center[c]

    where spread = sqrt(variance of x + epsilon[c]), or 1 without ``epsilon``. Every such function commutes with
    a change of units, which is how scaling folds into it; and the center stays apart, because in float32 a large
    level folded into the biases would cost digits.

    Parameters
    ----------
    layers : tuple of FusedLayer
        At least one.
    center : ndarray of shape (n_targets,)
        Subtracted from each channel first and added last.
    targets : tuple of int
        The channels of a context that are read, and forecast.
    n_channels : int
        Channels of a context.
    level : ndarray of shape (context_length,) or None, default=None
        Weights of the part of the window that passes by the layers, its mean for example.
    epsilon : ndarray of shape (n_targets,) or None, default=None
        Added to a window's variance, where the student standardizes windows.
    quantiles : FusedQuantiles or None, default=None
        What lies around the forecast, where the student has quantiles.
    """

    layers: tuple[FusedLayer, ...]
    center: np.ndarray
    targets: tuple[int, ...]
    n_channels: int
    level: np.ndarray | None = None
    epsilon: np.ndarray | None = None
    quantiles: FusedQuantiles | None = None

    @classmethod
    def of(
        cls,
        layers: Sequence[FusedLayer],
        *,
        targets: tuple[int, ...],
        n_channels: int,
        level: np.ndarray | None = None,
        epsilon: float | None = None,
    ) -> FusedStudent:
        """Make a student that reads and answers in standardized units.

        Parameters
        ----------
        layers : sequence of FusedLayer
            Its layers.
        targets : tuple of int
            The channels that are forecast.
        n_channels : int
            Channels of a context.
        level : ndarray of shape (context_length,) or None, default=None
            Weights of the part that passes by the layers.
        epsilon : float or None, default=None
            Added to a window's variance, where windows are standardized.

        Returns
        -------
        student : FusedStudent
            The student.
        """
        n_targets = len(targets)
        floor = None if epsilon is None else np.full(n_targets, epsilon)
        return cls(tuple(layers), np.zeros(n_targets), targets, n_channels, level, floor)

    @property
    def context_length(self) -> int:
        """Rows of a context."""
        return self.layers[0].weight.shape[-1]

    @property
    def prediction_length(self) -> int:
        """Rows of a forecast."""
        return self.layers[-1].weight.shape[-2]

    def in_units(self, mean: np.ndarray, scale: np.ndarray) -> FusedStudent:
        """Fold a standardization in: the student then reads and answers in the units before it.

        Parameters
        ----------
        mean, scale : ndarray of shape (n_channels,)
            Of every channel of a context.

        Returns
        -------
        student : FusedStudent
            The same forecasts, in other units.
        """
        own_mean, own_scale = mean[list(self.targets)], scale[list(self.targets)]
        growth = (
            own_scale if self.epsilon is None else np.ones_like(own_scale)
        )  # a spread grows with the unit by itself
        layers = [replace(one, bias=growth[:, None] * one.bias) for one in self.layers]
        center = own_mean + own_scale * self.center
        epsilon = None if self.epsilon is None else self.epsilon * own_scale**2
        quantiles = None if self.quantiles is None else self.quantiles.in_units(own_scale)
        return replace(self, layers=tuple(layers), center=center, epsilon=epsilon, quantiles=quantiles)

    def calibrated(self, offsets: np.ndarray | None) -> FusedStudent:
        """Add the offsets of a calibration to the quantiles.

        Parameters
        ----------
        offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None
            In standardized units; None leaves the student.

        Returns
        -------
        student : FusedStudent
            With these offsets.
        """
        if self.quantiles is None or offsets is None:
            return self
        return replace(self, quantiles=replace(self.quantiles, offsets=offsets))

    def arrays(self) -> dict[str, np.ndarray]:
        """List everything as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes it.

        Returns
        -------
        arrays : dict of str to ndarray
            float64 arrays, and int64 for the channels.
        """
        arrays = {
            "center": self.center,
            "targets": np.array(self.targets, dtype=np.int64),
            "n_channels": np.array(self.n_channels, dtype=np.int64),
        }
        optional = {"level": self.level, "epsilon": self.epsilon}
        for number, layer in enumerate(self.layers):
            arrays |= {f"weight_{number}": layer.weight, f"bias_{number}": layer.bias}
            optional[f"scale_{number}"] = layer.scale
        arrays |= {name: value for name, value in optional.items() if value is not None}
        return arrays if self.quantiles is None else arrays | self.quantiles.arrays()
