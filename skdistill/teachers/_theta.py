"""The Theta method as a teacher of panels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from skdistill._utils._checks import check_integer
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._season import seasons_of_step
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._theta_forecast import theta_forecast

__all__ = ["Theta"]


class Theta(BaseTeacher):
    """The Theta method, fitted on each context: the statistical forecaster to beat on short monthly series.

    A significant season is removed by classical decomposition, multiplicative if all values are positive; the rest is
    smoothed exponentially, and half the slope of a straight line is added. All contexts of a batch are fitted together,
    so tens of thousands of windows take seconds. A label depends only on its context. Every target is forecast
    separately; other channels are not read.

    Theta needs a longer memory than most students: use a ``context_length`` of eight seasons or more, and let the
    student read the last few (``last_rows=``). Contexts are shorter where a series begins.

    Parameters
    ----------
    season : int or "auto", default="auto"
        Number of rows in a season. ``"auto"`` takes the usual season of the step of the series (12 months, 4 quarters,
        24 hours, ...), or none if it is unknown. 1 means no season. Contexts of less than two seasons are forecast
        without one.

    See Also
    --------
    SktimeTeacher : Any forecaster of sktime, fitted once per series or on every context.

    Notes
    -----
    This is the forecaster of Assimakopoulos and Nikolopoulos in the form of Hyndman and Billah. The smoothing parameter
    is selected from a grid of 19 values. A missing value inside a context is filled from its neighbors or from other
    seasons.

    References
    ----------
    Assimakopoulos and Nikolopoulos (2000), The theta model: a decomposition approach to forecasting; Hyndman and Billah
    (2003), Unmasking the Theta method.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import Linear
    >>> from skdistill.teachers import Theta
    >>> series = make_multiseasonal(200, 1, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     Theta(season=12), Linear(season=12, last_rows=36), "response", context_length=96, prediction_length=6
    ... ).fit(series)
    >>> forecaster.predict_teacher(series).shape
    (6, 1)
    """

    reads_validation = False
    labels_alone = True
    reads_known = False
    reads_static = False
    memory_seasons: ClassVar[int] = 8
    scale_free: bool = True

    def __init__(self, season: int | str = "auto") -> None:
        self.season = season

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the season is not a number of rows."""
        if self.season != "auto":
            check_integer(self.season, "season of Theta", minimum=1)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name a season that is too long for all contexts."""
        if isinstance(self.season, str) or self.season == 1 or spec.context_length >= 2 * self.season:
            return {}
        return {
            "season": f"with context_length={spec.context_length}: a season is removed from contexts of at least two. "
            f"Take context_length={8 * self.season} or more, or season=1."
        }

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label the first window."""
        return self.fit(windows).label(windows.train.contexts(windows.train.starts.new_zeros(1)))

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> Theta:
        """Store the shapes of the problem; nothing is learned.

        Parameters
        ----------
        windows : TrainingWindows
            Only their shapes are read.
        checkpoint : Path or None, default=None
            Ignored.
        """
        self.prediction_length_ = windows.train.prediction_length
        self.targets_ = tuple(windows.train.targets)
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Forecast every target of every context."""
        values = contexts.original()[:, :, list(self.targets_)]
        if contexts.observed is not None:
            started = np.maximum.accumulate(contexts.observed.cpu().numpy()[:, :, list(self.targets_)], axis=1)
            values = np.where(started, values, np.nan)  # missing before the first observed value, filled after it
        rows = np.moveaxis(values, 2, 1).reshape(-1, values.shape[1])
        forecasts = theta_forecast(rows, self._season(contexts), self.prediction_length_)
        forecasts = np.moveaxis(forecasts.reshape(len(values), len(self.targets_), -1), 2, 1)
        return Labels(torch.from_numpy(np.nan_to_num(contexts.forecasts_to_standard(forecasts))))

    def _season(self, contexts: Contexts) -> int:
        if self.season != "auto":
            return int(self.season)
        step = contexts.step_of(int(contexts.series[0]))
        return contexts.scaling.season if step is None else next(iter(seasons_of_step(step.offset)), 1)
