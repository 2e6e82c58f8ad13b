"""Orders in which windows are labeled; any beginning of an order is a choice of windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.losses._supervised import Supervised
from skdistill.networks._inputs import make_spec
from skdistill.networks._linear import Linear
from skdistill.training._batches import WindowDataset
from skdistill.training._solve import solve_network

__all__ = ["ORDERS"]

_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_BLOCK = 2048  # windows gathered at once
_N_PHASES = 4  # parts of a season
_N_LEVELS = 3


def _strided(windows: TrainingWindows, seed: int) -> np.ndarray:
    """Spread windows over series and time by multiples of the golden ratio.

    The gaps of the first n windows are nearly alike for every n, and no season is a multiple of them.
    """
    return _spread_evenly(len(windows.train))


def _spread_evenly(n: int) -> np.ndarray:
    """Return the numbers below n in an order of which every beginning is spread evenly."""
    places = (np.arange(n) * _GOLDEN + 0.5) % 1.0
    return places.argsort(kind="stable").argsort(kind="stable")


def _random(windows: TrainingWindows, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(windows.train))


def _covering(windows: TrainingWindows, seed: int) -> np.ndarray:
    """Take one window of every combination of series, part of the season and level before any second one."""
    train = windows.train
    starts = train.starts.cpu().numpy()
    series = train.series_of(starts)
    season = train.store.season or 1
    phases = (starts - train.store.offsets[series]) % season * min(_N_PHASES, season) // season
    levels = _levels(train, season)
    bounds = np.quantile(levels, np.arange(1, _N_LEVELS) / _N_LEVELS)
    strata = (series * _N_PHASES + phases) * _N_LEVELS + np.searchsorted(bounds, levels)
    order = _spread_evenly(len(train))
    return order[np.argsort(_ranks(strata[order]), kind="stable")]


def _levels(windows: Windows, season: int) -> np.ndarray:
    """Return the mean of the targets over the last season of every context, in standardized units."""
    means = []
    for indices in torch.arange(len(windows)).split(_BLOCK):
        values = windows.context_values(indices)[:, -season:, list(windows.targets)]
        means.append(values.mean(dim=(1, 2)).cpu().numpy())
    return np.concatenate(means)


def _ranks(groups: np.ndarray) -> np.ndarray:
    """Count how many entries of the same group come before each entry."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    begin = np.flatnonzero(first)[np.cumsum(first) - 1]
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - begin
    return ranks


def _disagreement(windows: TrainingWindows, seed: int) -> np.ndarray:
    """Take the windows in which an exact linear student is farthest from the truth; one per horizon before a second.

    Neighboring windows share most of their horizon and its error; windows without truth come last.
    """
    train = windows.train
    errors = _errors_of_linear(windows)
    starts = train.starts.cpu().numpy()
    cells = train.series_of(starts) * (int(starts.max()) + 1) + starts // train.prediction_length
    order = np.argsort(-np.nan_to_num(errors, nan=-1.0), kind="stable")
    order = order[np.argsort(_ranks(cells[order]), kind="stable")]
    return np.concatenate([order[~np.isnan(errors[order])], order[np.isnan(errors[order])]])


def _errors_of_linear(windows: TrainingWindows) -> np.ndarray:
    """Return the squared error of an exact linear student on every training window; NaN without truth."""
    network = Linear()
    spec = make_spec(network, windows.train)
    module = network.build(spec)
    known = TrainingWindows(windows.known_train, None)
    solve_network(network, module, spec, known, loss=Supervised(), labels=None)
    dataset, errors = WindowDataset(windows.train, spec), []
    with torch.inference_mode():
        for indices in torch.arange(len(windows.train)).split(_BLOCK):
            inputs, targets = dataset.batch(indices)
            squares = (module.eval()(**inputs).forecast - targets["truth"]).square().double()
            observed = targets.get("observed", torch.ones_like(squares, dtype=torch.bool))
            means = torch.where(observed, squares, 0.0).sum(dim=(1, 2)) / observed.sum(dim=(1, 2))
            known_here = targets.get("known")
            errors.append(means if known_here is None else torch.where(known_here, means, torch.nan))
    return torch.cat(errors).cpu().numpy()


ORDERS: dict[str, Callable[[TrainingWindows, int], np.ndarray]] = {
    "strided": _strided,
    "random": _random,
    "covering": _covering,
    "disagreement": _disagreement,
}
