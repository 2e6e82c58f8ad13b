"""Teachers hand on their quantiles, and the label store keeps them when they are read."""

import json

import numpy as np
import pytest
import tiny_checkpoints
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sktime.forecasting.croston import Croston
from sktime.forecasting.naive import NaiveForecaster

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.core import Labels
from skdistill.data._context_batch import ContextBatch
from skdistill.labeling._budget import LabelBudgetError
from skdistill.labeling._label_windows import label_windows
from skdistill.losses import QuantileDistance, QuantileDistill, Response
from skdistill.networks import MLP, DLinear
from skdistill.teachers import Chronos, EnsembleTeacher, SktimeTeacher, TrainedTeacher
from skdistill.teachers._ensemble_quantiles import ensemble_quantiles

LEVELS = (0.1, 0.5, 0.9)
pytestmark = pytest.mark.filterwarnings("ignore:The default of config:FutureWarning")


class SpreadTeacher(LastValueTeacher):
    """The last row, and quantiles at known distances from it."""

    levels = (0.05, 0.5, 0.95)

    def probe(self, windows):
        zeros = super().probe(windows).forecast
        return Labels(zeros, None, zeros[:, None].repeat(1, 3, 1, 1), self.levels)

    def label(self, contexts):
        forecast = super().label(contexts).forecast
        quantiles = torch.stack([forecast - 1.0, forecast, forecast + 2.0], dim=1)
        return Labels(forecast, None, quantiles, self.levels)


# -- the label store -------------------------------------------------------------------------------


def label(indices):
    forecast = indices.float()[:, None, None].repeat(1, 3, 2)
    return Labels(forecast, None, torch.stack([forecast - 0.5, forecast + 1.0], dim=1), (0.25, 0.75))


def run(function, n_windows=20, **options):
    return label_windows(function, n_windows, **{"forecast_shape": (3, 2), "with_features": False, **options})


@pytest.mark.parametrize("where", ["memory", "temporary file", "folder"])
def test_quantiles_are_kept_wherever_labels_are(where, tmp_path):
    options = {"temporary file": {"memory_budget": 0}, "folder": {"folder": tmp_path}, "memory": {}}[where]
    labels = run(label, chunk_size=6, with_quantiles=True, **options)
    expected = label(torch.arange(20))
    taken = labels.take(torch.tensor([3, 17]))
    torch.testing.assert_close(taken.quantiles, expected.quantiles[[3, 17]])
    assert taken.quantile_levels == (0.25, 0.75)
    assert labels.nbytes == 20 * 6 * 4 + 20 * 12 * 4
    assert labels.to("cpu").take(torch.tensor([3])).quantiles is not None
    assert run(label).take(torch.tensor([0])).quantiles is None


def test_a_store_without_quantiles_is_made_anew_where_they_are_read(tmp_path):
    asked = []

    def counted(indices):
        asked.extend(indices.tolist())
        return label(indices)

    run(counted, folder=tmp_path)
    run(counted, folder=tmp_path, with_quantiles=True)
    assert len(asked) == 40
    labels = run(counted, folder=tmp_path, with_quantiles=True)
    run(counted, folder=tmp_path)
    assert len(asked) == 40, "found"
    assert labels.quantile_levels == (0.25, 0.75)


def test_damaged_quantiles_are_labeled_again(tmp_path, caplog):
    run(label, folder=tmp_path, chunk_size=6, with_quantiles=True)
    stored = np.load(tmp_path / "quantiles.npy", mmap_mode="r+")
    stored[8] = 77.0
    stored.flush()
    labels = run(label, folder=tmp_path, chunk_size=6, with_quantiles=True)
    torch.testing.assert_close(labels.take(torch.arange(20)).quantiles, label(torch.arange(20)).quantiles)
    assert "1 chunks" in caplog.text
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "quantile_levels": [0.5]}))
    run(label, folder=tmp_path, with_quantiles=True)
    assert "is damaged" in caplog.text


