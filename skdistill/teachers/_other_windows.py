"""A label depends on its own window alone, and not on the other windows of its batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._windows import Windows

__all__ = ["warn_of_other_windows"]

_FEWEST = 3  # windows, so that two different ones stand beside the first
_NEAR = 1e-3  # of the largest forecast; float32 depends on the shape of a batch, too


def warn_of_other_windows(
    label: Callable[[Contexts], Labels], windows: Windows, alone: Tensor | None, name: str
) -> None:
    """Warn if the label of the first window is another beside the last one, and beside one in the middle.

    Parameters
    ----------
    label : callable
        Function from contexts to labels.
    windows : Windows
        Windows to label; two are too few to tell.
    alone : Tensor of shape (1, prediction_length, n_targets) or None
        Forecast of the first window alone; None asks for it.
    name : str
        What to call the teacher.
    """
    if len(windows) < _FEWEST:
        return

    def ask(*numbers: int) -> Tensor:
        with torch.inference_mode():
            return label(windows.contexts(torch.tensor(numbers, device=windows.starts.device))).forecast

    middle, end = len(windows) // 2, len(windows) - 1
    alone = ask(0) if alone is None else alone
    last = ask(0, end)
    if len(last) != 2 or last.shape[1:] != alone.shape[1:]:
        return  # found again, and named
    far = _NEAR * max(float(one.abs().max()) for one in (alone, last))
    if _distance(alone, last) <= far:
        return
    apart = _distance(last, ask(0, middle))
    if apart > far and _distance(last, ask(0, end)) <= far:  # otherwise it draws numbers
        warnings.warn(
            f"{name} gives a window another label beside other windows: it was asked for the first training window "
            f"twice, and its two forecasts are up to {apart:.3g} units apart. The windows of a batch are any windows, "
            "so that its labels mean nothing alone: let label read each context by itself, such as "
            "contexts.values.mean(dim=1) and not contexts.values.mean().",
            stacklevel=stacklevel_of_user(),
        )


def _distance(some: Tensor, others: Tensor) -> float:
    """Return how far apart the forecasts of the first window are."""
    return float((some[0] - others[0]).abs().max())
