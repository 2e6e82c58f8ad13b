"""The same rows in another documented form: whatever the settings, forecasts, labels and tables are the same.

Each test crosses settings that are not the defaults with forms of the input. The oracle is the plain form: one frame
with the index levels (series, time), known covariates in ``future=``, all rows in one call.
"""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skdistill import DistilledForecaster, DistilledForecasterCV, load, scale_out
from skdistill.data import SquareRoot
from skdistill.datasets import read_panel, regularize
from skdistill.networks import MLP, Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import RegressorTeacher

pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
pytestmark = pytest.mark.filterwarnings("ignore")

C, H, N = 10, 3, 54
TARGETS, KNOWN = ["sales", "visits"], ["promo", "price"]
ROLES = {"targets": TARGETS, "known_covariates": KNOWN, "static_covariates": ["kind"]}
COMMON = {"context_length": C, "prediction_length": H, "random_state": 0, "device": "cpu", "max_epochs": 2}
RIDGE = Linear(penalty=1.0)
SETTINGS = {
    "exact": {"student": RIDGE, "validation_fraction": 0, "min_observed": 5, "bounds": (0.0, 35.0)},
    "labels": {
        "teacher": RegressorTeacher(Ridge()),
        "student": Linear(individual=True, penalty=1.0),
        "label_share": 0.5,
        "windows_without_truth": True,
        "window_step": 2,
        "series_weight": "equal",
        "scaling": "window",
        "validation_fraction": 9,
    },
    "choice": {
        "teacher": "theta",
        "student": Linear(time_features=True, penalty=1.0),
        "max_labels": 20,
        "label_choice": "covering",
        "scaling": "global",
        "transformer": SquareRoot(),
        "validation_fraction": 0.2,
    },
    "trained": {
        "teacher": "theta",
        "student": MLP(4),
        "batch_size": 1000,  # one batch: the order of windows does not matter
        "quantiles": (0.25, 0.5, 0.75),
        "point_forecast": "mean",
        "calibration": "rolling",
        "missing": "raise",
        "validation_fraction": 12,
    },
}


