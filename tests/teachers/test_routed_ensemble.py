"""Shares by window: what the router learns from, the softmax, the gate, and nothing that leaks."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

from skdistill.core import BaseTeacher, Labels
from skdistill.losses import QuantileDistill, TeacherForecast
from skdistill.networks import Linear
from skdistill.teachers import AdaptiveEnsemble, CrossFittedTeacher, RoutedEnsemble, TrainedTeacher
from skdistill.teachers._context_features import FEATURES, context_features

SERIES = make_series(200)
ERRING = [("a", LastValueTeacher(offset=0.3)), ("b", LastValueTeacher(offset=-0.9))]
LINEAR = {"student": Linear(season=12), "loss": "response", "max_epochs": 1}


class Spy(RegressorMixin, BaseEstimator):
    """Predicts a constant, and keeps what it was fitted on."""

    seen: ClassVar[list] = []

    def fit(self, X, y):
        Spy.seen.append((X.copy(), y.copy()))
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class SignTeacher(BaseTeacher):
    """Is right, with an error of ``small``, if the level of the context has a sign; else errs by 3."""

    def __init__(self, sign=1.0, small=0.05, level=None):
        self.sign = sign
        self.small = small
        self.level = level

    def fit(self, windows, checkpoint=None):
        self.horizon_ = windows.train.prediction_length
        return self

    def probe(self, windows):
        return Labels(torch.zeros(1, windows.train.prediction_length, len(windows.train.targets)))

    def label(self, contexts):
        last = contexts.values[:, -1:]
        error = torch.where(self.sign * contexts.values.mean(dim=1, keepdim=True) > 0, self.small, 3.0)
        return Labels((last + error).repeat(1, self.horizon_, 1))


def make_levels(n_rows=400, seed=0):
    """Make a series of one channel that stays for 20 rows at -1, then at 1, and so on, with little noise."""
    generator = np.random.default_rng(seed)
    levels = np.repeat(np.resize([-1.0, 1.0], n_rows // 20), 20)
    return (levels + 0.01 * generator.normal(size=n_rows))[:, None]


def fit(teacher, series=SERIES, **changes):
    return make_forecaster(teacher=teacher, **{**LINEAR, **changes}).fit(series)


def contexts_of(forecaster, series):
    windows = forecaster._windows_to_fit(series, None)
    return windows.validation.contexts(torch.arange(len(windows.validation)))


# -- shares --------------------------------------------------------------------------------------


def test_shares_follow_the_window():
    """Each teacher is right for contexts of one sign: the router finds out, and global shares cannot."""
    series = make_levels()
    members = [("plus", SignTeacher(1.0)), ("minus", SignTeacher(-1.0))]
    settings = {"context_length": 6, "prediction_length": 2}
    routed = fit(RoutedEnsemble(members, temperature=0.3), series, **settings)
    contexts = contexts_of(routed, series)
    shares = routed.teacher_.shares(contexts)[:, :, 0]
    settled = contexts.values.std(dim=1).numpy()[:, 0] < 0.1  # the level does not change within the context
    positive = contexts.values.mean(dim=1).numpy()[:, 0] > 0
    assert shares[0, settled & positive].min() > 0.8
    assert shares[1, settled & ~positive].min() > 0.8
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    errors = routed.teacher_.validation_mse_
    assert errors["routed"] < 0.7 * errors["global"] < min(errors["plus"], errors["minus"])
    global_shares = fit(AdaptiveEnsemble(members, judge="teacher"), series, **settings).teacher_.weights_
    np.testing.assert_allclose(routed.teacher_.weights_, global_shares, atol=1e-6)


def test_an_infinite_temperature_gives_the_global_shares():
    plain = RoutedEnsemble(ERRING, temperature=np.inf, disagreement=0.0, beat_student=False)
    routed, adaptive = fit(plain), fit(AdaptiveEnsemble(ERRING, judge="teacher"))
    np.testing.assert_allclose(routed.predict(SERIES), adaptive.predict(SERIES), atol=1e-5)
    np.testing.assert_allclose(routed.predict_teacher(SERIES), adaptive.predict_teacher(SERIES), atol=1e-5)


def test_a_router_that_knows_nothing_is_not_followed():
    """The automatic temperature is one at which the mixture is no worse than with the global shares."""
    teacher = fit(RoutedEnsemble(ERRING)).teacher_
    assert teacher.temperature_ in (0.3, 0.6, 1.0, 2.0, np.inf)
    assert teacher.validation_mse_["routed"] <= teacher.validation_mse_["global"] * 1.05


# -- what the router learns from -----------------------------------------------------------------


def test_the_router_learns_the_errors_of_validation_windows_and_of_nothing_else():
    """Every target is the relative log error, by hand, of a window whose horizon lies in the validation rows."""
    Spy.seen = []
    forecaster = fit(RoutedEnsemble(ERRING, router=Spy(), temperature=1.0, beat_student=False))
    windows = forecaster._windows_to_fit(SERIES, None)
    numbers = torch.arange(len(windows.validation))
    truth = windows.validation.horizons(numbers).double().numpy()
    last = windows.validation.context_values(numbers)[:, -1:].double().numpy()
    errors = np.stack([np.square(last + offset - truth).mean(axis=1).ravel() for offset in (0.3, -0.9)])
    logs = np.log(errors + 1e-3 * errors.mean())
    for (X, y), expected in zip(Spy.seen[-2:], logs - logs.mean(axis=0), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
        assert X.shape == (2 * len(numbers), len(FEATURES) + 2)
    first_target = min(windows.validation.starts.numpy()) + 12
    assert first_target >= 150, "no validation target is a training row"


def test_a_router_is_judged_on_blocks_it_did_not_see():
    Spy.seen = []
    fit(RoutedEnsemble(ERRING, router=Spy(), temperature="auto", beat_student=False))
    whole = len(Spy.seen[-1][0])
    assert [len(X) < whole - whole // 4 for X, _ in Spy.seen] == [True] * 8 + [False] * 2


def test_features_read_nothing_after_the_context():
    changed = SERIES.copy()
    changed[-4:] += 100.0
    tables = []
    for series in (SERIES, changed):
        windows = make_forecaster(teacher=None, scaling="global")._windows_to_fit(series, None)
        last = windows.validation.contexts(torch.tensor([len(windows.validation) - 1]))
        tables.append(context_features(last, [0, 1], 12))
    np.testing.assert_array_equal(*tables)


def test_two_fits_are_the_same():
    first = fit(RoutedEnsemble(ERRING, router=Ridge())).predict(SERIES)
    again = fit(RoutedEnsemble(ERRING, router=Ridge())).predict(SERIES)
    np.testing.assert_array_equal(first, again)


def test_features_by_hand():
    forecaster = fit(RoutedEnsemble(ERRING, router=Ridge()))
    contexts = contexts_of(forecaster, SERIES)
    values = contexts.values.double().numpy()
    table = context_features(contexts, [1], 4)
    assert table.shape == (len(contexts), len(FEATURES))
    columns = dict(zip(FEATURES, table.T, strict=True))
    np.testing.assert_allclose(columns["level"], values[:, :, 1].mean(axis=1))
    slopes = np.polyfit(np.arange(12), values[:, :, 1].T, 1)[0]
    np.testing.assert_allclose(columns["trend"], slopes * 12 / values[:, :, 1].std(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(columns["missing_share"], 0.0)


# -- what labels count ---------------------------------------------------------------------------


@pytest.mark.parametrize("beat_student", [True, False])
def test_the_mean_weight_is_that_of_labels_not_of_their_targets(beat_student):
    series = make_series(240, n_channels=3)
    series[195:, 2] = np.nan  # the last validation windows have targets without truth
    routed = fit(RoutedEnsemble(ERRING, router=Ridge(), disagreement=0.5, beat_student=beat_student), series)
    weights = routed.teacher_.label(contexts_of(routed, series)).weight
    assert routed.teacher_.mean_weight_ == pytest.approx(float(weights.mean()))


def test_labels_count_for_nothing_where_every_teacher_is_worse_than_the_student():
    """Both teachers are far off: every label gets the weight 0, and the student is the one without a teacher."""
    terrible = [("a", LastValueTeacher(offset=50.0)), ("b", LastValueTeacher(offset=80.0))]
    taught = fit(RoutedEnsemble(terrible, router=Ridge()))
    assert taught.teacher_.mean_weight_ == 0.0
    np.testing.assert_allclose(taught.predict(SERIES), fit(None).predict(SERIES), rtol=1e-5)
    ungated = fit(RoutedEnsemble(terrible, router=Ridge(), beat_student=False))
    assert np.abs(ungated.predict(SERIES) - taught.predict(SERIES)).max() > 1.0


def test_labels_count_less_where_teachers_disagree_most():
    series = make_levels()
    members = [("plus", SignTeacher(1.0, small=0.0)), ("last", LastValueTeacher())]  # they differ where the level is -1
    settings = {"context_length": 6, "prediction_length": 2}
    teacher = RoutedEnsemble(members, temperature=np.inf, beat_student=False, disagreement=2.0)
    forecaster = fit(teacher, series, **settings)
    forecaster.teacher_.weights_ = np.array([0.5, 0.5])
    contexts = contexts_of(forecaster, series)
    weight = forecaster.teacher_.label(contexts).weight.numpy()
    negative = contexts.values.mean(dim=1).numpy()[:, 0] <= 0
    assert set(weight) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert weight[negative].max() < weight[~negative].min() == 1.0
    plain = fit(clone(teacher).set_params(disagreement=0.0), series, **settings)
    assert plain.teacher_.label(contexts).weight is None


# -- as any teacher ------------------------------------------------------------------------------


@pytest.mark.parametrize("router", [None, Ridge(), RandomForestRegressor(5), DummyRegressor()])
def test_any_regressor_routes(router):
    forecasters = [fit(RoutedEnsemble(ERRING, router=router)) for _ in range(2)]
    np.testing.assert_array_equal(forecasters[0].predict(SERIES), forecasters[1].predict(SERIES))
    assert forecasters[0].teacher_.mean_shares_.sum() == pytest.approx(1.0)


def test_memory_keeps_members_and_router(tmp_path):
    log = tmp_path / "log"
    members = [("a", LastValueTeacher(str(log), 0.3)), ("b", TrainedTeacher(Linear(), lr=1e-2, max_epochs=1))]
    fitted = [fit(RoutedEnsemble(members, router=RandomForestRegressor(5)), memory=tmp_path) for _ in range(2)]
    n_lines = len(log.read_text().splitlines())
    contexts = contexts_of(fitted[0], SERIES)
    labels = [one.teacher_.label(contexts) for one in fitted]
    torch.testing.assert_close(labels[0].forecast, labels[1].forecast)
    torch.testing.assert_close(labels[0].weight, labels[1].weight)
    np.testing.assert_array_equal(fitted[0].predict(SERIES), fitted[1].predict(SERIES))
    fit(RoutedEnsemble(members, router=RandomForestRegressor(5), disagreement=0.5), memory=tmp_path)
    assert len(log.read_text().splitlines()) > n_lines, "another setting is another entry"


def test_parameters_of_members_and_router_are_reached_by_name():
    teacher = RoutedEnsemble([("a", TrainedTeacher(Linear())), ("b", LastValueTeacher())], router=Ridge())
    teacher.set_params(a__lr=0.5, router__alpha=3.0, temperature=2.0)
    assert teacher.teachers[0][1].lr == 0.5
    assert clone(teacher).router.alpha == 3.0
    assert [entry["teacher"] for entry in teacher.provenance()] == ["Linear", "LastValueTeacher"]


def test_panels_with_missing_values_and_short_series():
    generator = np.random.default_rng(0)
    frames = {}
    for number, length in enumerate((60, 90, 30)):
        values = 10.0**number * (5 + np.sin(np.arange(length) / 2) + 0.1 * generator.normal(size=length))
        values[generator.random(length) < 0.1] = np.nan
        frames[f"s{number}"] = pd.DataFrame({"y": values}, index=pd.RangeIndex(length))
    forecaster = fit(RoutedEnsemble(ERRING, router=Ridge()), frames, min_observed=6)
    forecasts = forecaster.predict(frames)
    assert all(np.isfinite(one.to_numpy()).all() for one in forecasts.values())
    assert np.isfinite(forecaster.teacher_.table_).all()


def test_quantiles_are_mixed_by_window_and_come_from_the_spread_where_a_member_has_none():
    quantiles = [("a", TrainedTeacher(Linear(), quantiles=(0.1, 0.5, 0.9), lr=1e-2)), ("b", LastValueTeacher())]
    forecaster = fit(RoutedEnsemble(quantiles, router=Ridge()), loss=QuantileDistill(), quantiles=(0.25, 0.5, 0.75))
    assert forecaster.teacher_.label(contexts_of(forecaster, SERIES)).quantile_levels == (0.25, 0.75)
    both = [(name, TrainedTeacher(Linear(), quantiles=(0.1, 0.5, 0.9), lr=1e-2)) for name in "ab"]
    forecaster = fit(
        RoutedEnsemble(both, router=Ridge(), temperature=0.3), loss=QuantileDistill(), quantiles=(0.1, 0.5, 0.9)
    )
    contexts = contexts_of(forecaster, SERIES)
    labels = forecaster.teacher_.label(contexts)
    own = torch.stack([member.label(contexts).quantiles for member in forecaster.teacher_.teachers_])
    shares = torch.from_numpy(forecaster.teacher_.shares(contexts)).float()
    torch.testing.assert_close(labels.quantiles, (shares[:, :, None, None] * own).sum(dim=0))


def test_members_can_be_routed_or_cross_fitted_themselves():
    inner = RoutedEnsemble(ERRING, router=Ridge(), beat_student=False)
    nested = RoutedEnsemble([("inner", inner), ("last", LastValueTeacher())], router=Ridge())
    crossed = CrossFittedTeacher(TrainedTeacher(Linear(), max_epochs=1), n_folds=2)
    for teacher in (nested, RoutedEnsemble([("crossed", crossed), ("last", LastValueTeacher())], router=Ridge())):
        assert np.isfinite(fit(teacher).predict(SERIES)).all()


def test_bad_settings_are_refused_before_training():
    with pytest.raises(ValueError, match="teachers of RoutedEnsemble must be at least two to choose from; got 1"):
        fit(RoutedEnsemble(ERRING[:1]))
    with pytest.raises(ValueError, match="teachers of RoutedEnsemble must name at least one"):
        fit(RoutedEnsemble([]))
    for router in ("forest", RandomForestRegressor, object(), TrainedTeacher(Linear())):
        with pytest.raises(TypeError, match="router of RoutedEnsemble must be a scikit-learn regressor"):
            fit(RoutedEnsemble(ERRING, router=router))
    for temperature in (0, -1.0, "hot", np.nan):
        with pytest.raises(ValueError, match="temperature of RoutedEnsemble must be"):
            fit(RoutedEnsemble(ERRING, temperature=temperature))
    with pytest.raises(ValueError, match="disagreement of RoutedEnsemble must be"):
        fit(RoutedEnsemble(ERRING, disagreement=-1.0))
    with pytest.raises(ValueError, match="max_windows of RoutedEnsemble must be"):
        fit(RoutedEnsemble(ERRING, max_windows=1))
    with pytest.raises(ValueError, match="learns errors on validation windows"):
        fit(RoutedEnsemble(ERRING), validation_fraction=0)


def test_only_terms_of_labels_need_validation_windows_of_weight():
    """A loss of labels alone, with all labels of weight 0, leaves nothing to learn but stays finite."""
    terrible = [("a", LastValueTeacher(offset=50.0)), ("b", LastValueTeacher(offset=80.0))]
    forecaster = fit(RoutedEnsemble(terrible, router=Ridge()), loss=TeacherForecast())
    assert np.isfinite(forecaster.predict(SERIES)).all()


def test_a_share_of_the_windows_can_be_routed():
    """The weight of a label is that of the share times that of the gate: if none counts, nothing is taught."""
    terrible = [("a", LastValueTeacher(offset=50.0)), ("b", LastValueTeacher(offset=80.0))]
    taught = fit(RoutedEnsemble(terrible, router=Ridge()), label_share=0.25)
    np.testing.assert_allclose(taught.predict(SERIES), fit(None).predict(SERIES), rtol=1e-5)
