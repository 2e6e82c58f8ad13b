"""Rows of many series in a table, or a table each, reach the streams as each row does, and are not looked at alone."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster

from skdistill.deploy import Stream

N, START = 60, 50
CALENDARS = {
    "days": pd.date_range("2024-01-01", periods=N),
    "business days": pd.bdate_range("2024-01-01", periods=N),
    "months": pd.date_range("2019-01-31", periods=N, freq="ME"),
    "local hours": pd.date_range("2024-10-25", periods=N, freq="h", tz="Europe/Berlin"),
    "periods": pd.period_range("2019-01", periods=N, freq="M"),
    "durations": pd.timedelta_range("0s", periods=N, freq="5min"),
    "numbers": pd.RangeIndex(N),
}


def panel_of(index, n_series=4):
    rng = np.random.default_rng(0)
    frames = {f"shop {one}": pd.DataFrame(rng.normal(size=(N, 2)), index, ["y", "z"]) for one in range(n_series)}
    return pd.concat(frames, names=["shop", "time"])


def fit(panel, **settings):
    return make_forecaster(teacher=None, student="linear", **settings).fit(panel)


def state_of(stream):
    return {
        id_: (
            len(one),
            str(one._rows[: one._end]),
            None if one._last is None else (list(one._last), one._last.dtype),
            one._n_since,
            str(one._static),
        )
        for id_, one in stream._streams.items()
    }


def part(panel, first, end):
    return panel.groupby(level=0, group_keys=False, sort=False)[list(panel)].apply(lambda rows: rows.iloc[first:end])


def tables_of(panel):
    """Return a table for each series."""
    return {id_: rows.droplevel(0) for id_, rows in panel.groupby(level=0, sort=False)}


@pytest.mark.parametrize("form", [pd.DataFrame, tables_of], ids=["table", "tables"])
@pytest.mark.parametrize("n_rows", [1, 4])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_streams_are_what_they_are_after_each_row_alone(calendar, n_rows, form):
    panel = panel_of(CALENDARS[calendar])
    forecaster = fit(part(panel, 0, START))
    at_once, by_row = (forecaster.stream(part(panel, 0, START)) for _ in range(2))
    for one in (at_once, by_row):
        one.append("shop 1", panel.loc["shop 1"].iloc[START].to_numpy())  # this one is a row ahead, without a label
    for first in (START, START + n_rows):
        new = part(panel, first, first + n_rows)
        new = new.drop(index=[label for label in new.index if label == ("shop 1", panel.index[START][1])])
        new = pd.concat([new, new.loc[["shop 2"]].rename(index={"shop 2": "late"})])
        new = new.where(new < 1)
        at_once.extend(form(new))
        for place, (id_, _) in enumerate(new.index):
            by_row.append(id_, new.iloc[[place]].droplevel(0))
    assert state_of(at_once) == state_of(by_row)


def test_categories_of_a_table_are_those_of_its_rows():
    panel = panel_of(CALENDARS["days"]).assign(kind=["a", "b", "c"] * (4 * N // 3))
    forecaster = fit(part(panel, 0, START), targets=["y"])
    at_once, by_row = (forecaster.stream(part(panel, 0, START)) for _ in range(2))
    new = part(panel, START, START + 2)[["kind", "z", "y"]]
    at_once.extend(new)
    for (id_, _), (_, row) in zip(new.index, new.iterrows(), strict=True):
        by_row.append(id_, row)
    assert state_of(at_once) == state_of(by_row)


def with_size(panel):
    return panel.assign(size=panel.index.get_level_values(0).str[5:].astype(float))


def test_static_covariates_are_those_after_each_row_alone():
    panel = with_size(panel_of(CALENDARS["days"]))
    forecaster = fit(part(panel, 0, START), targets=["y"], static_covariates=["size"])
    first, new = part(panel, 0, START), part(panel, START, START + 2)
    first.loc["shop 1", "size"] = np.nan  # unknown so far
    new.loc["shop 2", "size"] = np.nan
    at_once, by_row = (forecaster.stream(first) for _ in range(2))
    at_once.extend(new)
    for place, (id_, _) in enumerate(new.index):
        by_row.append(id_, new.iloc[[place]].droplevel(0))
    assert state_of(at_once) == state_of(by_row)
    np.testing.assert_array_equal(at_once.predict(), forecaster.stream(part(panel, 0, START + 2)).predict())
    before, later = state_of(at_once), part(panel, START + 2, START + 4)
    with pytest.raises(ValueError, match="series 'shop 3': static covariate 'size' changes"):
        at_once.extend(later.replace({"size": {3.0: 4.0}}))
    assert [id_ for id_, one in state_of(at_once).items() if one == before[id_]] == ["shop 3"]


@pytest.mark.parametrize("form", [pd.DataFrame, tables_of], ids=["table", "tables"])
@pytest.mark.parametrize("roles", [{}, {"targets": ["y"], "static_covariates": ["size"]}], ids=["plain", "static"])
def test_no_row_is_looked_at_alone(monkeypatch, form, roles):
    panel = panel_of(CALENDARS["days"], 30)
    panel = with_size(panel) if roles else panel
    stream = fit(part(panel, 0, START), **roles).stream(part(panel, 0, START))
    looked, steps = [], []
    monkeypatch.setattr(Stream, "append", lambda self, row: looked.append(row))
    monkeypatch.setattr(Stream, "_step", lambda self, found=Stream._step: steps.append(1) or found(self))
    for first in range(START, N, 2):
        stream.extend(form(part(panel, first, first + 2)))
    assert not looked
    assert len(steps) == (N - START) / 2, "asked once for all series that end alike"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(index=rows.index[4]), "series 'shop 2': row of append must be the one at 2024-02-20"),
        (
            lambda rows: rows.add(rows.index.get_level_values(0).map({"shop 2": np.inf}).fillna(0), axis=0),
            "series 'shop 2': .*finite",
        ),
        (lambda rows: rows.rename(columns={"z": "x"}), "series 'shop 0': .*'x'"),
        (lambda rows: rows.tz_localize("UTC", level=1), "series 'shop 0': row of append must"),
    ],
    ids=["gap", "infinite", "column", "zone"],
)
def test_rows_that_do_not_fit_are_named_and_those_before_them_are_taken(change, message):
    panel = panel_of(CALENDARS["days"])
    stream = fit(part(panel, 0, START)).stream(part(panel, 0, START))
    before = state_of(stream)
    with pytest.raises(ValueError, match=message):
        stream.extend(change(part(panel, START, START + 2)))
    taken = {id_ for id_, one in state_of(stream).items() if one != before[id_]}
    assert taken == ({"shop 0", "shop 1"} if "shop 2" in message else set())


def test_tables_of_other_columns_are_read_each_by_itself():
    panel = panel_of(CALENDARS["days"])
    one, other = (fit(part(panel, 0, START)).stream(part(panel, 0, START)) for _ in range(2))
    new = tables_of(part(panel, START, START + 2))
    one.extend({**new, "shop 1": new["shop 1"][["z", "y"]], "shop 3": new["shop 3"].to_numpy()})
    other.extend({**new, "shop 3": new["shop 3"].to_numpy()})
    assert state_of(one) == state_of(other)
    np.testing.assert_array_equal(one.predict(), fit(part(panel, 0, START)).stream(part(panel, 0, START + 2)).predict())
    later = tables_of(part(panel, START + 2, START + 4))
    for columns in (["y"], ["y", "y"]):
        with pytest.raises(ValueError, match=r"series 'shop 0': .*column"):
            one.extend({**later, "shop 0": later["shop 0"][columns]})


def test_the_unit_of_times_may_be_another():
    panel = panel_of(CALENDARS["days"])
    stream = fit(part(panel, 0, START)).stream(part(panel, 0, START))
    new = part(panel, START, START + 1)
    new.index = pd.MultiIndex.from_arrays([new.index.get_level_values(0), new.index.get_level_values(1).as_unit("s")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream.extend(new)
        stream.extend(part(panel, START + 1, START + 2))
    with pytest.raises(ValueError, match="must be the one at 2024-02-22"):
        stream.extend(part(panel, START + 3, START + 4))
