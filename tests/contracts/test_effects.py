"""A setting that is changed alone changes what is learned or forecast, or a word says that it does not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_frame
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor
from skdistill.data import Augmentation, SquareRoot
from skdistill.losses import MultiScale, Response, Supervised
from skdistill.networks import MLP, DLinear, Linear
from skdistill.teachers import RegressorTeacher, TrainedTeacher

N_ROWS = {"a": 90, "b": 70, "c": 80}


def make_single() -> pd.DataFrame:
    """Make two waves, the first with missing values."""
    frame = make_frame(110)
    frame.iloc[40:44, 0] = np.nan
    return frame


def make_panel() -> pd.DataFrame:
    """Make three shops of different size and length, with a plan, visits, and a size; some sales are missing."""
    generator, parts = np.random.default_rng(0), {}
    for number, (name, length) in enumerate(N_ROWS.items()):
        time, plan = np.arange(length), (generator.random(length) < 0.3).astype(float)
        sales = (1 + 4 * number) * (6 + 2 * np.sin(np.pi * time / 6) + 2 * plan + 0.3 * generator.normal(size=length))
        columns = {"sales": sales, "plan": plan, "visits": generator.normal(size=length), "size": float(number)}
        parts[name] = pd.DataFrame(columns, pd.date_range("2024-01-01", periods=length, freq="h"))
    panel = pd.concat(parts, names=["shop", "time"])
    panel.iloc[[30, 31, 100, 200], 0] = np.nan
    return panel


def make_table(n_covariates: int) -> tuple[np.ndarray, np.ndarray]:
    """Make windows of a wave, and numbers beside them."""
    windows = np.lib.stride_tricks.sliding_window_view(make_frame(140, 1).to_numpy()[:, 0], 28)
    more = np.random.default_rng(0).normal(size=(len(windows), n_covariates))
    return np.concatenate([windows[:, :24], more], axis=1), windows[:, 24:]


# -- what is compared ------------------------------------------------------------------------------


def of_one_series(estimator):
    return of_forecasts(estimator.fit(make_single()), make_single()[:80], None)


def of_a_complete_series(estimator):
    return of_forecasts(estimator.fit(make_frame(110)), make_frame(80), None)


def of_a_panel(estimator):
    panel = make_panel()
    past, later = (
        panel.groupby(level=0).head(60),
        panel.groupby(level=0).nth(slice(60, 60 + LENGTHS["prediction_length"])),
    )
    known = estimator.known_covariates
    return of_forecasts(estimator.fit(panel), past, later[:None][known] if known else None)


def of_a_table(estimator):
    X, y = make_table(estimator.n_covariates)
    return [*numbers(estimator.fit(X, y), X[:5]), *training(estimator)]


def of_a_search(search):
    search.fit(make_single())
    results = {name: np.asarray(one).tolist() for name, one in search.cv_results_.items() if "time" not in name}
    return [repr(results), search.explanation_, *of_forecasts(search.best_estimator_, make_single()[:80], None)]


def of_forecasts(forecaster, past, future):
    """Return forecasts of observed and of empty contexts, and the course of the training."""
    empty = past.copy()
    empty[past.columns[: len(forecaster.targets_)]] = np.nan
    found = numbers(forecaster, past, future=future)
    try:
        found += numbers(forecaster, empty, future=future)
    except ValueError as error:
        found.append(str(error))
    return [*found, *training(forecaster)]


def numbers(estimator, X, **given):
    found = [estimator.predict(X, **given)]
    found += [] if estimator.quantiles is None else [estimator.predict_quantiles(X, **given)]
    return [np.asarray(one).tobytes() for one in found]


def training(estimator):
    return [{name: value for name, value in epoch.items() if name != "dur"} for epoch in estimator.history_]


def heard(outcome, estimator, **changes):
    """Return an outcome, and what was said; of an error, only this."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = outcome(clone(estimator).set_params(**changes))
        except (ValueError, TypeError) as error:
            return None, {str(error)}
    return found, {str(one.message) for one in caught}


# -- estimators and settings -----------------------------------------------------------------------

