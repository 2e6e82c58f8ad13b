"""Folds in order of time, and scores on identical targets."""

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sktime.split import ExpandingWindowSplitter

from skdistill.model_selection import RollingOriginSplit, SktimeSplit

SPLIT = RollingOriginSplit(n_splits=3, context_length=12, prediction_length=4)


@given(
    n_splits=st.integers(1, 4),
    context=st.integers(1, 6),
    horizon=st.integers(1, 5),
    step=st.none() | st.integers(1, 8),
    gap=st.integers(0, 4),
    sliding=st.booleans(),
)
def test_folds_are_in_order_and_end_with_the_series(n_splits, context, horizon, step, gap, sliding):
    window = context + horizon + 3 if sliding else None
    split = RollingOriginSplit(n_splits, context, horizon, step, window, gap)
    folds = list(split.split(np.zeros((100, 2))))
    assert len(folds) == split.get_n_splits() == n_splits
    assert folds[-1][1][-1] == 99
    real_step = horizon if step is None else step
    for train, test in folds:
        first_target = test[0] + context
        assert train[-1] == first_target - gap - 1
        assert len(train) == (window if sliding else train[-1] + 1)
        assert len(test) == context + max(real_step, horizon)
        assert (np.diff(train) == 1).all()
        assert (np.diff(test) == 1).all()
    starts = [test[0] for _, test in folds]
    assert (np.diff(starts) == real_step).all()


def test_scikit_learn_takes_it_as_cv():
    assert check_cv(SPLIT) is SPLIT


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(ValueError, match=r"needs 28 rows for 3 folds .*= 16 rows .*got n_samples=27"):
        next(SPLIT.split(np.zeros((27, 1))))
    assert len(list(SPLIT.split(np.zeros((28, 1))))) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"n_splits": 0}, "n_splits"), ({"gap": -1}, "gap"), ({"step": 0}, "step"), ({"window": 15}, "at least 16")],
)
def test_bad_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        next(RollingOriginSplit(**{**SPLIT.get_params(), **changes}).split(np.zeros((100, 1))))


def test_score_is_minus_the_error_of_the_forecasts_after_the_context():
    series = make_series()
    train, test = next(SPLIT.split(series))
    forecaster = make_forecaster().fit(series[train])
    error = forecaster.predict(series[test][:12]) - series[test][12:]
    assert SPLIT.scorer("mse")(forecaster, series[test]) == pytest.approx(-np.square(error).mean())
    assert SPLIT.scorer("mae")(forecaster, series[test]) == pytest.approx(-np.abs(error).mean())
    assert SPLIT.scorer("rmse")(forecaster, series[test]) == pytest.approx(-np.sqrt(np.square(error).mean()))


def test_candidates_of_every_context_length_are_judged_on_the_same_targets():
    """A perfect forecaster of one row is wrong only where that row is a target."""
    frame = make_frame()
    split = RollingOriginSplit(n_splits=1, context_length=20, prediction_length=4, step=10)
    (_, test), scorer = next(split.split(frame)), split.scorer()
    spoiled = frame.copy()
    spoiled.iloc[test[20]] += 100.0  # the first target
    untouched = frame.copy()
    untouched.iloc[test[19]] += 1e-9  # the last context row is no target
    for context_length in (6, 12, 20):
        forecaster = make_forecaster(context_length=context_length, teacher=None).fit(frame)
        base = scorer(forecaster, frame.iloc[test])
        assert scorer(forecaster, spoiled.iloc[test]) < base - 10
        assert scorer(forecaster, untouched.iloc[test]) == pytest.approx(base, rel=1e-6)
        backtest = forecaster.backtest(frame.iloc[test[20 - context_length :]])
        assert len(backtest) == 4 * (10 - 4 + 1)


def test_a_candidate_that_does_not_fit_the_split_is_refused():
    series = make_series()
    with pytest.raises(ValueError, match="context_length = 13, more than the 12"):
        SPLIT.scorer()(make_forecaster(context_length=13).fit(series), series)
    with pytest.raises(ValueError, match="prediction_length = 5"):
        SPLIT.scorer()(make_forecaster(prediction_length=5).fit(series), series)
    with pytest.raises(ValueError, match=r"Did you mean 'mse'"):
        SPLIT.scorer("msee")


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_grid_search_tunes_the_context_length_and_the_loss(n_jobs):
    series = make_series(200)
    grid = {"context_length": [6, 12], "loss__prediction_weight": [0.5, 1.0]}
    search = GridSearchCV(make_forecaster(), grid, cv=SPLIT, scoring=SPLIT.scorer("mse"), n_jobs=n_jobs).fit(series)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(series).shape == (4, 2)


