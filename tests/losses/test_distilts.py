"""DistilTS's terms against published numbers, closed forms and identities."""

import json

import numpy as np
import pytest
import torch
from published import load_published
from sklearn.base import clone
from torch.nn.functional import gelu, mse_loss

from skdistill._suggest import suggest
from skdistill.core import LossInputs, LossShapes, build_objective, check_loss, make_loss
from skdistill.losses import (
    DistilTS,
    ExponentialWeights,
    HorizonWeighted,
    LinearWeights,
    LogSpectrum,
    Supervised,
    TeacherForecast,
    TemporalAlignment,
    Trend,
    WarmUp,
)


def make_inputs(windows=3, horizon=7, channels=2, width=8, steps=5, teacher_width=6):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return LossInputs(
        forecast=normal(windows, horizon, channels),
        features=normal(windows, channels, width),
        truth=normal(windows, horizon, channels),
        teacher_forecast=normal(windows, horizon, channels),
        teacher_features=normal(windows, channels, steps, teacher_width),
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


# -- published numbers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published():
    return load_published("distilts_losses")


def check_published(published, case, term, name, rtol=1e-6):
    student = torch.tensor(published[f"{case}_student"], requires_grad=True)
    teacher = torch.tensor(published[f"{case}_teacher"])
    shapes = LossShapes(student.shape[1], student.shape[2])
    loss = term.build(shapes)(LossInputs(student, None, truth=teacher, teacher_forecast=teacher))
    key = f"{case}_{name}_loss" if f"{case}_{name}_loss" in published else f"{case}_{name}"
    torch.testing.assert_close(loss.detach(), torch.tensor(published[key]), rtol=rtol, atol=1e-6)
    if f"{case}_{name}_grad" in published:
        loss.backward()
        torch.testing.assert_close(student.grad, torch.tensor(published[f"{case}_{name}_grad"]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("length", [1, 96, 192])
def test_published_weights(published, tau, length):
    np.testing.assert_allclose(ExponentialWeights(tau).values(length), published[f"hw_tau{tau}_T{length}"], rtol=1e-6)


@pytest.mark.parametrize("case", ["c0", "c1", "c2"])
@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_published_horizon_weighted(published, case, tau):
    check_published(published, case, HorizonWeighted(tau=tau), f"hwmse_tau{tau}")


@pytest.mark.parametrize("case", ["c0", "c1", "c2"])
@pytest.mark.parametrize(("floor", "spectrum", "difference"), [(0.001, 1.0, 0.1), (0.001, 1.0, 0.0), (1e-6, 0.5, 1.0)])
def test_published_log_spectrum(published, case, floor, spectrum, difference):
    term = LogSpectrum(spectrum_weight=spectrum, difference_weight=difference, floor=floor)
    check_published(published, case, term, f"freqkd_eps{floor:g}_beta{spectrum}_gamma{difference}")


@pytest.mark.parametrize("case", ["c0", "c1", "c2"])
@pytest.mark.parametrize(
    ("term", "name"),
    [
        (Trend(), "trend_stride"),
        (Trend(include_last=False), "trend_stride_nolast"),
        (Trend(sampling="pool"), "trend_pool"),
        (Trend(step=1), "trend_none"),
    ],
)
def test_published_trend(published, case, term, name):
    check_published(published, case, term, name)


@pytest.mark.parametrize("case", ["vt0", "vt1", "vt3"])
@pytest.mark.parametrize("block_length", [7, 128])
def test_published_alignment(published, case, block_length):
    meta = json.loads(str(published["meta"]))["vt"][case]
    student = torch.tensor(published[f"{case}_student_hidden"], requires_grad=True)
    teacher = torch.tensor(published[f"{case}_teacher_hidden"]).reshape(meta["B"], meta["D"], meta["T"], meta["t_dim"])
    term = TemporalAlignment(embedding_size=meta["u"], block_length=block_length)
    aligner = term.build(LossShapes(1, meta["D"], meta["s_dim"], (meta["T"], meta["t_dim"])))
    weights = {"project_in.weight": "proj_s.weight", "project_out.weight": "proj_out.weight"}
    weights["time_embedding"] = "time_embed"
    aligner.load_state_dict({own: torch.tensor(published[f"{case}_w_{name}"]) for own, name in weights.items()})
    empty = torch.empty(meta["B"], 1, meta["D"])
    loss = aligner(LossInputs(empty, student, truth=empty, teacher_features=teacher))
    expected = torch.tensor(published[f"{case}_plain_mean_mse"])
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-6, atol=1e-6)
    if case != "vt1":  # whose release averages unequal blocks
        loss.backward()
        gradient = torch.tensor(published[f"{case}_grad_student_hidden"])
        torch.testing.assert_close(student.grad, gradient, rtol=1e-4, atol=1e-6)


# -- horizon weights act -------------------------------------------------------------------------


def test_tau_zero_is_the_plain_loss_to_the_bit():
    inputs = make_inputs()
    assert torch.equal(value(HorizonWeighted(tau=0.0), inputs), value(TeacherForecast(), inputs))


def test_weights_act_on_the_gradient_step_by_step():
    inputs = make_inputs()
    forecast = inputs.forecast.requires_grad_()
    plain = torch.autograd.grad(value(TeacherForecast(), inputs), forecast)[0]
    weighted = torch.autograd.grad(value(HorizonWeighted(tau=2.0), inputs), forecast)[0]
    expected = torch.tensor(ExponentialWeights(2.0).values(7)).float()[None, :, None].expand_as(plain)
    torch.testing.assert_close(weighted / plain, expected, rtol=1e-4, atol=0)


def test_any_tau_gives_finite_weights():
    for tau in (-1000.0, 1000.0):
        weights = ExponentialWeights(tau).values(8)
        assert np.isfinite(weights).all()
        assert weights.mean() == pytest.approx(1.0)


def test_other_weights_take_the_place_of_tau():
    inputs = make_inputs()
    term = HorizonWeighted(tau=5.0, horizon_weights=LinearWeights(3.0))
    assert torch.equal(value(term, inputs), value(TeacherForecast(horizon_weights=LinearWeights(3.0)), inputs))


def test_bad_weights_of_steps_are_those_of_the_term_they_were_given_to():
    term = HorizonWeighted(horizon_weights=[1.0, 2.0])
    for ask in (lambda: value(term, make_inputs()), lambda: term.quadratic_form(7)):
        with pytest.raises(ValueError, match=r"horizon_weights of HorizonWeighted must have one number per step"):
            ask()


@pytest.mark.parametrize("term", [HorizonWeighted(tau=1.5), Trend(step=3), Trend(sampling="pool", step=2)])
def test_quadratic_forms_equal_the_loss(term):
    inputs = make_inputs()
    form = term.quadratic_form(7)
    gap = (inputs.forecast - inputs.teacher_forecast).double().numpy()
    expected = np.einsum("bhc,hk,bkc->bc", gap, form.metric, gap).mean()
    assert form.target == "teacher_forecast"
    assert value(term, inputs).item() == pytest.approx(expected, rel=1e-5)


def test_huber_is_no_quadratic_form():
    assert HorizonWeighted(loss="huber").quadratic_form(7) is None


# -- alignment -----------------------------------------------------------------------------------


def test_alignment_follows_its_formula():
    inputs = make_inputs()
    aligner = TemporalAlignment(embedding_size=4, block_length=2).build(shapes_of(inputs))
    total = 0.0
    for step in range(5):
        state = aligner.project_in(inputs.features) * aligner.time_embedding[step]
        total += mse_loss(aligner.project_out(gelu(state)), inputs.teacher_features[:, :, step])
    torch.testing.assert_close(aligner(inputs), total / 5)


@pytest.mark.parametrize("loss", ["mse", "cosine"])
def test_blocks_change_neither_value_nor_gradient(loss):
    inputs = make_inputs()
    results = []
    for block_length in (1, 2, 100):
        torch.manual_seed(0)
        aligner = TemporalAlignment(loss=loss, block_length=block_length).build(shapes_of(inputs))
        total = aligner(inputs)
        gradients = torch.autograd.grad(total, list(aligner.parameters()))
        results.append([total.detach(), *gradients])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-7)


def test_memory_for_the_gradient_does_not_grow_with_the_steps():
    def saved_bytes(steps):
        inputs = make_inputs(steps=steps)
        aligner = TemporalAlignment(embedding_size=64, block_length=8).build(shapes_of(inputs))
        own = {inputs.teacher_features.untyped_storage().data_ptr(), aligner.time_embedding.data_ptr()}
        kept = {}

        def pack(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            aligner(inputs)
        return sum(kept.values())

    assert saved_bytes(512) <= saved_bytes(16) + 64


def test_the_aligner_learns_and_the_teacher_gets_no_gradient():
    inputs = make_inputs()
    objective = build_objective(DistilTS(), shapes_of(inputs), has_teacher=True)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)
    first = objective(inputs)["alignment"].item()
    for _ in range(200):
        optimizer.zero_grad()
        sum(objective(inputs).values()).backward()
        optimizer.step()
    assert objective(inputs)["alignment"].item() < 0.7 * first
    assert not inputs.teacher_features.requires_grad


def test_a_teacher_with_channel_features_is_one_step():
    inputs = make_inputs(steps=1)
    flat = inputs._replace(teacher_features=inputs.teacher_features[:, :, 0])
    torch.manual_seed(0)
    one = value(TemporalAlignment(), inputs)
    torch.manual_seed(0)
    assert torch.equal(value(TemporalAlignment(), flat), one)


# -- the variants --------------------------------------------------------------------------------


@pytest.mark.parametrize("term", [HorizonWeighted(), LogSpectrum(), Trend(), Trend(sampling="pool")])
@pytest.mark.parametrize("horizon", [1, 2, 5, 13])
def test_terms_vanish_where_the_forecasts_agree(term, horizon):
    inputs = make_inputs(horizon=horizon)
    same = inputs._replace(forecast=inputs.teacher_forecast.clone().requires_grad_())
    loss = value(term, same)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.isfinite(same.forecast.grad).all()
    assert value(term, inputs) > 0


def test_log_spectrum_of_a_flat_forecast_has_a_finite_gradient():
    inputs = make_inputs()
    flat = inputs._replace(forecast=torch.zeros_like(inputs.forecast).requires_grad_())
    value(LogSpectrum(), flat).backward()
    assert torch.isfinite(flat.forecast.grad).all()


def test_trend_compares_the_steps_it_names():
    forecast = torch.arange(8.0).reshape(1, 8, 1)
    assert Trend(step=3).thin(forecast).flatten().tolist() == [0, 3, 6, 7]
    assert Trend(step=3, include_last=False).thin(forecast).flatten().tolist() == [0, 3, 6]
    assert Trend(step=3, sampling="pool").thin(forecast).flatten().tolist() == [1, 4]


def test_warm_up_counts_training_batches_only():
    inputs = make_inputs()
    term = WarmUp(TeacherForecast(weight=0.5), n_batches=4)
    module, full = term.build(shapes_of(inputs)), value(TeacherForecast(), inputs)
    shares = [float(module(inputs) / full) for _ in range(2)]
    module.eval()
    shares.append(float(module(inputs) / full))
    module.train()
    shares += [float(module(inputs) / full) for _ in range(3)]
    assert shares == pytest.approx([0.25, 0.5, 0.5, 0.75, 1.0, 1.0])
    assert (term.weight, term.requires) == (0.5, TeacherForecast.requires)


@pytest.mark.parametrize("weights", [(0.25, 1.0, 0.5), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)])
def test_warm_up_counts_a_batch_once_whatever_its_labels_weigh(weights):
    inputs = make_inputs()._replace(label_weight=torch.tensor(weights))
    objectives = [
        build_objective(term, shapes_of(inputs), has_teacher=True).train()
        for term in (TeacherForecast(), WarmUp(TeacherForecast(), n_batches=8))
    ]
    for batch in range(1, 4):
        full, scaled = (one(inputs)["teacherforecast"] for one in objectives)
        assert float(scaled) == pytest.approx(batch / 8 * float(full))
    assert int(objectives[1].terms[0].batches) == 3


