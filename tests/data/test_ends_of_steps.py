"""Quarters and weeks that are labeled by another day than those of fit are told where the calendar is read."""

import warnings

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill import DistilledForecaster
from skdistill.data._ends_of_steps import find_another_end
from skdistill.data._steps import PeriodStep, find_step
from skdistill.networks import Linear

VALUES = np.arange(80) % 4 + 0.1 * np.sin(np.arange(80.0) ** 2)
LABELS = {
    "periods": pd.period_range("2000Q1", periods=80, freq="Q"),
    "first days": pd.date_range("2000-01-01", periods=80, freq="QS"),
    "other first days": pd.date_range("2000-01-01", periods=80, freq="QS-OCT"),
    "last days": pd.date_range("2000-03-31", periods=80, freq="QE"),
}
ENDS = {"periods", "last days"}


def make(**settings):
    student = Linear(time_features=True, shift=None, last_rows=2, penalty=1e-6) if not settings else "linear"
    return DistilledForecaster(None, student, "response", context_length=8, prediction_length=4, random_state=0)


def rows(labels):
    return pd.DataFrame({"y": VALUES}, index=labels)


def told(function, *given):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        answer = function(*given)
    return [str(one.message) for one in found if "those of fit" in str(one.message)], answer


@pytest.mark.parametrize("fitted", LABELS)
def test_quarters_that_show_other_months_are_told(fitted, tmp_path):
    forecaster = make().fit(rows(LABELS[fitted]))
    expected = forecaster.predict(rows(LABELS[fitted])).to_numpy()
    forecaster.save(tmp_path / "quarters.skdistill")
    for one in (forecaster, skdistill.load(tmp_path / "quarters.skdistill")):
        for other, labels in LABELS.items():
            said, forecast = told(one.predict, {"a": rows(LABELS[fitted]), "b": rows(labels)})
            same = (other in ENDS) == (fitted in ENDS)
            assert len(said) == (not same)
            assert same == np.allclose(forecast["b"].to_numpy(), expected, atol=0.1)
            assert same or "'b'" in said[0]
            assert same or "so that the same quarter has another month" in said[0]
            assert same or ("Jan, Apr, Jul, Oct" in said[0] and "Mar, Jun, Sep, Dec" in said[0])


def test_students_without_a_calendar_are_not_told():
    forecaster = make(calendar=False).fit(rows(LABELS["periods"]))
    assert not told(forecaster.predict, rows(LABELS["first days"]))[0]


def test_periods_of_weeks_are_told_from_their_first_days():
    weeks = pd.period_range("2024-01-01", periods=80, freq="W")
    forecaster = make().fit(rows(weeks))
    (said,) = told(forecaster.predict, rows(weeks.to_timestamp().rename("week")))[0]
    assert "show Monday, and those of fit Sunday (periods)" in said
    assert not told(forecaster.predict, rows(pd.date_range("2024-01-07", periods=80, freq="W-SUN")))[0]


def test_weeks_that_are_all_timestamps_and_other_steps_are_let_alone():
    def step(freq):
        return find_step(pd.date_range("2024-01-01", periods=30, freq=freq))

    assert find_another_end([step("W-MON")], [step("W-SUN")]) is None
    assert find_another_end([step("MS"), None, step("D")], [step("ME")]) is None
    assert find_another_end([step("QS")], [step("D")]) is None
    assert find_another_end([step("D"), step("QS")], [step("QE")]) == 1
    assert find_another_end([step("QS")], [step("QE"), step("QS-APR")]) is None
    assert find_another_end([step("QS")], []) is None


def test_half_years_show_two_months():
    class HalfYearEnd(pd.offsets.QuarterEnd):
        """As in pandas 3, which has it."""

    first, last = (PeriodStep(HalfYearEnd(startingMonth=month), 1) for month in (1, 6))
    assert find_another_end([first], [last]) == 0
    assert find_another_end([last], [last]) is None
