"""Load verified weights of a hub id or folder into a module."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from skdistill._utils._optional import import_optional

__all__ = [
    "check_all_weights",
    "damage_error",
    "damage_named",
    "family_error",
    "find_checkpoint",
    "load_strictly",
    "load_transformers",
    "quiet_bars",
    "read_config",
    "repair_buffers",
]

logger = logging.getLogger("skdistill")


def damage_error(path: Path, problem: str, *, owner: str) -> ValueError:
    """Return the error for a model with damaged or missing files.

    Parameters
    ----------
    path : Path
        The checkpoint, or a file of it.
    problem : str
        What is wrong.
    owner : str
        Class of the teacher.

    Returns
    -------
    error : ValueError
        The error to raise.
    """
    return ValueError(
        f"model of {owner}: {path} is damaged or incomplete: {problem}. Download it again, into an empty folder: "
        "`hf download NAME --local-dir FOLDER`."
    )


@contextmanager
def damage_named(path: Path, *, owner: str) -> Iterator[None]:
    """Convert errors of libraries that cannot read a file to an error that says which model to download again.

    Parameters
    ----------
    path : Path
        Folder or file of the checkpoint.
    owner : str
        Class of the teacher, for error messages.

    Yields
    ------
    None
        No value.

    Raises
    ------
    ValueError
        If a file inside the block cannot be read, or is missing.
    """
    try:
        yield
    except PermissionError:
        raise
    except (SafetensorError, OSError, EOFError, UnpicklingError, JSONDecodeError, UnicodeDecodeError) as error:
        lines = str(error).strip().splitlines() or ["nothing said"]
        raise damage_error(path, f"{type(error).__name__}: {lines[0].rstrip('.')}", owner=owner) from error


def find_checkpoint(
    model: str | Path, *, owner: str, extra: str, files: Sequence[str], revision: str | None = None
) -> Path:
    """Return the local folder or file of a checkpoint, downloaded if it is a hub id.

    Parameters
    ----------
    model : str or Path
        A local folder or file, or an id on the Hugging Face hub.
    owner : str
        Class of the teacher, for error messages.
    extra : str
        The extra that installs the library for downloads.
    files : sequence of str
        Patterns of the files to download.
    revision : str or None, default=None
        Branch, tag or commit on the hub.

    Returns
    -------
    path : Path
        Location of the checkpoint.

    Raises
    ------
    TypeError
        If ``model`` is neither str nor Path.
    ValueError
        If it is empty.
    FileNotFoundError
        If the folder does not exist, or the hub cannot be reached or does not know the id.
    """
    if not isinstance(model, str | Path):
        raise TypeError(f"model of {owner} must be a hub id or a local folder; got {model!r}.")
    if not str(model).strip():
        raise ValueError(f"model of {owner} must be a hub id, 'owner/name', or a local folder; got {model!r}.")
    path = Path(model).expanduser()
    if path.exists():
        return path
    text = str(model)
    if isinstance(model, Path) or text.startswith(("/", ".", "~")) or len(path.parts) > 2 or os.sep not in text:
        raise FileNotFoundError(
            f"model of {owner}: there is no folder {path.absolute()}. Give a folder that save_pretrained or "
            "`hf download` has filled, or a hub id, 'owner/name'."
        )
    hub = import_optional("huggingface_hub", extra=extra, purpose=f"Downloading {text!r} for {owner}")
    try:
        return Path(hub.snapshot_download(text, revision=revision, allow_patterns=list(files)))
    except Exception as error:
        raise FileNotFoundError(
            f"model of {owner}: {text!r} is not a local folder and could not be loaded from the hub "
            f"({type(error).__name__}: {str(error).splitlines()[0]}). Without access to the hub, download it "
            f"elsewhere with "
            f"`hf download {text} --local-dir FOLDER` and pass the folder: {owner}('FOLDER')."
        ) from error


def read_config(path: Path, *, owner: str) -> dict[str, Any]:
    """Read the config of a checkpoint.

    Parameters
    ----------
    path : Path
        The folder.
    owner : str
        Class of the teacher, for error messages.

    Returns
    -------
    config : dict
        Contents of ``config.json``.

    Raises
    ------
    FileNotFoundError
        If the folder contains none.
    ValueError
        If it cannot be read.
    """
    file = path / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"model of {owner}: {path} contains no config.json, so it is not a checkpoint.")
    with damage_named(file, owner=owner):
        config = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise damage_error(file, "it contains no table of settings", owner=owner)
    return config


def family_error(path: Path, config: dict[str, Any], *, owner: str, wants: str) -> ValueError:
    """Return the error for a checkpoint of another family.

    Parameters
    ----------
    path : Path
        The checkpoint.
    config : dict
        The config of the checkpoint.
    owner : str
        Class of the teacher.
    wants : str
        Family of checkpoints that the teacher reads.

    Returns
    -------
    error : ValueError
        The error to raise.
    """
    family = config.get("model_type") or config.get("architectures") or f"keys {sorted(config)[:8]}"
    return ValueError(
        f"model of {owner}: {path} is not a checkpoint of {wants}; its config names {family!r}. "
        "Choose the teacher for that family, or another folder."
    )


def load_transformers(model_class: Any, path: Path) -> nn.Module:
    """Load a transformers model in float32, with checks that transformers does not make.

    Parameters
    ----------
    model_class : type
        A class with ``from_pretrained``.
    path : Path
        The folder.

    Returns
    -------
    module : torch.nn.Module
        The model, with every weight from the file and every buffer as defined by the config.

    Raises
    ------
    ValueError
        If weights are missing or have the wrong shape; transformers would leave them random.
    """
    with quiet_bars():
        module, info = model_class.from_pretrained(
            path, dtype=torch.float32, local_files_only=True, trust_remote_code=False, output_loading_info=True
        )
    problems = [str(problem) for kind in ("missing_keys", "mismatched_keys") for problem in info[kind]]
    if problems:
        raise ValueError(f"{path} lacks weights of {model_class.__name__}: {', '.join(sorted(problems)[:8])}.")
    repair_buffers(module, type(module)(module.config))
    return module


@contextmanager
def quiet_bars() -> Iterator[None]:
    """Disable the progress bars of transformers inside the block.

    Yields
    ------
    None
        No value.
    """
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def repair_buffers(module: nn.Module, twin: nn.Module) -> list[str]:
    """Copy all buffers that are not in the checkpoint from a second model built from the same config.

    transformers 5 leaves such buffers (for example, rotary tables) uninitialized in some models, without a warning, so
    that the outputs are wrong.

    Parameters
    ----------
    module : torch.nn.Module
        The loaded module, changed in place.
    twin : torch.nn.Module
        A new model with the same config.

    Returns
    -------
    repaired : list of str
        Names of the buffers that differed.
    """
    saved = module.state_dict().keys()
    right = dict(twin.named_buffers())
    repaired = []
    for name, buffer in module.named_buffers():
        if name in saved or torch.equal(buffer, right[name].to(buffer)):
            continue
        buffer.data = right[name].to(buffer.device, buffer.dtype).clone()
        repaired.append(name)
    if repaired:
        logger.info("buffers that the loader left wrong were recomputed: %s", ", ".join(repaired))
    return repaired


def check_all_weights(module: nn.Module, path: Path) -> None:
    """Raise if a safetensors checkpoint lacks a weight of the module loaded from it.

    Parameters
    ----------
    module : torch.nn.Module
        The loaded module; a weight that shares memory with one in the file is accepted.
    path : Path
        The folder.
    """
    files = sorted(path.glob("*.safetensors"))
    if not files:
        return
    found: set[str] = set()
    for file in files:
        with safe_open(file, "pt") as stream:
            found |= set(stream.keys())
    state = module.state_dict()
    shared = {state[name].data_ptr() for name in found & state.keys()}
    missing = [name for name, value in state.items() if name not in found and value.data_ptr() not in shared]
    if missing:
        raise ValueError(f"{path} lacks weights of {type(module).__name__}: {', '.join(sorted(missing)[:8])}.")


def load_strictly(module: nn.Module, path: Path) -> nn.Module:
    """Load the weights of a folder into a module built from its config.

    Parameters
    ----------
    module : torch.nn.Module
        The module; changed in place.
    path : Path
        The folder, with ``model.safetensors``.

    Returns
    -------
    module : torch.nn.Module
        The module.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If weights are missing, unexpected or have the wrong shape.
    """
    file = path / "model.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"{path} contains no model.safetensors.")
    try:
        module.load_state_dict(load_file(file))
    except RuntimeError as error:
        raise ValueError(f"{file} does not fit its own config: {error}") from error
    return module
