"""Displays show what they are told, on the axes they are given."""

import re

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("matplotlib", reason="needs pip install 'skdistill[plot]'")
from matplotlib import pyplot as plt
from matplotlib.text import Text

from skdistill.comparison import error_by_scale, error_by_step, period_spectra, rolling_forecasts, win_rates
from skdistill.networks import Linear
from skdistill.plotting import (
    ForecastDisplay,
    HistoryDisplay,
    HorizonErrorDisplay,
    ScalesDisplay,
    SpectrumDisplay,
    TradeOffDisplay,
    WinRateDisplay,
    write_report,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    return make_forecaster(validation_fraction=0.2).fit(make_frame())


@pytest.fixture(scope="module")
def test_frame():
    return make_frame(60, seed=1)


# -- the numbers behind --------------------------------------------------------------------------


def test_rolled_forecasts_are_the_public_ones_standardized(fitted, test_frame):
    rolled = rolling_forecasts(fitted, test_frame, step=3)
    by_hand = fitted.backtest(test_frame).to_numpy().reshape(-1, 4, 2)[::3] / fitted.scaling_.original_scale_
    np.testing.assert_allclose(rolled.forecasts["student"], by_hand, rtol=1e-5)
    last = test_frame.to_numpy()[11:-4:3][: len(by_hand), None] / fitted.scaling_.original_scale_
    np.testing.assert_allclose(rolled.forecasts["teacher"], np.repeat(last, 4, axis=1), rtol=1e-5)
    assert rolled.channels == ["c0", "c1"]


def test_details_add_up_to_the_comparison(fitted, test_frame):
    rolled = rolling_forecasts(fitted, test_frame, alone=True)
    table = fitted.compare(test_frame)
    names = ["student", "teacher", "alone"]
    np.testing.assert_allclose(error_by_step(rolled).mean()[names], table.loc[names, "mse"], rtol=1e-5)
    np.testing.assert_allclose(error_by_scale(rolled).loc[1, names], table.loc[names, "mse"], rtol=1e-5)


def test_scales_pool_and_spectra_find_the_period():
    wave = np.sin(2 * np.pi * np.arange(24) / 6)[None, :, None]
    rolled = rolling_like(wave, {"student": np.zeros_like(wave)})
    errors = error_by_scale(rolled, n_scales=3, pooling_window=6)["student"]
    assert errors.index.tolist() == [1, 6]  # 24 -> 4 -> too short
    assert errors[1] == pytest.approx(0.5)
    assert errors[6] == pytest.approx(0.0, abs=1e-12)
    assert period_spectra(rolled)["truth"].idxmax() == 6
    assert period_spectra(rolled)["truth"].max() == pytest.approx(0.5)


def rolling_like(truth, forecasts):
    from skdistill.comparison import RollingForecasts

    return RollingForecasts(truth, forecasts, list(range(truth.shape[-1])))


def test_win_rates_count_windows_and_ties_half():
    truth = np.zeros((4, 2, 1))
    student = np.array([1.0, 1.0, 1.0, 3.0])[:, None, None] * np.ones((1, 2, 1))
    teacher = np.array([2.0, 2.0, 1.0, 1.0])[:, None, None] * np.ones((1, 2, 1))
    rates = win_rates(rolling_like(truth, {"student": student, "teacher": teacher}))
    assert rates.to_dict() == {0: 0.625, "all": 0.625}
    with pytest.raises(ValueError, match="needs forecasts of 'teacher'"):
        win_rates(rolling_like(truth, {"student": student}))


@pytest.mark.parametrize("shape", [(4, 2, 1), (1, 2, 3), (4, 1, 3)])
def test_forecasts_of_another_shape_are_not_stretched(shape):
    truth = np.arange(24.0).reshape(4, 2, 3)
    with pytest.raises(ValueError, match=r"forecasts 'student' must have the shape of truth, \(4, 2, 3\)"):
        HorizonErrorDisplay.from_predictions(truth, {"student": np.zeros(shape)})


def test_masked_truth_is_missing_and_forecasts_are_not():
    truth = np.ma.masked_equal(np.array([9.0, 1.0]).reshape(1, 2, 1), 9.0)
    display = HorizonErrorDisplay.from_predictions(
        np.ma.concatenate([truth, 0 * truth.data]), {"a": np.zeros((2, 2, 1))}
    )
    assert display.ax_.lines[0].get_ydata().tolist() == [0.0, 0.5]
    with pytest.raises(ValueError, match="forecasts 'a' must not be NaN where the true value is observed"):
        HorizonErrorDisplay.from_predictions(truth, {"a": np.full((1, 2, 1), np.nan)})


def test_the_student_alone_needs_the_training_series(fitted, test_frame):
    import pickle

    with pytest.raises(ValueError, match="pass train="):
        rolling_forecasts(pickle.loads(pickle.dumps(fitted)), test_frame, alone=True)


# -- the displays --------------------------------------------------------------------------------

ROLLING = [HorizonErrorDisplay, ScalesDisplay, SpectrumDisplay, WinRateDisplay]


@pytest.mark.parametrize("display", [ForecastDisplay, *ROLLING, TradeOffDisplay])
@pytest.mark.parametrize("piped", [False, True])
def test_from_estimator_draws_on_given_axes(display, piped, fitted, test_frame):
    model = make_pipeline(StandardScaler(), make_forecaster()).fit(make_frame()) if piped else fitted
    _, ax = plt.subplots()
    options = {"train": make_frame()} if display is TradeOffDisplay else {}
    shown = display.from_estimator(model, test_frame, ax=ax, **options)
    assert shown.ax_ is ax
    assert shown.figure_ is ax.figure
    assert ax.get_xlabel() or display is ForecastDisplay
    fresh = shown.plot()
    assert fresh is shown
    assert shown.ax_ is not ax


@pytest.mark.parametrize("display", [HorizonErrorDisplay, ScalesDisplay, SpectrumDisplay])
def test_both_ways_draw_the_same(display, fitted, test_frame):
    rolled = rolling_forecasts(fitted, test_frame)
    a = display.from_estimator(fitted, test_frame)
    b = display.from_predictions(rolled.truth, rolled.forecasts)
    assert [text.get_text() for text in a.ax_.get_legend().get_texts()] == [
        text.get_text() for text in b.ax_.get_legend().get_texts()
    ]
    for one, other in zip(a.ax_.lines, b.ax_.lines, strict=True):
        np.testing.assert_allclose(one.get_ydata(), other.get_ydata())


def test_forecast_lines_are_the_predictions(fitted, test_frame):
    display = ForecastDisplay.from_estimator(fitted, test_frame, start=30, channel="c0")
    lines = {line.get_label(): line for line in display.ax_.lines}
    assert list(lines) == ["context", "truth", "student", "teacher"]
    forecast = fitted.predict(test_frame[:30])["c0"]
    np.testing.assert_allclose(lines["student"].get_ydata(), forecast)
    np.testing.assert_allclose(lines["truth"].get_ydata(), test_frame["c0"].iloc[30:34])
    with pytest.raises(ValueError, match="context_length = 12 rows before it"):
        ForecastDisplay.from_estimator(fitted, test_frame, start=5)


@pytest.mark.filterwarnings("ignore:.*lie outside bounds")
def test_forecasts_are_drawn_within_bounds_also_those_of_the_teacher(test_frame):
    forecaster = make_forecaster(bounds=(4.9, 5.1)).fit(test_frame)
    display = ForecastDisplay.from_estimator(forecaster, test_frame, start=30)
    free = forecaster.predict_teacher(test_frame[:30])["c1"]
    assert not free.between(4.9, 5.1).all()
    np.testing.assert_allclose(display.forecasts["teacher"], free.clip(4.9, 5.1))


def test_forecast_of_an_array_beyond_its_end():
    series = make_series()
    forecaster = make_forecaster(teacher=None).fit(series)
    display = ForecastDisplay.from_estimator(forecaster, series, start=120)
    assert display.ax_.lines[-1].get_xdata()[0] == 120


def test_ticks_are_in_the_zone_of_the_series():
    index = pd.date_range("2024-07-01", periods=72, freq="h", tz="America/New_York")
    wave = pd.Series(np.arange(72.0), index=index)
    display = ForecastDisplay.from_predictions(wave[:60], wave[60:], {"student": wave[60:]})
    display.figure_.canvas.draw()
    axis = display.ax_.xaxis
    ticks = pd.to_datetime(axis.get_major_locator()(), unit="D", utc=True).tz_convert(index.tz).round("min")
    labels = axis.get_major_formatter().format_ticks(axis.get_major_locator()())
    assert not (ticks.hour % 4).any()  # whole hours of New York, which has midnight at 4 of UTC
    assert all(label == f"{tick.hour:02}:00" for label, tick in zip(labels, ticks, strict=True) if tick.hour)
    assert ("Jul-03" in labels) == (0 in ticks.hour)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-01", periods=30, freq="D"),
        pd.period_range("2024-01", periods=30, freq="M"),
        pd.Index(range(100, 160, 2)),
    ],
    ids=["dates", "periods", "numbers"],
)
def test_arrays_follow_the_labels_of_the_context(index):
    wave = pd.Series(np.arange(30.0), index=index)
    display = ForecastDisplay.from_predictions(wave[:24], wave[24:].to_numpy(), {"student": [1.0] * 4})
    assert display.truth.index.equals(index[24:])
    assert display.forecasts["student"].index.equals(index[24:28])
    apart = ForecastDisplay.from_predictions(wave[:20], wave[24:], {"student": [1.0] * 6})
    assert apart.forecasts["student"].index.equals(index[24:])  # those of the truth
    with pytest.raises(ValueError, match="no regular step that an array of truth or forecasts could follow"):
        ForecastDisplay.from_predictions(wave.iloc[[0, 1, 5]], None, {"student": [1.0]})


