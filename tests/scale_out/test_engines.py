"""Every engine maps the same function: forecasts are those of predict on the rows of a partition, to the bit."""

import decimal
import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame

from skdistill import scale_out
from skdistill.datasets import read_panel, to_long
from skdistill.scale_out._engines import map_ray
from skdistill.scale_out._here import open_here
from skdistill.scale_out._shipped import shipped
from skdistill.scale_out._whole_series import SeenIds, whole_series
from skdistill.scale_out._work import Forecasts

pa = pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
N_SERIES = 12


@pytest.fixture(scope="module")
def table():
    """Rows in random order, ids that are numbers, one series with gaps and one without a value."""
    frames = {10 + number: (1 + number) * make_frame(40, seed=number) for number in range(N_SERIES)}
    rows = to_long(pd.concat(frames))
    rows.loc[(rows["unique_id"] == 12) & (rows.index % 3 == 0), "c0"] = np.nan
    rows.loc[rows["unique_id"] == 13, "c1"] = np.nan
    return rows.sample(frac=1, random_state=0, ignore_index=True)


@pytest.fixture(scope="module")
def forecaster(table):
    return make_forecaster(teacher=None, student="linear").fit(read_panel(table))


def check_parts(forecaster, table, parts):
    """Every part equals predict on its series to the bit; together they are all series, once."""
    ids = []
    for part in parts:
        if not len(part):
            continue
        part = part.sort_values(["unique_id", "ds"], ignore_index=True)
        expected = to_long(forecaster.predict(read_panel(table[table["unique_id"].isin(part["unique_id"])])))
        assert part["unique_id"].dtype == table["unique_id"].dtype
        np.testing.assert_array_equal(part["ds"].to_numpy("M8[us]"), expected["ds"].to_numpy("M8[us]"))
        np.testing.assert_array_equal(part[["c0", "c1"]], expected[["c0", "c1"]])
        ids += part["unique_id"].unique().tolist()
    assert sorted(ids) == sorted(table["unique_id"].unique())
    forecaster.predictor().check_forecasts(pd.concat(parts))


# -- one machine ---------------------------------------------------------------------------------


def test_files_are_forecast_a_block_at_a_time(forecaster, table, tmp_path, monkeypatch):
    monkeypatch.setattr("skdistill.scale_out._work.BLOCK_ROWS", 100)
    table.iloc[:300].to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b").mkdir()
    table.iloc[300:].astype({"c0": "float32"}).astype({"c0": "float64"}).to_parquet(tmp_path / "b" / "b.parquet")
    again = pd.concat([pd.read_parquet(tmp_path / "a.parquet"), pd.read_parquet(tmp_path / "b" / "b.parquet")])
    source = again.sort_values(["unique_id", "ds"], ignore_index=True)
    work = Forecasts(forecaster.predictor(), block_rows=100)
    parts = list(work.run(pa.Table.from_pandas(source).to_batches(7)))
    assert len(parts) == 6, "2 series of 40 rows each"
    check_parts(forecaster, source, [part.to_pandas() for part in parts])
    pytest.importorskip("duckdb")
    target = scale_out.predict(forecaster, tmp_path, tmp_path / "out.parquet")
    check_parts(forecaster, source, [pd.read_parquet(target)])


@pytest.mark.parametrize("library", ["polars", "lazy", "duckdb", "arrow"])
def test_tables_of_one_machine(library, forecaster, table):
    given = {
        "polars": lambda: pytest.importorskip("polars").from_pandas(table),
        "lazy": lambda: pytest.importorskip("polars").from_pandas(table).lazy(),
        "duckdb": lambda: pytest.importorskip("duckdb").from_df(table),
        "arrow": lambda: pa.Table.from_pandas(table),
    }[library]()
    check_parts(forecaster, table, [scale_out.predict(forecaster, given).to_pandas()])


@pytest.mark.slow
def test_two_processes(forecaster, table, monkeypatch):
    monkeypatch.setattr("skdistill.scale_out._here.BLOCK_ROWS", 200)
    found = scale_out.predict(forecaster, table, n_jobs=2)
    assert found.num_rows == 4 * N_SERIES
    expected = scale_out.predict(forecaster, table)
    np.testing.assert_allclose(found["c0"].to_numpy(), expected["c0"].to_numpy(), rtol=1e-6)


