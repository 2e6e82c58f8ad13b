"""Files that are not written the way pandas reads by default."""

import io
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest

from skdistill.datasets import load_csv, read_panel, regularize

GERMAN = "Filiale;Datum;Umsatz\n" + "".join(
    f"{shop};{day:02d}.03.2024;{shop}.{day:03d},50\n" for shop in (1, 2) for day in range(1, 13)
)
OPTIONS = {"sep": ";", "decimal": ",", "thousands": "."}


def one_shop():
    return io.StringIO("\n".join(GERMAN.splitlines()[:13]))


def read_csv():
    return load_csv(one_shop(), time="Datum", usecols=["Datum", "Umsatz"], **OPTIONS)


def read_by_position():
    return load_csv(one_shop(), time=0, usecols=["Datum", "Umsatz"], **OPTIONS)


def read_regular():
    return regularize(one_shop(), time="Datum", columns=["Umsatz"], verbose=0, **OPTIONS)


def read_shops():
    return read_panel(io.StringIO(GERMAN), id="Filiale", time="Datum", **OPTIONS).loc[1]


@pytest.mark.parametrize("read", [read_csv, read_by_position, read_regular, read_shops])
def test_separators_of_thousands_leave_dates_alone(read):
    with pytest.warns(UserWarning, match="day first"):
        frame = read()
    assert frame.index.equals(pd.date_range("2024-03-01", periods=12, freq="D"))
    np.testing.assert_array_equal(frame["Umsatz"], 1000.5 + np.arange(1, 13))


def test_numbers_of_times_stay_numbers_and_months_with_a_dot_are_months():
    text = "at,x\n1704067200,1\n1704153600,2\n1704240000,3"
    assert load_csv(io.StringIO(text), time="at", unit="s").index[-1] == pd.Timestamp("2024-01-03")
    assert list(regularize(io.StringIO("at,x\n3,1\n4,2\n6,3"), time="at", verbose=0).index) == [3, 4, 5, 6]
    months = "at,x\n" + "".join(f"{month:02d}.2020,{month}\n" for month in range(1, 13))
    assert load_csv(io.StringIO(months), time="at", date_format="%m.%Y").index[9] == pd.Timestamp("2020-10-01")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("day;x\n2024-01-01;1.477,73\n2024-01-02;950,00", "decimal=',' and thousands='.' read it"),
        ("day;x\n2024-01-01;1.477,73\n2024-01-02;950", "decimal=',' and thousands='.' read it"),
        ("day;x\n2024-01-01;77,73\n2024-01-02;950", "decimal=',' reads it"),
        ("day;x\n2024-01-01;1,477.73\n2024-01-02;950.0", "thousands=',' reads it"),
        ("day;x\n2024-01-01;1,477\n2024-01-02;950", "thousands=',' reads it if commas separate thousands, decimal=','"),
        ("day;x\n2024-01-01;0,477\n2024-01-02;0,950", "such as '0,477': decimal=',' reads it"),
        ("day;x\n2024-01-01;85.0\n2024-01-02;\u221285.5", r"negative as in accounts: write -85\.5 for it"),
        ("day;x\n2024-01-01;85.0\n2024-01-02;(85.5)", r"negative as in accounts: write -85\.5 for it"),
        ("day;x\n2024-01-01;85.0\n2024-01-02;85.5-", r"negative as in accounts: write -85\.5 for it"),
    ],
)
def test_numbers_in_another_notation_are_told(text, advice):
    with pytest.raises(ValueError, match=advice):
        load_csv(io.StringIO(text), time="day", sep=";")
    with pytest.warns(UserWarning, match=advice):
        regularize(io.StringIO(text), time="day", sep=";", verbose=0)