LENGTHS = {"context_length": 24, "prediction_length": 4}
TRAINED = {
    "max_epochs": 8,
    "patience": 2,
    "lr": 0.1,
    "lr_schedule": "constant",
    "random_state": 0,
    "device": "cpu",
}
ROLES = {"targets": ["sales"], "known_covariates": ["plan"], "static_covariates": ["size"]}
TAUGHT = TrainedTeacher(MLP(4), max_epochs=2)
BASES = {
    "exact": (of_a_complete_series, DistilledForecaster(None, **LENGTHS)),
    "exact, labels, gaps": (of_one_series, DistilledForecaster("theta", **LENGTHS)),
    "exact, penalties": (of_a_complete_series, DistilledForecaster(None, Linear(penalty=[0.1, 10.0]), **LENGTHS)),
    "exact, panel": (of_a_panel, DistilledForecaster(None, **LENGTHS, **ROLES)),
    "exact, labels, panel": (of_a_panel, DistilledForecaster("theta", **LENGTHS, **ROLES, covariates="ignore")),
    "trained, panel": (of_a_panel, DistilledForecaster(None, MLP(4), Supervised(), **LENGTHS, **ROLES, **TRAINED)),
    "quantiles": (of_one_series, DistilledForecaster("theta", MLP(4), quantiles=(0.1, 0.9), **LENGTHS, **TRAINED)),
    "timedistill": (
        of_one_series,
        DistilledForecaster(TAUGHT, MLP(4), "timedistill", **LENGTHS, **TRAINED, label_share=0.5),
    ),
    "table": (of_a_table, DistilledRegressor("theta")),
    "table, covariates": (of_a_table, DistilledRegressor(None, n_covariates=4)),
    "table, quantiles": (of_a_table, DistilledRegressor("theta", MLP(4), quantiles=(0.1, 0.9), **TRAINED)),
    "search": (
        of_a_search,
        DistilledForecasterCV(
            ("linear", Linear(season=12)),
            ["pretrained"],
            context_lengths=24,
            prediction_length=4,
            transformer=None,
            random_state=0,
        ),
    ),
}
OTHERS = {
    "teacher": [None, "theta", RegressorTeacher(max_rows=500, random_state=0)],
    "student": [Linear(season=12), DLinear()],
    "loss": [Response(supervised_weight=0.2), Supervised() + MultiScale(0.5)],
    "context_length": [20],
    "prediction_length": [3],
    "targets": [[0]],
    "known_covariates": [["plan", "visits"]],
    "static_covariates": [None],
    "known_dropout": [0.5],
    "window_step": [3],
    "quantiles": [None, (0.2, 0.8)],
    "point_forecast": ["mean"],
    "calibration": ["conformal", "rolling"],
    "transformer": [SquareRoot(), StandardScaler()],
    "scaling": ["global", "series", "window"],
    "bounds": [(5.0, 6.0)],
    "series_weight": ["equal", {"a": 2.0, "b": 1.0, "c": 0.5}],
    "min_observed": [10],
    "missing": ["raise"],
    "validation_fraction": [0, 0.3, 12],
    "windows_without_truth": [True],
    "augmentation": [Augmentation(random_state=0)],
    "max_epochs": [1],
    "batch_size": [7],
    "lr": [0.05],
    "patience": [1],
    "optimizer": ["sgd"],
    "lr_schedule": ["halving", "cosine"],
    "gradient_clip": [0.01],
    "weight_averaging": [0.9],
    "windows_per_epoch": [20],
    "training_precision": ["bfloat16"],
    "label_share": [0.3],
    "max_labels": [9],
    "label_choice": ["random", "covering"],
    "random_state": [7],
    "n_covariates": [0, 2],
    "students": [Linear(season=12), ["linear", MLP(2)]],
    "teachers": [None, RegressorTeacher(max_rows=500, random_state=0)],
    "context_lengths": [20, (20, 24)],
    "cv": [1, 2],
    "scoring": ["msse"],
    "max_windows": [20],
}
# How and where, not what: labels kept or not, workers, devices, lines on the screen, budgets that raise, clocks;
# and what has tests of its own, for it needs other data.
ELSEWHERE = {"feature_storage", "label_budget", "label_seconds", "memory", "n_jobs", "device", "verbose"}
ELSEWHERE |= {"covariates", "vintages", "standard_errors"}
PAIRS = [
    (base, parameter)
    for base, (_, estimator) in BASES.items()
    for parameter in sorted({*estimator.get_params(deep=False)} - ELSEWHERE)
]


def is_the_same(base, parameter, value):
    """Return what documentation says to be equal, or to be read by nothing."""
    estimator, panel, exact = BASES[base][1], "panel" in base, "exact" in base or base in ("table", "table, covariates")
    return {
        "loss": getattr(estimator, "teacher", "") is None and value is OTHERS["loss"][1],  # terms that read labels
        "scaling": value == ("series" if panel else "global"),  # that of "auto"
        "series_weight": value == "equal" and not panel,
        "targets": panel,
        "validation_fraction": value == 0 and exact and base != "exact, penalties",  # that of "auto"
        "random_state": exact or base == "search",  # nothing is drawn
    }.get(parameter, False)


@pytest.fixture(scope="module")
def plain():
    return {name: heard(*base) for name, base in BASES.items()}


@pytest.mark.parametrize(("base", "parameter"), PAIRS)
def test_a_setting_has_an_effect_or_a_word(base, parameter, plain):
    (outcome, estimator), (found, said) = BASES[base], plain[base]
    assert found is not None, said
    for value in OTHERS[parameter]:
        if repr(value) != repr(getattr(estimator, parameter)) and not is_the_same(base, parameter, value):
            more, more_said = heard(outcome, estimator, **{parameter: value})
            assert more != found or more_said - said, value