def test_urls_of_object_stores(forecaster, table):
    """Read and written by fsspec; nothing incomplete remains."""
    fsspec = pytest.importorskip("fsspec")
    rows, system = table.sort_values("unique_id", ignore_index=True), fsspec.filesystem("memory")
    for name, part in (("a", rows.iloc[:200]), ("b", rows.iloc[200:])):
        with system.open(f"/scale_out/rows/{name}.parquet", "wb") as file:
            part.to_parquet(file)
    url = "memory://scale_out"
    assert scale_out.predict(forecaster, f"{url}/rows", f"{url}/out.parquet", is_sorted=True) == f"{url}/out.parquet"
    with system.open("/scale_out/out.parquet", "rb") as file:
        check_parts(forecaster, table, [pd.read_parquet(file)])
    assert len(system.ls("/scale_out")) == 2
    with pytest.raises(ValueError, match=r"must all be URLs of one object store, or all be files"):
        scale_out.predict(forecaster, [f"{url}/rows", "rows"])
    with pytest.raises(ValueError, match=r"nothing/ has no .parquet file"):
        scale_out.predict(forecaster, f"{url}/nothing/")


# -- bad input -----------------------------------------------------------------------------------


def test_types_that_engines_bring(forecaster, table):
    """Decimals, times with zones and nanoseconds, text, dictionaries: the keys keep their types."""
    plain = scale_out.predict(forecaster, table)
    arrow = pa.Table.from_pandas(table)
    texts = table["c0"].round(2).map(lambda one: None if np.isnan(one) else decimal.Decimal(str(one)))
    changes = {
        "unique_id": [arrow["unique_id"].cast(pa.int32()), arrow["unique_id"].dictionary_encode()],
        "ds": [arrow["ds"].cast(pa.timestamp("ns")), arrow["ds"].cast(pa.timestamp("us", "UTC"))],
        "c0": [pa.array(texts, pa.decimal128(12, 2))],
    }
    for name, columns in changes.items():
        for column in columns:
            given = arrow.set_column(arrow.column_names.index(name), name, column)
            found = scale_out.predict(forecaster, given)
            kept = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            assert found.schema.field(name).type == (pa.float64() if name == "c0" else kept)
            np.testing.assert_allclose(found["c1"].to_numpy(), plain["c1"].to_numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"are string, and those of fit are int, such as 10: .* Cast the column"):
        scale_out.predict(forecaster, arrow.set_column(0, "unique_id", arrow["unique_id"].cast(pa.string())))
    as_text = arrow.set_column(arrow.column_names.index("ds"), "ds", arrow["ds"].cast(pa.string()))
    assert scale_out.predict(forecaster, as_text)["ds"].type == pa.timestamp("us")


@pytest.mark.parametrize("zone", ["UTC", "UTC+02:00", "Europe/Berlin"])
def test_times_that_are_text_with_an_offset_keep_it(zone):
    hours = pd.date_range("2024-10-26 12:00", periods=40, freq="h", tz=zone)  # the clock changes in Berlin
    frames = {name: make_frame(40, seed=number).set_index(hours) for number, name in enumerate("ab")}
    forecaster = make_forecaster(teacher=None, student="linear").fit(pd.concat(frames))
    table = to_long(pd.concat(frames))
    expected = pa.Table.from_pandas(forecaster.predict_table(table), preserve_index=False)
    as_text = table.assign(ds=table["ds"].map(pd.Timestamp.isoformat))
    for given in (as_text, as_text.iloc[:0].astype({"ds": "string"})):
        found = scale_out.predict(forecaster, given)
        assert found["ds"].type == pa.timestamp("us", expected["ds"].type.tz)  # pandas 2 reads nanoseconds
        assert found["ds"].to_pylist() == expected["ds"].to_pylist()[: len(found)]


