"""Kept labels are those that this version makes: a change of how labels are made changes every key."""

import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series

from skdistill.data._context_batch import ContextBatch
from skdistill.labeling._keys import _FORMAT
from skdistill.teachers import AdaptiveEnsemble, EnsembleTeacher, Pretrained, Theta

MEMBERS = [("low", LastValueTeacher(offset=-0.4)), ("theta", Theta(season=12)), ("high", LastValueTeacher(offset=2.0))]
OF_FORMAT = 6
LABELS = {  # sums of these labels, each number times another factor
    "equal": (EnsembleTeacher(MEMBERS), 1.4669),
    "without one": (EnsembleTeacher(MEMBERS, weights=(1.0, 3.0, 0.0)), 1.9777),
    "adaptive": (AdaptiveEnsemble(MEMBERS), 6.4454),
    "adaptive teacher": (AdaptiveEnsemble(MEMBERS, judge="teacher"), 6.2259),
    "theta": (Theta(season=12), 6.6584),
    "pretrained": (Pretrained(), 4.9206),
}


@pytest.mark.parametrize("name", LABELS)
def test_other_labels_have_other_keys(name):
    """Where this fails on purpose: raise _FORMAT in skdistill/labeling/_keys.py, and write the new sums here."""
    teacher, expected = LABELS[name]
    series = make_series(200)
    forecaster = make_forecaster(teacher=teacher, student="linear", context_length=48, random_state=0).fit(series)
    contexts = torch.from_numpy(series).unfold(0, 48, 9).transpose(1, 2)[:8].numpy()
    labels = forecaster.teacher_.label(ContextBatch(contexts).standardized(forecaster.scaling_, 4, with_time=False))
    numbers = torch.cat([one.double().ravel() for one in (labels.forecast, labels.quantiles) if one is not None])
    factors = torch.arange(1.0, len(numbers) + 1.0, dtype=torch.float64).sin()
    assert OF_FORMAT == _FORMAT
    assert float(numbers @ factors) == pytest.approx(expected, abs=1e-3)
