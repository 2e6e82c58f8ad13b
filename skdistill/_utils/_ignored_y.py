"""Warnings for a ``y`` and for weights that are ignored."""

from __future__ import annotations

import warnings
from typing import Any

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["warn_of_ignored_weight", "warn_of_ignored_y"]


def warn_of_ignored_y(y: Any, method: str, does: str = "learns to forecast") -> None:
    """Warn if a ``y`` is given to a method that forecasts the columns of ``X``.

    Parameters
    ----------
    y : object
        The argument; None, which scikit-learn's pipelines and searches pass on, is quiet.
    method : str
        Class and method, for the message.
    does : str, default="learns to forecast"
        What it does with the columns of ``X``.

    Examples
    --------
    >>> warn_of_ignored_y(None, "DistilledForecaster.fit")
    """
    if y is not None:
        warnings.warn(
            f"{method} ignores y and {does} the columns of X: put the series to forecast among the columns "
            "of X and name it in targets=, or use DistilledRegressor for windows X and what follows them in y.",
            UserWarning,
            stacklevel=stacklevel_of_user(),
        )


def warn_of_ignored_weight(sample_weight: Any, method: str) -> None:
    """Warn if weights of rows are given to a method that counts every window alike.

    Parameters
    ----------
    sample_weight : object
        The argument; None is quiet.
    method : str
        Class and method, for the message.

    Examples
    --------
    >>> warn_of_ignored_weight(None, "DistilledForecaster.score")
    """
    if sample_weight is not None:
        warnings.warn(
            f"{method} ignores sample_weight and counts every window alike: choose steps and channels, or weigh "
            "series, by skdistill.metrics.ForecastScorer.",
            UserWarning,
            stacklevel=stacklevel_of_user(),
        )
