"""Sentences of the pages that cite figures of a table say what its CSV says, also after it was measured again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "examples").is_dir():
    pytest.skip("the examples are not beside the tests", allow_module_level=True)


def read(name, *index):
    (path,) = (ROOT / "examples").glob(f"*/results/{name}.csv")
    frame = pd.read_csv(path)
    return frame.set_index(list(index)) if index else frame


def lower(error, than, digits=1):
    return f"{100 * (1 - error / than):.{digits}f}%"


def of_timedistill():
    mse = read("timedistill-main", "setting", "model")["mse"].unstack()
    by_horizon = [
        lower(mse["student"][f"720 -> {h}"], mse["student alone"][f"720 -> {h}"]) for h in (96, 192, 336, 720)
    ]
    yield "results", "Its MSE is {}, {}, {} and {} lower than that of the MLP alone".format(*by_horizon)
    yield "choosing", f"gains {by_horizon[0]} to {by_horizon[-1]}"
    for horizon, text in ((96, "{:.2f} times as many weights at 96"), (336, "{:.2f} times at 336")):
        weights = read(f"timedistill_etth1_720-{horizon}", "model")["parameters"]
        yield "results", text.format(weights["student, published"] / weights["teacher"])


def of_panels():
    frame = read("panels", "panel")
    best = read("panels_peers", "panel").loc[frame.index].min(axis=1)
    mean = np.exp(np.log(frame["mase"] / best).mean())
    yield "results", f"The geometric mean of the ratio to the best peer of each panel is {mean:.3f}"
    yield "README", f"of the best other method of each panel, its MASE is {mean:.3f}"
    hospital = frame.loc["hospital"]
    yield (
        "results",
        f"student by {lower(hospital['of_pretrained'], hospital['alone'])}, eight standard errors, and Theta by",
    )
    yield "results", f"and Theta by {lower(hospital['of_theta'], hospital['alone'])}. On M3"
    yield "results", f"take {frame['fit_seconds'].min():.0f} to {frame['fit_seconds'].max():.0f} s of processor time"


def of_panel_teachers():
    hospital = read("panel_teachers", "panel").loc["hospital"]
    yield "results", f"student of exponential smoothing ({hospital['of_ets']:.3f})"
    yield "results", f"that of the pretrained model ({hospital['of_pretrained']:.3f})"
    yield "results", f"that of Theta ({hospital['of_theta']:.3f})"
    theta, ets = hospital["of_theta_seconds"], hospital["of_ets_seconds"]
    yield "results", f"in {theta:.0f} s of processor time with Theta, and in {ets:.0f} s"


def of_leaderboards():
    frame = read("leaderboards").query("benchmark == 'gift-eval' and row == 'DistilledForecasterCV'")
    names = {
        "us_births/m/short": "births monthly",
        "saugeen/m/short": "the monthly Saugeen",
        "hospital/m/short": "hospital",
    }
    teachers = frame[frame["exact"]].set_index("task")["teacher"].dropna()
    assert set(teachers.index) == set(names)
    theta, pretrained = ([names[task] for task in names if teachers[task] == one] for one in ("Theta", "Pretrained"))
    yield (
        "results",
        f"a student of Theta for {theta[0]}, and students of the pretrained model for {' and '.join(pretrained)}",
    )
    exact, every = (np.exp(np.log(one["MASE_ratio"]).mean()) for one in (frame[frame["exact"]], frame))
    yield "results", f"has a geometric mean of {exact:.3f} over the seven tasks"
    yield "results", f"and {every:.3f} over all 14"


def of_defaults():
    error = read("defaults", "candidate", "data")["error"].unstack()
    ratio = {name: np.exp(np.log(error.loc["default"] / error.loc[name]).mean()) for name in error.index}
    naive, settings = (100 * (1 - ratio[name]) for name in ("seasonal naive", "settings of TimeDistill"))
    yield "results", f"{naive:.0f}% below seasonal naive and {settings:.0f}% below the settings of TimeDistill"
    yield (
        "results",
        f"Learning from them takes {100 * (1 - ratio['default, without its last 20%']):.1f}% off on average",
    )
    yield "results", f"*The teacher* takes {100 * (1 - ratio['exact linear alone']):.1f}% off on average"


def of_students_of_the_pretrained():
    error = read("pretrained_etth1", "horizon", "model")["validation_mse"].unstack()
    falls = [lower(error["exact linear, distilled"][h], error["exact linear, alone"][h]) for h in (96, 336)]
    yield "pretrained_students", "It takes {} and {} off the validation error".format(*falls)


def of_quantiles():
    means = read("quantiles").groupby(["series", "model", "calibration"])[["wql", "coverage"]].mean()
    wql = means["wql"].xs("as trained", level="calibration").unstack("series")
    student, *others = (
        wql.loc[name]
        for name in ("student of the foundation model", "teacher: foundation model", "student, truth alone")
    )
    for series in ("ETTh1", "exchange rate"):
        yield (
            "probabilistic",
            "{} and {} lower on {}".format(*(lower(student[series], one[series]) for one in others), series),
        )
    rolling = 100 * means["coverage"].xs("rolling", level="calibration")
    yield "probabilistic", f"The rolling variant covers {rolling.min():.0f} to {rolling.max():.0f}%"


def of_labels():
    times = read("labels").query("~way.str.contains('sktime|rolled|every')")
    halves = times["way"].str.contains("bfloat16")
    plain, short = times.loc[~halves, "times_every_epoch"], times.loc[halves, "times_every_epoch"]
    plain, short = (f"{one.min():.0f} to {one.max():.0f} times" for one in (plain, short))
    yield "foundation_results", f"is {plain} as fast, and {short} in bfloat16"


def of_label_shares():
    frame = read("label_share").query("student == 'Linear' and share == 1 / 16 and choice != 'disagreement'")
    worse = 100 * frame.groupby(["task", "teacher", "choice"])["difference"].mean()
    assert worse.drop(["M4 hourly", "ETTh1 48"], level="task").max() < 0.2
    yield "label_share", f"the error was {worse['M4 hourly'].min():.0f} to {worse['M4 hourly'].max():.0f}% higher"


def of_rows():
    frame = read("teacher_help").query("share >= 0.1 and teacher != 'none' and weight == 1")
    gains = 100 * frame.groupby("student")["gain"].max()
    yield "foundation_results", f"lowers the error of an exact linear student by more than {gains['linear']:.0f}%"
    yield "foundation_results", f"An MLP gains up to {gains['MLP']:.0f}%"


def of_recipes():
    frame = read("recipes_summary").query("taught and recipe == 'linear skip'").set_index(["dataset", "horizon"])
    change = 100 * (frame["mse"] / frame["alone_mse"] - 1)
    short, long, other = -change["ETTh1", 96], -change["ETTh1", 336], change["exchange rates", 96]
    yield "guide", f"an iTransformer reduced it by {short:.1f} and {long:.1f}% on ETTh1, and raised it by {other:.1f}%"
    yield "choosing", f"improved it by {short:.1f}% and {long:.1f}% on ETTh1"


SENTENCES = [
    *of_timedistill(),
    *of_panels(),
    *of_panel_teachers(),
    *of_leaderboards(),
    *of_defaults(),
    *of_students_of_the_pretrained(),
    *of_quantiles(),
    *of_labels(),
    *of_label_shares(),
    *of_rows(),
    *of_recipes(),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_a_sentence_says_what_the_table_says(page, sentence):
    path = ROOT / "README.md" if page == "README" else ROOT / "docs" / f"{page}.md"
    assert sentence in " ".join(path.read_text().split())
