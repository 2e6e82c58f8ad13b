"""Settings of gradient training that were set, where the student is solved exactly."""

import re
import tempfile
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_frame, make_series
from sktime.forecasting.naive import NaiveForecaster

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, scale_out
from skdistill.core import BaseNetwork, Labels, LossTerm
from skdistill.datasets import to_long
from skdistill.losses import LossSum, Response, Supervised
from skdistill.networks import CALF, MICN, MLP, Linear, TimesNet
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import EnsembleTeacher, Pretrained, SktimeTeacher, Theta, TrainedTeacher

LENGTHS = {"context_length": 12, "prediction_length": 4}
SET = {
    "max_epochs": 7,
    "batch_size": 16,
    "lr": 0.1,
    "patience": None,
    "optimizer": "sgd",
    "lr_schedule": "cosine",
    "gradient_clip": 1.0,
    "weight_averaging": 0.9,
    "windows_per_epoch": 5,
    "training_precision": "bfloat16",
}


def fit_series(**settings):
    DistilledForecaster(None, **LENGTHS, **settings).fit(make_series(80))


def fit_table(**settings):
    X = make_series(60, 16).T
    DistilledRegressor(None, **settings).fit(X[:, :12], X[:, 12:16])


def fit_sktime(**settings):
    SktimeDistilledForecaster(None, **LENGTHS, **settings).fit(make_frame(80, 1), fh=[1])


def fit_rows(**settings):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    table = to_long(pd.concat({"a": make_frame(80, 1), "b": make_frame(60, 1)}))
    scale_out.fit(DistilledForecaster(None, **LENGTHS, **settings), table)


def fit_stored(**settings):
    table = to_long(pd.concat({"a": make_frame(80, 1), "b": make_frame(60, 1)}))
    for package in ("pyarrow", "duckdb"):
        pytest.importorskip(package)
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(f"{folder}/rows.parquet")
        scale_out.fit(DistilledForecaster(None, **LENGTHS, **settings), f"{folder}/rows.parquet", store=folder)


class Own(BaseNetwork):
    """A network of a user, which is one linear map."""

    def build(self, spec):
        return Linear(season=4).build(spec)

    def solvable_part(self, spec):
        return replace(Linear(season=4).solvable_part(spec), owner="Own")


def told(function, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(**settings)
    return [str(one.message) for one in caught if "no effect" in str(one.message)]


@pytest.mark.parametrize("fit", [fit_series, fit_table, fit_sktime, fit_rows, fit_stored])
def test_one_warning_names_what_an_exact_student_does_not_read(fit):
    (said,) = told(fit, **SET)
    assert said.startswith(", ".join(f"{name}={value!r}" for name, value in SET.items()))
    assert "the student is solved exactly" in said
    assert told(fit, validation_fraction=0.2, random_state=0, device="cpu") == []


def test_the_first_partial_fit_tells_settings_of_the_student_as_fit_does():
    student = Linear(season=5, shift="last", known_band=3, static_seasons=False, selection="blocks")
    forecaster = DistilledForecaster(None, student, validation_fraction=0, **LENGTHS)
    by_fit = told(lambda: forecaster.fit(make_series(60)))
    assert len(by_fit) == 4
    forecaster = DistilledForecaster(None, student, validation_fraction=0, **LENGTHS)
    assert told(lambda: forecaster.partial_fit(make_series(60))) == by_fit
    assert told(lambda: forecaster.partial_fit(make_series(70)[60:])) == []


def test_the_first_partial_fit_tells_them_once():
    forecaster = DistilledForecaster(None, **LENGTHS, validation_fraction=0, **SET)
    (said,) = told(lambda: forecaster.partial_fit(make_series(60)))
    assert "the student is solved exactly" in said
    assert told(lambda: forecaster.partial_fit(make_series(70)[60:])) == []


def with_a_gap(n_timestamps=80):
    series = make_series(n_timestamps, 1)
    series[30:33, 0] = np.nan
    return series


class WeighingTeacher(LastValueTeacher):
    """Labels of every window count differently."""

    def label(self, contexts):
        return Labels(super().label(contexts).forecast, weight=0.5 + contexts.values[:, -1, 0].sigmoid())


def with_weighted_labels(**settings):
    DistilledForecaster(WeighingTeacher(), **LENGTHS, random_state=0, **settings).fit(make_series(80))


def with_gaps(**settings):
    DistilledForecaster(None, **LENGTHS, **settings).fit(with_a_gap())


def table_with_weighted_labels(**settings):
    X = make_series(16, 60).T
    DistilledRegressor(WeighingTeacher(), random_state=0, **settings).fit(X[:, :12], X[:, 12:])


def sktime_with_gaps(**settings):
    SktimeDistilledForecaster(None, **LENGTHS, **settings).fit(pd.DataFrame(with_a_gap()), fh=[1])


def rows_with_gaps(**settings):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    table = to_long(pd.concat({"a": make_frame(80, 1), "b": make_frame(60, 1)}))
    table.loc[30, table.columns[-1]] = np.nan
    scale_out.fit(DistilledForecaster(None, **LENGTHS, **settings), table)


UNEVEN = [with_weighted_labels, with_gaps, table_with_weighted_labels, sktime_with_gaps, rows_with_gaps]


@pytest.mark.parametrize("fit", UNEVEN)
def test_they_are_told_where_windows_count_unevenly_too(fit):
    (said,) = told(fit, lr=0.1, patience=3)
    assert said.startswith("lr=0.1, patience=3 of ")


def test_a_student_that_is_trained_reads_them():
    assert told(fit_series, student=MLP(4), max_epochs=1, lr=0.1, weight_averaging=0.9) == []


def test_settings_that_the_package_chose_are_not_told():
    series = make_series(120, 1)
    forecaster = DistilledForecaster(None, MLP(4), **LENGTHS, max_epochs=1, lr=0.1).fit(series[:90])
    assert told(lambda: forecaster.compare(series[78:], n_resamples=2)) == []  # its row of an exact student
    lengths = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "random_state": 0}
    search = DistilledForecasterCV("linear", None, **lengths)
    assert told(lambda: search.fit(series)) == []
    assert told(lambda: search.candidate(0).fit(series)) == []
    own = DistilledForecaster(None, Linear(), Response(), lr=0.1)
    assert ["lr=0.1" in one for one in told(lambda: DistilledForecasterCV(own, None, **lengths).fit(series))] == [True]
    gap = with_a_gap(120)
    assert ["lr=0.1" in one for one in told(lambda: DistilledForecasterCV(own, None, **lengths).fit(gap))] == [True]
    own.set_params(student=Own())
    assert ["lr=0.1" in one for one in told(lambda: DistilledForecasterCV(own, None, **lengths).fit(series))] == [True]
    assert told(lambda: DistilledForecasterCV(Own(), None, **lengths).fit(series)) == []


