"""Networks and losses name the parameters that they do not read: these, and no others."""

import inspect
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from test_networks import SMALL

from skdistill import losses
from skdistill.core import BaseLoss, Branches, LossInputs, LossShapes, NetworkSpec, build_objective
from skdistill.losses import (
    CrossModal,
    DistilTS,
    HorizonWeighted,
    LinearWeights,
    LossSum,
    Supervised,
    TeacherForecast,
    WarmUp,
)
from skdistill.networks import MLP, Linear, ModernTCN, TimeMixer

PLAIN = {"n_channels": 3}
RICH = {"n_channels": 5, "targets": (0, 1), "known": (2, 3), "n_static": 2, "n_time_features": 3}
NETWORKS = SMALL | {
    "linear-last": Linear("last", static_seasons=False),
    "linear-gradient": Linear(solver="gradient"),
    "linear-several": Linear(penalty=[0.1, 1.0]),
    "mlp-skip": MLP(8, linear_skip="exact"),
    "moderntcn-last": ModernTCN(4, large_kernel=3, small_kernel=1, normalization=None, feedforward_ratio=1),
    "timemixer-first": TimeMixer(6, n_scales=2, decomposition="first_window"),
}
# Read according to the data or the teacher, or for speed alone.
ELSEWHERE = {"time_features", "known_weights", "point_teacher", "block_length"}


