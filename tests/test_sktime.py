import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_frame
from sklearn.preprocessing import StandardScaler
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.compose import (
    BaggingForecaster,
    EnsembleForecaster,
    ForecastingPipeline,
    MultiplexForecaster,
    TransformedTargetForecaster,
)
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV, ForecastingRandomizedSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.split import (
    ExpandingWindowSplitter,
    SingleWindowSplitter,
    SlidingWindowSplitter,
    temporal_train_test_split,
)
from sktime.transformations.bootstrap import MovingBlockBootstrapTransformer
from sktime.transformations.series.adapt import TabularToSeriesAdaptor
from sktime.transformations.series.detrend import Deseasonalizer, Detrender
from sktime.utils.estimator_checks import check_estimator

from skdistill import DistilledForecaster
from skdistill.losses import Supervised
from skdistill.networks import ITransformer, Linear
from skdistill.sktime import SktimeDistilledForecaster

pytestmark = pytest.mark.filterwarnings("ignore:The default of config:FutureWarning")

SETTINGS = {
    "teacher": LastValueTeacher(),
    "student": Linear(),
    "loss": "response",
    "context_length": 12,
    "prediction_length": 4,
    "validation_fraction": 0,
    "random_state": 0,
}
ALL_STEPS = [1, 2, 3, 4]


def make(**changes):
    return SktimeDistilledForecaster(**{**SETTINGS, **changes})


def plain(**changes):
    return DistilledForecaster(**{**SETTINGS, **changes})


def make_panel(n_series=3, n_timestamps=60, n_channels=1):
    frames = {f"s{number}": make_frame(n_timestamps, n_channels, seed=number) for number in range(n_series)}
    return pd.concat(frames, names=["series", "time"])


Y = make_frame(80, 1)["c0"]
TRAIN, TEST = Y.iloc[:60], Y.iloc[60:]


# -- sktime's own checks ---------------------------------------------------------------------------


@pytest.mark.slow
def test_every_check_of_sktime_passes_for_every_parameter_set():
    results = check_estimator(SktimeDistilledForecaster, raise_exceptions=False, verbose=False)
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}
    assert len(results) > 1000
    assert len(SktimeDistilledForecaster.get_test_params()) == 4


def test_it_can_be_listed_among_forecasters():
    from skbase.lookup import all_objects
    from sktime.forecasting.base import BaseForecaster

    found = all_objects(object_types=BaseForecaster, package_name="skdistill", return_names=False)
    assert SktimeDistilledForecaster in found
    assert SktimeDistilledForecaster.get_class_tag("object_type") == "forecaster"


# -- the same distillation -------------------------------------------------------------------------


@pytest.mark.parametrize("n_channels", [1, 2])
def test_forecasts_are_those_of_the_plain_estimator(n_channels):
    frame = make_frame(60, n_channels)
    expected = plain().fit(frame).predict(frame)
    forecast = make().fit(frame).predict(fh=[1, 3, 4])
    np.testing.assert_allclose(forecast, expected.iloc[[0, 2, 3]], rtol=1e-6)
    pd.testing.assert_index_equal(forecast.index, expected.index[[0, 2, 3]], check_names=False)
    assert list(forecast.columns) == list(frame.columns)


INDEXES = {
    "hours": pd.date_range("2024-01-01", periods=60, freq="h"),
    "hours without freq": pd.DatetimeIndex(pd.date_range("2024-01-01", periods=60, freq="h").to_numpy()),
    "days across a change of the clock": pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Berlin"),
    "month ends": pd.date_range("2018-01-31", periods=60, freq="ME"),
    "periods": pd.period_range("2018-01", periods=60, freq="M"),
    "range": pd.RangeIndex(60),
    "whole numbers": pd.Index(np.arange(5, 65)),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_any_index_and_any_horizon_inside_the_trained_one(index):
    y = pd.Series(TRAIN.to_numpy(), index=index)
    known, ahead = y.iloc[:56], index[[56, 58]]
    forecaster = make().fit(known)
    every = forecaster.predict(fh=ALL_STEPS)
    np.testing.assert_array_equal(every.index, index[56:])
    assert every.index.dtype == index.dtype
    absolute = forecaster.clone().fit(known).predict(fh=ForecastingHorizon(ahead, is_relative=False))
    np.testing.assert_array_equal(absolute.index, ahead)
    np.testing.assert_array_equal(absolute, every.iloc[[0, 2]])


def test_short_names_expand_in_set_params():
    forecaster = make(loss="timedistill").set_params(loss__n_scales=2)
    assert forecaster.get_params()["loss__n_scales"] == 2


# -- beyond the trained horizon --------------------------------------------------------------------


def test_a_longer_horizon_is_refused_before_training_or_rolled_out():
    with pytest.raises(ValueError, match=r"max\(fh\)=6 exceeds .*prediction_length=4.*rollout=True"):
        make(teacher=NotToBeCalled()).fit(TRAIN, fh=[1, 6])
    with pytest.raises(ValueError, match=r"max\(fh\)=6 exceeds"):
        make().fit(TRAIN).predict(fh=[6])
    forecast = make(rollout=True).fit(TRAIN).predict(fh=range(1, 11))
    model, series = plain().fit(TRAIN), TRAIN
    for _ in range(3):
        series = pd.concat([series, model.predict(series)])
    np.testing.assert_allclose(forecast, series.iloc[60:70], rtol=1e-5)
    np.testing.assert_array_equal(forecast.index, TEST.index[:10])


class NotToBeCalled(LastValueTeacher):
    def fit(self, windows, checkpoint=None):
        raise AssertionError("nothing must be trained")


def test_in_sample_is_refused_in_sktimes_words():
    with pytest.raises(NotImplementedError, match="in-sample"):
        make().fit(TRAIN).predict(fh=[-1, 1])


# -- update ----------------------------------------------------------------------------------------


def test_update_takes_new_context_without_training():
    forecaster = make().fit(TRAIN)
    student = forecaster.forecaster_.student_
    for start in range(60, 70, 5):
        forecaster.update(Y.iloc[start : start + 5])
    assert forecaster.forecaster_.student_ is student
    assert forecaster.cutoff[0] == Y.index[69]
    np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS), plain().fit(TRAIN).predict(Y.iloc[:70]), rtol=1e-6)


