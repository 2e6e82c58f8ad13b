"""What fit tells of data and settings, every other way to fit tells, too."""

import re
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_series
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdistill import DistilledForecaster, scale_out
from skdistill.datasets import to_long
from skdistill.sktime import SktimeDistilledForecaster

SETTINGS = {
    "teacher": None,
    "context_length": 12,
    "prediction_length": 4,
    "scaling": "series",
    "known_covariates": ["plan"],
    "validation_fraction": 0,
    "random_state": 0,
    "device": "cpu",
}
N_SERIES = 34
OTHER = "32"  # is not among those that scale_out.fit looks at before


def make_panel() -> pd.DataFrame:
    """Make hourly series of 60 rows with a plan, each with two missing values."""
    parts = {}
    for number in range(N_SERIES):
        rows = make_series(60, 1, seed=number)
        rows[[20, 21]] = np.nan
        plan = np.random.default_rng(number).normal(size=60)
        index = pd.date_range("2024-01-01", periods=60, freq="h")
        parts[f"{number:02d}"] = pd.DataFrame({"y": rows[:, 0], "plan": plan}, index)
    return pd.concat(parts, names=["unique_id", "ds"])


def with_rows(panel, column, rows, value, one=OTHER):
    """Return the panel with some rows of a series replaced."""
    panel = panel.copy()
    labels = panel.loc[one].index[rows]
    panel.loc[[(one, label) for label in labels], column] = value
    return panel


CAUSES = {
    "a code": lambda panel: with_rows(panel, "y", slice(30, 32), -9999.0),
    "a code in the plan": lambda panel: with_rows(panel, "plan", slice(30, 31), -9999.0),
    "a plan with one value": lambda panel: panel.assign(plan=2.0),
    "a plan with one value in each": lambda panel: panel.assign(plan=panel.index.get_level_values(0).astype(float)),
    "a jump": lambda panel: with_rows(panel, "y", slice(22, 40), 5.0 + 1e-5 * np.arange(18)),
    "a value outside the bounds": lambda panel: with_rows(panel, "y", slice(10, 11), -3.0),
    "no value": lambda panel: with_rows(panel, "y", slice(None), np.nan),
    "no window": lambda panel: with_rows(panel, "y", slice(2, 58), np.nan),
    "zeros at the end": lambda panel: panel.assign(
        y=panel["y"].mask(panel.index.get_level_values(1) >= pd.Timestamp("2024-01-03 07:00"), 0.0)
    ),
    "few rows": lambda panel: panel.drop(index=[(OTHER, label) for label in panel.loc[OTHER].index[:-5]]),
}
MORE = {"a value outside the bounds": {"bounds": (0.0, None)}, "a jump": {"scaling": "window"}}
IDLE = {"lr": 0.1, "batch_size": 8}


def by_dict(settings, panel):
    DistilledForecaster(**settings).fit({one: panel.loc[one] for one in panel.index.levels[0]})


def by_pipeline(settings, panel):
    make_pipeline(FunctionTransformer(), DistilledForecaster(**settings)).fit(panel)


def by_sktime(settings, panel):
    SktimeDistilledForecaster(**settings).fit(panel[["y"]], X=panel[["plan"]], fh=[1])


def by_table(settings, panel):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    scale_out.fit(DistilledForecaster(**settings), to_long(panel))


def by_max_series(settings, panel):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    scale_out.fit(DistilledForecaster(**settings), to_long(panel), max_series=N_SERIES)


def by_store(settings, panel):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    with tempfile.TemporaryDirectory() as folder:
        to_long(panel).to_parquet(f"{folder}/rows.parquet")
        scale_out.fit(DistilledForecaster(**settings), f"{folder}/rows.parquet", store=f"{folder}/store")


WAYS = [by_dict, by_pipeline, by_sktime, by_table, by_max_series, by_store]
# The sums that scale_out.fit adds up know how many series and which ends of values there are, and not where.
BY_KIND = ("series have", "training values of the targets", "have one value in all training rows")


def told(way, settings, panel):
    """Return the beginnings of what is said, without numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        way(settings, panel)
    return {shortened(str(one.message)) for one in caught if one.category is UserWarning}


def shortened(message):
    kind = next((one for one in BY_KIND if one in message), None)
    return kind or re.sub(r"-?[\d.]+", "#", re.sub(r"\(.*?\)|Sktime(?=Distilled)|X:", "", message))[:60]


def fit(settings, panel):
    DistilledForecaster(**settings).fit(panel)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cause", CAUSES)
def test_every_way_to_fit_tells_what_fit_tells(cause, way):
    settings, panel = SETTINGS | MORE.get(cause, {}), CAUSES[cause](make_panel())
    expected = told(fit, settings, panel)
    assert expected
    assert told(way, settings, panel) == expected


@pytest.mark.parametrize("way", WAYS)
def test_every_way_tells_idle_settings_and_nothing_without_a_cause(way):
    assert told(way, SETTINGS, make_panel()) == set()
    (said,) = told(way, SETTINGS | IDLE, make_panel())
    assert "batch_size" in said
