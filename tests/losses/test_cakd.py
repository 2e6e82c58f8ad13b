"""Contrastive and adversarial feature terms: closed forms, limits and gradients."""

import math

import pytest
import torch
from doubles import make_forecaster, make_series
from test_losses import make_inputs, shapes_of

from skdistill.core import LossShapes, build_objective, check_loss, make_loss
from skdistill.losses import CAKD, AdversarialFeatures, ContrastiveFeatures
from skdistill.networks import ITransformer

# -- contrastive ---------------------------------------------------------------------------------


def test_contrast_against_the_sum_by_hand():
    inputs = make_inputs(windows=3, channels=2)
    term = ContrastiveFeatures(temperature=0.3, projection_size=7).build(shapes_of(inputs))
    ours = (inputs.features.reshape(6, -1) @ term.student_projection.weight.T).detach()
    theirs = (inputs.teacher_features.reshape(6, -1) @ term.teacher_projection.weight.T).detach()
    total = 0.0
    for i in range(6):
        cosines = [float(torch.cosine_similarity(ours[i], theirs[j], dim=0)) / 0.3 for j in range(6)]
        total -= math.log(math.exp(cosines[i]) / sum(math.exp(one) for one in cosines))
    assert term(inputs).item() == pytest.approx(total / 6, rel=1e-5)


def test_contrast_knows_its_own_and_nobody():
    inputs = make_inputs(windows=50, width=16, teacher_width=16)
    term = ContrastiveFeatures(temperature=0.01, projection_size=16).build(shapes_of(inputs))
    with torch.no_grad():
        term.student_projection.weight.copy_(torch.eye(16))
        term.teacher_projection.weight.copy_(torch.eye(16))
    same = inputs._replace(teacher_features=inputs.features)
    assert term(same).item() < 1e-3
    alike = inputs._replace(features=torch.ones_like(inputs.features))
    assert term(alike._replace(teacher_features=torch.ones_like(inputs.features))).item() == pytest.approx(
        math.log(100)
    )


def test_contrast_does_not_depend_on_the_order_and_teacher_steps_are_averaged():
    inputs = make_inputs(windows=4)
    order = torch.tensor([2, 0, 3, 1])
    moved = inputs._replace(features=inputs.features[order], teacher_features=inputs.teacher_features[order])
    term = ContrastiveFeatures().build(shapes_of(inputs))
    torch.testing.assert_close(term(moved), term(inputs))
    steps = torch.stack([inputs.teacher_features - 1, inputs.teacher_features + 1], dim=2)
    torch.testing.assert_close(term(inputs._replace(teacher_features=steps)), term(inputs))


def test_contrast_of_many_pairs_draws_some():
    inputs = make_inputs(windows=40)
    torch.manual_seed(0)
    term = ContrastiveFeatures(max_pairs=8).build(shapes_of(inputs))
    values = {round(term(inputs).item(), 5) for _ in range(5)}
    assert len(values) > 1
    assert all(one < 2 * math.log(8) + 2 / 0.1 for one in values)
    whole = ContrastiveFeatures(max_pairs=80).build(shapes_of(inputs))
    assert whole(inputs).item() == whole(inputs).item()


# -- adversarial ---------------------------------------------------------------------------------


def test_a_discriminator_that_cannot_tell_is_log_two_and_one_that_can_is_nothing():
    inputs = make_inputs()
    term = AdversarialFeatures(hidden_size=3).build(shapes_of(inputs))
    with torch.no_grad():
        term.discriminator[2].weight.zero_()
        term.discriminator[2].bias.zero_()
    assert term(inputs).item() == pytest.approx(math.log(2))
    with torch.no_grad():  # the first teacher feature says who it is
        term.aligner.weight.zero_()
        term.aligner.bias.zero_()
        term.discriminator[0].weight.zero_()
        term.discriminator[0].weight[:, 0] = 1.0
        term.discriminator[0].bias.fill_(-0.5)
        term.discriminator[2].weight.fill_(100.0)
        term.discriminator[2].bias.fill_(3.0)
    assert term(inputs._replace(teacher_features=torch.ones_like(inputs.teacher_features))).item() < 1e-3


