"""An MLP that reads the last rows, and one on top of an exact linear solution."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series

from skdistill.core import NetworkSpec
from skdistill.data import Augmentation
from skdistill.losses import FeatureMatching, LossSum, Response, Supervised, TimeDistill
from skdistill.networks import MLP, ITransformer, Linear
from skdistill.teachers import TrainedTeacher

SERIES = make_series(200)


def linear_alone(**changes):
    return make_forecaster(student=Linear(season=6, solver="exact"), **changes).fit(SERIES)


def test_training_starts_from_the_linear_solution_and_leaves_it_alone():
    settings = {"loss": Response(), "teacher": None}
    student = MLP(4, kernel_size=5, linear_skip=Linear(season=6))
    started = make_forecaster(student=student, lr=1e-12, max_epochs=1, **settings).fit(SERIES)
    np.testing.assert_allclose(started.predict(SERIES), linear_alone(**settings).predict(SERIES), rtol=1e-5)
    trained = make_forecaster(student=student, max_epochs=5, **settings).fit(SERIES)
    assert torch.equal(trained.student_.skip.weight, started.student_.skip.weight)
    assert (trained.predict(SERIES) != started.predict(SERIES)).any()
    assert trained.history_[-1]["train_loss"] < started.history_[0]["train_loss"]


def test_the_quadratic_terms_of_the_loss_decide_the_linear_part():
    teacher = ITransformer(8, n_heads=2)
    student = MLP(4, kernel_size=5, linear_skip=Linear(season=6))
    full = make_forecaster(teacher=teacher, student=student, loss=TimeDistill(), lr=1e-12, max_epochs=1).fit(SERIES)
    quadratic = TimeDistill(feature_weight=0.0)
    terms = [(name, term) for name, term in quadratic.named_terms() if name in ("supervised", "multiscale")]
    alone = linear_alone(teacher=teacher, loss=LossSum(terms))
    np.testing.assert_allclose(full.predict(SERIES), alone.predict(SERIES), rtol=1e-5)


@pytest.mark.parametrize("normalization", [None, "mean", "revin"])
def test_last_rows_is_the_network_on_a_shorter_context(normalization):
    options = {"normalization": normalization, "kernel_size": 5}
    cut = MLP(4, last_rows=7, **options).build(NetworkSpec(12, 4, 2)).eval()
    short = MLP(4, **options).build(NetworkSpec(7, 4, 2)).eval()
    short.load_state_dict(cut.state_dict())
    contexts = torch.randn(3, 12, 2)
    for ours, theirs in zip(cut(contexts)[:2], short(contexts[:, 5:])[:2], strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("normalization", [None, "mean", "revin"])
def test_every_normalization_adds_to_the_linear_part(normalization):
    spec = NetworkSpec(12, 4, 2)
    module = MLP(4, normalization=normalization, linear_skip="exact").build(spec).eval()
    contexts = torch.randn(3, 12, 2)
    torch.testing.assert_close(module(contexts).forecast, module.skip(contexts).forecast)


def test_a_teacher_has_its_linear_part_solved_too():
    teacher = TrainedTeacher(MLP(4, kernel_size=5, linear_skip=Linear(season=6)), lr=1e-12, max_epochs=1)
    fitted = make_forecaster(teacher=teacher, max_epochs=1).fit(SERIES)
    expected = linear_alone(teacher=None, loss=Supervised()).predict(SERIES)
    np.testing.assert_allclose(fitted.predict_teacher(SERIES), expected, rtol=1e-5)
    several = TrainedTeacher(MLP(4, linear_skip=Linear(penalty=[0.1, 1.0])))
    with pytest.raises(ValueError, match="no validation windows to choose among"):
        make_forecaster(teacher=several, validation_fraction=0).fit(SERIES)


def test_it_is_saved_and_loaded(tmp_path):
    from skdistill import load

    student = MLP(4, kernel_size=5, linear_skip=Linear(last_rows=8, penalty=[0.1, 1.0]))
    forecaster = make_forecaster(student=student, loss="response").fit(SERIES)
    forecaster.save(tmp_path / "file")
    np.testing.assert_array_equal(load(tmp_path / "file").predict(SERIES), forecaster.predict(SERIES))


def test_bad_settings_are_refused_before_training():
    def fit(**changes):
        make_forecaster(**changes).fit(SERIES)

    with pytest.raises(ValueError, match="linear_skip of MLP must be"):
        fit(student=MLP(4, linear_skip="trained"))
    with pytest.raises(ValueError, match="last_rows of Linear must be at most context_length"):
        fit(student=MLP(4, linear_skip=Linear(last_rows=99)))
    with pytest.raises(ValueError, match="last_rows of MLP must be at most context_length = 12; got 13"):
        fit(student=MLP(4, last_rows=13))
    with pytest.raises(ValueError, match="has no quadratic term"):
        fit(student=MLP(4, linear_skip="exact"), teacher=ITransformer(8, n_heads=2), loss=FeatureMatching())
    with pytest.raises(ValueError, match="windows_without_truth or augmentation"):
        fit(student=MLP(4, linear_skip="exact"), augmentation=Augmentation())
    fit(student=MLP(4, linear_skip="exact"), loss=Supervised())
