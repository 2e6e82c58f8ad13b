"""Recipes: settings that validated better than the published ones in our studies.

Each function returns keyword arguments of an estimator. Pass them together with a teacher and the lengths:
``DistilledForecaster(teacher=..., **exact_linear(season=24), context_length=720, prediction_length=96)``. You can
change any of them afterwards.
"""

from __future__ import annotations

from typing import Any

from skdistill._utils._checks import check_integer
from skdistill.losses._response import Response
from skdistill.networks._linear import Linear
from skdistill.networks._mlp import MLP

__all__ = ["exact_linear", "linear_skip_mlp"]


def exact_linear(season: int = 24, *, n_seasons: int = 21) -> dict[str, Any]:
    """Return the recipe that validated best: a linear student, solved exactly in seconds.

    The penalty and the weight of the teacher are chosen on the validation rows; one factorization is enough for all
    candidates. It also works without a teacher.

    Parameters
    ----------
    season : int, default=24
        Number of rows in a season; the mean of the last season is subtracted from each window. Use 24 for hourly
        series, and 1 for series without a season, such as exchange rates.
    n_seasons : int, default=21
        Number of seasons that the student reads; ``season * n_seasons`` must not exceed the context length.

    Returns
    -------
    keywords : dict
        ``student`` and ``loss``.

    See Also
    --------
    linear_skip_mlp : An MLP on top of this student.

    Notes
    -----
    On ETTh1 (horizons 96 and 336) and the exchange rates (96), over 3 seeds, it has the lowest validation error of the
    recipes in ``examples/reproduce/recipes_etth1.py``.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.recipes import exact_linear
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     teacher=None, **exact_linear(season=12, n_seasons=3), context_length=48, prediction_length=6
    ... ).fit(series)
    >>> forecaster.predict(series).shape
    (6, 2)
    """
    return {"student": _linear(season, n_seasons), "loss": Response()}


def linear_skip_mlp(season: int = 24, *, n_seasons: int = 21, hidden_size: int = 512) -> dict[str, Any]:
    """Return the MLP that validated best: it starts from the exact linear solution and learns the remainder.

    It has no BatchNorm, dropout 0.5, an exponential average of the weights, and few epochs at a low learning rate.

    Parameters
    ----------
    season : int, default=24
        As in :func:`exact_linear`.
    n_seasons : int, default=21
        As in :func:`exact_linear`.
    hidden_size : int, default=512
        Width of the MLP.

    Returns
    -------
    keywords : dict
        ``student``, ``loss`` and the training settings.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.recipes import linear_skip_mlp
    >>> forecaster = DistilledForecaster(
    ...     teacher="itransformer", **linear_skip_mlp(season=24), context_length=720, prediction_length=96
    ... )
    >>> forecaster.student.last_rows, forecaster.weight_averaging
    (504, 0.99)
    """
    linear = _linear(season, n_seasons)
    check_integer(hidden_size, "hidden_size of linear_skip_mlp")
    return {
        "student": MLP(hidden_size, batch_norm=False, dropout=0.5, last_rows=season * n_seasons, linear_skip=linear),
        "loss": Response(),
        "weight_averaging": 0.99,
        "lr": 1e-3,
        "lr_schedule": "cosine",
        "max_epochs": 10,
    }


def _linear(season: int, n_seasons: int) -> Linear:
    check_integer(season, "season of the recipe")
    check_integer(n_seasons, "n_seasons of the recipe")
    return Linear(
        last_rows=season * n_seasons,
        season=season,
        penalty=[0.01, 0.1, 1.0],
        weight_grid={"prediction": [0.0, 0.5, 1.0, 2.0, 4.0]},
    )
