"""Roles of columns: what is known in advance, attributes of series, categories, and how they reach the student."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster
from doubles import make_frame as make_wave
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from torch import nn

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, load
from skdistill.core import BaseNetwork, NetworkOutput
from skdistill.data import Augmentation
from skdistill.data._categories import encode_columns, find_categories
from skdistill.data._plausibility._mostly_missing import is_mostly_missing
from skdistill.deploy import NumpyStudent
from skdistill.fused._runtime import numpy_student
from skdistill.losses import Supervised
from skdistill.networks import MLP, TFT, DLinear, ITransformer, LightTS, Linear, NLinear, TiDE, TimeXer, TSMixer

CONTEXT, HORIZON = 24, 6
N = 200


def make_frame(n_rows=N, seed=0, start="2024-01-01"):
    """A series that a promotion and a temperature determine."""
    generator = np.random.default_rng(seed)
    promo = (generator.random(n_rows) < 0.3).astype(float)
    temperature = generator.normal(size=n_rows).cumsum() / 4
    season = np.sin(np.arange(n_rows) * 2 * np.pi / 12)
    visits = season + generator.normal(size=n_rows) * 0.1
    sales = 10 + 2 * season + 3 * promo - temperature + 0.1 * generator.normal(size=n_rows)
    index = pd.date_range(start, periods=n_rows, freq="h")
    return pd.DataFrame({"sales": sales, "promo": promo, "temp": temperature, "visits": visits}, index=index)


def make(student=None, **options):
    settings = {
        "context_length": CONTEXT,
        "prediction_length": HORIZON,
        "targets": ["sales"],
        "known_covariates": ["promo", "temp"],
        "validation_fraction": 40,
        "max_epochs": 2,
        "random_state": 0,
        "device": "cpu",
    }
    student = Linear(season=12) if student is None else student
    return DistilledForecaster(None, student, Supervised(), **settings | options)


def plan_of(frame, first=160):
    return frame[["promo", "temp"]].iloc[first : first + HORIZON]


def make_panel(n_series=4, n_rows=120, **columns):
    parts = {f"shop {k}": make_frame(n_rows + 5 * k, seed=k) for k in range(n_series)}
    for number, part in enumerate(parts.values()):
        part["sales"] *= 10.0**number
        part["kind"] = "big" if number % 2 else "small"
        part["size"] = float(number)
    return pd.concat(parts, names=["shop", "time"])


STUDENTS = [
    Linear(season=12),
    MLP(4),
    MLP(4, linear_skip=Linear(season=12)),
    DLinear(5),
    DLinear(5, individual=True),
    NLinear(),
    ITransformer(8, n_heads=2, n_layers=1),
    TSMixer(8, n_layers=1),
    TiDE(8, temporal_size=8),
    TimeXer(8, n_heads=2, patch_size=4),
    TFT(6, n_heads=2),
]


# -- exact --------------------------------------------------------------------------------------------


def inputs_by_hand(values, known, targets, level_rows):
    """The inputs of section 7 and the truth, for every window and target."""
    rows, truths = [], []
    size = CONTEXT + HORIZON
    others = [c for c in range(values.shape[1]) if c not in targets]
    for start in range(len(values) - size + 1):
        window = values[start : start + size]
        levels = window[CONTEXT - level_rows : CONTEXT].mean(axis=0)
        for target in targets:
            parts = [window[:CONTEXT, target] - levels[target]]
            parts += [window[:CONTEXT, c] - levels[c] for c in others]
            parts += [window[CONTEXT:, c] - levels[c] for c in known]
            rows.append(np.concatenate([*parts, [levels[target]], levels[others]]))
            truths.append(window[CONTEXT:, target] - levels[target])
    return np.array(rows), np.array(truths)


def shares_by_hand(X):
    """Return the share of the penalty of every input, by the variance of its channel less the level."""
    groups = [[*range(CONTEXT)]]
    for place in range(3):
        past = range((1 + place) * CONTEXT, (2 + place) * CONTEXT)
        ahead = range(4 * CONTEXT + place * HORIZON, 4 * CONTEXT + (place + 1) * HORIZON) if place < 2 else ()
        groups.append([*past, *ahead])
    shares = np.ones(X.shape[1])
    for group in groups:
        variance = X[:, group].var(axis=0).mean()
        shares[group] = 1 if variance >= 0.1 else max(variance, 100 * variance**2)
    assert (shares < 1).any()  # the temperature walks
    return shares


def test_the_exact_student_is_ridge_regression_on_covariates_and_levels():
    frame = make_frame()
    forecaster = make(Linear(season=12, penalty=0.05), validation_fraction=0).fit(frame)
    values = (frame.to_numpy() - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    X, Y = inputs_by_hand(values, [1, 2], [0], 12)
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    expected = np.linalg.solve(Xc.T @ Xc / len(X) + 0.05 * np.diag(shares_by_hand(X)), Xc.T @ Yc / len(X)).T
    np.testing.assert_allclose(forecaster.student_.weight.detach(), expected, atol=2e-5)
    np.testing.assert_allclose(forecaster.student_.bias.detach(), Y.mean(axis=0) - expected @ X.mean(axis=0), atol=2e-5)


def test_a_band_reads_known_values_near_each_step_only():
    frame = make_frame()
    forecaster = make(Linear(season=12, penalty=0.05, known_band=1), validation_fraction=0).fit(frame)
    values = (frame.to_numpy() - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    X, Y = inputs_by_hand(values, [1, 2], [0], 12)
    weight = forecaster.student_.weight.detach().numpy()
    first = 4 * CONTEXT - CONTEXT + CONTEXT  # rows of four channels come first
    for step in range(HORIZON):
        near = np.abs(np.arange(HORIZON) - step) <= 1
        allowed = np.ones(X.shape[1], dtype=bool)
        allowed[first : first + 2 * HORIZON] = np.tile(near, 2)
        Xc = X[:, allowed] - X[:, allowed].mean(axis=0)
        yc = Y[:, step] - Y[:, step].mean()
        penalty = 0.05 * np.diag(shares_by_hand(X)[allowed])
        expected = np.linalg.solve(Xc.T @ Xc / len(X) + penalty, Xc.T @ yc / len(X))
        np.testing.assert_allclose(weight[step, allowed], expected, atol=5e-5)
        assert not weight[step, ~allowed].any()


def test_bands_and_penalties_are_chosen_by_validation():
    forecaster = make(Linear(season=12, penalty=[0.01, 0.1], known_band=[0, 2, None])).fit(make_frame())
    rows = forecaster.history_
    assert len(rows) == 6
    assert min(rows, key=lambda row: row["valid_loss"])["chosen"]


@pytest.mark.parametrize("band", [1, None])
def test_steps_can_share_the_weights_of_known_covariates(band):
    frame = make_frame()
    student = Linear(season=12, penalty=0.05, known_band=band, known_weights="shared")
    forecaster = make(student, validation_fraction=0).fit(frame)
    values = (frame.to_numpy() - forecaster.scaling_.mean_) / forecaster.scaling_.scale_
    X, Y = inputs_by_hand(values, [1, 2], [0], 12)
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    shares, first = shares_by_hand(X), 4 * CONTEXT
    ahead, own = (
        X[:, first : first + 2 * HORIZON].reshape(len(X), 2, HORIZON),
        np.delete(X, range(first, first + 12), 1),
    )
    width = HORIZON - 1 if band is None else band
    distances = [(column, distance) for column in range(2) for distance in range(-width, width + 1)]
    rows, uses = np.zeros((HORIZON, len(X), HORIZON * own.shape[1] + len(distances))), np.zeros(len(distances))
    for step in range(HORIZON):  # one regression for all steps
        rows[step, :, step * own.shape[1] : (step + 1) * own.shape[1]] = own
        for number, (column, distance) in enumerate(distances):
            if 0 <= step + distance < HORIZON:
                rows[step, :, number - len(distances)] = ahead[:, column, step + distance]
                uses[number] += 1
    flat = rows.reshape(-1, rows.shape[-1])
    own_shares = np.delete(shares, range(first, first + 12))
    uses *= [shares[first + column * HORIZON] for column, _ in distances]
    penalty = 0.05 * len(X) * np.concatenate([np.tile(own_shares, HORIZON), uses])
    expected = np.linalg.solve(flat.T @ flat + np.diag(penalty), flat.T @ Y.T.ravel())
    weight = forecaster.student_.weight.detach().numpy()
    known = weight[:, first : first + 2 * HORIZON].reshape(HORIZON, 2, HORIZON)
    for value, (column, distance) in zip(expected[-len(distances) :], distances, strict=True):
        diagonal = np.diagonal(known[:, column], offset=distance)
        np.testing.assert_allclose(diagonal, value, atol=2e-4)
    mine = np.delete(weight, range(first, first + 2 * HORIZON), 1)
    np.testing.assert_allclose(mine.ravel(), expected[: mine.size], atol=2e-4)
    full = np.triu(np.tril(np.ones((HORIZON, HORIZON)), width), -width)[:, None].repeat(2, 1) > 0
    assert not known[~full].any()


def test_over_long_horizons_validation_chooses_shared_weights_where_rows_are_few():
    generator = np.random.default_rng(0)
    weather = generator.normal(size=(700, 3))
    effect = weather.sum(axis=1)
    target = effect + np.roll(effect, 1) + 2 * generator.normal(size=700)
    values = np.column_stack([target, weather])
    settings = {"context_length": 12, "prediction_length": 192, "targets": [0], "known_covariates": [1, 2, 3]}
    settings["validation_fraction"] = 250
    auto = make(Linear(season=12), **settings).fit(values)
    errors = [row["valid_loss"] for row in auto.history_]
    assert len(errors) == 4  # two bands, each with weights of every step and with shared ones
    assert min(errors) < 0.95 * min(errors[:2])
    weight = auto.student_.weight.detach().numpy()[:, 4 * 12 : 4 * 12 + 192]
    for offset in (0, -1):
        np.testing.assert_allclose(np.diagonal(weight, offset), weight[0, 0], rtol=0.2)
    assert np.ptp(np.diagonal(weight)) < 1e-6
    assert len(make(Linear(season=12, known_weights="own"), **settings).fit(values).history_) == 2
    values[400, 0] = np.nan
    assert len(make(Linear(season=12), **settings).fit(values).history_) == 2
    with pytest.raises(ValueError, match=r"values of the targets are missing, and steps cannot share weights"):
        make(Linear(season=12, known_weights="shared"), **settings).fit(values)
    with pytest.raises(ValueError, match=r"known_weights='shared' of Linear has no effect: there are no known"):
        make(Linear(known_weights="shared"), known_covariates=None, targets=[0]).fit(values)


def test_with_gaps_in_covariates_and_truth_it_is_solved_by_step():
    frame = make_frame()
    frame.iloc[30:34, 1] = np.nan
    frame.iloc[70:73, 0] = np.nan
    forecaster = make(Linear(season=12, penalty=[0.05, 0.5], known_band=[0, None])).fit(frame)
    assert len(forecaster.history_) == 4
    assert np.isfinite(forecaster.predict(frame.iloc[:160], future=plan_of(frame)).to_numpy()).all()


def test_blocks_choose_without_validation():
    student = Linear(season=12, penalty=[0.01, 10.0], selection="blocks", solver="exact")
    forecaster = make(student, validation_fraction=0).fit(make_frame())
    assert [row["chosen"] for row in forecaster.history_] == [True, False]


def test_gradient_descent_reaches_the_same_inputs():
    forecaster = make(Linear(season=12, solver="gradient")).fit(make_frame())
    assert forecaster.student_.weight.shape == (HORIZON, 4 * CONTEXT + 2 * HORIZON + 4)


def test_known_covariates_more_than_halve_the_error_that_they_explain():
    frame = make_frame(400)
    with_them = make(Linear(season=12, penalty=0.01)).fit(frame.iloc[:300])
    without = make(Linear(season=12, penalty=0.01), known_covariates=None, targets=None).fit(
        frame[["sales"]].iloc[:300]
    )
    assert with_them.score(frame.iloc[270:]) > without.score(frame[["sales"]].iloc[270:]) / 2


@pytest.mark.parametrize("time_features", [False, True])
def test_updates_equal_a_fit_to_all_rows(time_features):
    frame = make_frame(150).set_axis(pd.date_range("2024-01-01", periods=150))  # days, with a season of 7
    settings = {"student": Linear(season=12, time_features=time_features), "validation_fraction": 0}
    grown = make(**settings).partial_fit(frame.iloc[:80]).partial_fit(frame.iloc[80:120]).partial_fit(frame.iloc[120:])
    whole = make(**settings).fit(frame)
    np.testing.assert_allclose(grown.student_.weight.detach(), whole.student_.weight.detach(), atol=1e-5)
    slid = make(**settings).partial_fit(frame.iloc[:80]).partial_fit(frame.iloc[80:], forget=30)
    part = make(**settings).fit(frame.iloc[30:])
    np.testing.assert_allclose(slid.student_.weight.detach(), part.student_.weight.detach(), atol=1e-5)
    unknown = frame[["promo", "temp"]].iloc[:HORIZON].shift(150, freq="D") * np.nan  # those of a season before
    np.testing.assert_allclose(grown.predict(frame, unknown), whole.predict(frame, unknown), rtol=1e-4)


# -- predict ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS, ids=str)
def test_flipping_a_covariate_changes_the_forecast(student):
    frame = make_frame()
    forecaster = make(student).fit(frame.iloc[:160])
    plan = plan_of(frame)
    forecast = forecaster.predict(frame.iloc[:160], future=plan)
    for column in plan:
        flipped = plan.assign(**{column: 1 - plan[column]})
        assert np.abs(forecaster.predict(frame.iloc[:160], future=flipped) - forecast).max().item() > 1e-4
    past = frame.iloc[:160].assign(visits=-frame["visits"])
    assert np.abs(forecaster.predict(past, future=plan) - forecast).max().item() > 1e-4


@pytest.mark.parametrize("student", STUDENTS, ids=str)
def test_module_and_fused_student_agree(student):
    frame = make_frame()
    forecaster = make(student).fit(frame.iloc[:160])
    forecast = forecaster.predict(frame.iloc[:160], future=plan_of(frame))
    backtest = forecaster.backtest(frame.iloc[: 160 + HORIZON])
    np.testing.assert_allclose(backtest.to_numpy()[-HORIZON:], forecast.to_numpy(), rtol=1e-5)
    forecaster.student_ = Wrapped(forecaster.student_).eval()
    np.testing.assert_allclose(
        forecaster.predict(frame.iloc[:160], future=plan_of(frame)).to_numpy(), forecast.to_numpy(), rtol=1e-4
    )


class Wrapped(nn.Module):
    """A module of a class that nothing fuses."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, context, **others):
        return self.inner(context, **others)