# -- settings of a teacher's features and quantiles --------------------------------------------------

UNREAD = [
    (Pretrained(layer=0), "layer=0 of Pretrained has no effect: no term of Response .* the teacher's features"),
    (Pretrained(pooling="last"), "pooling='last' of Pretrained has no effect"),
    (EnsembleTeacher([("a", Pretrained(layer=0)), ("b", Theta())]), "layer=0 of Pretrained has no effect"),
    (
        SktimeTeacher(NaiveForecaster(), quantiles=(0.1, 0.9)),
        "quantiles=.* of SktimeTeacher .* teacher's quantiles",
    ),
    (TrainedTeacher(TimesNet(features="published")), "features='published' of TimesNet .* the teacher's features"),
]


@pytest.mark.parametrize(("teacher", "match"), UNREAD)
def test_settings_of_a_teacher_that_no_term_reads_are_told(teacher, match):
    with pytest.warns(UserWarning, match=match):
        DistilledForecaster(teacher, **LENGTHS)._check_parameters()


@pytest.mark.parametrize(
    ("teacher", "changes"),
    [
        (Pretrained(), {}),
        (Pretrained(layer=None), {}),
        (Pretrained(layer=0), {"student": MLP(4), "loss": "timedistill"}),
        (SktimeTeacher(NaiveForecaster(), quantiles=(0.1, 0.9)), {"student": MLP(4), "quantiles": (0.1, 0.9)}),
        (SktimeTeacher(NaiveForecaster(), quantiles=(0.1, 0.9)), {"student": MLP(4), "loss": "quantiledistill"}),
    ],
)
def test_those_that_are_read_are_not(teacher, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(teacher, **LENGTHS, **changes)._check_parameters()


# -- settings that nothing reads in this problem -----------------------------------------------------

UNREAD_HERE = [
    (Linear(past_rows=3), None, "past_rows=3 of Linear has no effect without past or known covariates: leave it out."),
    (Linear(known_band=2), None, "known_band=2 of Linear has no effect without known covariates: leave it out."),
    (Linear(selection="blocks"), None, "selection='blocks' of Linear has no effect with a single candidate: give .*"),
    (MLP(4, covariate_size=3), None, "covariate_size=3 of MLP has no effect without past or known covariates.*"),
    (MLP(4, linear_skip=Linear(past_rows=3)), None, "past_rows=3 of Linear has no effect .*"),
    (Linear(), TrainedTeacher(MLP(4, covariate_size=3), max_epochs=1), "covariate_size=3 of MLP has no effect .*"),
    (Linear(), EnsembleTeacher([("a", Theta(season=7)), ("b", Theta())]), "season=7 of Theta has no effect .*"),
    (
        Linear(),
        TrainedTeacher(Linear(penalty=3.0, selection="blocks"), max_epochs=1),
        "penalty=3.0, selection='blocks' of Linear have no effect in TrainedTeacher, which trains its network by .*",
    ),
    (
        Linear(),
        SktimeTeacher(NaiveForecaster(), n_jobs=2),
        "n_jobs=2 of SktimeTeacher has no effect with fitting='window', only with 'series': leave it out.",
    ),
]


@pytest.mark.parametrize(("student", "teacher", "match"), UNREAD_HERE)
def test_settings_that_a_student_or_teacher_does_not_read_here_are_told(student, teacher, match):
    forecaster = DistilledForecaster(teacher, student, **LENGTHS, max_epochs=1, random_state=0)
    found = [one for one in told(lambda: forecaster.fit(make_series(80))) if "max_epochs=1 of" not in one]
    assert len(found) == 1
    assert re.fullmatch(match, found[0])


def test_settings_of_a_loss_that_it_does_not_read_are_told():
    loss = LossSum([("truth", Supervised(delta=2.0)), ("labels", Response(delta=3.0, supervised_loss="huber"))])
    (said,) = told(fit_series, student=MLP(4), loss=loss, max_epochs=1)
    assert said == "delta=2.0 of Supervised has no effect with loss='mse', only with 'huber': leave it out."


def test_compare_does_not_tell_again_what_fit_told():
    series = make_series(120, 1)
    forecaster = DistilledForecaster("theta", Linear(past_rows=3), **LENGTHS)
    assert len(told(lambda: forecaster.fit(series[:90]))) == 1
    assert told(lambda: forecaster.compare(series[78:], n_resamples=2)) == []


def test_a_search_tells_once_of_all_students_and_teachers():
    students, teachers = [Linear(past_rows=3), MLP(4, covariate_size=3)], [Theta(season=7)]
    search = DistilledForecasterCV(students, teachers, context_lengths=12, prediction_length=4, cv=1, random_state=0)
    found = told(lambda: search.fit(make_series(120)))
    assert [one.split()[0] for one in found] == ["past_rows=3", "covariate_size=3", "season=7"]


def test_a_teacher_that_reads_more_rows_than_its_student_is_told_of_what_these_lack():
    lengths = {"context_lengths": 24, "prediction_length": 4, "cv": 1, "random_state": 0}
    search = DistilledForecasterCV("linear", Theta(season=24), **lengths)
    assert told(lambda: search.fit(make_frame(600))) == []  # it reads eight days
    (said,) = told(lambda: search.set_params(teachers=Theta(season=100)).fit(make_frame(600)))
    assert said.startswith("season=100 of Theta has no effect with context_length=192")


class FewerParameters(Supervised):
    def __init__(self, weight=1.0):
        super().__init__(weight)


class FewerSettings(Linear):
    def __init__(self, penalty=1.0):
        super().__init__(penalty=penalty)


def test_parameters_that_a_subclass_does_not_take_are_not_looked_for():
    assert told(fit_series, student=FewerSettings(), loss=FewerParameters()) == []


@pytest.mark.parametrize("penalty", [0.1, (0.1, 1.0)])
def test_a_search_tells_that_its_folds_choose_and_not_the_student(penalty):
    lengths = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "random_state": 0}
    student = Linear(penalty=penalty, selection="blocks")
    (said,) = told(lambda: DistilledForecasterCV(student, None, **lengths).fit(make_series(120)))
    assert said.startswith("selection='blocks' of Linear has no effect in DistilledForecasterCV")
    assert told(lambda: DistilledForecasterCV(Linear(penalty=penalty), None, **lengths).fit(make_series(120))) == []


