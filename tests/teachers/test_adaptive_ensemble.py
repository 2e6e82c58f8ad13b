"""Shares learned on validation error: the optimum, and that nothing else is looked at."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skdistill.losses import Supervised, TeacherForecast, TimeDistill
from skdistill.networks import ITransformer, Linear
from skdistill.teachers import AdaptiveEnsemble, EnsembleTeacher, RoutedEnsemble, TrainedTeacher
from skdistill.teachers._adaptive_ensemble import best_shares

SERIES = make_series(200)
ERRING = [("a", LastValueTeacher(offset=0.3)), ("b", LastValueTeacher(offset=-0.9))]


# -- the quadratic program -----------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(0, 1000), st.integers(1, 8))
def test_no_point_of_the_simplex_is_better(size, seed, rank):
    generator = np.random.default_rng(seed)
    factor = generator.normal(size=(rank, size)) + generator.normal()
    products = factor.T @ factor
    shares = best_shares(products)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1.0)
    others = generator.dirichlet(np.ones(size), 500)
    best = shares @ products @ shares
    assert best <= np.einsum("ni,ij,nj->n", others, products, others).min() + 1e-6 * np.trace(products)


def test_shares_by_hand():
    np.testing.assert_allclose(best_shares(np.array([[1.0, 2.0], [2.0, 9.0]])), [1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(best_shares(np.zeros((2, 2))), [0.5, 0.5])
    np.testing.assert_allclose(best_shares(np.ones((3, 3))).sum(), 1.0)


# -- the teacher ---------------------------------------------------------------------------------


def test_errors_that_cancel_are_given_the_shares_that_cancel_them():
    """With teachers that err by +.3 and -.9 the mean of the errors vanishes at shares 3/4 and 1/4."""
    for judge in ("teacher", "student"):
        settings = {"student": Linear(season=12), "loss": TeacherForecast(), "max_epochs": 1}
        forecaster = make_forecaster(teacher=AdaptiveEnsemble(ERRING, judge=judge), **settings).fit(SERIES)
        expected = [0.75, 0.25]
        if judge == "teacher":  # the last value errs by itself, a constant at most shifts the shares a little
            np.testing.assert_allclose(forecaster.teacher_.weights_, expected, atol=0.1)
        mixed = 0.3 * forecaster.teacher_.weights_[0] - 0.9 * forecaster.teacher_.weights_[1]
        last = make_forecaster(teacher=LastValueTeacher(), **settings).fit(SERIES)
        difference = forecaster.predict_teacher(SERIES) - last.predict_teacher(SERIES)
        np.testing.assert_allclose(difference / forecaster.scaling_.scale_, mixed, atol=1e-5)


def test_the_student_judges_as_a_linear_student_distilled_from_each_mixture_would():
    """The shares are those at which solving a linear student anew has the least validation error."""
    teacher = AdaptiveEnsemble(ERRING, judge="student", prediction_weight=2.0)
    forecaster = make_forecaster(teacher=teacher, student=Linear(), loss=TeacherForecast()).fit(SERIES)

    def validation_error(share):
        shares = EnsembleTeacher(ERRING, weights=[share, 1 - share])
        loss = Supervised() + TeacherForecast(2.0)
        student = Linear(penalty=0.1 * 3, season=24)  # the objective's weights add up to 3
        return make_forecaster(teacher=shares, student=student, loss=loss).fit(SERIES).history_[0]["valid_loss"]

    grid = np.linspace(0, 1, 41)
    best = grid[int(np.argmin([validation_error(share) for share in grid]))]
    assert 0.3 < best < 1.0, "the optimum must lie inside to test anything"
    assert forecaster.teacher_.weights_[0] == pytest.approx(best, abs=0.03)
    alone = [validation_error(share) for share in (1.0, 0.0)]
    np.testing.assert_allclose(forecaster.teacher_.validation_mse_, alone, rtol=1e-3)


def test_the_judge_has_the_season_of_the_series():
    days = pd.DataFrame(SERIES, index=pd.date_range("2024-01-01", periods=len(SERIES), freq="D"))
    loss = Supervised() + TeacherForecast()
    judged = make_forecaster(teacher=AdaptiveEnsemble(ERRING), student=Linear(), loss=loss).fit(days).teacher_
    for number, shares in enumerate(([1.0, 0.0], [0.0, 1.0])):
        student, teacher = Linear(penalty=0.1 * 2), EnsembleTeacher(ERRING, weights=shares)  # of a week, for days
        alone = make_forecaster(teacher=teacher, student=student, loss=loss).fit(days)
        np.testing.assert_allclose(judged.validation_mse_[number], alone.history_[0]["valid_loss"], rtol=1e-3)


def test_a_member_that_knows_nothing_gets_nothing():
    members = [("good", "linear"), ("bad", LastValueTeacher(offset=8.0))]
    forecaster = make_forecaster(teacher=AdaptiveEnsemble(members, judge="teacher"), max_epochs=1).fit(SERIES)
    np.testing.assert_allclose(forecaster.teacher_.weights_, [1.0, 0.0], atol=0.05)


def test_rows_outside_fit_and_their_order_of_asking_change_nothing():
    teacher = AdaptiveEnsemble([("a", "dlinear"), ("b", "nlinear")])
    first = make_forecaster(teacher=teacher, max_epochs=1).fit(SERIES).teacher_.weights_
    again = make_forecaster(teacher=clone(teacher), max_epochs=1).fit(SERIES).teacher_.weights_
    np.testing.assert_array_equal(first, again)


def test_features_and_memory(tmp_path):
    members = [(name, TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1)) for name in ("a", "b")]
    settings = {"teacher": AdaptiveEnsemble(members, max_windows=40), "loss": TimeDistill(), "max_epochs": 1}
    fitted = [make_forecaster(**settings, memory=tmp_path).fit(SERIES) for _ in range(2)]
    np.testing.assert_array_equal(fitted[0].predict(SERIES), fitted[1].predict(SERIES))
    np.testing.assert_array_equal(fitted[0].teacher_.weights_, fitted[1].teacher_.weights_)
    assert fitted[0].teacher_.count_parameters() == 2 * fitted[0].teacher_.teachers_[0].count_parameters()


def test_parameters_of_members_are_reached_by_name():
    teacher = AdaptiveEnsemble([("a", TrainedTeacher(Linear())), ("b", TrainedTeacher(Linear()))])
    assert teacher.set_params(a__lr=0.5, judge="teacher").teachers[0][1].lr == 0.5
    assert teacher.weights is None
    assert "weights" not in teacher.get_params()


def test_some_channels_as_targets():
    forecaster = make_forecaster(teacher=AdaptiveEnsemble(ERRING), targets=[1], max_epochs=1).fit(SERIES)
    assert forecaster.teacher_.weights_.sum() == pytest.approx(1.0)
    assert torch.isfinite(torch.tensor(forecaster.teacher_.validation_mse_)).all()


def test_bad_settings_are_refused_before_training():
    def fit(teacher, **changes):
        make_forecaster(teacher=teacher, **changes).fit(SERIES)

    with pytest.raises(ValueError, match="judge of AdaptiveEnsemble must be"):
        fit(AdaptiveEnsemble(ERRING, judge="truth"))
    with pytest.raises(ValueError, match="prediction_weight of AdaptiveEnsemble must be"):
        fit(AdaptiveEnsemble(ERRING, prediction_weight=0))
    with pytest.raises(ValueError, match="max_windows of AdaptiveEnsemble must be"):
        fit(AdaptiveEnsemble(ERRING, max_windows=1))
    with pytest.raises(ValueError, match="teachers of AdaptiveEnsemble must name at least one"):
        fit(AdaptiveEnsemble([]))
    with pytest.raises(ValueError, match="learns its weights on validation windows"):
        fit(AdaptiveEnsemble(ERRING), validation_fraction=0)
    with pytest.warns(UserWarning, match="prediction_weight=2 of AdaptiveEnsemble has no effect with judge='teacher'"):
        fit(AdaptiveEnsemble(ERRING, judge="teacher", prediction_weight=2), max_epochs=1)


@pytest.mark.parametrize(
    "teacher", [AdaptiveEnsemble(ERRING), RoutedEnsemble(ERRING)], ids=lambda one: type(one).__name__
)
def test_a_linear_student_needs_training_windows_of_whole_truth(teacher, monkeypatch):
    series = SERIES.copy()
    series[:140:3] = np.nan
    monkeypatch.setattr(EnsembleTeacher, "fit", lambda *_: pytest.fail("members were fitted first"))
    with pytest.raises(ValueError, match=f"of {type(teacher).__name__} .* no training window has a whole truth"):
        make_forecaster(teacher=teacher, student="linear", loss="response", validation_fraction=60).fit(series)


def test_the_teacher_judges_where_no_training_window_has_a_whole_truth():
    series = SERIES.copy()
    series[:140:3] = np.nan
    teacher = AdaptiveEnsemble(ERRING, judge="teacher")
    settings = {"student": "linear", "loss": "response", "validation_fraction": 60}
    assert np.isfinite(make_forecaster(teacher=teacher, **settings).fit(series).teacher_.validation_mse_).all()
