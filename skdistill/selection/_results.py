"""The table of all candidates, the choice among them, and its explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill.selection._candidates import Candidate, StudentChoice
from skdistill.selection._judge import Judged
from skdistill.selection._zero_shot import ZeroShot

__all__ = ["Choice", "Results", "compared"]

_FEW_SERIES = 10  # with fewer, horizons instead of series are the sample of the standard error
_FEWEST_SAMPLES = 10  # with fewer, the best candidate is chosen


@dataclass(frozen=True)
class Choice:
    """The chosen candidate, the best one, and how far they are apart.

    Parameters
    ----------
    chosen, best : int
        Their numbers.
    difference, error : float
        How much larger the error of the chosen one is, and the standard error of that.
    standard_errors : float, default=1.0
        How many of them it may be larger.
    """

    chosen: int
    best: int
    difference: float
    error: float
    standard_errors: float = 1.0


class Results:
    """Errors of candidates in every fold.

    Parameters
    ----------
    places : sequence of (ndarray, ndarray)
        For every fold, the series and the origin of each judged horizon.
    prediction_length : int
        Number of rows of a horizon; those that share rows count as one.
    scoring : str
        Name of the error.
    """

    def __init__(self, places: Sequence[tuple[np.ndarray, np.ndarray]], prediction_length: int, scoring: str) -> None:
        self.scoring = scoring
        self.candidates: list[Candidate] = []
        self.judged: list[list[Judged]] = []  # by candidate and fold
        self.left_out: dict[str, float] = {}  # teachers, and their errors relative to the best exact student's
        self.harmful: list[str] = []  # teachers with which no network was trained
        self.naive: dict[str, float] = {}  # naive forecasts, and their errors
        self.zero_shot: ZeroShot | None = None
        self._series = [numbers for numbers, _ in places]
        self._samples = np.concatenate(self._series)
        if len(np.unique(self._samples)) < _FEW_SERIES:
            pieces = [
                np.stack([np.full(len(numbers), fold), numbers, origins // prediction_length])
                for fold, (numbers, origins) in enumerate(places)
            ]
            self._samples = np.unique(np.hstack(pieces), axis=1, return_inverse=True)[1].ravel()

    def add(self, by_fold: Sequence[Sequence[Judged]]) -> None:
        """Add candidates.

        Parameters
        ----------
        by_fold : sequence of sequence of Judged
            For every fold the same candidates in the same order.
        """
        for folds in zip(*by_fold, strict=True):
            self.candidates.append(folds[0].candidate)
            self.judged.append(list(folds))

    @property
    def solved(self) -> list[StudentChoice]:
        """The students that were solved exactly."""
        found = {
            one.candidate.student.rank: one.candidate.student for folds in self.judged for one in folds if one.is_solved
        }
        return list(found.values())

    def mean_error(self, by_fold: Sequence[np.ndarray]) -> float:
        """Average errors as those of a candidate are averaged.

        Parameters
        ----------
        by_fold : sequence of ndarray
            The error of each horizon, for every fold.

        Returns
        -------
        error : float
            The mean over the folds.
        """
        pairs = zip(by_fold, self._series, strict=True)
        return float(np.mean([_mean_by_group(errors, numbers).mean() for errors, numbers in pairs]))

    @property
    def scores(self) -> np.ndarray:
        """Minus the error of every candidate in every fold, the mean over series of the mean over their horizons."""
        errors = [
            [_mean_by_group(one.errors, numbers).mean() for one, numbers in zip(folds, self._series, strict=True)]
            for folds in self.judged
        ]
        return 0.0 - np.array(errors)  # 0, not -0

    @property
    def means(self) -> np.ndarray:
        """Mean error of every candidate over the folds."""
        return 0.0 - self.scores.mean(axis=1)

    def best(self, kept: Sequence[int] | None = None) -> int:
        """Return the number of the candidate with the smallest error.

        Parameters
        ----------
        kept : sequence of int or None, default=None
            The candidates to look at; None means all.

        Returns
        -------
        number : int
            The best of them; the simplest of equals.
        """
        means = self.means
        return min(kept or range(len(means)), key=lambda one: (means[one], self.candidates[one].simplicity))

    def choose(self, standard_errors: float) -> Choice:
        """Return the simplest candidate that is not worse than the best by more than some standard errors.

        The standard error is that of the mean difference from the best, over series or, where these are few, over
        horizons; with fewer than ten of them, the best candidate is chosen. Of candidates that differ in transformer,
        penalty and weight of the teacher alone, only the best one counts.

        Parameters
        ----------
        standard_errors : float
            How many; 0 takes the best.

        Returns
        -------
        choice : Choice
            The chosen candidate.
        """
        best = self.best()
        errors = np.array([np.concatenate([one.errors for one in folds]) for folds in self.judged])
        folds = zip(self.judged[best], self._series, strict=True)
        shares = np.concatenate([_shares(one.errors, numbers) for one, numbers in folds]) / len(self._series)
        if len(np.unique(self._samples[~np.isnan(errors[best])])) < _FEWEST_SAMPLES:
            return Choice(best, best, 0.0, 0.0)  # the standard error of so few is no guide
        order = sorted(self._tuned(), key=lambda one: self.candidates[one].simplicity)
        for one in order:
            if one == best:
                break
            if not np.isfinite(self.means[one]):  # some forecast of it is no finite number
                continue
            spread = _standard_error(errors[one] - errors[best], shares, self._samples)
            if self.means[one] - self.means[best] <= standard_errors * spread:
                return Choice(one, best, float(self.means[one] - self.means[best]), spread, standard_errors)
        return Choice(best, best, 0.0, 0.0)

    def _tuned(self) -> list[int]:
        """Return the best of the candidates that differ in nothing that makes one simpler than another."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for number, one in enumerate(self.candidates):
            key = (one.student.rank, one.individual, one.teacher, one.context_length, one.scaling)
            groups.setdefault(key, []).append(number)
        return [self.best(numbers) for numbers in groups.values()]

    def table(self) -> dict[str, Any]:
        """Return ``cv_results_``, in the shape that searches of scikit-learn have.

        Returns
        -------
        results : dict of str to array or list
            One entry per candidate.
        """
        params = [one.params for one in self.candidates]
        table: dict[str, Any] = {}
        for name in ("fit", "score"):
            seconds = np.array([[getattr(one, f"{name}_seconds") for one in folds] for folds in self.judged])
            table |= {f"mean_{name}_time": seconds.mean(axis=1), f"std_{name}_time": seconds.std(axis=1)}
        for name in dict.fromkeys(name for one in params for name in one):
            values = np.empty(len(params), dtype=object)
            values[:] = [one.get(name) for one in params]
            missing = np.array([one.get(name) is None for one in params])
            table[f"param_{name}"] = np.ma.MaskedArray(values, mask=missing)
        table["params"] = params
        scores = self.scores
        table |= {f"split{number}_test_score": scores[:, number] for number in range(scores.shape[1])}
        table["mean_test_score"], table["std_test_score"] = scores.mean(axis=1), scores.std(axis=1)
        errors = self.means
        table["rank_test_score"] = np.array([1 + int((errors < one).sum()) for one in errors], dtype=np.int32)
        return table

    def explain(self, choice: Choice) -> str:
        """Say in a sentence or two what was chosen and why.

        Parameters
        ----------
        choice : Choice
            The choice.

        Returns
        -------
        explanation : str
            Its error, that of the best, what the teacher brings, and the error of the pretrained student.
        """
        means, chosen, best = self.means, self.candidates[choice.chosen], self.candidates[choice.best]
        n_folds = len(self._series)
        told = (
            f"Of {len(means)} candidates, judged in {n_folds} fold{'s' if n_folds > 1 else ''}: {chosen.describe()}; "
            f"{self.scoring.upper()} {means[choice.chosen]:.4g}. "
        )
        if choice.chosen == choice.best:
            told += "It has the smallest error."
        else:
            many, each = f"{choice.standard_errors:g} standard errors", f"{choice.error:.2g}"
            within = f"one standard error ({each})" if choice.standard_errors == 1 else f"{many} (of {each})"
            told += f"It is the simplest within {within} of the best ({best.describe()}; {means[choice.best]:.4g})."
        left_out = [
            f" The teacher {name} was not tried: its own error is {100 * (ratio - 1):.0f}% above that of the best "
            "exact student."
            for name, ratio in self.left_out.items()
        ]
        left_out += [
            f" No network was trained with the teacher {name}: it makes the exact student worse."
            for name in self.harmful
        ]
        told += self._told_teacher() + "".join(left_out)
        return told + self._told_naive(means[choice.chosen]) + self._told_zero_shot(means[choice.chosen])

    def _told_naive(self, error: float) -> str:
        """Compare the choice with the best naive forecast."""
        if not self.naive:
            return ""
        name = min(self.naive, key=self.naive.__getitem__)
        return f" The best naive forecast, {name}, has {self.naive[name]:.4g}{compared(self.naive[name], error)}."

    @property
    def zero_shot_error(self) -> float | None:
        """Mean error of the pretrained student over the folds; None if it was not judged."""
        if self.zero_shot is None or self.zero_shot.errors is None:
            return None
        return self.mean_error(self.zero_shot.errors)

    def _told_zero_shot(self, chosen: float) -> str:
        """Compare the pretrained student, which needs no fit, with the choice."""
        if self.zero_shot is None:
            return ""
        error = self.zero_shot_error
        if error is None:
            return f" The pretrained student was not judged: {self.zero_shot.reason}."
        told = f" The pretrained student, which needs no fit, has {error:.4g}{compared(error, chosen)}"
        return f"{told}: load_pretrained_student() forecasts these series better." if error < chosen else f"{told}."

    def _told_teacher(self) -> str:
        """Compare the best candidate with a teacher and the best without."""
        means = self.means
        taught = [number for number, one in enumerate(self.candidates) if one.teacher is not None]
        alone = [number for number, one in enumerate(self.candidates) if one.teacher is None]
        if not taught or not alone:
            return ""
        with_teacher, without = means[self.best(taught)], means[self.best(alone)]
        if not without > 0:
            return ""
        change = 100 * (1 - with_teacher / without)
        if abs(change) < 0.05:
            return " A teacher changes nothing."
        word = "lowers" if change > 0 else "raises"
        return f" A teacher {word} the error of the best candidate by {abs(change):.1f}%."