def test_update_refits_on_request():
    forecaster = make(refit_on_update=True).fit(TRAIN)
    forecaster.update(Y.iloc[60:70])
    np.testing.assert_allclose(
        forecaster.predict(fh=ALL_STEPS), plain().fit(Y.iloc[:70]).predict(Y.iloc[:70]), rtol=1e-5
    )
    student = forecaster.forecaster_.student_
    forecaster.update(Y.iloc[70:75], update_params=False)
    assert forecaster.forecaster_.student_ is student


@pytest.mark.parametrize("pickled", [False, True])
def test_update_takes_new_rows_in_exactly(pickled, monkeypatch):
    exact = {"teacher": None, "student": Linear(season=4), "loss": Supervised()}
    forecaster = make(**exact, refit_on_update=True).fit(TRAIN)
    if pickled:
        forecaster = pickle.loads(pickle.dumps(forecaster))
    monkeypatch.setattr(type(forecaster), "_train", None)  # nothing is trained anew
    forecaster.update(Y.iloc[60:64]).update(Y.iloc[64:66], update_params=False).update(Y.iloc[66:72])
    expected = plain(**exact).fit(Y.iloc[:72]).predict(Y.iloc[:72])
    np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS), expected, rtol=1e-7)


def test_update_takes_revised_rows_in():
    exact = {"teacher": None, "student": Linear(season=4), "loss": Supervised()}
    forecaster = make(**exact, refit_on_update=True).fit(TRAIN).update(Y.iloc[60:70])
    revised = Y.iloc[64:74].copy()
    revised.iloc[:6] += 5
    known = pd.concat([Y.iloc[:64], revised])
    for new in (revised, revised.iloc[:8]):  # the second ends earlier: what followed is dropped
        forecaster.update(new)
        rows = known.loc[: new.index[-1]]
        expected = plain(**exact).fit(rows).predict(rows)
        np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS), expected, rtol=1e-7)


def test_labels_without_a_frequency_are_carried_on():
    labels = pd.date_range("2000-01-01", periods=65, freq="MS")
    rows = make_frame(65, 1).set_axis(pd.DatetimeIndex(labels.to_numpy()))
    forecaster = make(student=ITransformer(8, n_heads=2), context_length=2, max_epochs=1)
    assert forecaster.fit(rows[:60]).predict(fh=[1, 2]).index.tolist() == labels[60:62].tolist()
    assert forecaster.update(rows[60:63]).predict(fh=[1, 2]).index.tolist() == labels[63:65].tolist()


def test_update_predict_walks_on():
    splitter = SlidingWindowSplitter(fh=[1, 2], window_length=4, step_length=4)
    forecaster = make().fit(TRAIN)
    forecast = forecaster.update_predict(TEST, cv=splitter, update_params=False)
    model = plain().fit(TRAIN)
    # columns are cutoffs here, because the forecasts of one cutoff do not meet those of the next
    expected = [model.predict(Y.iloc[: 60 + known]).iloc[:2] for known in (4, 8, 12, 16)]
    found = forecast.to_numpy(dtype=float).ravel(order="F")
    np.testing.assert_allclose(found[~np.isnan(found)], np.concatenate(expected), rtol=1e-6)
    assert forecaster.cutoff[0] == TRAIN.index[-1]  # as sktime promises: a copy walked


