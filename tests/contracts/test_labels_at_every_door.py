"""Columns, step and kind of index that fit saw, at every later door."""

import datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator

from skdistill import DistilledForecaster, load, load_numpy
from skdistill.deploy import NumpyStudent
from skdistill.sktime import SktimeDistilledForecaster

NAMES = {
    "whole numbers": pd.Index([30, 10, 20]),
    "positions in another order": pd.Index([2, 0, 1]),
    "moments": pd.DatetimeIndex(["2020-01-01", "2021-01-01", "2022-01-01"]),
    "tuples": pd.Index([("a", 1), ("a", 2), ("b", 1)], tupleize_cols=False),
    "two levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["site", "sensor"]),
    "mixed": pd.Index(["load", 7, None], dtype=object),
    "numbers from 0, as pandas makes them up": pd.RangeIndex(3),
}


def make_values(n_timestamps=140):
    time = np.arange(n_timestamps)
    noise = np.random.default_rng(3).normal(size=(n_timestamps, 3))
    return np.c_[np.sin(time / 3), 100 + 5 * np.cos(time / 5), -40 + time / 50] + 0.1 * noise


def make_table(names, index=None):
    index = pd.date_range("2023-02-01", periods=140, freq="D") if index is None else index
    return pd.DataFrame(make_values(len(index)), index, names)


def make(**changes):
    settings = {"teacher": None, "student": "linear", "loss": "response", "context_length": 8, "prediction_length": 3}
    return DistilledForecaster(**{**settings, "validation_fraction": 0, "random_state": 0, **changes})


def doors(table, fitted):
    """What a user may call with a table, by name."""
    quantiles = make(
        student="mlp", loss="quantiledistill", quantiles=(0.1, 0.5, 0.9), calibration="conformal", max_epochs=1,
        validation_fraction=0.4,
    ).fit(table)  # fmt: skip
    return {
        "predict": fitted.predict,
        "predict, a list": lambda X: fitted.predict([table, X]),
        "fit, a list": lambda X: make().fit([table, X]),
        "backtest": fitted.backtest,
        "score": fitted.score,
        "compare": lambda X: fitted.compare(X, n_resamples=2),
        "partial_fit": lambda X: make().partial_fit(table[:100]).partial_fit(X[100:]),
        "calibrate": quantiles.calibrate,
        "predict_quantiles": quantiles.predict_quantiles,
        "stream": lambda X: fitted.stream(X[:20]),
        "a frozen teacher": lambda X: make(teacher=FrozenEstimator(fitted)).fit(X),
    }


def is_refused(call, table):
    """Say whether a call tells that columns are not those of fit."""
    try:
        call(table)
    except ValueError as error:
        return any(word in str(error) for word in ("columns", "features", "channels"))
    return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", NAMES)
def test_other_columns_are_noticed(kind):
    names = NAMES[kind]
    table = make_table(names)
    fitted = make().fit(table)
    others = {
        "order": table.iloc[:, [1, 0, 2]],
        "a name": table.set_axis([*list(names)[:2], 999], axis=1),
        "one missing": table.iloc[:, :2],
    }
    taken = []
    for door, call in doors(table, fitted).items():
        call(table)
        taken += [(door, change) for change, other in others.items() if not is_refused(call, other)]
    assert not taken


def test_arrays_and_tables_without_names_are_taken_by_position():
    fitted = make().fit(make_table(NAMES["tuples"]))
    with pytest.warns(UserWarning, match=r"X has the default column names \[0, 1, 2\], and fit saw \[\('a', 1\)"):
        unnamed = fitted.predict(make_table(None))
    np.testing.assert_array_equal(fitted.predict(make_values()), unnamed.to_numpy())


@pytest.mark.parametrize(
    "names", [["a", 1, 2.5], NAMES["tuples"], NAMES["moments"]], ids=["mixed", "tuples", "moments"]
)
def test_names_that_fit_did_not_see_are_told(names):
    fitted = make().fit(make_table(None))
    with pytest.warns(UserWarning, match=r"X has the column names \[.*, and fit saw \[0, 1, 2\]: .* by position"):
        fitted.predict(make_table(names))


