"""Bad input stops before any training, and says what, where and the way out."""

import re

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.preprocessing import KBinsDiscretizer, Normalizer
from torch import nn

from skdistill.losses import LossSum, MultiScale, Response, Supervised, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.teachers import EnsembleTeacher, FrozenTeacher, GivenLabels, PretrainedTeacher, TrainedTeacher


@pytest.fixture
def training_is_an_error(monkeypatch):
    """Fail if anything is trained or labeled."""

    def fail(*args, **kwargs):
        raise AssertionError("training started on bad input")

    monkeypatch.setattr("skdistill._distillation.train_network", fail)
    monkeypatch.setattr("skdistill.teachers._trained.train_network", fail)
    monkeypatch.setattr("skdistill.labeling._run.label_windows", fail)


def with_value(row, channel, value):
    series = make_series()
    series[row, channel] = value
    return series


BAD_SERIES = {
    "too few rows": (make_series(15), r"12 \+ 4 = 16 training rows.*has 12 \(n_samples=15 less 3 validation"),
    "infinity": (with_value(3, 0, np.inf), r"infinity, first at row 3, channel 0"),
    "text": (make_frame().assign(name="x"), r"numeric columns only; not numeric: 'name'"),
    "one dimension": (make_series()[:, 0], r"2-D .*got shape \(120,\)\. Reshape your data: X\[:, None\] "),
    "no series": ([], r"X is an empty list: give at least one series"),
    "empty": (np.empty((0, 2)), r"0 sample"),
    "duplicate time": (make_frame().iloc[[0, 1, 1, *range(2, 110)]], r"2024-01-01 01:00:00"),
    "unsorted time": (make_frame().iloc[::-1], r"(?i)order"),
    "a hole": (make_frame().drop(make_frame().index[50]), r"2024-01-03 01:00:00"),
    "panel with a bad member": ([make_series(), with_value(2, 0, -np.inf)], r"X\[1\] contains infinity.* row 2"),
    "nothing observed": (make_series() * np.nan, r"every training value of the targets of X is missing \(NaN\)"),
    "panel with other channels": ([make_series(), make_series(n_channels=3)], r"3 features"),
}


@pytest.mark.parametrize("name", BAD_SERIES)
@pytest.mark.usefixtures("training_is_an_error")
def test_bad_series(name):
    series, message = BAD_SERIES[name]
    with pytest.raises(ValueError, match=message):
        make_forecaster().fit(series)


def test_frame_names_the_timestamp_and_the_column_of_an_infinite_value():
    frame = make_frame()
    frame.iloc[5, 1] = np.inf
    with pytest.raises(ValueError, match=r"row 5 \(2024-01-01 05:00:00\), channel 1 \('c1'\).*NaN where it is missing"):
        make_forecaster().fit(frame)


