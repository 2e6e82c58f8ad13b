"""DistilledForecaster: every way in and out, no leaks, the same bits."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdistill import DistilledForecaster
from skdistill.core import BaseTeacher, Labels
from skdistill.losses import LossSum, Response, Supervised, TeacherForecast, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.teachers import CrossFittedTeacher, EnsembleTeacher, GivenLabels, PretrainedTeacher, TrainedTeacher

# -- ways in and out -----------------------------------------------------------------------------


def test_array_gives_the_rows_that_follow():
    series = make_series()
    forecast = make_forecaster().fit(series[:100]).predict(series[80:100])
    assert forecast.shape == (4, 2)
    assert forecast.dtype == np.float64


def test_float32_in_gives_float32_out_and_nearly_the_same_numbers():
    series = make_series()
    forecaster = make_forecaster().fit(series)
    single = forecaster.predict(series.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, forecaster.predict(series), rtol=1e-5)


def test_frame_gives_a_frame_with_its_index_carried_on():
    frame = make_frame()
    forecast = make_forecaster().fit(frame).predict(frame)
    assert list(forecast.columns) == list(frame.columns)
    expected = pd.date_range(frame.index[-1], periods=5, freq="h", name="time")[1:]
    pd.testing.assert_index_equal(forecast.index, expected, exact="equiv")


def test_pandas_series_is_a_one_channel_series():
    one = make_frame(n_channels=1)["c0"]
    forecast = make_forecaster().fit(one).predict(one)
    assert isinstance(forecast, pd.Series)
    assert forecast.name == "c0"
    assert len(forecast) == 4


def test_batch_equals_one_window_at_a_time():
    series = make_series()
    forecaster = make_forecaster().fit(series)
    batch = np.stack([series[start : start + 15] for start in range(7)])
    together = forecaster.predict(batch)
    assert together.shape == (7, 4, 2)
    for window, forecast in zip(batch, together, strict=True):
        np.testing.assert_allclose(forecaster.predict(window), forecast, rtol=1e-6)


def test_list_of_series_of_unequal_lengths_trains_one_model_and_gives_a_list():
    panel = [make_series(60, seed=0), make_series(17, seed=1), make_series(90, seed=2)]
    forecaster = make_forecaster(validation_fraction=0.2).fit(panel)
    forecasts = forecaster.predict(panel)
    assert [forecast.shape for forecast in forecasts] == [(4, 2)] * 3
    np.testing.assert_allclose(forecasts[1], forecaster.predict(panel[1]), rtol=1e-6)  # products of another size


def test_cube_of_series_equals_the_list_of_its_series():
    cube = np.stack([make_series(60, seed=seed) for seed in range(3)])
    a = make_forecaster().fit(cube).predict(cube[0])
    b = make_forecaster().fit(list(cube)).predict(cube[0])
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("targets", [["c1"], [1], [-0 + 1]])
def test_targets_by_name_and_position_are_the_columns_forecast(targets):
    frame = make_frame(n_channels=3)
    forecaster = make_forecaster(targets=targets).fit(frame)
    assert forecaster.targets_ == (1,)
    forecast = forecaster.predict(frame)
    assert list(forecast.columns) == ["c1"]
    full = frame["c1"].to_numpy()
    assert abs(forecast["c1"].to_numpy() - full.mean()).max() < 10 * full.std()


def test_covariates_reach_a_student_that_mixes_channels():
    frame = make_frame(n_channels=2)
    forecaster = make_forecaster(student=ITransformer(8, n_heads=2, time_features=False), targets=["c0"]).fit(frame)
    other = frame.copy()
    other["c1"] += np.linspace(0, 3, len(other))
    assert not np.allclose(forecaster.predict(frame), forecaster.predict(other))


def test_backtest_is_predict_at_every_origin():
    series = make_series()
    forecaster = make_forecaster().fit(series)
    forecasts = forecaster.backtest(series, step=3)
    assert len(forecasts) == (120 - 12 - 4) // 3 + 1
    for number in (0, 5, len(forecasts) - 1):
        start = number * 3
        np.testing.assert_allclose(forecasts[number], forecaster.predict(series[start : start + 12]), rtol=1e-6)


def test_backtest_of_a_frame_names_origin_and_time():
    frame = make_frame(40)
    forecaster = make_forecaster().fit(frame)
    forecasts = forecaster.backtest(frame, step=10)
    assert forecasts.index.names == ["origin", "time"]
    first = forecasts.loc[frame.index[12]]
    assert list(first.index) == list(frame.index[12:16])
    expected = forecaster.predict(frame.iloc[:12])
    np.testing.assert_allclose(first.to_numpy(), expected.to_numpy(), rtol=1e-6)


def test_score_is_minus_the_mse_over_every_window_in_original_units():
    series = 100.0 * make_series(60)
    forecaster = make_forecaster().fit(series)
    forecasts = forecaster.backtest(series)
    truth = np.stack([series[start + 12 : start + 16] for start in range(len(forecasts))])
    assert forecaster.score(series) == pytest.approx(-np.square(forecasts - truth).mean())


def test_predict_teacher_answers_in_original_units():
    series = make_series()
    forecaster = make_forecaster().fit(series)
    np.testing.assert_allclose(forecaster.predict_teacher(series), np.repeat(series[-1:], 4, axis=0), rtol=1e-5)


def test_pipeline_scores_are_in_the_transformed_units():
    series = 1000.0 * make_series()
    pipeline = make_pipeline(StandardScaler(), make_forecaster()).fit(series)
    inner = make_forecaster().fit(StandardScaler().fit_transform(series))
    scaled = StandardScaler().fit_transform(series)
    assert pipeline.score(series) == pytest.approx(inner.score(scaled))
    np.testing.assert_allclose(pipeline.predict(series), inner.predict(scaled))


def test_transformer_is_inverted_on_forecasts():
    series = np.exp(make_series())
    forecaster = make_forecaster(transformer=FunctionTransformer(np.log, np.exp)).fit(series)
    reference = make_forecaster().fit(np.log(series))
    np.testing.assert_allclose(forecaster.predict(series), np.exp(reference.predict(np.log(series))), rtol=1e-5)


def test_constant_channel_is_no_problem():
    series = make_series()
    series[:, 1] = 3.0
    forecast = make_forecaster().fit(series).predict(series)
    assert np.isfinite(forecast).all()


# -- leaks ---------------------------------------------------------------------------------------


def test_a_trained_teacher_takes_a_short_name_and_keeps_it():
    series = make_series()
    named = make_forecaster(teacher=TrainedTeacher("dlinear", max_epochs=2)).fit(series)
    given = make_forecaster(teacher=TrainedTeacher(DLinear(), max_epochs=2)).fit(series)
    np.testing.assert_array_equal(named.predict_teacher(series), given.predict_teacher(series))
    assert clone(named).teacher.network == "dlinear"
    make_forecaster(teacher=CrossFittedTeacher(TrainedTeacher("dlinear", max_epochs=1), n_folds=2)).fit(series)


@pytest.mark.parametrize("teacher", [LastValueTeacher(), TrainedTeacher(DLinear(), max_epochs=2), None])
def test_validation_rows_change_neither_scaling_nor_training(teacher):
    """With one epoch nothing can be selected, so validation rows must change no bit."""
    series, other = make_series(), make_series()
    other[90:] = 1000.0 * np.random.default_rng(1).normal(size=(30, 2))
    settings = {"teacher": teacher, "max_epochs": 1, "windows_without_truth": teacher is not None}
    if isinstance(teacher, TrainedTeacher):
        settings["teacher"] = clone(teacher).set_params(max_epochs=1)
    a, b = make_forecaster(**settings).fit(series), make_forecaster(**settings).fit(other)
    np.testing.assert_array_equal(a.scaling_.mean_, b.scaling_.mean_)
    np.testing.assert_array_equal(a.predict(series[:50]), b.predict(series[:50]))
    assert a.history_[0]["train_loss"] == b.history_[0]["train_loss"]
    assert a.history_[0]["valid_loss"] != b.history_[0]["valid_loss"]


def test_training_rows_do_change_the_student():
    series, other = make_series(), make_series()
    other[89] += 0.01
    a, b = make_forecaster(max_epochs=1).fit(series), make_forecaster(max_epochs=1).fit(other)
    assert not np.array_equal(a.predict(series[:50]), b.predict(series[:50]))


# -- the same bits -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"teacher": ITransformer(8, n_heads=2), "loss": TimeDistill(), "student": MLP(4, dropout=0.5)},
        {"teacher": [ITransformer(8, n_heads=2), DLinear()]},
        {"teacher": None},
    ],
)
def test_same_random_state_gives_the_same_bits(changes):
    series = make_series()
    first = make_forecaster(**changes)
    forecast = first.fit(series).predict(series)
    np.testing.assert_array_equal(first.fit(series).predict(series), forecast)
    np.testing.assert_array_equal(clone(first).fit(series).predict(series), forecast)
    other = clone(first).set_params(random_state=1).fit(series).predict(series)
    assert not np.array_equal(other, forecast)


@pytest.mark.slow
def test_pickle_keeps_forecasts_and_leaves_the_series_behind():
    series = make_series(2000)
    forecaster = make_forecaster(teacher=DLinear(), max_epochs=1).fit(series)
    stored = pickle.dumps(forecaster)
    loaded = pickle.loads(stored)
    assert forecaster.training_series() is not None
    assert loaded.training_series() is None
    np.testing.assert_array_equal(loaded.predict(series), forecaster.predict(series))
    np.testing.assert_array_equal(loaded.predict_teacher(series), forecaster.predict_teacher(series))


def test_fit_leaves_parameters_and_global_generators_alone():
    import torch

    forecaster = make_forecaster(teacher=DLinear())
    before = {name: repr(value) for name, value in forecaster.get_params().items()}
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    forecaster.fit(make_series())
    assert torch.equal(torch.rand(3), expected)
    assert {name: repr(value) for name, value in forecaster.get_params().items()} == before


# -- parameters ----------------------------------------------------------------------------------


def test_series_too_short_for_a_window_are_named():
    panel = [make_series(rows, 1) for rows in (60, 14, 60, 18)]  # 14 is less than a window, 18 less 25 % as well
    with pytest.warns(UserWarning, match=r"^2 of 4 .* of 16: .*X\[1\] \(11 of 14 rows\), X\[3\] \(14 of 18"):
        make_forecaster(min_observed=12).fit(panel)
    with pytest.warns(UserWarning, match=r"^1 of 4 series .* a window of 12: .*X\[1\]"):
        make_forecaster(windows_without_truth=True, min_observed=12).fit(panel)
    with pytest.warns(UserWarning, match=r"^7 of 8 series .*X\[4\] \(8 of 10 rows\) and 2 more\. Leave them out"):
        make_forecaster(min_observed=12).fit([*[make_series(10, 1)] * 7, make_series(60, 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_forecaster(min_observed=12).fit([panel[0], panel[2]])


def test_short_names_stand_for_defaults_and_expand_under_nested_parameters():
    forecaster = DistilledForecaster("itransformer", "mlp", "timedistill")
    forecaster.set_params(teacher__hidden_size=32, student__hidden_size=8, loss__n_scales=2)
    assert (forecaster.teacher.hidden_size, forecaster.student.hidden_size, forecaster.loss.n_scales) == (32, 8, 2)
    forecaster = DistilledForecaster("itransformer").set_params(teacher__lr=0.1, teacher__network__hidden_size=16)
    assert isinstance(forecaster.teacher, TrainedTeacher)
    assert forecaster.teacher.network.hidden_size == 16
    forecaster = DistilledForecaster().set_params(teacher__batch_size=8, student__penalty=0.5)
    assert (forecaster.teacher.batch_size, forecaster.student.penalty) == (8, 0.5)


def test_loss_sum_is_tuned_by_name():
    loss = LossSum([("truth", Supervised()), ("teacher", TeacherForecast())])
    forecaster = make_forecaster(loss=loss).set_params(loss__teacher__weight=0.25)
    history = forecaster.fit(make_series()).history_
    assert {"train_truth", "train_teacher"} <= set(history[0])


def test_terms_that_need_labels_fall_away_without_a_teacher():
    with_terms = make_forecaster(teacher=None, loss=TimeDistill()).fit(make_series())
    plain = make_forecaster(teacher=None, loss=Supervised()).fit(make_series())
    np.testing.assert_array_equal(with_terms.predict(make_series()), plain.predict(make_series()))


def test_supervised_weight_zero_learns_from_the_teacher_alone():
    teacher = LastValueTeacher()
    series = make_series(400)
    forecaster = make_forecaster(
        teacher=teacher, student=DLinear(), loss=Response(supervised_weight=0.0), max_epochs=40, patience=None
    )
    forecaster.fit(series)
    assert "train_supervised" not in forecaster.history_[0]
    assert "valid_loss" in forecaster.history_[0]
    assert forecaster.history_[-1]["train_prediction"] < 0.05 * forecaster.history_[0]["train_prediction"]


def test_windows_without_truth_join_the_training():
    log = make_forecaster(windows_without_truth=True).fit(make_series())
    plain = make_forecaster().fit(make_series())
    assert not np.array_equal(log.predict(make_series()), plain.predict(make_series()))


@pytest.mark.parametrize("without_truth", [False, True])
def test_windows_whose_horizon_is_in_a_gap_are_labeled_if_windows_without_truth_are(without_truth):
    series = make_series(80)
    series[30:35] = np.nan  # a whole horizon of 4 steps from rows 30 and 31 on
    series[48:61] = np.nan  # and a whole context of 12
    origins = []

    class Curious(LastValueTeacher):
        def label_training(self, contexts):
            origins.extend(np.asarray(contexts.origins).tolist())
            return self.label(contexts)

    settings = {"validation_fraction": 0, "windows_without_truth": without_truth}
    assert make_forecaster(teacher=Curious(), max_epochs=1, **settings).fit(series).spec_.context_length == 12
    in_gap, blind = {30, 31, *range(48, 58)}, {60, 61}  # the latter have no observed context
    assert set(origins) == set(range(12, 81 if without_truth else 77)) - (blind if without_truth else in_gap | blind)


def test_validation_fraction_zero_trains_every_epoch():
    forecaster = make_forecaster(validation_fraction=0, max_epochs=7).fit(make_series())
    assert len(forecaster.history_) == 7
    assert "valid_loss" not in forecaster.history_[0]


@pytest.mark.parametrize("prediction_length", range(1, 9))
def test_every_horizon_works_with_every_term(prediction_length):
    forecaster = make_forecaster(
        teacher=ITransformer(8, n_heads=2), loss=TimeDistill(), prediction_length=prediction_length, max_epochs=1
    )
    assert forecaster.fit(make_series()).predict(make_series()).shape == (prediction_length, 2)


# -- teachers ------------------------------------------------------------------------------------


def test_fitted_forecaster_teaches_when_frozen_and_keeps_its_fit_through_clone():
    series = make_series()
    heavy = make_forecaster(teacher=None, student=MLP(16)).fit(series)
    forecaster = clone(make_forecaster(teacher=FrozenEstimator(heavy))).fit(series)
    np.testing.assert_allclose(forecaster.predict_teacher(series), heavy.predict(series), rtol=1e-4)


def test_fitted_pipeline_and_table_regressor_teach_when_frozen():
    from sklearn.linear_model import Ridge

    series = make_series()
    pipeline = make_pipeline(StandardScaler(), make_forecaster(teacher=None)).fit(series)
    forecaster = make_forecaster(teacher=FrozenEstimator(pipeline)).fit(series)
    expected = pipeline[0].inverse_transform(pipeline.predict(series))
    np.testing.assert_allclose(forecaster.predict_teacher(series), expected, rtol=1e-4)
    windows = np.lib.stride_tricks.sliding_window_view(series, 16, axis=0).reshape(-1, 16)
    ridge = Ridge().fit(windows[:, :12], windows[:, 12:])
    forecaster = make_forecaster(teacher=FrozenEstimator(ridge)).fit(series)
    expected = ridge.predict(series[-12:].T).T
    np.testing.assert_allclose(forecaster.predict_teacher(series), expected, rtol=1e-4)


def test_pretrained_teacher_keeps_its_weights_through_clone():
    series = make_series()
    first = make_forecaster(teacher=DLinear()).fit(series)
    weights = first.teacher_.module_.state_dict()
    forecaster = clone(make_forecaster(teacher=PretrainedTeacher(DLinear(), weights))).fit(series)
    np.testing.assert_array_equal(forecaster.predict_teacher(series), first.predict_teacher(series))


def test_given_labels_are_found_by_index_in_any_fold():
    frame = make_frame()
    truth = frame.to_numpy()
    origins = frame.index[12:117]
    forecasts = np.stack([truth[start : start + 4] for start in range(12, 117)])
    teacher = GivenLabels(forecasts, origins)
    forecaster = make_forecaster(teacher=teacher, loss=TeacherForecast(), student=DLinear(), max_epochs=1)
    first = forecaster.fit(frame.iloc[30:]).history_[0]["train_loss"]
    truthful = make_forecaster(teacher=None, loss=Supervised(), student=DLinear(), max_epochs=1).fit(frame.iloc[30:])
    assert first == pytest.approx(truthful.history_[0]["train_loss"], rel=1e-6)


def test_given_labels_that_do_not_cover_a_window_raise_and_name_the_row():
    frame = make_frame()
    teacher = GivenLabels(np.zeros((3, 4, 2)), frame.index[12:15])
    with pytest.raises(ValueError, match=r"2024-01-01 15:00:00.*which training needs"):
        make_forecaster(teacher=teacher).fit(frame)


def test_ensemble_is_the_weighted_mean_of_its_members():
    series = make_series()
    members = [("low", LastValueTeacher(offset=-1.0)), ("high", LastValueTeacher(offset=2.0))]
    forecaster = make_forecaster(teacher=EnsembleTeacher(members, weights=[2, 1])).fit(series)
    np.testing.assert_allclose(forecaster.predict_teacher(series), np.repeat(series[-1:], 4, axis=0), rtol=1e-5)
    forecaster.set_params(teacher__high__offset=0.5)
    assert members[1][1].offset == 0.5


class _LastSeen(BaseTeacher):
    """Needs what its fit learns; a user's first teacher."""

    def fit(self, windows, checkpoint=None):
        self.steps_ = windows.train.prediction_length
        return self

    def label(self, contexts):
        return Labels(forecast=contexts.values[:, -1:].repeat(1, self.steps_, 1))


