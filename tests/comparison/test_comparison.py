"""The comparison table: right numbers, honest noise, every kind of model."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdistill import DistilledForecaster, compare
from skdistill._unwrap import _are_close
from skdistill.comparison import block_bootstrap_means, rolling_forecasts
from skdistill.comparison._naive import _AS_GOOD, find_seasons, seasonal_naive
from skdistill.comparison._result import _linear_words
from skdistill.core import Labels
from skdistill.datasets import make_multiseasonal
from skdistill.losses import Pinball
from skdistill.metrics import quantile_scores
from skdistill.networks import ITransformer
from skdistill.teachers import TrainedTeacher

COLUMNS = ["role", "mse", "mae", "mse_original", "mae_original", "parameters", "ms_per_window", "ms_per_batch"]
COLUMNS += ["difference", "standard_error", "seed_spread", "in_words"]


@pytest.mark.slow
def test_table_has_the_rows_and_numbers_it_promises():
    series = 10.0 * make_series(400)
    forecaster = make_forecaster(teacher=LastValueTeacher()).fit(series[:300])
    table = forecaster.compare(series[288:], season=12)
    rows = ["student", "teacher", "alone", "exact linear", "seasonal naive", "last value", "drift"]
    assert list(table.index) == rows
    assert list(table.columns) == COLUMNS
    truth = np.stack([series[288:][start + 12 : start + 16] for start in range(97)])
    scale = forecaster.scaling_.original_scale_
    forecasts = {
        "student": forecaster.backtest(series[288:]),
        "teacher": np.stack([np.repeat(series[288 + start + 11][None], 4, axis=0) for start in range(97)]),
        "seasonal naive": np.stack([series[288:][start : start + 4] for start in range(97)]),
        "alone": make_forecaster(teacher=None).fit(series[:300]).backtest(series[288:]),
        "last value": np.stack([np.repeat(series[288 + start + 11][None], 4, axis=0) for start in range(97)]),
        "drift": np.stack(
            [
                series[288 + start + 11]
                + np.arange(1, 5)[:, None] * (series[288 + start + 11] - series[288 + start]) / 11
                for start in range(97)
            ]
        ),
    }
    for name, forecast in forecasts.items():
        error = forecast - truth
        assert table.loc[name, "mse"] == pytest.approx(np.square(error / scale).mean(), rel=1e-5)
        assert table.loc[name, "mae"] == pytest.approx(np.abs(error / scale).mean(), rel=1e-5)
        assert table.loc[name, "mse_original"] == pytest.approx(np.square(error).mean(), rel=1e-5)
        assert table.loc[name, "mae_original"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert (table["ms_per_window"] > 0).all()
    assert table.loc["student", "parameters"] == forecaster.count_parameters()
    assert pd.isna(table.loc["teacher", "parameters"])
    np.testing.assert_allclose(table["difference"], table["mse"] - table.loc["student", "mse"])
    assert table.loc["student", "standard_error"] == 0.0


def test_every_pair_has_a_difference_with_its_error():
    series = make_series(300)
    table = make_forecaster().fit(series[:200]).compare(series[188:])
    assert len(table.differences) == 7 * 6 / 2
    pair = table.differences.set_index(["row", "other"]).loc[("student", "teacher")]
    assert pair["difference"] == pytest.approx(table.loc["student", "mse"] - table.loc["teacher", "mse"])
    assert pair["standard_error"] == pytest.approx(table.loc["teacher", "standard_error"])
    assert table.facts["block_length"] == max(8, table.facts["season"])
    assert make_forecaster().fit(series[:200]).compare(series[188:], season=1).facts["block_length"] == 8
    assert table.facts["n_windows"] == 97


class BandTeacher(LastValueTeacher):
    """Answers a band around the last row, by target and step."""

    band = torch.tensor([-1.0, -0.3, 0.4])[:, None, None] * (torch.arange(1.0, 5.0)[:, None] + torch.tensor([0.0, 7.0]))

    def label(self, contexts):
        forecast = super().label(contexts).forecast
        return Labels(forecast, quantiles=forecast[:, None] + self.band, quantile_levels=(0.1, 0.5, 0.9))


def test_scores_of_the_quantiles_of_a_teacher_are_those_by_hand():
    series = make_series(300) * [1.0, 30.0]
    student = make_forecaster(quantiles=(0.1, 0.5, 0.9), teacher=BandTeacher(), loss=Pinball()).fit(series[:200])
    table = student.compare(series[188:], season=1, n_resamples=2)
    truth = np.lib.stride_tricks.sliding_window_view(series[200:], 4, axis=0).transpose(0, 2, 1)
    scale = student.scaling_.scale_
    band = BandTeacher.band.permute(1, 2, 0).numpy() * scale[:, None]
    quantiles = series[199:-4, None, :, None] + band
    scores = quantile_scores(truth, quantiles, (0.1, 0.5, 0.9), scale=student.scaling_.original_scale_)
    assert table.loc["teacher", "crps"] == pytest.approx(scores.crps, rel=1e-5)
    assert table.loc["teacher", "coverage"] == pytest.approx(scores.coverage)
    assert table.loc["teacher", "width"] == pytest.approx(scores.width, rel=1e-5)


def test_summary_speaks_of_size_speed_error_and_noise():
    series = make_series(300)
    forecaster = make_forecaster(teacher=TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1))
    text = forecaster.fit(series[:200]).compare(series[188:]).summary()
    for words in ("than the teacher", "on one window", "in batches", "% ", "'alone'", "resamples of blocks"):
        assert words in text


def test_several_seeds_are_averaged_and_their_spread_told():
    series = make_series(300)
    members = [make_forecaster(random_state=seed).fit(series[:200]) for seed in range(3)]
    table = compare({"ours": members}, series[188:])
    single = [compare({"ours": one}, series[188:], alone=False).loc["ours", "mse"] for one in members]
    assert table.loc["ours", "mse"] == pytest.approx(np.mean(single))
    assert table.loc["ours", "seed_spread"] == pytest.approx(np.std(single, ddof=1))
    assert np.isnan(table.loc["seasonal naive", "seed_spread"])
    assert "ours: alone" in table.index


def test_models_of_different_context_lengths_see_the_same_targets():
    series = make_series(300)
    short = make_forecaster(context_length=6).fit(series[:200])
    long = make_forecaster(context_length=24).fit(series[:200])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # contexts may be rows of fit
        table = compare({"short": short, "long": long}, series[176:], alone=False)
    assert table.facts["n_windows"] == 300 - 176 - 24 - 4 + 1
    with pytest.raises(ValueError, match="must differ only in random_state; context_length is 6 and 24"):
        compare({"ours": [short, long]}, series[176:])
    bounded = [make_forecaster(bounds=bounds).fit(series[:200]) for bounds in ((0.0, None), (0.0, 50.0))]
    with pytest.raises(
        ValueError, match=r"must differ only in random_state; bounds is \[0.0, None\] and \[0.0, 50.0\]"
    ):
        compare({"ours": bounded}, series[176:])
    of_search = [make_forecaster(min_observed=np.int64(rows)).fit(series[:200]) for rows in (4, 6)]
    with pytest.raises(ValueError, match="must differ only in random_state; min_observed is 4 and 6"):
        compare({"ours": of_search}, series[176:])
    assert table.loc["long", "mse"] == compare({"long": long}, series[176:], alone=False).loc["long", "mse"]


def test_seeds_of_pipelines_have_the_same_steps():
    frame = make_frame(230)
    steps = [StandardScaler(), StandardScaler(with_mean=False)]
    models = [make_pipeline(step, make_forecaster(teacher=None)).fit(frame[:200]) for step in steps]
    with pytest.raises(ValueError, match="must differ only in random_state; standardscaler__with_mean is True and"):
        compare({"ours": models}, frame[188:])


CHANGES = [
    {"student": "mlp"},
    {"scaling": "window"},
    {"loss__prediction_weight": 3.0},
    {"targets": ["c0"]},
    {"known_covariates": ["c1"]},
]


@pytest.mark.parametrize("changed", CHANGES)
def test_a_student_alone_with_other_parameters_than_those_of_fit_is_refused(changed):
    frame = make_frame(230)
    forecaster = make_forecaster().fit(frame[:200])
    name = next(iter(changed)).partition("__")[0]
    with pytest.raises(
        ValueError, match=rf"{name} of DistilledForecaster was .* in fit and is .* now.* [Ss]et it back"
    ):
        forecaster.set_params(**changed).compare(frame[188:])


def test_pipelines_and_searches_are_compared_in_original_units():
    frame = 50.0 * make_frame(300)
    pipeline = make_pipeline(StandardScaler(), make_forecaster()).fit(frame.iloc[:200])
    plain = make_forecaster().fit(frame.iloc[:200])
    table = compare({"pipeline": pipeline, "plain": plain}, frame.iloc[188:], alone=False)
    # The pipeline's scaler has seen the validation rows, so the two differ a little.
    assert table.loc["pipeline", "mse_original"] == pytest.approx(table.loc["plain", "mse_original"], rel=0.2)
    search = GridSearchCV(make_forecaster(), {"loss__prediction_weight": [1.0]}, cv=[(range(150), range(150, 200))])
    search.fit(frame.iloc[:200])
    refitted = compare({"search": search}, frame.iloc[188:], alone=False)
    assert refitted.loc["search", "mse"] == pytest.approx(table.loc["plain", "mse"])


def test_training_rows_of_a_pipeline_count_where_they_are_given():
    panel = pd.concat({name: make_frame(200, seed=seed) for seed, name in enumerate("ab")}, names=["series", "time"])
    train = panel.groupby(level=0, group_keys=False).head(150)
    test = panel.groupby(level=0, group_keys=False).tail(50 + 12)
    settings = {"alone": False, "n_resamples": 2, "batch_size": 1}
    plain = make_forecaster(teacher=None).fit(train)
    pipeline = make_pipeline(StandardScaler(), make_forecaster(teacher=None)).set_output(transform="pandas").fit(train)
    expected = compare({"model": plain}, test, **settings)
    table = compare({"model": pipeline}, test, train, **settings)
    rows = [name for name in expected.index if name not in ("model", "exact linear")]
    assert list(table.index) == list(expected.index)
    np.testing.assert_allclose(table.loc[rows, "mase"], expected.loc[rows, "mase"])
    with pytest.warns(UserWarning, match="windows of compare have true values that fit was given"):
        compare({"model": pipeline}, train, train, **settings)


def test_the_order_of_models_changes_no_baseline_where_one_of_them_keeps_no_training_rows():
    panel = pd.concat({name: make_frame(200, seed=seed) for seed, name in enumerate("ab")}, names=["series", "time"])
    train = panel.groupby(level=0, group_keys=False).head(150)
    test = panel.groupby(level=0, group_keys=False).tail(50)
    pipeline = make_pipeline(FunctionTransformer(), make_forecaster(teacher=None)).fit(train)
    models = {"pipeline": pipeline, "plain": make_forecaster(teacher=None).fit(train)}
    one, other = (
        compare({name: models[name] for name in order}, test, alone=False, n_resamples=2, batch_size=1)
        for order in (["pipeline", "plain"], ["plain", "pipeline"])
    )
    assert set(one.index) == set(other.index)
    for column in ("mase", "mse_original"):
        np.testing.assert_allclose(one[column], other.loc[one.index, column])


@pytest.mark.parametrize("name", ["drift", "A: teacher"])
def test_a_forecaster_with_the_name_of_another_row_is_refused(name):
    series = make_series(300)
    forecasters = {"A": make_forecaster().fit(series[:200]), name: make_forecaster(teacher=None).fit(series[:200])}
    with pytest.raises(ValueError, match=f"must not be named {name!r}, as another row is: rename it"):
        compare(forecasters, series[188:], alone=False, n_resamples=2)


@pytest.mark.filterwarnings("ignore:Linear is trained by gradient descent")
def test_static_columns_before_the_targets_of_a_pipeline_change_nothing():
    """Statics are columns to the steps, and no channels to the forecaster."""
    panel = pd.concat({name: make_frame(150, seed=seed) for seed, name in enumerate("ab")}, names=["series", "time"])
    panel = panel.assign(c1=100 * panel["c1"], promo=np.arange(300) % 5 == 0, kind=np.arange(300) // 150).astype(float)
    settings = {"targets": ["c0", "c1"], "known_covariates": ["promo"], "static_covariates": ["kind"]}
    settings |= {"teacher": None, "student": "linear", "quantiles": (0.1, 0.5, 0.9)}
    scaler = StandardScaler().set_output(transform="pandas")

    def table_of(columns, names=("model",)):
        train, test = panel[columns].groupby(level=0).head(100), panel[columns].groupby(level=0).tail(62)
        models = {"model": make_pipeline(scaler, make_forecaster(**settings)), "own": make_forecaster(**settings)}
        options = {"train": train, "alone": False, "n_resamples": 2, "batch_size": 1, "season": 12}
        return compare({name: models[name].fit(train) for name in names}, test, **options)

    expected, order = table_of(["c0", "c1", "promo", "kind"]), ["c1", "kind", "c0", "promo"]
    assert expected.loc["model", "mse"] < expected.loc["last value", "mse"]
    train, test = panel[order].groupby(level=0).head(100), panel[order].groupby(level=0).tail(62)
    rolled = rolling_forecasts(make_pipeline(scaler, make_forecaster(**settings)).fit(train), test)
    assert rolled.channels == ["c0", "c1"]
    truth, rows = rolled.truth[0, :, 1], test.loc["a", "c1"].iloc[12:16].to_numpy()
    np.testing.assert_allclose(truth / truth[0], rows / rows[0])
    numbers = ["mse", "mae", "mse_original", "mase", "crps", "coverage"]
    for columns in (["kind", "promo", "c0", "c1"], order):
        pd.testing.assert_frame_equal(table_of(columns)[numbers], expected[numbers], rtol=1e-4)
    table = table_of(order, ("own", "model"))
    other = table_of(order, ("model", "own")).loc[table.index]
    np.testing.assert_allclose(other["mse_original"], table["mse_original"], rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Linear is trained by gradient descent")
@pytest.mark.parametrize(("column", "told"), [(2, "treat each channel separately"), (3, "treat known covariates")])
def test_steps_that_mix_columns_behind_a_static_one_are_refused(column, told):
    frames = {name: make_frame(150, 4, seed).assign(c0=seed) for seed, name in enumerate("ab")}
    panel, mix = pd.concat(frames, names=["series", "time"]).astype(float), np.eye(4)
    mix[1, column] = 1
    step = FunctionTransformer(lambda rows: rows @ mix, lambda rows: rows @ np.linalg.inv(mix), check_inverse=False)
    roles = {"targets": [1, 2], "known_covariates": [3], "static_covariates": [0]}
    own = make_forecaster(teacher=None, student="linear", quantiles=(0.1, 0.5, 0.9), **roles)
    with pytest.raises(ValueError, match=told):
        compare({"model": make_pipeline(step, own).fit(panel)}, panel, alone=False, n_resamples=2)


def test_a_pipeline_that_cannot_be_inverted_is_told_apart():
    series = make_series(300)
    one_way = make_pipeline(OneWay(), make_forecaster()).fit(series[:200])
    with pytest.warns(UserWarning, match="no inverse_transform"):
        compare({"one way": one_way}, series[188:], alone=False)
    frame = pd.DataFrame(series, pd.date_range("2024-01-01", periods=300, freq="h"))
    with pytest.warns(UserWarning, match="windows of compare have true values that fit was given"):
        compare({"one way": one_way}, frame[100:200], frame[:200], alone=False, n_resamples=2)
    plain = make_forecaster().fit(series[:200])
    with pytest.raises(ValueError, match="cannot be compared"):
        compare({"one way": one_way, "plain": plain}, series[188:], alone=False)


class OneWay(TransformerMixin, BaseEstimator):
    """A fitted step without an inverse."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.log(X)


