"""Regressors on a table of windows: what they read, and that nothing leaks."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from skdistill import DistilledForecaster
from skdistill.core import NetworkSpec
from skdistill.data._contexts import Contexts
from skdistill.data._windows import Windows
from skdistill.teachers import RegressorTeacher
from skdistill.teachers._window_table import WindowTable

LENGTH, HORIZON = 24, 6


def make_table(n_rows=260, seed=0):
    """A target moved by a known promotion, beside a covariate of the past."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(n_rows) / 12)
    promo = (rng.random(n_rows) < 0.3).astype(float)
    sales = 10 + 3 * wave + 4 * promo + 0.1 * rng.normal(size=n_rows)
    index = pd.date_range("2024-01-01", periods=n_rows, freq="h")
    return pd.DataFrame({"sales": sales, "promo": promo, "visits": sales + rng.normal(size=n_rows)}, index=index)


def make_forecaster(regressor=None, **settings):
    teacher = RegressorTeacher(Ridge() if regressor is None else regressor, season=12, **settings)
    return DistilledForecaster(
        teacher,
        "linear",
        "response",
        targets=["sales"],
        known_covariates=["promo"],
        context_length=LENGTH,
        prediction_length=HORIZON,
        random_state=0,
    )


def contexts_by_hand(values, future, known=(1,), n_time=0):
    """Contexts of standardized windows, without a scaling."""
    n = len(values)
    return Contexts(
        values=torch.from_numpy(values),
        time=None,
        future_time=torch.zeros(n, future.shape[1], n_time) if n_time else None,
        scaling=None,
        series=np.zeros(n, dtype=int),
        origins=np.arange(n),
        indexes=(None,),
        known=known,
        future=torch.from_numpy(future),
    )


