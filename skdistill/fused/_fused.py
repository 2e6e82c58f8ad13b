"""The fused form of a small student: matrices, with ReLU between them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skdistill._utils.numpy_student import plain_id

__all__ = ["FusedExtra", "FusedLayer", "FusedQuantiles", "FusedStudent", "FusedUnits"]


@dataclass(frozen=True)
class FusedLayer:
    """One matrix product, with its scale and bias.

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, n_inputs) or (n_targets, n_outputs, n_inputs)
        The matrix: one for all channels, or one per channel.
    bias : ndarray of shape (n_outputs,) or (n_targets, n_outputs)
        Added after the product. It is multiplied by the spread of the window if the student has one.
    scale : ndarray of shape (n_targets, n_outputs) or None, default=None
        Multiplies the product, before the bias is added.
    """

    weight: np.ndarray
    bias: np.ndarray
    scale: np.ndarray | None = None


@dataclass(frozen=True)
class FusedQuantiles:
    """Distances of the quantiles from the point forecast, as two matrix products.

    For each target channel c and its window x, minus ``center[c]`` and in units of ``unit[c]``::

        z = output @ relu(hidden @ x + hidden_bias) + output_bias[c]

    For each step, z contains the gaps between lower levels (from the median outwards, before softplus), the gaps
    between upper levels and, optionally, the distance of the median from the point forecast. ``offsets`` are added to
    the sums of these gaps. A quantile that then crosses its neighbor towards the median is set to that neighbor.

    Parameters
    ----------
    levels : tuple of float
        Levels of the quantiles, rising.
    hidden : ndarray of shape (n_hidden, context_length)
        The first matrix.
    hidden_bias : ndarray of shape (n_hidden,)
        Added after the product.
    output : ndarray of shape (prediction_length * n_outputs, n_hidden)
        The second matrix; the outputs of a step are adjacent.
    output_bias : ndarray of shape (n_targets, prediction_length * n_outputs)
        Added after the product.
    unit : ndarray of shape (n_targets,) or None, default=None
        Units of each channel; None stands for 1.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None, default=None
        Offsets of a calibration, in these units.
    """

    levels: tuple[float, ...]
    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray
    unit: np.ndarray | None = None
    offsets: np.ndarray | None = None

    def in_units(self, scale: np.ndarray) -> FusedQuantiles:
        """Convert to other units.

        Parameters
        ----------
        scale : ndarray of shape (n_targets,)
            Scale of every target.

        Returns
        -------
        quantiles : FusedQuantiles
            The same distances, in other units.
        """
        return replace(self, unit=scale if self.unit is None else self.unit * scale)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all parts as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes them.

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
class FusedExtra:
    """Covariates in the first layer: one vector of inputs per window, which all targets share.

    The vector has the rows of each covariate in the context, those of each known covariate over the horizon, and the
    static covariates; covariates are standardized by ``center`` and ``unit``.

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, n_inputs) or (n_targets, n_outputs, n_inputs)
        Its matrix, which adds to the product of the first layer.
    scale : ndarray of shape (n_targets,)
        Multiplies what it adds.
    covariates, known : tuple of int
        Channels that are read in the context and over the horizon.
    n_static : int
        Number of static covariates.
    center, unit : ndarray of shape (n_channels,)
        Standardization of the channels; where windows have units of their own, those of windows without any.
    shared : ndarray of bool of shape (n_channels,) or None, default=None
        Channels with one center and unit for all windows, where windows have units of their own.
    interaction : ndarray of shape (n_outputs, n_static * n_sums) or with a first axis n_targets, or None, default=None
        Coefficients of the products of static covariates and sums of the rows of a target, such as its level.
    level : ndarray of shape (n_sums, context_length) or None, default=None
        Weights of the rows in these sums.
    by_spread : ndarray of bool of shape (n_outputs,) or None, default=None
        Outputs to which the covariates add in units of the spread of the window instead of ``scale``; None for students
        without a spread.
    """

    weight: np.ndarray
    scale: np.ndarray
    covariates: tuple[int, ...]
    known: tuple[int, ...]
    n_static: int
    center: np.ndarray
    unit: np.ndarray
    shared: np.ndarray | None = None
    interaction: np.ndarray | None = None
    level: np.ndarray | None = None
    by_spread: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """List everything as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes it.

        Returns
        -------
        arrays : dict of str to ndarray
            float64 arrays, and int64 for channels.
        """
        arrays = {
            "extra": self.weight,
            "extra_scale": self.scale,
            "covariate_center": self.center,
            "covariate_unit": self.unit,
        }
        whole = {"covariates": self.covariates, "known": self.known}
        arrays |= {name: np.array(one, dtype=np.int64) for name, one in whole.items() if one}
        if self.shared is not None:
            arrays["covariate_shared"] = self.shared.astype(np.int64)
        if self.by_spread is not None:
            arrays["extra_spread"] = self.by_spread.astype(np.int64)
        if self.interaction is not None and self.level is not None:
            arrays |= {"interaction": self.interaction, "interaction_level": self.level}
        return arrays


@dataclass(frozen=True)
class FusedUnits:
    """How windows get units of their own, and how their missing values are filled.

    Parameters
    ----------
    season : int
        Rows of a season.
    own_units : bool
        Whether windows, or the series they are of, have units of their own.
    ids : tuple of hashable, default=()
        Series that have units by their training rows.
    center, unit : ndarray of shape (n_series, n_channels) or None, default=None
        Their units.
    """

    season: int
    own_units: bool
    ids: tuple[Hashable, ...] = ()
    center: np.ndarray | None = None
    unit: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """List everything as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes it.

        Returns
        -------
        arrays : dict of str to ndarray
            int64 arrays, and float64 for the units.
        """
        arrays = {"season": np.array(self.season)}
        if self.own_units:
            arrays["own_units"] = np.array(1)
        if self.ids and self.center is not None and self.unit is not None:
            names = json.dumps([plain_id(one) for one in self.ids])
            arrays["series_ids"] = np.frombuffer(names.encode(), np.uint8).astype(np.int64)
            arrays |= {"series_center": self.center, "series_unit": self.unit}
        return arrays


@dataclass(frozen=True)
class FusedStudent:
    """A student as exact matrix products, with ReLU between the layers and the level of the window added at the end.

    For each target channel c and its window x, minus ``center[c]``::

        h = x; h = relu(scale * (weight @ h) + spread * bias) for all layers except the last, which has no relu forecast
        = h + level @ x + center[c]

    where spread = sqrt(variance of x + epsilon[c]), or 1 without ``epsilon``. Every such function commutes with a
    change of units, so scaling can be folded into it. The center is kept separate, because in float32 a large level in
    the biases would lose digits.

    Parameters
    ----------
    layers : tuple of FusedLayer
        One or more layers.
    center : ndarray of shape (n_targets,)
        Subtracted from each channel first and added last.
    targets : tuple of int
        The channels of a context that are read and forecast.
    n_channels : int
        Number of channels of a context.
    level : ndarray of shape (context_length,) or None, default=None
        Weights of the part of the window that bypasses the layers, for example its mean.
    epsilon : ndarray of shape (n_targets,) or None, default=None
        Added to a window's variance, if the student standardizes windows.
    quantiles : FusedQuantiles or None, default=None
        What lies around the forecast, where the student has quantiles.
    units : FusedUnits or None, default=None
        How windows get units of their own, and missing values are filled; None where windows do not.
    bounds : tuple of (float or None, float or None), default=(None, None)
        Lowest and highest forecast; None leaves a side open.
    extra : FusedExtra or None, default=None
        Covariates that the first layer reads; None without any.
    of_roots : bool, default=False
        Whether all of this is about the signed square roots of values, as of
        :class:`~skdistill.data.SquareRoot`.
    """

    layers: tuple[FusedLayer, ...]
    center: np.ndarray
    targets: tuple[int, ...]
    n_channels: int
    level: np.ndarray | None = None
    epsilon: np.ndarray | None = None
    quantiles: FusedQuantiles | None = None
    units: FusedUnits | None = None
    bounds: tuple[float | None, float | None] = (None, None)
    extra: FusedExtra | None = None
    of_roots: bool = False

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
        """Create a student that works in standardized units.

        Parameters
        ----------
        layers : sequence of FusedLayer
            The layers.
        targets : tuple of int
            The channels that are forecast.
        n_channels : int
            Number of channels of a context.
        level : ndarray of shape (context_length,) or None, default=None
            Weights of the part that bypasses the layers.
        epsilon : float or None, default=None
            Added to a window's variance, if windows are standardized.

        Returns
        -------
        student : FusedStudent
            The student.
        """
        n_targets = len(targets)
        floor = None if epsilon is None else np.full(n_targets, epsilon)
        return cls(tuple(layers), np.zeros(n_targets), targets, n_channels, level, floor)

    def with_extra(self, extra: FusedExtra | None) -> FusedStudent:
        """Add covariates.

        Parameters
        ----------
        extra : FusedExtra or None
            What the first layer reads; None leaves the student unchanged.

        Returns
        -------
        student : FusedStudent
            The student with covariates.
        """
        return self if extra is None else replace(self, extra=extra)

    @property
    def context_length(self) -> int:
        """Number of rows of a context."""
        return self.layers[0].weight.shape[-1]

    @property
    def prediction_length(self) -> int:
        """Number of rows of a forecast."""
        return self.layers[-1].weight.shape[-2]

    def in_units(self, mean: np.ndarray, scale: np.ndarray) -> FusedStudent:
        """Fold in a standardization: the student then works in the original units.

        Parameters
        ----------
        mean, scale : ndarray of shape (n_channels,)
            Mean and scale of every channel of a context.

        Returns
        -------
        student : FusedStudent
            The same forecasts, in other units.
        """
        own_mean, own_scale = mean[list(self.targets)], scale[list(self.targets)]
        growth = (
            own_scale if self.epsilon is None else np.ones_like(own_scale)
        )  # the spread already scales with the unit
        layers = [replace(one, bias=growth[:, None] * one.bias) for one in self.layers]
        center = own_mean + own_scale * self.center
        epsilon = None if self.epsilon is None else self.epsilon * own_scale**2
        quantiles = None if self.quantiles is None else self.quantiles.in_units(own_scale)
        extra = None if self.extra is None else replace(self.extra, scale=own_scale, center=mean, unit=scale)
        return replace(self, layers=tuple(layers), center=center, epsilon=epsilon, quantiles=quantiles, extra=extra)

    def calibrated(self, offsets: np.ndarray | None) -> FusedStudent:
        """Add the offsets of a calibration to the quantiles.

        Parameters
        ----------
        offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None
            Offsets in standardized units; None leaves the student unchanged.

        Returns
        -------
        student : FusedStudent
            The student with these offsets.
        """
        if self.quantiles is None or offsets is None:
            return self
        return replace(self, quantiles=replace(self.quantiles, offsets=offsets))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all parts as named arrays, as :class:`~skdistill.deploy.NumpyStudent` takes them.

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
        optional |= {
            name: None if bound is None else np.array(bound)
            for name, bound in zip(("lower", "upper"), self.bounds, strict=True)
        }
        for number, layer in enumerate(self.layers):
            arrays |= {f"weight_{number}": layer.weight, f"bias_{number}": layer.bias}
            optional[f"scale_{number}"] = layer.scale
        arrays |= {name: value for name, value in optional.items() if value is not None}
        arrays |= {"root": np.array(1)} if self.of_roots else {}
        arrays |= {} if self.units is None else self.units.arrays()
        arrays |= {} if self.extra is None else self.extra.arrays()
        return arrays if self.quantiles is None else arrays | self.quantiles.arrays()
