"""What predict and updates tell of the rows they get, every other door tells, too."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_series
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdistill import DistilledForecaster, DistilledForecasterCV, load, load_numpy
from skdistill.deploy import PanelStream
from skdistill.networks import MLP, Linear
from skdistill.sktime import SktimeDistilledForecaster

LENGTHS = {"context_length": 6, "prediction_length": 2}
SETTINGS = {"teacher": None, "validation_fraction": 0, "bounds": (-90.0, None), "device": "cpu", **LENGTHS}
FORECASTER = {"student": Linear(), "targets": ["y"], "known_covariates": ["plan"], **SETTINGS}
N_ROWS, N_NEW, IDS = 40, 12, ("7", "8")


def make_panel():
    """Make hourly series with a plan and the weather."""
    parts = {}
    for number, one in enumerate(IDS):
        values = make_series(N_ROWS + N_NEW, 3, seed=number) + 10 * number
        index = pd.date_range("2024-01-01", periods=len(values), freq="h")
        parts[one] = pd.DataFrame(values, index, ["y", "plan", "weather"])
    return pd.concat(parts, names=["unique_id", "ds"])


PANEL = make_panel()
OLD, NEW = PANEL.groupby(level=0).head(N_ROWS), PANEL.groupby(level=0).tail(N_NEW)
PLAN = NEW.groupby(level=0).head(LENGTHS["prediction_length"])[["plan"]]


def as_dict(panel):
    return {one: panel.loc[one] for one in panel.index.unique(level=0)}


def each(panel, change, of=IDS):
    """Change the rows of some series."""
    parts = {one: change(rows) if one in of else rows for one, rows in as_dict(panel).items()}
    return pd.concat(parts, names=["unique_id", "ds"])


def with_value(panel, column, row, value):
    panel = panel.copy()
    panel.loc[panel.loc[["8"]].index[row], column] = value
    return panel


def with_step(panel, freq):
    return each(panel, lambda rows: rows.set_axis(pd.date_range("2024-01-01", periods=len(rows), freq=freq)))


def shifted(panel, hours, of=IDS):
    return each(panel, lambda rows: rows.set_axis(rows.index + pd.Timedelta(hours=hours)), of)


def doubled(panel):
    return each(panel, lambda rows: pd.concat([rows, rows.iloc[[-1]]]), "8")


def without_first(plan):
    """Return a plan without the values of its first row, as if that was not there."""
    return plan.where(np.arange(len(plan))[:, None] > 0)


def with_other_ids(panel):
    return panel.rename(index=int, level=0)


def tell(call, *given):
    """Return what is said, or raised, as one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call(*given)
            raised = ""
        except (ValueError, TypeError) as error:
            raised = str(error)
    return " ".join([raised, *(str(one.message) for one in caught)]).strip()