def test_bad_quantiles_stop_labeling():
    with pytest.raises(ValueError, match="needs the teacher's quantiles, and the teacher returned none"):
        run(lambda indices: Labels(label(indices).forecast), with_quantiles=True)
    with pytest.raises(ValueError, match=r"n_quantiles, prediction_length, n_targets\) = \(20, 2, 3, 2\)"):
        run(lambda i: Labels(label(i).forecast, None, label(i).quantiles[:, :, :2], (0.25, 0.75)), with_quantiles=True)
    with pytest.raises(ValueError, match="returned nan in its quantiles"):
        run(
            lambda i: Labels(label(i).forecast, None, label(i).quantiles * torch.nan, (0.25, 0.75)), with_quantiles=True
        )


def test_quantiles_count_in_the_budget():
    with pytest.raises(LabelBudgetError, match=r"quantiles .* GiB"):
        run(label, with_quantiles=True, budget=20 * 6 * 4 + 1)


# -- in fit ----------------------------------------------------------------------------------------


def fitted_gaps(forecaster):
    """Distances of the outer quantiles from the median, standardized, averaged."""
    quantiles = forecaster.predict_quantiles(make_series())
    return ((quantiles[..., [0, 2]] - quantiles[..., [1]]) / forecaster.scaling_.scale_[:, None]).mean(axis=(0, 1))


def test_a_student_learns_the_teachers_quantiles():
    settings = {"validation_fraction": 0, "lr_schedule": "constant", "max_epochs": 15}
    levels = SpreadTeacher.levels
    forecaster = make_forecaster(
        teacher=SpreadTeacher(), student=DLinear(3), loss=QuantileDistance(), quantiles=levels, **settings
    ).fit(make_series(300))
    np.testing.assert_allclose(fitted_gaps(forecaster), [-1.0, 2.0], atol=0.25)


def test_labels_with_quantiles_are_shared_and_never_stale(tmp_path):
    log = tmp_path / "log"
    settings = {"teacher": SpreadTeacher(log=str(log)), "memory": tmp_path / "memory"}
    make_forecaster(**settings).fit(make_series())  # stores quantiles, too, in a lasting folder: they fit
    first = make_forecaster(**settings, loss=QuantileDistill(), quantiles=LEVELS).fit(make_series())
    make_forecaster(**settings, loss=QuantileDistill(), quantiles=(0.2, 0.8)).fit(make_series())
    assert log.read_text().count("fit") == 1
    alone = make_forecaster(teacher=SpreadTeacher(), loss=QuantileDistill(), quantiles=LEVELS).fit(make_series())
    np.testing.assert_allclose(
        first.predict_quantiles(make_series()), alone.predict_quantiles(make_series()), rtol=1e-6, atol=1e-6
    )


def test_a_loss_that_reads_no_quantiles_trains_to_the_same_bits(tmp_path):
    plain = make_forecaster(teacher=LastValueTeacher()).fit(make_series())
    spread = make_forecaster(teacher=SpreadTeacher(), memory=tmp_path).fit(make_series())
    np.testing.assert_array_equal(plain.predict(make_series()), spread.predict(make_series()))


@pytest.mark.usefixtures("training_is_an_error")
def test_a_point_teacher_is_refused_where_quantiles_are_needed():
    with pytest.raises(ValueError, match=r"needs quantiles of the teacher, and LastValueTeacher has none.*Chronos"):
        make_forecaster(loss=QuantileDistance(), quantiles=LEVELS).fit(make_series())


def test_a_point_teacher_does_for_quantiledistill():
    forecaster = make_forecaster(loss="quantiledistill", quantiles=LEVELS).fit(make_series())
    assert {"train_pinball", "train_quantiles"} <= set(forecaster.history_[0])


