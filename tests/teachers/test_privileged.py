"""A teacher that reads the horizon: where its codes go, and where they do not."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series
from sklearn.base import clone

from skdistill.losses import Response, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer, TSMixer
from skdistill.teachers import PrivilegedTeacher, RoutedEnsemble, Theta, TrainedTeacher

SERIES = make_series(120)
NETWORK = MLP(hidden_size=6, kernel_size=5)


def privileged(**changes):
    return PrivilegedTeacher(NETWORK, **{"lr": 1e-2, "max_epochs": 2, **changes})


def fit(teacher=None, series=SERIES, **changes):
    teacher = privileged() if teacher is None else teacher
    return make_forecaster(**{"teacher": teacher, "loss": TimeDistill(n_scales=1), **changes}).fit(series)


def windows_of(forecaster, series=SERIES):
    return forecaster._windows_to_fit(series, None)


def all_of(windows):
    return windows.contexts(torch.arange(len(windows)))


# -- what codes do -------------------------------------------------------------------------------


def test_features_read_the_code_and_forecasts_never_do():
    teacher = fit().teacher_
    contexts = all_of(windows_of(fit()).train)
    with_codes, without = teacher.label_training(contexts), teacher.label(contexts)
    torch.testing.assert_close(with_codes.forecast, without.forecast, rtol=0, atol=0)
    assert (with_codes.features - without.features).abs().mean() > 1e-3


def test_the_code_makes_the_second_forecast_better():
    """The code tells something of the horizon: with it, the second forecast errs less than the first."""
    generator = np.random.default_rng(0)
    series = np.repeat(generator.normal(size=40), 8)[:, None] + 0.01 * generator.normal(size=(320, 1))
    teacher = privileged(max_epochs=25, lr_schedule="constant", patience=None)
    forecaster = fit(teacher, series, context_length=8)
    teacher, train = forecaster.teacher_, windows_of(forecaster, series).train
    contexts, module = all_of(train), teacher.module_
    truth = train.horizons(torch.arange(len(train)))
    labels = teacher.label_training(contexts)
    with torch.inference_mode():
        second = labels.forecast + module.head(labels.features).transpose(1, 2)
    assert (second - truth).square().mean() < 0.7 * (labels.forecast - truth).square().mean()


def test_codes_are_narrow_and_bounded_and_the_truth_is_not_kept():
    teacher = fit(privileged(code_size=3)).teacher_
    assert teacher.codes_.shape == (75, 2, 3)
    assert np.abs(teacher.codes_).max() <= 1.0
    kept = {name for name in vars(teacher) if name.endswith("_")}
    assert kept == {"spec_", "module_", "history_", "starts_", "offsets_", "context_length_", "codes_"}


# -- what must not leak --------------------------------------------------------------------------


def test_the_horizon_of_validation_and_new_windows_is_never_encoded():
    """A code exists for no window whose horizon reaches a validation row; such windows are labeled without a code."""
    forecaster = fit()
    teacher, windows = forecaster.teacher_, windows_of(forecaster)
    last_target = teacher.starts_.max() + teacher.context_length_ + 4
    assert last_target <= len(SERIES) - 30
    validation = all_of(windows.validation)
    training, new = teacher.label_training(validation), teacher.label_new(validation)
    torch.testing.assert_close(training.features, new.features, rtol=0, atol=0)


def test_labels_depend_on_no_row_after_their_context_except_by_the_code_of_a_training_window():
    """Rows are changed after the training rows: with early stopping off, labels and codes stay as they are."""
    changed = SERIES.copy()
    changed[-30:] = changed[-30:][::-1] * 3
    settings = {"teacher": privileged(patience=None, max_epochs=1), "scaling": "global"}
    ours, theirs = fit(**settings), fit(series=changed, **settings)
    np.testing.assert_array_equal(ours.teacher_.codes_, theirs.teacher_.codes_)
    np.testing.assert_array_equal(ours.predict_teacher(SERIES[:60]), theirs.predict_teacher(SERIES[:60]))


def test_student_and_teacher_forecast_without_a_horizon():
    """Forecasts after a row are the same, whatever rows follow it: they are not there."""
    forecaster = fit()
    for predict in (forecaster.predict, forecaster.predict_teacher):
        assert predict(SERIES[:50]).shape == (4, 2)
    contexts = SERIES[None, 38:50]
    np.testing.assert_allclose(forecaster.predict(contexts)[0], forecaster.predict(SERIES[:50]), rtol=1e-6)


# -- windows without truth -----------------------------------------------------------------------


def test_windows_without_truth_and_targets_with_gaps_have_codes_of_zero():
    series = SERIES.copy()
    series[40, 1] = np.nan
    forecaster = fit(series=series)
    teacher = forecaster.teacher_
    train = windows_of(forecaster, series).train
    truth = train.horizons(torch.arange(len(train))).numpy()
    gaps = np.isnan(truth).any(axis=1)
    assert gaps.any(axis=0).tolist() == [False, True]
    np.testing.assert_array_equal((teacher.codes_ == 0).all(axis=2), gaps)
    labels, plain = teacher.label_training(all_of(train)), teacher.label(all_of(train))
    np.testing.assert_array_equal((labels.features == plain.features).all(dim=2).numpy(), gaps)


def test_unlabeled_ends_of_series_are_labeled_without_a_code():
    forecaster = fit(windows_without_truth=True)
    teacher, train = forecaster.teacher_, windows_of(forecaster).train
    unknown = ~train.known.numpy()
    assert unknown.sum() > 0
    labels, plain = teacher.label_training(all_of(train)), teacher.label(all_of(train))
    np.testing.assert_array_equal((labels.features == plain.features).all(dim=(1, 2)).numpy(), unknown)


# -- as any teacher ------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["itransformer", ITransformer(8, n_layers=1, n_heads=2), TSMixer(4)])
def test_any_network_with_features(network):
    series = make_frame(120)
    fitted = [fit(PrivilegedTeacher(network, lr=1e-3, max_epochs=1), series).predict(series) for _ in range(2)]
    pd.testing.assert_frame_equal(fitted[0], fitted[1])


def test_memory_and_recomputed_features(tmp_path):
    fitted = [fit(memory=tmp_path), fit(memory=tmp_path), fit(memory=tmp_path, feature_storage="recompute"), fit()]
    np.testing.assert_array_equal(fitted[0].predict(SERIES), fitted[1].predict(SERIES))
    np.testing.assert_array_equal(fitted[0].teacher_.codes_, fitted[1].teacher_.codes_)
    np.testing.assert_allclose(fitted[2].predict(SERIES), fitted[3].predict(SERIES), rtol=1e-2)
    assert fitted[0].teacher_.count_parameters() > TrainedTeacher(NETWORK).fit(windows_of(fit())).count_parameters()


def test_it_is_a_member_of_ensembles_and_a_clone_forgets():
    teacher = RoutedEnsemble([("privileged", privileged()), ("theta", Theta(season=12))])
    assert np.isfinite(fit(teacher, loss=Response()).predict(SERIES)).all()
    assert not hasattr(clone(fit().teacher_), "codes_")


def test_bad_settings_are_refused_before_training():
    with pytest.raises(ValueError, match=r"network of PrivilegedTeacher must have features.*DLinear has none"):
        fit(PrivilegedTeacher(DLinear()))
    with pytest.raises(TypeError, match="network of PrivilegedTeacher must be a network"):
        fit(PrivilegedTeacher(MLP))
    for size in (0, -1):
        with pytest.raises(ValueError, match="code_size of PrivilegedTeacher must be"):
            fit(privileged(code_size=size))
    with pytest.raises(ValueError, match="code_weight of PrivilegedTeacher must be"):
        fit(privileged(code_weight=0.0))
    with pytest.raises(ValueError, match="lr of PrivilegedTeacher must be"):
        fit(privileged(lr=-1.0))
    with pytest.raises(ValueError, match="needs features of the student, and DLinear has none"):
        fit(student=DLinear())
