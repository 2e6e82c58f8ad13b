"""Many tables are read at once, as they are one by one."""

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.data import _future, _inputs, _kept_series
from skdistill.data._forms import join_tables

ALL = {"a": (40, "2024-01-01"), "b": (33, "2024-03-01"), "c": (51, "2024-02-01")}


def tables(form):
    rng, made = np.random.default_rng(0), {}
    for name, (n_rows, first) in ALL.items():
        rows = pd.DataFrame({"y": rng.poisson(5, n_rows).astype(float), "price": rng.random(n_rows)})
        rows["kind"] = rng.choice(["none", "ad", "sale"], n_rows)
        rows["kind"] = rows["kind"].astype(form)
        made[name] = rows.set_axis(pd.date_range(first, periods=n_rows, freq="D"))
    return made


@pytest.mark.parametrize("form", ["str", "object", "category"])
@pytest.mark.parametrize("more", [0, 3])
def test_they_are_read_as_one_by_one(form, more, monkeypatch):
    made = tables(form)
    past = {name: rows[:-5] for name, rows in made.items()}
    plans = {name: rows[["kind", "price"]][len(rows) - 5 - more :] for name, rows in reversed(made.items())}
    options = {"targets": ["y"], "known_covariates": ["price", "kind"]}
    whole = DistilledForecaster(None, "linear", "response", context_length=6, prediction_length=5, **options).fit(past)
    found = whole.predict(past, plans)
    for module in (_inputs, _future, _kept_series):
        monkeypatch.setattr(module, "join_tables", lambda parts: None)
    alone = DistilledForecaster(None, "linear", "response", context_length=6, prediction_length=5, **options).fit(past)
    for name, rows in alone.predict(past, plans).items():
        pd.testing.assert_frame_equal(found[name], rows, check_exact=True)


def test_a_fault_is_named_with_its_series():
    made = tables("str")
    options = {"targets": ["y"], "known_covariates": ["price", "kind"]}
    student = DistilledForecaster(None, "linear", "response", context_length=6, prediction_length=5, **options)
    past = {name: rows[:-5] for name, rows in made.items()}
    plans = {name: rows[["price", "kind"]][-5:] for name, rows in made.items()}
    student.fit(past)
    plans["b"].iloc[2, 0] = np.inf
    with pytest.raises(ValueError, match=r"series 'b'.*inf"):
        student.predict(past, plans)
    plans["b"] = plans["b"][["price"]]
    with pytest.raises(ValueError, match=r"series 'b'.*'kind'"):
        student.predict(past, plans)


@pytest.mark.parametrize("form", ["object", "category"])
def test_a_text_changed_in_place_is_noticed(form):
    made = tables(form)
    kept = _kept_series.KeptSeries.of(made)
    assert kept.get() is made
    made["b"].iloc[3, 2] = "ad" if made["b"].iloc[3, 2] != "ad" else "sale"
    with pytest.raises(_kept_series.ChangedSeriesError):
        kept.get()


def test_rows_that_moved_to_another_table_are_noticed():
    made = tables("object")
    kept = _kept_series.KeptSeries.of(made)
    first = kept.fingerprint
    rows = pd.concat(made.values())
    moved = {"a": rows[:41], "b": rows[41:73], "c": rows[73:]}
    assert _kept_series.KeptSeries.of(moved).fingerprint != first


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"y": [1]}, pd.date_range("2024-01-01", periods=1)),
        pd.DataFrame({"x": [1.0]}, pd.date_range("2024-01-01", periods=1)),
        pd.DataFrame({"y": [1.0]}, pd.date_range("2024-01-01", periods=1, tz="UTC")),
        pd.DataFrame({"y": [1.0]}),
        np.ones((1, 1)),
    ],
)
def test_unlike_tables_are_not_joined(other):
    rows = pd.DataFrame({"y": [1.0, 2.0]}, pd.date_range("2024-01-01", periods=2))
    assert join_tables([rows, rows]).bounds == [0, 2, 4]
    assert join_tables([rows, other]) is None
