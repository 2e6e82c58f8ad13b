"""Conformal calibration: exact ranks, coverage where theory promises it, and the rolling variant."""

import warnings

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from hypothesis import given
from hypothesis import strategies as st

from skdistill import DistilledRegressor
from skdistill.networks import DLinear
from skdistill.probabilistic import _calibration
from skdistill.probabilistic._calibration import (
    FittedCalibration,
    RollingConformal,
    SplitConformal,
    conformal_offsets,
    resolve_calibration,
    shift_quantiles,
)

LEVELS = (0.1, 0.5, 0.9)


@given(st.integers(9, 60), st.integers(0, 1000))
def test_offsets_are_order_statistics_of_the_finite_sample_rank(n, seed):
    errors = np.random.default_rng(seed).normal(size=(n, 2, 3))
    offsets = conformal_offsets(errors, LEVELS)
    ordered = np.sort(errors, axis=0)
    rank = int(np.ceil(0.9 * (n + 1) - 1e-9))
    np.testing.assert_array_equal(offsets[:, 2], ordered[rank - 1, :, 2])
    np.testing.assert_array_equal(offsets[:, 0], ordered[n - rank, :, 0])  # the same rank from the other side
    assert not offsets[:, 1].any()


def test_too_few_windows_are_an_error_that_says_how_many():
    with pytest.raises(ValueError, match=r"at least 19 windows.*level 0.95; got 18 of them"):
        conformal_offsets(np.zeros((18, 3)), (0.1, 0.5, 0.95))


def test_exchangeable_windows_are_covered():
    """Over many draws of 39 errors and one more, an interval of 80 % covers at least 80 %, and little more."""
    generator = np.random.default_rng(0)
    errors = generator.gamma(2.0, size=(40, 20000, 1)) - 1.0  # skewed; quantiles of a wrong model are 0
    both = np.concatenate([errors, errors], axis=2)  # truth minus lower, and minus upper quantile
    offsets = conformal_offsets(both[:39], (0.1, 0.9))
    inside = (offsets[:, 0] <= errors[39, :, 0]) & (errors[39, :, 0] <= offsets[:, 1])
    noise = np.sqrt(0.8 * 0.2 / 20000)
    assert 0.8 - 3 * noise <= inside.mean() <= 0.8 + 2 / 40 + 3 * noise


def test_a_badly_calibrated_student_is_put_right_on_exchangeable_windows():
    generator = np.random.default_rng(0)
    table = generator.normal(size=(3000, 12))
    targets = table[:, -1:] + 3.0 * generator.normal(size=(3000, 2))
    settings = {"max_epochs": 1, "lr": 1e-5, "random_state": 0, "quantiles": LEVELS}
    plain = DistilledRegressor(None, DLinear(3), "response", **settings).fit(table[:2000], targets[:2000])
    right = plain.set_params(calibration="conformal").fit(table[:2000], targets[:2000])
    interval = right.predict_interval(table[2000:], 0.8)
    inside = (interval[..., 0] <= targets[2000:]) & (targets[2000:] <= interval[..., 1])
    assert 0.76 < inside.mean() < 0.84
    raw = right.predict_quantiles(table[2000:])
    right.calibration_ = None
    raw = right.predict_quantiles(table[2000:])
    outside = (raw[..., 0] <= targets[2000:]) & (targets[2000:] <= raw[..., 2])
    assert outside.mean() < 0.7, "or there was nothing to put right"


def test_quantiles_never_cross_after_a_shift():
    generator = np.random.default_rng(0)
    for levels in (LEVELS, (0.1, 0.2, 0.8, 0.9), (0.1, 0.2), (0.8, 0.9), (0.05, 0.25, 0.5, 0.75, 0.95)):
        quantiles = np.sort(generator.normal(size=(50, len(levels))), axis=-1)
        shifted = shift_quantiles(quantiles, generator.normal(size=len(levels)) * 3, levels)
        assert (np.diff(shifted, axis=-1) >= 0).all()
    assert shift_quantiles(quantiles, None, levels) is quantiles


def test_rolling_offsets_use_only_what_was_known():
    """Against a plain loop: for step h of origin k, the last n errors whose truth came before the origin."""
    generator = np.random.default_rng(0)
    known, new = generator.normal(size=(12, 3, 1, 2)), generator.normal(size=(10, 3, 1, 2))
    for step, most, levels, n_known in (
        *((step, most, (0.1, 0.9), 12) for step, most in ((1, None), (2, None), (1, 15), (2, 100))),
        (1, None, (0.4, 0.6), 2),  # as few as can be
    ):
        fitted = FittedCalibration(np.zeros((3, 1, 2)), n_known, known[:n_known])
        got = fitted.rolling_offsets(new, levels, step, most)
        for origin in range(10):
            for number in range(3):
                past = [known[:n_known, number]] + [
                    new[k : k + 1, number] for k in range(origin) if k * step + number < origin * step
                ]
                last = np.concatenate(past)[-(most or n_known) :]
                np.testing.assert_array_equal(got[origin, number], conformal_offsets(last, levels))


