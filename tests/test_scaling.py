"""Units: what goes in standardised comes out as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from skdistill._scaling import Scaling


@given(st.integers(2, 50), st.integers(1, 4), st.floats(1e-3, 1e6), st.floats(-1e6, 1e6))
def test_original_units_return_after_a_round_trip(n_rows, n_channels, scale, shift):
    rows = np.random.default_rng(0).normal(size=(n_rows, n_channels)) * scale + shift
    scaling = Scaling().fit([rows])
    back = scaling.to_original(scaling.standardise(rows))
    np.testing.assert_allclose(back, rows, atol=1e-5 * (abs(rows).max() + scale))


def test_statistics_equal_those_of_scikit_learn_over_all_series():
    parts = [np.random.default_rng(n).normal(n, 2.0, size=(30 + n, 3)) for n in range(3)]
    reference = StandardScaler().fit(np.concatenate(parts))
    scaling = Scaling().fit(parts)
    np.testing.assert_allclose(scaling.mean_, reference.mean_)
    np.testing.assert_allclose(scaling.scale_, reference.scale_)


def test_constant_channel_has_scale_one():
    scaling = Scaling().fit([np.column_stack([np.full(10, 7.0), np.arange(10.0)])])
    assert scaling.scale_[0] == 1.0
    np.testing.assert_array_equal(scaling.standardise(np.array([[7.0, 0.0]]))[0, 0], 0.0)


@pytest.mark.parametrize("transformer", [None, FunctionTransformer(np.log, np.exp), PowerTransformer()])
@pytest.mark.parametrize("targets", [None, (2, 0)])
def test_forecasts_of_targets_round_trip_through_transformers(transformer, targets):
    rows = np.random.default_rng(0).lognormal(size=(40, 3))
    scaling = Scaling(transformer, targets).fit([rows])
    forecasts = (rows if targets is None else rows[:, list(targets)])[None, :5]
    back = scaling.forecasts_to_original(scaling.forecasts_to_standard(forecasts))
    np.testing.assert_allclose(back, forecasts, rtol=1e-4)


def test_original_scale_ignores_the_transformer():
    rows = np.random.default_rng(0).lognormal(size=(40, 2))
    scaling = Scaling(FunctionTransformer(np.log, np.exp)).fit([rows])
    np.testing.assert_allclose(scaling.original_scale_, rows.std(axis=0))