@pytest.mark.parametrize("fitted_to", ["a selection", "an array"])
def test_default_numbers_are_names_where_their_order_differs(fitted_to):
    table = make_table(None)
    selected = table[[2, 0, 1]]
    fitted, other = (selected, table) if fitted_to == "a selection" else (table.to_numpy(), selected)
    forecaster = make().fit(fitted)
    with pytest.raises(ValueError, match="X must have the columns of fit in their order") as raised:
        forecaster.predict(other)
    assert ("only count them, in that order: X.to_numpy()" in str(raised.value)) == (other is table)
    forecaster.predict(table.to_numpy() if fitted_to == "an array" else selected)


@pytest.mark.parametrize("kind", NAMES)
def test_an_exported_student_knows_its_columns(kind, tmp_path):
    table = make_table(NAMES[kind])
    fitted = make().fit(table)
    fitted.export(tmp_path / "student.npz")
    student = load_numpy(tmp_path / "student.npz")
    np.testing.assert_allclose(student.predict(table), fitted.predict(table), rtol=1e-5)
    with pytest.raises(ValueError, match="the table must have the columns"):
        student.predict(table.iloc[:, [1, 0, 2]])
    with pytest.raises(ValueError, match="windows must have the columns"):
        NumpyStudent.load(tmp_path / "student.npz").predict(table.iloc[:, [1, 0, 2]])


@pytest.mark.parametrize("kind", ["whole numbers", "positions in another order", "moments", "two levels"])
def test_targets_are_columns_by_their_name(kind):
    names = NAMES[kind]
    target = names[1]
    forecast = make(targets=[target]).fit(make_table(names)).predict(make_table(names))
    assert list(forecast.columns) == [target]
    assert abs(forecast.iloc[0, 0] - 100) < 10


def test_a_row_of_a_stream_is_matched_by_its_labels():
    table = make_table(NAMES["whole numbers"])
    fitted = make().fit(table[:100])
    stream, plain = fitted.stream(table[:100]), fitted.stream(table[:100])
    for position in range(100, 112):
        row = table.iloc[position] if position % 2 else table.iloc[[position]]
        stream.append(row[[10, 20, 30]])
        plain.append(table.to_numpy()[position])
    np.testing.assert_array_equal(stream.predict(), plain.predict())
    with pytest.raises(ValueError, match=r"columns of fit, \[30, 10, 20\].*missing \[20\], new \[99\]"):
        stream.append(table.iloc[112].rename({20: 99}))
    with pytest.raises(ValueError, match=r"one at 2023-05-24 00:00:00, row 1 after 2023-05-23 .*got 2023-05-26"):
        stream.append(table.iloc[[114]])
    stream.append(table.iloc[[112]])


