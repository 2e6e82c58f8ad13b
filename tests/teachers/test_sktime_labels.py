"""Labels under which sktime forecasters see contexts: seasonal ones answer on every series that fit takes."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster

from skdistill import DistilledForecaster
from skdistill.data._steps import find_step
from skdistill.teachers import SktimeTeacher
from skdistill.teachers._sktime_labels import index_forms

SHOP = pd.offsets.CustomBusinessDay(weekmask="Tue Wed Thu Fri Sat", holidays=["2024-02-20"])
CAIRO = pd.date_range("2024-03-10", periods=64, freq="D").tz_localize("Africa/Cairo", nonexistent="shift_forward")
INDEXES = {
    "months as read from a file": pd.DatetimeIndex(pd.date_range("2001-01-01", periods=64, freq="MS").to_numpy()),
    "quarters": pd.date_range("2001-01-01", periods=64, freq="QE-JAN"),
    "business days": pd.date_range("2024-01-01", periods=64, freq="B"),
    "a shop's days": pd.date_range("2024-01-02", periods=64, freq=SHOP),
    "the 30th": pd.date_range("2001-01-30", periods=64, freq=pd.DateOffset(months=1, day=30)),
    "a skipped midnight": CAIRO,
    "a skipped hour": pd.date_range("2024-03-30", periods=64, freq="h", tz="Europe/Oslo"),
    "a doubled half hour": pd.date_range("2024-11-02 12:00", periods=64, freq="30min", tz="America/Chicago"),
    "months of a zone": pd.date_range("2011-01-01", periods=64, freq="MS", tz="Europe/Oslo"),
    "whole numbers": pd.Index(np.arange(64) * 5),
    "real numbers": pd.Index(np.arange(64) * 0.5),
    "durations": pd.to_timedelta(np.arange(64) * 15, unit="min"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", INDEXES)
@pytest.mark.parametrize("forecaster", [NaiveForecaster("last", sp=7), ThetaForecaster(sp=7)], ids=["naive", "theta"])
def test_a_seasonal_forecaster_teaches_on_any_step(kind, forecaster):
    if isinstance(forecaster, ThetaForecaster):
        pytest.importorskip("statsmodels", reason="sktime's ThetaForecaster needs statsmodels")
    wave = 20 + 3 * np.sin(np.arange(64) * 2 * np.pi / 7)
    table = pd.DataFrame({"load": wave}, INDEXES[kind])
    fitted = DistilledForecaster(
        SktimeTeacher(forecaster), "linear", "response", context_length=28, prediction_length=7, validation_fraction=0
    ).fit(table[:50])
    np.testing.assert_allclose(fitted.predict_teacher(table[:50])["load"], wave[50:57], atol=0.4)
    assert list(fitted.predict(table[:50]).index) == list(INDEXES[kind][50:57])


def test_positions_come_last():
    for kind, names in {
        "a skipped hour": ["labels", "periods", "positions"],
        "a doubled half hour": ["labels", "positions"],
        "months as read from a file": ["periods", "labels", "positions"],
        "a shop's days": ["positions"],
        "the 30th": ["positions"],
        "whole numbers": ["positions"],
        "real numbers": ["positions"],
    }.items():
        index = INDEXES[kind]
        forms = list(index_forms(index, find_step(index), 3, 20))
        assert [name for name, _ in forms] == names
        assert list(forms[-1][1]) == list(range(3, 20))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("zone", "start", "remembers", "tells"),
    [
        ("Europe/Berlin", "2024-10-25", True, True),  # among the rows of its fit
        ("Europe/Berlin", "2024-10-25", False, True),  # perhaps: from sktime 1.3 on it keeps none
        ("Europe/Berlin", "2024-10-23", True, True),  # after them
        ("Europe/Berlin", "2024-06-01", True, False),
        ("Asia/Kolkata", "2024-10-25", False, False),
        ("UTC", "2024-10-25", True, False),
    ],
)
def test_a_frozen_forecaster_on_a_clock_that_changes_is_told(zone, start, remembers, tells, recwarn):
    wave = 20 + 3 * np.sin(np.arange(72) * 2 * np.pi / 24)
    y = pd.Series(wave, pd.date_range(start, periods=72, freq="h", tz=zone))
    steps = list(range(1, 5))
    fitted = NaiveForecaster("last", sp=24).set_config(remember_data=remembers).fit(y, fh=steps)
    frozen = SktimeTeacher(FrozenEstimator(fitted))
    settings = {"context_length": 24, "prediction_length": 4}
    with suppress(Exception):  # sktime has no label for the doubled hour; to pandas 2, that is an error of pytz
        DistilledForecaster(frozen, "linear", "response", **settings).fit(wave[:30, None])
    told = [str(one.message) for one in recwarn if "sktime counts rows on that clock" in str(one.message)]
    assert len(told) == tells
    assert not tells or "fit it on y.tz_convert('UTC')" in told[0]