def test_a_search_tells_of_a_teacher_that_reads_no_known_covariates():
    frame = make_frame(120, 2)
    search = DistilledForecasterCV(
        "linear", [Theta(), Pretrained()], known_covariates=[frame.columns[1]], context_lengths=12,
        prediction_length=4, cv=1,
    )  # fmt: skip
    with pytest.warns(
        UserWarning, match=r"the teachers Theta, Pretrained do not read .*\. Set teachers=None"
    ) as caught:
        search.fit(frame)
    assert len([one for one in caught if "not read the known" in str(one.message)]) == 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.set_params(covariates="ignore").fit(frame)
        search.set_params(covariates="error", teachers=("pretrained", "theta")).fit(frame)  # the default
    assert [one for one in caught if "not read the known" in str(one.message)] == []


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (
            {"patience": 3, "validation_fraction": 0},
            "patience=3 of DistilledForecaster has no effect: there are no .*",
        ),
        ({"point_forecast": "mean"}, "point_forecast='mean' of DistilledForecaster has no effect without quantiles.*"),
    ],
)
def test_settings_of_validation_and_quantiles_without_them_are_told(settings, match):
    (said,) = told(fit_series, student=MLP(4), max_epochs=1, **settings)
    assert re.fullmatch(match, said)
    has = {"patience": 3, "point_forecast": "mean", "quantiles": (0.1, 0.9), "validation_fraction": 0.3}
    assert told(fit_series, student=MLP(4), max_epochs=1, **has) == []


