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


@pytest.mark.parametrize(
    "values", [np.tile([1.0, 4.0, 2.0], 5), np.full(15, 7.0), np.zeros(15), 2.0 + np.arange(15) % 3]
)
def test_units_of_repeating_and_constant_contexts_are_those_of_the_numpy_runtime(values):
    noise = 1e-7 * np.random.default_rng(0).normal(size=15)  # from season to season, rounding alone
    for rows in (values, values * (1 + noise)):
        context = rows[None, :, None]
        found = _center_and_unit(torch.from_numpy(context), torch.zeros(1, 15, 1, dtype=torch.bool), 3)
        for one, expected in zip(found, window_center_and_unit(context.astype(np.float32), 3), strict=True):
            np.testing.assert_allclose(one[:, 0].numpy(), expected, rtol=1e-6)
