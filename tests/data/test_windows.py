"""Windows are views, cut in time order, and know nothing they should not."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster, make_frame
from hypothesis import given
from hypothesis import strategies as st

from skdistill import DistilledForecaster
from skdistill.core import SeriesStore, Windows
from skdistill.data._calendar import calendar_features
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._steps import continue_index
from skdistill.data._training_windows import split_windows
from skdistill.data._validation_rows import count_validation_rows
from skdistill.losses import Supervised
from skdistill.networks import MLP, DLinear, ITransformer, Linear
from skdistill.teachers import TrainedTeacher


def make_store(arrays, padding=3, index=None):
    series = [Series(np.asarray(array, dtype=float), index) for array in arrays]
    scaling = Scaling().fit([one.values for one in series])
    return SeriesStore.from_series(series, scaling, padding=padding)


def split(store, context, horizon, held_out, **options):
    targets = options.pop("targets", tuple(range(store.values.shape[1])))
    return split_windows(
        store, context_length=context, prediction_length=horizon, targets=targets, validation_rows=held_out, **options
    )


def test_published_split_of_etth1_is_reproduced_to_the_row():
    store = make_store([np.arange(11520.0)[:, None]])
    windows = split(store, 720, 96, [count_validation_rows(11520, 0.25)])
    assert len(windows.train) == 8640 - 720 - 96 + 1
    assert windows.train.starts[-1] + 720 + 96 == 8640  # the last training target is row 8639
    assert windows.validation.starts[0] + 720 == 8640  # the first validation target is row 8640
    assert windows.validation.starts[-1] + 720 + 96 == 11520
    assert len(windows.validation) == 2880 - 96 + 1


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    context=st.integers(1, 8),
    horizon=st.integers(1, 6),
    channels=st.integers(1, 3),
)
def test_gathered_windows_equal_slices_of_each_series(lengths, context, horizon, channels):
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(length, channels)) for length in lengths]
    store = make_store(arrays, padding=horizon)
    windows = split(store, context, horizon, [0] * len(arrays))
    assert windows.validation is None
    expected = [
        (store.scaling.standardize(array[s : s + context]), store.scaling.standardize(array[s + context :][:horizon]))
        for array in arrays
        for s in range(len(array) - context - horizon + 1)
        if len(array[s + context :][:horizon]) == horizon
    ]
    assert len(windows.train) == len(expected)
    if expected:
        every = torch.arange(len(expected))
        np.testing.assert_array_equal(windows.train.context_values(every), np.stack([c for c, _ in expected]))
        np.testing.assert_array_equal(windows.train.horizons(every), np.stack([h for _, h in expected]))


def test_contexts_and_horizons_share_the_storage_of_the_store():
    store = make_store([np.arange(100.0)[:, None]])
    windows = split(store, 10, 3, [0])
    views = windows.train._context_views
    assert views.untyped_storage().data_ptr() == store.values.untyped_storage().data_ptr()


def test_horizons_hold_the_target_channels_in_their_order():
    values = np.random.default_rng(0).normal(size=(20, 4))
    store = make_store([values])
    windows = split(store, 5, 2, [0], targets=(3, 1))
    expected = store.scaling.standardize(values)[5:7][:, [3, 1]]
    np.testing.assert_array_equal(windows.train.horizons(torch.tensor([0]))[0], expected)


def test_windows_are_moved_whole_to_another_device_and_are_the_same_on_their_own():
    windows = split(make_store([np.arange(30.0)[:, None]]), 5, 3, [0], windows_without_truth=True).train
    assert windows.to("cpu") is windows
    moved = windows.to("meta")
    assert {one.device.type for one in (moved.starts, moved.known, moved.store.values)} == {"meta"}


def test_no_context_ends_in_the_rows_of_a_horizon_that_follow_the_last_target():
    values = np.random.default_rng(0).normal(size=(30, 2))
    values[-7:, 0] = np.nan  # what is known of the horizon follows
    store = make_store([values, values], padding=3)
    options = {"windows_without_truth": True, "n_without_truth": 1, "targets": (0,), "origins": [23, 23]}
    train = split(store, 5, 3, [0, 0], **options).train
    starts = train.starts.numpy()
    ends = starts - store.offsets[train.series_of(starts)] + 5
    assert ends.tolist() == [*range(5, 24), *range(5, 24)]


def test_windows_without_truth_stay_in_the_training_rows_and_are_marked_unknown():
    store = make_store([np.arange(30.0)[:, None]])
    windows = split(store, 5, 3, [10], windows_without_truth=True)
    assert windows.train.starts.tolist() == list(range(20 - 5 + 1))
    assert windows.train.known.tolist() == [start + 8 <= 20 for start in range(16)]
    assert len(windows.known_train) == 13


def test_some_windows_keep_which_horizons_are_known_and_count_marked_rows():
    generator = np.random.default_rng(1)
    store = make_store([generator.normal(size=(n, 1)) for n in (30, 12)], padding=3)
    windows = split(store, 5, 3, [0, 0], windows_without_truth=True).train
    marked = torch.from_numpy(generator.random((len(store.values), 2)) < 0.1)
    starts = windows.starts.tolist()
    for part, (first, end) in {(True, True): (0, 8), (True, False): (0, 5), (False, True): (5, 8)}.items():
        counts = windows.count_rows(marked, context=part[0], horizon=part[1])
        assert counts.tolist() == [marked[one + first : one + end].sum(0).tolist() for one in starts]
    counts = windows.count_rows(marked[:, 0])
    some = windows.take(counts == 0)
    kept = [number for number, one in enumerate(starts) if not marked[one : one + 8, 0].any()]
    assert 0 < len(kept) < len(starts)
    assert some.starts.tolist() == [starts[number] for number in kept]
    assert some.known.tolist() == [windows.known[number].item() for number in kept]
    assert windows.take(slice(2, 4)).known.tolist() == windows.known[2:4].tolist()


@pytest.mark.parametrize(("fraction", "expected"), [(0, 0), (0.0, 0), (7, 7), (0.1, 10), (0.29, 29), (np.int64(3), 3)])
def test_validation_rows_are_a_floor_of_the_fraction_or_a_count(fraction, expected):
    assert count_validation_rows(100, fraction) == expected


def test_contexts_carry_calendar_and_origins_of_their_series():
    index = pd.date_range("2024-01-01", periods=20, freq="h")
    store = make_store([np.arange(20.0)[:, None]], index=index)
    windows = split(store, 5, 3, [0])
    contexts = windows.train.contexts(torch.tensor([2]))
    assert contexts.origins.tolist() == [7]
    np.testing.assert_allclose(contexts.time[0, :, 0], np.arange(2, 7) / 23 - 0.5, rtol=1e-6)
    np.testing.assert_allclose(contexts.future_time[0, :, 0], np.arange(7, 10) / 23 - 0.5, rtol=1e-6)
    np.testing.assert_allclose(contexts.original()[0, :, 0], np.arange(2.0, 7.0), rtol=1e-6)


def test_series_without_calendar_refuses_calendar_features():
    windows = split(make_store([np.arange(20.0)[:, None]]), 5, 3, [0])
    with pytest.raises(ValueError, match="has no calendar"):
        windows.train.context_time(torch.tensor([0]))


def test_series_of_several_frequencies_go_with_networks_that_read_no_calendar():
    hourly = make_frame()
    daily = hourly.set_axis(pd.date_range("2024-01-01", periods=len(hourly), freq="D"))
    make_forecaster(teacher=TrainedTeacher(DLinear(3), max_epochs=1), student=DLinear(3)).fit([hourly, daily])
    message = r"series of one frequency: .*X\[0\] has hour, weekday.*X\[1\] has weekday.*time_features=False"
    with pytest.raises(ValueError, match=message):
        make_forecaster(student=ITransformer(4, n_heads=2)).fit([hourly, daily])
    series = [Series(one.to_numpy(), one.index) for one in (hourly, daily)]
    store = SeriesStore.from_series(series, Scaling().fit([one.values for one in series]), padding=4)
    contexts = split(store, 12, 4, [0, 0]).train.contexts(torch.tensor([0]))
    assert contexts.time is None
    with pytest.raises(ValueError, match="series of one frequency"):
        contexts.with_calendar("h", 4)


def test_calendars_of_another_frequency_are_those_of_each_windows_rows():
    indexes = [pd.date_range("2024-02-28 21:10", periods=length, freq="15min") for length in (30, 25)]
    series = [Series(np.random.default_rng(0).normal(size=(len(index), 1)), index) for index in indexes]
    store = SeriesStore.from_series(series, Scaling().fit([one.values for one in series]), padding=4)
    starts = [40, 3, 18, 34, 0]
    contexts = Windows(store, torch.tensor(starts), 12, 4, (0,)).contexts(torch.arange(5))
    hours = contexts.with_calendar("h", 4)
    for number, start in enumerate(starts):
        index = indexes[start >= 34]
        rows = index.append(continue_index(index, 4))[start - 34 * (start >= 34) :][:16]
        found = torch.cat([hours.time[number], hours.future_time[number]])
        np.testing.assert_array_equal(found, calendar_features(rows, frequency="h"))
    assert contexts.with_calendar("min", 5) is contexts
    numbers = contexts.with_calendar("numbers", 4).time[0, 0].tolist()
    assert numbers == [2.0, 28.0, 2.0, 22.0]  # Wednesday 28 February 22:40, in the second series


@pytest.mark.parametrize("held_out", [0, 5, 7, 24])
@pytest.mark.parametrize("step", [1, 5, 6])
def test_a_step_between_windows_counts_back_from_the_end_of_each_series(held_out, step):
    lengths, context, horizon = [61, 40], 8, 4
    store = make_store([np.arange(float(n))[:, None] for n in lengths], padding=horizon)
    windows = split(store, context, horizon, [held_out] * 2, window_step=step)

    def expected(first, last):
        """All origins of the grid that ends with the series, whose horizons lie between two rows from its end."""
        grids = [np.arange(n % step, n + 1, step) for n in lengths]
        inside = [
            grid[(grid >= max(context, n - first)) & (grid + horizon <= n - last)]
            for n, grid in zip(lengths, grids, strict=True)
        ]
        return np.concatenate(inside).tolist()

    def origins(part):
        starts = part.starts.numpy()
        return (starts - store.offsets[part.series_of(starts)] + context).tolist()

    assert origins(windows.train) == expected(max(lengths), held_out)
    judged = [] if windows.validation is None else origins(windows.validation)
    assert judged == (expected(held_out, 0) if held_out else [])


def test_a_target_without_a_value_in_the_context_has_no_truth():
    values = np.random.default_rng(0).normal(size=(40, 2))
    values[:20, 1] = values[30:, 0] = np.nan
    windows = split(make_store([values]), 8, 4, [0]).train
    starts = windows.starts.numpy()
    truth = windows.horizons(torch.arange(len(windows))).numpy()
    for start, one in zip(starts, truth, strict=True):
        context, after = values[start : start + 8], values[start + 8 : start + 12]
        np.testing.assert_array_equal(np.isnan(one), np.isnan(after) | np.isnan(context).all(axis=0))
    assert not np.isnan(truth).all(axis=(1, 2)).any()
    assert starts.tolist() == [*range(29)]
    whole = windows.with_whole_truth()
    assert whole.starts.tolist() == [*range(13, 19)]
    assert not torch.isnan(whole.horizons(torch.arange(len(whole)))).any()


@pytest.mark.parametrize("student", [Linear(individual=True, shift=None), MLP(4)], ids=["exact", "trained"])
def test_a_target_is_not_learned_from_windows_in_which_it_is_not_forecast(student):
    settings = {"context_length": 8, "prediction_length": 4, "validation_fraction": 0, "max_epochs": 3}
    forecaster = DistilledForecaster(None, student, Supervised(), scaling="window", random_state=0, **settings)
    series = np.stack([np.sin(np.arange(90) / 3), np.cos(np.arange(90) / 4)], axis=1)
    series[:46, 1] = np.nan
    answers = []
    for value in (0.0, 50.0):  # after contexts without a value, and in contexts that nothing follows
        series[30:32, 1] = value, value + 1
        answers.append(forecaster.fit(series).predict(series[-8:]))
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-4)