def test_a_pipeline_whose_inverse_changes_nothing_is_refused():
    series = 10.0 + make_series(300)
    for step in (FunctionTransformer(np.log1p, np.expm1), FunctionTransformer(np.log1p), FunctionTransformer()):
        pipeline = make_pipeline(step, make_forecaster(teacher=None)).fit(series[:200])
        if step.func is not None and step.inverse_func is None:
            with pytest.raises(ValueError, match=r"it changes nothing, and they turn .* into"):
                compare({"ours": pipeline}, series[188:], series[:200], n_resamples=2)
        else:
            compare({"ours": pipeline}, series[188:], series[:200], n_resamples=2)


@pytest.mark.parametrize("known", [None, [1]])
def test_a_pipeline_is_asked_for_a_table_of_pandas_in_place_of_one_of_polars(known):
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({"a": make_series(60, 1)[:, 0], "b": np.arange(60.0)})
    settings = {"teacher": None, "targets": [0], "known_covariates": known}
    pipeline = make_pipeline(StandardScaler(), make_forecaster(**settings)).fit(table)
    with pytest.raises(ValueError, match=r"got polars.*Write X.to_pandas\(\)"):
        compare({"ours": pipeline}, table, n_resamples=2)


def test_a_missing_inverse_is_noticed_in_every_form_of_the_rows():
    """A table of numbers and booleans, or with masked values, is an array of objects for NumPy."""
    frame = pd.DataFrame(10.0 + make_series(300), columns=["a", "b"])
    frame["b"] = frame["b"] > frame["b"].mean()
    gaps = frame.astype({"a": "Float64", "b": "boolean"})
    gaps.iloc[250, 0] = pd.NA
    kinds = [(frame, frame), (frame, gaps), (frame.to_numpy(np.float64), [frame.to_numpy(np.float64)] * 2)]
    for series, X in kinds:
        pipeline = make_pipeline(FunctionTransformer(np.log1p), make_forecaster(teacher=None)).fit(series[:200])
        with pytest.raises(ValueError, match=r"it changes nothing, and they turn .* into"):
            compare({"ours": pipeline}, X, n_resamples=2)


