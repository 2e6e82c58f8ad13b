"""Units of many series at once are those of each alone."""

import numpy as np

from skdistill.data._local_scale import series_units
from skdistill.data._scaling import Scaling


def make_rows():
    generator = np.random.default_rng(0)
    rows = [10.0**number * generator.normal(3.0, 1.0, size=(length, 2)) for number, length in enumerate((30, 9, 30, 1))]
    rows[2][4:9, 0] = np.nan
    return rows


def test_units_of_series_of_one_length_are_those_of_each_alone():
    rows = make_rows()
    together = series_units(rows, season=7)
    for number, one in enumerate(rows):
        alone = series_units([one], season=7)
        np.testing.assert_allclose(together.center[number], alone.center[0], rtol=1e-14)
        np.testing.assert_allclose(together.unit[number], alone.unit[0], rtol=1e-14)


def test_mean_and_scale_of_short_series_are_those_of_all_rows():
    rows = make_rows()
    scaling = Scaling().fit(rows)
    everything = np.concatenate(rows)
    np.testing.assert_allclose(scaling.mean_, np.nanmean(everything, axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale_, np.nanstd(everything, axis=0), rtol=1e-12)