@pytest.mark.parametrize("new", [Y.iloc[62:70], Y.iloc[60:76:2]], ids=["a gap", "another step"])
def test_update_refuses_a_gap_and_another_step(new):
    with pytest.raises(ValueError, match=r"irregular step|must keep the step of fit"):
        make().fit(TRAIN).update(new)


def test_update_with_rows_that_are_known_already_says_so():
    with pytest.raises(ValueError, match=rf"y ends at {Y.index[39]}, but rows up to {TRAIN.index[-1]} are known"):
        make().fit(TRAIN).update(Y.iloc[35:40])


def test_update_refuses_a_single_column_of_another_name_and_infinity():
    forecaster = make(teacher=None).fit(TRAIN)
    with pytest.raises(ValueError, match=r"y must have the columns of fit, \['c0'\]; got \['other'\]"):
        forecaster.update(TEST.rename("other"))
    with pytest.raises(ValueError, match=rf"y contains infinity, first at row 1 \({TEST.index[1]}\)"):
        forecaster.update(TEST.where(TEST.index != TEST.index[1], np.inf))
    unnamed = forecaster.update(TEST.rename(None), update_params=False).predict(fh=[1])
    np.testing.assert_array_equal(unnamed, make(teacher=None).fit(TRAIN).update(TEST).predict(fh=[1]))


@pytest.mark.parametrize("names", [[0, 1], [1, 0]])
def test_numbers_of_columns_in_another_order_are_names(names):
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=names)
    settings = {"context_length": 8, "prediction_length": 2, "device": "cpu"}
    forecaster = SktimeDistilledForecaster(None, "linear", "response", **settings)
    panel = pd.concat({"a": y, "b": y}, names=["series", "time"])
    other = y[names[::-1]]
    with pytest.raises(ValueError, match=r"y must have the columns of pretrain in their order"):
        forecaster.clone().pretrain(panel).fit(other)
    assert forecaster.clone().pretrain(panel).fit(y).predict(fh=[1]).shape == (1, 2)
    if names == [0, 1]:
        named = y.set_axis(["u", "v"], axis=1)
        assert forecaster.clone().pretrain(panel).fit(named).predict(fh=[1]).columns.tolist() == ["u", "v"]


def test_quantiles_beyond_the_levels_are_within_the_bounds():
    y = pd.Series(np.random.default_rng(0).poisson(0.8, 80).astype(float))
    settings = {"context_length": 8, "prediction_length": 2, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    counts = SktimeDistilledForecaster(None, "dlinear", quantiles=(0.3, 0.5, 0.7), bounds=(0, 1.5), **settings).fit(y)
    levels = [0.001, 0.3, 0.5, 0.7, 0.999]
    quantiles = counts.predict_quantiles(fh=[1, 2], alpha=levels).to_numpy()
    assert quantiles.min() == 0.0
    assert quantiles.max() == 1.5
    assert counts.predict_interval(fh=[1], coverage=0.998).to_numpy().tolist() == [[0.0, 1.5]]


@pytest.mark.parametrize("method", ["predict_interval", "predict_quantiles"])
def test_intervals_without_quantiles_name_the_parameter(method):
    with pytest.raises(NotImplementedError, match=r"point forecasts only: set quantiles=\(0.1, 0.5, 0.9\)"):
        getattr(make().fit(TRAIN), method)(fh=[1, 2])


def test_a_full_context_of_another_frequency_is_refused():
    days = pd.Series(np.arange(20.0), index=pd.date_range("2025-01-01", periods=20, freq="D"))
    with pytest.raises(ValueError, match="must keep the step of fit, h"):
        make().fit(TRAIN).update(days)


# -- exogenous data --------------------------------------------------------------------------------


def test_exogenous_columns_join_the_context_and_are_not_forecast():
    frame = make_frame(80, 3)
    y, X = frame[["c0"]], frame[["c1", "c2"]]
    model = plain(targets=["c0"]).fit(frame.iloc[:60])
    forecaster = make(known_covariates=None).fit(y.iloc[:60], X=X.iloc[:60])
    forecast = forecaster.predict(fh=ALL_STEPS, X=X.iloc[60:64])
    np.testing.assert_allclose(forecast, model.predict(frame.iloc[:60]), rtol=1e-6)
    np.testing.assert_array_equal(forecast, forecaster.predict(fh=ALL_STEPS))  # their future is not looked at
    forecaster.update(y.iloc[60:65], X=X.iloc[60:65])
    np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS), model.predict(frame.iloc[:65]), rtol=1e-6)
    with pytest.raises(ValueError, match=r"X is missing in update: fit had the covariates \['c1', 'c2'\]"):
        forecaster.update(y.iloc[65:70])
    with pytest.raises(ValueError, match=r"must have the columns of fit, \['y', 'X:c1', 'X:c2'\]; got \['y', 'X:c1'\]"):
        forecaster.update(y.iloc[65:70], X=X[["c1"]].iloc[65:70])


