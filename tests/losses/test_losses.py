"""Loss terms against closed forms, identities and published numbers."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from published import load_published
from sklearn.base import clone
from torch.nn.functional import mse_loss

from skdistill import DistilledForecaster
from skdistill.core import (
    LossInputs,
    LossShapes,
    build_objective,
    check_loss,
    make_loss,
    needs_branches,
    needs_teacher,
    needs_teacher_features,
    period_probabilities,
)
from skdistill.losses import (
    ContrastiveFeatures,
    ExponentialWeights,
    FeatureMatching,
    LinearWeights,
    LossSum,
    MultiPeriod,
    MultiScale,
    OutputConsistency,
    Response,
    Supervised,
    TeacherForecast,
    TimeDistill,
    WarmUp,
)
from skdistill.losses._horizon_weights import step_weights
from skdistill.losses._multi_period import _Amplitude, multi_period_divergence
from skdistill.losses._multi_scale import multi_scale_error, pool
from skdistill.losses._over_scales import mean_over_scales
from skdistill.networks import MLP
from skdistill.teachers import TrainedTeacher


def make_inputs(horizon=6, channels=2, width=8, teacher_width=5, requires_grad=False, windows=3):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return LossInputs(
        forecast=normal(windows, horizon, channels).requires_grad_(requires_grad),
        features=normal(windows, channels, width).requires_grad_(requires_grad),
        truth=normal(windows, horizon, channels),
        teacher_forecast=normal(windows, horizon, channels),
        teacher_features=normal(windows, channels, teacher_width),
    )


def shapes_of(inputs):
    return LossShapes(
        inputs.forecast.shape[1],
        inputs.forecast.shape[2],
        inputs.features.shape[-1],
        tuple(inputs.teacher_features.shape[2:]),
    )


def value(term, inputs):
    return term.build(shapes_of(inputs))(inputs)


TERMS = [Supervised(), TeacherForecast(), MultiScale(), MultiPeriod(), FeatureMatching()]
LOSSES = [*TERMS, TimeDistill(), Response(), LossSum([("a", Supervised()), ("b", MultiPeriod())])]


# -- published numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["c0", "c1", "c2", "c3", "c4", "c5"])
def test_published_timedistill_values_and_gradients(case):
    published = load_published("timedistill_losses")
    tensors = {
        name: torch.tensor(published[f"{case}_{name}"])
        for name in ("student", "teacher", "target", "feat_student", "feat_teacher")
    }
    student = tensors["student"].requires_grad_()
    features = tensors["feat_student"].requires_grad_()
    inputs = LossInputs(student, features, tensors["target"], None, tensors["teacher"], tensors["feat_teacher"])
    shapes = shapes_of(inputs)

    def objective(prediction_weight, feature_weight):
        built = build_objective(TimeDistill(prediction_weight, feature_weight), shapes, has_teacher=True)
        built.terms[built.names.index("features")].regressor = torch.nn.Identity()
        return built(inputs)

    terms = objective(1.0, 1.0)
    expected = {
        "supervised": "loss_gt",
        "multiscale": "loss_logit_multiscale",
        "multiperiod": "loss_logit_frequency",
        "features": "loss_feature",
    }
    for ours, theirs in expected.items():
        assert terms[ours].item() == pytest.approx(float(published[f"{case}_{theirs}"]), rel=2e-6, abs=1e-6)
    total = sum(terms.values())
    assert total.item() == pytest.approx(float(published[f"{case}_loss"]), rel=2e-6)
    other = sum(objective(2.0, 0.5).values())
    assert other.item() == pytest.approx(float(published[f"{case}_loss_alpha2_beta0.5"]), rel=2e-6)
    gradients = torch.autograd.grad(total, [student, features])
    for ours, theirs in zip(gradients, ("student", "featstudent"), strict=True):
        np.testing.assert_allclose(ours, published[f"{case}_grad_{theirs}_total"], rtol=1e-4, atol=1e-7)


def test_published_distributions_of_periods():
    published = load_published("timedistill_losses")
    ours = period_probabilities(torch.tensor(published["c0_student"]).transpose(1, 2), 0.5).transpose(1, 2)
    np.testing.assert_allclose(ours, published["c0_period_prob_student"], rtol=1e-4, atol=1e-7)


def test_underflowing_target_has_finite_gradients():
    published = load_published("timedistill_losses")
    student = torch.tensor(published["big_feat_student"], requires_grad=True)
    teacher = torch.tensor(published["big_feat_teacher"], requires_grad=True)
    divergence = multi_period_divergence(student, teacher, 0.5, "published")
    assert divergence.item() == pytest.approx(float(published["big_loss_feature_frequency"]), rel=1e-5)
    assert (period_probabilities(teacher, 0.5) == 0).any(), "the case must underflow to test anything"
    gradients = torch.autograd.grad(divergence, [student, teacher])
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    np.testing.assert_allclose(gradients[0], published["big_grad_feat_student_frequency"], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("horizon", [96, 192, 1])
def test_published_horizon_weights(tau, horizon):
    published = load_published("distilts_losses")[f"hw_tau{tau}_T{horizon}"]
    ours = ExponentialWeights(tau).values(horizon)
    np.testing.assert_allclose(ours, published / published.mean(), rtol=1e-5)
    assert ours.mean() == pytest.approx(1.0)


# -- identities ----------------------------------------------------------------------------------


@given(st.floats(0.0, 5.0))
def test_response_has_the_gradient_of_an_mse_to_the_mixed_target(alpha):
    inputs = make_inputs(requires_grad=True)
    objective = build_objective(Response(alpha), shapes_of(inputs), has_teacher=True)
    total = sum(objective(inputs).values())
    mixed = (inputs.truth + alpha * inputs.teacher_forecast) / (1 + alpha)
    ours = torch.autograd.grad(total, inputs.forecast)[0]
    theirs = (1 + alpha) * torch.autograd.grad(mse_loss(inputs.forecast, mixed), inputs.forecast)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("term", [TeacherForecast(), MultiScale(), MultiPeriod()], ids=lambda term: type(term).__name__)
@pytest.mark.parametrize("horizon", range(1, 11))
def test_a_student_that_agrees_has_no_loss_at_any_horizon(term, horizon):
    inputs = make_inputs(horizon)
    assert value(term, inputs._replace(teacher_forecast=inputs.forecast)).item() == pytest.approx(0.0, abs=1e-6)
    other = value(term, inputs).item()
    has_frequency = horizon > 3  # two frequencies are needed to tell distributions apart
    assert other > 1e-4 if has_frequency or not isinstance(term, MultiPeriod) else other >= -1e-7


def test_features_that_agree_have_no_loss():
    inputs = make_inputs(teacher_width=8)
    module = FeatureMatching().build(shapes_of(inputs))
    module.regressor = torch.nn.Identity()
    assert module(inputs._replace(teacher_features=inputs.features)).item() == pytest.approx(0.0, abs=1e-6)
    assert module(inputs).item() > 0.1


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_distances_equal_those_of_torch(loss):
    inputs = make_inputs()
    reference = {"mse": torch.nn.MSELoss(), "mae": torch.nn.L1Loss(), "huber": torch.nn.HuberLoss(delta=0.7)}[loss]
    term = Supervised(loss=loss, delta=0.7)
    assert torch.equal(value(term, inputs), reference(inputs.forecast, inputs.truth))


def test_one_scale_is_the_plain_mse_and_each_scale_is_pooled_from_the_one_before():
    inputs = make_inputs(horizon=11)
    assert value(MultiScale(n_scales=1), inputs) == pytest.approx(
        mse_loss(inputs.forecast, inputs.teacher_forecast).item()
    )
    student, teacher = inputs.forecast.transpose(1, 2), inputs.teacher_forecast.transpose(1, 2)
    errors = []
    for _ in range(3):
        errors.append(mse_loss(student, teacher))
        student, teacher = (torch.nn.functional.avg_pool1d(one, 2) for one in (student, teacher))
    assert value(MultiScale(n_scales=3), inputs).item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-6)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(2, 4))
def test_scales_stop_while_a_step_remains(length, n_scales, window):
    difference = torch.ones(2, length)
    assert multi_scale_error(difference, n_scales, window).item() == pytest.approx(1.0)
    assert pool(difference, window).shape == (2, length // window)


@given(st.integers(1, 13), st.integers(1, 4), st.integers(2, 4))
def test_scales_pass_the_gradient_check(length, n_scales, window):
    difference = torch.randn(2, length, dtype=torch.float64, generator=torch.Generator().manual_seed(length))
    difference.requires_grad_()
    assert torch.autograd.gradcheck(lambda d: multi_scale_error(d, n_scales, window), difference)


def test_a_constant_has_no_gradient_from_its_amplitudes_of_zero():
    student = torch.ones(1, 8, requires_grad=True)
    gradient = torch.autograd.grad(
        multi_period_divergence(student, torch.arange(8.0)[None], 1e-3, "published"), student
    )
    torch.testing.assert_close(gradient[0], torch.zeros(1, 8))


def test_divergence_passes_the_gradient_check_on_both_sides():
    torch.manual_seed(0)
    student = torch.randn(2, 3, 9, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(2, 3, 9, dtype=torch.float64, requires_grad=True)
    for amplitude in ("published", "per_length"):
        assert torch.autograd.gradcheck(
            lambda s, t, a=amplitude: multi_period_divergence(s, t, 0.5, a), (student, teacher)
        )


def test_amplitude_per_length_equals_a_longer_temperature():
    inputs = make_inputs(horizon=10)
    a = value(MultiPeriod(temperature=0.5, amplitude="per_length"), inputs)
    b = value(MultiPeriod(temperature=5.0), inputs)
    torch.testing.assert_close(a, b)


def test_step_features_are_averaged_under_a_channel_term():
    inputs = make_inputs()
    steps = torch.stack([inputs.teacher_features - 1, inputs.teacher_features + 1], dim=2)
    term = FeatureMatching()
    torch.manual_seed(0)
    channel = value(term, inputs)
    torch.manual_seed(0)
    torch.testing.assert_close(value(term, inputs._replace(teacher_features=steps)), channel)


def test_feature_parts_can_be_switched_off():
    inputs = make_inputs()
    parts = []
    for multiscale, multiperiod in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0)):
        torch.manual_seed(0)
        parts.append(
            value(FeatureMatching(multiscale_weight=multiscale, multiperiod_weight=multiperiod), inputs).item()
        )
    assert parts[0] == pytest.approx(parts[1] + parts[2], rel=1e-5)


# -- horizon weights -----------------------------------------------------------------------------


@pytest.mark.parametrize("term", [Supervised, TeacherForecast, MultiScale])
@pytest.mark.parametrize("weights", [ExponentialWeights(0.0), LinearWeights(1.0), np.full(6, 3.0)])
def test_equal_weights_are_the_plain_loss_to_the_bit(term, weights):
    inputs = make_inputs()
    assert torch.equal(value(term(horizon_weights=weights), inputs), value(term(), inputs))


@pytest.mark.parametrize("term", [Supervised, TeacherForecast])
def test_weights_act_on_their_steps(term):
    inputs = make_inputs()
    target = inputs.truth if term is Supervised else inputs.teacher_forecast
    by_step = (inputs.forecast - target).square().mean(dim=(0, 2))
    weights = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    expected = (by_step * torch.tensor(weights / weights.mean())).mean().item()
    assert value(term(horizon_weights=weights), inputs).item() == pytest.approx(expected, rel=1e-5)
    growing = value(term(horizon_weights=ExponentialWeights(1.0)), inputs)
    assert not torch.isclose(growing, value(term(), inputs))


def test_a_batch_of_one_window_may_come_in_rows():
    """As from an own network, whose last batch has one window: its differences are no view of whole blocks."""
    rows = torch.randn(1, 32, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    error = multi_scale_error(rows.transpose(1, 2), 4, 2)
    error.backward()
    assert error.item() == pytest.approx(multi_scale_error(rows.detach().transpose(1, 2).contiguous(), 4, 2).item())
    assert rows.grad.abs().sum() > 0


def test_weights_of_coarser_scales_are_pooled_and_rescaled():
    inputs = make_inputs(horizon=5)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0])
    weights = weights / weights.mean()
    difference = (inputs.forecast - inputs.teacher_forecast).transpose(1, 2)
    pooled = torch.tensor([1.5, 3.5]) / 2.5
    coarse = torch.stack([difference[..., :2].mean(-1), difference[..., 2:4].mean(-1)], dim=-1)
    expected = ((difference.square() * weights).mean() + (coarse.square() * pooled).mean()) / 2
    ours = value(MultiScale(n_scales=2, horizon_weights=weights.numpy()), inputs)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)


def test_terms_without_a_step_axis_refuse_weights():
    for term in (MultiPeriod, FeatureMatching):
        with pytest.raises(TypeError, match="horizon_weights"):
            term(horizon_weights=ExponentialWeights())


@pytest.mark.parametrize(
    ("given_weights", "error", "message"),
    [
        ([1.0, -1.0], ValueError, "not negative"),
        ([0.0, 0.0], ValueError, "not all zero"),
        ([1.0, np.nan], ValueError, "finite"),
        ([1.0], ValueError, r"shape \(2,\); got an array of shape \(1,\)"),
        ("linear", TypeError, "got 'linear'"),
        (1.0, TypeError, "ExponentialWeights"),
    ],
)
def test_bad_weights(given_weights, error, message):
    with pytest.raises(error, match=message):
        step_weights(given_weights, 2, "Supervised")


# -- truth that is not known ---------------------------------------------------------------------


def test_unknown_truth_counts_for_nothing_not_even_as_nan():
    inputs = make_inputs(requires_grad=True)
    truth = inputs.truth.clone()
    truth[1] = torch.nan
    masked = inputs._replace(truth=truth, known=torch.tensor([True, False, True]))
    loss = value(Supervised(), masked)
    assert loss.item() == pytest.approx(mse_loss(inputs.forecast[[0, 2]], truth[[0, 2]]).item())
    gradient = torch.autograd.grad(loss, inputs.forecast)[0]
    assert torch.equal(gradient[1], torch.zeros_like(gradient[1]))
    nothing = value(Supervised(), masked._replace(known=torch.zeros(3, dtype=torch.bool)))
    assert nothing.item() == 0.0
    assert torch.autograd.grad(nothing, inputs.forecast)[0].abs().sum() == 0


# -- sums and objectives -------------------------------------------------------------------------


def test_total_is_the_weighted_sum_of_the_terms():
    inputs = make_inputs()
    loss = LossSum([("near", Supervised(2.0)), ("far", TeacherForecast(0.25)), ("off", MultiPeriod(0.0))])
    terms = build_objective(loss, shapes_of(inputs), has_teacher=True)(inputs)
    assert list(terms) == ["near", "far"]
    torch.testing.assert_close(terms["near"], 2 * value(Supervised(), inputs))
    torch.testing.assert_close(terms["far"], 0.25 * value(TeacherForecast(), inputs))


def test_losses_add_up_and_clashing_names_are_numbered():
    loss = Supervised() + TimeDistill() + Supervised(0.5)
    assert [name for name, _ in loss.terms] == ["supervised", "timedistill", "supervised2"]
    assert [name for name, _ in loss.named_terms()][1:3] == ["timedistill.supervised", "timedistill.multiscale"]
    clone(loss).set_params(timedistill__n_scales=2, supervised2=Supervised(0.75))


def test_sums_refuse_what_is_no_loss():
    with pytest.raises(TypeError):
        Supervised() + 3
    with pytest.raises(ValueError, match="not unique"):
        LossSum([("a", Supervised()), ("a", Supervised())]).named_terms()
    with pytest.raises(ValueError, match=r"two terms named 'a\.b' \(Supervised and MultiPeriod\)"):
        check_loss(LossSum([("a", LossSum([("b", Supervised())])), ("a.b", MultiPeriod())]))
    with pytest.raises(ValueError, match="must not be named 'loss', as history_ names their sum"):
        check_loss(LossSum([("loss", Supervised()), ("other", MultiPeriod())]))
    check_loss(LossSum([("loss", Supervised())]))  # which is the sum


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_losses_survive_clone_pickle_and_set_params(loss):
    assert repr(clone(loss)) == repr(loss)
    assert repr(pickle.loads(pickle.dumps(loss))) == repr(loss)
    check_loss(loss)
    loss.set_params(**loss.get_params())


def test_a_loss_knows_what_it_needs():
    assert not needs_teacher(Supervised())
    assert needs_teacher(Response())
    assert not needs_teacher(Response(prediction_weight=0.0))
    assert needs_teacher_features(TimeDistill())
    assert not needs_teacher_features(TimeDistill(feature_weight=0.0))
    assert needs_branches(WarmUp(OutputConsistency()))
    assert not needs_branches(TimeDistill())
    assert not needs_teacher_features(TimeDistill(multiscale_weight=0.0, multiperiod_weight=0.0))


def test_ablated_terms_disappear():
    names = [
        name
        for name, term in TimeDistill(multiscale_weight=0.0, supervised_weight=0.0).named_terms()
        if term.weight > 0
    ]
    assert names == ["multiperiod", "features"]


@pytest.mark.parametrize(
    ("term", "hint"),
    [
        (Supervised(loss="smape"), r"got 'smape'\. It is a separate term, skdistill\.losses\.SMAPE\.$"),
        (Supervised(loss="MASE"), r"skdistill\.losses\.MASE, which has a season parameter\.$"),
        (Supervised(loss="smooth_l1"), r'It is loss="huber" here\.$'),
        (TeacherForecast(loss="smooth_l1"), r'It is loss="huber" here\.$'),
    ],
)
def test_distances_under_another_name_are_pointed_to(term, hint):
    with pytest.raises(ValueError, match=hint):
        term.check()


def test_names_stand_for_losses():
    assert isinstance(make_loss("timedistill"), TimeDistill)
    with pytest.raises(ValueError, match="Did you mean 'response'"):
        make_loss("respons")


@given(st.integers(1, 20))
def test_amplitudes_and_their_gradient_equal_autograds(length):
    torch.manual_seed(length)
    values = torch.randn(2, 3, length, dtype=torch.float64, requires_grad=True)
    ours = _Amplitude.apply(values)
    theirs = torch.fft.rfft(values, dim=-1)[..., 1:].abs()
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(theirs)
    a, b = (torch.autograd.grad((one * weights).sum(), values)[0] for one in (ours, theirs))
    torch.testing.assert_close(a, b)
    flat = torch.ones(1, length, dtype=torch.float64, requires_grad=True)
    assert torch.isfinite(torch.autograd.grad(_Amplitude.apply(flat).sum(), flat)[0]).all()


@pytest.mark.parametrize(
    "loss", [FeatureMatching(), TimeDistill(supervised_weight=0, prediction_weight=0), ContrastiveFeatures()]
)
def test_a_loss_of_features_alone_is_told(loss):
    """Forecasts of its student are those of random weights."""
    student = DistilledForecaster(TrainedTeacher(MLP(8), max_epochs=1), MLP(8), loss, context_length=8, max_epochs=1)
    student.set_params(prediction_length=2, random_state=0)
    rows = np.random.default_rng(0).normal(size=(60, 1))
    with pytest.warns(UserWarning, match=r"compares hidden features alone.* Add one that does"):
        student.fit(rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*hidden features alone")
        student.set_params(loss=Response() + loss).fit(rows)


def test_weights_of_pooled_steps_have_mean_one_on_every_scale():
    """Five steps pool into two, whose weights no longer have that mean by themselves."""
    difference, weights = torch.tensor([1.0, -2.0, 3.0, 0.5, 9.0]), torch.tensor([0.5, 0.5, 1.0, 1.0, 2.0])
    whole = (weights * difference.abs()).sum() / weights.sum()
    halves = (0.5 * 0.5 + 1.0 * 1.75) / 1.5
    found = mean_over_scales(difference, torch.abs, 2, 2, weights)
    assert found.item() == pytest.approx((whole.item() + halves) / 2)
