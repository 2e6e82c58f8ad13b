"""Long tables in, long tables out: in one process, and as a function that engines map over partitions."""

import datetime
import decimal
import pickle
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame

from skdistill import DistilledForecaster, scale_out
from skdistill.data import Vintages
from skdistill.datasets import read_panel, to_long
from skdistill.networks import ITransformer, Linear

WORKER = """
import pickle, sys
import pandas as pd
predictor = pickle.load(open(sys.argv[1], "rb"))
predictor.predict_frame(pd.read_pickle(sys.argv[2])).to_pickle(sys.argv[3])
print(sorted({"torch", "skorch", "sktime", "safetensors"} & set(sys.modules)))
"""


def make_table(ids=("a", "b", "c"), n_timestamps=60):
    frames = {one: (1 + number) * make_frame(n_timestamps, seed=number) for number, one in enumerate(ids)}
    return to_long(pd.concat(frames))


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def forecaster(table):
    return make_forecaster(teacher=None).fit(read_panel(table))


@pytest.fixture(scope="module")
def predictor(forecaster):
    return forecaster.predictor()


@pytest.fixture(scope="module")
def expected(forecaster, table):
    return to_long(forecaster.predict(read_panel(table)))


def test_both_give_the_forecasts_of_predict_to_the_bit(forecaster, predictor, table, expected):
    pd.testing.assert_frame_equal(forecaster.predict_table(table), expected, check_exact=True)
    pd.testing.assert_frame_equal(predictor.predict_frame(table), expected, check_exact=True)


