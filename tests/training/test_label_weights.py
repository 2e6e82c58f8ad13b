"""Labels that count by window: in the objective, in the exact solution, in the store."""

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from sklearn.linear_model import Ridge

from skdistill.core import Labels, LossInputs, LossShapes, build_objective
from skdistill.losses import MultiScale, Response, Supervised, TeacherForecast, TimeDistill
from skdistill.networks import MLP, Linear
from skdistill.teachers import EnsembleTeacher

SERIES = make_series(90)
SETTINGS = {"context_length": 12, "prediction_length": 4, "validation_fraction": 0.0, "scaling": "global"}


class WeighingTeacher(LastValueTeacher):
    """Repeats the last row; the labels of windows count 0, 0.5 and 2 in turn, or all the same."""

    def __init__(self, log=None, offset=0.0, weights=(0.0, 0.5, 2.0)):
        super().__init__(log, offset)
        self.weights = weights

    def probe(self, windows):
        return Labels(super().probe(windows).forecast, weight=torch.ones(1))

    def label(self, contexts):
        weight = torch.tensor(self.weights)[torch.from_numpy(contexts.origins) % len(self.weights)]
        return Labels(super().label(contexts).forecast, weight=weight)


def rows_of(forecaster, series):
    """Return contexts less their level, truth, label, and the weight of the label, one row per channel of a window."""
    scaled = (series - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    windows = np.lib.stride_tricks.sliding_window_view(scaled, 16, axis=0)  # (n, channels, 16)
    level = windows[..., 6:12].mean(axis=-1, keepdims=True)
    X, truth = windows[..., :12] - level, windows[..., 12:] - level
    label = np.broadcast_to(windows[..., 11:12] + 0.3 - level, truth.shape)
    weight = np.array([0.0, 0.5, 2.0])[(np.arange(len(windows)) + 12) % 3].repeat(windows.shape[1])
    return X.reshape(-1, 12), truth.reshape(-1, 4), label.reshape(-1, 4), weight


def test_the_exact_student_is_ridge_on_truth_and_weighted_labels():
    teacher = WeighingTeacher(offset=0.3)
    loss = Response(prediction_weight=0.7)
    forecaster = make_forecaster(teacher=teacher, loss=loss, student=Linear(season=6, past_rows=0), **SETTINGS)
    forecaster.fit(SERIES)
    X, truth, label, weight = rows_of(forecaster, SERIES)
    shares = np.concatenate([np.ones(len(X)), 0.7 * weight])
    ridge = Ridge(alpha=0.1 * len(X)).fit(np.vstack([X, X]), np.vstack([truth, label]), sample_weight=shares)
    np.testing.assert_allclose(forecaster.student_.weight.detach(), ridge.coef_, atol=1e-5)
    np.testing.assert_allclose(forecaster.student_.bias.detach(), ridge.intercept_, atol=1e-5)
    errors = np.square(X @ ridge.coef_.T + ridge.intercept_ - label).mean(axis=1)
    assert forecaster.history_[0]["train_prediction"] == pytest.approx(0.7 * (weight * errors).mean(), rel=1e-4)


@pytest.mark.parametrize("horizon_weights", [None, [1.0, 2.0, 3.0, 4.0]])
def test_missing_truth_leaves_the_weights_of_labels(horizon_weights):
    """If one truth in a thousand is missing, the solution by steps is near the one by moments, and exact by Ridge."""
    series = SERIES.copy()
    series[-1, 0] = np.nan
    loss = Response(horizon_weights=horizon_weights)
    settings = {"loss": loss, "student": Linear(season=6, past_rows=0, penalty=0.0), **SETTINGS}
    forecaster = make_forecaster(teacher=WeighingTeacher(offset=0.3), **settings).fit(series)
    X, truth, label, weight = rows_of(forecaster, series)
    seen = ~np.isnan(truth[:, 3])
    scale = truth.size / (~np.isnan(truth)).sum()
    rows, answers = np.vstack([X[seen], X]), np.concatenate([truth[seen, 3], label[:, 3]])
    shares = np.concatenate([np.full(seen.sum(), scale), weight])
    design = np.column_stack([rows, np.ones(len(rows))])
    expected = np.linalg.lstsq(design * np.sqrt(shares)[:, None], answers * np.sqrt(shares), rcond=1e-9)[0]
    new = np.column_stack([X, np.ones(len(X))]) @ expected
    ours = X @ forecaster.student_.weight[3].detach().numpy() + float(forecaster.student_.bias.detach()[3])
    np.testing.assert_allclose(ours, new, atol=1e-4)


@pytest.mark.parametrize("student", [Linear(), Linear(known_band=None), Linear(penalty=[0.1, 1.0])])
@pytest.mark.parametrize("truth", ["whole", "missing"])
def test_weights_of_one_change_nothing(student, truth):
    series = SERIES.copy()
    if truth == "missing":
        series[40, 0] = np.nan
    settings = {"student": student, "loss": Response(horizon_weights=[1, 2, 3, 4])}
    plain = make_forecaster(teacher=LastValueTeacher(offset=0.3), **settings).fit(series)
    ones = make_forecaster(teacher=WeighingTeacher(offset=0.3, weights=(1.0,)), **settings).fit(series)
    np.testing.assert_allclose(ones.predict(series), plain.predict(series), rtol=1e-5)
    assert ones.history_[0].keys() == plain.history_[0].keys()


@pytest.mark.parametrize("student", [Linear(), MLP(hidden_size=4, kernel_size=5)])
def test_labels_of_weight_zero_count_for_nothing(student):
    """With weights of 0 a terrible teacher does no harm; the student is the one trained on the truth alone."""
    settings = {"student": student, "loss": TimeDistill(feature_weight=0.0) if isinstance(student, MLP) else "response"}
    terrible = WeighingTeacher(offset=1e6, weights=(0.0,))
    taught = make_forecaster(teacher=terrible, **settings).fit(SERIES)
    alone = make_forecaster(teacher=None, **settings).fit(SERIES)
    if isinstance(student, MLP):
        np.testing.assert_allclose(taught.predict(SERIES), alone.predict(SERIES), rtol=1e-5)
    else:  # the penalty is relative to the weights of the terms
        loss = Supervised()
        alone = make_forecaster(teacher=None, student=Linear(penalty=0.1), loss=loss).fit(SERIES)
        np.testing.assert_allclose(taught.predict(SERIES), alone.predict(SERIES), rtol=1e-5)


def test_pooled_terms_need_labels_of_equal_weight_if_steps_count_differently():
    loss = Supervised(horizon_weights=[1, 2, 3, 4]) + MultiScale(n_scales=2)
    with pytest.raises(ValueError, match=r"labels count by window .* a pooled term needs equal weights of the steps"):
        make_forecaster(teacher=WeighingTeacher(), loss=loss, student=Linear(solver="exact")).fit(SERIES)
    make_forecaster(teacher=LastValueTeacher(), loss=loss, student=Linear(solver="exact")).fit(SERIES)


# -- the objective -------------------------------------------------------------------------------


def test_a_term_of_labels_is_the_weighted_mean_over_all_windows():
    generator = torch.Generator().manual_seed(0)
    forecast, truth, label = (torch.randn(6, 8, 2, generator=generator) for _ in range(3))
    weight = torch.tensor([0.0, 0.5, 2.0, 0.5, 1.0, 0.0])
    objective = build_objective(Response(0.5) + MultiScale(weight=2.0), LossShapes(8, 2), has_teacher=True)
    terms = objective(LossInputs(forecast, None, truth, teacher_forecast=label, label_weight=weight))
    one_by_one = [objective(LossInputs(forecast[[n]], None, truth[[n]], teacher_forecast=label[[n]])) for n in range(6)]
    for name in ("response.prediction", "multiscale"):
        expected = sum(weight[n] * one_by_one[n][name] for n in range(6)) / 6
        torch.testing.assert_close(terms[name], expected)
    expected = sum(one["response.supervised"] for one in one_by_one) / 6
    torch.testing.assert_close(terms["response.supervised"], expected)


def test_a_batch_without_labels_has_a_term_of_zero():
    values = torch.zeros(2, 4, 1, requires_grad=True)
    objective = build_objective(TeacherForecast(), LossShapes(4, 1), has_teacher=True)
    inputs = LossInputs(values, None, values, teacher_forecast=values + torch.inf, label_weight=torch.zeros(2))
    (term,) = objective(inputs).values()
    term.backward()
    assert term.item() == 0.0
    assert not values.grad.any()


# -- the store -----------------------------------------------------------------------------------


def test_labels_of_an_ensemble_count_as_much_as_those_of_its_members_by_their_shares():
    def fit(teacher):
        return make_forecaster(teacher=teacher, loss=Response(), student=Linear(season=6), **SETTINGS).fit(SERIES)

    members = [
        ("one", WeighingTeacher()),
        ("other", WeighingTeacher(weights=(1.0, 4.0, 0.0))),
        ("rest", LastValueTeacher()),
    ]
    mixed = fit(EnsembleTeacher(members, weights=[2.0, 1.0, 1.0]))
    same = fit(WeighingTeacher(weights=(0.5, 1.5, 1.25)))
    np.testing.assert_allclose(mixed.predict(SERIES), same.predict(SERIES), rtol=1e-6)
    assert not np.allclose(mixed.predict(SERIES), fit(LastValueTeacher()).predict(SERIES), rtol=1e-6)


def test_weights_are_stored_with_the_labels(tmp_path):
    log = tmp_path / "calls"
    fits = [
        make_forecaster(teacher=WeighingTeacher(str(log), offset=0.3), memory=tmp_path, n_jobs=n_jobs).fit(SERIES)
        for n_jobs in (None, None, 1)
    ]
    assert log.read_text().count("label") == 1
    for one in fits[1:]:
        np.testing.assert_array_equal(one.predict(SERIES), fits[0].predict(SERIES))


class RarelyWeighingTeacher(WeighingTeacher):
    """The labels of some windows count nothing; batches without such a window have no weights."""

    def __init__(self, log=None, offset=0.3, none=(0, 0), weighs_always=False):
        super().__init__(log, offset)
        self.none = none
        self.weighs_always = weighs_always

    def label(self, contexts):
        first, end = self.none
        weight = torch.from_numpy(((contexts.origins < first) | (contexts.origins >= end)).astype(np.float32))
        said = self.weighs_always or bool((weight < 1).any())
        return Labels(super().label(contexts).forecast, weight=weight if said else None)


@pytest.mark.parametrize("share", [None, 0.9])
def test_batches_without_weights_count_in_full(share, tmp_path):
    """More windows than the teacher labels at once."""
    series = make_series(1300)
    settings = {"loss": Response(), "student": Linear(season=6), "label_share": share, **SETTINGS}

    def fit(memory=None, **changes):
        return make_forecaster(teacher=RarelyWeighingTeacher(**changes), memory=memory, **settings).fit(series)

    expected = fit(none=(0, 300), weighs_always=True).predict(series)
    np.testing.assert_array_equal(fit(none=(0, 300)).predict(series), expected)
    np.testing.assert_array_equal(fit(none=(0, 300), memory=tmp_path).predict(series), expected)
    assert not np.allclose(fit().predict(series), expected)


def test_weights_that_come_after_labels_without_are_refused():
    with pytest.raises(ValueError, match="labels have weights, and those of the first windows had none"):
        make_forecaster(
            teacher=RarelyWeighingTeacher(none=(1000, 1200)), loss=Response(), student="linear", **SETTINGS
        ).fit(make_series(1300))


@pytest.mark.parametrize("weights", [(-1.0,), (float("nan"),), (float("inf"),)])
def test_weights_are_numbers_that_are_not_negative(weights):
    with pytest.raises(ValueError, match=r"weights? .* numbers in \[0, inf\)"):
        make_forecaster(teacher=WeighingTeacher(weights=weights)).fit(SERIES)