def test_columns_of_X_are_known_where_predict_has_them_and_past_where_only_fit_has_them():
    frame = make_frame(80, 3)
    y, X = frame[["c0"]], frame[["c1", "c2"]]
    forecaster = make().fit(y.iloc[:60], X=X.iloc[:60])
    ahead = X.iloc[60:64]
    for known in (["c1", "c2"], ["c2"], []):
        model = plain(targets=["c0"], known_covariates=known).fit(frame.iloc[:60])
        expected = model.predict(frame.iloc[:60], future=ahead[known] if known else None)
        given = ahead[known] if known else None
        if len(known) == 2:
            forecast = forecaster.predict(fh=ALL_STEPS, X=given)
            assert np.abs(forecaster.predict(fh=ALL_STEPS, X=-given) - forecast).to_numpy().max() > 1e-3
        else:
            with pytest.warns(UserWarning, match="they are past covariates, and a student that reads them so"):
                forecast = forecaster.predict(fh=ALL_STEPS, X=given)
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # it is trained once
                forecaster.predict(fh=ALL_STEPS, X=given)
        np.testing.assert_allclose(forecast, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="X at predict lacks the row"):
        forecaster.predict(fh=ALL_STEPS, X=X.iloc[60:62])
    with pytest.raises(ValueError, match="known_covariates of SktimeDistilledForecaster must be"):
        make(known_covariates="all").fit(y.iloc[:60], X=X.iloc[:60])


def test_a_rollout_with_exogenous_columns_reads_their_rows_or_says_so():
    frame = make_frame(80, 2)
    y, X = frame[["c0"]], frame[["c1"]]
    forecaster = make(rollout=True, known_covariates=None).fit(y.iloc[:60], X=X.iloc[:60])
    forecast = forecaster.predict(fh=range(1, 9), X=X.iloc[60:68])
    model = plain(targets=["c0"]).fit(frame.iloc[:60])
    ahead = model.predict(frame.iloc[:60]).join(X.iloc[60:64])
    expected = model.predict(pd.concat([frame.iloc[:60], ahead]))
    np.testing.assert_allclose(forecast.iloc[4:], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="needs X at predict"):
        forecaster.predict(fh=range(1, 9))


# -- panels ----------------------------------------------------------------------------------------


def test_a_panel_trains_one_global_student():
    panel = make_panel(n_channels=2)
    forecaster = make().fit(panel)
    expected = plain().fit(panel).predict(panel)  # each series in its own units
    forecast = forecaster.predict(fh=[2, 4])
    assert forecast.index.names == ["series", "time"]
    for key in ("s0", "s1", "s2"):
        np.testing.assert_allclose(forecast.loc[key], expected.loc[key].iloc[[1, 3]], rtol=1e-5)


def test_series_of_a_panel_may_end_at_different_times():
    panel = make_panel(2)
    panel = panel.drop(panel.loc[["s1"]].index[-5:])
    forecaster = make().fit(panel)
    forecast = forecaster.predict(fh=[1])
    assert forecast.loc["s0"].index[0] - forecast.loc["s1"].index[0] == pd.Timedelta("5h")


def test_a_hierarchy_keeps_its_levels_and_reconciles():
    from sktime.forecasting.reconcile import ReconcilerForecaster
    from sktime.transformations.hierarchical.aggregate import Aggregator

    bottom = pd.concat({"north": make_panel(2), "south": make_panel(2)}, names=["region", "series", "time"])
    hierarchy = Aggregator().fit_transform(bottom)
    forecast = make().fit(hierarchy).predict(fh=[1, 2])
    assert set(forecast.index.droplevel(-1)) == set(hierarchy.index.droplevel(-1))
    reconciled = ReconcilerForecaster(make(), method="ols").fit(hierarchy).predict(fh=[1, 2])
    total = reconciled.loc[("__total", "__total")]
    parts = reconciled.loc[["north", "south"]].drop("__total", level=1).groupby(level=-1).sum()
    np.testing.assert_allclose(total, parts, rtol=1e-6)


def test_panel_update_and_new_series():
    panel = make_panel(2)
    early = panel[panel.index.get_level_values(-1) < panel.index[50][1]]
    forecaster = make().fit(early)
    forecaster.update(panel.drop(early.index))
    series = {key: one.droplevel(0) for key, one in panel.groupby(level=0)}
    model = plain().fit({key: one.iloc[:50] for key, one in series.items()})
    expected = model.predict(series)["s1"].iloc[:1]
    np.testing.assert_allclose(forecaster.predict(fh=[1]).loc["s1"], expected, rtol=1e-5)