def test_pipelines_of_every_type_of_column_are_compared():
    """NumPy rounds the logarithm of a boolean to float16, and takes none of a masked value."""
    frame = pd.DataFrame(10.0 + make_series(300), columns=["a", "b"])
    frame["b"] = frame["b"] > frame["b"].mean()
    frame.iloc[250, 0] = np.nan
    errors = []
    for kind in (frame.astype(float), frame, frame.convert_dtypes()):
        forecaster = make_forecaster(teacher=None, student="linear", targets=["a"], known_covariates=["b"])
        pipeline = make_pipeline(FunctionTransformer(np.log1p, np.expm1, check_inverse=False), forecaster)
        pipeline.fit(kind[:200])
        errors.append(compare({"ours": pipeline}, kind[188:], n_resamples=2, alone=False).loc["ours", "mse_original"])
    np.testing.assert_allclose(errors, errors[0], rtol=1e-2)


def test_rows_whose_labels_are_floats_are_cut_by_position():
    """To pandas 2, floats in a slice are labels."""
    errors = []
    for labels in (np.arange(300) / 2, range(300)):
        frame = pd.DataFrame(10.0 + make_series(300), columns=["a", "b"], index=labels)
        pipeline = make_pipeline(StandardScaler(), make_forecaster(teacher=None, student="linear"))
        pipeline.set_output(transform="pandas").fit(frame.iloc[:200])
        errors.append(compare({"ours": pipeline}, frame.iloc[188:], n_resamples=2, alone=False).loc["ours", "mse"])
    assert errors[0] == errors[1]


