"""A server answers whatever comes with a forecast or a sentence, and nothing that a client sends harms another.

Everything stays on 127.0.0.1, and every wait has an end.
"""

import contextlib
import http.client
import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from forked import start_script

import skdistill
from skdistill import DistilledRegressor, load
from skdistill.deploy import NumpyStudent
from skdistill.networks import DLinear, ITransformer, Linear
from skdistill.serving import Limits, _batcher, make_app
from skdistill.serving._batcher import _answer_batch, _Item
from skdistill.serving._model import ServedModel, open_model
from skdistill.serving._openapi import describe
from skdistill.serving._refused import Refused
from skdistill.serving._server import make_server

pytestmark = pytest.mark.slow  # it waits for time limits of real connections

pytest.importorskip("msgspec", reason="needs pip install 'skdistill[serve]'")
pytest.importorskip("prometheus_client", reason="needs pip install 'skdistill[serve]'")
pytest.importorskip("starlette", reason="needs pip install 'skdistill[serve]'")
pytest.importorskip("uvicorn", reason="needs pip install 'skdistill[serve]'")

COMMAND = Path(skdistill.__file__).with_name("__main__.py")  # python -m skdistill
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two students on the same channels, one with quantiles, and the latter in a file for NumPy."""
    folder = tmp_path_factory.mktemp("served")
    plain = make_forecaster(teacher=None, student=Linear(season=4)).fit(make_frame())
    plain.save(folder / "plain.skdistill")
    around = make_forecaster(teacher=None, student=DLinear(3), quantiles=LEVELS).fit(make_frame())
    around.save(folder / "quantiles.skdistill")
    around.export(folder / "quantiles.npz")
    return folder


@contextlib.contextmanager
def running(path, watch=None, **limits):
    """Run a server in a thread, and give its port."""
    server = make_server(path, port=0, watch=watch, limits=Limits(**{"stop_seconds": 3.0, **limits}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


def until(condition, seconds=10.0):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def ask(port, body=None, path="/forecast", method=None):
    """Send one request; return the status and what JSON says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body)
        answer = connection.getresponse()
        text = answer.read()
        is_json = answer.headers["content-type"] == "application/json"
        return answer.status, json.loads(text) if is_json else text.decode()
    finally:
        connection.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_all(connection):
    """Read until the server closes; a reset counts as closed."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def head(length, path="/forecast", method="POST"):
    return f"{method} {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def port(folder):
    with running(folder / "quantiles.skdistill", body_bytes=100_000, series=20, body_seconds=5.0) as port:
        yield port


@pytest.fixture
def quiet(caplog):
    """Fail where the server logs an error, a traceback above all."""
    caplog.set_level(logging.WARNING)
    yield
    errors = [one for one in caplog.get_records("call") if one.levelno >= logging.ERROR or one.exc_info]
    assert [one.getMessage() for one in errors] == []


ROWS = make_series(40, seed=3)


# -- what it answers -------------------------------------------------------------------------------


def test_a_forecast_is_that_of_predict(folder, port, quiet):
    status, answer = ask(port, {"context": ROWS.tolist()})
    assert (status, set(answer)) == (200, {"forecast"})
    np.testing.assert_allclose(
        answer["forecast"], load(folder / "quantiles.skdistill").predict(ROWS[None])[0], rtol=1e-6
    )
    assert ask(port, {"context": ROWS[-12:].tolist(), "quantiles": None})[1] == answer  # the last rows count


@pytest.mark.parametrize("kind", ["skdistill", "npz"])
def test_quantiles_are_those_of_the_model(kind, folder, quiet):
    forecaster = load(folder / "quantiles.skdistill")
    with running(folder / f"quantiles.{kind}") as port:
        _, fitted = ask(port, {"context": ROWS.tolist(), "quantiles": True})
        _, some = ask(port, {"context": ROWS.tolist(), "quantiles": [0.9, 0.1]})
        status, between = ask(port, {"context": ROWS.tolist(), "quantiles": [0.25]})
        beyond = ask(port, {"context": ROWS.tolist(), "quantiles": [0.95]})
    expected = forecaster.predict_quantiles(ROWS[None])[0]
    assert list(fitted["quantiles"]) == ["0.1", "0.5", "0.9"]
    for number, values in enumerate(fitted["quantiles"].values()):
        np.testing.assert_allclose(values, expected[..., number], rtol=1e-6)
    assert some["quantiles"] == {level: fitted["quantiles"][level] for level in ("0.1", "0.9")}
    if kind == "npz":
        assert status == 422
        assert "must be among [0.1, 0.5, 0.9]" in between["error"]
    else:
        exact = forecaster.predict_quantiles(ROWS[None], quantiles=[0.25])[0, ..., 0]
        np.testing.assert_allclose(between["quantiles"]["0.25"], exact, rtol=1e-6)
    assert beyond[0] == 422
    assert "between 0.1 and 0.9" in beyond[1]["error"]


@pytest.mark.parametrize("kind", ["skdistill", "npz"])
def test_null_is_a_missing_value(kind, folder, quiet):
    forecaster = load(folder / "quantiles.skdistill")
    gaps = np.where(np.random.default_rng(0).random(ROWS.shape) < 0.3, np.nan, ROWS)
    gaps[-12:-6] = np.nan  # a series that is short
    asked = [[None if np.isnan(value) else value for value in row] for row in gaps]
    with running(folder / f"quantiles.{kind}") as port:
        status, answer = ask(port, {"context": asked, "quantiles": True})
        dead = ask(port, {"panel": {"a": asked, "b": [[1.0, None]] * 12}})
        few = ask(port, {"context": asked[:5]})
    assert status == 200
    np.testing.assert_allclose(answer["forecast"], forecaster.predict(gaps[None])[0], rtol=1e-6)
    np.testing.assert_allclose(
        answer["quantiles"]["0.1"], forecaster.predict_quantiles(gaps[None])[0, ..., 0], rtol=1e-6
    )
    assert dead[0] == few[0] == 422
    assert re.search(r"series 'b' of panel has only null for (c1|channel 1) in its last 12 rows", dead[1]["error"])
    assert "write rows of null before them" in few[1]["error"]


def test_a_panel_is_answered_series_by_series(folder, port, quiet):
    forecaster = load(folder / "quantiles.skdistill")
    panel = {f"shop {number}": make_series(12 + number, seed=number) for number in range(5)}
    request = {"panel": {name: rows.tolist() for name, rows in panel.items()}, "quantiles": [0.5]}
    status, answer = ask(port, request)
    assert status == 200
    assert list(answer["panel"]) == list(panel)
    for name, rows in panel.items():
        np.testing.assert_allclose(answer["panel"][name]["forecast"], forecaster.predict(rows[None])[0], rtol=1e-5)
        assert answer["panel"][name]["quantiles"].keys() == {"0.5"}


@pytest.mark.parametrize("at_once", [0.0, 10.0], ids=["in a thread", "in the loop"])
def test_many_at_once_get_each_their_own(at_once, folder, port, quiet, monkeypatch):
    monkeypatch.setattr(_batcher, "_AT_ONCE", at_once)
    forecaster = load(folder / "quantiles.skdistill")
    contexts = [make_series(12, seed=seed) for seed in range(60)]
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda one: ask(port, {"context": one.tolist()}), contexts))
    assert {status for status, _ in answers} == {200}
    for context, (_, answer) in zip(contexts, answers, strict=True):
        np.testing.assert_allclose(answer["forecast"], forecaster.predict(context[None])[0], rtol=1e-5)


def test_it_describes_itself(port, folder):
    assert ask(port, path="/health") == (200, {"status": "ok"})
    status, facts = ask(port, path="/model")
    assert status == 200
    assert facts["channels"] == facts["targets"] == ["c0", "c1"]
    assert (facts["context_length"], facts["prediction_length"], facts["quantiles"]) == (12, 4, list(LEVELS))
    status, page = ask(port, path="/docs")
    assert status == 200
    assert "http" not in page.replace("<!doctype html>", "").lower().replace("http-equiv", "")  # nothing from elsewhere


def test_openapi_describes_what_is_taken_and_given(port):
    jsonschema = pytest.importorskip("jsonschema", reason="needs pip install jsonschema")
    _, document = ask(port, path="/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert {"/forecast", "/model", "/health", "/metrics"} <= document["paths"].keys()

    def valid(name, value):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        return jsonschema.Draft202012Validator(schema).is_valid(value)

    rows = ROWS.tolist()
    body = document["paths"]["/forecast"]["post"]["requestBody"]["content"]["application/json"]
    for request, expected in [
        (body["example"], True),
        ({"context": rows}, True),
        ({"context": rows, "quantiles": True}, True),
        ({"panel": {"a": rows}, "quantiles": [0.2]}, True),
        ({"context": rows[:5]}, False),
        ({"context": [[1.0]] * 12}, False),
        ({"context": rows, "panel": {"a": rows}}, False),
        ({"context": rows, "quantiles": [0.99]}, False),
        ({}, False),
    ]:
        assert valid("Request", request) == expected, request
        assert (ask(port, request)[0] == 200) == expected, request
    answer = ask(port, {"context": rows, "quantiles": True})[1]
    assert valid("Forecast", answer)
    assert not valid("Forecast", {"forecast": answer["forecast"][:2]})
    assert valid("Error", ask(port, {})[1])


def test_without_quantiles_none_are_described_or_given(folder):
    model = open_model(folder / "plain.skdistill")
    described = describe(model, Limits(), "1")["components"]["schemas"]
    assert "quantiles" not in described["Request"]["properties"]
    with running(folder / "plain.skdistill") as port:
        status, answer = ask(port, {"context": ROWS.tolist(), "quantiles": True})
    assert status == 422
    assert "no quantiles" in answer["error"]


def test_metrics_count(folder, quiet):
    with running(folder / "plain.skdistill") as port:
        for _ in range(3):
            ask(port, {"context": ROWS.tolist()})
        ask(port, {"context": []})
        ask(port, path="/nothing")
        text = ask(port, path="/metrics")[1]
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['skdistill_requests_total{path="/forecast",status="200"}'] == "3.0"
    assert lines['skdistill_requests_total{path="/forecast",status="422"}'] == "1.0"
    assert lines['skdistill_requests_total{path="other",status="404"}'] == "1.0"
    assert lines["skdistill_request_seconds_count"] == "4.0"
    assert lines["skdistill_batch_contexts_sum"] == "3.0"
    assert float(lines["skdistill_connections"]) >= 1.0


# -- requests that cannot be answered --------------------------------------------------------------


def context(*changed):
    """Write a context whose last rows are these pieces of JSON."""
    rows = ["[1.0, 2.0]"] * (12 - len(changed)) + list(changed)
    return f'{{"context": [{", ".join(rows)}]}}'.encode()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "must be JSON"),
        (b"no JSON", 400, "must be JSON"),
        (b"\xff\xfe", 400, "must be JSON"),
        (b'{"context": ' + b"[" * 40_000, 422, "Expected `float | null`, got `array`"),
        (b'{"x": ' + b"[" * 90_000, 422, "unknown field `x`"),
        (b'{"panel": {"\\ud800": []}}', 400, "must be JSON"),
        (b"[]", 422, "Expected `object`"),
        (b"{}", 422, "either"),
        (b'{"context": [], "panel": {}}', 422, "either"),
        (b'{"context": []}', 422, "context must have at least 12 rows; got 0"),
        (b'{"context": [[1, 2]], "contxt": 1}', 422, "unknown field `contxt`"),
        (context("[1.0]"), 422, "every row of context must have 2 numbers; row 11 has 1"),
        (context("[1, 2, 3]"), 422, "row 11 has 3"),
        (context('[1, "2"]'), 422, "got `str`"),
        (context("[1, true]"), 422, "write truth values as 1 or 0"),
        (context("[1, NaN]"), 400, "must be JSON"),
        (context("[1, -Infinity]"), 400, "must be JSON"),
        (context("[1, 1e999]"), 422, "finite in float64: out of range at $.context[11][1]"),
        (context("[1, -1" + 400 * "0" + "]"), 422, "out of range"),
        (context("[1, 1" + 5000 * "0" + "]"), 422, "out of range"),
        (context("[1, 1e300]"), 422, "is not finite"),
        (context("[-1e39, 1e39]"), 422, "is not finite"),
        (b'{"panel": {}}', 422, "between 1 and 20 series; got 0"),
        (json.dumps({"panel": {str(one): [] for one in range(21)}}).encode(), 422, "got 21"),
        (b'{"panel": {"a": [[1, 2]], "\\u0061": [[1, 2]]}}', 422, "panel must name everything once; it has 'a' twice"),
        (b'{"context": [[1, 2]], "future": {"a": [], "b": [], "a": []}}', 422, "future must name everything once"),
        (b'{"context": [[1, 2]], "context": [[3, 4]]}', 422, "the body must name everything once; it has 'context'"),
        (b'{"quantiles": true, "panel": {}, "\\u0071uantiles": null}', 422, "it has 'quantiles' twice"),
        (
            b'{"context": [[1, 2]], "static": {"a": {"x": 1, "x": 2}}}',
            422,
            "static must name everything once; it has 'x'",
        ),
        (json.dumps({"panel": {"good": ROWS.tolist(), "bad": [[1, 2]]}}).encode(), 422, "series 'bad' of panel"),
        (b'{"context": [[1, 2]], "quantiles": 0.5}', 422, "quantiles"),
        (json.dumps({"context": ROWS.tolist(), "quantiles": [2]}).encode(), 422, "between 0.1 and 0.9"),
        (json.dumps({"context": ROWS.tolist(), "quantiles": list(np.linspace(0.1, 0.9, 200))}).encode(), 422, "99"),
    ],
)
def test_what_is_wrong_is_said(body, status, sentence, port, quiet):
    found, answer = ask(port, body)
    assert (found, sentence in answer["error"]) == (status, True), answer
    assert answer["error"].endswith(".")


def test_numbers_of_any_size_that_have_a_forecast_are_taken(port, quiet):
    status, answer = ask(port, context("[1e-400, 12345678901234567890123]", "[0.1" + "1" * 3000 + ", -0.0]"))
    assert status == 200
    assert np.isfinite(answer["forecast"]).all()


def test_paths_and_methods_that_are_none(port, quiet):
    status, answer = ask(port, path="/x" * 2000)
    assert status == 404
    assert len(answer["error"]) < 300
    assert ask(port, path="/forecast")[0] == 405
    status, answer = ask(port, b"{}", path="/health")
    assert status == 405
    assert "GET" in answer["error"]
    assert ask(port, {"context": ROWS.tolist()}, path="/forecast/")[0] == 404


def test_what_a_head_asks_for_without_effect_is_refused(port, quiet):
    status, answer = ask(port, {"context": ROWS.tolist()}, path="/forecast?quantiles=true")
    assert (status, "no query; got 'quantiles=true'" in answer["error"]) == (422, True)
    body = json.dumps({"context": ROWS.tolist()}).encode()
    for encoding, status in (("gzip", 415), ("br", 415), ("identity", 200)):
        with connect(port) as connection:
            head = f"content-encoding: {encoding}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            connection.sendall(b"POST /forecast HTTP/1.1\r\nhost: here\r\n" + head.encode() + body)
            assert b"HTTP/1.1 %d" % status in read_all(connection)


def test_a_body_too_large_is_refused_and_the_next_request_answered(port, quiet):
    status, answer = ask(port, b" " * 100_001)
    assert status == 413
    assert "at most 100000 bytes" in answer["error"]
    with connect(port) as connection:  # in pieces, and without an end
        connection.sendall(b"POST /forecast HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b"800\r\n" + b" " * 0x800 + b"\r\n")
        assert b"HTTP/1.1 413" in read_all(connection)
    with connect(port) as connection:  # declared, and not sent
        start = time.perf_counter()
        connection.sendall(b"POST /forecast HTTP/1.1\r\nhost: here\r\ncontent-length: 100001\r\n\r\n")
        assert b"HTTP/1.1 413" in read_all(connection)
        assert time.perf_counter() - start < 10
    assert ask(port, path="/health")[0] == 200


def test_bodies_under_way_are_limited_together(folder, quiet):
    with running(folder / "plain.skdistill", bodies_bytes=50_000) as port:
        half = [connect(port) for _ in range(3)]
        for one in half:
            one.sendall(head(40_000) + b" " * 20_000)
            time.sleep(0.2)
        assert b"too many bodies are under way" in read_all(half[2])
        half[0].close()
        until(lambda: "skdistill_connections 2.0" in ask(port, path="/metrics")[1])  # half[1], and this one
        half[1].sendall(b" " * 20_000)
        assert b"HTTP/1.1 400" in half[1].recv(100)
        half[1].close()
        until(lambda: ask(port, {"context": ROWS.tolist()})[0] == 200)
        assert ask(port, b" " * 45_000)[0] == 400  # nothing is held any more


def test_a_student_too_large_to_be_asked_is_refused_at_the_start(tmp_path):
    arrays = {"weight_0": np.ones((1, 12)), "bias_0": np.zeros(1), "center": np.zeros(1), "targets": np.arange(1)}
    NumpyStudent({**arrays, "n_channels": np.array(2**31 - 1)}).save(tmp_path / "student.npz")
    with pytest.raises(ValueError, match="a context of its student has 25769803764 numbers"):
        open_model(tmp_path / "student.npz")


# -- one bad request beside good ones --------------------------------------------------------------


class Choosy:
    """A student that fails where any context of a batch holds a 13, and gives infinity where one holds a 7."""

    def __init__(self):
        self.sizes = []

    def predict(self, contexts):
        self.sizes.append(len(contexts))
        if (contexts == 13).any():
            raise RuntimeError("thirteen")
        if (contexts == 99).any():
            raise ValueError("ninety-nine is no number.")
        return np.where((contexts == 7).any(axis=(1, 2), keepdims=True), np.inf, contexts[:, -1:])


def choosy():
    return ServedModel(Choosy(), 2, 1, 1, None, (0,), None)


def test_one_bad_request_spoils_no_other_of_its_batch(caplog):
    model = choosy()
    items = [_Item(model, np.full((1, 2, 1), float(value)), (), None) for value in (1, 13, 2, 7, 99, 3)]
    answers = _answer_batch(items)
    assert [answers[number][0].item() for number in (0, 2, 5)] == [1.0, 2.0, 3.0]
    assert [(answers[number].status, str(answers[number])[:25]) for number in (1, 3, 4)] == [
        (500, "the model failed; the ser"),
        (422, "the forecast is not finit"),
        (422, "the context cannot be for"),
    ]
    assert all(isinstance(answers[number], Refused) for number in (1, 3, 4))
    assert "thirteen" in caplog.text  # in the log alone
    assert model.student.sizes == [6] + [1] * 6


def test_numbers_too_large_beside_others(port, quiet):
    good, bad = {"context": ROWS.tolist()}, json.loads(context("[1, 1e300]"))
    expected = ask(port, good)[1]["forecast"]
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda one: ask(port, one), [good, bad, good] * 30))
    assert [status for status, _ in answers] == [200, 422, 200] * 30
    for _, answer in answers[::3]:
        np.testing.assert_allclose(answer["forecast"], expected, rtol=1e-6)


def test_what_waits_while_a_batch_is_computed_goes_together(folder, monkeypatch):
    sizes, gate = [], threading.Event()
    forecast = ServedModel.forecast

    def slow(self, contexts):
        sizes.append(len(contexts))
        gate.wait(10)
        return forecast(self, contexts)

    monkeypatch.setattr(_batcher, "_AT_ONCE", 0.0)  # whatever takes long is computed in a thread
    with running(folder / "plain.skdistill", batch=8) as port, ThreadPoolExecutor(12) as clients:
        monkeypatch.setattr(ServedModel, "forecast", slow)
        answers = [clients.submit(ask, port, {"context": ROWS.tolist()})]
        until(lambda: sizes == [1])
        answers += [clients.submit(ask, port, {"context": ROWS.tolist()}) for _ in range(11)]
        until(lambda: "skdistill_waiting_contexts 11.0" in ask(port, path="/metrics")[1])
        gate.set()
        assert {one.result()[0] for one in answers} == {200}
    assert sizes == [1, 8, 3]


def test_too_many_that_wait_and_answers_that_take_too_long(folder, monkeypatch):
    gate = threading.Event()
    forecast = ServedModel.forecast
    monkeypatch.setattr(_batcher, "_AT_ONCE", 0.0)
    with running(folder / "plain.skdistill", waiting=2, answer_seconds=1.0) as port, ThreadPoolExecutor(8) as clients:
        monkeypatch.setattr(ServedModel, "forecast", lambda self, given: gate.wait(10) and forecast(self, given))
        answers = [clients.submit(ask, port, {"context": ROWS.tolist()}) for _ in range(6)]
        results = [one.result() for one in answers]
        gate.set()
        assert {status for status, _ in results} == {503}
        reasons = sorted({answer["error"] for _, answer in results})
        assert [one[:30] for one in reasons] == ["no forecast within 1 seconds: ", "too many contexts wait for the"]
        until(lambda: ask(port, {"context": ROWS.tolist()})[0] == 200)


# -- clients that are slow, many, or gone ----------------------------------------------------------


def test_slow_heads_bodies_and_idle_connections_are_closed(folder, quiet):
    limits = {"head_seconds": 0.6, "body_seconds": 0.6, "idle_seconds": 0.8}
    with running(folder / "plain.skdistill", **limits) as port:
        started = time.monotonic()
        silent, slow_head, slow_body, used = (connect(port) for _ in range(4))
        slow_body.sendall(head(1000))
        used.sendall(head(0, "/health", "GET"))
        assert b"200 OK" in used.recv(100)
        end, dropped = time.monotonic() + 6, set()
        while time.monotonic() < end and len(dropped) < 2:  # a byte now and then is no progress
            for name, connection, byte in (("head", slow_head, b"P"), ("body", slow_body, b" ")):
                try:
                    connection.sendall(byte)
                except ConnectionError:
                    dropped.add(name)
            time.sleep(0.1)
        assert dropped == {"head", "body"}
        assert read_all(silent) == b""
        assert read_all(used).endswith(b'{"status":"ok"}')
        assert time.monotonic() - started < 10
        assert ask(port, {"context": ROWS.tolist()})[0] == 200
        text = ask(port, path="/metrics")[1]
    assert 'skdistill_connections_closed_total{reason="head too slow"} 1.0' in text
    assert 'skdistill_connections_closed_total{reason="idle"} 2.0' in text
    assert 'skdistill_requests_total{path="/forecast",status="408"} 1.0' in text


def test_a_late_head_and_a_late_body_are_told(folder, quiet):
    with running(folder / "plain.skdistill", head_seconds=0.4, body_seconds=0.4) as port:
        with connect(port) as connection:
            connection.sendall(b"POST /forecast HTT")
            assert read_all(connection).startswith(b"HTTP/1.1 408")
        with connect(port) as connection:
            connection.sendall(head(100) + b"{")
            assert b"the body must arrive within 0.4 seconds" in read_all(connection)


def test_a_client_that_does_not_read_is_cut(folder, quiet):
    panel = {"panel": {f"{number:04}" * 20: ROWS[-12:].round(3).tolist() for number in range(4000)}}
    body = json.dumps(panel).encode()
    with running(folder / "plain.skdistill", answer_seconds=0.5, series=5000) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(15)
        many = (head(len(body)) + body) * 30  # more than the system keeps for a client that does not read
        with pytest.raises(ConnectionError):
            connection.sendall(many)
        text = ask(port, path="/metrics")[1]
    assert 'connections_closed_total{reason="answer too slow"} 1.0' in text


def test_connections_are_limited(folder, quiet):
    with running(folder / "plain.skdistill", connections=4) as port:
        crowd = [connect(port) for _ in range(4)]
        crowd[-1].sendall(head(0, "/health", "GET"))
        assert b"200 OK" in crowd[-1].recv(1 << 16)
        for _ in range(20):
            with connect(port) as one_more:
                assert read_all(one_more).startswith(b"HTTP/1.1 503")
        for one in crowd:
            one.close()

        def is_free():
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                return ask(port, path="/health")[0] == 200

        until(is_free)


def test_dropped_connections_leave_no_trace(port, quiet):
    body = json.dumps({"context": ROWS.tolist()}).encode()
    whole, generator = head(len(body)) + body, random.Random(0)
    for number in range(60):
        with connect(port) as connection:
            if number % 2:  # a reset, not a goodbye
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(whole[: generator.randrange(1, len(whole) + 1)])
    assert ask(port, {"context": ROWS.tolist()})[0] == 200


def test_bytes_that_are_no_http_leave_no_trace(port, quiet):
    body = json.dumps({"context": ROWS[-12:].tolist()}).encode()
    chunked = b"POST /forecast HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n5\r\n"
    starts = [head(len(body)) + body, chunked + body, head(9, "/nothing") + body, head(0, "/health", "GET") * 3]
    starts += [chunked.replace(b"/forecast", b"/nothing") + b"hello\r\nno length\r\n"]  # answered 404 and 400 at once
    starts += [chunked.replace(b"host", b"expect: 100-continue\r\nhost") + b"5x", chunked + b"12345\r\nno length\r\n"]
    generator = random.Random(1)
    for _ in range(300):
        data = bytearray(generator.choice(starts))
        for _ in range(generator.choice([0, 1, 3, 30])):
            data[generator.randrange(len(data))] = generator.randrange(256)
        with connect(port) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
    assert ask(port, {"context": ROWS.tolist()})[0] == 200


@pytest.mark.parametrize("piece", [b"[1],", b"[],", b"1,", b"1.5,", b"0" * 700 + b"e-5,", b'"a",'])
def test_reading_json_takes_a_limited_time(piece, folder, quiet):
    """Whatever fills the largest body: others wait for it for a moment only."""
    inside = piece * ((4 << 20) // len(piece) - 10)
    body = b'{"context": [' + (inside if piece[:1] == b"[" else b"[" + inside + b"1]")
    body = body.rstrip(b",") + b"]}"
    with running(folder / "plain.skdistill") as port, ThreadPoolExecutor(1) as clients:
        asked = clients.submit(ask, port, body)
        longest = 0.0
        while not asked.done():
            started = time.monotonic()
            assert ask(port, path="/health")[0] == 200
            longest = max(longest, time.monotonic() - started)
        assert 400 <= asked.result()[0] < 500
    assert longest < 3.0  # a few tenths on an idle machine


# -- another file ------------------------------------------------------------------------------------


def test_a_new_file_is_served_and_a_bad_one_is_not(folder, tmp_path, caplog):
    path = tmp_path / "student.skdistill"
    plain, around = ((folder / f"{name}.skdistill").read_bytes() for name in ("plain", "quantiles"))
    path.write_bytes(plain)

    def forecast():
        return ask(port, {"context": ROWS.tolist()})[1]["forecast"]

    def replace(data):
        (tmp_path / "new").write_bytes(data)
        os.replace(tmp_path / "new", path)

    def reloads(outcome):
        name = f'skdistill_reloads_total{{outcome="{outcome}"}} '
        text = ask(port, path="/metrics")[1]
        return float(text.split(name)[1].split()[0]) if name in text else 0.0

    with running(path, watch=0.05) as port:
        first = forecast()
        for number, bad in enumerate([b"", around[:-1], around[:-9] + b"x" + around[-8:], b"x" * 1000], 1):
            replace(bad)
            until(lambda number=number: reloads("old model kept") == number)
            assert forecast() == first
        path.unlink()
        time.sleep(0.2)
        assert forecast() == first
        replace(around)
        until(lambda: reloads("new model") == 1)
        second = forecast()
        np.testing.assert_allclose(second, load(folder / "quantiles.skdistill").predict(ROWS[None])[0], rtol=1e-6)
        assert not np.allclose(first, second)
        assert ask(port, path="/model")[1]["quantiles"] == list(LEVELS)
    assert caplog.text.count("the old model is kept") == 4
    assert "Traceback" not in caplog.text


def test_requests_during_reloads_are_all_answered_by_one_model_or_the_other(folder, tmp_path, quiet):
    path = tmp_path / "student.skdistill"
    files = [(folder / f"{name}.skdistill").read_bytes() for name in ("plain", "quantiles")]
    expected = [load(folder / f"{name}.skdistill").predict(ROWS[None])[0] for name in ("plain", "quantiles")]
    path.write_bytes(files[0])
    with running(path, watch=0.02) as port, ThreadPoolExecutor(4) as clients:
        for number in range(1, 7):
            answers = list(clients.map(lambda _: ask(port, {"context": ROWS.tolist()}), range(20)))
            for status, answer in answers:
                assert status == 200
                assert any(np.allclose(answer["forecast"], one, rtol=1e-5) for one in expected)
            (tmp_path / "new").write_bytes(files[number % 2])
            os.replace(tmp_path / "new", path)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: make_forecaster(teacher=None, student=ITransformer(8, n_heads=2)).fit(make_frame()), "the calendar"),
        (
            lambda: DistilledRegressor(None, DLinear(3), "response", max_epochs=1).fit(np.eye(30, 8), np.eye(30, 2)),
            "not a DistilledForecaster",
        ),
    ],
)
def test_what_cannot_be_served_says_so_at_the_start(make, sentence, tmp_path):
    make().save(tmp_path / "file")
    with pytest.raises(ValueError, match=sentence):
        make_app(tmp_path / "file")


def test_limits_are_checked():
    with pytest.raises(ValueError, match="connections of Limits"):
        Limits(connections=0)
    with pytest.raises(ValueError, match="head_seconds of Limits"):
        Limits(head_seconds=0.0)


# -- the process ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def process(folder, script, *arguments):
    """Run a server in a process; give it, its port and the file that it writes to."""
    log = folder / "log"
    server = start_script(script, *arguments, cwd=folder, output=log)
    started = re.compile(r"running on http://127\.0\.0\.1:(\d+)")
    try:
        until(lambda: log.exists() and (started.search(log.read_text()) or not server.is_alive()), seconds=60)
        yield server, int(started.search(log.read_text())[1]), log
    finally:
        server.kill()
        server.join()


@pytest.mark.slow
def test_the_command_serves_reads_again_at_sighup_and_ends_at_sigterm(folder, tmp_path):
    path = tmp_path / "student.skdistill"
    path.write_bytes((folder / "plain.skdistill").read_bytes())
    options = ["--port", "0", "--watch", "0", "--stop-seconds", "1"]
    with process(tmp_path, COMMAND, "serve", path, *options) as (server, port, log):
        first = ask(port, {"context": ROWS.tolist()})[1]
        path.write_bytes((folder / "quantiles.skdistill").read_bytes())
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: ask(port, {"context": ROWS.tolist()})[1] != first)
        with connect(port) as silent, connect(port) as half:  # neither keeps it from ending
            half.sendall(head(100) + b"{")
            silent.sendall(b"POST")
            time.sleep(0.2)
            started = time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            server.join(timeout=20)
            assert server.exitcode == 0
            assert time.monotonic() - started < 15
            assert b"503" in read_all(half)[:20]
    assert "is served from now on" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert "ended by force" not in log.read_text()


STUCK = """
import sys, time
from skdistill.serving import Limits, serve
from skdistill.serving._model import ServedModel
import logging; logging.basicConfig(level=logging.INFO)
from skdistill.serving import _batcher, _model
_batcher._AT_ONCE = 0
read = _model.open_model
def opened(path):
    model = read(path)
    ServedModel.forecast = lambda self, contexts: time.sleep(60)
    return model