def test_a_new_series_is_forecast_after_pretraining_without_training():
    panel, new = make_panel(2), make_frame(30, 1, seed=9)["c0"]
    forecaster = make().pretrain(panel)
    student = forecaster.forecaster_.student_
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "series .* is not among those of fit")  # it has no id
        forecast = forecaster.fit(new.iloc[:12]).predict(fh=ALL_STEPS)
    assert forecaster.forecaster_.student_ is student
    model = plain().fit([one.droplevel(0) for _, one in panel.groupby(level=0)])
    np.testing.assert_allclose(forecast, model.predict(new.iloc[:12]), rtol=1e-5)
    np.testing.assert_allclose(forecaster.clone().fit(new.iloc[:12]).predict(fh=ALL_STEPS), forecast, rtol=1e-6)


def test_a_second_pretrain_learns_from_both_panels():
    first, second = make_panel(2), make_panel(3).loc[["s2"]]
    both = make().pretrain(make_panel(3)).fit(TRAIN).predict(fh=[1])
    twice = make().pretrain(first).pretrain(second)
    np.testing.assert_allclose(twice.fit(TRAIN).predict(fh=[1]), both, rtol=1e-5)
    with pytest.raises(NotImplementedError, match="cannot be pretrained again after fit"):
        twice.pretrain(second)


def test_a_second_pretrain_keeps_the_names_of_series():
    def panel(scales):
        parts = {name: scale * make_frame(60, 1, seed=name)[["c0"]] for name, scale in scales.items()}
        return pd.concat(parts, names=["instance", "time"])

    first, second = {7: 1.0, 8: 100.0}, {0: 3.0, 8: 50.0}
    forecaster = make().pretrain(panel(first)).pretrain(panel(second))
    ids = set(forecaster.forecaster_.scaling_.ids_)
    assert {7, 0, 8} < ids
    assert len(ids) == 4
    later = 3.0 * make_frame(90, 1, seed=0)[["c0"]].iloc[60:]
    asked = pd.concat({0: later, 1: later}, names=["instance", "time"])
    forecast = forecaster.fit(asked).predict(fh=[1])
    alone = forecaster.forecaster_.predict({0: later.set_axis(["y"], axis=1)})[0]
    np.testing.assert_allclose(forecast.loc[0], alone.iloc[:1], rtol=1e-6)
    unseen = forecaster.forecaster_.predict({"new": later.set_axis(["y"], axis=1)})["new"]
    np.testing.assert_allclose(forecast.loc[1], unseen.iloc[:1], rtol=1e-6)


@pytest.mark.parametrize("change", [lambda one: one[one.columns[::-1]], lambda one: one.add_prefix("new_")])
@pytest.mark.parametrize("of_covariates", [False, True])
def test_other_columns_after_pretrain_are_refused(change, of_covariates):
    panel = pd.concat({name: make_frame(60, 3, seed) for seed, name in enumerate("ab")}, names=["instance", "time"])
    new = make_frame(30, 3)
    pretrained = make().pretrain(panel[["c0"]], panel[["c1", "c2"]]) if of_covariates else make().pretrain(panel)
    with pytest.raises(ValueError, match=r"[yX] must have the columns of pretrain"):
        pretrained.fit(new[["c0"]], change(new[["c1", "c2"]])) if of_covariates else pretrained.fit(change(new))


def test_names_of_series_of_several_types_stay_as_they_are():
    panel = pd.concat({name: make_frame(60, 1)[["c0"]] for name in (1, "a")}, names=["instance", "time"])
    assert make().fit(panel).predict(fh=[1]).index.get_level_values(0).tolist() == [1, "a"]


# -- bad input -------------------------------------------------------------------------------------


def test_a_single_short_series_is_refused():
    with pytest.raises(ValueError, match=r"y is too short.*12 \+ 4 = 16 rows; got 10"):
        make(teacher=NotToBeCalled()).fit(TRAIN.iloc[:10])


def test_irregular_duplicate_and_missing_are_refused():
    with pytest.raises(ValueError, match="irregular step"):
        make().fit(TRAIN.drop(TRAIN.index[30]))
    with pytest.raises((TypeError, ValueError), match="duplicate"):
        make().fit(pd.concat([TRAIN.iloc[:30], TRAIN.iloc[29:]]))


# -- missing values and short series ---------------------------------------------------------------


def with_gaps(panel):
    gaps = np.random.default_rng(0).random(panel.shape) < 0.2
    return panel.mask(gaps)


def test_missing_values_and_short_series_are_those_of_the_plain_forecaster():
    panel = with_gaps(make_panel(3))
    panel = panel.drop([*panel.loc[["s1"]].index[10:], *panel.loc[["s2"]].index[1:]])
    with pytest.warns(UserWarning, match="2 of 3 series have too few training rows"):
        found, expected = make().fit(panel), plain().fit(panel)
    assert make().get_tag("capability:missing_values")
    np.testing.assert_allclose(found.predict(fh=ALL_STEPS), expected.predict(panel), rtol=1e-5)