def test_a_missing_inverse_is_noticed_in_small_units():
    series = make_series(300)
    series[:, 1] *= 1e-10
    step = FunctionTransformer(lambda rows: rows * [1.0, 2.0])
    pipeline = make_pipeline(step, make_forecaster(teacher=None)).fit(series[:200])
    with pytest.raises(ValueError, match=r"it changes nothing, and they turn .* into"):
        compare({"ours": pipeline}, series[188:], series[:200], n_resamples=2)


@pytest.mark.filterwarnings("error")
def test_rows_are_close_up_to_the_rounding_of_each_channel_where_the_same_values_are_known():
    rows = np.array([[1e12, 1e-9, np.nan, np.inf], [1.0, 0.0, 2.0, 3.0]])
    assert _are_close(rows.copy(), rows)
    assert _are_close(rows + np.array([0.1, 0.0, 0.0, 0.0]), rows)
    for place, value in [((1, 1), 1e-13), ((0, 2), 2.0), ((1, 2), np.nan), ((0, 3), -np.inf), ((0, 3), 3.0)]:
        other = rows.copy()
        other[place] = value
        assert not _are_close(other, rows)


def test_a_table_sorted_in_place_is_relative_to_the_same_row():
    series = make_series(300)
    table = make_forecaster(teacher=None).fit(series[:200]).compare(series[188:], n_resamples=10)
    before = table.table()
    table.sort_values("mse", inplace=True)
    assert table.index[0] != "student"
    pd.testing.assert_frame_equal(table.table().loc[before.index], before)
    table.drop(index="student", inplace=True)
    assert set(table.table()["error"]) == {""}


def test_behind_a_logarithm_the_scale_is_at_the_level_of_the_series():
    series = np.exp(10.0 + make_series(300))
    step = FunctionTransformer(np.log1p, np.expm1)
    pipeline = make_pipeline(step, make_forecaster(teacher=None, validation_fraction=0)).fit(series[:200])
    table = compare({"ours": pipeline}, series[188:], series[:200], alone=False, n_resamples=2)
    logs = np.log1p(series[:200])
    center, spread = logs.mean(axis=0), logs.std(axis=0)
    unit = (np.expm1(center + spread) - np.expm1(center - spread)) / 2
    forecasts = rolling_forecasts(pipeline, series[188:])
    np.testing.assert_allclose(forecasts.truth[0], series[200:204] / unit, rtol=1e-4)
    assert table.loc["last value", "mse"] < 4.0


@pytest.mark.parametrize("function", [lambda rows: rows.clip(-1.0, 1.0), np.round])
def test_steps_that_clip_or_round_need_no_inverse(function):
    frame = pd.DataFrame(make_series(300), columns=["a", "b"])
    for series in (frame, frame.to_numpy()):
        pipeline = make_pipeline(FunctionTransformer(function), make_forecaster(teacher=None)).fit(series[:200])
        table = compare({"ours": pipeline}, series, alone=False, n_resamples=2)
        rows = np.asarray(series)
        windows = np.stack([rows[start : start + 16] for start in range(len(rows) - 15)])
        error = pipeline[-1].predict(np.asarray(function(windows[:, :12]))) - windows[:, 12:]
        assert table.loc["ours", "mse_original"] == pytest.approx(np.square(error).mean(), rel=1e-4)


