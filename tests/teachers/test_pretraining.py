"""The scripts that make the shipped weights: synthetic series, windows of them, a resumed run, scores."""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skdistill.teachers._echo_network import EchoConfig, EchoNetwork

SCRIPTS = Path(__file__).resolve().parents[2] / "examples" / "pretrain"
if not SCRIPTS.is_dir():
    pytest.skip("the examples are not beside the tests", allow_module_level=True)
sys.path.insert(0, str(SCRIPTS))
import evaluate  # noqa: E402
import synthetic_series  # noqa: E402
import train  # noqa: E402

SMALL = EchoConfig(hidden_size=16, n_layers=2, n_heads=2, feedforward_size=16)
needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="the training uses Muon, of torch 2.9")


@pytest.mark.parametrize("kind", sorted({kind for kinds in synthetic_series.MIXTURE.values() for kind in kinds}))
def test_synthetic_series_are_finite_of_unit_spread_and_follow_the_seed(kind):
    first, again = (synthetic_series.make_group(np.random.default_rng(3), kind, 416, 8) for _ in range(2))
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    spread = np.abs(first - np.median(first, axis=1, keepdims=True)).mean(axis=1)
    assert ((spread < 1e-6) | (np.abs(spread - 1) < 1e-3)).all()  # some intermittent series are nought throughout
    assert (spread > 0.5).sum() >= 6


def test_quarters_repeat_by_year():
    series = synthetic_series.make_group(np.random.default_rng(0), "quarters", 416, 64)
    changes = [np.abs(series[:, lag:] - series[:, :-lag]).mean() for lag in (2, 4)]
    assert changes[1] < changes[0]


@pytest.fixture
def pool(tmp_path):
    """Give a pool of a few series."""
    generator = np.random.default_rng(0)
    for name in train.CHUNK:
        np.save(tmp_path / f"{name}-00-000.npy", synthetic_series.make_pool(generator, name, 32))
    return tmp_path


def test_batches_keep_a_context_and_the_horizon(pool):
    windows = train.Pool(pool, 300, SMALL, np.random.default_rng(1))
    for _ in range(20):
        context, target = windows.batch()
        assert len(context) == len(target)
        assert not torch.isnan(target).any()
        assert torch.isfinite(context).any(dim=1).all()
        assert 8 <= context.shape[1] <= 2048


def settings(folder: Path, **changes: object) -> argparse.Namespace:
    values = {"minutes": 10.0, "steps": 3, "tokens": 200, "lr": 5e-3, "matrix_lr": 0.03, "device": "cpu"}
    values |= {"output": folder, "pool": folder, "compile": False, "seed": 0}
    values |= {"renewal": 100, "decay": 0.15, "save_every": 150.0}
    return argparse.Namespace(**{**values, **changes})


@needs_muon
def test_a_run_is_taken_up_where_it_stopped(pool):
    torch.manual_seed(0)
    run = train.Run(EchoNetwork(SMALL), settings(pool))
    run.train(lambda: None)
    assert run.step == 3
    again = train.Run(EchoNetwork(SMALL), settings(pool, steps=5))
    again.load()
    assert again.step == 3
    assert again.rate() > 0
    for name, value in run.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)
    for one, other in zip(run.optimizers, again.optimizers, strict=True):
        assert str(one.state_dict()["state"]) == str(other.state_dict()["state"])
    again.train(lambda: None)
    assert again.step == 5
    network = evaluate.load_sized(pool / "checkpoint.pt", SMALL)
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@needs_muon
def test_rates_warm_up_stay_and_fall(pool):
    run = train.Run(EchoNetwork(SMALL), settings(pool, steps=1000))
    rates = []
    for run.step in (0, 74, 500, 849, 925, 999, 1000):
        rates.append(run.rate())
    assert rates == pytest.approx([1 / 150, 0.5, 1, 1, 0.5, 1 / 150, 0])


def test_scores_are_those_of_the_formulas():
    series = np.arange(40.0) + np.tile([0.0, 5.0, -5.0, 0.0], 10)
    task = evaluate.Task([series], horizon=4, season=4, n_windows=1)
    scores = evaluate.score(EchoNetwork(SMALL).eval(), task)
    assert scores["naive"] == pytest.approx(1.0)  # what grows by 4 a season misses by 4, and did so before
    assert scores["windows"] == 1
    assert math.isfinite(scores["MASE"])