def test_a_series_grows_from_one_row_by_update():
    panel = make_panel(2)
    start = panel.drop(panel.loc[["s1"]].index[1:])
    with pytest.warns(UserWarning, match="too few training rows"):
        forecaster = make().fit(start)
    later = panel.loc[["s1"]].iloc[1:5]
    forecaster.update(later, update_params=False)
    known = pd.concat([panel.loc[["s0"]], panel.loc[["s1"]].iloc[:5]])
    expected = forecaster.forecaster_.predict({one: known.loc[one].to_numpy() for one in ("s0", "s1")})
    expected = np.concatenate(list(expected.values()))
    np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS), expected, rtol=1e-5)


def test_a_refit_on_rows_with_gaps_is_a_fit_on_all_rows():
    settings = {"teacher": None, "loss": Supervised(), "student": Linear(), "refit_on_update": True}
    gaps = with_gaps(Y.to_frame())["c0"]
    found = make(**settings).fit(gaps.iloc[:60]).update(gaps.iloc[60:])
    np.testing.assert_allclose(found.predict(fh=[1]), make(**settings).fit(gaps).predict(fh=[1]), rtol=1e-5)


def test_rows_without_an_observed_value_forecast_nan():
    gone = TRAIN.where(np.arange(60) < 48)
    assert make().fit(gone).predict(fh=ALL_STEPS).isna().all()


# -- labels ----------------------------------------------------------------------------------------


def test_labels_that_do_not_follow_are_refused():
    between = ForecastingHorizon(TEST.index[[0]] + pd.Timedelta("30min"), is_relative=False)
    with pytest.raises(ValueError, match="fh"):
        make().fit(TRAIN).predict(fh=between)


# -- sktime's workflows ----------------------------------------------------------------------------


def equals_hand_made(pipeline, transform, undo):
    """Say whether a pipeline forecasts what its steps by hand give."""
    forecast = pipeline.fit(TRAIN).predict(fh=ALL_STEPS)
    by_hand = undo(make().fit(transform(TRAIN)).predict(fh=ALL_STEPS))
    np.testing.assert_allclose(forecast, by_hand, rtol=1e-5)


def test_transformed_target_detrended_and_deseasonalised():
    pytest.importorskip("statsmodels", reason="sktime's Deseasonalizer needs statsmodels")
    detrender, deseasonalizer = Detrender().fit(TRAIN), Deseasonalizer(sp=12).fit(TRAIN)
    equals_hand_made(Detrender() * make(), detrender.transform, detrender.inverse_transform)
    equals_hand_made(
        TransformedTargetForecaster([("season", Deseasonalizer(sp=12)), ("student", make())]),
        deseasonalizer.transform,
        deseasonalizer.inverse_transform,
    )


def test_scaled_by_a_scikit_learn_transformer():
    scaler = TabularToSeriesAdaptor(StandardScaler()).fit(TRAIN)
    equals_hand_made(StandardScaler() * make(), scaler.transform, scaler.inverse_transform)


def test_forecasting_pipeline_transforms_the_covariates():
    frame = make_frame(80, 2)
    y, X = frame["c0"], frame[["c1"]]
    scaler = TabularToSeriesAdaptor(StandardScaler()).fit(X.iloc[:60])
    model = make().fit(y.iloc[:60], X=scaler.transform(X.iloc[:60]))
    pipeline = ForecastingPipeline([("scale", TabularToSeriesAdaptor(StandardScaler())), ("student", make())])
    forecast = pipeline.fit(y.iloc[:60], X=X.iloc[:60]).predict(fh=[1, 2], X=X.iloc[60:62])
    np.testing.assert_allclose(forecast, model.predict(fh=[1, 2], X=scaler.transform(X.iloc[60:62])), rtol=1e-5)


SPLITTERS = {
    "expanding": ExpandingWindowSplitter(fh=ALL_STEPS, initial_window=50, step_length=5),
    "sliding": SlidingWindowSplitter(fh=ALL_STEPS, window_length=50, step_length=5),
    "single": SingleWindowSplitter(fh=ALL_STEPS, window_length=50),
}