WEEK = pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu", holidays=["2023-04-09", "2023-07-30"])
CALENDARS = {
    "business days": ("B", 5),
    "a week from Sunday with holidays": (WEEK, 4),
    "quarters": ("QS-FEB", 2),
    "the 31st": (pd.DateOffset(months=1, day=31), 1),
    "half months": ("SME-12", 2),
    "last Monday": (pd.offsets.LastWeekOfMonth(weekday=0), 1),
    "an unanchored week": (pd.offsets.Week(), 1),
    "hours of business": (pd.offsets.BusinessHour(start="08:00", end="12:00"), 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CALENDARS)
@pytest.mark.parametrize("student", ["linear", "itransformer"])
def test_forecasts_from_the_last_rows_alone_go_on_by_the_step_of_fit(kind, student, tmp_path):
    offset, length = CALENDARS[kind]
    index = pd.date_range("2023-01-01 08:00", periods=91, freq=offset)[1:]
    table = make_table(["a", "b", "c"], index)
    settings = {"student": student, "context_length": length, "max_epochs": 1}
    fitted = make(**settings).fit(table[:80])
    few = table[80 - length : 80].set_axis(pd.DatetimeIndex(index[80 - length : 80].to_numpy()), axis=0)
    fitted.save(tmp_path / "file")
    for forecaster in (fitted, load(tmp_path / "file")):
        assert list(forecaster.predict(few).index) == list(index[80:83])
        assert [list(one.index) for one in forecaster.predict([few, few])] == [list(index[80:83])] * 2
    np.testing.assert_allclose(
        fitted.predict(few), fitted.backtest(table[70:])[lambda one: one.index.get_level_values(0) == index[80]],
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("index", "ahead"),
    [
        (pd.Index(np.arange(90) * 7 + 3), [633, 640, 647]),
        (pd.Index(np.arange(90) * 0.25), [22.5, 22.75, 23.0]),
        (pd.to_timedelta(np.arange(90) * 90, unit="s"), list(pd.to_timedelta([8100, 8190, 8280], unit="s"))),
        (pd.timedelta_range("1D", periods=90, freq="8h"), list(pd.timedelta_range("31D", periods=3, freq="8h"))),
        (
            pd.DatetimeIndex(pd.date_range("2024-01-01", periods=90, freq="B"), freq=None),  # as Arrow keeps them
            list(pd.to_datetime(["2024-05-06", "2024-05-07", "2024-05-08"])),
        ),
        (pd.period_range("2000", periods=90, freq="2Q"), list(pd.period_range("2045", periods=3, freq="2Q"))),
    ],
    ids=["whole", "real", "durations", "durations with a step", "Arrow", "periods"],
)
def test_any_kind_of_label_is_carried_on_from_one_row(index, ahead, request):
    if request.node.callspec.id == "Arrow":
        pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
        index = index.astype("timestamp[ns][pyarrow]")
    table = make_table(["a", "b", "c"], index)
    forecast = make(context_length=1).fit(table).predict(table[-1:])
    assert list(forecast.index) == ahead
    assert forecast.index.dtype == index.dtype


def test_series_of_several_steps_keep_their_own():
    ends = [pd.date_range(end="2022-12-31", periods=60, freq=freq) for freq in ("YE", "ME", "QE")]
    bare = [make_table(["a", "b", "c"], pd.DatetimeIndex(index.to_numpy())) for index in ends]
    forecasts = make().fit(bare).predict(bare)
    assert [str(one.index[0].date()) for one in forecasts] == ["2023-12-31", "2023-01-31", "2023-03-31"]
    short = [table[-8:] for table in bare]
    assert [list(one.index) for one in make().fit(bare).predict(short)] == [list(one.index) for one in forecasts]


def test_series_of_several_calendars_are_refused_by_name_where_the_calendar_is_read():
    tables = [make_table(["a", "b", "c"], pd.date_range(end="2022-12-31", periods=60, freq=f)) for f in ("ME", "D")]
    with pytest.raises(ValueError, match=r"series of one frequency: .*X\[0\] has month; that of X\[1\] has weekday"):
        make(student="itransformer", max_epochs=1).fit(tables)


MOMENTS = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=step) for step in range(60)]
COLUMNS = {"when": MOMENTS, "load": np.arange(60.0)}
TABLES = {
    "polars": (
        "polars",
        lambda polars: polars.DataFrame(COLUMNS),
        r"polars.DataFrame.*X.to_pandas\(\).set_index\('when'\)",
    ),
    "polars, lazy": (
        "polars",
        lambda polars: polars.LazyFrame(COLUMNS),
        r"LazyFrame.*X.collect\(\).to_pandas\(\).set_index\('when'\)",
    ),
    "polars without times": (
        "polars",
        lambda polars: polars.DataFrame(COLUMNS).drop("when"),
        r"Write X.to_pandas\(\)\.",
    ),
    "a column of polars": (
        "polars",
        lambda polars: polars.Series("load", COLUMNS["load"]),
        r"polars.Series.*X.to_pandas\(\)",
    ),
    "Arrow": ("pyarrow", lambda pyarrow: pyarrow.table(COLUMNS), r"pyarrow.Table.*X.to_pandas\(\).set_index\('when'\)"),
    "a long table": (
        "polars",
        lambda polars: polars.DataFrame({"shop": ["a"] * 60, **COLUMNS}),
        r"X.to_pandas\(\).set_index\('when'\); or, if .* skdistill.datasets.read_panel\(X, id='shop', time='when'\)",
    ),
    "DuckDB": (
        "duckdb",
        lambda duckdb: duckdb.from_df(pd.DataFrame(COLUMNS)),
        r"DuckDBPyRelation.*Write X.df\(\).set_index\('when'\)\.",
    ),
    "an Arrow batch": (
        "pyarrow",
        lambda pyarrow: pyarrow.table(COLUMNS).to_batches()[0],
        r"RecordBatch.*set_index\('when'\)",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_other_libraries_are_told_the_way(kind):
    library, build, message = TABLES[kind]
    table = build(pytest.importorskip(library, reason=f"needs pip install {library}"))
    for ask in (make().fit, make().fit(np.arange(60.0)[:, None]).predict):
        with pytest.raises(ValueError, match=message):
            ask(table)
        with pytest.raises(ValueError, match=message.replace("X", r"X\[1\]")):
            ask([np.arange(60.0)[:, None], table])
    if library == "pyarrow":
        converted = table.to_pandas().set_index("when")
        assert make().fit(converted).predict(converted).index[0] == pd.Timestamp("2024-01-03 12:00")


def test_masked_entries_are_missing_and_never_the_numbers_behind_the_mask():
    values = np.ma.array(make_values(), mask=np.zeros((140, 3), dtype=bool))
    plain = make().fit(make_values())
    np.testing.assert_array_equal(make().fit(values).predict(values), plain.predict(make_values()))
    values[130, 1] = np.ma.masked
    holed = make_values()
    holed[130, 1] = np.nan
    for given in (values, [values]):
        try:
            expected = plain.predict(holed)
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error)[2:20]):
                plain.predict(given)
        else:
            got = plain.predict(given)
            np.testing.assert_array_equal(got[0] if isinstance(given, list) else got, expected)


