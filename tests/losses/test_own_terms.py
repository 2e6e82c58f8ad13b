"""Loss terms of authors: what would make another student in silence is refused."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame
from torch import nn

from skdistill.core import LossTerm, QuadraticForm
from skdistill.losses import MultiScale, Supervised
from skdistill.training import _quadratic_form


class SquaredError(LossTerm):
    requires = frozenset({"truth"})

    def __init__(self, weight=1.0, reads_missing=False, metric=None, target="truth"):
        self.weight = weight
        self.reads_missing = reads_missing
        self.metric = metric
        self.target = target

    def build(self, shapes):
        return _Mean(self.reads_missing)

    def quadratic_form(self, prediction_length):
        return None if self.metric is None else QuadraticForm(np.array(self.metric), self.target)


class _Mean(nn.Module):
    def __init__(self, reads_missing):
        super().__init__()
        self.reads_missing = reads_missing

    def forward(self, inputs):
        squares = (inputs.forecast - inputs.truth).square()
        return squares.mean() if self.reads_missing or inputs.observed is None else squares[inputs.observed].mean()


def forecast(loss, frame, student="dlinear"):
    return make_forecaster(teacher=None, student=student, loss=loss).fit(frame).predict(frame).to_numpy()


def test_a_term_must_leave_out_missing_truth():
    """Without it, the term would learn from the zeros that stand where nothing was observed."""
    whole = make_frame()
    gaps = whole.mask(np.random.default_rng(0).random(whole.shape) < 0.1)
    expected = forecast(Supervised(), gaps)
    np.testing.assert_array_equal(forecast(SquaredError(), gaps), expected)
    with pytest.raises(ValueError, match=r"loss term 'squarederror' .*reads the truth where it is missing"):
        forecast(SquaredError(reads_missing=True), gaps)
    np.testing.assert_array_equal(forecast(SquaredError(reads_missing=True), whole), forecast(Supervised(), whole))


@pytest.mark.parametrize("without_gradient", [torch.detach, lambda one: torch.tensor(one.detach().mean().item())])
def test_a_term_without_a_gradient_is_refused(without_gradient):
    """Beside another term, nothing would be learned from it, whatever its weight."""

    class Fixed(SquaredError):
        def build(self, shapes):
            module = nn.Module()
            module.forward = lambda inputs: without_gradient((inputs.forecast - inputs.truth).abs()).mean()
            return module

    with pytest.raises(ValueError, match=r"loss term 'fixed' .* gives [\d.]+ without a gradient"):
        forecast(Supervised() + Fixed(), make_frame())


def test_a_term_requires_what_exists():
    class Misspelled(SquaredError):
        requires = frozenset({"truths"})

    with pytest.raises(ValueError, match=r"requires 'truths', which is none of branches, .*, truth\."):
        make_forecaster(loss=Misspelled()).fit(make_frame())


EYE = torch.eye(4).double() / 4


@pytest.mark.parametrize(
    ("metric", "target", "message"),
    [
        (EYE + EYE[[1, 2, 3, 0]], "truth", "must be a symmetric, positive semi-definite matrix of shape"),
        (-EYE, "truth", "must be a symmetric"),
        (EYE[:3, :3], "truth", "must be a symmetric"),
        (EYE, "teacher", "must be one of truth, teacher_forecast; got 'teacher'"),
        (EYE * torch.arange(4), "truth", r"gives .* for forecasts for which the term itself gives"),
    ],
)
def test_a_quadratic_form_must_be_that_of_its_term(metric, target, message):
    frame = make_frame()
    with pytest.raises(ValueError, match=message):
        forecast(SquaredError(metric=metric.tolist(), target=target), frame, "linear")


def test_a_quadratic_form_makes_the_exact_student():
    frame = make_frame()
    np.testing.assert_array_equal(
        forecast(SquaredError(metric=EYE.tolist()), frame, "linear"), forecast(Supervised(), frame, "linear")
    )


def test_a_form_is_compared_with_its_term_once_for_the_same_parameters(monkeypatch):
    compared = []
    values = _quadratic_form._on_random_forecasts
    monkeypatch.setattr(_quadratic_form, "_checked", set())
    monkeypatch.setattr(
        _quadratic_form, "_on_random_forecasts", lambda *a: compared.append(a[0].n_scales) or values(*a)
    )
    for n_scales in (2, 2, 3, 2):
        _quadratic_form.quadratic_form("scales", MultiScale(n_scales=n_scales), 4)
    _quadratic_form.quadratic_form("scales", MultiScale(n_scales=2), 5)
    assert compared == [2, 3, 2]
