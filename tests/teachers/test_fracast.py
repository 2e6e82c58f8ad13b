"""Fracast on its real weights, from labels to a saved student."""

import logging

import numpy as np
import pytest
import torch
from doubles import make_frame, make_series
from test_foundation import make_windows

from skdistill import DistilledForecaster, load
from skdistill._utils import _optional
from skdistill.core import resolve_teacher
from skdistill.teachers import Fracast


def test_a_missing_library_is_named_with_its_install(monkeypatch):
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_optional.importlib, "import_module", absent)
    forecaster = DistilledForecaster("fracast", "linear", "response", context_length=12, prediction_length=4)
    with pytest.raises(ImportError, match=r"pip install 'skdistill\[fracast\]'"):
        forecaster.fit(make_series(60, 1))


@pytest.mark.slow
def test_the_whole_chain_on_the_weights_of_the_wheel(tmp_path):
    fracast = pytest.importorskip("fracast", reason="needs pip install 'skdistill[fracast]'")
    X = make_frame(47, 1)
    settings = {"context_length": 24, "prediction_length": 6, "validation_fraction": 0.3, "random_state": 0}
    forecaster = DistilledForecaster("fracast", "linear", "response", memory=tmp_path, **settings).fit(X)
    assert forecaster.provenance_[0]["license"] == "Apache-2.0"
    assert forecaster.provenance_[0]["revision"] == fracast.__version__
    own = fracast.FracastModel.from_pretrained(weights="fp32")
    expected = own.forecast(X.to_numpy()[-24:, 0], horizon=6)[:, 4]
    np.testing.assert_allclose(forecaster.predict_teacher(X).to_numpy()[:, 0], expected, rtol=1e-4, atol=1e-4)
    forecaster.save(tmp_path / "student.skdistill")
    again = load(tmp_path / "student.skdistill")
    assert again.predict(X).equals(forecaster.predict(X))
    assert again.provenance_ == forecaster.provenance_


@pytest.mark.slow
def test_labels_have_deciles_features_and_a_rolled_out_horizon(caplog):
    pytest.importorskip("fracast", reason="needs pip install 'skdistill[fracast]'")
    windows = make_windows(n_rows=100, context_length=30, prediction_length=50)
    teacher = Fracast(pooling="last")
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        teacher.fit(windows)
    assert "rolled out" in caplog.text
    contexts = windows.train.contexts(torch.arange(2))
    labels = teacher.label(contexts)
    n_targets = len(windows.train.targets)
    assert labels.forecast.shape == (2, 50, n_targets)
    assert labels.quantiles.shape == (2, 9, 50, n_targets)
    assert labels.features.shape == (2, n_targets, 64)
    assert (labels.quantiles.diff(dim=1) >= 0).all()
    np.testing.assert_array_equal(labels.quantiles[:, 4], labels.forecast)
    assert teacher.count_parameters() == 85_001


def test_a_folder_without_weights_is_refused(tmp_path):
    pytest.importorskip("fracast", reason="needs pip install 'skdistill[fracast]'")
    forecaster = DistilledForecaster(Fracast(tmp_path), "linear", "response", context_length=12, prediction_length=4)
    with pytest.raises(FileNotFoundError, match="must be a folder with"):
        forecaster.fit(make_series(60, 1))


def test_contexts_with_few_values_are_named():
    pytest.importorskip("fracast", reason="needs pip install 'skdistill[fracast]'")
    windows = make_windows(n_rows=60, context_length=6, prediction_length=4)
    teacher = resolve_teacher("fracast").set_params(layer=None)
    with pytest.raises(ValueError, match="at least 8 observed values"):
        teacher.fit(windows).label(windows.train.contexts(torch.arange(2)))