@pytest.mark.parametrize(
    ("index", "start", "label"),
    [
        (pd.Index([f"r{number}" for number in range(120)]), 114, "row"),
        (pd.timedelta_range("0s", periods=120, freq="5min"), 114 * 300, "seconds"),
        (pd.Index(range(1900, 2020), name="year"), 2014, "year"),
        (pd.Index(np.arange(120) / 2), 57.0, "label of the row"),
        (pd.RangeIndex(120), 114, "row"),
    ],
    ids=["text", "durations", "years", "floats", "rows"],
)
def test_forecasts_are_drawn_after_the_context_whatever_its_labels(index, start, label):
    frame = make_frame().set_axis(index)
    ax = ForecastDisplay.from_estimator(make_forecaster().fit(frame), frame, start=114).ax_
    lines = {line.get_label(): line.get_xdata()[0] for line in ax.lines}
    assert lines["truth"] == lines["student"] == lines["teacher"] == start
    assert lines["context"] < start
    assert ax.get_xlabel() == label


@pytest.mark.parametrize(
    "form", [lambda one: one, lambda one: {"a": one}, lambda one: [one, one]], ids=["one", "dict", "list"]
)
def test_a_pandas_series_is_drawn_at_its_times(form, tmp_path):
    load = pd.Series(np.sin(np.arange(120)), index=pd.date_range("2024", periods=120, freq="h"), name="load")
    forecaster = make_forecaster(teacher=None, student=Linear()).fit(form(load))
    ax = ForecastDisplay.from_estimator(forecaster, form(load), start=114).ax_
    assert ax.get_ylabel().startswith("load")
    lines = {line.get_label(): pd.DatetimeIndex(line.get_xdata())[0] for line in ax.lines}
    assert lines == {"context": load.index[102], "truth": load.index[114], "student": load.index[114]}
    page = write_report(forecaster, form(load), tmp_path / "report.html").read_text()
    assert "<th>load</th>" in page


