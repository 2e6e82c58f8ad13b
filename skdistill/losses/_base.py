"""Base classes of losses: a single term, and a sum of named terms."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import _BaseComposition
from torch import nn

from skdistill._utils._checks import check_real
from skdistill._utils._doc_link import DocLink
from skdistill._utils._says_unread import SaysUnread
from skdistill.losses._inputs import LossShapes, QuadraticForm

__all__ = ["BaseLoss", "LossSum", "LossTerm", "add_terms"]


class BaseLoss(SaysUnread, DocLink, BaseEstimator, abc.ABC):
    """Anything that ``loss=`` takes: one term or a sum of named terms."""

    @abc.abstractmethod
    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the terms with their names, each name unique.

        Returns
        -------
        terms : sequence of (str, LossTerm)
            The terms of the objective, in order.
        """

    def __add__(self, other: BaseLoss) -> BaseLoss:
        """Add two losses to one :class:`~skdistill.losses.LossSum`."""
        return _add_losses(self, other) if isinstance(other, BaseLoss) else NotImplemented


class LossTerm(BaseLoss):
    """One term of the objective: a parameter object with a ``weight``.

    A subclass declares in ``requires`` what it reads and returns in :meth:`build` a module whose
    ``forward(inputs: LossInputs)`` gives the *unweighted* scalar; the objective multiplies it by
    ``weight``. Parameters of that module train with the student and are dropped after. A term that reads the truth
    averages where it is observed (``inputs.observed``, ``inputs.known``); one that reads more raises an error in
    ``fit``.

    Attributes
    ----------
    requires : frozenset of str
        What the term reads: ``"truth"``, ``"teacher_forecast"``, ``"teacher_features"``, ``"teacher_quantiles"``,
        ``"student_features"``, ``"student_quantiles"``, ``"branches"``. Terms that need nothing from the teacher still
        apply with ``teacher=None``.
    prefers : frozenset of str
        What the term reads if it exists, but does not require.
    weight : float
        Non-negative factor in the objective; terms of weight 0 are left out.
    """

    requires: ClassVar[frozenset[str]] = frozenset()
    prefers: ClassVar[frozenset[str]] = frozenset()
    weight: float

    def check(self) -> None:
        """Raise if a parameter is out of its range; called before any training."""
        check_real(self.weight, f"weight of {type(self).__name__}", minimum=0.0)

    @abc.abstractmethod
    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Parameters
        ----------
        shapes : LossShapes
            Shapes and levels of student and labels.

        Returns
        -------
        module : torch.nn.Module
            Its ``forward`` maps :class:`LossInputs` to a scalar.
        """

    def quadratic_form(self, prediction_length: int) -> QuadraticForm | None:
        """Return the term as a quadratic form, for students that are solved exactly.

        Parameters
        ----------
        prediction_length : int
            Steps of a forecast.

        Returns
        -------
        form : QuadraticForm or None
            None if the term is not a quadratic form of the forecast.
        """
        return None

    def compares_windows(self, n_targets: int) -> Sequence[str]:
        """Return the parameters that compare each window with others of its batch, and have no effect in one alone.

        Parameters
        ----------
        n_targets : int
            Number of targets.

        Returns
        -------
        names : sequence of str
            ``trust``, where a term has it.
        """
        return ["trust"] if getattr(self, "trust", 0.0) else []

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return this term under its class name in lower case."""
        return [(type(self).__name__.lower(), self)]


class LossSum(BaseLoss, _BaseComposition):
    """A sum of named losses, each tunable by its name.

    Parameters
    ----------
    terms : list of (str, loss)
        Names and losses: single terms or published sums. Parameters are set by ``loss__name__parameter``, a whole term
        is replaced by ``loss__name``.

    Examples
    --------
    >>> from skdistill.losses import LossSum, MultiPeriod, Supervised
    >>> loss = LossSum([("truth", Supervised()), ("periods", MultiPeriod(weight=0.5))])
    >>> loss.set_params(periods__weight=2.0).terms[1]
    ('periods', MultiPeriod(weight=2.0))
    >>> [name for name, _ in (Supervised() + MultiPeriod()).terms]
    ['supervised', 'multiperiod']
    """

    def __init__(self, terms: Sequence[tuple[str, BaseLoss]]) -> None:
        self.terms = terms

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, including those of the terms as ``name__parameter``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of the terms.

        Returns
        -------
        params : dict
            Parameters by name.
        """
        return self._get_params("terms", deep=deep)

    def set_params(self, **params: Any) -> LossSum:
        """Set parameters; parameters of a term are named ``name__parameter``.

        Parameters
        ----------
        **params : object
            Parameters by name.

        Returns
        -------
        self : LossSum
            This loss.
        """
        self._set_params("terms", **params)
        return self

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the terms; terms of a nested sum are named ``"outer.inner"``.

        Returns
        -------
        terms : list of (str, LossTerm)
            The terms of the objective, in order.

        Raises
        ------
        ValueError, TypeError
            If names clash, or an entry is not a loss.
        """
        self._check_terms()
        flat: list[tuple[str, LossTerm]] = []
        for name, loss in self.terms:
            if isinstance(loss, LossTerm):
                flat.append((name, loss))
            else:
                flat += [(f"{name}.{inner}", term) for inner, term in loss.named_terms()]
        return flat

    def _check_terms(self) -> None:
        if not len(self.terms):
            raise ValueError("terms of LossSum must name at least one loss; got an empty list.")
        for entry in self.terms:
            if not isinstance(entry, tuple) or len(entry) != 2 or not isinstance(entry[1], BaseLoss):
                raise TypeError(f"terms of LossSum must be pairs (name, loss); got {entry!r}.")
        self._validate_names([name for name, _ in self.terms])


def _add_losses(first: BaseLoss, second: BaseLoss) -> LossSum:
    """Add two losses: sums are flattened, methods stay whole, and a repeated name gets the next free number."""
    pairs: list[tuple[str, BaseLoss]] = []
    for loss in (first, second):
        pairs += list(loss.terms) if isinstance(loss, LossSum) else [(type(loss).__name__.lower(), loss)]
    return _sum_of(pairs)


def add_terms(terms: Sequence[tuple[str, BaseLoss]], added: Sequence[BaseLoss]) -> LossSum:
    """Append losses to named terms, under their class names; a repeated name gets the next free number.

    Parameters
    ----------
    terms : sequence of (str, loss)
        The existing terms.
    added : sequence of loss
        The losses to append.

    Returns
    -------
    loss : LossSum
        The sum.
    """
    return _sum_of([*terms, *((type(loss).__name__.lower(), loss) for loss in added)])


def _sum_of(pairs: Sequence[tuple[str, BaseLoss]]) -> LossSum:
    taken: dict[str, BaseLoss] = {}
    for name, loss in pairs:
        free, number = name, 2
        while free in taken:
            free, number = f"{name}{number}", number + 1
        taken[free] = loss
    return LossSum(list(taken.items()))