def test_pipelines_are_scored_in_their_units():
    frame = make_frame()
    pipeline = make_pipeline(StandardScaler(), make_forecaster()).fit(frame)
    plain = make_forecaster().fit(StandardScaler().fit_transform(frame))
    scaled = StandardScaler().fit(frame).transform(frame.iloc[90:])
    assert SPLIT.scorer()(pipeline, frame.iloc[90:]) == pytest.approx(SPLIT.scorer()(plain, scaled))


# -- splitters of sktime -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [make_series, make_frame])
def test_splitters_of_sktime_get_the_context(kind):
    from sktime.split import ExpandingWindowSplitter, SingleWindowSplitter, SlidingWindowSplitter

    X = kind()
    for splitter in (
        ExpandingWindowSplitter(fh=[1, 2, 3, 4], initial_window=60, step_length=20),
        SlidingWindowSplitter(fh=[1, 4], window_length=60, step_length=20),
        SingleWindowSplitter(fh=[4], window_length=60),
    ):
        split = SktimeSplit(splitter, context_length=12)
        folds = list(split.split(X))
        assert len(folds) == split.get_n_splits(X)
        theirs = list(splitter.split(np.arange(len(X))))
        for (train, test), (their_train, their_test) in zip(folds, theirs, strict=True):
            np.testing.assert_array_equal(train, their_train)
            np.testing.assert_array_equal(test, np.arange(their_test[0] - 12, their_test[-1] + 1))


def test_a_search_over_a_splitter_of_sktime():
    from sktime.split import ExpandingWindowSplitter

    split = SktimeSplit(ExpandingWindowSplitter(fh=range(1, 5), initial_window=80, step_length=10), context_length=12)
    grid = {"context_length": [6, 12], "loss__prediction_weight": [1.0]}
    search = GridSearchCV(make_forecaster(), grid, cv=split, scoring=split.scorer("smape"), error_score="raise")
    search.fit(make_frame())
    assert search.n_splits_ == split.get_n_splits(make_frame())
    assert (search.cv_results_["mean_test_score"] < 0).all()


@pytest.mark.parametrize("form", [list, dict, np.stack])
@pytest.mark.parametrize("split", [RollingOriginSplit(2, 8, 3), SktimeSplit(ExpandingWindowSplitter(fh=[1]), 8)])
def test_series_that_are_not_one_table_are_not_split_as_if_they_were_rows(form, split):
    series = np.zeros((60, 30, 1))
    X = dict(enumerate(series)) if form is dict else form(list(series))
    with pytest.raises(TypeError, match=r"got a \w+ of 60 series, of which a fold would be a part.*pd.concat"):
        next(split.split(X))


def test_what_sktime_split_refuses():
    from sktime.split import ExpandingWindowSplitter

    with pytest.raises(ValueError, match=r"context_length = 30 rows before .* has 20"):
        next(SktimeSplit(ExpandingWindowSplitter(fh=[1], initial_window=20), 30).split(make_series()))
    with pytest.raises(TypeError, match="splitter of sktime"):
        next(SktimeSplit(SPLIT, 12).split(make_series()))


# -- other searches ------------------------------------------------------------------------------


def test_successive_halving_over_epochs():
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    grid = {"student__hidden_size": [2, 4], "loss__prediction_weight": [0.5, 2.0]}
    search = HalvingGridSearchCV(
        make_forecaster(),
        grid,
        resource="max_epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
        cv=SPLIT,
        scoring=SPLIT.scorer(),
        error_score="raise",
    ).fit(make_series())
    assert search.n_resources_ == [1, 2, 4]
    assert search.best_estimator_.max_epochs == 4


def test_random_search_over_distributions():
    from scipy.stats import loguniform
    from sklearn.model_selection import RandomizedSearchCV

    grid = {"loss__prediction_weight": loguniform(0.1, 10), "student": ["dlinear", "mlp"]}
    search = RandomizedSearchCV(
        make_forecaster(), grid, n_iter=3, cv=SPLIT, scoring=SPLIT.scorer(), random_state=0, error_score="raise"
    ).fit(make_series())
    assert len(set(search.cv_results_["param_loss__prediction_weight"])) == 3


def test_a_scorer_says_where_gaps_leave_a_short_context_nothing_to_forecast_from():
    series = make_series(40, 1)
    series[20:25] = np.nan
    split = RollingOriginSplit(1, 12, 3)
    forecaster = make_forecaster(teacher=None, student="linear", loss="response", context_length=4, prediction_length=3)
    with pytest.warns(
        UserWarning, match="leaves out 2 of 26 windows and targets that a candidate with context_length=4"
    ):
        split.scorer()(forecaster.fit(make_series(60, 1)), series)


@pytest.mark.parametrize("split", [SPLIT, SktimeSplit(None)])
def test_a_scorer_that_was_not_made_is_named(split):
    with pytest.raises(TypeError, match=r"pass scoring=split.scorer\(\), with parentheses"):
        split.scorer(make_forecaster(), make_series(20, 1))