def test_rows_are_taken_by_position_also_of_labels_that_are_decimals():
    """pandas before 3 reads the numbers of a slice as labels there."""
    seconds = pd.Series(make_series(60)[:, 0], np.arange(60) * 0.5)
    forecaster = make_forecaster(teacher=None, student=Linear()).fit(seconds)
    display = ForecastDisplay.from_estimator(forecaster, seconds, start=30)
    np.testing.assert_array_equal(display.context.index, seconds.index[18:30])
    expected = forecaster.predict(seconds.iloc[18:30])
    np.testing.assert_array_equal(display.forecasts["student"], expected.to_numpy().ravel())


def test_no_line_of_nothing():
    frame = make_frame()
    ax = ForecastDisplay.from_estimator(make_forecaster().fit(frame), frame, start=len(frame)).ax_
    assert [line.get_label() for line in ax.lines] == ["context", "student", "teacher"]


def test_a_solved_student_shows_what_was_tried():
    student = Linear(penalty=[1e-6, 1e3])  # the first one is chosen
    fitted = make_forecaster(teacher=None, student=student, max_epochs=10).fit(make_series())
    ax = HistoryDisplay.from_estimator(fitted).ax_
    assert ax.get_xlabel() == "penalty or weights tried (number)"
    assert [line.get_label() for line in ax.lines[:2]] == ["supervised", "validation error"]
    trained = make_forecaster().fit(make_series()).refresh(make_series()[:20])  # its epochs count from 1 again
    assert HistoryDisplay.from_estimator(trained).ax_.get_xlabel() == "epoch"