@pytest.mark.parametrize("scaling", ["global", "window"])
@pytest.mark.parametrize("layers", [1, 2])
def test_covariates_of_a_student_that_standardizes_windows_are_fused(layers, scaling):
    frame = make_frame().assign(second=lambda one: 100 - 5 * one["sales"])
    student = MLP(4, n_layers=layers, normalization="revin")
    roles = {"targets": ["sales", "second"], "scaling": scaling, "lr": 0.05}
    forecaster = make(student, **roles).fit(frame.iloc[:160])
    normalization = forecaster.student_.normalization
    with torch.no_grad():
        normalization.weight.mul_(torch.tensor([[1.3], [-0.6]]))
        normalization.bias.add_(0.2)
        forecaster.student_.covariates.direct.weight.add_(0.3)
    made = numpy_student(forecaster.student_, forecaster.spec_, forecaster.scaling_, "float32")
    assert made is not None
    past, plan = frame.iloc[:160], plan_of(frame)
    forecast = forecaster.predict(past, future=plan)
    values = frame.to_numpy()
    answer = made.predict(values[None, 160 - CONTEXT : 160], future=plan.to_numpy()[None])[0]
    np.testing.assert_allclose(answer, forecast, rtol=1e-5)
    forecaster.student_ = Wrapped(forecaster.student_).eval()
    np.testing.assert_allclose(forecaster.predict(past, future=plan), forecast, rtol=1e-4)
    with torch.no_grad():
        normalization.weight.zero_()
    module = forecaster.student_.inner
    assert numpy_student(module, forecaster.spec_, forecaster.scaling_, "float32") is None


