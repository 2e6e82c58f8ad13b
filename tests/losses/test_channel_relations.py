"""Correlations between channels: against NumPy, what they ignore, and where they say nothing."""

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from hypothesis import given
from hypothesis import strategies as st

from skdistill.core import Labels, LossInputs, LossShapes
from skdistill.losses import ChannelRelations, Response
from skdistill.networks import TSMixer


def draw(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def value(student, teacher, **more):
    term = ChannelRelations().build(LossShapes(student.shape[1], student.shape[2]))
    return term(LossInputs(student, None, truth=student.detach(), teacher_forecast=teacher, **more))


@given(st.integers(1, 4), st.integers(3, 12), st.integers(2, 5), st.integers(0, 2**31))
def test_the_matrices_are_those_of_numpy(n_windows, horizon, n_targets, seed):
    student, teacher = draw(seed, n_windows, horizon, n_targets), draw(seed + 1, n_windows, horizon, n_targets)
    pairs = zip(student.double().numpy(), teacher.double().numpy(), strict=True)
    expected = np.mean([(np.corrcoef(s.T) - np.corrcoef(t.T)) ** 2 for s, t in pairs])
    assert value(student, teacher).item() == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 2**31))
def test_levels_units_and_the_order_of_channels_do_not_matter(seed):
    student, teacher = draw(seed, 3, 8, 4), draw(seed + 1, 3, 8, 4)
    scale, shift = draw(seed + 2, 3, 1, 4).abs() + 0.1, draw(seed + 3, 3, 1, 4)
    plain = value(student, teacher).item()
    assert value(student * scale + shift, teacher).item() == pytest.approx(plain, abs=1e-5)
    assert value(student, teacher * scale + shift).item() == pytest.approx(plain, abs=1e-5)
    order = [2, 0, 3, 1]
    assert value(student[..., order], teacher[..., order]).item() == pytest.approx(plain, abs=1e-6)
    assert value(student, student * scale + shift).item() == pytest.approx(0.0, abs=1e-6)
    assert plain <= 4.0


def test_constant_forecasts_have_no_correlations():
    student, teacher = draw(0, 2, 6, 3), draw(1, 2, 6, 3)
    teacher[:, :, 0] = 5.0
    without = [np.corrcoef(s[:, 1:].T) - np.corrcoef(t[:, 1:].T) for s, t in zip(student, teacher, strict=True)]
    assert value(student, teacher).item() == pytest.approx(np.square(without).sum() / 18, abs=1e-5)
    flat = torch.zeros(2, 6, 3, requires_grad=True)
    value(flat, draw(2, 2, 6, 3)).backward()
    assert torch.isfinite(flat.grad).all()


def test_missing_truth_changes_nothing():
    student, teacher = draw(0, 2, 6, 3), draw(1, 2, 6, 3)
    observed = draw(2, 2, 6, 3) > 0
    assert value(student, teacher, observed=observed) == value(student, teacher)


class RampTeacher(LastValueTeacher):
    """Adds a ramp, whose direction differs between channels, to the last row."""

    def label(self, contexts):
        labels = super().label(contexts)
        ramp = torch.arange(labels.forecast.shape[1])[:, None] * torch.tensor([0.05, -0.05, 0.05])
        return Labels(labels.forecast + ramp)


def test_a_student_that_mixes_channels_follows_the_teacher_more_closely():
    """With the term, the correlations of the student's forecasts come nearer to those of the teacher."""
    series = make_series(200, 3)
    found = {}
    for weight in (0.0, 5.0):
        loss = Response(0.1) + ChannelRelations(weight)
        settings = {"teacher": RampTeacher(), "student": TSMixer(hidden_size=8), "max_epochs": 6, "lr": 3e-3}
        forecaster = make_forecaster(loss=loss, **settings).fit(series)
        term = ChannelRelations().build(LossShapes(4, 3))
        ours, theirs = (
            torch.from_numpy(np.stack([predict(series[:stop]) for stop in range(150, 180, 5)])).float()
            for predict in (forecaster.predict, forecaster.predict_teacher)
        )
        found[weight] = term(LossInputs(ours, None, truth=ours, teacher_forecast=theirs)).item()
    assert found[5.0] < 0.5 * found[0.0]


def test_bad_input():
    with pytest.raises(ValueError, match="there is only one target: the term would always be 0"):
        make_forecaster(loss=Response() + ChannelRelations()).fit(make_series(80, 1))
    with pytest.raises(ValueError, match=r"needs prediction_length of at least 3.*got 2"):
        make_forecaster(loss=Response() + ChannelRelations(), prediction_length=2).fit(make_series(80))
    with pytest.raises(ValueError, match="weight of ChannelRelations must be"):
        make_forecaster(loss=Response() + ChannelRelations(-1.0)).fit(make_series(80))
