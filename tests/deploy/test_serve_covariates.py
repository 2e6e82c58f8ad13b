"""Served students with covariates known over the horizon: the second field of a request."""

import json

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_series

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
    item = _Item(model, question.contexts, question.levels, None, question.series, question.future, question.static)
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


SHOPS = {"a": "small", "b": "large", "c": "mall"}


def make_shops(seed=0):
    """Three shops with a weather that has three kinds, a plan of two kinds, and two attributes."""
    generator, parts = np.random.default_rng(seed), {}
    for number, (name, kind) in enumerate(SHOPS.items()):
        table = make_table(seed=seed + number)[["load"]]
        table["weather"] = generator.choice(["dry", "rain", "snow"], len(table))
        table["promo"] = generator.choice(["no", "yes"], len(table))
        table["kind"], table["size"] = kind, 10.0 * number
        table["load"] += 5.0 * number + 3.0 * (table["promo"] == "yes")
        parts[name] = table
    return pd.concat(parts, names=["shop", "time"])


@pytest.fixture(scope="module", params=["saved", "numpy"])
def shops(request, tmp_path_factory):
    """A forecaster with attributes and categories, and the model served from its file."""
    forecaster = DistilledForecaster(
        None, Linear(season=4), "response", targets=["load"], known_covariates=["promo"],
        static_covariates=["kind", "size"], context_length=LENGTH, prediction_length=HORIZON,
    ).fit(make_shops())  # fmt: skip
    path = tmp_path_factory.mktemp("shops") / ("student.skdistill" if request.param == "saved" else "student.npz")
    (forecaster.save if request.param == "saved" else forecaster.export)(path)
    return forecaster, open_model(path)


def body_of(panel):
    """Return the request for the last rows of a panel: all but the last are the past."""
    rows, futures, statics = {}, {}, {}
    for name, table in panel.groupby(level=0):
        fixed, table = table.iloc[0][["kind", "size"]].to_dict(), table[["load", "weather", "promo"]]
        rows[name] = table.iloc[:-HORIZON].astype(object).where(table.notna(), None).to_numpy().tolist()
        futures[name], statics[name] = table.iloc[-HORIZON:][["promo"]].to_numpy().tolist(), fixed
    return {"panel": rows, "future": futures, "static": statics}


