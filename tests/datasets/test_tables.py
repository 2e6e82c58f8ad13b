"""Files and tables of every library give the same panel."""

import datetime
import decimal
import io
import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill.datasets import read_panel, regularize

DAYS = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=k) for k in (0, 1, 3)]
PANEL = pd.DataFrame(
    {"y": [1.0, np.nan, np.nan, 4.0, 5.0, 6.0], "promo": [0.0, 1.0, np.nan, 1.0, np.nan, 0.0]},
    index=pd.MultiIndex.from_arrays(
        [
            ["a"] * 4 + ["b"] * 2,
            pd.DatetimeIndex([*pd.date_range("2024-01-01", periods=4), *pd.date_range("2024-01-01", periods=2)]),
        ],
        names=["series", "time"],
    ),
)
IDS = ["b", "a", "a", "a", "b"]
TIMES = [DAYS[0], DAYS[0], DAYS[1], DAYS[2], DAYS[1]]
Y = [5.0, 1.0, None, 4.0, 6.0]
PROMO = [None, False, True, True, False]


def arrow_table(**more):
    pa = pytest.importorskip("pyarrow")
    return pa.table({"unique_id": IDS, "ds": TIMES, "y": Y, "promo": PROMO, **more})


def polars_table():
    pytest.importorskip("pyarrow")
    return pytest.importorskip("polars").DataFrame({"unique_id": IDS, "ds": TIMES, "y": Y, "promo": PROMO})


def relation(table):
    return pytest.importorskip("duckdb").from_arrow(table)


MAKERS = {
    "pandas": lambda: pd.DataFrame({"unique_id": IDS, "ds": TIMES, "y": Y, "promo": PROMO}),
    "pandas, nullable": lambda: pd.DataFrame({"unique_id": IDS, "ds": TIMES, "y": Y, "promo": PROMO}).convert_dtypes(),
    "pandas, categories": lambda: pd.DataFrame(
        {"unique_id": pd.Categorical(IDS, ["z", "b", "a"]), "ds": TIMES, "y": Y, "promo": PROMO}
    ),
    "pandas, index": lambda: pd.DataFrame({"unique_id": IDS, "ds": TIMES, "y": Y, "promo": PROMO}).set_index(
        "unique_id"
    ),
    "pandas, Arrow types": lambda: arrow_table().to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": arrow_table,
    "polars": polars_table,
    "polars, lazy": lambda: polars_table().lazy(),
    "duckdb": lambda: relation(arrow_table()),
    "duckdb, from polars": lambda: relation(polars_table().to_arrow()),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_library_gives_the_same_panel(name):
    panel = read_panel(MAKERS[name]())
    panel.index = panel.index.set_levels(panel.index.levels[1].as_unit(PANEL.index.levels[1].unit), level=1)
    pd.testing.assert_frame_equal(panel, PANEL, check_freq=False, check_index_type="equiv")


@pytest.mark.parametrize("name", ["pyarrow", "polars", "polars, lazy", "duckdb"])
def test_regularize_takes_tables_of_every_library(name):
    panel = regularize(MAKERS[name](), id="unique_id", time="ds", columns=["y"], verbose=0)
    assert panel["y"].tolist()[3:] == PANEL["y"].tolist()[3:]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "zip", "tsv", "parquet"])
@pytest.mark.parametrize("as_text", [True, False])
def test_every_kind_of_file_gives_the_same_panel(tmp_path, form, as_text):
    frame = MAKERS["pandas"]()
    path = tmp_path / f"long.{form}"
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    panel = read_panel(str(path) if as_text else path, columns=["y"])
    pd.testing.assert_frame_equal(panel, PANEL[["y"]], check_freq=False, check_index_type="equiv")


