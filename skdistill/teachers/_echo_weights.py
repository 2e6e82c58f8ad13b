"""Weights of Echo on disk: a JSON file with metadata (the card), and a safetensors file with the weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from skdistill.teachers._echo_network import EchoConfig, EchoNetwork

__all__ = ["CARD", "SHIPPED", "WEIGHTS", "load_echo", "read_card", "save_echo"]

SHIPPED = Path(__file__).with_name("echo")
CARD, WEIGHTS = "echo.json", "echo.safetensors"
_FORMAT = 1  # of both files; a network with other weights has another number


def load_echo(device: torch.device, folder: Path = SHIPPED) -> EchoNetwork:
    """Load a network, and check that its weights match the card.

    Parameters
    ----------
    device : torch.device
        Device of the network.
    folder : Path, default=SHIPPED
        Folder with both files.

    Returns
    -------
    network : EchoNetwork
        The network in float32, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the weights are damaged or belong to another version.
    """
    card = read_card(folder)
    file = folder / WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"{folder} contains no {WEIGHTS}: install skdistill again, or pass another folder.")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(
            f"{file} is damaged or does not belong to {CARD}: its checksum differs. Install skdistill again, "
            "or copy both files again."
        )
    try:
        network = EchoNetwork(_config(card["config"]))
        network.load_state_dict({name: value.float() for name, value in load_tensors(content).items()})
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"{folder} was written by another version of skdistill: {error}") from error
    return network.to(device).requires_grad_(False).eval()


def save_echo(network: EchoNetwork, folder: Path, training: dict[str, Any]) -> Path:
    """Write a network in float16; the card is written last.

    Parameters
    ----------
    network : EchoNetwork
        The network.
    folder : Path
        Folder to write to; created if it does not exist.
    training : dict
        Information about the training, for the card.

    Returns
    -------
    folder : Path
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = save_tensors({name: value.half().contiguous() for name, value in network.state_dict().items()})
    card = {
        "format": _FORMAT,
        "config": dataclasses.asdict(network.config),
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_parameters": sum(value.numel() for value in network.parameters()),
        "training": training,
    }
    (folder / WEIGHTS).write_bytes(content)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return folder


def read_card(folder: Path = SHIPPED) -> dict[str, Any]:
    """Read the card of the weights.

    Parameters
    ----------
    folder : Path, default=SHIPPED
        Folder with both files.

    Returns
    -------
    card : dict
        Format, sizes, checksum and training.

    Raises
    ------
    FileNotFoundError
        If the card does not exist.
    ValueError
        If it is not a card, or it has another version.
    """
    file = folder / CARD
    if not file.is_file():
        raise FileNotFoundError(f"{folder} contains no {CARD}: pass a folder of weights written by skdistill.")
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
        version = card["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged: it is not a card of pretrained weights ({error}).") from error
    if version != _FORMAT:
        raise ValueError(
            f"{file} has format {version}, and this skdistill reads format {_FORMAT}: the weights belong to another "
            "version."
        )
    return card


def _config(values: dict[str, Any]) -> EchoConfig:
    sizes: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
    return EchoConfig(**sizes)
