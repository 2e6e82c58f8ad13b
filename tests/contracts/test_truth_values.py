"""Every public parameter that is True or False refuses text, which Python takes for True."""

import importlib
import inspect

import pytest
from doubles import make_forecaster, make_frame

from skdistill import Memory, compare, scale_out
from skdistill.comparison import rolling_forecasts
from skdistill.datasets import fetch_ett, fetch_exchange_rate, fetch_m4
from skdistill.deploy import save
from skdistill.serving import serve
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import Pretrained, RoutedEnsemble, Theta

ROOMS = ("", "comparison", "data", "datasets", "deploy", "metrics", "plotting", "probabilistic", "scale_out", "serving")
ROOMS += ("selection", "sktime", "teachers")
ELSEWHERE = {"covariates", "joint"}  # of foundation models; those of networks and losses, too, are tried with them
INTERNAL = {"of_roots", "is_panel", "median_alone", "finite", "squared"}


@pytest.fixture(scope="module")
def fitted():
    return make_forecaster(teacher=None, student="linear").fit(make_frame(80))


def _fit(**settings):
    make_forecaster(**settings).fit(make_frame(80))


def _fit_sktime(**settings):
    SktimeDistilledForecaster(None, context_length=12, prediction_length=4, **settings).fit(make_frame(80, 1), fh=[1])


PAIR = [("a", Pretrained()), ("b", Theta())]
AWAY = {"data_home": "never"}
CALLS = {
    "DistilledForecaster.windows_without_truth": lambda _, value: _fit(windows_without_truth=value),
    "DistilledForecaster.save.teacher": lambda one, value: one.save("never", teacher=value),
    "Memory.allow_pickle": lambda _, value: Memory("never", allow_pickle=value),
    "compare.alone": lambda one, value: compare({"student": one}, make_frame(80), alone=value),
    "rolling_forecasts.alone": lambda one, value: rolling_forecasts(one, make_frame(80), alone=value),
    "fetch_ett.download_if_missing": lambda _, value: fetch_ett("ETTh1", **AWAY, download_if_missing=value),
    "fetch_exchange_rate.download_if_missing": lambda _, value: fetch_exchange_rate(**AWAY, download_if_missing=value),
    "fetch_m4.download_if_missing": lambda _, value: fetch_m4("Hourly", **AWAY, download_if_missing=value),
    "save.teacher": lambda one, value: save(one, "never", teacher=value),
    "fit.keep_units": lambda one, value: scale_out.fit(one, make_frame(9), keep_units=value),
    "fit.is_sorted": lambda one, value: scale_out.fit(one, make_frame(9), is_sorted=value),
    "predict.is_sorted": lambda one, value: scale_out.predict(one, make_frame(9), is_sorted=value),
    "serve.access_log": lambda _, value: serve("never", access_log=value),
    "RoutedEnsemble.beat_student": lambda _, value: _fit(teacher=RoutedEnsemble(PAIR, beat_student=value)),
    "SktimeDistilledForecaster.rollout": lambda _, value: _fit_sktime(rollout=value),
    "SktimeDistilledForecaster.refit_on_update": lambda _, value: _fit_sktime(refit_on_update=value),
    "SktimeDistilledForecaster.windows_without_truth": lambda _, value: _fit_sktime(windows_without_truth=value),
}


@pytest.mark.parametrize("name", CALLS)
def test_text_is_no_truth_value(fitted, name):
    with pytest.raises(TypeError, match=rf"{name.rpartition('.')[2]}\b.* must be True or False; got 'no'"):
        CALLS[name](fitted, "no")


def test_every_parameter_is_tried():
    found = set()
    for room in ROOMS:
        module = importlib.import_module(f"skdistill.{room}".rstrip("."))
        for name, one in inspect.getmembers(module, callable):
            own = getattr(one, "__module__", "").startswith("skdistill") and "_utils" not in one.__module__
            for parameter in inspect.signature(one).parameters.values() if own and name[0] != "_" else ():
                if isinstance(parameter.default, bool) and parameter.name not in ELSEWHERE | INTERNAL:
                    found.add(f"{name}.{parameter.name}")
    assert found == {name for name in CALLS if name.count(".") == 1}