def test_levels_of_the_index_that_pandas_writes_are_no_channels():
    with_index = arrow_table(__index_level_0__=[0, 1, 2, 5, 7])
    pd.testing.assert_frame_equal(read_panel(with_index), PANEL, check_freq=False, check_index_type=False)  # ns, us
    assert "__index_level_0__" in read_panel(with_index, columns=["y", "__index_level_0__"])
    with pytest.raises(ValueError, match="columns of read_panel name 'y' twice"):
        read_panel(MAKERS["pandas"](), columns=["y", "y"])


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    pytest.importorskip("pyarrow")
    frame = MAKERS["pandas"]()
    for name, part in frame.groupby("unique_id"):
        (tmp_path / "long" / f"unique_id={name}").mkdir(parents=True)
        part.drop(columns="unique_id").to_parquet(tmp_path / "long" / f"unique_id={name}" / "part.parquet")
    assert read_panel(tmp_path / "long", columns="y")["y"].equals(PANEL["y"])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_arrow_moments_keep_unit_and_zone(unit, tz):
    pa = pytest.importorskip("pyarrow")
    moments = pd.date_range("2024-03-30", periods=4, freq="D", tz=tz).as_unit(unit)
    table = pa.table(
        {"unique_id": ["a"] * 3, "ds": pa.array(moments[[0, 1, 3]], pa.timestamp(unit, tz)), "y": [1.0, 2.0, 4.0]}
    )
    for one in (table, table.to_pandas(types_mapper=pd.ArrowDtype)):
        index = read_panel(one).index
        assert list(index.get_level_values("time")) == list(moments)
        assert index.levels[1].dtype == moments.dtype


def test_decimals_days_and_tables_of_nothing_but_nulls():
    pa = pytest.importorskip("pyarrow")
    prices = [decimal.Decimal("1.5"), None, decimal.Decimal("2.25")]
    days = [datetime.date(2024, 1, k) for k in (1, 2, 3)]
    table = pa.table({"unique_id": [1, 1, 1], "ds": days, "price": prices, "none": pa.nulls(3)})
    frame = pd.DataFrame({"unique_id": [1, 1, 1], "ds": days, "price": prices, "none": [None] * 3})
    for one in (table, frame, table.to_pandas(types_mapper=pd.ArrowDtype)):
        panel = read_panel(one)
        assert panel["price"].dtype == np.float64
        np.testing.assert_array_equal(panel["price"], [1.5, np.nan, 2.25])
        assert panel["none"].isna().all()
        assert list(panel.index) == [(1, pd.Timestamp(day)) for day in days]


def test_ids_of_a_csv_file_without_names_are_no_channel():
    rows = [f"{one},2024-01-0{day},{day}" for one in (7, 8) for day in range(1, 5)]
    panel = read_panel(io.StringIO("\n".join(rows)), id=0, time=1, header=None)
    assert list(panel.columns) == [2]
    assert panel.index.levels[0].tolist() == [7, 8]
    named = read_panel(io.StringIO("\n".join(rows)), id=0, time=1, columns=[2], header=None)
    pd.testing.assert_frame_equal(named, panel)


def test_ids_of_a_csv_file_are_as_they_are_written():
    def ids(*written, **options):
        lines = [f"{one},2024-01-01,1" for one in written]
        file = io.StringIO("\n".join(["unique_id,ds,y", *lines]))
        return list(read_panel(file, **options).index.get_level_values(0))

    assert ids("10", "9", "-3") == [-3, 9, 10]
    assert ids("010", "9") == ["010", "9"]
    assert ids("10", "9", "x") == ["10", "9", "x"]
    for texts in (["1.0", "2.0"], ["1000", "1e3"], ["false", "true"], ["010", "10"]):  # numbers to pandas 3.1
        assert ids(*texts) == ids(*texts, dtype={"unique_id": "category"}) == texts
    text = pd.DataFrame({"unique_id": ["10", "9"], "ds": [0, 0], "y": [1.0, 2.0]})
    assert list(read_panel(text).index.get_level_values(0)) == ["10", "9"]  # text in a table is meant


