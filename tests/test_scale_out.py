"""The same search and the same labels on many workers."""

import joblib
import numpy as np
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame
from sklearn.model_selection import GridSearchCV

from skdistill.labeling._label_windows import label_windows
from skdistill.losses import TimeDistill
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import ITransformer


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="needs pip install 'skdistill[dask]'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
def test_a_grid_on_a_dask_cluster(client, tmp_path):
    split = RollingOriginSplit(2, 12, 4)
    log = str(tmp_path / "log")
    grid = {"loss__prediction_weight": [0.5, 1.0], "student__hidden_size": [2, 4]}
    forecaster = make_forecaster(teacher=LastValueTeacher(log), memory=tmp_path / "m")
    search = GridSearchCV(forecaster, grid, cv=split, scoring=split.scorer(), refit=False, error_score="raise")
    with joblib.parallel_config("dask"):
        there = search.fit(make_frame()).cv_results_["mean_test_score"]
    here = search.set_params(estimator__memory=None).fit(make_frame()).cv_results_["mean_test_score"]
    np.testing.assert_allclose(there, here)
    lines = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[:4].count("fit") == lines[:4].count("label") == 2, "once per fold on the cluster"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "dask"])
def test_labels_from_many_workers_are_the_same(backend, client, monkeypatch):
    """Chunks of 16 windows: several tasks, in order."""
    monkeypatch.setattr(
        "skdistill.labeling._run.label_windows",
        lambda *args, **options: label_windows(*args, **{**options, "chunk_size": 16}),
    )
    settings = {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill()}
    alone = make_forecaster(**settings).fit(make_frame())
    with joblib.parallel_config(backend):
        together = make_forecaster(**settings, n_jobs=2).fit(make_frame())
    np.testing.assert_array_equal(together.predict(make_frame()), alone.predict(make_frame()))


def test_a_failing_worker_names_the_window(monkeypatch):
    monkeypatch.setattr(
        "skdistill.labeling._run.label_windows",
        lambda *args, **options: label_windows(*args, **{**options, "chunk_size": 16}),
    )
    with pytest.raises(ValueError, match=r"training window 0"):
        make_forecaster(teacher=LastValueTeacher(offset=np.nan), n_jobs=2).fit(make_frame())


@pytest.mark.parametrize(("n_jobs", "error"), [(0, ValueError), (10**6, ValueError), ("two", TypeError)])
def test_bad_n_jobs(n_jobs, error):
    with pytest.raises(error, match="n_jobs of DistilledForecaster"):
        make_forecaster(n_jobs=n_jobs).fit(make_frame())