# -- predict ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Return what forecasts a panel with its plan, by name."""
    folder = tmp_path_factory.mktemp("words")
    fitted = DistilledForecaster(**FORECASTER).fit(OLD)
    piped = make_pipeline(FunctionTransformer(), DistilledForecaster(**FORECASTER)).fit(OLD)
    searched = make_search().fit(OLD)
    fitted.save(folder / "saved")
    fitted.export(folder / "student.npz")
    saved, exported = load(folder / "saved"), load_numpy(folder / "student.npz")
    quantiles = {"quantiles": (0.1, 0.5, 0.9), "loss": "quantiledistill", "max_epochs": 1, "student": MLP()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of so few updates
        other = DistilledForecaster(**FORECASTER | quantiles).fit(OLD)

    def extend(X, plan):
        stream = PanelStream(fitted)
        stream.extend(X)
        return stream.predict(plan)

    def lists(X, plan):
        return fitted.predict(list(as_dict(X).values()), None if plan is None else list(as_dict(plan).values()))

    return {
        "predict": fitted.predict,
        "dict": lambda X, plan: fitted.predict(as_dict(X), None if plan is None else as_dict(plan)),
        "list": lists,
        "search": searched.predict,
        "pipeline": lambda X, plan: piped.predict(X, future=plan),
        "quantiles": lambda X, plan: other.predict_quantiles(X, future=plan),
        "file": saved.predict,
        "NumPy": lambda X, plan: exported.predict(X, future=plan),
        "stream": lambda X, plan: fitted.stream(X).predict(plan),
        "extend": extend,
        "table": lambda X, plan: fitted.predict_table(
            X.reset_index(), future=None if plan is None else plan.reset_index()
        ),
    }


def make_search():
    own = {name: one for name, one in FORECASTER.items() if name not in ("student", "teacher", *SETTINGS)}
    own |= {"bounds": SETTINGS["bounds"], "device": "cpu", "prediction_length": LENGTHS["prediction_length"]}
    return DistilledForecasterCV([Linear()], None, context_lengths=6, scaling="series", transformer=None, **own)


ROWS = {  # how rows and their plan are changed, and what is told of it
    "another step": (lambda X, F: (with_step(X, "2h"), F), "step 2h|2 steps of fit|by the step of fit, h"),
    "ids in another type": (lambda X, F: (with_other_ids(X), with_other_ids(F)), "is not among those of fit"),
    "infinity": (lambda X, F: (with_value(X, "weather", -1, np.inf), F), "infinity|infinite|finite"),
    "a row twice": (lambda X, F: (doubled(X), F), "duplicate|seen before|must be the one at"),
    "a column less": (lambda X, F: (X.drop(columns="weather"), F), "weather"),
    "a short plan": (lambda X, F: (X, each(F, lambda rows: rows[:1], "8")), "too short|must have a row for every"),
    "a late plan": (lambda X, F: (X, shifted(F, 1, "8")), "not aligned|must have a row for every"),
    "a row of the plan twice": (lambda X, F: (X, doubled(F)), "twice|seen before|unique"),
    "a plan without a series": (lambda X, F: (X, F.loc[["7"]]), "series"),
    "another name in the plan": (lambda X, F: (X, F.rename(columns={"plan": "other"})), "plan"),
    "infinity in the plan": (lambda X, F: (X, with_value(F, "plan", -1, np.inf)), "infinity|infinite"),
    "values of the target in the plan": (lambda X, F: (X, F.assign(y=1.0)), "'y'"),
    "values of the weather in the plan": (lambda X, F: (X, F.assign(weather=1.0)), "'weather'"),
    "no plan": (lambda X, F: (X, None), "future"),
    "a plan without the rows between": (lambda X, F: (X, each(F, without_first, "8")), "1 rows of the horizon have no"),
}
NAMELESS = {"list": ["ids in another type"]}  # its series have no ids
DOORS = ["predict", "dict", "list", "search", "pipeline", "quantiles", "file", "NumPy", "stream", "extend", "table"]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_tells_of_rows_and_plans(doors, door):
    assert set(doors) == set(DOORS)
    assert tell(doors[door], OLD, PLAN) == ""
    silent = [
        cause
        for cause, (change, message) in ROWS.items()
        if cause not in NAMELESS.get(door, []) and not re.search(message, tell(doors[door], *change(OLD, PLAN)))
    ]
    assert not silent


@pytest.mark.parametrize("door", ["predict", "dict", "search", "pipeline", "file", "stream", "table"])
def test_a_plan_that_changes_a_static_covariate_is_refused(tmp_path, door):
    old = OLD.assign(size=np.where(OLD.index.get_level_values(0) == "7", 1.0, 2.0))
    make = DistilledForecaster(**FORECASTER, static_covariates=["size"])
    fitted = make.fit(old)
    fitted.save(tmp_path / "saved")
    saved, piped = load(tmp_path / "saved"), make_pipeline(FunctionTransformer(), make).fit(old)
    search = make_search().set_params(static_covariates=["size"]).fit(old)
    ask = {
        "predict": fitted.predict,
        "dict": lambda X, plan: fitted.predict(as_dict(X), as_dict(plan)),
        "search": search.predict,
        "pipeline": lambda X, plan: piped.predict(X, future=plan),
        "file": saved.predict,
        "stream": lambda X, plan: fitted.stream(X).predict(plan),
        "table": lambda X, plan: fitted.predict_table(X.reset_index(), future=plan.reset_index()),
    }[door]
    same = np.where(PLAN.index.get_level_values(0) == "7", 1.0, 2.0)
    assert tell(ask, old, PLAN.assign(size=same)) == tell(ask, old, PLAN.assign(size=np.nan)) == ""
    with pytest.raises(ValueError, match=r"static covariate 'size' changes within .+: it is 1 in the rows so far"):
        ask(old, PLAN.assign(size=3.0))


def test_of_plans_with_values_every_so_many_rows_nothing_is_told():
    sparse = OLD.assign(plan=OLD["plan"].where(np.arange(len(OLD)) % 3 == 0))
    fitted = DistilledForecaster(**FORECASTER | {"prediction_length": 6}).fit(sparse)
    plan = NEW.groupby(level=0).head(6)[["plan"]]
    assert tell(fitted.predict, sparse, plan.where(np.arange(12)[:, None] % 3 == 2)) == ""
    assert tell(fitted.predict, OLD, plan.where(np.arange(12)[:, None] % 6 < 3)) == ""  # is known for three hours
    assert "8 rows of the horizon" in tell(fitted.predict, OLD, plan.where(np.arange(12)[:, None] % 3 == 2))


def test_arrays_say_step_by_step_what_is_unknown():
    rows, plan = OLD.loc["7"].to_numpy(), without_first(PLAN.loc[["7"]]).to_numpy()
    fitted = DistilledForecaster(**FORECASTER | {"targets": [0], "known_covariates": [1]}).fit(rows)
    assert tell(fitted.predict, rows, plan) == tell(fitted.predict, [rows], [plan]) == ""


def test_a_plan_with_static_covariates_is_read_at_once(monkeypatch):
    sizes, kinds = (np.where(PANEL.index.get_level_values(0) == "7", *pair) for pair in ([1.0, 2.0], ["a", "b"]))
    panel = PANEL.assign(size=sizes, kind=kinds)
    old, plan = panel.loc[OLD.index], panel.loc[PLAN.index, ["plan", "size", "kind"]]
    fitted = DistilledForecaster(**FORECASTER, static_covariates=["size", "kind"]).fit(old)
    expected = fitted.predict(as_dict(old), as_dict(plan))
    monkeypatch.setattr("skdistill.data._future._tables_of", None)  # reads series by series: of many, it takes long
    for one in (plan, plan[["plan"]]):
        pd.testing.assert_frame_equal(fitted.predict(old, one), pd.concat(expected, names=OLD.index.names))
    with pytest.raises(ValueError, match=r"'kind.* changes within series '8'"):
        fitted.predict(old, plan.assign(kind="a"))


# -- updates ---------------------------------------------------------------------------------------


def by_sktime(new, refit=True):
    forecaster = SktimeDistilledForecaster(
        student=Linear(), known_covariates=["plan"], refit_on_update=refit, **SETTINGS
    ).fit(OLD[["y"]], X=OLD[["plan", "weather"]], fh=[1])
    forecaster.update(new[["y"]], X=new.drop(columns="y"))


def by_stream(new):
    DistilledForecaster(**FORECASTER).fit(OLD).stream(OLD).extend(new)


UPDATES = {
    "refresh": lambda new: DistilledForecaster(**FORECASTER).fit(OLD).refresh(new),
    "refresh by gradients": lambda new: (
        DistilledForecaster(**FORECASTER | {"student": MLP(), "max_epochs": 1}).fit(OLD).refresh(new)
    ),
    "partial_fit": lambda new: DistilledForecaster(**FORECASTER).partial_fit(OLD).partial_fit(new),
    "search.refresh": lambda new: make_search().fit(OLD).refresh(new),
    "search.partial_fit": lambda new: make_search().fit(OLD).partial_fit(new),
    "sktime": by_sktime,
    "sktime, context": lambda new: by_sktime(new, refit=False),
    "stream": by_stream,
}
LEARNS = [name for name in UPDATES if name not in ("sktime, context", "stream")]
FOLLOW = "must follow|irregular step|must be the one at|must keep the step"
NEW_ROWS = {  # how new rows are changed, what is told of it, and by which updates
    "rows yet to come": (lambda new: new.assign(y=0.0), "rows of every series hold nothing but 0", LEARNS),
    "a code": (lambda new: with_value(new, "y", 3, -9999.0), "-9999 in row", LEARNS),
    "a code in the plan": (lambda new: with_value(new, "plan", 3, -9999.0), "-9999 in row", LEARNS),
    "a value outside the bounds": (lambda new: with_value(new, "y", 3, -99.0), "lie outside bounds", LEARNS),
    "infinity": (lambda new: with_value(new, "weather", 3, np.inf), "infinity|infinite|finite", UPDATES),
    "a gap": (lambda new: each(new, lambda rows: rows.drop(index=rows.index[3])), FOLLOW, UPDATES),
    "a gap before": (lambda new: each(new, lambda rows: rows[1:]), FOLLOW, UPDATES),
    "rows that end before those of fit": (
        lambda new: shifted(new, -N_NEW - 1),
        f"{FOLLOW}|are forgotten",
        [one for one in UPDATES if one != "sktime, context"],  # it forecasts from an earlier time
    ),
    "a row twice": (doubled, "duplicate|must be the one at", UPDATES),
    "another step": (lambda new: shifted(with_step(new, "2h"), N_ROWS), FOLLOW, UPDATES),
    "a column less": (lambda new: new.drop(columns="weather"), "weather", UPDATES),
    "ids in another type": (with_other_ids, r"7 \(int\) is|got 2 others, first 7", UPDATES),
}


@pytest.mark.parametrize("door", UPDATES)
def test_every_update_tells_of_new_rows(door):
    update = UPDATES[door]
    assert tell(update, NEW) == ""
    silent = [
        cause
        for cause, (change, message, told_by) in NEW_ROWS.items()
        if door in told_by and not re.search(message, tell(update, change(NEW)))
    ]
    assert not silent


def test_forecasts_of_sktime_from_an_earlier_time_forget_nothing():
    assert tell(lambda new: by_sktime(new, refit=False), shifted(NEW, -N_NEW - 1)) == ""


@pytest.mark.parametrize("scaling", ["global", "series"])
def test_a_stream_tells_once_of_ids_in_another_type(scaling):
    stream = DistilledForecaster(**FORECASTER | {"scaling": scaling}).fit(OLD).stream(OLD)
    with pytest.warns(UserWarning, match=r"series 7 \(int\) is new to the stream, which has '7' \(str\)") as told:
        stream.extend(with_other_ids(NEW))
    assert sum("is new to the stream" in str(one.message) for one in told) == 1


@pytest.mark.parametrize("scaling", ["global", "series"])
def test_a_stream_tells_once_of_ids_of_other_levels(scaling):
    deep, new = (pd.concat({"north": panel}, names=["region"]) for panel in (OLD, NEW))
    stream = DistilledForecaster(**FORECASTER | {"scaling": scaling}).fit(deep).stream(deep)
    stream.extend(new[:N_NEW])
    with pytest.warns(
        UserWarning, match=r"series '7' is new to the stream, whose ids have 2 levels, .*'north', '7'"
    ) as told:
        stream.extend(NEW)
    assert sum("is new to the stream" in str(one.message) for one in told) == 1


def test_numbers_as_labels_of_a_stream_rise_by_one_step():
    def numbered(panel):
        return each(panel, lambda rows: rows.set_axis(range(5, 5 + len(rows))))

    stream = DistilledForecaster(**FORECASTER).fit(numbered(OLD)).stream(numbered(OLD))
    for change, message in {
        lambda rows: rows[::-1]: "out of order",
        lambda rows: rows.drop(index=rows.index[3]): "irregular step",
        lambda rows: pd.concat([rows, rows[-1:]]): "duplicate labels",
    }.items():
        with pytest.raises(ValueError, match=message):
            stream.extend(each(numbered(NEW), change))
    stream.extend(numbered(NEW))


def test_text_as_labels_of_a_stream_is_refused_as_predict_does():
    fitted = DistilledForecaster(**FORECASTER).fit(OLD)
    rows = {one: part.set_axis(part.index.astype(str)) for one, part in as_dict(NEW).items()}
    with pytest.raises(ValueError, match="is text, not time"):
        PanelStream(fitted).extend(rows)