LONG = "unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n"


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (LONG, {"id": "uniqueid"}, "id of read_panel must be one of .*Did you mean 'unique_id'.*columns of the file"),
        (LONG, {"time": "date"}, "time of read_panel must be one of 'unique_id', 'ds', 'y'; got 'date'"),
        (LONG, {"columns": ["z"]}, "columns of read_panel must be one of 'unique_id', 'ds', 'y'; got 'z'"),
        (LONG, {"columns": ["ds"]}, "'ds' is id or time"),
        (LONG, {"id": "ds"}, "the column 'ds' as id and as time"),
        (LONG.replace(",", ";"), {}, "the single column 'unique_id;ds;y': give sep=';'"),
        ("unique_id,ds\na,2024-01-01\n", {}, "no column beside 'unique_id', 'ds'"),
        ("", {}, "the file is empty"),
        ("unique_id,ds,y\n", {}, "the file has no rows"),
        (pd.DataFrame(np.ones((2, 3)), columns=["unique_id", "y", "y"]), {}, "the column 'y' twice"),
        ("long.xlsx", {}, r"reads \.csv, .*pandas\.read_excel"),
    ],
)
def test_bad_tables(table, options, message):
    if isinstance(table, str) and not table.endswith(".xlsx"):
        table = io.StringIO(table)
    with pytest.raises(ValueError, match=message):
        read_panel(table, **options)


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match=r"read_panel reads paths and tables of pandas, polars, .*; got list"):
        read_panel([{"y": 1}])
    with pytest.raises(TypeError, match="got sep, which only apply to files"):
        read_panel(MAKERS["pandas"](), sep=";")
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        read_panel("missing.csv")
    with pytest.raises(ValueError, match="A table of one series has none: use regularize or load_csv"):
        read_panel(io.StringIO("ds,y\n2024-01-01,1"))
    with pytest.raises(TypeError, match="regularize reads paths and tables"):
        regularize(np.ones(3), time="at")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"Parquet files needs pyarrow.*pip install 'skdistill\[parquet\]'"):
        read_panel(tmp_path / "long.parquet")


