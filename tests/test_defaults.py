"""What the estimators do without being asked: teacher, student, loss, and which rows validate."""

import warnings

import numpy as np
import pytest
from doubles import LastValueTeacher, make_frame, make_series
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.data import Augmentation
from skdistill.losses import MultiScale, Response, Supervised
from skdistill.networks import MLP, DLinear, Linear
from skdistill.sktime import SktimeDistilledForecaster
from skdistill.teachers import (
    AdaptiveEnsemble,
    CrossFittedTeacher,
    EnsembleTeacher,
    RoutedEnsemble,
    SktimeTeacher,
    TrainedTeacher,
)

LENGTHS = {"context_length": 12, "prediction_length": 4}
TRAINED = TrainedTeacher(DLinear(kernel_size=3), max_epochs=1)


def held_out(**settings):
    """Return the share of the rows that an estimator holds out for its parameters."""
    forecaster = DistilledForecaster(**{"teacher": None, **LENGTHS, **settings})
    return forecaster._validation_share(len(forecaster.known_covariates or ()))


@pytest.mark.parametrize("estimator", [DistilledForecaster, DistilledRegressor, SktimeDistilledForecaster])
def test_all_estimators_have_the_same_defaults(estimator):
    params = estimator().get_params(deep=False)
    told = {name: params[name] for name in ("teacher", "student", "loss", "validation_fraction")}
    assert told == {"teacher": "pretrained", "student": "linear", "loss": "response", "validation_fraction": "auto"}


def test_an_exact_student_of_the_pretrained_teacher_learns_from_all_rows():
    series = make_series(120)
    default = DistilledForecaster(**LENGTHS).fit(series)
    whole = DistilledForecaster("pretrained", Linear(), Response(), **LENGTHS, validation_fraction=0).fit(series)
    part = DistilledForecaster("pretrained", Linear(), Response(), **LENGTHS, validation_fraction=0.2).fit(series)
    np.testing.assert_array_equal(default.predict(series), whole.predict(series))
    assert np.abs(default.predict(series) - part.predict(series)).max() > 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"student": Linear(penalty=[0.1, 1.0])},
        {"student": Linear(weight_grid={"supervised": [0.5, 1.0]})},
        {"student": Linear(solver="gradient")},
        {"student": "dlinear"},
        {"loss": Supervised(loss="mae")},
        {"teacher": LastValueTeacher(), "loss": Response() + MultiScale()},
        {"teacher": "pretrained", "loss": Response() + MultiScale()},  # not solved where a value is missing
        {"teacher": LastValueTeacher(), "windows_without_truth": True},
        {"teacher": TRAINED},
        {"teacher": CrossFittedTeacher(TRAINED)},
        {"teacher": EnsembleTeacher([("theta", "theta"), ("trained", TRAINED)])},
        {"teacher": AdaptiveEnsemble([("theta", "theta"), ("pretrained", "pretrained")])},
        {"teacher": LastValueTeacher()},  # of a user's own: it may read them
        {"quantiles": (0.1, 0.5, 0.9)},
        {"known_covariates": [0, 1, 2], "prediction_length": 200},  # bands to choose among
    ],
    ids=str,
)
def test_a_fifth_is_held_out_where_something_reads_it(settings):
    assert held_out(**settings) == 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"teacher": "pretrained"},
        {"teacher": "theta"},
        {"teacher": ["theta", "pretrained"]},
        {"teacher": EnsembleTeacher([("theta", "theta"), ("pretrained", "pretrained")])},
        {"loss": Supervised()},
        {"loss": Supervised() + MultiScale()},  # without a teacher, that of labels is left out
        {"teacher": "pretrained", "loss": Response()},
        {"known_covariates": [0]},
        {"student": Linear(sparse_season=3)},
        {"teacher": TRAINED, "loss": Supervised()},  # no term reads labels: it is not trained
        {"teacher": "pretrained", "loss": Supervised(), "windows_without_truth": True},
        {"teacher": "pretrained", "loss": Supervised(), "augmentation": Augmentation()},
        {"windows_without_truth": True},
        {"augmentation": Augmentation()},
    ],
    ids=str,
)
def test_nothing_is_held_out_where_nothing_reads_it(settings):
    assert held_out(**settings) == 0


@pytest.mark.parametrize("fraction", [0, 0.3, 17])
def test_a_given_fraction_is_taken_as_it_is(fraction):
    assert held_out(validation_fraction=fraction) == fraction


def test_a_wrong_word_names_the_parameter():
    with pytest.raises(ValueError, match=r"validation_fraction of DistilledForecaster must be 'auto', .* got 'all'"):
        DistilledForecaster(**LENGTHS, validation_fraction="all").fit(make_series(60))