def test_a_teacher_that_needs_its_fit_says_so_or_is_told():
    with pytest.raises(TypeError, match="needs_training = True, or override probe"):
        make_forecaster(teacher=_LastSeen()).fit(make_series())

    class Trained(_LastSeen):
        needs_training = True

    forecaster = make_forecaster(teacher=Trained()).fit(make_series())
    np.testing.assert_allclose(forecaster.predict_teacher(make_series()), np.tile(make_series()[-1], (4, 1)), rtol=1e-5)


# -- a second fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "n_rows", "message"), [(0.0, 100, "label_budget"), (8.0, 5, "too few rows")])
def test_a_second_fit_that_fails_leaves_no_student_behind(budget, n_rows, message):
    frame = make_frame()
    forecaster = make_forecaster().fit(frame)
    with pytest.raises(ValueError, match=message):
        forecaster.set_params(label_budget=budget).fit(frame[:n_rows] * 1000 + 5)
    with pytest.raises(NotFittedError):
        forecaster.predict(frame)


def test_a_second_fit_with_bad_parameters_leaves_the_forecaster_as_it_was():
    frame = make_frame()
    forecaster = make_forecaster().fit(frame)
    expected = forecaster.predict(frame)
    with pytest.raises(ValueError, match="max_epochs"):
        forecaster.set_params(max_epochs=0).fit(frame * 1000)
    pd.testing.assert_frame_equal(forecaster.predict(frame), expected)


