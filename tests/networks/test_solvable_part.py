"""A network declares what of it is one linear map, and training solves it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from torch import nn

from skdistill.core import BaseNetwork, NetworkOutput
from skdistill.losses import SMAPE, Supervised
from skdistill.networks import Linear

SERIES = make_series(120, 2)


class Renamed(BaseNetwork):
    """Nothing but a linear map, declared under a name of its own."""

    has_features = False

    def __init__(self, solver="auto"):
        self.solver = solver

    def build(self, spec):
        return Linear(season=6).build(spec)

    def solvable_part(self, spec):
        return replace(Linear(season=6).solvable_part(spec), owner="Renamed", solver=self.solver)


class Around(Renamed):
    """A linear map, and a number that is trained."""

    def build(self, spec):
        return _AroundModule(super().build(spec))

    def solvable_part(self, spec):
        return replace(super().solvable_part(spec), module="inner.map", solver="exact")


class _AroundModule(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.inner = nn.ModuleDict({"map": linear})
        self.offset = nn.Parameter(torch.zeros(1))

    def forward(self, context, context_time=None, decoder_time=None):
        return NetworkOutput(self.inner["map"](context).forecast + self.offset)


def fit(student, **params):
    return make_forecaster(**{"teacher": None, "student": student, "loss": Supervised(), **params}).fit(SERIES)


def test_a_network_that_is_nothing_else_is_solved():
    own, linear = fit(Renamed()), fit(Linear(season=6))
    np.testing.assert_array_equal(own.predict(SERIES), linear.predict(SERIES))
    assert len(own.history_) == 1


def test_a_part_is_solved_then_frozen_and_the_rest_is_trained():
    own, linear = fit(Around(), max_epochs=2), fit(Linear(season=6))
    torch.testing.assert_close(own.student_.inner["map"].weight, linear.student_.weight, rtol=0, atol=0)
    assert not own.student_.inner["map"].weight.requires_grad
    assert own.student_.offset.item() != 0.0


def test_gradient_descent_may_be_asked_for():
    assert "train_loss" in fit(Renamed("gradient"), max_epochs=2).history_[1]


def test_messages_name_the_network():
    loss = SMAPE()
    with pytest.raises(ValueError, match=r"solver='exact' of Renamed is not possible: the loss term 'smape'"):
        fit(Renamed("exact"), loss=loss)
    with pytest.warns(UserWarning, match="Renamed is trained by gradient descent, not solved exactly"):
        fit(Renamed(), loss=loss, max_epochs=1)
