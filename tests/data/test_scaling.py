"""Units: what goes in standardized comes out as it was."""

import warnings

import numpy as np
import pytest
from doubles import make_forecaster, make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skdistill.data._scaling import Scaling
from skdistill.data._transformer import check_rises
from skdistill.networks import ITransformer


@given(st.integers(2, 50), st.integers(1, 4), st.floats(1e-3, 1e6), st.floats(-1e6, 1e6))
def test_original_units_return_after_a_round_trip(n_rows, n_channels, scale, shift):
    rows = np.random.default_rng(0).normal(size=(n_rows, n_channels)) * scale + shift
    scaling = Scaling().fit([rows])
    back = scaling.to_original(scaling.standardize(rows))
    np.testing.assert_allclose(back, rows, atol=1e-5 * (abs(rows).max() + scale))


def test_statistics_equal_those_of_scikit_learn_over_all_series():
    parts = [np.random.default_rng(n).normal(n, 2.0, size=(30 + n, 3)) for n in range(3)]
    reference = StandardScaler().fit(np.concatenate(parts))
    scaling = Scaling().fit(parts)
    np.testing.assert_allclose(scaling.mean_, reference.mean_)
    np.testing.assert_allclose(scaling.scale_, reference.scale_)


def test_a_transformer_is_fitted_on_the_rows_of_all_series():
    parts = [np.random.default_rng(n).normal(n, 2.0, size=(30 + n, 3)) for n in range(3)]
    scaling = Scaling(StandardScaler()).fit(parts)
    np.testing.assert_allclose(scaling.transformer_.mean_, np.concatenate(parts).mean(axis=0))


def test_constant_channel_has_scale_one():
    scaling = Scaling().fit([np.column_stack([np.full(10, 7.0), np.arange(10.0)])])
    assert scaling.scale_[0] == 1.0
    np.testing.assert_array_equal(scaling.standardize(np.array([[7.0, 0.0]]))[0, 0], 0.0)


@pytest.mark.parametrize("transformer", [None, FunctionTransformer(np.log, np.exp), PowerTransformer()])
@pytest.mark.parametrize("targets", [None, (2, 0)])
def test_forecasts_of_targets_round_trip_through_transformers(transformer, targets):
    rows = np.random.default_rng(0).lognormal(size=(40, 3))
    scaling = Scaling(transformer, targets).fit([rows])
    forecasts = (rows if targets is None else rows[:, list(targets)])[None, :5]
    back = scaling.forecasts_to_original(scaling.forecasts_to_standard(forecasts))
    np.testing.assert_allclose(back, forecasts, rtol=1e-4)


def test_original_scale_ignores_the_transformer():
    rows = np.random.default_rng(0).lognormal(size=(40, 2))
    scaling = Scaling(FunctionTransformer(np.log, np.exp)).fit([rows])
    np.testing.assert_allclose(scaling.original_scale_, rows.std(axis=0))


@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_values_outside_the_domain_of_the_transformer_are_named_by_fit_and_predict():
    logarithm, good = FunctionTransformer(np.log, np.exp, check_inverse=False), make_series()
    bad = good.copy()
    bad[20, 1] = -3.5
    forecaster = make_forecaster(teacher=None, transformer=logarithm)
    message = r"(?s)transformer must .*got Func.* turns -3.5 in channel 1, row 20 of X, into nan: .*outside"
    with pytest.raises(ValueError, match=message):
        forecaster.fit(bad)
    with pytest.raises(ValueError, match=r"row 20 of X\[1\], into nan"):
        forecaster.fit([good, bad])
    late = good.copy()
    late[-1, 0] = -1.0  # a validation row
    with pytest.raises(ValueError, match=r"turns -1 in channel 0, row 119 of its series, into nan"):
        forecaster.fit(late)
    fitted = forecaster.fit(good)
    with pytest.raises(ValueError, match=r"turns -3.5 in channel 1, row 8 of the 12 context rows of window 0"):
        fitted.predict(bad[:24])
    with pytest.raises(ValueError, match=r"row 2 of the 12 context rows of window 1"):
        fitted.predict(np.stack([good[:12], bad[18:30]]))


def test_falling_transformer_is_refused_where_quantiles_are_asked_for():
    def student(transformer, **settings):
        return make_forecaster(teacher=None, transformer=transformer, **settings)

    series, levels = make_series(), (0.1, 0.5, 0.9)
    falling = FunctionTransformer(np.negative, np.negative)
    with pytest.raises(ValueError, match=r"(?s)transformer of DistilledForecaster must rise .*falls in channel 0.*-1"):
        student(falling, quantiles=levels).fit(series)
    student(falling).fit(series)
    second = FunctionTransformer(lambda rows: rows * [1, -1], lambda rows: rows * [1, -1])
    student(second, quantiles=levels, targets=[0]).fit(series)
    with pytest.raises(ValueError, match="falls in channel 1"):
        student(second, quantiles=levels, targets=[1]).fit(series)


