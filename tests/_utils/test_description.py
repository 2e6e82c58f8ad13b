"""Descriptions tell parameters apart, and are of anything that a parameter can be."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from torch import nn

from skdistill._utils._description import describe


def linear(value):
    module = nn.Linear(2, 1)
    nn.init.constant_(module.weight, value)
    nn.init.zeros_(module.bias)
    return module


def own(value):
    def function():
        return value

    return function


class Left(BaseEstimator):
    pass


class Right(BaseEstimator):
    pass


MADE = [
    *(lambda value: value, lambda value: [[0] * 40, value], lambda value: {"a": (value,)}, lambda value: {value}),
    *(lambda value: np.append(np.zeros(2000), [value] + [0] * 5), lambda value: pd.DataFrame({"a": [0, value, 0]})),
    *(lambda value: torch.tensor([value]), linear, own, lambda value: Ridge(alpha=[1.0] * 40 + [value])),
    *(lambda value: np.random.RandomState(int(value)), lambda value: np.random.default_rng(int(value))),
    *(lambda value: nn.Dropout(value / 4), lambda value: {1.0: Left, 2.0: Right}[value]()),
    lambda value: FrozenEstimator(Ridge().fit([[0.0], [1.0]], [0.0, value])),
]


@pytest.mark.parametrize("make", MADE)
def test_equal_parameters_are_the_same_and_others_are_not(make):
    assert describe(make(1.0)).is_of(describe(make(1.0)))
    assert not describe(make(1.0)).is_of(describe(make(2.0)))


class Odd:
    def __init__(self, value):
        self.value = value

    def get_params(self, deep):
        raise RuntimeError


@pytest.mark.parametrize("make", [Odd, lambda value: nn.LazyLinear(value)])
def test_what_cannot_be_read_is_known_by_itself(make):
    one = make(1)
    assert describe([one]).is_of(describe([one]))
    assert not describe([one]).is_of(describe([make(2)]))
