"""Short series of a panel go on by the step of the long ones, and rows of another step are told."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.data._pace import same_pace
from skdistill.data._steps import find_step
from skdistill.datasets import read_panel


def make_rows(freq, n_rows, start="2024-01-01"):
    index = pd.DatetimeIndex(np.array(pd.date_range(start, periods=n_rows, freq=freq)))  # without its freq
    return pd.DataFrame({"y": np.sin(np.arange(n_rows) / 3)}, index=index)


def fitted(X):
    return DistilledForecaster(None, "linear", "response", context_length=9, prediction_length=3).fit(X)


@pytest.mark.filterwarnings("ignore:.*too few training rows")
@pytest.mark.parametrize(
    "as_form", [dict, pd.concat, lambda panel: list(panel.values())], ids=["dict", "frame", "list"]
)
@pytest.mark.parametrize("short", [("2024-02-01", 2), ("2024-02-02", 2), ("2024-01-08", 5)], ids=str)
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_short_series_goes_on_by_the_step_of_the_long_one(as_form, short, place):
    start, n_rows = short
    few = make_rows("B", n_rows, start)
    panel = {"few": few, "many": make_rows("B", 70)}
    panel = panel if place == "first" else dict(reversed(panel.items()))
    forecaster = fitted(as_form(panel))
    assert [str(step) for step in forecaster.series_labels_.steps] == ["B"]
    expected = pd.date_range(few.index[-1], periods=4, freq="B")[1:]
    for context in (few, few.iloc[-1:], few.iloc[-2:]):
        assert forecaster.predict({"few": context})["few"].index.equals(expected)


@pytest.mark.filterwarnings("ignore:.*too few training rows")
def test_the_season_is_that_of_the_step():
    short_first = fitted({"few": make_rows("B", 5), "many": make_rows("B", 70)})
    assert short_first.scaling_.season == 5


@pytest.mark.filterwarnings("ignore:.*different steps")
def test_long_series_keep_steps_of_their_own():
    forecaster = fitted({"a": make_rows("D", 60), "b": make_rows("B", 70), "c": make_rows("7D", 50)})
    assert {str(step) for step in forecaster.series_labels_.steps} == {"D", "B", "W-MON"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("D", "h", False),
        ("D", "B", False),
        ("B", "D", False),
        ("MS", "QS", False),
        ("30min", "h", False),
        ("MS", "ME", True),
        ("W-SUN", "W-WED", True),
        ("D", "24h", True),
    ],
)
def test_rows_of_another_pace_are_told_at_every_door(one, other, same):
    forecaster, rows = fitted(make_rows(one, 60)), make_rows(other, 50)
    doors = [forecaster.predict, forecaster.backtest, forecaster.score, forecaster.stream]
    doors += [lambda rows: forecaster.predict([rows]), lambda rows: forecaster.predict({"a": rows})]
    for door in doors:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            door(rows)
        told = [str(one.message) for one in caught if "step" in str(one.message)]
        assert len(told) == (0 if same else 1), told
        assert same or all(str(step) in told[0] for step in forecaster.series_labels_.steps)


def test_rows_without_a_time_are_taken_as_rows():
    forecaster, rows = fitted(make_rows("D", 60)), make_rows("D", 40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(rows.reset_index(drop=True))
        forecaster.predict(rows.set_index(rows.index.to_period("D")))
        forecaster.predict(rows.iloc[:1])


def test_numbers_are_compared_with_numbers():
    three, one = (find_step(pd.RangeIndex(0, 60, size)) for size in (3, 1))
    assert not same_pace(three, one)
    assert same_pace(three, find_step(make_rows("D", 9).index))


@pytest.mark.parametrize("freq", ["24h", "D", "168h", "W"])
@pytest.mark.parametrize("n_series", [1, 2])
@pytest.mark.parametrize("told", [False, True], ids=["rows over a clock change", "read_panel(freq=)"])
def test_rows_before_a_clock_change_go_on_by_the_step_of_fit(told, n_series, freq):
    def rows(start, n):  # wall clocks of Berlin change on 2024-03-31
        days = pd.date_range(start, periods=n, freq=freq, tz="Europe/Berlin")
        parts = [pd.DataFrame({"unique_id": name, "ds": days, "y": np.arange(n) % 7.0}) for name in "ab"[:n_series]]
        return pd.concat(parts, ignore_index=True), pd.date_range(days[-1], periods=5, freq=freq)[1:]

    table, _ = rows("2022-11-06" if told else "2023-10-01", 18 if told else 60)
    forecaster = DistilledForecaster(
        None, "linear", "response", context_length=7, prediction_length=4, validation_fraction=0
    )
    forecaster.fit(read_panel(table, freq=freq if told else None))
    new, expected = rows(pd.Timestamp("2024-03-29") - 8 * pd.Timedelta(days=7 if freq in ("168h", "W") else 1), 9)
    for times in (
        forecaster.predict_table(new)["ds"],
        forecaster.predictor().predict_frame(new)["ds"],
        forecaster.predict(read_panel(new)).index.get_level_values(-1),
        forecaster.predict(new[new["unique_id"] == "a"].set_index("ds")[["y"]]).index,
    ):
        assert list(times[:4]) == list(expected)
