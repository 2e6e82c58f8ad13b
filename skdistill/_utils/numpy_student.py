"""A fused student that needs only NumPy; you can copy this file to a device and use it alone.

It makes the forecasts of a student that skdistill exported with ``export("student.npz")``:
``NumpyStudent.load("student.npz").predict(windows)``.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import io
import itertools
import json
import operator
import os
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Self

import numpy as np

__all__ = [
    "NumpyStudent",
    "alike_ids",
    "are_levels",
    "center_unit_and_variation",
    "count_levels",
    "covariate_center_and_unit",
    "fill_masked",
    "fill_missing",
    "find_ids",
    "kind_of_no_numbers",
    "mean_observed",
    "order_outwards",
    "plain_id",
    "read_numbers",
    "read_sealed",
    "rounding_of",
    "seal_arrays",
    "settle_constant",
    "show_unit",
    "signed_root",
    "signed_square",
    "spelling",
    "window_center_and_unit",
]

_VERSION = 3  # version 1 had no checksum, version 2 only 8-byte numbers
_VERSIONS = (2, 3)
_PRECISIONS = ("float32", "bfloat16", "int8")
_MATRICES = ("weight_", "extra", "quantile_hidden", "quantile_output")  # what is rounded, by the start of the name
_VECTORS = ("extra_scale", "extra_spread", "quantile_hidden_bias", "quantile_output_bias")
_TYPES = ("f8", "i8", "f4", "u2", "i1")  # of the numbers of a file
_LARGEST_INT8 = 127
_MAGIC = b"PK\3\4"
_DIGEST_LENGTH = 64  # hexadecimal digits of SHA-256 at the end of a file
_BLOCK_VALUES = 1 << 20  # values of the widest layer computed at once, so that they fit into the CPU cache
_FEW_ROWS = 64  # windows times targets; up to here, products are computed in parts
_SMALL_PRODUCT = 1_000_000  # multiplications; BLAS does not copy the matrices of a smaller product first
_FEWEST_OUTPUTS = 16  # of a part
_TABLES = ("__dataframe__", "__arrow_c_stream__", "__arrow_c_array__", "to_pandas", "collect_schema")  # not of pandas
_NO_NUMBERS = (np.datetime64, np.timedelta64, datetime.date, datetime.timedelta, complex, np.complexfloating)
_PLAIN = (float, int, str)
_MAX_LAYERS = 64
_MAX_MEMBERS = 4 * _MAX_LAYERS
_COVARIATES = ("covariates", "known", "covariate_shared", "extra_spread")
_WHOLE = (
    "targets",
    "n_channels",
    "season",
    "own_units",
    "root",
    "series_ids",
    "provenance",
    "columns",
    "roles",
    "steps",
    *_COVARIATES,
)  # ints
_UNITS = ("season", "own_units", "series_center", "series_unit", "series_ids")
_SCALARS = ("n_channels", "season", "own_units", "lower", "upper", "root")
_TEXTS = ("provenance", "columns", "roles", "steps")  # bytes of JSON
_BOUNDS = ("lower", "upper")  # of forecasts
_SHARE_OF_SEASON = 4  # gaps up to a season divided by this are bridged by a straight line
_ROUNDING = {"float32": 4.0, "float64": 16.0}  # in rounding errors of a level; smaller variation is no unit
_REPEATED = 1e-4  # of the distance from the center: with smaller differences from season to season, a season repeats
_SAME = 1e-6  # relative; a unit this near to the level is the level


class NumpyStudent:
    """A student as matrix products, in original units.

    Parameters
    ----------
    arrays : dict of str to ndarray
        ``weight_0``, ``bias_0`` and optionally ``scale_0`` for each layer, ``center``, ``targets``, ``n_channels``, and
        optionally ``level`` and ``epsilon``. For quantiles: ``quantile_levels``, ``quantile_hidden``,
        ``quantile_hidden_bias``, ``quantile_output``, ``quantile_output_bias``, ``quantile_unit`` and optionally
        ``quantile_offsets``. For filling missing values: ``season``. For windows that are scaled separately:
        ``own_units`` (1), optionally with ``series_center``, ``series_unit`` and ``series_ids`` (JSON, as bytes) of
        the series with units from their training rows. For covariates: ``extra``, their matrix in the first layer, with
        ``extra_scale``, ``covariate_center``, ``covariate_unit``, and optionally ``covariates`` (channels that are read
        in the context), ``known`` (channels that are read over the horizon), ``covariate_shared`` (1 for channels with
        one unit for all windows), ``extra_spread`` (1 for outputs to which they add in units of the spread of the
        window), ``interaction`` and ``interaction_level``. For bounds of the forecasts: ``lower``,
        ``upper``. For square roots: ``root`` (1). For :attr:`provenance`, :attr:`columns`, :attr:`roles` and
        :attr:`steps`: arrays of the same names (JSON, as bytes).
    dtype : {"float32", "float64"}, default="float32"
        Type of the matrix products; the center is always subtracted and added in float64.
    precision : {"float32", "bfloat16", "int8"}, default="float32"
        Type that the weights are rounded to, and that :meth:`save` writes: "float32" is the type of the products.
        "int8" has one step for each output. The products of rounded weights are still computed in ``dtype``.

    Attributes
    ----------
    context_length, prediction_length, n_channels : int
        A window has shape (context_length, n_channels), a forecast prediction_length rows.
    targets : ndarray of int
        Channels to forecast.
    quantile_levels : tuple of float or None
        Levels of the forecast quantiles; None if the student has no quantiles.
    series_ids : list
        Ids of the series with known units: text, numbers, and tuples of them; any other id as its text.
    provenance : list of dict
        Where the labels that it was distilled from came from: ``teacher``, ``source``, ``revision``, ``license`` and
        ``training_data`` of each teacher; empty without a teacher.
    columns : list or None
        Names of the channels in ``fit``: text, numbers and tuples of them, any other name as its text; None if they had
        none, and where :attr:`roles` has the names.
    roles : dict or None
        The columns in ``fit``: ``n_columns``, ``columns`` (names), positions of ``targets``, ``known`` and ``static``,
        ``categories``, ``static_center`` and ``static_unit``, by which ``static`` is standardized; None without static
        and categorical covariates. Channels are the columns of numbers that are not static, then one channel for each
        category of the others, and for the second alone of two; numbers of ``static`` are in the order of its columns.
        Those of a regressor are its last columns: the values of a window count as column 0, its covariates follow.
    steps : list
        Steps of the time labels in ``fit``, by which labels of tables are continued; empty without such labels.
    known : ndarray of int
        Channels whose values over the horizon are needed, in the order of ``future``; empty without known covariates.
    n_static : int
        Number of static covariates of a window.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.deploy import NumpyStudent
    >>> last_row = {"weight_0": np.array([[0.0, 0.0, 1.0]]), "bias_0": np.zeros(1), "center": np.zeros(2)}
    >>> student = NumpyStudent({**last_row, "targets": np.arange(2), "n_channels": np.array(2)})
    >>> student.predict(np.arange(6.0).reshape(3, 2))
    array([[4., 5.]])
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], dtype: str = "float32", precision: str = "float32") -> None:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype of NumpyStudent must be 'float32' or 'float64'; got {dtype!r}.")
        if precision not in _PRECISIONS:
            raise ValueError(f"precision of NumpyStudent must be one of {', '.join(_PRECISIONS)}; got {precision!r}.")
        self.dtype, self.precision = np.dtype(dtype), precision
        self._arrays = _round_matrices(_check_arrays(arrays), precision)
        self.targets = self._arrays["targets"]
        self.n_channels = int(self._arrays["n_channels"])
        self._all_targets = len(self.targets) == self.n_channels and (np.diff(self.targets) == 1).all()
        self._own = _as_slice(self.targets)
        self._center = self._arrays["center"]
        self._centers: np.ndarray | None = None  # of all values of a window
        self._season = int(self._arrays.get("season", 1))
        self._bounds = tuple(float(one) if (one := self._arrays.get(name)) is not None else None for name in _BOUNDS)
        self._own_units = bool(self._arrays.get("own_units", 0))
        self._of_roots = bool(self._arrays.get("root", 0))
        self.series_ids = _read_ids(self._arrays)
        self._places = {one: number for number, one in enumerate(self.series_ids)}
        self._shown: np.ndarray | None = None  # which of them have units that serve new rows
        if self.series_ids:
            table = (self._arrays[name][:, self.targets] for name in ("series_center", "series_unit"))
            self._shown = show_unit(*table)
        self.provenance = _read_provenance(self._arrays)
        self.columns = _read_columns(self._arrays)
        self.roles = _read_roles(self._arrays)
        self.steps = _read_steps(self._arrays)
        self._level = self._cast("level")
        self._epsilon = self._cast("epsilon")
        self._by_columns = True  # whether few windows are multiplied from the left
        self._layers = [self._layer(number) for number in range(_count_layers(self._arrays))]
        self.context_length = self._arrays["weight_0"].shape[-1]
        self.prediction_length = self._arrays[f"weight_{len(self._layers) - 1}"].shape[-2]
        levels = self._arrays.get("quantile_levels")
        self.quantile_levels = None if levels is None else tuple(levels.tolist())
        self._head = None if levels is None else _Head(self._arrays, self.dtype)
        self._extra = _Extra(self._arrays, self.dtype, self.context_length, self.prediction_length)
        self.known, self.n_static = self._extra.known, self._extra.n_static
        self._joint = (
            _Joint(self._extra, self._arrays, self.dtype) if _Joint.serves(self._extra, self._arrays) else None
        )
        widest = max(self.context_length, self._extra.size, *(layer.turned.shape[-1] for layer in self._layers))
        if self._head is not None:
            widest = max(widest, self.prediction_length * len(self._arrays["quantile_levels"]))
        self._block = max(1, _BLOCK_VALUES // (widest * len(self.targets)))

    def _cast(self, name: str) -> np.ndarray | None:
        return self._arrays[name].astype(self.dtype, copy=False) if name in self._arrays else None

    def _layer(self, number: int) -> _Layer:
        weight, bias = self._cast(f"weight_{number}"), self._cast(f"bias_{number}")
        assert weight is not None  # _check_arrays
        assert bias is not None
        return _Layer(weight, bias, self._cast(f"scale_{number}"))

    def predict(self, windows: np.ndarray, series: Any = None, future: Any = None, static: Any = None) -> np.ndarray:
        """Forecast the rows that follow each window.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, n_timestamps, n_channels) or (n_timestamps, n_channels)
            Floats in original units, NaN where missing, at least ``context_length`` rows; only the last ones are used.
        series : sequence of ids or None, default=None
            Series of each window, for its units; a window whose series is not in ``series_ids`` gets units from its
            own values. None means that no window belongs to a known series.
        future : ndarray of shape (n_windows, prediction_length, n_known), without n_windows, or None, default=None
            Known covariates over the horizon, in original units, NaN where unknown; for a student that reads some.
        static : ndarray of shape (n_windows, n_static), (n_static,) or None, default=None
            Static covariates, standardized: less ``static_center``, divided by ``static_unit`` of :attr:`roles`, 0
            where missing; for a student that reads some.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets) or (prediction_length, n_targets)
            Forecasts in original units: float32 for float32 windows, otherwise float64.

        Raises
        ------
        ValueError
            If the shape is invalid, or a value is infinite or too large.
        """
        return self._ask_for(self.forecast, windows, series, future, static)

    def predict_quantiles(
        self, windows: np.ndarray, series: Any = None, future: Any = None, static: Any = None
    ) -> np.ndarray:
        """Forecast the quantiles of the rows that follow each window, at ``quantile_levels``.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, n_timestamps, n_channels) or (n_timestamps, n_channels)
            Floats in original units, NaN where missing, at least ``context_length`` rows; only the last ones are used.
        series : sequence of ids or None, default=None
            Series of each window, as in :meth:`predict`.
        future, static : ndarray or None, default=None
            Covariates, as in :meth:`predict`.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles) or without n_windows
            Quantiles in original units: float32 for float32 windows, otherwise float64.

        Raises
        ------
        ValueError
            If the shape is invalid, a value is infinite or too large, or the student has no quantiles.
        """
        return self._ask_for(self.forecast_quantiles, windows, series, future, static)

    def _ask_for(
        self, ask: Callable[..., np.ndarray], windows: np.ndarray, series: Any, future: Any, static: Any
    ) -> np.ndarray:
        """Read windows or a single one, and ask for forecasts or quantiles of them."""
        batch, single = self._read(windows, future)
        numbers = self._numbers(series, len(batch), single)
        extra = self._extra.read(future, static, len(batch), single)
        answers = self._finite(lambda: ask(batch, numbers, *extra), batch)
        return answers[0] if single else answers

    def _finite(self, ask: Callable[[], np.ndarray], contexts: np.ndarray) -> np.ndarray:
        """Return answers; raise if one is not finite although something of its target is observed in the context."""
        try:
            with np.errstate(over="raise", invalid="ignore"):
                answers = ask()
                flat = answers.ravel()
                if np.dot(flat, np.zeros(flat.size, flat.dtype)) == 0.0:
                    return answers
        except FloatingPointError as error:
            raise ValueError(self._too_large(contexts)) from error
        spoiled = ~np.isfinite(answers).reshape(*answers.shape[:3], -1).all(axis=(1, 3))
        if (spoiled & ~np.isnan(contexts[:, :, self.targets]).all(axis=1)).any():
            raise ValueError(self._too_large(contexts))
        return answers

    def _too_large(self, contexts: np.ndarray) -> str:
        largest = np.nanmax(np.abs(contexts), initial=0.0)
        return (
            f"a forecast is not finite: values of windows, future or static are too large for {self.dtype}, in which "
            f"the student computes; the largest of windows is {largest:g}. Write NaN where a value is missing, or clip "
            "it."
        )

    def _read(self, windows: np.ndarray, future: Any = None) -> tuple[np.ndarray, bool]:
        """Check windows; return their last rows as a batch, and whether the input was a single window."""
        names = self.columns or list(range(self.n_channels))
        _check_order(windows, names, "windows")
        _check_order(future, [names[channel] for channel in self.known], "future")
        windows = read_numbers(windows, "windows")
        batch = windows[None] if windows.ndim == 2 else windows
        if batch.ndim != 3 or batch.shape[1] < self.context_length or batch.shape[2] != self.n_channels:
            raise ValueError(
                f"windows must have shape (n_windows, at least {self.context_length} rows, {self.n_channels} "
                f"channels), or the same without n_windows; got {windows.shape}."
            )
        _check_no_infinity(batch, "windows")
        return batch[:, -self.context_length :], windows.ndim == 2

    def _numbers(self, series: Any, n_windows: int, single: bool) -> np.ndarray | None:
        """Convert ids to positions in ``series_ids``, -1 for others."""
        if series is None:
            return None
        ids = [series] if single and (isinstance(series, str) or not hasattr(series, "__len__")) else list(series)
        if len(ids) != n_windows:
            raise ValueError(f"series must name one id per window; got {len(ids)} for {n_windows} windows.")
        if ids and not isinstance(ids[0], Hashable):
            kind = type(ids[0]).__name__
            raise TypeError(f"series must name one id per window; got a {kind}. Is it future= or static=?")
        return self.numbers_of(ids)

    def numbers_of(self, ids: Iterable[Any]) -> np.ndarray:
        """Find series by their ids.

        Parameters
        ----------
        ids : iterable of hashable
            Ids of series.

        Returns
        -------
        numbers : ndarray of int of shape (n_series,)
            Positions in ``series_ids``, -1 for other series, and for those that were constant in ``fit``.
        """
        return self._with_units(find_ids(ids, self._places, plain_id))

    def forecast(
        self,
        contexts: np.ndarray,
        series: np.ndarray | None = None,
        future: np.ndarray | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Forecast without checks.

        Parameters
        ----------
        contexts : ndarray of float32 or float64 of shape (n_windows, context_length, n_channels)
            Windows in original units, NaN where missing.
        series : ndarray of int of shape (n_windows,) or None, default=None
            Positions in ``series_ids``, -1 for other series; None means -1.
        future : ndarray of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates over the horizon, NaN where unknown.
        static : ndarray of shape (n_windows, n_static) or None, default=None
            Static covariates.

        Returns
        -------
        forecasts : ndarray of the same type, of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units.
        """
        contexts, future, static = self._roots(_floats(contexts)), self._roots(_floats(future)), _floats(static)
        series = None if series is None else self._with_units(series)
        return self._clip(self._blank(self._squares(self._forecast(contexts, series, future, static)), contexts))

    def _with_units(self, series: np.ndarray) -> np.ndarray:
        """Return positions of series, -1 for those that were constant in ``fit``, too."""
        return series if self._shown is None else np.where(self._shown[series], series, -1)

    def _roots(self, values: Any) -> Any:
        """Convert values to the units of a student of square roots."""
        return signed_root(values) if self._of_roots and values is not None else values

    def _squares(self, values: np.ndarray) -> np.ndarray:
        """Undo :meth:`_roots`."""
        return signed_square(values) if self._of_roots else values

    def _blank(self, answers: np.ndarray, contexts: np.ndarray) -> np.ndarray:
        """Write NaN, in place, where nothing of a target is observed in its context."""
        if np.isnan(contexts[:, -1]).any():  # fast check for the usual case
            np.moveaxis(answers, 2, 1)[np.isnan(contexts[:, :, self.targets]).all(axis=1)] = np.nan
        return answers

    def _clip(self, values: np.ndarray) -> np.ndarray:
        """Set forecasts beyond a bound to the bound, in place."""
        return values if self._bounds == (None, None) else np.clip(values, *self._bounds, out=values)

    def _forecast(
        self,
        contexts: np.ndarray,
        series: np.ndarray | None,
        future: np.ndarray | None,
        static: np.ndarray | None,
    ) -> np.ndarray:
        """Forecast without bounds."""
        n_windows, n_targets = len(contexts), len(self.targets)
        forecasts = np.empty((n_windows, self.prediction_length, n_targets), contexts.dtype)
        is_few = self._by_columns and (n_windows == 1 or n_windows * n_targets <= _FEW_ROWS)
        answer_of = self._answer_few if is_few else self._answer
        for first in range(0, n_windows, self._block):
            joint = self._joint_rows(contexts, future, static, first)
            if joint is None:
                values, center, unit = self._block_values(contexts, series, first)
                answer = answer_of(values, self._extra_rows(contexts, series, future, static, first))
            else:
                answer, center, unit = self._answer(*joint), self._center, None
            answer = answer if unit is None else answer * unit
            np.add(answer, center, out=forecasts[first : first + self._block], casting="unsafe")
        return forecasts

    def _block_values(
        self, contexts: np.ndarray, series: np.ndarray | None, first: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return a block of windows, standardized and filled, and center and unit of its forecasts.

        Center and unit have shape (n_windows, 1, n_targets) if windows are scaled separately.
        """
        block = contexts[first : first + self._block]
        if not self._all_targets:
            block = block[:, :, self._own]
        if not self._own_units:
            if self._centers is None:  # not before a window shows that memory is there for as many values
                self._centers = np.tile(self._center, self.context_length)
            values = _less_center(block, self._center, self._centers, self.dtype)
            if np.isnan(values).any():
                values = fill_missing(block - self._center, self._season).astype(self.dtype, copy=False)
            return values, self._center, None
        numbers = None if series is None else series[first : first + self._block]
        center, unit = (values[:, None] for values in self._units(block, numbers))
        values = fill_missing((block - center) / unit, self._season).astype(self.dtype)
        return values, *settle_constant(block, center, unit)

    def _extra_rows(
        self,
        contexts: np.ndarray,
        series: np.ndarray | None,
        future: np.ndarray | None,
        static: np.ndarray | None,
        first: int,
    ) -> tuple[np.ndarray, np.ndarray | None] | None:
        """Return the inputs (n_windows, n_inputs) that all targets share, and static covariates; None without any."""
        if not self._extra.size:
            return None
        here = slice(first, first + self._block)
        numbers = None if series is None or not self.series_ids else series[here]
        ahead, fixed = (None if one is None else one[here] for one in (future, static))
        return self._extra.inputs(
            contexts[here], numbers, ahead, fixed, season=self._season, own=self._own_units
        ), fixed

    def _joint_rows(
        self, contexts: np.ndarray, future: np.ndarray | None, static: np.ndarray | None, first: int
    ) -> tuple[np.ndarray, None, np.ndarray] | None:
        """Return centered windows, and the product of the first layer, if target and covariates take one product."""
        if self._joint is None:
            return None
        here = slice(first, first + self._block)
        ahead, fixed = (None if one is None else one[here] for one in (future, static))
        found = self._joint.product(contexts[here], ahead, fixed)
        return None if found is None else (found[0], None, found[1])

    def _units(self, block: np.ndarray, numbers: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return center and unit of each window: those of its series if known, otherwise computed from the window."""
        known = np.zeros(len(block), bool) if numbers is None or not self.series_ids else numbers >= 0
        if not known.any():
            return window_center_and_unit(block, self._season)
        center, unit = (self._arrays[name][numbers][:, self.targets] for name in ("series_center", "series_unit"))
        if not known.all():
            center[~known], unit[~known] = window_center_and_unit(block[~known], self._season)
        return center, unit

    def forecast_quantiles(
        self,
        contexts: np.ndarray,
        series: np.ndarray | None = None,
        future: np.ndarray | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Forecast quantiles without checks of the windows.

        Parameters
        ----------
        contexts : ndarray of float32 or float64 of shape (n_windows, context_length, n_channels)
            Windows in original units, NaN where missing.
        series : ndarray of int of shape (n_windows,) or None, default=None
            Positions in ``series_ids``, as in :meth:`forecast`.
        future, static : ndarray or None, default=None
            Covariates, as in :meth:`forecast`.

        Returns
        -------
        quantiles : ndarray of the same type, of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in original units, at ``quantile_levels``; if the median is the point forecast, both
            are bit-identical.
        """
        if self._head is None or self.quantile_levels is None:
            raise ValueError("this student has no quantiles: it was fitted without.")
        contexts, future, static = self._roots(_floats(contexts)), self._roots(_floats(future)), _floats(static)
        series = None if series is None else self._with_units(series)
        forecasts = self._forecast(contexts, series, future, static)
        quantiles = np.empty((*forecasts.shape, len(self.quantile_levels)), contexts.dtype)
        for first in range(0, len(contexts), self._block):
            values, _, unit = self._block_values(contexts, series, first)
            distances = self._head.distances(_as_rows(values))
            distances = distances if unit is None else distances * unit[..., None]
            point = forecasts[first : first + self._block, ..., None]
            np.add(distances, point, out=quantiles[first : first + self._block], casting="unsafe")
        return self._clip(self._blank(self._squares(quantiles), contexts))

    def _answer(
        self,
        values: np.ndarray,
        extra: tuple[np.ndarray, np.ndarray | None] | None = None,
        product: np.ndarray | None = None,
    ) -> np.ndarray:
        """Run windows (n_windows, context_length, n_targets) and shared inputs through the layers.

        ``product`` is that of the first layer, if it has been computed.
        """
        rows = _as_rows(values)
        spread = self._spread(rows)
        hidden = rows
        for number, layer in enumerate(self._layers):
            if number:
                np.maximum(hidden, 0, out=hidden)
            hidden = layer.product(hidden) if number or product is None else product
            if extra is not None and not number:
                hidden += self._extra.product(rows, spread, *extra)
            if layer.scale is not None:
                hidden *= layer.scale
            hidden += layer.bias if spread is None else layer.bias * spread[..., None]
        if self._level is not None:
            hidden += (rows.reshape(-1, rows.shape[-1]) @ self._level).reshape(*rows.shape[:2], 1)
        return hidden.transpose(0, 2, 1)

    def _answer_few(self, values: np.ndarray, extra: tuple[np.ndarray, np.ndarray | None] | None = None) -> np.ndarray:
        """Do the same for few windows: their columns are multiplied from the left, which reads the weights once."""
        columns = np.ascontiguousarray(values.transpose(1, 0, 2))  # one window is not copied
        spread = None if self._epsilon is None else self._spread(_as_rows(values))
        hidden = columns
        for number, layer in enumerate(self._layers):
            if number:
                np.maximum(hidden, 0, out=hidden)
            hidden = layer.few_product(hidden)
            if extra is not None and not number:
                hidden += self._extra.product(_as_rows(values), spread, *extra).transpose(2, 0, 1)
            if layer.scale_column is not None:
                hidden *= layer.scale_column
            hidden += layer.bias_column if spread is None else layer.bias_column * spread
        if self._level is not None:
            hidden += (self._level @ columns.reshape(len(columns), -1)).reshape(columns.shape[1:])
        return hidden.transpose(1, 0, 2)

    def _spread(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the spread of windows (n_windows, n_targets, context_length), if the layers need it."""
        return None if self._epsilon is None else np.sqrt(rows.var(axis=-1) + self._epsilon)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the arrays to one file, atomically.

        Parameters
        ----------
        path : str or Path
            The file; its name should end in ``.npz``.
        """
        settings = {"version": np.array(_VERSION), "dtype": np.array(self.dtype.itemsize)}
        data = seal_arrays({**settings, **_pack_matrices(self._arrays, self.dtype, self.precision)})
        try:
            from skdistill._utils._atomic import write_atomically
        except ImportError:  # this file alone, on a device
            pass
        else:
            write_atomically(path, data)
            return
        target = os.path.realpath(path)
        temporary = f"{target}.{os.urandom(8).hex()}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that :meth:`save` or ``export("student.npz")`` wrote.

        Loading never runs code, never needs more memory than a few times the size of the weights in float32, and
        rejects a file in which any bit has changed.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        student : NumpyStudent
            The student; all its numbers are finite.

        Raises
        ------
        ValueError
            If the file was not written by ``save`` or ``export``, is damaged, or has a different version.
        OSError
            If the file does not exist or cannot be read.
        """
        with open(path, "rb") as file:
            head = file.read(len(_MAGIC))
            rest = os.fstat(file.fileno()).st_size - len(head) if head == _MAGIC else 0
            data = head + file.read(max(0, rest))  # read only archives
        try:
            return cls._from_bytes(data)
        except Exception as error:  # zipfile and numpy raise many kinds of errors for invalid files
            raise ValueError(f"{os.fspath(path)} cannot be loaded: {error}") from error

    @classmethod
    def _from_bytes(cls, data: bytes) -> Self:
        arrays = read_sealed(data)
        version, itemsize = (arrays.pop(name, np.array(0)) for name in ("version", "dtype"))
        if version.ndim or version not in _VERSIONS:
            known = " and ".join(map(str, _VERSIONS))
            raise ValueError(f"it has format version {version}, and this NumpyStudent reads versions {known} only.")
        if itemsize.ndim or itemsize not in (4, 8):
            raise ValueError(f"not a student: dtype must be 4 or 8 bytes; got {itemsize}.")
        arrays, precision = _unpack_matrices(arrays)
        with np.errstate(over="ignore", divide="ignore"):
            student = cls(arrays, f"float{8 * int(itemsize)}", precision)
        student._check_finite()
        return student

    def _check_finite(self) -> None:
        """Raise if a number is too large for the type of the products."""
        used = [one for layer in self._layers for one in (layer.weight, layer.bias, layer.scale)]
        used += [self._level, self._epsilon]
        if self._head is not None:
            used += [value for value in vars(self._head).values() if isinstance(value, np.ndarray)]
        if not all(array is None or np.isfinite(array).all() for array in used):
            raise ValueError(f"not a student: its numbers are not finite in {self.dtype}.")


def signed_root(values: np.ndarray) -> np.ndarray:
    """Return the square roots of absolute values, with the signs of the values.

    Parameters
    ----------
    values : ndarray
        Floats, NaN where missing.

    Returns
    -------
    roots : ndarray of the same type and shape
        The roots.

    Examples
    --------
    >>> signed_root(np.array([9.0, -4.0]))
    array([ 3., -2.])
    """
    return np.copysign(np.sqrt(np.abs(values)), values)


def signed_square(values: np.ndarray) -> np.ndarray:
    """Return squares with the signs of the values: the inverse of :func:`signed_root`.

    Parameters
    ----------
    values : ndarray
        Floats.

    Returns
    -------
    squares : ndarray of the same type and shape
        The squares.

    Examples
    --------
    >>> signed_square(np.array([3.0, -2.0]))
    array([ 9., -4.])
    """
    return values * np.abs(values)


def fill_missing(values: np.ndarray, season: int = 1) -> np.ndarray:
    """Fill missing values of contexts from observed values of the same context and channel.

    A short gap (at most a quarter of a season) is interpolated linearly. A longer gap, or a gap at an end, is filled
    from the values a whole number of seasons before and after it, interpolated linearly if both are observed. If
    neither is observed, the gap is interpolated between the nearest observed values, or takes the nearest one.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Contexts, NaN where missing.
    season : int, default=1
        Number of rows in a season; 1 means no season.

    Returns
    -------
    filled : ndarray of the same shape
        The same array if nothing is missing, otherwise a copy. A channel without observed values in a context is 0
        there.

    Examples
    --------
    >>> import numpy as np
    >>> fill_missing(np.array([1.0, np.nan, 3.0, np.nan])[None, :, None]).ravel()
    array([1., 2., 3., 3.])
    >>> fill_missing(np.array([1.0, 5.0, 1.0, np.nan])[None, :, None], season=2).ravel()
    array([1., 5., 1., 5.])
    """
    missing = np.isnan(values)
    windows = missing.any(axis=(1, 2))
    if not windows.any():
        return values
    gaps = (missing[:, 1:] > missing[:, :-1]).any(axis=(1, 2))  # not only at the start
    starts = windows & ~gaps
    filled = np.array(values)
    if starts.any():
        filled[starts] = _fill_start(values[starts], missing[starts], season)
    if gaps.any():
        filled[gaps] = _fill_gaps(values[gaps], season)
    return filled


def _fill_gaps(values: np.ndarray, season: int) -> np.ndarray:
    """Fill gaps anywhere; only missing values are computed, because they are few."""
    n_windows, length, n_channels = values.shape
    rows = np.ascontiguousarray(values.transpose(0, 2, 1)).reshape(-1, length)
    row, here, before, after = _missing(rows)
    line = _between(rows, row, here, before, after)
    gap = np.where((before >= 0) & (after < length), after - before - 1, length)
    long = np.flatnonzero(gap > max(1, season // _SHARE_OF_SEASON))
    if 1 < season < length and len(long):
        seasonal = _along_phases(rows, season)[row[long], here[long]]
        line[long] = np.where(np.isnan(seasonal), line[long], seasonal)
    rows[row, here] = np.where(np.isnan(line), 0, line)
    return rows.reshape(n_windows, n_channels, length).transpose(0, 2, 1)


def _fill_start(values: np.ndarray, missing: np.ndarray, season: int) -> np.ndarray:
    """Do the same where values are missing only at the start: take the value whole seasons later, or the first one."""
    length = values.shape[1]
    first = missing.sum(axis=1, keepdims=True)
    here = np.arange(length)[:, None]
    place = np.where(here < first, first, here)
    if 1 < season < length:
        later = here + -((here - first) // season) * season
        place = np.where((here < first) & (later < length), later, place)
    filled = np.take_along_axis(values, np.minimum(place, length - 1), axis=1)
    return np.where(np.isnan(filled), 0, filled)


def _missing(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return row and place of every missing value of (n, length), and the observed places before and after its gap.

    The place before a gap at the start is -1, and that after a gap at the end is the length.
    """
    padded = np.zeros((len(rows), rows.shape[1] + 2), dtype=bool)
    padded[:, 1:-1] = np.isnan(rows)
    edges = np.flatnonzero(padded[:, 1:] != padded[:, :-1])  # of every gap, where it starts and ends
    first, sizes = edges[::2], edges[1::2] - edges[::2]
    row, start = np.divmod(np.repeat(first, sizes), rows.shape[1] + 1)
    here = start + np.arange(len(start)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return row, here, start - 1, start + np.repeat(sizes, sizes)


def _between(rows: np.ndarray, row: np.ndarray, here: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Interpolate missing values between observed places; at an end, take the nearest one."""
    length = rows.shape[1]
    first, last = rows[row, np.maximum(before, 0)], rows[row, np.minimum(after, length - 1)]
    inside = (before >= 0) & (after < length)
    line = first + (here - before) / np.maximum(after - before, 1) * (last - first)
    return np.where(inside, line, np.where(before >= 0, first, last))


def _along_phases(rows: np.ndarray, season: int) -> np.ndarray:
    """Return missing values of (n, length) from values whole seasons apart, interpolated; NaN where there are none."""
    n, length = rows.shape
    front = -length % season
    padded = np.pad(rows, ((0, 0), (front, 0)), constant_values=np.nan)
    phases = np.ascontiguousarray(padded.reshape(n, -1, season).transpose(0, 2, 1)).reshape(n * season, -1)
    row, here, before, after = _missing(phases)
    filled = np.full(phases.shape, np.nan)
    filled[row, here] = _between(phases, row, here, before, after)
    return filled.reshape(n, season, -1).transpose(0, 2, 1).reshape(n, -1)[:, front:]


def window_center_and_unit(values: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute center and unit of each window and channel from its observed values.

    The center is the mean of the last season, or of the whole window if the last season is not observed. The unit is
    the first of these that is defined and positive (beyond rounding): the mean absolute difference of values one season
    apart, that of neighboring values, the mean absolute distance from the center, the absolute center, and 1. Constant
    and all-zero windows therefore have a unit. Where each season repeats the one before, their difference is rounding
    alone and no unit: it must be at least 0.0001 of the mean absolute distance from the center.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.
    season : int
        Number of rows in a season; 1 means no season.

    Returns
    -------
    center, unit : float64 ndarray of shape (n_windows, n_channels)
        0 and 1 if there is no observed value.

    Examples
    --------
    >>> center, unit = window_center_and_unit(np.array([1.0, 5.0, 2.0, 6.0])[None, :, None], season=2)
    >>> center.item(), unit.item()
    (4.0, 1.0)
    """
    return center_unit_and_variation(values, season)[:2]


def center_unit_and_variation(values: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute center and unit of each window and channel, and whether its values show the unit.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.
    season : int
        Number of rows in a season; 1 means no season.

    Returns
    -------
    center, unit : float64 ndarray of shape (n_windows, n_channels)
        Those of :func:`window_center_and_unit`.
    varies : ndarray of bool of shape (n_windows, n_channels)
        False where values are equal up to rounding, or one or none is observed, so that the unit is the level or 1.
    """
    rounding = rounding_of(values.dtype)
    values = np.asarray(values, dtype=np.float64)
    center = mean_observed(values[:, -season:])
    center = np.where(np.isnan(center), mean_observed(values), center)
    distance = mean_observed(np.abs(values - center[:, None]))
    floor = rounding * np.abs(center)
    candidates = [
        (mean_observed(np.abs(values[:, season:] - values[:, :-season])), np.fmax(floor, _REPEATED * distance)),
        (mean_observed(np.abs(values[:, 1:] - values[:, :-1])), floor),
        (distance, floor),
    ]
    unit = np.where(np.abs(center) > floor, np.abs(center), 1.0)
    varies = np.zeros(center.shape, dtype=bool)
    for candidate, least in reversed(candidates):
        shows = candidate > least
        unit, varies = np.where(shows, candidate, unit), varies | shows
    return np.nan_to_num(center), unit, varies


def rounding_of(dtype: np.dtype[Any]) -> float:
    """Return by which share of their level values of a type can differ through rounding alone.

    Means, sums of shares, powers and logarithms of constants round by up to 9 errors, counted over 30 levels.
    Float32 has few digits, so that data can vary by as much: only 4 errors are rounding.

    Parameters
    ----------
    dtype : dtype
        Of the values.

    Returns
    -------
    share : float
        A few rounding errors; a smaller spread is none.
    """
    name = "float32" if dtype == np.float32 else "float64"
    return _ROUNDING[name] * float(np.finfo(name).eps)


def settle_constant(values: np.ndarray, center: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace center and unit of the forecasts of constant windows by their level and 0.

    A window whose observed values are equal up to rounding, as one value is, shows no unit. If the series has none
    either, its unit is the level (or 1), and a forecast in it would be off by a share of the level: it is the level
    itself.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.
    center, unit : ndarray of shape (n_windows, 1, n_channels)
        Those by which the windows are standardized.

    Returns
    -------
    center, unit : ndarray of the same shape
        The same arrays if there is no such window.

    Examples
    --------
    >>> ones = np.ones((2, 1, 1))
    >>> values = np.array([[7.0, 7.0, 7.0], [6.0, 7.0, 8.0]])[..., None]
    >>> center, unit = settle_constant(values, 7 * ones, np.array([7.0, 1.0]).reshape(2, 1, 1))
    >>> center.ravel(), unit.ravel()
    (array([7., 7.]), array([0., 1.]))
    """
    told_none = are_levels(center, unit)
    if not told_none.any():
        return center, unit
    rounding = rounding_of(values.dtype)
    values = np.asarray(values, dtype=np.float64)
    observed = ~np.isnan(values)
    mean = mean_observed(values)[:, None]
    distance = mean_observed(np.abs(values - mean))[:, None]
    constant = told_none & (distance <= rounding * np.abs(mean)) & observed.any(axis=1, keepdims=True)
    highest = np.where(observed, values, -np.inf).max(axis=1, keepdims=True)
    return np.where(constant, highest, center), np.where(constant, 0.0, unit)


def are_levels(center: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Say which units are the level, or 1 at level 0: those of constant values, which show none.

    Parameters
    ----------
    center, unit : ndarray of the same shape
        Of windows or series.

    Returns
    -------
    levels : ndarray of bool of the same shape
        True where the unit tells nothing.
    """
    level = np.abs(center)
    return np.asarray(np.abs(unit - np.where(level > 0, level, 1.0)) <= _SAME * unit)


def show_unit(center: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Say which series have a unit of their own: a target that was not constant in ``fit``.

    Parameters
    ----------
    center, unit : ndarray of shape (n_series, n_targets)
        Those of the targets.

    Returns
    -------
    shown : ndarray of bool of shape (n_series,)
        A series without is scaled by its context, like one that was not in ``fit``.

    Examples
    --------
    >>> show_unit(np.array([[7.0], [7.0], [0.0]]), np.array([[2.0], [7.0], [1.0]]))
    array([ True, False, False])
    """
    return np.asarray((~are_levels(center, unit)).any(axis=1))


def covariate_center_and_unit(
    values: np.ndarray, usual_center: np.ndarray, usual_unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute center and unit of covariates in each window: mean and standard deviation of what is observed.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_covariates)
        Values, NaN where missing.
    usual_center, usual_unit : ndarray of shape (n_covariates,) or (n_windows, n_covariates)
        Those of windows without an observed value; the unit is also that of constant windows.

    Returns
    -------
    center, unit : float64 ndarray of shape (n_windows, n_covariates)
        Units are positive.

    Examples
    --------
    >>> values = np.array([[3.0, 7.0], [5.0, 7.0]])[None]
    >>> center, unit = covariate_center_and_unit(values, np.zeros(2), np.array([10.0, 10.0]))
    >>> center, unit
    (array([[4., 7.]]), array([[ 1., 10.]]))
    """
    rounding = rounding_of(values.dtype)
    values = np.asarray(values, dtype=np.float64)
    center = mean_observed(values)
    center = np.where(np.isnan(center), usual_center, center)
    unit = np.sqrt(mean_observed(np.square(values - center[:, None])))
    return center, np.where(unit > rounding * np.abs(center), unit, usual_unit)  # also where nothing is observed


def mean_observed(values: np.ndarray) -> np.ndarray:
    """Average observed values over time.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.

    Returns
    -------
    mean : ndarray of shape (n_windows, n_channels)
        NaN where nothing is observed.
    """
    observed = ~np.isnan(values)
    count = observed.sum(axis=1)
    total = np.where(observed, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


class _Extra:
    """Covariates in the first layer: one vector of inputs per window, which all targets share.

    The vector has the standardized rows of each covariate in the context, those of each known covariate over the
    horizon, and static covariates. Products of static covariates with the level of a target are added.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], dtype: np.dtype, context_length: int, prediction_length: int
    ) -> None:
        none = np.empty(0, dtype=np.int64)
        self.arrays, self.dtype, self.prediction_length = arrays, dtype, prediction_length
        self.covariates, self.known = arrays.get("covariates", none), arrays.get("known", none)
        self.size = arrays["extra"].shape[-1] if "extra" in arrays else 0
        rows = len(self.covariates) * context_length + len(self.known) * prediction_length
        self.n_static = self.size - rows if self.size else 0
        if not self.size:
            return
        if self.n_static < 0:
            raise ValueError("not a student: extra has fewer columns than its covariates have rows.")
        scale = arrays["extra_scale"].astype(dtype)[:, None]
        self.scale = None if (scale == 1).all() else scale
        self.channels = np.union1d(self.covariates, self.known).astype(np.int64)
        self.places = np.searchsorted(self.channels, self.covariates), np.searchsorted(self.channels, self.known)
        self.center, self.unit = (arrays[f"covariate_{name}"][self.channels] for name in ("center", "unit"))
        self.shared = arrays.get("covariate_shared", np.zeros(int(arrays["n_channels"]), np.int64))[self.channels] > 0
        self.interaction = np.swapaxes(arrays["interaction"], -1, -2).astype(dtype) if "interaction" in arrays else None
        self.level = np.atleast_2d(arrays["interaction_level"]).astype(dtype) if "interaction_level" in arrays else None
        self.by_spread = arrays["extra_spread"] > 0 if "extra_spread" in arrays else None
        own = bool(arrays.get("own_units", 0))
        self.weight = self._weight(np.ones_like(self.unit) if own else self.unit, context_length)
        self.block = _as_slice(self.channels)
        self.past, self.ahead = (_as_slice(places) for places in self.places)

    def _weight(self, unit: np.ndarray, context_length: int) -> np.ndarray:
        """Return the matrix for inputs that are relative to their center, and divided by their unit where it varies."""
        lengths = (context_length, self.prediction_length)
        units = [np.repeat(unit[places], length) for places, length in zip(self.places, lengths, strict=True)]
        per_input = np.concatenate([*units, np.ones(self.n_static)])
        return np.ascontiguousarray(np.swapaxes(self.arrays["extra"] / per_input, -1, -2).astype(self.dtype))

    def read(self, future: Any, static: Any, n_windows: int, single: bool) -> tuple[Any, Any]:
        """Check covariates; return them as batches."""
        future = self._one(future, "future", (n_windows, self.prediction_length, len(self.known)), single)
        return future, self._one(static, "static", (n_windows, self.n_static), single)

    def _one(self, values: Any, name: str, shape: tuple[int, ...], single: bool) -> np.ndarray | None:
        if not shape[-1]:
            if values is not None:
                raise ValueError(f"{name} was given, and this student reads none: leave it out.")
            return None
        found = None if values is None else read_numbers(values, name).astype(np.float64, copy=False)
        if found is not None and single and found.ndim == len(shape) - 1:
            found = found[None]
        if found is None or found.shape != shape:
            got = "nothing" if found is None else f"shape {found.shape}"
            raise ValueError(f"{name} must have shape {shape}, because this student reads it; got {got}.")
        _check_no_infinity(found, name)
        return found

    def inputs(
        self,
        contexts: np.ndarray,
        numbers: np.ndarray | None,
        future: np.ndarray | None,
        static: np.ndarray | None,
        *,
        season: int,
        own: bool,
    ) -> np.ndarray:
        """Return the inputs of windows, (n_windows, n_inputs), relative to centers, in units where they vary."""
        inputs = np.empty((len(contexts), self.size), self.dtype)
        first = self.size - self.n_static
        if static is not None:
            inputs[:, first:] = static
        if not len(self.channels):
            return inputs
        rows = contexts[:, :, self.block]
        center: np.ndarray = self.center
        if own:
            center, unit = (one[:, None] for one in self._units(rows, numbers))
            rows = (rows - center) / unit
            future = None if future is None else (future - center[..., self.ahead]) / unit[..., self.ahead]
            center = np.zeros(len(self.channels))
        n_rows = len(self.covariates) * contexts.shape[1]
        self._relative(rows[:, :, self.past], center[self.past], inputs[:, :n_rows])
        if future is not None:
            self._relative(future, center[self.ahead], inputs[:, n_rows:first])
        if np.isnan(inputs.sum()):  # one pass over the usual case, in which nothing is missing
            self._fill(inputs[:, :first], rows - center, season)
        return inputs

    def _relative(self, rows: np.ndarray, center: np.ndarray, out: np.ndarray) -> None:
        """Subtract centers from rows (n_windows, n_rows, n), and write them channel by channel."""
        inputs = out.reshape(len(out), len(center), -1)  # a view: the columns of a window lie side by side
        np.subtract(rows.transpose(0, 2, 1), center[:, None], out=inputs, casting="unsafe")

    def _fill(self, inputs: np.ndarray, rows: np.ndarray, season: int) -> None:
        """Fill what is missing, in place; unknown values of the horizon are filled after the rows of the context."""
        n_rows, length = len(self.covariates) * rows.shape[1], rows.shape[1]
        rows = fill_missing(rows, season)
        inputs[:, :n_rows] = rows[:, :, self.past].transpose(0, 2, 1).reshape(len(rows), -1)
        if not len(self.known):
            return
        ahead = inputs[:, n_rows:].reshape(len(rows), len(self.known), -1).transpose(0, 2, 1)
        both = fill_missing(np.concatenate([rows[:, :, self.ahead], ahead], axis=1), season)
        inputs[:, n_rows:] = both[:, length:].transpose(0, 2, 1).reshape(len(rows), -1)

    def _units(self, rows: np.ndarray, numbers: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return center and unit of covariates of each window."""
        center, unit = covariate_center_and_unit(rows, self.center, self.unit)
        center, unit = np.where(self.shared, self.center, center), np.where(self.shared, self.unit, unit)
        if numbers is not None and (numbers >= 0).any():
            seen = numbers >= 0
            for name, values in (("series_center", center), ("series_unit", unit)):
                values[seen] = self.arrays[name][numbers[seen]][:, self.channels]
        return center, unit

    def product(
        self, rows: np.ndarray, spread: np.ndarray | None, inputs: np.ndarray, static: np.ndarray | None
    ) -> np.ndarray:
        """Return what the inputs add to the first layer, (n_windows, n_targets, n_outputs)."""
        added = _by_target(inputs, self.weight)
        if self.by_spread is not None and spread is not None:
            added = added * np.where(self.by_spread, spread[..., None], 1.0 if self.scale is None else self.scale)
        elif self.scale is not None:
            added = added * self.scale
        if self.interaction is None or self.level is None or static is None:
            return added
        sums = rows @ self.level.T
        products = static.astype(self.dtype)[:, None, :, None] * sums[:, :, None]
        return added + _product(products.reshape(*rows.shape[:2], -1), self.interaction)


class _Joint:
    """The first layer of a student with one target: one product of whole contexts and the covariates of the horizon.

    It serves windows in which nothing is missing, whose channels are all read, and that have no units of their own.
    """

    @staticmethod
    def serves(extra: _Extra, arrays: Mapping[str, np.ndarray]) -> bool:
        """Return whether there are covariates and all of this holds."""
        read = {*arrays["targets"].tolist(), *extra.covariates.tolist()}
        alone = len(arrays["targets"]) == 1 and arrays["weight_0"].ndim == 2
        whole = alone and len(read) == arrays["n_channels"]
        plain = not {"interaction", "extra_spread"} & set(arrays) and not arrays.get("own_units", 0)
        return bool(extra.size and whole and plain)

    def __init__(self, extra: _Extra, arrays: Mapping[str, np.ndarray], dtype: np.dtype) -> None:
        own, covariates, known = arrays["weight_0"].T, extra.covariates, extra.known
        length, horizon, n_channels = len(own), extra.prediction_length, int(arrays["n_channels"])
        self.dtype, self.target = dtype, int(arrays["targets"][0])
        center = arrays["covariate_center"].copy()
        center[self.target] = arrays["center"][0]
        weight = arrays["extra"].reshape(own.shape[1], -1).T * arrays["extra_scale"][0]
        past, ahead, static = np.split(weight, [len(covariates) * length, len(weight) - extra.n_static])
        rows = np.zeros((length, n_channels, own.shape[1]))
        rows[:, self.target] = own
        for number, channel in enumerate(covariates):
            rows[:, channel] += past[number * length : (number + 1) * length] / arrays["covariate_unit"][channel]
        steps = (
            ahead.reshape(len(known), horizon, own.shape[1]).transpose(1, 0, 2)
            / arrays["covariate_unit"][known][:, None]
        )
        self.center = np.tile(center, length)
        self.center_ahead = np.tile(center[known], horizon)
        self.shape = (length, n_channels)
        parts = [rows.reshape(-1, own.shape[1]), steps.reshape(-1, own.shape[1]), static]
        self.weight = np.ascontiguousarray(np.concatenate(parts).astype(dtype))
        self.n_static = extra.n_static

    def product(
        self, contexts: np.ndarray, future: np.ndarray | None, static: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return centered values of the target and the product, or None if something is missing."""
        inputs = np.empty((len(contexts), len(self.weight)), self.dtype)
        past, end = inputs[:, : len(self.center)], len(self.weight) - self.n_static
        np.subtract(contexts.reshape(len(contexts), -1), self.center, out=past, casting="unsafe")
        if future is not None:
            flat = future.reshape(len(future), -1)
            np.subtract(flat, self.center_ahead, out=inputs[:, len(self.center) : end], casting="unsafe")
        if static is not None:
            inputs[:, end:] = static
        product = inputs @ self.weight
        if np.isnan(product.sum()):  # fewer numbers than inputs
            return None
        return past.reshape(len(past), *self.shape)[:, :, [self.target]], product[:, None]


def _as_slice(places: np.ndarray) -> Any:
    """Return a slice where places are neighbors in order, which takes a view."""
    if not len(places) or (np.diff(places) != 1).any():
        return places
    return slice(int(places[0]), int(places[-1]) + 1)


def _by_target(inputs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply (n_windows, n_inputs) by one matrix for all targets, or one per target."""
    product = inputs @ weight
    return product.transpose(1, 0, 2) if product.ndim == 3 else product[:, None]


class _Head:
    """Distances of the quantiles from the point forecast."""

    def __init__(self, arrays: Mapping[str, np.ndarray], dtype: np.dtype) -> None:
        levels = arrays["quantile_levels"]
        self.n_lower, self.n_gaps = int((levels < 0.5).sum()), int((levels != 0.5).sum())
        self.has_median = self.n_gaps < len(levels)
        unit = arrays["quantile_unit"]
        self.hidden = np.ascontiguousarray(arrays["quantile_hidden"].T.astype(dtype))
        self.hidden_bias = arrays["quantile_hidden_bias"].astype(dtype)
        self.output = np.ascontiguousarray(arrays["quantile_output"].T.astype(dtype))
        self.output_bias = arrays["quantile_output_bias"].astype(dtype)
        self.per_unit = (1.0 / unit).astype(dtype)[:, None]
        self.unit = unit.astype(dtype)[:, None]  # (n_targets, n_quantiles)
        self.n_each = len(arrays["quantile_output"]) // _horizon(arrays)  # outputs per step
        offsets = arrays.get("quantile_offsets")
        self.offsets = None if offsets is None else offsets.astype(dtype)

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Map (n_windows, n_targets, n_steps) to (n_windows, prediction_length, n_targets, n_quantiles)."""
        hidden = _product(rows, self.hidden) * self.per_unit + self.hidden_bias
        outputs = _product(np.maximum(hidden, 0, out=hidden), self.output) + self.output_bias
        outputs = outputs.reshape(*outputs.shape[:2], -1, self.n_each).transpose(0, 2, 1, 3)
        gaps = np.logaddexp(outputs[..., : self.n_gaps], 0)
        parts = [-gaps[..., : self.n_lower].cumsum(axis=-1)[..., ::-1]]
        parts += [np.zeros_like(outputs[..., :1])] * self.has_median
        parts += [gaps[..., self.n_lower :].cumsum(axis=-1)]
        distances = np.concatenate(parts, axis=-1)
        if self.n_each > self.n_gaps:
            distances += outputs[..., self.n_gaps :]
        if self.offsets is not None:
            distances = order_outwards(distances + self.offsets, self.n_lower, self.has_median)
        return distances * self.unit


def order_outwards(quantiles: np.ndarray, n_lower: int, has_median: bool) -> np.ndarray:
    """Set each quantile that crosses its neighbor towards the median to that neighbor, in place.

    Parameters
    ----------
    quantiles : ndarray of shape (..., n_quantiles)
        Quantiles at rising levels; they can cross.
    n_lower : int
        Number of levels below 0.5.
    has_median : bool
        Whether the next level is the median.

    Returns
    -------
    quantiles : ndarray of the same shape
        The quantiles, non-decreasing along the last axis.
    """
    for level in range(n_lower - 1, -1, -1):
        if level + 1 < n_lower or has_median:
            np.minimum(quantiles[..., level], quantiles[..., level + 1], out=quantiles[..., level])
    for level in range(max(n_lower + has_median, 1), quantiles.shape[-1]):
        np.maximum(quantiles[..., level], quantiles[..., level - 1], out=quantiles[..., level])
    return quantiles


def _read_ids(arrays: Mapping[str, np.ndarray]) -> list[object]:
    """Read the ids of the series with known units, and raise unless each series has one."""
    if "series_ids" not in arrays:
        return []
    ids = json.loads(arrays["series_ids"].astype(np.uint8).tobytes().decode())
    if not isinstance(ids, list) or len(ids) != len(arrays["series_center"]):
        raise ValueError("not a student: series_ids does not name every series.")
    return [_as_tuples(one) for one in ids]


def _read_provenance(arrays: Mapping[str, np.ndarray]) -> list[dict[str, str | None]]:
    """Read where the labels came from, and raise unless it is a list of dicts of texts."""
    if "provenance" not in arrays:
        return []
    entries = json.loads(arrays["provenance"].astype(np.uint8).tobytes().decode())
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ValueError("not a student: provenance is not a list of dicts.")
    if not all(value is None or isinstance(value, str) for one in entries for value in one.values()):
        raise ValueError("not a student: provenance contains something else than text.")
    return entries


def _read_columns(arrays: Mapping[str, np.ndarray]) -> list[Any] | None:
    """Read the names of the channels, and raise unless each channel has one."""
    if "columns" not in arrays:
        return None
    names = json.loads(arrays["columns"].astype(np.uint8).tobytes().decode())
    if not isinstance(names, list) or len(names) != arrays["n_channels"]:
        raise ValueError("not a student: columns does not name every channel.")
    return [_as_tuples(one) for one in names]


def _read_roles(arrays: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """Read the roles of the columns in ``fit``, and raise unless it is a dict."""
    if "roles" not in arrays:
        return None
    roles = json.loads(arrays["roles"].astype(np.uint8).tobytes().decode())
    if not isinstance(roles, dict):
        raise ValueError("not a student: roles is not a dict.")
    return roles


def _read_steps(arrays: Mapping[str, np.ndarray]) -> list[Any]:
    """Read the steps of the labels in ``fit``, and raise unless it is a list."""
    if "steps" not in arrays:
        return []
    steps = json.loads(arrays["steps"].astype(np.uint8).tobytes().decode())
    if not isinstance(steps, list):
        raise ValueError("not a student: steps is not a list.")
    return steps


def _as_tuples(one: object) -> object:
    """Convert lists from JSON to tuples, at any depth."""
    return tuple(map(_as_tuples, one)) if isinstance(one, list) else one


def _check_order(table: Any, columns: list[Any], name: str) -> None:
    """Raise for a table with the columns of fit in another order: its numbers are read by position."""
    names = [plain_id(one) for one in table.columns] if hasattr(table, "iloc") and table.ndim == 2 else None
    if names is not None and names != list(columns) and sorted(map(repr, names)) == sorted(map(repr, columns)):
        raise ValueError(f"{name} must have the columns {list(columns)}, in this order; got {names}. Reorder them.")


def plain_id(one: Any) -> Any:
    """Return an id as JSON can hold it: text and numbers unchanged, tuples of such parts, anything else as text.

    Parameters
    ----------
    one : hashable
        Id of a series.

    Returns
    -------
    plain : str, int, float, bool or tuple
        The same id in plain types.

    Examples
    --------
    >>> plain_id((np.int64(3), np.datetime64("2024-01-01")))
    (3, '2024-01-01')
    """
    if isinstance(one, tuple):
        return tuple(map(plain_id, one))
    if isinstance(one, np.number | np.bool_):
        return one.item()
    return one if isinstance(one, str | int | float) and one == one else str(one)  # NaN equals no name, its text does


def fill_masked(values: Any) -> Any:
    """Replace masked values by NaN, also in lists of masked arrays; return everything else unchanged.

    Parameters
    ----------
    values : object
        Value of a parameter.

    Returns
    -------
    values : object
        A plain array if the input was a masked array.

    Examples
    --------
    >>> fill_masked(np.ma.masked_equal([1, 9], 9))
    array([ 1., nan])
    >>> fill_masked([1, np.ma.masked])
    [1, array(nan)]
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(np.float64), np.nan) if np.ma.is_masked(values) else values.data
    if isinstance(values, list | tuple):
        filled = [fill_masked(one) if isinstance(one, np.ma.MaskedArray | list | tuple) else one for one in values]
        return values if all(map(operator.is_, filled, values)) else type(values)(filled)
    return values


def kind_of_no_numbers(values: Any) -> str | None:
    """Return the type of times or complex numbers in an array or list, which NumPy would convert to numbers.

    Parameters
    ----------
    values : object
        Value of a parameter.

    Returns
    -------
    kind : str or None
        None if there are none.

    Examples
    --------
    >>> kind_of_no_numbers([np.datetime64("2024-01-01"), 1.0])
    'datetime64'
    """
    if isinstance(values, np.ndarray):
        if values.dtype.kind in "mMc":
            return str(values.dtype)
        if values.dtype.kind != "O":
            return None
        values = values.ravel().tolist()
    if isinstance(values, _NO_NUMBERS):
        return type(values).__name__
    if not isinstance(values, list | tuple):
        return None
    return next((kind for one in values if type(one) not in _PLAIN and (kind := kind_of_no_numbers(one))), None)


def read_numbers(values: Any, name: str, *, finite: bool = False) -> np.ndarray:
    """Return numbers as floats, masked ones as NaN; raise for times, which would be read as numbers.

    Parameters
    ----------
    values : array, masked array, pandas object or nested list
        Numbers.
    name : str
        Name of the input, for error messages.
    finite : bool, default=False
        Whether to raise for NaN and infinity.

    Returns
    -------
    values : float32 or float64 ndarray
        float32 only for float32 values without a mask.

    Raises
    ------
    TypeError
        If the values are times or complex, or a table of another library, which can hold times.
    ValueError
        If the values are no numbers, or must be finite and are not.

    Examples
    --------
    >>> read_numbers(np.ma.masked_equal([1, 9], 9), "X")
    array([ 1., nan])
    """
    found = values if _are_floats(values) else _converted(values, name)
    if finite and not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity.")
    return found


def _are_floats(values: Any) -> bool:
    return type(values) is np.ndarray and values.dtype.char in "fd" and values.dtype.isnative


def _converted(values: Any, name: str) -> np.ndarray:
    """Return numbers as floats; raise for everything that NumPy would convert to numbers without being some."""
    is_array = type(values) is np.ndarray
    if not is_array and not hasattr(values, "iloc") and any(hasattr(values, mark) for mark in _TABLES):
        kind = f"{type(values).__module__.partition('.')[0].strip('_')}.{type(values).__name__}"
        raise TypeError(
            f"{name} must be an array or a pandas object; got {kind}, whose times would be read as numbers."
        )
    other = kind_of_no_numbers(values)
    found = np.asarray(values if other else fill_masked(values))
    if found.dtype == object and hasattr(values, "iloc"):  # masked values of pandas are NaN
        found = np.where(values.isna().to_numpy(dtype=bool), np.nan, found)
    other = other or kind_of_no_numbers(found)
    if other:
        raise TypeError(f"{name} must be real numbers; got values of type {other}.")
    return found if found.dtype == np.float32 else found.astype(np.float64, copy=False)


def _floats(values: Any) -> Any:
    """Return numbers as floats; None stays None."""
    return None if values is None else read_numbers(values, "contexts and covariates of NumpyStudent")


def _check_no_infinity(values: np.ndarray, name: str) -> None:
    """Raise for infinity; one product, faster than a look at each value, is 0 where all are finite."""
    flat = values.ravel()
    if np.dot(flat, np.zeros(flat.size, flat.dtype)) == 0.0:
        return
    if np.isinf(values).any():
        place = tuple(int(one) for one in np.argwhere(np.isinf(values))[0])
        raise ValueError(
            f"{name} contains infinity, first at {place} of {values.shape}: every value must be finite, or NaN where "
            "it is missing."
        )


def find_ids(ids: Iterable[Any], places: Mapping[Any, int], plain: Callable[[Any], Any] | None = None) -> np.ndarray:
    """Find series among those of ``fit``; a date and the midnight at its start are one id.

    Parameters
    ----------
    ids : iterable of hashable
        Ids of series; None for a series without id.
    places : mapping
        Numbers of the series of ``fit`` by their ids.
    plain : callable or None, default=None
        Converts an id to the form of the keys of ``places``; None if they are ids themselves.

    Returns
    -------
    numbers : ndarray of int of shape (n_series,)
        -1 for other series.

    Warns
    -----
    UserWarning
        If an id has the text of one of ``fit``, but another type, or is the same time in another zone or form, or has
        another number of levels, or is written in another way than one of ``fit`` that is not given.

    Examples
    --------
    >>> find_ids([7, "north", datetime.date(2024, 1, 1)], {7: 0, datetime.datetime(2024, 1, 1): 1})
    array([ 0, -1,  1])
    """
    ids = list(ids)
    keys = ids if plain is None else list(map(plain, ids))
    numbers = np.array([-1 if one is None else places.get(one, -1) for one in keys], dtype=np.int64)
    missing = np.flatnonzero(numbers < 0) if places else ()
    for place in missing:
        same = _same_day(ids[place])
        numbers[place] = -1 if same is None else places.get(same if plain is None else plain(same), -1)
    for place in missing:
        if numbers[place] < 0 and (alike := [one for one in alike_ids(keys[place]) if one in places]):
            warnings.warn(
                f"series {ids[place]!r} ({type(ids[place]).__name__}) is not among those of fit, where {alike[0]!r} "
                f"({type(alike[0]).__name__}) is: it is forecast like a series that fit has not seen. Convert the ids "
                f"to the type of fit{_how_to_convert(keys[place], alike[0])}.",
                stacklevel=2,
            )
            return numbers
    new = [place for place in missing if numbers[place] < 0 and keys[place] is not None]
    _tell_other_levels([keys[place] for place in new], places)
    if new:
        _tell_other_spelling({ids[place]: keys[place] for place in new}, set(keys), places)
    return numbers


def _tell_other_levels(new: list[Any], places: Mapping[Any, int]) -> None:
    """Warn of a series whose id has more or fewer levels than those of fit, as after ``panel.loc[label]``."""
    of_fit = next(iter(places), None)
    other = next((one for one in new if count_levels(one) not in (0, count_levels(of_fit))), None)  # () is one series
    if other is None or count_levels(other) in {count_levels(one) for one in places}:
        return
    warnings.warn(
        f"series {other!r} is not among those of fit, whose ids have {count_levels(of_fit)} levels, such as "
        f"{of_fit!r}, and it has {count_levels(other)}: it is forecast like a series that fit has not seen. Give ids "
        "the levels of fit; panel.loc[[label]] keeps a level that panel.loc[label] drops.",
        stacklevel=3,
    )


def _tell_other_spelling(new: dict[Any, Any], given: set[Any], places: Mapping[Any, int]) -> None:
    """Warn of a series whose id is written in another way than one of fit that has no rows."""
    spellings = _spellings(tuple(places))
    for one, key in new.items():
        other = spellings.get(spelling(key))
        if other is not None and other not in given:
            warnings.warn(
                f"series {one!r} is not among those of fit, where {other!r} is, which has no rows here: it is forecast "
                "like a series that fit has not seen. If case, spaces, leading zeros or decimals are all that differs, "
                "write ids as in fit.",
                stacklevel=4,
            )
            return


@functools.lru_cache(maxsize=2)  # streams ask for one new series after another
def _spellings(ids: tuple[Any, ...]) -> dict[Any, Any]:
    return {spelling(one): one for one in ids}


_WHOLE_NUMBER = re.compile(r"\b(?<!\.)0*(\d+)(\.0*)?(?![\w.])")


def spelling(one: Any) -> Any:
    """Return what an id has in common with those that are written with other case, spaces, leading zeros or decimals.

    Parameters
    ----------
    one : hashable
        An id.

    Returns
    -------
    text : str or tuple of str
        One for each level.

    Examples
    --------
    >>> spelling("New  york ") == spelling("new York"), spelling("007"), spelling((7.0, "S07")), spelling("03/7.0")
    (True, '7', ('7', 's07'), '3/7')
    """
    if isinstance(one, tuple):
        return tuple(map(spelling, one))
    text = str(one)
    text = " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split()).casefold()
    return _WHOLE_NUMBER.sub(r"\1", text) if "0" in text or "." in text else text


def count_levels(one: Any) -> int:
    """Return the number of levels of an id.

    Parameters
    ----------
    one : hashable
        An id; of several levels, a tuple.

    Returns
    -------
    n_levels : int
        1 for all others.

    Examples
    --------
    >>> count_levels(("north", 7)), count_levels("north")
    (2, 1)
    """
    return len(one) if isinstance(one, tuple) else 1


def _same_day(one: Any) -> Any:
    """Return the midnight at the start of a date, or the date of a midnight; None for anything else."""
    if isinstance(one, datetime.datetime):
        midnight = datetime.datetime.combine(one.date(), datetime.time())
        return one.date() if one.tzinfo is None and one == midnight else None
    return datetime.datetime.combine(one, datetime.time()) if isinstance(one, datetime.date) else None


def _how_to_convert(one: Any, other: Any) -> str:
    """Return how to convert an id to the type of another in words; nothing for times, whose zones and texts differ."""
    if isinstance(other, datetime.date) or isinstance(one, datetime.datetime) or type(one) is type(other):
        return ""
    return f", for example with panel.rename(index={type(other).__name__}, level=0)"


def alike_ids(one: Any) -> list[Any]:
    """Return ids of other types with the same text, and times in another zone or none, or in text; of all levels.

    Parameters
    ----------
    one : hashable
        An id.

    Returns
    -------
    ids : list of hashable
        What can be meant by it.

    Examples
    --------
    >>> alike_ids(7), alike_ids("7")
    (['7'], [7])
    """
    if isinstance(one, tuple):
        levels = [[level, *filter(None, [_same_day(level)]), *alike_ids(level)] for level in one]
        return [other for other in itertools.product(*levels) if other != one]
    if isinstance(one, datetime.datetime):
        same = [one.replace(tzinfo=None), one.replace(tzinfo=datetime.UTC)]
        if one.tzinfo is not None:
            same.append(one.astimezone(datetime.UTC).replace(tzinfo=None))
        return [*same, *(text for time in (one, *same) for text in (str(time), time.isoformat(), str(time.date())))]
    if not isinstance(one, str):
        return [] if one is None else [str(one)]
    try:
        number = float(one)
    except ValueError:
        try:
            time = datetime.datetime.fromisoformat(one)
        except ValueError:
            return []
        return [time, time.date(), *alike_ids(time)]
    whole = [int(number)] if np.isfinite(number) and number == int(number) else []
    return [value for value in (*whole, number) if str(value) == one]


class _Layer:
    """One matrix product: for many rows with the matrix turned, for few columns with the matrix as it is."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray, scale: np.ndarray | None) -> None:
        self.weight, self.bias, self.scale = weight, bias, scale
        self.turned = np.ascontiguousarray(np.swapaxes(weight, -1, -2))
        self.bias_column = _as_column(bias)
        self.scale_column = None if scale is None else _as_column(scale)

    def product(self, rows: np.ndarray) -> np.ndarray:
        """Multiply rows (n_windows, n_targets, n_inputs)."""
        return _product(rows, self.turned)

    def few_product(self, columns: np.ndarray) -> np.ndarray:
        """Multiply few columns (n_inputs, n_windows, n_targets)."""
        return _few_product(self.weight, columns)


def _as_column(values: np.ndarray) -> np.ndarray:
    """Turn (n_outputs,) or (n_targets, n_outputs) into (n_outputs, 1, 1 or n_targets)."""
    return np.ascontiguousarray(np.atleast_2d(values).T)[:, None]


def _less_center(block: np.ndarray, center: np.ndarray, centers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Subtract the center in float64 and round to ``dtype``; ``centers`` repeats it for all values of a window."""
    values = np.empty(block.shape, dtype)
    if block.strides[1] == block.shape[2] * block.strides[2]:  # a window is one run of memory
        runs = block.reshape(len(block), -1), values.reshape(len(block), -1)
        np.subtract(runs[0], centers, out=runs[1], casting="unsafe")
    else:
        np.subtract(block, center, out=values, casting="unsafe")
    return values


def _as_rows(values: np.ndarray) -> np.ndarray:
    """Turn windows (n_windows, n_timestamps, n_targets) into rows (n_windows, n_targets, n_timestamps)."""
    return np.ascontiguousarray(values.transpose(0, 2, 1))


def _product(hidden: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply (n_windows, n_targets, n_inputs) by one matrix for all channels, or one per channel."""
    if weight.ndim == 3:
        return np.matmul(hidden.transpose(1, 0, 2), weight).transpose(1, 0, 2)
    return (hidden.reshape(-1, hidden.shape[-1]) @ weight).reshape(*hidden.shape[:2], -1)


def _few_product(weight: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Multiply one matrix for all channels, or one per channel, by few columns (n_inputs, n_windows, n_targets).

    BLAS copies the matrices of a larger product into its own order first, which takes as long as multiplying them if
    there are few columns; so the outputs are computed in parts. How many depends on shapes alone, never on timing.
    """
    if weight.ndim == 3:
        return np.matmul(weight, np.ascontiguousarray(hidden.transpose(2, 0, 1))).transpose(1, 2, 0)
    (n_outputs, n_inputs), columns = weight.shape, hidden.reshape(len(hidden), -1)
    size = _SMALL_PRODUCT // (n_inputs * columns.shape[1]) // 8 * 8
    if columns.shape[1] == 1 or not _FEWEST_OUTPUTS <= size < n_outputs:
        return (weight @ columns).reshape(n_outputs, *hidden.shape[1:])
    product = np.empty((n_outputs, columns.shape[1]), columns.dtype)
    for first in range(0, n_outputs, size):
        np.matmul(weight[first : first + size], columns, out=product[first : first + size])
    return product.reshape(n_outputs, *hidden.shape[1:])


def _count_layers(arrays: Mapping[str, np.ndarray]) -> int:
    return sum(name.startswith("weight_") for name in arrays)


def _horizon(arrays: Mapping[str, np.ndarray]) -> int:
    return arrays[f"weight_{_count_layers(arrays) - 1}"].shape[-2]


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convert the arrays to float64 and int64, and raise unless they fit together."""
    n_layers = _count_layers(arrays)
    needed = ["center", "targets", "n_channels"]
    needed += [f"{kind}_{number}" for number in range(n_layers) for kind in ("weight", "bias")]
    optional = {"level", "epsilon", "root", *_TEXTS, *_BOUNDS, *_UNITS}
    optional |= {f"scale_{number}" for number in range(n_layers)}
    if any(name.startswith("quantile_") for name in arrays):
        needed += [f"quantile_{name}" for name in ("levels", "hidden", "hidden_bias", "output", "output_bias", "unit")]
        optional.add("quantile_offsets")
    if "extra" in arrays:
        needed += ["extra", "extra_scale", "covariate_center", "covariate_unit"]
        optional |= {*_COVARIATES, "interaction", "interaction_level"}
    missing, unknown = set(needed) - set(arrays), set(arrays) - set(needed) - optional
    if missing or unknown or not 0 < n_layers <= _MAX_LAYERS:
        raise ValueError(f"not a student: {n_layers} layers, missing {sorted(missing)}, unknown {sorted(unknown)}.")
    checked = {}
    for name, array in arrays.items():
        kind: Any = np.int64 if name in _WHOLE else np.float64
        if array.dtype.kind not in ("iu" if kind is np.int64 else "f"):
            raise ValueError(f"not a student: {name} has type {array.dtype}.")
        if _is_matrix(name) and array.dtype == np.float32:
            kind = np.float32
        checked[name] = np.ascontiguousarray(array, dtype=kind) if array.ndim else np.asarray(array, dtype=kind)
    _check_shapes(checked, n_layers)
    return checked


def _is_matrix(name: str) -> bool:
    """Return whether an array holds the weights of a product."""
    return name.startswith(_MATRICES) and name not in _VECTORS


def _step(matrix: np.ndarray) -> np.ndarray:
    """Return the step of int8 numbers for each output of a matrix, (..., n_outputs, 1)."""
    largest = np.abs(matrix).max(axis=-1, keepdims=True, initial=0.0).astype(np.float32)
    return np.where(largest > 0, largest, np.float32(1)) / np.float32(_LARGEST_INT8)


def _round_matrices(arrays: dict[str, np.ndarray], precision: str) -> dict[str, np.ndarray]:
    """Round the weights; float32 leaves them as they are, because the products round them."""
    if precision == "float32":
        return arrays
    with np.errstate(over="ignore"):
        return {name: _rounded(one, precision) if _is_matrix(name) else one for name, one in arrays.items()}


def _rounded(matrix: np.ndarray, precision: str) -> np.ndarray:
    if precision == "bfloat16":
        return _from_bfloat16(_to_bfloat16(matrix))
    step = _step(matrix)
    return (np.rint(matrix / step) * step).astype(np.float32)


def _to_bfloat16(matrix: np.ndarray) -> np.ndarray:
    """Return the upper halves of float32 numbers, rounded to the nearest, ties to even."""
    bits = np.ascontiguousarray(matrix, np.float32).view(np.uint32)
    return ((bits.astype(np.uint64) + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _from_bfloat16(halves: np.ndarray) -> np.ndarray:
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _pack_matrices(arrays: dict[str, np.ndarray], dtype: np.dtype, precision: str) -> dict[str, np.ndarray]:
    """Write weights in as many bytes as they need; int8 adds an array of steps to each matrix."""
    packed: dict[str, np.ndarray] = {}
    for name, one in arrays.items():
        if not _is_matrix(name):
            packed[name] = one
        elif precision == "bfloat16":
            packed[name] = _to_bfloat16(one)
        elif precision == "int8":
            step = _step(one)
            packed |= {name: np.rint(one / step).astype(np.int8), f"step_{name}": step}
        else:
            packed[name] = one.astype(dtype, copy=False)
    return packed


def _unpack_matrices(arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Read the weights that were packed, as floats, and their precision."""
    precision, plain = "float32", {}
    for name, one in arrays.items():
        if name.startswith("step_"):
            continue
        if one.dtype == np.int8:
            step = arrays.get(f"step_{name}", np.zeros(0))
            if not _is_matrix(name) or step.shape != (*one.shape[:-1], 1) or not (step > 0).all():
                raise ValueError(f"not a student: {name} has no step for each output.")
            precision, plain[name] = "int8", one * step.astype(np.float32)
        elif one.dtype == np.uint16:
            precision, plain[name] = "bfloat16", _from_bfloat16(one)
        else:
            plain[name] = one
    return plain, precision


def _check_shapes(arrays: dict[str, np.ndarray], n_layers: int) -> None:
    targets, width = arrays["targets"], arrays["weight_0"].shape[-1:]
    n_targets = (len(targets),) if targets.ndim == 1 else ()
    allowed: dict[str, list[tuple[int, ...]]] = {"n_channels": [()], "targets": [n_targets], "level": [width]}
    allowed |= {"center": [n_targets], "epsilon": [n_targets], "lower": [()], "upper": [()], "root": [()]}
    for number in range(n_layers):
        height = arrays[f"weight_{number}"].shape[-2:-1]
        allowed[f"weight_{number}"] = [height + width, n_targets + height + width]
        allowed[f"bias_{number}"] = [height, n_targets + height]
        allowed[f"scale_{number}"] = [n_targets + height]
        width = height
    if "quantile_levels" in arrays:
        allowed |= _quantile_shapes(arrays, n_targets, width)
    allowed |= _unit_shapes(arrays) | _extra_shapes(arrays, n_targets)
    allowed |= {name: [(arrays[name].size,)] for name in _TEXTS if name in arrays}
    for name, array in arrays.items():
        if array.shape not in allowed[name] or 0 in array.shape or (name not in _SCALARS and not array.ndim):
            raise ValueError(f"not a student: {name} has shape {array.shape}, which does not fit the other arrays.")
        if not np.isfinite(array).all():
            raise ValueError(f"not a student: {name} is not finite.")
    if len(np.unique(targets)) < len(targets):
        raise ValueError("not a student: targets has a channel twice.")
    if "epsilon" in arrays and not (arrays["epsilon"] >= 0).all():
        raise ValueError("not a student: epsilon is negative.")
    if not arrays.get("lower", -np.inf) < arrays.get("upper", np.inf):
        raise ValueError("not a student: lower is not below upper.")
    if targets.min() < 0 or targets.max() >= arrays["n_channels"] or arrays["n_channels"] > 1 << 31:
        raise ValueError(f"not a student: targets do not lie within {arrays['n_channels']} channels.")


def _unit_shapes(arrays: dict[str, np.ndarray]) -> dict[str, list[tuple[int, ...]]]:
    """Return the valid shapes of the arrays of units; raise if units are invalid."""
    of_series = [name for name in ("series_center", "series_unit", "series_ids") if name in arrays]
    if len(of_series) not in (0, 3) or (of_series and "own_units" not in arrays):
        raise ValueError("not a student: series_center, series_unit, series_ids and own_units belong together.")
    if arrays.get("season", np.ones(())).size != 1 or arrays.get("season", 1) < 1:
        raise ValueError("not a student: season is not a positive number.")
    if of_series and not (arrays["series_unit"] > 0).all():
        raise ValueError("not a student: series_unit is not positive.")
    table = (*arrays["series_center"].shape[:1], int(arrays["n_channels"])) if of_series else ()
    ids = arrays["series_ids"].shape if of_series and arrays["series_ids"].ndim == 1 else ()
    return {"season": [()], "own_units": [()], "series_center": [table], "series_unit": [table], "series_ids": [ids]}


def _extra_shapes(arrays: dict[str, np.ndarray], n_targets: tuple[int, ...]) -> dict[str, list[tuple[int, ...]]]:
    """Return the valid shapes of the arrays of covariates; raise if their channels are invalid."""
    if "extra" not in arrays:
        return {}
    n_channels, height = int(arrays["n_channels"]), arrays["weight_0"].shape[-2:-1]
    width, length = arrays["extra"].shape[-1:], arrays["weight_0"].shape[-1:]
    for name in ("covariates", "known"):
        channels = arrays.get(name, np.empty(0, np.int64))
        if (
            channels.ndim != 1
            or len(np.unique(channels)) < len(channels)
            or not ((channels >= 0) & (channels < n_channels)).all()
        ):
            raise ValueError(f"not a student: {name} do not lie within {n_channels} channels.")
    if not (arrays["covariate_unit"] > 0).all() or ("epsilon" in arrays) != ("extra_spread" in arrays):
        raise ValueError("not a student: its covariates have no positive unit, or its windows a spread.")
    if ("interaction" in arrays) != ("interaction_level" in arrays):
        raise ValueError("not a student: interaction and interaction_level belong together.")
    rows = sum(
        len(arrays[name]) * size
        for name, size in (("covariates", length[0]), ("known", _horizon(arrays)))
        if name in arrays
    )
    sums = arrays.get("interaction_level", np.empty((0, 0)))
    n_sums = len(np.atleast_2d(sums))  # earlier files have one without an axis
    n_products = (width[0] - rows) * n_sums
    shapes: dict[str, list[tuple[int, ...]]] = {
        "extra": [height + width, n_targets + height + width],
        "extra_scale": [n_targets],
        "extra_spread": [height],
        "interaction": [(*height, n_products), (*n_targets, *height, n_products)],
        "interaction_level": [(n_sums, *length), length],
    }
    shapes |= {f"covariate_{name}": [(n_channels,)] for name in ("center", "unit", "shared")}
    return shapes | {name: [arrays[name].shape] for name in ("covariates", "known") if name in arrays}


def _quantile_shapes(
    arrays: dict[str, np.ndarray], n_targets: tuple[int, ...], height: tuple[int, ...]
) -> dict[str, list[tuple[int, ...]]]:
    """Return the valid shapes of the arrays of quantiles; raise if the levels are invalid."""
    levels = arrays["quantile_levels"]
    if levels.ndim != 1 or not ((levels > 0) & (levels < 1)).all() or not (np.diff(levels) > 0).all():
        raise ValueError("not a student: quantile_levels do not rise between 0 and 1.")
    if not (arrays["quantile_unit"] > 0).all():
        raise ValueError("not a student: quantile_unit is not positive.")
    n_hidden, n_gaps = arrays["quantile_hidden"].shape[:1], int((levels != 0.5).sum())
    n_outputs = [(each * size,) for size in height for each in (n_gaps, n_gaps + 1)]
    own = [size for size in n_outputs if size == arrays["quantile_output_bias"].shape[1:]]
    return {
        "quantile_levels": [levels.shape],
        "quantile_hidden": [n_hidden + arrays["weight_0"].shape[-1:]],
        "quantile_hidden_bias": [n_hidden],
        "quantile_output": [size + n_hidden for size in own],
        "quantile_output_bias": [n_targets + size for size in own],
        "quantile_unit": [n_targets],
        "quantile_offsets": [height + n_targets + levels.shape],
    }


def seal_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write an .npz file; its last bytes, the comment of the archive, are the SHA-256 of all other bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())  # no time stamp
        archive.comment = b"0" * _DIGEST_LENGTH
    return _seal(buffer.getvalue()[:-_DIGEST_LENGTH])


def _seal(data: bytes) -> bytes:
    return data + hashlib.sha256(data).hexdigest().encode()


def read_sealed(data: bytes) -> dict[str, np.ndarray]:
    """Read an uncompressed .npz file that is unchanged since it was written and contains only numbers."""
    digest = hashlib.sha256(memoryview(data)[:-_DIGEST_LENGTH]).hexdigest().encode()
    if not data.startswith(_MAGIC) or digest != data[-_DIGEST_LENGTH:]:
        raise ValueError(
            "it is not a student, or damaged, or from another version: its checksum is wrong. Export or copy it again."
        )
    if data.count(b"PK\1\2") > _MAX_MEMBERS:
        raise ValueError(f"not a student: more than {_MAX_MEMBERS} members.")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        whole = sum(member.file_size for member in members) <= len(data)
        if len(set(names)) < len(names) or not whole or any(member.compress_type for member in members):
            raise ValueError("not a student: its members are compressed, doubled or larger than the file.")
        return {member.filename.removesuffix(".npy"): _read_member(archive, member) for member in members}


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"not a student: {member.filename} is not a version 1.0 array.")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=1000)
        content = file.read()
    n_values = 1
    for length in shape:
        n_values *= length
    if (
        dtype.str.lstrip("<|") not in _TYPES
        or fortran_order
        or min(shape, default=0) < 0
        or n_values * dtype.itemsize != len(content)
    ):
        raise ValueError(f"not a student: {member.filename} does not contain the numbers that it declares.")
    return np.frombuffer(content, dtype).reshape(shape)
