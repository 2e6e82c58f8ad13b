"""TimesFM 3.0: variates of one forecast, masks, isolation, and the flow of a forecaster."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny_checkpoints
import torch
from test_chronos_covariates import HORIZON, make_contexts

from skdistill import DistilledForecaster
from skdistill.core import NetworkSpec
from skdistill.teachers import TimesFM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    pytest.importorskip("timesfm3", reason="needs timesfm: pip install 'skdistill[timesfm]'")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_checkpoints.make_timesfm_3(tmp_path_factory.mktemp("timesfm") / "three")


def make_teacher(checkpoint, targets=(0,), **settings):
    teacher = TimesFM(checkpoint, layer=None, device="cpu", **settings)
    teacher.prediction_length_, teacher.targets_ = HORIZON, targets
    return teacher


def test_it_answers_as_its_library(checkpoint):
    from timesfm3 import TimesFM3Torch

    contexts = make_contexts()
    labels = make_teacher(checkpoint).label(contexts)
    module = TimesFM3Torch.from_pretrained(str(checkpoint)).eval()
    values = contexts.values.transpose(1, 2)
    known = torch.cat([values[:, [1, 3]], contexts.future.transpose(1, 2)], dim=2)
    with torch.inference_mode():
        answers = module.decode(values[:, :1], past_only_covariates=values[:, [2]], past_future_covariates=known)[:, 0]
    torch.testing.assert_close(labels.quantiles[..., 0], answers.transpose(1, 2))
    torch.testing.assert_close(labels.forecast[..., 0], answers[..., labels.quantile_levels.index(0.5)])


@pytest.mark.parametrize("joint", [False, True])
def test_a_window_reads_nothing_of_the_others(checkpoint, joint):
    contexts = make_contexts()
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[0], seen[1, :, 1], seen[2, 3:, 0] = False, False, False  # windows of which different things are known
    contexts = replace(contexts, future_observed=seen)
    together = make_teacher(checkpoint, (2, 0), joint=joint).label(contexts)
    for number in range(4):
        alone = make_teacher(checkpoint, (2, 0), joint=joint).label(contexts.take(np.array([number])))
        torch.testing.assert_close(alone.forecast[0], together.forecast[number], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.quantiles[0], together.quantiles[number], rtol=1e-4, atol=1e-5)


def test_covariates_are_read_and_what_is_not_known_is_masked(checkpoint):
    contexts = make_contexts()
    values = contexts.values.clone()
    values[..., 2] = values[..., 2].flip(1)
    teacher, plain = make_teacher(checkpoint), make_teacher(checkpoint, covariates=False)
    before = teacher.label(contexts).forecast
    for changed in (replace(contexts, values=values), replace(contexts, future=contexts.future.flip(1))):
        assert not torch.allclose(teacher.label(changed).forecast, before, atol=1e-6)
        assert torch.equal(plain.label(changed).forecast, plain.label(contexts).forecast)
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[:, 4:, 0] = False
    masked = replace(contexts, future_observed=seen)
    other = replace(masked, future=torch.where(seen, contexts.future, torch.tensor(9.0)))
    assert torch.equal(teacher.label(masked).forecast, teacher.label(other).forecast)


def test_it_teaches_with_covariates_and_tells_its_license(checkpoint):
    index = pd.date_range("2024-01-01", periods=120, freq="h")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 2)), index=index, columns=["load", "wind"])
    forecaster = DistilledForecaster(
        TimesFM(checkpoint, layer=None, device="cpu"), "linear", "response", targets=["load"],
        known_covariates=["wind"], context_length=24, prediction_length=6, random_state=0,
    ).fit(table)  # fmt: skip
    future = pd.DataFrame({"wind": rng.normal(size=6)}, index=pd.date_range(index[-1], periods=7, freq="h")[1:])
    first, other = (forecaster.predict_teacher(table, future=sign * future) for sign in (1, -1))
    assert not np.allclose(first, other, atol=1e-5)


def test_parameters_that_a_generation_does_not_have(checkpoint, tmp_path):
    spec = NetworkSpec(24, 6, 2)
    with pytest.raises(ValueError, match=r"layer of TimesFM must be None for TimesFM 3\.0"):
        TimesFM(checkpoint).check(spec)
    second = tiny_checkpoints.make_timesfm_2_5(tmp_path / "second")
    with pytest.raises(ValueError, match=r"joint = True of TimesFM needs a TimesFM 3\.0"):
        TimesFM(second, joint=True).check(spec)
