"""Known covariates of the horizon that are hardly meant as they are written are told by every way to forecast."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill import DistilledForecaster
from skdistill.datasets import to_long
from skdistill.networks import PatchTST
from skdistill.sktime import SktimeDistilledForecaster

DAYS = pd.date_range("2024-01-01", periods=68)
RNG = np.random.default_rng(0)
ROWS = pd.concat(
    {
        shop: pd.DataFrame(
            {"y": RNG.normal(size=68), "promo": (RNG.random(68) < 0.3) * 1.0, "price": 1 + RNG.random(68)}, index=DAYS
        )
        for shop in "ab"
    },
    names=["unique_id", "ds"],
)
PAST = ROWS[ROWS.index.get_level_values(1) < DAYS[60]]
PLAN = ROWS.drop(PAST.index)[["promo", "price"]]
SETTINGS = {"known_covariates": ["promo", "price"], "context_length": 12, "prediction_length": 8}
PLAN.iloc[[0, 7], 0] = 1.0


@pytest.fixture(scope="module")
def forecaster():
    return DistilledForecaster(None, "linear", "response", **SETTINGS).fit(PAST)


DOORS = {
    "predict": lambda forecaster, plan: forecaster.predict(PAST, future=plan),
    "predict of one": lambda forecaster, plan: forecaster.predict({"a": PAST.loc["a"]}, future={"a": plan.loc["a"]}),
    "rows of X": lambda forecaster, plan: forecaster.predict(pd.concat([PAST, plan]).sort_index()),
    "predict_table": lambda forecaster, plan: forecaster.predict_table(to_long(pd.concat([PAST, plan]))),
    "predict_frame": lambda forecaster, plan: forecaster.predictor().predict_frame(to_long(pd.concat([PAST, plan]))),
    "stream": lambda forecaster, plan: forecaster.stream(PAST.loc["a"]).predict(future=plan.loc["a"]),
    "streams": lambda forecaster, plan: forecaster.stream(PAST).predict(future=plan),
}
PLANS = {
    "empty where none": (
        lambda plan: plan.assign(promo=plan["promo"].replace(0.0, np.nan)),
        "'promo' is missing in .*",
    ),
    "-1 for true": (lambda plan: plan.assign(promo=-plan["promo"]), "'promo' is -1 in the horizon, .* 0 and 1 in fit"),
    "cents": (lambda plan: plan.assign(price=100 * plan["price"]), "'price' is .* in the horizon, and was between 1"),
}
SOUND = {
    "as in fit": lambda plan: plan,
    "known for two days": lambda plan: plan.mask(np.tile(np.arange(8) > 1, 2).repeat(2).reshape(-1, 2)),
    "unknown": lambda plan: plan.assign(promo=np.nan),
    "dearer": lambda plan: plan.assign(price=3 * plan["price"]),
    "a share just below 0": lambda plan: plan.assign(promo=plan["promo"] - 0.004),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", PLANS)
def test_plans_that_are_hardly_meant_are_told(forecaster, door, kind):
    change, message = PLANS[kind]
    with pytest.warns(UserWarning, match=f"the known covariate {message}") as caught:
        DOORS[door](forecaster, change(PLAN))
    assert len(caught) == 1, "of all series once"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", SOUND)
def test_sound_plans_are_not(forecaster, door, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DOORS[door](forecaster, SOUND[kind](PLAN))


def test_what_a_student_ignores_is_not_told():
    student = PatchTST(4, n_heads=1, patch_size=4, patch_stride=4)
    forecaster = DistilledForecaster(None, student, "response", covariates="ignore", max_epochs=1, **SETTINGS)
    forecaster.fit(PAST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for change, _ in PLANS.values():
            forecaster.predict(PAST, future=change(PLAN))


def test_gaps_as_in_the_rows_so_far_are_not_told():
    """A price of every Monday is filled in both; of a promotion that is empty where none was, fit tells."""
    mondays = lambda rows: rows.assign(price=rows["price"].where(rows.index.get_level_values(1).day_of_week == 0))  # noqa: E731
    forecaster = DistilledForecaster(None, "linear", "response", **SETTINGS).fit(mondays(PAST))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(mondays(PAST), future=mondays(PLAN))


@pytest.mark.parametrize("columns", [["price"], ["promo", "price"]])
def test_gaps_at_weekends_are_those_of_the_rows_so_far(columns):
    """A rate of exchange is known on working days: a horizon from a Saturday on has a larger share of gaps."""
    rows = ROWS.loc["a"].copy()
    rows.loc[rows.index.day_of_week > 4, columns] = np.nan
    forecaster = DistilledForecaster(None, "linear", "response", **SETTINGS | {"prediction_length": 3}).fit(rows[:50])
    for end in range(50, 60):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            forecaster.predict(rows[:end], future=rows[end : end + 3][["promo", "price"]])
    plan = rows[50:53][["promo", "price"]].mask(np.arange(3)[:, None] < [[2, 2]]).assign(promo=[np.nan, np.nan, 1.0])
    assert DAYS[50].day_of_week == 1
    with pytest.warns(UserWarning, match="2 rows of the horizon have no known covariates|'promo' is missing in 2"):
        forecaster.predict(ROWS.loc["a"][:50], future=plan)


def test_rows_of_a_plan_are_found_by_labels_beside_a_series_without(forecaster):
    past = {"a": PAST.loc["a"], "b": PAST.loc["b"].to_numpy()}
    plan = {"a": PLAN.loc["a"], "b": PLAN.loc["b"].to_numpy()}
    expected = forecaster.predict(PAST, future=PLAN).loc["a"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        found = forecaster.predict(past, future={**plan, "a": plan["a"][::-1]})["a"]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        with pytest.raises(ValueError, match="future of series 'a' is not aligned with series 'a'"):
            forecaster.predict(past, future={**plan, "a": plan["a"].shift(freq="3D")})


def test_a_new_series_of_another_size_is_not_told(forecaster):
    past, plan = (rows.assign(price=500 * rows["price"]).rename(index={"a": "c"}).loc[["c"]] for rows in (PAST, PLAN))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(past, future=plan)
    with pytest.warns(UserWarning, match="'price' is .* in the horizon"):
        forecaster.predict(past, future=plan.assign(price=100 * plan["price"]))


def test_a_flag_of_minus_one_in_the_rows_so_far_too_is_told(forecaster):
    past, plan = (rows.assign(promo=-rows["promo"]) for rows in (PAST, PLAN))
    with pytest.warns(UserWarning, match="'promo' is -1 in the horizon"):
        forecaster.predict(past, future=plan)


def test_saved_forecasters_tell_units(forecaster, tmp_path):
    forecaster.save(tmp_path / "student.skdistill")
    loaded = skdistill.load(tmp_path / "student.skdistill")
    assert loaded.roles_.known_range == forecaster.roles_.known_range
    with pytest.warns(UserWarning, match="'promo' is -1 in the horizon"):
        loaded.predict(PAST, future=PLAN.assign(promo=-PLAN["promo"]))


@pytest.mark.parametrize("method", ["partial_fit", "refresh"])
def test_what_was_between_is_forgotten_with_rows_that_are_added(method):
    forecaster = DistilledForecaster(None, "linear", "response", random_state=0, **SETTINGS)
    (forecaster.partial_fit if method == "partial_fit" else forecaster.fit)(PAST.loc["a"])
    getattr(forecaster, method)(ROWS.loc["a"].iloc[60:].assign(promo=-1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(PAST.loc["a"], future=PLAN.loc["a"].assign(promo=-1.0))


@pytest.mark.parametrize("kind", [*PLANS, *SOUND])
def test_sktime_tells_the_same(kind):
    change, message = PLANS[kind] if kind in PLANS else (SOUND[kind], None)
    settings = {**SETTINGS, "teacher": None, "student": "linear", "loss": "response"}
    forecaster = SktimeDistilledForecaster(**settings).fit(PAST[["y"]], X=PAST[["promo", "price"]], fh=range(1, 9))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecaster.predict(X=change(PLAN))
    told = [str(one.message).replace("X:", "") for one in caught if "known covariate" in str(one.message)]
    assert len(told) == (message is not None)
    assert message is None or re.match(f"the known covariate {message}", told[0])


def test_sktime_names_the_row_in_later_blocks_of_a_rollout():
    settings = {**SETTINGS, "teacher": None, "student": "linear", "loss": "response", "prediction_length": 4}
    forecaster = SktimeDistilledForecaster(**settings, rollout=True)
    forecaster.fit(PAST[["y"]], X=PAST[["promo", "price"]], fh=range(1, 9))
    plan = PLAN.copy()
    plan.loc[("b", DAYS[65]), "price"] = np.nan
    with pytest.warns(UserWarning, match=rf"price' is missing in 1 steps .* first at {DAYS[65]} of series 'b'"):
        forecaster.predict(X=plan)
