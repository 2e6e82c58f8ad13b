"""Every public parameter that takes numbers: masks are missing values, times are refused, whole numbers are numbers."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.comparison import RollingForecasts, block_bootstrap_means, error_by_step, rolling_forecasts
from skdistill.data import SquareRoot
from skdistill.data._bounds import check_bounds
from skdistill.data._series_weight import check_series_weight
from skdistill.datasets import make_multiseasonal
from skdistill.m4 import m4_scores, naive2_forecast
from skdistill.metrics import ForecastScorer, forecast_errors, quantile_scores
from skdistill.model_selection import RollingOriginSplit
from skdistill.probabilistic import FittedCalibration, RollingConformal, SplitConformal, conformal_offsets
from skdistill.teachers import GivenLabels

MODULES = ("", "comparison", "data", "datasets", "deploy", "m4", "metrics", "plotting", "probabilistic", "teachers")
PARAMETERS = {
    "X", "y", "context", "contexts", "data", "errors", "forecasts", "future", "origins", "recent", "row", "rows",
    "sample_weight", "scale", "static", "train", "truth", "values", "windows",
}  # fmt: skip
LENGTH, HORIZON = 24, 6


def _wave(n_rows: int, n_channels: int, seed: int = 0) -> np.ndarray:
    """Make whole numbers with a season."""
    noise = np.random.default_rng(seed).integers(-2, 3, (n_rows, n_channels))
    return np.round(4 * np.sin(np.arange(n_rows)[:, None] / 2 + np.arange(n_channels))) + noise


SERIES, LATER = _wave(120, 2), _wave(60, 2, 1)
BATCH, PLANS = np.stack([SERIES[n : n + LENGTH] for n in range(4)]), _wave(24, 1, 2).reshape(4, HORIZON, 1)
TRUTH, QUANTILES = (
    _wave(24, 2).reshape(4, HORIZON, 2),
    np.arange(3.0) + _wave(24, 2, 3).reshape(4, HORIZON, 2)[..., None],
)
ERRORS = np.stack([_wave(180, 2, 4).reshape(30, HORIZON, 2)] * 2, axis=-1)
TABLE, TARGETS = _wave(40, LENGTH, 5), _wave(40, HORIZON, 6)
POSITIVE = np.abs(_wave(60, 3, 7)).T + 1
LEVELS = (0.1, 0.5, 0.9)
ORIGINS = np.arange(LENGTH, 115)


def _make(**changes: Any) -> DistilledForecaster:
    settings = {"teacher": None, "context_length": LENGTH, "prediction_length": HORIZON, "random_state": 0}
    return DistilledForecaster(student="linear", loss="response", **{**settings, **changes})


class Fitted:
    """Models that the doors belong to, fitted when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def plain(self) -> Any:
        return _make().fit(SERIES)

    @cached_property
    def spread(self) -> Any:
        settings = {"max_epochs": 1, "calibration": "conformal", "validation_fraction": 0.4}
        return _make(quantiles=LEVELS, **settings).fit(_wave(200, 2))

    @cached_property
    def known(self) -> Any:
        return _make(targets=[0], known_covariates=[1]).fit(SERIES)

    @cached_property
    def panel(self) -> Any:
        return _make().fit({"a": SERIES, "b": SERIES + 1})

    @cached_property
    def taught(self) -> Any:
        return _make(teacher="theta").fit(SERIES)

    @cached_property
    def table(self) -> Any:
        return DistilledRegressor(None, "linear", "response", random_state=0).fit(TABLE, TARGETS)

    def exported(self, name: str) -> Any:
        """Return the NumPy student of one of the models."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            getattr(self, name).export(path)
        return skdistill.load_numpy(path)


def _streamed(stream: Any, *row: Any) -> Any:
    stream.append(*row)
    return stream.predict()


def _rolled(truth: Any, forecast: Any) -> Any:
    return error_by_step(RollingForecasts(truth, {"student": forecast}, []))


def _scores(*given: Any, **options: Any) -> Any:
    found = quantile_scores(*given, **options)
    return [found.crps, found.coverage, found.width]


def _fitted_table(X: Any, y: Any) -> Any:
    return DistilledRegressor(None, "linear", "response", random_state=0).fit(X, y).predict(TABLE)


def _drawn(name: str, truth: Any, forecast: Any) -> Any:
    """Return the numbers that a display draws."""
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    display = getattr(importlib.import_module("skdistill.plotting"), name)
    if name == "ForecastDisplay":
        ax = display.from_predictions(truth, forecast, {"student": forecast}).ax_
    else:
        more = (["load", "wind"],) if name == "WinRateDisplay" else ()
        ax = display.from_predictions(truth, {"student": forecast, "teacher": TRUTH + 2}, *more).ax_
    plt.close(ax.figure)
    marks = [np.ravel(line.get_ydata()) for line in ax.lines] + [[bar.get_width()] for bar in ax.patches]
    return np.concatenate([np.asarray(one, dtype=float) for one in marks])


Door = tuple[Callable[[Fitted, Any], Any], np.ndarray]
DOORS: dict[str, Door] = {
    "DistilledForecaster.fit(X)": (lambda m, x: _make().fit(x).predict(LATER), SERIES),
    "DistilledForecaster.partial_fit(X)": (lambda m, x: _make().fit(SERIES).partial_fit(x).predict(LATER), LATER),
    "DistilledForecaster.refresh(X)": (lambda m, x: _make().fit(SERIES).refresh(x).predict(LATER), SERIES),
    "DistilledForecaster.calibrate(X)": (lambda m, x: m.spread.calibrate(x).predict_quantiles(LATER), LATER),
    "DistilledForecaster.predict(X)": (lambda m, x: m.plain.predict(x), LATER),
    "DistilledForecaster.predict(X, batch)": (lambda m, x: m.plain.predict(x), BATCH),
    "DistilledForecaster.predict(X, dict)": (lambda m, x: m.panel.predict({"a": LATER, "b": x})["b"], LATER),
    "DistilledForecaster.predict(future)": (lambda m, x: m.known.predict(LATER, future=x), PLANS[0]),
    "DistilledForecaster.predict(future, batch)": (lambda m, x: m.known.predict(BATCH, future=x), PLANS),
    "DistilledForecaster.predict_quantiles(X)": (lambda m, x: m.spread.predict_quantiles(x), LATER),
    "DistilledForecaster.predict_interval(X)": (lambda m, x: m.spread.predict_interval(x)[0], LATER),
    "DistilledForecaster.predict_teacher(X)": (lambda m, x: m.taught.predict_teacher(x), LATER),
    "DistilledForecaster.backtest(X)": (lambda m, x: m.plain.backtest(x), LATER),
    "DistilledForecaster.backtest_quantiles(X)": (lambda m, x: m.spread.backtest_quantiles(x), LATER),
    "DistilledForecaster.score(X)": (lambda m, x: m.plain.score(x), LATER),
    "DistilledForecaster.compare(X)": (lambda m, x: m.plain.compare(x, n_resamples=2, alone=False)["mse"], LATER),
    "DistilledForecaster.stream(recent)": (lambda m, x: m.plain.stream(x).predict(), LATER),
    "DistilledForecaster.export(data)": (lambda m, x: m.plain.export(m.folder / "data.npz", data=x).mse, LATER),
    "DistilledRegressor.fit(X)": (lambda m, x: _fitted_table(x, TARGETS), TABLE),
    "DistilledRegressor.fit(y)": (lambda m, x: _fitted_table(TABLE, x), TARGETS),
    "DistilledRegressor.predict(X)": (lambda m, x: m.table.predict(x), TABLE),
    "DistilledRegressor.score(X)": (lambda m, x: m.table.score(x, TARGETS), TABLE),
    "DistilledRegressor.score(y)": (lambda m, x: m.table.score(TABLE, x), TARGETS),
    "DistilledRegressor.score(sample_weight)": (
        lambda m, x: m.table.score(TABLE, TARGETS, sample_weight=x),
        np.arange(40.0),
    ),
    "Stream.append(row)": (lambda m, x: _streamed(m.plain.stream(SERIES), x), LATER[0]),
    "Stream.predict(future)": (lambda m, x: m.known.stream(SERIES).predict(future=x), PLANS[0]),
    "PanelStream(recent)": (lambda m, x: m.panel.stream({"a": x, "b": SERIES}).predict(), SERIES),
    "PanelStream.append(row)": (lambda m, x: _streamed(m.panel.stream({"a": SERIES, "b": SERIES}), "a", x), LATER[0]),
    "NumpyStudent.forecast(contexts)": (lambda m, x: m.exported("plain").forecast(x), BATCH),
    "NumpyStudent.forecast(future)": (lambda m, x: m.exported("known").forecast(BATCH, None, x), PLANS),
    "NumpyStudent.forecast_quantiles(contexts)": (lambda m, x: m.exported("spread").forecast_quantiles(x), BATCH),
    "NumpyStudent.predict(windows)": (lambda m, x: m.exported("plain").predict(x), BATCH),
    "NumpyStudent.predict(future)": (lambda m, x: m.exported("known").predict(BATCH, future=x), PLANS),
    "NumpyStudent.predict_quantiles(windows)": (lambda m, x: m.exported("spread").predict_quantiles(x), BATCH),
    "ArrayStudent.predict(X)": (lambda m, x: skdistill.load_pretrained_student().predict(x, 2), LATER),
    "ArrayStudent.predict_quantiles(X)": (
        lambda m, x: skdistill.load_pretrained_student().predict_quantiles(x, 2),
        BATCH,
    ),
    "ArrayStudent.quantiles(contexts)": (lambda m, x: skdistill.load_pretrained_student().quantiles(x, 2), TABLE),
    "SquareRoot.fit(X)": (lambda m, x: SquareRoot().fit_transform(x), LATER),
    "SquareRoot.transform(X)": (lambda m, x: SquareRoot().transform(x), LATER),
    "SquareRoot.inverse_transform(X)": (lambda m, x: SquareRoot().inverse_transform(x), LATER),
    "GivenLabels(forecasts)": (
        lambda m, x: _make(teacher=GivenLabels(x, ORIGINS)).fit(SERIES).predict(LATER),
        np.stack([SERIES[n - HORIZON : n] for n in ORIGINS]),
    ),
    "forecast_errors(X)": (lambda m, x: forecast_errors(m.plain, x), LATER),
    "rolling_forecasts(X)": (lambda m, x: rolling_forecasts(m.plain, x).forecasts["student"], LATER),
    "quantile_scores(truth)": (lambda m, x: _scores(x, QUANTILES, LEVELS), TRUTH),
    "quantile_scores(quantiles)": (lambda m, x: _scores(TRUTH, x, LEVELS), QUANTILES),
    "quantile_scores(scale)": (lambda m, x: _scores(TRUTH, QUANTILES, LEVELS, scale=x), np.array([2.0, 3.0])),
    "RollingForecasts(truth)": (lambda m, x: _rolled(x, TRUTH + 1), TRUTH),
    "RollingForecasts(forecasts)": (lambda m, x: _rolled(TRUTH, x), TRUTH + 1),
    "block_bootstrap_means(errors)": (
        lambda m, x: block_bootstrap_means(x, [30], block_length=3, n_resamples=3, random_state=0),
        _wave(2, 30),
    ),
    "conformal_offsets(errors)": (lambda m, x: conformal_offsets(x, (0.1, 0.9)), ERRORS),
    "SplitConformal.fit_errors(errors)": (
        lambda m, x: SplitConformal().fit_errors(x, (0.1, 0.9), None).offsets,
        ERRORS,
    ),
    "RollingConformal.fit_errors(errors)": (
        lambda m, x: RollingConformal(20).fit_errors(x, (0.1, 0.9), None).offsets,
        ERRORS,
    ),
    "FittedCalibration.rolling_offsets(errors)": (
        lambda m, x: FittedCalibration(ERRORS[0], 30, ERRORS + 0.5).rolling_offsets(x, (0.1, 0.9), 1),
        ERRORS,
    ),
    "naive2_forecast(series)": (lambda m, x: naive2_forecast(x, 12, 6), POSITIVE[0]),
    "m4_scores(forecasts)": (lambda m, x: m4_scores(x, POSITIVE[:, :6] + 1, POSITIVE, season=12), POSITIVE[:, :6]),
    "m4_scores(truth)": (lambda m, x: m4_scores(POSITIVE[:, :6] + 1, x, POSITIVE, season=12), POSITIVE[:, :6]),
    "m4_scores(train)": (lambda m, x: m4_scores(POSITIVE[:, :6] + 1, POSITIVE[:, :6], x, season=12), POSITIVE),
    "ForecastDisplay.from_predictions(context)": (
        lambda m, x: _drawn("ForecastDisplay", x, SERIES[:6, 0]),
        SERIES[:30, 0],
    ),
    "ForecastDisplay.from_predictions(forecasts)": (
        lambda m, x: _drawn("ForecastDisplay", SERIES[:30, 0], x),
        SERIES[:6, 0],
    ),
    "HorizonErrorDisplay.from_predictions(truth)": (lambda m, x: _drawn("HorizonErrorDisplay", x, TRUTH + 1), TRUTH),
    "ScalesDisplay.from_predictions(forecasts)": (lambda m, x: _drawn("ScalesDisplay", TRUTH, x), TRUTH + 1),
    "SpectrumDisplay.from_predictions(truth)": (lambda m, x: _drawn("SpectrumDisplay", x, TRUTH + 1), TRUTH),
    "WinRateDisplay.from_predictions(forecasts)": (lambda m, x: _drawn("WinRateDisplay", TRUTH, x), TRUTH + 1),
}
"""How to pass numbers to a parameter, and numbers that it takes."""

ELSEWHERE = {
    **dict.fromkeys(
        ["DistilledForecaster.predict_quantiles(future)", "DistilledForecaster.predict_interval(future)",
         "DistilledForecaster.predict_teacher(future)", "PanelStream.predict(future)", "Stream.contexts(future)",
         "Stream.read_ahead(future)",
         "Stream.predict_quantiles(future)", "PanelStream.predict_quantiles(future)"],
        "read_future, as DistilledForecaster.predict(future)",
    ),
    "Stream.take_read(rows)": "rows that PanelStream.extend has read",
    **dict.fromkeys(
        ["NumpyStudent.forecast(static)", "NumpyStudent.forecast_quantiles(static)", "NumpyStudent.predict(static)",
         "NumpyStudent.predict_quantiles(static)", "NumpyStudent.forecast_quantiles(future)",
         "NumpyStudent.predict_quantiles(future)"],
        "read together with the future of NumpyStudent.predict and forecast",
    ),
    **dict.fromkeys(
        ["DistilledRegressor.calibrate(X)", "DistilledRegressor.calibrate(y)", "DistilledRegressor.export(data)",
         "DistilledRegressor.estimate_labeling(X)", "DistilledRegressor.estimate_labeling(y)",
         "DistilledRegressor.predict_interval(X)", "DistilledRegressor.predict_quantiles(X)",
         "DistilledRegressor.predict_teacher(X)", "DistilledForecaster.estimate_labeling(X)",
         "DistilledForecaster.catch_up(X)"],
        "the reader of fit or predict",
    ),
    **dict.fromkeys(
        ["DistilledRegressor.predict_interval(future)", "DistilledRegressor.predict_quantiles(future)",
         "DistilledForecaster.score(sample_weight)"],
        "refused",
    ),
    **dict.fromkeys(
        ["DistilledForecaster.fit(y)", "DistilledForecaster.partial_fit(y)", "DistilledForecaster.calibrate(y)",
         "DistilledForecaster.estimate_labeling(y)", "DistilledForecaster.score(y)", "SquareRoot.fit(y)"],
        "ignored, present for API consistency",
    ),
    **dict.fromkeys(
        ["compare(X)", "compare(train)", "rolling_forecasts(train)", "write_report(X)", "write_report(train)",
         "DistilledForecaster.report(X)", "DistilledForecaster.report(train)", "Stream(recent)", "export(data)",
         "DistilledForecaster.predict_table(future)", "PanelStream.extend(rows)"],
        "handed to a method with a door of its own",
    ),
    **dict.fromkeys(["win_rates(row)"], "a name"),
    **dict.fromkeys(["GivenLabels(origins)"], "labels of rows"),
    **dict.fromkeys(["Augmentation(scale)"], "a number, by check_real"),
    **dict.fromkeys(
        ["Comparison(data)", "FittedCalibration(errors)", "HorizonErrorDisplay(errors)", "ScalesDisplay(errors)",
         "ForecastDisplay(context)", "ForecastDisplay(forecasts)", "ForecastDisplay(truth)",
         "FramePredictor.check_forecasts(forecasts)", "FusedStudent.in_units(scale)"],
        "made by the package",
    ),
    **dict.fromkeys(
        [f"{name}.from_predictions({parameter})"
         for name in ("HorizonErrorDisplay", "ScalesDisplay", "SpectrumDisplay", "WinRateDisplay", "ForecastDisplay")
         for parameter in ("truth", "forecasts")],
        "RollingForecasts or the reader of its context, as in the doors of the other displays",
    ),
}  # fmt: skip
"""Parameters that are read by the code of another door, or are no numbers, and why."""


def _public_parameters() -> list[str]:
    """List the parameters of all public functions and methods that take numbers by their name."""
    classes: dict[str, Any] = {}
    for module in MODULES:
        room = importlib.import_module(f"skdistill.{module}".rstrip("."))
        classes |= {name: getattr(room, name) for name in room.__all__}
    classes["ArrayStudent"] = type(skdistill.load_pretrained_student())
    found = []
    for name, public in classes.items():
        if not callable(public) or not public.__module__.startswith("skdistill") or name == "DistilledForecasterCV":
            continue  # the search hands everything to forecasters
        if inspect.isclass(public) and issubclass(public, Exception):
            continue
        members = {name: public}
        if inspect.isclass(public) and not public.__module__.startswith("skdistill.teachers"):
            for method in set(dir(public)) - set(dir(object)):
                function = inspect.getattr_static(public, method)
                function = getattr(function, "__func__", getattr(function, "fn", function))
                if not method.startswith("_") and inspect.isfunction(function) and "skdistill" in function.__module__:
                    members[f"{name}.{method}"] = function
        for called, function in members.items():
            names = set(inspect.signature(function).parameters) & PARAMETERS
            found += [f"{called}({parameter})" for parameter in sorted(names) if not called.endswith("from_estimator")]
    return found


def test_every_public_parameter_of_numbers_is_a_door_here() -> None:
    missing = [one for one in _public_parameters() if one not in DOORS and one not in ELSEWHERE]
    assert not missing, f"add how to call them to DOORS, or why not to ELSEWHERE: {missing}"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return Fitted(tmp_path_factory.mktemp("kinds"))


def _answer(door: Door, fitted: Fitted, values: Any) -> np.ndarray | None:
    """Return the answer of a door; None if it refuses."""
    try:
        found = door[0](fitted, values)
    except (TypeError, ValueError):
        return None
    return np.ravel(np.asarray(list(found.values()) if isinstance(found, dict) else found, dtype=float))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DOORS)
def test_a_mask_is_a_missing_value_and_whole_numbers_are_numbers(name: str, fitted: Fitted) -> None:
    door = DOORS[name]
    values = door[1]
    mask = np.zeros(values.shape, dtype=bool)
    mask.reshape(-1)[-2 if values.ndim == 1 else -3] = True
    wild = np.where(mask, 900.0, values)
    expected = _answer(door, fitted, np.where(mask, np.nan, values))
    for masked in (np.ma.array(wild, mask=mask), np.ma.array(wild.astype(int), mask=mask)):
        answer = _answer(door, fitted, masked)
        assert answer is None if expected is None else np.allclose(answer, expected, equal_nan=True, rtol=1e-5)
    listed = _answer(door, fitted, list(np.ma.array(wild, mask=mask)))  # may be refused: several doors take no lists
    if listed is not None and (expected is None or len(listed) == len(expected)):  # others take a list of series
        assert expected is not None
        np.testing.assert_allclose(listed, expected, rtol=1e-5, atol=1e-5)
    whole, plain = _answer(door, fitted, values.astype(np.int16)), _answer(door, fitted, values)
    assert whole is not None
    assert plain is not None
    np.testing.assert_allclose(whole, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DOORS)
def test_times_and_complex_numbers_are_refused(name: str, fitted: Fitted) -> None:
    door = DOORS[name]
    days = door[1].astype(int).astype("datetime64[D]")
    held = np.empty(days.size, dtype=object)
    held[:] = [np.timedelta64(one.astype(int), "h") for one in days.ravel()]
    kinds = [days, days.astype("datetime64[ns]"), days - np.datetime64(0, "D"), held.reshape(days.shape), list(days)]
    kinds.append(door[1] + 1j)
    if days.ndim < 3:
        kinds.append((pd.Series if days.ndim == 1 else pd.DataFrame)(days.astype("datetime64[s]")))
    if days.ndim == 2:
        kinds.append(pd.DataFrame(door[1] + 1j))
    taken = [number for number, one in enumerate(kinds) if _answer(door, fitted, one) is not None]
    assert not taken, f"{name} took times or complex numbers for numbers: {taken}"


def test_counts_positions_and_weights_are_no_truth_values_or_spans_of_time(fitted: Fitted) -> None:
    student, span = skdistill.load_pretrained_student(), np.timedelta64(2, "h")
    calls: list[Callable[[Any], Any]] = [
        lambda n: fitted.plain.backtest(LATER, step=n),
        lambda n: RollingOriginSplit(2, LENGTH, HORIZON, step=n)._check(),
        lambda n: ForecastScorer(steps=n)(fitted.plain, LATER),
        lambda n: ForecastScorer(channels=[n, False])(fitted.plain, LATER),
        lambda n: student.predict(LATER, n),
        lambda n: student.quantiles(TABLE, n),
        lambda n: make_multiseasonal(20, 2, seasons=(n,)),
        lambda n: check_bounds((n, None), "owner"),
        lambda n: check_series_weight({"a": n}, "owner"),
    ]
    for number, call in enumerate(calls):
        for value in (True, np.True_, span, float("inf")):
            with pytest.raises((TypeError, ValueError)):
                pytest.fail(f"call {number} took {value!r}: {call(value)}")


def test_errors_of_a_bootstrap_and_of_offsets_fit_their_windows_and_levels() -> None:
    with pytest.raises(ValueError, match="add up to"):
        block_bootstrap_means(_wave(2, 30), [10], block_length=3, n_resamples=3, random_state=0)
    with pytest.raises(ValueError, match="a last one for 1 levels"):
        conformal_offsets(ERRORS, (0.9,))
    with pytest.raises(ValueError, match="does not come after"):
        conformal_offsets(ERRORS, (0.9, 0.1))
    with pytest.raises(ValueError, match="n_origins"):
        FittedCalibration(ERRORS[0], 30, ERRORS).rolling_offsets(ERRORS[:, :1], (0.1, 0.9), 1)
    with pytest.raises(ValueError, match="one channel"):
        naive2_forecast(LATER, 12, 6)
    fitted = DistilledRegressor(None, "linear", "response").fit(TABLE, TARGETS)
    with pytest.raises(ValueError, match="at least 0"):
        fitted.score(TABLE, TARGETS, sample_weight=-np.ones(40))
