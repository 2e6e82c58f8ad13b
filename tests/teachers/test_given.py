"""Given labels answer for the rows they belong to, and for no others."""

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series

from skdistill.comparison import rolling_forecasts
from skdistill.data import Augmentation
from skdistill.networks import DLinear
from skdistill.teachers import CrossFittedTeacher, EnsembleTeacher, GivenLabels, TrainedTeacher

ORIGINS = np.arange(12, 117)


def truth(values, origins=ORIGINS):
    return np.stack([values[origin : origin + 4] for origin in origins])


def by_position(values):
    return GivenLabels(truth(values), ORIGINS)


def by_time(frame):
    return GivenLabels(truth(frame.to_numpy()), frame.index[ORIGINS])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: one,
        lambda one: EnsembleTeacher([("one", one), ("last", LastValueTeacher())]),
        lambda one: CrossFittedTeacher(EnsembleTeacher([("one", one), ("net", TrainedTeacher(DLinear(3)))])),
    ],
    ids=["alone", "in an ensemble", "cross-fitted"],
)
def test_positions_do_not_answer_for_another_series(wrap):
    series = make_series()
    forecaster = make_forecaster(teacher=wrap(by_position(series))).fit(series)
    with pytest.raises(ValueError, match=r"GivenLabels are positions in the rows passed to fit.*Use timestamps"):
        forecaster.predict_teacher(series[30:60])


def test_numbers_of_series_are_those_of_a_list_as_long_as_that_of_fit():
    frames = [make_frame(), make_frame(seed=1)]
    forecasts = np.concatenate([truth(frame.to_numpy()) for frame in frames])
    origins = frames[0].index[np.tile(ORIGINS, 2)]
    teacher = GivenLabels(forecasts, origins, series=np.repeat([0, 1], len(ORIGINS)))
    forecaster = make_forecaster(teacher=teacher).fit(frames)
    for frame, forecast in zip(frames, forecaster.predict_teacher([frame[:60] for frame in frames]), strict=True):
        np.testing.assert_allclose(forecast, frame[60:64], rtol=1e-5)
    with pytest.raises(ValueError, match=r"series of GivenLabels are numbers, up to 1, .* got 1 series"):
        forecaster.predict_teacher(frames[1][:60])


def test_series_of_a_panel_are_found_by_their_ids():
    panel = {name: make_frame(seed=seed) for seed, name in enumerate("ab")}
    forecasts = np.concatenate([truth(frame.to_numpy()) for frame in panel.values()])
    origins = panel["a"].index[np.tile(ORIGINS, 2)]
    with pytest.raises(ValueError, match="series of GivenLabels is None, and fit got 2 series"):
        make_forecaster(teacher=GivenLabels(forecasts[: len(ORIGINS)], origins[: len(ORIGINS)])).fit(panel)
    teacher = GivenLabels(forecasts, origins, series=np.repeat([0, 1], len(ORIGINS)))
    forecaster = make_forecaster(teacher=teacher).fit(panel)
    for names in ("ba", "b"):
        found = forecaster.predict_teacher({name: panel[name][:60] for name in names})
        for name in names:
            np.testing.assert_allclose(found[name], panel[name][60:64], rtol=1e-5)
    rolled = rolling_forecasts(forecaster, {name: panel[name][:110] for name in "ba"})
    np.testing.assert_allclose(rolled.forecasts["teacher"], rolled.truth, atol=1e-5)
    with pytest.raises(ValueError, match="knows the series of fit, 'a', 'b', and not 'c'"):
        forecaster.predict_teacher({"b": panel["b"][:60], "c": panel["a"][:60]})


def test_labels_of_forecasts_are_not_read_in_another_order_than_origins():
    frame = make_frame(120, 1)
    table = pd.DataFrame(truth(frame.to_numpy())[..., 0], index=frame.index[ORIGINS])
    make_forecaster(teacher=GivenLabels(table, table.index), student="linear").fit(frame)
    for origins in (table.index[::-1], table.index[::-1].as_unit("s")):
        with pytest.raises(ValueError, match="labeled by their origins, in another order than origins"):
            make_forecaster(teacher=GivenLabels(table, origins)).fit(frame)


