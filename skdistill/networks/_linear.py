"""Linear: one linear layer on the window minus its level, trained or solved exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._linear_design import DesignSizes, LinearDesign
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["Linear"]

_SEASON = 24  # where the step tells none
_FEW_KNOWN = 512  # known values of a horizon that every step may read
_MOST_INPUTS = 20_000  # of the exact solver, whose cost grows with their cube
_SHIFTS = ("last", "last_season", "mean")
_SOLVERS = ("auto", "exact", "gradient")
_PENALTIES = ("forecast", "weights")
_SELECTIONS = ("blocks", "validation")


class Linear(BaseNetwork):
    """A linear map of each window relative to its level; small and often hard to beat.

    The level m of a window (see ``shift``) is subtracted and added back: forecast = W (x - m) + b + m. If all loss
    terms are quadratic (MSE to truth or teacher, multi-scale, horizon-weighted), W and b are solved exactly from second
    moments, without learning rate, epochs or seed. Otherwise the network is trained like any other, starting from W =
    0.

    Covariates are more inputs of the same map, with levels of their own: past and known covariates z as z - l, known
    covariates over the horizon as f - l, with the level l of their past; also the levels m and l, static covariates,
    their products with m, the last season of x - m and the calendar, and the calendar of the first horizon row.

    Parameters
    ----------
    shift : {"last_season", "last", "mean"} or None, default="last_season"
        The level: mean of the last ``season`` rows, the last row, the mean of the window; None subtracts nothing.
    season : int or "auto", default="auto"
        Rows of a season, for ``shift="last_season"``; a shorter context counts whole. ``"auto"`` takes the usual
        season of the step of the series (24 hours, 7 days, 12 months, ...), or 24 where the step tells none.
    last_rows : int or None, default=None
        Number of rows at the end of the context that the map and its level read; None reads all.
    individual : bool, default=False
        Whether every channel has its own map.
    intercept : bool, default=True
        Whether there is an intercept b; it is not penalized.
    past_rows : int or None, default=None
        Number of rows at the end of the context of each covariate that the map reads; 0 reads no past covariates. None
        reads as many as of a target.
    known_band : int, sequence of int or None, or "auto", or None, default="auto"
        Largest distance, in rows, between a step and the known covariates that its forecast reads; None reads all of
        the horizon. Several are candidates among which ``selection`` chooses. ``"auto"`` is None if the horizon has at
        most 512 known values or is no longer than a season, otherwise the better of one season and 0.
    known_weights : {"auto", "own", "shared"}, default="auto"
        Whether each step has its own weights of known covariates, or all steps share one weight for each covariate and
        distance between step and known value. ``"auto"`` is ``"own"``, or the better of both where
        ``known_band="auto"`` tries two distances; targets that are missing over the horizon, and labels that count by
        window, leave ``"own"``.
    static_seasons : bool, default=True
        Whether the last season of the target, and the calendar if it is read, have weights that depend on the static
        covariates, beside those that all series share.
    time_features : {False, "auto", True}, default=False
        Whether the calendar of the first horizon row is an input: never, if the series has one, or always.
    sparse_season : int or None, default=None
        If given, a step of the horizon reads only the rows that lie a whole number of seasons of this length before it.
    solver : {"auto", "exact", "gradient"}, default="auto"
        ``"auto"`` solves exactly if every term is quadratic; otherwise it trains, with a warning that names the term.
        ``"exact"`` raises an error instead.
    penalty : float or sequence of float, default=0.1
        Ridge penalty of the exact solver: the objective is the weighted sum of the terms plus penalty /
        prediction_length * ||W||^2 (so plain MSE gives ``W = C (G + penalty I)^-1`` with the mean second moment G of
        standardized contexts). Where rows of a channel less their level have a mean variance v below 0.1, as on a
        steep trend, the penalty of their weights is 100 v ** 2 times as large, and v times below 0.01. With 0, the
        solution of smallest norm is taken. If several penalties are given, ``selection`` chooses among them.
    penalty_on : {"weights", "forecast"}, default="weights"
        Penalize ||W||^2 (``"weights"``), or tr(W' M W) with the metric M of the objective (``"forecast"``).
    weight_grid : dict of str to sequence of float, or None, default=None
        Weights to try for terms of the loss, by their names in ``loss.named_terms()``: all combinations with all
        penalties are tried, which costs little more than one solution. ``history_`` holds the results of all of them.
    selection : {"validation", "blocks"}, default="validation"
        Criterion for choosing among several candidates: the MSE to the truth on the validation windows, or on 5 blocks
        of training windows, each left out in turn together with all windows that share rows with it. Blocks need
        windows whose truth is known: not with ``windows_without_truth`` or ``augmentation``.

    Notes
    -----
    For the derivation see :mod:`skdistill.training._exact` and the user guide.

    References
    ----------
    Zeng et al. (2023) (arXiv 2205.13504) for linear forecasters that subtract the last value; Hoerl and Kennard (1970),
    Ridge regression; Lin et al. (2024), SparseTSF (arXiv 2405.00946), for cross-period sparsity.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import Linear
    >>> from skdistill.teachers import TrainedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     TrainedTeacher("dlinear", lr=0.01), Linear(season=12, penalty=[0.01, 0.1, 1.0]), "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> len(forecaster.history_), sum(row["chosen"] for row in forecaster.history_)
    (3, 1)
    """

    has_features: ClassVar[bool] = False
    settings_of_solution: ClassVar[tuple[str, ...]] = ("penalty", "penalty_on", "weight_grid", "selection")
    reads_known = True
    reads_static = True

    def __init__(
        self,
        shift: str | None = "last_season",
        *,
        season: int | str = "auto",
        last_rows: int | None = None,
        individual: bool = False,
        intercept: bool = True,
        past_rows: int | None = None,
        known_band: Any = "auto",
        known_weights: str = "auto",
        static_seasons: bool = True,
        time_features: bool | str = False,
        sparse_season: int | None = None,
        solver: str = "auto",
        penalty: float | Sequence[float] = 0.1,
        penalty_on: str = "weights",
        weight_grid: Mapping[str, Sequence[float]] | None = None,
        selection: str = "validation",
    ) -> None:
        self.shift = shift
        self.season = season
        self.last_rows = last_rows
        self.individual = individual
        self.intercept = intercept
        self.past_rows = past_rows
        self.known_band = known_band
        self.known_weights = known_weights
        self.static_seasons = static_seasons
        self.time_features = time_features
        self.sparse_season = sparse_season
        self.solver = solver
        self.penalty = penalty
        self.penalty_on = penalty_on
        self.weight_grid = weight_grid
        self.selection = selection

    @property
    def reads_past(self) -> bool:  # type: ignore[override]
        """Whether past covariates are inputs."""
        return self.past_rows != 0

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        if self.shift is not None:
            check_choice(self.shift, _SHIFTS, "shift of Linear")
        if self.season != "auto":
            check_integer(self.season, "season of Linear")
        if self.last_rows is not None and check_integer(self.last_rows, "last_rows of Linear") > spec.context_length:
            raise ValueError(
                f"last_rows of Linear must be at most context_length = {spec.context_length}; got {self.last_rows}."
            )
        check_boolean(self.individual, "individual of Linear")
        check_boolean(self.intercept, "intercept of Linear")
        if self.sparse_season is not None:
            longest = self.n_rows(spec)
            if check_integer(self.sparse_season, "sparse_season of Linear") > longest:
                raise ValueError(
                    f"sparse_season of Linear must be at most the {longest} rows it reads; got {self.sparse_season}."
                )
        check_choice(self.solver, _SOLVERS, "solver of Linear")
        check_choice(self.penalty_on, _PENALTIES, "penalty_on of Linear")
        check_choice(self.selection, _SELECTIONS, "selection of Linear")
        for value in self.penalties():
            check_real(value, "penalty of Linear", minimum=0.0)
        grid = self.weight_grid
        if grid is not None and (not isinstance(grid, Mapping) or any(map(np.isscalar, grid.values()))):
            raise TypeError(
                "weight_grid of Linear must be a dict of names of loss terms and lists of weights, such as "
                f"{{'prediction': [0.0, 1.0]}}, or None; got {grid!r}."
            )
        self._check_covariates(spec)

    def _check_covariates(self, spec: NetworkSpec) -> None:
        if self.past_rows is not None and check_integer(self.past_rows, "past_rows of Linear", minimum=0) > self.n_rows(
            spec
        ):
            raise ValueError(
                f"past_rows of Linear must be at most the {self.n_rows(spec)} rows it reads; got {self.past_rows}."
            )
        check_choice(self.time_features, (False, "auto", True), "time_features of Linear")
        for width in self.bands(spec):
            if width is not None:
                check_integer(width, "known_band of Linear", minimum=0)
        check_boolean(self.static_seasons, "static_seasons of Linear")
        check_choice(self.known_weights, ("auto", "own", "shared"), "known_weights of Linear")
        if self.known_weights == "shared" and (not spec.known or self.solver == "gradient"):
            why = "solver='gradient' trains each step's own weights" if spec.known else "there are no known covariates"
            raise ValueError(f"known_weights='shared' of Linear has no effect: {why}. Set known_weights='auto'.")
        sizes = self.sizes(spec)
        if not sizes.is_plain and sizes.n_inputs > _MOST_INPUTS:
            raise ValueError(
                f"Linear would read {sizes.n_inputs} inputs: {sizes.n_rows} rows of the target, {sizes.past_rows} of "
                f"each of {len(sizes.covariates)} covariates and {spec.prediction_length} known values of "
                f"{len(sizes.known)}, and products of {sizes.n_static} static numbers with the season; at most "
                f"{_MOST_INPUTS} can be solved for. Set past_rows (0 reads no past covariates), last_rows or "
                "static_seasons=False, or leave columns out."
            )

    def sizes(self, spec: NetworkSpec) -> DesignSizes:
        """Return the numbers of inputs of each kind.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        sizes : DesignSizes
            Without covariates and calendar, only the rows of a target.
        """
        n_rows = self.n_rows(spec)
        return DesignSizes(
            n_rows=n_rows,
            past_rows=n_rows if self.past_rows is None else self.past_rows,
            prediction_length=spec.prediction_length,
            covariates=spec.covariates if self.reads_past else spec.known,
            known=spec.known,
            n_static=spec.n_static,
            has_level=self.shift is not None,
            n_time_features=spec.n_time_features,
            static_season=min(n_rows, self._season(spec.season)) if self.static_seasons and spec.n_static else 0,
        )

    def _season(self, usual: int | None) -> int:
        """Return the rows of a season."""
        return (_SEASON if usual is None else usual) if isinstance(self.season, str) else self.season

    def bands(self, spec: NetworkSpec) -> list[int | None]:
        """Return the candidates for the distance between a step and the known covariates that it reads.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        widths : list of int or None
            One or more; None does not limit the distance.
        """
        if not spec.known:
            return [None]
        if isinstance(self.known_band, str):
            check_choice(self.known_band, ("auto",), "known_band of Linear")
            season = spec.season or _SEASON
            return [None] if _few_known(spec) or season >= spec.prediction_length else [0, season]
        several = list(self.known_band) if isinstance(self.known_band, Sequence | np.ndarray) else [self.known_band]
        if not several:
            raise ValueError("known_band of Linear must be a number, None or at least one of them; got none.")
        return several

    def penalties(self) -> list[float]:
        """Return the penalties as a list.

        Returns
        -------
        penalties : list of float
            One or more penalties.
        """
        given: Any = self.penalty
        several = list(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else [given]
        if not several:
            raise ValueError("penalty of Linear must be a number or at least one number; got an empty sequence.")
        return several

    def n_rows(self, spec: NetworkSpec) -> int:
        """Return the number of rows that the map reads.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        n_rows : int
            ``last_rows``, or the whole context.
        """
        return spec.context_length if self.last_rows is None else self.last_rows

    def level(self, n_rows: int, season: int | None = None) -> np.ndarray | None:
        """Return the weights with which the rows make a window's level.

        Parameters
        ----------
        n_rows : int
            Rows that the map reads.
        season : int or None, default=None
            The season of the series, for ``season="auto"``.

        Returns
        -------
        weights : ndarray of shape (n_rows,) or None
            They sum to one; None without a shift.
        """
        if self.shift is None:
            return None
        rows = {"last": 1, "last_season": min(self._season(season), n_rows), "mean": n_rows}[self.shift]
        weights = np.zeros(n_rows)
        weights[-rows:] = 1.0 / rows
        return weights

    def mask(self, spec: NetworkSpec) -> np.ndarray | None:
        """Return which entries of the map can be nonzero.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        mask : ndarray of bool of shape (prediction_length, n_rows) or None
            None if all can.
        """
        if self.sparse_season is None:
            return None
        n_rows = self.n_rows(spec)
        distance = n_rows + np.arange(spec.prediction_length)[:, None] - np.arange(n_rows)[None]
        rows = distance % self.sparse_season == 0
        n_others = self.sizes(spec).n_inputs - n_rows
        return np.pad(rows, ((0, 0), (0, n_others)), constant_values=True) if n_others else rows

    def masks(self, spec: NetworkSpec) -> list[np.ndarray | None]:
        """Return the candidates for which inputs each step may read.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        masks : list of ndarray of bool of shape (prediction_length, n_inputs) or None
            One or more; None means all inputs.
        """
        mask, masks, ties = self.mask(spec), [], self.ties(spec)
        bands = self.bands(spec)
        for number, width in enumerate(bands * (len(ties) // len(bands) if ties else 1)):
            near = None if width is None and not (ties and ties[number] is not None) else self.sizes(spec).band(width)
            masks.append(near if mask is None else mask if near is None else mask & near)
        return masks

    def readings(self, spec: NetworkSpec) -> list[dict[str, Any]]:
        """Return the parameters that leave one of the candidates of :meth:`masks`, for each of them.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        readings : list of dict
            Values of ``known_band`` and ``known_weights``; one empty dict if there is nothing to choose.
        """
        bands, ties = self.bands(spec), self.ties(spec)
        shared = [one is not None for one in ties] or [False] * len(bands)
        if len(shared) == 1:
            return [{}]
        widths = bands * (len(shared) // len(bands))
        return [
            {"known_band": width, "known_weights": "shared" if tied else "own"}
            for width, tied in zip(widths, shared, strict=True)
        ]

    def ties(self, spec: NetworkSpec) -> list[np.ndarray | None]:
        """Return the weights that steps share, for each of the candidates of :meth:`masks`.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        ties : list of ndarray of int of shape (prediction_length, n_inputs) or None
            Numbers of shared weights, -1 for others; empty if no candidate shares any.
        """
        bands = self.bands(spec)
        if not spec.known or self.known_weights == "own":
            return []
        shared: list[np.ndarray | None] = [self.sizes(spec).ties()] * len(bands)
        if self.known_weights == "shared":
            return shared
        both = self.known_band == "auto" and len(bands) > 1 and self.solver != "gradient"
        return [*(None for _ in bands), *shared] if both else []

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to covariates, a season or a choice, where there is none, and to the exact solver."""
        unread: dict[str, str] = {}
        if not spec.covariates:
            unread["past_rows"] = "without past or known covariates"
        if not spec.known:
            unread |= dict.fromkeys(("known_band", "known_weights"), "without known covariates")
        if not spec.n_static:
            unread["static_seasons"] = "without static covariates"
        if self.shift != "last_season" and not (spec.n_static and self.static_seasons):
            unread["season"] = f"with shift={self.shift!r}"
        if self.solver == "gradient":
            return unread | dict.fromkeys(self.settings_of_solution, "with solver='gradient'")
        if not self.solvable_part(spec).is_searched:
            unread["selection"] = "with a single candidate: give several of penalty, weight_grid or known_band."
        return unread

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module. Its map is 0, so that it forecasts each window's level."""
        self.check(spec)
        return LinearModule(self, spec)

    def solvable_part(self, spec: NetworkSpec) -> SolvablePart:
        """Declare that the whole network is one linear map, which can be solved.

        Returns
        -------
        part : SolvablePart
            The part with its rows, level, mask and penalties.
        """
        self.check(spec)
        n_rows, sizes, masks = self.n_rows(spec), self.sizes(spec), self.masks(spec)
        return SolvablePart(
            type(self).__name__,
            n_rows,
            self.level(n_rows, spec.season),
            masks[0],
            individual=self.individual,
            intercept=self.intercept,
            penalties=tuple(self.penalties()),
            penalty_on=self.penalty_on,
            weight_grid=self.weight_grid or {},
            selection=self.selection,
            solver=self.solver,
            n_inputs=0 if sizes.is_plain else sizes.n_inputs,
            channels=None if sizes.is_plain else sizes.channels(),
            other_masks=tuple(masks[1:]),
            ties=tuple(self.ties(spec)),
        )


class LinearModule(nn.Module):
    """The module of :class:`Linear`.

    Parameters
    ----------
    network : Linear
        The parameter object.
    spec : NetworkSpec
        The problem it is built for.
    """

    level: Tensor | None
    mask: Tensor | None

    def __init__(self, network: Linear, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.n_rows = network.n_rows(spec)
        groups, sizes = (spec.n_targets,) if network.individual else (), network.sizes(spec)
        self.weight = nn.Parameter(torch.zeros(*groups, spec.prediction_length, sizes.n_inputs))
        self.bias = nn.Parameter(torch.zeros(*groups, spec.prediction_length), requires_grad=network.intercept)
        level, masks = network.level(self.n_rows, spec.season), network.masks(spec)
        self.register_buffer("level", None if level is None else torch.tensor(level, dtype=torch.float32))
        mask = masks[0] if len(masks) == 1 else sizes.band(None)
        self.register_buffer("mask", None if mask is None else torch.tensor(mask))
        self.design = None if sizes.is_plain else LinearDesign(sizes, list(spec.targets), self.level)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        """Forecast a batch.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Standardized contexts.
        context_time, decoder_time : Tensor or None, default=None
            Calendar features; the first horizon row is read, if the map was built for them.
        future : Tensor of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates over the horizon.
        static : Tensor of shape (n_windows, n_static) or None, default=None
            Static covariates.

        Returns
        -------
        output : NetworkOutput
            The forecast, without features.
        """
        weight = self.weight if self.mask is None else self.weight * self.mask
        if self.design is not None:
            inputs, level = self.design(context, context_time, decoder_time, future, static)
            return NetworkOutput((_apply(weight, inputs) + self.bias + level).transpose(1, 2))
        values = context[:, -self.n_rows :].transpose(1, 2)
        if self.targets is not None:
            values = values[:, self.targets]
        level = values.new_zeros(()) if self.level is None else values @ self.level[:, None]
        return NetworkOutput((_apply(weight, values - level) + self.bias + level).transpose(1, 2))


def _few_known(spec: NetworkSpec) -> bool:
    """Return whether every step may read all known values of the horizon."""
    return spec.prediction_length * len(spec.known) <= _FEW_KNOWN


def _apply(weight: Tensor, inputs: Tensor) -> Tensor:
    """Multiply the inputs of every target by the shared matrix, or by its own."""
    return inputs @ weight.T if weight.ndim == 2 else torch.einsum("bcl,chl->bch", inputs, weight)