@pytest.mark.parametrize(("zone", "of_text"), [("UTC", None), (None, "UTC")])
def test_text_of_another_clock_than_that_of_fit_is_refused(zone, of_text):
    hours = pd.date_range("2024-10-26 12:00", periods=40, freq="h")
    panel = pd.concat({name: make_frame(40).set_index(hours.tz_localize(zone)) for name in "ab"})
    forecaster = make_forecaster(teacher=None, student="linear").fit(panel)
    table = to_long(panel)
    table["ds"] = [one.tz_localize(None).tz_localize(of_text).isoformat() for one in table["ds"]]
    with pytest.raises(ValueError, match="it is not known which clock the forecasts are to show"):
        scale_out.predict(forecaster, table)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("float", lambda ids: ids / 2),
        ("date", lambda ids: (pd.Timestamp("2024-01-01") + pd.to_timedelta(ids, "D")).dt.date),
        ("category", lambda ids: ids.astype(str).astype("category")),
    ],
)
def test_ids_of_any_type_are_those_of_fit(kind, change, table):
    """Arrow has dates where pandas has objects, and categories without an order."""
    table = table.assign(unique_id=change(table["unique_id"]))
    fitted = make_forecaster(teacher=None, student="linear").fit(read_panel(table))
    expected = to_long(fitted.predict(read_panel(table)))
    arrow = pa.Table.from_pandas(table.sort_values("unique_id"))
    for found in (scale_out.predict(fitted, table), pa.concat_tables(Forecasts(fitted.predictor()).run([arrow]))):
        found = found.to_pandas().astype({"unique_id": str}).sort_values(["unique_id", "ds"])
        expected = expected.astype({"unique_id": str}).sort_values(["unique_id", "ds"])
        assert found["unique_id"].tolist() == expected["unique_id"].tolist()
        np.testing.assert_array_equal(found[["c0", "c1"]], expected[["c0", "c1"]])


def test_ids_of_another_type_are_said_everywhere(forecaster, table):
    panel = read_panel(table.astype({"unique_id": str}))
    with pytest.warns(UserWarning, match=r"series '10' \(str\) is not among those of fit, where 10 \(int\) is"):
        forecaster.predict(panel)
    with pytest.warns(UserWarning, match=r"series '10' \(str\) is not among"):
        forecaster.predictor().predict_frame(to_long(panel))


def test_an_id_in_two_places_is_found(forecaster, table):
    rows = pa.Table.from_pandas(table.sort_values("unique_id"))
    again = pa.concat_tables([rows.slice(0, 90), rows.slice(120), rows.slice(90, 30)])
    work = Forecasts(forecaster.predictor(), block_rows=80)
    with pytest.raises(ValueError, match=r"series 12 are not together in one partition \(1 series in all\).*is_sorted"):
        list(work.run(again.to_batches()))


def test_ids_in_any_order_are_seen():
    seen = SeenIds("here")
    for ids in (["b", "c"], ["d"], ["a"], ["z", "y"]):
        seen.note(pd.Index(ids))
    with pytest.raises(ValueError, match=r"'c' are not together in here \(2 series"):
        seen.note(pd.Index(["x", "c", "a"]))


def test_batches_end_anywhere_and_may_be_empty():
    rows = pa.table({"id": [1, 1, 1, 2, 3, 3]})
    batches = [rows.slice(0, 0), *rows.to_batches(1), rows.slice(0, 0)]
    found = [part["id"].to_pylist() for part in whole_series(batches, "id", 2, "here")]
    assert found == [[1, 1, 1], [2], [3, 3]]
    assert not list(whole_series([], "id", 2, "here"))


def test_files_of_other_columns_or_types(forecaster, table, tmp_path):
    table.to_parquet(tmp_path / "a.parquet")
    table.drop(columns="c1").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b.parquet has not the columns of .*a.parquet: 'c1' is in one of them"):
        scale_out.predict(forecaster, tmp_path)
    table.assign(c1="text").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b.parquet has other types than"):
        scale_out.predict(forecaster, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"has no .parquet file"):
        scale_out.predict(forecaster, tmp_path / "empty")


def test_bad_tables(forecaster, table):
    with pytest.raises(TypeError, match=r"Spark, Dask, Ray, Arrow.*got dict"):
        scale_out.predict(forecaster, {})
    with pytest.raises(ValueError, match="no column 'id'"):
        scale_out.predict(forecaster, table, id="id")
    with pytest.raises(ValueError, match="no column 'c1', which is a channel"):
        scale_out.predict(forecaster, table.drop(columns="c1"))


def test_a_worker_without_the_package_says_what_to_install(forecaster, monkeypatch):
    run = shipped(Forecasts(forecaster.predictor()))

    def loads(content):
        raise ModuleNotFoundError("No module named 'skdistill'", name="skdistill")

    monkeypatch.setattr("pickle.loads", loads)
    with pytest.raises(ImportError, match=r"cannot import skdistill: install it where workers run.*pip install 'skd"):
        run([])


def test_what_is_shipped_names_no_module_of_the_package(forecaster):
    """So that it can be unpickled where the package is missing."""
    from joblib.externals.loky.backend.reduction import dumps

    run = shipped(Forecasts(forecaster.predictor()))
    run_alone = bytes(dumps(run)).replace(run.__closure__[0].cell_contents, b"")
    assert b"cskdistill" not in run_alone
    assert not {name for name in run.__code__.co_names if name.startswith("skdistill")}