class Logarithm(TransformerMixin, BaseEstimator):
    """A step of a user that learns nothing, as scikit-learn would have it say by a tag."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.log(X)

    def inverse_transform(self, X):
        return np.exp(X)


def test_a_step_that_learns_nothing_counts_as_fitted():
    series = 10.0 + make_series(300)
    options = {"alone": False, "n_resamples": 2}
    own = make_pipeline(Logarithm(), make_forecaster(teacher=None)).fit(series[:200])
    step = FunctionTransformer(np.log, np.exp)
    expected = compare(
        {"ours": make_pipeline(step, make_forecaster(teacher=None)).fit(series[:200])}, series, **options
    )
    assert compare({"ours": own}, series, **options).loc["ours", "mse"] == expected.loc["ours", "mse"]


@pytest.mark.filterwarnings("ignore:Linear is trained by gradient descent")
def test_steps_that_mix_or_turn_channels_are_refused_where_that_spoils_forecasts():
    series = make_series(300)
    series[:, 1] += series[:, 0]
    options = {"alone": False, "n_resamples": 2}
    whole = make_pipeline(PCA(2), make_forecaster(teacher=None, validation_fraction=0)).fit(series[:200])
    compare({"ours": whole}, series[188:], series[:200], **options)  # all components are forecast
    forecasts = rolling_forecasts(whole, series[188:])
    np.testing.assert_allclose(forecasts.truth[0], series[200:204] / series[:200].std(axis=0), rtol=1e-4)
    fewer = make_pipeline(PCA(1), make_forecaster(teacher=None)).fit(series[:200])
    with pytest.raises(ValueError, match=r"must keep the number of channels.*they turn 2 into 1"):
        compare({"ours": fewer}, series[188:], **options)
    for changes in ({"targets": [0]}, {"quantiles": (0.1, 0.5, 0.9), "max_epochs": 1}):
        pipeline = make_pipeline(PCA(2), make_forecaster(teacher=None, **changes)).fit(series[:200])
        with pytest.raises(ValueError, match=r"must treat each channel separately.*channel 0 depends on others"):
            compare({"ours": pipeline}, series[188:], **options)
    turned = make_pipeline(FunctionTransformer(np.negative, np.negative), make_forecaster(teacher=None, **changes))
    with pytest.raises(ValueError, match=r"must rise with their input if there are quantiles.*fall in channel 0"):
        compare({"ours": turned.fit(series[:200])}, series[188:], **options)


@pytest.mark.parametrize("names", [["load", "price"], ["price", "load"]])
@pytest.mark.parametrize("inverse", [None, np.expm1])
def test_steps_that_leave_out_columns_do_not_say_which_one_is_forecast(names, inverse):
    table = make_frame(60)
    table = table.iloc[:, [0, 0]].set_axis(["load", "price"], axis=1).abs()[names]
    step = FunctionTransformer(lambda rows: np.log1p(rows[["load"]]), inverse)
    pipeline = make_pipeline(step, make_forecaster(teacher=None)).fit(table)
    with pytest.raises(ValueError, match=r"must keep the columns, .*; they turn 2 into 1"):
        compare({"student": pipeline}, table)


def test_alone_needs_the_training_series_and_takes_it_from_the_caller():
    series = make_series(300)
    forecaster = make_forecaster().fit(series[:200])
    loaded = pickle.loads(pickle.dumps(forecaster))
    with pytest.warns(UserWarning, match="'alone' is left out"):
        table = loaded.compare(series[188:])
    assert "alone" not in table.index
    given = loaded.compare(series[188:], train=series[:200])
    expected = forecaster.compare(series[188:])
    assert given.loc["alone", "mse"] == expected.loc["alone", "mse"]


def test_a_teacher_that_reads_the_calendar_reads_it_in_the_test_series():
    frame = make_frame(300)
    forecaster = make_forecaster(teacher=TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1)).fit(frame.iloc[:200])
    assert forecaster.teacher_.spec_.n_time_features == 4
    table = forecaster.compare(frame.iloc[188:])
    contexts = frame.iloc[188:200]
    error = (forecaster.predict_teacher(contexts) - frame.iloc[200:204]) / forecaster.scaling_.original_scale_
    single = forecaster.compare(frame.iloc[188:204], alone=False, block_length=1)
    assert single.loc["teacher", "mse"] == pytest.approx(np.square(error.to_numpy()).mean(), rel=1e-4)
    assert np.isfinite(table["mse"]).all()


def test_several_series_are_compared_window_by_window():
    panel = [make_series(200, seed=0), make_series(150, seed=1)]
    forecaster = make_forecaster().fit(panel)
    table = forecaster.compare(panel, alone=False)
    errors = [forecaster.compare(one, alone=False).loc["student", "mse"] for one in panel]
    weights = [200 - 15, 150 - 15]
    # Each call standardizes by the same training rows, so the whole is the weighted mean of the parts.
    assert table.loc["student", "mse"] == pytest.approx(np.average(errors, weights=weights), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, s: compare({}, s), "at least one fitted forecaster"),
        (lambda f, s: f.compare(s[:15]), r"12 \+ 4 = 16 rows to compare on; got n_samples=15"),
        (lambda f, s: f.set_params(targets=[0]).compare(s), r"was None in fit and is \[0\] now: compare goes on"),
        (lambda f, s: f.compare(s, season=0), "season of compare"),
        (lambda f, s: f.compare(s, season=500), "at most the 12 rows"),
        (lambda f, s: f.compare(s, n_resamples=1), "n_resamples of compare"),
        (
            lambda f, s: compare({"a": f, "b": make_forecaster(prediction_length=5).fit(s)}, s),
            "agree in prediction_length",
        ),
    ],
)
def test_bad_calls(call, message):
    series = make_series()
    with pytest.raises(ValueError, match=message):
        call(make_forecaster().fit(series), series)


@pytest.mark.parametrize("given", [["f0", "f1"], "f"])
def test_forecasters_without_names_are_told_to_have_them(given):
    with pytest.raises(TypeError, match=r"must be a dict .*got (list|str)\..*\{'student': \[f0, f1\]\}"):
        compare(given, make_series())


@pytest.mark.parametrize(("start", "told"), [(188, None), (180, "8 of 97"), (0, "188 of 277")])
def test_windows_that_fit_has_seen_are_told(start, told):
    frame = make_frame(292)
    forecaster = make_forecaster(teacher=None).fit(frame[:200])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecaster.compare(frame[start:], n_resamples=2)
    said = [str(one.message) for one in caught if "fit was given" in str(one.message)]
    assert [one.partition(" windows")[0] for one in said] == ([] if told is None else [told])


@pytest.mark.parametrize(("n_windows", "block_length"), [(1, 1), (5, None), (15, 8), (16, 8)])
def test_the_noise_of_fewer_than_two_blocks_is_unknown(recwarn, n_windows, block_length):
    frame = make_frame(230)
    table = (
        make_forecaster(teacher=None).fit(frame[:200]).compare(frame[188 : 203 + n_windows], block_length=block_length)
    )
    assert table.facts["n_windows"] == n_windows
    is_known = (n_windows, block_length) == (16, 8)
    assert table["standard_error"].notna().all() == table.differences["standard_error"].gt(0).all() == is_known
    told = [str(one.message) for one in recwarn if "noise of differences is unknown" in str(one.message)]
    assert len(told) == (not is_known)
    assert ("two standard errors" in table.summary()) == ("±" in str(table)) == is_known
    assert ("noise unknown" in table.summary()) == ("noise is unknown" in str(table)) == (not is_known)


def test_an_error_beside_an_exact_baseline_has_no_share():
    series = make_series(120, 1)
    rows = np.concatenate([series[:80], np.full((40, 1), 3.0)])
    table = make_forecaster(teacher=None).fit(rows[:80]).compare(rows[80:])
    assert table.loc["last value", "mse"] == 0.0
    error, words = table.loc["student", ["mse", "in_words"]]
    assert f"error {error:.4g}, where that of '{table.facts['best_baseline']}' is 0 (beyond two" in words


def test_a_model_beside_the_first_may_have_seen_the_rows(recwarn):
    frame = make_frame(230)
    new, old = (make_forecaster(teacher=None).fit(rows) for rows in (frame[:200], frame))
    compare({"new": new, "old": old}, frame[188:], n_resamples=2)
    assert "27 of 27 windows of compare have true values that fit was given" in str(recwarn.pop(UserWarning).message)


def test_truth_that_came_in_after_fit_does_not_hide_the_rows_of_fit():
    frame = make_frame(230)
    late = frame[:196].reindex(frame.index[:200])
    forecaster = make_forecaster(teacher=None).fit(late)
    with pytest.warns(UserWarning, match="^4 of 35 windows of compare have true values that fit was given"):
        forecaster.compare(frame[180:], n_resamples=2)
    assert forecaster.compare(frame[196:], n_resamples=2, season=24).loc["seasonal naive", "mse"] > 0
    arrays = make_forecaster(teacher=None).fit(late.to_numpy())
    with pytest.warns(UserWarning, match="^184 of 185 windows of compare have true values that fit was given"):
        arrays.compare(frame[:200].to_numpy(), n_resamples=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays.compare(2 * frame[:200].to_numpy(), n_resamples=2)  # other rows


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("again", ["float32", "float64"])
def test_rows_of_fit_are_the_same_in_float32(swapped, again):
    frame = make_frame(230)
    narrow = frame.astype("float32").astype(again)
    rows, test = (narrow, frame) if swapped else (frame, narrow)
    forecaster = make_forecaster(teacher=None).fit(rows[:200])
    with pytest.warns(UserWarning, match="^8 of 35 windows of compare have true values that fit was given"):
        forecaster.compare(test[180:], n_resamples=2)
    table = forecaster.compare(test[188:], n_resamples=2, season=100)  # of rows before the context
    assert table.facts["season"] == 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.compare(1.001 * test[180:], n_resamples=2)  # other rows


def test_a_revised_value_or_fewer_decimals_do_not_hide_the_rows_of_fit():
    frame = make_frame(230)
    revised, written = frame.copy(), frame.round(4)
    revised.iloc[182] += 1
    forecaster = make_forecaster(teacher=None).fit(frame[:200])
    for rows in (revised, written):
        with pytest.warns(UserWarning, match="^8 of 35 windows of compare have true values that fit was given"):
            forecaster.compare(rows[180:], n_resamples=2)


def test_rare_demands_of_other_series_are_no_rows_of_fit():
    frames = [make_frame(230).iloc[:, :1] * 0.0 for _ in range(2)]
    for number, frame in enumerate(frames):
        frame.iloc[number::10] = 3.0
    forecaster = make_forecaster(teacher=None).fit(frames[0][:200])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.compare(frames[1][180:], n_resamples=2)


def test_what_is_no_distilled_forecaster_is_refused():
    from sklearn.linear_model import Ridge

    with pytest.raises(TypeError, match="must be a fitted DistilledForecaster"):
        compare({"ridge": Ridge().fit(np.eye(3), np.ones(3))}, make_series())


# -- noise ---------------------------------------------------------------------------------------


def test_blocks_see_the_correlation_that_single_windows_miss():
    """The mean of an AR(1) process has a known variance; blocks must find it."""
    generator = np.random.default_rng(0)
    n, phi = 20_000, 0.9
    shocks = generator.normal(size=n)
    values = np.empty(n)
    values[0] = shocks[0]
    for t in range(1, n):
        values[t] = phi * values[t - 1] + shocks[t]
    true_error = 1 / (1 - phi) / np.sqrt(n)
    options = {"n_resamples": 500, "random_state": 0}
    blocks = block_bootstrap_means(values[None], [n], block_length=200, **options).std()
    single = block_bootstrap_means(values[None], [n], block_length=1, **options).std()
    assert blocks == pytest.approx(true_error, rel=0.15)
    assert single < 0.5 * true_error


def test_rows_are_paired():
    errors = np.random.default_rng(0).normal(size=200).cumsum()
    means = block_bootstrap_means(
        np.stack([errors, errors + 1.0]), [200], block_length=20, n_resamples=50, random_state=0
    )
    np.testing.assert_allclose(means[1] - means[0], 1.0)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 40))
def test_blocks_never_cross_from_one_series_to_the_next(lengths, block_length):
    owner = np.repeat(np.arange(len(lengths)), lengths).astype(float)
    means = block_bootstrap_means(owner[None], lengths, block_length=block_length, n_resamples=20, random_state=0)
    assert (means >= 0).all()
    assert (means <= len(lengths) - 1).all()


def test_short_series_are_drawn_as_often_as_they_count():
    lengths = [10] * 30 + [700]  # 30 series of less than a block
    short = np.repeat([1.0] * 30 + [0.0], lengths)
    options = {"block_length": 24, "n_resamples": 2000, "random_state": 0}
    shares = block_bootstrap_means(short[None], lengths, **options)[0]
    assert shares.mean() == pytest.approx(0.3, abs=0.02)
    equal = np.repeat([1 / 10] * 30 + [1 / 700], lengths)
    shares = block_bootstrap_means(short[None], lengths, weights=equal, **options)[0]
    assert shares.mean() == pytest.approx(30 / 31, abs=0.01)


def test_the_noise_of_a_weighted_mean_is_that_of_its_windows_not_of_its_weights():
    lengths = [50] * 5 + [500] * 5
    weights = np.repeat(1.0 / np.array(lengths), lengths)
    options = {"block_length": 24, "n_resamples": 50, "random_state": 0}
    np.testing.assert_allclose(block_bootstrap_means(np.ones((1, 2750)), lengths, weights=weights, **options), 1.0)
    weights[:250] = 0.0  # such series are not drawn
    errors = np.repeat([[1e6] * 5 + [1.0] * 5], lengths, axis=1)
    np.testing.assert_allclose(block_bootstrap_means(errors, lengths, weights=weights, **options), 1.0)
    with pytest.raises(ValueError, match="one number of at least 0 for each window"):
        block_bootstrap_means(errors, lengths, weights=weights[:-1], **options)


# -- baseline ------------------------------------------------------------------------------------


@given(st.integers(1, 10), st.integers(1, 30))
def test_seasonal_naive_repeats_the_last_season(season, horizon):
    context = np.arange(12.0)[None, :, None]
    forecast = seasonal_naive(context, season, horizon)[0, :, 0]
    np.testing.assert_array_equal(forecast, [12 - season + step % season for step in range(horizon)])


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [
        ("h", [24]),
        ("D", [7]),
        ("ME", [12]),
        ("MS", [12]),
        ("QE", [4]),
        ("15min", [96]),
        ("30min", [48]),
        ("4min", [360, 15]),
        ("min", [60]),
    ],
)
def test_the_step_tells_the_seasons_that_fit(frequency, seasons):
    index = pd.date_range("1900-01-01", periods=1000, freq=frequency)
    values = np.random.default_rng(0).normal(size=(1000, 1))
    most = 400 if frequency == "4min" else 100
    assert find_seasons([values], index, max_season=most, prediction_length=5) == seasons


@pytest.mark.parametrize("season", [5, 12, 30])
def test_without_a_calendar_the_season_with_the_smallest_error_is_taken(season):
    generator = np.random.default_rng(0)
    values = np.tile(generator.normal(size=(season, 2)), (200, 1)) + 0.1 * generator.normal(size=(200 * season, 2))
    assert find_seasons([values], None, max_season=50, prediction_length=4) == [season]


@pytest.mark.parametrize("order", ["abc", "bac", "cba"])
def test_the_season_of_a_panel_without_a_calendar_is_that_of_all_series(order):
    """Seasons of 5 and of 7 rows have one of 35 in common, whichever series comes first."""
    generator = np.random.default_rng(0)
    parts = {
        name: pd.DataFrame({"y": 3 * np.sin(2 * np.pi * np.arange(120) / season) + 0.3 * generator.normal(size=120)})
        for name, season in {"a": 5, "b": 7, "c": 5}.items()
    }
    panel = pd.concat({name: parts[name] for name in order}, names=["series", "time"])
    time = panel.index.get_level_values("time")
    forecaster = DistilledForecaster(None, context_length=14, prediction_length=3).fit(panel[time < 90])
    assert forecaster.compare(panel[time >= 76], n_resamples=2).facts["season"] == 35


def test_the_season_without_a_calendar_is_that_of_a_loop_over_all_pairs():
    for seed in range(40):
        generator = np.random.default_rng(seed)
        lengths, steps = generator.integers(7, 40, size=3), int(generator.integers(1, 9))
        panel = [np.cumsum(generator.normal(size=(n, 2)), axis=0) + 3 * np.sin(np.arange(n)[:, None]) for n in lengths]
        scaled = [(one - one.mean(axis=0)) / one.std(axis=0) for one in panel]

        def square(lag, scaled=scaled):
            return np.concatenate([np.square(one[lag:] - one[:-lag]).ravel() for one in scaled]).mean()

        longest = max(lengths)
        lags = {one: [one * (step // one + 1) for step in range(steps)] for one in range(1, longest // 2 + 1)}
        errors = [np.mean([square(lag) for lag in lags[one] if lag < longest]) for one in lags]
        expected = 1 + next(n for n, one in enumerate(errors) if one <= _AS_GOOD * min(errors) + 1e-9)
        assert find_seasons(panel, None, max_season=longest // 2, prediction_length=steps) == [expected]


def test_a_student_beats_the_exact_linear_one_beyond_the_noise_of_their_difference():
    results = [
        SimpleNamespace(name=name, weighted=np.array([error])) for name, error in (("ours", 1.0), ("linear", 2.0))
    ]
    common, apart = np.random.default_rng(0).normal(size=(2, 500))
    for noise, beats in (0.1, True), (3.0, False):
        means = np.stack([10 * common, 10 * common + 1 + noise * apart])
        assert ("does not beat" in _linear_words(0, 1, results, means)) != beats


def test_a_season_is_one_row_where_nothing_tells_one_and_at_most_half_of_the_rows():
    for values in (np.zeros((1, 1)), np.full((9, 1), np.nan), np.zeros((9, 1))):
        assert find_seasons([values], None, max_season=4, prediction_length=2) == [1]
    wave = np.stack([np.tile(np.arange(5.0), 9), np.full(45, np.nan)], axis=1)
    assert find_seasons([wave], None, max_season=30, prediction_length=2) == [5]
    assert find_seasons([wave[:6], wave], None, max_season=30, prediction_length=2) == [5]
    noise = np.random.default_rng(0).normal(size=(40, 1))
    assert find_seasons([noise], None, max_season=39, prediction_length=2)[0] <= 20


def test_the_exact_linear_row_is_that_student_fitted_by_hand():
    from skdistill.networks import Linear

    frame = make_frame(300)
    forecaster = make_forecaster(validation_fraction=0.0).fit(frame[:200])
    table = forecaster.compare(frame[188:], season=12)
    linear = make_forecaster(teacher=None, student=Linear(season=12), validation_fraction=0.0).fit(frame[:200])
    by_hand = linear.compare(frame[188:], season=12)
    assert table.loc["exact linear", "mse"] == pytest.approx(by_hand.loc["student", "mse"])
    assert table.loc["exact linear", "role"] == "exact linear"
    assert "does not beat the exact linear student" in by_hand.loc["student", "in_words"]


def test_fits_within_compare_do_not_repeat_what_fit_told_of_rows_and_settings(recwarn):
    panel = {name: make_frame(120, seed=seed) for seed, name in enumerate("abc")}
    panel["b"] *= 1000.0
    panel["c"].iloc[2:110] = np.nan
    panel["a"].iloc[20, 0] = -9999.0
    panel = {name: rows.assign(plan=1.0) for name, rows in panel.items()} | {"d": make_frame(46).assign(plan=1.0)}
    panel["d"].index = pd.date_range("2024-01-01", periods=46, freq="D")
    settings = {"teacher": None, "scaling": "global", "known_covariates": ["plan"], "validation_fraction": 36}
    forecaster = DistilledForecaster(**settings, context_length=12, prediction_length=4).fit(panel)
    words = ["no training window", "one value in all", "differ in scale", "its squared distance"]
    words += ["have different steps", "have too few training rows", "has no effect"]
    assert all(any(word in str(one.message) for one in recwarn.list) for word in words[:-1])
    recwarn.clear()
    forecaster.compare({name: rows.iloc[72:] for name, rows in panel.items() if name != "d"}, n_resamples=2)
    assert not [one for one in recwarn if any(word in str(one.message) for word in words)]


def test_a_student_that_beats_the_linear_one_is_told_so_in_figures():
    """Levels that jump between two values: a linear map of one row cannot know that the other comes next."""
    from skdistill.networks import Linear

    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * np.arange(400) / 12)[:, None] + 0.01 * rng.normal(size=(400, 1))
    good = make_forecaster(teacher=None, student=Linear(None, penalty=0.0), validation_fraction=0.0).fit(wave[:300])
    table = good.compare(wave[288:], season=1)
    assert "lower than 'exact linear'" in table.loc["student", "in_words"]


def test_a_comparison_prints_within_100_characters():
    series = make_multiseasonal(300, 1, seasons=(24,), random_state=0)
    forecaster = DistilledForecaster(None, "linear", "response", context_length=48, prediction_length=12).fit(
        series[:200]
    )
    comparison = forecaster.compare(series[152:])
    table = comparison.table()
    assert list(table) == ["MSE", "error", "parameters", "ms per window"]
    assert table.loc["student", "error"] == ""
    share = 100 * (comparison.loc["drift", "mse"] / comparison.loc["student", "mse"] - 1)
    assert table.loc["drift", "error"].startswith(f"{share:+.1f}% ± ")
    assert max(map(len, str(comparison).splitlines())) <= 100
    assert "<table" in comparison._repr_html_()
    assert "Best baseline" in comparison._repr_html_()
    assert "summary" not in str(comparison[["mse"]])  # a part of it prints as any DataFrame


@pytest.mark.parametrize("change", [lambda times: times.as_unit("s"), lambda times: times.as_unit("ns")])
def test_times_of_another_resolution_are_the_same_times(change):
    frame = make_frame(230)
    forecaster = make_forecaster(teacher=None).fit(frame[:200])
    kept, other = frame[180:], frame[180:].set_axis(change(frame.index[180:]), axis=0)
    with pytest.warns(UserWarning, match="have true values that fit was given"):
        expected = forecaster.compare(kept, n_resamples=2)
    with pytest.warns(UserWarning, match="have true values that fit was given"):
        table = forecaster.compare(other, n_resamples=2)
    np.testing.assert_array_equal(table["mse"], expected["mse"])
    after = frame[200:].set_axis(change(frame.index[200:]), axis=0)
    tables = [forecaster.compare(rows, n_resamples=2, season=24) for rows in (frame[200:], after)]
    np.testing.assert_array_equal(*(table["mse"] for table in tables))
    assert tables[0].loc["seasonal naive"].notna().any()


@pytest.mark.parametrize("freq", ["D", "ME"])
@pytest.mark.parametrize("fitted_on_periods", [False, True])
def test_periods_are_the_times_in_them(freq, fitted_on_periods):
    times = make_frame(230).set_axis(pd.date_range("2000-01-31", periods=230, freq=freq), axis=0)
    periods = times.set_axis(times.index.to_period(), axis=0)
    trained, rows = (periods, times) if fitted_on_periods else (times, periods)
    forecaster = make_forecaster(teacher=None).fit(trained[:200])
    with pytest.warns(UserWarning, match="have true values that fit was given"):
        forecaster.compare(rows[180:], n_resamples=2)
    expected, table = (forecaster.compare(one[200:], n_resamples=2, season=24) for one in (trained, rows))
    np.testing.assert_array_equal(table["mse"], expected["mse"])
    assert table.loc["seasonal naive"].notna().any()


def test_rows_of_arrow_that_follow_those_of_fit_have_the_season_before():
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    times = make_frame(230)
    arrow = times.set_axis(times.index.astype("timestamp[ns][pyarrow]"))
    expected, table = (
        make_forecaster(teacher=None).fit(one[:200]).compare(one[200:], n_resamples=2, season=24)
        for one in (times, arrow)
    )
    np.testing.assert_array_equal(table["mse"], expected["mse"])
    assert table.loc["seasonal naive"].notna().any()


def test_rows_of_whole_days_are_no_rows_of_hours():
    hours = make_frame(230)
    forecaster = make_forecaster(teacher=None).fit(hours)
    days = hours.set_axis(pd.period_range("2024-01-01", periods=230, freq="D"), axis=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        forecaster.compare(days, n_resamples=2)
    assert not any("fit was given" in str(one.message) for one in told)