def test_history_shows_every_term_and_validation(fitted):
    display = HistoryDisplay.from_estimator(fitted)
    labels = [line.get_label() for line in display.ax_.lines]
    assert labels[:3] == ["supervised", "prediction", "validation error"]  # with quantiles it is their loss


@pytest.mark.parametrize("n_steps", [1, 3, 24])
def test_steps_are_whole_numbers(n_steps):
    ax = plt.subplots()[1]
    ax.set_xticks([0.5])  # ticks of the axes that are given do not matter
    HorizonErrorDisplay.from_predictions(np.zeros((3, n_steps, 1)), {"student": np.ones((3, n_steps, 1))}, ax=ax)
    shown = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    assert shown == [round(tick) for tick in shown]
    assert len(shown) >= min(n_steps, 3)


def test_history_is_found_in_pipelines():
    pipeline = make_pipeline(StandardScaler(), make_forecaster()).fit(make_frame())
    lines = HistoryDisplay.from_estimator(pipeline).ax_.lines
    np.testing.assert_allclose(lines[0].get_ydata(), [row["train_supervised"] for row in pipeline[-1].history_])


def test_trade_off_leaves_out_rows_without_the_cost(fitted, test_frame):
    table = fitted.compare(test_frame)
    display = TradeOffDisplay.from_comparison(table, cost="parameters")
    texts = [text.get_text() for text in display.ax_.texts]
    assert "seasonal naive" not in texts
    assert "exact linear" in texts
    with pytest.raises(ValueError, match="Did you mean 'ms_per_batch'"):
        TradeOffDisplay.from_comparison(table, cost="ms_per_bath")


def test_a_missing_matplotlib_is_named(monkeypatch, fitted):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skdistill\[plot\]"):
        HistoryDisplay.from_estimator(fitted)


def test_win_rate_needs_a_teacher(test_frame):
    alone = make_forecaster(teacher=None).fit(make_frame())
    with pytest.raises(ValueError, match="teacher"):
        WinRateDisplay.from_estimator(alone, test_frame)


# -- what a reader can see ------------------------------------------------------------------------


def points_of(line):
    """Return the values that a line marks, as those that it cannot lead to."""
    return line.get_ydata()[line.get_markevery()].tolist() if line.get_marker() == "o" else []


