"""The second input at every door: a covariate that is flipped changes the forecast, and forecasts equal predict."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from skdistill import DistilledForecaster, load
from skdistill.data._inputs import read_series
from skdistill.deploy import NumpyStudent
from skdistill.losses import Supervised
from skdistill.networks import MLP, Linear
from skdistill.sktime import SktimeDistilledForecaster

CONTEXT, HORIZON = 12, 4
SERIES = ["a", "b"]
SETTINGS = {"context_length": CONTEXT, "prediction_length": HORIZON, "max_epochs": 3, "random_state": 0}
STUDENTS = {"Linear": Linear(season=12), "MLP": MLP(4)}
DOORS = ["predict", "backtest", "saved", "predictor", "stream", "serve", "sktime", "npz"]
PAIRS = [pytest.param(student, door, id=f"{student}, {door}") for student in STUDENTS for door in DOORS]
PAIRS += [pytest.param("Linear", "pt2", marks=pytest.mark.slow), pytest.param("MLP", "onnx", marks=pytest.mark.slow)]
NEEDS = {"serve": ["msgspec"], "onnx": ["onnxruntime", "onnxscript"]}


def make_panel():
    """Two shops of two kinds, each with a plan; the last rows are the horizon."""
    generator, parts = np.random.default_rng(0), {}
    for number, name in enumerate(SERIES):
        promo = (generator.random(90) < 0.4).astype(float)
        sales = 10 + 5 * number + 4 * promo + generator.normal(size=90)
        visits = generator.normal(size=90)
        index = pd.date_range("2024-01-01", periods=90, freq="h")
        columns = {"sales": sales, "promo": promo, "visits": visits, "size": ["small", "large"][number]}
        parts[name] = pd.DataFrame(columns, index=index)
    return pd.concat(parts, names=["shop", "time"])


def split(panel, flipped=False):
    """Return the past, and the plan of the horizon, as it is or flipped."""
    past = panel.groupby(level=0).head(90 - HORIZON)
    plan = panel.groupby(level=0).tail(HORIZON)[["promo"]]
    return past, 1 - plan if flipped else plan


@pytest.fixture(scope="module")
def forecasters():
    past, _ = split(make_panel())
    roles = {"targets": ["sales"], "known_covariates": ["promo"], "static_covariates": ["size"]}
    return {
        name: DistilledForecaster(None, student, Supervised(), **roles, **SETTINGS, device="cpu").fit(past)
        for name, student in STUDENTS.items()
    }


def inputs(forecaster, past, plan):
    """Return contexts, future and static covariates as arrays, as an exported file takes them."""
    series = read_series(forecaster, past, reset=False, allow_batch=False).series
    batch = forecaster.predictor_.cutter(series).cut(range(len(series)), [len(one) for one in series])
    future = plan.to_numpy(np.float32).reshape(len(series), HORIZON, -1)
    return batch.values.astype(np.float32), future, batch.static.astype(np.float32)


def ask(door, forecaster, past, plan, folder):
    """Forecast at a door."""
    if door == "predict":
        return forecaster.predict(past, future=plan)
    if door == "backtest":
        return forecaster.backtest(with_rows(past, plan).groupby(level=0).tail(CONTEXT + HORIZON))
    if door == "saved":
        forecaster.save(folder / "student")
        return load(folder / "student").predict(past, future=plan)
    if door == "stream":
        return forecaster.stream(past).predict(plan)
    if door == "serve":
        return ask_server(forecaster, past, plan, folder)
    if door == "predictor":
        table = pd.concat([past.reset_index(), plan.reset_index()])
        return forecaster.predictor(id="shop", time="time").predict_frame(table)["sales"]
    return ask_file(door, forecaster, inputs(forecaster, past, plan), folder)


def with_rows(past, plan):
    """Return the panel with the rows of the horizon, whose targets are numbers that must not matter."""
    ahead = plan.assign(sales=1e3, visits=1e3, size=[past["size"].loc[one].iloc[0] for one, _ in plan.index])
    return pd.concat([past, ahead[past.columns]]).sort_index()


def ask_file(door, forecaster, arrays, folder):
    """Forecast by an exported file, which takes arrays, and series by id or number."""
    contexts, future, static = arrays
    path = folder / f"student.{door}"
    if not path.exists():
        forecaster.export(path)
    if door == "npz":
        return NumpyStudent.load(path).predict(contexts, SERIES, future, static)
    given = {"series": np.arange(2), "future": future, "static": static}
    if door == "pt2":
        tensors = {name: torch.tensor(one) for name, one in given.items()}
        return torch.export.load(path).module()(torch.tensor(contexts), **tensors)
    import onnxruntime

    return onnxruntime.InferenceSession(path.read_bytes()).run(None, {"context": contexts, **given})[0]


def ask_server(forecaster, past, plan, folder):
    """Forecast by a request."""
    from skdistill.serving import Limits
    from skdistill.serving._batcher import _answer_batch, _Item
    from skdistill.serving._model import open_model
    from skdistill.serving._requests import make_reader

    forecaster.save(folder / "student.skdistill")
    model = open_model(folder / "student.skdistill")
    rows, ahead = (
        {name: one.loc[name].to_numpy().tolist() for name in SERIES} for one in (past.drop(columns="size"), plan)
    )
    static = {name: {"size": past["size"].loc[name].iloc[0]} for name in SERIES}
    body = {"panel": rows, "future": ahead, "static": static}
    one = make_reader(Limits())(json.dumps(body).encode(), model)
    item = _Item(model, one.contexts, one.levels, None, one.series, one.future, one.static)
    return _answer_batch([item])[0][0]


@pytest.mark.parametrize(("student", "door"), PAIRS)
def test_a_flipped_covariate_changes_the_forecast_as_in_predict(student, door, forecasters, tmp_path):
    for package in NEEDS.get(door, []):
        pytest.importorskip(package, reason=f"needs {package}")
    if door == "sktime":
        check_sktime(STUDENTS[student])
        return
    found = []
    for flipped in (False, True):
        past, plan = split(make_panel(), flipped)
        expected = forecasters[student].predict(past, future=plan).to_numpy().ravel()
        found.append(np.asarray(ask(door, forecasters[student], past, plan, tmp_path), np.float64).ravel())
        np.testing.assert_allclose(found[-1], expected, rtol=2e-4)
    assert np.abs(found[1] - found[0]).min() > 1e-3


def check_sktime(student):
    """Compare with a forecaster without the attribute: columns of X are known, or past covariates."""
    past, _ = split(make_panel().drop(columns="size"))
    ours = DistilledForecaster(
        None, student, Supervised(), targets=["sales"], known_covariates=["promo"], **SETTINGS, device="cpu"
    ).fit(past)
    theirs = SktimeDistilledForecaster(
        None, student, Supervised(), known_covariates=["promo"], **SETTINGS, device="cpu"
    )
    theirs.fit(past[["sales"]], X=past[["promo", "visits"]], fh=range(1, HORIZON + 1))
    found = []
    for flipped in (False, True):
        _, plan = split(make_panel(), flipped)
        found.append(theirs.predict(X=plan.assign(visits=np.nan)).to_numpy())
        np.testing.assert_allclose(found[-1], ours.predict(past, future=plan), rtol=1e-5)
    assert np.abs(found[1] - found[0]).min() > 1e-3
