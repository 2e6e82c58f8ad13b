"""Chronos-2 with covariates: groups of series, masks, isolation, and the flow of a forecaster."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny_checkpoints
import torch

from skdistill import DistilledForecaster
from skdistill.core import Contexts, NetworkSpec
from skdistill.teachers import Chronos
from skdistill.teachers._grouped_series import group_series

pytestmark = pytest.mark.slow

HORIZON = 10


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    pytest.importorskip("chronos", reason="needs chronos: pip install 'skdistill[chronos]'")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_checkpoints.make_chronos_2(tmp_path_factory.mktemp("chronos") / "two")


def make_contexts(n=4, n_channels=4, known=(1, 3), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Contexts(
        values=torch.randn(n, 40, n_channels, generator=generator),
        time=None,
        future_time=None,
        scaling=None,
        series=np.zeros(n, dtype=int),
        origins=np.arange(40, 40 + n),
        indexes=(None,),
        known=known,
        future=torch.randn(n, HORIZON, len(known), generator=generator),
    )


def make_teacher(checkpoint, targets=(0,), **settings):
    teacher = Chronos(checkpoint, device="cpu", **settings)
    teacher.prediction_length_, teacher.targets_ = HORIZON, targets
    return teacher


def test_groups_hold_targets_then_past_then_known():
    contexts = make_contexts()
    groups = group_series(contexts, (2, 0), HORIZON, joint=False, covariates=True, n_rows=16)
    assert groups.shape == (8, 3, 16 + HORIZON)  # two targets, each with two known covariates
    values = contexts.values.transpose(1, 2)[:, :, -16:]
    torch.testing.assert_close(groups[::2, 0, :16], values[:, 2])
    torch.testing.assert_close(groups[1::2, 0, :16], values[:, 0])
    torch.testing.assert_close(groups[1::2, 2, :16], values[:, 3])
    assert torch.isnan(groups[:, 0, 16:]).all()
    torch.testing.assert_close(groups[::2, 1, 16:], contexts.future[..., 0])
    together = group_series(contexts, (0,), HORIZON, joint=True, covariates=True, n_rows=16)
    assert together.shape == (4, 4, 16 + HORIZON)
    torch.testing.assert_close(together[:, 1, :16], values[:, 2])  # the past covariate
    assert torch.isnan(together[:, 1, 16:]).all()


def test_it_answers_as_its_pipeline(checkpoint):
    from chronos import BaseChronosPipeline

    contexts = make_contexts()
    labels = make_teacher(checkpoint).label(contexts)
    pipeline = BaseChronosPipeline.from_pretrained(str(checkpoint), dtype=torch.float32)
    values = contexts.values.numpy()
    tasks = [
        {
            "target": values[k, :, 0],
            "past_covariates": {"a": values[k, :, 2], "b": values[k, :, 1], "c": values[k, :, 3]},
            "future_covariates": {"b": contexts.future[k, :, 0].numpy(), "c": contexts.future[k, :, 1].numpy()},
        }
        for k in range(4)
    ]
    answers = torch.cat(pipeline.predict(tasks, prediction_length=HORIZON))
    torch.testing.assert_close(labels.quantiles[..., 0], answers)
    torch.testing.assert_close(labels.forecast[..., 0], answers[:, labels.quantile_levels.index(0.5)])


@pytest.mark.parametrize("joint", [False, True])
def test_a_window_reads_nothing_of_the_others(checkpoint, joint):
    contexts = make_contexts()
    teacher = make_teacher(checkpoint, (2, 0), joint=joint)
    together = teacher.label(contexts)
    assert together.features.shape[:2] == (4, 2)
    for batch_size in (1, 7):
        alone = make_teacher(checkpoint, (2, 0), joint=joint, batch_size=batch_size).label(contexts.take(np.array([2])))
        torch.testing.assert_close(alone.forecast[0], together.forecast[2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.features[0], together.features[2], rtol=1e-4, atol=1e-5)


def test_known_and_past_covariates_are_read_and_can_be_left_out(checkpoint):
    contexts = make_contexts()
    values = contexts.values.clone()
    values[..., 2] = values[..., 2].flip(1)
    changes = {
        "past": replace(contexts, values=values),
        "future": replace(contexts, future=contexts.future.flip(1)),
    }
    before = make_teacher(checkpoint).label(contexts).forecast
    plain = make_teacher(checkpoint, covariates=False).label(contexts).forecast
    assert not torch.allclose(before, plain)
    for changed in changes.values():
        assert not torch.allclose(make_teacher(checkpoint).label(changed).forecast, before, atol=1e-6)
        assert torch.equal(make_teacher(checkpoint, covariates=False).label(changed).forecast, plain)


def test_what_is_not_known_is_masked(checkpoint):
    contexts = make_contexts()
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[:, 4:, 0] = False
    masked = replace(contexts, future_observed=seen)
    other = replace(masked, future=torch.where(seen, contexts.future, torch.tensor(9.0)))
    teacher = make_teacher(checkpoint)
    assert torch.equal(teacher.label(masked).forecast, teacher.label(other).forecast)
    assert not torch.allclose(teacher.label(masked).forecast, teacher.label(contexts).forecast, atol=1e-6)


def test_targets_read_each_other_only_jointly(checkpoint):
    contexts = make_contexts(n_channels=2, known=())
    contexts = replace(contexts, future=None)
    values = contexts.values.clone()
    values[..., 1] = values[..., 1].flip(1)
    for joint in (False, True):
        teacher = make_teacher(checkpoint, (0, 1), joint=joint)
        before, after = teacher.label(contexts).forecast, teacher.label(replace(contexts, values=values)).forecast
        assert torch.allclose(before[..., 0], after[..., 0], atol=1e-6) != joint


def test_a_horizon_beyond_its_own_is_rolled_out(checkpoint):
    contexts = make_contexts()
    long = replace(contexts, future=torch.cat([contexts.future] * 4, dim=1))
    teacher = make_teacher(checkpoint)
    teacher.prediction_length_ = 40
    labels = teacher.label(long)
    assert labels.forecast.shape == (4, 40, 1)
    assert torch.isfinite(labels.forecast).all()


def test_it_teaches_with_covariates(checkpoint):
    index = pd.date_range("2024-01-01", periods=200, freq="h")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(200, 3)), index=index, columns=["load", "wind", "price"])
    forecaster = DistilledForecaster(
        Chronos(checkpoint, layer=None, device="cpu"), "linear", "response", targets=["load"],
        known_covariates=["wind"], context_length=24, prediction_length=6, random_state=0,
    ).fit(table)  # fmt: skip
    future = pd.DataFrame({"wind": rng.normal(size=6)}, index=pd.date_range(index[-1], periods=7, freq="h")[1:])
    first, other = (forecaster.predict_teacher(table, future=sign * future) for sign in (1, -1))
    assert not np.allclose(first, other, atol=1e-5)


def test_only_chronos_2_forecasts_jointly(tmp_path):
    pytest.importorskip("chronos", reason="needs chronos: pip install 'skdistill[chronos]'")
    bolt = tiny_checkpoints.make_chronos_bolt(tmp_path / "bolt")
    with pytest.raises(ValueError, match="joint = True of Chronos needs a Chronos-2"):
        Chronos(bolt, joint=True).check(NetworkSpec(24, 6, 2))
    with pytest.raises(TypeError, match="covariates of Chronos must be True or False; got 'all'"):
        Chronos(bolt, covariates="all").check(NetworkSpec(24, 6, 2))
