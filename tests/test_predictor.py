"""Contexts in, forecasts out, a block at a time: blocks, labels and rows before the context change nothing."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series

from skdistill import _predictor
from skdistill.data._context_batch import ContextBatch, ContextCutter
from skdistill.data._series import Series
from skdistill.networks import MLP, ITransformer

LEVELS = (0.1, 0.5, 0.9)
STUDENTS = {"fused": MLP(hidden_size=4, kernel_size=5), "module": ITransformer(8, n_heads=2, n_layers=1)}


def windows_of(values, length):
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0).transpose(0, 2, 1)


@pytest.fixture(params=STUDENTS)
def forecaster(request):
    student = STUDENTS[request.param].set_params(**({"time_features": False} if request.param == "module" else {}))
    return make_forecaster(student=student, quantiles=LEVELS, calibration="conformal", max_epochs=1).fit(make_series())


def test_blocks_change_no_forecast(forecaster, monkeypatch):
    contexts = ContextBatch(windows_of(make_series(60, seed=1), 12))
    whole = forecaster.predictor_.forecast(contexts), forecaster.predictor_.forecast_quantiles(contexts)
    monkeypatch.setattr(_predictor, "_BLOCK", 7)
    np.testing.assert_allclose(forecaster.predictor_.forecast(contexts), whole[0], rtol=1e-5)
    np.testing.assert_allclose(forecaster.predictor_.forecast_quantiles(contexts), whole[1], rtol=1e-5)


def test_a_teacher_gets_the_calendar_though_its_student_reads_none():
    seen = []

    class Curious(LastValueTeacher):
        reads_calendar = True

        def label(self, contexts):
            seen.append((contexts.time, contexts.future_time))
            return super().label(contexts)

    forecaster = make_forecaster(teacher=Curious(), student="linear").fit(make_frame())
    seen.clear()
    forecaster.predict_teacher(make_frame())
    assert not forecaster.predictor_.reads_calendar
    assert [part.shape[:2] for part in seen[-1]] == [(1, 12), (1, 4)]


def test_rows_before_the_context_are_not_read(forecaster):
    rows = windows_of(make_series(60, seed=1), 30)
    long, short = ContextBatch(rows), ContextBatch(rows[:, -12:])
    np.testing.assert_array_equal(forecaster.predictor_.forecast(long), forecaster.predictor_.forecast(short))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forecasts_are_of_the_type_of_the_contexts(forecaster, dtype):
    contexts = ContextBatch(windows_of(make_series(20), 12).astype(dtype))
    for answer in (forecaster.predictor_.forecast(contexts), forecaster.predictor_.forecast_quantiles(contexts)):
        assert answer.dtype == dtype
        assert answer.flags.c_contiguous


def test_offsets_shift_quantiles_by_themselves(forecaster):
    contexts = ContextBatch(windows_of(make_series(20), 12))
    offsets = np.broadcast_to([-1.0, 0.0, 2.0], (4, 2, 3))
    plain, shifted = (dataclasses.replace(forecaster.predictor_, offsets=one) for one in (None, offsets))
    moved = shifted.forecast_quantiles(contexts) - plain.forecast_quantiles(contexts)
    np.testing.assert_allclose(
        moved, np.broadcast_to(offsets * forecaster.scaling_.scale_[:, None], moved.shape), atol=1e-5
    )
    np.testing.assert_array_equal(plain.forecast(contexts), forecaster.predictor_.forecast(contexts))


def test_a_cutter_cuts_what_predict_reads():
    frame = make_frame(80)
    student = ITransformer(8, n_heads=2, n_layers=1, time_features=True)
    forecaster = make_forecaster(student=student, max_epochs=1).fit(frame)
    series = [Series(part.to_numpy(), part.index, part.columns) for part in (frame, frame.iloc[10:40])]
    contexts = forecaster.predictor_.cutter(series).cut([1, 0], [30, 50])
    expected = [forecaster.predict(frame.iloc[:40]), forecaster.predict(frame.iloc[:50])]
    np.testing.assert_allclose(forecaster.predictor_.forecast(contexts), expected, rtol=1e-5)


def test_contexts_of_few_rows_know_the_step_of_the_whole_series():
    index = pd.DatetimeIndex(pd.date_range("2024-01-01", periods=30, freq="B").to_numpy())
    cutter = ContextCutter([Series(np.zeros((30, 1)), index)], 2, with_time=True)
    contexts = cutter.cut([0], [5])
    assert list(contexts.indexes[0]) == list(index[3:5])
    assert contexts.steps[0].offset == pd.offsets.BDay()


def test_whatever_is_known_of_windows_is_sliced_with_them():
    @dataclasses.dataclass(frozen=True)
    class WithMask(ContextBatch):
        observed: np.ndarray | None = None

    batch = WithMask(np.arange(12.0).reshape(4, 3, 1), observed=np.arange(4))
    part = batch[1:3]
    assert (len(part), part.indexes, part.observed.tolist()) == (2, None, [1, 2])
    assert part.last(2).values.tolist() == batch.values[1:3, 1:].tolist()


def test_a_teacher_is_asked_about_many_contexts():
    forecaster = make_forecaster(teacher=LastValueTeacher()).fit(make_series())
    rows = windows_of(make_series(40, seed=2), 12)
    answer = forecaster.predictor_.forecast_teacher(forecaster.teacher_, ContextBatch(rows))
    np.testing.assert_allclose(answer, np.repeat(rows[:, -1:], 4, axis=1), rtol=1e-5)


def test_weights_beyond_float32_are_told():
    forecaster = make_forecaster(teacher=None).fit(make_series())
    for weight in forecaster.student_.parameters():
        weight.data.fill_(1e30)
    with pytest.warns(UserWarning, match="of 1 windows hold NaN or infinity, though .* weights are .fit again"):
        assert not np.isfinite(forecaster.predict(make_series())).all()