def test_backtest_keeps_as_many_windows_as_calibrate():
    series = make_series(120)
    rolling = make_forecaster(quantiles=LEVELS, prediction_length=1, calibration="rolling", max_epochs=1).fit(
        series[:100]
    )
    last = rolling.backtest_quantiles(series[88:])[-1]
    np.testing.assert_allclose(last, rolling.calibrate(series[88:119]).predict_quantiles(series[:119]), rtol=1e-5)


def test_rolling_follows_a_drift_that_split_does_not():
    generator = np.random.default_rng(0)
    noise = np.concatenate([np.full(500, 0.1), np.full(400, 1.0)])[:, None]
    series = 5.0 + noise * generator.normal(size=(900, 1))
    settings = {"teacher": None, "quantiles": LEVELS, "prediction_length": 2, "max_epochs": 3}
    split = make_forecaster(**settings, calibration="conformal").fit(series[:450])
    rolling = make_forecaster(**settings, calibration=RollingConformal(60)).fit(series[:450])
    truth = np.lib.stride_tricks.sliding_window_view(series[450:], 2, axis=0).transpose(0, 2, 1)[250:]

    def coverage(forecaster):
        answer = forecaster.backtest_quantiles(series[438:])[250:]
        return ((answer[..., 0] <= truth) & (truth <= answer[..., 2])).mean()

    assert coverage(split) < 0.6
    assert 0.7 < coverage(rolling) < 0.9


def test_calibrate_replaces_or_follows():
    series = make_series(200)
    split = make_forecaster(quantiles=LEVELS, calibration="conformal").fit(series[:120])
    assert split.calibration_.n_windows == 27
    assert split.calibrate(series[120:]).calibration_.n_windows == 65
    rolling = make_forecaster(quantiles=LEVELS, calibration=RollingConformal(40)).fit(series[:120])
    before = rolling.calibration_.errors
    rolling.calibrate(series[180:])
    assert rolling.calibration_.n_windows == 32
    np.testing.assert_array_equal(rolling.calibration_.errors[:27], before)
    rolling.calibrate(series[120:])
    assert rolling.calibration_.n_windows == 40


def test_calibration_of_what_fit_saw_is_that_of_calibrate():
    frame = make_frame(200)
    fitted = make_forecaster(quantiles=LEVELS, calibration="conformal").fit(frame)
    offsets = fitted.calibration_.offsets.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fitted.calibrate(frame.iloc[150 - 12 :]).calibration_.offsets, offsets)
    with pytest.warns(UserWarning, match="3 of 50 windows of calibrate have true values that fit trained on"):
        fitted.calibrate(frame.iloc[150 - 15 :])
    with pytest.warns(UserWarning, match="138 of 185 windows of calibrate"):
        fitted.calibrate(frame)


