"""At home in scikit-learn: its estimator checks, its tools, its conventions."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor
from skdistill.losses import Response, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer

SMALL = {"max_epochs": 3, "device": "cpu", "random_state": 0}


def make_regressor(**changes):
    settings = {"teacher": MLP(4), "student": MLP(4), "loss": "response", **SMALL}
    return DistilledRegressor(**{**settings, **changes})


def expected_failures(estimator):
    """Name the checks that no series-in estimator can pass: they permute or drop rows, which are time."""
    if isinstance(estimator, DistilledRegressor):
        return {}
    return {
        "check_methods_sample_order_invariance": "rows are time: another order is another series",
        "check_methods_subset_invariance": "rows are time: a part of a series is another series",
    }


FORECASTER = DistilledForecaster(
    MLP(4), MLP(4), "response", context_length=4, prediction_length=2, validation_fraction=0, **SMALL
)

SEARCH = DistilledForecasterCV(
    "linear", None, context_lengths=4, prediction_length=2, cv=1, standard_errors=0, device="cpu", random_state=0
)


@parametrize_with_checks(
    [FORECASTER, SEARCH, make_regressor()], expected_failed_checks=expected_failures, xfail_strict=True
)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([make_regressor(teacher=ITransformer(4, n_heads=2), loss=TimeDistill())])
def test_scikit_learn_estimator_checks_with_features(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_checks_pass_under_the_array_api_switch():
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import torch; torch.set_num_threads(1)\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from test_sklearn import FORECASTER, expected_failures, make_regressor\n"
        "solved = {'teacher': None, 'student': 'linear'}  # the switch is about input: no need to train\n"
        "for estimator in (FORECASTER.set_params(**solved), make_regressor(**solved)):\n"
        "    found = check_estimator(estimator, on_fail='raise', expected_failed_checks=expected_failures(estimator))\n"
        "    print(sorted({one['status'] for one in found}), len(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, Path(__file__).parents[:2])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SCIPY_ARRAY_API": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("['passed']")


# -- the regressor -------------------------------------------------------------------------------


def make_table(n_windows=80, context_length=12, prediction_length=4):
    series = make_series(n_windows + context_length + prediction_length - 1, 1)[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(series, context_length + prediction_length)
    return windows[:, :context_length], windows[:, context_length:]


def test_regressor_learns_a_wave():
    X, y = make_table(400)
    regressor = make_regressor(teacher=None, student=MLP(32), max_epochs=30, lr_schedule="constant").fit(
        X[:300], y[:300]
    )
    assert regressor.score(X[300:], y[300:]) > 0.9


def test_a_second_fit_of_the_regressor_that_fails_leaves_no_student_behind():
    X, y = make_table()
    regressor = make_regressor().fit(X, y)
    with pytest.raises(ValueError, match="label_budget"):
        regressor.set_params(label_budget=0.0).fit(X * 1000 + 5, y * 1000 + 5)
    with pytest.raises(NotFittedError):
        regressor.predict(X)


def test_regressor_keeps_the_shape_of_y():
    X, y = make_table()
    assert make_regressor().fit(X, y).predict(X).shape == (80, 4)
    assert make_regressor().fit(X, y[:, :1]).predict(X).shape == (80, 1)
    assert make_regressor().fit(X, y[:, 0]).predict(X).shape == (80,)
    cube = make_regressor().fit(np.stack([X, X], axis=2), np.stack([y, -y], axis=2))
    assert cube.predict(np.stack([X, X], axis=2)).shape == (80, 4, 2)


def test_regressor_does_not_depend_on_the_rows_beside():
    X, y = make_table()
    regressor = make_regressor(teacher=None, student=ITransformer(8, n_heads=2)).fit(X, y)
    together = regressor.predict(X)
    np.testing.assert_allclose(np.stack([regressor.predict(row[None])[0] for row in X]), together, rtol=1e-9)


def test_regressor_validation_rows_train_nothing():
    X, y = make_table()
    other_X, other_y = X.copy(), y.copy()
    other_X[64:], other_y[64:] = 1e3, -1e3
    a = make_regressor(teacher=None, max_epochs=1).fit(X, y)
    b = make_regressor(teacher=None, max_epochs=1).fit(other_X, other_y)
    np.testing.assert_array_equal(a.scaling_.mean_, b.scaling_.mean_)
    assert a.history_[0]["train_loss"] == b.history_[0]["train_loss"]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((5, 4, 2)), np.zeros((5, 3)), "must both have shape"),
        (np.zeros((5, 4, 2)), np.zeros((5, 3, 1)), "same channels"),
        (np.zeros((5, 4, 2)), np.zeros((4, 3, 2)), "inconsistent numbers of samples"),
        (np.zeros((1, 4)), np.zeros((1, 3)), "n_samples=1"),
        (np.full((5, 4), np.nan), np.zeros((5, 3)), "NaN"),
    ],
)
def test_bad_tables(X, y, message):
    with pytest.raises(ValueError, match=message):
        make_regressor().fit(X, y)


def test_regressor_refuses_contexts_of_another_shape():
    X, y = make_table()
    cube = make_regressor().fit(np.stack([X, X], axis=2), np.stack([y, y], axis=2))
    with pytest.raises(ValueError, match=r"\(n_windows, 12, 2\) as in fit"):
        cube.predict(np.zeros((3, 12, 1)))


@pytest.mark.slow
def test_regressor_in_the_tools_that_reduce_forecasting_to_a_table():
    X, y = make_table()
    scores = cross_val_score(make_regressor(), X, y, cv=3, scoring="neg_mean_squared_error")
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    sizes, train_scores, _ = learning_curve(make_regressor(), X, y, train_sizes=[0.5, 1.0], cv=3, scoring="r2")
    assert train_scores.shape == (len(sizes), 3)


def test_regressor_in_sktimes_reduction():
    from sktime.forecasting.compose import make_reduction

    series = make_frame(120, 1)["c0"].reset_index(drop=True)
    forecaster = make_reduction(make_regressor(), window_length=12, strategy="multioutput")
    forecast = forecaster.fit(series, fh=[1, 2, 3, 4]).predict()
    assert forecast.index.tolist() == [120, 121, 122, 123]
    assert np.isfinite(forecast).all()


# -- pipelines and searches ----------------------------------------------------------------------


def test_imputer_before_the_forecaster_fills_gaps():
    series = make_series()
    series[5, 0] = np.nan
    assert np.isfinite(make_pipeline(SimpleImputer(), make_forecaster()).fit(series).predict(series)).all()


def test_frames_go_through_a_pipeline_that_outputs_frames():
    frame = make_frame()
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), make_forecaster()).fit(frame)
    forecast = pipeline.predict(frame)
    assert list(forecast.columns) == list(frame.columns)
    assert forecast.index[0] > frame.index[-1]


@pytest.mark.slow
@pytest.mark.parametrize("routing", [False, True])
def test_grid_search_over_loss_and_student_with_and_without_routing(routing):
    import sklearn

    folds = [(np.arange(80), np.arange(68, 100)), (np.arange(100), np.arange(88, 120))]
    grid = {"loss__prediction_weight": [0.5, 2.0], "student__hidden_size": [2, 4]}
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(make_forecaster(student=MLP(4)), grid, cv=folds).fit(make_series())
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(make_series()).shape == (4, 2)


def test_grid_search_replaces_whole_objects_and_short_names():
    folds = [(np.arange(90), np.arange(78, 120))]
    grid = [{"loss": ["response", Response(0.5)], "student": ["dlinear", MLP(4)]}]
    search = GridSearchCV(make_forecaster(), grid, cv=folds, refit=False, error_score="raise").fit(make_series())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_shuffled_folds_of_a_frame_are_refused_with_the_likely_cause():
    frame = make_frame()
    order = np.random.default_rng(0).permutation(len(frame))
    with pytest.raises(ValueError, match=r"(?i)shuffled"):
        make_forecaster().fit(frame.iloc[order])
    hole = np.r_[0:40, 60:120]
    with pytest.raises(ValueError, match=r"(?i)not contiguous"):
        make_forecaster().fit(frame.iloc[hole])


def test_diagram_shows_teacher_student_and_loss():
    html = estimator_html_repr(
        make_forecaster(teacher=ITransformer(8, n_heads=2), loss=TimeDistill(), student=DLinear())
    )
    for name, module in (("ITransformer", "networks"), ("DLinear", "networks"), ("TimeDistill", "losses")):
        assert name in html
        assert f"/api/skdistill.{module}.{name}.html" in html
    assert "/api/skdistill.DistilledForecaster.html" in html


def test_clone_forgets_the_fit():
    forecaster = make_forecaster().fit(make_series())
    assert not hasattr(clone(forecaster), "student_")