# -- the sum -------------------------------------------------------------------------------------


def test_the_published_weights():
    terms = dict(DistilTS().named_terms())
    assert [terms[name].weight for name in ("supervised", "prediction", "alignment")] == [1.0, 0.5, 0.3]
    assert terms["prediction"].tau == 1.0
    assert terms["alignment"].embedding_size == 256
    assert isinstance(make_loss("distilts"), DistilTS)


def test_the_sum_is_its_terms():
    inputs = make_inputs()
    torch.manual_seed(0)
    terms = build_objective(DistilTS(), shapes_of(inputs), has_teacher=True)(inputs)
    torch.manual_seed(0)
    alignment = value(TemporalAlignment(), inputs)
    torch.testing.assert_close(terms["alignment"], 0.3 * alignment)
    torch.testing.assert_close(terms["prediction"], 0.5 * value(HorizonWeighted(), inputs))
    torch.testing.assert_close(terms["supervised"], value(Supervised(), inputs))


def test_parameters_reach_the_terms():
    loss = clone(DistilTS().set_params(tau=0.0, alignment_loss="cosine", warm_up_batches=10, prediction_loss="huber"))
    terms = dict(loss.named_terms())
    assert isinstance(terms["prediction"], WarmUp)
    assert (terms["prediction"].term.tau, terms["prediction"].term.loss) == (0.0, "huber")
    assert terms["alignment"].loss == "cosine"


