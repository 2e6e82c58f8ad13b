"""Rows of many series in one table reach the streams as each row by itself does, and are not looked at one by one."""

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
        )
        for id_, one in stream._streams.items()
    }


def part(panel, first, end):
    return panel.groupby(level=0, group_keys=False, sort=False)[list(panel)].apply(lambda rows: rows.iloc[first:end])


@pytest.mark.parametrize("n_rows", [1, 4])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_streams_are_what_they_are_after_each_row_alone(calendar, n_rows):
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
        at_once.extend(new)
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


def test_no_row_is_looked_at_alone(monkeypatch):
    panel = panel_of(CALENDARS["days"], 30)
    stream = fit(part(panel, 0, START)).stream(part(panel, 0, START))
    looked, steps = [], []
    monkeypatch.setattr(Stream, "append", lambda self, row: looked.append(row))
    monkeypatch.setattr(Stream, "_step", lambda self, found=Stream._step: steps.append(1) or found(self))
    for first in range(START, N, 2):
        stream.extend(part(panel, first, first + 2))
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
