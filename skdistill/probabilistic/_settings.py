"""Quantile forecasts of the estimators: parameters, calibration and requested levels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._levels import check_quantiles, covered_levels, interpolation_matrix
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._transformer import check_rises
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.probabilistic._calibration import FittedCalibration, quantile_errors, resolve_calibration

__all__ = ["DEFAULT_COVERAGE", "ProbabilisticMixin", "at_levels"]

DEFAULT_COVERAGE = 0.8  # default coverage of an interval


class ProbabilisticMixin:
    """Mixin for quantile forecasts of an estimator."""

    quantiles: Any
    point_forecast: str
    calibration: Any
    validation_fraction: Any

    student_: Any
    spec_: NetworkSpec
    calibration_: FittedCalibration | None

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] | None = None, *, future: Any = None) -> Any:
        """Forecast quantiles of the values that ``predict`` forecasts.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            Input as for ``predict``.
        quantiles : sequence of float or None, default=None
            Rising levels within the range of the fitted levels. Levels that were not fitted are interpolated (linear in
            the normal score of the level). None returns the fitted levels.
        future : array, DataFrame, panel, list or None, default=None
            Known covariates of the rows to forecast, if the estimator has some; as for ``predict``.

        Returns
        -------
        quantiles : ndarray, DataFrame or list
            Quantiles in original units, in the form of the output of ``predict``, with a last axis for the levels. The
            columns of a DataFrame have the levels ``channel`` and ``quantile``.

        Raises
        ------
        ValueError
            If the estimator was fitted without quantiles, or a level is outside the range of the fitted levels.
        """
        check_is_fitted(self)
        levels, matrix = self._asked(quantiles)
        return self._predict_around(X, future, matrix, [float(level) for level in levels], "quantile")

    def predict_interval(self, X: Any, coverage: float = DEFAULT_COVERAGE, *, future: Any = None) -> Any:
        """Forecast an interval for the values that ``predict`` forecasts.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            Input as for ``predict``.
        coverage : float, default=0.8
            Share of true values that should lie inside; the rest is split equally below and above.
        future : array, DataFrame, panel, list or None, default=None
            Known covariates of the rows to forecast, if the estimator has some; as for ``predict``.

        Returns
        -------
        interval : ndarray, DataFrame or list
            Intervals in original units, in the form of the output of ``predict``, with a last axis for the lower and
            the upper end. The columns of a DataFrame have the levels ``channel`` and ``bound``.

        Raises
        ------
        ValueError
            If the estimator was fitted without quantiles, or without the levels that the coverage needs.
        """
        check_is_fitted(self)
        return self._predict_around(X, future, self._interval(coverage), ["lower", "upper"], "bound")

    def calibrate(self, X: Any, y: Any = None) -> Self:
        """Calibrate the quantiles on all windows of other data.

        With ``calibration="conformal"``, the windows of ``X`` replace the validation windows, so you can reserve rows
        for calibration only. With ``"rolling"``, they are added to the known windows, of which the last ones are used:
        give each window once, so only the new rows and the ``context_length + prediction_length - 1`` rows before them.
        Windows with a missing true value (NaN) in their horizon, or without an observed value of a target in their
        context, are left out, here and in ``fit``. A warning counts the windows whose true values a forecaster was
        trained on, as far as labels and values of rows tell: where one was revised since, they are others. Files and
        pickles do not hold these rows, and series of a list have no ids to find theirs.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            Input as for ``fit``: a series of at least ``context_length + prediction_length`` rows, of which all
            windows are used (``window_step`` rows apart, as in ``fit``; as many as memory allows, with a warning);
            shorter series of a panel are left out, with a warning; for a regressor, contexts.
        y : array or None, default=None
            For a regressor, the values that followed each context; other estimators ignore it, with a warning.

        Returns
        -------
        self : estimator
            The estimator, with a new ``calibration_``.

        Raises
        ------
        ValueError
            If ``calibration`` is None, or there are too few windows, or none whose truth is known in full.
        """
        check_is_fitted(self)
        levels = self._fitted_levels("calibrate")
        calibration = resolve_calibration(self.calibration)
        if calibration is None:
            owner = type(self).__name__
            raise ValueError(f"calibrate needs calibration='conformal' or 'rolling' of {owner}; got None.")
        given = self._windows_to_calibrate(X, y)
        windows = _to_calibrate_on(given)
        if not len(windows):
            raise ValueError(
                "calibrate needs windows whose horizon is observed in full, after a context with an observed value of "
                f"each target; each of the {len(given)} windows of X has missing values (NaN) there. Give rows with "
                "fewer gaps, or interpolate them."
            )
        errors = quantile_errors(self.student_, self.spec_, windows.oldest_first(), calibration)
        self.calibration_ = calibration.fit_errors(errors, levels, getattr(self, "calibration_", None))
        return self

    def _predict_around(self, X: Any, future: Any, matrix: np.ndarray | None, labels: list[Any], name: str) -> Any:
        """Forecast quantiles, mapped to the requested levels, in the form of X."""
        raise NotImplementedError

    def _windows_to_calibrate(self, X: Any, y: Any) -> Windows:
        """Check the input of ``calibrate``, and build all its windows."""
        raise NotImplementedError

    def _levels(self) -> tuple[float, ...] | None:
        """Return the requested levels, after checks."""
        if self.quantiles is None:
            return None
        return check_quantiles(self.quantiles, f"quantiles of {type(self).__name__}", median_alone=False)

    def _check_probabilistic_parameters(self) -> None:
        owner = type(self).__name__
        levels = self._levels()
        check_choice(self.point_forecast, ["mean", "median"], f"point_forecast of {owner}")
        if levels is None and self.point_forecast != "median":
            warnings.warn(
                f"point_forecast={self.point_forecast!r} of {owner} has no effect without quantiles: the terms of the "
                "loss say what the point forecast is. Set quantiles, or leave it out.",
                stacklevel=stacklevel_of_user(),
            )
        if resolve_calibration(self.calibration) is not None and levels is None:
            raise ValueError(
                f"calibration of {owner} shifts quantiles, and there are none: set quantiles=(0.1, 0.5, 0.9), or "
                f"calibration=None; got calibration={self.calibration!r}."
            )

    def _check_transformer_rises(self, windows: TrainingWindows) -> None:
        """Raise before training if the transformer would make quantiles cross."""
        if self._levels() is not None:
            store = windows.train.store
            if store.scaling.transformer_ is not None:
                scaling = store.scaling
                check_rises(scaling.transformer_, store.ends(), scaling.targets, type(self).__name__)

    def _check_calibration_windows(self, windows: TrainingWindows, *, name: str = "") -> None:
        """Raise before training if there are too few validation windows to calibrate on."""
        calibration = resolve_calibration(self.calibration)
        if calibration is None:
            return
        n_windows = 0 if windows.validation is None else len(_to_calibrate_on(windows.validation))
        levels = self._levels()
        assert levels is not None  # _check_probabilistic_parameters
        rows = f"calibration of {type(self).__name__} (on validation_fraction={self.validation_fraction!r} of the rows)"
        calibration.check_windows(n_windows, levels, name or rows)

    def _calibrate_on_validation(self, windows: TrainingWindows) -> None:
        self.calibration_ = None
        calibration = resolve_calibration(self.calibration)
        if calibration is not None:
            assert windows.validation is not None  # _check_calibration_windows
            known = _to_calibrate_on(windows.validation).oldest_first()
            errors = quantile_errors(self.student_, self.spec_, known, calibration)
            self.calibration_ = calibration.fit_errors(errors, self._fitted_levels("calibration"), None)

    def _offsets(self) -> np.ndarray | None:
        """Return the offsets of the quantiles, in standardized units."""
        calibration = getattr(self, "calibration_", None)
        return None if calibration is None else calibration.offsets

    def _fitted_levels(self, asker: str) -> tuple[float, ...]:
        """Return the student's levels, or raise if it has none."""
        levels = self.spec_.quantiles
        if levels is None:
            raise ValueError(
                f"{asker} needs quantiles, and this {type(self).__name__} was fitted for point forecasts only: set "
                "quantiles=(0.1, 0.5, 0.9), or other levels, and fit again."
            )
        return levels

    def _asked(self, quantiles: Sequence[float] | None) -> tuple[tuple[float, ...], np.ndarray | None]:
        """Return the requested levels, and the map from the fitted levels to them."""
        levels = self._fitted_levels("predict_quantiles")
        if quantiles is None:
            return levels, None
        wanted = check_quantiles(quantiles, "quantiles of predict_quantiles")
        self._check_covered(wanted, f"quantiles of predict_quantiles: {quantiles!r}")
        return wanted, interpolation_matrix(levels, wanted)

    def _interval(self, coverage: float) -> np.ndarray:
        """Return the map from the fitted quantiles to the ends of an interval."""
        levels = self._fitted_levels("predict_interval")
        share = check_real(
            coverage,
            "coverage of predict_interval",
            minimum=0.0,
            maximum=1.0,
            include_minimum=False,
            include_maximum=False,
        )
        wanted = (round((1.0 - share) / 2.0, 12), round((1.0 + share) / 2.0, 12))
        self._check_covered(wanted, f"coverage of predict_interval: {coverage!r}")
        return interpolation_matrix(levels, wanted)

    def _check_covered(self, wanted: Sequence[float], received: str) -> None:
        levels = self._fitted_levels("predict_quantiles")
        covered = covered_levels(levels, wanted)
        if not covered.all():
            outside = ", ".join(f"{level:g}" for level, one in zip(wanted, covered, strict=True) if not one)
            raise ValueError(
                f"{received} needs the levels {outside}, outside the range of the fitted levels, {levels[0]:g} to "
                f"{levels[-1]:g}: levels are interpolated, but never extrapolated. Fit with such levels "
                "among quantiles."
            )


def _to_calibrate_on(windows: Windows) -> Windows:
    """Return the windows whose truth is known in full, and whose targets can be forecast."""
    return replace(windows.with_whole_truth(), unjudged=None)  # each target has offsets of its own


def at_levels(quantiles: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Interpolate quantiles on their last axis.

    Parameters
    ----------
    quantiles : ndarray of shape (..., n_known)
        Quantiles at known levels.
    matrix : ndarray of shape (n_wanted, n_known) or None
        Result of :func:`interpolation_matrix`; None leaves the quantiles unchanged.

    Returns
    -------
    quantiles : ndarray of shape (..., n_wanted)
        The interpolated quantiles, of the same type.
    """
    return quantiles if matrix is None else quantiles @ matrix.T.astype(quantiles.dtype)
