"""Static covariates far outside those of fit, as in other units, are told by every door that reads series."""

import warnings

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill import DistilledForecaster, DistilledRegressor, load
from skdistill.datasets import to_long
from skdistill.networks import MLP, PatchTST

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=60)
ROWS = pd.concat(
    {
        shop: pd.DataFrame({"y": RNG.normal(size=60), "size": size, "open": float(size > 11)}, index=DAYS)
        for shop, size in zip("abc", (10.0, 11.0, 13.0), strict=True)
    },
    names=["unique_id", "ds"],
)
SETTINGS = {"static_covariates": ["size", "open"], "context_length": 12, "prediction_length": 4}


@pytest.fixture(scope="module")
def forecaster():
    return DistilledForecaster(None, "linear", "response", **SETTINGS).fit(ROWS)


def by_rows(forecaster, rows):
    stream = forecaster.stream()
    for number in range(3):
        stream.append(rows.loc[["c"]].iloc[[number]])


DOORS = {
    "predict": lambda forecaster, rows: forecaster.predict(rows),
    "predict of one": lambda forecaster, rows: forecaster.predict({"c": rows.loc["c"]}),
    "a batch": lambda forecaster, rows: forecaster.predict(rows.to_numpy().reshape(3, 60, 3)),
    "backtest": lambda forecaster, rows: forecaster.backtest(rows),
    "compare": lambda forecaster, rows: forecaster.compare(rows, n_resamples=2),
    "predict_table": lambda forecaster, rows: forecaster.predict_table(to_long(rows)),
    "predict_frame": lambda forecaster, rows: forecaster.predictor().predict_frame(to_long(rows)),
    "stream": lambda forecaster, rows: forecaster.stream(rows),
    "stream of rows": by_rows,
}


def test_a_stream_tells_static_covariates_when_they_are_new(forecaster):
    rows = ROWS.assign(size=-9999.0).loc[["c"]]
    with pytest.warns(UserWarning, match="the static covariate 'size' of .* is -9999") as found:
        by_rows(forecaster, rows)
    assert len(found) == 1


@pytest.mark.parametrize("door", DOORS)
def test_static_covariates_in_other_units_are_told(forecaster, door):
    last = ROWS.index.get_level_values(0) == "c"
    with pytest.warns(
        UserWarning, match="the static covariate 'size' of .* is -9999, and was between 10 and 13 in fit"
    ):
        DOORS[door](forecaster, ROWS.assign(size=ROWS["size"].where(~last, -9999.0)))
    with pytest.warns(UserWarning, match="the static covariate 'open' of .* is -1, and was between 0 and 1 in fit"):
        DOORS[door](forecaster, ROWS.assign(open=-ROWS["open"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* have true values that fit was given")
        DOORS[door](forecaster, ROWS)
        DOORS[door](forecaster, ROWS.assign(size=2 * ROWS["size"]))
        DOORS[door](forecaster, ROWS.assign(size=np.nan))


def test_saved_forecasters_tell_units(forecaster, tmp_path):
    forecaster.save(tmp_path / "student.skdistill")
    loaded = skdistill.load(tmp_path / "student.skdistill")
    assert loaded.roles_.static_range == forecaster.roles_.static_range == ((10.0, 13.0), (0.0, 1.0))
    with pytest.warns(UserWarning, match=r"the static covariate .* of series 'a' \(and of 2 more\) is 10000"):
        loaded.predict(ROWS.assign(size=1000 * ROWS["size"]))


def test_what_a_student_ignores_is_not_told():
    student = PatchTST(4, n_heads=1, patch_size=4, patch_stride=4)
    forecaster = DistilledForecaster(None, student, "response", covariates="ignore", max_epochs=1, **SETTINGS)
    forecaster.fit(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(ROWS.assign(size=-9999.0))


@pytest.mark.parametrize(("n_shops", "n_open"), [(9, 8), (18, 16), (26, 3)])
def test_a_flag_comes_back_from_standard_units_but_for_rounding(n_shops, n_open):
    """Of 0, it is -1e-17 then, below the least value of fit."""
    rows = pd.concat(
        {f"shop {k}": ROWS.loc["a", ["y"]].assign(open=float(k < n_open)) for k in range(n_shops)},
        names=["unique_id", "ds"],
    )
    fitted = DistilledForecaster(None, "linear", "response", **SETTINGS | {"static_covariates": ["open"]}).fit(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(rows)
        fitted.predict({"new": rows.loc["shop 0"].assign(open=-0.05)})  # scaled to 0 and 1 on the shops of fit
    with pytest.warns(UserWarning, match="'open' of series 'new' is -1, and was between 0 and 1 in fit"):
        fitted.predict({"new": rows.loc["shop 0"].assign(open=-1.0)})


def test_a_table_of_windows_tells_of_covariates_in_other_units_also_loaded(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(np.hstack([rng.normal(size=(60, 8)), rng.random((60, 1)) < 0.3, rng.uniform(10, 13, (60, 1))]))
    X = X.rename(columns=str).astype(float)
    settings = {"n_covariates": 2, "quantiles": (0.2, 0.5, 0.8), "max_epochs": 1, "random_state": 0}
    regressor = DistilledRegressor(None, MLP(4), "response", **settings).fit(X, X["0"] + X["8"])
    regressor.save(tmp_path / "regressor.skdistill")
    other, flag = X.iloc[:5].assign(**{"9": 1200.0}), X.iloc[:5].assign(**{"8": -1.0})
    for one in (regressor, load(tmp_path / "regressor.skdistill")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one.predict(X)
        with pytest.warns(UserWarning, match=r"covariate '9' of row 0 of X \(and of 4 more\) is 1200, and was between"):
            one.predict(other)
        with pytest.warns(UserWarning, match="covariate '8' of row 0 of X .* is -1, and was between 0 and 1 in fit"):
            one.predict_quantiles(flag)
    regressor.set_params(n_covariates=0).fit(X.iloc[:, :8], X["0"]).save(tmp_path / "without.skdistill")
    assert load(tmp_path / "without.skdistill").n_covariates == 0