_model.open_model = opened
serve(sys.argv[1], port=0, limits=Limits(stop_seconds=0.5))
"""


@pytest.mark.slow
def test_a_forecast_that_hangs_does_not_keep_it_from_ending(folder, tmp_path):
    script = tmp_path / "stuck.py"
    script.write_text(STUCK)
    with process(tmp_path, script, folder / "plain.skdistill") as (server, port, log), connect(port) as client:
        body = json.dumps({"context": ROWS.tolist()}).encode()
        client.sendall(head(len(body)) + body)
        time.sleep(0.3)
        started = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        server.join(timeout=20)
        assert server.exitcode in (0, 1)
        assert time.monotonic() - started < 15  # a loaded machine takes its time to end a process
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(("limit", "for_requests"), [(10.0, 8.0), (3.0, 1.5), (0.2, 0.1)])
def test_the_end_comes_within_its_limit(limit, for_requests, folder, monkeypatch):
    server = make_server(folder / "plain.skdistill", port=0, limits=Limits(stop_seconds=limit))
    assert server.config.timeout_graceful_shutdown == for_requests
    if limit < 1:
        ended = threading.Event()
        monkeypatch.setattr(os, "_exit", lambda code: ended.set())
        server.handle_exit(signal.SIGTERM, None)  # and it never ends by itself
        assert ended.wait(1.5)


@pytest.mark.slow
def test_a_taken_port_is_told(folder, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments = ["serve", folder / "plain.skdistill", "--port", taken.getsockname()[1]]
        server = start_script(COMMAND, *arguments, cwd=tmp_path, output=tmp_path / "log")
        server.join(timeout=60)
    assert server.exitcode not in (0, None)
    assert "address already in use" in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_file_for_numpy_is_the_same_model(folder):
    saved, exported = (open_model(folder / f"quantiles.{kind}") for kind in ("skdistill", "npz"))
    assert isinstance(exported.student, NumpyStudent)
    np.testing.assert_allclose(exported.forecast(ROWS[None, -12:]), saved.forecast(ROWS[None, -12:]), rtol=1e-6)
    assert exported.facts()["channels"] == saved.facts()["channels"] == ["c0", "c1"]


LIGHT = """
import sys
from skdistill.serving import make_app
make_app(sys.argv[1])
print(sorted({"numpy", "pandas", "scipy", "sklearn", "torch"} & set(sys.modules)))
"""


def test_the_file_for_numpy_is_served_without_torch(folder):
    command = [sys.executable, "-c", LIGHT, folder / "quantiles.npz"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "['numpy']"), done.stderr


@pytest.mark.parametrize("suffix", [".skdistill", ".npz"])
def test_series_of_the_training_data_are_served_in_their_units(suffix, tmp_path):
    panel = {7: make_series(), "b": 100.0 * make_series(seed=1)}
    quantiles = {"student": "mlp", "quantiles": (0.1, 0.5, 0.9), "loss": "quantiledistill"}
    forecaster = make_forecaster(teacher=None, **quantiles).fit(panel)
    path = tmp_path / f"student{suffix}"
    (forecaster.save if suffix == ".skdistill" else forecaster.export)(path)
    model = open_model(path)
    numbers = model.numbers_of(["b", "new", "7"])
    assert numbers.tolist() == [1, -1, 0]
    assert model.numbers_of(["new"]) is None
    rows = [panel["b"], panel["b"], panel[7]]
    contexts = np.stack([one[-12:] for one in rows])
    asked = dict(zip(["b", "new", 7], rows, strict=True))
    item = _Item(model, contexts, (0.1, 0.9), None, numbers)
    unknown = _Item(model, contexts[:1], (0.1, 0.9), None)
    (forecasts, around), (alone, _) = _answer_batch([item, unknown])
    expected, expected_around = forecaster.predict(asked), forecaster.predict_quantiles(asked)
    for number, name in enumerate(asked):
        np.testing.assert_allclose(forecasts[number], expected[name], rtol=1e-5)
        np.testing.assert_allclose(around[number], expected_around[name][..., [0, 2]], rtol=1e-5)
    np.testing.assert_allclose(alone[0], expected["new"], rtol=1e-5)
    assert not np.allclose(expected["b"], expected["new"], rtol=1e-4)


@pytest.mark.parametrize("suffix", [".skdistill", ".npz"])
def test_ids_of_several_levels_are_lists_of_json(suffix, tmp_path):
    """Only the text of a tuple of Python was one; a list took the units of its context, in silence."""
    forecaster = make_forecaster(teacher=None, scaling="series").fit(
        {("north", 7): make_series(), ("north", 8): 100.0 * make_series(seed=1)}
    )
    path = tmp_path / f"student{suffix}"
    (forecaster.save if suffix == ".skdistill" else forecaster.export)(path)
    names = ['["north", 8]', '["north",7]', "('north', 8)", '["north", "7"]', "[", "[" * 9000, "north", '["south", 7]']
    assert open_model(path).numbers_of(names).tolist() == [1, 0, 1, -1, -1, -1, -1, -1]


def test_a_name_that_is_no_list_is_no_id_called_none(tmp_path):
    forecaster = make_forecaster(teacher=None, scaling="series").fit({"None": make_series(), "a": make_series(seed=1)})
    forecaster.save(tmp_path / "student.skdistill")
    assert open_model(tmp_path / "student.skdistill").numbers_of(["[x", "None", "[1"]).tolist() == [-1, 0, -1]
