"""Bad panels: every refusal is a sentence that names the series and the way out."""

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame

from skdistill import DistilledForecaster
from skdistill.model_selection import RollingOriginSplit
from skdistill.sktime import SktimeDistilledForecaster

FRAMES = {f"shop {number}": make_frame(40, 2, seed=number) for number in range(3)}
PANEL = pd.concat(FRAMES, names=["shop", "time"])
DAYS = make_frame(40, 2).set_axis(pd.date_range("2024-01-01", periods=40, freq="D", name="time"))
HOUR = "2024-01-01 05:00:00"


def with_infinity():
    bad = PANEL.copy()
    bad.loc[("shop 1", pd.Timestamp(HOUR)), "c1"] = np.inf
    return bad


def new(frame):
    return {**FRAMES, "shop 9": frame}


def forecaster(**changes):
    return make_forecaster(teacher=None, student="linear", **changes)


@pytest.fixture(scope="module")
def fitted():
    return forecaster().fit(PANEL)


FIRST = FRAMES["shop 0"]
BAD = {
    "an id without rows": (new(FIRST.iloc[:0]), ValueError, r"series 'shop 9' has no rows: leave it out, or give it"),
    "duplicate (id, time)": (
        pd.concat([PANEL, PANEL.iloc[[45]]]),
        ValueError,
        rf"series 'shop 1' has duplicate labels: {HOUR} .*Keep one row per label",
    ),
    "another set of columns": (
        new(FIRST.rename(columns={"c1": "price"})),
        ValueError,
        r"series 'shop 9' must have the columns of .*missing \['c1'\], new \['price'\]. Select or rename them",
    ),
    "a column less": (new(FIRST[["c0"]]), ValueError, r"series 'shop 9' must have the columns.*missing \['c1'\]"),
    "columns in another order": (
        new(FIRST[["c1", "c0"]]),
        ValueError,
        r"series 'shop 9' must have the columns .*in their order.*Reorder them",
    ),
    "arrays of unlike width": (
        {"a": FIRST.to_numpy(), "b": np.zeros((40, 3))},
        ValueError,
        r"series 'b' has 3 features, but .* has 2: every series needs the same columns.*or leave the series out",
    ),
    "infinity": (
        with_infinity(),
        ValueError,
        rf"series 'shop 1' contains infinity, first at row 5 \({HOUR}\), channel 1 \('c1'\).*NaN where it is missing",
    ),
    "infinity in an array": (
        {"a": FIRST.to_numpy(), "b": np.where(np.arange(80).reshape(40, 2) == 7, np.inf, 1.0)},
        ValueError,
        r"series 'b' contains infinity, first at row 3, channel 1.*NaN where it is missing",
    ),
    "a hole": (
        new(FIRST.drop(FIRST.index[7])),
        ValueError,
        r"series 'shop 9' has an irregular step between .*06:00:00 and .*08:00:00.*fill in the rows",
    ),
    "time backwards": (PANEL.iloc[::-1], ValueError, r"series 'shop 2' is out of order: .*sort the rows"),
    "a row without an id": (
        PANEL.rename(index={"shop 1": np.nan}, level=0),
        ValueError,
        r"X must have an id for every row; row 40 has none. Drop or name it",
    ),
    "an id that is None": (
        pd.concat({"shop 0": FIRST, None: FIRST}),
        ValueError,
        r"X must have an id for every row; row 40 has none. Drop or name it",
    ),
    "an id that lacks a level": (
        PANEL.rename(index={"shop 1": np.nan}, level=0).assign(region=1.0).set_index("region", append=True).swaplevel(),
        ValueError,
        r"X must have an id for every row; row 40 has none in the level 'shop'. Drop or name it",
    ),
    "a list of dicts": (
        [{"c0": 1.0, "c1": 2.0}] * 40,
        TypeError,
        r"X is a list of dicts, .*make rows a DataFrame, pd.DataFrame\(X\), and a panel .*read_panel",
    ),
    "one dimension": ({"a": np.zeros(40)}, ValueError, r"X\['a'\] must be 2-D .*One channel is X\['a'\]\[:, None\]"),
    "lists of numbers": ({"a": [1.0, 2.0]}, TypeError, r"X must map each id to a DataFrame.*got list for 'a'"),
    "no series": ({}, ValueError, r"X is an empty dict: give at least one series, such as \{'shop 1': frame\}"),
    "a long table": (
        DAYS.assign(shop="a").reset_index(),
        ValueError,
        r"numeric columns only.*if it has many series, skdistill.datasets.read_panel\(X, id='shop', time='time'\)",
    ),
    "text": (
        new(FIRST.assign(c1="x")),
        ValueError,
        r"series 'shop 9' must have numeric columns only; not numeric: 'c1'.*Drop or encode them",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_fit_names_the_series_and_the_way_out(name):
    X, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        forecaster().fit(X)


@pytest.mark.parametrize("name", BAD)
def test_predict_names_the_series_and_the_way_out(name, fitted):
    X, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        fitted.predict(X)


@pytest.mark.parametrize("kind", ["an id that is None", "an id that lacks a level", "a row without an id"])
def test_rows_without_an_id_are_refused_by_splitters_and_in_sktime_too(kind):
    X, _, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        next(RollingOriginSplit(2, 8, 4).split(X))
    student = SktimeDistilledForecaster(None, "linear", "response", context_length=8, prediction_length=4)
    with pytest.raises(ValueError, match=message.replace("X must", "y must")):
        student.fit(X)


def test_a_panel_in_which_nothing_is_observed_teaches_nothing():
    with pytest.raises(
        ValueError, match=r"every training value of the targets of the 3 series of X is missing \(NaN\)"
    ):
        forecaster().fit(PANEL * np.nan)


def test_a_panel_without_a_window_with_context_and_truth_is_refused():
    late = np.full((30, 1), np.nan)
    late[-2:] = 1.0
    with pytest.raises(ValueError, match="observed value of a target both in its context and in its horizon"):
        DistilledForecaster(
            None, "linear", context_length=6, prediction_length=5, validation_fraction=0, min_observed=1
        ).fit({"late": late, "short": np.arange(5.0)[:, None]})


def test_a_target_that_no_series_has_is_named():
    with pytest.raises(ValueError, match=r"target 'c1' of the 3 series of X is missing.*the other targets in targets="):
        forecaster().fit(PANEL.assign(c1=np.nan))


def test_series_of_unlike_scale_in_one_unit_are_named_with_the_way_out():
    far = {**FRAMES, "shop 1": 1000 * FRAMES["shop 1"]}
    with pytest.warns(UserWarning, match=r"in series 'shop 1' and .* in series 'shop .*take scaling='series'"):
        forecaster(scaling="global").fit(far)


def test_a_context_without_an_observed_value_is_nan_or_refused(fitted):
    gone = new(FIRST * np.nan)
    answer = fitted.predict(gone)
    assert answer["shop 9"].isna().all(axis=None)
    assert answer["shop 0"].notna().all(axis=None)
    with pytest.raises(ValueError, match=r"series 'shop 9' has no observed value of target 0.*or set missing='nan'"):
        forecaster(missing="raise").fit(PANEL).predict(gone)


def test_mixed_steps_are_told_of_by_name():
    with pytest.warns(UserWarning, match=r"different steps: h in series 'shop 0', D in series 'shop 9'.*one step"):
        forecaster().fit(new(DAYS))


def test_a_level_of_the_index_without_rows_is_no_series(fitted):
    rest = PANEL[PANEL.index.get_level_values(0) != "shop 1"]
    assert "shop 1" in rest.index.levels[0]
    assert fitted.predict(rest).index.unique(0).tolist() == ["shop 0", "shop 2"]


def test_future_without_an_id_is_refused_by_name():
    options = {"known_covariates": ["c1"], "covariates": "ignore"}
    known = forecaster(**options).fit(PANEL)
    ahead = pd.concat(
        {name: make_frame(44, 2, 0)[["c1"]].iloc[40:] for name in ("shop 0", "shop 1")}, names=["shop", "time"]
    )
    with pytest.raises(ValueError, match=r"future .*'shop 2'"):
        known.predict(PANEL, future=ahead)
