"""TiRex-2: the answers of its library, and its limits; what it shares with others is in ``test_covariate_teachers``."""

import pytest
import tiny_checkpoints
import torch
from doubles import make_forecaster, make_frame
from test_chronos_covariates import HORIZON, make_contexts

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


def test_a_longer_horizon_than_it_forecasts_is_refused(checkpoint):
    teacher = TiRex(checkpoint, layer=None, device="cpu")
    settings = {"context_length": 24, "prediction_length": 33, "validation_fraction": 0}
    roles = {"targets": ["c0"], "known_covariates": ["c1"]}
    forecaster = make_forecaster(teacher=teacher, student="linear", **settings, **roles)
    with pytest.raises(ValueError, match="prediction_length must be at most 32, as far as this TiRex-2 forecasts"):
        forecaster.fit(make_frame())


def test_the_first_generation_forecasts_every_target_by_itself(tmp_path):
    pytest.importorskip("tirex", reason="needs tirex-ts: pip install 'skdistill[tirex]'")
    first = tiny_checkpoints.make_tirex(tmp_path / "first")
    with pytest.raises(ValueError, match="joint = True of TiRex needs a TiRex-2"):
        TiRex(first, joint=True).check(NetworkSpec(24, 6, 2))
