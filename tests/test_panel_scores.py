"""Scores and searches on panels, with gaps and short series."""

import numpy as np
import pandas as pd
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from test_panels import CONTEXT, HORIZON, LENGTHS, SCALES, make_forecaster, make_panel

from skdistill.metrics import METRICS, ForecastScorer, forecast_errors, quantile_scores
from skdistill.model_selection import RollingOriginSplit, SktimeSplit

LONG = [name for name in LENGTHS if LENGTHS[name] >= CONTEXT + HORIZON]


@pytest.fixture(scope="module")
def fitted():
    return make_forecaster().fit(make_panel())


def errors_by_hand(forecaster, panel, name):
    """Forecast every window of a series with predict, one at a time."""
    rows = panel.loc[name]
    origins = range(CONTEXT, len(rows) - HORIZON + 1) if len(rows) >= CONTEXT + HORIZON else [len(rows) - HORIZON]
    wrong = [
        forecaster.predict({name: rows.iloc[:origin]})[name].to_numpy()
        - rows.iloc[origin : origin + HORIZON].to_numpy()
        for origin in origins
    ]
    return np.stack(wrong)


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_errors_are_those_of_predict_over_what_is_observed(fitted, gaps):
    panel = make_panel(gaps)
    squares = {name: np.square(errors_by_hand(fitted, panel, name)) for name in LENGTHS}
    by_series = forecast_errors(fitted, panel, per="series")
    assert list(by_series.index) == list(LENGTHS)
    for name, one in squares.items():
        assert by_series[name] == pytest.approx(np.nanmean(one), rel=1e-5)
    everything = np.concatenate(list(squares.values()))
    assert forecast_errors(fitted, panel) == pytest.approx(np.nanmean(everything), rel=1e-5)
    by_step = forecast_errors(fitted, panel, per="step")
    np.testing.assert_allclose(by_step, np.nanmean(everything, axis=(0, 2)), rtol=1e-5)
    assert ForecastScorer(per="series")(fitted, panel) == pytest.approx(-by_series.mean())
    weights = {name: 1.0 / SCALES[name] ** 2 for name in LENGTHS}
    weighed = np.average(by_series, weights=[weights[name] for name in LENGTHS])
    assert ForecastScorer(per="series", weights=weights)(fitted, panel) == pytest.approx(-weighed)
    total = sum(weights[name] * np.nansum(one) for name, one in squares.items())
    count = sum(weights[name] * np.isfinite(one).sum() for name, one in squares.items())
    assert ForecastScorer(weights=pd.Series(weights))(fitted, panel) == pytest.approx(-total / count, rel=1e-5)


def test_mase_does_not_depend_on_the_units_of_a_series(fitted):
    panel = make_panel()
    scores = forecast_errors(fitted, panel, "mase", per="series", season=7)
    for name in LENGTHS:
        rows, first = panel.loc[name].to_numpy(), min(CONTEXT, LENGTHS[name] - HORIZON)
        unit = np.abs(rows[7:first] - rows[: first - 7]).mean()
        assert scores[name] == pytest.approx(np.abs(errors_by_hand(fitted, panel, name)).mean() / unit, rel=1e-5)
    flat = {"flat": panel.loc["shop 1"] * 0 + 3.0, "shop 1": panel.loc["shop 1"]}
    with pytest.warns(UserWarning, match="MASE leaves out 1 of 2 series, such as 'flat'"):
        assert list(forecast_errors(fitted, flat, "mase", per="series").index) == ["shop 1"]
    with pytest.raises(ValueError, match="MASE has no scale for 1 of 1 series"):
        forecast_errors(fitted, {"flat": flat["flat"]}, "mase")


@pytest.mark.parametrize("metric", METRICS)
def test_series_without_a_context_row_are_left_out_by_name(fitted, metric):
    panel = make_panel()
    with_stub = {name: panel.loc[name] for name in LONG} | {"stub": panel.loc["tiny"].iloc[:HORIZON]}
    with pytest.warns(UserWarning, match=r"leaves out 1 of 4 series.*series 'stub' \(6 rows\)"):
        score = ForecastScorer(metric)(fitted, with_stub)
    assert score == ForecastScorer(metric)(fitted, {name: panel.loc[name] for name in LONG})
    with pytest.raises(ValueError, match=r"one row \+ prediction_length = 1 \+ 6 = 7 rows; got n_samples=6"):
        ForecastScorer(metric)(fitted, {"stub": with_stub["stub"]})


def test_score_leaves_out_short_series(fitted):
    panel = make_panel(gaps=0.1)
    with pytest.warns(UserWarning, match=r"score leaves out 1 of 4 series.*30 rows.*series 'tiny' \(20 rows\)"):
        score = fitted.score(panel)
    wrong = np.concatenate([errors_by_hand(fitted, panel, name) for name in LONG])
    assert score == pytest.approx(-np.nanmean(np.square(wrong)), rel=1e-5)
    with pytest.raises(ValueError, match=r"24 \+ 6 = 30 rows; got n_samples=20"):
        fitted.score({"tiny": panel.loc["tiny"]})