def test_values_without_neighbors_are_points():
    wave = np.arange(30.0)
    truth = np.array([np.nan, 21.0, np.nan, 23.0, 24.0])
    lines = ForecastDisplay.from_predictions(wave[:20], truth, {"student": wave[20:25]}).ax_.lines
    assert [points_of(line) for line in lines] == [[], [21.0], []]
    of_one_step = ForecastDisplay.from_predictions(wave[:20], wave[20:21], {"student": [19.0]}).ax_
    assert [points_of(line) for line in of_one_step.lines] == [[], [20.0], [19.0]]
    errors = HorizonErrorDisplay.from_predictions(np.zeros((3, 1, 1)), {"student": np.ones((3, 1, 1))}).ax_
    assert points_of(errors.lines[0]) == [1.0]
    epochs = [{"epoch": n, "train_a": 1.0, **({"valid_loss": 2.0} if n == 20 else {})} for n in range(1, 41)]
    assert points_of(HistoryDisplay(history=epochs).plot().ax_.lines[1]) == [2.0]


@pytest.mark.parametrize("display", [HorizonErrorDisplay, ScalesDisplay, SpectrumDisplay])
def test_nothing_to_draw_is_told(display):
    truth = np.ones((3, 8, 2))
    for given, got in (({}, "none"), (truth, "ndarray")):
        with pytest.raises(ValueError, match=f"forecasts must be a dict from names to arrays, .* got {got}"):
            display.from_predictions(truth, given)
    for empty in (truth[:0], truth[:, :0], truth[:, :, :0]):
        with pytest.raises(ValueError, match="truth must have at least one window, step and target"):
            display.from_predictions(empty, {"student": empty})
    with pytest.raises(ValueError, match="forecasts of ForecastDisplay must be a dict with at least one"):
        ForecastDisplay.from_predictions(truth[0, :, 0], None, {})
    with pytest.raises(ValueError, match="needs channels"):
        WinRateDisplay.from_predictions(truth, {"student": truth, "teacher": truth}, [])


def test_a_fan_of_one_row_is_a_bar():
    fan = pd.DataFrame([[0.1, 0.5, 0.9]], columns=[0.1, 0.5, 0.9])
    display = ForecastDisplay.from_predictions(np.zeros(5), None, {"student": [0.5]}, fans={"student": fan})
    (bar,) = display.ax_.collections[1].get_segments()
    assert bar.tolist() == [[5.0, 0.1], [5.0, 0.9]]


def test_no_two_rows_look_alike():
    names = ["student", "teacher", "alone", *"abcdefgh", "mine: teacher"]
    forecasts = {name: np.ones((3, 4, 1)) for name in names}
    lines = HorizonErrorDisplay.from_predictions(np.zeros((3, 4, 1)), forecasts).ax_.lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(names)
    shown = {name: forecasts[name] for name in names[::-1]}  # in the order in which they are given
    assert [
        bar.get_label() for bar in ScalesDisplay.from_predictions(np.zeros((3, 4, 1)), shown).ax_.containers
    ] == names[::-1]
    bars = ScalesDisplay.from_predictions(np.zeros((3, 4, 1)), forecasts).ax_.containers
    assert len({(one[0].get_facecolor(), one[0].get_hatch()) for one in bars}) == len(names)


def test_names_are_shown_as_they_are():
    display = ForecastDisplay.from_predictions(
        np.zeros(5), None, {"_mine": [1.0], "cost in $ or $": [2.0]}, channel="price $^$"
    )
    display.figure_.canvas.draw()  # a formula raises here
    shown = [text.get_text().strip() for text in display.ax_.get_legend().get_texts()]
    assert shown == ["context", "_mine", r"cost in \$ or \$"]


@pytest.mark.parametrize("name", ["truth", "context"])
def test_a_forecast_is_not_drawn_in_place_of_the_truth(name):
    with pytest.raises(ValueError, match=f"must not be called '{name}'"):
        ForecastDisplay.from_predictions(np.zeros(5), np.ones(2), {name: np.ones(2)})