def make_panel() -> pd.DataFrame:
    """Make two series of days with a week, covariates, and gaps of whole and of single rows."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=N + 4 * H, freq="D")
    week = np.sin(2 * np.pi * np.arange(len(days)) / 7)
    series = {}
    for number, name in enumerate(["north", "south"]):
        promo, price = (rng.random(len(days)) < 0.3).astype(float), rng.normal(5.0, 1.0, len(days))
        sales = (number + 1) * (15 + 5 * week + 4 * promo - price + rng.normal(size=len(days)))
        visits = 9 + 3 * week + promo + rng.normal(size=len(days))
        table = {"sales": sales, "visits": visits, "promo": promo, "price": price, "rain": rng.normal(size=len(days))}
        series[name] = pd.DataFrame(table, index=days)
        series[name].iloc[20 + number : 22 + number] = np.nan
        series[name].iloc[30, number] = np.nan
        series[name]["kind"] = float(number)
    return pd.concat(series, names=["series", "time"])


PANEL = make_panel()


def rows(first: int, last: int, table: pd.DataFrame = PANEL) -> pd.DataFrame:
    """Cut the same rows out of every series."""
    return pd.concat([one.iloc[first:last] for _, one in table.groupby(level=0, sort=False)])


PAST, PLAN, TEST = rows(0, N), rows(N, N + H)[KNOWN], rows(N - C, N + 4 * H)


def appended(n_rows: int) -> pd.DataFrame:
    """Append rows of the horizon, whose targets and past covariates are missing."""
    table = rows(0, N + n_rows)
    table.loc[table.groupby(level=0).cumcount() >= N, [*TARGETS, "rain"]] = np.nan
    return table


def relabel(table: pd.DataFrame, *, ids=lambda ids: ids, times=lambda times: times) -> pd.DataFrame:
    levels = [ids(table.index.get_level_values(0)), times(table.index.get_level_values(1))]
    return table.set_axis(pd.MultiIndex.from_arrays(levels, names=["series", "time"]))


def to_dict(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {name: one.droplevel(0) for name, one in table.groupby(level=0)}


def to_long(table: pd.DataFrame) -> pd.DataFrame:
    """Make a long table in another order, without the rows in which nothing was observed."""
    return table.dropna(subset=KNOWN).rename_axis(["unique_id", "ds"]).reset_index().sample(frac=1.0, random_state=0)


def to_numbers(forecasts) -> np.ndarray:
    """Return forecasts as numbers, in the order of series and times."""
    parts = [forecasts[name] for name in sorted(forecasts)] if isinstance(forecasts, dict) else [forecasts]
    return np.concatenate([np.asarray(one, dtype=float) for one in parts])


FORMS = {
    "dict of periods": lambda table: to_dict(relabel(table, times=lambda times: times.to_period("D"))),
    "interleaved, Arrow": lambda table: table.swaplevel().sort_index().swaplevel().astype("double[pyarrow]"),
    "long, numbers as ids": lambda table: read_panel(
        to_long(relabel(table, ids=lambda ids: ids.map({"north": 3, "south": 7})))
    ),
    "regularized": lambda table: regularize(to_long(table), id="unique_id", time="ds", verbose=0),
}


def make(name: str, **changes) -> DistilledForecaster:
    settings = {"teacher": None, "loss": "response", "covariates": "ignore", **COMMON, **ROLES, **SETTINGS[name]}
    return DistilledForecaster(**{**settings, **changes})


@functools.cache
def fitted(name: str) -> DistilledForecaster:
    return make(name).fit(PAST)


def answers(name: str, form) -> dict[str, np.ndarray]:
    """Fit and ask rows in one form: forecasts of student and teacher, scores, tables, and what follows new rows."""
    past, plan, test = form(PAST), form(PLAN), form(TEST)
    forecaster = make(name).fit(past)
    found = {"predict": forecaster.predict(past, plan), "score": [forecaster.score(test)]}
    if forecaster.teacher is not None:
        found["teacher"] = forecaster.predict_teacher(past, plan)
    table = forecaster.compare(test, alone=False, n_resamples=2, block_length=2)
    found["compare"] = table[["mse", "mae", "mse_original", "mase"]]
    if forecaster.calibration is not None:
        found["calibrate"] = forecaster.calibrate(test).predict_quantiles(past, future=plan)
    if isinstance(forecaster.student, MLP):
        new, later = form(rows(N, N + 2 * H)), form(rows(N + 2 * H, N + 3 * H)[KNOWN])
        found["refresh"] = forecaster.refresh(new).predict(form(rows(0, N + 2 * H)), later)
    return {door: to_numbers(numbers) for door, numbers in found.items()}


@functools.cache
def plain_answers(name: str) -> dict[str, np.ndarray]:
    return answers(name, lambda table: table)


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float = 1e-4) -> None:
    assert found.keys() == expected.keys()
    for door, numbers in expected.items():
        np.testing.assert_allclose(found[door], numbers, rtol=tolerance, atol=tolerance, err_msg=door)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SETTINGS)
def test_every_form_of_a_panel_is_the_same_panel(name, form):
    assert_same(answers(name, FORMS[form]), plain_answers(name))


def at_every_door(forecaster: DistilledForecaster, past: pd.DataFrame, plan: pd.DataFrame | None, path) -> dict:
    """Forecast at every door that takes known covariates."""
    table = past.rename_axis(["unique_id", "ds"]).reset_index()
    future = None if plan is None else plan.rename_axis(["unique_id", "ds"]).reset_index()
    forecaster.save(path)
    found = {
        "predict": forecaster.predict(past, plan),
        "dict": forecaster.predict(to_dict(past), None if plan is None else to_dict(plan)),
        "saved": load(path).predict(past, plan),
        "predict_table": forecaster.predict_table(table, future=future)[TARGETS],
    }
    if forecaster.teacher is not None:
        found["teacher"] = forecaster.predict_teacher(past, plan)
    if forecaster.quantiles is not None:
        found["quantiles"] = forecaster.predict_quantiles(past, future=plan)
        found["interval"] = forecaster.predict_interval(past, 0.5, future=plan)
    return {door: to_numbers(numbers) for door, numbers in found.items()}


@pytest.mark.parametrize("n_rows", [H, H + 2])
@pytest.mark.parametrize("name", SETTINGS)
def test_rows_appended_to_X_are_those_of_future_at_every_door(name, n_rows, tmp_path):
    path = tmp_path / "student.skdistill"
    expected = at_every_door(fitted(name), PAST, PLAN, path)
    assert_same(at_every_door(fitted(name), appended(n_rows), None, path), expected, 1e-6)
    for door in ("dict", "saved", "predict_table"):
        np.testing.assert_allclose(expected[door], expected["predict"], rtol=1e-6)


@pytest.mark.parametrize("name", ["labels", "choice", "trained"])
def test_rows_of_the_horizon_teach_nothing_beside_validation_rows(name):
    asked = {"predict": to_numbers(fitted(name).predict(PAST, PLAN))}
    asked["teacher"] = to_numbers(fitted(name).predict_teacher(PAST, PLAN))
    other = make(name).fit(appended(H))
    found = {"predict": other.predict(PAST, PLAN), "teacher": other.predict_teacher(PAST, PLAN)}
    assert_same({door: to_numbers(numbers) for door, numbers in found.items()}, asked)


@pytest.mark.parametrize("name", ["exact", "labels", "trained"])
def test_one_call_is_its_pieces(name):
    forecaster, step, squares = fitted(name), 4, []
    rolled, every = forecaster.backtest(TEST, step), forecaster.backtest(TEST, 1)
    for id_ in ("north", "south"):
        table = TEST.loc[[id_]]
        for number, block in enumerate(np.split(rolled.loc[id_].to_numpy(), len(rolled.loc[id_]) // H)):
            first = C + step * number
            one = forecaster.predict(table.iloc[:first], table.iloc[first : first + H][KNOWN])
            np.testing.assert_allclose(block, one, rtol=1e-5)
        blocks = np.split(every.loc[id_].to_numpy(), len(every.loc[id_]) // H)
        squares += [
            np.square(one - table.iloc[C + number : C + number + H][TARGETS].to_numpy())
            for number, one in enumerate(blocks)
        ]
    np.testing.assert_allclose(forecaster.score(TEST), -np.mean(squares), rtol=1e-5)
    stream = forecaster.stream(PAST)
    for row in range(N, N + 4):
        for id_ in ("south", "north"):
            stream.append(id_, PANEL.loc[id_].iloc[row])
    plan, so_far = rows(N + 4, N + 4 + H)[KNOWN], rows(0, N + 4)
    np.testing.assert_allclose(np.concatenate(stream.predict(plan)), forecaster.predict(so_far, plan), rtol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"individual": True}, {"time_features": True}], ids=str)
def test_updates_in_pieces_and_sums_of_parts_are_one_fit(settings, tmp_path):
    complete = PANEL.drop(columns="kind").groupby(level=0).ffill()
    plan = rows(N + 3 * H, N + 4 * H, complete)[KNOWN]
    changes = {"student": Linear(penalty=1.0, **settings), "scaling": "window", "static_covariates": None}
    names, cuts = ["one", "many", "updated"], [[N + 3 * H], [N + 1, N + 4, N + 3 * H], [N + 2, N + 3 * H]]
    so_far, found = rows(0, N + 3 * H, complete), {}
    for name, ends in zip(names, cuts, strict=True):
        forecaster = make("exact", **changes).fit(rows(0, N, complete))
        for first, last in zip([N, *ends], ends, strict=False):
            new = rows(first, last, complete)
            forecaster = forecaster.partial_fit(new) if name == "updated" else forecaster.refresh(new)
        found[name] = to_numbers(forecaster.predict(so_far, plan))
    for part, table in enumerate([so_far.iloc[::2], so_far.iloc[1::2]]):
        table.rename_axis(["unique_id", "ds"]).reset_index().to_parquet(tmp_path / f"{part}.parquet")
    assert_same(found, dict.fromkeys(found, found["one"]))  # in the units of the first rows
    counted, whole = scale_out.fit(make("exact", **changes), tmp_path), make("exact", **changes).fit(so_far)
    np.testing.assert_allclose(counted.predict(so_far, plan), whole.predict(so_far, plan), rtol=1e-4)


@functools.cache
def plain_search() -> DistilledForecasterCV:
    roles = {**ROLES, "static_covariates": None}
    search = DistilledForecasterCV("linear", None, context_lengths=[7, C], prediction_length=H, cv=2, **roles)
    return search.fit(PAST.drop(columns="kind"))


@pytest.mark.parametrize("form", [*FORMS, "rows of the horizon"])
def test_a_search_finds_the_same_in_every_form(form):
    search = plain_search()
    table = appended(H) if form == "rows of the horizon" else PAST
    other = clone(search).fit(FORMS.get(form, lambda table: table)(table.drop(columns="kind")))
    assert other.best_params_ == search.best_params_
    assert other.explanation_ == search.explanation_
    assert other.naive_errors_ == pytest.approx(search.naive_errors_)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(other.cv_results_[name], search.cv_results_[name], rtol=1e-5)


@pytest.mark.parametrize("name", SETTINGS)
def test_y_and_X_of_sktime_are_the_columns_of_one_frame(name):
    past = PAST.drop(columns="kind")
    forecaster = make(name, static_covariates=None, window_step=1).fit(past)
    settings = {"teacher": None, **COMMON, **SETTINGS[name]}
    for name_ in {"missing", "window_step"} & settings.keys():
        settings.pop(name_)
    other = SktimeDistilledForecaster(loss="response", known_covariates=KNOWN, **settings)
    other.fit(past[TARGETS], X=past[[*KNOWN, "rain"]], fh=range(1, H + 1))
    np.testing.assert_allclose(other.predict(X=PLAN), forecaster.predict(past, PLAN), rtol=1e-5)