def test_columns_are_what_their_names_say():
    rng = np.random.default_rng(0)
    values, future = rng.normal(size=(3, 10, 3)), rng.normal(size=(3, 5, 1))
    table = WindowTable(targets=(0,), season=4, n_lags=2, n_seasonal_lags=2)
    rows, names = table.rows(contexts_by_hand(values, future), 5)
    assert rows.shape == (3, 5, 1, len(names))
    column = {name: rows[:, :, 0, number] for number, name in enumerate(names)}
    level = values[:, -4:, 0].mean(axis=1)
    np.testing.assert_allclose(table.levels(contexts_by_hand(values, future))[:, 0], level, rtol=1e-6)
    np.testing.assert_allclose(column["lag_2"], np.repeat((values[:, -2, 0] - level)[:, None], 5, axis=1), rtol=1e-5)
    one_back = values[:, [6, 7, 8, 9, 6], 0] - level[:, None]  # the fifth step reads two seasons back
    two_back = values[:, [2, 3, 4, 5, 2], 0] - level[:, None]
    np.testing.assert_allclose(column["season_1"], one_back, rtol=1e-5)
    np.testing.assert_allclose(column["season_2"], two_back, rtol=1e-5)
    np.testing.assert_allclose(column["season_mean"], (one_back + two_back) / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(column["known_0"], future[..., 0], rtol=1e-6)
    np.testing.assert_allclose(column["known_0_step_before"][:, 0], values[:, -1, 1], rtol=1e-6)
    np.testing.assert_allclose(column["known_0_step_after"][:, 1], future[:, 2, 0], rtol=1e-6)
    np.testing.assert_allclose(column["known_0_change"], future[..., 0] - values[:, [6, 7, 8, 9, 6], 1], rtol=1e-4)
    np.testing.assert_allclose(column["past_2_last"], np.repeat(values[:, -1:, 2], 5, axis=1), rtol=1e-6)
    assert column["step"][0].tolist() == [1, 2, 3, 4, 5]


def test_a_row_depends_on_its_own_window_alone():
    rng = np.random.default_rng(0)
    values, future = rng.normal(size=(4, 10, 3)), rng.normal(size=(4, 5, 1))
    table = WindowTable(targets=(0, 2), season=4, n_lags=2, n_seasonal_lags=2)
    together, _ = table.rows(contexts_by_hand(values, future), 5)
    for window in range(4):
        alone, _ = table.rows(contexts_by_hand(values[[window]], future[[window]]), 5)
        np.testing.assert_array_equal(alone[0], together[window])


def test_a_regression_finds_what_the_covariate_does():
    table = make_table()
    forecaster = make_forecaster(LinearRegression()).fit(table[:240])
    future = pd.DataFrame({"promo": np.zeros(HORIZON)}, index=table.index[240 : 240 + HORIZON])
    without = forecaster.predict_teacher(table[:240], future=future)
    with_promo = forecaster.predict_teacher(table[:240], future=future + 1.0)
    np.testing.assert_allclose((with_promo - without)["sales"], 4.0, atol=0.3)


def test_labels_of_training_windows_are_out_of_fold():
    memorizing = DecisionTreeRegressor(random_state=0)
    table = make_table()
    errors = {}
    for n_folds in (None, 3):
        forecaster = make_forecaster(memorizing, n_folds=n_folds)
        labels, truth = labels_of(forecaster, table)
        errors[n_folds] = float((labels - truth).abs().mean())
    assert errors[None] < 1e-5, "a tree knows its training rows by heart"
    assert errors[3] > 0.05


def labels_of(forecaster, table):
    """Fit, and return labels and truth of the training windows."""
    from skdistill import _distillation

    kept = []
    original = _distillation.fit_and_label

    def keep(*arguments, **options):
        kept.append((arguments, original(*arguments, **options)))
        return kept[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_distillation, "fit_and_label", keep)
        forecaster.fit(table)
    train: Windows = next(one for one in kept[-1][0] if hasattr(one, "train")).train
    indices = torch.arange(len(train))
    return torch.as_tensor(kept[-1][1][1].forecast), train.horizons(indices)


def test_nothing_after_the_origin_matters_but_known_covariates():
    table = make_table()
    forecaster = make_forecaster(HistGradientBoostingRegressor(max_iter=20), n_folds=None).fit(table[:200])
    before = forecaster.predict_teacher(table[:200], future=table[["promo"]][200:206])
    changed = table.copy()
    changed.iloc[200:, [0, 2]] = 999.0
    changed.iloc[206:, 1] = 1.0 - changed.iloc[206:, 1]
    after = forecaster.predict_teacher(changed[:200], future=changed[["promo"]][200:])
    pd.testing.assert_frame_equal(before, after)


def test_many_series_share_one_regressor_and_labels_do_not_depend_on_each_other():
    tables = {name: make_table(160, seed) * scale for seed, (name, scale) in enumerate({"a": 1, "b": 100}.items())}
    panel = pd.concat(tables, names=["series", "time"])
    forecaster = make_forecaster(HistGradientBoostingRegressor(max_iter=20), n_folds=2).fit(panel)
    future = panel.groupby(level=0).head(HORIZON)[["promo"]] * 0
    future.index = pd.MultiIndex.from_arrays(
        [future.index.get_level_values(0), future.index.get_level_values(1) + pd.Timedelta("160h")],
        names=["series", "time"],
    )
    both = forecaster.predict_teacher(panel, future=future)
    alone = forecaster.predict_teacher(panel.loc[["b"]], future=future.loc[["b"]])
    pd.testing.assert_frame_equal(both.loc[["b"]], alone)
    assert both.loc["b", "sales"].mean() > 10 * both.loc["a", "sales"].mean()


def test_rows_are_thinned_and_missing_truth_is_left_out():
    table = make_table()
    table.iloc[50:60, 0] = np.nan
    seen = []

    class Counting(Ridge):
        def fit(self, X, y):
            seen.append(np.shape(X))
            assert np.isfinite(X).all()
            assert np.isfinite(y).all()
            return super().fit(X, y)

    make_forecaster(Counting(), n_folds=None, max_rows=120).fit(table)
    assert 60 < seen[0][0] <= 120


def test_the_seed_reaches_the_regressor():
    table = make_table()
    for regressor in (DecisionTreeRegressor(max_features=0.3), None):
        teacher = RegressorTeacher(regressor, season=12, n_folds=None, max_rows=300)
        fitted = [make_forecaster().set_params(teacher=teacher).fit(table).teacher_.regressor_ for _ in range(2)]
        assert fitted[0].random_state is not None
        assert fitted[0].random_state == fitted[1].random_state
    assert teacher.random_state is None


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        (RegressorTeacher(Ridge), TypeError, r"must be a scikit-learn regressor such as Ridge\(\)"),
        (RegressorTeacher("ridge"), TypeError, r"such as Ridge\(\); got 'ridge'"),
        (RegressorTeacher(lags=0), ValueError, r"lags of RegressorTeacher .*; got 0"),
        (RegressorTeacher(lags=25), ValueError, r"lags of RegressorTeacher must be at most .* = 24; got 25"),
        (RegressorTeacher(season=30), ValueError, r"season of RegressorTeacher must be at most context_length = 24"),
        (RegressorTeacher(n_folds=1), ValueError, r"n_folds of RegressorTeacher .* at least 2; got 1"),
        (RegressorTeacher(max_rows=0), ValueError, r"max_rows of RegressorTeacher .*; got 0"),
    ],
)  # fmt: skip
def test_bad_parameters_are_named(teacher, error, message):
    with pytest.raises(error, match=message):
        teacher.check(NetworkSpec(LENGTH, HORIZON, 3, (0,)))


def test_too_few_windows_for_its_folds_are_told_by_its_own_name():
    short = make_table(LENGTH + HORIZON + 5)
    with pytest.raises(ValueError, match=r"n_folds of RegressorTeacher = 3 leaves .* or set n_folds=None\."):
        make_forecaster().fit(short)
    with pytest.raises(ValueError, match=r"n_folds of RegressorTeacher must be .* or set n_folds=None\."):
        make_forecaster(n_folds=99).fit(short)
    make_forecaster(n_folds=None).fit(short)
