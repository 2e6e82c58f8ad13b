"""One teacher and one labeling for all that differ in loss and student only."""

import logging
import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sktime.forecasting.exp_smoothing import ExponentialSmoothing

from skdistill import clear_memory
from skdistill.data._store import SeriesStore
from skdistill.labeling._keys import describe_windows, key_of
from skdistill.losses import Response, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.teachers import GivenLabels, PretrainedTeacher, SktimeTeacher, TrainedTeacher

SEASONAL = ExponentialSmoothing(sp=12, seasonal="add")


def calls(log):
    path = Path(log)
    return path.read_text().split("\n")[:-1] if path.exists() else []


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "log")


def test_losses_and_students_share_a_teacher(tmp_path, log):
    series = make_series()
    for weight in (0.5, 1.0):
        for student in (MLP(4), DLinear()):
            make_forecaster(
                teacher=LastValueTeacher(log), student=student, loss=Response(weight), memory=tmp_path / "m"
            ).fit(series)
    assert calls(log) == ["fit", "label 75"]


CHANGES = {
    "data": lambda forecaster, frame: forecaster.fit(frame + 1e-3 * np.arange(len(frame))[:, None]),
    "split": lambda forecaster, frame: forecaster.set_params(validation_fraction=0.3).fit(frame),
    "context": lambda forecaster, frame: forecaster.set_params(context_length=11).fit(frame),
    "teacher": lambda forecaster, frame: forecaster.set_params(teacher__offset=1.0).fit(frame),
    "targets": lambda forecaster, frame: forecaster.set_params(targets=[1]).fit(frame),
    "index": lambda forecaster, frame: forecaster.fit(frame.shift(freq="h")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_labels_depend_on_makes_a_new_entry(change, tmp_path, log):
    frame = make_frame()
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(frame)
    CHANGES[change](forecaster, frame)
    assert [line.split()[0] for line in calls(log)] == ["fit", "label"] * 2


@pytest.mark.parametrize("change", [{"verbose": 1}, {"max_epochs": 1}, {"batch_size": 7}, {"lr": 0.1}])
def test_what_labels_do_not_depend_on_finds_the_entry(change, tmp_path, log):
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(make_series())
    forecaster.set_params(**change).fit(make_series())
    assert calls(log) == ["fit", "label 75"]


def test_a_teacher_without_a_seed_is_not_shared(tmp_path):
    series = make_series()
    forecaster = make_forecaster(teacher=TrainedTeacher(DLinear(), max_epochs=1), memory=tmp_path, random_state=None)
    forecasts = []
    for _ in range(2):
        with pytest.warns(UserWarning, match="random_state is None") as caught:
            forecasts.append(forecaster.fit(series).predict_teacher(series))
        assert caught[0].filename == __file__
    assert not np.array_equal(*forecasts)


@pytest.mark.parametrize("loss", ["response", TimeDistill()])
def test_memory_changes_no_bit(loss, tmp_path):
    series = make_series()
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": loss}
    plain = make_forecaster(**settings).fit(series)
    for _ in range(2):
        kept = make_forecaster(**settings, memory=tmp_path).fit(series)
        np.testing.assert_array_equal(kept.predict(series), plain.predict(series))
        np.testing.assert_array_equal(kept.predict_teacher(series), plain.predict_teacher(series))


def diverging(epoch: int) -> float:
    """Raise the learning rate, after the first epochs, to a number that no training survives."""
    return 1.0 if epoch < 2 else 1e30


def warnings_of(forecaster, series):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecaster.fit(series)
    told = [one for one in caught if one.category is UserWarning]
    assert {one.filename for one in told} == {__file__}
    return [str(one.message) for one in told]


@pytest.mark.parametrize(
    ("cause", "settings"),
    [
        ("hardly leave where they start", {"teacher": TrainedTeacher(DLinear(), max_epochs=1)}),
        ("are kept", {"teacher": None, "lr_schedule": diverging, "max_epochs": 6, "patience": None}),
        ("cannot be fitted on", {"teacher": SktimeTeacher(SEASONAL, fitting="series")}),
    ],
    ids=["teacher", "student", "series"],
)
def test_what_a_fit_told_is_told_again_where_memory_has_what_it_learned(cause, settings, tmp_path):
    if isinstance(settings["teacher"], SktimeTeacher):
        pytest.importorskip("statsmodels", reason="sktime's ExponentialSmoothing needs statsmodels")
    panel = {"long": make_series(), "short": make_series(20)}
    plain = warnings_of(make_forecaster(**settings), panel)
    assert any(cause in one for one in plain)
    for _ in range(3):
        assert warnings_of(make_forecaster(**settings, memory=tmp_path), panel) == plain


def test_features_are_kept_for_later_losses(tmp_path, monkeypatch):
    series = make_series()
    settings = {"teacher": ITransformer(8, n_heads=2), "memory": tmp_path}
    make_forecaster(**settings, loss=TimeDistill(feature_weight=0.0)).fit(series)
    monkeypatch.setattr("skdistill.teachers._trained.train_network", None)  # would fail if called
    make_forecaster(**settings, loss=TimeDistill()).fit(series)


def test_damaged_teacher_is_fitted_anew(tmp_path, log, caplog):
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(make_series())
    (stored,) = (tmp_path / "m").rglob("teacher.safetensors")
    stored.write_bytes(b"garbage")
    with caplog.at_level(logging.WARNING, "skdistill"):
        forecaster.fit(make_series())
    assert "fitted again" in caplog.text
    assert calls(log).count("fit") == 2


def test_recomputed_features_train_the_same_student():
    """Up to the float16 in which stored features are kept."""
    series = make_series()
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill()}
    stored = make_forecaster(**settings).fit(series)
    fresh = make_forecaster(**settings, feature_storage="recompute").fit(series)
    np.testing.assert_allclose(fresh.predict(series), stored.predict(series), atol=1e-2)


def test_label_budget_stops_before_the_teacher_is_trained_and_recompute_is_a_way_out(tmp_path, monkeypatch):
    trained, original = [], TrainedTeacher.fit
    monkeypatch.setattr(
        TrainedTeacher, "fit", lambda self, *given: trained.append(self.network) or original(self, *given)
    )
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill()}
    budget = (75 * 4 * 2 * 4 + 1000) / 2**30  # forecasts fit, features do not
    for memory in (None, tmp_path):
        forecaster = make_forecaster(**settings, label_budget=budget, memory=memory)
        assert not forecaster.estimate_labeling(make_series()).fits
        with pytest.raises(ValueError, match=r"label_budget.*feature_storage='recompute'"):
            forecaster.fit(make_series())
    assert trained == []
    forecaster.set_params(feature_storage="recompute").fit(make_series())
    assert len(trained) == 1