def test_points_between_thousands_that_read_as_decimals_are_told(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("day;x;y\n2024-01-01;1.034;0.5\n2024-01-02;992;1\n2024-01-03;12.100;2\n2024-01-04;-1.300;1.125\n")
    for open_it in (lambda: file, lambda: io.StringIO(file.read_text())):
        with pytest.warns(
            UserWarning, match=r"column 'x' of .* '1\.034' and '992', read as 1\.034 and 992\..*thousands"
        ):
            assert load_csv(open_it(), time="day", sep=";")["x"].max() == 992
    for index_col in (0, "day", [0]):  # columns of an index are counted among those that are read again
        with pytest.warns(UserWarning, match=r"column 'x' of .* '1\.034' and '992'"):
            assert load_csv(file, index_col=index_col, parse_dates=True, sep=";")["x"].max() == 992
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_csv(file, time="day", sep=";", decimal=",", thousands=".", usecols=["day", "x"])["x"].min() == -1300
        load_csv(file, time="day", sep=";", decimal=".")
        for numbers in (
            "1.034 992 12.1",
            "1.034 992.000 12.100",
            "0.034 992 12.100 3.100",
            "1.034 1992 12.100 3.100",
            "inf 992 12.100 3.100",
        ):
            rows = [f"2024-01-0{day},{one}" for day, one in enumerate(numbers.split(), 1)]
            load_csv(io.StringIO("\n".join(["day,x", *rows])), time="day")


@pytest.mark.parametrize("read", [load_csv, read_panel, regularize])
def test_separators_of_thousands_that_no_three_digits_follow_are_told(tmp_path, read):
    file = tmp_path / "a.csv"
    file.write_text("id;day;x;price\n" + "".join(f"a;2024-01-0{day};1.00{day},5;2.9{day}\n" for day in range(1, 5)))
    options = {"id": "id"} if read is read_panel else {"usecols": ["day", "x", "price"]}
    with pytest.warns(
        UserWarning, match=r"column 'price' of .* holds 4 texts such as '2\.91', read as 291: thousands="
    ):
        frame = read(file, time="day", **options, **OPTIONS)
    assert frame["x"].tolist() == [1001.5, 1002.5, 1003.5, 1004.5]
    for price in ("2.9", "2.912"):  # decimal="." is that of pandas
        text = file.read_text().replace(",5", "").replace("2.9", price)
        with pytest.warns(UserWarning, match=rf"'{price}1', read as {price[0] + price[2:]}1: thousands="):
            read(io.StringIO(text), time="day", **options, sep=";", thousands=".")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = "day,x\n2024-01-01,-1,034.5\n2024-01-02,\n2024-01-03,12,34,567\n2024-01-04,7"
        quoted = "\n".join(f'{line[:10]},"{line[11:]}"' if line[0] == "2" else line for line in rows.splitlines())
        assert load_csv(io.StringIO(quoted), time="day", thousands=",")["x"].iloc[0] == -1034.5


@pytest.mark.parametrize("word", ["None", "NA", "n/a", "null"])
@pytest.mark.parametrize("as_file", [True, False])
def test_categories_that_are_read_as_missing_are_told(tmp_path, word, as_file):
    kinds = [word, "half price", "", word, "gift", "half price"]
    lines = [f"a,2024-01-0{day},{day if day != 4 else word},{kind}" for day, kind in enumerate(kinds, 1)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["unique_id,ds,sales,promotion", *lines]))
    with pytest.warns(
        UserWarning, match=rf"column 'promotion' of .* holds '{word}' in 2 rows, read as missing"
    ) as told:
        panel = read_panel(file if as_file else io.StringIO(file.read_text()))
    assert panel["promotion"].isna().sum() == 3
    assert not any("'sales' of" in str(one.message) for one in told)  # a missing number is one
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "the file has columns|.* has columns that are not numbers")
        panel = read_panel(file, keep_default_na=False, na_values={"promotion": [""], "sales": [word]})
    assert panel["promotion"].isna().sum() == 1


