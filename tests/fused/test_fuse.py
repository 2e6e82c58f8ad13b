"""A fused student is the module, exactly."""

import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_series
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skdistill.core import NetworkOutput, NetworkSpec, fuse_affine, fuses
from skdistill.deploy import FusedStudent, NumpyStudent, fuse
from skdistill.networks import MLP, DLinear, ITransformer, Linear, NLinear

NETWORKS = {
    "dlinear": DLinear(),
    "dlinear, wide kernel": DLinear(kernel_size=40),
    "dlinear, even kernel": DLinear(kernel_size=6),
    "dlinear, individual": DLinear(5, individual=True),
    "linear": Linear(season=4),
    "linear, last": Linear("last"),
    "linear, mean, individual": Linear("mean", individual=True),
    "linear, unshifted, few rows": Linear(None, last_rows=3),
    "linear, sparse": Linear(sparse_season=2, season=2),
    "nlinear": NLinear(),
    "nlinear, individual": NLinear(individual=True),
    "mlp": MLP(6),
    "mlp, even kernel": MLP(6, kernel_size=4),
    "mlp, revin": MLP(6, normalization="revin"),
    "mlp, plain": MLP(6, normalization=None, decomposition=False, batch_norm=False),
    "mlp, no batch norm": MLP(6, batch_norm=False, dropout=0.5),
    "mlp, few rows": MLP(6, last_rows=3, kernel_size=4),
    "mlp, linear skip": MLP(6, last_rows=3, linear_skip=Linear(season=4)),
    "mlp, a skip for every target": MLP(6, last_rows=3, linear_skip=Linear(season=4, individual=True)),
    "mlp, three layers on such a skip": MLP(6, n_layers=3, linear_skip=Linear(individual=True)),
    "mlp, two layers": MLP(6, n_layers=2),
    "mlp, two layers, revin": MLP(6, n_layers=2, normalization="revin", batch_norm=False),
    "mlp, three layers on a skip": MLP(6, n_layers=3, last_rows=3, linear_skip=Linear(season=4)),
    "mlp, sparse unshifted skip": MLP(6, normalization=None, linear_skip=Linear(None, last_rows=3, sparse_season=2)),
}