def test_every_form_of_future_gives_the_same_forecast():
    frame = make_frame()
    forecaster = make().fit(frame.iloc[:160])
    past, plan = frame.iloc[:160], plan_of(frame)
    expected = forecaster.predict(past, future=plan)
    appended = frame.iloc[: 160 + HORIZON].copy()
    appended.iloc[160:, 0] = np.nan
    longer = pd.concat([frame[["temp", "promo"]].iloc[150:160], plan[["temp", "promo"]], plan.shift(freq="6h")])
    forms = [
        forecaster.predict(past, future=plan.to_numpy()),
        forecaster.predict(past, future=plan.reset_index(drop=True)),
        forecaster.predict(past, future=longer),
        forecaster.predict(appended),
        forecaster.predict([past, past], future=[plan, plan])[1],
        forecaster.predict({"a": past}, future={"a": plan})["a"],
    ]
    for forecast in forms:
        pd.testing.assert_frame_equal(forecast, expected)
    batch = forecaster.predict(past.to_numpy()[None], future=plan.to_numpy()[None])
    np.testing.assert_allclose(batch[0], expected.to_numpy(), rtol=1e-6)
    gaps = plan.to_numpy()[None].copy()
    gaps[0, 1] = np.nan
    masked = forecaster.predict(past.to_numpy()[None], future=np.ma.masked_array(plan.to_numpy()[None], np.isnan(gaps)))
    np.testing.assert_array_equal(masked, forecaster.predict(past.to_numpy()[None], future=gaps))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda temp: temp.round(3).astype(str), "different numbers as "),
        (lambda temp: temp.round(3).astype(object), "different numbers as object"),
        (
            lambda temp: temp.round(3).astype(object).where(temp.index.hour > 0, "n/a"),
            "numbers as object, such as ",
        ),
        (lambda temp: temp.round(3).astype(str) + " %", "different numbers as "),
        (lambda temp: "$" + temp.abs().round(3).astype(str), "different numbers as "),
        (lambda temp: pd.Series([f"{row % 60 // 6}:{row % 6}0" for row in range(160)]), None),
        (lambda temp: temp.round(3).astype(str).astype("category"), None),
        (lambda temp: "00" + (temp.rank() % 90).astype(int).astype(str), None),
        (lambda temp: (temp.rank() % 20).astype(int).astype(str), None),
        (lambda temp: "note " + temp.index.astype(str), "160 different values in 160 training rows"),
        (lambda temp: pd.Series(["note"] * 20 + [f"note {row}" for row in range(140)]), "141 different values in 160"),
        (lambda temp: pd.Series([f"note {row % 100}" for row in range(160)]), None),
        (
            lambda temp: pd.Series([f"note {row}" if row % 5 == 0 else None for row in range(160)]),
            "in 32 training rows, such as 'note 0'",
        ),
        (lambda temp: pd.Series([f"day {row}" if row % 8 == 0 else None for row in range(160)]), None),
        (lambda temp: pd.Series([f"note {row}" for row in range(160)], dtype="category"), None),
        (lambda temp: pd.Series(["Promo A", "promo a ", None, "B"] * 40), "'Promo A' and 'promo a ', which differ in"),
        (lambda temp: pd.Series(["7", "07", "7.0", "A", "B"] * 32), None),
    ],
)
def test_columns_that_are_hardly_meant_as_categories_are_told(change, told):
    frame = make_frame().iloc[:160]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        find_categories([change(frame["temp"])], "temp")
    assert [told in str(one.message) for one in caught] == ([] if told is None else [True])


def test_a_code_is_one_category_as_text_and_as_number():
    """In a table of its own, a column of codes without letters is read as numbers, with a missing one as floats."""
    text, numbers = pd.Series(["7", "A1", "8.5"]), pd.Series([7.0, np.nan, 8.5])
    assert find_categories([text, numbers], "code") == ("7", "8.5", "A1")
    for known in (("7", "8.5", "A1"), ("7.0", "8.5", "A1")):  # the latter of earlier versions
        codes = encode_columns(numbers.to_frame(), {0: known}, "X").to_numpy()[:, 0]
        np.testing.assert_array_equal(codes, [0.0, np.nan, 1.0])


def test_arrays_know_covariates_by_position():
    values = make_frame().to_numpy()
    forecaster = make(targets=[0], known_covariates=[2, 1]).fit(values[:160])
    frame = make_frame()
    named = make(known_covariates=["temp", "promo"]).fit(frame.iloc[:160])
    forecast = forecaster.predict(values[:160], future=values[160 : 160 + HORIZON][:, [2, 1]])
    np.testing.assert_allclose(forecast, named.predict(frame.iloc[:160], future=plan_of(frame)), rtol=1e-6)


def test_rows_after_the_horizon_and_true_targets_change_nothing():
    frame = make_frame()
    forecaster = make().fit(frame.iloc[:160])
    past, plan = frame.iloc[:160], frame[["promo", "temp"]].iloc[160:180]
    expected = forecaster.predict(past, future=plan)
    later = plan.copy()
    later.iloc[HORIZON:] = 1e6
    pd.testing.assert_frame_equal(forecaster.predict(past, future=later), expected)
    other = frame.copy()
    other.iloc[160:, 0] = 99.0
    other.iloc[160:, 3] = -99.0
    before = forecaster.backtest(frame.iloc[: 160 + HORIZON]).to_numpy()[-HORIZON:]
    after = forecaster.backtest(other.iloc[: 160 + HORIZON]).to_numpy()[-HORIZON:]
    np.testing.assert_array_equal(before, after)


def test_an_unknown_step_is_what_was_a_season_before():
    frame = make_frame()
    frame.loc[frame.index[::50], "promo"] = np.nan  # with gaps in fit, gaps are filled by season
    forecaster = make(Linear(season=24)).fit(frame.iloc[:160])
    plan = plan_of(frame)
    unknown = plan.copy()
    unknown.iloc[2:, 0] = np.nan
    filled = plan.copy()
    filled.iloc[2:, 0] = frame["promo"].iloc[160 - 24 + 2 : 160 - 24 + HORIZON].to_numpy()
    one, other = (forecaster.predict(frame.iloc[:160].ffill(), future=rows) for rows in (unknown, filled))
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_dropout_hides_known_values_from_the_student_and_not_from_the_teacher():
    frame = make_frame()
    plain, hidden = make().fit(frame), make(known_dropout=1.0).fit(frame)
    assert (plain.student_.weight - hidden.student_.weight).abs().max().item() > 1e-3
    windows = hidden._windows_to_fit(frame, None).train
    numbers = torch.arange(5)
    assert windows.future(numbers)[1] is not None
    assert windows.contexts(numbers).future_observed is None


def test_window_step_takes_windows_of_one_hour():
    windows = make(window_step=24)._windows_to_fit(make_frame(), None)
    for part, end in ((windows.train, 160), (windows.validation, 200)):
        origins = part.starts.numpy() + CONTEXT
        assert (np.diff(origins) == 24).all()
        assert ((200 - origins) % 24 == 0).all()  # as a forecast after the last row
        assert end - 24 < origins[-1] + HORIZON <= end


@pytest.mark.parametrize("held_out", [0, 40])
@pytest.mark.parametrize("n_ahead", [HORIZON, HORIZON + 5])
def test_window_step_counts_back_from_the_horizon_whose_rows_follow(n_ahead, held_out):
    frame = make_frame()
    appended = frame.assign(sales=frame["sales"].where(np.arange(N) < N - n_ahead))
    augmented = {"teacher": "nlinear", "augmentation": Augmentation(), "loss": "response"}
    windows = make(window_step=24, validation_fraction=held_out).set_params(**augmented)._windows_to_fit(appended, None)
    starts = windows.train.starts.numpy()
    numbers = windows.train.series_of(starts)
    assert set(numbers) == {0, 1}  # the second one is the copy
    assert ((N - n_ahead - (starts - windows.train.store.offsets[numbers] + CONTEXT)) % 24 == 0).all()


def test_window_step_counts_back_from_the_last_row_where_too_few_follow_for_a_horizon():
    frame = make_frame()
    late = frame.assign(sales=frame["sales"].where(np.arange(N) < N - HORIZON + 1))  # predict takes future= for it
    starts = make(window_step=24)._windows_to_fit(late, None).train.starts.numpy()
    assert ((N - starts - CONTEXT) % 24 == 0).all()


