"""A fit through files is that of a fit in memory, to the bit; a pass that was stopped goes on where it was."""

import json
import logging
import shutil
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame

from skdistill import scale_out
from skdistill.data._mapped_store import MappedIndexes
from skdistill.data._scaling import Scaling
from skdistill.datasets import read_panel, to_long
from skdistill.networks import MLP, Linear
from skdistill.scale_out._blocks import BlockMaker
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._row_files import RowFiles
from skdistill.scale_out._stored_fit import _FORMAT
from skdistill.training import _batches

pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
TABLE = to_long(pd.concat({f"s{n:02d}": (1 + n) * make_frame(44 + n, seed=n) for n in range(36)}))
TABLE.loc[(TABLE["unique_id"] == "s05") & (TABLE.index % 5 == 0), "c0"] = np.nan


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Two files that are read some series at a time."""
    of = SeriesReader.of.__func__
    monkeypatch.setattr(SeriesReader, "of", classmethod(lambda cls, *args: replace(of(cls, *args), block_rows=400)))
    monkeypatch.setattr("skdistill.data._windows._PART", 100)
    (tmp_path / "rows").mkdir()
    TABLE.iloc[:1000].to_parquet(tmp_path / "rows" / "a.parquet")
    TABLE.iloc[1000:].to_parquet(tmp_path / "rows" / "b.parquet")
    return tmp_path / "rows"


@pytest.fixture
def made(monkeypatch):
    """Counts the blocks that are made."""
    calls, make = [], BlockMaker.__call__
    monkeypatch.setattr(BlockMaker, "__call__", lambda self, table: calls.append(table.num_rows) or make(self, table))
    return calls


def forecaster(**settings):
    return make_forecaster(**{"teacher": None, "max_epochs": 1, **settings})


def fit(source, **options):
    given = {name: options.pop(name) for name in ("max_series", "n_jobs") if name in options}
    return scale_out.fit(forecaster(**options), source, store=source.parent / "store", is_sorted=True, **given)


def check_same(one, other, tolerance=0.0):
    weights = other.student_.state_dict()
    for name, values in one.student_.state_dict().items():
        np.testing.assert_allclose(values.numpy(), weights[name].numpy(), rtol=tolerance, atol=tolerance)


SETTINGS = [
    {},
    {"scaling": "window", "windows_per_epoch": 60},
    {"teacher": LastValueTeacher(offset=0.3), "min_observed": 12, "series_weight": "equal"},
    {"targets": ["c0"], "covariates": "ignore", "quantiles": [0.1, 0.5, 0.9]},
    {"known_covariates": ["c1"], "student": "linear"},
    {"targets": ["c1", "c0"]},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.filterwarnings("ignore:.*trained by gradient", "ignore:.*windows with a missing")
def test_the_student_of_fit_in_memory_to_the_bit(settings, source):
    alone = forecaster(**settings).fit(read_panel(TABLE))
    found = fit(source, **settings)
    check_same(alone, found)
    assert found.history_[-1].get("valid_loss") == alone.history_[-1].get("valid_loss")
    assert found.n_series_ == 36
    assert found.scaling_.ids_ == ([] if "scaling" in settings else alone.scaling_.ids_)
    if "known_covariates" not in settings:
        pd.testing.assert_frame_equal(found.predict(read_panel(TABLE)), alone.predict(read_panel(TABLE)))


def test_a_linear_part_is_solved_some_windows_at_a_time(source):
    settings = {"student": MLP(4, linear_skip=Linear(), batch_norm=False), "max_epochs": 1}
    rows = TABLE[TABLE["unique_id"] != "s05"]  # and pandas writes its index as a column
    rows.iloc[:1000].to_parquet(source / "a.parquet")
    rows.iloc[1000:].to_parquet(source / "b.parquet")
    check_same(forecaster(**settings).fit(read_panel(rows)), fit(source, **settings), tolerance=1e-4)


@pytest.mark.parametrize("settings", [{"scaling": "global"}, {"targets": ["c0"], "student": "linear"}], ids=str)
def test_a_sample_and_two_workers(settings, source):
    """Units are those of the sample alone, also where they are of all its series."""
    together = scale_out.fit(forecaster(**settings), source, max_series=20)
    with joblib.parallel_config("threading"):
        found = fit(source, max_series=20, n_jobs=2, **settings)
    check_same(together, found, tolerance=1e-6)
    np.testing.assert_allclose(found.predict(read_panel(TABLE)), together.predict(read_panel(TABLE)), rtol=1e-6)
    assert together.n_series_ == 36


def test_a_stopped_pass_goes_on(source, made, monkeypatch, caplog):
    append = RowFiles.append

    def stops(self, block, n_rows):
        if len(self.records) == 2:
            with (self.folder / "values.bin").open("ab") as file:  # killed while it wrote
                file.write(b"half")
            with (self.folder / "journal.jsonl").open("a") as file:
                file.write('{"n_rows": 10')
            raise KeyboardInterrupt
        append(self, block, n_rows)

    monkeypatch.setattr(RowFiles, "append", stops)
    with pytest.raises(KeyboardInterrupt):
        fit(source)
    monkeypatch.setattr(RowFiles, "append", append)
    n_before, n_rows = len(made), sum(made[:2])
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        found = fit(source)
    assert f"goes on after {n_rows} rows" in caplog.text
    assert sum(made[n_before:]) == len(TABLE) - n_rows
    check_same(forecaster().fit(read_panel(TABLE)), found)

    made.clear()
    fit(source, lr=0.1)
    assert not made, "rows go to the store once"


def test_what_was_damaged_is_written_again(source, made):
    fit(source)
    journal = next((source.parent / "store").glob("*/journal.jsonl"))
    third = json.loads(journal.read_text().splitlines()[2].partition(" ")[2])
    with (journal.parent / "values.bin").open("r+b") as file:
        file.seek(third["sizes"]["values"] - 4)
        file.write(b"\x00\x00\x80\x3f")
    before = sum(made[:2])
    made.clear()
    check_same(forecaster().fit(read_panel(TABLE)), fit(source))
    assert sum(made) == len(TABLE) - before


def test_no_flipped_bit_of_the_journal_changes_what_is_known(source):
    fit(source)
    folder = next((source.parent / "store").glob("*/journal.jsonl")).parent
    whole, records = (folder / "journal.jsonl").read_bytes(), RowFiles(folder).records
    generator = np.random.default_rng(0)
    for bit in generator.integers(8 * len(whole), size=300):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        (folder / "journal.jsonl").write_bytes(flipped)
        found = RowFiles(folder)
        assert found.records == records[: len(found.records)]
        assert found.is_complete <= (found.records == records)
    (folder / "journal.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[1:]))
    assert not RowFiles(folder).records
    *first, _, last = whole.splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join([*first, last]))
    assert not RowFiles(folder).is_complete


def test_rows_copied_from_another_store_are_not_taken(source, made):
    fit(source)
    fit(source, context_length=11)
    one, other = (journal.parent for journal in (source.parent / "store").glob("*/journal.jsonl"))
    for path in other.iterdir():
        shutil.copy(path, one / path.name)
    made.clear()
    check_same(forecaster().fit(read_panel(TABLE)), fit(source))
    check_same(forecaster(context_length=11).fit(read_panel(TABLE)), fit(source, context_length=11))
    assert sum(made) == len(TABLE)


def test_other_files_are_another_store(source, made):
    fit(source)
    last = ~TABLE.duplicated("unique_id", keep="last")  # validation rows, which no scale depends on
    TABLE.assign(c0=TABLE["c0"] + last).iloc[1000:].to_parquet(source / "b.parquet")
    made.clear()
    fit(source)
    assert sum(made) == len(TABLE)


def test_labels_are_those_of_the_table(source):
    for tz in (None, "Europe/Berlin"):
        index = pd.date_range("2024-03-30", periods=60, freq="h", name="time", tz=tz)
        labels = np.concatenate([np.zeros(3, dtype=np.int64), index.asi8])
        found = MappedIndexes(labels, np.array([3]), np.array([60]), index)
        pd.testing.assert_index_equal(found[0], index, exact=True)
        assert len([*found]) == 1


def test_windows_of_an_epoch_are_drawn_without_a_permutation(monkeypatch):
    torch.manual_seed(0)
    drawn = [_batches._draw_some(40, 10) for _ in range(500)]
    assert all(len(set(one.tolist())) == 10 for one in drawn)
    counts = np.bincount(torch.cat(drawn).numpy(), minlength=40)
    assert np.abs(counts - 125).max() < 6 * 125**0.5
    firsts = np.bincount([int(one[0]) for one in drawn], minlength=40)
    assert firsts.max() < 12.5 + 6 * 12.5**0.5


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"static_covariates": ["c1"]}, "no static covariates"),
        ({"quantiles": [0.1, 0.5, 0.9], "calibration": "conformal"}, "calibration=None"),
    ],
    ids=str,
)
def test_what_needs_all_rows_is_said_before(settings, message, source):
    with pytest.raises(ValueError, match=message):
        fit(source, **settings)


def test_stores_are_folders_and_tables_may_be_urls(source, made):
    fsspec = pytest.importorskip("fsspec")
    system, url = fsspec.filesystem("memory"), "memory://stored_fit"
    system.put(str(source), "/stored_fit", recursive=True)
    settings = {"store": source.parent / "store", "is_sorted": True}
    found = scale_out.fit(forecaster(), url, **settings)
    check_same(forecaster().fit(read_panel(TABLE)), found)
    made.clear()
    scale_out.fit(forecaster(), url, **settings)
    assert not made
    for text, given in (("store of fit must be a folder", {"store": url}), ("memory must be a folder", settings)):
        with pytest.raises(ValueError, match=text):
            scale_out.fit(forecaster(memory=url, random_state=0), source, **{"is_sorted": True, **given})


def test_only_files_have_a_store(tmp_path):
    with pytest.raises(TypeError, match=r"store of fit is for paths of Parquet files.*got DataFrame. Write"):
        scale_out.fit(forecaster(), TABLE, store=tmp_path)


def test_series_of_another_step_are_named(source):
    daily = TABLE["ds"].min() + 24 * (TABLE["ds"] - TABLE["ds"].min())
    TABLE.assign(ds=TABLE["ds"].where(TABLE["unique_id"] != "s35", daily)).to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    with pytest.raises(ValueError, match=r"series 's35'.*24 hours|series 's35'.*1 day"):
        fit(source)


def test_a_mode_of_torch_that_was_left_on_does_not_matter(source):
    with torch.inference_mode():
        fitted = fit(source, student=MLP(4, batch_norm=False))
    check_same(fitted, fit(source, student=MLP(4, batch_norm=False)))


def test_other_units_have_other_stores():
    """Where this fails on purpose: raise _FORMAT of skdistill/scale_out/_stored_fit.py, and write new units."""
    rows = np.arange(40.0)
    wave = np.sin(rows)
    series = [
        np.stack([wave, 1e-6 * wave], axis=1),
        np.stack([np.full(40, 3.3), 1e-6 * wave + 2], axis=1),
        np.stack([np.where(rows < 3, 1.0, 0.0), np.full(40, 1e-6)], axis=1),
    ]
    units = Scaling(kind="series", season=12).fit(series).series_units_
    expected = [[0.3515440646, 3.515440646e-07], [3.3, 3.515440646e-07], [0.1071428571, 1e-06]]
    assert _FORMAT == 8
    np.testing.assert_allclose(units.unit, expected, rtol=1e-7)
    np.testing.assert_allclose(units.center[:, 0], [0.0288274562, 3.3, 0.075], rtol=1e-7)


@pytest.mark.parametrize("through_files", [True, False])
def test_what_the_sample_does_not_show_is_told_of_all_series(source, through_files):
    low = np.where(TABLE["unique_id"] == "s35", 1000.0, 0.0)
    TABLE.assign(c0=TABLE["c0"] - low).to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    settings = {"student": Linear(), "bounds": (-50.0, None), "max_epochs": 100}
    with pytest.warns(UserWarning, match=r"go from -\d.* to .*, outside bounds=\(-50.0, None\)"):
        fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)
    settings["bounds"] = (None, 100.0)
    with pytest.warns(UserWarning, match=r"go from -\d.* to \d.*, outside bounds=\(None, 100.0\)"):
        fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)


@pytest.mark.parametrize("through_files", [True, False])
def test_a_context_that_hardly_varies_is_told_of_all_series(source, through_files, monkeypatch):
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 3)
    table = TABLE.fillna(0.0).copy()
    rows = np.flatnonzero(table["unique_id"] == "s20")[10:34]
    table.loc[table.index[rows], "c0"] = 5.0 + 1e-4 * np.random.default_rng(0).normal(size=24)
    table.to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    settings = {"student": Linear(), "scaling": "window", "max_epochs": 100}
    with pytest.warns(UserWarning, match=r"the context of series 's20' that ends in row 3[123] .* outweigh all"):
        fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)


def test_a_trend_that_hides_the_season_is_told(source):
    rows = TABLE[TABLE["unique_id"] == "s20"].copy()
    rows["c0"], rows["c1"] = (0.01 * rows["c0"] + np.arange(len(rows)) for _ in range(2))
    rows.to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    with pytest.warns(UserWarning, match="a trend makes most of the spread of the training rows"):
        fit(source, student="dlinear", scaling="global")


def test_validation_rows_that_nothing_reads_are_told(source):
    student = Linear(penalty=(0.1, 1.0), selection="blocks")
    with pytest.warns(UserWarning, match="nothing reads the validation rows of DistilledForecaster"):
        fit(source, student=student, targets=["c1"], covariates="ignore", validation_fraction=0.2, max_epochs=100)


@pytest.mark.parametrize("through_files", [True, False])
@pytest.mark.parametrize(("value", "n_told"), [(1.0, 0), (0.0, 1)])
def test_a_covariate_with_one_value_is_told_of_all_series(source, through_files, value, n_told, recwarn, monkeypatch):
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 3)
    table = TABLE.fillna(0.0).assign(promo=0.0)
    table.loc[(table["unique_id"] == "s20") & (table.index % 2 == 0), "promo"] = value
    table.to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    settings = {"student": Linear(), "known_covariates": ["promo"], "max_epochs": 100}
    fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)
    told = [str(one.message) for one in recwarn if "have one value in" in str(one.message)]
    assert len(told) == n_told
    assert all(one.startswith("the covariates 'promo' have one value in all training rows") for one in told)


VALUES_OF_SERIES = {
    "one each": (lambda number, row: 5.0 + number, "series", 1),
    "one each, all in the sample": (lambda number, row: 5.0 + number, "series", 1),
    "one each, units of all": (lambda number, row: 5.0 + number, "global", 0),
    "0 or 1": (lambda number, row: number % 2.0, "series", 0),
    "several in one": (lambda number, row: 5.0 + number + (number == 20) * (row % 2), "series", 0),
}


@pytest.mark.parametrize("through_files", [True, False])
@pytest.mark.parametrize("name", VALUES_OF_SERIES)
def test_a_covariate_with_one_value_in_each_series_is_told_of_all(source, through_files, name, recwarn, monkeypatch):
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 36 if "sample" in name else 3)
    value_of, scaling, n_told = VALUES_OF_SERIES[name]
    table = TABLE.fillna(0.0)
    numbers = table["unique_id"].str[1:].astype(float)
    table["promo"] = value_of(numbers, table.index.to_numpy())
    table.to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    settings = {"student": Linear(), "known_covariates": ["promo"], "max_epochs": 100, "scaling": scaling}
    fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)
    told = [str(one.message) for one in recwarn if "'promo' have one value in all" in str(one.message)]
    assert len(told) == n_told
    assert all("training rows, or in those of each series, so" in one for one in told)


@pytest.mark.parametrize("through_files", [True, False])
def test_plans_are_not_compared_with_the_range_of_the_sample(source, through_files, monkeypatch):
    """Series that only the sums have seen are of another size."""
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 3)
    promo = np.random.default_rng(0).random(len(TABLE))
    of_another_size = TABLE["unique_id"] == "s20"
    table = TABLE.fillna(0.0).assign(promo=np.where(of_another_size, 1000.0, 1.0) * promo)
    table.to_parquet(source / "b.parquet")
    (source / "a.parquet").unlink()
    settings = {"student": Linear(), "known_covariates": ["promo"], "max_epochs": 100, "scaling": "series"}
    fitted = fit(source, **settings) if through_files else scale_out.fit(forecaster(**settings), source, is_sorted=True)
    panel = read_panel(table[of_another_size])
    past, plan = panel[:-4].assign(promo=panel["promo"][:-4].where(panel["promo"] < 0)), panel[-4:][["promo"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="the covariate 'promo' is missing in most")  # it is, in all
        fitted.predict(past, future=plan)