def test_timestamps_find_the_forecast_that_continues_the_rows():
    frame = make_frame()
    forecaster = make_forecaster(teacher=by_time(frame)).fit(frame)
    np.testing.assert_allclose(forecaster.predict_teacher(frame[20:60]), frame[60:64], rtol=1e-5)
    with pytest.raises(ValueError, match=r"starts at row 2024-01-06 00:00:00, which was requested"):
        forecaster.predict_teacher(frame)


def test_compare_looks_up_by_time_and_leaves_out_what_has_no_label():
    frame, other = make_frame(), make_frame(200)
    forecaster = make_forecaster(teacher=by_time(frame)).fit(frame)
    table = forecaster.compare(frame[60:110], n_resamples=3)
    assert table.loc["teacher", "mse"] < 1e-9
    with pytest.warns(UserWarning, match="the row 'teacher' is left out: GivenLabels covers no forecast"):
        table = forecaster.compare(other[110:], n_resamples=3)
    assert "teacher" not in table.index
    assert "alone" in table.index
    with pytest.warns(UserWarning, match="'teacher' of rolling_forecasts is left out"):
        assert set(rolling_forecasts(forecaster, other[110:]).forecasts) == {"student"}


def test_compare_with_quantiles_and_positions_leaves_the_teacher_out():
    series = make_series()
    forecaster = make_forecaster(teacher=by_position(series), quantiles=(0.1, 0.5, 0.9)).fit(series)
    with pytest.warns(UserWarning, match="the row 'teacher' is left out: origins of GivenLabels are positions"):
        assert "teacher" not in forecaster.compare(series[60:], alone=False, n_resamples=3).index


def test_a_report_is_written_without_the_teacher(tmp_path):
    pytest.importorskip("matplotlib")
    frame = make_frame()
    forecaster = make_forecaster(teacher=by_time(frame)).fit(frame)
    with pytest.warns(UserWarning, match="left out"):
        path = forecaster.report(make_frame(200)[110:], tmp_path / "report.html")
    assert path.is_file()


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one, "dlinear"], CrossFittedTeacher])
def test_perturbed_rows_have_no_given_labels(wrap):
    series = make_series()
    with pytest.raises(ValueError, match=r"augmentation of DistilledForecaster .* GivenLabels"):
        make_forecaster(teacher=wrap(by_position(series)), augmentation=Augmentation()).fit(series)


@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: EnsembleTeacher([("a", one), ("b", LastValueTeacher())])]
)
def test_contexts_that_start_before_their_series_count_where_they_have_a_label(wrap):
    lengths = {"long": 60, "short": 15}
    panel = {name: make_series(n) for name, n in lengths.items()}
    places = [(number, row) for number, n in enumerate(lengths.values()) for row in range(8, n - 3)]
    settings = {"validation_fraction": 0, "student": "linear"}
    every = make_forecaster(min_observed=8, teacher=None, **settings)._windows_to_fit(panel, None).train

    def fit(chosen):
        series, origins = np.array(chosen).T
        teacher = wrap(GivenLabels(np.zeros((len(chosen), 4, 2)), origins, series=series))
        forecaster = make_forecaster(teacher=teacher, **settings)
        return forecaster.fit(panel), forecaster._windows_to_fit(panel, None).train.starts.tolist()

    assert fit(places)[1] == every.starts.tolist()
    whole = [(number, row) for number, row in places if row >= 12 or number == 0]
    assert len(fit(whole)[1]) == len(every) - 4  # the short series has contexts of 8 to 11 rows
    with pytest.warns(UserWarning, match="too few training rows"):
        forecaster, starts = fit([place for place in places if place[1] >= 12 and place[0] == 0])
    assert len(starts) == 60 - 12 - 4 + 1
    assert forecaster.predict(panel)["short"].shape == (4, 2)