BAD_PARAMETERS = {
    "context_length": ({"context_length": 0}, ValueError, r"context_length of .* at least 1; got 0"),
    "context_length kind": ({"context_length": 2.5}, TypeError, r"context_length of .* integer"),
    "prediction_length": ({"prediction_length": -1}, ValueError, r"prediction_length .* got -1"),
    "validation_fraction": ({"validation_fraction": 1.0}, ValueError, r"below 1 or an integer number of rows; got 1.0"),
    "validation too short": ({"validation_fraction": 2}, ValueError, r"leaves 2 validation rows.*at least 4 rows"),
    "lr": ({"lr": 0.0}, ValueError, r"lr of .* \(0, inf\); got 0.0"),
    "batch_size": ({"batch_size": 0}, ValueError, r"batch_size .* got 0"),
    "patience": ({"patience": 0}, ValueError, r"patience .* got 0"),
    "optimizer": ({"optimizer": "adma"}, ValueError, r"optimizer .*Did you mean 'adam'"),
    "lr_schedule": ({"lr_schedule": "halfing"}, ValueError, r"Did you mean 'halving'"),
    "device": ({"device": "gpu"}, ValueError, r"device must be .*got 'gpu'"),
    "feature storage": (
        {"feature_storage": "keep"},
        ValueError,
        r"feature_storage of .*; got 'keep'",
    ),
    "student name": ({"student": "mpl"}, ValueError, r"student must be one of .* Did you mean 'mlp'"),
    "teacher name": ({"teacher": "itransfomer"}, ValueError, r"teacher must .* Did you mean 'itransformer'"),
    "loss name": ({"loss": "timedistil"}, ValueError, r"Did you mean 'timedistill'"),
    "student class": ({"student": MLP}, TypeError, r"class MLP; give an instance"),
    "student kind": ({"student": 3}, TypeError, r"student must be a network.*got 3"),
    "loss kind": ({"loss": 3}, TypeError, r"loss must be a loss .*got 3"),
    "bare estimator": ({"teacher": Ridge()}, TypeError, r"bare estimator Ridge.*FrozenEstimator"),
    "teacher class": ({"teacher": ITransformer}, TypeError, r"give an instance, ITransformer\(\)"),
    "unfitted frozen": ({"teacher": FrozenEstimator(Ridge())}, NotFittedError, r"not fitted"),
    "student torch class": ({"student": nn.Linear}, TypeError, r"wrap it, CustomNetwork\(Linear\)"),
    "student module": ({"student": nn.Linear(2, 2)}, TypeError, r"wrap its class, CustomNetwork\(Linear\)"),
    "teacher torch class": ({"teacher": nn.Linear}, TypeError, r"wrap it, CustomNetwork\(Linear\)"),
    "teacher module": (
        {"teacher": nn.Linear(2, 2)},
        TypeError,
        r"PretrainedTeacher\(CustomNetwork\(Linear\), module.st",
    ),
    "network torch class": ({"teacher": TrainedTeacher(nn.Linear)}, TypeError, r"network of .*CustomNetwork\(Linear\)"),
    "network torch class, with known covariates": (
        {"teacher": TrainedTeacher(nn.Linear), "targets": [0], "known_covariates": [1]},
        TypeError,
        r"network of .*CustomNetwork\(Linear\)",
    ),
    "network name": ({"teacher": TrainedTeacher("mpl")}, ValueError, r"network of TrainedTeacher .*Did you mean 'mlp'"),
    "foundation name": ({"teacher": "chronos"}, ValueError, r'Chronos is .* pass Chronos\("folder or hub id"\)'),
    "other foundation name": ({"teacher": "TiRex"}, ValueError, r'pass TiRex\("folder or hub id"\)'),
    "one target": ({"targets": "load"}, TypeError, r"must be a list .*the str 'load': write targets=\['load'\]"),
    "one position": ({"targets": 1}, TypeError, r"must be a list .*the int 1: write targets=\[1\]"),
    "targets": ({"targets": [2]}, ValueError, r"positions from 0 to 1; got 2"),
    "targets twice": ({"targets": [0, 0]}, ValueError, r"each column once"),
    "transformer": ({"transformer": Normalizer()}, TypeError, r"must have inverse_transform"),
    "memory": ({"memory": 3}, TypeError, r"memory must be a folder"),
    "hidden_size": ({"student": MLP(0)}, ValueError, r"hidden_size of MLP .* got 0"),
    "n_heads": ({"teacher": ITransformer(3, n_heads=4)}, ValueError, r"n_heads .* at most hidden_size = 3; got 4"),
    "dropout": ({"student": MLP(dropout=1.0)}, ValueError, r"dropout of MLP .* \[0, 1\); got 1.0"),
    "normalization": ({"student": MLP(normalization="men")}, ValueError, r"Did you mean 'mean'"),
    "teacher's lr": ({"teacher": TrainedTeacher(DLinear(), lr=-1)}, ValueError, r"lr of TrainedTeacher"),
    "weight": ({"loss": Response(-1.0)}, ValueError, r"weight of TeacherForecast .* got -1.0"),
    "n_scales": ({"loss": MultiScale(n_scales=0)}, ValueError, r"n_scales of MultiScale .* got 0"),
    "temperature": ({"loss": TimeDistill(temperature=0)}, ValueError, r"temperature of MultiPeriod .* got 0"),
    "horizon_weights": ({"loss": Response(horizon_weights=[1.0])}, ValueError, r"shape \(4,\)"),
    "no weight": ({"loss": Supervised(weight=0)}, ValueError, r"nothing to minimize"),
    "nothing without teacher": (
        {"teacher": None, "loss": TimeDistill(supervised_weight=0)},
        ValueError,
        r"without a teacher no term of TimeDistill is left",
    ),
    "no student features": (
        {"student": DLinear(), "teacher": ITransformer(8, n_heads=2), "loss": "timedistill"},
        ValueError,
        r'DLinear has none\. Set loss="response", .*; or choose a student with features: Autoformer, .*MLP',
    ),
    "no teacher features": (
        {"loss": "timedistill"},
        ValueError,
        r"features of the teacher, and LastValueTeacher has none",
    ),
    "other horizon": (
        {"teacher": GivenLabels(np.zeros((105, 5, 2)), range(105))},
        ValueError,
        r"forecasts of GivenLabels must have shape .*4, 2\); got \(105, 5, 2\)",
    ),
    "labels with NaN": (
        {"teacher": GivenLabels(np.full((105, 4, 2), np.nan), range(105))},
        ValueError,
        r"must be finite; forecast 0 \(origin 0\)",
    ),
    "origins": (
        {"teacher": GivenLabels(np.zeros((3, 4, 2)), range(2))},
        ValueError,
        r"one entry per forecast: 3",
    ),
    "duplicate origins": (
        {"teacher": GivenLabels(np.zeros((2, 4, 2)), [12, 12])},
        ValueError,
        r"must be unique within a series; 12 comes twice",
    ),
    "weights of another network": (
        {"teacher": PretrainedTeacher(DLinear(), {"seasonal.weight": np.zeros(3)})},
        TypeError,
        r"dict of tensors",
    ),
    "empty ensemble": ({"teacher": EnsembleTeacher([])}, ValueError, r"at least one teacher"),
    "empty sum": ({"loss": LossSum([])}, ValueError, r"at least one loss"),
    "no loss in the sum": ({"loss": LossSum([("a", 3)])}, TypeError, r"pairs \(name, loss\)"),
    "calendar needed": (
        {"student": ITransformer(8, n_heads=2, time_features=True)},
        ValueError,
        r"needs a series with a calendar",
    ),
}