def test_attributes_and_categories_are_those_of_predict(shops):
    forecaster, model = shops
    panel = make_shops(seed=1)
    past, plan = panel.groupby(level=0).head(len(panel) // 3 - HORIZON), panel.groupby(level=0).tail(HORIZON)
    body = body_of(panel)
    forecast, _ = ask(model, **body)
    expected = forecaster.predict(past, future=plan[["promo"]]).to_numpy().reshape(3, HORIZON, 1)
    np.testing.assert_allclose(forecast, expected, rtol=1e-4)
    for name in SHOPS:  # one context has the units of no series: another forecaster would be needed to tell them
        one = {"context": body["panel"][name], "future": body["future"][name], "static": body["static"][name]}
        alone, _ = ask(model, **one)
        renamed = ask(model, **{field: {"new": body[field][name]} for field in body})[0]
        np.testing.assert_allclose(alone, renamed)
    body["static"]["a"] = {"kind": "mall", "size": 50}
    changed, _ = ask(model, **body)
    assert np.abs(changed - forecast)[0].max() > 1e-3
    np.testing.assert_allclose(changed[1:], forecast[1:])
    body["static"]["a"] = {"kind": None, "size": None}  # the mean of the shops
    assert np.isfinite(ask(model, **body)[0]).all()


def test_requests_with_attributes_are_batched(shops):
    _, model = shops
    body, reader = body_of(make_shops(seed=1)), make_reader(Limits())
    together, _ = ask(model, **body)
    parts = [{field: {name: body[field][name]} for field in body} for name in SHOPS]
    questions = [reader(json.dumps(one).encode(), model) for one in parts]
    items = [_Item(model, one.contexts, (), None, one.series, one.future, one.static) for one in questions]
    np.testing.assert_allclose(np.concatenate([one for one, _ in _answer_batch(items)]), together, rtol=1e-6)


def test_it_describes_attributes_and_categories(shops):
    _, model = shops
    facts = model.facts()
    assert facts["channels"] == ["load", "weather", "promo"]
    assert (facts["targets"], facts["known"], facts["static"]) == (["load"], ["promo"], ["kind", "size"])
    assert facts["categories"]["kind"] == ["large", "mall", "small"]
    described = describe(model, Limits(), "1")
    schema = described["components"]["schemas"]["Request"]
    assert schema["required"] == ["future", "static"]
    assert schema["properties"]["context"]["items"]["prefixItems"][1] == {"enum": ["dry", "rain", "snow", None]}
    assert schema["properties"]["static"]["oneOf"][0]["properties"]["size"] == {"type": ["number", "null"]}
    content = described["paths"]["/forecast"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"]["static"] == {"kind": "large", "size": 1.5}
    assert np.isfinite(ask(model, **content["example"])[0]).all()  # the example is a request


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"static": None}, "static is missing: the model reads kind, size; write null"),
        ({"static": {"kind": "mall"}}, "static must have kind, size, null where missing; it does not have 'size'"),
        ({"static": {"kind": "mall", "size": 1, "age": 3}}, "static must have kind, size.*; it has 'age'"),
        ({"static": {"kind": "kiosk", "size": 1}}, r"kind of static must be among .*'large', 'mall'.*got 'kiosk'"),
        ({"static": {"kind": "mall", "size": "big"}}, "size of static must be numbers; got 'big'"),
        ({"static": {"kind": "mall", "size": True}}, "size of static must be numbers; got true: write 1 or 0"),
        ({"static": {"kind": "mall", "size": 10**400}}, "every number of static must be finite in float64"),
        ({"static": {"kind": {"a": 1}, "size": 1}}, "kind of static must be one value"),
        ({"static": [1.0]}, "does not have the expected form"),
        ({"future": [["maybe"]] * 4}, "promo of future must be among .* got 'maybe'"),
        ({"context": [[1.0, "fog", "no"]] * LENGTH}, "weather of context must be among .* or null; got 'fog'"),
        ({"context": [["1.0", "dry", "no"]] * LENGTH}, "load of context must be numbers; got '1.0'"),
        ({"context": [[True, "dry", "no"]] * LENGTH}, "load of context must be numbers; got true: write 1 or 0"),
        ({"context": [[1.0, "dry"]] * LENGTH}, r"every row of context must have 3 values \(load, weather, promo\)"),
    ],
)
def test_what_is_wrong_with_attributes_is_said(shops, change, sentence):
    body = {"context": [[1.0, "dry", None]] * LENGTH, "future": [["yes"]] * 4, "static": {"kind": "mall", "size": 1}}
    with pytest.raises(Refused, match=sentence):
        ask(shops[1], **{**body, **change})


def test_a_panel_and_its_attributes_have_the_same_series(shops):
    body = body_of(make_shops())
    del body["static"]["b"]
    with pytest.raises(Refused, match="static must have the series of panel: 'b' is not in static"):
        ask(shops[1], **body)
    body["static"]["b"] = 3.0
    with pytest.raises(Refused, match="static must have kind, size of each series; 'b' has a single value"):
        ask(shops[1], **body)


def test_a_student_without_attributes_refuses_them(served):
    ahead = [[1.0, 2.0]] * HORIZON
    with pytest.raises(Refused, match="static must be left out: this model reads no static covariates"):
        ask(served[1], context=make_table().to_numpy().tolist(), future=ahead, static={"size": 1.0})


LARGE = 2**53  # the next whole number is none of float64


@pytest.mark.parametrize(
    ("categories", "known", "unknown"),
    [([0, 1, 2], [0, 1.0, 2], [True, False, "1", 1.5]), ([False, True], [True, False], [1, 0, "true"]),
     ([LARGE, LARGE + 1], [LARGE, LARGE + 1], [LARGE + 2, 1])],
)  # fmt: skip
def test_truth_values_and_numbers_are_other_categories(categories, known, unknown, tmp_path):
    values = make_series(60, 1)[:, 0]
    frame = pd.DataFrame({"load": values, "kind": pd.Categorical(np.resize(categories, 60), categories=categories)})
    forecaster = make_forecaster(teacher=None, student=Linear(), targets=["load"]).fit(frame)
    forecaster.save(tmp_path / "student.skdistill")
    model, read = open_model(tmp_path / "student.skdistill"), make_reader(Limits())
    body = lambda one: json.dumps({"context": [[1.0, one]] * 12}).encode()  # noqa: E731
    for one in known:
        expected = forecaster.roles_.to_channels(np.array([[1.0, float(categories.index(one))]]))
        np.testing.assert_array_equal(read(body(one), model).contexts[0, -1:], expected)
    for one in unknown:
        with pytest.raises(Refused, match="must be among the categories"):
            read(body(one), model)
