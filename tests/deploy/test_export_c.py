"""Headers in C, compiled by the system's compiler and run."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill._utils.numpy_student import NumpyStudent
from skdistill.data import SquareRoot
from skdistill.networks import MLP, DLinear, Linear

COMPILER = shutil.which("cc")

MAIN = """
#include <stdio.h>
#include "{name}.h"
int main(void) {{
    enum {{ n_in = {NAME}_CONTEXT_LENGTH * {NAME}_N_CHANNELS, n_out = {NAME}_PREDICTION_LENGTH * {NAME}_N_TARGETS }};
    static float context[n_in], forecast[n_out];
    while ((int)fread(context, sizeof(float), n_in, stdin) == n_in) {{
        {prefix}_{call}context, forecast);
        fwrite(forecast, sizeof(float), n_out, stdout);
    }}
    return 0;
}}
"""


def run(path, windows, shape, series=None):
    """Compile a header without a warning, and forecast windows with it, of a series by its number."""
    if COMPILER is None:
        pytest.skip("needs a compiler of C, cc")
    prefix = path.stem.replace("-", "_")
    main, program = path.with_suffix(".c"), path.with_suffix("")
    call = "forecast(" if series is None else f"forecast_of({series}, "
    main.write_text(MAIN.format(name=path.stem, NAME=prefix.upper(), prefix=prefix, call=call))
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]
    done = subprocess.run([COMPILER, *flags, main, "-o", program, "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = subprocess.run([program], input=windows.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(answer, np.float32).reshape(len(windows), *shape)


WINDOWS = np.stack([make_series(12, seed=seed) for seed in range(5)]).astype(np.float32)


@pytest.mark.parametrize(
    ("student", "settings"),
    [
        (MLP(16, kernel_size=5), {}),
        (MLP(4, kernel_size=5, n_layers=3), {}),
        (Linear(season=4, past_rows=0), {"targets": ["c1"], "covariates": "ignore"}),
        (DLinear(3, individual=True), {}),
        (MLP(4, linear_skip=Linear(individual=True)), {}),
        (Linear(season=4), {"bounds": (0.2, None)}),
        (MLP(4, kernel_size=5, normalization="revin"), {}),
        (Linear(season=4), {"transformer": SquareRoot()}),
    ],
    ids=["mlp", "three layers", "one target", "individual", "mlp on maps", "bounds", "revin", "roots"],
)
def test_c_forecasts_as_predict(student, settings, tmp_path):
    forecaster = make_forecaster(teacher=None, student=student, **settings).fit(make_frame())
    report = forecaster.export(tmp_path / "my-student.h")
    assert report.difference < 1e-5
    expected = forecaster.predict(WINDOWS)
    np.testing.assert_allclose(
        run(tmp_path / "my-student.h", WINDOWS, expected.shape[1:]), expected, rtol=1e-5, atol=1e-5
    )


def test_int8_differs_by_what_the_report_says(tmp_path):
    forecaster = make_forecaster(teacher=None, student=MLP(32, kernel_size=5)).fit(make_frame())
    report = forecaster.export(tmp_path / "student.h", precision="int8", data=make_frame(seed=3))
    frame = make_frame(seed=3).to_numpy(np.float32)
    windows = np.stack([frame[first : first + 12] for first in range(len(frame) - 16)])
    answers = run(tmp_path / "student.h", windows, (4, 2))
    error = np.abs(answers - forecaster.predict(windows)) / forecaster.scaling_.scale_
    assert 1e-4 < error.max() <= report.rounding * 1.01
    plain = forecaster.export(tmp_path / "plain.h")
    assert plain.rounding is None
    sizes = [
        int((tmp_path / name).read_text().split(" bytes of constants")[0].split()[-1])
        for name in ("student.h", "plain.h")
    ]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_windows_have_units_of_their_own_in_c(precision, tmp_path):
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    wave = np.sin(np.arange(60) * 2 * np.pi / 7)
    panel = pd.concat({name: pd.DataFrame({"y": level + wave}, index=days) for name, level in (("a", 3), ("b", 50))})
    forecaster = make_forecaster(teacher=None, student=Linear(season=7), scaling="window").fit(panel)
    assert forecaster.scaling_.season > 1
    forecaster.export(tmp_path / "student.h", precision=precision)
    windows = np.stack([level + unit * wave[first : first + 12] for level, unit, first in ((3, 1, 0), (-900, 40, 9))])
    windows = np.concatenate([windows, np.full((1, 12), 7.0), np.zeros((1, 12))])[..., None].astype(np.float32)
    expected = forecaster.predict(windows)
    answers = run(tmp_path / "student.h", windows, expected.shape[1:])
    spread = np.array([1, 40, 1, 1])[:, None, None]
    assert (np.abs(answers - expected) / spread).max() < (1e-3 if precision == "float32" else 0.05)


def test_the_header_names_the_teacher_and_its_license(tmp_path):
    forecaster = make_forecaster(teacher="pretrained", student="linear", loss="response").fit(make_frame())
    forecaster.provenance_[0]["source"] = "a*/b"  # does not end the comment
    forecaster.export(tmp_path / "student.h")
    comment, code = (tmp_path / "student.h").read_text().split("*/", 1)
    assert "Teacher: Pretrained, from a* /b, revision " in comment
    assert "license BSD-3-Clause, trained on synthetic series only" in comment
    assert code.lstrip().startswith("#ifndef STUDENT_H")


@pytest.mark.parametrize("scaling", ["series", "window", "global"])
def test_a_panel_with_gaps_is_forecast_as_by_predict(scaling, tmp_path):
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    wave = np.sin(np.arange(60) * 2 * np.pi / 7) + 0.1 * make_series(60)[:, 0]
    levels = {"a": 3.0, 'b "\u00e9"?': 50.0, "flat": None}
    rows = {name: np.full(60, 4.0) if level is None else level * (5 + wave) for name, level in levels.items()}
    panel = pd.concat({name: pd.DataFrame({"y": one}, index=days) for name, one in rows.items()})
    panel.iloc[::9] = np.nan
    forecaster = make_forecaster(
        teacher=None, student=Linear(), scaling=scaling, context_length=24, validation_fraction=0
    ).fit(panel)
    gaps = [[], range(10), range(18, 24), [3, 9], range(5, 14), [*range(12), 23], range(23), range(24)]
    names = [*levels, "new", "a", "a", "new", "flat"]
    windows = np.stack([rows[one][20:44] if one in rows else 7 - wave[20:44] for one in names])[..., None]
    for window, gap in zip(windows, gaps, strict=True):
        window[list(gap)] = np.nan
    windows = windows.astype(np.float32)
    forecaster.export(tmp_path / "student.npz")
    expected = NumpyStudent.load(tmp_path / "student.npz").predict(windows, names)
    assert np.isnan(expected[-1]).all()
    forecaster.export(tmp_path / "student.h")
    numbers = np.array([list(levels).index(one) if one in levels else len(levels) for one in names])  # 3: none of them
    answers = np.full(expected.shape, -1.0)
    for number in {*numbers} if scaling == "series" else [None]:
        of = slice(None) if number is None else numbers == number
        answers[of] = run(tmp_path / "student.h", windows[of], (4, 1), number)
    np.testing.assert_allclose(answers, expected, rtol=1e-4)


def test_what_c_cannot_say_is_refused(tmp_path):
    frame = make_frame()
    forecaster = make_forecaster(teacher=None, student="linear", known_covariates=["c1"]).fit(frame)
    with pytest.raises(ValueError, match=r"export to \.h needs a student without covariates"):
        forecaster.export(tmp_path / "student.h")
    quantiles = make_forecaster(teacher=None, student="linear", quantiles=(0.1, 0.9), loss="quantiledistill")
    with pytest.warns(UserWarning, match=r"student\.h will hold the point forecast alone"):
        quantiles.fit(frame).export(tmp_path / "student.h")


@pytest.mark.parametrize("scaling", ["series", "window"])
def test_a_context_with_one_observed_value_is_forecast_at_it_in_c(scaling, tmp_path):
    panel = {name: level + make_series(60, 1, seed=level) for name, level in (("a", 3), ("b", 50))}
    forecaster = make_forecaster(teacher=None, student=MLP(4, kernel_size=3), scaling=scaling).fit(panel)
    forecaster.export(tmp_path / "student.h")
    levels, rows = [1000.0, 2e-6, -0.3, 0.0, 3.2e8], [0, 3, 7, 10, 11]
    windows = np.full((5, 12, 1), np.nan, dtype=np.float32)
    windows[range(5), rows, 0] = levels
    answers = run(tmp_path / "student.h", windows, (4, 1), 2 if scaling == "series" else None)  # 2: none of the panel
    np.testing.assert_allclose(answers, np.tile(np.float32(levels)[:, None, None], (1, 4, 1)), rtol=1e-7)