def test_calibrate_takes_the_windows_of_window_step():
    frame = make_frame(600)
    settings = {"window_step": 24, "quantiles": (0.2, 0.8), "calibration": "conformal", "validation_fraction": 200}
    forecaster = make(**settings).fit(frame)
    before = forecaster.calibration_
    with pytest.warns(UserWarning, match="^7 of 7 windows of calibrate have true values that fit trained on"):
        forecaster.calibrate(frame[: 8 * 24])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.calibrate(frame[-200 - CONTEXT :])
    assert forecaster.calibration_.n_windows == before.n_windows
    np.testing.assert_array_equal(forecaster.calibration_.offsets, before.offsets)
    with pytest.raises(ValueError, match="window_step = 24 takes, counted back from the end of each series; X has no"):
        forecaster.calibrate(frame[:40])


# -- panels, categories, attributes -------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
@pytest.mark.parametrize("student", STUDENTS[:2], ids=str)
def test_a_panel_with_attributes_predicts_saves_and_loads(student, scaling, tmp_path):
    panel = make_panel()
    roles = {"known_covariates": ["promo", "temp"], "static_covariates": ["kind", "size"], "scaling": scaling}
    forecaster = make(student, validation_fraction=20, **roles).fit(panel)
    assert forecaster.spec_.n_static == 2
    assert list(forecaster.roles_.channel_names) == ["sales", "promo", "temp", "visits"]
    ends = {shop: part.index[-1][1] for shop, part in panel.groupby(level=0)}
    plan = pd.concat(
        {shop: make_frame(HORIZON, seed=9, start=end + pd.Timedelta("1h")) for shop, end in ends.items()},
        names=["shop", "time"],
    )[["promo", "temp"]]
    forecast = forecaster.predict(panel, future=plan)
    pd.testing.assert_index_equal(forecast.index, plan.index, exact=False)
    appended = pd.concat([panel, plan]).sort_index()
    appended["kind"] = appended.groupby(level=0)["kind"].ffill()
    pd.testing.assert_frame_equal(forecaster.predict(appended.sort_index()), forecast)
    rows = {shop: part.droplevel(0) for shop, part in plan.iloc[::-1].groupby(level=0)}
    by_dict = forecaster.predict(panel, future={shop: part.sort_index() for shop, part in rows.items()})
    pd.testing.assert_frame_equal(by_dict, forecast)
    forecaster.save(tmp_path / "student")
    pd.testing.assert_frame_equal(load(tmp_path / "student").predict(panel, future=plan), forecast)
    other = panel.assign(kind=panel["kind"].map({"big": "small", "small": "big"}))
    assert np.abs(forecaster.predict(other, future=plan) - forecast).max().item() > 1e-6


def make_kinds(n_series=24, n_rows=200):
    """Shops of three kinds with weeks of their own; levels differ from shop to shop."""
    generator, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=n_rows, freq="D")
    weeks = np.random.default_rng(1).normal(size=(3, 7))
    shops = {}
    for number in range(n_series):
        week = 10 + 3 * weeks[number % 3][days.day_of_week] + 1.5 * generator.normal(size=n_rows)
        shops[f"shop {number}"] = pd.DataFrame({"sales": (1 + number % 5) * week, "kind": "abc"[number % 3]}, days)
    return shops


def test_a_new_series_with_few_rows_is_forecast_by_its_attributes():
    shops = make_kinds()
    train = pd.concat({name: shops[name] for name in list(shops)[:18]}, names=["shop", "day"])
    settings = {"context_length": 28, "prediction_length": 14, "validation_fraction": 40, "known_covariates": None}
    errors = {}
    for name, attributes, seasons in (("none", None, True), ("levels", ["kind"], False), ("seasons", ["kind"], True)):
        student = Linear(time_features=True, static_seasons=seasons)
        panel = train if attributes else train[["sales"]]
        forecaster = make(student, static_covariates=attributes, **settings).fit(panel)
        found = []
        for new in list(shops)[18:]:
            for origin in range(30, 180, 20):
                past = {new: shops[new][list(panel.columns)].iloc[origin - 10 : origin]}
                truth = shops[new]["sales"].iloc[origin : origin + 14]
                found.append((forecaster.predict(past)[new]["sales"] - truth).abs().mean() / shops[new]["sales"].mean())
        errors[name] = np.mean(found)
    assert errors["seasons"] < 0.93 * errors["none"]
    assert errors["seasons"] < 0.93 * errors["levels"]


def test_products_with_attributes_are_inputs_of_the_exact_map():
    shops = make_kinds(6)
    panel = pd.concat(shops, names=["shop", "day"])
    settings = {"context_length": 14, "prediction_length": 7, "validation_fraction": 40, "known_covariates": None}
    forecaster = make(Linear(time_features=True), static_covariates=["kind"], **settings).fit(panel)
    parts = forecaster.student_.design.sizes.parts()
    assert {name: part.stop - part.start for name, part in parts.items() if "static" in name} == {
        "static": 3, "static_level": 3, "static_season": 3 * 7, "static_calendar": 3 * 11,
    }  # fmt: skip
    contexts = forecaster.predictor_.cutter(_series_of(forecaster, panel)).cut([2], [50])
    read = contexts.standardized(forecaster.scaling_, 7, with_time=True)
    inputs, _ = forecaster.student_.design(read.values, None, read.future_time, None, read.static)
    own, static, calendar = (inputs[0, 0, parts[name]] for name in ("own", "static", "calendar"))
    np.testing.assert_allclose(inputs[0, 0, parts["static_season"]], torch.outer(static, own[-7:]).ravel(), atol=1e-6)
    np.testing.assert_allclose(inputs[0, 0, parts["static_calendar"]], torch.outer(static, calendar).ravel(), atol=1e-6)


def test_categories_are_channels_and_unknown_ones_are_missing():
    frame = make_frame()
    frame["day"] = pd.Categorical(np.array(["low", "mid", "high"])[np.arange(N) % 3])
    frame["holiday"] = frame["promo"] > 0
    frame["note"] = np.where(frame["promo"] > 0, "yes", "no")
    forecaster = make(known_covariates=["promo", "day", "holiday", "note"]).fit(frame.iloc[:160])
    names = ["sales", "promo", "temp", "visits", "holiday", "day=high", "day=low", "day=mid", "note=yes (else no)"]
    assert list(forecaster.roles_.channel_names) == names
    plan = frame[["note", "promo", "day", "holiday"]].iloc[160 : 160 + HORIZON]
    forecast = forecaster.predict(frame.iloc[:160], future=plan)
    assert np.isfinite(forecast.to_numpy()).all()
    new = plan.assign(day="never seen")
    with pytest.warns(UserWarning, match=r"'day' of future has categories .* 'never seen'.* read as missing"):
        other = forecaster.predict(frame.iloc[:160], future=new)
    assert np.isfinite(other.to_numpy()).all()
    with pytest.raises(ValueError, match=r"must be a DataFrame: the columns .*'day'.* held categories"):
        forecaster.predict(np.zeros((160, 7)))
    for swapped in (frame[frame.columns[::-1]], {"a": frame[frame.columns[::-1]]}):
        with pytest.raises(ValueError, match=r"in their order.*Reorder them: X\S*\['sales'"):
            forecaster.predict(swapped, future=plan)


def test_categories_come_from_training_rows():
    frame = make_frame()
    frame["day"] = np.where(np.arange(N) < 170, np.where(np.arange(N) % 2, "a", "b"), "late")
    with pytest.warns(UserWarning, match="'late'"):
        forecaster = make(known_covariates=["day"]).fit(frame)
    assert forecaster.roles_.categories == {4: ("a", "b")}


def test_two_categories_are_the_number_that_they_mean():
    frame = make_frame()
    as_text = frame.assign(promo=np.where(frame["promo"] > 0, "yes", "no"))[["sales", "temp", "visits", "promo"]]
    as_number = frame[["sales", "temp", "visits", "promo"]]
    one, other = (make().fit(table.iloc[:160]) for table in (as_text, as_number))
    np.testing.assert_array_equal(one.student_.weight.detach(), other.student_.weight.detach())


def test_a_rare_event_has_one_unit_for_all_series():
    panel = make_panel()
    panel.loc["shop 0", "promo"] = 0.0
    forecaster = make(known_covariates=["promo", "temp"], static_covariates=["kind", "size"]).fit(panel)
    units = forecaster.scaling_.series_units_
    assert len(np.unique(units.unit[:, 1])) == 1
    assert len(np.unique(units.unit[:, 2])) == 4


