"""Write the tables of README.md and docs/results.md from the CSV files of the scripts.

Run ``python examples/reproduce/_render_results.py``; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "examples" / "reproduce" / "results"
BENCHMARKS = ROOT / "examples" / "benchmarks" / "results"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """Format a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace(" -> ", "\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}")  # lengths stay on one line


def number(value: float, digits: int = 3) -> str:
    """Format an error as 0.373; return an empty string if it is missing."""
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def source(frame: pd.DataFrame) -> str:
    """Describe the runs that the figures come from."""
    runs = frame[["command", "commit", "machine"]].fillna("").drop_duplicates().itertuples()
    return "\n* ".join(
        f"`{run.command}`, {f'commit {run.commit}, ' if run.commit else ''}{run.machine}." for run in runs
    )


def etth1() -> pd.DataFrame:
    """Read the ETTh1 table, one file per horizon; the authors' figures are for the published student."""
    frame = pd.concat([pd.read_csv(path) for path in sorted(RESULTS.glob("timedistill_etth1_720-*.csv"))])
    ours = frame["model"].str.endswith("no BatchNorm")
    frame.loc[ours, ["authors_mse", "authors_mae"]] = float("nan")
    return frame.sort_values(["horizon", "mse"], kind="stable")


def short_table() -> str:
    """Format the table of the README: the TimeDistill pair, and the recipes with the best validation error."""
    authors = etth1().drop_duplicates(["horizon", "model"])
    authors["model"] = authors["model"].str.removesuffix(", published")
    authors = authors.set_index(["horizon", "model"])[["authors_mse", "authors_mae"]]
    frame = pd.read_csv(RESULTS / "timedistill-main.csv")
    frame["horizon"] = frame["setting"].str.split(" -> ").str[1].astype(int)
    frame = frame[frame["horizon"].eq(96) & frame["model"].isin(["student", "teacher", "student alone"])]
    frame = frame.join(authors, on=["horizon", "model"])
    linear = pd.read_csv(RESULTS / "exact_linear_etth1.csv")
    linear["model"] = linear["model"].str.replace("exact linear", "`Linear`, solved exactly")
    skip = pd.read_csv(RESULTS / "recipes_summary.csv").query("recipe == 'linear skip, foundation teacher'")
    skip = skip[skip["dataset"].eq("ETTh1")].assign(model="`MLP` on top of it, taught by a small Chronos-Bolt")
    frame = pd.concat([frame, linear, skip])
    frame = frame[frame["horizon"].eq(96)]
    rows = [
        [
            f"720 -> {row.horizon}",
            row.model,
            f"{number(row.mse)} / {number(row.mae)}",
            "" if pd.isna(row.authors_mse) else f"{number(row.authors_mse)} / {number(row.authors_mae)}",
            f"{row.parameters:,.0f}",
            "" if pd.isna(row.ms_per_window) else f"{row.ms_per_window:.2f}",
        ]
        for row in frame.itertuples()
    ]
    header = ["ETTh1", "model", "MSE / MAE", "authors' code", "parameters", "ms per window"]
    return markdown(header, rows)


def long_table() -> str:
    """Format the table of the results page, with standard errors."""
    frame = etth1()
    rows = [
        [
            f"{row.context} -> {row.horizon}",
            f"{row.model} ✓" if row.chosen else row.model,
            f"{number(row.mse, 4)} / {number(row.mae, 4)}",
            number(row.seed_spread, 4),
            signed(row.difference, row.standard_error),
            "" if pd.isna(row.authors_mse) else f"{number(row.authors_mse)} / {number(row.authors_mae)}",
            f"{row.ms_per_window:.2f}",
            f"{row.ms_per_batch:.1f}",
        ]
        for row in frame.itertuples()
    ]
    header = ["ETTh1", "model", "MSE / MAE", "seed spread", "MSE minus chosen", "authors' code"]
    table = markdown([*header, "ms per window", "ms per batch of 256"], rows)
    return table + "\n\n" + "\n".join(f"* {source(one)}" for _, one in frame.groupby("horizon"))


def benchmark_table(name: str) -> str:
    """Format a benchmark."""
    frame = pd.read_csv(BENCHMARKS / f"{name}.csv", keep_default_na=False, na_values={"figure": [""]})
    if "rows" in frame:
        frame["what"] = frame["rows"].map("{:,} rows: ".format) + frame["what"]
    aims = ["aim"] if "aim" in frame and frame["aim"].any() else []
    figures = [f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value in frame["figure"]]
    rows = [
        [row.what, figure, row.unit, *(row.aim for _ in aims)]
        for row, figure in zip(frame.itertuples(), figures, strict=True)
    ]
    return markdown(["what", "figure", "unit", *aims], rows) + "\n\n* " + source(frame)


def steps_table() -> str:
    """Format what a training step costs: a line for each student and batch size, then what is no epoch."""
    frame = pd.read_csv(BENCHMARKS / "steps.csv")
    kinds = {"x shortest loop": ", compared", "x float32": ", bfloat16"}
    epochs = frame[frame["unit"] == "ms per step"].set_index("what")["figure"]
    others = frame.set_index("what")["figure"]
    rows = [
        [what, f"{figure:.3g}", *(f"{others[what + ending]:.2f}" for ending in kinds.values())]
        for what, figure in epochs.items()
    ]
    table = markdown(["student", "ms per step", "x the shortest loop", "that loop in bfloat16, x float32"], rows)
    left = frame[~frame["unit"].isin(["ms per step", *kinds])]
    lines = [f"* {row.what}: {row.figure:.2f} {row.unit}." for row in left.itertuples()]
    return "\n".join([table, "", *lines, "* " + source(frame)])