@pytest.fixture
def training_is_an_error(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("training started on bad input")

    monkeypatch.setattr("skdistill._distillation.train_network", fail)
    monkeypatch.setattr("skdistill.labeling._run.label_windows", fail)


# -- teachers --------------------------------------------------------------------------------------


def labels_of(teacher, series=None, **changes):
    """Fit a forecaster with a teacher, and ask the teacher about the first training windows."""
    series = make_series() if series is None else series
    forecaster = make_forecaster(teacher=teacher, **{"loss": "quantiledistill", "quantiles": LEVELS, **changes})
    forecaster.fit(series)
    contexts = np.stack([np.asarray(series)[start : start + 12] for start in range(3)])
    batch = ContextBatch(contexts).standardized(forecaster.scaling_, 4, with_time=False)
    return forecaster, forecaster.teacher_.label(batch)


def test_a_trained_teacher_with_quantiles():
    forecaster, labels = labels_of(TrainedTeacher(MLP(4, kernel_size=3), quantiles=LEVELS, max_epochs=1))
    assert labels.quantile_levels == LEVELS
    assert labels.quantiles.shape == (3, 3, 4, 2)
    assert (labels.quantiles.diff(dim=1) > 0).all()
    torch.testing.assert_close(labels.quantiles[:, 1], labels.forecast)
    assert "train_pinball" in forecaster.teacher_.history_[0]
    with pytest.raises(ValueError, match="quantiles of TrainedTeacher must be rising levels"):
        labels_of(TrainedTeacher(DLinear(3), quantiles=(0.9, 0.1)))
    with pytest.raises(ValueError, match="the median alone is a point forecast"):
        labels_of(TrainedTeacher(DLinear(3), quantiles=(0.5,)))


def test_an_ensemble_of_point_teachers_gives_empirical_quantiles():
    members = [LastValueTeacher(offset=offset) for offset in (3.0, 0.0, 1.0)]
    _, labels = labels_of(members)
    assert labels.quantile_levels == pytest.approx((1 / 6, 0.5, 5 / 6))
    base = labels.quantiles[:, 0]
    torch.testing.assert_close(labels.quantiles, torch.stack([base, base + 1.0, base + 3.0], dim=1))
    torch.testing.assert_close(labels.forecast, base + 4.0 / 3.0)


def test_weights_of_an_ensemble_weigh_its_quantiles():
    answers = [Labels(torch.full((1, 1, 1), value)) for value in (0.0, 1.0, 2.0)]
    quantiles, levels = ensemble_quantiles(answers, torch.tensor([0.8, 0.1, 0.1]))
    np.testing.assert_allclose(quantiles.ravel(), [0.0, 0.0, 0.9], atol=1e-6)  # 3 * (0.1 * 1 + 0.1 * 2)
    assert levels == pytest.approx((1 / 6, 0.5, 5 / 6))
    equal, _ = ensemble_quantiles(answers, torch.full((3,), 1 / 3) + torch.tensor([1e-7, 0.0, 0.0]))
    np.testing.assert_allclose(equal.ravel(), [0.0, 1.0, 2.0], atol=1e-4)


def test_a_member_of_no_weight_changes_no_quantile_and_quantiles_average_to_the_forecast():
    rng = np.random.default_rng(0)
    forecasts = torch.from_numpy(rng.normal(size=(4, 5, 3, 2)))
    weights = torch.from_numpy(rng.dirichlet(np.ones(4), (5, 2)).transpose(2, 0, 1).copy())
    weights[2] = 0.0
    weights = weights / weights.sum(dim=0)
    far = forecasts.clone()
    far[2] = 1e3
    quantiles, _ = ensemble_quantiles([Labels(one) for one in far], weights)
    same, _ = ensemble_quantiles([Labels(one) for one in forecasts], weights)
    torch.testing.assert_close(quantiles, same)
    torch.testing.assert_close(quantiles.mean(dim=1), (weights[:, :, None] * forecasts).sum(dim=0))
    assert (quantiles.diff(dim=1) >= 0).all()


def test_an_ensemble_of_probabilistic_teachers_averages_quantiles():
    _, labels = labels_of(EnsembleTeacher([("a", SpreadTeacher()), ("b", SpreadTeacher(offset=1.0))]))
    assert labels.quantile_levels == SpreadTeacher.levels
    torch.testing.assert_close(labels.quantiles[:, 2] - labels.quantiles[:, 1], torch.full((3, 4, 2), 2.0))
    torch.testing.assert_close(labels.quantiles[:, 1], labels.forecast)
    _, mixed = labels_of(EnsembleTeacher([("a", SpreadTeacher()), ("b", LastValueTeacher(offset=1.0))]))
    assert mixed.quantile_levels == (0.25, 0.75)


@pytest.mark.parametrize("kind", ["forecaster", "pipeline", "regressor"])
def test_a_frozen_student_teaches_its_quantiles(kind):
    series = make_series()
    settings = {"teacher": None, "loss": "quantiledistill", "quantiles": LEVELS}
    if kind == "regressor":
        table = np.lib.stride_tricks.sliding_window_view(series[:, 0], 16)
        fitted = DistilledRegressor(None, DLinear(3), "quantiledistill", quantiles=LEVELS, max_epochs=1, random_state=0)
        fitted.fit(table[:, :12].copy(), table[:, 12:].copy())
    else:
        fitted = make_forecaster(**settings)
        fitted = (make_pipeline(StandardScaler(), fitted) if kind == "pipeline" else fitted).fit(series)
    forecaster, labels = labels_of(FrozenEstimator(fitted))
    assert labels.quantile_levels == LEVELS
    standard = labels.quantiles.permute(0, 2, 3, 1).numpy()
    original = forecaster.scaling_.quantiles_to_original(standard)
    if kind == "forecaster":
        expected = fitted.predict_quantiles(np.stack([series[start : start + 12] for start in range(3)]))
        np.testing.assert_allclose(original, expected, rtol=1e-5)
    if kind == "regressor":
        rows = np.stack([series[start : start + 12, 1] for start in range(3)])
        np.testing.assert_allclose(original[:, :, 1], fitted.predict_quantiles(rows), rtol=1e-5)
    point = forecaster.scaling_.forecasts_to_original(labels.forecast.numpy())
    np.testing.assert_allclose(original[..., 1], point, rtol=1e-5)


def test_a_sktime_teacher_is_asked_for_quantiles():
    teacher = SktimeTeacher(NaiveForecaster(strategy="last"), quantiles=(0.1, 0.5, 0.9))
    frame = make_frame(40, 2)
    forecaster, labels = labels_of(teacher, frame, max_epochs=1)
    assert labels.quantiles.shape == (3, 3, 4, 2)
    first = frame.iloc[:12, 1].to_numpy()
    expected = NaiveForecaster(strategy="last").fit(first).predict_quantiles([1, 2, 3, 4], alpha=[0.1, 0.5, 0.9])
    original = forecaster.scaling_.quantiles_to_original(labels.quantiles.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(original[0, :, 1], expected.to_numpy(), rtol=1e-5)
    assert clone(teacher).quantiles == (0.1, 0.5, 0.9)


def test_a_sktime_teacher_without_pred_int_is_refused():
    with pytest.raises(ValueError, match=r"capability:pred_int, and Croston has none.*NaiveVariance"):
        labels_of(SktimeTeacher(Croston(), quantiles=LEVELS))


@pytest.mark.slow
def test_a_foundation_model_hands_on_its_quantiles(tmp_path, monkeypatch):
    pytest.importorskip("chronos", reason="needs chronos: pip install 'skdistill[chronos]'")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tiny_checkpoints.make_chronos_bolt(tmp_path / "bolt")
    forecaster, labels = labels_of(Chronos(folder, layer=None), loss=QuantileDistance())
    assert labels.quantile_levels[0] == pytest.approx(0.1)
    assert set(forecaster.history_[0]) >= {"train_quantiledistance"}
    table = forecaster.compare(make_series(200, seed=1), train=make_series(), alone=False)
    assert table.loc[["student", "teacher"], ["crps", "coverage", "width"]].notna().all(axis=None)


def test_recomputed_features_leave_quantiles_stored():
    teacher = TrainedTeacher(MLP(4, kernel_size=3), quantiles=LEVELS, max_epochs=1)
    loss = QuantileDistill() + Response()
    settings = {"teacher": teacher, "loss": loss, "quantiles": LEVELS}
    stored = make_forecaster(**settings).fit(make_series())
    fresh = make_forecaster(**settings, feature_storage="recompute").fit(make_series())
    np.testing.assert_allclose(stored.predict(make_series()), fresh.predict(make_series()), rtol=1e-5)


def test_the_estimate_of_labeling_counts_quantiles():
    settings = {"teacher": SpreadTeacher(), "quantiles": LEVELS}
    with_them = make_forecaster(**settings, loss="quantiledistill").estimate_labeling(make_series())
    without = make_forecaster(**settings, loss="response").estimate_labeling(make_series())
    assert with_them.nbytes == without.nbytes * (4 + 3 * 4) / 4


def test_default_settings_are_those_of_before():
    assert DistilledForecaster().quantiles is None
    assert TrainedTeacher(DLinear()).quantiles is None
    assert SktimeTeacher(NaiveForecaster()).quantiles is None