@pytest.mark.parametrize(
    "transformer",
    [
        FunctionTransformer(np.sqrt, np.square),  # the square falls below zero, where no row is
        PowerTransformer(),
        QuantileTransformer(n_quantiles=20),
        KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    ],
)
def test_rising_transformers_go_with_quantiles(transformer):
    series = np.column_stack([np.random.default_rng(0).exponential(size=120) ** 3, np.arange(120.0)])
    scaling = Scaling(transformer).fit([series])
    transformed = scaling.transformer_.transform(series)
    ends = np.stack([transformed.min(axis=0), transformed.max(axis=0)])
    check_rises(scaling.transformer_, ends, scaling.targets, "DistilledForecaster")


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_a_falling_transformer_is_noticed_where_values_are_missing(scaling):
    series = 100.0 + make_series(120)
    series[3, 0] = series[50, 1] = np.nan
    falling = FunctionTransformer(np.negative, np.negative)
    forecaster = make_forecaster(teacher=None, quantiles=(0.1, 0.5, 0.9), transformer=falling, scaling=scaling)
    with pytest.raises(ValueError, match="must rise with its input"):
        forecaster.fit([series, series[:90]])


def test_a_transformer_is_tested_where_the_values_of_the_series_are():
    series = 100.0 + make_series(120)
    hill = FunctionTransformer(lambda rows: -np.abs(rows - 3.0), lambda rows: 3.0 - rows)  # falls from 3 on
    forecaster = make_forecaster(teacher=None, quantiles=(0.1, 0.5, 0.9), transformer=hill, scaling="series")
    with pytest.raises(ValueError, match="must rise with its input"):
        forecaster.fit([series, series[:90]])


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_a_series_of_validation_rows_alone_goes_with_transformers_of_scikit_learn(scaling):
    settings = {"teacher": None, "student": "linear", "scaling": scaling, "validation_fraction": 12}
    panel = [make_series(90), make_series(12)]
    plain = make_forecaster(**settings).fit(panel).predict(panel)
    scaled = make_forecaster(**settings, transformer=StandardScaler()).fit(panel).predict(panel)
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-3)


def test_series_of_unlike_scale_are_told_where_values_are_missing():
    small = make_series(120)
    large = 1000.0 * small
    small[3, 0] = np.nan
    with pytest.warns(UserWarning, match="differ in scale: the standard deviation of channel [01]"):
        make_forecaster(teacher=None, student="linear", scaling="global").fit([small, large])


def test_series_of_unlike_scale_are_told_behind_a_transformer_that_leaves_them_unlike():
    rows = 2.0 + make_series(120) - make_series(120).min()
    panel = {"a": rows, "b": 1000.0 * rows}
    settings = {"teacher": None, "student": "linear", "scaling": "global"}
    with pytest.warns(
        UserWarning, match="differ in scale: the standard deviation of channel [01] behind the transformer is"
    ):
        make_forecaster(transformer=MinMaxScaler(), **settings).fit(panel)
    logarithms = FunctionTransformer(np.log, np.exp)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*differ in scale")
        make_forecaster(transformer=logarithms, **settings).fit(panel)


def test_a_value_beyond_float32_is_named_in_the_units_of_its_series():
    panel = {"a": 1e-8 * make_series(120), "b": 1e-8 * make_series(120, seed=1)}
    forecaster = make_forecaster(teacher=None, student=ITransformer(8, n_heads=2), scaling="series").fit(panel)
    panel["a"][-5, 1] = 1e22
    with pytest.raises(ValueError, match=r"has 1e\+22 in row 7, channel 1"):
        forecaster.predict(panel)


def test_forecasts_without_an_inverse_are_told():
    series = make_series(120)
    logarithm = FunctionTransformer(np.log, lambda rows: np.where(rows < np.log(6.0), np.nan, np.exp(rows)))
    forecaster = make_forecaster(teacher=None, student="linear", transformer=logarithm).fit(series)
    with pytest.warns(UserWarning, match=r"forecasts of 1 of 1 windows hold NaN or infinity, first window 0, target 0"):
        assert np.isnan(forecaster.predict(series)).any()


INVERSES = [FunctionTransformer(np.sqrt), FunctionTransformer(np.log10, np.exp), FunctionTransformer(lambda x: x / 50)]


@pytest.mark.parametrize("transformer", INVERSES)
def test_a_transformer_whose_inverse_returns_other_values_is_refused(transformer):
    series = 40.0 + make_series(100)
    with pytest.raises(ValueError, match=r"(?s)inverse_transform that returns what it was given; .* in channel 0 into"):
        make_forecaster(teacher=None, transformer=transformer).fit(series)
    with pytest.raises(ValueError, match="returns what it was given"):
        make_forecaster(teacher=None, transformer=transformer).fit({"a": series[:50], "b": 3 * series})


