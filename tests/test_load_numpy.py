"""Exported students that are loaded with NumPy alone."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series

import skdistill

LIGHT = """
import json, sys
import skdistill
rows = [[float(number % 7), 1.0] for number in range(12)]
answer = skdistill.load_numpy(sys.argv[1]).predict(__import__("numpy").array(rows))
heavy = {"torch", "sklearn", "pandas", "scipy", "pyarrow", "narwhals", "joblib", "skorch", "sktime", "safetensors"}
others = sorted(name for name in sys.modules if name.partition(".")[0] == "skdistill")
print(json.dumps([sorted(heavy & set(sys.modules)), others, answer.tolist()]))
"""


@pytest.fixture(scope="module")
def forecaster():
    return make_forecaster(teacher=None).fit(make_frame())


@pytest.fixture(scope="module")
def path(forecaster, tmp_path_factory):
    path = tmp_path_factory.mktemp("light") / "student.npz"
    forecaster.export(path)
    return path


def test_it_imports_numpy_alone(path, forecaster):
    done = subprocess.run([sys.executable, "-c", LIGHT, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    heavy, own, answer = json.loads(done.stdout)
    assert heavy == []
    assert len(own) <= 6, own  # the package, its lazy imports, the loader, the runtime
    rows = np.array([[float(number % 7), 1.0] for number in range(12)])
    np.testing.assert_array_equal(answer, forecaster.predict(pd.DataFrame(rows, columns=["c0", "c1"])))


def test_arrays_and_batches_are_those_of_numpy_student(path):
    student, plain = skdistill.load_numpy(path), skdistill.deploy.NumpyStudent.load(path)
    batch = np.stack([make_series(12), make_series(12, seed=1)]).astype(np.float32)
    for windows in (batch, batch[0]):
        np.testing.assert_array_equal(student.predict(windows), plain.predict(windows))
    assert student.columns == ["c0", "c1"]


def test_masked_values_are_missing_and_times_are_no_numbers(path):
    rows = make_series(14)
    gaps = rows.copy()
    gaps[10] = np.nan
    for student in (skdistill.load_numpy(path), skdistill.deploy.NumpyStudent.load(path)):
        masked = student.predict(np.ma.masked_array(rows, np.isnan(gaps)))
        np.testing.assert_array_equal(masked, student.predict(gaps))
        with pytest.raises(TypeError, match="windows must be real numbers; got values of type datetime64"):
            student.predict(rows.astype("datetime64[s]"))


def test_a_plan_in_the_place_of_ids_is_refused(path):
    """It is the second argument of predict of a forecaster."""
    for student in (skdistill.load_numpy(path), skdistill.deploy.NumpyStudent.load(path)):
        for windows, plan in ((make_series(14), make_series(4)), (make_series(24).reshape(2, 12, 2), [[1.0], [2.0]])):
            with pytest.raises((TypeError, ValueError), match=r"series must name one id per window; got"):
                student.predict(windows, plan)
    with pytest.raises(TypeError, match=r"got a DataFrame. Is it future= or static=\?"):
        skdistill.load_numpy(path).predict(make_frame(), make_frame()[:4])


def test_infinity_is_refused_in_arrays_and_large_numbers_are_not(path):
    student = skdistill.deploy.NumpyStudent.load(path)
    batch = np.stack([make_series(12)] * 2).astype(np.float32)
    with np.errstate(all="raise"):
        assert np.isfinite(student._read(np.where(batch > 5, np.float32(3e38), batch))[0]).all()  # their sum is not
    for value in (np.inf, -np.inf):
        spoiled = batch.copy()
        spoiled[1, 3, 0], spoiled[0, 0, 0] = value, np.nan
        with pytest.raises(ValueError, match=r"windows contains infinity, first at \(1, 3, 0\) of \(2, 12, 2\)"):
            student.predict(spoiled)


@pytest.mark.parametrize("n_rows", [40, 12, 5])
def test_a_frame_gives_the_frame_of_predict(path, forecaster, n_rows):
    frame = make_frame()[-n_rows:]
    pd.testing.assert_frame_equal(skdistill.load_numpy(path).predict(frame), forecaster.predict(frame))


def test_a_channel_without_a_value_is_forecast_as_nan(path, forecaster):
    frame = make_frame()
    frame.iloc[-12:, 0] = np.nan
    found = skdistill.load_numpy(path).predict(frame)
    pd.testing.assert_frame_equal(found, forecaster.predict(frame))
    assert found["c0"].isna().all()


def test_a_panel_gets_the_units_of_its_series(tmp_path):
    panel = pd.concat({7: make_frame(), 8: 100 * make_frame(seed=1)}, names=["shop"])
    forecaster = make_forecaster(teacher=None).fit(panel)
    forecaster.export(tmp_path / "panel.npz")
    new = pd.concat({8: 100 * make_frame(seed=3), 9: make_frame(9, seed=2)}, names=["shop"])
    found = skdistill.load_numpy(tmp_path / "panel.npz").predict(new)
    expected = forecaster.predict(new)
    assert found.index.equals(expected.index)
    assert list(found.index.names) == list(expected.index.names)
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # in one batch there, one by one here


def test_a_vector_stays_a_vector(tmp_path):
    load = make_frame()["c0"].rename("load")
    forecaster = make_forecaster(teacher=None).fit(load)
    forecaster.export(tmp_path / "one.npz")
    pd.testing.assert_series_equal(skdistill.load_numpy(tmp_path / "one.npz").predict(load), forecaster.predict(load))


def test_rows_after_text_are_those_of_the_horizon(tmp_path):
    frame = make_frame().set_axis([f"row {number}" for number in range(120)])
    forecaster = make_forecaster(teacher=None, student="linear", known_covariates=["c1"]).fit(frame[:-4])
    forecaster.export(tmp_path / "known.npz")
    student, plan = skdistill.load_numpy(tmp_path / "known.npz"), frame[["c1"]].reset_index(drop=True)
    expected = forecaster.predict(frame[:-4], future=frame[["c1"]][-4:])
    pd.testing.assert_frame_equal(student.predict(frame[:-4], future=frame[["c1"]][-4:]), expected)
    with pytest.raises(ValueError, match=r"must have 4 rows, those of the horizon: .*; got 120"):
        student.predict(frame[:-4], future=plan)


def test_known_covariates_are_matched_by_labels(tmp_path):
    frame = make_frame()
    forecaster = make_forecaster(teacher=None, student="linear", known_covariates=["c1"]).fit(frame[:-4])
    forecaster.export(tmp_path / "known.npz")
    student, future = skdistill.load_numpy(tmp_path / "known.npz"), frame[["c1"]][::-1]
    expected = forecaster.predict(frame[:-4], future=frame[["c1"]][-4:])
    pd.testing.assert_frame_equal(student.predict(frame[:-4], future=future), expected)
    with pytest.raises(ValueError, match="future of the table must have a row for every label"):
        student.predict(frame[:-4], future=frame[["c1"]][:-2])
    for other in (frame[["c1"]].assign(z=1.0), frame):  # no column of fit, and targets
        with pytest.raises(ValueError, match="which is none of the known covariates"):
            student.predict(frame[:-4], future=other)
    plain = skdistill.deploy.NumpyStudent.load(tmp_path / "known.npz")  # reads the numbers of tables by position
    np.testing.assert_allclose(plain.predict(frame[:-4], future=frame[["c1"]][-4:]), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="windows must have the columns"):
        plain.predict(frame[:-4][list(frame)[::-1]], future=frame[["c1"]][-4:])
    unknown = frame.assign(**dict.fromkeys(set(frame) - {"c1"}, np.nan))  # the rows of X that follow
    pd.testing.assert_frame_equal(student.predict(frame[:-4], future=unknown), expected)
    with pytest.raises(ValueError, match="future of the table lacks"):
        student.predict(frame[:-4], future=frame[["c0"]])
    with pytest.raises(ValueError, match="future must have shape"):
        student.predict(frame[:-4])


def test_other_columns_are_refused(path):
    with pytest.raises(ValueError, match=r"must have the columns \['c0', 'c1'\], in this order; got \['c1', 'c0'\]"):
        skdistill.load_numpy(path).predict(make_frame()[["c1", "c0"]])


def test_columns_of_an_array_are_counted_where_some_are_missing(tmp_path):
    make_forecaster(teacher=None).fit(make_series(60)).export(tmp_path / "student.npz")
    with pytest.raises(ValueError, match=r"must have the 2 channels of fit, in this order; got \[0\]"):
        skdistill.load_numpy(tmp_path / "student.npz").predict(pd.DataFrame(make_series(60))[[0]])


def test_channels_without_names_are_named_by_their_number_alone(tmp_path):
    unnamed = [np.column_stack([make_series(60, seed=seed), np.full(60, seed)]) for seed in (0, 1)]
    settings = {"teacher": None, "student": "linear", "targets": [0], "static_covariates": [2]}
    make_forecaster(**settings).fit(unnamed).export(tmp_path / "static.npz")
    with pytest.raises(ValueError, match=r"and became 2 channels of numbers\. Pass arrays of these channels"):
        skdistill.load_numpy(tmp_path / "static.npz").predict(pd.DataFrame(unnamed[0]))


def test_columns_that_are_no_channels_are_refused_or_named(tmp_path):
    panel = pd.concat({"a": make_frame(), "b": make_frame(seed=1)}, names=["shop"])
    panel["size"] = np.repeat([1.0, 2.0], len(panel) // 2)
    settings = {"teacher": None, "student": "linear", "targets": ["c0"], "context_length": 12}
    make_forecaster(**settings, static_covariates=["size"]).fit(panel).export(tmp_path / "static.npz")
    student, static = skdistill.load_numpy(tmp_path / "static.npz"), {"a": [-1.0], "b": [1.0]}
    assert len(student.predict(panel[["c0", "c1"]], static=static))
    for columns in (["c1", "c0"], ["c0", "size"]):
        with pytest.raises(ValueError, match=r"cannot be read as a table: .* 2 channels of numbers, \['c0', 'c1'\]"):
            student.predict(panel[columns], static=static)
    with pytest.raises(ValueError, match="static must be a dict of ids"):
        student.predict(panel[["c0", "c1"]], static=pd.DataFrame({"size": [1.0, 2.0]}, index=["a", "b"]))
    panel["size"] = pd.Categorical(np.tile([10, 20], len(panel) // 2))  # two columns, and two channels
    frame = panel.loc["a"][["c0", "size"]]
    make_forecaster(**settings).fit(frame).export(tmp_path / "categories.npz")
    with pytest.raises(ValueError, match="columns were categories or static"):
        skdistill.load_numpy(tmp_path / "categories.npz").predict(frame)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame[::-1], "The index of the table is out of order"),
        (lambda frame: frame.drop(frame.index[-3]), "irregular step"),
        (lambda frame: pd.concat([frame[:20], frame[19:]]), "duplicate labels"),
        (lambda frame: frame.assign(c0=np.inf), "contains infinity"),
        (lambda frame: frame[:0], "at least one row"),
        (lambda frame: [frame, frame], "takes no list or dict of tables"),
        (lambda frame: {"a": frame}, "takes no list or dict of tables"),
        (lambda frame: pd.concat({"a": frame, "b": frame[::-1]}), "index of series 'b' is out of order"),
    ],
)
def test_rows_in_disorder_are_refused(spoil, message, path):
    with pytest.raises(ValueError, match=message):
        skdistill.load_numpy(path).predict(spoil(make_frame()))


def test_rows_of_another_step_are_told(path):
    frame = make_frame()
    with pytest.warns(UserWarning, match="rows of the table have the step 7D, and those of fit h"):
        skdistill.load_numpy(path).predict(frame.set_axis(pd.date_range("2024-01-01", periods=len(frame), freq="7D")))


def test_masked_values_are_missing(path):
    student, rows = skdistill.load_numpy(path), make_series(20)
    hidden = np.zeros(rows.shape, dtype=bool)
    hidden[-3] = True
    expected = student.predict(np.where(hidden, np.nan, rows))
    np.testing.assert_array_equal(student.predict(np.ma.masked_array(rows, hidden)), expected)
    frame = make_frame().astype("Float64")
    gaps = frame.copy()
    gaps.iloc[-3] = pd.NA
    np.testing.assert_array_equal(student.predict(gaps), student.predict(gaps.astype(float)))


def test_few_rows_are_continued_by_the_step_of_fit(tmp_path):
    frame = make_frame().set_axis(pd.bdate_range("2024-01-01", periods=len(make_frame())))
    forecaster = make_forecaster(teacher=None, student="linear", context_length=5).fit(frame)
    forecaster.export(tmp_path / "days.npz")
    week = frame[:5].set_axis(pd.DatetimeIndex(frame.index[:5].to_numpy()))  # Monday to Friday, without a freq
    found = skdistill.load_numpy(tmp_path / "days.npz").predict(week)
    assert found.index[0] == pd.Timestamp("2024-01-08")
    pd.testing.assert_frame_equal(found, forecaster.predict(week), check_freq=False)


def test_quantiles_of_a_table_are_those_of_its_rows(tmp_path):
    frame = make_frame()
    settings = {"student": "linear", "loss": "response", "quantiles": (0.1, 0.9), "max_epochs": 1}
    panel = pd.concat({"a": frame, "b": 10.0 * frame})
    forecaster = make_forecaster(teacher=None, scaling="series", **settings).fit(panel)
    forecaster.export(tmp_path / "levels.npz")
    student = skdistill.load_numpy(tmp_path / "levels.npz")
    expected = student.predict_quantiles(frame.to_numpy())
    np.testing.assert_array_equal(student.predict_quantiles(frame), expected)
    for spoiled, message in ((frame[["c1", "c0"]], "in this order"), (frame[::-1], "order"), ([frame], "one table")):
        with pytest.raises(ValueError, match=message):
            student.predict_quantiles(spoiled)
    with pytest.raises(ValueError, match="ask for each series of a panel") as told:
        student.predict_quantiles(panel)
    advice = str(told.value).partition(", ")[2].rstrip(".")  # in units of each series, as predict_quantiles of a panel
    answers = np.concatenate(list(eval(advice, {"student": student, "panel": panel}).values()))
    expected = forecaster.predict_quantiles(panel).to_numpy().reshape(answers.shape)
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-4)


def test_ids_and_levels_of_a_panel(path):
    panel = pd.concat({"a": make_frame()})
    with pytest.raises(ValueError, match="series must be None for a panel"):
        skdistill.load_numpy(path).predict(panel, series=["a"])
    with pytest.raises(ValueError, match="got 3 levels"):
        skdistill.load_numpy(path).predict(pd.concat({"x": panel}))


def test_a_saved_file_says_how_to_export_it(forecaster, tmp_path):
    forecaster.save(tmp_path / "student.skdistill")
    with pytest.raises(ValueError, match=r"was written by save.*\.export\('student.npz'\)"):
        skdistill.load_numpy(tmp_path / "student.skdistill")


@pytest.mark.parametrize("content", [b"", b"something else", b"PK\3\4 and no more"])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "no.npz").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be loaded"):
        skdistill.load_numpy(tmp_path / "no.npz")


@pytest.mark.parametrize("names", ["{}", '["c0"]'])
def test_names_that_do_not_fit_are_refused(names, path):
    plain = skdistill.deploy.NumpyStudent.load(path)
    text = np.frombuffer(names.encode(), np.uint8).astype(np.int64)
    with pytest.raises(ValueError, match="columns does not name every channel"):
        skdistill.deploy.NumpyStudent({**plain._arrays, "columns": text})


def test_future_of_a_panel_belongs_to_its_ids(tmp_path):
    panel = {one: make_frame() * (one + 1) for one in (1, 0)}
    forecaster = make_forecaster(teacher=None, student="linear", known_covariates=["c1"])
    forecaster.fit(panel).export(tmp_path / "known.npz")
    student = skdistill.load_numpy(tmp_path / "known.npz")
    past = {one: rows[:-4] for one, rows in panel.items()}
    future = {one: rows[["c1"]][-4:] for one, rows in panel.items()}
    expected, table = forecaster.predict(pd.concat(past), future=pd.concat(future)), pd.concat(past)
    pd.testing.assert_frame_equal(
        student.predict(table, future={one: future[one].to_numpy() for one in (0, 1)}), expected
    )
    arrays = np.stack([rows.to_numpy() for rows in future.values()])
    with pytest.raises(ValueError, match="future has rows for series 1, which the panel does not have"):
        student.predict(table.loc[[0]], future=pd.concat(future))
    with pytest.raises(ValueError, match="future must have one entry for each of the 1 series; got 2"):
        student.predict(table.loc[[0]], future=arrays)
    with pytest.raises(ValueError, match="it lacks 0"):
        student.predict(table, future=dict(zip((1, 2), arrays, strict=True)))
    with pytest.raises(TypeError, match="must be real numbers; got values of type datetime64"):
        student.predict(past[1], future=future[1].assign(c1=pd.Timestamp("2024-01-01")))
    with pytest.raises(ValueError, match="contains infinity"):
        student.predict(past[1], future=future[1].assign(c1=np.inf))
