"""SquareRoot: the same forecasts through every door, and the choice of the search."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdistill
from skdistill import DistilledForecasterCV
from skdistill.data import SquareRoot
from skdistill.datasets import to_long
from skdistill.networks import MLP, Linear
from skdistill.selection._search import Search

MONTHS = pd.date_range("2010", periods=96, freq="MS")
COUNTS = FunctionTransformer(
    lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda x: np.sign(x) * np.square(x), check_inverse=False
)


def make_counts(gaps=0.1):
    """Return counts of three shops of unlike size, with gaps."""
    generator = np.random.default_rng(0)
    wave = 2 + np.sin(2 * np.pi * np.arange(96) / 12)
    frames = {
        f"shop {number}": pd.DataFrame({"sold": generator.poisson(10.0**number * wave).astype(float)}, MONTHS)
        for number in range(3)
    }
    panel = pd.concat(frames, names=["series", "time"])
    panel[generator.random(panel.shape) < gaps] = np.nan
    return panel


def last_windows(fitted, panel):
    """Return the last context of every series."""
    rows = [one.to_numpy()[-fitted.context_length :] for _, one in panel.groupby(level=0, sort=False)]
    return np.stack(rows).astype(np.float32)


@parametrize_with_checks([SquareRoot()])
def test_scikit_learn_takes_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize("student", [Linear(), MLP(4, batch_norm=False)])
@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_every_export_answers_as_predict_does(student, scaling, tmp_path):
    panel, quantiles = make_counts(), (0.1, 0.5, 0.9) if isinstance(student, MLP) else None
    settings = {"teacher": None, "student": student, "scaling": scaling, "quantiles": quantiles, "bounds": (0, None)}
    fitted = make_forecaster(transformer=SquareRoot(), max_epochs=1, **settings).fit(panel)
    expected = fitted.predict(panel)
    assert (expected.to_numpy() >= 0).all()
    fitted.save(tmp_path / "student.skdistill")
    pd.testing.assert_frame_equal(skdistill.load(tmp_path / "student.skdistill").predict(panel), expected)
    fitted.export(tmp_path / "student.npz")
    exported = skdistill.load_numpy(tmp_path / "student.npz")
    np.testing.assert_allclose(exported.predict(panel), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("student", "scaling"), [(Linear(), "series"), (MLP(4, batch_norm=False), "global")])
def test_torch_exports_answer_as_predict_does(student, scaling, tmp_path):
    panel, quantiles = make_counts(), (0.1, 0.5, 0.9) if isinstance(student, MLP) else None
    settings = {"teacher": None, "student": student, "scaling": scaling, "quantiles": quantiles}
    fitted = make_forecaster(transformer=SquareRoot(), max_epochs=1, **settings).fit(panel)
    fitted.export(tmp_path / "student.pt2")
    module = torch.export.load(tmp_path / "student.pt2").module()
    given = {"series": torch.arange(3)} if scaling == "series" else {}
    answer = module(torch.from_numpy(last_windows(fitted, panel)), **given)
    forecast = answer if quantiles is None else answer[0]
    np.testing.assert_allclose(forecast.reshape(-1, 1), fitted.predict(panel), rtol=1e-4, atol=1e-3)
    if quantiles is not None:
        expected = fitted.predict_quantiles(panel).to_numpy()
        np.testing.assert_allclose(answer[1].reshape(expected.shape), expected, rtol=1e-3, atol=1e-2)


def test_onnx_and_small_predictor(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    panel = make_counts()
    settings = {"teacher": None, "student": Linear(), "scaling": "series", "transformer": SquareRoot()}
    fitted = make_forecaster(**settings).fit(panel)
    expected = fitted.predict(panel)
    table = fitted.predictor().predict_frame(to_long(panel))
    np.testing.assert_allclose(table["sold"], expected["sold"], rtol=1e-4, atol=1e-3)
    fitted.export(tmp_path / "student.onnx")
    session = runtime.InferenceSession((tmp_path / "student.onnx").read_bytes())
    given = {"context": last_windows(fitted, panel), "series": np.arange(3)}
    np.testing.assert_allclose(session.run(None, given)[0].reshape(-1, 1), expected, rtol=1e-4, atol=1e-3)


def test_it_is_the_transformer_that_anybody_could_write():
    panel, settings = make_counts(), {"teacher": None, "student": Linear(), "scaling": "series"}
    ours = make_forecaster(transformer=SquareRoot(), **settings).fit(panel).predict(panel)
    theirs = make_forecaster(transformer=COUNTS, **settings).fit(panel).predict(panel)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def make_search(**changes):
    settings = {"students": "linear", "teachers": None, "context_lengths": 24, "prediction_length": 6, "cv": 1}
    return DistilledForecasterCV(**{**settings, "random_state": 0, **changes})


def test_the_search_tries_it_where_nothing_is_negative():
    panel = make_counts(gaps=0.0)
    search = make_search().fit(panel)
    tried = [one["transformer"] for one in search.cv_results_["params"]]
    assert tried[:5] == [None] * 5
    assert all(isinstance(one, SquareRoot) for one in tried[5:])
    assert len(tried) == 10
    plain = make_search(transformer=None).fit(panel)
    np.testing.assert_array_equal(plain.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"][:5])
    assert {one["transformer"] for one in make_search().fit(panel - 50.0).cv_results_["params"]} == {None}
    assert {one["transformer"] for one in make_search().fit(panel.loc["shop 1"]).cv_results_["params"]} == {None}


def test_teachers_and_networks_go_on_with_the_best_transformer(monkeypatch):
    monkeypatch.setattr(Search, "_useful_teachers", lambda self, *place: list(self.teachers))
    panel = make_counts(gaps=0.0)
    search = make_search(students=["linear", "mlp"], teachers="pretrained", transformer=[SquareRoot()]).fit(panel)
    assert {type(one["transformer"]) for one in search.cv_results_["params"]} == {SquareRoot}
    assert {"pretrained", None} == {one["teacher"] for one in search.cv_results_["params"]}
    assert "transformer=SquareRoot()" in search.explanation_
    again = search.candidate(search.best_index_).fit(panel)
    np.testing.assert_allclose(again.predict(panel), search.predict(panel), rtol=1e-4)


@pytest.mark.parametrize(
    ("transformer", "error"), [("root", ValueError), ([], ValueError), (object(), TypeError), ([None, 3], TypeError)]
)
def test_bad_transformers_are_named(transformer, error):
    with pytest.raises(error, match="transformer of DistilledForecasterCV"):
        make_search(transformer=transformer).fit(make_counts())
