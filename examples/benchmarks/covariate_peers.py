"""A peer of ``examples/reproduce/known_covariates.py``: LightGBM with the same columns
=====================================================================================

Needs the packages of ``peers.txt``, in an environment without skdistill. LightGBM forecasts step by step on lags,
rolling means, the calendar and the covariates of the step (mlforecast). Its objective and the transform of the target
are those with the smallest error on the windows before the test, for each measure; then it is fitted on all rows before
the test windows.
Results are written to ``examples/reproduce/results/known_covariates_peers.csv``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, provenance, write_results
from _covariate_tasks import Problem, cut, judge, read_problems, windows_before

OBJECTIVES = ("regression", "regression_l1", "poisson")
TRANSFORMS = ("none", "differences", "standardized")
ROUNDS = (100, 400)
MEASURES = ("mase", "rmsse")
STEPS = {"made shops": "D", "bike rentals": "h", "Victoria": "30min", "M5 sample": "D"}
CALENDAR = {"D": ["dayofweek", "day", "month"]}
RESULTS = Path(__file__).resolve().parents[1] / "reproduce" / "results" / "known_covariates_peers.csv"


def long(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename_axis(["unique_id", "ds"]).reset_index()


class Peer:
    """LightGBM of mlforecast on a problem."""

    def __init__(self, problem: Problem, step: str, n_after: int, objective: str, transform: str, rounds: int) -> None:
        import lightgbm as lgb
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean
        from mlforecast.target_transforms import Differences, LocalStandardScaler

        self.problem, season = problem, problem.season
        lags = [*range(1, season + 1), *(k * season for k in range(2, problem.context_length // season + 1))]
        transforms: dict[str, list[Any]] = {"none": [], "differences": [Differences([season])]}
        transforms["standardized"] = [LocalStandardScaler()]
        settings = {"n_estimators": rounds, "learning_rate": 0.1 if rounds <= 100 else 0.03, "num_leaves": 31}
        regressor = lgb.LGBMRegressor(objective=objective, verbosity=-1, n_jobs=1, random_state=0, **settings)
        self.model = MLForecast(
            regressor,
            freq=step,
            lags=sorted(set(lags)),
            lag_transforms={1: [RollingMean(season), RollingMean(problem.context_length)]},
            date_features=CALENDAR.get(step, ["hour", "dayofweek", "month"]),
            target_transforms=transforms[transform],
        )
        train = long(cut(problem.panel, n_after)[[problem.target, *problem.known]])
        self.model.fit(train, target_col=problem.target, static_features=[])

    def __call__(self, past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        """Forecast the rows of the known covariates."""
        n_rows = 2 * self.problem.context_length + self.problem.season
        recent = cut(past, 0, n_rows)[[self.problem.target, *self.problem.known]]
        more = {"X_df": long(future)} if self.problem.known else {}
        table = self.model.predict(self.problem.prediction_length, new_df=long(recent), **more)
        return table.sort_values(["unique_id", "ds"])["LGBMRegressor"].to_numpy()


def choose(problem: Problem, step: str) -> dict[str, tuple[str, str, int]]:
    """Return objective, transform and rounds with the smallest error of each kind before the test windows."""
    n_windows = windows_before(problem)
    earlier = Problem(**{**vars(problem), "n_windows": n_windows})
    n_after = (n_windows + problem.n_windows) * problem.prediction_length
    tried: dict[tuple[str, str, int], dict[str, np.ndarray]] = {}
    for chosen in product(OBJECTIVES, TRANSFORMS, ROUNDS):
        if chosen[0] == "poisson" and chosen[1] != "none":
            continue  # its targets must not be negative
        tried[chosen] = judge(earlier, Peer(problem, step, n_after, *chosen), problem.n_windows)
        print("   ", *chosen, f"{tried[chosen]['mase'].mean():.3f}", flush=True)
    return {measure: min(tried, key=lambda one: tried[one][measure].mean()) for measure in MEASURES}


def write(rows: list[dict[str, Any]]) -> None:
    """Write results; those of other data sets stay."""
    found = pd.DataFrame(rows).assign(**provenance())
    kept = pd.read_csv(RESULTS) if RESULTS.exists() else found[:0]
    both = pd.concat([kept[~kept["data"].isin(found["data"])], found])
    write_results(both, RESULTS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
    parser.add_argument("--sets", nargs="+", default=None)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if QUICK:
        print("quick, not a result: the peers have an environment of their own")
        sys.exit()
    rows = []
    for name, problem in read_problems(arguments.data_home.expanduser(), quick=False, names=arguments.sets).items():
        for label, columns in {"without": [], "known": problem.known}.items():
            one = Problem(**{**vars(problem), "known": columns})
            start = time.perf_counter()
            best, n_test, found = choose(one, STEPS[name]), one.n_windows * one.prediction_length, {}
            for measure, chosen in best.items():
                errors = judge(one, Peer(one, STEPS[name], n_test, *chosen))
                found[measure] = errors[measure].mean()
                if measure == "mase":
                    found["windows"] = " ".join(f"{error:.4f}" for error in errors["mase"])
            seconds = time.perf_counter() - start
            print(f"{name}, LightGBM, {label}: {found}, {best}, {seconds:.0f} s", flush=True)
            settings = "; ".join(" ".join(map(str, chosen)) for chosen in best.values())
            rows.append({"data": name, "model": f"LightGBM, {label}", **found, "seconds": seconds, "chosen": settings})
            write(rows)