@pytest.mark.parametrize("name", BAD_PARAMETERS)
@pytest.mark.usefixtures("training_is_an_error")
def test_bad_parameter(name):
    changes, error, message = BAD_PARAMETERS[name]
    with pytest.raises(error, match=message):
        make_forecaster(**changes).fit(make_series())


def test_pretrained_weights_that_do_not_fit_are_all_named():
    weights = dict(make_forecaster(teacher=DLinear()).fit(make_series()).teacher_.module_.state_dict())
    weights["extra"] = weights.pop("trend.bias")
    with pytest.raises(ValueError, match=r"missing 'trend.bias' of shape \(4,\); unexpected 'extra'"):
        make_forecaster(teacher=PretrainedTeacher(DLinear(), weights)).fit(make_series())


def test_frozen_forecaster_of_another_horizon_or_longer_context_is_refused():
    series = make_series()
    other = make_forecaster(teacher=None, prediction_length=5).fit(series)
    with pytest.raises(ValueError, match=r"forecasts 5 steps, but prediction_length is 4"):
        make_forecaster(teacher=FrozenEstimator(other)).fit(series)
    longer = make_forecaster(teacher=None, context_length=20).fit(series)
    with pytest.raises(ValueError, match=r"needs contexts of 20 rows, but context_length is 12"):
        make_forecaster(teacher=FrozenEstimator(longer)).fit(series)


def test_a_sktime_forecaster_is_told_the_way():
    from sktime.forecasting.naive import NaiveForecaster

    fitted = NaiveForecaster().fit(make_frame()["c0"])
    with pytest.raises(TypeError, match=r"NaiveForecaster\) forecasts after its own cutoff.*SktimeTeacher"):
        make_forecaster(teacher=FrozenTeacher(FrozenEstimator(fitted))).fit(make_series())
    with pytest.raises(TypeError, match=r"bare sktime forecaster NaiveForecaster: give SktimeTeacher"):
        make_forecaster(teacher=fitted).fit(make_series())


def test_predict_before_fit():
    with pytest.raises(NotFittedError, match="fit"):
        make_forecaster().predict(make_series())


def test_predict_on_another_number_order_or_length():
    frame = make_frame()
    forecaster = make_forecaster().fit(frame)
    with pytest.raises(ValueError, match=r"feature names|order"):
        forecaster.predict(frame[["c1", "c0"]])
    with pytest.raises(ValueError, match=r"(?s)feature names|1 features"):
        forecaster.predict(frame[["c0"]])
    assert np.isfinite(forecaster.predict(frame.iloc[:5])).all(axis=None)  # missing on the left
    with pytest.raises(ValueError, match=r"X has 3 features.*expecting 2"):
        forecaster.predict(np.zeros((5, 12, 3)))
    batch = np.zeros((2, 12, 2))
    batch[1, 2, 0] = np.inf
    with pytest.raises(ValueError, match=r"window 1, row 2, channel 0"):
        forecaster.predict(batch)
    with pytest.raises(ValueError, match=r"12 \+ 4 = 16 rows; got n_samples=15"):
        forecaster.score(frame.iloc[:15])


