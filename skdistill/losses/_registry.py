"""Short names of losses."""

from __future__ import annotations

from skdistill._utils._choices import check_choice
from skdistill.losses._base import BaseLoss
from skdistill.losses._cakd import CAKD
from skdistill.losses._cross_modal import CrossModal
from skdistill.losses._distilts import DistilTS
from skdistill.losses._quantile_distill import QuantileDistill
from skdistill.losses._response import Response
from skdistill.losses._timedistill import TimeDistill

__all__ = ["LOSSES", "make_loss"]

LOSSES: dict[str, type[BaseLoss]] = {
    "cakd": CAKD,
    "crossmodal": CrossModal,
    "distilts": DistilTS,
    "quantiledistill": QuantileDistill,
    "response": Response,
    "timedistill": TimeDistill,
}


def make_loss(name: str) -> BaseLoss:
    """Create a loss from its short name, with default parameters.

    Parameters
    ----------
    name : str
        A short name, in lower case.

    Returns
    -------
    loss : BaseLoss
        The loss.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest one.

    Examples
    --------
    >>> make_loss("response")
    Response()
    """
    return LOSSES[check_choice(name, sorted(LOSSES), "loss")]()
