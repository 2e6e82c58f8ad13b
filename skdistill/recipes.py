"""Recipes: published settings, and settings that validated better in our studies.

Each function returns keyword arguments of an estimator. :func:`timedistill`, :func:`distilts` and :func:`calf` return
those of the papers, every setting spelled out, whatever the defaults of the estimator are: ``DistilledForecaster(
**timedistill(), prediction_length=96)``. :func:`exact_linear` and :func:`linear_skip_mlp` validated better; pass them
together with a teacher and the lengths: ``DistilledForecaster(teacher=..., **exact_linear(season=24),
context_length=720, prediction_length=96)``. You can change any of them afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skdistill._utils._checks import check_boolean, check_integer
from skdistill.losses._cross_modal import CrossModal
from skdistill.losses._distilts import DistilTS
from skdistill.losses._response import Response
from skdistill.losses._timedistill import TimeDistill
from skdistill.networks._calf import CALF
from skdistill.networks._dlinear import DLinear
from skdistill.networks._itransformer import ITransformer
from skdistill.networks._linear import Linear
from skdistill.networks._mlp import MLP
from skdistill.teachers._trained import TrainedTeacher

__all__ = ["calf", "distilts", "exact_linear", "linear_skip_mlp", "timedistill"]


def timedistill(
    *, teacher_size: int = 256, hidden_size: int = 512, prediction_weight: float = 2.0, feature_weight: float = 2.0
) -> dict[str, Any]:
    """Return the settings of TimeDistill on ETTh1: an iTransformer teaches the decomposition MLP.

    Parameters
    ----------
    teacher_size : int, default=256
        Width of the iTransformer; the authors took 128 on ETTh2.
    hidden_size : int, default=512
        Width of the MLP; the authors took 1024 on Traffic.
    prediction_weight, feature_weight : float, default=2.0
        Weights of the two levels; the authors took 1 and 0.5 on ETTh2.

    Returns
    -------
    keywords : dict
        ``teacher``, ``student``, ``loss``, ``context_length`` and the training settings.

    References
    ----------
    TimeDistill (arXiv 2502.15016).

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.recipes import timedistill
    >>> forecaster = DistilledForecaster(**timedistill(), prediction_length=96)
    >>> forecaster.context_length, forecaster.lr, forecaster.teacher.network.hidden_size
    (720, 0.01, 256)
    """
    network = ITransformer(teacher_size, n_layers=2, n_heads=8, feedforward_size=teacher_size, dropout=0.1)
    return {
        "teacher": TrainedTeacher(network, lr=1e-4, lr_schedule="halving", max_epochs=10, batch_size=32, patience=5),
        "student": MLP(hidden_size, batch_norm=True, decomposition=True, kernel_size=25, normalization="mean"),
        "loss": TimeDistill(prediction_weight=prediction_weight, feature_weight=feature_weight),
        "context_length": 720,
        "optimizer": "adam",
        "lr": 0.01,
        "lr_schedule": "halving",
        "batch_size": 32,
        "max_epochs": 100,
        "patience": 5,
    }


def distilts() -> dict[str, Any]:
    """Return the settings of DistilTS for a DLinear student of Chronos-Bolt; the teacher is given with them.

    DLinear has no state to align, so the weight of the alignment is 0.

    Returns
    -------
    keywords : dict
        ``student``, ``loss``, ``context_length`` and the training settings.

    References
    ----------
    DistilTS (arXiv 2601.12785).

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.recipes import distilts
    >>> forecaster = DistilledForecaster(teacher="pretrained", **distilts(), prediction_length=96)
    >>> forecaster.context_length, forecaster.lr, forecaster.loss.alignment_weight
    (512, 0.0001, 0.0)
    """
    return {
        "student": DLinear(),
        "loss": DistilTS(prediction_weight=0.5, alignment_weight=0.0, tau=1.0),
        "context_length": 512,
        "optimizer": "adam",
        "lr": 1e-4,
        "lr_schedule": "constant",
        "batch_size": 32,
        "max_epochs": 10,
        "patience": 3,
    }


def calf(model: str | Path = "gpt2") -> dict[str, Any]:
    """Return the settings of CALF for long horizons: a language model that needs no teacher.

    The authors' cosine has a period of 20 epochs and ends at 1e-8; that of ``lr_schedule="cosine"`` takes all epochs.
    Their scripts set a dropout of 0.3 that no layer of their code reads; 0.1 is in effect there, and here.

    Parameters
    ----------
    model : str or Path, default="gpt2"
        Folder or hub id of the language model, of which six blocks are used.

    Returns
    -------
    keywords : dict
        ``teacher``, ``student``, ``loss``, ``context_length`` and the training settings.

    References
    ----------
    CALF (arXiv 2403.07300).

    Examples
    --------
    >>> from skdistill.recipes import calf
    >>> settings = calf()
    >>> settings["student"].n_layers, settings["loss"].feature_weight, settings["batch_size"]
    (6, 0.01, 256)
    """
    return {
        "teacher": None,
        "student": CALF(model, n_layers=6, dropout=0.1, lora_rank=8, lora_alpha=32.0),
        "loss": CrossModal(output_weight=1.0, feature_weight=0.01, projection_lr=1e-4),
        "context_length": 96,
        "optimizer": "adam",
        "lr": 5e-4,
        "lr_schedule": "cosine",
        "batch_size": 256,
        "max_epochs": 100,
        "patience": 10,
    }


def exact_linear(season: int = 24, *, n_seasons: int = 21, with_teacher: bool = True) -> dict[str, Any]:
    """Return the recipe that validated best: a linear student, solved exactly in seconds.

    The penalty and the weight of the teacher are chosen on the validation rows; one factorization is enough for all
    candidates. It also works without a teacher: ``with_teacher=False``.

    Parameters
    ----------
    season : int, default=24
        Number of rows in a season; the mean of the last season is subtracted from each window. Use 24 for hourly
        series, and 1 for series without a season, such as exchange rates.
    n_seasons : int, default=21
        Number of seasons that the student reads; ``season * n_seasons`` must not exceed the context length.
    with_teacher : bool, default=True
        Whether there is a teacher, whose weight is chosen.

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
    ...     teacher=None, **exact_linear(season=12, n_seasons=3, with_teacher=False),
    ...     context_length=48, prediction_length=6,
    ... ).fit(series)
    >>> forecaster.predict(series).shape
    (6, 2)
    """
    return {"student": _linear(season, n_seasons, with_teacher), "loss": Response()}


def linear_skip_mlp(
    season: int = 24, *, n_seasons: int = 21, hidden_size: int = 512, with_teacher: bool = True
) -> dict[str, Any]:
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
    with_teacher : bool, default=True
        As in :func:`exact_linear`.

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
    linear = _linear(season, n_seasons, with_teacher)
    check_integer(hidden_size, "hidden_size of linear_skip_mlp")
    return {
        "student": MLP(hidden_size, batch_norm=False, dropout=0.5, last_rows=season * n_seasons, linear_skip=linear),
        "loss": Response(),
        "weight_averaging": 0.99,
        "lr": 1e-3,
        "lr_schedule": "cosine",
        "max_epochs": 10,
    }


def _linear(season: int, n_seasons: int, with_teacher: bool) -> Linear:
    check_integer(season, "season of the recipe")
    check_integer(n_seasons, "n_seasons of the recipe")
    check_boolean(with_teacher, "with_teacher of the recipe")
    return Linear(
        last_rows=season * n_seasons,
        season=season,
        penalty=[0.01, 0.1, 1.0],
        weight_grid={"prediction": [0.0, 0.5, 1.0, 2.0, 4.0]} if with_teacher else None,
    )
