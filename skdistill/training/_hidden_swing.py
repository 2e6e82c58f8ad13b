"""Whether rows vary too little within their windows, beside a trend, for a network that is trained on them."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from skdistill._utils._generators import seeded
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.training._batches import WindowDataset

__all__ = ["warn_of_hidden_swing"]

# Of 38 fits (MLP, DLinear) to series of M3 and tourism within both bounds, units of windows were better in 35.
_LEAST = 0.03  # variance of rows less the level of their window, in that of all rows
_ONE_WAY = 0.9  # of the windows rise, or fall: a trend, and no walk
_MOST_WINDOWS = 512
_TWICE = 2.0


def warn_of_hidden_swing(module: nn.Module, spec: NetworkSpec, windows: Windows, name: str, way_out: str) -> None:
    """Warn if most of the spread of the rows is a trend, and a network that is trained reads them in their units.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    spec : NetworkSpec
        The problem it was built for.
    windows : Windows
        The training windows.
    name : str
        What to call the network.
    way_out : str
        What to do instead.
    """
    if windows.store.scaling.kind != "global":  # other units grow with the trend of a season alone, as those of windows
        return
    if _is_hidden_by_trend(windows) and _reads_units(module, spec, windows):
        warnings.warn(
            f"a trend makes most of the spread of the training rows: less the level of their window, they have less "
            f"than {_LEAST:.0%} of its variance. {name}, which is trained in units of all rows, hardly sees what a "
            f"window does, such as its season: {way_out}.",
            stacklevel=stacklevel_of_user(),
        )


def _is_hidden_by_trend(windows: Windows) -> bool:
    """Return whether rows vary little around the mean of the last season of their window, beside a trend.

    At least half of the targets do.
    """
    numbers = torch.from_numpy(np.unique(np.linspace(0, len(windows) - 1, _MOST_WINDOWS).astype(np.int64)))
    rows = windows.context_values(numbers.to(windows.starts.device))[..., list(windows.targets)].double()
    less_level = rows - rows[:, -(windows.store.season or 1) :].mean(dim=1, keepdim=True)
    shares = less_level.var(dim=0, correction=0).mean(dim=0)
    places = torch.arange(rows.shape[1], dtype=rows.dtype, device=rows.device) - (rows.shape[1] - 1) / 2
    rising = (torch.einsum("blc,l->bc", less_level, places) > 0).double().mean(dim=0)
    hidden = (shares > 0) & (shares < _LEAST) & (torch.maximum(rising, 1.0 - rising) > _ONE_WAY)
    return 2 * int(hidden.sum()) >= len(hidden)


def _reads_units(module: nn.Module, spec: NetworkSpec, windows: Windows) -> bool:
    """Return whether a network, or its training, depends on the units of its window.

    One that divides each window by its spread forecasts twice the swing after twice the swing, and is no linear map.
    """
    ends = torch.tensor([0, len(windows) - 1])
    inputs, _ = WindowDataset(windows, spec).batch(ends)
    context = inputs["context"]
    center = context.mean(dim=1, keepdim=True)
    device = next(iter(module.parameters())).device

    def ask(values: Tensor) -> Tensor:
        given = {**inputs, "context": values}
        return module(**{name: value.to(device) for name, value in given.items()}).forecast

    was_training = module.training
    with seeded(0), torch.no_grad():
        module.eval()
        other = center + torch.randn(context.shape).to(context.device) * (context - center).abs().amax(
            dim=1, keepdim=True
        )
        plain, wide = ask(context), ask(center + _TWICE * (context - center))
        apart = ask((context + other) / 2) - (plain + ask(other)) / 2
    module.train(was_training)
    level = center[..., list(spec.targets)].to(plain.device)
    near = 0.01 * float((plain - level).abs().max())
    return float(apart.abs().max()) <= near or float((wide - level - _TWICE * (plain - level)).abs().max()) > near