def test_a_spectrum_has_the_truth_and_something_to_draw():
    with pytest.raises(ValueError, match="a forecast must have another name"):
        SpectrumDisplay.from_predictions(np.ones((3, 4, 1)), {"truth": np.zeros((3, 4, 1))})
    with pytest.raises(ValueError, match="the horizon is 1 step"):
        SpectrumDisplay.from_predictions(np.ones((3, 1, 1)), {"student": np.zeros((3, 1, 1))})


@pytest.mark.parametrize(
    ("columns", "labels", "message"),
    [
        ([0.9, 0.5, 0.1], [5, 6], "in rising order"),
        ([0.1, 0.5, 0.9], [6, 7], "must have the 2 rows of its forecast, from 5 to 6"),
        ([0.1, 0.5, 0.9], range(6, 8), "must have the 2 rows of its forecast, from 5 to 6"),
        ([0.1, 0.5, 0.9], [5, 6, 7], "got 3 rows"),
    ],
)
def test_fans_lie_around_their_forecast(columns, labels, message):
    fan = pd.DataFrame(np.zeros((len(labels), 3)), index=labels, columns=columns)
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(np.zeros(5), None, {"student": np.zeros(2)}, fans={"student": fan})


def test_a_level_without_a_partner_is_a_line():
    fan = pd.DataFrame({0.1: [0.0, 1.0], 0.2: [2.0, 3.0], 0.9: [4.0, 5.0]})
    display = ForecastDisplay.from_predictions(np.zeros(5), None, {"student": [3.0, 4.0]}, fans={"student": fan})
    assert {line.get_label(): line.get_ydata().tolist() for line in display.ax_.lines}["level 0.2"] == [2.0, 3.0]


def test_labels_that_are_text_are_readable_and_in_their_places():
    names = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    wave = pd.Series(np.arange(60.0), index=names)
    ax = ForecastDisplay.from_predictions(wave[:40], wave[40:], {"student": wave[40:]}).ax_
    assert [line.get_xdata()[0] for line in ax.lines] == [0, 40, 40]
    ticks = ax.get_xticks()
    shown = ax.xaxis.get_major_formatter().format_ticks(ticks)
    assert len(ticks) < 8
    assert all(label == names[int(tick)] for label, tick in zip(shown, ticks, strict=True) if 0 <= tick < 60)
    with pytest.raises(ValueError, match="those of 'context' repeat 'Mon'"):
        ForecastDisplay.from_predictions(pd.Series([1.0, 2.0], index=["Mon", "Mon"]), None, {"student": wave[40:]})


def test_losses_that_are_not_positive_are_drawn():
    epochs = [{"epoch": n, "train_gap": 1.0 - n, "valid_loss": 1.0} for n in (1, 2, 3)]
    assert HistoryDisplay(history=epochs).plot().ax_.get_yscale() == "linear"


def test_labels_of_equal_errors_do_not_overlap():
    table = pd.DataFrame(
        {"mse": [0.5, 0.5, 0.5], "standard_error": [0.0, 0.1, 0.2], "parameters": [100, 101, 102]}, index=[*"abc"]
    )
    display = TradeOffDisplay.from_comparison(table, cost="parameters")
    display.figure_.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in display.ax_.texts]
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
    with pytest.raises(ValueError, match="needs rows whose 'parameters' is above 0"):
        TradeOffDisplay.from_comparison(table.assign(parameters=0), cost="parameters")


def test_labels_stay_beside_their_points():
    errors, times = (
        [0.85, 1.58, 0.69, 0.67, 1.08, 2.48, 1.07, 1.16],
        [0.099, 0.24, 0.097, 0.03, 0.014, 0.015, 0.02, 0.04],
    )
    noise = [0.0, 0.2, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1]
    table = pd.DataFrame({"mse": errors, "standard_error": noise, "ms_per_window": times}, index=[*"abcdefgh"])
    ax = TradeOffDisplay.from_comparison(table).ax_
    moved = [abs(text.get_position()[1] - text.xy[1]) / np.ptp(ax.get_ylim()) for text in ax.texts]
    assert max(moved) < 0.1
    assert max(moved[0], moved[2]) < 0.03  # nothing else is near