def test_folds_of_sktime_are_scored_in_panels():
    from sktime.split import ExpandingWindowSplitter

    panel = make_panel(gaps=0.05)
    long = {name: panel.loc[name] for name in LONG}
    frame = pd.concat(long, names=["series", "time"])
    splitter = ExpandingWindowSplitter(fh=range(1, HORIZON + 1), initial_window=60, step_length=20)
    split = SktimeSplit(splitter, context_length=CONTEXT)
    found = GridSearchCV(
        make_forecaster(validation_fraction=0),
        {"context_length": [12, CONTEXT]},
        cv=split,
        scoring={"mase": split.scorer("mase", per="series"), "smape": split.scorer("smape")},
        refit="mase",
        error_score="raise",
    ).fit(frame)
    assert found.n_splits_ == 3
    for _, test in split.split(frame):  # a context and a horizon of each series
        assert (frame.iloc[test].groupby(level="series").size() == CONTEXT + HORIZON).all()
    train, test = list(split.split(frame))[1]
    by_hand = split.scorer("smape")(make_forecaster(validation_fraction=0).fit(frame.iloc[train]), frame.iloc[test])
    assert found.cv_results_["split1_test_smape"][1] == pytest.approx(by_hand, rel=1e-5)


def test_nothing_observed_is_an_error(fitted):
    panel = make_panel()
    gone = panel.copy()
    for name in LENGTHS:
        gone.loc[(name, panel.loc[name].index[min(CONTEXT, LENGTHS[name] - HORIZON) :]), :] = np.nan
    with pytest.raises(ValueError, match="needs an observed true value"):
        ForecastScorer()(fitted, gone)
    with pytest.raises(ValueError, match="score needs an observed true value"):
        fitted.score({"shop 1": gone.loc["shop 1"]})
    assert np.isnan(forecast_errors(fitted, gone, per="series")).all()


def test_a_student_that_answers_nan_is_not_passed_over(fitted):
    panel = make_panel()
    broken = make_forecaster().fit(panel)
    for parameter in broken.student_.parameters():
        parameter.data.fill_(np.nan)
    with pytest.raises(ValueError, match="NaN"):
        ForecastScorer()(broken, panel)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"weights": {"tiny": 1.0}},
            "weights of ForecastScorer must have a weight for every series; 'shop 1' has none",
        ),
        ({"weights": dict.fromkeys(LENGTHS, -1.0)}, "weights of ForecastScorer must be a number of at least 0"),
        ({"per": "step"}, "per of ForecastScorer"),
    ],
)
def test_bad_options(fitted, options, message):
    with pytest.raises(ValueError, match=message):
        ForecastScorer(**options)(fitted, make_panel())


def test_quantile_scores_leave_out_missing_truth():
    generator = np.random.default_rng(0)
    truth, quantiles = generator.normal(size=(8, 3)), np.sort(generator.normal(size=(8, 3, 2)))
    holes = truth.copy()
    holes[2:5] = np.nan
    kept = np.r_[0:2, 5:8]
    assert quantile_scores(holes, quantiles, (0.1, 0.9)) == quantile_scores(truth[kept], quantiles[kept], (0.1, 0.9))
    with pytest.raises(ValueError, match="must hold an observed value"):
        quantile_scores(truth * np.nan, quantiles, (0.1, 0.9))
    with pytest.raises(ValueError, match="must not be NaN where the true value is observed"):
        quantile_scores(truth, quantiles * np.nan, (0.1, 0.9))


@pytest.mark.parametrize(("search", "options"), [(GridSearchCV, {}), (HalvingGridSearchCV, {"resource": "max_epochs"})])
def test_searches_pick_on_panels(search, options):
    panel = make_panel(gaps=0.05)
    split = RollingOriginSplit(n_splits=2, context_length=CONTEXT, prediction_length=HORIZON)
    scoring = split.scorer("mase", season=1, per="series")
    if options:
        options |= {"min_resources": 1, "max_resources": 4, "factor": 2}
    found = search(
        make_forecaster(validation_fraction=0),
        {"student__penalty": [0.01, 1e9]},
        cv=split,
        scoring=scoring,
        error_score="raise",
        **options,
    ).fit(panel)
    assert found.best_params_["student__penalty"] == 0.01
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    train, test = next(split.split(panel))
    best = make_forecaster(validation_fraction=0).set_params(**found.best_params_).fit(panel.iloc[train])
    by_hand = scoring(best, panel.iloc[test])
    assert found.cv_results_["split0_test_score"][found.best_index_] == pytest.approx(by_hand, rel=1e-5)
    assert list(found.predict(panel).index.unique("series")) == list(LENGTHS)