SETTINGS = [
    {"student": "linear"},
    {"student": "dlinear", "scaling": "window"},
    {"scaling": "global"},
    {"quantiles": (0.1, 0.5, 0.9), "loss": "quantiledistill", "bounds": (0, None)},
    {"student": "linear", "known_covariates": ["c1"]},
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_pickled_predictors_do_too(settings, dtype, table):
    """Of 1,100 series: more than are forecast at once."""
    table = table.astype({"c0": dtype, "c1": dtype})
    fitted = make_forecaster(teacher=None, **settings).fit(read_panel(table))
    many = make_table(range(1100), 12).astype({"c0": dtype, "c1": dtype})
    many.loc[::17, "c0"] = np.nan
    if "known_covariates" in settings:
        many.loc[many.groupby("unique_id").cumcount() >= 8, "c0"] = np.nan
    expected = to_long(fitted.predict(read_panel(many)))
    found = pickle.loads(pickle.dumps(fitted.predictor())).predict_frame(many)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.slow
def test_a_worker_imports_no_torch(predictor, table, expected, tmp_path):
    pickled = pickle.dumps(predictor)
    assert len(pickled) < 10_000  # the weights are 500 bytes
    (tmp_path / "predictor").write_bytes(pickled)
    table.to_pickle(tmp_path / "in")
    files = [str(tmp_path / name) for name in ("predictor", "in", "out")]
    done = subprocess.run([sys.executable, "-c", WORKER, *files], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    pd.testing.assert_frame_equal(pd.read_pickle(tmp_path / "out"), expected, check_exact=True)


def test_a_pickle_holds_the_weights_once_in_float32():
    fitted = make_forecaster(teacher=None, student=Linear(), context_length=80, prediction_length=40)
    pickled = pickle.dumps(fitted.fit(read_panel(make_table(n_timestamps=200))).predictor())
    assert 4 * 80 * 40 < len(pickled) < 4 * 80 * 40 + 6_000


def test_rows_in_any_order_and_columns_too_many(forecaster, predictor, table, expected):
    mixed = table.sample(frac=1, random_state=0)[["c1", "ds", "c0", "unique_id"]].assign(note="text")
    pd.testing.assert_frame_equal(predictor.predict_frame(mixed), expected, check_exact=True)
    pd.testing.assert_frame_equal(forecaster.predict_table(mixed), expected, check_exact=True)


def test_groups_and_partitions_give_the_same_numbers(predictor, table, expected):
    """One call per series, as applyInPandas; the products of one series round differently from those of many."""
    parts = [predictor.predict_frame(one) for _, one in table.groupby("unique_id")]
    together = pd.concat(parts, ignore_index=True)
    assert together[["unique_id", "ds"]].equals(expected[["unique_id", "ds"]])
    np.testing.assert_allclose(together[["c0", "c1"]], expected[["c0", "c1"]], rtol=1e-6)
    predictor.check_forecasts(together)


def test_a_series_of_few_rows_has_the_step_of_fit(predictor, table):
    found = predictor.predict_frame(table[table["ds"] == table["ds"].max()].iloc[:1])
    assert (found["ds"].diff().dropna() == pd.Timedelta("1h")).all()
    gap = predictor.predict_frame(table.iloc[[0, 2]])  # in between, an hour is missing
    assert gap["ds"].iloc[0] == table["ds"].iloc[3]


def test_a_series_in_two_partitions_is_found(predictor, table):
    half = table["unique_id"].ne("b") | (table["ds"] < table["ds"].iloc[30])
    parts = pd.concat([predictor.predict_frame(table[half]), predictor.predict_frame(table[~half])])
    with pytest.raises(ValueError, match=r"series 'b' has 8 rows of forecasts instead of prediction_length = 4 \(1 s"):
        predictor.check_forecasts(parts)
    with pytest.raises(ValueError, match="series 'c' has 3 rows"):
        predictor.check_forecasts(parts[parts["unique_id"] != "b"].iloc[:-1])


@pytest.mark.parametrize("size", [7, 60, 100, 1000])
def test_batches_that_end_anywhere(predictor, table, expected, size):
    batches = [table.iloc[:0], *(table.iloc[first : first + size] for first in range(0, len(table), size))]
    together = pd.concat(predictor.predict_frames(batches), ignore_index=True)
    assert together[["unique_id", "ds"]].equals(expected[["unique_id", "ds"]])
    np.testing.assert_allclose(together[["c0", "c1"]], expected[["c0", "c1"]], rtol=1e-6)


def test_a_series_that_comes_again_is_refused(predictor, table):
    batches = [table.iloc[:90], table.iloc[120:], table.iloc[90:120]]
    with pytest.raises(ValueError, match=r"series 'b' comes again after another series \(1 in all\).*sort it by id"):
        list(predictor.predict_frames(batches))
    assert list(predictor.predict_frames([])) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_empty_partition_has_the_columns_and_types_of_the_others(predictor, table, dtype):
    table = table.astype({"c0": dtype, "c1": dtype})
    empty, full = predictor.predict_frame(table.iloc[:0]), predictor.predict_frame(table)
    assert not len(empty)
    assert empty.dtypes.equals(full.dtypes)
    assert list(predictor.predict_frame(pd.DataFrame()).columns) == list(full.columns)


@pytest.mark.parametrize("ids", [(7, 8, 9), (7.5, 8.5, 9.5), (True, False)], ids=str)
def test_ids_that_are_numbers_keep_type_and_units(ids):
    table = make_table(ids)
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    found = fitted.predictor().predict_frame(table)
    assert found["unique_id"].dtype == table["unique_id"].dtype
    pd.testing.assert_frame_equal(found, to_long(fitted.predict(read_panel(table))), check_exact=True)
    small = table.astype({"unique_id": "int32"}) if ids[0] == 7 else table
    assert fitted.predict_table(small)["unique_id"].dtype == small["unique_id"].dtype


TIMES = {
    "seconds": lambda times: times.astype("datetime64[s]"),
    "nanoseconds": lambda times: times.astype("datetime64[ns]"),
    "zone": lambda times: times.dt.tz_localize("UTC").dt.tz_convert("America/New_York"),
    "numbers": lambda times: (times - times.min()) // pd.Timedelta("1h"),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_keep_their_type(kind, table):
    table = table.assign(ds=TIMES[kind](table["ds"]))
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    found = fitted.predictor().predict_frame(table)
    assert found["ds"].dtype == table["ds"].dtype
    pd.testing.assert_frame_equal(found, fitted.predict_table(table), check_exact=True)
    np.testing.assert_array_equal(found["c0"], to_long(fitted.predict(read_panel(table)))["c0"])
    step = found["ds"].iloc[0] - table["ds"].iloc[59]
    assert step == (1 if kind == "numbers" else pd.Timedelta("1h"))


@pytest.mark.parametrize("kind", ["uint8", "int16", "Int8", "category", "polars"])
def test_times_after_the_largest_number_of_their_type_are_not_wrapped(kind):
    top = 32767 if kind == "int16" else 255 if kind == "uint8" else 127
    times = np.arange(top - 60, top - 1)
    table = pd.DataFrame({"unique_id": "a", "ds": times, "c0": np.sin(times / 3.0)})
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    given = table.astype({"ds": "int8" if kind == "polars" else kind})
    if kind == "polars":
        given = pytest.importorskip("polars", reason="needs pip install polars").from_pandas(given)
    for found in (fitted.predictor().predict_frame(given), fitted.predict_table(given)):
        assert list(found["ds"]) == list(range(top - 1, top - 1 + fitted.prediction_length))


def test_a_channel_whose_name_is_that_of_the_ids_as_text(table):
    table = table.rename(columns={"unique_id": "0", "c0": 0})
    fitted = make_forecaster(teacher=None).fit(read_panel(table, id="0", time="ds"))
    found = fitted.predictor(id="0", time="ds").predict_frame(table)
    pd.testing.assert_frame_equal(found, fitted.predict_table(table, id="0", time="ds"), check_exact=True)
    np.testing.assert_array_equal(found[0], to_long(fitted.predict(read_panel(table, id="0", time="ds")))[0])


def test_dates_and_decimals_of_engines(table):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=number % 60) for number in range(180)]
    table = table.assign(ds=pd.Series(days, dtype=object))
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    decimals = table.assign(c0=table["c0"].map(decimal.Decimal))
    found = fitted.predictor().predict_frame(decimals)
    assert found["ds"].iloc[0] == datetime.date(2024, 3, 1)
    np.testing.assert_array_equal(found["c0"], fitted.predict_table(table)["c0"])


@pytest.mark.parametrize("library", ["polars", "pyarrow", "lazy", "duckdb"])
def test_tables_of_other_libraries_come_back_as_such(library, forecaster, predictor, table, expected):
    polars = pytest.importorskip("polars", reason="needs pip install polars")
    pyarrow = pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    if library == "duckdb":
        duckdb = pytest.importorskip("duckdb", reason="needs pip install duckdb")
        given, kind = duckdb.sql("select * from arrow"), pyarrow.Table
    else:
        frame = polars.from_pandas(table)
        given = {"polars": frame, "lazy": frame.lazy(), "pyarrow": arrow}[library]
        kind = type(given)
    found = forecaster.predict_table(given)
    assert isinstance(found, kind)
    answer = found.collect() if library == "lazy" else found
    plain = answer.to_pandas().astype({"unique_id": expected["unique_id"].dtype, "ds": expected["ds"].dtype})
    pd.testing.assert_frame_equal(plain, expected, check_exact=True)
    predictor.check_forecasts(found)
    if library in ("polars", "pyarrow"):
        whole, empty = predictor.predict_frame(given), predictor.predict_frame(given[:0])
        assert whole.equals(answer)
        assert empty.schema == whole.schema
        assert not len(empty)


@pytest.mark.parametrize("key", ["md5(unique_id)::uuid", "ascii(unique_id)::hugeint"])
def test_ids_of_types_that_arrow_lacks(key, forecaster, table, expected):
    duckdb = pytest.importorskip("duckdb", reason="needs pip install duckdb")
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    rows = duckdb.from_df(table).project(f"* replace ({key} as unique_id)")
    found = forecaster.predict_table(rows).to_pandas()
    assert found["unique_id"].nunique() == expected["unique_id"].nunique()
    assert len(found) == len(expected)


@pytest.mark.parametrize("as_text", [True, False])
def test_times_in_a_dictionary_come_back_as_times(as_text):
    arrow = pytest.importorskip("pyarrow")
    table = make_table(["a", "b"])
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    times = table["ds"].astype(str) if as_text else table["ds"]
    given = arrow.Table.from_pandas(table.assign(ds=times.astype("category")), preserve_index=False)
    for answer in (fitted.predict_table(given), fitted.predictor().predict_frame(given)):
        assert answer.to_pandas()["ds"].tolist() == to_long(fitted.predict(read_panel(table)))["ds"].tolist()


@pytest.mark.parametrize("library", ["arrow", "pandas"])
def test_ids_in_a_dictionary_of_numbers_come_back_as_numbers(library):
    arrow = pytest.importorskip("pyarrow")
    table = make_table([3, 14])
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    given = arrow.Table.from_pandas(table.astype({"unique_id": "category"}), preserve_index=False)
    given = given if library == "arrow" else given.to_pandas(types_mapper=pd.ArrowDtype)
    for answer in (fitted.predict_table(given), fitted.predictor().predict_frame(given)):
        found = answer.to_pandas() if library == "arrow" else answer
        assert found["unique_id"].tolist() == [3] * 4 + [14] * 4


def test_files(forecaster, table, expected, tmp_path):
    table.to_csv(tmp_path / "table.csv", index=False)
    found = forecaster.predict_table(tmp_path / "table.csv")
    assert found["ds"].tolist() == expected["ds"].tolist()
    np.testing.assert_array_equal(found["c0"], expected["c0"])


def test_known_static_and_categorical_covariates(table):
    table = table.assign(promo=[("yes", "no", "some")[number % 3] for number in range(180)])
    table["size"] = table["unique_id"].map({"a": "small", "b": "large", "c": "large"})
    roles = {"known_covariates": ["promo", "c1"], "static_covariates": ["size"], "covariates": "ignore"}
    with pytest.warns(UserWarning, match="columns that are not numbers"):
        panel = read_panel(table)
    fitted = make_forecaster(teacher=None, student="linear", **roles).fit(panel)
    observed = table.groupby("unique_id").cumcount() < 56
    future = table.loc[~observed, ["unique_id", "ds", "promo", "c1"]]
    before = panel[panel.groupby(level=0).cumcount() < 56]
    known = panel.loc[panel.groupby(level=0).cumcount() >= 56, ["promo", "c1"]]
    expected = to_long(fitted.predict(before, future=known))
    pd.testing.assert_frame_equal(fitted.predict_table(table[observed], future=future), expected, check_exact=True)
    ahead = table.assign(c0=table["c0"].where(observed))
    pd.testing.assert_frame_equal(fitted.predictor().predict_frame(ahead), expected, check_exact=True)
    with pytest.raises(ValueError, match="future is missing"):
        fitted.predictor().predict_frame(table[observed])


def test_nothing_observed(table):
    table = table.assign(c0=table["c0"].where(table["unique_id"] != "b"))
    fitted = make_forecaster(teacher=None).fit(read_panel(make_table()))
    found = fitted.predictor().predict_frame(table)
    assert found["c0"].isna().tolist() == (found["unique_id"] == "b").tolist()
    fitted.set_params(missing="raise")
    with pytest.raises(ValueError, match="series 'b' has a target without an observed value in its last 12 rows"):
        fitted.predictor().predict_frame(table)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_forecast_that_is_not_finite_names_the_series(predictor, table):
    values = table["c0"].astype("float32").where(table["unique_id"] != "b", np.float32(3e38))
    values[60:120:2] *= np.float32(-1)
    with pytest.raises(ValueError, match="the forecast of series 'b' is not finite"):
        predictor.predict_frame(table.astype({"c1": "float32"}).assign(c0=values))


def test_students_that_numpy_cannot_run_are_told(table):
    panel = read_panel(table)
    fitted = make_forecaster(teacher=None, student=ITransformer(8, n_heads=2, time_features=False)).fit(panel)
    with pytest.raises(ValueError, match=r"cannot be fused into matrices\. Choose Linear.*predict_table"):
        fitted.predictor()
    expected = to_long(fitted.predict(panel))
    pd.testing.assert_frame_equal(fitted.predict_table(table), expected, check_exact=True)
    fitted = make_forecaster(teacher=None, student=ITransformer(8, n_heads=2, time_features=True)).fit(panel)
    with pytest.raises(ValueError, match="reads calendar features"):
        fitted.predictor()


def test_transformers_and_vintages_are_told(forecaster, table):
    from sklearn.preprocessing import StandardScaler

    fitted = make_forecaster(teacher=None, transformer=StandardScaler()).fit(read_panel(table))
    with pytest.raises(ValueError, match="without transformer="):
        fitted.predictor()
    other = pickle.loads(pickle.dumps(forecaster)).set_params(vintages=object.__new__(Vintages))
    with pytest.raises(ValueError, match="without vintages="):
        other.predictor()


@pytest.mark.parametrize(
    ("names", "error", "match"),
    [
        ({"id": ["a", "b"]}, TypeError, "id of predictor must be the name of one column"),
        ({"time": None}, TypeError, "time of predictor must be the name of one column"),
        ({"id": "c0"}, ValueError, "'c0' is a column of fit: id and time of predictor"),
        ({"id": "ds"}, ValueError, "'ds' is both id and time"),
    ],
)
def test_names_that_do_not_fit(forecaster, names, error, match):
    with pytest.raises(error, match=match):
        forecaster.predictor(**names)


def test_bad_tables_are_refused(forecaster, predictor, table):
    for predict in (forecaster.predict_table, predictor.predict_frame):
        with pytest.raises(ValueError, match="'c1'"):
            predict(table.drop(columns="c1"))
        with pytest.raises(ValueError, match="unique_id"):
            predict(table.rename(columns={"unique_id": "shop"}))
        with pytest.raises(ValueError, match="infinite value in column 'c0'"):
            predict(table.assign(c0=np.inf))
        with pytest.raises(ValueError, match="series 'a'"):
            predict(pd.concat([table, table[:1]]))
    with pytest.raises(TypeError, match="reads paths and tables"):
        predictor.predict_frame(3)


def test_partitions_of_dask(predictor, table, expected):
    """By id, they give the forecasts; rows spread over partitions are found by a count that Dask makes."""
    dask = pytest.importorskip("dask.dataframe", reason="needs pip install 'skdistill[dask]'")
    mixed = dask.from_pandas(table.sample(frac=1, random_state=0, ignore_index=True), npartitions=5)
    meta = predictor.predict_frame(mixed.head(0))
    by_id = mixed.shuffle("unique_id").map_partitions(predictor.predict_frame, meta=meta)
    assert by_id.npartitions > table["unique_id"].nunique(), "some partitions are empty"
    found = by_id.compute(scheduler="sync").sort_values(["unique_id", "ds"], ignore_index=True)
    assert found["unique_id"].tolist() == expected["unique_id"].tolist()
    assert found["ds"].tolist() == expected["ds"].tolist()
    np.testing.assert_allclose(found[["c0", "c1"]], expected[["c0", "c1"]], rtol=1e-6)
    predictor.check_forecasts(by_id)
    halves = dask.from_pandas(table, npartitions=2, sort=False)
    with pytest.raises(ValueError, match=r"series 'b' has 8 rows of forecasts.*spread over partitions"):
        predictor.check_forecasts(halves.map_partitions(predictor.predict_frame, meta=meta))


def with_days(table, one="b"):
    """Return the table with a series whose rows are 24 steps of the others apart."""
    first = table["ds"].min()
    return table.assign(ds=table["ds"].where(table["unique_id"] != one, first + 24 * (table["ds"] - first)))


@pytest.mark.parametrize("door", ["predict_table", "predict_frame"])
def test_a_series_of_another_step_is_told(table, forecaster, predictor, door):
    forecast = {"predict_table": forecaster.predict_table, "predict_frame": predictor.predict_frame}[door]
    told = r"the rows of series 'b' are 24 steps of fit \(1 hour\) apart: a student knows rows"
    with pytest.warns(UserWarning, match=told):
        forecast(with_days(table))


def test_rows_that_are_written_as_missing_have_the_step_of_fit(table, forecaster, recwarn):
    last = table.groupby("unique_id")["ds"].rank() % 24 != 12
    sparse = table.assign(**{name: table[name].where(~last | (table["unique_id"] != "b")) for name in ("c0", "c1")})
    forecaster.predict_table(sparse)
    forecaster.predict_table(table[table.index % 3 != 1])  # rows left out here and there
    assert [str(one.message) for one in recwarn if "steps of fit" in str(one.message)] == []


@pytest.mark.parametrize("door", ["predict_table", "predict_table with future", "predict_frame"])
def test_a_plan_that_lacks_the_days_without_promotion_is_told(door):
    days = pd.date_range("2024-01-01", periods=64)
    rng = np.random.default_rng(0)
    table = pd.concat(
        pd.DataFrame({"unique_id": shop, "ds": days, "y": rng.normal(size=64), "promo": rng.random(64) < 0.2})
        for shop in "ab"
    ).astype({"promo": float})
    table.loc[table["ds"] >= days[60], "y"] = np.nan
    past = table[table["ds"] < days[60]]
    settings = {"known_covariates": ["promo"], "context_length": 12, "prediction_length": 4}
    forecaster = DistilledForecaster(None, "linear", "response", **settings).fit(read_panel(past))
    ends = table["ds"].isin([days[60], days[63]])

    def forecast(plan):
        if door == "predict_table with future":
            return forecaster.predict_table(past, future=plan[["unique_id", "ds", "promo"]])
        rows = pd.concat([past, plan])
        return forecaster.predictor().predict_frame(rows) if door == "predict_frame" else forecaster.predict_table(rows)

    with pytest.warns(
        UserWarning, match=r"4 rows of the horizon have no known covariates.*2024-03-02.*series 'a'.*with 0"
    ):
        forecast(table[ends])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(table[table["ds"] >= days[60]])
        late = table[table["ds"] >= days[60]].copy()
        late.loc[late["ds"] > days[61], "promo"] = np.nan  # known for two days
        forecast(late)


def test_rows_left_out_of_a_table_are_told_where_fit_had_none_missing():
    """Zeros that were filled before fit, and left out here, made forecasts higher by two fifths."""
    rng, days = np.random.default_rng(0), pd.date_range("2022-01-01", periods=120)
    parts = [pd.DataFrame({"unique_id": one, "ds": days, "y": 1.0 * rng.poisson(1.2, 120)}) for one in range(4)]
    table = pd.concat(parts, ignore_index=True)
    left_out = table[(table["y"] > 0) | (table["ds"] == days[-1])]
    lengths = {"context_length": 14, "prediction_length": 7}
    forecaster = DistilledForecaster(None, "linear", "response", **lengths).fit(read_panel(left_out, fill_value=0))
    priced = left_out.assign(price=1.0 + np.arange(len(left_out)) % 3)  # missing in inserted rows
    other = DistilledForecaster(None, "linear", "response", **lengths, targets=["y"])
    other.fit(read_panel(priced, fill_value={"y": 0}))
    with pytest.warns(UserWarning, match="left out of the table"):
        other.predict_table(priced)
    for predict in (
        forecaster.predict_table,
        forecaster.predictor().predict_frame,
        partial(scale_out.predict, forecaster),
    ):
        with pytest.warns(UserWarning, match="left out of the table, or hold no value, .* which none was in fit"):
            predict(left_out)
        yet_to_come = table.assign(ds=table["ds"] + pd.Timedelta(days=120), y=np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            predict(table)
            predict(pd.concat([table, yet_to_come]))
    gaps = forecaster.fit(read_panel(table[rng.random(480) < 0.8]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gaps.predict_table(table[rng.random(480) < 0.8])