def compared(error: float, other: float) -> str:
    """Say by how much an error is above or below another one.

    Parameters
    ----------
    error, other : float
        The errors.

    Returns
    -------
    words : str
        Empty if the other one is zero.

    Examples
    --------
    >>> compared(1.5, 1.0)
    ', 50.0% more'
    """
    if not other > 0:
        return ""
    change = 100 * (error / other - 1)
    return f", {abs(change):.1f}% {'more' if change >= 0 else 'less'}"


def _mean_by_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Average values by group, leaving out NaN and groups without a value."""
    good = ~np.isnan(values)
    _, places = np.unique(groups[good], return_inverse=True)
    return np.bincount(places, values[good]) / np.bincount(places)


def _shares(errors: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Return the weight of each error in a mean over series; 0 for NaN."""
    good = ~np.isnan(errors)
    _, places, counts = np.unique(series[good], return_inverse=True, return_counts=True)
    shares = np.zeros(len(errors))
    shares[good] = 1 / (counts[places] * len(counts))
    return shares


def _standard_error(values: np.ndarray, shares: np.ndarray, samples: np.ndarray) -> float:
    """Return the standard error of a weighted mean of values that depend on each other within samples."""
    values = np.nan_to_num(values)
    sums = np.bincount(samples, shares * (values - shares @ values))
    n_samples = int((np.bincount(samples, shares) > 0).sum())
    return float(np.sqrt(n_samples / (n_samples - 1) * np.square(sums).sum())) if n_samples > 1 else 0.0
