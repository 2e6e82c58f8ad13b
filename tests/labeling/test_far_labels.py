"""Labels that lie so far from the truth that they decide what a student learns are told, wherever they are made."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_series

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, scale_out
from skdistill.datasets import to_long
from skdistill.selection._search import Search
from skdistill.teachers import GivenLabels

FAR = "labels of the teacher .* lie far from the truth"
LENGTHS = {"context_length": 12, "prediction_length": 3, "random_state": 0}


class Repeats(LastValueTeacher):
    """Repeats the last row, and adds an offset, without training: a search labels once for all folds."""

    scale_free = True


def make_forecaster(teacher, **changes):
    return DistilledForecaster(teacher, "linear", "response", **{**LENGTHS, **changes})


def given_forecasts(series):
    origins = np.arange(12, len(series) - 2)
    return np.stack([series[origin : origin + 3] for origin in origins]), origins


def test_one_code_among_given_forecasts_is_told_with_its_share():
    series = 10 + make_series(120, 2)
    forecasts, origins = given_forecasts(series)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_forecaster(GivenLabels(forecasts, origins)).fit(series)
    forecasts[40, 1, 0] = -9999
    standard = (forecasts - series.mean(axis=0)) / series.std(axis=0)
    true = np.stack([series[origin : origin + 3] for origin in origins])
    truth = np.square((true - series.mean(axis=0)) / series.std(axis=0)).mean(axis=0)[1, 0]
    times = np.square(standard).mean(axis=0)[1, 0] / max(1.0, truth)
    with pytest.warns(UserWarning, match=FAR) as told:
        make_forecaster(GivenLabels(forecasts, origins)).fit(series)
    text = next(str(one.message) for one in told if "far from the truth" in str(one.message))
    assert f"up to {np.abs(standard).max():.3g} standardized units" in text
    assert f"at step 2 of target 0, their mean square is {times:.3g} times" in text


@pytest.mark.parametrize("share", [None, 1 / 4])
def test_a_teacher_that_is_far_away_is_told_by_fit_and_refresh_and_a_plain_one_is_not(share, recwarn):
    series = make_series(140, 1)
    near = make_forecaster(LastValueTeacher(), label_share=share).fit(series[:120])
    near.refresh(series[120:])
    assert not [one for one in recwarn if "far from the truth" in str(one.message)]
    with pytest.warns(UserWarning, match=FAR):
        far = make_forecaster(LastValueTeacher(offset=20.0), label_share=share).fit(series[:120])
    with pytest.warns(UserWarning, match=FAR):
        far.refresh(series[120:])


def test_other_ways_to_the_same_labels_tell_it(monkeypatch):
    monkeypatch.setattr(Search, "_useful_teachers", lambda self, *place: list(self.teachers))
    panel = pd.concat(
        {name: pd.DataFrame({"y": make_series(60, 1, seed)[:, 0]}) for seed, name in enumerate("ab")},
        names=["unique_id", "ds"],
    )
    far = Repeats(offset=40.0)
    for most in (32, 1):  # the sample is all, or workers label another series
        monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", most)
        with pytest.warns(UserWarning, match=FAR) as told:
            scale_out.fit(make_forecaster(far), to_long(panel))
        assert sum("far from the truth" in str(one.message) for one in told) == 1
    with pytest.warns(UserWarning, match=FAR):
        DistilledForecasterCV("linear", far, context_lengths=12, prediction_length=3, cv=1, random_state=0).fit(panel)
    windows = np.lib.stride_tricks.sliding_window_view(make_series(60, 1)[:, 0], 15)
    with pytest.warns(UserWarning, match=FAR):
        DistilledRegressor(far, "linear", "response", random_state=0).fit(windows[:, :12], windows[:, 12:])