# -- errors, before training -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known_covariates": ["price"]}, "known_covariates of DistilledForecaster .* 'price'"),
        ({"known_covariates": "promo"}, r"write known_covariates=\['promo'\]"),
        ({"known_covariates": ["sales"]}, r"a column has one role, but \['sales'\]"),
        ({"static_covariates": ["visits"]}, "static covariate 'visits' changes within X.*past covariate"),
        ({"static_covariates": ["promo"]}, r"\['promo'\] are both"),
        ({"targets": None, "known_covariates": ["sales", "promo", "temp", "visits"]}, "has no target"),
        (
            {"student": "patchtst"},
            "PatchTST does not read its past covariates .*visits.*known .*promo, temp",
        ),
        ({"student": "patchtst"}, r"students? that reads them \(.*'linear', 'mlp'.*covariates='ignore'"),
        ({"covariates": "drop"}, "covariates of DistilledForecaster"),
        ({"known_dropout": 1.5}, "known_dropout"),
        ({"known_dropout": 0.5, "known_covariates": None}, "there are none: name them in known_covariates"),
        ({"window_step": 0}, "window_step"),
        ({"window_step": 900}, "900 rows between windows, counted back .* leave none"),
        ({"window_step": 100, "validation_fraction": 40}, "leaves no validation window, 100 rows apart"),
        ({"validation_fraction": 1e-9}, "= 1e-09 leaves no validation window"),
        ({"student": Linear(past_rows=99)}, "past_rows of Linear must be at most the 24 rows"),
        ({"student": Linear(known_band=-1)}, "known_band"),
    ],
    ids=str,
)
def test_bad_roles_are_noticed_before_training(options, message):
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        make(**options).fit(make_frame())


def test_a_known_covariate_without_any_value_is_named():
    with pytest.raises(ValueError, match="known covariate 'temp' is NaN in every training row"):
        make().fit(make_frame().assign(temp=np.nan))


def test_ignoring_on_purpose_needs_no_future():
    frame = make_frame()
    forecaster = make("patchtst", covariates="ignore").fit(frame)
    assert forecaster.predict(frame).shape == (HORIZON, 1)
    assert forecaster.predict(frame, future=np.zeros((HORIZON, 2))).shape == (HORIZON, 1)
    late, ahead = (frame.assign(sales=frame["sales"].where(np.arange(N) < N - n)) for n in (2, HORIZON))
    assert forecaster.predict(late).index[0] == forecaster.predict(frame).index[0]  # two targets have not come in
    assert forecaster.predict(ahead).index[0] == frame.index[-HORIZON]  # the rows of a horizon


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: None, r"future is missing: .*\['promo', 'temp'\].* X has no row after its last .*Give future="),
        (lambda plan: plan.iloc[:3], r"too short: it has 3 rows.*prediction_length = 6"),
        (lambda plan: plan.to_numpy()[:3], "too short"),
        (lambda plan: np.repeat(plan.to_numpy(), 2, axis=0), "too long: it has 12 rows without labels .*= 6 rows"),
        (lambda plan: pd.concat([plan, plan], ignore_index=True), "too long: it has 12 rows"),
        (lambda plan: plan.shift(freq="5h"), "not aligned with X, which ends at 2024-01-07 15:00"),
        (lambda plan: plan.shift(freq="30min"), "not aligned"),
        (lambda plan: plan[["promo"]], r"lacks the known covariates \['temp'\]"),
        (lambda plan: plan.assign(rain=1.0), "'rain', which is no column of X"),
        (lambda plan: plan.assign(visits=1.0), "'visits', which is not among known_covariates"),
        (lambda plan: plan.assign(sales=1.0), "values for the target 'sales'"),
        (lambda plan: plan.assign(temp="warm"), "numbers in the columns that were numbers in fit"),
        (lambda plan: plan.assign(temp=np.inf), "contains infinity"),
        (
            lambda plan: plan.assign(temp=1e60),
            "window 0 is not finite: its known covariates over the horizon have a value",
        ),
        (lambda plan: {"a": plan}, "1 series with ids, and X has none"),
        (lambda plan: plan.to_numpy()[:, :1], r"shape \(prediction_length, n_known\) = \(6, 2\)"),
        (lambda plan: pd.concat([plan.iloc[:1], plan]), "twice"),
    ],
)
def test_bad_futures_name_the_way_out(change, message):
    frame = make_frame()
    forecaster = make().fit(frame.iloc[:160])
    with pytest.raises(ValueError, match=f"(?s){message}"):
        forecaster.predict(frame.iloc[:160], future=change(plan_of(frame)))


def test_rows_after_text_are_counted_from_no_row():
    frame = make_frame().set_axis([f"row {number}" for number in range(len(make_frame()))])
    forecaster = make().fit(frame.iloc[:160])
    plan = frame[["promo", "temp"]].reset_index(drop=True)
    ours = plan.iloc[160 : 160 + HORIZON]
    expected = forecaster.predict(frame.iloc[:160], future=ours.to_numpy())
    pd.testing.assert_frame_equal(forecaster.predict(frame.iloc[:160], future=ours.reset_index(drop=True)), expected)
    with pytest.raises(ValueError, match="without labels of the horizon"):
        forecaster.predict(frame.iloc[:160], future=plan)
    before_zero = make_frame().set_axis(range(-160, len(make_frame()) - 160)).iloc[:160]
    after = plan.iloc[160:].set_axis(range(len(plan) - 160))
    fitted = make().fit(before_zero)
    for future in (after, after[::-1]):  # labels that go on are no numbers of rows
        np.testing.assert_array_equal(fitted.predict(before_zero, future=future), expected)


def test_columns_of_a_plan_without_values_are_fine():
    frame = make_frame()
    forecaster = make().fit(frame.iloc[:160])
    expected = forecaster.predict(frame.iloc[:160], future=plan_of(frame))
    same = forecaster.predict(frame.iloc[:160], future=plan_of(frame).assign(sales=np.nan, visits=np.nan))
    pd.testing.assert_frame_equal(same, expected)


def test_rows_appended_to_X_must_reach_over_the_horizon():
    frame = make_frame()
    forecaster = make().fit(frame.iloc[:160])
    short = frame.iloc[:163].copy()
    short.iloc[160:, 0] = np.nan
    with pytest.raises(ValueError, match="X has 3 rows after its last observed target"):
        forecaster.predict(short)


def test_other_series_in_future_are_noticed():
    panel = make_panel()[["sales", "promo", "temp", "visits"]]
    forecaster = make(validation_fraction=20).fit(panel)
    plan = {"shop 1": np.zeros((HORIZON, 2))}
    with pytest.raises(ValueError, match=r"it lacks .*'shop 0'"):
        forecaster.predict(panel, future=plan)
    with pytest.raises(ValueError, match=r"must have the ids of X"):
        forecaster.predict(panel, future=np.zeros((HORIZON, 2)))


def test_a_student_without_known_covariates_refuses_a_future(tmp_path):
    frame = make_frame()[["sales"]]
    forecaster = make(targets=None, known_covariates=None).fit(frame)
    forecaster.save(tmp_path / "student")
    for one in (forecaster, load(tmp_path / "student")):
        with pytest.raises(ValueError, match="fitted without known covariates"):
            one.predict(frame, future=np.zeros((HORIZON, 1)))


def test_teachers_see_covariates_of_the_horizon():
    seen = []

    class Curious(LastValueTeacher):
        def label(self, contexts):
            seen.append((contexts.known, contexts.original_future(), contexts.static, contexts.ids))
            return super().label(contexts)

    frame = make_frame()
    make().set_params(teacher=Curious(), loss="response").fit(frame)
    known, future, static, ids = seen[-1]
    assert known == (1, 2)
    assert static is None
    assert ids == ()
    assert future.shape[1:] == (HORIZON, 2)
    first = seen[-1][1][0]
    rows = frame[["promo", "temp"]].to_numpy()
    distance = np.abs(np.lib.stride_tricks.sliding_window_view(rows, HORIZON, axis=0).transpose(0, 2, 1) - first)
    assert distance.max(axis=(1, 2)).min() < 1e-5