SPECIAL = {
    "holidays": pd.offsets.CustomBusinessDay(holidays=["2023-03-01", "2023-04-07", "2023-05-01"]),
    "every second business day": pd.offsets.BusinessDay(2),
    "Easter": pd.offsets.Easter(),
    "hours of business with holidays": pd.offsets.CustomBusinessHour(
        start="10:00", end="13:00", holidays=["2023-02-10"]
    ),
}


@pytest.mark.parametrize("calendar", SPECIAL.values(), ids=SPECIAL)
def test_a_panel_has_the_special_calendar_of_its_last_level(calendar):
    days = pd.date_range("2023-02-01", periods=80, freq=calendar)
    whole = make_table(pd.Index(["a", "b", "c"]), days)
    panel = pd.concat({"long": whole[:60], "short": whole[20:60]}, names=["shop", "day"])
    if panel.index.levels[1].freq is None:  # pandas forgets it where series start apart
        with pytest.raises(ValueError, match=r"set it: X.index = X.index.set_levels\("):
            make().fit(panel)
        panel.index = panel.index.set_levels(pd.DatetimeIndex(panel.index.levels[1], freq=calendar), level=1)
    forecaster = make().fit(panel)
    for rows in (panel, panel.groupby(level=0).tail(8), panel.sort_index(level=1, sort_remaining=False)):
        forecast = forecaster.predict(rows)
        for shop in ("long", "short"):
            assert list(forecast.loc[shop].index) == list(days[60:63])
    sktime = SktimeDistilledForecaster(
        None, "linear", "response", context_length=8, prediction_length=3, validation_fraction=0
    ).fit(panel)
    assert list(sktime.predict(fh=[1, 2, 3]).loc["short"].index) == list(days[60:63])