def test_a_patience_of_a_student_of_a_search_is_told():
    for share, n_told in ((0, 1), (0.3, 0)):
        student = DistilledForecaster(None, MLP(4), max_epochs=1, patience=3, validation_fraction=share)
        search = DistilledForecasterCV([student], None, context_lengths=12, prediction_length=4, cv=1, random_state=0)
        found = [one for one in told(lambda one=search: one.fit(make_series(120))) if "patience" in one]
        assert len(found) == n_told


@pytest.mark.parametrize("network", ["linear", MLP(4)], ids=["exact", "mlp"])
def test_teachers_of_a_search_that_no_loss_reads_are_told_and_not_tried(network):
    students = [DistilledForecaster(None, network, loss, max_epochs=1) for loss in (Supervised(), "response")]
    settings = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "random_state": 0, "standard_errors": 0}
    search = DistilledForecasterCV(students[:1], ["theta"], **settings)
    alone = DistilledForecasterCV(students[:1], None, **settings).fit(make_series(120))
    (said,) = [one for one in told(lambda: search.fit(make_series(120))) if "teachers of Distilled" in one]
    assert "no effect on the students 'linear', whose" in said or "no effect on the students 'mlp', whose" in said
    assert search.cv_results_["param_teacher"].tolist() == [None]
    assert "teacher raises" not in search.explanation_
    assert search.best_score_ == alone.best_score_
    both = DistilledForecasterCV(students, ["theta"], **settings)
    assert len([one for one in told(lambda: both.fit(make_series(120))) if "teachers of Distilled" in one]) == 1
    n_taught = both.cv_results_["param_teacher"].tolist().count("theta")
    assert n_taught == (network != "linear")  # its own error is too large beside that of the exact student
    read = both.set_params(students=students[1:])
    assert not [one for one in told(lambda: read.fit(make_series(120))) if "teachers of Distilled" in one]


def test_a_patience_of_a_teacher_without_validation_rows_is_told():
    teacher = TrainedTeacher(MLP(4), max_epochs=1, patience=3)
    for share, n_told in ((0, 1), (0.3, 0)):
        forecaster = DistilledForecaster(teacher, **LENGTHS, validation_fraction=share)
        found = [one for one in told(lambda one=forecaster: one.fit(make_series(80))) if "patience" in one]
        assert len(found) == n_told


def test_a_storage_of_features_that_no_term_reads_is_told(tmp_path):
    forecaster = DistilledForecaster("theta", **LENGTHS, feature_storage="recompute")
    (said,) = told(forecaster._check_parameters)
    assert said.startswith("feature_storage='recompute' of DistilledForecaster has no effect: no term of Response")
    assert told(forecaster.set_params(memory=tmp_path)._check_parameters) == []
    assert told(forecaster.set_params(memory=None, loss="timedistill")._check_parameters) == []


class SmallFeatures(LossTerm):
    """A term of a user, which reads no label."""

    requires = frozenset({"student_features"})

    def __init__(self, weight=1.0):
        self.weight = weight

    def build(self, shapes):
        raise NotImplementedError  # nothing is trained here


@pytest.mark.parametrize(
    ("student", "loss", "match"),
    [
        (MICN(features="published"), "response", "features='published' of MICN .* reads the student's features"),
        (CALF(n_principal_words=3), "response", "n_principal_words=3 of CALF .* reads the student's branches"),
        (CALF(n_principal_words=3), "crossmodal", None),
        (MICN(features="published"), "timedistill", None),
        (MICN(features="published"), Response() + SmallFeatures(0.1), None),
    ],
)
def test_settings_of_a_student_that_no_term_reads_are_told(student, loss, match):
    forecaster = DistilledForecaster(Pretrained(), student, loss, **LENGTHS)
    found = [one for one in told(forecaster._check_parameters) if "of the" not in one and "teacher of" not in one]
    assert len(found) == (match is not None)
    assert match is None or re.search(match, found[0])