def test_a_series_shorter_than_its_validation_rows_serves_validation_alone():
    series = make_series(300)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "1 of 2 series have too few training rows")
        forecaster = make_forecaster(validation_fraction=100, scaling="global").fit([series, series[:60] + 100])
    np.testing.assert_allclose(forecaster.scaling_.mean_, series[:200].mean(axis=0))


# -- the calendar --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("frequency", "context_length"), [("h", 1), ("MS", 2), ("B", 5), ("W-WED", 1)])
def test_labels_without_a_frequency_give_the_calendar_of_those_with_one(frequency, context_length):
    known = make_frame(80).set_axis(pd.date_range("2000-01-03", periods=80, freq=frequency))
    unknown = known.set_axis(pd.DatetimeIndex(known.index.to_numpy()))
    network = ITransformer(8, n_heads=2)
    settings = {"teacher": network, "student": network, "context_length": context_length, "prediction_length": 1}
    forecaster = make_forecaster(**settings, max_epochs=1).fit(unknown)
    for method in ("predict", "predict_teacher", "backtest"):
        ours, theirs = (getattr(forecaster, method)(frame).to_numpy() for frame in (unknown, known))
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (forecaster.compare(frame, alone=False, n_resamples=3)["mse"] for frame in (unknown, known))
    pd.testing.assert_series_equal(ours, theirs)