# -- other runtimes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("student", "scaling"), [(Linear(season=12), "global"), (MLP(4), "series")], ids=str)
def test_exports_read_a_second_input(student, scaling, tmp_path):
    panel = make_panel()
    roles = {"static_covariates": ["kind", "size"], "scaling": scaling, "validation_fraction": 20}
    forecaster = make(student, **roles).fit(panel)
    path = tmp_path / "student.npz"
    report = forecaster.export(path)  # compares with the student, with unknown values
    assert report.difference < 1e-3
    one = panel.loc["shop 2"].drop(columns=["kind", "size"])
    contexts = one.to_numpy(np.float32)[None, -CONTEXT:]
    future = one[["promo", "temp"]].to_numpy(np.float32)[None, :HORIZON]
    static = forecaster.predictor_.cutter(_series_of(forecaster, panel)).cut([2], [CONTEXT]).static.astype(np.float32)
    expected = forecaster.predict(panel.loc[["shop 2"]], future={"shop 2": future[0]}).to_numpy()
    exported = NumpyStudent.load(path)
    answer = exported.predict(contexts, ["shop 2"], future, static)
    np.testing.assert_allclose(answer[0], expected, rtol=2e-3)
    roles, raw = exported.roles, panel.loc["shop 2"].iloc[0][["kind", "size"]]
    assert [roles["columns"][place] for place in roles["static"]] == ["kind", "size"]
    numbers = [float(raw["kind"] == dict(roles["categories"])[roles["static"][0]][1]), raw["size"]]
    standardized = (np.array(numbers) - roles["static_center"]) / roles["static_unit"]
    np.testing.assert_allclose(standardized, static[0], rtol=1e-5, atol=1e-6)


def _series_of(forecaster, panel):
    from skdistill.data._inputs import read_series

    return read_series(forecaster, panel, reset=False, allow_batch=False).series


def test_a_stream_takes_the_plan_of_the_next_rows():
    frame = make_frame()
    frame["day"] = pd.Categorical(np.array(["low", "mid", "high"])[np.arange(N) % 3])
    forecaster = make(known_covariates=["promo", "day"]).fit(frame.iloc[:160])
    stream = forecaster.stream(frame.iloc[:150])
    for number in range(150, 160):
        stream.append(frame.iloc[[number]])
    plan = frame[["promo", "day"]].iloc[160 : 160 + HORIZON]
    expected = forecaster.predict(frame.iloc[:160], future=plan).to_numpy()
    np.testing.assert_allclose(stream.predict(plan), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="future of predict must have the known covariates"):
        stream.predict()
    with pytest.raises(ValueError, match="future has no row for 2024-01-07 16:00"):
        stream.predict(plan.shift(freq="1h"))
    np.testing.assert_array_equal(stream.predict(plan.iloc[[0, *range(HORIZON - 1, 0, -1)]]), stream.predict(plan))
    later = plan.set_axis(plan.index[:1].append(plan.index[1:] + pd.Timedelta(days=1)))
    with pytest.raises(ValueError, match="future has no row for 2024-01-07 17:00"):
        stream.predict(later)


def test_a_frozen_forecaster_teaches_with_the_same_covariates():
    frame = make_frame()
    teacher = make(MLP(4)).fit(frame)
    student = make().set_params(teacher=FrozenEstimator(teacher), loss="response").fit(frame)
    past, plan = frame.iloc[:160], plan_of(frame)
    taught = student.predict_teacher(past, future=plan)
    np.testing.assert_allclose(taught, teacher.predict(past, future=plan), rtol=1e-5)
    with pytest.raises(ValueError, match="the frozen teacher reads the known covariates"):
        make(known_covariates=["promo"]).set_params(teacher=FrozenEstimator(teacher), loss="response").fit(frame)


def test_compare_and_scorers_read_covariates_of_each_origin():
    from skdistill.model_selection import RollingOriginSplit

    frame = make_frame()
    forecaster = make().set_params(teacher="tsmixer", loss="response", covariates="error").fit(frame.iloc[:160])
    table = forecaster.compare(frame.iloc[130:])
    assert "student" in str(table)
    split = RollingOriginSplit(2, context_length=CONTEXT, prediction_length=HORIZON)
    search = GridSearchCV(
        make(validation_fraction=0), {"student__penalty": [1e-3, 1e3]}, cv=split, scoring=split.scorer()
    )
    assert search.fit(frame).best_params_ == {"student__penalty": 1e-3}
    past = frame.iloc[:160]
    assert search.best_estimator_.predict(past, future=plan_of(frame)).shape == (HORIZON, 1)


def test_sktime_reads_known_columns_of_X_at_predict():
    from skdistill.sktime import SktimeDistilledForecaster

    frame = make_frame()
    y, X = frame[["sales"]], frame[["promo", "temp", "visits"]]
    settings = {"context_length": CONTEXT, "prediction_length": HORIZON, "validation_fraction": 40, "device": "cpu"}
    model = SktimeDistilledForecaster(
        None, Linear(season=12), Supervised(), known_covariates=["promo", "temp"], **settings
    )
    assert model.get_tag("capability:exogenous")
    assert not model.clone().set_params(student="patchtst").get_tag("capability:exogenous")
    steps = [1, 2, 3, 4]
    model.fit(y.iloc[:160], X=X.iloc[:160])
    forecast = model.predict(steps, X=X.iloc[160:164])
    ours = make().fit(frame.iloc[:160])
    plan = plan_of(frame)
    plan.iloc[4:] = np.nan
    expected = ours.predict(frame.iloc[:160], future=plan)["sales"].iloc[:4]
    np.testing.assert_allclose(forecast["sales"], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="X at predict"):
        model.predict(steps)
    with pytest.raises(ValueError, match="X at predict lacks the row"):
        model.predict(steps, X=X.iloc[160:163])


@pytest.mark.parametrize("student", [Linear(season=12), MLP(4)], ids=str)
def test_a_regressor_takes_covariates_as_last_columns(student, tmp_path):
    frame = make_frame(300)
    windows = np.lib.stride_tricks.sliding_window_view(frame["sales"].to_numpy(), CONTEXT + HORIZON)
    ahead = np.lib.stride_tricks.sliding_window_view(frame["promo"].to_numpy(), CONTEXT + HORIZON)[:, CONTEXT:]
    X, y = np.hstack([windows[:, :CONTEXT], ahead]), windows[:, CONTEXT:]
    settings = {"validation_fraction": 0.1, "max_epochs": 3, "random_state": 0, "device": "cpu"}
    regressor = DistilledRegressor(None, student, Supervised(), n_covariates=HORIZON, **settings).fit(X[:200], y[:200])
    flipped = np.hstack([X[:, :CONTEXT], 1 - ahead])
    assert np.abs(regressor.predict(X[200:]) - regressor.predict(flipped[200:])).max() > 1e-3
    regressor.save(tmp_path / "regressor")
    np.testing.assert_array_equal(load(tmp_path / "regressor").predict(X[200:]), regressor.predict(X[200:]))
    if isinstance(student, Linear):
        plain = DistilledRegressor(None, student, Supervised(), **settings).fit(X[:200, :CONTEXT], y[:200])
        assert regressor.score(X[230:], y[230:]) > plain.score(X[230:, :CONTEXT], y[230:]) + 0.1
    with pytest.raises(ValueError, match="n_covariates of DistilledRegressor"):
        DistilledRegressor(None, student, Supervised(), n_covariates=60).fit(X, y)
    with pytest.raises(ValueError, match="PatchTST does not read its static covariates"):
        DistilledRegressor(None, "patchtst", Supervised(), n_covariates=HORIZON).fit(X, y)


def test_a_search_judges_candidates_with_their_covariates():
    panel = make_panel(3, 150)
    roles = {"known_covariates": ["promo", "temp"], "static_covariates": ["kind"], "targets": ["sales"]}
    search = DistilledForecasterCV(
        ["linear", Linear(season=12, past_rows=0)],
        None,
        context_lengths=CONTEXT,
        prediction_length=HORIZON,
        covariates="ignore",
        device="cpu",
        random_state=0,
        **roles,
    ).fit(panel)
    without = DistilledForecasterCV(
        "linear", None, context_lengths=CONTEXT, prediction_length=HORIZON, device="cpu", random_state=0
    ).fit(panel[["sales"]])
    assert search.best_score_ > 0.8 * without.best_score_  # minus the errors
    assert search.forecaster_.spec_.known == (1, 2)
    assert search.forecaster_.spec_.n_static == 1
    plan = {shop: np.zeros((HORIZON, 2)) for shop in panel.index.levels[0]}
    assert np.isfinite(search.predict(panel, future=plan).to_numpy()).all()


