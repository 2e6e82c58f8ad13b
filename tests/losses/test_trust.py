"""Labels weighted by how well the teacher did: closed forms and limits."""

import warnings

import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from test_losses import make_inputs, value

from skdistill import DistilledForecaster, DistilledForecasterCV
from skdistill.core import Labels, check_loss
from skdistill.losses import (
    ContrastiveFeatures,
    FeatureMatching,
    HorizonWeighted,
    MultiPeriod,
    MultiScale,
    Response,
    TeacherForecast,
    TimeDistill,
    WarmUp,
)
from skdistill.losses._trust import window_trust
from skdistill.networks import MLP, ITransformer, Linear
from skdistill.teachers import Theta

TERMS = [
    TeacherForecast(),
    TeacherForecast(loss="mae"),
    HorizonWeighted(),
    MultiScale(),
    MultiPeriod(),
    FeatureMatching(),
]


def one_window(inputs, number):
    here = slice(number, number + 1)
    return inputs._replace(
        forecast=inputs.forecast[here],
        features=inputs.features[here],
        truth=inputs.truth[here],
        teacher_forecast=inputs.teacher_forecast[here],
        teacher_features=inputs.teacher_features[here],
    )


def test_weights_by_hand():
    inputs = make_inputs(windows=2)
    truth = inputs.truth
    inputs = inputs._replace(teacher_forecast=truth + torch.tensor([1.0, 2.0])[:, None, None])  # errors 1 and 4
    expected = torch.exp(-0.5 * torch.tensor([1.0, 4.0]) / 2.5)
    torch.testing.assert_close(window_trust(inputs, 0.5), expected / expected.mean())


def test_windows_of_unknown_truth_weigh_one_and_do_not_count():
    inputs = make_inputs(windows=4)
    known = torch.tensor([True, False, True, False])
    weights = window_trust(inputs._replace(known=known), 2.0)
    alone = window_trust(
        inputs._replace(truth=inputs.truth[known], teacher_forecast=inputs.teacher_forecast[known]), 2.0
    )
    torch.testing.assert_close(weights[known], alone)
    assert weights[~known].tolist() == [1.0, 1.0]
    assert window_trust(inputs._replace(known=known & False), 2.0).tolist() == [1.0] * 4


def test_a_perfect_teacher_is_trusted_everywhere():
    inputs = make_inputs()
    weights = window_trust(inputs._replace(teacher_forecast=inputs.truth), 3.0)
    torch.testing.assert_close(weights, torch.ones(len(inputs.truth)))


@pytest.mark.parametrize("term", TERMS, ids=lambda term: f"{type(term).__name__} {getattr(term, 'loss', '')}")
def test_a_term_is_the_weighted_mean_of_its_windows(term):
    inputs = make_inputs(windows=5, horizon=8)
    torch.manual_seed(1)
    by_window = torch.stack([_seeded_value(term, one_window(inputs, number)) for number in range(5)])
    weights = window_trust(inputs, 1.5)
    assert weights.std() > 0.1, "the case must weigh windows to test anything"
    trusting = type(term)(**{**term.get_params(), "trust": 1.5})
    torch.testing.assert_close(_seeded_value(trusting, inputs), (weights * by_window).mean(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(_seeded_value(term, inputs), by_window.mean(), rtol=1e-4, atol=1e-6)


def _seeded_value(term, inputs):
    torch.manual_seed(0)  # the same regressor every time
    return value(term, inputs).detach()


@pytest.mark.parametrize("loss", [Response(trust=1.0), TimeDistill(trust=1.0)], ids=["response", "timedistill"])
def test_sums_pass_trust_on_to_every_term_that_reads_labels(loss):
    for name, term in loss.named_terms():
        assert getattr(term, "trust", None) == (None if name == "supervised" else 1.0)
    forecaster = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=loss).fit(make_series())
    plain = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=type(loss)()).fit(make_series())
    assert (forecaster.predict(make_series()) != plain.predict(make_series())).any()


def test_trust_is_no_quadratic_form():
    assert TeacherForecast(trust=1.0).quadratic_form(4) is None
    assert HorizonWeighted(trust=1.0).quadratic_form(4) is None
    assert MultiScale(trust=1.0).quadratic_form(4) is None
    with pytest.raises(ValueError, match="trust=0"):
        make_forecaster(student=Linear(solver="exact"), loss=Response(trust=1.0)).fit(make_series())


@pytest.mark.parametrize("term", [TeacherForecast, MultiScale, MultiPeriod, FeatureMatching])
def test_negative_trust_is_refused(term):
    with pytest.raises(ValueError, match=rf"trust of {term.__name__} must be a number in \[0, inf\); got -1"):
        check_loss(term(trust=-1))


class WeighingTeacher(LastValueTeacher):
    """Labels of every window count differently."""

    def label(self, contexts):
        labels = super().label(contexts)
        return Labels(labels.forecast, weight=0.5 + contexts.values[:, -1, 0].sigmoid())


LONE = {
    "one window": (LastValueTeacher(), TeacherForecast(trust=1.0), {"batch_size": 1}, "trust of .*which are 1 on"),
    "a share": (LastValueTeacher(), WarmUp(MultiScale(trust=1.0)), {"label_share": 0.04}, "term__trust .*are 1.3 on"),
    "other weights": (WeighingTeacher(), Response(trust=1.0), {}, "trust of .*'prediction' .*labels count alike"),
    "of few windows": (WeighingTeacher(), Response(trust=1.0), {"batch_size": 512}, "which are 1 on average"),
}


@pytest.mark.parametrize("name", LONE)
def test_trust_is_told_where_windows_have_no_others_to_be_compared_with(name):
    teacher, loss, changes, message = LONE[name]
    settings = {"teacher": teacher, "student": MLP(4, kernel_size=5), "loss": loss, "max_epochs": 1, **changes}
    with pytest.warns(UserWarning, match=message):
        make_forecaster(**settings).fit(make_series(150))
    few = {"loss": Response()} if isinstance(teacher, WeighingTeacher) else {"batch_size": 16, "label_share": 0.5}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*little effect")
        make_forecaster(**{**settings, **few}).fit(make_series(150))


def test_contrast_of_one_target_needs_two_windows():
    assert ContrastiveFeatures().compares_windows(1) == ["weight"]
    assert ContrastiveFeatures().compares_windows(2) == []
    inputs = make_inputs(windows=1, channels=1)
    assert value(ContrastiveFeatures(), inputs) == 0
    assert value(ContrastiveFeatures(), make_inputs(windows=1, channels=2)) > 0


def test_a_search_tells_of_trust_without_others_to_be_compared_with():
    student = DistilledForecaster(None, MLP(4, kernel_size=5), Response(trust=1.0), batch_size=1, max_epochs=1)
    lengths = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "random_state": 1}
    search = DistilledForecasterCV([student], [Theta(season=6)], standard_errors=0, **lengths)  # which is chosen here
    series = make_series(60, 1)
    with pytest.warns(UserWarning, match="trust of the loss term 'prediction' has little effect"):
        search.fit(series)