def test_the_regressor_of_an_exact_student_learns_from_all_rows():
    windows = np.lib.stride_tricks.sliding_window_view(make_series(80, 1)[:, 0], 16)
    regressor = DistilledRegressor(None, random_state=0)
    whole = clone(regressor).set_params(validation_fraction=0)
    fitted = [one.fit(windows[:, :12], windows[:, 12:]).predict(windows[:, :12]) for one in (regressor, whole)]
    np.testing.assert_array_equal(*fitted)


def test_a_teacher_that_does_not_read_known_covariates_is_told_of():
    frame = make_frame(90, 2)
    roles = {"targets": ["c0"], "known_covariates": ["c1"]}
    with pytest.warns(UserWarning, match=r"the teacher Pretrained does not read the known covariates.* teacher=None"):
        DistilledForecaster(**LENGTHS, **roles).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(LastValueTeacher(), **LENGTHS, **roles).fit(frame)
        DistilledForecaster(**LENGTHS, **roles, covariates="ignore").fit(frame)
        warnings.filterwarnings("ignore", message="teacher of DistilledForecaster has no effect")
        DistilledForecaster(**LENGTHS, **roles, loss=Supervised()).fit(frame)


@pytest.mark.parametrize("kind", ["sktime", "rolled", "frozen"])
def test_wrapped_teachers_that_do_not_read_known_covariates_are_told_of(kind):
    if kind == "rolled":
        pytest.importorskip("statsmodels", reason="sktime's ThetaForecaster needs statsmodels")
    frame = make_frame(90, 2)
    exogenous = SktimeTeacher(make_reduction(LinearRegression(), window_length=3), fitting="once")
    teachers = {
        "sktime": (SktimeTeacher(NaiveForecaster()), exogenous),
        "rolled": (SktimeTeacher(ThetaForecaster(), fitting="series"), exogenous),
        "frozen": tuple(
            FrozenEstimator(DistilledForecaster(None, targets=["c0"], known_covariates=known, **LENGTHS).fit(frame))
            for known in (None, ["c1"])
        ),
    }
    roles = {"targets": ["c0"], "known_covariates": ["c1"]}
    blind, seeing = teachers[kind]
    with pytest.warns(UserWarning, match="does not read the known covariates"):
        DistilledForecaster(blind, **LENGTHS, **roles).fit(frame)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*does not read")
        DistilledForecaster(seeing, **LENGTHS, **roles).fit(frame)


def test_a_teacher_that_does_not_read_covariates_of_a_table_is_told_of():
    windows = np.lib.stride_tricks.sliding_window_view(make_series(80, 1)[:, 0], 16)
    covariate = np.random.default_rng(0).normal(size=(len(windows), 1))
    X, y = np.hstack([windows[:, :12], covariate]), windows[:, 12:] + covariate
    with pytest.warns(UserWarning, match=r"Pretrained does not read the columns of n_covariates.* teacher=None"):
        DistilledRegressor(n_covariates=1, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*does not read")
        for teacher in (None, LastValueTeacher(), TrainedTeacher(MLP(4), max_epochs=1)):
            DistilledRegressor(teacher, n_covariates=1, random_state=0).fit(X, y)
        DistilledRegressor(random_state=0).fit(X[:, :12], y)


@pytest.mark.filterwarnings("ignore:teacher of DistilledForecaster has no effect")
@pytest.mark.parametrize("kind", [AdaptiveEnsemble, RoutedEnsemble])
def test_a_teacher_that_nothing_reads_needs_no_validation_rows(kind):
    teacher = kind([("theta", "theta"), ("pretrained", "pretrained")])
    fits = [DistilledForecaster(one, Linear(), Supervised(), **LENGTHS).fit(make_series(60)) for one in (teacher, None)]
    assert fits[0].teacher_ is None
    np.testing.assert_array_equal(*(one.predict(make_series(60)) for one in fits))


@pytest.mark.parametrize("extra", [{"augmentation": Augmentation()}, {"windows_without_truth": True}], ids=str)
def test_windows_that_only_labels_are_for_are_left_out_where_no_term_reads_labels(extra):
    blocks = Linear(penalty=[0.1, 1.0], selection="blocks")  # which chooses among windows with a truth
    fits = [
        DistilledForecaster("theta", blocks, Supervised(), **LENGTHS, validation_fraction=0, **settings)
        for settings in ({}, extra)
    ]
    forecasts = [one.fit(make_series(90)).predict(make_series(90)) for one in fits]
    np.testing.assert_array_equal(*forecasts)


@pytest.mark.parametrize("fraction", ["auto", 0.2, 0])
def test_validation_rows_that_nothing_reads_are_told(fraction):
    blocks = Linear(penalty=[0.1, 1.0], selection="blocks")
    forecaster = DistilledForecaster(None, blocks, validation_fraction=fraction, **LENGTHS)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        forecaster.fit(make_series(120))
    assert [one for one in told if "nothing reads the validation rows" in str(one.message)] == told
    assert len(told) == (fraction != 0)
