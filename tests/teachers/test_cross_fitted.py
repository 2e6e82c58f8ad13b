"""Cross-fitted labels come from a copy that shares no row with the window."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from sklearn.linear_model import Ridge

from skdistill.core import BaseTeacher, Labels
from skdistill.losses import TimeDistill
from skdistill.networks import DLinear, ITransformer
from skdistill.teachers import CrossFittedTeacher, EnsembleTeacher, RegressorTeacher, TrainedTeacher


class Rememberer(BaseTeacher):
    """Answers how many of the windows it was fitted on share a row with the context or its horizon."""

    needs_training = True

    def fit(self, windows, checkpoint=None):
        train = windows.train
        self.reach_ = train.context_length + train.prediction_length
        self.shape_ = (train.prediction_length, len(train.targets))
        self.offsets_, self.context_length_ = train.store.offsets, train.context_length
        self.starts_ = train.starts.numpy()
        self.checkpoint_ = checkpoint
        return self

    def probe(self, windows):
        return Labels(torch.zeros(1, windows.train.prediction_length, len(windows.train.targets)))

    def label(self, contexts):
        starts = self.offsets_[contexts.series] + contexts.origins - self.context_length_
        shared = np.abs(self.starts_[None, :] - starts[:, None]) < self.reach_
        return Labels(torch.from_numpy(shared.sum(1)).float()[:, None, None].expand(-1, *self.shape_).clone())


def labels_of(forecaster, monkeypatch):
    """Fit and return the labels that the student was trained on."""
    from skdistill import _distillation

    kept = []
    original = _distillation.fit_and_label

    def keep(*arguments, **options):
        kept.append(original(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(_distillation, "fit_and_label", keep)
    forecaster.fit(forecaster_series)
    return kept[-1][1]


forecaster_series = make_series(200)


class Weigher(Rememberer):
    """Weighs labels if it was not fitted on the first window."""

    def label(self, contexts):
        weight = None if self.starts_[0] == 0 else torch.full((len(contexts),), 0.25)
        return replace(super().label(contexts), weight=weight)


def test_labels_of_a_copy_without_weights_count_in_full_beside_weighted_ones(monkeypatch):
    weight = labels_of(make_forecaster(teacher=CrossFittedTeacher(Weigher(), n_folds=2)), monkeypatch).weight
    assert weight is not None
    assert sorted(set(weight.tolist())) == [0.25, 1.0]
    assert weight[0] == 0.25


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_no_label_comes_from_a_teacher_that_shared_a_row(n_folds, monkeypatch):
    plain = labels_of(make_forecaster(teacher=Rememberer()), monkeypatch)
    assert float(plain.forecast.min()) > 0, "every window was seen by the teacher fitted on all"
    crossed = labels_of(make_forecaster(teacher=CrossFittedTeacher(Rememberer(), n_folds=n_folds)), monkeypatch)
    assert len(crossed) == len(plain)
    assert float(crossed.forecast.abs().max()) == 0.0


def test_many_series_and_windows_without_truth(monkeypatch):
    from skdistill import _distillation

    kept = []
    original = _distillation.fit_and_label
    monkeypatch.setattr(
        _distillation, "fit_and_label", lambda *a, **k: kept.append((a[1], original(*a, **k))) or kept[-1][1]
    )
    forecaster = make_forecaster(teacher=CrossFittedTeacher(Rememberer(), n_folds=2), windows_without_truth=True)
    forecaster.fit([make_series(120), make_series(90, seed=1)])
    windows, (_, labels) = kept[-1]
    known = windows.train.known
    assert 0 < int(known.sum()) < len(known)
    assert float(labels.forecast[known].abs().max()) == 0.0
    assert float(labels.forecast[~known].abs().min()) > 0, "the truth there is nobody's: the full teacher labels"


def test_each_fold_is_the_teacher_fitted_without_the_block(monkeypatch):
    """Labels of a block equal those of a plain teacher whose training windows leave the block out."""
    kept = []
    monkeypatch.setattr(TrainedTeacher, "fit", _recording(TrainedTeacher.fit, kept))
    teacher = TrainedTeacher(DLinear(5), max_epochs=1)
    make_forecaster(teacher=CrossFittedTeacher(teacher, n_folds=2)).fit(forecaster_series)
    full, first, second = (windows.train.starts for windows in kept)
    reach = 12 + 4
    half = (len(full) + 1) // 2
    assert first.tolist() == full[half - 1 + reach :].tolist()
    assert second.tolist() == full[: half - reach + 1].tolist()
    assert all(windows.validation is kept[0].validation for windows in kept)


def _recording(fit, kept):
    def wrapped(self, windows, checkpoint=None):
        kept.append(windows)
        return fit(self, windows, checkpoint)

    return wrapped


def test_features_keep_their_windows_and_the_full_teacher_forecasts():
    settings = {"loss": TimeDistill(), "max_epochs": 1}
    teacher = TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1)
    crossed = make_forecaster(teacher=CrossFittedTeacher(teacher), **settings).fit(forecaster_series)
    plain = make_forecaster(teacher=teacher, **settings).fit(forecaster_series)
    np.testing.assert_array_equal(crossed.predict_teacher(forecaster_series), plain.predict_teacher(forecaster_series))
    assert crossed.teacher_.count_parameters() == plain.teacher_.count_parameters()
    assert (crossed.predict(forecaster_series) != plain.predict(forecaster_series)).any()


def test_label_training_puts_parts_back_in_order():
    teacher = CrossFittedTeacher(TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1, random_state=0), n_folds=3)
    forecaster = make_forecaster(teacher=teacher, max_epochs=1).fit(forecaster_series)
    windows = forecaster._windows_to_fit(forecaster_series, None).train
    order = torch.randperm(len(windows))[:40]
    together = forecaster.teacher_.label_training(windows.contexts(order))
    for position, number in enumerate(order):
        alone = forecaster.teacher_.label_training(windows.contexts(number[None]))
        torch.testing.assert_close(together.forecast[position], alone.forecast[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.features[position], alone.features[0], rtol=1e-4, atol=1e-5)


def test_memory_keeps_labels_and_all_copies(tmp_path):
    settings = {"teacher": CrossFittedTeacher("dlinear", n_folds=2), "max_epochs": 1, "memory": tmp_path}
    first = make_forecaster(**settings).fit(forecaster_series)
    again = make_forecaster(**settings).fit(forecaster_series)
    np.testing.assert_array_equal(first.predict(forecaster_series), again.predict(forecaster_series))
    assert len(again.teacher_.fold_teachers_) == 2


def test_inside_an_ensemble():
    pair = EnsembleTeacher([("crossed", CrossFittedTeacher("dlinear", n_folds=2)), ("plain", "dlinear")])
    make_forecaster(teacher=pair, max_epochs=1).fit(forecaster_series)


def test_what_cannot_be_cross_fitted_is_refused_before_training():
    with pytest.raises(ValueError, match="LastValueTeacher has its weights already"):
        make_forecaster(teacher=CrossFittedTeacher(LastValueTeacher())).fit(forecaster_series)
    with pytest.raises(ValueError, match="n_folds of CrossFittedTeacher must be an integer of at least 2; got 1"):
        make_forecaster(teacher=CrossFittedTeacher("dlinear", n_folds=1)).fit(forecaster_series)
    with pytest.raises(ValueError, match=r"must be at most the \d+ training windows; got 1000000"):
        make_forecaster(teacher=CrossFittedTeacher("dlinear", n_folds=10**6)).fit(forecaster_series)
    with pytest.raises(ValueError, match="leaves a fold without windows"):
        make_forecaster(teacher=CrossFittedTeacher("dlinear", n_folds=2)).fit(make_series(45))
    with pytest.raises(TypeError, match="teacher of CrossFittedTeacher must be a network"):
        make_forecaster(teacher=CrossFittedTeacher(3)).fit(forecaster_series)


def test_a_teacher_with_folds_of_its_own_is_refused():
    teacher = CrossFittedTeacher(RegressorTeacher(Ridge()))
    with pytest.raises(ValueError, match="n_folds=3 of RegressorTeacher has no effect inside CrossFittedTeacher"):
        make_forecaster(teacher=teacher).fit(make_series())
    make_forecaster(teacher=teacher.set_params(teacher__n_folds=None), student="linear").fit(make_series())
    twice = CrossFittedTeacher(CrossFittedTeacher(DLinear(3)))
    with pytest.raises(ValueError, match=r"pass CrossFittedTeacher to the forecaster without CrossFittedTeacher\.$"):
        make_forecaster(teacher=twice).fit(make_series())


def test_two_members_of_one_name_are_named():
    teacher = EnsembleTeacher([("a", "theta"), ("b", "theta"), ("a", "pretrained")])
    with pytest.raises(ValueError, match=r"teachers of EnsembleTeacher must have a name each; got 'a' for several"):
        make_forecaster(teacher=teacher).fit(make_series())