def test_a_row_of_the_future_that_is_given_twice_is_refused():
    frame = make_frame()
    forecaster, plan = make().fit(frame.iloc[:160]), plan_of(frame)
    for rows in (pd.concat([plan, plan.iloc[:1] + 1]), pd.concat([plan.iloc[:2] + 1, plan])):
        with pytest.raises(ValueError, match="twice: give each row once"):
            forecaster.predict(frame.iloc[:160], future=rows)


def test_a_future_with_dates_of_arrow_is_that_with_timestamps():
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    frame = make_frame().set_index(pd.date_range("2024-01-01", periods=N, freq="D"))
    forecaster, plan = make().fit(frame.iloc[:160]), plan_of(frame)
    past, ahead = (one.set_axis(one.index.astype("date32[day][pyarrow]")) for one in (frame.iloc[:160], plan))
    forecast = forecaster.predict(past, future=ahead)
    expected = forecaster.predict(frame.iloc[:160], future=plan)
    pd.testing.assert_frame_equal(forecast, expected.set_axis(ahead.index))


@pytest.mark.parametrize("student", [Linear(season=24, penalty=1e-3), MLP(4, linear_skip=Linear(season=24))], ids=str)
def test_the_calendar_tells_an_exact_map_the_hour_of_the_week(student):
    generator = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=24 * 7 * 8, freq="h")
    profile = 3 * generator.normal(size=168)
    hour = (24 * index.day_of_week + index.hour).to_numpy()
    frame = pd.DataFrame({"load": profile[hour] + 0.1 * generator.normal(size=len(index))}, index=index)
    scores = []
    for reads in (False, True):
        name = "time_features" if isinstance(student, Linear) else "linear_skip__time_features"
        network = clone(student).set_params(**{name: reads})
        forecaster = DistilledForecaster(
            None,
            network,
            Supervised(),
            context_length=24,
            prediction_length=12,
            validation_fraction=0,
            max_epochs=1,
            lr=1e-4,
            random_state=0,
            device="cpu",
        ).fit(frame.iloc[:-200])
        scores.append(forecaster.score(frame.iloc[-224:]))
    assert scores[1] > scores[0] / 5  # minus the errors


@pytest.mark.parametrize(("freq", "n_inputs"), [("MS", 12), ("W", 4), ("D", 11), ("h", 172), ("15min", 172)])
def test_the_calendar_has_one_input_per_phase(freq, n_inputs):
    index = pd.date_range("2024-01-01", periods=120, freq=freq)
    frame = pd.DataFrame({"load": np.random.default_rng(0).normal(size=120)}, index=index)
    student = Linear(time_features=True, penalty=1.0)
    forecaster = DistilledForecaster(
        None, student, Supervised(), context_length=12, prediction_length=3, validation_fraction=0
    ).fit(frame)
    assert forecaster.student_.weight.shape == (3, 12 + 1 + n_inputs)
    assert forecaster.predict(frame).shape == (3, 1)


class Masked(BaseNetwork):
    """A network that is told what is observed, and remembers it."""

    has_features = False
    reads_past = reads_known = reads_masks = True

    def build(self, spec):
        return MaskedModule(spec)


class MaskedModule(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.weight = nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, context, context_time=None, decoder_time=None, future=None, observed=None, future_observed=None):
        self.seen.append((observed.clone(), future_observed.clone(), future.clone()))
        return NetworkOutput(self.weight * context[:, -1:, list(self.spec.targets)].repeat(1, HORIZON, 1))


def test_a_network_that_reads_masks_is_told_what_is_filled():
    frame = make_frame()
    frame.iloc[150, 2] = np.nan
    forecaster = make(Masked(), covariates="error").fit(frame.iloc[:160])
    module = forecaster.student_
    module.seen.clear()
    plan = plan_of(frame)
    plan.iloc[3:, 0] = np.nan
    forecaster.predict(frame.iloc[:160], future=plan)
    observed, known, future = module.seen[-1]
    assert observed.shape == (1, CONTEXT, 4)
    assert known.shape == future.shape == (1, HORIZON, 2)
    assert observed[0, 150 - 160 + CONTEXT].tolist() == [1, 1, 0, 1]
    assert observed.sum() == 4 * CONTEXT - 1
    assert known[0].tolist() == [[1, 1]] * 3 + [[0, 1]] * 3
    assert torch.isfinite(future).all()


def test_updates_take_categories_that_they_know():
    frame = make_frame(150)
    frame["day"] = np.array(["low", "mid", "high"])[np.arange(150) % 3]
    settings = {"student": Linear(season=12), "validation_fraction": 0, "known_covariates": ["promo", "day"]}
    grown = make(**settings).partial_fit(frame.iloc[:100]).partial_fit(frame.iloc[100:])
    whole = make(**settings).fit(frame)
    np.testing.assert_allclose(grown.student_.weight.detach(), whole.student_.weight.detach(), atol=1e-5)
    with pytest.warns(UserWarning, match="'new'"), pytest.raises(ValueError, match="must have no missing value"):
        grown.partial_fit(make_frame(10, start=frame.index[-1] + pd.Timedelta("1h")).assign(day="new"))


def test_windows_without_truth_read_of_validation_rows_only_known_covariates_of_their_horizon():
    generator = np.random.default_rng(0)
    promo = (generator.random(100) < 0.3).astype(float)
    frame = pd.DataFrame({"y": np.sin(np.arange(100) / 4) + promo, "promo": promo})

    def weights(first, last, column):  # after a change of some rows; the first 80 are for training
        changed = frame.copy()
        changed.loc[first:last, column] = 1 - changed.loc[first:last, column]
        forecaster = DistilledForecaster(
            "theta", MLP(4), "response", targets=["y"], known_covariates=["promo"], context_length=12,
            prediction_length=6, windows_without_truth=True, random_state=0, max_epochs=1, patience=None,
        )  # fmt: skip
        return torch.cat([one.ravel() for one in forecaster.fit(changed).student_.parameters()])

    before = weights(1, 0, "y")
    assert torch.equal(weights(80, 99, "y"), before)
    assert torch.equal(weights(86, 99, "promo"), before)
    assert not torch.equal(weights(85, 85, "promo"), before)


def with_covariate(values, n_series=1):
    """Return a panel with a covariate of some values, one list for each series."""
    panel = {name: make_wave(60, 1, seed).assign(extra=values[seed]) for seed, name in enumerate("abc"[:n_series])}
    return pd.concat(panel, names=["series"]) if n_series > 1 else panel["a"]


CHANGING = np.arange(60.0) % 7
ONE_VALUE = {
    "always 0": (with_covariate([0.0]), {"known_covariates": ["extra"]}, "all training rows, so"),
    "observed once": (with_covariate([np.where(CHANGING > 5, 1.0, np.nan)]), {"known_covariates": ["extra"]}, "all"),
    "in validation rows": (
        with_covariate([np.where(np.arange(60) < 48, 3.0, CHANGING)]),
        {"known_covariates": ["extra"], "validation_fraction": 12},
        "all training rows, so",
    ),
    "past": (with_covariate([5.0]), {"targets": ["c0"]}, "all training rows, so"),
    "in each": (with_covariate([2.0, 3.0, 4.0], 3), {"known_covariates": ["extra"]}, "or in those of each series, so"),
    "static": (with_covariate([2.0, 2.0, 2.0], 3), {"static_covariates": ["extra"]}, "or in those of each series, so"),
    "of those read": (with_covariate([0.0]), {"known_covariates": ["extra"], "covariates": "ignore"}, "all"),
}
SEVERAL = {
    "changing": (with_covariate([CHANGING]), {"known_covariates": ["extra"]}),
    "in one": (with_covariate([0.0, CHANGING, 0.0], 3), {"known_covariates": ["extra"]}),
    "0 and 1": (with_covariate([0.0, 1.0, 1.0], 3), {"known_covariates": ["extra"]}),
    "in units of all": (with_covariate([2.0, 3.0, 4.0], 3), {"known_covariates": ["extra"], "scaling": "global"}),
    "static": (with_covariate([2.0, 3.0, 4.0], 3), {"static_covariates": ["extra"]}),
    "static, not read": (
        with_covariate([2.0, 2.0, 2.0], 3),
        {
            "static_covariates": ["extra"],
            "covariates": "ignore",
            "student": LightTS(8, chunk_size=4),
            "max_epochs": 1,
        },
    ),
    "not read": (with_covariate([5.0]), {"targets": ["c0"], "covariates": "ignore", "student": Linear(past_rows=0)}),
}