def test_a_transformer_that_loses_a_little_is_taken():
    bins = KBinsDiscretizer(4, encode="ordinal", strategy="uniform")
    forecast = make_forecaster(teacher=None, transformer=bins).fit(make_series(100)).predict(make_series(100))
    assert np.isfinite(forecast).all()


@pytest.mark.parametrize("n_channels", [2, 5])
def test_a_transformer_that_mixes_channels_is_refused(n_channels):
    series = make_series(100, n_channels)
    for targets in (None, [1]):
        with pytest.raises(ValueError, match=r"must treat each channel separately; got PCA"):
            make_forecaster(teacher=None, transformer=PCA(), targets=targets).fit(series)


def test_the_series_with_a_value_too_far_is_named():
    panel = {"near": make_series(60), "far": make_series(60)}
    panel["far"][-1, 0] = 1e30
    with pytest.raises(ValueError, match=r"got 1e\+30 in row 59 of series 'far', channel 0"):
        make_forecaster(teacher=None, validation_fraction=10).fit(panel)


@pytest.mark.parametrize("function", [np.log1p, np.sqrt, np.arcsinh])
def test_a_missing_inverse_is_refused_where_values_hardly_change(function):
    counts = np.random.default_rng(0).poisson(0.3, size=(300, 1)).astype(float)
    with pytest.raises(ValueError, match=r"must have an inverse_transform .* turns [23] in channel 0"):
        Scaling(FunctionTransformer(function), kind="global").fit([counts])


@pytest.mark.parametrize("function", [np.round, lambda rows: np.clip(rows, 0, 5), lambda rows: rows])
def test_what_stays_as_it_is_needs_no_inverse(function):
    rows = np.random.default_rng(0).lognormal(size=(300, 2))
    Scaling(FunctionTransformer(function, lambda rows: rows, check_inverse=False), kind="global").fit([rows])


def test_a_transformer_is_tried_on_series_from_all_over_a_panel():
    panel = [np.zeros((60, 1))] * 20 + [np.random.default_rng(0).normal(10.0, size=(60, 1))] * 20
    with pytest.raises(ValueError, match="must have an inverse_transform that returns what it was given"):
        Scaling(FunctionTransformer(np.log1p), kind="global").fit(panel)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_transformer_is_tried_where_no_row_is_observed_in_full(share):
    rows = np.random.default_rng(0).normal(10.0, size=(200, 2))
    rows[:, 1][np.random.default_rng(1).random(200) < share] = np.nan  # measured now and then
    rows[:, 0][~np.isnan(rows[:, 1])] = np.nan
    Scaling(FunctionTransformer(np.log1p, np.expm1), kind="global").fit([rows])
    with pytest.raises(ValueError, match="must have an inverse_transform that returns what it was given"):
        Scaling(FunctionTransformer(np.log1p), kind="global").fit([rows])


@pytest.mark.parametrize("n_series", [1, 32])
def test_a_transformer_is_tried_beside_a_channel_without_a_value(n_series):
    panel = [np.random.default_rng(number).normal(10.0, size=(60, 2)) for number in range(n_series)]
    for rows in panel[::2]:
        rows[:, 1] = np.nan
    Scaling(FunctionTransformer(np.log1p, np.expm1), kind="global").fit(panel)
    with pytest.raises(ValueError, match="must have an inverse_transform that returns what it was given"):
        Scaling(FunctionTransformer(np.log1p), kind="global").fit(panel)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda rows: np.diff(rows, axis=0, prepend=0), lambda rows: np.cumsum(rows, axis=0)),
        (lambda rows: np.cumsum(rows, axis=0), lambda rows: np.diff(rows, axis=0, prepend=0)),
        (lambda rows: np.cumsum(rows[::-1], axis=0)[::-1], lambda rows: -np.diff(rows, axis=0, append=0)),
    ],
)
def test_transformers_in_which_rows_depend_on_others_are_refused(forward, backward):
    transformer = FunctionTransformer(forward, backward, check_inverse=False)
    counts = np.random.default_rng(0).poisson(0.2, size=(150, 2))  # nearly all rows are as those before
    for rows in (np.random.default_rng(0).normal(10.0, size=(60, 2)), counts.astype(float)):
        with pytest.raises(ValueError, match="must treat each row separately; got FunctionTransformer"):
            Scaling(transformer, kind="global").fit([rows])


def test_values_that_a_transformer_brings_back_as_infinity_are_named():
    """So far in the tail, powers of rare counts are the same: scikit-learn raised an error of its own."""
    counts = np.random.default_rng(0).poisson(0.02, (4500, 1)).astype(float)
    with pytest.raises(
        ValueError, match=r"must bring every value back; got PowerTransformer\(\), which turns 1 in chan"
    ):
        Scaling(PowerTransformer(), kind="global").fit([counts])
