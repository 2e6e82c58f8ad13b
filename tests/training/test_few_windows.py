"""A word where windows hardly determine the weights of an exact student."""

from __future__ import annotations

import types
import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, scale_out
from skdistill.datasets import to_long
from skdistill.networks import MLP, Linear
from skdistill.sktime import SktimeDistilledForecaster

SETTINGS = {"teacher": None, "context_length": 24, "prediction_length": 4, "random_state": 0}
TOLD = r"a weight for each of 24 rows, and 33 windows determine them, fewer than 1.5"


def walk(n_rows: int = 60, n_targets: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n_rows, n_targets)).cumsum(axis=0)


def words_of(forecaster, X) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecaster.fit(X)
    return [str(one.message) for one in caught if "windows determine" in str(one.message)]


def test_fit_tells_that_windows_are_hardly_more_than_weights():
    with pytest.warns(UserWarning, match=TOLD):
        fitted = DistilledForecaster(**SETTINGS).fit(walk())
    assert words_of(DistilledForecaster(**SETTINGS), walk(63)) == []  # 36 windows
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*windows determine")  # fit told
        fitted.compare(walk())


def test_sktime_tells_too():
    with pytest.warns(UserWarning, match=TOLD):
        SktimeDistilledForecaster(**SETTINGS).fit(pd.Series(walk()[:, 0]), fh=[1])


@pytest.mark.parametrize(
    ("changes", "n_told"),
    [
        ({}, 0),
        ({"student": Linear(individual=True)}, 1),
        ({"student": Linear(individual=True, last_rows=12)}, 0),
        ({"student": Linear(individual=True, penalty=1.0)}, 0),
        ({"student": Linear(individual=True, penalty=[0.01, 0.1])}, 0),
        ({"student": Linear(individual=True, penalty_on="forecast")}, 0),
        ({"student": MLP(hidden_size=2), "max_epochs": 1}, 0),
    ],
)
def test_all_targets_with_one_map_large_penalties_and_searches_are_not_told(changes, n_told):
    assert len(words_of(DistilledForecaster(**SETTINGS | changes), walk(60, 2))) == n_told


def test_what_validation_chose_is_not_told():
    search = DistilledForecasterCV(prediction_length=4, context_lengths=[24], students=["linear"], teachers=None)
    assert words_of(search, walk()) == []


def test_a_regressor_and_the_first_partial_fit_tell_too():
    windows = np.lib.stride_tricks.sliding_window_view(walk()[:, 0], 28)
    with pytest.warns(UserWarning, match=f"{TOLD}.* fewer rows of a context as columns of X, or several penalties"):
        DistilledRegressor(None).fit(windows[:, :24], windows[:, 24:])
    forecaster = DistilledForecaster(**SETTINGS)
    with pytest.warns(UserWarning, match=TOLD):
        forecaster.partial_fit(walk())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*windows determine")  # the first call told
        forecaster.partial_fit(walk()[:2])


@pytest.mark.parametrize(("n_rows", "n_told"), [(28, 1), (29, 0)])
@pytest.mark.parametrize("max_series", [None, 34])
def test_scale_out_counts_the_windows_of_all_series(n_rows, n_told, max_series):
    """Of 34 series with one or two windows, the sample has fewer than it takes."""
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    rows = {f"{number:02d}": pd.DataFrame({"y": walk(n_rows)[:, 0] + number}) for number in range(34)}
    table, settings = to_long(pd.concat(rows)), SETTINGS | {"min_observed": 24, "validation_fraction": 0}
    fitting = types.SimpleNamespace(
        fit=lambda table: scale_out.fit(DistilledForecaster(**settings), table, max_series=max_series)
    )
    assert len(words_of(fitting, table)) == n_told
