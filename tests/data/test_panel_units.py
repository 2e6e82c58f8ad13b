"""Units of many series at once are those of each alone."""

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.preprocessing import PowerTransformer

from skdistill.data._local_scale import LocalUnits, series_units, window_units
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._store import SeriesStore
from skdistill.networks import MLP


def make_rows():
    generator = np.random.default_rng(0)
    rows = [10.0**number * generator.normal(3.0, 1.0, size=(length, 2)) for number, length in enumerate((30, 9, 30, 1))]
    rows[2][4:9, 0] = np.nan
    return rows


def test_units_of_series_of_one_length_are_those_of_each_alone():
    rows = make_rows()
    together = series_units(rows, season=7)
    for number, one in enumerate(rows):
        alone = series_units([one], season=7)
        np.testing.assert_allclose(together.center[number], alone.center[0], rtol=1e-14)
        np.testing.assert_allclose(together.unit[number], alone.unit[0], rtol=1e-14)


def test_blocks_change_no_unit_and_no_standardized_row(monkeypatch):
    rows = [*make_rows(), *make_rows()]
    whole, own = series_units(rows, season=7), series_units(rows[:1], season=7)
    of_rows = LocalUnits(*(np.repeat(one[:3], 10, axis=0) for one in (whole.center, whole.unit)))  # of three series
    scaling, expected, found = Scaling().fit(rows), np.empty((2, 30, 2), np.float32), np.empty((2, 30, 2), np.float32)
    for units, out in zip((own, of_rows), expected, strict=True):
        scaling.standardize_into(rows[0], out, units)
        np.testing.assert_allclose(out, (rows[0] - units.center) / units.unit, rtol=1e-5)
    monkeypatch.setattr("skdistill.data._scaling.BLOCK_ROWS", 7)
    monkeypatch.setattr("skdistill.data._local_scale._BLOCK_ROWS", 7)
    for units, out in zip((own, of_rows), found, strict=True):
        scaling.standardize_into(rows[0], out, units)
    np.testing.assert_array_equal(found, expected)
    together = series_units(rows, season=7)
    np.testing.assert_array_equal((together.center, together.unit), (whole.center, whole.unit))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("n_missing", [9, 36])  # several blocks have values, or one
def test_a_channel_without_a_value_in_whole_blocks_has_the_mean_of_the_others(monkeypatch, n_missing):
    monkeypatch.setattr("skdistill.data._spread.BLOCK_ROWS", 7)
    rows = np.random.default_rng(0).normal(3.0, 2.0, size=(40, 2))
    rows[:n_missing, 0], rows[20:30, 1] = np.nan, np.nan
    scaling = Scaling().fit([rows])
    np.testing.assert_allclose(scaling.mean_, np.nanmean(rows, axis=0))
    np.testing.assert_allclose(scaling.scale_, np.nanstd(rows, axis=0))


@pytest.mark.parametrize("kind", ["global", "series", "window"])
def test_contexts_are_known_in_original_units(kind):
    panel = {name: 10.0**number * make_frame(40, seed=number) for number, name in enumerate("abc")}
    windows = make_forecaster(scaling=kind, validation_fraction=0)._windows_to_fit(panel, None).train
    rows = np.concatenate([one.to_numpy() for one in panel.values()])
    inside = windows.series_of(windows.starts.numpy())
    contexts = windows.contexts(windows.starts.new_tensor(range(len(windows))))
    assert set(inside) == {0, 1, 2}
    for number, found in enumerate(contexts.original()):
        first = 40 * inside[number] + int(windows.starts[number]) - windows.store.offsets[inside[number]]
        if first >= 40 * inside[number]:
            np.testing.assert_allclose(found, rows[first : first + 12], rtol=1e-4)


