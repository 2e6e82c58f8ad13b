"""Tables of a report about the series of a panel."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skdistill.plotting._series_tables import errors_by_series, errors_by_size


def comparison(n_series):
    """Return errors in which series k has (k + 1) / 4 times the error of the baseline."""
    index = pd.Index([f"shop {k}" for k in range(n_series)])
    errors = {"student": np.arange(1.0, n_series + 1) / 4, "naive": np.ones(n_series), "drift": np.full(n_series, 3.0)}
    return SimpleNamespace(per_series={"mse": pd.DataFrame(errors, index)}, facts={"best_baseline": "naive"})


def test_the_ten_worst_series_are_shown_after_the_five_best():
    note, shown = errors_by_series(comparison(30))
    assert list(shown.index) == [f"shop {k}" for k in [*range(5), *range(20, 30)]]
    assert (
        note == "The 5 best and 10 worst of 30 series by the MSE of the student relative to naive, the best baseline."
    )
    assert errors_by_series(comparison(15))[0].startswith("All series")


def test_series_in_which_neither_has_an_error_are_not_the_worst():
    table = comparison(30)
    table.per_series["mse"].iloc[:12, :] = 0.0  # 12 constant series: 0 / 0 is no loss
    shown = errors_by_series(table)[1]
    assert list(shown.index[-10:]) == [f"shop {k}" for k in range(20, 30)]


def test_series_of_like_size_are_averaged():
    table = comparison(8)
    size = pd.Series(10.0 ** np.arange(8), index=table.per_series["mse"].index[::-1])  # the largest series comes first
    groups = errors_by_size(table, size)
    assert groups["series"].tolist() == [2, 2, 2, 2]
    assert groups["largest"].tolist() == [1e1, 1e3, 1e5, 1e7]
    expected = [np.sqrt(7 * 8) / 4, np.sqrt(5 * 6) / 4, np.sqrt(3 * 4) / 4, np.sqrt(1 * 2) / 4]
    assert groups["MSE relative to naive"].to_numpy() == pytest.approx(expected)
    assert groups["share better"].tolist() == [0.0, 0.0, 0.5, 1.0]


def test_series_without_an_error_leave_the_mean():
    table = comparison(3)
    table.per_series["mse"].loc["shop 0"] = 0.0
    groups = errors_by_size(table, pd.Series(5.0, index=table.per_series["mse"].index))
    assert groups["MSE relative to naive"].tolist() == pytest.approx([np.nan, 2 / 4, 3 / 4], nan_ok=True)


def test_ids_that_are_truth_values_are_no_mask():
    table = comparison(2)
    table.per_series["mse"].index = pd.Index([False, True])
    assert errors_by_series(table)[1].index.tolist() == [False, True]
    groups = errors_by_size(table, pd.Series([5.0, 3.0], index=[True, False]))
    assert groups["smallest"].tolist() == [3.0, 5.0]
    assert groups["MSE relative to naive"].tolist() == pytest.approx([1 / 4, 2 / 4])