@pytest.mark.parametrize("ids", [("north", "North "), ("007", "7"), ("7", "7.0"), ("K\u00f6ln", "Ko\u0308ln")])
def test_ids_that_differ_in_spelling_alone_are_told_where_they_share_no_time(ids):
    """Two shops of nearly one name have rows on the same days; a name that was changed has not."""
    days = pd.date_range("2024-01-01", periods=8)
    both = pd.DataFrame({"shop": ["west", *ids] * 8, "day": days.repeat(3), "sales": range(24)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_panel(both, id="shop", time="day")
    renamed = both[(both["shop"] != ids[0]) | (both["day"] < days[4])]
    renamed = renamed[(renamed["shop"] != ids[1]) | (renamed["day"] >= days[4])]
    with pytest.warns(UserWarning, match="differ in case, spaces, leading zeros or decimals alone and share no time"):
        panel = read_panel(renamed, id="shop", time="day")
    assert panel.groupby(level="series").size().to_dict() == {"west": 8, ids[0]: 4, ids[1]: 4}


def test_ids_of_another_spelling_in_exports_that_overlap_are_told():
    days = pd.date_range("2024-01-01", periods=24)
    parts = [{"shop": "west", "day": days}, {"shop": "007", "day": days[:14]}, {"shop": "7", "day": days[12:]}]
    rows = pd.concat(map(pd.DataFrame, parts)).assign(sales=1.0)
    with pytest.warns(UserWarning, match="'007' and '7', which differ in case, .* and share few times"):
        read_panel(rows, id="shop", time="day")


@pytest.mark.parametrize("ids", [["007", "008"], ["7", "8"], ["new/york", "a b"]])
def test_ids_that_are_names_of_folders_are_as_they_are_written(tmp_path, ids):
    parquet, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = pa.table({"shop": ids * 4, "day": list(pd.date_range("2024-01-01", periods=4).repeat(2)), "sales": range(8)})
    parquet.write_to_dataset(rows, tmp_path / "sales", partition_cols=["shop"])
    panel = read_panel(tmp_path / "sales", id="shop", time="day")
    assert panel.index.levels[0].tolist() == ([7, 8] if ids == ["7", "8"] else sorted(ids))
    assert panel["sales"].groupby(level=0).sum().tolist() == [float(sum(range(k, 8, 2))) for k in np.argsort(ids)]


OTHER_FILES = {
    "a column more": (lambda rows: rows.assign(promo=1.0), "has not the columns of .*'promo' is in one of them only"),
    "another name": (lambda rows: rows.rename(columns={"y": "Y"}), "'Y', 'y' is in one of them only"),
    "a zone": (lambda rows: rows.assign(ds=rows["ds"].dt.tz_localize("UTC")), "has other types than .* timezone"),
    "text": (lambda rows: rows.assign(y=rows["y"].astype(str)), "has other types than .*Field y"),
    "ids of another type": (lambda rows: rows.assign(unique_id=7), "has other types than .*Field unique_id"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_files_of_a_folder_that_have_other_columns_are_refused(tmp_path, kind):
    """The first file told the columns and types of all: values of others were lost, and UTC read as local time."""
    pytest.importorskip("pyarrow")
    change, message = OTHER_FILES[kind]
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=4), "y": [1.0, 2.0, 3.0, 5.0]})
    rows.to_parquet(tmp_path / "1.parquet")
    change(rows.assign(unique_id="b")).to_parquet(tmp_path / "2.parquet")
    for read in (read_panel, regularize):
        with pytest.raises(ValueError, match=message):
            read(tmp_path, id="unique_id", time="ds")
    if kind == "a column more":
        assert len(read_panel(tmp_path, columns=["y"])) == 8


def test_numbers_of_a_folder_are_read_in_a_type_that_holds_all(tmp_path):
    pytest.importorskip("pyarrow")
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=2), "y": [1, 2]})
    rows.to_parquet(tmp_path / "1.parquet")
    rows.assign(unique_id="b", y=[0.5, np.nan]).to_parquet(tmp_path / "2.parquet")
    np.testing.assert_array_equal(read_panel(tmp_path)["y"], [1.0, 2.0, 0.5, np.nan])


@pytest.mark.filterwarnings("ignore::pandas.errors.ParserWarning")
@pytest.mark.parametrize("options", [{"skipfooter": 1}, {"engine": "python", "skipfooter": 1}, {"sep": r"\s*,\s*"}])
@pytest.mark.parametrize("read", [read_panel, regularize])
def test_options_that_only_the_engine_in_python_has_are_taken(read, options):
    lines = ["id,day,y", *(f"a,2024-01-0{day},{day}" for day in range(1, 6))]
    rows = "\n".join([*lines, "the end,," * ("skipfooter" in options)]).strip()
    panel = read(io.StringIO(rows), id="id", time="day", **options)
    assert panel["y"].tolist() == [1, 2, 3, 4, 5]


def test_columns_of_tables_put_together_that_differ_in_case_alone_are_told():
    """Forecasts of 'sales' started where the second export called them 'Sales'."""
    days = pd.date_range("2024-01-01", periods=20)
    one = pd.DataFrame({"unique_id": "a", "ds": days[:10], "sales": 1.0})
    both = pd.concat([one, pd.DataFrame({"unique_id": "a", "ds": days[10:], "Sales ": 2.0})])
    for read in (read_panel, regularize):
        with pytest.warns(
            UserWarning, match="the columns 'sales' and 'Sales ', which differ in case or spaces alone, and"
        ):
            read(both, id="unique_id", time="ds")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_panel(both.assign(**{"Sales ": 2.0}))