def test_win_rates_of_long_names_and_of_no_truth_are_told():
    truth = np.ones((4, 3, 2))
    truth[:, :, 1] = np.nan
    names = ["the first channel, with a name of many words in it", "b"]
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        display = WinRateDisplay.from_predictions(
            truth, {"student": np.full(truth.shape, 0.9), "teacher": np.full(truth.shape, 0.8)}, names
        )
    assert [text.get_text() for text in display.ax_.texts] == ["100", "no true values", "100"]
    display.figure_.canvas.draw()
    label = display.ax_.xaxis.label.get_tightbbox()
    assert label.x0 >= 0
    assert label.x1 <= display.figure_.bbox.x1


# -- the report ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("piped", [False, True])
def test_the_report_is_one_page_that_needs_nothing_else(piped, fitted, test_frame, tmp_path):
    model = make_pipeline(StandardScaler(), make_forecaster()).fit(make_frame()) if piped else fitted
    path = tmp_path / "report.html"
    if piped:
        write_report(model, test_frame, path, train=make_frame(), title="A <small> model")
    else:
        assert fitted.report(test_frame, path) == path
    page = path.read_text()
    links = re.findall(r'(?:src|href)="([^"]{1,20})', page)
    assert links
    assert all(link.startswith("data:image/png") for link in links)
    for word in (
        "exact linear",
        "seasonal naive",
        "best window",
        "worst window",
        "numpy",
        "Seed: 0",
        "LastValueTeacher",
    ):
        assert word in page
    if piped:
        assert "A &lt;small&gt; model" in page
    assert not plt.get_fignums(), "figures are closed"


@pytest.mark.parametrize(
    ("make", "as_panel"),
    [
        pytest.param(make_series, list, id="arrays"),
        pytest.param(make_frame, list, id="frames", marks=pytest.mark.slow),
        pytest.param(make_series, np.stack, id="3-D array", marks=pytest.mark.slow),
    ],
)
def test_the_report_of_a_panel_draws_each_window_in_its_series(make, as_panel, tmp_path, monkeypatch):
    calm, wild = make(40, seed=1), make(40, seed=2)
    wild[-8:] *= 3.0  # the worst window is the last one
    panel, drawn, draw = as_panel([calm, wild]), [], ForecastDisplay.from_estimator
    monkeypatch.setattr(
        ForecastDisplay, "from_estimator", lambda *args, **at: drawn.append((args, at)) or draw(*args, **at)
    )
    page = make_forecaster().fit(make(120)).report(panel, tmp_path / "report.html").read_text()
    assert "worst window, from row 36 of series 1" in page
    assert "test series: 2 series of 40 to 40 rows, 2 channels" in page
    assert (drawn[-1][1]["series"], drawn[-1][1]["start"]) == (1, 36)
    with pytest.raises(ValueError, match=r"series of ForecastDisplay must be one of the 2 ids of X; got 7"):
        draw(make_forecaster().fit(make(120)), panel, series=7)


@pytest.mark.parametrize("form", ["frame", "array"])
def test_the_report_draws_the_channel_with_the_largest_error(form, tmp_path, monkeypatch):
    series, drawn, draw = make_series(140, 3), [], ForecastDisplay.from_estimator
    series[:, 2] += np.random.default_rng(0).normal(size=140)
    series = pd.DataFrame(series, columns=[1, 2, 0]) if form == "frame" else series
    monkeypatch.setattr(
        ForecastDisplay, "from_estimator", lambda *args, **at: drawn.append(draw(*args, **at)) or drawn[-1]
    )
    targets = None if form == "frame" else [1, 2]
    forecaster = make_forecaster(teacher=None, student="linear", max_epochs=10, targets=targets)
    forecaster.fit(series[:100]).report(series[88:], tmp_path / "report.html")
    assert drawn[-1].channel == ("0" if form == "frame" else "channel 2")