def test_transformed_series_are_calibrated_in_the_units_of_training():
    from sklearn.preprocessing import PowerTransformer

    series = np.exp(make_series(300))
    fitted = make_forecaster(quantiles=LEVELS, calibration="conformal", transformer=PowerTransformer()).fit(series)
    quantiles = fitted.predict_quantiles(series)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    np.testing.assert_allclose(quantiles[..., 1], fitted.predict(series), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"calibration": "conformal"}, ValueError, r"calibration of .* shifts quantiles, and there are none"),
        (
            {"calibration": "split", "quantiles": LEVELS},
            ValueError,
            r"calibration must be one of 'conformal', 'rolling'",
        ),
        ({"calibration": 3, "quantiles": LEVELS}, TypeError, r"calibration must be .*got 3"),
        (
            {"calibration": RollingConformal(0), "quantiles": LEVELS},
            ValueError,
            r"n_windows of RollingConformal.*got 0",
        ),
        (
            {"calibration": "conformal", "quantiles": LEVELS, "validation_fraction": 0},
            ValueError,
            r"calibration of .* \(on validation_fraction=0 of the rows\) needs at least 9 windows.*got 0 of them",
        ),
        (
            {"calibration": "conformal", "quantiles": (0.01, 0.99)},
            ValueError,
            r"needs at least 99 windows.*got 27 of them",
        ),
        (
            {"calibration": RollingConformal(10), "quantiles": (0.05, 0.5, 0.95)},
            ValueError,
            r"n_windows of RollingConformal must be at least 19 to calibrate the level 0.05; got 10. Raise it",
        ),
    ],
)
def test_bad_input(changes, error, message, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("training started on bad input")

    monkeypatch.setattr("skdistill._distillation.train_network", fail)
    with pytest.raises(error, match=message):
        make_forecaster(**changes).fit(make_series())


def test_calibrate_needs_a_calibration_and_quantiles():
    with pytest.raises(ValueError, match="calibrate needs calibration="):
        make_forecaster(quantiles=LEVELS).fit(make_series()).calibrate(make_series())
    with pytest.raises(ValueError, match="calibrate needs quantiles"):
        make_forecaster().fit(make_series()).calibrate(make_series())
    fitted = make_forecaster(quantiles=LEVELS, calibration=SplitConformal()).fit(make_series())
    with pytest.raises(ValueError, match="at least context_length"):
        fitted.calibrate(make_series(10))
    assert resolve_calibration(None) is None


def test_rolling_calibration_that_is_made_to_keep_too_few_windows_says_so():
    fitted = make_forecaster(quantiles=LEVELS, calibration=RollingConformal()).fit(make_series())
    fitted.set_params(calibration=RollingConformal(5))
    with pytest.raises(ValueError, match=r"n_windows of RollingConformal must be at least 9 .*got 5"):
        fitted.calibrate(make_series())


@pytest.mark.parametrize("with_times", [True, False])
def test_rolling_calibration_keeps_the_last_windows_of_every_series(with_times):
    series = {name: make_frame(120, 1, seed=seed) for seed, name in enumerate("ab")}
    series["b"].iloc[80:] += 1000.0 * np.random.default_rng(0).normal(size=(40, 1))
    series = {name: rows if with_times else rows.to_numpy() for name, rows in series.items()}
    settings = {"student": "linear", "quantiles": LEVELS, "max_epochs": 1, "validation_fraction": 40}
    kept = make_forecaster(**settings, teacher=None, calibration=RollingConformal(20)).fit(series).calibration_
    every = make_forecaster(**settings, teacher=None, calibration=RollingConformal(1000)).fit(series).calibration_
    assert every.n_windows == 2 * 37
    np.testing.assert_array_equal(every.errors[-20:], kept.errors)
    sizes = np.abs(kept.errors).max(axis=(1, 2, 3))
    assert (sizes[::2] < 20).all()
    assert (sizes[1::2] > 100).all()


def test_rolling_calibration_keeps_the_last_windows_of_periods_as_of_their_times():
    frames = {name: make_frame(n_rows, 1, seed=n_rows) for name, n_rows in (("a", 120), ("b", 150))}  # b ends later
    settings = {"student": "linear", "quantiles": LEVELS, "max_epochs": 1, "validation_fraction": 40, "teacher": None}
    kept = [
        make_forecaster(**settings, calibration=RollingConformal(20)).fit(panel).calibration_.errors
        for panel in (frames, {name: rows.to_period() for name, rows in frames.items()})
    ]
    np.testing.assert_array_equal(*kept)


def test_too_many_errors_are_told_and_the_last_windows_are_the_last(monkeypatch):
    settings = {"student": "linear", "teacher": None, "quantiles": LEVELS, "max_epochs": 1, "validation_fraction": 80}
    rows = make_frame(200, 1)
    rolling = make_forecaster(**settings, calibration=RollingConformal(20))
    every = rolling.fit(rows).calibration_.errors
    per_window = every[0].size
    monkeypatch.setattr(_calibration, "_MOST_VALUES", 20 * per_window)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="calibration reads")
        np.testing.assert_array_equal(rolling.fit(rows).calibration_.errors, every)
    split = make_forecaster(**settings, calibration="conformal")
    with pytest.warns(UserWarning, match=r"calibration reads one of every 4 of 77 windows: the errors of 20 windows"):
        assert split.fit(rows).calibration_.n_windows == 20
    with pytest.warns(UserWarning, match=r"calibration reads one of every 2 of 40 windows"):
        kept = rolling.set_params(calibration=RollingConformal(40)).fit(rows).calibration_.errors
    np.testing.assert_array_equal(kept[-1], every[-1])


def test_a_target_that_nothing_is_known_of_is_not_calibrated_on():
    series = make_series(200)
    series[150:170, 0] = np.nan  # longer than a context of 12 rows: one window sees nothing of the first target
    settings = {"teacher": None, "quantiles": (0.2, 0.5, 0.8), "max_epochs": 1, "validation_fraction": 60}
    fitted = make_forecaster(calibration="conformal", **settings).fit(series)
    n_windows = (60 - 4 + 1) - (20 + 4 - 1) - 1
    assert fitted.calibration_.n_windows == n_windows
    rows = series[128:]
    assert np.isnan(fitted.predict(rows[:42])[:, 0]).all()
    assert fitted.calibrate(rows).calibration_.n_windows == n_windows
