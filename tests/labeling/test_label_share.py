"""Labels of a share of the windows: which, how many, what they cost, and what a student learns from them."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series

from skdistill import DistilledRegressor
from skdistill.core import LossInputs, LossShapes, build_objective
from skdistill.data._labels import Labels
from skdistill.data._some_labels import SomeLabels
from skdistill.labeling import _run
from skdistill.labeling._chosen import JoinedLabels, label_chosen
from skdistill.labeling._label_choice import CHOICES, LabelChoice
from skdistill.labeling._store import Store
from skdistill.labeling._stored import StoredLabels
from skdistill.losses import Response, Supervised, TeacherForecast
from skdistill.networks import MLP, DLinear, ITransformer, Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import AdaptiveEnsemble, EnsembleTeacher, GivenLabels, RoutedEnsemble, TrainedTeacher
from skdistill.training._batches import BatchLoader, WindowDataset


def calls(log):
    return [int(line.split()[1]) for line in open(log).read().splitlines() if line.startswith("label")]


def cut(frame=None, **changes):
    return make_forecaster(**changes)._windows_to_fit(make_frame(400) if frame is None else frame, None)


def make_panel(n_series=6, n_timestamps=150):
    frames = {f"s{number}": make_frame(n_timestamps, 1, seed=number) for number in range(n_series)}
    return pd.concat(frames, names=["series", "time"])


# -- which windows -------------------------------------------------------------------------------


@pytest.mark.parametrize("order", CHOICES)
def test_an_order_has_every_window_once(order):
    for windows in (cut(), cut(make_panel())):
        numbers = LabelChoice(share=0.5, order=order).rank(windows)
        np.testing.assert_array_equal(np.sort(numbers), np.arange(len(windows.train)))


@pytest.mark.parametrize("n_labels", [7, 20, 64, 100])
def test_strided_windows_are_spread_over_time_series_and_hours(n_labels):
    windows = cut(make_frame(1000))
    chosen = np.sort(LabelChoice(max_labels=n_labels).rank(windows)[:n_labels])
    n_windows = len(windows.train)
    assert np.diff(np.r_[-1, chosen, n_windows]).max() <= 3 * n_windows / n_labels
    quarters = np.bincount(chosen % 24 // 6, minlength=4)
    assert quarters.max() <= 2 * max(1, quarters.min())  # a stride of 24 would have one hour only
    panel = cut(make_panel()).train
    numbers = LabelChoice(max_labels=n_labels).rank(cut(make_panel()))[:n_labels]
    by_series = np.bincount(panel.series_of(panel.starts.numpy())[numbers], minlength=6)
    assert by_series.max() - by_series.min() <= 2


def test_covering_takes_every_series_season_and_level_before_a_second():
    windows = cut(make_panel()).train
    numbers = LabelChoice(share=0.5, order="covering").rank(cut(make_panel()))
    starts = windows.starts.numpy()
    series = windows.series_of(starts)
    quarters = (starts - windows.store.offsets[series]) % 24 // 6
    pairs = series * 4 + quarters
    assert len(set(pairs[numbers[: 3 * 24]])) == 24  # three levels each, where there are


def test_covering_tells_levels_by_the_last_season_of_a_context():
    values = np.random.default_rng(0).normal(size=400)
    windows = cut(pd.DataFrame({"c0": values}, pd.date_range("2024-01-01", periods=400, freq="D")))
    starts = windows.train.starts.numpy()
    assert windows.train.store.season == 7
    levels = np.array([values[start + 12 - 7 : start + 12].mean() for start in starts])
    thirds = np.searchsorted(np.quantile(levels, [1 / 3, 2 / 3]), levels)
    strata = (starts % 7 * 4 // 7) * 3 + thirds
    numbers = LabelChoice(share=0.5, order="covering").rank(windows)
    for take in (12, 24, 36):  # every part of the week with every level, once, twice, three times
        assert np.bincount(strata[numbers[:take]], minlength=12).tolist() == [take // 12] * 12


def test_disagreement_starts_where_the_linear_student_is_wrong():
    frame = make_frame(400)
    frame.iloc[200:204] += 30.0  # only these rows surprise
    windows = cut(frame)
    numbers = LabelChoice(share=0.1, order="disagreement").rank(windows)
    origins = windows.train.starts.numpy() + 12
    first = origins[numbers[:1]]
    assert (np.abs(first - 200) < 12 + 4).all()


def test_disagreement_counts_observed_steps_alone_and_takes_windows_without_truth_last():
    frame = make_frame(200, 1)
    frame[np.random.default_rng(0).random(200) < 0.3] = np.nan
    frame.iloc[100:105] = np.nan  # a whole horizon of 4 rows from 100 and 101 on
    windows = cut(frame, windows_without_truth=True, validation_fraction=0)
    origins = windows.train.starts.numpy() + 12
    settings = {"teacher": None, "student": Linear(), "loss": Supervised(), "validation_fraction": 0}
    alone = make_forecaster(**settings).fit(frame)
    errors = {}
    for origin in origins[windows.train.known.numpy()].tolist():
        error = (alone.predict(frame[:origin]) - frame[origin : origin + 4]).to_numpy() / alone.scaling_.scale_
        errors[origin] = np.nanmean(error**2)
    assert {100, 101} < set(origins) - set(errors)
    best = {}  # of each horizon
    for origin, start in zip(origins.tolist(), windows.train.starts.tolist(), strict=True):
        if errors.get(origin, -1) > errors.get(best.get(start // 4), -1):
            best[start // 4] = origin
    numbers = LabelChoice(share=0.1, order="disagreement").rank(windows)
    expected = sorted(best.values(), key=errors.get, reverse=True)
    assert origins[numbers[: len(expected)]].tolist() == expected
    assert set(origins[numbers[len(errors) :]]) == set(origins) - set(errors)


def test_disagreement_takes_one_window_of_a_horizon_before_a_second():
    windows = cut(make_frame(400))
    numbers = LabelChoice(share=0.1, order="disagreement").rank(windows)
    cells = windows.train.starts.numpy() // windows.train.prediction_length
    n_cells = len(set(cells))
    assert n_cells < len(cells) / 2
    assert len(set(cells[numbers[:n_cells]])) == n_cells


# -- what a student learns -----------------------------------------------------------------------


def test_an_epoch_adds_up_to_truth_over_all_and_labels_over_the_labeled():
    """For any batches, also those without a label."""
    generator = torch.Generator().manual_seed(0)
    forecast, truth = torch.randn(20, 3, 2, generator=generator), torch.randn(20, 3, 2, generator=generator)
    places = torch.full((20,), -1)
    places[[1, 2, 3, 15]] = torch.arange(4)
    labels = SomeLabels(StoredLabels(torch.randn(4, 3, 2, generator=generator)), places)
    objective = build_objective(Supervised(0.3) + TeacherForecast(0.7), LossShapes(3, 2), has_teacher=True)
    total = {"supervised": 0.0, "teacherforecast": 0.0}
    for batch in torch.arange(20).split(4):
        own = labels.take(batch)
        inputs = LossInputs(forecast[batch], None, truth[batch], teacher_forecast=own.forecast, label_weight=own.weight)
        total = {name: total[name] + float(value) / 5 for name, value in objective(inputs).items()}
    assert total["supervised"] == pytest.approx(0.3 * float((forecast - truth).square().mean()), rel=1e-5)
    labeled = forecast[places >= 0] - labels.labels.forecast
    assert total["teacherforecast"] == pytest.approx(0.7 * float(labeled.square().mean()), rel=1e-5)


def test_a_pass_spreads_labeled_windows_over_its_batches():
    windows = cut()
    places = torch.full((len(windows.train),), -1)
    chosen = torch.randperm(len(places))[: len(places) // 8]
    places[chosen] = torch.arange(len(chosen))
    labels = SomeLabels(StoredLabels(torch.zeros(len(chosen), 4, 2)), places)
    forecaster = make_forecaster().fit(make_frame(400))
    loader = BatchLoader(WindowDataset(windows.train, forecaster.spec_, labels), 32, shuffle=True)
    counts = [int((targets["label_weight"] > 0).sum()) for _, targets in loader][:-1]
    assert min(counts) >= 3
    assert max(counts) <= 5


@pytest.mark.parametrize("student", [MLP(4), DLinear(), Linear()])
@pytest.mark.parametrize("memory", [False, True])
def test_a_share_of_one_is_all_to_the_bit(student, memory, tmp_path):
    series = make_series()
    options = {"student": student, "memory": tmp_path if memory else None}
    every = make_forecaster(student=student).fit(series)
    share = make_forecaster(label_share=1.0, **options).fit(series)
    np.testing.assert_array_equal(share.predict(series), every.predict(series))


@pytest.mark.parametrize("loss", ["timedistill", "distilts"])
@pytest.mark.parametrize("storage", ["stored", "recompute"])
def test_features_are_labeled_and_read_where_they_are(loss, storage):
    teacher = TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1, lr=0.01)
    settings = {"teacher": teacher, "loss": loss, "batch_size": 8, "feature_storage": storage}
    forecaster = make_forecaster(**settings, label_share=0.05).fit(make_series(200))
    assert np.isfinite(forecaster.history_[-1]["train_loss"])


def test_labels_that_pull_away_pull_less_if_they_count_less_often():
    """A teacher that is off by 3 moves the exact student by its weight, whatever the share."""
    series = make_series(400)
    shifts = []
    for share in (None, 0.25):
        settings = {"teacher": LastValueTeacher(offset=3.0), "student": Linear(), "loss": Response()}
        forecaster = make_forecaster(**settings, label_share=share).fit(series)
        shifts.append(forecaster.predict(series).mean() - series.mean())
    assert shifts[1] == pytest.approx(shifts[0], rel=0.1)
    assert shifts[0] > 0.5


def test_weights_of_series_are_weights_of_labels():
    panel = make_panel()
    weights = {f"s{number}": 1.0 if number else 0.0 for number in range(6)}
    settings = {"student": Linear(), "teacher": LastValueTeacher(offset=1.0), "label_share": 0.2}
    ours = make_forecaster(**settings, series_weight=weights).fit(panel)
    assert np.isfinite(ours.predict(panel)).all().all()


# -- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "expected"), [({"label_share": 0.2}, 60), ({"max_labels": 13}, 13)])
def test_only_the_chosen_windows_are_labeled(options, expected, tmp_path):
    log = str(tmp_path / "log")
    make_forecaster(teacher=LastValueTeacher(log), **options).fit(make_series(420))
    assert sum(calls(log)) == expected


def test_seconds_decide_by_the_measured_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(_run, "measure_rate", lambda *given: 0.5)
    log = str(tmp_path / "log")
    forecaster = make_forecaster(teacher=LastValueTeacher(log), label_seconds=10.0, memory=tmp_path / "m")
    forecaster.fit(make_series(420))
    assert sum(calls(log)) == 20
    monkeypatch.setattr(_run, "measure_rate", None)  # the kept rate is taken
    forecaster.fit(make_series(420))
    forecaster.set_params(label_seconds=20.0).fit(make_series(420))
    assert calls(log) == [20, 20]


def test_a_store_grows_by_what_is_new(tmp_path):
    log = str(tmp_path / "log")
    series = make_series(420)
    forecaster = make_forecaster(teacher=LastValueTeacher(log), student=Linear(), memory=tmp_path / "m")
    for share, new in ((0.1, [30]), (0.1, []), (0.4, [90]), (0.2, []), (1.0, [180])):
        before = len(calls(log)) if (tmp_path / "log").exists() else 0
        grown = forecaster.set_params(label_share=share).fit(series)
        assert calls(log)[before:] == new
        fresh = make_forecaster(student=Linear(), label_share=share).fit(series)
        np.testing.assert_array_equal(grown.predict(series), fresh.predict(series))
    assert (tmp_path / "log").read_text().count("fit") == 1


def test_an_interrupted_store_resumes_with_what_is_needed(tmp_path, monkeypatch):
    log = str(tmp_path / "log")
    series = make_series(420)
    monkeypatch.setattr(_run, "choose_chunk_size", lambda probe: 16)
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m", label_share=0.8)
    original = Store._write

    def stop(self, number, chunk, values):
        if number == 4:
            raise KeyboardInterrupt
        original(self, number, chunk, values)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_write", stop)
        with pytest.raises(KeyboardInterrupt):
            forecaster.fit(series)
    before = sum(calls(log))
    forecaster.set_params(label_share=0.25).fit(series)
    assert (before, sum(calls(log))) == (80, 96)  # chunks of 16: the fifth was lost, and 75 are needed


def test_a_whole_store_and_unlabeled_windows_take_only_their_room(tmp_path):
    series = make_series(420)
    make_forecaster(memory=tmp_path, label_share=0.1).fit(series)
    (stored,) = tmp_path.rglob("forecast.npy")
    assert stored.stat().st_size == 128 + 30 * 4 * 2 * 4  # header, and 30 windows of 4 steps and 2 channels in float32


def test_the_budget_is_that_of_the_chosen_windows():
    series = make_series(420)
    room = 300 * 4 * 2 * 4 / (1 << 30)
    with pytest.raises(ValueError, match="labels of 300 windows"):
        make_forecaster(label_budget=room / 2).fit(series)
    make_forecaster(label_budget=room / 2, label_share=0.25).fit(series)


@pytest.mark.parametrize("parts", [1, 3])
def test_joined_labels_are_one_store(parts):
    generator = torch.Generator().manual_seed(0)
    whole = StoredLabels(
        torch.randn(30, 4, 2, generator=generator),
        torch.randn(30, 2, 5, generator=generator).half(),
        torch.randn(30, 3, 4, 2, generator=generator),
        (0.1, 0.5, 0.9),
    )
    cuts = [0, 30] if parts == 1 else [0, 7, 8, 30]
    pieces = [
        StoredLabels(whole.forecast[a:b], whole.features[a:b], whole.quantiles[a:b], whole.quantile_levels)
        for a, b in itertools.pairwise(cuts)
    ]
    joined, indices = JoinedLabels(tuple(pieces)), torch.tensor([29, 3, 7, 0, 8, 7])
    assert (len(joined), joined.nbytes) == (30, whole.nbytes)
    for one in (joined, joined.to("cpu")):
        ours, theirs = one.take(indices), whole.take(indices)
        assert isinstance(ours, Labels)
        assert ours.quantile_levels == theirs.quantile_levels
        for name in ("forecast", "features", "quantiles"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name))
    assert joined.without_quantiles().take(indices).quantiles is None


def test_fit_says_how_many_and_what_all_would_have_cost(capsys):
    make_forecaster(label_share=0.2, verbose=1, max_epochs=1).fit(make_series(420))
    told = capsys.readouterr().out
    assert "LastValueTeacher labeled 60 of 300 windows (label_share=0.2, strided) in" in told
    assert "all would have taken about" in told


def test_the_estimate_takes_the_choice():
    series = make_series(420)
    whole = make_forecaster().estimate_labeling(series)
    part = make_forecaster(label_share=0.1).estimate_labeling(series)
    assert (whole.n_windows, whole.n_all) == (300, None)
    assert (part.n_windows, part.n_all, part.nbytes) == (30, 300, whole.nbytes // 10)
    assert part.seconds_of_all == pytest.approx(10 * part.seconds)
    assert str(part).startswith("30 of 300 windows in about")
    timed = make_forecaster(label_seconds=part.seconds_of_all / 3).estimate_labeling(series)
    assert 1 <= timed.n_windows <= 300


def test_other_estimators_take_it(tmp_path):
    series = make_series(200, 1)
    windows = np.lib.stride_tricks.sliding_window_view(series[:, 0], 16)
    log = str(tmp_path / "log")
    settings = {"teacher": LastValueTeacher(log), "loss": "response", "max_epochs": 1, "label_share": 0.1}
    DistilledRegressor(**settings, student=MLP(4)).fit(windows[:, :12], windows[:, 12:])
    y = pd.Series(series[:, 0], pd.date_range("2024-01-01", periods=200, freq="h"))
    SktimeDistilledForecaster(**settings, student=MLP(4), context_length=12, prediction_length=4).fit(y, fh=[1, 2])
    assert [max(1, n) for n in calls(log)] == [15, 15]


def test_compare_trains_the_student_alone_without_a_word():
    series = make_series(300)
    forecaster = make_forecaster(label_share=0.2, label_choice="covering").fit(series[:200])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert "alone" in forecaster.compare(series[200:]).table().index


# -- bad input -----------------------------------------------------------------------------------

GIVEN = GivenLabels(np.zeros((10, 4, 2)), origins=np.arange(12, 22))
BAD = {
    "share 0": ({"label_share": 0}, r"label_share of DistilledForecaster must be a number in \(0, 1\]; got 0"),
    "share above 1": ({"label_share": 1.5}, r"must be a number in \(0, 1\]; got 1.5"),
    "share is NaN": ({"label_share": float("nan")}, r"must be a number in \(0, 1\]"),
    "share of nothing": ({"label_share": 0.001}, "at least one of the 75 training windows, that is 0.013; got 0.001"),
    "no label": ({"max_labels": 0}, "max_labels of DistilledForecaster"),
    "no time": ({"label_seconds": 0}, r"label_seconds of DistilledForecaster must be a number in \(0, inf\)"),
    "too little time": ({"label_seconds": 1e-9}, "must be enough for one window, for which the teacher takes"),
    "two of three": ({"label_share": 0.5, "max_labels": 9}, "takes one of .* got label_share=0.5 and max_labels=9"),
    "unknown choice": ({"label_share": 0.5, "label_choice": "best"}, "label_choice of DistilledForecaster"),
    "time of given labels": ({"label_seconds": 5, "teacher": GIVEN}, "GivenLabels has its labels already"),
    "step beyond the rows": ({"window_step": 1000}, "window_step must leave a training window"),
    "skip that is trained": (
        {"student": MLP(4, linear_skip=Linear(solver="gradient"))},
        "linear_skip of MLP is solved",
    ),
    "given labels elsewhere": ({"label_share": 0.5, "teacher": GIVEN}, "GivenLabels covers no forecast"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_before_the_student_is_trained(name, monkeypatch):
    changes, message = BAD[name]
    monkeypatch.setattr("skdistill._distillation.train_network", None)
    with pytest.raises((ValueError, TypeError), match=message):
        make_forecaster(**changes).fit(make_series())


WITHOUT_EFFECT = [
    {"label_share": 0.5, "teacher": None},
    {"label_choice": "random"},
    {"loss": Supervised(), "label_share": 0.5},
    {"loss": Response(0.0), "student": Linear()},
    {"teacher": None, "student": Linear(weight_grid={"prediction": [0.5, 1.0]}), "loss": "response"},
]


@pytest.mark.parametrize("changes", WITHOUT_EFFECT)
def test_parameters_without_effect_are_told(changes):
    with pytest.warns(UserWarning, match="has no effect") as caught:
        make_forecaster(**changes).fit(make_series())
    assert caught[0].filename == __file__


MEMBERS = [("theta", "theta"), ("pretrained", "pretrained")]


@pytest.mark.filterwarnings("ignore:teacher of DistilledForecaster has no effect")
@pytest.mark.parametrize(
    "teacher", ["theta", ["theta", "pretrained"], EnsembleTeacher([("pair", EnsembleTeacher(MEMBERS))])]
)
def test_a_teacher_without_training_forecasts_where_no_loss_reads_it(teacher):
    settings = {"teacher": teacher, "student": Linear()}
    forecaster, other = (
        make_forecaster(**settings, loss=loss).fit(make_series()) for loss in (Supervised(), "response")
    )
    np.testing.assert_array_equal(forecaster.predict_teacher(make_series()), other.predict_teacher(make_series()))


class SeriesTeacher(LastValueTeacher):
    """A teacher that is fitted on each series."""

    reads_series = True


@pytest.mark.parametrize(
    "teacher", ["dlinear", AdaptiveEnsemble(MEMBERS), RoutedEnsemble(MEMBERS), ["theta", "dlinear"], SeriesTeacher()]
)
def test_a_teacher_that_nothing_reads_is_not_trained_and_does_not_forecast(teacher):
    changes = {"teacher": teacher, "student": Linear(), "loss": Supervised()}
    with pytest.warns(UserWarning, match=r"^teacher of DistilledForecaster has no effect: no term of Supervised"):
        forecaster = make_forecaster(**changes).fit(make_series())
    assert forecaster.teacher_ is None
    with pytest.raises(ValueError, match="with a loss that reads no labels"):
        forecaster.predict_teacher(make_series())


@pytest.mark.parametrize("order", ["strided", "disagreement"])
def test_series_that_count_for_nothing_are_labeled_last(order):
    """Labels of windows of weight 0 alone would give a student of NaN."""
    panel = {name: make_frame(n, 1, seed) for seed, (name, n) in enumerate({"a": 80, "b": 60, "c": 30}.items())}
    settings = {"student": Linear(), "max_labels": 1, "label_choice": order, "validation_fraction": 0}
    forecaster = make_forecaster(**settings, series_weight={"a": 0, "b": 0, "c": 1}).fit(panel)
    assert np.isfinite(forecaster.predict(panel)["c"]).all().all()


def test_a_store_that_grows_on_workers_holds_the_labels_of_its_windows(tmp_path):
    def label(places):
        return Labels(forecast=places[:, None, None].float())

    options = {"forecast_shape": (1, 1), "with_features": False, "chunk_size": 3}
    for n_labels in (4, 11, 25):
        found = label_chosen(label, n_labels, tmp_path, lambda chunks: map(label, chunks), **options)
        assert found.take(torch.arange(n_labels)).forecast.ravel().tolist() == list(range(n_labels))


def test_labels_of_a_share_count_by_their_own_weights():
    labels = StoredLabels(torch.zeros(2, 3, 1), weight=torch.tensor([0.5, 2.0]))
    some = SomeLabels(labels, torch.tensor([-1, 1, -1, 0]))
    assert some.weight.tolist() == [0.0, 4.0, 0.0, 1.0]  # each stands for two windows
    assert some.take(torch.tensor([3, 0, 1])).weight.tolist() == [1.0, 0.0, 4.0]