def others(estimator, name):
    """Return other values of a parameter: the other choices that its docstring names, or another number."""
    value = getattr(estimator, name)
    stated = re.search(rf"^{name} : {{([^}}]*)}}", inspect.getdoc(type(estimator)), re.MULTILINE)
    if stated:
        return [one for one in eval(f"[{stated[1]}]") if one != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [one for one in (value + 2, 1) if one != value]
    if isinstance(value, tuple):
        return [tuple(one + 2 for one in value)]
    return [LinearWeights(3.0)] if name == "horizon_weights" else [4]


def differs(results, more):
    return len(results) != len(more) or not all(np.array_equal(a, b) for a, b in zip(results, more, strict=True))


def computed(network, problem):
    """Return everything that a network computes for a problem, and the problem."""
    reads = {"known": network.reads_known, "n_static": network.reads_static, "n_time_features": network.time_features}
    problem = {name: value for name, value in problem.items() if reads.get(name, True)}
    spec = NetworkSpec(24, 8, label_length=network.label_length, season=6, **problem)
    network.check(spec)
    torch.manual_seed(0)
    module, made = network.build(spec), torch.Generator().manual_seed(1)

    def rows(*shape):
        return torch.randn(*shape, generator=made)

    given = [rows(5, 24, spec.n_channels), None, None]
    if spec.n_time_features:
        given[1:] = rows(5, 24, 3), rows(5, spec.label_length + 8, 3)
    more = {"future": rows(5, 8, len(spec.known))} if spec.known else {}
    more |= {"static": rows(5, spec.n_static)} if spec.n_static else {}
    part = network.solvable_part(spec)
    found = [] if part is None or part.solver == "gradient" else [repr(part)]
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():  # starts at 0, such as the map of Linear
                parameter.normal_(0.0, 0.3)
        for training in (True, False):
            torch.manual_seed(2)
            found += [one for one in module.train(training)(*given, **more)[:2] if one is not None]
    found += [torch.tensor(parameter.requires_grad) for parameter in module.parameters()]
    return [*found, *module.state_dict().values()], spec


@pytest.mark.parametrize("problem", [PLAIN, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_read_all_parameters_but_those_they_name(name, problem):
    network = clone(NETWORKS[name])
    found, spec = computed(network, problem)
    unread = network.unread_settings(spec)
    for parameter in {*network.get_params(deep=False)} - ELSEWHERE - {"selection"}:
        read = []
        for value in others(network, parameter):
            try:
                more, _ = computed(clone(network).set_params(**{parameter: value}), problem)
            except (ValueError, TypeError):  # it does not go with the others
                continue
            read.append(differs(found, more))
        if read:
            assert any(read) is (parameter not in unread), parameter


def test_selection_is_read_where_there_is_a_choice():
    spec = NetworkSpec(24, 8, 3, (0,), known=(1, 2))
    for several in ({"penalty": [0.1, 1.0]}, {"weight_grid": {"prediction": [0, 1]}}, {"known_band": [0, 3]}):
        assert "selection" not in Linear(**several).unread_settings(spec)
    for one in ({}, {"weight_grid": {"prediction": [1]}}, {"penalty": [1.0]}, {"known_band": [3]}):
        assert "selection" in Linear(**one).unread_settings(spec)


# -- losses ----------------------------------------------------------------------------------------

KINDS = [kind for kind in (getattr(losses, name) for name in losses.__all__) if issubclass(kind, BaseLoss)]
LOSSES = [
    *(kind() for kind in KINDS if kind not in (LossSum, WarmUp)),
    WarmUp(TeacherForecast(), n_batches=4),
    LossSum([("one", Supervised(loss="huber"))]),
    *(Supervised(loss=one) for one in ("mae", "huber")),
    HorizonWeighted(horizon_weights=LinearWeights()),
    DistilTS(horizon_weights=LinearWeights(), prediction_loss="huber", warm_up_batches=3),
    losses.Trend(sampling="pool"),
    losses.OutputConsistency(loss="mase"),
    CrossModal(supervised_loss="mase"),
    CrossModal(output_loss="mase"),
    *(kind(n_scales=3) for kind in (losses.Pinball, losses.QuantileDistill, losses.QuantileDistance)),
    *(kind(n_scales=1) for kind in (losses.MultiScale, losses.FeatureMatching, losses.TimeDistill)),
    *(kind(supervised_loss="huber") for kind in (losses.Response, losses.TimeDistill)),
    losses.QuantileDistill(supervised_loss="huber", supervised_weight=1.0),
]


def criterion(loss):
    """Return the terms of a loss on random numbers, their gradients, and the sizes of their parts."""
    made = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=made)

    levels = (0.1, 0.5, 0.9)
    forecast, features, quantiles = normal(4, 9, 2), normal(4, 2, 6), normal(4, 9, 2, 3).sort(dim=3).values
    inputs = LossInputs(
        forecast.requires_grad_(),
        features.requires_grad_(),
        normal(4, 9, 2),
        teacher_forecast=normal(4, 9, 2),
        teacher_features=normal(4, 2, 5, 7),
        context=normal(4, 16, 2),
        quantiles=quantiles.requires_grad_(),
        teacher_quantiles=normal(4, 3, 9, 2).sort(dim=1).values,
        branches=Branches(normal(4, 9, 2), (normal(4, 2, 3), normal(4, 2, 3)), (normal(4, 2, 3), normal(4, 2, 3))),
    )
    shapes = LossShapes(
        9, 2, 6, (5, 7), quantiles=levels, teacher_quantiles=levels, branch_sizes=(3, 3), context_length=16
    )
    torch.manual_seed(1)
    objective = build_objective(loss, shapes, has_teacher=True)
    terms = objective(inputs)
    sum(terms.values()).backward()
    gradients = [one.grad for one in (forecast, features, quantiles) if one.grad is not None]
    learned = [one.detach() for one in objective.parameters()]
    rates = [torch.tensor(group["lr"]) for group in objective.constant_lr_groups()]
    gradients += [one.grad for one in objective.parameters() if one.grad is not None]
    return [*(one.detach() for one in terms.values()), *gradients, *learned, *rates]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda one: re.sub(r"\s+", "", repr(one))[:60])
def test_losses_read_all_parameters_but_those_they_name(loss):
    loss = clone(loss)
    found, unread = criterion(loss), loss.unread_settings(NetworkSpec(16, 9, 2))
    for parameter in {*loss.get_params(deep=False)} - ELSEWHERE:
        read = []
        for value in others(loss, parameter):
            try:
                more = criterion(clone(loss).set_params(**{parameter: value}))
            except (ValueError, TypeError, AttributeError):
                continue
            read.append(differs(found, more))
        if read:
            assert any(read) is (parameter not in unread), parameter
