"""Sums of named loss terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils.metaestimators import _BaseComposition

from skdistill.losses._base import BaseLoss, LossTerm

__all__ = ["LossSum", "add_losses", "add_terms"]


class LossSum(BaseLoss, _BaseComposition):
    """A sum of named losses, each tunable by its name.

    Parameters
    ----------
    terms : list of (str, loss)
        Names and losses: single terms or published sums. Parameters are reached by
        ``loss__name__parameter``, a whole term is replaced by ``loss__name``.

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
        """Return the parameters, those of the terms under their names.

        Parameters
        ----------
        deep : bool, default=True
            Whether to go into the terms.

        Returns
        -------
        params : dict
            Parameters by name.
        """
        return self._get_params("terms", deep=deep)

    def set_params(self, **params: Any) -> LossSum:
        """Set parameters, those of the terms by ``name__parameter``.

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
        """Return the terms; those of a sum inside carry its name: ``"outer.inner"``.

        Returns
        -------
        terms : list of (str, LossTerm)
            The terms of the objective, in order.

        Raises
        ------
        ValueError, TypeError
            If names clash, or something is no loss.
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


def add_losses(first: BaseLoss, second: BaseLoss) -> LossSum:
    """Add two losses; a name that is taken gets the next free number.

    Parameters
    ----------
    first, second : BaseLoss
        What to add; sums are flattened, published methods are kept whole under their name.

    Returns
    -------
    loss : LossSum
        The sum.
    """
    pairs: list[tuple[str, BaseLoss]] = []
    for loss in (first, second):
        pairs += list(loss.terms) if isinstance(loss, LossSum) else [(type(loss).__name__.lower(), loss)]
    return _sum_of(pairs)


def add_terms(terms: Sequence[tuple[str, BaseLoss]], added: Sequence[BaseLoss]) -> LossSum:
    """Add losses to named terms, under their class names; a name that is taken gets the next free number.

    Parameters
    ----------
    terms : sequence of (str, loss)
        What there is.
    added : sequence of loss
        What comes after it.

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