@pytest.mark.parametrize("name", ONE_VALUE)
@pytest.mark.parametrize("student", ["linear", MLP(4)], ids=["exact", "mlp"])
def test_covariates_with_one_value_in_the_training_rows_are_told(name, student):
    frame, settings, where = ONE_VALUE[name]
    settings = settings | {"teacher": None, "student": student}
    with pytest.warns(UserWarning, match=rf"the covariates 'extra' have one value in .*{where}"):
        make_forecaster(**settings).fit(frame)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("in_panel", [False, True])
def test_covariates_that_are_empty_where_nothing_was_are_told(as_text, in_panel):
    rows = with_covariate([0.0])
    kinds = np.random.default_rng(0).choice(4, size=len(rows), p=[0.7, 0.1, 0.1, 0.1])
    rows["extra"] = np.array([None, "a", "b", "c"])[kinds] if as_text else np.where(kinds, kinds, np.nan)
    frame = pd.concat({"n": rows, "s": rows}, names=["shop", "time"]) if in_panel else rows
    settings = {"known_covariates": ["extra"], "context_length": 12, "prediction_length": 4}
    with pytest.warns(UserWarning, match=r"the covariates 'extra.* are missing in most training rows\..*write 0"):
        DistilledForecaster(None, "linear", **settings).fit(frame)
    weekly, full = (frame.assign(extra=np.where(place, np.nan, kinds_)) for place, kinds_ in places_and_kinds(frame))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the covariates .* are missing in most")
        for regular in (weekly, full):
            DistilledForecaster(None, "linear", **settings).fit(regular)


def places_and_kinds(frame):
    """Values of every fourth row, and of all."""
    kinds = np.random.default_rng(1).normal(size=len(frame))
    return (np.arange(len(frame)) % 4 > 0, kinds), (np.zeros(len(frame), dtype=bool), kinds)


DAYS = pd.date_range("2020-01-01", "2021-12-31", freq="D")
SPARSE = {  # which days have a value, and whether the others may mean that nothing was there
    "months": (DAYS.day == 1, False),
    "quarters": (DAYS.is_quarter_end, False),
    "Mondays and Thursdays": (np.isin(DAYS.day_of_week, [0, 3]), False),
    "weekends lack": (DAYS.day_of_week < 5, False),
    "first working days of months": (np.isin(DAYS, pd.date_range("2020", "2022", freq="BMS")), False),
    "most Saturdays": ((DAYS.day_of_week == 5) & (np.random.default_rng(0).random(len(DAYS)) < 0.75), True),
    "nearly all Saturdays": ((DAYS.day_of_week == 5) & (np.random.default_rng(0).random(len(DAYS)) < 0.9), False),
    "some Saturdays": ((DAYS.day_of_week == 5) & (np.random.default_rng(0).random(len(DAYS)) < 0.5), True),
    "four days of ten": (np.random.default_rng(0).random(len(DAYS)) < 0.4, True),
    "six days of ten": (np.random.default_rng(0).random(len(DAYS)) < 0.6, False),
    "every other day, at times the third": (np.isin(np.arange(len(DAYS)), np.cumsum([2, 2, 3] * 300)), True),
    "three days": (np.isin(np.arange(len(DAYS)), [0, 100, 350]), False),
    "ten days in two months": (np.random.default_rng(0).random(80).repeat(11)[: len(DAYS)] < 0.2, True),
}


@pytest.mark.parametrize("name", SPARSE)
def test_values_of_regular_days_are_not_taken_for_what_was_there_on_some(name):
    has_value, expected = SPARSE[name]
    assert is_mostly_missing([np.where(has_value, 1.0, np.nan)]) == expected


def test_the_first_rows_of_partial_fit_tell_covariates_with_one_value(recwarn):
    rows = with_covariate([0.0])
    settings = {"known_covariates": ["extra"], "context_length": 12, "prediction_length": 4}
    forecaster = DistilledForecaster(None, "linear", **settings).partial_fit(rows[:50])
    forecaster.partial_fit(rows[50:])
    assert len([one for one in recwarn if "the covariates 'extra' have one value in all" in str(one.message)]) == 1


@pytest.mark.parametrize("name", SEVERAL)
def test_covariates_that_change_are_not_told(name):
    frame, settings = SEVERAL[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the covariates .* have one value")
        make_forecaster(**{"teacher": None, "student": "linear"} | settings).fit(frame)


@pytest.mark.parametrize("student", ["linear", MLP(4)], ids=["exact", "mlp"])
def test_covariates_of_a_table_with_one_value_are_told(student):
    X, y = np.random.default_rng(0).normal(size=(40, 10)), np.random.default_rng(1).normal(size=(40, 4))
    X[:, 9] = 1.0
    regressor = DistilledRegressor(None, student, n_covariates=2, **({} if student == "linear" else {"max_epochs": 1}))
    with pytest.warns(UserWarning, match="the covariates 'column 9' have one value in all training rows"):
        regressor.fit(X, y)
    X[30:, 9] = 2.0
    with pytest.warns(UserWarning, match="the covariates 'column 9' have one value in all training rows"):
        regressor.set_params(student=MLP(4), max_epochs=1, validation_fraction=0.25).fit(X, y)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_plan_with_more_rows_in_any_order_is_read_as_the_plans_of_single_series(zone):
    rng = np.random.default_rng(0)
    rows = {}
    for number, shop in enumerate("bac"):
        days = pd.date_range("2024-01-01", periods=60 + number, tz=zone).as_unit("us")
        values = {
            "y": rng.normal(size=len(days)),
            "price": rng.normal(size=len(days)),
            "day": rng.choice(["x", "z"], len(days)),
        }
        rows[shop] = pd.DataFrame(values | {"size": float(number)}, index=days)
    X = pd.concat({shop: part[:-9] for shop, part in rows.items()}, names=["shop", "day"])
    plans = {shop: part[-9:].drop(columns="y").set_axis(part.index[-9:].as_unit("ns")) for shop, part in rows.items()}
    roles = {"targets": ["y"], "known_covariates": ["price", "day"], "static_covariates": ["size"]}
    fitted = DistilledForecaster(None, "linear", "response", context_length=8, prediction_length=4, **roles).fit(X)
    each = fitted.predict({shop: X.loc[shop] for shop in rows}, future=plans)
    plan = pd.concat(plans, names=["shop", "day"]).sample(frac=1, random_state=0)
    unequal = plan.drop(index=[("a", label) for label in plans["a"].index[-3:]])
    for one in (plan, unequal):
        together = fitted.predict(X, future=one)
        for shop, forecast in each.items():
            pd.testing.assert_frame_equal(together.loc[shop], forecast, check_names=False, check_freq=False)
    plan.loc[("a", plans["a"].index[6]), "price"] = np.inf
    with pytest.raises(ValueError, match="future of series 'a' contains infinity"):
        fitted.predict(X, future=plan)
    plan = plan.drop(index=("c", plans["c"].index[2]))
    with pytest.raises(ValueError, match=r"future of series '[ac]' (contains infinity|is not aligned)"):
        fitted.predict(X, future=plan)


def test_a_known_covariate_that_one_series_lacks_is_told():
    """Ids that were written otherwise in the table of the weather left the shop without it."""
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=97)
    lengths = {"context_length": 28, "prediction_length": 7, "known_covariates": ["temp"]}
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], **lengths)
    parts = {one: pd.DataFrame(rng.normal(size=(97, 2)), days, ["y", "temp"]) for one in "abc"}
    whole = pd.concat(parts)
    lacks = pd.concat({**parts, "b": parts["b"].assign(temp=np.nan)})
    with pytest.warns(UserWarning, match=r"'temp' has no value in the training rows of series 'b' \(1 of 3 series\)"):
        forecaster.fit(lacks)
    gaps = whole.assign(temp=whole["temp"].where(rng.random(len(whole)) < 0.7))
    gaps.loc["b", "temp"] = np.nan  # as in a covariate that is seldom there
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.fit(whole)
        forecaster.fit(gaps)
