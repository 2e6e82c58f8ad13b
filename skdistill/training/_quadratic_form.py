"""The quadratic form of a loss term, checked against what the term computes."""

from __future__ import annotations

import pickle

import numpy as np
import torch

from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm

__all__ = ["MOST_ROWS", "quadratic_form"]

MOST_ROWS = 40_000  # of a window: a matrix of all pairs has 12 GiB

_TARGETS = ("truth", "teacher_forecast")
_TOLERANCE = 1e-4  # terms compute in float32
_N_KEPT = 256

_checked: set[tuple[type, int, bytes]] = set()  # forms that agree with their terms


def quadratic_form(name: str, term: LossTerm, prediction_length: int) -> QuadraticForm | None:
    """Return the quadratic form of a term; what a term computes is compared with it once for the same parameters.

    Parameters
    ----------
    name : str
        Name of the term, for error messages.
    term : LossTerm
        The term.
    prediction_length : int
        Steps of a forecast.

    Returns
    -------
    form : QuadraticForm or None
        None if the term is not a quadratic form of the forecast.

    Raises
    ------
    ValueError
        If the form is malformed, or has other values than the term.

    Examples
    --------
    >>> from skdistill.losses import Supervised
    >>> quadratic_form("supervised", Supervised(), 2).metric
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    if prediction_length > MOST_ROWS:
        raise ValueError(
            f"prediction_length must be at most {MOST_ROWS} for an exact solution, which weighs each pair of steps; "
            f"got {prediction_length}. Take a shorter horizon, or a student that is trained, such as 'mlp'."
        )
    form = term.quadratic_form(prediction_length)
    if form is None:
        return None
    key = _key(term, prediction_length)
    if key in _checked:
        return form
    what = f"quadratic_form of the loss term {name!r} ({type(term).__name__})"
    if form.target not in _TARGETS:
        raise ValueError(f"target of the {what} must be one of {', '.join(_TARGETS)}; got {form.target!r}.")
    metric, shape = np.asarray(form.metric, dtype=np.float64), (prediction_length, prediction_length)
    if metric.shape != shape or not _is_positive(metric):
        raise ValueError(f"metric of the {what} must be a symmetric, positive semi-definite matrix of shape {shape}.")
    expected, got = _on_random_forecasts(term, form.target, metric)
    if abs(got - expected) > _TOLERANCE * max(abs(got), abs(expected)):
        raise ValueError(
            f"the {what} gives {expected:.6g} for forecasts for which the term itself gives {got:.6g}: it must be the "
            "mean over windows and channels of (s - t)' metric (s - t), without weight."
        )
    if key is not None:
        if len(_checked) >= _N_KEPT:
            _checked.clear()
        _checked.add(key)
    return form


def _key(term: LossTerm, prediction_length: int) -> tuple[type, int, bytes] | None:
    """Return what determines a form; None for a term with parameters that have no bytes."""
    try:
        return type(term), prediction_length, pickle.dumps(vars(term))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


def _is_positive(metric: np.ndarray) -> bool:
    """Return whether a matrix is finite, symmetric and positive semi-definite, within rounding."""
    size = float(np.abs(metric).max())
    if not np.isfinite(size) or np.abs(metric - metric.T).max() > 1e-8 * size:
        return False
    try:
        np.linalg.cholesky(metric + 1e-7 * (size + np.finfo(np.float64).tiny) * np.eye(len(metric)))
    except np.linalg.LinAlgError:
        return False
    return True


def _on_random_forecasts(term: LossTerm, target: str, metric: np.ndarray) -> tuple[float, float]:
    """Return the values of a form and of its term for random forecasts, truths and labels."""
    generator = np.random.default_rng(0)
    forecast, truth, label = generator.normal(size=(3, 4, len(metric), 1)).astype(np.float32)
    error = (forecast - (truth if target == "truth" else label))[..., 0].astype(np.float64)
    expected = float(np.einsum("ni,ij,nj->n", error, metric, error).mean())
    inputs = (torch.from_numpy(one) for one in (forecast, truth, label))
    with torch.no_grad(), torch.random.fork_rng():
        one, other, labels = inputs
        value = term.build(LossShapes(len(metric), 1))(LossInputs(one, None, other, teacher_forecast=labels))
    return expected, float(value)
