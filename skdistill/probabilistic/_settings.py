"""What the estimators share about quantiles: parameters, calibration, levels asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.data._levels import check_quantiles, covered_levels, interpolation_matrix
from skdistill.data._windows import TrainingWindows, Windows
from skdistill.networks._base import NetworkSpec
from skdistill.probabilistic._calibration import FittedCalibration, quantile_errors, resolve_calibration

__all__ = ["DEFAULT_COVERAGE", "ProbabilisticMixin", "at_levels"]

DEFAULT_COVERAGE = 0.8  # of an interval, wherever none is asked for


class ProbabilisticMixin:
    """The probabilistic part of an estimator."""

    quantiles: Any
    point_forecast: str
    calibration: Any

    student_: Any
    spec_: NetworkSpec
    calibration_: FittedCalibration | None

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] | None = None) -> Any:
        """Forecast quantiles of what ``predict`` forecasts.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            As ``predict`` takes it.
        quantiles : sequence of float or None, default=None
            Levels, rising, between the outermost of those that were fitted; others are interpolated (linear in
            the level's normal score). None gives those that were fitted.

        Returns
        -------
        quantiles : ndarray, DataFrame or list
            In original units, in the form that ``predict`` gives, with a last axis for the levels; a DataFrame's
            columns have the levels ``channel`` and ``quantile``.

        Raises
        ------
        ValueError
            If the estimator was fitted without quantiles, or for levels beyond them.
        """
        check_is_fitted(self)
        levels, matrix = self._asked(quantiles)
        return self._predict_around(X, matrix, [float(level) for level in levels], "quantile")

    def predict_interval(self, X: Any, coverage: float = DEFAULT_COVERAGE) -> Any:
        """Forecast an interval for what ``predict`` forecasts.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            As ``predict`` takes it.
        coverage : float, default=0.8
            Share of what happens that is to lie inside, as much of the rest below as above.

        Returns
        -------
        interval : ndarray, DataFrame or list
            In original units, in the form that ``predict`` gives, with a last axis for the lower and the upper end; a
            DataFrame's columns have the levels ``channel`` and ``bound``.

        Raises
        ------
        ValueError
            If the estimator was fitted without quantiles, or without those that the coverage needs.
        """
        check_is_fitted(self)
        return self._predict_around(X, self._interval(coverage), ["lower", "upper"], "bound")

    def calibrate(self, X: Any, y: Any = None) -> Self:
        """Calibrate the quantiles on other data: every window of it.

        With ``calibration="conformal"`` its windows replace those of validation, so that rows that served nothing else
        may be kept for it; with ``"rolling"`` they follow those known so far, of which the last ones count.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            What ``fit`` takes: a series of at least ``context_length + prediction_length`` rows, of which every
            stride-1 window counts; of a regressor, contexts.
        y : array or None, default=None
            Of a regressor, what followed each context; others ignore it.

        Returns
        -------
        self : estimator
            The estimator, its ``calibration_`` renewed.

        Raises
        ------
        ValueError
            If ``calibration`` is None, or there are too few windows.
        """
        check_is_fitted(self)
        levels = self._fitted_levels("calibrate")
        calibration = resolve_calibration(self.calibration)
        if calibration is None:
            owner = type(self).__name__
            raise ValueError(f"calibrate needs calibration='conformal' or 'rolling' of {owner}; got None.")
        errors = quantile_errors(self.student_, self.spec_, self._windows_to_calibrate(X, y))
        self.calibration_ = calibration.fit_errors(errors, levels, getattr(self, "calibration_", None))
        return self

    def _predict_around(self, X: Any, matrix: np.ndarray | None, labels: list[Any], name: str) -> Any:
        """Forecast quantiles, mapped to those asked for, in the form of X."""
        raise NotImplementedError

    def _windows_to_calibrate(self, X: Any, y: Any) -> Windows:
        """Check what ``calibrate`` gets, and cut every window of it."""
        raise NotImplementedError

    def _levels(self) -> tuple[float, ...] | None:
        """Return the levels that are asked for, checked."""
        if self.quantiles is None:
            return None
        return check_quantiles(self.quantiles, f"quantiles of {type(self).__name__}", median_alone=False)

    def _check_probabilistic_parameters(self) -> None:
        owner = type(self).__name__
        levels = self._levels()
        check_choice(self.point_forecast, ["mean", "median"], f"point_forecast of {owner}")
        if resolve_calibration(self.calibration) is not None and levels is None:
            raise ValueError(
                f"calibration of {owner} shifts quantiles, and none are asked for: set quantiles=(0.1, 0.5, 0.9), or "
                f"calibration=None; got calibration={self.calibration!r}."
            )

    def _check_transformer_rises(self, windows: TrainingWindows) -> None:
        """Raise before training if the transformer would make quantiles cross."""
        if self._levels() is not None:
            store = windows.train.store
            store.scaling.check_rises(store.values.numpy(), type(self).__name__)

    def _check_calibration_windows(self, windows: TrainingWindows) -> None:
        """Raise before training if there are too few validation windows to calibrate on."""
        calibration = resolve_calibration(self.calibration)
        if calibration is None:
            return
        n_windows = 0 if windows.validation is None else len(windows.validation)
        levels = self._levels()
        assert levels is not None  # _check_probabilistic_parameters
        calibration.check_windows(n_windows, levels, f"calibration of {type(self).__name__}")

    def _calibrate_on_validation(self, windows: TrainingWindows) -> None:
        self.calibration_ = None
        calibration = resolve_calibration(self.calibration)
        if calibration is not None:
            assert windows.validation is not None  # _check_calibration_windows
            errors = quantile_errors(self.student_, self.spec_, windows.validation)
            self.calibration_ = calibration.fit_errors(errors, self._fitted_levels("calibration"), None)

    def _offsets(self) -> np.ndarray | None:
        """Return what quantiles are shifted by, in standardized units."""
        calibration = getattr(self, "calibration_", None)
        return None if calibration is None else calibration.offsets

    def _fitted_levels(self, asker: str) -> tuple[float, ...]:
        """Return the student's levels, or raise if it has none."""
        levels = self.spec_.quantiles
        if levels is None:
            raise ValueError(
                f"{asker} needs quantiles, and this {type(self).__name__} was fitted for a point forecast alone: set "
                "quantiles=(0.1, 0.5, 0.9), or other levels, and fit again."
            )
        return levels

    def _asked(self, quantiles: Sequence[float] | None) -> tuple[tuple[float, ...], np.ndarray | None]:
        """Return the levels asked for, and the map to them from those that were fitted."""
        levels = self._fitted_levels("predict_quantiles")
        if quantiles is None:
            return levels, None
        wanted = check_quantiles(quantiles, "quantiles of predict_quantiles")
        self._check_covered(wanted, f"quantiles of predict_quantiles: {quantiles!r}")
        return wanted, interpolation_matrix(levels, wanted)

    def _interval(self, coverage: float) -> np.ndarray:
        """Return the map from the quantiles that were fitted to the ends of an interval."""
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
                f"{received} asks for the levels {outside}, beyond those that were fitted, {levels[0]:g} to "
                f"{levels[-1]:g}: between them is interpolated, beyond them nothing is known. Fit with such levels "
                "among quantiles."
            )


def at_levels(quantiles: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Interpolate quantiles on their last axis.

    Parameters
    ----------
    quantiles : ndarray of shape (..., n_known)
        Quantiles at levels that are known.
    matrix : ndarray of shape (n_wanted, n_known) or None
        From :func:`interpolation_matrix`; None leaves them.

    Returns
    -------
    quantiles : ndarray of shape (..., n_wanted)
        Of the same type.
    """
    return quantiles if matrix is None else quantiles @ matrix.T.astype(quantiles.dtype)
