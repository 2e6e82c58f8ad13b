"""Foundation models that read covariates: isolation of windows, masks, the flow of a forecaster, for each family."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny_checkpoints
import torch
from test_chronos_covariates import HORIZON, make_contexts

from skdistill import DistilledForecaster
from skdistill.teachers import TimesFM, TiRex

pytestmark = pytest.mark.slow

# family: the package, its name for pip, how a small checkpoint is made, the teacher's class and settings
FAMILIES = {
    "TiRex-2": ("tirex2", "tirex2", tiny_checkpoints.make_tirex_2, TiRex, {}),
    "TimesFM 3.0": ("timesfm3", "timesfm", tiny_checkpoints.make_timesfm_3, TimesFM, {"layer": None}),
}


@pytest.fixture(scope="module", params=FAMILIES)
def make_teacher(request, tmp_path_factory):
    """Return a function that makes a teacher for the given targets, ready to label."""
    package, extra, make_checkpoint, family, fixed = FAMILIES[request.param]
    pytest.importorskip(package, reason=f"needs pip install 'skdistill[{extra}]'")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        checkpoint = make_checkpoint(tmp_path_factory.mktemp("family") / "checkpoint")

    def make(targets=(0,), **settings):
        teacher = family(checkpoint, device="cpu", **{**fixed, **settings})
        teacher.prediction_length_, teacher.targets_ = HORIZON, targets
        return teacher

    return make


@pytest.mark.parametrize("joint", [False, True])
def test_a_window_reads_nothing_of_the_others(make_teacher, joint):
    contexts = make_contexts()
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[0], seen[1, :, 1], seen[2, 3:, 0] = False, False, False  # windows of which different things are known
    contexts = replace(contexts, future_observed=seen)
    together = make_teacher((2, 0), joint=joint).label(contexts)
    for number in range(4):
        alone = make_teacher((2, 0), joint=joint).label(contexts.take(np.array([number])))
        for name in ("forecast", "quantiles", "features"):
            if getattr(together, name) is not None:
                one, every = getattr(alone, name)[0], getattr(together, name)[number]
                torch.testing.assert_close(one, every, rtol=1e-4, atol=1e-5)


def test_covariates_are_read_and_what_is_not_known_is_masked(make_teacher):
    contexts = make_contexts()
    values = contexts.values.clone()
    values[..., 2] = values[..., 2].flip(1)
    teacher, plain = make_teacher(), make_teacher(covariates=False)
    before, without = teacher.label(contexts), plain.label(contexts)
    assert before.features is None or before.features.shape[:2] == without.features.shape[:2]
    for changed in (replace(contexts, values=values), replace(contexts, future=contexts.future.flip(1))):
        assert not torch.allclose(teacher.label(changed).forecast, before.forecast, atol=1e-6)
        assert torch.equal(plain.label(changed).forecast, without.forecast)
    seen = torch.ones_like(contexts.future, dtype=torch.bool)
    seen[:, 4:, 0] = False
    masked = replace(contexts, future_observed=seen)
    other = replace(masked, future=torch.where(seen, contexts.future, torch.tensor(9.0)))
    assert torch.equal(teacher.label(masked).forecast, teacher.label(other).forecast)


def test_it_teaches_with_covariates(make_teacher):
    index = pd.date_range("2024-01-01", periods=120, freq="h")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 2)), index=index, columns=["load", "wind"])
    forecaster = DistilledForecaster(
        make_teacher(layer=None), "linear", "response", targets=["load"], known_covariates=["wind"],
        context_length=24, prediction_length=6, random_state=0,
    ).fit(table)  # fmt: skip
    future = pd.DataFrame({"wind": rng.normal(size=6)}, index=pd.date_range(index[-1], periods=7, freq="h")[1:])
    first, other = (forecaster.predict_teacher(table, future=sign * future) for sign in (1, -1))
    assert not np.allclose(first, other, atol=1e-5)
