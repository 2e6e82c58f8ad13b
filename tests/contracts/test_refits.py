"""A second fit leaves nothing of the first: attributes and saved files are those of a new estimator."""

import json
import re
import struct
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_frame

from skdistill import DistilledForecaster, scale_out
from skdistill.data import Augmentation, SquareRoot
from skdistill.datasets import to_long
from skdistill.networks import MLP, DLinear

LENGTHS = {"context_length": 12, "prediction_length": 4, "random_state": 0, "device": "cpu"}
ROLES = {"targets": ["c1"], "known_covariates": ["c0"], "static_covariates": ["size"]}
SERIES = make_frame(90)


def make_panel() -> pd.DataFrame:
    """Make two series of different length, with a text per series and a gap."""
    parts = {name: SERIES[first:].assign(size=name * 2) for name, first in {"a": 0, "b": 30}.items()}
    panel = pd.concat(parts, names=["id", "time"])
    panel.iloc[40:42, 1] = np.nan
    return panel


def reset(forecaster, **settings):
    """Set all parameters anew."""
    return forecaster.set_params(**DistilledForecaster(None, **LENGTHS).get_params(deep=False) | settings)


def fit_series(forecaster):
    reset(forecaster).fit(SERIES)


def fit_array(forecaster):
    reset(forecaster, scaling="series", teacher="theta").fit(SERIES.to_numpy())


def fit_panel(forecaster):
    reset(forecaster, **ROLES).fit(make_panel())


def fit_quantiles(forecaster):
    more = {"student": MLP(2), "quantiles": (0.1, 0.9), "max_epochs": 1}
    reset(forecaster, **more, calibration="conformal").fit(SERIES).calibrate(SERIES[50:])


def fit_copies(forecaster):
    more = {"student": DLinear(), "teacher": ["theta"], "augmentation": Augmentation(random_state=0), "max_epochs": 1}
    reset(forecaster, **more).fit(SERIES)


def fit_transformed(forecaster):
    reset(forecaster, transformer=SquareRoot(), bounds=(0, None), covariates="ignore").fit(make_panel()[["c1"]])


def refresh(forecaster):
    reset(forecaster).fit(SERIES[:60]).refresh(SERIES[60:])


def fit_rows(forecaster):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    scale_out.fit(reset(forecaster, scaling="series"), to_long(make_panel()[["c0", "c1"]]))


def fail(forecaster):
    with pytest.raises(ValueError, match="targets"):
        reset(forecaster, targets=["nothing"]).fit(SERIES)


FITS = [fit_series, fit_array, fit_panel, fit_quantiles, fit_copies, fit_transformed, refresh, fit_rows]


def left_by(fit, forecaster):
    """Return the kind of every attribute, and what a file would hold but for seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(forecaster)
    kinds = {name: type(one) for name, one in vars(forecaster).items()}
    with tempfile.TemporaryDirectory() as folder:
        forecaster.save(f"{folder}/one.skdistill")
        with open(f"{folder}/one.skdistill", "rb") as file:
            head, numbers = json.loads(file.read(struct.unpack("<Q", file.read(8))[0])), file.read()
    content = re.sub(r'"dur": [-+.\de]+', "", head.pop("__metadata__")["content"])
    return kinds, content, head, numbers


@pytest.fixture(scope="module")
def new():
    return {fit: left_by(fit, DistilledForecaster()) for fit in FITS}


@pytest.mark.parametrize("second", FITS)
@pytest.mark.parametrize("first", [*FITS, fail])
def test_a_second_fit_leaves_nothing_of_the_first(first, second, new):
    forecaster = DistilledForecaster()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first(forecaster)
    kinds, *saved = left_by(second, forecaster)
    assert {name: kinds[name] for name in kinds if name not in forecaster.get_params()} == {
        name: kind for name, kind in new[second][0].items() if name not in forecaster.get_params()
    }
    assert saved == list(new[second][1:])
