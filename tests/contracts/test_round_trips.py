"""Every estimator and parameter object survives set_params, clone, pickle and joblib."""

import importlib
import inspect
import pickle
import pkgutil

import joblib
import numpy as np
import pytest
from doubles import make_forecaster, make_series
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sktime.forecasting.naive import NaiveForecaster
from sktime.split import ExpandingWindowSplitter

import skdistill
from skdistill import DistilledForecaster, DistilledRegressor
from skdistill._utils._digest import digest
from skdistill.losses import LossSum, MultiScale, Supervised, WarmUp
from skdistill.model_selection import SktimeSplit
from skdistill.networks import MLP, CustomNetwork, DLinear
from skdistill.teachers import (
    AdaptiveEnsemble,
    CrossFittedTeacher,
    EnsembleTeacher,
    FrozenTeacher,
    GivenLabels,
    PretrainedTeacher,
    PrivilegedTeacher,
    RoutedEnsemble,
    SktimeTeacher,
    TrainedTeacher,
)

NEEDS_ARGUMENTS = {
    AdaptiveEnsemble: lambda: AdaptiveEnsemble([("a", TrainedTeacher(DLinear())), ("b", TrainedTeacher(MLP(4)))]),
    RoutedEnsemble: lambda: RoutedEnsemble([("a", TrainedTeacher(DLinear())), ("b", TrainedTeacher(MLP(4)))]),
    PrivilegedTeacher: lambda: PrivilegedTeacher(MLP(8), code_size=3),
    LossSum: lambda: LossSum([("truth", Supervised()), ("scales", MultiScale(0.5))]),
    SktimeSplit: lambda: SktimeSplit(ExpandingWindowSplitter(fh=[1, 2]), 7),
    CrossFittedTeacher: lambda: CrossFittedTeacher(TrainedTeacher(DLinear()), n_folds=4),
    EnsembleTeacher: lambda: EnsembleTeacher([TrainedTeacher(DLinear()), TrainedTeacher(MLP(4))]),
    FrozenTeacher: lambda: FrozenTeacher(
        FrozenEstimator(make_forecaster(teacher=None, student="dlinear").fit(make_series()))
    ),
    GivenLabels: lambda: GivenLabels(np.ones((3, 4, 2)), [12, 13, 14]),
    CustomNetwork: lambda: CustomNetwork(dict, {"width": 3}),
    SktimeTeacher: lambda: SktimeTeacher(NaiveForecaster()),
    WarmUp: lambda: WarmUp(MultiScale(0.5)),
    PretrainedTeacher: lambda: PretrainedTeacher(DLinear(), {"weight": np.ones(3)}),
    TrainedTeacher: lambda: TrainedTeacher(MLP(8), max_epochs=3),
}


def parameter_classes():
    """Find everything public that has parameters."""
    found = set()
    for module in pkgutil.walk_packages(skdistill.__path__, "skdistill."):
        if "._" in module.name or module.name.startswith("skdistill.training"):
            continue
        loaded = importlib.import_module(module.name)
        for value in (getattr(loaded, name) for name in loaded.__all__):
            if inspect.isclass(value) and issubclass(value, BaseEstimator):
                found.add(value)
    return sorted((cls for cls in found if not inspect.isabstract(cls)), key=lambda cls: cls.__name__)


def example(cls):
    if cls in NEEDS_ARGUMENTS:
        return NEEDS_ARGUMENTS[cls]()
    instance = cls()
    for name, value in instance.get_params(deep=False).items():  # away from the defaults, where that is easy
        if isinstance(value, bool):
            instance.set_params(**{name: not value})
        elif isinstance(value, int | float):
            instance.set_params(**{name: value + 1})
    return instance


def test_the_search_finds_them():
    names = {cls.__name__ for cls in parameter_classes()}
    assert {"DistilledForecaster", "DistilledRegressor", "MLP", "TimeDistill", "RollingOriginSplit"} <= names


@pytest.mark.parametrize("cls", parameter_classes(), ids=lambda cls: cls.__name__)
def test_parameters_survive(cls, tmp_path):
    original = example(cls)
    before = digest(original)
    assert list(inspect.signature(cls).parameters) == list(inspect.signature(cls.__init__).parameters)[1:]
    joblib.dump(original, tmp_path / "file")
    copies = {
        "clone": clone(original),
        "pickle": pickle.loads(pickle.dumps(original)),
        "joblib": joblib.load(tmp_path / "file"),
        "set_params": clone(original).set_params(**original.get_params(deep=False)),
        "constructor": cls(**original.get_params(deep=False)),
    }
    for way, copy in copies.items():
        assert digest(copy) == before, way
        assert sorted(copy.get_params()) == sorted(original.get_params()), way
    for name, value in original.get_params(deep=True).items():
        original.set_params(**{name: value})
    if cls not in (SktimeSplit, SktimeTeacher):  # setting a parameter of one of sktime's objects resets it
        assert digest(original) == before, "setting what is there changes nothing"


@pytest.mark.parametrize("cls", [DistilledForecaster, DistilledRegressor])
def test_fitted_estimators_forecast_the_same_bits_after_a_round_trip(cls, tmp_path):
    series = make_series()
    if cls is DistilledForecaster:
        fitted = make_forecaster().fit(series)
        question = series
    else:
        question = np.lib.stride_tricks.sliding_window_view(series[:100, 0], 12).copy()
        fitted = cls(teacher="dlinear", student="mlp", loss="response", max_epochs=1, random_state=0)
        fitted.fit(question[:-4], series[12:100, 0][-(len(question) - 4) :])
    joblib.dump(fitted, tmp_path / "file")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "file")):
        np.testing.assert_array_equal(copy.predict(question), fitted.predict(question))
        assert copy.get_params().keys() == fitted.get_params().keys()
