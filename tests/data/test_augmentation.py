"""Perturbed copies: what they are, and that nobody takes them for the truth."""

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series

from skdistill.core import SeriesStore
from skdistill.data import Augmentation
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.losses import Response, TimeDistill
from skdistill.networks import DLinear, ITransformer, Linear
from skdistill.teachers import TrainedTeacher


def perturbed(values, perturbation):
    series = [Series(values)]
    store = SeriesStore.from_series([*series, *perturbation.copies(series, [0])], Scaling().fit([values]), padding=2)
    perturbation.perturb(store, 1, seed=0)
    parts = [store.values[o : o + n].numpy() for o, n in zip(store.offsets, store.lengths, strict=True)]
    return parts[0], parts[1:]


def test_nothing_asked_for_changes_nothing():
    original, copies = perturbed(make_series(), Augmentation(3, jitter=0, scale=0, mix=0))
    assert len(copies) == 3
    for copy in copies:
        np.testing.assert_array_equal(copy, original)


@pytest.mark.parametrize("mix", [0, 0.5])
def test_copies_miss_what_the_rows_miss(mix):
    values = make_series()
    values[30:50, 0] = values[7] = np.nan
    original, (copy,) = perturbed(values, Augmentation(jitter=0, scale=0, mix=mix))
    np.testing.assert_array_equal(np.isnan(copy), np.isnan(original))
    assert np.array_equal(copy, original, equal_nan=True) == (mix == 0)


def test_each_kind_stays_within_its_bounds():
    values = make_series(4000)
    original, (jittered,) = perturbed(values, Augmentation(jitter=0.3, scale=0, mix=0))
    assert (jittered - original).std() == pytest.approx(0.3, rel=0.05)
    original, (scaled,) = perturbed(values, Augmentation(jitter=0, scale=0.2, mix=0))
    change = scaled / original - 1
    assert 0.1 < np.abs(change).max() <= 0.2 + 1e-3
    np.testing.assert_allclose(change[:, 0], change[:, 1], atol=1e-3)
    original, (mixed,) = perturbed(values, Augmentation(jitter=0, scale=0, mix=0.5))
    assert not np.allclose(mixed, original)
    assert np.abs(mixed).max() <= np.abs(original).max() + 1e-6


def test_the_seed_decides_and_copies_differ():
    _, (first, second) = perturbed(make_series(), Augmentation(2, random_state=1))
    _, (again, _) = perturbed(make_series(), Augmentation(2, random_state=1))
    _, (other, _) = perturbed(make_series(), Augmentation(2, random_state=2))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first != other).any()


def test_windows_of_copies_are_labeled_but_have_no_truth(tmp_path):
    log = tmp_path / "log"
    forecaster = make_forecaster(teacher=LastValueTeacher(str(log)), augmentation=Augmentation(2), max_epochs=1)
    forecaster.fit(make_frame())
    assert log.read_text().split("\n")[:-1] == ["fit", f"label {3 * 75}"]
    windows = forecaster._windows_to_fit(make_series(), None)
    assert len(windows.train) == 3 * 75
    assert windows.train.known.tolist() == [True] * 75 + [False] * 150
    assert len(windows.known_train) == 75
    assert len(windows.validation) == 27


def test_only_training_rows_are_copied():
    series = make_series()
    series[90:] += 1000.0  # the validation rows
    forecaster = make_forecaster(augmentation=Augmentation()).fit(series)
    store = forecaster._windows_to_fit(series, None).train.store
    assert store.lengths.tolist() == [120, 90]
    assert float(store.values[store.offsets[1] :].abs().max()) < 10


def test_a_series_without_training_rows_has_no_copies():
    forecaster = make_forecaster(augmentation=Augmentation(), validation_fraction=40, max_epochs=1)
    forecaster.fit([make_series(120), make_series(30)])
    store = forecaster._windows_to_fit([make_series(120), make_series(30)], None).train.store
    assert store.lengths.tolist() == [120, 30, 80]


def test_the_teacher_is_trained_on_the_truth_alone():
    series = make_series()
    teacher = TrainedTeacher(DLinear(5), random_state=0, max_epochs=2)
    with_copies = make_forecaster(teacher=teacher, augmentation=Augmentation(jitter=5.0)).fit(series)
    without = make_forecaster(teacher=teacher).fit(series)
    np.testing.assert_array_equal(with_copies.predict_teacher(series), without.predict_teacher(series))
    assert (with_copies.predict(series) != without.predict(series)).any()


@pytest.mark.slow
def test_supervised_terms_leave_the_copies_out():
    """With the truth alone in the loss, copies change the batches but not what is asked."""
    loss = Response(prediction_weight=1e-12)
    settings = {"loss": loss, "student": DLinear(5), "lr": 0.05, "lr_schedule": "constant", "max_epochs": 150}
    plain = make_forecaster(**settings, patience=None).fit(make_series())
    wild = make_forecaster(**settings, patience=None, augmentation=Augmentation(jitter=20.0, scale=1.0)).fit(
        make_series()
    )
    best = [min(epoch["valid_loss"] for epoch in one.history_) for one in (plain, wild)]
    assert best[1] == pytest.approx(best[0], rel=0.1)


def test_same_seed_same_bits_and_features_of_copies():
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill(trust=1.0), "augmentation": Augmentation()}
    first = make_forecaster(**settings).fit(make_series()).predict(make_series())
    again = make_forecaster(**settings).fit(make_series()).predict(make_series())
    np.testing.assert_array_equal(first, again)
    other = make_forecaster(**settings, random_state=1).fit(make_series()).predict(make_series())
    assert (first != other).any()


def test_comparison_trains_the_baselines_without_copies():
    forecaster = make_forecaster(augmentation=Augmentation(), max_epochs=1).fit(make_series())
    assert "exact linear" in forecaster.compare(make_series(60, seed=3), alone=True).index


def test_bad_settings_are_refused_and_a_pointless_one_is_reported():
    with pytest.raises(TypeError, match="augmentation of DistilledForecaster must be a"):
        make_forecaster(augmentation=2).fit(make_series())
    with pytest.raises(ValueError, match="mix of Augmentation must be"):
        make_forecaster(augmentation=Augmentation(mix=2)).fit(make_series())
    with pytest.warns(UserWarning, match="augmentation has no effect"):
        make_forecaster(teacher=None, augmentation=Augmentation()).fit(make_series())
    with pytest.raises(ValueError, match="windows_without_truth or augmentation"):
        make_forecaster(student=Linear(solver="exact"), augmentation=Augmentation()).fit(make_series())


def test_the_store_is_float32_and_finite():
    _, (copy,) = perturbed(make_series(30), Augmentation(knot_distance=1000))
    assert copy.dtype == np.float32
    assert torch.isfinite(torch.from_numpy(copy)).all()