@pytest.mark.parametrize("read", [load_csv, regularize])
def test_values_that_move_to_an_empty_field_are_told(read):
    """In a table of fixed width, as weather services write them, an empty field is blank."""
    rows = [f"2024-01-0{k}  {'' if k == 3 else 7.5:>4}  {k:>4}" for k in range(1, 6)]
    options = {"time": "day", "sep": r"\s+"}
    with pytest.warns(UserWarning, match=r"1 rows of the file have fewer fields .* first row 2: .*pandas\.read_fwf"):
        read(io.StringIO("\n".join(["day         temp  rain", *rows])), **options)
    with pytest.warns(UserWarning, match=r"1 rows of the file have fewer fields"):
        read(io.StringIO("\n".join(["day         temp  rain", *rows])), **options, usecols=["day", "temp"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        full = "\n".join(["day         temp  rain", *rows]).replace("           3", "  7.5    NA")
        assert np.isnan(read(io.StringIO(full), **options)["rain"].iloc[2])


@pytest.mark.parametrize("header", ["day,x,x", "# of 2024\nday,x,x"])
def test_columns_of_one_name_are_told(header):
    text = header + "".join(f"\n2024-01-0{k},{k},7" for k in range(1, 6))
    with pytest.warns(UserWarning, match=r"2 columns with the name 'x': 'x' is the first, .* is called 'x\.1'"):
        assert load_csv(io.StringIO(text), time="day", comment="#")["x"].tolist() == [1, 2, 3, 4, 5]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_csv(io.StringIO(text.replace("x,x", "x,x.1")), time="day", comment="#")
        load_csv(io.StringIO(text), time="day", comment="#", names=["day", "a", "b"], header=0)


def test_another_separator_or_encoding_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("day;x;y\n2024-01-01;1,5;2\n2024-01-02;2,5;3,5\n")
    with pytest.raises(ValueError, match="give sep=';'"):
        load_csv(tmp_path / "a.csv", time="day")
    (tmp_path / "a.tsv").write_text("day\tx\n2024-01-01\t1\n")
    with pytest.raises(ValueError, match=r"no column 'day' as it is read\. .* give sep='\\t'"):
        load_csv(tmp_path / "a.tsv", time="day")
    (tmp_path / "b.csv").write_text("Tag,Höhe\n2024-01-01,1\n2024-01-02,2\n", encoding="latin-1")
    with pytest.raises(ValueError, match="encoding='latin-1'"):
        read_panel(tmp_path / "b.csv", id=[], time="Tag")
    assert list(load_csv(tmp_path / "b.csv", time="Tag", encoding="latin-1").columns) == ["Höhe"]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b"PK\x03\x04", r"an Excel sheet, .* pandas\.read_excel"),
        (b"\xd0\xcf\x11\xe0", r"an Excel sheet, .* pandas\.read_excel"),
        (b"PAR1", r"a Parquet file, .* pandas\.read_parquet"),
        (b"ARROW1", r"an Arrow file, .* pandas\.read_feather"),
    ],
)
def test_a_file_that_is_no_text_is_no_matter_of_its_encoding(start, told, tmp_path):
    (tmp_path / "sales.csv").write_bytes(start + bytes(range(256)))
    for read in (load_csv, lambda path: read_panel(path, id="shop", time="day"), partial(regularize, time="day")):
        with pytest.raises(ValueError, match=told):
            read(tmp_path / "sales.csv")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (load_csv, "x,y\n1,3,9\n2,2,8"),  # names of rows that look like numbers of rows
        (load_csv, "x,y\n0,3,9\n1,2,8"),
        (lambda file: load_csv(file, time="day", usecols=["day", "x"]), "day,x\n2024-01-01,1,5\n2024-01-02,2,5"),
        (lambda file: regularize(file, time="day", columns=["x"]), "day,x,y\n2024-01-01,1,5,2\n2024-01-02,2,5,3"),
    ],
)
def test_rows_with_more_fields_than_the_header_are_refused(read, text, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    for file in (io.StringIO(text), tmp_path / "a.csv"):
        with pytest.raises(ValueError, match=r"rows of .* have more fields than its header has names"):
            read(file)


@pytest.mark.parametrize(
    "read", [lambda file: load_csv(file, time="day"), lambda file: read_panel(file, id=[], time="day")]
)
def test_a_column_that_numbers_the_rows_is_no_channel(read):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=5), "x": range(5)}, index=[0, 2, 3, 7, 9])
    with pytest.warns(UserWarning, match="has no name and numbers the rows, 0 to 9: it is left out"):
        assert list(read(io.StringIO(frame.to_csv())).columns) == ["x"]
    kept = load_csv(io.StringIO(frame.to_csv()), time="day", usecols=[0, 1, 2])
    assert list(kept.columns) == ["Unnamed: 0", "x"]
    falling = read(io.StringIO(frame.set_axis([5, 4, 3, 2, 1]).to_csv()))
    assert list(falling.columns) == ["Unnamed: 0", "x"]


@pytest.mark.parametrize("options", [{}, {"time": "day"}])
def test_a_file_without_rows_says_so(options):
    with pytest.raises(ValueError, match="the file has no rows"):
        load_csv(io.StringIO("day,load\n"), **options)


@pytest.mark.parametrize(
    ("text", "options", "n_rows"),
    [
        ("2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n", {"time": 0}, 2),
        ("01.01.2024;1,5\n13.01.2024;2,5\n25.01.2024;2,5\n", {"time": 0, "sep": ";", "decimal": ","}, 2),
        ("1700000000,1\n1700000060,2\n", {"time": 0, "unit": "s"}, 1),
        ("0.78,1.61\n0.79,1.62\n", {}, 1),
        ("7,0,0\n8,1,0\n", {}, 1),
    ],
)
def test_a_first_row_of_values_is_told(text, options, n_rows):
    """It was lost: pandas takes it for the names of columns."""
    with pytest.warns(UserWarning, match="the first row of the file is read as the names of its columns, '"):
        assert len(load_csv(io.StringIO(text), **options)) == n_rows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_csv(io.StringIO(text), header=None, **options)) == n_rows + 1


@pytest.mark.parametrize("text", ["0,1,2\n5,6,7\n", "400017,400001\n5,6\n", "time,0.5,0.9\n2024-01-01,1,2\n"])
def test_columns_with_numbers_for_names_are_not_told(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_csv(io.StringIO(text), time="time" if text.startswith("time") else None)


def test_a_column_of_nothing_but_none_is_told():
    lines = "".join(f"a,2024-01-0{day},None,NULL\n" for day in range(1, 8))
    with pytest.warns(UserWarning, match="the column 'kind' of the file holds 'None' in 7 rows, read as miss") as told:
        read_panel(io.StringIO(f"unique_id,ds,kind,price\n{lines}"))
    assert len(told) == 1


@pytest.mark.parametrize("form", ["table", "file"])
def test_a_column_left_out_with_the_name_of_another_in_other_case_is_told(form):
    """A plan put below its history under 'Price' was left out, and the price of the horizon was missing."""
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=3), "price": 1.0, "Price ": 2.0})
    for columns, told in ((["price"], True), (["price", "Price "], False)):
        table = frame if form == "table" else io.StringIO(frame.to_csv(index=False))
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assert list(read_panel(table, columns=columns).columns) == columns
        assert ["has the columns 'price' and 'Price ', whose names differ" in str(one.message) for one in found] == (
            [True] * told
        )
