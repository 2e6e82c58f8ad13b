"""The second input at every door: a covariate that is flipped changes the forecast, and forecasts equal predict."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skdistill import DistilledForecaster, load
from skdistill.data._inputs import read_series
from skdistill.deploy import NumpyStudent
from skdistill.losses import Supervised
from skdistill.networks import MLP, Linear

CONTEXT, HORIZON = 12, 4
SERIES = ["a", "b"]
DOORS = ["predict", "saved", "predictor", "npz", "stream", "serve"]  # .pt2 and ONNX: test_exports_read_a_second_input


def make_panel():
    """Two shops of two kinds, each with a plan; the last rows are the horizon."""
    generator, parts = np.random.default_rng(0), {}
    for number, name in enumerate(SERIES):
        promo = (generator.random(90) < 0.4).astype(float)
        sales = 10 + 5 * number + 4 * promo + generator.normal(size=90)
        visits = generator.normal(size=90)
        index = pd.date_range("2024-01-01", periods=90, freq="h")
        columns = {"sales": sales, "promo": promo, "visits": visits, "size": float(number)}
        parts[name] = pd.DataFrame(columns, index=index)
    return pd.concat(parts, names=["shop", "time"])


def split(panel, flipped=False):
    """Return the past, and the plan of the horizon, as it is or flipped."""
    past = panel.groupby(level=0).head(90 - HORIZON)
    plan = panel.groupby(level=0).tail(HORIZON)[["promo"]]
    return past, 1 - plan if flipped else plan


@pytest.fixture(scope="module", params=[Linear(season=12), MLP(4)], ids=["Linear", "MLP"])
def forecaster(request):
    past, _ = split(make_panel())
    roles = {"targets": ["sales"], "known_covariates": ["promo"], "static_covariates": ["size"]}
    sizes = {"context_length": CONTEXT, "prediction_length": HORIZON, "max_epochs": 3}
    return DistilledForecaster(None, request.param, Supervised(), **roles, **sizes, random_state=0, device="cpu").fit(
        past
    )


def inputs(forecaster, past, plan):
    """Return contexts, future and static covariates as arrays, as an exported file takes them."""
    series = read_series(forecaster, past, reset=False, allow_batch=False).series
    batch = forecaster.predictor_.cutter(series).cut(range(len(series)), [len(one) for one in series])
    future = plan.to_numpy(np.float32).reshape(len(series), HORIZON, -1)
    return batch.values.astype(np.float32), future, batch.static.astype(np.float32)


def ask(door, forecaster, past, plan, folder):
    """Forecast at a door, (n_series, prediction_length)."""
    if door == "predict":
        answer = forecaster.predict(past, future=plan)
    elif door == "saved":
        forecaster.save(folder / "student")
        answer = load(folder / "student").predict(past, future=plan)
    elif door == "stream":
        answer = forecaster.stream(past).predict(plan)
    elif door == "serve":
        answer = ask_server(forecaster, past, plan, folder)
    elif door == "predictor":
        table, ahead = past.reset_index(), plan.reset_index()
        answer = forecaster.predictor(id="shop", time="time").predict_frame(pd.concat([table, ahead]))["sales"]
    else:
        answer = ask_file(door, forecaster, inputs(forecaster, past, plan), folder)
    return np.asarray(answer, dtype=np.float64).reshape(len(SERIES), HORIZON)


def ask_file(door, forecaster, arrays, folder):
    contexts, future, static = arrays
    path = folder / f"student.{door}"
    forecaster.export(path)
    return NumpyStudent.load(path).predict(contexts, SERIES, future, static)


def ask_server(forecaster, past, plan, folder):
    """Forecast by a request, which has the numbers of channels alone: static covariates cannot be served."""
    from skdistill.serving import Limits
    from skdistill.serving._batcher import _answer_batch, _Item
    from skdistill.serving._model import open_model
    from skdistill.serving._requests import make_reader

    forecaster.save(folder / "student.skdistill")
    model = open_model(folder / "student.skdistill")
    rows, ahead = ({name: one.loc[name].to_numpy().tolist() for name in SERIES} for one in (past, plan))
    question = make_reader(Limits())(json.dumps({"panel": rows, "future": ahead}).encode(), model)
    item = _Item(model, question.contexts, question.levels, None, question.series, question.future)
    return _answer_batch([item])[0][0]


@pytest.mark.parametrize("door", DOORS)
def test_a_flipped_covariate_changes_the_forecast_as_in_predict(door, forecaster, tmp_path):
    if door == "serve":
        pytest.importorskip("msgspec", reason="needs pip install 'skdistill[serve]'")
    found, panel = [], make_panel()
    if door == "serve":
        panel = panel.drop(columns="size")
        forecaster = clone(forecaster).set_params(static_covariates=None).fit(split(panel)[0])
    for flipped in (False, True):
        past, plan = split(panel, flipped)
        expected = forecaster.predict(past, future=plan).to_numpy().reshape(len(SERIES), HORIZON)
        found.append(ask(door, forecaster, past, plan, tmp_path))
        np.testing.assert_allclose(found[-1], expected, rtol=2e-4)
    assert np.abs(found[1] - found[0]).min() > 1e-3
