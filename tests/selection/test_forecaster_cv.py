"""DistilledForecasterCV: folds that leak nothing, labels made once, the rule of one standard error, the refit."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_frame, make_series
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler
from sktime.forecasting.naive import NaiveForecaster
from sktime.split import ExpandingWindowSplitter

from skdistill import (
    DistilledForecaster,
    DistilledForecasterCV,
    compare,
    load,
    load_pretrained_student,
    scale_out,
)
from skdistill.core import BaseTeacher, Labels
from skdistill.data import Augmentation, Vintages
from skdistill.data._inputs import read_series
from skdistill.data._series import Series
from skdistill.datasets import to_long
from skdistill.labeling._budget import LabelBudgetError
from skdistill.losses import LossSum, Response, Supervised, TeacherForecast
from skdistill.model_selection import RollingOriginSplit, SktimeSplit
from skdistill.networks import MLP, Linear
from skdistill.selection._candidates import Candidate, default_context_lengths, read_students
from skdistill.selection._folds import make_folds
from skdistill.selection._judge import Judge, Judged, judge
from skdistill.selection._results import Results
from skdistill.selection._search import Search
from skdistill.teachers import (
    AdaptiveEnsemble,
    CrossFittedTeacher,
    GivenLabels,
    RoutedEnsemble,
    SktimeTeacher,
    Theta,
    TrainedTeacher,
)
from skdistill.training._exact_fit import solve_candidates as solve


class Repeats(LastValueTeacher):
    """Repeats the last row, whatever the scale."""

    scale_free = True


@pytest.fixture
def every_teacher(monkeypatch):
    """Try teachers whatever their own error is."""
    monkeypatch.setattr(Search, "_useful_teachers", lambda self, *place: list(self.teachers))


def make_search(**changes):
    settings = {"students": "linear", "teachers": None, "context_lengths": [12, 24], "prediction_length": 6}
    return DistilledForecasterCV(**{**settings, "device": "cpu", "random_state": 0, **changes})


def make_panel(lengths=(90, 70, 26, 110), seed=0):
    frames = {f"s{number}": make_frame(n, 1, seed + number) * 10.0**number for number, n in enumerate(lengths)}
    return pd.concat(frames, names=["series", "time"])


TINY = DistilledForecaster(
    None, MLP(4, batch_norm=False), Response(), validation_fraction=0, max_epochs=1, lr=1e-3, patience=None
)


# -- folds ---------------------------------------------------------------------------------------


def test_folds_cut_every_series_of_a_panel_in_time():
    series = [Series(np.zeros((n, 1))) for n in (30, 12, 5)]
    folds = make_folds(RollingOriginSplit(2, 4, 3), series, 3, 100)
    assert [fold.numbers.tolist() for fold in folds] == [[0, 1], [0, 1, 2]]
    assert [fold.stops.tolist() for fold in folds] == [[24, 6], [27, 9, 2]]
    assert [[own.tolist() for own in fold.origins] for fold in folds] == [[[24], [6]], [[27], [9], [2]]]


def test_a_gap_and_a_window_move_origins_and_training_rows():
    split = RollingOriginSplit(1, 4, 3, step=5, window=8, gap=2)
    (fold,) = make_folds(split, [Series(np.zeros((30, 1)))], 3, 100)
    assert (fold.starts.tolist(), fold.stops.tolist()) == ([15], [23])
    assert fold.origins[0].tolist() == [25, 26, 27]


@pytest.mark.parametrize("panel", [False, True])
def test_nothing_fitted_in_a_fold_sees_the_rows_after_it(panel, monkeypatch):
    X = make_panel() if panel else make_frame(120, 2)
    whole = make_search(teachers="pretrained", cv=2, max_windows=60)

    def fitted(X, fold_number):
        search = clone(whole)
        given = read_series(search, X, reset=True, allow_batch=False)
        search.targets_ = tuple(range(X.shape[1]))
        tried = search._search(given)
        fold = tried.folds[fold_number]
        contexts = np.random.default_rng(0).normal(size=(3, 12, X.shape[1]))
        monkeypatch.setattr(Judge, "errors", lambda self, predictor: ask(predictor, contexts))
        linear, mlp = read_students(["linear", "mlp"])
        candidates = [
            Candidate(linear, None, 12, "auto"),
            Candidate(linear, "pretrained", 12, "auto"),
            Candidate(mlp, "pretrained", 12, "auto", 0.1, 1.0),
        ]
        judged = [judge(tried.problem, fold, one, tried.build(one), tried.book(one)) for one in candidates]
        return fold, [one.errors for several in judged for one in several]

    for number in range(2):
        fold, before = fitted(X, number)
        changed = X.copy()
        sizes = [len(X)] if not panel else X.groupby(level=0, sort=False).size().tolist()
        first = np.concatenate([[0], np.cumsum(sizes)])
        for series, stop in zip(fold.numbers, fold.stops, strict=True):
            rows = slice(first[series] + stop, first[series + 1])
            changed.iloc[rows] = 1e3 * np.random.default_rng(1).normal(size=changed.iloc[rows].shape)
        _, after = fitted(changed, number)
        assert len(before) == 5 + 15 + 1
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)


def ask(predictor, contexts):
    from skdistill.data._context_batch import ContextBatch

    return predictor.forecast(ContextBatch(contexts)).ravel()


# -- labels --------------------------------------------------------------------------------------


def test_a_teacher_without_training_labels_every_window_once(tmp_path, every_teacher):
    log = tmp_path / "log"
    X = make_series(100, 2)
    search = make_search(teachers=Repeats(str(log)), context_lengths=12, cv=3).fit(X)
    labeled = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("label")]
    assert sum(labeled) == 100 - 12 - 6 + 1
    assert "repeats" in set(search.cv_results_["param_teacher"].compressed())


def test_looked_up_labels_are_those_that_the_fold_would_get(every_teacher):
    X = make_panel()
    students = DistilledForecaster(None, Linear(penalty=0.1), Response(), validation_fraction=0)
    search = make_search(students=students, teachers=Repeats(), context_lengths=12, scaling="series", cv=1)
    search.set_params(standard_errors=0).fit(X)
    plain = DistilledForecaster(
        Repeats(), Linear(penalty=0.1), Response(), validation_fraction=0, context_length=12,
        prediction_length=6, scaling="series", device="cpu",
    ).fit(X)  # fmt: skip
    taught = [one for one in search.cv_results_["params"] if one["teacher"]]
    assert len(taught) == 1
    if search.best_params_["teacher"] is None:
        plain.set_params(teacher=None).fit(X)
    np.testing.assert_allclose(search.predict(X), plain.predict(X), rtol=1e-5)


def test_memory_keeps_labels_for_the_next_fit(tmp_path, every_teacher):
    log = tmp_path / "log"
    X = make_series(100, 1)
    settings = {"teachers": Repeats(str(log)), "context_lengths": 12, "cv": 1, "memory": tmp_path / "memory"}
    first = make_search(**settings).fit(X)
    n_lines = log.read_text().count("label")
    second = make_search(**settings).fit(X)
    assert log.read_text().count("label") == n_lines
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert second.forecaster_.memory == tmp_path / "memory"


def test_a_teacher_that_needs_training_is_trained_in_each_fold(tmp_path):
    class Spy(LastValueTeacher):
        needs_training = True

    log = tmp_path / "log"
    make_search(teachers=Spy(str(log)), context_lengths=12, cv=3, students=TINY).fit(make_series(100, 1))
    assert log.read_text().count("fit") >= 3


def test_windows_above_the_limit_are_thinned_alike(every_teacher):
    X = make_series(400, 1)
    search = make_search(teachers=Repeats(), context_lengths=12, cv=2, max_windows=100).fit(X)
    whole = make_search(teachers=Repeats(), context_lengths=12, cv=2).fit(X)
    assert 0 < np.abs(search.cv_results_["mean_test_score"] - whole.cv_results_["mean_test_score"]).max() < 0.2


def test_many_short_series_are_thinned_to_the_limit(every_teacher, tmp_path, monkeypatch):
    log, seen = tmp_path / "log", []
    X = make_panel((32,) * 30)
    search = make_search(teachers=Repeats(str(log)), context_lengths=12, cv=1, max_windows=20)
    monkeypatch.setattr(
        "skdistill.selection._judge.solve_candidates",
        lambda *parts, **rest: seen.append(parts[3]) or solve(*parts, **rest),
    )
    search.fit(X)
    n_labeled = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("label")]
    assert 0 < sum(n_labeled) < 15  # about half of max_windows
    for windows in seen:
        assert 0 < len(windows) <= 20
        assert len(np.unique(windows.series_of(windows.starts.numpy()))) == len(windows)  # not all of one series
    with pytest.raises(ValueError, match=r"max_windows of DistilledForecasterCV keeps one of .* give a larger"):
        make_search(context_lengths=12, cv=1, max_windows=1).fit(make_series(27, 1))


def test_in_a_panel_teachers_read_the_longest_context_once_and_students_at_least_the_best(
    every_teacher, tmp_path, monkeypatch
):
    log = tmp_path / "log"
    lengths = [6, 12, 24]
    search = make_search(teachers=Repeats(str(log)), context_lengths=lengths, cv=1, max_windows=200).fit(make_panel())
    alone, taught = [], []
    for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        (alone if params["teacher"] is None else taught).append((score, params["context_length"]))
    assert {length for _, length in taught} == {length for length in lengths if length >= max(alone)[1]}
    of_teacher = search.candidate(len(alone))
    assert of_teacher.context_length == 24
    assert of_teacher.student.last_rows in (None, max(alone)[1])
    monkeypatch.setattr("skdistill.selection._search._MANY_LABELS", 0)
    teacher = Repeats(offset=100.0)
    search = make_search(students=["linear", TINY], teachers=teacher, context_lengths=12, cv=1).fit(make_panel())
    assert "No network was trained with the teacher repeats" in search.explanation_
    assert {one["student"] for one in search.cv_results_["params"] if one["teacher"]} == {"linear"}
    n_labeled = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("label")]
    assert 50 < sum(n_labeled) <= 100  # half of max_windows


# -- choice --------------------------------------------------------------------------------------


def made_results(errors, n_series=20):
    """Return results of three candidates, from the simplest to the most complex."""
    places = [(np.arange(n_series), np.full(n_series, 10))]
    results = Results(places, 5, "mase")
    students = read_students([TINY, TINY, TINY])
    results.add(
        [
            [
                Judged(Candidate(one, None, 12, "global"), error, 0.0, 0.0)
                for one, error in zip(students, errors, strict=True)
            ]
        ]
    )
    return results


def test_the_simplest_within_one_standard_error_is_chosen():
    generator = np.random.default_rng(0)
    hard = generator.normal(size=20) ** 2  # common to all candidates, and no reason to take a worse one
    noise = generator.normal(size=20)
    noise -= noise.mean()
    spread = noise.std(ddof=1) / np.sqrt(20)
    best = 1.0 + hard
    results = made_results([best + 1.01 * spread + noise, best + 0.99 * spread + noise, best])
    choice = results.choose(1.0)
    assert (choice.chosen, choice.best) == (1, 2)
    assert results.choose(2.0).chosen == 0
    assert results.choose(0.0).chosen == 2
    assert choice.error == pytest.approx(spread)
    assert f"within one standard error ({spread:.2g})" in results.explain(choice)
    assert f"within 2 standard errors (of {spread:.2g})" in results.explain(results.choose(2.0))


def test_few_horizons_are_no_reason_for_a_worse_candidate():
    generator = np.random.default_rng(0)
    errors = [1.0 + 0.1 * one + generator.normal(size=8) for one in (1, 0, 1)]
    results = made_results(errors, 8)
    assert results.choose(1.0).chosen == results.best()


def test_a_larger_penalty_is_no_simpler_student():
    places = [(np.arange(20), np.full(20, 10))]
    results = Results(places, 5, "mase")
    (student,) = read_students("linear")
    tried = [Candidate(student, None, 12, "global", penalty) for penalty in (0.1, 10.0)]
    noise = np.random.default_rng(0).normal(size=20)
    results.add([[Judged(tried[0], 1.0 + noise, 0.0, 0.0), Judged(tried[1], 1.01 + noise[::-1], 0.0, 0.0)]])
    assert results.choose(1.0).chosen == 0


def test_missing_horizons_are_left_out_of_the_comparison():
    errors = [np.array([np.nan, 1.0, 2.0] * 10), np.array([5.0, 1.0, 2.0] * 10), np.array([np.nan, 3.0, 4.0] * 10)]
    results = made_results(errors, 30)
    assert results.means.tolist() == pytest.approx([1.5, 8 / 3, 3.5])
    assert results.choose(1.0).chosen == 0


def test_results_have_the_shape_of_scikit_learn():
    search = make_search(cv=2).fit(make_series(150, 1))
    results = search.cv_results_
    assert len(results["params"]) == 10 == len(results["mean_test_score"])
    assert {"split0_test_score", "split1_test_score", "std_test_score", "mean_fit_time", "param_penalty"} <= set(
        results
    )
    np.testing.assert_allclose(
        results["mean_test_score"], (results["split0_test_score"] + results["split1_test_score"]) / 2
    )
    assert results["rank_test_score"].min() == 1
    assert results["params"][search.best_index_] == search.best_params_
    assert search.best_score_ == results["mean_test_score"][search.best_index_]
    pd.DataFrame(results)


def test_context_lengths_are_seasons_that_fit():
    monthly = Series(np.zeros((90, 1)), pd.date_range("2015", periods=90, freq="MS"))
    given = read_series(make_search(), pd.DataFrame({"y": 0.0}, index=monthly.index), reset=True, allow_batch=False)
    assert default_context_lengths(given.series * 3, 72, 12) == [12, 24, 36, 48]
    assert default_context_lengths([Series(np.zeros((20, 1)))], 14, 3) == [5]


def test_windows_of_a_panel_are_counted_as_they_are_cut():
    X = make_panel()
    search = make_search(context_lengths=30)
    given = read_series(search, X, reset=True, allow_batch=False)
    search.targets_ = (0,)
    forecaster = DistilledForecaster(None, "linear", "response", context_length=30, prediction_length=6)
    cut = forecaster.set_params(validation_fraction=0)._windows_to_fit(X, None)
    assert search._search(given).n_windows == len(cut.train)


class Wrong(BaseTeacher):
    """A teacher without training that forecasts far away from the truth."""

    scale_free = True

    def label(self, contexts):
        return Labels(contexts.values[:, -6:] + 100.0)


def test_a_teacher_that_is_clearly_worse_is_not_tried():
    X = make_series(100, 2)
    search = make_search(students=["linear", TINY], teachers=[Wrong(), "mlp"], context_lengths=12, cv=2).fit(X)
    assert "wrong" not in search.cv_results_["param_teacher"]
    assert "mlp" in search.cv_results_["param_teacher"]
    assert "The teacher wrong was not tried: its own error is" in search.explanation_


def test_theta_reads_more_rows_than_its_student():
    months = pd.date_range("2010", periods=120, freq="MS")
    waves = {name: 9 + np.sin(2 * np.pi * (np.arange(120) + name) / 12) for name in range(3)}
    noise = np.random.default_rng(0)
    panel = pd.concat(
        {name: pd.DataFrame({"y": one + 0.1 * noise.standard_normal(120)}, months) for name, one in waves.items()}
    )
    search = DistilledForecasterCV(["linear", "mlp"], "theta", context_lengths=24, prediction_length=6, cv=1).fit(panel)
    assert {"linear", "mlp"} == set(search.cv_results_["param_student"][search.cv_results_["param_teacher"] == "theta"])
    linear, mlp = read_students(["linear", "mlp"])
    for one in (linear, mlp):
        built = Candidate(one, "theta", 24, "series", 0.1, n_memory=80).build("theta")
        assert built.context_length == 80
        assert built.student.last_rows == 24
        assert getattr(built.student, "linear_skip", built.student).last_rows == 24


# -- the refitted forecaster -----------------------------------------------------------------------


def test_the_refit_is_a_forecaster_of_all_rows():
    X = make_frame(150, 2)
    search = make_search(context_lengths=24, cv=2).fit(X)
    student = Linear(**{name: search.best_params_[name] for name in ("penalty", "individual")})
    plain = DistilledForecaster(
        None, student, Response(), validation_fraction=0, context_length=24, prediction_length=6, device="cpu"
    ).fit(X)
    np.testing.assert_allclose(search.predict(X), plain.predict(X), rtol=1e-6)
    assert search.best_estimator_ is search.forecaster_


def make_unlike_targets(n_targets):
    """Return targets that no shared map forecasts: each repeats itself after another number of rows."""
    rng = np.random.default_rng(0)
    columns = [np.resize(rng.normal(size=5 + number), 200) for number in range(n_targets)]
    return np.stack(columns, axis=1) + 0.05 * rng.normal(size=(200, n_targets))


def test_targets_that_no_shared_map_forecasts_get_a_map_each():
    X = make_unlike_targets(3)
    search = make_search(students=["linear", "mlp"], context_lengths=8, teachers=LastValueTeacher(), cv=2).fit(X)
    table = pd.DataFrame(search.cv_results_["params"])
    shared = table[(table.student == "linear") & ~table.individual]
    assert shared.teacher.notna().any()  # a teacher can turn the order around
    assert table[table.student == "mlp"].individual.all()
    assert search.best_params_["individual"]
    assert "a map for every target" in search.explanation_
    error, of_shared = search.best_score_, search.cv_results_["mean_test_score"][shared.index].max()
    assert error > 0.5 * of_shared
    mlp = search.candidate(int(table.index[table.student == "mlp"][0]))
    assert mlp.student.linear_skip.individual


@pytest.mark.parametrize(("n_targets", "tried"), [(1, False), (2, True), (33, False)])
def test_maps_for_every_target_are_tried_for_several_but_not_for_many(n_targets, tried):
    search = make_search(context_lengths=8, cv=1).fit(make_unlike_targets(n_targets))
    assert any(one["individual"] for one in search.cv_results_["params"]) == tried


def test_the_map_of_a_user_stays_as_it_is():
    students = ["linear", Linear(individual=True), Linear()]
    teacher = LastValueTeacher()
    search = make_search(students=students, teachers=teacher, context_lengths=8, cv=2).fit(make_unlike_targets(2))
    table = pd.DataFrame(search.cv_results_["params"])
    assert set(table[table.individual].student) == {"linear-0", "linear-1"}
    assert table[table.student == "linear-1"].individual.all()
    assert not table.duplicated().any()
    own = [search.candidate(int(table.index[table.student == f"linear-{number}"][0])) for number in (1, 2)]
    assert [one.student.individual for one in own] == [True, False]


def test_the_forecaster_of_every_candidate_can_be_had():
    X = make_frame(150, 2)
    search = make_search(teachers=LastValueTeacher(), context_lengths=24, cv=2).fit(X)
    taught = [number for number, one in enumerate(search.cv_results_["params"]) if one["teacher"]][-1]
    forecaster = search.candidate(taught)
    assert (type(forecaster.teacher), forecaster.context_length) == (LastValueTeacher, 24)
    assert forecaster.student.penalty == search.cv_results_["params"][taught]["penalty"]
    chosen = search.candidate(search.best_index_).fit(X)
    np.testing.assert_allclose(chosen.predict(X), search.predict(X), rtol=1e-5)
    with pytest.raises(ValueError, match="index of candidate"):
        search.candidate(len(search.cv_results_["params"]))


def test_everything_is_delegated(tmp_path):
    X = make_frame(150, 2)
    search = make_search(cv=2).fit(X)
    search.save(tmp_path / "student.skdistill")
    assert load(tmp_path / "student.skdistill").predict(X).equals(search.predict(X))
    search.export(tmp_path / "student.npz")
    assert search.backtest(X, step=6).shape == search.forecaster_.backtest(X, step=6).shape
    assert search.score(X) == search.forecaster_.score(X)
    assert search.stream(X).predict().shape == (6, 2)
    assert search.count_parameters() == search.forecaster_.count_parameters()
    assert "student" in str(search.compare(X))
    assert "chosen" in str(compare({"chosen": search}, X))
    search.partial_fit(make_frame(160, 2)[150:])


@pytest.mark.parametrize("name", ["backtest_quantiles", "predict_interval", "predict_quantiles", "report"])
def test_methods_of_a_search_take_what_those_of_a_forecaster_take(name):
    ours, theirs = (inspect.signature(getattr(one, name)) for one in (DistilledForecasterCV, DistilledForecaster))
    assert ours == theirs  # parameters by position, too: predict_interval(X, 0.9)


@pytest.mark.parametrize("place", ["Search.run", "DistilledForecasterCV._refit"])
def test_half_of_a_search_is_none(place, monkeypatch):
    search = make_search(cv=1, students=["linear"]).fit(make_frame(150, 2))
    where = "skdistill.selection." + ("_search." if "run" in place else "_cv.") + place

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.fit(make_frame(140, 2))
    assert not {"cv_results_", "best_index_", "explanation_", "naive_errors_", "forecaster_"} & set(vars(search))
    with pytest.raises(NotFittedError):
        search.candidate(0)


def test_rows_are_forgotten_by_the_refitted_forecaster():
    rows, new = make_frame(150, 2), make_frame(160, 2)[150:]
    search = make_search(cv=1, students=["linear"])
    with pytest.raises(ValueError, match="forget of partial_fit must be 0 before the first rows; got 10"):
        search.partial_fit(rows, forget=10)
    kept = search.partial_fit(rows).forecaster_
    expected = clone(kept).fit(rows).partial_fit(new, forget=20).predict(new)
    np.testing.assert_allclose(search.partial_fit(new, forget=20).predict(new), expected, rtol=1e-6)


def test_tables_and_new_rows_go_to_the_refitted_forecaster():
    panel = pd.concat({number: make_frame(90, 1, seed=number) for number in (0, 1)}, names=["unique_id", "ds"])
    search = make_search(cv=2).fit(panel.groupby(level=0).head(80))
    copied, table = clone(search.forecaster_).fit(panel.groupby(level=0).head(80)), to_long(panel)
    new = panel.groupby(level=0).tail(10)
    assert search.refresh(new) is search
    expected = copied.refresh(new).predict_table(table)
    pd.testing.assert_frame_equal(search.predict_table(table), expected)
    with pytest.raises(NotFittedError):
        make_search().predictor()
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    np.testing.assert_allclose(scale_out.predict(search, table).to_pandas()["c0"], expected["c0"])


def test_quantiles_are_those_of_the_refit():
    X = make_series(150, 1)
    search = make_search(students=TINY, quantiles=(0.1, 0.5, 0.9), calibration="conformal", cv=1).fit(X)
    assert search.predict_quantiles(X).shape == (6, 1, 3)
    assert search.backtest_quantiles(X, step=50).shape[1:] == (6, 1, 3)
    assert search.calibrate(X) is search


@pytest.mark.slow
def test_quantiles_of_an_exact_student_are_trained_on_top_of_it():
    X, test = make_series(400, 1)[:300], make_series(400, 1)[276:]
    point = make_search(context_lengths=24, cv=1).fit(X)
    around = clone(point).set_params(quantiles=(0.1, 0.5, 0.9)).fit(X)
    assert around.best_params_ == point.best_params_
    assert around.score(test) > 1.2 * point.score(test)  # minus the MSE
    inside = around.backtest_quantiles(test)
    truth = np.stack([test[24 + start : 30 + start] for start in range(len(inside))])
    assert 0.6 < ((inside[..., 0] <= truth) & (truth <= inside[..., 2])).mean() < 0.95


@pytest.mark.parametrize("form", ["frame", "dict", "list"])
def test_panels_in_every_form(form):
    X = make_panel()
    parts = {name: one.droplevel(0) for name, one in X.groupby(level=0)}
    given = {"frame": X, "dict": parts, "list": list(parts.values())}[form]
    search = make_search(cv=2).fit(given)
    assert set(search.cv_results_["param_scaling"]) == {"series"}
    forecast = search.predict(given)
    assert np.isfinite(forecast if form == "frame" else np.stack([np.asarray(one) for one in parts_of(forecast)])).all(
        axis=None
    )


def parts_of(forecast):
    return list(forecast.values()) if isinstance(forecast, dict) else list(forecast)


def test_missing_values_are_left_out(every_teacher):
    X = make_frame(150, 1)
    X.iloc[[3, 40, 41, 42, 120, 140]] = np.nan
    search = make_search(teachers="pretrained", cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(search.predict(X)).all(axis=None)


def test_a_transformer_is_fitted_in_each_fold(every_teacher):
    X = make_series(150, 1)
    search = make_search(teachers=Repeats(), context_lengths=12, cv=2, transformer=StandardScaler()).fit(X)
    plain = make_search(teachers=Repeats(), context_lengths=12, cv=2).fit(X)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-4)


@pytest.mark.slow
def test_workers_give_the_same_results(every_teacher):
    X = make_series(150, 1)
    alone = make_search(students=["linear", TINY], teachers="pretrained", context_lengths=12, cv=2)
    several = clone(alone).set_params(n_jobs=2)
    scores = [one.fit(X).cv_results_["mean_test_score"] for one in (alone, several)]
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_clone_pickle_and_set_params():
    X = make_series(150, 1)
    search = make_search(cv=2).fit(X)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(search.predict(X), again.predict(X))
    changed = clone(search).set_params(context_lengths=[12], cv=1).fit(X)
    assert len(changed.cv_results_["params"]) == 5


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"students": []}, TypeError, "students of DistilledForecasterCV"),
        ({"students": "mlpp"}, ValueError, "mlp"),
        ({"teachers": "pretraned"}, ValueError, "pretrained"),
        ({"scoring": "mse"}, ValueError, "scoring"),
        ({"scaling": "local"}, ValueError, "scaling"),
        ({"context_lengths": []}, ValueError, "context_lengths"),
        ({"context_lengths": [0]}, ValueError, "context_lengths"),
        ({"standard_errors": -1}, ValueError, "standard_errors"),
        ({"context_lengths": [140]}, ValueError, "RollingOriginSplit"),
        ({"quantiles": (0.9, 0.1)}, ValueError, "must be rising levels"),
        ({"calibration": "conformal"}, ValueError, "shifts quantiles, and there are none"),
        ({"quantiles": (0.1, 0.9), "calibration": "conformed"}, ValueError, "calibration"),
        (
            {"students": DistilledForecaster(None, Linear(), Response(supervised_weight=0)), "teachers": "theta"},
            ValueError,
            "Response of the student 'linear' .* has no term that reads the truth",
        ),
    ],
)
def test_bad_parameters_are_named_before_any_fit(changes, error, told, monkeypatch):
    monkeypatch.setattr("skdistill.selection._search.Search.run", lambda search: 1 / 0)
    with pytest.raises(error, match=told):
        make_search(**changes).fit(make_series(150, 1))


def test_a_series_without_observed_training_rows_in_a_fold_is_not_judged_there():
    panel = make_panel((90, 90), seed=3)
    late = 1e6 + 100.0 * make_frame(90, 1)
    late.iloc[:80] = np.nan
    panel = pd.concat([panel, pd.concat({"late": late}, names=panel.index.names).set_axis(panel.columns, axis=1)])
    cv = RollingOriginSplit(1, 12, 6, step=10)
    search = make_search(cv=cv).fit(panel)
    assert (search.cv_results_["mean_test_score"] > -20).all()


# -- the student that needs no fit -----------------------------------------------------------------


def test_the_pretrained_student_is_judged_on_the_same_horizons():
    X = make_panel()
    search = make_search(cv=2).fit(X)
    given = read_series(clone(search), X, reset=True, allow_batch=False)
    search_again = search._search(given)
    student, by_fold = load_pretrained_student(), []
    for fold in search_again.folds:
        errors = []
        units = Judge(search_again.problem, fold).units.ravel()
        for number, origin, unit in zip(*fold.places, units, strict=True):
            values = given.series[number].values[:, 0]
            truth = values[origin : origin + 6]
            errors.append((number, np.abs(student.predict(values[:origin], 6) - truth).mean() / unit))
        by_fold.append(pd.DataFrame(errors).groupby(0)[1].mean().mean())
    assert search.zero_shot_score_ == pytest.approx(-np.mean(by_fold), rel=1e-6)
    assert "The pretrained student, which needs no fit, has" in search.explanation_


@pytest.mark.parametrize(("offset", "word"), [(0.0, "lowers"), (5.0, "raises")])
def test_the_explanation_says_by_how_much_a_teacher_helps(offset, word, every_teacher):
    X = np.random.default_rng(0).normal(size=(200, 1)).cumsum(axis=0)
    search = make_search(teachers=Repeats(offset=offset), context_lengths=12, prediction_length=2).fit(X)
    best = {False: [], True: []}
    for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        best[params["teacher"] is not None].append(-score)
    change = 100 * (1 - min(best[True]) / min(best[False]))
    assert f" A teacher {word} the error of the best candidate by {abs(change):.1f}%." in search.explanation_
    assert (change > 0) == (word == "lowers")


def test_a_horizon_that_the_pretrained_student_does_not_forecast_is_said():
    X = make_series(1700, 1)
    search = make_search(context_lengths=12, prediction_length=721, cv=1).fit(X)
    assert search.zero_shot_score_ is None
    assert "was not judged: it forecasts at most 720 steps" in search.explanation_


# -- labels of a share of the windows --------------------------------------------------------------


@pytest.mark.parametrize("students", ["linear", TINY])
def test_a_share_is_labeled_once_for_all_folds_and_the_refit(students, every_teacher, tmp_path):
    log, logs = tmp_path / "log", {}
    for share in (None, 0.25):
        log.write_text("")
        search = make_search(students=students, teachers=Repeats(str(log)), context_lengths=12, label_share=share)
        search.fit(make_series(200))
        logs[share] = sum(int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("label"))
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert logs[0.25] == round(logs[None] / 4)


def test_candidates_with_a_teacher_have_the_choice_and_others_none(every_teacher):
    search = make_search(teachers=Repeats(), context_lengths=12, max_labels=20).fit(make_series(200))
    for index, params in enumerate(search.cv_results_["params"]):
        assert search.candidate(index).max_labels == (None if params["teacher"] is None else 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_share": 0.5, "label_choice": "disagreement"}, "reads the truth of rows that later folds"),
        ({"label_share": 2.0}, r"label_share of DistilledForecasterCV must be a number in \(0, 1\]"),
        ({"label_share": 0.5, "max_labels": 3}, "takes one of label_share, max_labels and label_seconds"),
    ],
)
def test_a_bad_choice_of_windows_is_told(changes, message):
    with pytest.raises(ValueError, match=message):
        make_search(teachers=Repeats(), **changes).fit(make_series(200))


def test_a_share_without_teachers_is_told():
    with pytest.warns(UserWarning, match="label_share of DistilledForecasterCV has no effect without a teacher"):
        make_search(label_share=0.5).fit(make_series(200))


def test_the_budget_of_labels_holds_for_teachers_that_are_trained_in_each_fold():
    teacher = TrainedTeacher("dlinear", max_epochs=1, lr=0.01)
    with pytest.raises(LabelBudgetError, match="more than label_budget"):
        make_search(teachers=teacher, context_lengths=12, cv=1, label_budget=1e-9).fit(make_series(80, 1))


def test_copies_of_the_rows_of_a_fold_are_labeled_there(every_teacher):
    student = clone(TINY).set_params(augmentation=Augmentation(), validation_fraction=0)
    settings = {"context_lengths": 12, "cv": 1, "teachers": Repeats()}
    search = make_search(students=[student], **settings).fit(make_series(80, 1))
    assert [one["teacher"] for one in search.cv_results_["params"]] == [None, "repeats"]


# -- gaps ----------------------------------------------------------------------------------------


def test_candidates_are_judged_on_what_all_of_them_can_forecast():
    series = make_series(150, 1)
    series[118:128] = np.nan  # a context of 8 rows before row 127 or 128 holds nothing, one of 16 rows does
    cv = RollingOriginSplit(1, 16, 4, step=30)
    search = make_search(context_lengths=[8, 16], prediction_length=4, cv=cv).fit(series)
    forecaster = search.candidate(9).fit(series[:120])
    assert forecaster.context_length == 16
    errors = forecaster.backtest(series[104:])[:, :, 0] - np.lib.stride_tricks.sliding_window_view(series[120:, 0], 4)
    origins = np.arange(120, 147)
    mine = np.abs(np.delete(errors, np.flatnonzero((origins >= 126) & (origins <= 128)), axis=0))
    unit = np.nanmean(np.abs(np.diff(series[:120, 0])))
    assert -search.cv_results_["mean_test_score"][9] == pytest.approx(np.nanmean(np.nanmean(mine, axis=1)) / unit)


def test_a_fold_without_anything_to_judge_is_left_out_with_a_warning():
    series = make_series(120, 1)
    series[94:112] = np.nan  # the second of three folds forecasts rows 96 to 107
    cv = RollingOriginSplit(3, 12, 6, step=12)
    with pytest.warns(UserWarning, match="leaves out 1 of 3 folds"):
        search = make_search(context_lengths=12, cv=cv).fit(series)
    assert search.n_splits_ == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    series[84:] = np.nan
    series[[0, -1]] = 1.0
    with pytest.raises(ValueError, match="nothing to judge candidates on: in 1 of 1 folds"):
        make_search(context_lengths=12, cv=RollingOriginSplit(1, 12, 6, step=12)).fit(series)


def test_settings_of_a_student_that_the_search_replaces_are_named():
    student = clone(TINY).set_params(bounds=(0, None), context_length=12, prediction_length=6, random_state=1)
    with pytest.warns(UserWarning, match=r"replaces context_length=12, bounds=\(0, None\) of a student"):
        make_search(students=[student], context_lengths=12, cv=1).fit(make_series(60, 1) ** 2)


def test_a_short_series_that_the_choice_learns_from_is_not_said_to_have_no_window(every_teacher, recwarn):
    panel = make_panel((72, 72, 26))  # less the rows of three folds, the last one has no window with labels
    search = make_search(teachers=[Repeats()], context_lengths=12).fit(panel)
    assert not [one for one in recwarn if "no training window" in str(one.message)]
    with_it = search.predict(panel).loc["s0"].to_numpy()
    without = clone(search.candidate(search.best_index_)).fit(panel.loc[["s0", "s1"]]).predict(panel.loc[["s0"]])
    assert not np.allclose(with_it, without)


class Given:
    """Folds as they are."""

    def __init__(self, *folds):
        self.folds = folds

    def split(self, X):
        return self.folds


def test_rows_between_training_and_test_rows_are_not_judged():
    series = [Series(np.zeros((40, 1)))]
    (fold,) = make_folds(Given((np.arange(20), np.arange(26, 34))), series, 3, 100)
    assert [own.tolist() for own in fold.origins] == [list(range(26, 32))]
    later = SktimeSplit(ExpandingWindowSplitter(fh=[4, 5, 6], initial_window=20, step_length=50), context_length=5)
    (fold,) = make_folds(later, series, 3, 100)
    assert [own.tolist() for own in fold.origins] == [[23]]


@pytest.mark.parametrize(
    ("train", "test", "what"),
    [
        (np.r_[0:8, 12:25], np.arange(25, 40), "training rows .* between rows 7 and 12 of series number 0"),
        (np.arange(20), np.r_[20:27, 30:40], "test rows .* between rows 26 and 30 of series number 0"),
    ],
)
def test_rows_that_a_fold_leaves_out_in_the_middle_are_not_read_anyway(train, test, what):
    with pytest.raises(ValueError, match=f"must have {what}"):
        make_folds(Given((train, test)), [Series(np.zeros((40, 1)))], 3, 100)


# -- what a candidate is, beside its penalty ---------------------------------------------------------


def check_candidates_are_what_was_judged(search, table, horizon, **predict):
    """Fit every candidate on the rows of the only fold, and compare its error with the one in the table."""
    rows, truth = table.iloc[:-horizon], table["y"].to_numpy()[-horizon:]
    past = rows["y"].to_numpy()
    params = search.cv_results_["params"]
    assert len({str(one) for one in params}) == len(params)
    unit = np.abs(past[7:] - past[:-7]).mean()
    for number, score in enumerate(search.cv_results_["mean_test_score"]):
        forecast = search.candidate(number).fit(rows).predict(rows, **predict)
        assert np.abs(forecast["y"].to_numpy() - truth).mean() / unit == pytest.approx(-score, rel=1e-5)


def daily(n_rows, n_known=0):
    days = pd.date_range("2024-01-01", periods=n_rows)
    rng = np.random.default_rng(0)
    known = {f"k{number}": rng.normal(size=n_rows) for number in range(n_known)}
    level = np.cumsum(rng.normal(size=n_rows)) + sum(list(known.values())[:2])
    return pd.DataFrame({"y": level, **known}, days)


@pytest.mark.parametrize("teacher", [None, Repeats()])
def test_weights_of_other_terms_are_those_of_the_refit(every_teacher, teacher):
    student = DistilledForecaster(
        None, Linear(penalty=1.0, weight_grid={"truth": [0.1, 9.0], "copy": [1.0, 3.0]}), None, validation_fraction=0
    ).set_params(loss=LossSum([("truth", Supervised()), ("copy", TeacherForecast())]))
    table, fold = daily(90), RollingOriginSplit(1, 10, 7)
    search = make_search(
        students=[student], teachers=None if teacher is None else [teacher], context_lengths=10, cv=fold
    ).set_params(prediction_length=7)
    check_candidates_are_what_was_judged(search.fit(table), table, 7)
    assert len(search.cv_results_["params"]) == (2 if teacher is None else 2 + 4)
    weights = search.best_params_["weight_grid"]
    assert search.forecaster_.student.weight_grid == weights
    assert set(weights) == ({"truth"} if search.best_params_["teacher"] is None else {"truth", "copy"})


def test_ways_to_read_many_known_covariates_are_candidates():
    table, names = daily(90, 37), [f"k{number}" for number in range(37)]
    fold = RollingOriginSplit(1, 7, 14)
    search = make_search(students=[Linear()], context_lengths=7, known_covariates=names, cv=fold)
    search.set_params(prediction_length=14)
    check_candidates_are_what_was_judged(search.fit(table), table, 14, future=table[names].iloc[-14:])
    ways = {(one["known_band"], one["known_weights"]) for one in search.cv_results_["params"]}
    assert ways == {(0, "own"), (7, "own"), (0, "shared"), (7, "shared")}


@pytest.mark.parametrize("teacher", [None, Repeats()])
def test_numbers_as_names_of_columns_are_no_positions(every_teacher, teacher):
    table = daily(90, 3)
    found = []
    for names in (list(table.columns), [3, 2, 0, 1]):
        roles = {"targets": [names[0], names[3]], "known_covariates": [names[1]]}
        search = make_search(context_lengths=14, teachers=teacher, **roles)
        results = search.fit(table.set_axis(names, axis=1)).cv_results_
        found.append(np.stack([results[name] for name in ("split0_test_score", "split1_test_score")]))
        assert search.forecaster_.targets_ == (0, 3)
    np.testing.assert_array_equal(found[1], found[0])


def test_candidate_with_a_forecast_that_is_no_number_is_not_chosen():
    student = read_students("linear")[0]
    results = Results([(np.zeros(40, dtype=int), np.arange(40))], 1, "mase")
    errors = np.ones(40)
    for length, diverges in ((12, True), (24, False)):
        own = np.where(diverges & (np.arange(40) == 3), np.inf, errors)
        results.add([[Judged(Candidate(student, None, length, "global"), own, 0.0, 0.0)]])
    assert results.choose(1.0).chosen == 1


def test_vintages_of_a_student_are_refused():
    table = pd.DataFrame({"issued": ["2024-01-01"], "time": ["2024-01-02"], "k0": [1.0]})
    student = DistilledForecaster(None, "linear", "response", vintages=Vintages(table))
    with pytest.raises(ValueError, match="vintages of a student of DistilledForecasterCV must be None"):
        make_search(students=[student], known_covariates=["k0"]).fit(daily(90, 1))


def test_copies_of_rows_are_thinned_as_the_rows():
    student = clone(TINY).set_params(augmentation=Augmentation())
    search = make_search(students=["linear", student], teachers="dlinear", max_windows=20, cv=1).fit(
        make_series(120, 1)
    )
    assert {one["student"] for one in search.cv_results_["params"]} == {"linear", "mlp"}


def test_a_teacher_of_other_columns_is_refused_and_not_judged():
    frame = make_frame(90, 2).set_axis(["a", "b"], axis=1).assign(b=lambda X: X["b"] + 1000.0)
    by_level = Linear(None)  # clearly worse where columns are swapped
    teacher = DistilledForecaster(None, by_level, "response", context_length=12, prediction_length=6).fit(frame)
    with pytest.raises(ValueError, match="columns that the frozen teacher was fitted on"):
        make_search(teachers=[FrozenEstimator(teacher)], context_lengths=12).fit(frame[["b", "a"]])


# -- what cannot be fitted is told before the search --------------------------------------------------


@pytest.fixture
def no_search(monkeypatch):
    monkeypatch.setattr(Search, "run", lambda self: pytest.fail("the search has begun"))


def test_gaps_where_the_choice_is_calibrated_are_told_before_the_search(no_search):
    series = make_series(120, 1)
    series[90::3] = np.nan
    search = make_search(quantiles=(0.1, 0.5, 0.9), calibration="conformal")
    with pytest.raises(ValueError, match=r"of DistilledForecasterCV .*last fifth.* needs at least 9 windows"):
        search.fit(series)


@pytest.mark.parametrize("kind", [AdaptiveEnsemble, RoutedEnsemble])
def test_a_teacher_that_needs_validation_rows_is_told_before_the_search(no_search, kind):
    teacher = kind([("one", Theta()), ("two", Theta(season=2))])
    with pytest.raises(ValueError, match=r"learns from validation rows, and candidates of 'linear' hold none out"):
        make_search(teachers=teacher).fit(make_series(90, 1))


@pytest.mark.filterwarnings("ignore:teachers of DistilledForecasterCV have no effect")
def test_teachers_that_no_student_reads_are_neither_judged_nor_refused(monkeypatch):
    monkeypatch.setattr("skdistill.selection._search.judge_teacher", lambda *_: pytest.fail("it was asked for labels"))
    own = DistilledForecaster(None, "linear", Supervised(), validation_fraction=0)
    needs_rows = AdaptiveEnsemble([("one", Theta()), ("two", Theta(season=2))])
    search = make_search(students=own, teachers=[Wrong(), needs_rows], context_lengths=12, cv=1).fit(make_series(90, 1))
    assert {one["teacher"] for one in search.cv_results_["params"]} == {None}
    assert "not tried" not in search.explanation_


def test_students_that_hold_rows_out_have_such_teachers(every_teacher):
    teacher = AdaptiveEnsemble([("one", Theta()), ("two", Theta(season=2))])
    own = DistilledForecaster(None, "linear", "response", validation_fraction=0.2)
    search = make_search(students=own, teachers=teacher, context_lengths=12, cv=1).fit(make_series(90, 1))
    assert {one["teacher"] for one in search.cv_results_["params"]} == {None, "adaptiveensemble"}


def test_given_labels_of_folds_that_leave_series_out_are_refused_before_the_search(no_search):
    panel = make_panel((90, 6, 90))
    rows = [(number, time) for number, (_, one) in enumerate(panel.groupby(level=0)) for time in one.index.levels[1]]
    numbers, times = zip(*rows, strict=True)
    teacher = GivenLabels(np.zeros((len(rows), 6, 1)), origins=list(times), series=list(numbers))
    with pytest.raises(ValueError, match="a fold of DistilledForecasterCV leaves series out"):
        make_search(teachers=teacher, cv=1).fit(panel)


def test_more_workers_than_a_machine_has_are_refused():
    for n_jobs, rule in ((10**6, "must be at most"), (0, "must be None, a positive number or -1")):
        with pytest.raises(ValueError, match=f"n_jobs of DistilledForecasterCV .*{rule}"):
            make_search(n_jobs=n_jobs).fit(make_series(90, 1))


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (SktimeTeacher(NaiveForecaster(), fitting="all"), "fitting of SktimeTeacher must be one of 'window', 'once'"),
        (CrossFittedTeacher("theta"), "teacher of CrossFittedTeacher must be trained in fit; Theta has its weights"),
        (Theta(season=None), "season of Theta must be an integer of at least 1; got None"),
    ],
)
@pytest.mark.parametrize("student", ["linear", MLP(4)])
def test_every_teacher_is_checked_before_a_search(student, teacher, message, monkeypatch):
    monkeypatch.setattr(Search, "run", lambda self: pytest.fail("it started"))
    search = DistilledForecasterCV(student, teacher, context_lengths=12, prediction_length=4, cv=1, random_state=0)
    with pytest.raises((TypeError, ValueError), match=message):
        search.fit(make_series(120, 1))


def test_windows_without_truth_change_nothing_without_a_teacher():
    own = [
        DistilledForecaster(None, "linear", "response", validation_fraction=0, windows_without_truth=extra)
        for extra in (False, True)
    ]
    settings = {"teachers": None, "context_lengths": 12, "prediction_length": 6, "cv": 2}
    scores = [DistilledForecasterCV(one, **settings).fit(make_series(90)).best_score_ for one in own]
    assert scores[0] == scores[1]


def test_an_error_of_zero_has_no_sign():
    constant = pd.DataFrame({"y": np.full(80, 5.0)}, index=pd.date_range("2024-01-01", periods=80))
    search = DistilledForecasterCV("linear", None, context_lengths=7, prediction_length=4).fit(constant)
    assert "MASE 0. " in search.explanation_
    assert not np.signbit(search.cv_results_["mean_test_score"]).any()
