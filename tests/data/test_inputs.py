"""What a user calls a series is brought to one normal form."""

import pandas as pd
import pytest
from doubles import make_forecaster, make_frame


def test_a_list_of_series_with_names_of_their_own_is_one_channel_of_many_series():
    frame = make_frame()
    forecaster = make_forecaster(teacher=None).fit([frame["c0"], frame["c1"]])
    forecasts = forecaster.predict([frame["c1"], frame["c0"].rename("other")])
    assert [forecast.name for forecast in forecasts] == ["c1", "other"]
    pd.testing.assert_series_equal(forecaster.predict(frame["c1"]), forecasts[0])
    with pytest.raises(ValueError, match="c0"):
        make_forecaster(teacher=None).fit([frame["c0"], frame["c0"]]).predict(frame["c1"])


def test_a_name_that_comes_again_in_a_list_stays_with_its_series():
    frame = make_frame()
    series = [frame["c0"], frame["c1"], frame["c0"]]
    forecaster = make_forecaster(teacher=None, student="linear").fit(series)
    assert [forecast.name for forecast in forecaster.predict(series)] == ["c0", "c1", "c0"]


def test_a_target_is_never_left_out_because_its_text_is_that_of_a_column():
    frame = make_frame().set_axis([1, "c1"], axis=1)
    forecaster = make_forecaster(teacher=None, student="linear", targets=["1", "c1"])
    with pytest.raises(ValueError, match=r"targets .* got '1', and the columns are \[1, 'c1'\]"):
        forecaster.fit(frame)
