"""What stands in for missing values, and the units of series and windows."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill import DistilledForecaster
from skdistill._utils.numpy_student import fill_missing
from skdistill.data._local_scale import LocalUnits, series_units, window_units
from skdistill.data._scaling import Scaling
from skdistill.data._season import seasons_of_step
from skdistill.data._series import Series
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import split_windows
from skdistill.networks import Linear

NAN = np.nan


def column(*values):
    return np.array(values, dtype=float)[None, :, None]


@pytest.mark.parametrize(
    ("values", "season", "expected"),
    [
        ((1, NAN, 3), 1, (1, 2, 3)),
        ((NAN, NAN, 3), 1, (3, 3, 3)),
        ((1, 2, NAN), 1, (1, 2, 2)),
        ((1, 9, 1, 9, NAN, NAN, 1, 9), 2, (1, 9, 1, 9, 1, 9, 1, 9)),  # longer than a quarter of a season
        ((NAN, 9, 1, 9), 2, (1, 9, 1, 9)),
        ((0, 10, 4, NAN, 8, 14), 2, (0, 10, 4, 6, 8, 14)),  # one row is bridged by a line
        ((NAN, NAN), 1, (0, 0)),
    ],
)
def test_gaps_are_filled_by_hand_computed_values(values, season, expected):
    np.testing.assert_allclose(fill_missing(column(*values), season).ravel(), expected)


def test_a_context_without_missing_values_is_not_copied():
    values = np.ones((2, 4, 1))
    assert fill_missing(values, 2) is values


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.floats(0.0, 0.9))
def test_filling_follows_units_and_leaves_other_windows_alone(seed, season, share):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(4, 20, 2))
    values[generator.random(values.shape) < share] = NAN
    values[:, 0] = 1.0  # every channel has an observed value
    filled = fill_missing(values, season)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(values)], values[~np.isnan(values)])
    np.testing.assert_allclose(fill_missing(3.0 * values - 5.0, season), 3.0 * filled - 5.0, atol=1e-12)
    for window in range(4):  # no window depends on its neighbors
        np.testing.assert_array_equal(fill_missing(values[window : window + 1], season)[0], filled[window])


@pytest.mark.parametrize(("season", "length"), [(4, 12), (1, 12), (12, 12), (30, 12)])
def test_contexts_that_begin_before_a_series_are_filled_as_each_alone(season, length):
    generator = np.random.default_rng(0)
    series = [Series(generator.normal(size=(n_rows, 2))) for n_rows in (30, 9, 3, 40)]
    series[3].values[[20, 21, 35], 0] = NAN
    scaling = Scaling(kind="series", season=season).fit([one.values for one in series])
    store = SeriesStore.from_series(series, scaling, padding=2, front=length - 1, numbers=range(4))
    windows = split_windows(
        store, context_length=length, prediction_length=2, targets=(0, 1), validation_rows=[0] * 4, min_observed=1
    ).train
    assert 0 < windows.filled[1].sum() < len(windows)
    rows = np.arange(length) + windows.starts.numpy()[:, None]
    everything = windows.context_values(torch.arange(len(windows)))
    np.testing.assert_array_equal(everything, fill_missing(store.values.numpy()[rows], season))


@pytest.mark.parametrize("rows", [np.zeros((9, 1)), np.full((9, 1), 7.0), np.full((9, 1), NAN), np.full((1, 1), 3.0)])
def test_constant_and_empty_series_have_a_unit(rows):
    units = series_units([rows], season=4)
    assert (units.unit > 0).all()
    assert np.isfinite(units.center).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_between_equal_seasons_is_no_unit(level, dtype):
    wave = (level + np.cos(2 * np.pi * np.arange(60) / 5.0) / 3).astype(dtype)[None, :, None]  # repeats up to rounding
    assert window_units(wave, season=5)[0].unit.item() == pytest.approx(np.abs(np.diff(wave[0, :, 0])).mean(), rel=1e-3)


def test_a_season_that_nearly_repeats_keeps_its_unit():
    values = np.tile([0.0, 1.0, 5.0], 8) + 0.01 * np.arange(24)
    assert window_units(values[None, :, None], season=3)[0].unit.item() == pytest.approx(0.03)


@pytest.mark.parametrize("scaling", ["series", "window"])
def test_series_that_repeat_exactly_are_forecast(scaling):
    wave = np.cos(2 * np.pi * np.arange(150) / 7.0)[:, None]
    panel = {"low": 3 + wave[:140], "high": 20 + 4 * wave[:140]}
    forecaster = DistilledForecaster(
        None,
        Linear(season=7),
        "response",
        context_length=21,
        prediction_length=10,
        validation_fraction=0,
        scaling=scaling,
    ).fit(panel)
    for name, rows in forecaster.predict(panel).items():
        expected = 3 + wave[140:] if name == "low" else 20 + 4 * wave[140:]
        np.testing.assert_allclose(rows, expected, rtol=0.01)


def test_the_unit_is_the_mean_absolute_seasonal_difference_of_what_is_observed():
    values = np.array([1.0, 5.0, 2.0, NAN, 4.0, 9.0])[None, :, None]
    assert window_units(values, season=2)[0].unit.item() == pytest.approx((1 + 2) / 2)  # 2 - 1 and 4 - 2
    assert window_units(values, season=2)[0].center.item() == pytest.approx(6.5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_units_follow_a_change_of_units(seed, factor, shift):
    values = np.random.default_rng(seed).normal(size=(3, 30, 2))
    shift = factor * shift
    units, changed = (window_units(one, 7)[0] for one in (values, factor * values + shift))
    np.testing.assert_allclose(changed.unit, factor * units.unit, rtol=1e-6)
    np.testing.assert_allclose(changed.center, factor * units.center + shift, rtol=1e-6, atol=1e-6 * factor)


def test_units_inside_units_are_one_step():
    outer = LocalUnits(np.array([[10.0]]), np.array([[2.0]]))
    inner = LocalUnits(np.array([[-1.0]]), np.array([[0.5]]))
    values = np.array([[[3.0], [12.0]]])
    np.testing.assert_allclose(outer.inside(inner).standardize(values), inner.standardize(outer.standardize(values)))
    np.testing.assert_allclose(outer.restore(outer.standardize(values)), values)


@pytest.mark.parametrize("kind", ["series", "window"])
def test_forecasts_go_to_standard_units_and_back(kind):
    rows = [np.random.default_rng(k).normal(size=(40, 2)) * 10.0**k for k in range(3)]
    scaling = Scaling(targets=(1,), kind=kind, season=4).fit(rows)
    contexts = np.stack([part[-12:] for part in rows])
    read = scaling.standardize_contexts(contexts, np.array([0, -1, 2]))
    forecasts = contexts[:, -3:, 1:]
    standard = scaling.forecasts_to_standard(forecasts, read.units)
    np.testing.assert_allclose(standard, read.values[:, -3:, 1:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scaling.forecasts_to_original(standard, read.units), forecasts, rtol=1e-5)


def test_a_series_that_fit_has_not_seen_has_the_units_of_its_context():
    rows = [np.arange(40.0)[:, None] % 4]
    scaling = Scaling(kind="series", season=4).fit(rows)
    strange = 1000.0 + 50.0 * np.random.default_rng(0).normal(size=(1, 16, 1))
    read = scaling.standardize_contexts(strange)
    np.testing.assert_allclose(read.units.unit, window_units(strange, 4)[0].unit)
    assert np.abs(read.values).max() < 10


@pytest.mark.parametrize(("level", "spread"), [(1e7, 1e-4), (1e12, 1e-2), (-3e9, 1e-3)])
def test_a_small_spread_on_a_large_level_is_no_constant(level, spread):
    rows = level + spread * np.sin(2 * np.pi * np.arange(600) / 12)[:, None]
    scaling = Scaling().fit([rows])
    assert scaling.scale_[0] == pytest.approx(spread / np.sqrt(2), rel=0.05)
    assert np.abs(scaling.standardize(rows)).max() < 2


@pytest.mark.parametrize(
    ("offset", "seasons"),
    [
        (pd.offsets.Hour(), (24, 168)),
        (pd.offsets.Minute(15), (96, 672)),
        (pd.offsets.Minute(), (1440, 60)),
        (pd.offsets.Minute(4), (360, 15)),
        (pd.offsets.Second(), (3600, 60)),
        (pd.offsets.Day(), (7, 365)),
        (pd.offsets.CustomBusinessDay(holidays=["2024-01-01"]), (5, 260)),
        (pd.offsets.Week(weekday=2), (52,)),
        (pd.DateOffset(months=1), (12,)),
        (pd.DateOffset(months=1, day=31), (12,)),
        (pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat"), (6, 312)),
        (pd.offsets.QuarterBegin(startingMonth=1), (4,)),
        (pd.offsets.LastWeekOfMonth(weekday=4), (12,)),
        (pd.offsets.YearEnd(), ()),
        (pd.offsets.Hour(5), ()),
        (pd.offsets.Day(7), (52,)),
        (pd.offsets.Hour(336), (26,)),
        (pd.offsets.Hour(24), (7, 365)),
        (pd.offsets.Minute(60), (24, 168)),
        (pd.offsets.Second(900), (96, 672)),
        (pd.offsets.Milli(900_000), (96, 672)),
        (pd.offsets.Micro(1_000_000), (3600, 60)),
        (pd.offsets.Milli(250), ()),
        (pd.DateOffset(days=7), (52,)),
        (pd.DateOffset(hours=24), (7, 365)),
        (pd.DateOffset(days=1, hours=12), ()),
        (pd.DateOffset(years=1), ()),
        (None, ()),
    ],
)
def test_the_step_tells_the_season(offset, seasons):
    assert seasons_of_step(offset) == seasons


@pytest.mark.parametrize("season", [1, 2, 7, 12, 30, 40])
def test_values_before_the_start_are_filled_as_any_gap(season):
    """They have a shorter way; with one more gap in another window, all go the general way."""
    values = np.random.default_rng(0).normal(size=(9, 30, 2)).astype(np.float32)
    for window, length in enumerate((0, 1, 5, 12, 13, 28, 29, 30, 3)):
        values[window, :length, window % 2] = NAN
    other = values.copy()
    other[0, 10, 0] = NAN
    np.testing.assert_array_equal(fill_missing(other, season)[1:], fill_missing(values, season)[1:])


def test_gaps_after_a_fit_on_complete_rows_are_filled_by_the_season_too():
    rng = np.random.default_rng(0)
    hours = pd.date_range("2024-01-01", periods=240, freq="h")
    frame = pd.DataFrame(rng.normal(size=(240, 2)), hours, ["load", "wind"])
    forecaster = DistilledForecaster(
        None, "linear", "response", known_covariates=["wind"], context_length=60, prediction_length=12
    ).fit(frame)
    holes, by_hand = frame.copy(), frame.copy()
    holes.iloc[-12:, 0] = NAN
    by_hand.iloc[-12:, 0] = frame.iloc[-36:-24, 0].to_numpy()
    plan = frame.iloc[-24:-12, [1]].to_numpy()  # one season before the horizon
    np.testing.assert_allclose(
        forecaster.predict(holes, future=np.full((12, 1), NAN)), forecaster.predict(by_hand, future=plan), atol=1e-5
    )
