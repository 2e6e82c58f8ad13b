"""Loss terms of quantiles against closed forms, identities and other implementations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from skdistill._suggest import suggest
from skdistill.core import (
    LossInputs,
    LossShapes,
    build_objective,
    check_loss,
    make_loss,
    needs_teacher,
    reads_teacher_quantiles,
    with_quantile_term,
)
from skdistill.data._levels import check_quantiles, covered_levels, interpolation_matrix
from skdistill.losses import (
    LinearWeights,
    LossSum,
    Pinball,
    QuantileDistance,
    QuantileDistill,
    Response,
    Supervised,
    TimeDistill,
    WarmUp,
)

LEVELS = (0.1, 0.5, 0.8)
TEACHER_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def make_inputs(levels=LEVELS, teacher_levels=TEACHER_LEVELS, windows=4, horizon=6, channels=2):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return LossInputs(
        forecast=normal(windows, horizon, channels),
        features=None,
        truth=normal(windows, horizon, channels),
        teacher_forecast=normal(windows, horizon, channels),
        quantiles=normal(windows, horizon, channels, len(levels)).sort(dim=-1).values,
        teacher_quantiles=normal(windows, len(teacher_levels), horizon, channels).sort(dim=1).values,
    )


def shapes(levels=LEVELS, teacher_levels=TEACHER_LEVELS):
    return LossShapes(6, 2, quantiles=levels, teacher_quantiles=teacher_levels)


# -- pinball ---------------------------------------------------------------------------------------


def test_pinball_is_twice_that_of_scikit_learn():
    inputs = make_inputs()
    truth = inputs.truth.reshape(-1).numpy()
    each = [
        mean_pinball_loss(truth, inputs.quantiles[..., number].reshape(-1).numpy(), alpha=level)
        for number, level in enumerate(LEVELS)
    ]
    assert float(Pinball().build(shapes())(inputs)) == pytest.approx(2 * np.mean(each), rel=1e-5)


def test_pinball_of_the_median_is_the_mae():
    inputs = make_inputs((0.5,))
    mae = (inputs.truth - inputs.quantiles[..., 0]).abs().mean()
    torch.testing.assert_close(Pinball().build(shapes((0.5,)))(inputs), mae)


@given(st.floats(0.05, 0.95), st.integers(0, 50))
def test_pinball_is_least_at_the_quantile(level, seed):
    sample = torch.from_numpy(np.random.default_rng(seed).normal(size=(101, 1, 1)))
    term = Pinball().build(LossShapes(1, 1, quantiles=(level,))).double()

    def loss(value):
        guess = torch.full((101, 1, 1, 1), float(value), dtype=torch.float64)
        return float(term(LossInputs(guess[..., 0], None, sample, quantiles=guess)))

    best = np.quantile(sample.numpy(), level, method="inverted_cdf")
    assert loss(best) <= min(loss(best - 0.1), loss(best + 0.1)) + 1e-9


def test_windows_of_unknown_truth_are_left_out():
    inputs = make_inputs()
    known = torch.tensor([True, False, True, False])
    half = inputs._replace(truth=inputs.truth[known], quantiles=inputs.quantiles[known])
    term = Pinball().build(shapes())
    torch.testing.assert_close(term(inputs._replace(known=known)), term(half))
    none = inputs._replace(known=torch.zeros(4, dtype=torch.bool), quantiles=inputs.quantiles.requires_grad_())
    term(none).backward()
    assert not inputs.quantiles.grad.any()


@pytest.mark.parametrize("term", [Pinball(), QuantileDistance(order=1), QuantileDistance(order=2)])
def test_horizon_weights_and_scales_act(term):
    inputs = make_inputs()
    plain = term.build(shapes())(inputs)
    equal = term.set_params(horizon_weights=np.full(6, 3.0)).build(shapes())(inputs)
    torch.testing.assert_close(plain, equal)
    late = np.array([0, 0, 0, 0, 0, 6.0])
    weighted = term.set_params(horizon_weights=late).build(shapes())(inputs)
    last = inputs._replace(
        truth=inputs.truth[:, 5:],
        quantiles=inputs.quantiles[:, 5:],
        teacher_quantiles=inputs.teacher_quantiles[:, :, 5:],
    )
    one_step = LossShapes(1, 2, quantiles=LEVELS, teacher_quantiles=TEACHER_LEVELS)
    torch.testing.assert_close(weighted, term.set_params(horizon_weights=None).build(one_step)(last))
    pooled = inputs._replace(
        truth=inputs.truth.unflatten(1, (3, 2)).mean(dim=2),
        quantiles=inputs.quantiles.unflatten(1, (3, 2)).mean(dim=2),
        teacher_quantiles=inputs.teacher_quantiles.unflatten(2, (3, 2)).mean(dim=3),
    )
    three = LossShapes(3, 2, quantiles=LEVELS, teacher_quantiles=TEACHER_LEVELS)
    both = (plain + term.build(three)(pooled)) / 2
    torch.testing.assert_close(term.set_params(n_scales=2).build(shapes())(inputs), both)
    assert torch.isfinite(term.set_params(n_scales=9, horizon_weights=LinearWeights()).build(shapes())(inputs))


# -- distance to the teacher -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
def test_distance_on_one_grid_is_that_of_the_quantiles(order):
    inputs = make_inputs(TEACHER_LEVELS)
    difference = inputs.quantiles - inputs.teacher_quantiles.permute(0, 2, 3, 1)
    got = QuantileDistance(order=order).build(shapes(TEACHER_LEVELS))(inputs)
    torch.testing.assert_close(got, (difference.abs() ** order).mean())
    same = inputs._replace(quantiles=inputs.teacher_quantiles.permute(0, 2, 3, 1))
    assert float(QuantileDistance(order=order).build(shapes(TEACHER_LEVELS))(same)) == 0.0


def test_distance_tends_to_wasserstein_between_normal_distributions():
    """W_2 of N(0, 1) and N(m, s) is sqrt(m^2 + (s - 1)^2); the grid is even and fine."""
    normal = torch.distributions.Normal(0.0, 1.0)
    levels = tuple(((np.arange(2000) + 0.5) / 2000).tolist())
    values = normal.icdf(torch.tensor(levels))
    inputs = LossInputs(
        torch.zeros(1, 1, 1),
        None,
        torch.zeros(1, 1, 1),
        quantiles=(0.7 + 1.5 * values).reshape(1, 1, 1, -1),
        teacher_quantiles=values.reshape(1, -1, 1, 1),
    )
    grid = LossShapes(1, 1, quantiles=levels, teacher_quantiles=levels)
    assert float(QuantileDistance(order=2).build(grid)(inputs)) == pytest.approx(0.7**2 + 0.5**2, rel=2e-3)


def test_the_teachers_grid_is_interpolated_and_not_extrapolated():
    scores = torch.distributions.Normal(0.0, 1.0).icdf
    teacher = scores(torch.tensor(TEACHER_LEVELS)).reshape(1, -1, 1, 1).repeat(4, 1, 6, 2)
    levels = (0.05, 0.2, 0.5, 0.6, 0.95)
    student = scores(torch.tensor(levels)).repeat(4, 6, 2, 1)
    student[..., [0, 4]] += 100.0  # beyond the teacher's levels: nobody says anything
    inputs = make_inputs()._replace(quantiles=student, teacher_quantiles=teacher)
    assert float(QuantileDistance().build(shapes(levels))(inputs)) == pytest.approx(0.0, abs=1e-10)


def test_no_common_level_is_an_error():
    with pytest.raises(ValueError, match=r"needs at least one level of the student.*0.1 to 0.9"):
        QuantileDistance().build(shapes((0.01, 0.99)))


def test_a_point_teacher_gives_its_point_to_the_point_forecast_only():
    inputs = make_inputs()._replace(teacher_quantiles=None)
    inputs.forecast.requires_grad_()
    inputs.quantiles.requires_grad_()
    term = QuantileDistance(point_teacher="median").build(shapes(teacher_levels=None))
    loss = term(inputs)
    torch.testing.assert_close(loss, (inputs.forecast - inputs.teacher_forecast).square().mean())
    loss.backward()
    assert inputs.quantiles.grad is None
    assert inputs.forecast.grad.any()


# -- needs -----------------------------------------------------------------------------------------


def test_a_term_that_lacks_quantiles_says_who_has_them():
    names = {"has_teacher": True, "teacher_name": "DLinear", "suggest": suggest}
    with pytest.raises(
        ValueError, match=r"needs quantiles of the teacher, and DLinear has none.*Chronos, Fracast, Moirai, Pretrained"
    ):
        build_objective(QuantileDistance(), shapes(teacher_levels=None), **names)
    with pytest.raises(ValueError, match=r"needs quantiles of the student.*quantiles=\(0.1, 0.5, 0.9\)"):
        build_objective(Pinball(), LossShapes(6, 2), has_teacher=False)


def test_what_the_sums_need():
    assert needs_teacher(QuantileDistill())
    assert needs_teacher(QuantileDistance())
    assert not needs_teacher(Pinball())
    assert reads_teacher_quantiles(QuantileDistill())
    assert reads_teacher_quantiles(WarmUp(QuantileDistance()))
    assert not reads_teacher_quantiles(QuantileDistill(quantile_weight=0.0))
    assert not reads_teacher_quantiles(TimeDistill())
    assert isinstance(make_loss("quantiledistill"), QuantileDistill)


@pytest.mark.parametrize("loss", [Pinball(), QuantileDistance(), QuantileDistill()], ids=lambda one: type(one).__name__)
def test_without_a_teacher_what_needs_labels_falls_away(loss):
    check_loss(loss)
    both = LossSum([("own", loss), ("truth", Supervised())])
    names = build_objective(both, shapes(teacher_levels=None), has_teacher=False).names
    assert "own.quantiles" not in names
    assert "truth" in names


def test_pinball_joins_a_loss_that_would_leave_quantiles_untrained():
    def names(loss, teacher_levels=None, has_teacher=True, point_forecast="median"):
        found = with_quantile_term(
            loss, LEVELS, has_teacher=has_teacher, teacher_levels=teacher_levels, point_forecast=point_forecast
        )
        return [name for name, _ in found.named_terms()]

    assert names(Response()) == ["supervised", "prediction", "pinball"]
    assert names(QuantileDistill(), TEACHER_LEVELS) == ["pinball", "quantiles", "supervised"]
    assert names(QuantileDistill(), TEACHER_LEVELS, point_forecast="mean") == ["pinball", "quantiles", "supervised"]
    assert names(Response(), point_forecast="mean") == ["supervised", "prediction", "pinball"]
    assert names(Response(supervised_weight=0.0), point_forecast="mean") == ["prediction", "pinball"]
    assert names(Response(supervised_weight=0.0), has_teacher=False, point_forecast="mean") == [
        "prediction",
        "pinball",
        "supervised",
    ]
    assert names(QuantileDistance(), TEACHER_LEVELS) == ["quantiledistance"]
    assert names(QuantileDistance(), (0.2, 0.8)) == ["quantiledistance", "pinball"]  # the level .1 is beyond
    assert names(QuantileDistance(), TEACHER_LEVELS, has_teacher=False) == ["quantiledistance", "pinball"]
    assert names(QuantileDistill(pinball_weight=0.0)) == ["quantiles", "pinball"]


def test_absolute_errors_train_a_median_that_is_no_level():
    def names(loss, levels=(0.1, 0.9), **options):
        found = with_quantile_term(loss, levels, **{"has_teacher": True, "teacher_levels": TEACHER_LEVELS} | options)
        return [(name, getattr(term, "loss", None)) for name, term in found.named_terms() if term.weight > 0]

    added = [("pinball", None), ("quantiles", None), ("supervised", "mae")]
    assert names(QuantileDistill()) == added
    assert names(QuantileDistill(), has_teacher=False, teacher_levels=None) == added
    assert names(QuantileDistill(), LEVELS) == added[:2]  # 0.5 is a level
    assert names(QuantileDistill(), teacher_levels=None) == added[:2]  # the labels of a point teacher are medians
    assert names(QuantileDistill(supervised_weight=0.3)) == [*added[:2], ("supervised", "mse")]
    assert names(Pinball()) == [("pinball", None), ("supervised", "mae")]
    assert names(Response(), has_teacher=False) == [("supervised", "mse"), ("prediction", "mse"), ("pinball", None)]
    assert names(Response(supervised_weight=0.0), has_teacher=False)[-2:] == added[::2]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (QuantileDistance(order=3), r"order of QuantileDistance must be one of 1, 2; got 3"),
        (QuantileDistance(point_teacher="mean"), r"point_teacher of QuantileDistance.*Did you mean 'median'"),
        (Pinball(n_scales=0), r"n_scales of Pinball.*got 0"),
        (Pinball(-1.0), r"weight of Pinball"),
        (QuantileDistill(pooling_window=1), r"pooling_window of QuantileDistance.*got 1"),
    ],
)
def test_bad_parameters(term, message):
    with pytest.raises(ValueError, match=message):
        check_loss(term)


# -- levels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        ((0.9, 0.1), ValueError, r"0.1 does not come after 0.9\. Sort them"),
        ((0.1, 0.1, 0.9), ValueError, r"0.1 comes twice"),
        ((0.0, 0.5), ValueError, r"0.0 is out of range"),
        ((0.5, 1.0), ValueError, r"1.0 is out of range"),
        ((10, 50, 90), ValueError, r"10 is out of range. Levels are shares, not percent"),
        ((float("nan"),), ValueError, r"nan is out of range"),
        ((), ValueError, r"has no level"),
        (0.5, TypeError, r"got 0.5 of type float"),
        ("0.5", TypeError, r"of type str"),
        ((0.1, None), TypeError, r"got None of type NoneType among them"),
        ((True,), TypeError, r"got True of type bool among them"),
    ],
)
def test_bad_levels(levels, error, message):
    with pytest.raises(error, match=message):
        check_quantiles(levels, "quantiles")


def test_interpolation_keeps_known_levels_and_is_exact_for_normal_distributions():
    known, wanted = (0.1, 0.5, 0.9), (0.01, 0.1, 0.25, 0.5, 0.9, 0.97)
    score = torch.distributions.Normal(0.0, 1.0).icdf
    matrix = interpolation_matrix(known, wanted)
    expected = 3.0 + 2.0 * score(torch.tensor(wanted, dtype=torch.float64)).numpy()
    got = matrix @ (3.0 + 2.0 * score(torch.tensor(known, dtype=torch.float64)).numpy())
    np.testing.assert_allclose(got, expected, atol=1e-9)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert covered_levels(known, wanted).tolist() == [False, True, True, True, True, False]
    assert covered_levels((np.float32(0.1), np.float32(0.9)), (0.1, 0.9)).all()