def shaken(module, seed):
    """Give every weight and statistic an ordinary random value, negative gains included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d):
                part.running_mean.normal_(generator=generator)
                part.running_var.uniform_(0.1, 2.0, generator=generator)
    return module.eval()


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    lengths=st.tuples(st.integers(3, 20), st.integers(1, 7)),
    n_channels=st.integers(1, 4),
    some=st.booleans(),
)
def test_fused_student_equals_the_module(name, seed, lengths, n_channels, some):
    targets = (n_channels - 1,) if some else tuple(range(n_channels))
    network = NETWORKS[name]
    known = tuple(range(seed % n_channels)) if some and network.reads_known else ()
    spec = NetworkSpec(*lengths, n_channels, targets, known=known, n_static=seed % 3 if network.reads_static else 0)
    module = shaken(network.build(spec), seed).double()
    generator = np.random.default_rng(seed)
    mean, scale = generator.normal(size=n_channels, scale=3), generator.uniform(0.1, 5, size=n_channels)
    windows = mean + scale * generator.normal(size=(5, lengths[0], n_channels))
    ahead, places = generator.normal(size=(5, lengths[1], len(known))), list(known)
    static = generator.normal(size=(5, spec.n_static))
    standard = {"future": torch.from_numpy(ahead)} if known else {}
    standard |= {"static": torch.from_numpy(static)} if spec.n_static else {}
    with torch.no_grad():
        expected = module(torch.from_numpy((windows - mean) / scale), **standard).forecast.numpy()
    expected = expected * scale[list(targets)] + mean[list(targets)]
    fused = fuse(module, spec).in_units(mean, scale)
    size = max(1.0, np.abs(expected).max())
    given = {"future": ahead * scale[places] + mean[places]} if known else {}
    given |= {"static": static} if spec.n_static else {}
    np.testing.assert_allclose(
        NumpyStudent(fused.arrays(), "float64").predict(windows, **given), expected, rtol=0, atol=1e-11 * size
    )
    np.testing.assert_allclose(
        NumpyStudent(fused.arrays()).predict(windows, **given), expected, rtol=0, atol=3e-5 * size
    )


@pytest.mark.parametrize("name", ["dlinear", "linear", "mlp"])
def test_one_window_is_what_it_is_in_a_batch(name):
    spec = NetworkSpec(30, 5, 3, (2, 0))
    student = NumpyStudent(fuse(shaken(NETWORKS[name].build(spec), 1), spec).arrays())
    windows = np.random.default_rng(0).normal(size=(7, 34, 3))
    together = student.predict(windows)
    assert together.shape == (7, 5, 2)
    for window, forecast in zip(windows, together, strict=True):
        np.testing.assert_allclose(student.predict(window), forecast, rtol=1e-5, atol=1e-5)


def test_blocks_join_seamlessly():
    spec = NetworkSpec(16, 4, 2)
    student = NumpyStudent(fuse(shaken(MLP(8).build(spec), 1), spec).arrays(), "float64")
    windows = np.random.default_rng(0).normal(size=(11, 16, 2))
    whole = student.predict(windows)
    student._block = 3
    np.testing.assert_allclose(student.predict(windows), whole, rtol=0, atol=1e-13)


def test_a_large_level_costs_no_digits_in_float32():
    spec = NetworkSpec(24, 6, 1)
    module = shaken(DLinear().build(spec), 0)
    plain = fuse(module, spec)
    windows = np.random.default_rng(0).normal(size=(3, 24, 1))
    near = NumpyStudent(plain.arrays()).predict(windows)
    far = NumpyStudent(plain.in_units(np.array([1e7]), np.ones(1)).arrays()).predict(windows + 1e7)
    np.testing.assert_allclose(far - 1e7, near, atol=1e-5)


def test_what_is_not_registered_does_not_fuse():
    spec = NetworkSpec(12, 4, 2)
    assert fuse(ITransformer(8, n_heads=2).build(spec), spec) is None


def test_a_subclass_is_not_taken_for_its_base():
    spec = NetworkSpec(12, 4, 2)
    module = DLinear().build(spec)
    module.__class__ = type("Other", (type(module),), {})
    assert fuse(module, spec) is None


def test_weights_that_are_not_finite_stay_in_the_module():
    spec = NetworkSpec(12, 4, 2)
    module = DLinear().build(spec)
    torch.nn.init.constant_(module.trend.bias, torch.nan)
    assert fuse(module, spec) is None


def test_calendar_features_are_not_fused_away():
    spec = NetworkSpec(12, 4, 2)
    timed = NetworkSpec(12, 4, 2, n_time_features=3)
    assert fuse(DLinear().build(spec), timed) is None


class Mixed(nn.Module):
    """Affine, but its channels are mixed."""

    def forward(self, context, context_time=None, decoder_time=None):
        return NetworkOutput(context[:, :2] + context.flip(-1)[:, :2])


class Reversed(nn.Module):
    def forward(self, context, context_time=None, decoder_time=None):
        return NetworkOutput(2 * context.flip(1)[:, :2] + torch.arange(3.0))


def test_a_wrong_claim_is_found_out():
    fuses(Mixed)(fuse_affine)
    with pytest.warns(UserWarning, match="Mixed is not fused: the fused student differs from it"):
        assert fuse(Mixed(), NetworkSpec(4, 2, 3)) is None


def test_an_affine_module_of_ones_own_fuses_by_pulses():
    fuses(Reversed)(fuse_affine)
    spec = NetworkSpec(4, 2, 3)
    fused = fuse(Reversed(), spec)
    assert isinstance(fused, FusedStudent)
    (layer,) = fused.layers
    np.testing.assert_array_equal(layer.weight, [[0, 0, 0, 2], [0, 0, 2, 0]])
    np.testing.assert_array_equal(layer.bias, [[0, 0], [1, 1], [2, 2]])


@pytest.mark.parametrize(
    "network", [DLinear(individual=True), Linear("last", individual=True, past_rows=0)], ids=["dlinear", "linear"]
)
def test_pulses_and_algebra_agree(network):
    spec = NetworkSpec(12, 4, 2, (1, 0))
    module = shaken(network.build(spec), 2).double()
    by_pulses, by_algebra = fuse_affine(module, spec).layers[0], fuse(module, spec).layers[0]
    np.testing.assert_allclose(by_pulses.weight, by_algebra.weight, atol=1e-13)
    np.testing.assert_allclose(by_pulses.bias, by_algebra.bias, atol=1e-13)


@pytest.mark.parametrize("network", [MLP(4), MLP(4, linear_skip=Linear(season=4)), DLinear()], ids=str)
def test_memory_of_fusing_grows_with_the_context_not_with_its_square(network):
    spec = NetworkSpec(context_length=6000, prediction_length=4, n_channels=2)
    module = network.build(spec).eval()
    tracemalloc.start()
    try:
        assert fuse(module, spec) is not None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20  # a matrix of the context's square has 275 MiB


@pytest.mark.parametrize(
    "change",
    [
        lambda weight: weight.data.mul_(1.5),
        lambda weight: weight.detach().numpy().__isub__(0.25),
        lambda weight: setattr(weight, "data", weight.data + 1),
        lambda weight: torch.nn.init.zeros_(weight),
    ],
    ids=["data", "numpy", "replaced", "init"],
)
def test_changed_weights_change_forecasts(change):
    forecaster = make_forecaster(teacher=None).fit(make_series())
    before = forecaster.predict(make_series())
    change(next(forecaster.student_.parameters()))
    after = forecaster.predict(make_series())
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, clone_module(forecaster).predict(make_series()), atol=1e-6)


def clone_module(forecaster):
    """Copy a forecaster, with nothing in the cache for its student."""
    return pickle.loads(pickle.dumps(forecaster))
