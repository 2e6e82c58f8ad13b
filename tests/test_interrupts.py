"""An interrupt at any line of an update or a fit leaves the estimator as before, as after, or not fitted."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series
from sklearn.exceptions import NotFittedError

import skdistill
from skdistill import DistilledForecasterCV, DistilledRegressor, scale_out
from skdistill._utils._interrupts import interrupts_stay
from skdistill.networks import MLP, Linear
from skdistill.teachers import TrainedTeacher
from skdistill.training._net import DistillationNet

PACKAGE = str(Path(skdistill.__file__).parent)
SERIES = np.concatenate([make_series(80), 1000.0 + 30.0 * make_series(80, seed=1)])  # units change


def interrupted_at(number, work):
    """Run work, press Ctrl-C at a line of the package, and return how many lines there were."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += event == "line"
        if count == number and event == "line":
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGINT)
        return trace

    before, handler = sys.gettrace(), signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        signal.signal(signal.SIGINT, handler)
        torch.set_grad_enabled(True)
    return count


def copy_of(estimator):
    """Copy what an estimator refers to; copy.copy would leave out what is not pickled."""
    twin = object.__new__(type(estimator))
    twin.__dict__ = dict(vars(estimator))
    return twin


def exact(**changes):
    return make_forecaster(teacher=None, student=Linear(), validation_fraction=0, **changes)


def panel(first, stop, *ids):
    return {one: SERIES[first:stop, [number % 2]] * (number + 1) for number, one in enumerate(ids)}


FOLLOWED = {
    "partial_fit": (lambda: exact().partial_fit(SERIES[:80]), lambda one: one.partial_fit(SERIES[80:120], forget=20)),
    "partial_fit of a panel": (
        lambda: exact(scaling="series").partial_fit(panel(0, 60, "a", "b")),
        lambda one: one.partial_fit(panel(60, 120, "a", "b", "c")),
    ),
    "refresh": (lambda: make_forecaster().fit(SERIES[:80]), lambda one: one.refresh(SERIES[80:120])),
    "fit again": (lambda: exact().fit(SERIES[:80]), lambda one: one.fit(SERIES[80:])),
    "fit again with quantiles": (
        lambda: make_forecaster(teacher=None, quantiles=(0.2, 0.5, 0.8), calibration="conformal").fit(SERIES[:80]),
        lambda one: one.fit(SERIES[80:]),
    ),
}


TRAINED = ("refresh", "fit again with quantiles")


def answers(estimator, name):
    if "panel" in name:
        return np.stack(list(estimator.predict(panel(100, 160, "a", "b", "c")).values())).tobytes()
    given = [estimator.predict(SERIES[-40:])]
    return b"".join(one.tobytes() for one in given + ([estimator.predict_quantiles(SERIES)] if "qu" in name else []))


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] if one in TRAINED else []) for one in FOLLOWED]
)
def test_half_of_an_update_is_none(name):
    make, act = FOLLOWED[name]
    made = make()
    after = copy_of(made)
    n_lines = interrupted_at(0, lambda: act(after))
    allowed = {answers(made, name), answers(after, name)}
    for number in sorted({*range(n_lines - 25, n_lines + 1), *np.linspace(1, n_lines, 10).astype(int)}):
        one = copy_of(made)
        interrupted_at(number, lambda one=one: act(one))
        try:
            found = answers(one, name)
        except NotFittedError:
            continue
        if "history_" in vars(one) and len(one.history_) == len(after.history_):  # not a training that was ended early
            assert found in allowed, number


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Linear is trained")
def test_half_of_a_regressor_is_none():
    windows = np.lib.stride_tricks.sliding_window_view(make_series(80)[:, 0], 16)
    settings = {"quantiles": (0.2, 0.5, 0.8), "calibration": "conformal", "max_epochs": 1, "random_state": 0}
    make = lambda: DistilledRegressor(None, Linear(), "response", **settings)  # noqa: E731
    after = make()
    n_lines = interrupted_at(0, lambda: after.fit(windows[:, :12], windows[:, 12:]))
    for number in range(n_lines - 40, n_lines + 1):
        one = make()
        interrupted_at(number, lambda one=one: one.fit(windows[:, :12], windows[:, 12:]))
        if hasattr(one, "student_"):
            for name in ("predict", "predict_quantiles"):
                found, expected = (getattr(each, name)(windows[:, :12]) for each in (one, after))
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("first", [20, 23, 24], ids="rows {}".format)  # where the stream moves its rows is among them
def test_half_of_an_appended_row_is_none(first):
    frame = make_frame(60)
    forecaster = exact().fit(frame)
    stream = forecaster.stream(frame[:first])
    n_lines = interrupted_at(0, lambda: stream.append(frame.iloc[[first]]))
    for number in range(1, n_lines + 1):
        one = forecaster.stream(frame[:first])
        interrupted_at(number, lambda one=one: one.append(frame.iloc[[first]]))
        if not np.array_equal(one.predict(), stream.predict()):
            one.append(frame.iloc[[first]])  # it was not appended: once more
        np.testing.assert_array_equal(one.predict(), stream.predict())
        one.append(frame.iloc[[first + 1]])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_mode_that_an_interrupt_left_on_does_not_end_training(mode):
    series = make_series(100)
    fits = {
        "network": lambda: make_forecaster(teacher=TrainedTeacher("nlinear", lr=0.1, max_epochs=1)).fit(series),
        "refresh": lambda: make_forecaster(student=MLP(4)).fit(series[:80]).refresh(series[80:]),
    }
    for fit in fits.values():
        expected = fit().predict(series)
        with mode():
            found = fit().predict(series)
            assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
        np.testing.assert_array_equal(found, expected)


def interrupt_training(monkeypatch, of_call):
    """Press Ctrl-C in the middle of the second epoch of a training, once."""
    fit_loop, calls = DistillationNet.fit_loop, []

    def interrupted(self, dataset, epochs=None, **options):
        calls.append(epochs)
        if len(calls) != of_call:
            return fit_loop(self, dataset, epochs=epochs, **options)
        fit_loop(self, dataset, epochs=1, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(DistillationNet, "fit_loop", interrupted)
    return calls


@pytest.mark.parametrize("of_call", [1, 2])
def test_a_search_does_not_go_on_with_a_candidate_whose_training_was_interrupted(of_call, monkeypatch):
    search = DistilledForecasterCV(
        prediction_length=4, students=MLP(4), teachers=None, context_lengths=8, cv=2, random_state=0, device="cpu"
    )
    calls = interrupt_training(monkeypatch, of_call)
    with pytest.raises(KeyboardInterrupt, match="compared with others"):
        search.fit(make_series(60))
    assert len(calls) == of_call
    assert not hasattr(search, "forecaster_")


def test_a_comparison_does_not_go_on_with_a_student_whose_training_was_interrupted(monkeypatch):
    series = make_series(100)
    forecaster = make_forecaster().fit(series[:80])
    interrupt_training(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt, match="compared with others"):
        forecaster.compare(series[60:])


def test_an_interrupt_that_a_library_makes_another_error_of_stays_one():
    @interrupts_stay
    def query(press):
        try:
            if press:
                os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
        except KeyboardInterrupt:
            pass
        raise RuntimeError("Query interrupted")

    with pytest.raises(KeyboardInterrupt):
        query(press=True)
    with pytest.raises(RuntimeError):
        query(press=False)
    assert {scale_out.fit.__wrapped__.__name__, scale_out.predict.__wrapped__.__name__} == {"fit", "predict"}
