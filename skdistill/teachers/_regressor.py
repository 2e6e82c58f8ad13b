"""Any regressor of scikit-learn as teacher, on a table made of the windows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import has_fit_parameter

from skdistill._utils._checks import check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._cross_fitted import CrossFittedTeacher
from skdistill.teachers._window_table import WindowTable

__all__ = ["RegressorTeacher"]

_LONGEST_LAGS = 24  # by default, if a season is longer
_BLOCK = 1024  # windows turned into a table at once


class RegressorTeacher(BaseTeacher):
    """Teacher around a tabular regressor, such as gradient boosting, fitted once on all series.

    Every step of the horizon of every window is a row of a table. Its columns are the number of the step, its calendar,
    the last values of the target, its values one and more seasons before the step, their mean, level and spread; of a
    known covariate the value at the step, at the steps beside it, its mean over the horizon, and its change since a
    season before; of a past covariate the last value, the mean of its last season, and the value a season before the
    step; static covariates. The regressor forecasts how far the target is from the mean of its last season, in
    standardized units.

    A regressor of this kind memorizes its training rows, and would label them with the truth. So the training windows
    are labeled out of fold, by copies that have not seen them (``n_folds``). Rows of the table count as
    ``series_weight`` of the forecaster says, if ``fit`` of the regressor takes ``sample_weight``.

    Parameters
    ----------
    regressor : scikit-learn regressor or None, default=None
        An unfitted regressor with ``fit(X, y)`` and ``predict(X)``; None takes ``HistGradientBoostingRegressor()``. Its
        parameters are set as ``teacher__regressor__parameter``. If its ``random_state`` is None, it takes the
        teacher's.
    lags : int or None, default=None
        Number of last values of the target to read; None takes a season, at most 24.
    seasonal_lags : int, default=4
        Number of seasons before a step at which to read the target, as far as the context reaches.
    season : int or None, default=None
        Number of rows in a season; None takes the one that the step of the index suggests, or else the horizon.
    n_folds : int or None, default=3
        Number of blocks of training windows in time order (with many series, one series after another), each of which
        is labeled by a copy fitted without it; None labels training windows with the regressor that was fitted on them.
    max_rows : int, default=300000
        Largest number of rows of the table that a copy is fitted on; of more, every n-th window is taken.
    random_state : int or None, default=None
        Seed of the regressor; None takes the forecaster's.

    Attributes
    ----------
    regressor_ : scikit-learn regressor
        The regressor fitted on all training windows; it labels everything but them.
    feature_names_ : list of str
        Names of the columns, in order.

    See Also
    --------
    skdistill.teachers.CrossFittedTeacher : Out-of-fold labels of any teacher that is trained.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import RegressorTeacher
    >>> series = make_multiseasonal(400, 1, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     RegressorTeacher(Ridge(), season=12), "linear", "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> forecaster.teacher_.feature_names_[-1]
    'calendar_3'
    """

    needs_training = True
    reads_validation = False
    reads_calendar = True

    def __init__(
        self,
        regressor: Any = None,
        *,
        lags: int | None = None,
        seasonal_lags: int = 4,
        season: int | None = None,
        n_folds: int | None = 3,
        max_rows: int = 300_000,
        random_state: int | None = None,
    ) -> None:
        self.regressor = regressor
        self.lags = lags
        self.seasonal_lags = seasonal_lags
        self.season = season
        self.n_folds = n_folds
        self.max_rows = max_rows
        self.random_state = random_state

    def check(self, spec: NetworkSpec) -> None:
        """Raise if there is no regressor, or a parameter is out of its range."""
        inner = self.regressor
        if inner is not None and (isinstance(inner, type) or not (hasattr(inner, "fit") and hasattr(inner, "predict"))):
            raise TypeError(
                f"regressor of RegressorTeacher must be a scikit-learn regressor such as Ridge(); got {inner!r}."
            )
        for name, minimum in (("lags", 1), ("season", 1), ("n_folds", 2)):
            if getattr(self, name) is not None:
                check_integer(getattr(self, name), f"{name} of RegressorTeacher", minimum=minimum)
        check_integer(self.seasonal_lags, "seasonal_lags of RegressorTeacher")
        check_integer(self.max_rows, "max_rows of RegressorTeacher")
        for name in ("lags", "season"):
            if (getattr(self, name) or 0) > spec.context_length:
                raise ValueError(
                    f"{name} of RegressorTeacher must be at most context_length = {spec.context_length}; got "
                    f"{getattr(self, name)}. Lengthen the context."
                )

    def probe(self, windows: TrainingWindows) -> Labels:
        """Check that every fold has training windows, and return labels of the right shape."""
        if windows.train.store.series_weight is not None and not self._takes_weights():
            warnings.warn(
                f"series_weight has no effect on the teacher: fit of {type(self.regressor).__name__} takes no "
                "sample_weight, so its rows count alike. The student counts series as given.",
                stacklevel=stacklevel_of_user(),
            )
        folds = self._folds()
        if folds is not None:
            folds.check_blocks(windows, "RegressorTeacher", ", or set n_folds=None")
        return super().probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> RegressorTeacher:
        """Fit the regressor on the training windows, and a copy without each block of them.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows; validation windows are not used.
        checkpoint : Path or None, default=None
            Not used.
        """
        folds = self._folds()
        if folds is None:
            return self._fit_once(windows.known_train)
        self.folds_ = folds.fit(windows)
        whole = self.folds_.teacher_
        for name in ("table_", "prediction_length_", "regressor_", "feature_names_"):
            setattr(self, name, getattr(whole, name))
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Forecast contexts with the regressor that was fitted on all training windows."""
        parts = [self._forecast(contexts.take(numbers)) for numbers in _blocks(len(contexts))]
        return Labels(torch.from_numpy(np.concatenate(parts)))

    def label_training(self, contexts: Contexts) -> Labels:
        """Label training windows, each with a copy that was not fitted on it.

        Returns
        -------
        labels : Labels
            Labels in the order of the contexts.
        """
        return self.label(contexts) if self._folds() is None else self.folds_.label_training(contexts)

    def _folds(self) -> CrossFittedTeacher | None:
        """Return the cross-fitting of this teacher, or None."""
        if self.n_folds is None:
            return None
        return CrossFittedTeacher(clone(self).set_params(n_folds=None), n_folds=self.n_folds)

    def _fit_once(self, train: Windows) -> RegressorTeacher:
        length = train.context_length
        season = min(length, self.season or train.store.season or train.prediction_length)
        n_lags = self.lags or min(season, _LONGEST_LAGS)
        self.table_ = WindowTable(train.targets, season, n_lags, min(self.seasonal_lags, length // season))
        self.prediction_length_ = train.prediction_length
        n_windows = max(1, self.max_rows // (train.prediction_length * len(train.targets)))
        chosen = train.take(slice(None, None, -(-len(train) // n_windows)))
        weights = chosen.weights if self._takes_weights() else None
        weights = weights if weights is not None and weights.any() else None  # a fold can have none that counts
        tables, truths, counts = [], [], []
        for numbers in _blocks(len(chosen)):
            indices = torch.from_numpy(numbers)
            contexts = chosen.contexts(indices)
            table, self.feature_names_ = self.table_.rows(contexts, self.prediction_length_)
            truth = chosen.horizons(indices).cpu().numpy() - self.table_.levels(contexts)[:, None]
            observed = np.isfinite(truth)
            tables.append(table[observed])
            truths.append(truth[observed])
            if weights is not None:
                counts.append(np.broadcast_to(weights[numbers].reshape(-1, 1, 1), truth.shape)[observed])
        regressor = HistGradientBoostingRegressor() if self.regressor is None else clone(self.regressor)
        if regressor.get_params().get("random_state", 0) is None:
            regressor.set_params(random_state=self.random_state)
        counted = {"sample_weight": np.concatenate(counts)} if counts else {}
        self.regressor_ = regressor.fit(np.concatenate(tables), np.concatenate(truths), **counted)
        return self

    def _takes_weights(self) -> bool:
        return self.regressor is None or has_fit_parameter(self.regressor, "sample_weight")

    def _forecast(self, contexts: Contexts) -> np.ndarray:
        table, _ = self.table_.rows(contexts, self.prediction_length_)
        answer = np.asarray(self.regressor_.predict(table.reshape(-1, table.shape[-1])), dtype=np.float32)
        return answer.reshape(table.shape[:-1]) + self.table_.levels(contexts)[:, None]


def _blocks(n: int) -> list[np.ndarray]:
    """Split numbers into blocks."""
    return np.array_split(np.arange(n), max(1, -(-n // _BLOCK)))