# -- engines -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_dask(forecaster, table):
    dd = pytest.importorskip("dask.dataframe", reason="needs pip install 'skdistill[dask]'")
    given = dd.from_pandas(table, npartitions=3)
    found = scale_out.predict(forecaster, given)
    assert found.dtypes.equals(found.compute(scheduler="sync").dtypes)
    check_parts(forecaster, table, [part.compute(scheduler="sync") for part in found.partitions])
    spread = scale_out.predict(forecaster, given, is_sorted=True)
    with pytest.raises(ValueError, match=r"were spread over partitions"):
        forecaster.predictor().check_forecasts(spread.compute(scheduler="sync"))
    with pytest.raises(ValueError, match=r"target is for files.*table of Dask"):
        scale_out.predict(forecaster, given, "out.parquet")


@pytest.fixture(scope="module")
def processes():
    """A cluster of Dask whose workers are processes, which can be killed."""
    distributed = pytest.importorskip("distributed", reason="needs pip install 'skdistill[dask]'")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.slow
def test_a_killed_dask_worker_costs_its_partition(processes, forecaster, table, tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    log = tmp_path / "log"

    def kill_once(frame):
        with open(log, "a") as file:
            file.write("x")
        if len(log.read_text()) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return frame

    given = dd.from_pandas(table.sort_values("unique_id", ignore_index=True), npartitions=6)
    found = scale_out.predict(forecaster, given, is_sorted=True).map_partitions(kill_once).compute()
    check_parts(forecaster, table, [part for _, part in found.groupby("unique_id")])
    assert len(log.read_text()) <= 6 + 1 + 3, "what the lost worker held, not all again"


class DiesOnce(LastValueTeacher):
    """Kills its worker at the fifth chunk, once; never the process of the test."""

    def __init__(self, log=None, offset=0.0, keeper=None):
        super().__init__(log, offset)
        self.keeper = keeper

    def label(self, contexts):
        labels, lines = super().label(contexts), Path(self.log).read_text().splitlines()
        if len(lines) >= 5 and "killed" not in lines and os.getpid() != self.keeper:
            self._write("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return labels


@pytest.mark.slow
def test_a_dask_worker_killed_while_it_labels_costs_its_chunk(processes, tmp_path, monkeypatch):
    from skdistill.labeling._label_windows import label_windows

    monkeypatch.setattr(
        "skdistill.labeling._run.label_windows",
        lambda *args, **options: label_windows(*args, **{**options, "chunk_size": 8}),
    )
    processes.wait_for_workers(2)  # joblib labels here where there is one
    log, frame = tmp_path / "log", make_frame(200)
    settings = {"memory": tmp_path / "memory", "n_jobs": 2}
    with joblib.parallel_config("dask"):
        found = make_forecaster(teacher=DiesOnce(str(log), keeper=os.getpid()), **settings).fit(frame)
    np.testing.assert_array_equal(found.predict(frame), make_forecaster().fit(frame).predict(frame))
    lines = log.read_text().splitlines()
    assert lines.count("killed") == 1
    n_chunks = -(-(150 - 15) // 8)
    assert n_chunks < sum(line.startswith("label") for line in lines) <= n_chunks + 4, "what the lost worker held"


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql", reason="needs pip install 'skdistill[spark]'")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "3", "spark.driver.host": "127.0.0.1"}
    settings |= {"spark.driver.bindAddress": "127.0.0.1"}
    builder = sql.SparkSession.builder.master("local[1,4]")  # every task is tried up to four times
    for name, value in settings.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)  # otherwise workers take the python3 of PATH
        session = builder.getOrCreate()
        yield session
        session.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark")
def test_spark(spark, forecaster, table):
    arrow = pa.Table.from_pandas(table)
    found = scale_out.predict(forecaster, spark.createDataFrame(arrow))
    parts = found.withColumn("part", spark_partition_id()).toArrow().to_pandas()
    check_parts(forecaster, table, [part.drop(columns="part") for _, part in parts.groupby("part")])
    spread = scale_out.predict(forecaster, spark.createDataFrame(arrow).repartition(3), is_sorted=True)
    with pytest.raises(ValueError, match="spread over partitions"):
        forecaster.predictor().check_forecasts(spread)


def spark_partition_id():
    from pyspark.sql.functions import spark_partition_id

    return spark_partition_id()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs pip install 'skdistill[ray]'")
def test_ray(forecaster, table):
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
    try:
        found = scale_out.predict(forecaster, ray.data.from_pandas(table))
        parts = [ray.get(one).to_pandas() for bundle in found.iter_internal_ref_bundles() for one in bundle.block_refs]
    finally:
        ray.shutdown()
    check_parts(forecaster, table, parts)


class RayLike:
    """A dataset of one block, of which the shuffle sorts by Arrow, as that of Ray does."""

    def __init__(self, block):
        self.block = block

    def schema(self):
        return SimpleNamespace(base_schema=self.block.schema)

    def repartition(self, number, keys, sort):
        return RayLike(self.block.sort_by([(one, "ascending") for one in keys]))

    def map_batches(self, function, **_):
        return RayLike(function(self.block))


@pytest.mark.parametrize("categories", ["text", "numbers"])
def test_ids_of_ray_that_are_categories(categories, forecaster, table, monkeypatch):
    """Arrow sorts by no dictionary; the shuffle of Ray raised ArrowNotImplementedError."""
    ray = SimpleNamespace(cluster_resources=lambda: {"CPU": 1})
    monkeypatch.setattr("skdistill.scale_out._engines.import_optional", lambda *_, **__: ray)
    given, student = table, forecaster
    if categories == "text":
        given = table.astype({"unique_id": "str"})
        student = make_forecaster(teacher=None, student="linear").fit(read_panel(given))
    block = pa.Table.from_pandas(given.astype({"unique_id": "category"}), preserve_index=False)
    found = map_ray(Forecasts(student.predictor()), RayLike(block)).block
    check_parts(student, given, [found.to_pandas()])


def test_numbers_as_names_of_columns_are_refused(table, forecaster):
    numbered = table.rename(columns={"c0": 1, "c1": 0})
    with pytest.raises(TypeError, match=r"must be text, as in Arrow; got 1 of type int: table.rename\(columns=str\)"):
        scale_out.fit(make_forecaster(teacher=None, student="linear", targets=[0]), numbered)
    with pytest.raises(TypeError, match="must be text"):
        scale_out.predict(forecaster, numbered)
    if importlib.util.find_spec("dask") is not None:
        from dask import dataframe

        with pytest.raises(TypeError, match="must be text"):
            scale_out.predict(forecaster, dataframe.from_pandas(numbered, npartitions=1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_rows_that_a_killed_sort_left_in_the_temporary_folder_are_removed(tmp_path, monkeypatch):
    pytest.importorskip("duckdb", reason="needs pip install 'skdistill[duckdb]'")
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spilled"))
    (tmp_path / "spilled").mkdir()
    frame = pd.DataFrame({"unique_id": [2, 1, 2, 1], "ds": pd.date_range("2024-01-01", periods=4), "y": 1.0})
    frame.to_parquet(tmp_path / "rows.parquet")

    def sorted_rows():
        return open_here(str(tmp_path / "rows.parquet"), "unique_id", is_sorted=False)[1]

    process = os.fork()
    if not process:
        rows = sorted_rows()
        try:
            next(rows)
        finally:
            os._exit(0)  # without its end
    os.waitpid(process, 0)
    assert len(list((tmp_path / "spilled").iterdir())) == 1
    rows = pd.concat([batch.to_pandas() for batch in sorted_rows()])
    assert rows["unique_id"].tolist() == [1, 1, 2, 2]
    assert not list((tmp_path / "spilled").iterdir())


def test_times_after_the_largest_number_of_their_type_are_forecast():
    times = np.arange(68, 127)
    table = pd.DataFrame({"unique_id": "a", "ds": times, "c0": np.sin(times / 3.0)})
    fitted = make_forecaster(teacher=None).fit(read_panel(table))
    found = scale_out.predict(fitted, table.astype({"ds": "int8"}))
    assert found["ds"].to_pylist() == list(range(127, 127 + fitted.prediction_length))


@pytest.mark.parametrize("order", [1, -1])
def test_times_of_which_some_have_a_zone_are_refused(forecaster, order):
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    parts = [pd.Series(days[:20]), pd.Series(days[20:].tz_localize("UTC"))]
    table = pd.DataFrame({"unique_id": "a", "ds": pd.concat(parts[::order], ignore_index=True)})
    with pytest.raises(ValueError, match="'ds' of the table has times with an offset from UTC and times without"):
        scale_out.predict(forecaster, table)