@pytest.mark.parametrize("reversal", [0.0, 1.0, 2.5])
def test_the_gradient_is_reversed_on_the_way_to_the_student_alone(reversal):
    inputs = make_inputs(requires_grad=True)
    torch.manual_seed(0)
    term = AdversarialFeatures(reversal=reversal).build(shapes_of(inputs))
    ours = torch.autograd.grad(term(inputs), [inputs.features, term.aligner.weight, term.discriminator[0].weight])
    aligned = term.aligner(inputs.features.flatten(0, 1))
    theirs = term.discriminator(inputs.teacher_features.flatten(0, 1))
    plain = (-torch.nn.functional.logsigmoid(theirs) - torch.nn.functional.logsigmoid(-term.discriminator(aligned))) / 2
    expected = torch.autograd.grad(plain.mean(), [inputs.features, term.aligner.weight, term.discriminator[0].weight])
    torch.testing.assert_close(ours[0], -reversal * expected[0])
    torch.testing.assert_close(ours[1], -reversal * expected[1])
    torch.testing.assert_close(ours[2], expected[2])


def test_training_moves_the_students_features_towards_the_teachers():
    """Against a shifted distribution, the student's mean feature moves to the teacher's."""
    torch.manual_seed(0)
    features = torch.nn.Parameter(torch.randn(64, 1, 2))
    inputs = make_inputs(windows=64, channels=1, width=2, teacher_width=2)
    term = AdversarialFeatures(hidden_size=16).build(LossShapes(6, 1, 2, (2,)))
    with torch.no_grad():
        term.aligner.weight.copy_(torch.eye(2))
        term.aligner.bias.zero_()
    term.aligner.requires_grad_(False)
    inputs = inputs._replace(teacher_features=inputs.teacher_features + 2.0)
    optimizer = torch.optim.Adam([features, *term.discriminator.parameters()], lr=0.02)
    before = (features.mean(dim=0) - inputs.teacher_features.mean(dim=0)).norm().item()
    for _ in range(150):
        optimizer.zero_grad()
        term(inputs._replace(features=features)).backward()
        optimizer.step()
    after = (features.mean(dim=0) - inputs.teacher_features.mean(dim=0)).norm().item()
    assert after < 0.3 * before


# -- both ----------------------------------------------------------------------------------------


def test_cakd_trains_and_without_a_teacher_the_truth_is_left():
    series = make_series()
    forecaster = make_forecaster(teacher=ITransformer(8, n_heads=2), loss="cakd").fit(series)
    terms = {name for name in forecaster.history_[0] if name.startswith("train_")}
    assert terms == {f"train_{name}" for name in ("loss", "supervised", "prediction", "contrastive", "adversarial")}
    again = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=CAKD()).fit(series)
    assert (forecaster.predict(series) == again.predict(series)).all()
    assert build_objective(make_loss("cakd"), LossShapes(4, 1), has_teacher=False).names == ["supervised"]


@pytest.mark.parametrize("term", [ContrastiveFeatures(), AdversarialFeatures()], ids=lambda one: type(one).__name__)
def test_their_parts_train_and_features_are_asked_for(term):
    inputs = make_inputs(requires_grad=True)
    built = term.build(shapes_of(inputs))
    built(inputs).backward()
    assert all(parameter.grad is not None for parameter in built.parameters())
    assert inputs.features.grad.abs().sum() > 0
    with pytest.raises(ValueError, match=f"{type(term).__name__} needs features"):
        term.build(LossShapes(4, 1))
    with pytest.raises(ValueError, match="needs features of the student, and DLinear has none"):
        make_forecaster(teacher=ITransformer(8, n_heads=2), student="dlinear", loss=term).fit(make_series())


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (ContrastiveFeatures(temperature=0), "temperature of ContrastiveFeatures must be"),
        (ContrastiveFeatures(projection_size=0), "projection_size of ContrastiveFeatures must be"),
        (ContrastiveFeatures(max_pairs=1), "max_pairs of ContrastiveFeatures must be"),
        (AdversarialFeatures(hidden_size=0), "hidden_size of AdversarialFeatures must be"),
        (AdversarialFeatures(reversal=-1), "reversal of AdversarialFeatures must be"),
        (CAKD(contrastive_weight=-1), "weight of ContrastiveFeatures must be"),
    ],
)
def test_bad_parameters_are_refused(term, message):
    with pytest.raises(ValueError, match=message):
        check_loss(term)
