"""Ensemble of teachers whose shares depend on the window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.ensemble import RandomForestRegressor

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._adaptive_ensemble import best_shares
from skdistill.teachers._context_features import context_features
from skdistill.teachers._ensemble import EnsembleTeacher, mean_weight, side_by_side
from skdistill.teachers._ensemble_quantiles import ensemble_quantiles
from skdistill.teachers._held_out import LinearStudent, forecast_windows, spread_windows

__all__ = ["RoutedEnsemble"]

_TEMPERATURES = (0.3, 0.6, 1.0, 2.0, math.inf)
_N_BLOCKS = 4  # of held-out windows, for the choice of the temperature
_N_TREES = 50
_FLOOR = 1e-3  # of the mean error, added to errors before their logarithm
_SMALLEST_SHARE = 1e-12


class RoutedEnsemble(EnsembleTeacher):
    """Weighted mean of several teachers' forecasts; the weights depend on the window and the target.

    A *router*, one regressor per teacher, predicts from features of a context how large the teacher's error will be
    compared with that of the others. Shares are a softmax: ``share_m = g_m exp(-e_m / temperature) / sum``, where e_m
    is the predicted logarithm of the mean squared error relative to the mean logarithm of all, and g_m are the shares
    that are best for all windows alike, which minimize the validation error of the mixture. A high temperature gives
    the global shares g, a low one the teacher that is predicted to be the best.

    Labels count by window, too, in every loss term that reads labels and in the exact solution:

    * Where teachers disagree more than usual, the label counts less: ``exp(-disagreement * max(d - 1, 0))``, where d is
      the variance of their forecasts around the mixture, relative to its mean over validation windows.
    * Where every teacher is predicted to be worse than a linear student without a teacher, the label counts for nothing
      (``beat_student``).

    Weights are rounded to quarters, and averaged over targets before.

    Parameters
    ----------
    teachers : list of (str, teacher)
        Named members, at least two; inside a forecaster a network or short name stands for a ``TrainedTeacher``. Their
        parameters are set as ``teacher__name__parameter``.
    router : scikit-learn regressor or None, default=None
        Predicts the errors; a clone is fitted for every member, and one for the student. None is a random forest of 50
        trees with large leaves.
    temperature : "auto" or float, default="auto"
        How sharply shares follow the predicted errors. ``"auto"`` chooses among 0.3, 0.6, 1, 2 and infinity (the global
        shares) by the error of the mixture on blocks of validation windows that the router did not see.
    disagreement : float, default=1.0
        How fast the weight of a label falls with the disagreement of the teachers; 0 ignores it.
    beat_student : bool, default=True
        Whether labels count for nothing where every teacher is predicted to be worse than the student alone.
    max_windows : int, default=2048
        Maximum number of validation windows, spread evenly, to learn errors on, and of training windows for the linear
        student.
    random_state : int or None, default=None
        Seed of the default router, and of a given one without a seed; None takes the forecaster's.

    Attributes
    ----------
    teachers_ : list of teacher
        The fitted members.
    routers_ : list of regressor
        One per member, and one for the student alone if ``beat_student``.
    weights_ : ndarray of shape (n_teachers,)
        Global shares g.
    temperature_ : float
        The temperature in use.
    validation_mse_ : dict of str to float
        Mean squared error on the validation windows, in standardized units: of each member, of ``"global"`` shares and
        of ``"routed"`` shares, the last of blocks that the router did not see.
    mean_shares_ : ndarray of shape (n_teachers,)
        Shares, averaged over the validation windows.
    mean_weight_ : float
        Weight of a label, averaged over the validation windows.

    See Also
    --------
    AdaptiveEnsemble : Shares that are the same for all windows.
    EnsembleTeacher : Shares that are given.

    Notes
    -----
    Errors are out of sample: the windows they are measured on have their horizon in the validation rows, whose targets
    no member is trained on. Like early stopping, routing uses validation rows for selection; test rows are never used.
    A member that is trained on the training windows remembers their truth in part, and its labels there are better than
    its errors on validation windows tell.

    The weights of labels help where the student alone is strong, and cost something where the teachers are better: on
    six data sets they lowered the error of a linear student on two, and raised it on four. ``disagreement=0`` with
    ``beat_student=False`` counts all labels alike. ``trust`` of a loss term compares the windows of a batch
    whose labels count the same.

    Features are those of one target of one context: level, spread, trend, autocorrelation at the season and at one
    step, strength of the season, noise, level and spread of the last season, last value, missing share; and the
    distance of each member's forecast from their mean. They read nothing after the context. Validation windows
    count alike in errors and shares, whatever ``series_weight`` of the forecaster is.

    Quantiles follow the rule of :class:`EnsembleTeacher`, with the shares of each window: means by level if every
    member has quantiles, otherwise the sorted forecasts of the members. With ``memory=``, the table of features and
    errors is stored, and the router is fitted again from it.

    References
    ----------
    Routing teachers by instance: GUARD (arXiv 2606.19363). The global shares are those of Bates and Granger (1969), The
    combination of forecasts, on the simplex.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import RoutedEnsemble, Theta, TrainedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> network = TrainedTeacher("dlinear", lr=0.01)
    >>> forecaster = DistilledForecaster(
    ...     RoutedEnsemble([("theta", Theta(season=12)), ("network", network)]), "linear", "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> forecaster.teacher_.mean_shares_.shape
    (2,)
    """

    reads_validation = True  # shares are learned there
    needs_validation = True

    def __init__(
        self,
        teachers: Sequence[tuple[str, Any]],
        *,
        router: Any = None,
        temperature: float | str = "auto",
        disagreement: float = 1.0,
        beat_student: bool = True,
        max_windows: int = 2048,
        random_state: int | None = None,
    ) -> None:
        self.teachers = teachers
        self.router = router
        self.temperature = temperature
        self.disagreement = disagreement
        self.beat_student = beat_student
        self.max_windows = max_windows
        self.random_state = random_state

    @property
    def weights(self) -> Sequence[float] | None:  # type: ignore[override]
        """Global shares of the members; None (equal shares) before they are learned."""
        return self.weights_.tolist() if hasattr(self, "weights_") else None

    @property
    def scale_free(self) -> bool:  # type: ignore[override]
        """False: shares depend on the validation windows."""
        return False

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the members, the router or the settings do not fit."""
        super().check(spec)
        if len(self.teachers) < 2:
            raise ValueError(
                f"teachers of RoutedEnsemble must be at least two to choose from; got {len(self.teachers)}. Pass the "
                "teacher to the forecaster itself."
            )
        if self.router is not None and not _is_regressor(self.router):
            raise TypeError(
                "router of RoutedEnsemble must be a scikit-learn regressor such as RandomForestRegressor(); got "
                f"{self.router!r}."
            )
        if isinstance(self.temperature, str):
            check_choice(self.temperature, ("auto",), "temperature of RoutedEnsemble")
        elif self.temperature != math.inf:
            check_real(self.temperature, "temperature of RoutedEnsemble", minimum=0.0, include_minimum=False)
        check_boolean(self.beat_student, "beat_student of RoutedEnsemble")
        check_real(self.disagreement, "disagreement of RoutedEnsemble", minimum=0.0)
        check_integer(self.max_windows, "max_windows of RoutedEnsemble", minimum=8)

    def probe(self, windows: TrainingWindows) -> Labels:
        """Combine the probes of the members, and check that there are validation windows."""
        if windows.validation is None:
            raise ValueError(
                "RoutedEnsemble learns errors on validation windows, and there are none: set validation_fraction, or "
                "use EnsembleTeacher with your own weights."
            )
        return self._with_weight(super().probe(windows), torch.ones(1))

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> RoutedEnsemble:
        """Fit the members one after another, then the router on their errors.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows on which errors are measured.
        checkpoint : Path or None, default=None
            A file; each member uses its own file with a name derived from it.
        """
        assert windows.validation is not None  # probe
        student = self._student(windows) if self.beat_student else None
        super().fit(windows, checkpoint)
        self.targets_ = list(windows.train.targets)
        self.season_ = int(windows.train.store.season or windows.train.store.scaling.season)
        validation = windows.validation
        held_out = spread_windows(validation, self.max_windows)
        found = self._measure(student, validation, held_out)
        shares = found.best_shares()
        self.weights_ = shares
        self.table_, self.errors_ = found.features, found.relative_errors()
        self.temperature_, routed = self._choose_temperature(found)
        self._fit_routers()
        self._describe(found, routed)
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Mix the members' forecasts, and weight the labels.

        Returns
        -------
        labels : Labels
            The mixture, concatenated channel features, quantiles, and what each label counts.
        """
        return self._route(contexts, [member.label(contexts) for member in self.teachers_])

    def label_new(self, contexts: Contexts) -> Labels:
        """Mix the members' forecasts of any series, also of series not used in ``fit``.

        Returns
        -------
        labels : Labels
            The mixture.
        """
        return self._route(contexts, [member.label_new(contexts) for member in self.teachers_])

    def label_training(self, contexts: Contexts) -> Labels:
        """Mix the members' forecasts of training windows, and weight the labels.

        Returns
        -------
        labels : Labels
            The mixture, and what each label counts.
        """
        return self._route(contexts, [member.label_training(contexts) for member in self.teachers_])

    def shares(self, contexts: Contexts) -> np.ndarray:
        """Return the shares of the members in the labels of contexts.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts.

        Returns
        -------
        shares : ndarray of shape (n_teachers, n_windows, n_targets)
            They sum to one over the teachers.
        """
        forecasts = np.stack([member.label(contexts).forecast.double().cpu().numpy() for member in self.teachers_])
        return self._softmax(self._predict(contexts, forecasts), self.temperature_)

    def fitted_state(self) -> dict[str, Any]:
        """Return the fitted state, in which the router is a table of features and errors."""
        return {name: value for name, value in super().fitted_state().items() if name != "routers_"}

    def restore_fitted(self, state: Mapping[str, Any]) -> RoutedEnsemble:
        """Restore the fitted state of an equal ensemble, and fit the router from its table."""
        super().restore_fitted(state)
        self._fit_routers()
        return self

    # -- errors on held-out windows --------------------------------------------------------------

    def _measure(self, student: LinearStudent | None, validation: Windows, held_out: torch.Tensor) -> _HeldOut:
        """Collect features, truth and forecasts of held-out windows, one row per target of a window."""
        n_targets, horizon = len(self.targets_), validation.prediction_length
        answers = [forecast_windows(member, validation, held_out, training=False) for member in self.teachers_]
        shape = (len(answers), len(held_out), n_targets, horizon)
        forecasts = np.moveaxis(np.stack(answers).reshape(shape), 2, 3)
        contexts = validation.contexts(held_out)
        features = context_features(contexts, self.targets_, self.season_, forecasts)
        truth = np.moveaxis(validation.horizons(held_out).double().cpu().numpy(), 1, 2).reshape(-1, horizon)
        alone = None if student is None else student.forecast(validation, held_out, student.truth)
        kept = np.isfinite(truth).any(axis=1)
        return _HeldOut(
            every_feature=features,
            every_forecast=np.stack(answers),
            kept=kept,
            truth=truth[kept],
            alone=None if alone is None else alone[kept],
            series=np.repeat(contexts.series, n_targets)[kept],
            origins=np.repeat(contexts.origins, n_targets)[kept],
        )

    def _student(self, windows: TrainingWindows) -> LinearStudent:
        """Return the linear student that has no teacher."""
        reason = "beat_student of RoutedEnsemble compares teachers with a linear student without a teacher"
        return LinearStudent.of(windows, self.max_windows, reason, "set beat_student=False")

    def _choose_temperature(self, found: _HeldOut) -> tuple[float, float]:
        """Return the temperature, and the error of the mixture on blocks that the router did not see."""
        predicted, seen = np.zeros_like(self.errors_), np.zeros(len(found.truth), dtype=bool)
        for block, rest in found.blocks():
            if len(rest):
                routers = self._make_routers(found.features[rest], self.errors_[:, rest])
                predicted[:, block] = [one.predict(found.features[block]) for one in routers]
                seen[block] = True
        given = [] if self.temperature == "auto" else [float(self.temperature)]
        if not seen.any():  # too few windows to judge a router by
            return (given or [math.inf])[0], float("nan")
        temperatures = given or list(_TEMPERATURES)
        errors = [found.error_of_mixture(self._softmax(predicted, one), seen) for one in temperatures]
        best = int(np.argmin(errors))
        return temperatures[best], errors[best]

    def _describe(self, found: _HeldOut, routed: float) -> None:
        """Keep what a reader wants to know about the shares and weights of the validation windows."""
        everywhere = np.ones(len(found.truth), dtype=bool)
        names = [name for name, _ in self.teachers]
        errors = np.nanmean(np.square(found.forecasts - found.truth), axis=(1, 2))
        equal = np.broadcast_to(self.weights_[:, None], found.forecasts.shape[:2])
        self.validation_mse_ = dict(zip(names, errors.tolist(), strict=True))
        self.validation_mse_ |= {"global": found.error_of_mixture(equal, everywhere), "routed": routed}
        predicted = np.stack([one.predict(found.every_feature) for one in self.routers_])
        shares = self._softmax(predicted, self.temperature_)
        self.mean_shares_ = shares[:, found.kept].mean(axis=1)
        variance = found.variance(shares)
        self.usual_variance_ = max(float(variance[found.kept].mean()), _SMALLEST_SHARE)
        by_window = (-1, len(self.targets_))  # a label counts by window, whatever its targets
        weights = self._weights_of(predicted.reshape(len(predicted), *by_window), variance.reshape(by_window))
        self.mean_weight_ = float(weights.mean())

    # -- routing ---------------------------------------------------------------------------------

    def _make_routers(self, features: np.ndarray, errors: np.ndarray) -> list[Any]:
        return [clone(self._router(len(features))).fit(features, one) for one in errors]

    def _fit_routers(self) -> None:
        self.routers_ = self._make_routers(self.table_, self.errors_)

    def _router(self, n_rows: int) -> Any:
        if self.router is None:
            leaf = max(1, min(50, n_rows // 20))
            return RandomForestRegressor(
                _N_TREES, min_samples_leaf=leaf, max_features=0.5, random_state=self.random_state
            )
        router = clone(self.router)
        seeds = {name: value for name, value in router.get_params().items() if name.split("__")[-1] == "random_state"}
        return router.set_params(**{name: self.random_state for name, value in seeds.items() if value is None})

    def _predict(self, contexts: Contexts, forecasts: np.ndarray) -> np.ndarray:
        """Predict relative log errors, (n_members [+ 1], n_windows, n_targets)."""
        features = context_features(contexts, self.targets_, self.season_, forecasts)
        predicted = np.stack([one.predict(features) for one in self.routers_])
        return predicted.reshape(len(predicted), len(contexts), len(self.targets_))

    def _softmax(self, predicted: np.ndarray, temperature: float) -> np.ndarray:
        """Turn predicted errors (n_members [+ 1], ...) into shares (n_members, ...)."""
        prior = np.log(np.maximum(self.weights_, _SMALLEST_SHARE))
        logits = prior.reshape(-1, *[1] * (predicted.ndim - 1)) - predicted[: len(prior)] / temperature
        return softmax(logits, axis=0)

    def _weights_of(self, predicted: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Return what the label of each window counts, from predicted errors (m, n, c) and variances (n, c)."""
        excess = np.maximum(variance / self.usual_variance_ - 1.0, 0.0)
        weights = np.exp(-self.disagreement * excess).mean(axis=1)
        if self.beat_student:
            errors = np.exp(predicted).mean(axis=2)
            weights = np.where(errors[:-1].min(axis=0) > errors[-1], 0.0, weights)
        return np.round(4.0 * weights) / 4.0

    def _route(self, contexts: Contexts, answers: Sequence[Labels]) -> Labels:
        forecasts = np.stack([answer.forecast.double().cpu().numpy() for answer in answers])
        predicted = self._predict(contexts, forecasts)
        shares = self._softmax(predicted, self.temperature_)
        by_step = shares[:, :, None]
        mixture = (by_step * forecasts).sum(axis=0)
        variance = (by_step * np.square(forecasts - mixture)).sum(axis=0).mean(axis=1)
        by_member = torch.from_numpy(shares).float()
        quantiles, levels = ensemble_quantiles(answers, by_member)
        features = side_by_side([answer.features for answer in answers])
        own = mean_weight(answers, by_member.mean(dim=2))
        labels = Labels(torch.from_numpy(mixture).float(), features, quantiles, levels, own)
        return self._with_weight(labels, torch.from_numpy(self._weights_of(predicted, variance)).float())

    def _with_weight(self, labels: Labels, weight: torch.Tensor) -> Labels:
        """Multiply the weight of labels, if they are weighted at all."""
        if not (self.disagreement or self.beat_student):
            return labels
        return replace(labels, weight=weight if labels.weight is None else labels.weight * weight)


def _is_regressor(router: Any) -> bool:
    return isinstance(router, BaseEstimator) and is_regressor(router)


@dataclass(frozen=True)
class _HeldOut:
    """Features, truth and forecasts of held-out windows; a row is one target of one window that has truth."""

    every_feature: np.ndarray  # of the targets of all windows, in the order of windows, then targets
    every_forecast: np.ndarray  # (n_members, n_all, horizon)
    kept: np.ndarray  # (n_all,), whether a target has truth
    truth: np.ndarray  # (n, horizon), NaN where missing
    alone: np.ndarray | None
    series: np.ndarray
    origins: np.ndarray

    @property
    def features(self) -> np.ndarray:
        return self.every_feature[self.kept]

    @property
    def forecasts(self) -> np.ndarray:
        """Return the members' forecasts, (n_members, n, horizon)."""
        return self.every_forecast[:, self.kept]

    def relative_errors(self) -> np.ndarray:
        """Return the log errors of members and, if known, of the student alone, less their mean, (m, n)."""
        answers = self.forecasts if self.alone is None else np.concatenate([self.forecasts, self.alone[None]])
        errors = np.nanmean(np.square(answers - self.truth), axis=2)
        logs = np.log(errors + max(_FLOOR * float(errors.mean()), _SMALLEST_SHARE))
        return logs - logs.mean(axis=0)

    def best_shares(self) -> np.ndarray:
        residuals = np.nan_to_num(self.forecasts - self.truth).reshape(len(self.forecasts), -1)
        return best_shares(residuals @ residuals.T / residuals.shape[1])

    def blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return blocks of rows, and the other rows whose horizons share no row with the block's."""
        pairs, horizon = [], self.truth.shape[1]
        for block in np.array_split(np.arange(len(self.truth)), _N_BLOCKS):
            near = np.zeros(len(self.truth), dtype=bool)
            near[block] = True
            for number in np.unique(self.series[block]):
                own = self.origins[block][self.series[block] == number]
                inside = (self.origins > own.min() - horizon) & (self.origins < own.max() + horizon)
                near |= (self.series == number) & inside
            pairs.append((block, np.flatnonzero(~near)))
        return pairs

    def error_of_mixture(self, shares: np.ndarray, rows: np.ndarray) -> float:
        """Return the mean squared error of a mixture with shares (n_members, n), over some rows."""
        mixture = np.einsum("mn,mnh->nh", shares[:, rows], self.forecasts[:, rows])
        return float(np.nanmean(np.square(mixture - self.truth[rows])))

    def variance(self, shares: np.ndarray) -> np.ndarray:
        """Return the variance of the members around their mixture, (n_all,), from shares (n_members, n_all)."""
        mixture = np.einsum("mn,mnh->nh", shares, self.every_forecast)
        return np.einsum("mn,mnh->nh", shares, np.square(self.every_forecast - mixture)).mean(axis=1)
