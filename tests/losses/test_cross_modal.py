"""CALF's loss terms equal the published ones, in value and gradient; SMAPE and MASE are what they say."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from published import load_published

from skdistill import DistilledForecaster
from skdistill.core import Branches, LossInputs, LossShapes, build_objective, check_loss, make_loss
from skdistill.losses import MASE, SMAPE, CrossModal, FeatureRegularization, OutputConsistency, Supervised
from skdistill.losses._feature_regularization import layer_weights
from skdistill.losses._percentage import scaled_error, symmetric_percentage
from skdistill.networks import Linear

NAMES = {"l1": "mae", "smooth_l1": "smooth_l1", "mse": "mse", "smape": "smape", "mase": "mase"}
CASES = ["long_l1_", "long_smoothl1_", "long_mse_", "short0_", "short1_", "short2_"]


@pytest.fixture(scope="module")
def published():
    return load_published("calf_losses")


def tensor(published, name):
    return torch.tensor(published[name], requires_grad="target" not in name and "in_sample" not in name)


def with_identities(objective):
    """Make the projections of hidden states identities, as the published numbers have them."""
    for parameter in objective.parameters():
        torch.nn.init.eye_(parameter)
    return objective


@pytest.mark.parametrize("case", CASES)
def test_published_values_and_gradients(case, published):
    settings = json.loads(str(published["meta"]))["cases"][case]
    time, text = tensor(published, f"{case}outputs_time"), tensor(published, f"{case}outputs_text")
    features = {name: tensor(published, f"{case}feat_{name}") for name in ("time", "text")}
    truth = tensor(published, f"{case}target")
    context = tensor(published, f"{case}in_sample") if f"{case}in_sample" in published else None
    mask = torch.tensor(published[f"{case}mask"]) if f"{case}mask" in published else torch.ones_like(truth)
    loss = CrossModal(
        supervised_loss=NAMES[settings["task_loss"]],
        output_loss=NAMES[settings["output_loss"]],
        feature_loss=NAMES[settings["feature_loss"]],
        season=int(published.get(f"{case}freq_map", 1)),
    )
    _, steps, channels = truth.shape
    shapes = LossShapes(steps, channels, branch_sizes=(16,) * 7)
    objective = with_identities(build_objective(loss, shapes, has_teacher=False))
    branches = Branches(text, tuple(features["time"]), tuple(features["text"]))
    inputs = LossInputs(time, None, truth, branches=branches, context=context)
    terms = objective(inputs)
    if not mask.all():  # M4's padding of short series, which our windows never have
        terms["supervised"] = (symmetric_percentage(time, truth) * mask).mean()
        terms["output"] = (scaled_error(time, text, context, loss.season) * mask).mean()
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    terms, total = {name: value.detach() for name, value in terms.items()}, total.detach()

    assert float(terms["features"]) / 0.01 == pytest.approx(float(published[f"{case}feature_loss"]), rel=1e-6)
    assert float(terms["output"]) == pytest.approx(float(published[f"{case}output_loss"]), rel=1e-6)
    assert float(terms["supervised"]) == pytest.approx(float(published[f"{case}task_loss"]), rel=1e-6)
    assert float(total) == pytest.approx(float(published[f"{case}total"]), rel=1e-6)
    close = {"rtol": 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(time.grad, published[f"{case}grad_outputs_time"], **close)
    np.testing.assert_allclose(text.grad, published[f"{case}grad_outputs_text"], **close)
    np.testing.assert_allclose(features["time"].grad[0], published[f"{case}grad_feat_time_first"], **close)
    np.testing.assert_allclose(features["time"].grad[-1], published[f"{case}grad_feat_time_last"], **close)


@pytest.mark.parametrize("case", CASES[3:])
def test_published_mase_of_the_truth(case, published):
    time, truth = torch.tensor(published[f"{case}outputs_time"]), torch.tensor(published[f"{case}target"])
    errors = scaled_error(time, truth, torch.tensor(published[f"{case}in_sample"]), int(published[f"{case}freq_map"]))
    mean = (errors * torch.tensor(published[f"{case}mask"])).mean()
    assert float(mean) == pytest.approx(float(published[f"{case}task_mase"]), rel=1e-6)


def test_published_layer_weights(published):
    np.testing.assert_allclose(layer_weights(7, 0.8), published["layer_weights_0.8"], rtol=1e-6)


# -- SMAPE and MASE --------------------------------------------------------------------------------


def loss_inputs(forecast, truth, **others):
    return LossInputs(torch.tensor(forecast), None, torch.tensor(truth), **others)


def test_smape_is_taken_in_the_units_of_the_series():
    shapes = LossShapes(1, 1, center=(10.0,), scale=(2.0,))  # 0 and 1 stand for 10 and 12
    value = SMAPE().build(shapes)(loss_inputs([[[0.0]]], [[[1.0]]]))
    assert float(value) == pytest.approx(200 * 2 / 22)


def test_smape_equals_sktimes():
    from sktime.performance_metrics.forecasting import mean_absolute_percentage_error

    truth, forecast = np.random.default_rng(0).normal(size=(2, 40))
    ours = symmetric_percentage(torch.tensor(forecast), torch.tensor(truth)).mean()
    assert float(ours) == pytest.approx(100 * mean_absolute_percentage_error(truth, forecast, symmetric=True))


def test_mase_equals_sktimes():
    from sktime.performance_metrics.forecasting import mean_absolute_scaled_error

    past, truth, forecast = np.split(np.random.default_rng(0).normal(size=40), [30, 35])
    shapes = LossShapes(5, 1, context_length=30)
    three = (torch.tensor(one)[None, :, None] for one in (forecast, truth, past))
    forecast_, truth_, past_ = three
    ours = MASE(season=7).build(shapes)(LossInputs(forecast_, None, truth_, context=past_))
    theirs = mean_absolute_scaled_error(truth, forecast, y_train=past, sp=7)
    assert float(ours) == pytest.approx(theirs)


def test_mase_leaves_out_what_is_missing_of_the_past():
    series = np.random.default_rng(0).normal(size=(60, 1)).cumsum(axis=0)
    series[20:23] = np.nan
    flat = Linear(None, solver="gradient")  # it starts with the mean of the training rows, whatever the context
    forecaster = DistilledForecaster(
        None, flat, MASE(season=2), context_length=8, prediction_length=2, max_epochs=1, batch_size=99, random_state=0
    )
    forecaster.set_params(validation_fraction=0, weight_averaging=None).fit(series)
    errors = []
    for origin in range(8, 59):
        past, truth = series[origin - 8 : origin], series[origin : origin + 2]
        if not np.isnan(truth).all():
            errors.append(np.abs(truth - np.nanmean(series)) / np.nanmean(np.abs(past[2:] - past[:-2])))
    assert np.nanmean(np.concatenate(errors)) == pytest.approx(forecaster.history_[0]["train_mase"], rel=1e-5)


def test_zero_by_zero_is_no_error_and_has_a_gradient():
    forecast = torch.zeros(1, 2, 1, requires_grad=True)
    past = torch.ones(1, 4, 1)
    total = symmetric_percentage(forecast, torch.zeros(1, 2, 1)).sum()
    total = total + scaled_error(forecast, torch.ones(1, 2, 1), past, 1).sum()
    total.backward()
    assert total.item() == 0.0
    assert torch.isfinite(forecast.grad).all()


@pytest.mark.parametrize("term", [SMAPE(), MASE(season=1)])
def test_windows_without_truth_do_not_count(term):
    module = term.build(LossShapes(2, 1))
    forecast, truth, past = torch.rand(3, 2, 1), torch.rand(3, 2, 1), torch.rand(3, 5, 1)
    known = torch.tensor([True, False, True])
    truth[1] = float("nan")
    value = module(LossInputs(forecast, None, truth, known=known, context=past))
    alone = module(LossInputs(forecast[known], None, truth[known], context=past[known]))
    torch.testing.assert_close(value, alone)
    nothing = module(LossInputs(forecast, None, truth, known=torch.zeros(3, dtype=torch.bool), context=past))
    assert float(nothing) == 0.0


def test_mase_reads_the_past_of_the_targets():
    past = torch.stack([torch.arange(5.0), 10 * torch.arange(5.0)], dim=-1)[None]
    module = MASE(season=1).build(LossShapes(1, 1, targets=(1,), context_length=5))
    assert float(module(loss_inputs([[[5.0]]], [[[0.0]]], context=past))) == pytest.approx(0.5)


# -- agreement of branches -------------------------------------------------------------------------


@given(st.integers(1, 4), st.sampled_from(["mae", "mse", "smooth_l1"]))
def test_equal_branches_have_no_distance(n_layers, name):
    states = tuple(torch.randn(2, 3, 5) for _ in range(n_layers))
    forecast = torch.randn(2, 4, 3)
    objective = CrossModal(output_loss=name, feature_loss=name, supervised_weight=0.0)
    module = with_identities(
        build_objective(objective, LossShapes(4, 3, branch_sizes=(5,) * n_layers), has_teacher=False)
    )
    terms = module(LossInputs(forecast, None, forecast, branches=Branches(forecast, states, states)))
    assert [float(value) for value in terms.values()] == [0.0, 0.0]


def test_every_weight_of_zero_leaves_its_term_out():
    shapes = LossShapes(2, 1, branch_sizes=(4,))
    for name, left in [("output_weight", ["supervised", "features"]), ("feature_weight", ["supervised", "output"])]:
        assert build_objective(CrossModal(**{name: 0.0}), shapes, has_teacher=False).names == left
    assert build_objective(CrossModal(0.0, 0.0), LossShapes(2, 1), has_teacher=False).names == ["supervised"]


def test_projections_ask_for_a_learning_rate_of_their_own():
    objective = build_objective(CrossModal(), LossShapes(2, 1, branch_sizes=(4, 4)), has_teacher=False)
    (group,) = objective.constant_lr_groups()
    assert group["lr"] == 1e-4
    assert len(group["params"]) == 4
    assert len(list(objective.parameters())) == 4


def test_smooth_l1_is_hubers_loss_that_turns_at_one():
    term = dict(CrossModal(supervised_loss="smooth_l1").named_terms())["supervised"]
    assert (term.loss, term.delta) == ("huber", 1.0)
    assert isinstance(term, Supervised)
    assert isinstance(make_loss("crossmodal"), CrossModal)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (CrossModal(supervised_loss="smap"), "supervised_loss of CrossModal.*Did you mean 'smape'"),
        (CrossModal(output_loss="smape"), "loss of OutputConsistency"),
        (CrossModal(decay=1.5), r"decay of FeatureRegularization must be .*got 1.5"),
        (CrossModal(projection_lr=0.0), "lr of FeatureRegularization"),
        (MASE(season=0), "season of MASE"),
        (OutputConsistency(season=0), "season of OutputConsistency"),
    ],
)
def test_bad_parameters(loss, message):
    with pytest.raises((ValueError, TypeError), match=message):
        check_loss(loss)


@pytest.mark.parametrize("term", [MASE(season=5), OutputConsistency(loss="mase", season=5)])
def test_a_season_must_fit_into_the_context(term):
    with pytest.raises(ValueError, match=r"season of .* must be less than context_length = 5; got 5"):
        term.build(LossShapes(2, 1, context_length=5, branch_sizes=(3,)))


def test_terms_of_branches_refuse_a_student_without_them():
    with pytest.raises(ValueError, match=r"'output' \(OutputConsistency\) needs a student with two branches, and MLP"):
        build_objective(CrossModal(), LossShapes(2, 1), has_teacher=False, student_name="MLP")
    with pytest.raises(ValueError, match="needs a network with two branches"):
        FeatureRegularization().build(LossShapes(2, 1))