def test_without_a_teacher_the_truth_remains():
    assert build_objective(DistilTS(), shapes_of(make_inputs()), has_teacher=False).names == ["supervised"]


def test_missing_features_are_named_with_who_has_them():
    shapes = LossShapes(prediction_length=7, n_targets=2, student_feature_size=8)
    with pytest.raises(ValueError, match=r"needs features of the teacher.*Chronos.*TimeMoE"):
        build_objective(DistilTS(), shapes, has_teacher=True, suggest=suggest)
    shapes = LossShapes(prediction_length=7, n_targets=2, teacher_feature_shape=(3, 4))
    with pytest.raises(ValueError, match=r"needs features of the student.*alignment_weight=0"):
        build_objective(DistilTS(), shapes, has_teacher=True)
    assert build_objective(DistilTS(alignment_weight=0.0), shapes, has_teacher=True).names == [
        "supervised",
        "prediction",
    ]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (HorizonWeighted(tau=float("nan")), "tau of HorizonWeighted"),
        (TemporalAlignment(loss="mae"), "loss of TemporalAlignment must be one of 'cosine', 'mse'"),
        (TemporalAlignment(embedding_size=0), "embedding_size of TemporalAlignment"),
        (TemporalAlignment(block_length=0), "block_length of TemporalAlignment"),
        (LogSpectrum(floor=0.0), "floor of LogSpectrum"),
        (LogSpectrum(difference_weight=-1.0), "difference_weight of LogSpectrum"),
        (Trend(sampling="mean"), "sampling of Trend"),
        (Trend(step=0), "step of Trend"),
        (WarmUp(TeacherForecast(), n_batches=0), "n_batches of WarmUp"),
        (DistilTS(alignment_weight=-0.1), "weight of TemporalAlignment"),
    ],
)
def test_bad_parameters_are_named(loss, message):
    with pytest.raises(ValueError, match=message):
        check_loss(loss)


def test_the_cosine_of_an_alignment_is_that_of_predicted_and_given_features():
    inputs = make_inputs()
    aligner = TemporalAlignment(loss="cosine", block_length=2).build(shapes_of(inputs))
    projected = aligner.project_in(inputs.features).unsqueeze(2)
    predicted = aligner.project_out(torch.nn.functional.gelu(projected * aligner.time_embedding))
    dot = (predicted * inputs.teacher_features).sum(dim=-1)
    cosine = dot / predicted.norm(dim=-1) / inputs.teacher_features.norm(dim=-1)
    torch.testing.assert_close(aligner(inputs), 1.0 - cosine.mean())
