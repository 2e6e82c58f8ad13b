"""What exports do to a context in torch is what the NumPy runtime does."""

import numpy as np
import pytest
import torch

from skdistill._utils.numpy_student import fill_missing, window_center_and_unit
from skdistill.deploy._context_frame import _center_and_unit, fill


@pytest.mark.parametrize("season", [1, 2, 5, 7])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.7, 0.95])
def test_gaps_and_units_are_those_of_the_numpy_runtime(season, share):
    generator = np.random.default_rng(season)
    values = generator.normal(size=(20, 23, 2))
    missing = generator.random(values.shape) < share
    gaps = np.where(missing, np.nan, values)
    filled = fill(torch.from_numpy(np.where(missing, 0.0, values)), torch.from_numpy(missing), season)
    np.testing.assert_allclose(filled.numpy(), fill_missing(gaps, season), atol=1e-12)
    found = _center_and_unit(torch.from_numpy(gaps), torch.from_numpy(missing), season)
    for one, expected in zip(found, window_center_and_unit(gaps, season), strict=True):
        np.testing.assert_allclose(one[:, 0].numpy(), expected, atol=1e-12)
