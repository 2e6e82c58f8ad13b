"""Kept labels are those that this version makes: a change of how labels are made changes every key."""

import importlib.metadata
import re

import narwhals
import numpy as np
import pytest
import scipy
import sklearn
import skorch
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from narwhals import from_native
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.naive import NaiveForecaster

from skdistill._utils import _digest
from skdistill.data._context_batch import ContextBatch
from skdistill.data._labels import Labels
from skdistill.labeling._keys import _FORMAT, key_of
from skdistill.networks import GPT4TS
from skdistill.teachers import (
    AdaptiveEnsemble,
    Chronos,
    EnsembleTeacher,
    Fracast,
    Moirai,
    Pretrained,
    RegressorTeacher,
    SktimeTeacher,
    Theta,
    TimeMoE,
    TimesFM,
    TinyTimeMixer,
    TiRex,
    TrainedTeacher,
)

MEMBERS = [("low", LastValueTeacher(offset=-0.4)), ("theta", Theta(season=12)), ("high", LastValueTeacher(offset=2.0))]
OF_FORMAT = 8
LABELS = {  # sums of these labels, each number times another factor
    "equal": (EnsembleTeacher(MEMBERS), 1.4669),
    "without one": (EnsembleTeacher(MEMBERS, weights=(1.0, 3.0, 0.0)), 1.9777),
    "adaptive": (AdaptiveEnsemble(MEMBERS), 6.4454),
    "adaptive teacher": (AdaptiveEnsemble(MEMBERS, judge="teacher"), 6.2259),
    "theta": (Theta(season=12), 6.6584),
    "pretrained": (Pretrained(), 4.9206),
}


@pytest.mark.parametrize("name", LABELS)
def test_other_labels_have_other_keys(name):
    """Where this fails on purpose: raise _FORMAT in skdistill/labeling/_keys.py, and write the new sums here."""
    teacher, expected = LABELS[name]
    series = make_series(200)
    forecaster = make_forecaster(teacher=teacher, student="linear", context_length=48, random_state=0).fit(series)
    contexts = torch.from_numpy(series).unfold(0, 48, 9).transpose(1, 2)[:8].numpy()
    labels = forecaster.teacher_.label(ContextBatch(contexts).standardized(forecaster.scaling_, 4, with_time=False))
    numbers = torch.cat([one.double().ravel() for one in (labels.forecast, labels.quantiles) if one is not None])
    factors = torch.arange(1.0, len(numbers) + 1.0, dtype=torch.float64).sin()
    assert OF_FORMAT == _FORMAT
    assert float(numbers @ factors) == pytest.approx(expected, abs=1e-3)


class OwnTeacher(LastValueTeacher):
    def label(self, contexts):
        labels = super().label(contexts)
        return Labels(forecast=labels.forecast + narwhals.from_native([1.0], pass_through=True)[0])


class OwnTeacherByName(LastValueTeacher):
    def label(self, contexts):
        labels = super().label(contexts)
        return Labels(forecast=labels.forecast + from_native([1.0], pass_through=True)[0])


CHANGED = {  # a teacher, and libraries whose versions change its labels
    "sktime": (SktimeTeacher(NaiveForecaster()), ["sktime"]),
    "of a member": (EnsembleTeacher([("one", SktimeTeacher(NaiveForecaster())), ("two", Theta())]), ["sktime"]),
    "own": (OwnTeacher(), ["narwhals"]),
    "own, by name": (OwnTeacherByName(), ["narwhals"]),
    "language model": (TrainedTeacher(GPT4TS("folder")), ["transformers", "peft"]),
    "foundation model": (Chronos("folder"), ["chronos-forecasting", "transformers"]),
    "theta": (Theta(), []),
    "regressor": (RegressorTeacher(), []),  # the version of scikit-learn is in every key
}


@pytest.mark.parametrize("name", CHANGED)
def test_the_version_of_the_library_of_a_teacher_changes_its_key(name, monkeypatch):
    teacher, libraries = CHANGED[name]
    before = key_of(teacher)
    changed = {one: key_with(one, teacher, monkeypatch) != before for one in SOME}
    assert changed == {one: one in libraries for one in SOME}
    assert key_of(teacher) == before


def test_the_version_of_what_sktime_builds_on_changes_its_key(monkeypatch):
    pytest.importorskip("statsmodels", reason="sktime's AutoETS needs statsmodels")
    teacher = SktimeTeacher(AutoETS(auto=False))
    assert key_with("statsmodels", teacher, monkeypatch) != key_of(teacher) != key_with("sktime", teacher, monkeypatch)


SOME = ["narwhals", "sktime", "statsmodels", "transformers", "peft", "chronos-forecasting", "pandas"]


def key_with(library, teacher, monkeypatch):
    installed = _digest._version_of
    with monkeypatch.context() as patch:
        patch.setattr(_digest, "_version_of", lambda name: "99" if name == library else installed(name))
        return key_of(teacher)


@pytest.mark.parametrize("library", [torch, skorch, np, scipy, sklearn], ids=lambda one: one.__name__)
def test_the_versions_behind_every_student_change_every_key(library, monkeypatch):
    before = key_of(1)
    monkeypatch.setattr(library, "__version__", "99")
    assert key_of(1) != before


@pytest.mark.parametrize("teacher", [Chronos, Fracast, Moirai, TimeMoE, TimesFM, TinyTimeMixer, TiRex])
def test_a_foundation_model_names_the_libraries_of_its_extra(teacher):
    lines = importlib.metadata.requires("skdistill")
    named = [
        re.split(r"[\s\[<>=!~;]", one)[0] for one in lines if re.search(rf"extra == ['\"]{teacher.extra}['\"]", one)
    ]
    assert set(named) - {"huggingface-hub", "hydra-core"} <= set(teacher.libraries)  # the two read files
