"""A constant series is forecast at its level, whatever the other series of its panel are."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, compare, load
from skdistill._utils.numpy_student import settle_constant
from skdistill.data._local_scale import LocalUnits, series_units
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.networks import MLP, ITransformer, Linear

ROWS = np.arange(60)
LEVELS = {"large": 3.2e8, "small": -0.3, "zero": 0.0}


def make_panel():
    generator = np.random.default_rng(3)
    growing = {"up": 5 + 0.1 * ROWS + generator.normal(size=60), "wave": 900 * (2 + np.sin(ROWS / 4) + ROWS / 20)}
    flat = {name: np.full(60, level) for name, level in LEVELS.items()}
    flat["nearly"] = 1e9 + 1e-5 * generator.normal(size=60)
    flat["rounding"] = 1e9 + 1e-7 * generator.normal(size=60)
    return {name: one[:, None] for name, one in (growing | flat).items()}


def fitted(student="linear", **changes):
    settings = {"loss": "response", "context_length": 16, "prediction_length": 5, "max_epochs": 1, "random_state": 0}
    return DistilledForecaster(None, student, **{**settings, **changes}).fit(make_panel())


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("scaling", ["series", "window"])
@pytest.mark.parametrize(
    ("student", "changes"),
    [
        ("linear", {}),
        (MLP(4), {"quantiles": (0.1, 0.5, 0.9)}),
        (ITransformer(8, n_heads=2, time_features=False), {"quantiles": (0.2, 0.5)}),
        ("linear", {"transformer": StandardScaler()}),
    ],
    ids=["fused", "quantiles", "not fused", "transformer"],
)
def test_a_constant_series_is_forecast_at_its_level(student, changes, scaling):
    forecaster, panel = fitted(student, scaling=scaling, **changes), make_panel()
    panel["new"] = np.full((9, 1), 4e5)
    answers = [forecaster.predict(panel)]
    if forecaster.quantiles is not None:
        answers.append(forecaster.predict_quantiles(panel))
    for answer in answers:
        for name, level in {**LEVELS, "nearly": 1e9, "rounding": 1e9, "new": 4e5}.items():
            np.testing.assert_allclose(answer[name], level, rtol=1e-7, atol=1e-12)
    assert np.ptp(forecaster.predict(panel)["wave"]) > 1


def test_a_constant_stretch_of_a_series_with_a_spread_is_forecast_as_any_other():
    forecaster, panel = fitted(), make_panel()
    still = np.full((16, 1), 4000.0)
    unit, center = (getattr(forecaster.scaling_.series_units_, name)[1, 0] for name in ("unit", "center"))
    weight = forecaster.predict({"wave": center + unit * np.eye(16)[:, :1]})["wave"]  # a series scaled by fit
    assert not np.allclose(weight, center)
    assert not np.allclose(forecaster.predict({"wave": still})["wave"], 4000.0)
    assert np.allclose(forecaster.predict({"other": still})["other"], 4000.0)
    assert np.allclose(forecaster.predict({"zero": still})["zero"], 4000.0)
    assert panel["wave"].std() > 0


def test_rolling_quantiles_stay_at_the_level():
    forecaster = fitted(MLP(4), quantiles=(0.1, 0.5, 0.9), calibration="rolling", validation_fraction=0.3)
    series = make_panel()["large"]
    np.testing.assert_allclose(forecaster.backtest_quantiles({"large": series})["large"], LEVELS["large"])


@pytest.mark.parametrize("student", ["linear", ITransformer(8, n_heads=2, time_features=False)], ids=["fused", "not"])
@pytest.mark.parametrize("scaling", ["series", "window"])
def test_a_context_with_one_observed_value_is_forecast_at_it(scaling, student):
    rows = {"one": [1000.0], "small": [2e-6], "zero": [0.0], "gap": [5.0, np.nan]}
    answer = fitted(student, scaling=scaling).predict({name: np.array(one)[:, None] for name, one in rows.items()})
    for name, one in rows.items():
        np.testing.assert_allclose(answer[name], one[0], rtol=1e-6)


def test_contexts_of_one_row_that_are_scaled_by_themselves_are_told():
    rows = 1000 + np.arange(60.0)[:, None]
    for X, scaling in ((rows, "window"), (rows, "series"), ([rows, 2 * rows], "auto")):
        with pytest.warns(UserWarning, match="which shows no unit: every forecast is this row"):
            forecaster = DistilledForecaster(
                None, "linear", context_length=1, prediction_length=2, scaling=scaling, validation_fraction=0
            ).fit(X)
        np.testing.assert_allclose(forecaster.predict(rows), 1059.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.fit({"a": rows, "b": 2 * rows})
    assert (forecaster.predict({"a": rows, "b": 2 * rows})["a"] > 1059.5).all()


def test_one_observed_value_is_constant():
    values = np.array([np.nan, np.nan, 7.0])[None, :, None]
    center, unit = settle_constant(values, np.full((1, 1, 1), 7.0), np.full((1, 1, 1), 7.0))
    assert (center.item(), unit.item()) == (7.0, 0.0)
    values = np.array([7.0, np.nan, 7.0])[None, :, None]
    assert settle_constant(values, np.full((1, 1, 1), 7.1), np.full((1, 1, 1), 7.1))[1].item() == 0


@pytest.mark.parametrize("suffix", [".npz", ".pt2", pytest.param(".onnx", marks=pytest.mark.slow)])
def test_exports_answer_the_level(suffix, tmp_path):
    import torch

    from skdistill.deploy import NumpyStudent

    forecaster = fitted(MLP(4), quantiles=(0.1, 0.5, 0.9))
    path = tmp_path / f"student{suffix}"
    if suffix == ".onnx":
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
    forecaster.export(path)
    windows = np.stack([np.full(16, 3.2e8), np.zeros(16), np.full(16, 2.5), np.full(16, 4e3), np.arange(16)])
    windows = windows.astype(np.float32)[..., None]
    windows[2, 3:6] = windows[3, :-1] = np.nan
    names = ["large", "zero", "?", "new", "up"]
    series = forecaster.scaling_.numbers_of(names)
    if suffix == ".npz":
        student = NumpyStudent.load(path)
        answers = [one(windows, names) for one in (student.predict, student.predict_quantiles)]
    elif suffix == ".pt2":
        program = torch.export.load(path).module()
        answers = [one.numpy() for one in program(torch.from_numpy(windows), series=torch.from_numpy(series))]
    else:
        answers = runtime.InferenceSession(str(path)).run(None, {"context": windows, "series": series})
    expected = forecaster.predict(dict(zip(names, windows, strict=True)))
    for answer, level in zip(answers[0][:4], (3.2e8, 0.0, 2.5, 4e3), strict=True):
        np.testing.assert_allclose(answer, level, rtol=1e-7)
    np.testing.assert_allclose(answers[0], np.stack(list(expected.values())), rtol=1e-4)
    np.testing.assert_allclose(answers[1][:4], answers[0][:4, ..., None] * np.ones(3))


def test_frames_and_tables_are_no_exception():
    panel = pd.concat(
        {
            name: pd.DataFrame({"y": one[:, 0]}, pd.date_range("2024-01-01", periods=60))
            for name, one in make_panel().items()
        }
    )
    forecaster = fitted().fit(panel)
    table = panel.reset_index(names=["unique_id", "ds"])
    for forecast in (forecaster.predict_table(table), forecaster.predictor().predict_frame(table)):
        assert (forecast[forecast["unique_id"] == "large"]["y"] == LEVELS["large"]).all()


@pytest.mark.parametrize(("distance", "noise"), [(1e-3, 0.0), (1e-5, 0.0), (0.0, 0.0), (0.0, 1e-9), (1e-3, 1e-9)])
def test_a_constant_context_near_the_mean_of_its_series_does_not_rule_a_fit_in_units_of_windows(distance, noise):
    generator = np.random.default_rng(0)
    series = np.cumsum(generator.normal(size=300))
    rest = np.r_[0:100, 116:300]
    series[100:116] = series[rest].mean() - (distance + noise * generator.normal(size=16)) * series.std()
    settings = {"context_length": 12, "prediction_length": 4, "scaling": "window", "random_state": 0}
    forecaster = DistilledForecaster(None, "linear", **settings).fit(series[:, None])
    without = np.concatenate([series[:100], series[100:116] + generator.normal(size=16), series[116:]])
    other = DistilledForecaster(None, "linear", **settings).fit(without[:, None])
    recent, unit = series[-12:, None], np.abs(np.diff(series)).mean()
    assert np.abs(forecaster.predict(recent) - other.predict(recent)).max() < unit
    assert forecaster.history_[0]["train_loss"] < 3 * other.history_[0]["train_loss"]


def make_panel_with_one_that_starts(n_timestamps=200, start=185):
    generator = np.random.default_rng(5)
    panel = {f"s{n}": (50 + n) * (2 + np.sin(np.arange(n_timestamps)[:, None] / 4 + n)) for n in range(4)}
    panel = {name: one + 9 * generator.normal(size=one.shape) for name, one in panel.items()}
    late = np.zeros((n_timestamps, 1))
    late[start:] = 1000 * (2 + generator.normal(size=(n_timestamps - start, 1)))
    return panel, {**panel, "late": late}


def test_a_series_that_starts_in_the_validation_rows_has_no_unit_and_does_not_rule_the_choice():
    settings = {"context_length": 16, "prediction_length": 4, "validation_fraction": 30, "random_state": 0}
    usual, with_late = make_panel_with_one_that_starts()
    for student in (Linear(penalty=[0.01, 1.0, 100.0]), MLP(4)):
        plain, other = (
            DistilledForecaster(None, student, "response", max_epochs=2, **settings).fit(panel)
            for panel in (usual, with_late)
        )
        for one, more in zip(plain.history_, other.history_, strict=True):
            assert 0.5 * one["valid_loss"] < more["valid_loss"] < 1.1 * one["valid_loss"]
            assert one.get("chosen") == more.get("chosen")


def test_a_series_that_starts_in_the_validation_rows_does_not_validate_however_small_its_values():
    settings = {"context_length": 16, "prediction_length": 4, "validation_fraction": 30, "random_state": 0}
    _, panel = make_panel_with_one_that_starts()
    losses = []
    for size in (1.0, 1e-9):  # the windows before it starts count in both
        forecaster = DistilledForecaster(None, Linear(penalty=[1.0]), "response", **settings)
        forecaster.fit({**panel, "late": size * panel["late"]})
        losses.append(forecaster.history_[0]["valid_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_a_target_that_only_leaves_its_level_in_the_validation_rows_cannot_validate():
    rows = np.zeros((80, 1))
    rows[50:] = np.random.default_rng(0).normal(size=(30, 1))
    settings = {"context_length": 8, "prediction_length": 4, "scaling": "series", "validation_fraction": 30}
    with pytest.raises(ValueError, match="only where a target leaves the one value of its training rows"):
        DistilledForecaster(None, "linear", "response", **settings).fit(rows)


@pytest.mark.parametrize(
    ("value", "level", "left", "far"),
    [
        (3e8, 3e8 * (1 + 1e-7), False, False),  # float32
        (3e8, 3.1e8, True, False),
        (-1e-9, 0.0, True, False),
        (-11.0, 0.0, True, True),
        (10e-6, 1e-6, True, False),
        (12e-6, 1e-6, True, True),
        (np.nan, 1.0, False, False),
    ],
)
def test_what_leaves_the_level_of_a_constant_target(value, level, left, far):
    units = series_units([np.full((30, 1), level)], season=1)
    values = units.standardize(np.array([[[value]]]))
    assert [units.left(values, far=one).item() for one in (False, True)] == [left, far]
    varying = LocalUnits(units.center, 1.1 * units.unit)
    assert not varying.left(values).any()


@pytest.mark.parametrize("level", [3.3, -0.7, 1e3])
@pytest.mark.parametrize("n_ulps", [4, 6, 9])
def test_a_series_that_varies_by_rounding_is_a_constant_one(level, n_ulps):
    """Its unit is its level, by which no forecast may be off, however far single values are."""
    generator = np.random.default_rng(1)
    series = level * (1 + np.where(generator.random(80) < 0.2, n_ulps * np.finfo(float).eps, 0.0))[:, None]
    panel = {"usual": np.sin(np.arange(80.0))[:, None] + generator.normal(size=(80, 1)), "rounding": series}
    settings = {"context_length": 12, "prediction_length": 4, "random_state": 0}
    forecaster = DistilledForecaster(None, "linear", "response", **settings).fit(panel)
    np.testing.assert_allclose(forecaster.predict(panel)["rounding"], level, rtol=1e-12)
    assert forecaster.scaling_.series_shown().tolist() == [True, False]


def test_a_series_that_starts_after_the_training_rows_of_a_fold_does_not_rule_a_search():
    usual, with_late = make_panel_with_one_that_starts(start=190)
    settings = {"students": ["linear"], "teachers": None, "context_lengths": 16, "prediction_length": 4, "cv": 1}
    searches = [DistilledForecasterCV(transformer=None, **settings).fit(panel) for panel in (usual, with_late)]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_allclose(scores[1], scores[0], rtol=0.3)
    assert searches[0].best_params_ == searches[1].best_params_


def test_a_series_that_starts_after_fit_does_not_outweigh_the_others_in_partial_fit():
    panels, settings = make_panel_with_one_that_starts(), {"context_length": 16, "prediction_length": 4}
    forecasters = []
    for number, panel in enumerate(panels):
        old, new = ({name: one[part] for name, one in panel.items()} for part in (slice(180), slice(180, None)))
        forecaster = DistilledForecaster(None, Linear(), "response", **settings).fit(old)
        if number:
            with pytest.warns(UserWarning, match="partial_fit leaves out .* windows of series 'late'"):
                forecaster.partial_fit(new)
        else:
            forecaster.partial_fit(new)
        forecasters.append(forecaster.predict({name: panels[0][name] for name in panels[0]}))
    for name in panels[0]:
        assert np.abs(forecasters[0][name] - forecasters[1][name]).max() < 9


def moved_panel():
    generator = np.random.default_rng(7)
    levels = {"large": 3.2e8, "small": -0.3, "zero": 0.0}
    return {name: level + 10 * (2 + generator.normal(size=(16, 1))) for name, level in levels.items()}


def test_counts_whose_unit_happens_to_be_their_level_were_not_constant():
    """Sales of 1 in three of 36 months: their mean, and the mean distance of months a year apart, are both 1 / 12."""
    months = pd.date_range("2021-01-01", periods=36, freq="MS")
    sold = np.zeros(36)
    sold[[0, 1, 12]] = 1
    panel = {
        name: pd.DataFrame({"y": values}, index=months)
        for name, values in (("sold", sold), ("never", np.zeros(36)), ("wave", np.sin(np.arange(36.0))))
    }
    forecaster = DistilledForecaster(None, "linear", "response", context_length=24, prediction_length=3).fit(panel)
    np.testing.assert_allclose(forecaster.scaling_.series_units_.unit[0], 1 / 12, rtol=1e-5)
    assert forecaster.scaling_.numbers_of(["sold", "never", "wave"]).tolist() == [0, -1, 2]


@pytest.mark.parametrize("student", ["linear", MLP(4)], ids=["exact", "mlp"])
def test_a_series_that_was_constant_in_fit_and_moves_is_scaled_by_its_context(student):
    forecaster, moved = fitted(student, quantiles=(0.1, 0.5, 0.9) if student != "linear" else None), moved_panel()
    as_new = forecaster.predict({f"new {name}": rows for name, rows in moved.items()})
    stream = dict(zip(moved, forecaster.stream(moved).predict(), strict=True))
    for answer in (forecaster.predict(moved), stream):
        for name, rows in moved.items():
            np.testing.assert_allclose(answer[name], as_new[f"new {name}"], rtol=1e-12)
            assert rows.min() - 30 < answer[name].min() < answer[name].max() < rows.max() + 30
    if student != "linear":
        quantiles = forecaster.predict_quantiles(moved)
        assert all(np.ptp(one, axis=-1).max() < 500 for one in quantiles.values())


@pytest.mark.parametrize("suffix", [".npz", ".pt2", ".h"])
def test_exports_scale_a_series_that_was_constant_in_fit_by_its_context(suffix, tmp_path):
    import torch

    from skdistill.deploy import NumpyStudent

    forecaster, moved = fitted(), moved_panel()
    forecaster.export(tmp_path / f"student{suffix}")
    expected = np.stack(list(forecaster.predict(moved).values()))
    windows = np.stack(list(moved.values())).astype(np.float32)
    if suffix == ".npz":
        answer = NumpyStudent.load(tmp_path / "student.npz").predict(np.stack(list(moved.values())), list(moved))
    elif suffix == ".pt2":
        program = torch.export.load(tmp_path / "student.pt2").module()
        answer = program(torch.from_numpy(windows), series=torch.from_numpy(forecaster.scaling_.places_of(list(moved))))
        answer = (answer[0] if isinstance(answer, tuple) else answer).numpy()
    else:
        text = (tmp_path / "student.h").read_text()
        assert '"wave"' in text
        assert not any(f'"{name}"' in text for name in moved)
        return
    np.testing.assert_allclose(answer[1:], expected[1:], rtol=1e-4)
    np.testing.assert_allclose(answer[0], expected[0], atol=64)


def test_a_target_that_was_constant_beside_others_keeps_its_level_as_unit():
    waves = np.sin(np.arange(60.0))[:, None]
    panel = {"both": np.hstack([waves, 3 * waves]), "one": np.hstack([waves, np.full((60, 1), 5.0)])}
    forecaster = DistilledForecaster(None, "linear", "response", context_length=12, prediction_length=2).fit(panel)
    assert forecaster.scaling_.numbers_of(["both", "one"]).tolist() == [0, 1]
    assert forecaster.scaling_.series_units_.unit[1, 1] == 5.0


@pytest.mark.parametrize("student", ["linear", ITransformer(8, n_heads=2, time_features=False)], ids=["npz", "network"])
def test_the_number_of_a_series_that_was_constant_in_fit_gives_it_no_units(student, tmp_path):
    pytest.importorskip("starlette", reason="needs pip install 'skdistill[serve]'")
    from skdistill.serving._model import open_model

    forecaster, moved = fitted(student), moved_panel()
    path = tmp_path / ("student.npz" if student == "linear" else "student.skdistill")
    (forecaster.export if student == "linear" else forecaster.save)(path)
    served, contexts = open_model(path), np.stack(list(moved.values()))
    answer = served.forecast(contexts, served.numbers_of(list(moved)))
    np.testing.assert_allclose(answer, np.stack(list(forecaster.predict(moved).values())), rtol=1e-6)


def test_a_series_that_was_constant_in_fit_does_not_rule_a_calibration():
    forecaster = fitted(MLP(4), quantiles=(0.1, 0.5, 0.9), calibration="conformal", validation_fraction=0.3)
    late = 1e4 * np.random.default_rng(0).normal(size=(60, 1))
    usual = {name: make_panel()[name] + 0.1 for name in ("up", "wave")}
    widths = []
    for more in ({}, {"new": late, "other": late}, {"zero": late, "small": late}):
        quantiles = forecaster.calibrate({**usual, **more}).predict_quantiles(make_panel())
        widths.append(np.ptp(quantiles["up"], axis=-1))
    np.testing.assert_allclose(widths[2], widths[1])
    assert widths[1].max() < 10 * widths[0].max()


@pytest.mark.parametrize("noise", [1e-3, 1e-5])
def test_a_context_that_hardly_varies_before_a_jump_is_told_in_units_of_windows(noise):
    generator = np.random.default_rng(0)
    series = generator.normal(size=(300, 1)).cumsum(axis=0)
    settings = {"context_length": 12, "prediction_length": 4, "scaling": "window", "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(None, "linear", **settings).fit(series)
        DistilledForecaster(None, "linear", **settings).fit(np.exp(series / 2))
    series[100:113] = series[100] + noise * generator.normal(size=(13, 1))
    with pytest.warns(UserWarning, match="the context of X that ends in row 11[12] hardly varies, and what follows"):
        DistilledForecaster(None, "linear", **settings).fit(series)
    with pytest.warns(UserWarning, match="the context of series 'b' that ends in row 11[12] hardly varies"):
        DistilledForecaster(None, "linear", **settings).fit({"a": series[:90], "b": series})


def test_new_rows_that_hardly_vary_before_a_jump_are_told():
    generator = np.random.default_rng(0)
    series = generator.normal(size=(200, 1)).cumsum(axis=0)
    settings = {"context_length": 12, "prediction_length": 4, "scaling": "window", "random_state": 0}
    old, new = series[:100], series[100:].copy()
    new[40:53] = new[40] + 1e-4 * generator.normal(size=(13, 1))
    DistilledForecaster(None, "linear", **settings).fit(old).refresh(series[100:])
    with pytest.warns(UserWarning, match="the context of X that ends in row 6[67] hardly varies, and what follows"):
        DistilledForecaster(None, "linear", **settings).fit(old).refresh(new)
    forecaster = DistilledForecaster(None, "linear", **settings).fit({"a": old, "b": old})
    with pytest.warns(UserWarning, match="the context of series 'b' that ends in row 6[67] hardly varies"):
        forecaster.partial_fit({"a": series[100:], "b": new})


def test_rows_of_fit_that_hardly_vary_before_a_jump_are_not_told_again_of_new_rows(recwarn):
    series = np.random.default_rng(0).normal(size=(200, 1)).cumsum(axis=0)
    series[84:97] = series[84] + 1e-4 * np.arange(13)[:, None]
    settings = {"context_length": 12, "prediction_length": 4, "scaling": "window", "random_state": 0}
    forecaster = DistilledForecaster(None, "linear", **settings).fit(series[:101])
    assert [one for one in recwarn if "that ends in row 9" in str(one.message)]
    recwarn.clear()
    forecaster.refresh(series[101:])
    assert not [one for one in recwarn if "hardly varies" in str(one.message)]


def test_windows_of_parts_that_outweigh_all_others_add_up():
    few, many = Outweighing(10, 90.0, 80.0, "the one"), Outweighing(90, 1000.0, 900.0, "the other")
    assert few + many == many + few == Outweighing(100, 1090.0, 900.0, "the other")
    with pytest.warns(
        UserWarning, match="the other hardly varies, and what follows is about 30 of .* outweigh all 100"
    ):
        (few + many).warn()


def make_frame_with_one_that_starts(size, start=200):
    generator, rows = np.random.default_rng(5), np.arange(240)
    columns = [(50 + n) * (2 + np.sin(rows / 4 + n)) + 9 * generator.normal(size=240) for n in range(4)]
    columns.append(np.where(rows < start, 0, size * (2 + generator.normal(size=240))))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("student", [Linear(penalty=[1e-3, 10.0]), MLP(4)], ids=["exact", "mlp"])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_column_that_starts_in_the_validation_rows_does_not_rule_the_choice(student, gaps):
    settings = {"context_length": 16, "prediction_length": 4, "validation_fraction": 60, "random_state": 0}
    losses = []
    for size in (1.0, 1000.0):
        frame = make_frame_with_one_that_starts(size)
        frame[50, 0] = np.nan if gaps else frame[50, 0]
        forecaster = DistilledForecaster(None, student, "response", max_epochs=2, **settings).fit(frame)
        losses.append([row["valid_loss"] for row in forecaster.history_])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
    if isinstance(student, Linear):
        assert forecaster.history_[0]["chosen"]
        plain = DistilledForecaster(None, student, "response", **settings).fit(frame[:, :4])
        np.testing.assert_allclose(losses[0], [row["valid_loss"] for row in plain.history_], rtol=0.2)


def test_a_column_that_starts_in_the_validation_rows_is_calibrated():
    settings = {"context_length": 16, "prediction_length": 4, "validation_fraction": 60, "random_state": 0}
    forecaster = DistilledForecaster(
        None, MLP(4), quantiles=(0.1, 0.5, 0.9), calibration="conformal", max_epochs=1, **settings
    ).fit(make_frame_with_one_that_starts(1000.0))
    assert np.ptp(forecaster.predict_quantiles(make_frame_with_one_that_starts(1000.0))[:, 4], axis=-1).min() > 500


@pytest.mark.parametrize(
    ("is_panel", "scaling"), [(False, "global"), (False, "series"), (False, "window"), (True, "auto")]
)
def test_what_starts_after_fit_does_not_rule_a_comparison(is_panel, scaling, tmp_path):
    tables = []
    for size in (0.01, 1000.0):
        frame = make_frame_with_one_that_starts(size)
        cut = [frame[:180], frame[164:]]
        if is_panel:
            cut = [{name: part[:, [name]] for name in range(5)} for part in cut]
        settings = {"context_length": 16, "prediction_length": 4, "scaling": scaling}
        forecaster = DistilledForecaster(None, "linear", "response", **settings)
        forecaster.fit(cut[0]).save(tmp_path / "forecaster")
        tables.append(forecaster.compare(cut[1]))
        again = compare({"student": load(tmp_path / "forecaster")}, cut[1], alone=False)
        np.testing.assert_allclose(again.loc["student", "mse"], tables[-1].loc["student", "mse"])
    naive = [table.loc["last value", "mse"] for table in tables]
    np.testing.assert_allclose(naive[1], naive[0], rtol=1e-6)
    assert tables[1].loc["student", "mse"] < 2


def test_a_channel_of_a_table_that_starts_in_the_validation_rows_does_not_rule_the_choice():
    losses = []
    for size in (1.0, 1000.0):
        frame = make_frame_with_one_that_starts(size)
        windows = np.stack([frame[first : first + 20] for first in range(220)])
        regressor = DistilledRegressor(None, Linear(penalty=[1e-3, 10.0]), "response", validation_fraction=60)
        regressor.fit(windows[:, :16], windows[:, 16:])
        losses.append([row["valid_loss"] for row in regressor.history_])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("scaling", "transformer"),
    [("global", None), ("series", None), ("window", None), ("global", StandardScaler())],
    ids=["global", "series", "window", "transformed"],
)
def test_a_covariate_that_varies_by_rounding_is_a_constant_one(scaling, transformer):
    """Prices of 3.3 and of 3 * 1.1 are one price: any other is not 1e16 standard deviations away."""
    generator = np.random.default_rng(0)
    index = pd.date_range("2024", periods=168, name="time")
    rounded = np.where(generator.random(168) < 0.5, 3 * 1.1, 3.3)
    sales = np.sin(np.arange(168) / 3) + 0.1 * generator.normal(size=168)
    settings = {"targets": ["sales"], "known_covariates": ["price"], "context_length": 24, "prediction_length": 8}
    answers = []
    for price in (np.full(168, 3.3), rounded):
        price[160:] = 4.0
        frame = pd.DataFrame({"sales": sales, "price": price}, index=index)
        forecaster = DistilledForecaster(
            None, "linear", "response", scaling=scaling, transformer=transformer, **settings
        ).fit(frame[:160])
        answers.append(forecaster.predict(frame[:160], future=frame[["price"]][160:]))
    np.testing.assert_allclose(answers[1], answers[0], atol=0.2)


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_a_covariate_that_never_moved_in_fit_moves_by_a_share_of_its_level(scaling):
    """Its weights are as they were drawn, and 40,000 times them would be the forecast."""
    frame = pd.DataFrame({"sales": np.sin(np.arange(120) / 3), "price": 8e4}, pd.date_range("2024", periods=120))
    settings = {"targets": ["sales"], "known_covariates": ["price"], "context_length": 12, "prediction_length": 4}
    forecaster = DistilledForecaster(
        None, MLP(4), "response", scaling=scaling, max_epochs=1, random_state=0, **settings
    ).fit(frame)
    later = frame.set_axis(frame.index + frame.index.freq * 120)[:4]
    usual, moved = (forecaster.predict(frame, future=later[["price"]] * factor) for factor in (1.0, 1.5))
    np.testing.assert_allclose(moved, usual, atol=2)


@pytest.mark.parametrize("scaling", ["global", "series"])
def test_a_static_covariate_that_never_moved_in_fit_moves_by_a_share_of_its_level(scaling):
    frame = pd.DataFrame({"sales": np.sin(np.arange(60) / 3), "size": 8e4})
    settings = {"static_covariates": ["size"], "context_length": 12, "prediction_length": 4, "scaling": scaling}
    forecaster = DistilledForecaster(None, MLP(4), "response", max_epochs=1, random_state=0, **settings)
    forecaster.fit({"a": frame, "b": frame[5:]})
    usual, moved = (forecaster.predict({"c": frame.assign(size=size)})["c"] for size in (8e4, 12e4))
    np.testing.assert_allclose(moved, usual, atol=2)


def test_a_covariate_of_a_table_that_never_moved_in_fit_moves_by_a_share_of_its_level():
    generator = np.random.default_rng(0)
    X, y = np.column_stack([generator.normal(size=(40, 8)), np.full(40, 8e4)]), generator.normal(size=(40, 2))
    regressor = DistilledRegressor(None, MLP(4), n_covariates=1, max_epochs=1, random_state=0).fit(X, y)
    moved = np.where(np.arange(9) == 8, 12e4, X)
    np.testing.assert_allclose(regressor.predict(moved), regressor.predict(X), atol=2)


def test_rounding_is_no_other_scale_of_a_series():
    generator = np.random.default_rng(0)
    panel = {"usual": 0.1 + generator.normal(size=(60, 1)), "constant": np.full((60, 1), 0.1)}
    panel["rounding"] = np.where(generator.random((60, 1)) < 0.3, 0.1 * (1 + 4e-16), 0.1)
    settings = {"context_length": 12, "prediction_length": 4, "scaling": "global", "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(None, "linear", "response", **settings).fit(panel)


@pytest.mark.parametrize("sizes", [[3.3] * 6, [3.3, 3 * 1.1] * 3], ids=["equal", "rounding"])
def test_a_static_covariate_that_is_equal_in_all_series_has_no_spread(sizes):
    """The mean of six times 3.3 is not 3.3, which is no spread by which another size could be divided."""
    frame = pd.DataFrame({"sales": np.sin(np.arange(80) / 3)})
    panel = pd.concat({f"s{n}": frame.assign(size=size) for n, size in enumerate(sizes)}, names=["series", "time"])
    settings = {"context_length": 16, "prediction_length": 4, "static_covariates": ["size"], "random_state": 0}
    forecaster = DistilledForecaster(None, "linear", "response", **settings).fit(panel)
    assert forecaster.roles_.static_unit == pytest.approx([3.3])
    new = {size: forecaster.predict({"new": frame.assign(size=size)})["new"] for size in (3.3, 4.0)}
    np.testing.assert_allclose(new[4.0], new[3.3], atol=1e-6)


@pytest.mark.parametrize("student", ["linear", MLP(4)], ids=["exact", "mlp"])
def test_a_constant_column_among_small_ones_is_not_forecast_in_units_of_one(student):
    generator = np.random.default_rng(0)
    walks = generator.normal(size=(200, 3)).cumsum(axis=0) + 0.3 * np.arange(200)[:, None]
    rows = np.concatenate([walks, np.full((200, 1), 2.0), np.zeros((200, 1))], axis=1)
    settings = {"context_length": 24, "prediction_length": 4, "max_epochs": 2, "random_state": 0}
    for unit in (1e-6, 1.0, 1e6):
        answer = DistilledForecaster(None, student, "response", **settings).fit(unit * rows).predict(unit * rows) / unit
        assert np.abs(answer[:, 3:] - [2.0, 0.0]).max() < 10  # the others are about 60


def rounded(level, dtype, kind):
    """Return a constant, computed in some way that rounds."""
    factors = np.random.default_rng(0).uniform(0.1, 10.0, 240)
    values = np.full(240, level)
    found = {
        "ratio": lambda: values * factors / factors,
        "logarithms": lambda: np.exp(np.log(values * factors) - np.log(factors)),
        "means of sums": lambda: np.array([np.cumsum(values[: n + 1])[-1] / (n + 1) for n in range(240)]),
        "differences of sums": lambda: np.diff(1e3 * level + np.cumsum(values)),
        "few digits": lambda: values * (1 + 5e-7 * (factors - 5)),
    }[kind]()
    return np.resize(found, 240).astype(dtype)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("level", [1.1e-6, 0.1, 0.7, 3.3, 701.3, 1.1e9 + 0.3])
@pytest.mark.parametrize(
    ("kind", "dtype", "told"),
    [
        ("ratio", np.float64, False),
        ("ratio", np.float32, False),
        ("logarithms", np.float64, False),
        ("means of sums", np.float64, None),  # at some levels
        ("differences of sums", np.float64, True),
        ("few digits", np.float32, True),
    ],
)
def test_a_covariate_that_is_constant_but_for_rounding_does_not_explode_without_a_word(kind, dtype, told, level):
    rows = np.stack([np.sin(ROWS_OF_YEAR / 4), rounded(level, dtype, kind)], axis=1).astype(dtype)
    for scaling in ("global", "series"):
        for column in ({"known_covariates": [1]}, {"targets": [0]}):
            forecaster = DistilledForecaster(
                None, Linear(), "response", context_length=12, prediction_length=3, scaling=scaling, **column
            )
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                forecaster.fit(rows)
            was_told = any("hardly more than numbers round" in str(one.message) for one in caught)
            assert told in (None, was_told)
            moved = rows.copy()
            moved[-5:, 1] *= 1.5
            future = np.full((3, 1), 1.5 * level, dtype) if "known_covariates" in column else None
            assert was_told or np.abs(forecaster.predict(moved, future)).max() < 3


ROWS_OF_YEAR = np.arange(240)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_numbers_and_small_spreads_of_large_levels_are_no_rounding(dtype):
    counts = 1e6 + np.random.default_rng(0).integers(0, 9, size=(200, 1))
    digits = 1e9 + 1e-2 * np.random.default_rng(0).normal(size=(200, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (counts.astype(dtype), digits):
            for scaling in ("global", "series"):
                fit = DistilledForecaster(
                    None, "linear", "response", context_length=9, prediction_length=3, scaling=scaling
                )
                forecast = fit.fit(rows).predict(rows)
                assert np.ptp(rows) / 100 < np.ptp(forecast) < np.ptp(rows)
