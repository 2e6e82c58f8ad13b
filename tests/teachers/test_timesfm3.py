"""TimesFM 3.0: the answers of its library, and its limits; what it shares is in ``test_covariate_teachers``."""

from dataclasses import replace

import pytest
import tiny_checkpoints
import torch
from test_chronos_covariates import HORIZON, make_contexts

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
    from timesfm3 import TimesFM3Forecaster

    contexts = make_contexts()
    labels = make_teacher(checkpoint).label(contexts)
    forecaster = TimesFM3Forecaster.from_pretrained(str(checkpoint), device="cpu")
    values = contexts.values.transpose(1, 2)
    known = torch.cat([values[:, [1, 3]], contexts.future.transpose(1, 2)], dim=2)
    for window in range(len(values)):
        target, past, ahead = (one[window].numpy() for one in (values[:, 0], values[:, [2]], known))
        answer = forecaster.predict(target, HORIZON, past, ahead, return_quantiles=True)
        torch.testing.assert_close(labels.quantiles[window, ..., 0].T, torch.from_numpy(answer.quantiles))
        torch.testing.assert_close(labels.forecast[window, :, 0], torch.from_numpy(answer.forecast))


def test_without_known_covariates_whole_patches_are_forecast(checkpoint):
    from timesfm3 import TimesFM3Forecaster

    teacher, horizon = make_teacher(checkpoint), 40  # of patches of 16
    teacher.prediction_length_ = horizon
    contexts = make_contexts(n_channels=2, known=())
    labels = teacher.label(replace(contexts, future=None))
    forecaster = TimesFM3Forecaster.from_pretrained(str(checkpoint), device="cpu")
    for window, (target, past) in enumerate(contexts.values.transpose(1, 2).numpy()):
        answer = forecaster.predict(target, horizon, past[None], return_quantiles=True)
        torch.testing.assert_close(labels.quantiles[window, ..., 0].T, torch.from_numpy(answer.quantiles))


def test_parameters_that_a_generation_does_not_have(checkpoint, tmp_path):
    spec = NetworkSpec(24, 6, 2)
    with pytest.raises(ValueError, match=r"layer of TimesFM must be None for TimesFM 3\.0"):
        TimesFM(checkpoint).check(spec)
    second = tiny_checkpoints.make_timesfm_2_5(tmp_path / "second")
    with pytest.raises(ValueError, match=r"joint = True of TimesFM needs a TimesFM 3\.0"):
        TimesFM(second, joint=True).check(spec)