def linear_table() -> str:
    """Format the exact linear students."""
    frame = pd.read_csv(RESULTS / "exact_linear_etth1.csv")
    rows = [
        [
            f"{row.context} -> {row.horizon}",
            row.model,
            f"{number(row.mse, 4)} / {number(row.mae, 4)}",
            number(row.seed_spread, 4),
            signed(row.difference, row.standard_error),
            f"{row.fit_seconds:.2g}",
            f"{row.parameters:,.0f}",
        ]
        for row in frame.itertuples()
    ]
    header = ["ETTh1", "student", "MSE / MAE", "seed spread", "MSE minus distilled", "s to fit", "parameters"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def timedistill_table(name: str) -> str:
    """Format a TimeDistill table; the first row of a block is its reference."""
    frame = pd.read_csv(RESULTS / f"timedistill-{name}.csv")
    rows = [
        [
            row.dataset,
            row.setting,
            row.model,
            f"{number(row.mse, 4)} / {number(row.mae, 4)}",
            number(row.seed_spread, 4),
            signed(row.difference, row.standard_error),
            f"{row.parameters:,.0f}",
            f"{row.ms_per_window:.2f}",
            f"{row.ms_per_batch:.1f}",
        ]
        for row in frame.itertuples()
    ]
    header = ["data", "setting", "model", "MSE / MAE", "seed spread", "MSE minus student", "parameters"]
    return markdown([*header, "ms per window", "ms per batch of 256"], rows) + "\n\n* " + source(frame)


def signed(difference: float, standard_error: float) -> str:
    """Format a difference with one standard error; return an empty string for the reference."""
    return "" if pd.isna(difference) or difference == 0 else f"{difference:+.4f} ± {standard_error:.4f}"


def recipes_table(dataset: str, horizon: int) -> str:
    """Format the recipes on one dataset, each next to its version without a teacher, by validation error."""
    frame = pd.read_csv(RESULTS / "recipes_summary.csv")
    frame = frame[frame["dataset"].eq(dataset) & frame["horizon"].eq(horizon)]
    if frame.empty:
        return "no data"
    rows = [
        [
            row.recipe,
            str(row.seeds),
            *(
                text
                for error, spread, part in (
                    (row.validation_mse, row.validation_spread, "validation_"),
                    (row.mse, row.seed_spread, ""),
                )
                for text in (
                    f"{number(error, 4)} ({number(spread, 4)})",
                    *(
                        signed(*(getattr(row, f"{part}minus_{other}{one}") for one in ("", "_standard_error")))
                        for other in ("published", "alone")
                    ),
                )
            ),
            number(row.alone_mse, 4),
            number(row.teacher_mse, 4),
            f"{row.parameters:,.0f}",
        ]
        for row in frame[frame["taught"]].sort_values("validation_mse", kind="stable").itertuples()
    ]
    header = [f"{dataset}, {frame['context'].iloc[0]} -> {horizon}", "seeds"]
    header += [name for part in ("validation", "test") for name in (f"{part} MSE", "minus published", "minus alone")]
    header += ["alone: test", "teacher: test", "parameters"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def calf_errors(name: str) -> str:
    """Format CALF and the other models on ETTh1."""
    frame = pd.read_csv(RESULTS / f"calf_etth1_{name}.csv")
    counts = [column for column in ("trainable", "parameters") if column in frame]
    rows = [
        [
            f"{row.part}, {row.horizon}",
            row.model,
            f"{number(row.mse)} / {number(row.mae)}",
            *("" if pd.isna(getattr(row, one)) else f"{getattr(row, one):,.0f}" for one in counts),
            *([f"{row.ms_per_window:.2f}", f"{row.ms_per_batch:.1f}"] if counts else []),
        ]
        for row in frame.itertuples()
    ]
    header = [
        "ETTh1, 96 ->",
        "model",
        "MSE / MAE",
        *counts,
        *(["ms per window", "ms per batch of 256"] if counts else []),
    ]
    return markdown(header, rows) + "\n\n* " + source(frame)


def calf_m4() -> str:
    """Format CALF on M4."""
    frame = pd.read_csv(RESULTS / "calf_m4_hourly.csv")
    rows = [
        [row.model, f"{row.smape:.2f}", f"{row.mase:.3f}", f"{row.owa:.3f}", f"{row.parameters:,}"]
        for row in frame.itertuples()
    ]
    return markdown(["M4 Hourly", "SMAPE", "MASE", "OWA", "parameters"], rows) + "\n\n* " + source(frame)


def many_series_table() -> str:
    """Format the time of a panel of 100,000 series, and of many frames."""
    frame = pd.read_csv(BENCHMARKS / "many_series.csv")
    rows = [[row.what, f"{row.wall:.2f}", f"{row.processor:.2f}"] for row in frame.itertuples()]
    facts = f"At most {frame.gib[0]:.2f} GiB were used; the load of the machine was {frame.load[0]:.1f}."
    return markdown(["", "s", "s of processor time"], rows) + f"\n\n{facts}\n\n* " + source(frame)


def zero_shot() -> str:
    """Format the small foundation model next to forecasts that need no model."""
    frame = pd.read_csv(BENCHMARKS / "zero_shot.csv")
    names = list(dict.fromkeys(frame["series"]))
    rows = []
    for forecast, group in frame.groupby("forecast", sort=False):
        errors = group.set_index("series")
        rows.append([forecast, *(f"{number(errors.mse[one], 4)} / {number(errors.mae[one], 4)}" for one in names)])
    return markdown(["MSE / MAE", *names], rows) + "\n\n* " + source(frame)


def labels_table() -> str:
    """Format labels per second."""
    frame = pd.read_csv(BENCHMARKS / "labels.csv")
    rows = [
        [
            f"{row.model} ({row.parameters / 1e6:.0f} M), {row.context} -> {row.horizon}",
            row.way,
            f"{row.windows_per_second:.3g}",
            f"{row.times_wrapper:.2g}",
            f"{row.times_every_epoch:.2g}",
        ]
        for row in frame.itertuples()
    ]
    header = ["teacher", "labels", "windows per second", "times sktime's wrapper", "times every epoch"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def foundation_table() -> str:
    """Format teachers of published sizes next to their students."""
    frame = pd.read_csv(BENCHMARKS / "foundation.csv", keep_default_na=False)
    rows = [
        [
            f"{row.teacher} ({row.teacher_parameters / 1e6:.0f} M)",
            f"{row.student} ({row.student_parameters / 1e6:.2g} M)",
            f"{row.times_parameters:,.0f}",
            *(
                f"{getattr(row, f'teacher_ms_{part}'):,.0f} / {getattr(row, f'student_ms_{part}'):.3g} = "
                f"{getattr(row, f'times_{part}'):,.0f}"
                for part in ("window", "batch")
            ),
            row.reached or "none",
        ]
        for row in frame.itertuples()
    ]
    size = frame["batch"].iloc[0]
    header = [
        "teacher",
        "student",
        "times fewer parameters",
        "ms per window",
        f"ms per batch of {size}",
        "aims reached",
    ]
    return markdown(header, rows) + "\n\n* " + source(frame)


def label_memory() -> str:
    """Format the memory of labels."""
    frame = pd.read_csv(BENCHMARKS / "label_memory.csv")
    rows = [
        [
            f"{row.windows:,} x {row.channels}",
            f"{row.labels_gib:.2f}",
            f"{row.anonymous_gib:.2f}",
            f"at most {row.aim_gib:g}",
            f"{row.seconds:,.0f}",
        ]
        for row in frame.itertuples()
    ]
    header = ["windows x channels", "GiB of labels", "GiB of anonymous memory", "aim", "s for labels and an epoch"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def distilts() -> str:
    """Format the accuracy of DistilTS: means over seeds, over the whole horizon and by quarter."""
    frame = pd.read_csv(RESULTS / "distilts_accuracy.csv")
    rows = []
    for (series, student, way), group in frame.groupby(["series", "student", "way"], sort=False):
        mean = group.mean(numeric_only=True)
        spread = number(group["mse"].std(), 4) if len(group) > 1 else ""
        quarters = [number(mean[f"quarter_{one}"]) for one in (1, 2, 3, 4)]
        rows.append([series, student, way, f"{number(mean.mse, 4)} / {number(mean.mae, 4)}", spread, *quarters])
    header = ["series", "forecaster", "objective", "MSE / MAE", "seed spread", "MSE by quarter", "", "", ""]
    return markdown(header, rows) + "\n\n* " + source(frame)


def teacher_help() -> str:
    """Format the settings that were selected and scored."""
    frame = pd.read_csv(BENCHMARKS / "teacher_help_chosen.csv")
    rows = [
        [
            row.series,
            f"{row.share:.0%} ({row.rows})",
            f"{row.student}, {row.teacher}, weight {row.weight:g}",
            row.alone,
            f"{row.valid_gain:.1%}",
            f"{number(row.test_mse_alone, 4)} to {number(row.test_mse, 4)}",
            f"{row.test_gain:.1%} ({row.low:.1%} to {row.high:.1%})",
        ]
        for row in frame.itertuples()
    ]
    header = ["series", "share (rows)", "student, teacher", "best alone", "gain, validation", "test MSE", "gain, test"]
    tried = f"{frame['settings_tried'].iloc[0]} settings were tried; intervals are corrected for that."
    return markdown(header, rows) + f"\n\n* {tried} {source(frame)}"


def probabilistic() -> str:
    """Format weighted quantile loss, coverage and width, as means over seeds."""
    frame = pd.read_csv(RESULTS / "quantiles.csv")
    keys = ["series", "model", "calibration"]
    found = frame.groupby(keys, sort=False)[["crps", "wql", "coverage", "width"]].agg(["mean", "std", "count"])
    rows = [
        [
            series,
            model,
            calibration,
            number(row["wql", "mean"], 4),
            number(row["wql", "std"], 4),
            f"{row['wql', 'count']:.0f}",
            number(row["crps", "mean"], 4),
            f"{100 * row['coverage', 'mean']:.1f}%",
            f"{row['width', 'mean']:.3f}",
        ]
        for (series, model, calibration), row in found.iterrows()
    ]
    header = ["series", "model", "calibration", "WQL", "seed spread", "seeds", "CRPS", "coverage of 80%", "width"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def read_panels() -> pd.DataFrame:
    """Read the seven panels, with the error of the best peer of each."""
    frame = pd.read_csv(RESULTS / "panels.csv").set_index("panel")
    peers = pd.read_csv(RESULTS / "panels_peers.csv").set_index("panel")
    frame["peer"], frame["best_peer"] = peers.min(axis=1), peers.idxmin(axis=1)
    return frame.join(peers)


def panels_table() -> str:
    """Format the errors on panels next to those of the peers, with geometric means of ratios."""
    frame = read_panels()
    peers = list(pd.read_csv(RESULTS / "panels_peers.csv", nrows=0).columns[1:])
    ours = ["seasonal_naive", *peers, "linear", "mase"]
    rows = [
        [
            f"{name} ({row.n_series:,}, {row.horizon})",
            *(number(row[one]) for one in ours),
            number(row.mase / row.peer),
            chosen_on_panel(row),
            f"{row.fit_seconds:.0f}",
        ]
        for name, row in frame.iterrows()
    ]
    means = [number(geometric_mean(frame[one] / frame["peer"])) if frame[one].notna().all() else "" for one in ours]
    rows.append(["geometric mean of the ratio to the best peer", *means, means[-1], "", ""])
    header = ["series, horizon", "seasonal naive", *peers, "exact linear", "default", "ratio to best peer"]
    table = markdown([*header, "what was chosen", "s"], rows)
    return table + "\n\n* " + source(frame.reset_index())


def chosen_on_panel(row: pd.Series) -> str:
    """Describe a choice in a few words."""
    words = [row.student, row.teacher if isinstance(row.teacher, str) else "no teacher", str(row.context_length)]
    return ", ".join([*words, "square roots"] if isinstance(row.transformer, str) else words)


def panels_short() -> str:
    """Format the errors on panels for the README."""
    frame = read_panels()
    peers = [one for one in pd.read_csv(RESULTS / "panels_peers.csv", nrows=0).columns[1:] if frame[one].count() > 4]
    columns = ["seasonal_naive", *peers, "mase"]
    rows = [
        [f"{name} ({row.n_series:,})", *(number(row[one]) for one in columns), f"{row.fit_seconds:.0f} s"]
        for name, row in frame.iterrows()
    ]
    return markdown(["MASE (series)", "seasonal naive", *peers, "skdistill", "search and fit"], rows)


def geometric_mean(ratios: pd.Series) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.log(ratios).mean()))


def panel_teachers() -> str:
    """Format what a teacher changes on panels, with the standard error over series."""
    frame = read_panels()
    rows = []
    for name, row in frame.iterrows():
        taught = [
            text
            for one in ("theta", "pretrained")
            for text in (
                number(row[f"of_{one}"]),
                signed(row[f"of_{one}_minus_alone"], row[f"of_{one}_standard_error"]),
            )
        ]
        beside = signed(row.of_theta_minus_theta, row.of_theta_minus_theta_standard_error)
        taught.insert(2, beside)
        rows.append([name, f"{row.student}, {row.context_length}", number(row.theta), number(row.alone), *taught])
    header = ["MASE", "student, context", "Theta", "student alone", "of Theta", "minus alone", "minus Theta"]
    header += ["of the pretrained", "minus alone"]
    return markdown(header, rows) + "\n\n* " + source(frame.reset_index())


def panel_teachers_sampled() -> str:
    """Format what five kinds of teachers change for one student on samples of the panels."""
    frame = pd.read_csv(RESULTS / "panel_teachers.csv")
    teachers = {"theta": "Theta", "ets": "AutoETS", "itransformer": "an iTransformer", "pretrained": "the pretrained"}
    rows = [
        [
            f"{row.panel} ({row.n_series} of {row.of:,}), {row.context_length}",
            number(row.seasonal_naive),
            number(row.alone),
            *(
                signed(getattr(row, f"of_{one}_minus_alone"), getattr(row, f"of_{one}_standard_error"))
                for one in teachers
            ),
        ]
        for row in frame.itertuples()
    ]
    header = ["series, context", "seasonal naive", "alone", *(f"of {name}" for name in teachers.values())]
    return markdown(header, rows) + "\n\n* " + source(frame)


def defaults_table() -> str:
    """Format the single fits among which the defaults were chosen."""
    frame = pd.read_csv(RESULTS / "defaults.csv")
    errors = frame.pivot(index="candidate", columns="data", values="error")[list(frame["data"].unique())]
    seconds = frame.pivot(index="candidate", columns="data", values="seconds")[list(errors)]
    rows = [
        [
            name,
            *(number(one) for one in errors.loc[name]),
            number(np.exp(np.log(errors.loc[name] / errors.loc["seasonal naive"]).mean())),
            "" if seconds.loc[name].isna().any() else spread(seconds.loc[name], ".1f"),
        ]
        for name in frame["candidate"].unique()
    ]
    header = ["validation rows", *errors.columns, "ratio to seasonal naive", "s of fit and forecasts"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def counts_table() -> str:
    """Format the errors on counts that are mostly zero."""
    frame = pd.read_csv(RESULTS / "counts.csv")
    rows = [[row.model, *(number(one) for one in (row.mase, row.wql, row.bias))] for row in frame.itertuples()]
    return markdown(["car parts", "MASE", "WQL", "bias"], rows) + "\n\n* " + source(frame)


def gaps_table() -> str:
    """Format the errors on series with gaps."""
    frame = pd.read_csv(RESULTS / "gaps.csv")
    kinds = {"none": "no gaps", "rows": "single rows", "days": "whole days"}
    rows = [
        [
            kinds[row.gaps] + (f", {row.share:.0%}" if row.share else ""),
            *(number(one) for one in (row.left_missing, row.interpolated, row.taught)),
        ]
        for row in frame.itertuples()
    ]
    header = ["MASE", "left missing", "interpolated before fit", "left missing, with a teacher"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def single_series_table() -> str:
    """Format the errors of an MLP on top of the linear solution, on series that are each alone."""
    frame = pd.read_csv(RESULTS / "single_series.csv")
    names = {"default": "the defaults", "recipe": "the recipes"}
    rows = [
        [
            f"{row['panel']} ({row['n_series']})",
            settings,
            *(number(row[f"{kind}_{student}"]) for student in ("linear", "mlp")),
            f"{row[f'{kind}_minus']:+.3f} ± {row[f'{kind}_standard_error']:.3f}",
            f"{row[f'{kind}_no_epoch']:.0%}",
        ]
        for _, row in frame.iterrows()
        for kind, settings in names.items()
    ]
    header = ["MASE", "settings", "linear solution", "MLP on top", "difference", "no epoch validates better"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def read_leaderboards(benchmark: str, *, all_tasks: bool = False) -> pd.DataFrame:
    """Read the rows of a benchmark on the tasks with its windows, or on all, as ratios to seasonal naive."""
    frame = pd.read_csv(RESULTS / "leaderboards.csv")
    return frame[(frame["benchmark"] == benchmark) & (frame["exact"].astype(bool) | all_tasks)]


def leaderboard_table(benchmark: str) -> str:
    """Format the MASE relative to seasonal naive, by task, and the geometric mean of rows that have all tasks."""
    frame = read_leaderboards(benchmark)
    ratios = frame.pivot(index="row", columns="task", values="MASE_ratio")
    ratios = ratios.reindex(index=frame["row"].drop_duplicates(), columns=frame["task"].drop_duplicates())
    wql = frame.pivot(index="row", columns="task", values="WQL_ratio").reindex(ratios.index)
    rows = [
        [
            name,
            *(number(one) for one in row),
            number(geometric_mean(row)) if row.notna().all() else "",
            number(geometric_mean(wql.loc[name])) if row.notna().all() else "",
        ]
        for name, row in ratios.iterrows()
    ]
    tasks = [one.removesuffix("/short").replace("_", " ").replace("/", ", ") for one in ratios.columns]
    return markdown(["MASE / seasonal naive", *tasks, "geometric mean", "WQL, geometric mean"], rows)


def leaderboard_all() -> str:
    """Format the geometric means over all configurations, of rows that have them, and the others' ratios."""
    frame = read_leaderboards("gift-eval", all_tasks=True)
    ratios = frame.pivot(index="task", columns="row", values="MASE_ratio").reindex(frame["task"].drop_duplicates())
    wql = frame.pivot(index="task", columns="row", values="WQL_ratio").reindex(ratios.index)
    whole = [name for name in frame["row"].drop_duplicates() if ratios[name].notna().all()]
    others = frame.loc[~frame["exact"].astype(bool), "task"].drop_duplicates()
    rows = [[task, *(number(ratios.loc[task, name]) for name in whole)] for task in others]
    means = [("MASE", ratios), ("WQL", wql)]
    rows += [
        [f"*all {len(ratios)}, {one}*", *(number(geometric_mean(of[name])) for name in whole)] for one, of in means
    ]
    return markdown(["ratio to seasonal naive", *whole], rows)


def short(value: float) -> str:
    """Format an error with three significant digits; return an empty string if it is missing."""
    return "" if pd.isna(value) else f"{value:.3g}"


def plus_minus(share: float, error: float) -> str:
    """Format a share with its standard error, in percent; return an empty string if it is missing."""
    return "" if pd.isna(share) else f"{100 * share:.1f} ± {100 * error:.1f}"


def few_rows_table() -> str:
    """Format the errors of students of few rows, alone and with the pretrained teacher."""
    frame = pd.read_csv(RESULTS / "few_rows.csv")
    rows = [
        [
            row["series"],
            f"{row['share']:.0%} ({row['rows']:,})",
            *(short(row[name]) for name in ("linear alone", "linear taught", "MLP alone", "MLP taught")),
            *(plus_minus(row[f"gain{kind}"], row[f"gain_error{kind}"]) for kind in (" linear", " MLP", "")),
            f"{row['alone']}; {row['taught']}",
            *(short(row[name]) for name in ("teacher", "pretrained student")),
        ]
        for _, row in frame.iterrows()
    ]
    header = [
        "series", "rows", "linear alone", "taught", "MLP alone", "taught", "linear: % lower", "MLP: % lower",
        "best by validation: % lower", "these are", "teacher", "pretrained student",
    ]  # fmt: skip
    return markdown(header, rows) + "\n\n* " + source(frame)


def pretrained_etth1_table() -> str:
    """Format the errors of students of the pretrained teacher on ETTh1."""
    frame = pd.read_csv(RESULTS / "pretrained_etth1.csv")
    rows = [
        [
            f"{row.context} -> {row.horizon}",
            row.model,
            str(row.rows_read),
            number(row.validation_mse, 4),
            f"{row.mse:.4f} / {row.mae:.4f}",
            "" if pd.isna(row.minus_alone) else f"{row.minus_alone:+.4f} ± {row.standard_error:.4f}",
            number(row.teacher_mse, 4),
            f"{row.parameters:,}",
        ]
        for row in frame.itertuples()
    ]
    header = [
        "ETTh1", "student", "rows read", "validation MSE", "test MSE / MAE", "minus alone", "teacher", "parameters",
    ]  # fmt: skip
    return markdown(header, rows) + "\n\n* " + source(frame)


def leaderboard_costs(benchmark: str) -> str:
    """Format sizes, times and teachers of the rows of a benchmark, over its tasks."""
    frame = read_leaderboards(benchmark)
    rows = []
    for name, part in frame.groupby("row", sort=False):
        teachers = sorted({f"{one} ({count})" for one, count in part["teacher"].dropna().value_counts().items()})
        told = [", ".join(sorted(set(part[column].dropna()))) for column in ("license", "training_data")]
        rows.append(
            [
                str(name),
                spread(part["parameters"], ",.0f"),
                spread(part["bytes"] / 1e3, ",.0f"),
                spread(part["ms_per_forecast"], ".1f"),
                spread(part["fit_seconds"], ".0f"),
                ", ".join(teachers),
                *told,
            ]
        )
    header = ["row", "parameters", "kB", "ms per forecast", "s of fit", "teachers (tasks)", "license", "training data"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def spread(values: pd.Series, form: str) -> str:
    """Return the smallest and the largest of some numbers."""
    values = values.dropna()
    if not len(values):
        return ""
    low, high = (format(one, form) for one in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


# MASE of fev-bench 0.8, as published by autogluon/fev (Apache-2.0).
EPF_PUBLISHED = {
    "PatchTST (trained, fev-bench)": {"BE": 0.692, "DE": 0.573, "FR": 0.421, "NP": 0.806, "PJM": 0.465},
    "TiRex-2 (fev-bench)": {"BE": 0.666, "DE": 0.610, "FR": 0.434, "NP": 0.796, "PJM": 0.470},
    "Chronos-2 (fev-bench)": {"BE": 0.647, "DE": 0.604, "FR": 0.450, "NP": 0.850, "PJM": 0.472},
    "TFT (trained, fev-bench)": {"BE": 0.811, "DE": 0.656, "FR": 0.493, "NP": 0.859, "PJM": 0.428},
}


def epf_table() -> str:
    """Format the errors on electricity prices, beside published ones."""
    frame = pd.read_csv(RESULTS / "epf.csv")
    errors = frame.pivot(index="model", columns="market", values="mase")
    errors = errors.reindex(frame["model"].drop_duplicates())
    judged = frame.pivot(index="model", columns="market", values="validation_mase").loc[errors.index]
    students = [name for name in errors.index if "alone" in name or "teacher x" in name or name.endswith(", teacher")]
    best = judged.loc[students].apply(geometric_mean, axis=1).idxmin()
    rows = [
        [
            f"{name} ✓" if name == best else name,
            *(number(one) for one in errors.loc[name]),
            number(geometric_mean(errors.loc[name])),
            number(geometric_mean(judged.loc[name])),
            f"{frame.loc[frame['model'].eq(name), 'seconds'].max():.0f}",
        ]
        for name in errors.index
    ]
    for name, scores in EPF_PUBLISHED.items():
        values = pd.Series(scores)[errors.columns]
        rows.append([name, *map(number, values), number(geometric_mean(values)), "", ""])
    header = ["MASE", *errors.columns, "geometric mean", "in validation", "s to fit, at most"]
    return markdown(header, rows) + "\n\n✓: best by validation.\n\n* " + source(frame)


def known_covariates_table() -> str:
    """Format the errors with and without known covariates, beside LightGBM."""
    own, peers = (pd.read_csv(RESULTS / f"known_covariates{suffix}.csv") for suffix in ("", "_peers"))
    frame = pd.concat([own, peers])
    errors = frame.pivot(index="model", columns="data", values="mase")
    errors = errors.reindex(frame["model"].drop_duplicates())[own["data"].drop_duplicates()]
    errors["M5 sample, RMSSE"] = frame[frame["data"] == "M5 sample"].set_index("model")["rmsse"]

    def shown(values: pd.Series) -> list[str]:
        return ["" if pd.isna(one) else number(one) for one in values]

    rows = [[name, *shown(errors.loc[name])] for name in errors.index]
    for name in ("exact linear", "MLP", "student, chosen", "gradient boosting", "LightGBM"):
        change = 100 * (errors.loc[f"{name}, known"] / errors.loc[f"{name}, without"] - 1)
        rows.append([f"{name}, change", *("" if pd.isna(one) else f"{one:+.1f}%" for one in change)])
    return markdown(["MASE", *errors.columns], rows) + f"\n\n{paired(own, peers)}* {source(own)}\n* {source(peers)}"


def paired(own: pd.DataFrame, peers: pd.DataFrame) -> str:
    """Compare chosen students with LightGBM by their errors on the same windows, where both are there."""
    if "windows" not in own or "windows" not in peers:
        return ""
    lines = []
    for (data, model), text in peers.dropna(subset="windows").set_index(["data", "model"])["windows"].items():
        label = model.removeprefix("LightGBM, ")
        ours = own[own["data"].eq(data) & own["model"].eq(f"student, chosen, {label}")]["windows"].dropna()
        if len(ours):
            first, second = (np.array(one.split(), dtype=float) for one in (ours.iloc[0], text))
            change = first - second
            noise = change.std(ddof=1) / len(change) ** 0.5
            lines.append(f"{label} {change.mean():+.3f} ± {noise:.3f} ({data}, {len(change)} windows)")
    return f"MASE of the chosen student less LightGBM's, in pairs of windows: {'; '.join(lines)}.\n\n" if lines else ""


def covariate_teachers_table() -> str:
    """Format the errors of students of teachers that read covariates."""
    frame = pd.read_csv(RESULTS / "covariate_teachers.csv")
    rows = []
    for row in frame.itertuples():
        taught = row.teacher != "alone"
        change = f"{row.change:+.3f} ± {row.standard_error:.3f}" if taught else ""
        own = number(row.teacher_mase) if pd.notna(row.teacher_mase) else ""
        rows.append([row.data, row.teacher, own, row.student, number(row.mase), change])
    header = ["data", "teacher", "its MASE", "student", "MASE", "change from alone"]
    sources = "\n* ".join(source(part) for _, part in frame.groupby("data", sort=False))
    return markdown(header, rows) + f"\n\n* {sources}"


LABEL_TASKS = {
    "ETTh1 96": "ETTh1, 96 steps",
    "ETTh1 336": "ETTh1, 336 steps",
    "weather 96": "weather, 96 steps",
    "M4 hourly": "M4 hourly, 48 steps",
    "hospital": "hospital, 12 steps",
    "ETTh1 48": "ETTh1, one channel, 1,200 rows, 48 steps",
}


def label_share_rows() -> pd.DataFrame:
    """Read the runs in which all windows were labeled, too, in the order of the table."""
    frame = pd.read_csv(RESULTS / "label_share.csv")
    frame = frame[frame["task"].isin(list(LABEL_TASKS))]
    return frame.sort_values(
        ["task", "teacher", "student"],
        key=lambda one: one.map([*LABEL_TASKS].index) if one.name == "task" else one,
        kind="stable",
    )


def percent(value: float) -> str:
    """Format a relative difference."""
    return "" if pd.isna(value) else f"{100 * value:+.1f}%"


def label_share_table() -> str:
    """Format the change of the error by share."""
    frame = label_share_rows()
    shares = sorted(frame.loc[frame["choice"].eq("strided"), "share"].unique(), reverse=True)
    rows = []
    for (task, teacher, student), runs in frame.groupby(["task", "teacher", "student"], sort=False):
        alone, strided = (
            runs[runs["choice"].eq(kind)].set_index("share")["difference"] for kind in ("alone", "strided")
        )
        n_labels = int(runs["n_windows"].max())
        rows.append(
            [LABEL_TASKS[task], teacher, student, f"{n_labels:,}", percent(alone.iloc[0])]
            + [percent(strided.get(share, float("nan"))) for share in shares]
        )
    header = ["data", "teacher", "student", "windows", "no teacher", *(f"1/{round(1 / share)}" for share in shares)]
    return markdown(header, rows) + "\n\n* " + source(frame)


def label_choices_table() -> str:
    """Format the change of the error by choice."""
    frame = label_share_rows()
    frame = frame[frame["student"].eq("Linear") & frame["share"].isin([1 / 16, 1 / 64])]
    rows = []
    for (task, teacher, share), runs in frame.groupby(["task", "teacher", "share"], sort=False):
        by_choice = runs.groupby("choice")["difference"].agg(["mean", "std"])
        drawn = f"{percent(by_choice.loc['random', 'mean'])} ± {100 * by_choice.loc['random', 'std']:.1f}"
        others = [percent(by_choice.loc[kind, "mean"]) for kind in ("strided", "covering", "disagreement")]
        rows.append([LABEL_TASKS[task], teacher, f"1/{round(1 / share)}", others[0], drawn, *others[1:]])
    return markdown(["data", "teacher", "share", "strided", "random", "covering", "disagreement"], rows)


def label_long_table() -> str:
    """Format errors with labels of a teacher that is too slow to label all windows."""
    frame = pd.read_csv(RESULTS / "label_share.csv")
    frame = frame[frame["task"].eq("ETTh1 48 long")]
    if frame.empty:
        return "*No run is kept yet.*"
    most = frame["share"].max()
    rows = [
        [
            "none" if not one.share else f"1/{round(1 / one.share)}",
            f"{round(one.n_windows * one.share / most):,}",
            number(one.error, 4),
            f"{one.label_seconds * one.share / most:.0f}",
        ]
        for one in frame.sort_values("share").itertuples()
    ]
    return markdown(["share", "labels", "test MSE", "s to label"], rows) + "\n\n* " + source(frame)


def label_time_table() -> str:
    """Format the time of a fit with a heavy teacher."""
    frame = pd.read_csv(RESULTS / "label_share_time.csv")
    rows = [
        [f"{one.labels:,} of {one.windows:,}", one.kind, f"{one.seconds:,.0f}", f"{one.seconds / 3600:.2f}"]
        for one in frame.itertuples()
    ]
    return markdown(["labels", "", "s to fit", "hours"], rows) + "\n\n* " + source(frame)


def routing_table() -> str:
    """Format the errors of students of one teacher, of global shares and of shares by window."""
    frame = pd.read_csv(RESULTS / "routing.csv").query("set != 'ETTh1, terms'")
    rows = []
    for name, group in frame.groupby("set", sort=False):
        by_teacher = group.set_index("teacher")
        single = by_teacher[by_teacher["best_single"].astype(bool)].iloc[0]
        routed = by_teacher.loc["routed"]
        names = ["global shares", "global shares, judged by a student", "routed, ungated"]
        others = [by_teacher.loc["alone"], single, *(by_teacher.loc[one] for one in names)]
        cells = [f"{one.error:.4f} ({signed(one.minus_routed, one.standard_error)})" for one in others]
        cells[1] = f"{single.name}: {cells[1]}"
        label = f"{routed.temperature:g}, {routed.label_weight:.2f}"
        rows.append([f"{name}, {routed.measure}", *cells, f"{routed.error:.4f}", label])
    header = ["", "alone", "best single teacher", "global shares", "global shares, judged by a student"]
    header += ["routed, ungated", "routed", "temperature, weight"]
    return markdown(header, rows) + "\n\n* " + source(frame)


def relations_table() -> str:
    """Format the errors of students with relations between channels, and of those with privileged features."""
    frame = pd.read_csv(RESULTS / "routing.csv").query("set == 'ETTh1, terms'")
    rows = [
        [
            row.teacher,
            f"{row.error:.4f}",
            number(row.seed_deviation, 4),
            "" if row.teacher == row.reference else signed(row.minus_reference, row.standard_error),
        ]
        for row in frame.itertuples()
    ]
    header = ["ETTh1, 96 → 96", "MSE", "deviation of seeds", "difference to the reference"]
    return markdown(header, rows) + "\n\n* " + source(frame)


TABLES = {
    "label-share": label_share_table,
    "label-share-choices": label_choices_table,
    "label-share-long": label_long_table,
    "label-share-time": label_time_table,
    "routing": routing_table,
    "relations": relations_table,
    "epf": epf_table,
    "known-covariates": known_covariates_table,
    "covariate-teachers": covariate_teachers_table,
    "leaderboard-gift-eval": partial(leaderboard_table, "gift-eval"),
    "leaderboard-gift-eval-costs": partial(leaderboard_costs, "gift-eval"),
    "leaderboard-gift-eval-all": leaderboard_all,
    "few-rows": few_rows_table,
    "pretrained-etth1": pretrained_etth1_table,
    "leaderboard-fev-bench": partial(leaderboard_table, "fev-bench"),
    "panels": panels_table,
    "panels-short": panels_short,
    "panel-teachers": panel_teachers,
    "panel-teachers-sampled": panel_teachers_sampled,
    "many-series": many_series_table,
    "counts": counts_table,
    "defaults": defaults_table,
    "gaps": gaps_table,
    "single-series": single_series_table,
    "probabilistic": probabilistic,
    "calf-few": partial(calf_errors, "few-96"),
    "calf-long": partial(calf_errors, "long-96"),
    "calf-long-192": partial(calf_errors, "long-192"),
    "calf-m4": calf_m4,
    "calf-zero": partial(calf_errors, "zero-96"),
    "calf-zero-192": partial(calf_errors, "zero-192"),
    "distilts": distilts,
    "foundation": foundation_table,
    "label-memory": label_memory,
    "labels": labels_table,
    "teacher-help": teacher_help,
    "zero-shot": zero_shot,
    "linear": linear_table,
    "etth1-short": short_table,
    "etth1-long": long_table,
    "recipes-etth1-96": partial(recipes_table, "ETTh1", 96),
    "recipes-etth1-336": partial(recipes_table, "ETTh1", 336),
    "recipes-exchange-96": partial(recipes_table, "exchange rates", 96),
    **{
        f"timedistill-{name}": partial(timedistill_table, name)
        for name in ("main", "teachers", "students", "lookbacks", "ablations")
    },
    "training": partial(benchmark_table, "training"),
    "steps": steps_table,
    "tuning": partial(benchmark_table, "tuning"),
    "exact": partial(benchmark_table, "exact"),
    "gpu": partial(benchmark_table, "gpu"),
    "sktime": partial(benchmark_table, "sktime"),
}


def render(text: str) -> str:
    """Replace every marked section of a page."""

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        try:
            table = TABLES[name]()
        except FileNotFoundError as error:
            table = f"*No run is kept yet: `{Path(error.filename).name}` is not there.*"
        return f"<!-- {name}: written by _render_results.py -->\n{table}\n<!-- end -->"

    return re.sub(r"<!-- ([\w-]+): written by _render_results\.py -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        if (fresh := render(text)) != text:
            stale.append(page.name)
            if not check:
                page.write_text(fresh)
    if check and stale:
        sys.exit(f"figures do not come from the CSVs: {', '.join(stale)}")
