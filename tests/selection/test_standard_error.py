"""The standard error of the rule: of a weighted mean of clustered errors."""

import numpy as np

from skdistill.selection._results import _shares, _standard_error


def test_with_one_value_per_sample_it_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=12)
    samples = np.arange(12)
    expected = values.std(ddof=1) / np.sqrt(12)
    np.testing.assert_allclose(_standard_error(values, _shares(values, np.zeros(12, int)), samples), expected)


def test_samples_of_unequal_size_count_by_what_they_add_to_the_mean():
    values = np.array([1.0] * 9 + [0.0])  # one sample of nine horizons, another of one
    samples = np.array([0] * 9 + [1])
    shares = _shares(values, np.zeros(10, int))
    sums = np.array([9 * (1 - 0.9), 0 - 0.9]) / 10
    np.testing.assert_allclose(_standard_error(values, shares, samples), np.sqrt(2 * np.square(sums).sum()))


def test_missing_errors_have_no_share_and_series_count_alike():
    errors, series = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0, 0, 1, 1])
    np.testing.assert_allclose(_shares(errors, series), [0.5, 0, 0.25, 0.25])
