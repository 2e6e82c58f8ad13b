"""Covariates in other units than in fit throughout, as a price in cents, are told by every door that reads series."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.datasets import to_long
from skdistill.networks import Linear
from skdistill.sktime import SktimeDistilledForecaster

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=90)
FEW = RNG.random((3, 90)) < 0.03
FEW[:, [10, 80]] = True
ROWS = pd.concat(
    {
        shop: pd.DataFrame(
            {
                "y": RNG.normal(size=90),
                "price": scale * (5 + RNG.random(90)),
                "heat": 20 + RNG.normal(size=90),
                "few": few.astype(float),
            },
            index=DAYS,
        )
        for shop, scale, few in zip("abc", (1.0, 10.0, 100.0), FEW, strict=True)
    },
    names=["unique_id", "ds"],
)
PLAN = ["price", "few"]
TOLD = r"the covariate '{}' of series 'a' \(and of 2 more\) is .* in the last rows, and was"


def split(rows, n_rows=4):
    last = rows.groupby(level=0).cumcount(ascending=False) < n_rows
    return rows[~last], rows.loc[last, PLAN]


def make(rows=ROWS, **changes):
    settings = {"targets": ["y"], "known_covariates": PLAN, "context_length": 12, "prediction_length": 4}
    settings |= {"quantiles": (0.2, 0.5, 0.8), "calibration": "conformal", "max_epochs": 1, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DistilledForecaster(None, Linear(), "response", **settings | changes).fit(split(rows, 20)[0])


@pytest.fixture(scope="module")
def forecaster():
    return make()


DOORS = {
    "predict": lambda fitted, rows: fitted.predict(split(rows)[0], future=split(rows)[1]),
    "predict_quantiles": lambda fitted, rows: fitted.predict_quantiles(split(rows)[0], future=split(rows)[1]),
    "predict_table": lambda fitted, rows: fitted.predict_table(to_long(split(rows)[0]), future=to_long(split(rows)[1])),
    "stream": lambda fitted, rows: fitted.stream(split(rows)[0]),
    "backtest": lambda fitted, rows: fitted.backtest(rows, step=30),
    "score": lambda fitted, rows: fitted.score(rows),
    "calibrate": lambda fitted, rows: copy.deepcopy(fitted).calibrate(rows),
    "compare": lambda fitted, rows: fitted.compare(rows, n_resamples=2),
    "refresh": lambda fitted, rows: make().refresh(rows[rows.index.get_level_values("ds") >= DAYS[70]]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("column", "times"), [("price", 100.0), ("heat", 0.01)])
@pytest.mark.filterwarnings("ignore")
def test_a_covariate_in_other_units_is_told(door, column, times, forecaster):
    with pytest.warns(UserWarning, match=TOLD.format(column)):
        DOORS[door](forecaster, ROWS.assign(**{column: times * ROWS[column]}))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.filterwarnings("ignore")
def test_rows_like_those_of_fit_are_not_told(door, forecaster):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the covariate .* in the last rows")
        DOORS[door](forecaster, ROWS.assign(few=1.0, price=3 * ROWS["price"]))  # a rare flag, and a level that moved


def test_units_that_make_no_difference_are_not_told():
    cents = ROWS.assign(price=100 * ROWS["price"])
    past, plan = split(cents)
    new = {"a": "d", "b": "e", "c": "f"}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the covariate .* in the last rows")
        own = make(scaling="window")
        own.predict(past, future=plan)
        make().predict(past.rename(new, level=0), future=plan.rename(new, level=0))
    others = own.predict(*split(ROWS))
    np.testing.assert_allclose(own.predict(past, future=plan), others, rtol=1e-4, atol=1e-5)


def test_windows_in_global_units_are_told_by_number():
    one = ROWS.loc["a", ["y", "price"]]
    fitted = DistilledForecaster(None, "linear", "response", targets=[0], context_length=12, prediction_length=4)
    fitted.fit(one.to_numpy())
    batch = np.stack([one.to_numpy()[:12], one.to_numpy()[:12] * [1.0, 100.0]])
    with pytest.warns(UserWarning, match="the covariate 1 of window 1 of X is .* in the last rows"):
        fitted.predict(batch)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rows", [ROWS, ROWS.loc["a"]], ids=["panel", "one series"])
def test_sktime_tells_it_of_the_rows_of_an_update(rows):
    times = rows.index.get_level_values(-1)
    first, new, later = (
        rows[one] for one in (times < DAYS[60], (times >= DAYS[60]) & (times < DAYS[80]), times >= DAYS[80])
    )
    settings = {"teacher": None, "student": Linear(), "loss": "response", "context_length": 12, "prediction_length": 4}
    fitted = SktimeDistilledForecaster(**settings).fit(first[["y"]], X=first[["price"]], fh=[1, 2, 3, 4])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the covariate .* in the last rows")
        fitted.update(new[["y"]], X=new[["price"]], update_params=False).predict(X=later[["price"]])
    fitted = SktimeDistilledForecaster(**settings).fit(first[["y"]], X=first[["price"]], fh=[1, 2, 3, 4])
    fitted.update(new[["y"]], X=100 * new[["price"]], update_params=False)
    with pytest.warns(UserWarning, match="the covariate 'X:price' of .* in the last rows, and was"):
        fitted.predict(X=100 * later[["price"]])


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_series_of_a_single_row_are_read(forecaster, n_rows):
    rows, plan = split(ROWS)
    short = pd.concat([rows.loc[["a"]].iloc[-n_rows:], rows.loc[["b", "c"]]])  # a shop that has just opened
    whole = pd.concat([rows.loc[["a"]].iloc[-12:], rows.loc[["b", "c"]]])
    whole.iloc[: 12 - n_rows] = np.nan
    pd.testing.assert_frame_equal(forecaster.predict(short, plan), forecaster.predict(whole, plan))
