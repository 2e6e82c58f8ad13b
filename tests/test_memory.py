"""One teacher and one labelling for all that differ in loss and student only."""

import logging
from pathlib import Path

import numpy as np
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series

from skdistill.losses import Response, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.teachers import TrainedTeacher


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
    forecasts = [
        make_forecaster(teacher=TrainedTeacher(DLinear(), max_epochs=1), memory=tmp_path, random_state=None)
        .fit(series)
        .predict_teacher(series)
        for _ in range(2)
    ]
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


def test_features_are_kept_for_later_losses(tmp_path, monkeypatch):
    series = make_series()
    settings = {"teacher": ITransformer(8, n_heads=2), "memory": tmp_path}
    make_forecaster(**settings, loss=TimeDistill(feature_weight=0.0)).fit(series)
    monkeypatch.setattr("skdistill.teachers._trained.train_network", None)  # would fail if called
    make_forecaster(**settings, loss=TimeDistill()).fit(series)


def test_damaged_teacher_is_fitted_anew(tmp_path, log, caplog):
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m").fit(make_series())
    (stored,) = (tmp_path / "m").rglob("teacher.joblib")
    stored.write_bytes(b"garbage")
    with caplog.at_level(logging.WARNING, "skdistill"):
        forecaster.fit(make_series())
    assert "fitted anew" in caplog.text
    assert calls(log).count("fit") == 2


def test_recomputed_features_train_the_same_student():
    """Up to the float16 in which stored features are kept."""
    series = make_series()
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill()}
    stored = make_forecaster(**settings).fit(series)
    fresh = make_forecaster(**settings, features="recompute").fit(series)
    np.testing.assert_allclose(fresh.predict(series), stored.predict(series), atol=1e-2)


def test_label_budget_stops_before_labelling_and_recompute_is_a_way_out():
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill()}
    budget = (75 * 4 * 2 * 4 + 1000) / 2**30  # forecasts fit, features do not
    forecaster = make_forecaster(**settings, label_budget=budget)
    forecaster.fit(make_series())  # small labels stay in memory, whatever the disk may hold
    import skdistill._distillation as distillation

    original = distillation.label_windows
    try:
        distillation.label_windows = lambda *args, **options: original(*args, **{**options, "memory_budget": 0})
        with pytest.raises(ValueError, match=r"label_budget.*features='recompute'"):
            forecaster.fit(make_series())
        forecaster.set_params(features="recompute").fit(make_series())
    finally:
        distillation.label_windows = original