def test_predict_says_what_is_wrong_with_the_shape_and_not_the_numbers():
    forecaster = make_forecaster().fit(make_series())
    for name in ("one dimension", "no series"):
        series, message = BAD_SERIES[name]
        with pytest.raises(ValueError, match=message):
            forecaster.predict(series)


def test_targets_by_unknown_name_suggest_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'c1'"):
        make_forecaster(targets=["c_1"]).fit(make_frame())


def test_predict_teacher_without_one():
    with pytest.raises(ValueError, match="teacher=None"):
        make_forecaster(teacher=None).fit(make_series()).predict_teacher(make_series())


def test_transformer_that_learns_bins_has_an_inverse_and_is_allowed():
    transformer = KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf")
    assert np.isfinite(make_forecaster(transformer=transformer).fit(make_series()).predict(make_series())).all()


def test_windows_without_truth_without_a_teacher_are_pointless_and_say_so():
    with pytest.warns(UserWarning, match="windows_without_truth has no effect"):
        make_forecaster(teacher=None, windows_without_truth=True).fit(make_series())


def test_teacher_that_answers_nan_stops_and_names_the_window():
    class Broken(LastValueTeacher):
        def label(self, contexts):
            labels = super().label(contexts)
            labels.forecast[3 % len(contexts)] = np.nan
            return labels

    with pytest.raises(ValueError, match=r"returned nan in its forecast, first for training window 3"):
        make_forecaster(teacher=Broken()).fit(make_series())


def test_index_of_strings_gives_numbered_forecasts():
    frame = pd.DataFrame(make_series(), columns=["a", "b"], index=[f"row {n}" for n in range(120)])
    assert list(make_forecaster().fit(frame).predict(frame).index) == [0, 1, 2, 3]


def relabeled(index):
    return make_frame().set_axis(index if isinstance(index, pd.Index) else pd.Index(index), axis=0)


