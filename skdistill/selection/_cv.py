"""DistilledForecasterCV: the best of many students, judged on the series themselves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._parameter_checks import check_label_choice, check_transformer, warn_of_idle_settings
from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._checks import check_integer, check_n_jobs, check_real
from skdistill._utils._choices import check_choice
from skdistill._utils._doc_link import DocLink
from skdistill._utils._ignored_y import warn_of_ignored_y
from skdistill._utils._interrupts import noticed_interrupts
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import with_gradients
from skdistill.data._bounds import check_bounds
from skdistill.data._fit_windows import FitWindows
from skdistill.data._inputs import read_series
from skdistill.data._scaling import SCALINGS
from skdistill.data._season import season_of_series
from skdistill.data._series import SeriesInput
from skdistill.data._square_root import SquareRoot
from skdistill.forecaster import DistilledForecaster
from skdistill.selection._candidates import Candidate, default_context_lengths, read_students, warn_of_replaced
from skdistill.selection._folds import Fold, default_split, make_folds, without_unobserved_end
from skdistill.selection._judge import SCORINGS, Judge, Problem, with_labels
from skdistill.selection._refitted import RefittedMixin
from skdistill.selection._search import Search
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._settings import warn_of_unread_patience

__all__ = ["DistilledForecasterCV"]

_CALIBRATED = 0.2  # of the rows, at the end
_JUDGED_WINDOWS = 1000  # horizons that a fold judges, at most, unless there are more series
_FOUND = (
    *("forecaster_", "cv_results_", "best_index_", "best_params_", "best_score_", "zero_shot_score_"),
    *("explanation_", "naive_errors_", "n_splits_", "targets_", "_candidates", "_n_windows"),
)


def _with_truth(problem: Problem, folds: list[Fold]) -> list[Fold]:
    """Leave out folds that judge nothing, with a warning; raise if all do."""
    kept = [fold for fold in folds if Judge(problem, fold).judges_something]
    reason = (
        "no horizon has an observed target that every candidate can forecast, from an observed value among the "
        f"{problem.shortest} rows of the shortest context, in a series with observed training rows"
    )
    if not kept:
        raise ValueError(
            f"DistilledForecasterCV has nothing to judge candidates on: in {len(folds)} of {len(folds)} folds "
            f"{reason}. Pass a cv whose folds forecast observed rows, or longer context_lengths."
        )
    if len(kept) < len(folds):
        warnings.warn(
            f"DistilledForecasterCV leaves out {len(folds) - len(kept)} of {len(folds)} folds: {reason}.",
            stacklevel=stacklevel_of_user(),
        )
    return kept


class DistilledForecasterCV(RefittedMixin, DocLink, BaseEstimator):
    """Choose student, teacher and context length by rolling origins, and refit the choice on everything.

    Candidates are students from an exactly solved linear map to an MLP on top of it, each alone and with each teacher,
    at several context lengths. Each is fitted on the rows before several origins and judged on the rows after them, in
    every series of a panel. The simplest candidate within one standard error of the best is fitted again on all rows.
    ``predict`` and most other methods are those of this :class:`~skdistill.DistilledForecaster`.

    The search goes in stages, so that it takes minutes at most: exact students alone, with every context length and
    penalty; at the best of these, where there are 2 to 32 targets, ``"linear"`` with a map for every target; then exact
    students with each teacher whose own forecasts are good enough (in a panel also at longer contexts, which labels
    make worthwhile); then the networks, alone and with each of these teachers (of more than 10,000 windows times
    targets, with those that do not make the exact student worse). A teacher that needs no training labels the windows
    once for all folds; labels read only their contexts (where ``cv`` slides a window of training rows, also rows before
    it). A teacher that must be trained is trained in each fold on the rows of the fold.

    Parameters
    ----------
    students : sequence of {"linear", "mlp"}, network or DistilledForecaster, default=("linear", "mlp")
        Students to try, from the simplest to the most complex. ``"linear"`` is solved exactly for five penalties, with
        one map that all targets share or one for each, and, where the horizon has more than 512 known values and is
        longer than a season, for each way to read them of ``known_band`` and ``known_weights`` of
        :class:`~skdistill.networks.Linear`; ``"mlp"`` is a small MLP on top of the best of these. Other networks are
        trained with the settings of ``"mlp"``; a forecaster has its own loss and training settings, and a warning names
        other settings of it, which the search replaces.
    teachers : teacher, str, list of them or None, default=("pretrained", "theta")
        Teachers to try. Each student is also tried without a teacher; None tries only that, and so does a student
        whose loss reads no labels. A teacher that needs no training is not tried if its own error is more than 25%
        above that of the best exact student, or 5% above it if it would label more than 10,000 windows times targets.
        The default teachers read no known covariates; a warning tells of others that do not.
    context_lengths : int, sequence of int or None, default=None
        Context lengths to try; None takes up to five multiples of the
        season, and a longer season of the step, that the series have room for.
    prediction_length : int, default=96
        Number of rows to forecast.
    targets : list of str or int, or None, default=None
        Columns to forecast, by name, or by position where no name is a number. None means all that are neither known
        nor static covariates.
    known_covariates : list of str or int, or None, default=None
        Columns whose values over the horizon are known in advance, such as prices or holidays; ``predict`` takes these
        values. None means that there are none.
    static_covariates : list of str or int, or None, default=None
        Columns with one value per series, as in :class:`~skdistill.DistilledForecaster`.
    covariates : {"error", "ignore"}, default="error"
        What happens to covariates that a student does not read: an error before training that names students that
        read them, or nothing.
    cv : splitter, int or None, default=None
        Folds, such as :class:`~skdistill.model_selection.RollingOriginSplit`, or their number. None takes up to three,
        each with 8% of the rows, or one horizon, to forecast; and one for a panel of at least 100 series. Of more than
        about 1,000 horizons of a fold, as many are judged, spread evenly, and at least one of every series.
    scoring : {"mase", "msse"}, default="mase"
        Mean absolute or mean squared error, each channel of each series in units of the mean absolute seasonal
        difference of its training rows (of neighboring rows, where these are no more than a season); one that leaves
        the only value it has there has no unit, and is left out. Series count alike. What a target has no observed
        value to be forecast from, among as many rows as the shortest context has, is judged for no candidate; folds of
        which nothing is left are left out, with a warning.
    standard_errors : float, default=1.0
        How many standard errors worse than the best a simpler candidate can be; 0 takes the best. Simpler are students
        that come first, then one map for all targets, then no teacher, then shorter contexts; transformer, penalty,
        weight of the teacher and what else was tried of a network are the best ones. A candidate with a forecast that
        is no finite number is none of them.
    scaling : {"auto", "global", "series", "window"} or list of them, default="auto"
        What standardizes, as in :class:`~skdistill.DistilledForecaster`; several are tried. ``"auto"`` is
        ``"series"`` for a panel and ``"global"`` for one series.
    quantiles : sequence of float or None, default=None
        Levels of the quantiles that the refitted forecaster forecasts; candidates are judged by point forecasts.
        Quantiles of an exact student are trained, together with a small network, on top of its map, for as many epochs,
        of as large batches, as the number of windows asks for, whatever ``max_epochs`` of that student is.
    calibration : {"conformal", "rolling"}, object of skdistill.probabilistic or None, default=None
        How quantiles of the refitted forecaster are calibrated, on the last fifth of the rows, which it is then not
        trained on.
    transformer : "auto", scikit-learn transformer, None, or list of them, default="auto"
        As in :class:`~skdistill.DistilledForecaster`; of several, the first is tried everywhere and the others at the
        best context length. ``"auto"`` is None and :class:`~skdistill.data.SquareRoot` for a panel in which no value is
        negative, and None for other series.
    bounds : tuple of (float or None, float or None), or None, default=None
        As in :class:`~skdistill.DistilledForecaster`; candidates are judged with them.
    min_observed : int or None, default=None
        As in :class:`~skdistill.DistilledForecaster`.
    missing : {"nan", "raise"}, default="nan"
        As in :class:`~skdistill.DistilledForecaster`.
    max_windows : int or None, default=100000
        Windows times targets to learn from; half as many are labeled by a teacher that needs no training, and its
        students learn from these. If there are more, origins are thinned evenly; the refit of a student without a
        teacher uses all windows in any case, and a later ``refresh`` all new ones. None uses all windows.
    label_budget : float, default=8.0
        Maximum size of the labels in GiB.
    label_share : float or None, default=None
        As in :class:`~skdistill.DistilledForecaster`: share of the windows that each teacher labels, for all candidates
        and folds alike, and for the refit. None labels all windows.
    max_labels : int or None, default=None
        Instead of ``label_share``, the maximum number of windows that each teacher labels at each context length.
    label_seconds : float or None, default=None
        Instead of ``label_share``, time of each teacher for labeling at each context length.
    label_choice : {"strided", "random", "covering"}, default="strided"
        Which windows are labeled, if not all. Not ``"disagreement"``, which would read the truth of later folds.
    memory : str, Path, Memory, joblib.Memory or None, default=None
        A folder that keeps labels of teachers that need no training, for later fits.
    n_jobs : int or None, default=None
        Number of processes that fit candidates in parallel.
    device : str, default="auto"
        Device to train on.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers.
    verbose : int, default=0
        0 shows nothing, 1 progress bars.

    Attributes
    ----------
    forecaster_, best_estimator_ : DistilledForecaster
        The chosen candidate, fitted on all rows.
    cv_results_ : dict of str to array
        One entry per candidate, as in searches of scikit-learn: ``params``, ``param_<name>``,
        ``split<k>_test_score`` (minus the error), ``mean_test_score``, ``rank_test_score``, seconds.
    best_index_ : int
        Number of the chosen candidate, which is not always the one with rank 1.
    best_params_ : dict
        Its student, teacher, context length, scaling, transformer, whether every target has its own linear map
        (``individual``), penalty and weight of the teacher; where these were tried, also ``known_band``,
        ``known_weights`` and ``weight_grid`` of its network. The context length is what the student reads: that of
        ``forecaster_`` is longer where its teacher reads more (eight seasons for Theta, the longest of a panel).
    best_score_ : float
        Minus its error, mean over the folds.
    zero_shot_score_ : float or None
        Minus the error of the pretrained student (:func:`~skdistill.load_pretrained_student`), which needs no fit, on
        the same horizons. It reads up to 512 rows, or as many as the longest candidate, and no covariates. It is never
        the choice: it is no :class:`~skdistill.DistilledForecaster`, and can be neither refitted nor exported to ONNX;
        ``fit`` warns if it is better than every candidate. None for horizons that it does not forecast in one pass
        (more than 720 rows).
    explanation_ : str
        What was chosen and why, in a few sentences, and how good the best naive forecast is.
    naive_errors_ : dict of str to float
        Error of naive forecasts on the same horizons: the last value, and the value one season before for every season
        of the step that the series have (in a panel: half of the horizons have so many rows before them). ``fit`` warns
        if one of them is better than every candidate.
    n_splits_ : int
        Number of folds.
    targets_ : tuple of int
        Channels to forecast; with neither static covariates nor categories, channels are the columns of X.
    roles_ : Roles
        Roles of the columns, and the channels that they become.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Their names, if X was a DataFrame and all of them are text.

    See Also
    --------
    skdistill.DistilledForecaster : One student, with settings of your own.
    skdistill.model_selection.RollingOriginSplit : The folds.

    Notes
    -----
    The rule of one standard error is applied to the difference from the best candidate, whose standard error is smaller
    than that of the errors themselves, because hard horizons are hard for all. Its sample are the series of a panel of
    at least ten series, and otherwise the horizons of each series. With fewer than ten horizons it says little, and the
    best candidate is chosen.

    References
    ----------
    Breiman et al. (1984), Classification and Regression Trees, for the rule of one standard error; Tashman (2000),
    Out-of-sample tests of forecasting accuracy, for rolling origins.

    Examples
    --------
    >>> from skdistill import DistilledForecasterCV
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(400, 2, seasons=(24,), random_state=0)
    >>> search = DistilledForecasterCV("linear", None, context_lengths=[24, 48], prediction_length=12).fit(series)
    >>> search.best_params_["context_length"], len(search.cv_results_["params"])
    (48, 15)
    >>> search.predict(series).shape
    (12, 2)
    """

    def __init__(
        self,
        students: Any = ("linear", "mlp"),
        teachers: Any = ("pretrained", "theta"),
        *,
        context_lengths: int | Sequence[int] | None = None,
        prediction_length: int = 96,
        targets: Sequence[str | int] | None = None,
        known_covariates: Sequence[str | int] | None = None,
        static_covariates: Sequence[str | int] | None = None,
        covariates: str = "error",
        cv: Any = None,
        scoring: str = "mase",
        standard_errors: float = 1.0,
        scaling: str | Sequence[str] = "auto",
        quantiles: Sequence[float] | None = None,
        calibration: Any = None,
        transformer: Any = "auto",
        bounds: tuple[float | None, float | None] | None = None,
        min_observed: int | None = None,
        missing: str = "nan",
        max_windows: int | None = 100_000,
        label_budget: float = 8.0,
        label_share: float | None = None,
        max_labels: int | None = None,
        label_seconds: float | None = None,
        label_choice: str = "strided",
        memory: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.students = students
        self.teachers = teachers
        self.context_lengths = context_lengths
        self.prediction_length = prediction_length
        self.targets = targets
        self.known_covariates = known_covariates
        self.static_covariates = static_covariates
        self.covariates = covariates
        self.cv = cv
        self.scoring = scoring
        self.standard_errors = standard_errors
        self.scaling = scaling
        self.quantiles = quantiles
        self.calibration = calibration
        self.transformer = transformer
        self.bounds = bounds
        self.min_observed = min_observed
        self.missing = missing
        self.max_windows = max_windows
        self.label_budget = label_budget
        self.label_share = label_share
        self.max_labels = max_labels
        self.label_seconds = label_seconds
        self.label_choice = label_choice
        self.memory = memory
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting -----------------------------------------------------------------------------

    @with_gradients
    def fit(self, X: Any, y: Any = None) -> Self:
        """Judge all candidates, and refit the choice.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, panel or list
            Series as for :meth:`DistilledForecaster.fit <skdistill.DistilledForecaster.fit>`. What follows the
            last observed target of a series is not learned from, also not by the choice, whereas ``fit`` without
            validation rows learns from windows of which a part of the horizon is observed.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        self : DistilledForecasterCV
            The fitted search.

        Raises
        ------
        ValueError, TypeError
            If parameters or the series are invalid; raised before anything is trained.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.fit")
        self._check_parameters()
        self._forget_fit()
        try:
            self._choose(X)
        except BaseException:  # half of a search is none
            self._forget_fit()
            raise
        return self

    def _forget_fit(self) -> None:
        """Drop what an earlier search has found."""
        for name in _FOUND:
            self.__dict__.pop(name, None)

    def _choose(self, X: Any) -> None:
        """Judge all candidates, and refit the choice."""
        given = read_series(self, X, reset=True, allow_batch=False)
        self.targets_ = self.roles_.target_channels
        warn_of_replaced(self)
        search = self._search(without_unobserved_end(given, self.targets_))
        self._check_calibration(search)
        search.check(with_default_teachers=not changed_parameters(self, ["teachers"]))
        with noticed_interrupts() as came:
            results = search.run()
            if came():
                raise KeyboardInterrupt("the search was interrupted, and a library suppressed it")
        for one in results.solved:
            if one.is_own and not one.is_exact:  # of the others, the warning comes before the search
                warn_of_idle_settings(one.forecaster)
        choice = results.choose(self.standard_errors)
        self.cv_results_ = results.table()
        self.best_index_ = choice.chosen
        self.best_params_ = self.cv_results_["params"][choice.chosen]
        self.best_score_ = float(self.cv_results_["mean_test_score"][choice.chosen])
        error = results.zero_shot_error
        self.zero_shot_score_ = None if error is None else -error
        self.explanation_ = results.explain(choice)
        self.naive_errors_ = results.naive
        self._warn_of_better()
        self.n_splits_ = len(search.folds)
        self._candidates, self._n_windows = results.candidates, search.n_windows * search.problem.every
        self.forecaster_ = self._refit(search, results.candidates[choice.chosen], X)

    def _check_calibration(self, search: Search) -> None:
        """Raise before the search if there are too few windows to calibrate the chosen candidate on."""
        if self.calibration is None:
            return
        changes = {"quantiles": self.quantiles, "calibration": self.calibration, "validation_fraction": _CALIBRATED}
        forecaster = search.shortest(**changes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the last fit tells the same
            windows = forecaster._cut(search.problem.given)
        name = f"calibration of {type(self).__name__} (of the chosen candidate, on the last fifth of the rows)"
        forecaster._check_calibration_windows(windows, name=name)

    def _warn_of_better(self) -> None:
        """Warn if a naive forecast, or the pretrained student, is better than every candidate."""
        best = -self.cv_results_["mean_test_score"].max()
        name = min(self.naive_errors_, key=self.naive_errors_.__getitem__, default="")
        if name and self.naive_errors_[name] < best:
            warnings.warn(
                f"The forecast {name!r} is better than every candidate of DistilledForecasterCV "
                f"({self.scoring} {self.naive_errors_[name]:.4g}, chosen candidate {-self.best_score_:.4g}). Use it, "
                "give fit more rows, or try other context_lengths, teachers or covariates.",
                UserWarning,
                stacklevel=stacklevel_of_user(),
            )
        zero_shot = None if self.zero_shot_score_ is None else -self.zero_shot_score_
        if zero_shot is not None and zero_shot < best:
            warnings.warn(
                "The pretrained student is better than every candidate of DistilledForecasterCV "
                f"({self.scoring} {zero_shot:.4g}, chosen candidate {-self.best_score_:.4g}), and is never chosen. "
                "skdistill.load_pretrained_student() returns it: it forecasts these series without fit.",
                UserWarning,
                stacklevel=stacklevel_of_user(),
            )

    def candidate(self, index: int) -> DistilledForecaster:
        """Return the forecaster of a row of ``cv_results_``, not fitted.

        Parameters
        ----------
        index : int
            Number of the row, such as the first with another teacher than the chosen one.

        Returns
        -------
        forecaster : DistilledForecaster
            Its ``fit`` trains on all windows and labels them again, unless ``memory`` keeps the labels.
        """
        check_is_fitted(self)
        check_integer(index, "index of candidate", minimum=-len(self._candidates))
        if index >= len(self._candidates):
            raise ValueError(
                f"index of candidate must be below {len(self._candidates)}, the number of rows; got {index}."
            )
        one = self._candidates[index]
        teacher = None if one.teacher is None else self._as_given(one.teacher)
        common = self._common(self._seed()) | {"memory": self.memory}
        common |= {} if teacher is None else self._label_choice()
        return one.build(teacher, self._n_windows, **common)

    def _label_choice(self) -> dict[str, Any]:
        """Return the parameters that say which windows a teacher labels, and how many it may."""
        names = ("label_share", "max_labels", "label_seconds", "label_choice", "label_budget")
        return {name: getattr(self, name) for name in names}

    def _seed(self) -> int | None:
        """Return the seed of every candidate."""
        if self.random_state is None:
            return None
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        check_integer(self.prediction_length, f"prediction_length of {owner}", minimum=1)
        check_bounds(self.bounds, owner)
        check_choice(self.scoring, SCORINGS, f"scoring of {owner}")
        check_choice(self.covariates, ("error", "ignore"), f"covariates of {owner}")
        check_label_choice(self, has_teacher=self.teachers is not None)
        if self.label_choice == "disagreement":
            raise ValueError(
                f"label_choice of {owner} must not be 'disagreement', which reads the truth of rows that later folds "
                "are judged on: take 'strided', 'random' or 'covering'."
            )
        for one in self._scalings():
            check_choice(one, SCALINGS, f"scaling of {owner}")
        if isinstance(self.transformer, str):
            check_choice(self.transformer, ("auto",), f"transformer of {owner}")
        if isinstance(self.transformer, list | tuple) and not self.transformer:
            raise ValueError(f"transformer of {owner} must name at least one, such as None; got none.")
        for one in self.transformer if isinstance(self.transformer, list | tuple) else [self.transformer]:
            if not isinstance(one, str):
                check_transformer(one, owner)
        check_n_jobs(self.n_jobs, f"n_jobs of {owner}")
        check_real(self.standard_errors, f"standard_errors of {owner}", minimum=0.0)
        if self.max_windows is not None:
            check_integer(self.max_windows, f"max_windows of {owner}", minimum=1)
        for length in self._given_lengths() or []:
            check_integer(length, f"context_lengths of {owner}", minimum=1)
        of_refit = DistilledForecaster(quantiles=self.quantiles, calibration=self.calibration)
        of_refit._check_probabilistic_parameters()

    def _scalings(self) -> list[str]:
        return [self.scaling] if isinstance(self.scaling, str) else list(self.scaling)

    def _transformers(self, given: SeriesInput) -> list[BaseEstimator | None]:
        """Return the transformers to try."""
        if isinstance(self.transformer, list | tuple):
            return list(self.transformer)
        if not isinstance(self.transformer, str):
            return [self.transformer]
        if len(given.series) == 1 or any(bool((one.values < 0).any()) for one in given.series):
            return [None]
        return [None, SquareRoot()]

    def _given_lengths(self) -> list[int] | None:
        lengths = self.context_lengths
        if lengths is None:
            return None
        lengths = [lengths] if isinstance(lengths, int | np.integer) else list(lengths)
        if not lengths:
            raise ValueError("context_lengths of DistilledForecasterCV must name at least one length; got none.")
        return sorted(set(lengths))

    def _search(self, given: SeriesInput) -> Search:
        """Return the search over candidates for these series."""
        lengths = [len(one) for one in given.series]
        n_rows = int(np.median(lengths))
        split = default_split(lengths, 1, self.prediction_length)
        judged = split.n_splits * int(split.step or self.prediction_length)
        contexts = self._given_lengths() or default_context_lengths(
            given.series, n_rows - judged, self.prediction_length
        )
        season = season_of_series(given.series[0].index, given.series[0].step) or 1
        several = len(given.series) > 1
        cut = FitWindows(
            min(contexts),
            self.prediction_length,
            self.targets_,
            validation_fraction=0,
            is_panel=several,
            min_observed=self.min_observed,
        )
        reach = self.prediction_length + cut.least_rows(len(given.series), season) - 1
        n_windows = sum(max(0, length - reach) for length in lengths)
        every = label_every = 1
        if self.max_windows is not None:
            every = max(1, -(-n_windows * len(self.targets_) // self.max_windows))
            label_every = max(1, -(-n_windows * len(self.targets_) // max(1, self.max_windows // 2)))
        targets, shortest = self.targets_, min(contexts)
        problem = Problem(
            given,
            targets,
            self.prediction_length,
            season,
            self.scoring,
            every,
            shortest,
            label_every=label_every,
            staggered=several and 2 * label_every > n_rows - judged - reach,
        )
        folds = _with_truth(problem, self._folds(given, contexts))
        scalings = self._scalings()
        if scalings == ["auto"]:
            scalings = ["series" if several else "global"]
        seed = self._seed()
        return Search(
            problem,
            folds,
            read_students(self.students),
            self._read_teachers(),
            contexts,
            scalings,
            self._transformers(given),
            self._common(seed) | self._channels(),
            {
                "memory": self.memory,
                "label_budget": self.label_budget,
                "verbose": self.verbose,
                "random_state": 0 if seed is None else seed,
            },
            self.n_jobs,
            max(1, n_windows // every),
            max(1, n_rows - judged - self.prediction_length) // (1 if several else 2),
            self._label_choice(),
        )

    def _folds(self, given: SeriesInput, contexts: Sequence[int]) -> list[Fold]:
        lengths = [len(one) for one in given.series]
        cv = self.cv
        if cv is None or isinstance(cv, int | np.integer):
            split = default_split(lengths, min(contexts), self.prediction_length)
            cv = split if cv is None else split.set_params(n_splits=int(cv))
        elif not hasattr(cv, "split"):
            cv = check_cv(cv)
        n_windows = max(_JUDGED_WINDOWS, len(given.series))
        return make_folds(cv, given.series, self.prediction_length, n_windows)

    def _common(self, seed: int | None) -> dict[str, Any]:
        return {
            "prediction_length": self.prediction_length,
            "targets": self.targets,
            "known_covariates": self.known_covariates,
            "static_covariates": self.static_covariates,
            "covariates": self.covariates,
            "bounds": self.bounds,
            "min_observed": self.min_observed,
            "missing": self.missing,
            "device": self.device,
            "random_state": seed,
        }

    def _channels(self) -> dict[str, Any]:
        """Return the roles of candidates, which get channels instead of columns; static covariates are attached."""
        roles = self.roles_
        return {
            "targets": None if self.targets is None and not roles.known else list(roles.target_channels),
            "known_covariates": list(roles.known_channels) or None,
            "static_covariates": None,
        }

    def _read_teachers(self) -> dict[str, BaseTeacher]:
        given = self.teachers
        if given is None:
            return {}
        several = list(given) if isinstance(given, list | tuple) else [given]
        found = [(one if isinstance(one, str) else None, resolve_teacher(one, parameter="teachers")) for one in several]
        names = [name or teacher_name(teacher).lower() for name, teacher in found]
        unique = [f"{name}-{place}" if names.count(name) > 1 else name for place, name in enumerate(names)]
        return {name: clone(teacher) for name, (_, teacher) in zip(unique, found, strict=True)}

    def _refit(self, search: Search, candidate: Candidate, X: Any) -> DistilledForecaster:
        """Fit the chosen candidate on all rows, with the labels that are there already."""
        book = search.book(candidate)
        every = 1 if book is None else search.problem.label_every
        columns = ("targets", "known_covariates", "static_covariates")
        changes: dict[str, Any] = {"quantiles": self.quantiles, "calibration": self.calibration}
        changes |= {name: getattr(self, name) for name in columns}
        if self.calibration is not None:
            changes["validation_fraction"] = _CALIBRATED
        forecaster = search.build(
            candidate, n_windows=max(1, search.n_windows * search.problem.every // every), **changes
        )
        forecaster._check_parameters()
        given = read_series(forecaster, X, reset=True, allow_batch=False)
        n_series = len(given.series)
        to_learn_from = without_unobserved_end(given, self.targets_)
        windows, labels = with_labels(
            forecaster._cut(to_learn_from),
            every,
            book,
            np.arange(n_series),
            np.zeros(n_series, dtype=int),
            staggered=search.problem.staggered,
        )
        if not forecaster._distill(windows, labels, told=True) and candidate.student.is_own:
            warn_of_unread_patience(forecaster, windows)
        forecaster._warn_of_hidden_swing(windows, "add 'window' to scaling of DistilledForecasterCV")
        forecaster._keep_for_comparing(X)
        forecaster._keep_for_updates(given.series)
        teacher = None if candidate.teacher is None else self._as_given(candidate.teacher)
        return forecaster.set_params(memory=self.memory, teacher=teacher)

    def _as_given(self, name: str) -> Any:
        """Return a teacher as the user gave it, where that is possible."""
        return name if name in ("pretrained", "theta") else self._read_teachers()[name]

    # -- scikit-learn ------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a refitted forecaster."""
        return hasattr(self, "forecaster_")

    def __sklearn_tags__(self) -> Any:
        """Declare to scikit-learn the input that this estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.non_deterministic = False
        tags.input_tags.allow_nan = True  # NaN is missing
        return tags
