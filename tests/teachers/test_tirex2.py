"""TiRex-2: variates of one forecast, masks, isolation, features, and the flow of a forecaster."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny_checkpoints
import torch
from test_chronos_covariates import HORIZON, make_contexts

from skdistill import DistilledForecaster
from skdistill.core import NetworkSpec
from skdistill.teachers import TiRex

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    pytest.importorskip("tirex2", reason="needs tirex-2: pip install 'skdistill[tirex2]'")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_checkpoints.make_tirex_2(tmp_path_factory.mktemp("tirex") / "two")


def make_teacher(checkpoint, targets=(0,), **settings):
    teacher = TiRex(checkpoint, device="cpu", **settings)
    teacher.prediction_length_, teacher.targets_ = HORIZON, targets
    return teacher


def test_it_answers_as_its_library(checkpoint):
    from tirex2 import TimeseriesType, load_model

    contexts = make_contexts()
    labels = make_teacher(checkpoint).label(contexts)
    values = contexts.values.transpose(1, 2)
    known = torch.cat([values[:, [1, 3]], contexts.future.transpose(1, 2)], dim=2)
    series = [TimeseriesType(one[:1], one[[2]], ahead) for one, ahead in zip(values, known, strict=True)]
    answers = torch.cat(load_model(checkpoint, device="cpu").forecast(series, HORIZON))
    torch.testing.assert_close(labels.quantiles[..., 0], answers)
    torch.testing.assert_close(labels.forecast[..., 0], answers[:, labels.quantile_levels.index(0.5)])


@pytest.mark.parametrize("joint", [False, True])
def test_a_window_reads_nothing_of_the_others(checkpoint, joint):
    contexts = make_contexts()
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[0], seen[1, :, 1], seen[2, 3:, 0] = False, False, False  # windows of which different things are known
    contexts = replace(contexts, future_observed=seen)
    together = make_teacher(checkpoint, (2, 0), joint=joint).label(contexts)
    for number in range(4):
        alone = make_teacher(checkpoint, (2, 0), joint=joint).label(contexts.take(np.array([number])))
        for name in ("forecast", "quantiles", "features"):
            one, every = getattr(alone, name)[0], getattr(together, name)[number]
            torch.testing.assert_close(one, every, rtol=1e-4, atol=1e-5)


def test_covariates_are_read_and_what_is_not_known_is_masked(checkpoint):
    contexts = make_contexts()
    values = contexts.values.clone()
    values[..., 2] = values[..., 2].flip(1)
    teacher, plain = make_teacher(checkpoint), make_teacher(checkpoint, covariates=False)
    before = teacher.label(contexts)
    assert before.features.shape[:2] == plain.label(contexts).features.shape[:2]
    for changed in (replace(contexts, values=values), replace(contexts, future=contexts.future.flip(1))):
        assert not torch.allclose(teacher.label(changed).forecast, before.forecast, atol=1e-6)
        assert torch.equal(plain.label(changed).forecast, plain.label(contexts).forecast)
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[:, 4:, 0] = False
    masked = replace(contexts, future_observed=seen)
    other = replace(masked, future=torch.where(seen, contexts.future, torch.tensor(9.0)))
    assert torch.equal(teacher.label(masked).forecast, teacher.label(other).forecast)


def test_it_teaches_with_covariates(checkpoint):
    index = pd.date_range("2024-01-01", periods=120, freq="h")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 2)), index=index, columns=["load", "wind"])
    forecaster = DistilledForecaster(
        TiRex(checkpoint, layer=None, device="cpu"), "linear", "response", targets=["load"],
        known_covariates=["wind"], context_length=24, prediction_length=6, random_state=0,
    ).fit(table)  # fmt: skip
    future = pd.DataFrame({"wind": rng.normal(size=6)}, index=pd.date_range(index[-1], periods=7, freq="h")[1:])
    first, other = (forecaster.predict_teacher(table, future=sign * future) for sign in (1, -1))
    assert not np.allclose(first, other, atol=1e-5)
    with pytest.raises(ValueError, match="prediction_length must be at most 32, as far as this TiRex-2 forecasts"):
        forecaster.set_params(prediction_length=33, validation_fraction=0).fit(table)


def test_the_first_generation_forecasts_every_target_by_itself(tmp_path):
    pytest.importorskip("tirex", reason="needs tirex-ts: pip install 'skdistill[tirex]'")
    first = tiny_checkpoints.make_tirex(tmp_path / "first")
    with pytest.raises(ValueError, match="joint = True of TiRex needs a TiRex-2"):
        TiRex(first, joint=True).check(NetworkSpec(24, 6, 2))
