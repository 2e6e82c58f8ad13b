"""What a student answers to fixed inputs, which tells its network from others with the same weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdistill.networks._base import NetworkSpec

__all__ = ["answers_of", "are_same_answers"]

_MOST_STEPS, _MOST_TARGETS = 96, 16


def answers_of(module: nn.Module, spec: NetworkSpec) -> Tensor | None:
    """Return the forecasts of a student for two fixed windows.

    Parameters
    ----------
    module : torch.nn.Module
        The student, in evaluation mode.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    answers : Tensor of shape (n_values,) or None
        Forecasts, and quantiles if there are any, of the first steps and targets; None if the module answers otherwise
        when it is asked again, or cannot answer.
    """
    try:
        first, again = _ask(module, spec), _ask(module, spec)
    except (RuntimeError, ValueError, IndexError):
        return None
    return first if torch.equal(first, again) and bool(first.isfinite().all()) else None


def are_same_answers(saved: Tensor, found: Tensor | None) -> bool:
    """Return whether answers are those of a file, but for the rounding of another machine.

    Parameters
    ----------
    saved : Tensor
        Answers when the student was saved.
    found : Tensor or None
        Answers of the student that was built again.

    Returns
    -------
    same : bool
        Whether they agree.
    """
    if found is None or found.shape != saved.shape:
        return False
    return bool(((found - saved).abs().max() <= 1e-3 * saved.abs().max().clamp(min=1.0)).item())


@torch.inference_mode()
def _ask(module: nn.Module, spec: NetworkSpec) -> Tensor:
    example = next(module.parameters(), torch.zeros(()))
    output = module(**{name: one.to(example.device) for name, one in _inputs(spec, example.dtype).items()})
    parts = [output.forecast] if output.quantiles is None else [output.forecast, output.quantiles]
    return torch.cat([one[:, :_MOST_STEPS, :_MOST_TARGETS].reshape(-1).double().cpu() for one in parts])


def _inputs(spec: NetworkSpec, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return two standardized windows of waves, with everything that the student reads."""

    def waves(n_rows: int, n_columns: int) -> Tensor:
        places = torch.arange(2 * n_rows * n_columns, dtype=torch.float64).reshape(2, n_rows, n_columns)
        return (2.0 * torch.sin(1.7 * places + 0.3 * places.sqrt())).to(dtype)

    inputs = {"context": waves(spec.context_length, spec.n_channels)}
    if spec.known:
        inputs["future"] = waves(spec.prediction_length, len(spec.known))
    if spec.n_static:
        inputs["static"] = waves(1, spec.n_static)[:, 0]
    if spec.masks:
        masks = [("context", "observed"), ("future", "future_observed")]
        inputs |= {mask: torch.ones_like(inputs[name], dtype=torch.bool) for name, mask in masks if name in inputs}
    if spec.n_time_features:
        rows = {"context_time": spec.context_length, "decoder_time": spec.label_length + spec.prediction_length}
        inputs |= {name: torch.zeros(2, n_rows, spec.n_time_features, dtype=dtype) for name, n_rows in rows.items()}
    return inputs
