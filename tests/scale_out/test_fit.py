"""Sums of partitions give the student of fit on all rows; samples hold every kind of series."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor
from sktime.forecasting.theta import ThetaForecaster

from skdistill import DistilledForecasterCV, scale_out
from skdistill._shorthand import resolve_loss
from skdistill.data._scaling import Scaling
from skdistill.datasets import read_panel, to_long
from skdistill.losses import TeacherForecast
from skdistill.networks import Linear
from skdistill.scale_out._collect import collect
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._sample import choose_ids, take_sample
from skdistill.scale_out._sums import RowSums, WindowWork, add_all
from skdistill.teachers import GivenLabels, RegressorTeacher, SktimeTeacher

pa = pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")


@pytest.fixture(scope="module")
def table():
    return to_long(pd.concat({f"s{n:02d}": (1 + n) * make_frame(44 + n, seed=n) for n in range(40)}))


def forecaster(**settings):
    return make_forecaster(**{"teacher": None, "student": "linear", **settings})


def weights(fitted):
    return {name: one.detach().numpy() for name, one in fitted.student_.named_parameters()}


def read_in_small_blocks(monkeypatch, n_rows=400):
    of = SeriesReader.of.__func__
    monkeypatch.setattr(SeriesReader, "of", classmethod(lambda cls, *args: replace(of(cls, *args), block_rows=n_rows)))
    monkeypatch.setattr("skdistill.scale_out._here.BLOCK_ROWS", n_rows)
    monkeypatch.setattr("skdistill.scale_out._here._READ_ROWS", 100)


def test_a_reader_that_comes_once_is_refused(table):
    reader = pa.Table.from_pandas(table).to_reader()
    with pytest.raises(TypeError, match=r"an Arrow reader comes once: pass reader.read_all\(\)"):
        scale_out.fit(forecaster(), reader)


SETTINGS = [
    {},
    {"scaling": "window"},
    {"scaling": "global", "window_step": 3, "context_length": 26},
    {"window_step": 44, "validation_fraction": 0},  # of the first block, no window is on its grid
    {"student": Linear(penalty=[0.01, 0.1, 1.0], individual=True), "targets": ["c0"]},
    {"known_covariates": ["c1"]},
    {"known_covariates": ["c1"], "student": Linear(known_weights="shared", known_band=[0, 2], penalty=[0.01, 1.0])},
    {"teacher": LastValueTeacher(offset=0.3), "validation_fraction": 0, "min_observed": 12},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.filterwarnings("ignore:the series of X differ in scale")
def test_the_student_of_fit_on_all_rows(settings, table, monkeypatch):
    """Of series counted 5 to 10 at a time, while the sample has 32 of 40."""
    alone, panel = forecaster(**settings).fit(read_panel(table)), read_panel(table)
    read_in_small_blocks(monkeypatch)
    together = scale_out.fit(forecaster(**settings), table)
    assert together.n_series_ == 40
    for name, values in weights(alone).items():
        np.testing.assert_allclose(weights(together)[name], values, rtol=1e-5, atol=1e-7)
    assert [row.get("chosen") for row in together.history_] == [row.get("chosen") for row in alone.history_]
    np.testing.assert_allclose(together.scaling_.original_scale_, alone.scaling_.original_scale_, rtol=1e-12)
    assert together.scaling_.season == alone.scaling_.season  # by which later gaps are filled
    if "known_covariates" not in settings:
        np.testing.assert_allclose(together.predict(panel), alone.predict(panel), rtol=1e-4)


def test_positions_of_targets_are_those_of_fit(table):
    by_position, by_name = (scale_out.fit(forecaster(targets=targets), table) for targets in ([1], ["c1"]))
    for name, values in weights(by_name).items():
        np.testing.assert_array_equal(weights(by_position)[name], values)


class WeighsOwnTeacher(LastValueTeacher):
    """Weighs the labels of the series it was fitted on, and of no others."""

    def label_training(self, contexts):
        labels = self.label(contexts)
        return replace(labels, weight=torch.where(contexts.values[:, -1, 0] > 0, 0.25, 2.0))


def with_gaps(table, *, first=0):
    """Values are missing from a series on; the other blocks are complete."""
    number = table["unique_id"].str[1:].astype(int)
    gaps = np.random.default_rng(0).random((len(table), 2)) < 0.15
    return table.assign(
        **{name: table[name].mask(gaps[:, place] & (number >= first)) for place, name in enumerate(CHANNELS)}
    )


CHANNELS = ["c0", "c1"]
WITH_GAPS = [
    {},
    {"scaling": "global", "student": Linear(penalty=[0.01, 0.1, 10.0], individual=True), "validation_fraction": 0.3},
    {"scaling": "window", "student": Linear(penalty=[0.01, 1.0]), "validation_fraction": 0.3, "window_step": 2},
    {"known_covariates": ["c1"], "student": Linear(penalty=[0.1, 1.0]), "validation_fraction": 0.3},
    {"teacher": LastValueTeacher(offset=0.3), "validation_fraction": 0},
    {"teacher": LastValueTeacher(offset=0.3), "loss": TeacherForecast(), "validation_fraction": 0},
]


@pytest.mark.parametrize("first", [0, 20, 34], ids=["all", "later blocks", "not in the sample"])
@pytest.mark.parametrize("settings", WITH_GAPS, ids=str)
@pytest.mark.filterwarnings("ignore:the series of X differ in scale")
def test_each_step_has_the_windows_in_which_it_is_observed(settings, first, table, monkeypatch):
    gaps = with_gaps(table, first=first)
    alone = forecaster(**settings).fit(read_panel(gaps))
    read_in_small_blocks(monkeypatch)
    together = scale_out.fit(forecaster(**settings), gaps)
    for name, values in weights(alone).items():
        np.testing.assert_allclose(weights(together)[name], values, rtol=1e-5, atol=1e-6)
    for name in ("train_loss", "valid_loss", "chosen"):
        found, right = ([row.get(name, 0) for row in one.history_] for one in (together, alone))
        np.testing.assert_allclose(found, right, rtol=1e-6)


@pytest.mark.parametrize("loss", ["response", TeacherForecast()], ids=str)
def test_weights_of_labels_count_beside_missing_values(loss, table, monkeypatch):
    few = with_gaps(table[table.unique_id < "s16"], first=8)  # all are in the sample, which alone has weights
    settings = {"teacher": WeighsOwnTeacher(offset=0.3), "validation_fraction": 0, "loss": loss}
    alone = forecaster(**settings).fit(read_panel(few))
    read_in_small_blocks(monkeypatch)
    together = scale_out.fit(forecaster(**settings), few)
    np.testing.assert_allclose(weights(together)["weight"], weights(alone)["weight"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("first", [0, 34], ids=["all", "not in the sample"])
def test_steps_that_share_weights_are_refused_where_values_are_missing(first, table):
    settings = {"known_covariates": ["c1"], "student": Linear(known_weights="shared", solver="exact")}
    with pytest.raises(ValueError, match=r"values of the targets are missing.*Set known_weights='own'"):
        scale_out.fit(forecaster(**settings), with_gaps(table, first=first))


def given_labels(table):
    times = np.sort(table["ds"].unique())
    numbers, origins = (one.ravel() for one in np.meshgrid(np.arange(16), times, indexing="ij"))
    return GivenLabels(np.random.default_rng(0).normal(size=(len(origins), 4, 2)), origins, series=numbers)


@pytest.mark.parametrize(
    "make_teacher",
    [
        lambda table: RegressorTeacher(DecisionTreeRegressor(max_depth=4), season=6, random_state=0),
        lambda table: SktimeTeacher(ThetaForecaster(), fitting="series"),
        given_labels,
    ],
    ids=["out of fold", "by series", "given"],
)
def test_windows_of_the_sample_have_its_labels_in_every_block(make_teacher, table, monkeypatch):
    """A block numbers its series anew, and a teacher knows those of the sample by their numbers in it."""
    few = table[table.unique_id < "s16"]
    settings = {"teacher": make_teacher(few), "validation_fraction": 0}
    if isinstance(settings["teacher"], SktimeTeacher):
        pytest.importorskip("statsmodels", reason="sktime's ThetaForecaster needs statsmodels")
    alone = forecaster(**settings).fit(read_panel(few))
    read_in_small_blocks(monkeypatch)
    together = scale_out.fit(forecaster(**settings), few)
    np.testing.assert_allclose(weights(together)["weight"], weights(alone)["weight"], rtol=1e-5, atol=1e-7)


def test_series_that_are_not_in_the_sample_are_new_to_its_teacher(table):
    teacher = RegressorTeacher(LinearRegression(), season=6)
    fitted = scale_out.fit(forecaster(teacher=teacher, validation_fraction=0), table)
    alone = scale_out.fit(forecaster(teacher=teacher.set_params(n_folds=None), validation_fraction=0), table)
    assert not np.allclose(weights(fitted)["weight"], weights(alone)["weight"])  # in the sample, out of fold
    by_series = forecaster(teacher=[SktimeTeacher(ThetaForecaster(), fitting="series")])
    with pytest.raises(ValueError, match=r"SktimeTeacher is fitted on the rows of each series.*on 32 of the 40 series"):
        scale_out.fit(by_series, table)


@pytest.mark.parametrize("n_rows", [60, 400], ids=["a series each", "some series"])
def test_labels_without_weights_count_in_full_beside_those_of_other_blocks(n_rows, table, monkeypatch):
    settings = {"teacher": WeighsOwnTeacher(offset=0.3), "validation_fraction": 0}
    whole = scale_out.fit(forecaster(**settings), table)
    read_in_small_blocks(monkeypatch, n_rows)
    blocks = scale_out.fit(forecaster(**settings), table)
    np.testing.assert_allclose(weights(blocks)["weight"], weights(whole)["weight"], rtol=1e-5, atol=1e-7)
    assert blocks.history_[0]["train_loss"] == pytest.approx(whole.history_[0]["train_loss"])


@pytest.mark.parametrize("store", [False, True])
def test_which_series_have_units_does_not_depend_on_the_block(store, table, monkeypatch, tmp_path):
    """The first series, which fill blocks of their own, lack the covariate, and the next the target."""
    table = table.copy()
    table.loc[table.unique_id.isin([f"s{n:02d}" for n in range(20)]), "c1"] = np.nan
    table.loc[table.unique_id.isin([f"s{n:02d}" for n in range(20, 30)]), "c0"] = np.nan
    path = tmp_path / "table.parquet"
    table.to_parquet(path, index=False)
    read_in_small_blocks(monkeypatch)
    settings = {"targets": ["c0"], "validation_fraction": 0}
    alone, panel = forecaster(**settings).fit(read_panel(table)), read_panel(table)
    together = scale_out.fit(forecaster(**settings), path, store=tmp_path / "store" if store else None)
    np.testing.assert_allclose(weights(together)["weight"], weights(alone)["weight"], atol=1e-6)
    np.testing.assert_allclose(together.predict(panel), alone.predict(panel), rtol=1e-4)


@pytest.mark.slow
def test_moments_of_an_engine_are_those_of_one_machine(table):
    dd = pytest.importorskip("dask.dataframe", reason="needs pip install 'skdistill[dask]'")
    sample = forecaster(context_length=24).fit(read_panel(table))
    reader = SeriesReader.of(sample, "unique_id", "ds", 40)
    loss = resolve_loss("response")
    work = WindowWork(reader, Linear(), sample.spec_, loss, sample.scaling_, None, None, keeps_units=True)
    whole = next(iter(pickle.loads(part["sums"][0].as_py()) for part in work.run([pa.Table.from_pandas(table)])))
    mixed = dd.from_pandas(table.sample(frac=1, random_state=0, ignore_index=True), npartitions=5)
    parts = collect(work, mixed, is_sorted=False)
    assert parts.num_rows > 1
    total = add_all(pickle.loads(part.as_py()) for part in parts["sums"])
    for name, groups in whole.moments.items():
        for one, other in zip(groups, total.moments[name], strict=True):
            assert other.count == one.count
            largest = np.abs(one.second).max()
            np.testing.assert_allclose(other.second, one.second, rtol=1e-12, atol=1e-12 * largest)
            np.testing.assert_allclose(other.first, one.first, rtol=1e-12, atol=1e-12 * np.abs(one.first).max())
    fitted = scale_out.fit(forecaster(context_length=24), mixed)
    for name, values in weights(sample).items():
        np.testing.assert_allclose(weights(fitted)[name], values, rtol=1e-5, atol=1e-7)


def test_units_are_kept_by_id_or_not_at_all(table):
    kept = scale_out.fit(forecaster(), table)
    assert kept.scaling_.ids_ == sorted(table["unique_id"].unique())
    without = scale_out.fit(forecaster(), table, keep_units=False)
    assert without.scaling_.ids_ == []
    frame = make_frame(60, seed=99)
    np.testing.assert_allclose(without.predict(frame), kept.predict(frame), rtol=1e-6)  # a series that is new
    pd.testing.assert_frame_equal(
        scale_out.predict(kept, table).to_pandas(), kept.predict_table(table), check_dtype=False
    )


def test_row_sums_add_up_to_those_of_all_rows():
    rows = 1e6 + np.random.default_rng(0).normal(size=(1000, 3))
    rows[:, 2], rows[5, 0] = 7.0, np.nan
    total = add_all(RowSums.of([part]) for part in np.array_split(rows, 7))
    np.testing.assert_allclose(total.mean, np.nanmean(rows, axis=0), rtol=1e-14)
    np.testing.assert_allclose(total.scale[:2], np.nanstd(rows, axis=0)[:2], rtol=1e-9)
    assert total.scale[2] == 1.0
    assert (total.count.tolist(), total.misses.tolist()) == ([999, 1000, 1000], [True, False, False])


def test_row_sums_at_a_high_level_have_the_scale_of_fit():
    noise = np.random.default_rng(0).normal(size=(1000, 2))
    rounding = np.where(noise[:, 0] > 0, 3.3, 3 * 1.1)  # one value, and no spread
    rows = np.c_[1e10 + 1e-3 * noise, np.full(1000, 1e10), rounding]
    scaling = Scaling().fit([rows])
    total = add_all(RowSums.of([part]) for part in np.array_split(rows, 7))
    np.testing.assert_allclose(total.scale, scaling.scale_, rtol=1e-3)
    np.testing.assert_allclose(total.mean, scaling.mean_, rtol=1e-15)


# -- samples -------------------------------------------------------------------------------------


def test_a_sample_has_long_and_short_large_and_small_series():
    generator = np.random.default_rng(0)
    lengths, scales = np.r_[np.full(960, 100), np.full(40, 3000)], np.r_[np.ones(500), np.full(500, 1e4)]
    stats = pd.DataFrame({"n_rows_": lengths, "sum_": 0.0, "squares_": lengths * scales**2})
    stats = stats.set_axis(generator.permutation(1000))
    ids = choose_ids(stats, 100, seed=0)
    chosen = stats.loc[ids]
    assert (len(ids), len(set(ids))) == (100, 100)
    assert (chosen["n_rows_"] == 3000).sum() == pytest.approx(4, abs=1)
    assert (chosen["squares_"] / chosen["n_rows_"] > 1e6).sum() == pytest.approx(50, abs=2)
    assert set(choose_ids(stats, 3, seed=0)) != set(choose_ids(stats, 3, seed=1))
    assert len({*stats.loc[choose_ids(stats, 3, seed=0)].round(-2).itertuples(index=False, name=None)}) == 3


def test_a_sample_is_the_same_in_any_order(table):
    rows, n_all = take_sample(table, 5, id="unique_id", channel="c0")
    again, _ = take_sample(table.sample(frac=1, random_state=1), 5, id="unique_id", channel="c0")
    assert n_all == 40
    pd.testing.assert_frame_equal(read_panel(rows), read_panel(again))


def test_a_student_by_gradient_is_fitted_on_a_sample(table):
    idle = "keep_units=False, is_sorted=True, n_jobs=2 have no effect with max_series= and without store="
    with pytest.warns(UserWarning, match=idle):
        fitted = scale_out.fit(
            make_forecaster(teacher=None), table, max_series=6, keep_units=False, is_sorted=True, n_jobs=2
        )
    assert len(fitted.scaling_.ids_) == 6
    assert fitted.n_series_ == 40


def test_text_that_fit_encodes_is_no_reason_for_a_warning(table):
    text = table.assign(weather=np.where(table["c0"] > table["c0"].median(), "sun", "rain"))
    told = make_forecaster(teacher=None, targets=["c0"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = scale_out.fit(told, text, max_series=4)
    assert list(fitted.roles_.categories) == [2]  # the place of the column


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"student": "mlp"}, "needs a student that is solved exactly.*Otherwise give max_series="),
        ({"student": Linear(penalty=[0.1, 1.0], selection="blocks")}, "selection='validation'"),
        ({"series_weight": "equal"}, "series_weight='windows'"),
        ({"static_covariates": ["c1"]}, "no static covariates"),
    ],
    ids=str,
)
def test_what_cannot_be_added_up_is_said_before(settings, message, table):
    with pytest.raises(ValueError, match=message):
        scale_out.fit(forecaster(**settings), table)


def test_bad_tables(table):
    with pytest.raises(ValueError, match=r"no column 'ts'.*Name time="):
        scale_out.fit(forecaster(), table, time="ts")
    with pytest.raises(ValueError, match="has no rows"):
        scale_out.fit(forecaster(), table.iloc[:0])
    with pytest.raises(ValueError, match="max_series of fit"):
        scale_out.fit(forecaster(), table, max_series=0)
    with pytest.raises(ValueError, match="lacks an id in 1 rows"):
        scale_out.fit(forecaster(), table.assign(unique_id=table["unique_id"].where(table.index != 3)), max_series=2)
    with pytest.raises(TypeError, match="keep_units of fit must be True or False; got 'no'"):
        scale_out.fit(forecaster(), table, keep_units="no")
    with pytest.raises(TypeError, match="must be a DistilledForecaster; got DistilledForecasterCV"):
        scale_out.fit(DistilledForecasterCV(), table)


def test_options_of_one_machine_are_refused_for_engines(table):
    dd = pytest.importorskip("dask.dataframe", reason="needs pip install 'skdistill[dask]'")
    engine = dd.from_pandas(table, npartitions=2)
    for call in (scale_out.fit, scale_out.predict):
        with pytest.raises(
            ValueError, match=r"n_jobs is for files and tables of one machine; got 2 for a table of Dask"
        ):
            call(forecaster(), engine, n_jobs=2)


@pytest.mark.parametrize(("name", "value"), [("id", "shop"), ("time", "when")])
def test_a_predictor_reads_the_columns_it_was_made_for(table, name, value):
    predictor = scale_out.fit(forecaster(), table).predictor()
    with pytest.raises(ValueError, match=f"{name} of predict is '{value}', and this predictor reads"):
        scale_out.predict(predictor, table.assign(shop="s", when=table["ds"]), **{name: value})


def test_units_that_there_are_not_cannot_be_left_out(table):
    with pytest.warns(UserWarning, match="keep_units=False has no effect with scaling='window'"):
        scale_out.fit(forecaster(scaling="window"), table, keep_units=False)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("scaling", ["global", "series"])
def test_a_covariate_of_float32_that_varies_by_rounding_never_moves(table, scaling, stored, tmp_path):
    """Any other price was seven digits of standard deviations away."""
    price = np.where(np.arange(len(table)) % 2, np.float32(3.3), np.nextafter(np.float32(3.3), np.float32(9)))
    single = table.astype({"c0": "float32", "c1": "float32"}).assign(price=price)
    settings = {"known_covariates": ["price"], "targets": ["c0", "c1"], "scaling": scaling}
    single.to_parquet(path := tmp_path / "rows.parquet")
    fitted = scale_out.fit(forecaster(**settings), path, store=tmp_path / "store" if stored else None).scaling_
    expected = forecaster(**settings).fit(read_panel(single)).scaling_
    found, right = ((one.scale_, one.covariates_ and one.covariates_.unit) for one in (fitted, expected))
    assert right[scaling == "series"][-1] == pytest.approx(3.3)
    np.testing.assert_allclose(found[scaling == "series"], right[scaling == "series"], rtol=1e-6)


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_channels_that_never_move_have_the_scale_that_fit_gives_them(table, scaling):
    still = table.assign(price=70_000.0, dead=2e-6, c0=1e-5 * table["c0"], c1=1e-5 * table["c1"])
    settings = {"known_covariates": ["price"], "targets": ["c0", "c1", "dead"], "scaling": scaling}
    fitted = scale_out.fit(forecaster(**settings), still).scaling_
    expected = forecaster(**settings).fit(read_panel(still)).scaling_
    np.testing.assert_allclose(fitted.scale_, expected.scale_)
    if scaling == "global":
        assert expected.scale_[-2:].tolist() == pytest.approx([70_000, 2e-6])
    else:
        np.testing.assert_allclose(fitted.covariates_.unit[list(fitted.covariates_.channels)], [70_000])
        np.testing.assert_allclose(expected.covariates_.unit[list(expected.covariates_.channels)], [70_000])


@pytest.mark.parametrize("stored", [False, True])
def test_a_target_that_starts_in_the_validation_rows_does_not_rule_the_choice(table, stored, tmp_path):
    n_rows, step = table.groupby("unique_id")["ds"].transform("size"), table.groupby("unique_id").cumcount()
    rng = np.random.default_rng(0)
    started = table.assign(new=np.where(step >= n_rows - 7, 1e3 * rng.random(len(table)), 0.0))
    penalties = {"student": Linear(penalty=[0.01, 0.1, 100.0]), "scaling": "global", "validation_fraction": 0.3}
    expected = forecaster(**penalties).fit(read_panel(started))
    if stored:
        started.to_parquet(tmp_path / "rows.parquet")
        fitted = scale_out.fit(forecaster(**penalties), tmp_path / "rows.parquet", store=tmp_path / "store")
    else:
        fitted = scale_out.fit(forecaster(**penalties), started)
    losses = [[row["valid_loss"] for row in one.history_] for one in (fitted, expected)]
    np.testing.assert_allclose(*losses, rtol=1e-9 if stored else 1e-7)  # of sums in another order
    assert [row["chosen"] for row in fitted.history_] == [row["chosen"] for row in expected.history_]


def test_what_is_left_out_is_said(table):
    few = table[(table["unique_id"] != "s07") | (table.groupby("unique_id").cumcount() < 9)].copy()
    with pytest.warns(UserWarning, match="1 of 40 series have no training window"):
        scale_out.fit(forecaster(), few)


@pytest.mark.slow
def test_a_series_in_two_partitions_is_not_counted_twice(table):
    dd = pytest.importorskip("dask.dataframe", reason="needs pip install 'skdistill[dask]'")
    spread = dd.from_pandas(table.sort_values("ds", ignore_index=True), npartitions=2)
    with pytest.raises(ValueError, match=r"not together in one partition \(\d+ series in all\).*Leave out is_sorted"):
        scale_out.fit(forecaster(), spread, is_sorted=True)


def test_a_failed_fit_leaves_the_forecaster_as_it_was(table, monkeypatch):
    fitted = forecaster()
    monkeypatch.setattr("skdistill.scale_out._fit._added", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scale_out.fit(fitted, table)
    assert not hasattr(fitted, "student_")


def test_nothing_of_an_earlier_fit_is_left(table, tmp_path):
    """Its calibration would stand in the file, and its roles and number of series would be told of this fit."""
    panel = read_panel(table)
    asked = {"quantiles": (0.2, 0.5, 0.8), "calibration": "conformal", "targets": ["c0"], "covariates": "ignore"}
    again = forecaster(**asked, student="mlp", max_epochs=1).fit(panel)
    plain = forecaster(max_epochs=1).get_params(deep=False)
    scale_out.fit(again.set_params(**{name: plain[name] for name in (*asked, "student")}), table)
    assert (again.calibration_, again._asked_roles["targets"], again.n_series_) == (None, None, 40)
    again.save(tmp_path / "student.skdistill")
    assert not {"_parts", "_numbers"} & set(vars(again))
    assert not hasattr(again.fit(panel.loc[["s00"]]), "n_series_")


def test_given_labels_of_other_series_than_those_of_the_fit_are_refused():
    panel = pd.concat({f"s{number}": make_frame(60, 1, number) for number in range(4)})
    places = [(number, time) for number in range(4) for time in panel.loc["s0"].index]
    numbers, times = zip(*places, strict=True)
    labels = np.repeat(np.array(numbers, dtype=float), 6).reshape(-1, 6, 1)
    given = make_forecaster(teacher=GivenLabels(labels, list(times), series=list(numbers)), student="linear")
    given.set_params(context_length=12, prediction_length=6)
    with pytest.raises(ValueError, match="series of GivenLabels are numbers of all 4 series of the table"):
        scale_out.fit(given, to_long(panel), max_series=2)
    scale_out.fit(given, to_long(panel), max_series=4)


def test_a_series_of_another_step_that_the_sample_does_not_have_is_an_error(table):
    rows, _ = take_sample(table, 32, id="unique_id", channel="c0")
    one = min(set(table["unique_id"]) - set(pa.table(rows)["unique_id"].to_pylist()))
    first = table["ds"].min()
    days = table.assign(ds=table["ds"].where(table["unique_id"] != one, first + 24 * (table["ds"] - first)))
    with pytest.raises(ValueError, match=rf"series '{one}' are 24 steps of fit \(1 hour\) apart"):
        scale_out.fit(forecaster(), days)