def test_labels_that_are_there_are_read_whatever_the_budget(tmp_path):
    forecaster = make_forecaster(memory=tmp_path).fit(make_series())
    forecaster.set_params(label_budget=1e-6).fit(make_series())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pretrained", "given", "frozen", "trained"])
def test_teachers_keep_what_they_know_through_a_parallel_grid_search(kind, tmp_path):
    frame = make_frame()
    heavy = make_forecaster(teacher=None, student=DLinear()).fit(frame)
    truth = frame.to_numpy()
    teacher = {
        "pretrained": PretrainedTeacher(DLinear(), heavy.student_.state_dict()),
        "given": GivenLabels(np.stack([truth[s : s + 4] for s in range(12, 117)]), frame.index[12:117]),
        "frozen": FrozenEstimator(heavy),
        "trained": TrainedTeacher(DLinear(), max_epochs=1),
    }[kind]
    folds = [(np.arange(80), np.arange(68, 100)), (np.arange(20, 100), np.arange(88, 120))]
    grid = {"loss__prediction_weight": [0.5, 2.0]}
    forecaster = make_forecaster(teacher=teacher, memory=tmp_path, max_epochs=1)
    together = GridSearchCV(forecaster, grid, cv=folds, n_jobs=2, error_score="raise").fit(frame)
    one_by_one = GridSearchCV(forecaster.set_params(memory=None), grid, cv=folds, error_score="raise").fit(frame)
    scores = [search.cv_results_["mean_test_score"] for search in (together, one_by_one)]
    np.testing.assert_allclose(*scores)
    pd.testing.assert_frame_equal(together.predict(frame), one_by_one.predict(frame))


@pytest.mark.slow
def test_a_parallel_grid_fits_and_labels_once_per_fold(tmp_path, log):
    folds = [(np.arange(80), np.arange(68, 100)), (np.arange(100), np.arange(88, 120))]
    grid = {"loss__prediction_weight": [0.5, 1.0, 2.0], "student__hidden_size": [2, 4]}
    forecaster = make_forecaster(teacher=LastValueTeacher(log), student=MLP(4), memory=tmp_path / "m", max_epochs=1)
    GridSearchCV(forecaster, grid, cv=folds, n_jobs=2, refit=False, error_score="raise").fit(make_series())
    assert sorted(line.split()[0] for line in calls(log)) == ["fit", "fit", "label", "label"]


def test_fitting_the_same_frame_twice_finds_the_entry(tmp_path, log):
    frame = make_frame()
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(frame)
    forecaster.predict(frame)
    forecaster.fit(frame)
    assert calls(log) == ["fit", "label 75"]


def test_a_file_of_weights_counts_by_its_contents(tmp_path):
    series = make_series()
    file = tmp_path / "weights.pt"
    forecaster = make_forecaster(teacher=PretrainedTeacher(DLinear(), str(file)), memory=tmp_path / "m")
    forecasts = []
    for seed in range(2):
        heavy = make_forecaster(teacher=None, student=DLinear(), random_state=seed).fit(series)
        torch.save(heavy.student_.state_dict(), file)
        forecasts.append(forecaster.fit(series).predict_teacher(series))
        np.testing.assert_allclose(forecasts[-1], heavy.predict(series), rtol=1e-6)
    assert not np.allclose(*forecasts)