@pytest.mark.slow
@pytest.mark.parametrize("splitter", SPLITTERS.values(), ids=SPLITTERS.keys())
def test_grid_search_trains_the_teacher_once_per_fold(splitter, tmp_path):
    log = tmp_path / "log"
    forecaster = make(teacher=LastValueTeacher(str(log)), memory=str(tmp_path / "memory"), loss="timedistill")
    grid = {"loss__prediction_weight": [0.5, 2.0], "loss__n_scales": [1, 2], "student": ["mlp"], "max_epochs": [1]}
    search = ForecastingGridSearchCV(forecaster.set_params(loss__feature_weight=0.0), splitter, grid, refit=False)
    search.fit(TRAIN)
    assert len(search.cv_results_) == 4
    assert log.read_text().splitlines().count("fit") == splitter.get_n_splits(TRAIN)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_randomized_search_on_several_workers_shares_the_teacher(backend, tmp_path):
    pytest.importorskip("joblib" if backend == "loky" else backend, reason="needs pip install 'skdistill[dask]'")
    log = tmp_path / "log"
    forecaster = make(teacher=LastValueTeacher(str(log)), memory=str(tmp_path / "memory"))
    settings = {"loky": {"n_jobs": 2}, "dask": {"scheduler": "threads", "num_workers": 2}}[backend]
    search = ForecastingRandomizedSearchCV(
        forecaster,
        SPLITTERS["expanding"],
        {"loss__prediction_weight": [0.25, 0.5, 1.0, 2.0]},
        n_iter=3,
        random_state=0,
        backend=backend,
        backend_params=settings,
        refit=False,
    )
    search.fit(TRAIN)
    assert len(search.cv_results_) == 3
    assert log.read_text().splitlines().count("fit") == SPLITTERS["expanding"].get_n_splits(TRAIN)


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate(strategy):
    results = evaluate(make(), SPLITTERS["expanding"], TRAIN, strategy=strategy, error_score="raise")
    assert len(results) == SPLITTERS["expanding"].get_n_splits(TRAIN)
    column = next(name for name in results.columns if name.startswith("test_"))
    assert np.isfinite(results[column]).all()


def test_temporal_train_test_split_multiplexer_and_ensemble():
    train, test = temporal_train_test_split(Y, test_size=4)
    ours = make().fit(train).predict(fh=ALL_STEPS)
    naive = NaiveForecaster().fit(train).predict(fh=ALL_STEPS)
    chosen = MultiplexForecaster([("naive", NaiveForecaster()), ("student", make())], selected_forecaster="student")
    np.testing.assert_allclose(chosen.fit(train).predict(fh=ALL_STEPS), ours, rtol=1e-6)
    ensemble = EnsembleForecaster([("naive", NaiveForecaster()), ("student", make())]).fit(train, fh=ALL_STEPS)
    np.testing.assert_allclose(ensemble.predict(), (ours + naive) / 2, rtol=1e-6)
    np.testing.assert_array_equal(ours.index, test.index)


def test_bagging():
    bootstrap = MovingBlockBootstrapTransformer(n_series=3, block_length=6, random_state=0)
    forecaster = BaggingForecaster(bootstrap, make(teacher=None, loss=Supervised()), sp=1, random_state=0)
    forecast = forecaster.fit(pd.Series(TRAIN.to_numpy())).predict(fh=[1, 2])
    assert forecast.shape == (2,)
    assert np.isfinite(forecast).all()


def test_conformal_intervals_hold_the_forecast():
    forecaster = ConformalIntervals(make(rollout=True), initial_window=40, sample_frac=0.5).fit(TRAIN, fh=ALL_STEPS)
    intervals = forecaster.predict_interval(coverage=0.8).droplevel([0, 1], axis=1)
    assert (intervals["lower"] < intervals["upper"]).all()


def test_save_and_load(tmp_path):
    from sktime.base import load

    forecaster = make().fit(TRAIN)
    forecaster.save(tmp_path / "student")
    loaded = load(tmp_path / "student.zip")
    np.testing.assert_array_equal(loaded.predict(fh=ALL_STEPS), forecaster.predict(fh=ALL_STEPS))
    loaded.update(TEST.iloc[:4])
    assert loaded.predict(fh=[1]).index[0] == TEST.index[4]


def test_plot_series():
    plt = pytest.importorskip("matplotlib.pyplot", reason="needs pip install 'skdistill[plot]'")
    pytest.importorskip("seaborn", reason="sktime's plot_series needs seaborn")
    from sktime.utils.plotting import plot_series

    figure, axes = plot_series(TRAIN, make().fit(TRAIN).predict(fh=ALL_STEPS), labels=["y", "student"])
    assert len(axes.lines) + len(axes.collections) >= 2
    plt.close(figure)


def test_a_series_that_x_at_predict_lacks_is_named():
    panel = make_panel(2, n_channels=2)
    forecaster = make(teacher=None, known_covariates=["c1"]).fit(panel[["c0"]], X=panel[["c1"]])
    new = make_panel(3, n_channels=2).loc[["s2"]]
    forecaster.update(new[["c0"]], X=new[["c1"]])
    later = pd.concat({name: make_frame(70)[60:] for name in ("s0", "s1")}, names=["series", "time"])
    with pytest.raises(ValueError, match=r"X at predict lacks .*s2.*, which fit or update had"):
        forecaster.predict(fh=ALL_STEPS, X=later[["c1"]])


