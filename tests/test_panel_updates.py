"""Exact updates of a panel: rows that follow, and series that come later."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame

from skdistill.data import SquareRoot
from skdistill.data._scaling import Scaling
from skdistill.networks import Linear

FRAMES = {name: (1 + 9 * number) * make_frame(90, 2, seed=number) for number, name in enumerate("abcz")}
SETTINGS = {"teacher": None, "student": Linear(season=6), "validation_fraction": 0}


def panel(**rows):
    """Return some rows of some series."""
    return pd.concat({name: FRAMES[name].iloc[part] for name, part in rows.items()}, names=["series", "time"])


def whole_in_units_of(forecaster, X, monkeypatch, **settings):
    """Fit all rows at once, in the units of another forecaster."""
    with monkeypatch.context() as patch:
        patch.setattr(Scaling, "fit", lambda scaling, rows, ids: vars(scaling).update(vars(forecaster.scaling_)))
        return make_forecaster(**SETTINGS | settings).fit(X)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scaling": "window"},
        {"scaling": "global"},
        {"transformer": SquareRoot(), "min_observed": 8},
        {"student": Linear(season=6, time_features=True), "targets": ["c0"]},
    ],
    ids=["series", "window", "global", "roots, short", "calendar and covariate"],
)
def test_updates_equal_a_fit_to_all_rows_in_the_same_units(settings, monkeypatch):
    grown = make_forecaster(**SETTINGS | settings).partial_fit(panel(a=slice(50), b=slice(14), c=slice(60)))
    units = grown.scaling_.series_units_
    grown.partial_fit(panel(c=slice(60, 70), z=slice(9)))  # too few rows of z for a window
    grown = pickle.loads(pickle.dumps(grown))
    grown.partial_fit(panel(z=slice(9, 40), b=slice(14, 90))).partial_fit(panel(a=slice(50, 90), z=slice(40, 90)))
    X = panel(a=slice(90), b=slice(90), c=slice(70), z=slice(90))
    whole = whole_in_units_of(grown, X, monkeypatch, **settings)
    assert grown._solved.moments["truth"][0].count == whole._solved.moments["truth"][0].count
    np.testing.assert_allclose(grown.student_.weight.detach(), whole.student_.weight.detach(), atol=1e-5)
    np.testing.assert_allclose(grown.predict(X), whole.predict(X), rtol=1e-4)
    assert grown.scaling_.ids_ == ["a", "b", "c", "z"]
    if units is not None:
        np.testing.assert_array_equal(grown.scaling_.series_units_.unit[:3], units.unit)
        own = make_forecaster(**SETTINGS | settings).fit(panel(z=slice(40), a=slice(90))).scaling_
        np.testing.assert_allclose(grown.scaling_.series_units_.unit[3], own.series_units_.unit[own.numbers_of("z")[0]])


def test_after_fit_and_refresh_it_goes_on():
    once = make_forecaster(**SETTINGS).fit(panel(a=slice(50), b=slice(50)))
    once.refresh(panel(a=slice(50, 60))).partial_fit(panel(b=slice(50, 70), c=slice(80)))
    assert once.predict(panel(a=slice(60), c=slice(80))).shape == (8, 2)


GAP = panel(a=slice(50, 60)).copy()
GAP.iloc[3, 0] = np.nan
REFUSED = {
    "forget": (panel(a=slice(50, 60)), {"forget": 5}, "forget of partial_fit must be 0 for a panel"),
    "gap in time": (panel(a=slice(60, 70)), {}, "X of partial_fit must follow the rows so far"),
    "missing": (GAP, {}, "no place for a missing target"),
    "no window": (panel(z=slice(5)), {}, "partial_fit needs at least one new window"),
}


@pytest.mark.parametrize(("X", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(X, options, message):
    forecaster = make_forecaster(**SETTINGS).partial_fit(panel(a=slice(50), b=slice(50)))
    before = forecaster.predict(panel(a=slice(50)))
    with pytest.raises(ValueError, match=message):
        forecaster.partial_fit(X, **options)
    pd.testing.assert_frame_equal(forecaster.predict(panel(a=slice(50))), before)
    assert forecaster.scaling_.ids_ == ["a", "b"]


def test_a_first_panel_with_a_missing_target_is_refused_before_it_is_fitted():
    forecaster = make_forecaster(**SETTINGS)
    with pytest.raises(ValueError, match="no place for a missing target; series 'a' misses some"):
        forecaster.partial_fit(pd.concat([GAP, panel(b=slice(50))]))
    assert not hasattr(forecaster, "student_")


@pytest.mark.parametrize("several", [False, True], ids=["series", "panel"])
def test_roles_that_were_changed_after_fit_are_refused(several):
    first, new = (panel(a=rows, b=rows) if several else FRAMES["a"].iloc[rows] for rows in (slice(70), slice(70, 80)))
    forecaster = make_forecaster(**SETTINGS, targets=["c0", "c1"]).fit(first).set_params(targets=["c1"])
    with pytest.raises(ValueError, match=r"was \['c0', 'c1'\] in fit and is \['c1'\] now: partial_fit goes on"):
        forecaster.partial_fit(new)
    forecaster.set_params(targets=("c0", "c1")).partial_fit(new)


@pytest.fixture(scope="module")
def sized():
    """Return a forecaster with a static covariate, the rows it was fitted on, and the rows that follow."""
    rows = panel(a=slice(60), b=slice(50)).assign(size=lambda X: X.index.get_level_values(0).map({"a": 1.0, "b": 4.0}))
    after = panel(a=slice(60, 64), b=slice(50, 54)).assign(size=np.repeat([1.0, 4.0], 4))
    return make_forecaster(**SETTINGS, static_covariates=["size"]).partial_fit(rows), rows, after


@pytest.mark.parametrize("method", ["partial_fit", "refresh"])
def test_rows_that_change_a_static_covariate_are_refused(sized, method):
    forecaster, _, after = sized
    with pytest.raises(ValueError, match="static covariate 'size' changes within series 'b': it is 4 in the rows so"):
        getattr(forecaster, method)(after.replace({"size": {4.0: 5.0}}))


def test_a_static_covariate_that_is_the_mean_over_series_is_known_too():
    rows = panel(a=slice(60), b=slice(50)).assign(size=4.0)
    forecaster = make_forecaster(**SETTINGS, static_covariates=["size"]).partial_fit(rows)
    message = "static covariate 'size' changes within series 'b': it is 4 in the rows so far and 5 in"
    with pytest.raises(ValueError, match=message):
        forecaster.refresh(panel(a=slice(60, 64), b=slice(50, 54)).assign(size=np.repeat([4.0, 5.0], 4)))
    with pytest.raises(ValueError, match="it is 4 in the rows so far and 5 in the rows that follow"):
        forecaster.stream(rows.loc[["b"]]).append([1.0, 2.0, 5.0])


def test_rows_without_the_static_covariate_keep_it(sized):
    grown = copy.deepcopy(sized[0]).partial_fit(sized[2].replace({"size": {4.0: np.nan}}))
    assert [one.static.tolist() for one in grown._recent] == [[-1.0], [1.0]]


@pytest.mark.parametrize("row", [[1.0, 2.0, 5.0], pd.Series({"size": 5.0, "c0": 1.0, "c1": 2.0})])
def test_a_stream_refuses_a_row_that_changes_a_static_covariate(sized, row):
    stream = sized[0].stream(sized[1].loc[["b"]].assign(size=np.nan))
    stream.append([1.0, 2.0, np.nan])
    stream.append([1.0, 2.0, 4.0])  # known from here on
    with pytest.raises(ValueError, match="static covariate 'size' changes within the stream: it is 4 in the rows so"):
        stream.append(row)
    assert stream.contexts().static.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("scaling", "change", "message"),
    [
        ("global", lambda rows: 1e4 * rows, r"differ in scale: .* in series 'z' and .* in those of fit together"),
        ("global", lambda rows: 1e-4 * rows, r"differ in scale: .* in those of fit together and .* in series 'z'"),
        ("series", lambda rows: 1e9 + 1e-4 * rows, "hardly more than numbers round"),
        ("window", lambda rows: 1e9 + 1e-4 * rows, "hardly more than numbers round"),
    ],
)
def test_scale_and_level_of_series_that_come_later_are_told_as_in_fit(scaling, change, message):
    grown = make_forecaster(**SETTINGS, scaling=scaling).partial_fit(panel(a=slice(50), b=slice(50)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy.deepcopy(grown).partial_fit(panel(c=slice(50)))
    with pytest.warns(UserWarning, match=message):
        grown.partial_fit(change(panel(z=slice(50))))


def test_a_channel_with_one_value_in_fit_tells_no_scale(recwarn):
    rows = panel(c=slice(50))
    grown = make_forecaster(**SETTINGS, scaling="global").partial_fit(panel(a=slice(50), b=slice(50)).assign(c1=5.0))
    grown.partial_fit(rows.assign(c1=1e-3 * rows["c1"]))
    assert not [one for one in recwarn if "differ in scale" in str(one.message)]
