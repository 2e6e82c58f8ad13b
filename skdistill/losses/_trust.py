"""Window weights that trust the teacher more where it was accurate."""

from __future__ import annotations

import torch
from torch import Tensor

from skdistill.losses._inputs import LossInputs

__all__ = ["window_trust"]


def window_trust(inputs: LossInputs, trust: float) -> Tensor | None:
    """Weight the windows of a batch by the teacher's error.

    Window b gets the weight ``exp(-trust * e_b / mean(e))``, where e_b is the MSE of the teacher's forecast over steps
    and channels. Weights are rescaled to mean one over the windows of known truth; windows of unknown truth get 1.

    Parameters
    ----------
    inputs : LossInputs
        One batch, with the teacher's forecast.
    trust : float
        How fast the weights fall with the error; 0 weights all windows equally.

    Returns
    -------
    weights : Tensor of shape (n_windows,) or None
        None with ``trust=0``.
    """
    if not trust:
        return None
    if inputs.teacher_forecast is None:
        raise ValueError("trust needs the teacher's forecast")
    squares = (inputs.teacher_forecast - inputs.truth).square().detach()
    if inputs.observed is None:
        errors = squares.mean(dim=(1, 2))
        known = torch.ones_like(errors, dtype=torch.bool)
    else:
        count = inputs.observed.sum(dim=(1, 2))
        errors = torch.where(inputs.observed, squares, 0.0).sum(dim=(1, 2)) / count.clamp(min=1)
        known = count > 0
    known = known if inputs.known is None else known & inputs.known
    mean = errors[known].mean() if bool(known.any()) else errors.new_ones(())
    relative = errors / mean.clamp(min=torch.finfo(errors.dtype).tiny)
    weights = torch.where(known, torch.exp(-trust * relative), 1.0)
    scale = weights[known].mean() if bool(known.any()) else weights.new_ones(())
    return torch.where(known, weights / scale.clamp(min=torch.finfo(errors.dtype).tiny), 1.0)