def test_columns_of_x_that_fit_did_not_have_are_told_of():
    frame = make_frame(60, 2)
    y, X = frame[["c0"]], frame[["c1"]]
    with pytest.warns(UserWarning, match=r"X at predict has the columns \['c1'\], which X in fit did not have"):
        make(teacher=None).fit(y[:50]).predict(fh=ALL_STEPS, X=X[50:54])
    forecaster = make(teacher=None).fit(y[:50], X=X[:50])
    with pytest.warns(UserWarning, match=r"X at predict has the columns \['other'\]"):
        forecaster.predict(fh=ALL_STEPS, X=X[50:54].assign(other=1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(fh=ALL_STEPS, X=X[50:54])


def test_series_of_a_panel_have_the_ids_of_a_native_panel():
    """A frozen teacher, the weights, and predict of the fitted forecaster find series by them."""
    panel = pd.concat({name: scale * make_frame(60, 1) for name, scale in {"b": 1.0, "a": 90.0}.items()})
    forecaster = make(student=Linear(), teacher=None, series_weight={"a": 1.0, "b": 2.0}).fit(panel)
    ahead = forecaster.predict(fh=[1, 2, 3, 4])
    np.testing.assert_allclose(forecaster.forecaster_.predict(panel.set_axis(["y"], axis=1)), ahead, rtol=1e-6)


@pytest.mark.parametrize("changes", [{"scaling": "series"}, {"scaling": "window"}, {"transformer": StandardScaler()}])
def test_what_has_no_exact_update_is_trained_again(changes):
    settings = {"student": Linear(), "teacher": None, "validation_fraction": 0, **changes}
    updated = make(refit_on_update=True, **settings).fit(TRAIN[:-8]).update(TRAIN[-8:])
    np.testing.assert_allclose(updated.predict(fh=[1]), make(**settings).fit(TRAIN).predict(fh=[1]), rtol=1e-6)


def test_a_student_for_other_columns_is_trained_on_the_rows_that_training_saw():
    frame = make_frame(70, 3)
    y, X = frame["c0"], frame[["c1", "c2"]]
    forecaster = make(teacher=None, refit_on_update=True).fit(y[:50], X=X[:50]).update(y[50:55], X=X[50:55])
    forecaster.update(y[55:60], X=X[55:60], update_params=False)
    with pytest.warns(UserWarning, match=r"X in fit had the columns \['c2'\]"):
        forecast = forecaster.predict(fh=ALL_STEPS, X=X[["c1"]][60:64])
    native = plain(teacher=None, targets=["c0"], known_covariates=["c1"]).fit(frame[:55])
    expected = native.predict(frame[:60], future=X[["c1"]][60:64])
    np.testing.assert_allclose(forecast, expected["c0"], rtol=1e-5)
    with pytest.raises(ValueError, match=r"X at predict contains infinity, first at row 0 .*'c1'"):
        forecaster.predict(fh=ALL_STEPS, X=X[60:64] * np.inf)


def test_new_series_of_another_step_clock_or_level_are_noticed():
    panel = make_panel(2)
    days = make_frame(30, 1).set_axis(pd.date_range("2024-01-01", periods=30))
    forecaster = make(teacher=None, student=Linear(time_features=True)).pretrain(panel)
    with pytest.warns(UserWarning, match="the rows of y have the step D, and those of fit h"):
        forecaster.clone().fit(days)
    with pytest.warns(UserWarning, match="the times of y are in Asia/Tokyo, and those of fit without a zone"):
        forecaster.fit(make_frame(30, 1).tz_localize("Asia/Tokyo"))
    known = make(teacher=None).fit(panel)
    with pytest.warns(UserWarning, match="the rows of y of instance 'new' have the step D, and those of fit h"):
        known.update(pd.concat({"new": days}, names=["series", "time"]))
    with pytest.raises(ValueError, match=r"y of update must have an index of 2 levels as in fit.*; got 1"):
        known.update(days)


def test_known_covariates_are_names_of_any_type_before_they_are_positions():
    frame = make_frame(60, 3)
    y, X = frame["c0"], frame[["c1", "c2"]].set_axis([1, 0], axis=1)
    forecaster = make(teacher=None, known_covariates=[0]).fit(y[:50], X=X[:50])
    native = plain(teacher=None, targets=["c0"], known_covariates=["c2"]).fit(frame[:50])
    expected = native.predict(frame[:50], future=frame[["c2"]][50:54])
    np.testing.assert_allclose(forecaster.predict(fh=ALL_STEPS, X=X[[0]][50:54]), expected["c0"], rtol=1e-5)
