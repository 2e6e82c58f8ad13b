"""Refresh: what new rows cost, and what a student has learned afterwards."""

import itertools
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdistill.losses import DistilTS, Response, TimeDistill
from skdistill.networks import MLP, Linear
from skdistill.teachers import CrossFittedTeacher, GivenLabels, PrivilegedTeacher, TrainedTeacher

SETTINGS = {"context_length": 12, "prediction_length": 4, "validation_fraction": 0.0, "scaling": "global"}


def labeled(log):
    return sum(int(line.split()[1]) for line in Path(log).read_text().splitlines() if line.startswith("label"))


def make_exact(**changes):
    return make_forecaster(student=Linear(season=6), loss=Response(0.7), **{**SETTINGS, **changes})


def rows_of(forecaster, series, labels):
    """Return contexts less their level, truth, and labels, one row per channel of a window, in the units of fit."""
    scaled = (series - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    windows = np.lib.stride_tricks.sliding_window_view(scaled, 16, axis=0)  # (n, channels, 16)
    level = windows[..., 6:12].mean(axis=-1, keepdims=True)
    X, truth = windows[..., :12] - level, windows[..., 12:] - level
    label = np.broadcast_to(windows[..., 11:12] + labels - level, truth.shape)
    return X.reshape(-1, 12), truth.reshape(-1, 4), label.reshape(-1, 4)


@pytest.mark.parametrize("steps", [[60, 90], [60, 61, 62, 90]])
def test_an_exact_student_is_that_of_old_and_new_windows_together(steps):
    series = make_series(90)
    forecaster = make_exact(teacher=LastValueTeacher(offset=0.3)).fit(series[: steps[0]])
    for first, stop in itertools.pairwise(steps):
        forecaster.refresh(series[first:stop])
    X, truth, label = rows_of(forecaster, series, 0.3)
    shares = np.concatenate([np.ones(len(X)), np.full(len(X), 0.7)])
    ridge = Ridge(alpha=0.1 * len(X)).fit(np.vstack([X, X]), np.vstack([truth, label]), sample_weight=shares)
    np.testing.assert_allclose(forecaster.student_.weight.detach(), ridge.coef_, atol=1e-5)
    np.testing.assert_allclose(forecaster.student_.bias.detach(), ridge.intercept_, atol=1e-5)


@pytest.mark.parametrize("student", [Linear(season=6), MLP(4)], ids=str)
def test_windows_that_validated_in_fit_are_not_learned(student):
    series, settings = make_series(90), {**SETTINGS, "validation_fraction": 30, "max_epochs": 1, "patience": None}
    other = series.copy()
    other[50:64] += 3  # among the validation rows, and before any context of a new window
    forecasts = [
        make_forecaster(teacher=None, student=student, **settings).fit(one[:80]).refresh(series[80:]).predict(series)
        for one in (series, other)
    ]
    np.testing.assert_array_equal(*forecasts)


def test_labels_of_a_share_add_up_with_those_of_fit():
    """Old labels are of all windows and new ones of half of them, which count twice."""
    series = make_series(90)
    forecaster = make_exact(teacher=LastValueTeacher(offset=0.3)).fit(series[:60])
    forecaster.set_params(label_share=0.5).refresh(series[60:])
    X, truth, label = rows_of(forecaster, series, 0.3)
    counts = np.ones(len(X) // 2)
    order = ((np.arange(30) * (np.sqrt(5) - 1) / 2 + 0.5) % 1).argsort().argsort()
    counts[-30:] = 0.0
    counts[45 + order[:15]] = 2.0
    shares = np.concatenate([np.ones(len(X)), 0.7 * counts.repeat(2)])
    ridge = Ridge(alpha=0.1 * len(X)).fit(np.vstack([X, X]), np.vstack([truth, label]), sample_weight=shares)
    np.testing.assert_allclose(forecaster.student_.weight.detach(), ridge.coef_, atol=1e-5)


def test_passes_over_new_windows_are_of_students_that_make_them(recwarn):
    make_exact(teacher=None).fit(make_series(80)[:60]).refresh(make_series(80)[60:], max_epochs=3)
    assert any("max_epochs=3 of refresh has no effect" in str(one.message) for one in recwarn)


def test_labels_of_a_share_are_refused_where_steps_share_weights():
    frame = make_frame(120, 2)
    roles = {"targets": ["c0"], "known_covariates": ["c1"], "student": Linear(known_weights="shared")}
    forecaster = make_forecaster(**{**SETTINGS, **roles}).fit(frame[:90])
    with pytest.raises(ValueError, match="steps cannot share weights"):
        forecaster.set_params(label_share=0.5).refresh(frame[90:])


@pytest.mark.parametrize("form", ["list", "array", "series"])
def test_series_without_ids_stay_in_the_units_of_fit(form):
    """Ids change nothing."""
    scales = (50.0,) if form == "series" else (1.0, 50.0)
    panel = np.stack([scale * make_series(90, seed=int(scale)) for scale in scales])
    old, new = panel[:, :60], panel[:, 60:]
    make = {"list": list, "array": np.array, "series": lambda one: one[0]}[form]
    forecaster = make_exact(scaling="series").fit(make(old)).refresh(make(new))
    named = make_exact(scaling="series").fit(dict(enumerate(old))).refresh(dict(enumerate(new)))
    np.testing.assert_allclose(forecaster.student_.weight.detach(), named.student_.weight.detach(), atol=1e-6)


def test_without_a_teacher_it_is_the_fit_of_all_rows_up_to_the_scaling():
    series = make_series(90)
    forecaster = make_exact(teacher=None).fit(series[:60]).refresh(series[60:])
    whole = make_exact(teacher=None).fit(series)
    np.testing.assert_allclose(forecaster.predict(series), whole.predict(series), atol=2e-3)


@pytest.mark.parametrize("student", [Linear(), MLP(4)])
def test_only_new_windows_are_labeled(student, tmp_path):
    log = str(tmp_path / "log")
    forecaster = make_forecaster(teacher=LastValueTeacher(log), student=student).fit(make_series(400))
    before = labeled(log)
    forecaster.refresh(make_series(40, seed=1))
    assert labeled(log) == before + 40
    forecaster.set_params(label_share=0.25).refresh(make_series(40, seed=2))
    assert labeled(log) == before + 50
    forecaster.refresh(make_series(2, seed=3))  # a quarter of two windows is one window, which is not counted here
    assert labeled(log) == before + 50
    assert Path(log).read_text().count("fit") == 1


def test_a_network_learns_on_from_where_it_is():
    series = make_series(300)
    forecaster = make_forecaster(max_epochs=5, lr=0.02).fit(series)
    old, epochs = forecaster.predict(series), len(forecaster.history_)
    shifted = make_series(60, seed=1) + 2.0
    errors = []
    for _ in range(3):
        forecaster.refresh(shifted, max_epochs=4)
        errors.append(np.abs(forecaster.predict(shifted[:40]) - shifted[40:44]).mean())
    assert len(forecaster.history_) == epochs + 12
    assert forecaster.history_[-1]["lr"] <= 0.02
    assert not np.array_equal(forecaster.predict(series), old)
    assert errors[-1] < 2.0


def test_without_validation_a_network_goes_on_at_the_rate_of_its_last_epoch():
    forecaster = make_forecaster(max_epochs=3, lr=0.02, validation_fraction=0).fit(make_series(100))
    forecaster.refresh(make_series(20, seed=1)).refresh(make_series(20, seed=2))
    assert [epoch["lr"] for epoch in forecaster.history_] == [0.02, 0.01, 0.005, 0.005, 0.005]


def test_labels_that_warmed_up_count_in_full():
    loss = DistilTS(alignment_weight=0.0, tau=0.0, warm_up_batches=1000)
    forecaster = make_forecaster(student="dlinear", loss=loss, max_epochs=1, lr=1e-9).fit(make_series(100))
    forecaster.refresh(make_series(30, seed=1))
    first, last = (epoch["train_prediction"] for epoch in (forecaster.history_[0], forecaster.history_[-1]))
    assert 0 < first < last / 10


def test_panels_continue_by_id_and_frames_by_time():
    frames = {name: make_frame(100, 1, seed=number) for number, name in enumerate("abc")}
    panel = pd.concat({name: one.iloc[:80] for name, one in frames.items()}, names=["series", "time"])
    forecaster = make_forecaster(student=Linear()).fit(panel)
    some = pd.concat({name: frames[name].iloc[80:] for name in "ca"}, names=["series", "time"])
    n_windows = forecaster._solved.moments["truth"][0].count
    forecaster.refresh(some)
    assert forecaster._solved.moments["truth"][0].count == n_windows + 2 * 20
    assert [str(one.index[-1]) for one in forecaster._recent] == [
        "2024-01-05 03:00:00",
        "2024-01-04 07:00:00",
        "2024-01-05 03:00:00",
    ]
    assert np.isfinite(forecaster.predict(panel)).all().all()


def test_quantiles_and_features_go_on():
    forecaster = make_forecaster(teacher="dlinear", loss="timedistill", quantiles=(0.1, 0.5, 0.9))
    forecaster.set_params(loss="response").fit(make_series(200)).refresh(make_series(30, seed=1))
    assert "train_pinball" in forecaster.history_[-1]


@pytest.mark.parametrize("teacher", [PrivilegedTeacher, CrossFittedTeacher])
def test_recomputed_features_of_new_windows_are_those_that_would_be_stored(teacher):
    """Not those of the windows of fit with the same place in their series."""
    series, network, rate = make_series(120), MLP(8, kernel_size=5), {"lr": 3e-2, "max_epochs": 3}
    teaches = teacher(network, **rate) if teacher is PrivilegedTeacher else teacher(TrainedTeacher(network, **rate))
    loss, student = TimeDistill(feature_weight=20.0), MLP(4, kernel_size=5, batch_norm=False)
    options = {"teacher": teaches, "loss": loss, "student": student, "lr": 0.05}
    fits = [make_forecaster(**options, feature_storage=one).fit(series[:90]) for one in ("stored", "recompute")]
    stored, again = (one.refresh(series[90:], max_epochs=5).predict(series) for one in fits)
    np.testing.assert_allclose(again, stored, atol=1e-3)


def test_the_rate_of_a_refresh_is_that_of_new_windows():
    series = make_series(60)
    forecaster = make_exact(label_seconds=60.0).fit(series[:50])
    forecaster.teacher_.label_training = None  # of windows of fit alone
    assert len(forecaster.refresh(series[50:]).predict(series)) == 4


def test_pickles_keep_what_a_refresh_needs_after_the_first():
    series = make_series(120)
    fresh = make_exact().fit(series[:80])
    with pytest.raises(ValueError, match="in pickles only after a first refresh"):
        pickle.loads(pickle.dumps(fresh)).refresh(series[80:])
    once = fresh.refresh(series[80:100])
    again = pickle.loads(pickle.dumps(once)).refresh(series[100:])
    np.testing.assert_array_equal(again.predict(series), once.refresh(series[100:]).predict(series))


def test_a_new_fit_forgets():
    series = make_series(120)
    forecaster = make_exact().fit(series[:80]).refresh(series[80:]).fit(series)
    np.testing.assert_array_equal(forecaster.predict(series), make_exact().fit(series).predict(series))
    assert "_recent" not in vars(forecaster)


FRAME = make_frame(120)
GAP = FRAME.iloc[80:].copy()
GAP.iloc[3, 0] = np.nan
BAD = {
    "other labels": (FRAME.iloc[:80], FRAME.iloc[90:], {}, "X of refresh must follow the rows so far"),
    "missing target": (FRAME.iloc[:80], GAP, {}, "no place for a missing target"),
    "augmented": (FRAME.iloc[:80], FRAME.iloc[80:], {"windows_without_truth": True}, "windows with a known horizon"),
    "no epochs": (FRAME.iloc[:80], FRAME.iloc[80:], {"epochs": 0}, "max_epochs of refresh"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_change_nothing(name):
    old, new, changes, message = BAD[name]
    epochs = changes.pop("epochs", 1)
    forecaster = make_exact().fit(old)
    before = forecaster.predict(old)
    with pytest.raises((ValueError, TypeError), match=message):
        forecaster.set_params(**changes).refresh(new, max_epochs=epochs)
    pd.testing.assert_frame_equal(forecaster.predict(old), before)


def test_unknown_series_and_missing_sums_are_told():
    panel = pd.concat({name: make_frame(80, 1) for name in "ab"}, names=["series", "time"])
    other = pd.concat({"z": make_frame(120, 1).iloc[80:]}, names=["series", "time"])
    with pytest.raises(ValueError, match="got 1 others, first 'z'"):
        make_forecaster(student=Linear()).fit(panel).refresh(other)
    frame = make_frame(120)
    frame.iloc[10, 0] = np.nan
    with pytest.raises(ValueError, match="not if a target was missing"):
        make_exact().fit(frame.iloc[:80]).refresh(frame.iloc[80:])


def make_short_panel(seed=0):
    """Make three series, one of them shorter than a context of 24 rows."""
    generator = np.random.default_rng(seed)
    rows = {"a": 80, "b": 60, "c": 16}
    return {one: generator.normal(size=(n, 1)).cumsum(axis=0) for one, n in rows.items()}


def test_windows_that_begin_before_a_short_series_count_as_in_fit():
    panel = make_short_panel()
    settings = {**SETTINGS, "teacher": None, "context_length": 24, "scaling": "window"}
    old = {one: rows[:-6] for one, rows in panel.items()}
    new = {one: rows[-6:] for one, rows in panel.items()}
    forecaster = make_exact(**settings).fit(old).refresh(new)
    whole = make_exact(**settings).fit(panel)
    np.testing.assert_allclose(forecaster.student_.weight.detach(), whole.student_.weight.detach(), atol=1e-6)


def test_weights_of_series_count_in_a_refresh_or_are_refused():
    panel = make_short_panel()
    old = {one: rows[:-6] for one, rows in panel.items()}
    new = {one: rows[-6:] for one, rows in panel.items()}
    settings = {**SETTINGS, "teacher": None, "series_weight": {"a": 1.0, "b": 0.0, "c": 2.0}}
    with pytest.raises(ValueError, match="every window counts alike; got series_weight="):
        make_exact(**settings).fit(old).refresh(new)
    forecaster = make_forecaster(student=MLP(4, kernel_size=5), **settings).fit(old)
    assert [
        len(forecaster._new_windows(*found, forecaster.scaling_, "refresh")) for found in [_joined(forecaster, new)]
    ] == [6 + 5]
    with pytest.raises(ValueError, match="of a series that counts in series_weight"):
        forecaster.refresh({"b": new["b"]})


def _joined(forecaster, new):
    from skdistill._refresh import join
    from skdistill.data._inputs import read_series

    given = read_series(forecaster, new, reset=False, allow_batch=False)
    return join(forecaster._rows_so_far(), given.series)


def test_known_dropout_hides_covariates_in_a_refresh_too():
    frame = make_frame(120)
    settings = {**SETTINGS, "teacher": None, "targets": ["c0"], "known_covariates": ["c1"]}
    forecaster = make_forecaster(student=MLP(4, kernel_size=5), known_dropout=1.0, **settings).fit(frame[:90])
    windows = forecaster._new_windows(*_joined(forecaster, frame[90:]), forecaster.scaling_, "refresh")
    observed = windows.future(windows.starts.new_tensor(range(len(windows))))[1]
    assert observed is not None
    assert not observed[:, -1].any()  # every covariate is unknown from some step on


def test_rows_of_partial_fit_are_not_lost_by_refresh():
    forecaster = make_forecaster(teacher=None, student=Linear(season=6), loss=Response(), **SETTINGS)
    rows = make_series(90)
    forecaster.fit(rows[:50]).partial_fit(rows[50:70])
    with pytest.raises(ValueError, match="call fit with all rows"):
        forecaster.refresh(rows[70:])


CHANGED = [
    *({"loss": "timedistill"}, {"student": "nlinear"}, {"teacher": None}, {"targets": [0]}, {"bounds": (0, None)}),
    *({"scaling": "window"}, {"transformer": StandardScaler()}, {"quantiles": (0.1, 0.9)}, {"point_forecast": "mean"}),
]


@pytest.mark.parametrize("changed", CHANGED)
def test_refresh_goes_on_with_what_was_fitted_or_says_so(changed):
    forecaster = make_exact(teacher=LastValueTeacher()).fit(make_series(60))
    with pytest.raises(ValueError, match=rf"{next(iter(changed))} of DistilledForecaster was .* in fit and is "):
        forecaster.set_params(**changed).refresh(make_series(70)[60:])


def given_labels(number):
    forecasts = np.zeros((200, 4, 2))  # so many that their text has the first and last ones only
    forecasts[40] = number
    return GivenLabels(forecasts, origins=np.arange(12, 212))


def frozen_forecaster(number):
    return FrozenEstimator(make_exact(teacher=None).fit(make_series(60) + number))


def own_function(number):
    return FunctionTransformer(lambda values: values + number, lambda values: values - number)


ALIKE = [("teacher", given_labels), ("teacher", frozen_forecaster), ("transformer", own_function)]


@pytest.mark.parametrize(("name", "make"), ALIKE)
def test_refresh_tells_parts_apart_whose_texts_are_alike(name, make):
    made = make(1.0)
    forecaster = make_exact(**{"teacher": LastValueTeacher(), name: made}).fit(make_series(60))
    with pytest.raises(ValueError, match=rf"(?s){name} of DistilledForecaster was .* in fit and is another one now"):
        forecaster.set_params(**{name: make(2.0)}).refresh(make_series(70)[60:])
    forecaster.set_params(**{name: made})._check_refreshable()
    if make is not own_function:  # which has no pickle
        forecaster._recent = forecaster._rows_so_far()  # as after a refresh
        pickle.loads(pickle.dumps(forecaster))._check_refreshable()


@pytest.mark.parametrize("level", [0.0, 2.0, -30.0])
@pytest.mark.parametrize("student", [Linear(), MLP(4)], ids=["exact", "mlp"])
def test_windows_far_from_a_target_that_was_constant_in_fit_are_left_out(student, level):
    rows = make_series(160)
    rows[:, 1] = level
    far = rows.copy()
    far[140:, 1] = level + 1000 * (1 + np.arange(20))
    forecasters = []
    for new, told in ((rows[100:], None), (far[100:], "refresh leaves out 20 windows of X"), (rows[100:140], None)):
        forecaster = make_forecaster(teacher=None, student=student, loss="response", **SETTINGS).fit(rows[:100])
        if told is None:
            forecaster.refresh(new)
        else:
            with pytest.warns(UserWarning, match=told):
                forecaster.refresh(new)
        forecasters.append(forecaster.predict(rows))
    np.testing.assert_allclose(forecasters[1], forecasters[2], rtol=1e-6)
    assert np.abs(forecasters[0] - forecasters[2]).max() > 1e-4  # the rows that are left out would teach


def test_windows_near_a_small_target_that_was_constant_in_fit_teach():
    rows = make_series(140)
    rows[:, 1] = 1e-3
    rows[120:, 1] = 6e-3
    forecaster = make_forecaster(teacher=None, student=Linear(), loss="response", **SETTINGS).fit(rows[:100])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.refresh(rows[100:])
    expected = make_forecaster(teacher=None, student=Linear(), loss="response", **SETTINGS).fit(rows[:100])
    assert np.abs(forecaster.predict(rows) - expected.refresh(rows[100:120]).predict(rows)).max() > 1e-5
