"""A teacher with given weights: a network trained elsewhere, or here in an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skdistill.networks import BaseNetwork, NetworkSpec
from skdistill.teachers._labels import Labels
from skdistill.teachers._network import NetworkTeacher
from skdistill.training import make_spec, seeded
from skdistill.windows import TrainingWindows

__all__ = ["PretrainedTeacher"]


class PretrainedTeacher(NetworkTeacher):
    """A network whose weights are given, not learnt here.

    The weights are a constructor argument, so they survive ``clone``, ``GridSearchCV`` and
    processes. The network reads contexts that are standardised per channel by the training rows
    of the series at hand, and answers in those units.

    Parameters
    ----------
    network : network
        The architecture, with the hyperparameters the weights were trained with.
    state_dict : dict of Tensor, str or Path
        The weights, or a file of them: ``.safetensors``, or anything
        ``torch.load(weights_only=True)`` reads.
    device : str or None, default=None
        Where to label; None takes the forecaster's.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network with its weights.
    spec_ : NetworkSpec
        What it was built for.

    Examples
    --------
    >>> import torch
    >>> from skdistill.networks import DLinear, NetworkSpec
    >>> from skdistill.teachers import PretrainedTeacher
    >>> weights = DLinear().build(NetworkSpec(8, 2, 1)).state_dict()
    >>> PretrainedTeacher(DLinear(), weights).network
    DLinear()
    """

    def __init__(
        self,
        network: BaseNetwork,
        state_dict: Mapping[str, Tensor] | str | Path,
        *,
        device: str | None = None,
    ) -> None:
        self.network = network
        self.state_dict = state_dict
        self.device = device

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the network does not fit the problem or the weights do not fit the network.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths and channels of the problem.
        """
        if not isinstance(self.network, BaseNetwork):
            raise TypeError(
                f"network of PretrainedTeacher must be a network of skdistill.networks; got {self.network!r}."
            )
        self.network.check(spec)

    def keyed(self) -> PretrainedTeacher:
        """Return a copy for the key: a file of weights counts by its contents.

        Returns
        -------
        teacher : PretrainedTeacher
            The copy.
        """
        copy = super().keyed()
        is_file = isinstance(self.state_dict, str | Path)
        return copy.set_params(state_dict=Path(self.state_dict)) if is_file else copy  # type: ignore[arg-type]

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label the first window, which finds out whether the weights fit.

        Parameters
        ----------
        windows : TrainingWindows
            The windows that ``fit`` is about to see.

        Returns
        -------
        labels : Labels
            Labels of the first training window.
        """
        self.fit(windows)
        return super().probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> PretrainedTeacher:
        """Build the network and put the weights in; nothing is learnt.

        Parameters
        ----------
        windows : TrainingWindows
            Only their shapes are read.
        checkpoint : Path or None, default=None
            Ignored.

        Returns
        -------
        self : PretrainedTeacher
            The teacher, ready to label.

        Raises
        ------
        ValueError
            If weights are missing, unexpected or of another shape, all named.
        """
        self.spec_ = make_spec(self.network, windows.train)
        with seeded(0):
            self.module_ = self.network.build(self.spec_)
        load_weights(self.module_, read_state_dict(self.state_dict), owner="state_dict of PretrainedTeacher")
        return self


def read_state_dict(source: Mapping[str, Tensor] | str | Path) -> Mapping[str, Tensor]:
    """Return weights, from memory or from a file.

    Parameters
    ----------
    source : dict of Tensor, str or Path
        The weights or their file.

    Returns
    -------
    state_dict : dict of Tensor
        The weights.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    TypeError
        If the source, or what the file holds, is no dict of tensors.
    """
    content: Any = source
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"state_dict of PretrainedTeacher: there is no file {path}.")
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise TypeError(
            f"state_dict of PretrainedTeacher must be a dict of tensors or a file that holds one; "
            f"got {type(content).__name__}. Of a module, give module.state_dict()."
        )
    return content


def load_weights(module: nn.Module, state_dict: Mapping[str, Tensor], *, owner: str) -> None:
    """Put weights into a module, or name every one that does not fit.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    state_dict : dict of Tensor
        The weights.
    owner : str
        Parameter and class, for the message.

    Raises
    ------
    ValueError
        If weights are missing, unexpected or of another shape.
    """
    own = module.state_dict()
    problems = [f"missing {name!r} of shape {tuple(own[name].shape)}" for name in own if name not in state_dict]
    problems += [f"unexpected {name!r}" for name in state_dict if name not in own]
    problems += [
        f"{name!r} has shape {tuple(state_dict[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state_dict and state_dict[name].shape != own[name].shape
    ]
    if problems:
        raise ValueError(
            f"{owner} does not fit the network built for this problem: {'; '.join(problems)}. "
            "Check the network's hyperparameters, context_length, prediction_length and the number of channels."
        )
    module.load_state_dict(state_dict)