TIMES = make_frame().index
SHUFFLED = np.random.default_rng(0).permutation(120)
PANEL = pd.concat({"a": make_frame(60), "b": make_frame(60, seed=1)})
BAD_LABELS = {
    "text within a panel": (pd.concat({"a": relabeled(TIMES.strftime("%F %T"))}), r"index of series 'a' is text"),
    "no time within a panel": (pd.concat({"a": relabeled(SHUFFLED / 2)}), r"index of series 'a' is out of order"),
    "text": (relabeled(TIMES.strftime("%d/%m/%Y %H:%M")), r"X is text, not time: '01/01/2024 00:00'.*to_datetime"),
    "text objects": (relabeled(TIMES.strftime("%Y-%m-%d %H").astype(object)), r"X.reset_index\(drop=True\)"),
    "years": (relabeled([str(1900 + n) for n in range(120)]), r"is text, not time: '1900'"),
    "dates": (relabeled([day.date() for day in pd.date_range("2024", periods=120)]), r"objects of type date.*2024"),
    "moments of no type": (relabeled(TIMES.astype(object)), r"objects of type Timestamp"),
    "number objects": (
        relabeled(pd.Index(range(120), dtype=object)),
        r"type int, not .*pd.Index\(X.index.tolist\(\)\)",
    ),
    "periods of no type": (relabeled(TIMES.to_period("h").astype(object)), r"objects of type Period"),
    "durations of no type": (relabeled((TIMES - TIMES[0]).astype(object)), r"objects of type Timedelta"),
    "an average under moments": (relabeled([*TIMES[:-1], "Average"]), r"X holds times.*labels, such as 'Average'"),
    "an average under text": (relabeled([*TIMES.strftime("%F %T")[:-1], "Average"]), r"holds times.*such as 'Average'"),
    "a total under numbers": (relabeled([*range(119), "Total"]), r"holds numbers, such as '0'.*such as 'Total'"),
    "a total under periods": (relabeled([*TIMES.to_period("h")[:-1], "Total"]), r"holds times.*such as 'Total'"),
    "text under moments": (relabeled([*TIMES[:60], *TIMES[60:].strftime("%F %T")]), r"holds times, such as '2024"),
    "shuffled floats": (relabeled(SHUFFLED / 2), r"index of X is out of order"),
    "in a list": ([make_frame(), relabeled(TIMES.strftime("%F %T"))], r"X\[1\].index = pd.to_datetime\(X\[1\].index"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
@pytest.mark.usefixtures("training_is_an_error")
def test_row_labels_that_are_no_time_but_look_like_it(name, recwarn):
    series, message = BAD_LABELS[name]
    with pytest.raises(ValueError, match=message):
        make_forecaster().fit(series)
    assert not list(recwarn)


ADVISED = {
    "numbers": relabeled(pd.Index(range(120), dtype=object)),
    "categories": relabeled(pd.CategoricalIndex(range(120))),
    "periods": BAD_LABELS["periods of no type"][0],
    "durations": BAD_LABELS["durations of no type"][0],
    "moments": BAD_LABELS["moments of no type"][0],
    "text in a panel": pd.concat({key: relabeled(TIMES.strftime("%F %T")) for key in "ab"}),
    "periods in a panel": pd.concat({key: relabeled(TIMES.to_period("h").astype(object)) for key in "ab"}),
}


@pytest.mark.parametrize("name", ADVISED)
def test_the_advice_on_row_labels_helps(name):
    X = ADVISED[name].copy()
    with pytest.raises(ValueError, match="Write ") as raised:
        make_forecaster().fit(X)
    (advice,) = re.findall(r"X.index = .*?(?=, or X.reset_index| of a panel)", str(raised.value))
    exec(advice)
    last = X.index.get_level_values(-1)[-1]
    ahead = make_forecaster(max_epochs=1).fit(X).predict(X).index.get_level_values(-1)
    assert (ahead > last).all()


def test_row_labels_are_checked_in_predict():
    forecaster = make_forecaster().fit(make_frame())
    several = [
        ("text within a panel", forecaster.predict),
        ("text", forecaster.backtest),
        ("dates", forecaster.score),
        ("an average under moments", forecaster.predict),
        ("an average under moments", forecaster.compare),
    ]
    for name, ask in several:
        series, message = BAD_LABELS[name]
        with pytest.raises(ValueError, match=message):
            ask(series)


@pytest.mark.parametrize("panel", [PANEL, pd.concat({"r": PANEL}), PANEL["c0"]], ids=["two", "three", "vector"])
def test_every_panel_goes_on_after_its_last_rows(panel):
    forecast = make_forecaster(max_epochs=1).fit(panel).predict(panel)
    assert type(forecast) is type(panel)
    assert forecast.index.nlevels == panel.index.nlevels
    assert set(forecast.index.get_level_values(-1)) == set(TIMES[60:64])


@pytest.mark.parametrize("prefix", ["", "T", "m", "h", "1-", "row ", "id-"])
def test_labels_that_are_no_dates_pass(prefix):
    frame = relabeled([f"{prefix}{n}" for n in range(120)])
    make_forecaster().fit(frame)
    make_forecaster().fit(frame[:60])  # T57 is no date in 2057


@pytest.mark.parametrize("name", ["context_length", "prediction_length"])
def test_a_length_that_changes_after_fit_is_refused(name):
    forecaster = make_forecaster().fit(make_series())
    fitted = getattr(forecaster, name)
    forecaster.set_params(**{name: fitted + 1})
    for ask in (forecaster.predict, forecaster.backtest, forecaster.score):
        with pytest.raises(
            ValueError, match=rf"{name} of DistilledForecaster was {fitted} in fit and is {fitted + 1} now"
        ):
            ask(make_series())
    forecaster.set_params(**{name: fitted}).predict(make_series())


def test_series_of_unlike_scale_are_told_of():
    with pytest.warns(UserWarning, match=r"standard deviation of channel 0 is .* in X\[1\] and .* in X\[0\]"):
        make_forecaster(max_epochs=1, scaling="global").fit([make_series(), 1000 * make_series()])


def test_series_of_like_scale_are_not(recwarn):
    make_forecaster(max_epochs=1, scaling="global").fit([make_series(), 3 * make_series() + 50])
    make_forecaster(max_epochs=1).fit([make_series(), 1000 * make_series()])  # each has units of its own
    assert not [one for one in recwarn if "differ in scale" in str(one.message)]