@pytest.mark.parametrize("length", [5, 11, 12])
def test_a_series_of_no_more_than_a_season_is_in_units_of_neighboring_values(length):
    """Not in the distance of its first row from its last, which can be anything; its windows have the same units."""
    rows = np.arange(length)[:, None] + np.sin(np.arange(length))[:, None]
    expected = np.abs(np.diff(rows, axis=0)).mean()
    assert series_units([rows], season=12).unit.item() == pytest.approx(expected)
    window = np.concatenate([np.full((24 - length, 1), np.nan), rows])[None]
    assert window_units(window, season=12)[0].unit.item() == pytest.approx(expected)


def test_mean_and_scale_of_short_series_are_those_of_all_rows():
    rows = make_rows()
    scaling = Scaling().fit(rows)
    everything = np.concatenate(rows)
    np.testing.assert_allclose(scaling.mean_, np.nanmean(everything, axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale_, np.nanstd(everything, axis=0), rtol=1e-12)


@pytest.mark.parametrize("student", ["linear", MLP(4)], ids=["linear", "MLP"])
def test_series_without_observed_training_values_are_scaled_like_unseen_ones(student):
    wave = 1000.0 + 50.0 * make_series(80)
    late, short = wave.copy(), wave[:20].copy()
    late[:55, 1] = np.nan  # one channel is observed in the validation rows only
    panel = {"whole": wave, "late": late, "short": short}
    with pytest.warns(UserWarning, match="too few training rows"):
        forecaster = make_forecaster(teacher=None, student=student, validation_fraction=25).fit(panel)
    assert forecaster.scaling_.ids_ == ["whole"]
    known = forecaster.predict(panel)
    unseen = forecaster.predict({f"new {name}": rows for name, rows in panel.items()})
    for name in ("late", "short"):
        np.testing.assert_array_equal(known[name], unseen[f"new {name}"])


def test_a_channel_that_no_series_has_costs_no_series_its_units():
    panel = {name: make_series(80, 3, seed) for seed, name in enumerate("ab")}
    for rows in panel.values():
        rows[:, 2] = np.nan
    forecaster = make_forecaster(teacher=None, student="linear", targets=[0]).fit(panel)
    assert forecaster.scaling_.ids_ == ["a", "b"]


@pytest.mark.parametrize("kind", ["global", "series", "window"])
@pytest.mark.parametrize("transformer", [None, PowerTransformer()])
def test_series_in_one_store_are_those_in_stores_of_their_own_to_the_bit(kind, transformer):
    rows = [*make_rows(), make_rows()[0].astype(np.float32)]
    scaling = Scaling(transformer, kind=kind, season=7).fit(rows)
    numbers = [0, 1, -1, 3, 4]  # the third is none of fit
    together = SeriesStore.from_series([Series(one) for one in rows], scaling, padding=3, front=2, numbers=numbers)
    for number, offset, one in zip(numbers, together.offsets, rows, strict=True):
        alone = SeriesStore.from_series([Series(one)], scaling, padding=3, front=2, numbers=[number])
        here = together.values[offset - 2 : offset + len(one) + 3]
        np.testing.assert_array_equal(here.numpy(), alone.values.numpy())


def test_a_far_value_is_named_by_its_series_and_row_among_many():
    series = [Series(make_series(30, seed=number), id=f"s{number}") for number in range(4)]
    scaling = Scaling().fit([one.values for one in series])
    series[2].values[5, 1] = 1e30
    with pytest.raises(ValueError, match=r"got 1e\+30 in row 5 of series 's2', channel 1"):
        SeriesStore.from_series(series, scaling, padding=2)


def test_thousands_of_short_series_are_standardized_together(monkeypatch):
    series = [Series(make_series(20, seed=number)) for number in range(50)]
    scaling = Scaling(kind="series").fit([one.values for one in series])
    calls, standardize = [], Scaling.standardize_into
    monkeypatch.setattr(Scaling, "standardize_into", lambda *a: calls.append(1) or standardize(*a))
    SeriesStore.from_series(series, scaling, padding=2, numbers=list(range(50)))
    assert len(calls) == 1