def test_new_labels_leave_those_of_a_reader_alone(tmp_path):
    """Features that are added later make new files; whoever has mapped the old ones keeps them."""
    from skdistill.core import Labels
    from skdistill.labeling._label_windows import label_windows

    def label(indices):
        return Labels(indices.float()[:, None, None].repeat(1, 4, 2), torch.ones(len(indices), 2, 3))

    options = {"forecast_shape": (4, 2), "folder": tmp_path}
    first = label_windows(label, 20, with_features=False, **options)
    before = first.forecast.sum().item()
    label_windows(label, 20, with_features=True, **options)
    assert first.forecast.sum().item() == before != 0


def test_a_store_with_features_serves_a_loss_without_them_after_a_kill(tmp_path):
    from skdistill.core import Labels
    from skdistill.labeling._label_windows import label_windows

    def label(indices):
        return Labels(indices.float()[:, None, None].repeat(1, 4, 2), torch.ones(len(indices), 2, 3))

    options = {"forecast_shape": (4, 2), "folder": tmp_path, "chunk_size": 8}
    label_windows(label, 20, with_features=True, **options)
    (tmp_path / "journal.jsonl").write_text('{"chunk": "a"}\n')
    again = label_windows(label, 20, with_features=False, **options)
    assert again.features.shape == (20, 2, 3)


FIELDS = {
    "values": lambda store: torch.where(torch.isnan(store.values), 0.0, store.values + 1.0),
    "offsets": lambda store: store.offsets + 1,
    "lengths": lambda store: store.lengths - 1,
    "indexes": lambda store: (store.indexes[0].shift(1), *store.indexes[1:]),
    "padding": lambda store: store.padding + 1,
    "scaling": lambda store: clone(store.scaling).set_params(season=5).fit([np.arange(9.0)[:, None] ** 2] * 2),
    "front": lambda store: store.front + 1,
    "units": lambda store: store.units.take(np.array([1, 0])),
    "by_window": lambda store: np.array([True, False]),
    "steps": lambda store: (None, None),
    "season": lambda store: 5,
    "known": lambda store: (0,),
    "static": lambda store: torch.ones(2, 1),
    "ids": lambda store: ("a", "c"),
    "ahead": lambda store: torch.zeros(3, 4, 1),
    "knowledge": lambda store: torch.zeros(3, 1, dtype=torch.int64),
    "series_weight": lambda store: np.array([1.0, 2.0]),
}


@pytest.mark.parametrize("name", [field.name for field in fields(SeriesStore)])
def test_every_field_of_a_store_is_part_of_the_key(name):
    panel = {"a": make_frame(60, 1), "b": 10.0 * make_frame(50, 1)}
    windows = make_forecaster(teacher=None)._windows_to_fit(panel, None)
    before = key_of(describe_windows(windows))
    if name == "columns":  # names change no label
        renamed = {key: frame.set_axis(["other"], axis=1) for key, frame in panel.items()}
        again = make_forecaster(teacher=None)._windows_to_fit(renamed, None)
        assert key_of(describe_windows(again)) == before
        return
    store = replace(windows.train.store, **{name: FIELDS[name](windows.train.store)})
    assert key_of(describe_windows(replace(windows, train=replace(windows.train, store=store)))) != before


@pytest.mark.parametrize(
    "steps",
    [
        [pd.offsets.CustomBusinessDay(holidays=[day]) for day in ("2024-03-25", "2024-07-04")],
        [pd.offsets.CustomBusinessHour(holidays=[day], start="09:00") for day in ("2024-03-25", "2024-07-04")],
    ],
)
def test_holidays_after_the_end_are_part_of_the_key(steps):
    keys = []
    for step in steps:  # the same days up to the end, other days of the windows without truth
        days = pd.date_range(end="2024-03-22 12:00", periods=60, freq=step)
        windows = make_forecaster(teacher=None)._windows_to_fit(pd.DataFrame({"y": np.arange(60.0)}, days), None)
        keys.append(key_of(describe_windows(windows)))
    assert len(set(keys)) == 2


def test_series_count_as_they_are_weighted_with_a_memory_too(tmp_path):
    panel = {"a": make_series(60), "b": 10.0 * make_series(50)}
    settings = {"teacher": TrainedTeacher(DLinear(), max_epochs=1), "memory": tmp_path}
    make_forecaster(**settings).fit(panel)
    weighted = make_forecaster(**settings, series_weight={"a": 1.0, "b": 50.0}).fit(panel).predict(panel)
    settings["memory"] = None
    expected = make_forecaster(**settings, series_weight={"a": 1.0, "b": 50.0}).fit(panel).predict(panel)
    np.testing.assert_array_equal(weighted["a"], expected["a"])


def test_clear_memory_tells_what_it_does_not_do(tmp_path):
    with pytest.raises(ValueError, match="got None, which keeps nothing"):
        clear_memory(None)
    with pytest.warns(UserWarning, match="there is no folder .*typo"):
        clear_memory(tmp_path / "typo")
    (tmp_path / "skdistill").write_text("in the way")
    with pytest.raises(OSError, match="skdistill"):
        clear_memory(tmp_path)