@pytest.mark.slow
def test_a_report_says_that_its_pictures_weigh_no_series(tmp_path):
    panel = {name: make_frame(40, seed=seed) for seed, name in enumerate("ab")}
    for weight in ("windows", "equal"):
        fitted = make_forecaster(teacher=None, student="linear", series_weight=weight).fit(panel)
        page = fitted.report(panel, tmp_path / "report.html").read_text()
        assert ("Every window counts alike" in page) == (weight == "equal")


@pytest.mark.slow
def test_a_report_of_many_series_has_all_of_them_by_size(tmp_path):
    panel = {f"shop {number}": make_frame(17, seed=number) for number in range(250)}  # two windows each
    fitted = make_forecaster(teacher=None).fit(panel)
    page = fitted.report(panel, tmp_path / "report.html").read_text()
    rows = re.findall(r"<tr>\s*<td>(\d+)</td>", page[page.index("By size") :])
    assert sum(map(int, rows)) == 250
    assert "one window every 2 rows" in page


def test_units_are_those_after_the_steps_of_a_pipeline(test_frame):
    model = make_pipeline(StandardScaler(), make_forecaster()).fit(make_frame())
    label = ForecastDisplay.from_estimator(model, test_frame, channel=0).ax_.get_ylabel()
    assert "original" not in label
    assert "after the steps before" in label.replace("\n", " ")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["frame", "dict"])
def test_the_report_of_a_panel_names_its_ids(form, tmp_path):
    frames = {f"shop {number}": make_frame(40, seed=number) * 10.0**number for number in range(3)}
    panel = pd.concat(frames, names=["shop"]) if form == "frame" else frames
    fitted = make_forecaster(quantiles=(0.1, 0.9)).fit(panel)
    page = fitted.report(panel, tmp_path / "report.html").read_text()
    for text in (
        "test series: 3 series of 40 to 40 rows",
        "of series &#x27;shop ",
        "<h2>Series</h2>",
        "By size",
        "share_best",
    ):
        assert text in page
    sizes = [np.abs(frames[f"shop {number}"].iloc[12:]).mean(axis=None) for number in range(3)]
    assert all(f"<td>{size:.4g}</td>" in page for size in sizes)  # in original units, of the rows that are forecast
    display = ForecastDisplay.from_estimator(fitted, panel, series="shop 2", start=36)
    expected = fitted.predict({"shop 2": frames["shop 2"].iloc[:36]})["shop 2"]["c1"]
    np.testing.assert_allclose(display.forecasts["student"], expected)
    assert display.ax_.get_ylabel() == "c1 of series 'shop 2' (original units)"
    plt.close("all")
    with pytest.raises(ValueError, match="names a series of a panel; X is a single one"):
        ForecastDisplay.from_estimator(fitted, frames["shop 1"], series="shop 1")


@pytest.mark.filterwarnings("ignore:compare leaves out")
def test_windows_of_a_panel_are_found_in_their_series():
    fitted = make_forecaster().fit(make_series(120))  # 12 rows of context, 4 to forecast
    panel = [make_series(length) for length in (17, 15, 16, 20)]  # of 2, 0, 1 and 5 windows
    rolled = rolling_forecasts(fitted, panel)
    places = list(zip(rolled.series.tolist(), rolled.starts.tolist(), strict=True))
    assert places == [(0, 12), (0, 13), (2, 12), (3, 12), (3, 13), (3, 14), (3, 15), (3, 16)]
    panel[3][12:17] = np.nan  # the first two windows of the last series
    rolled = rolling_forecasts(fitted, panel, step=2)
    places = list(zip(rolled.series.tolist(), rolled.starts.tolist(), strict=True))
    assert places == [(0, 12), (2, 12), (3, 14), (3, 16)]  # every series has its first window


def test_a_report_of_one_step_has_no_empty_picture(tmp_path):
    frame = make_frame()
    page = write_report(make_forecaster(prediction_length=1).fit(frame[:100]), frame[88:], tmp_path / "one.html")
    text = page.read_text()
    assert 'alt="Error over the horizon"' in text
    assert 'alt="Periods"' not in text
