"""Served students with covariates known over the horizon: the second field of a request."""

import json

import numpy as np
import pandas as pd
import pytest
from doubles import make_series

from skdistill import DistilledForecaster
from skdistill.networks import MLP, Linear
from skdistill.serving import Limits
from skdistill.serving._batcher import _answer_batch, _Item
from skdistill.serving._model import open_model
from skdistill.serving._openapi import describe
from skdistill.serving._refused import Refused
from skdistill.serving._requests import make_reader

pytest.importorskip("msgspec", reason="serving needs msgspec: pip install 'skdistill[serve]'")

LENGTH, HORIZON = 12, 4


def make_table(n_rows=160, seed=0):
    values = make_series(n_rows, 3, seed=seed)
    index = pd.date_range("2024-01-01", periods=n_rows, freq="h")
    values[:, 0] += 2.0 * values[:, 1]
    return pd.DataFrame(values, index=index, columns=["load", "wind", "sun"])


@pytest.fixture(scope="module", params=["saved", "numpy"])
def served(request, tmp_path_factory):
    """A forecaster and the model served from its file."""
    student = MLP(4, batch_norm=False)
    forecaster = DistilledForecaster(
        None, student, "response", targets=["load"], known_covariates=["sun", "wind"], context_length=LENGTH,
        prediction_length=HORIZON, quantiles=(0.1, 0.5, 0.9), max_epochs=1, random_state=0, device="cpu",
    ).fit(make_table())  # fmt: skip
    suffix = ".skdistill" if request.param == "saved" else ".npz"
    path = tmp_path_factory.mktemp("served") / f"student{suffix}"
    (forecaster.save if suffix == ".skdistill" else forecaster.export)(path)
    return forecaster, open_model(path)


def ask(model, **body):
    """Read a request and answer it."""
    question = make_reader(Limits())(json.dumps(body).encode(), model)
    item = _Item(model, question.contexts, question.levels, None, question.series, question.future)
    answer = _answer_batch([item])[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_a_forecast_is_that_of_predict(served):
    forecaster, model = served
    table = make_table()
    future = make_table(seed=1)[["sun", "wind"]].iloc[:HORIZON].to_numpy()
    context = table.to_numpy().tolist()
    forecast, quantiles = ask(model, context=context, future=future.tolist(), quantiles=True)
    np.testing.assert_allclose(forecast[0], forecaster.predict(table, future=future), rtol=1e-5)
    expected = forecaster.predict_quantiles(table, future=future).to_numpy()
    np.testing.assert_allclose(quantiles[0].reshape(HORIZON, -1), expected, rtol=1e-5)
    flipped, _ = ask(model, context=context, future=(-future).tolist())
    assert np.abs(flipped - forecast).max() > 1e-3


def test_null_is_unknown(served):
    forecaster, model = served
    table = make_table()
    future = make_table(seed=1)[["sun", "wind"]].iloc[:HORIZON].to_numpy(copy=True)
    future[2:, 0] = np.nan
    rows = [[None if np.isnan(value) else value for value in row] for row in future]
    forecast, _ = ask(model, context=table.to_numpy().tolist(), future=rows)
    np.testing.assert_allclose(forecast[0], forecaster.predict(table, future=future), rtol=1e-5)


def test_a_panel_has_futures_by_series_and_requests_are_batched(served):
    _, model = served
    tables = {name: make_table(seed=seed).to_numpy().tolist() for seed, name in enumerate("ab")}
    futures = {name: np.full((HORIZON, 2), float(number)).tolist() for number, name in enumerate("ba")}  # other order
    together, _ = ask(model, panel=tables, future=futures)
    reader = make_reader(Limits())
    items = []
    for number, name in enumerate("ab"):
        alone, _ = ask(model, context=tables[name], future=futures[name])
        np.testing.assert_allclose(together[number], alone[0], rtol=1e-6)
        question = reader(json.dumps({"context": tables[name], "future": futures[name]}).encode(), model)
        items.append(_Item(model, question.contexts, (), None, question.series, question.future))
    batched = _answer_batch(items)
    np.testing.assert_allclose(np.concatenate([one for one, _ in batched]), together, rtol=1e-6)


def test_it_says_what_is_known(served):
    _, model = served
    facts = model.facts()
    names = ["sun", "wind"] if facts["channels"][0] == "load" else ["channel 2", "channel 1"]
    assert facts["known"] == names
    schema = describe(model, Limits(), "1")["components"]["schemas"]["Request"]
    assert schema["required"] == ["future"]
    assert schema["properties"]["future"]["oneOf"][0]["maxItems"] == HORIZON


@pytest.mark.parametrize(
    ("future", "sentence"),
    [
        (None, r"future is missing: the model reads 4 rows of .*; write null where a value is unknown"),
        ([[1.0, 2.0]] * 3, "future must have 4 rows; got 3"),
        ([[1.0, 2.0]] * 5, "future must have 4 rows; got 5"),
        ([[1.0]] * 4, r"every row of future must have 2 numbers \(.*\); row 0 has 1"),
        ({"a": [[1.0, 2.0]] * 4}, "future must be rows, as context is"),
    ],
)
def test_what_is_wrong_is_said(served, future, sentence):
    with pytest.raises(Refused, match=sentence):
        ask(served[1], context=make_table().to_numpy().tolist(), future=future)


def test_a_panel_and_its_future_have_the_same_series(served):
    rows, ahead = make_table().to_numpy().tolist(), [[1.0, 2.0]] * 4
    with pytest.raises(Refused, match="'b' is not in future"):
        ask(served[1], panel={"a": rows, "b": rows}, future={"a": ahead})
    with pytest.raises(Refused, match="'c' is not in panel"):
        ask(served[1], panel={"a": rows}, future={"a": ahead, "c": ahead})
    with pytest.raises(Refused, match="future must be rows by series, as panel is"):
        ask(served[1], panel={"a": rows}, future=ahead)


def test_a_student_without_known_covariates_refuses_a_future(tmp_path):
    path = tmp_path / "plain.skdistill"
    table = make_table()[["load"]]
    DistilledForecaster(None, Linear(), "response", context_length=LENGTH, prediction_length=HORIZON).fit(table).save(
        path
    )
    with pytest.raises(Refused, match="future must be left out"):
        ask(open_model(path), context=table.to_numpy().tolist(), future=[[1.0]] * 4)


def test_static_and_categorical_covariates_cannot_be_served(tmp_path):
    panel = pd.concat({name: make_table(seed=seed).assign(size=float(seed)) for seed, name in enumerate("abc")})
    path = tmp_path / "static.skdistill"
    DistilledForecaster(
        None, Linear(season=4), "response", targets=["load"], static_covariates=["size"], context_length=LENGTH,
        prediction_length=HORIZON,
    ).fit(panel.rename_axis(["series", "time"])).save(path)  # fmt: skip
    with pytest.raises(ValueError, match="fitted with static or categorical covariates"):
        open_model(path)
