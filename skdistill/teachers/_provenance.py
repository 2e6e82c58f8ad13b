"""Where labels come from: the source, license and training data of teachers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["FIELDS", "Entry", "checkpoint_origin", "describe_entry", "known_weights", "members_of", "warn_of_license"]

Entry = dict[str, str | None]

FIELDS = ("teacher", "source", "revision", "license", "training_data")
_KNOWN: Sequence[tuple[str, str, str | None]] = (
    ("amazon/chronos-", "Apache-2.0", "public series of many fields, and synthetic series"),
    ("Salesforce/moirai-", "CC-BY-NC-4.0", "LOTSA"),
    ("Maple728/TimeMoE-", "Apache-2.0", "Time-300B"),
    ("google/timesfm-3", "non-commercial", None),
    ("google/timesfm-", "Apache-2.0", "Google Trends, Wikipedia page views, public and synthetic series"),
    ("ibm-granite/granite-timeseries-ttm-", "Apache-2.0", "public series of many fields"),
    ("ibm-research/ttm-research-", "CC-BY-NC-SA-4.0", "public series of many fields"),
    ("NX-AI/TiRex", "NXAI Community License", "public series of many fields, and synthetic series"),
)  # start of the id on the hub, license of the weights, training data
_NOT_COMMERCIAL = re.compile(r"(^|[-_ ])nc([-_ ]|$)|non-?\s?commercial", re.IGNORECASE)
_CARD_LICENSE = re.compile(r"^license:\s*['\"]?([^'\"\n]+)", re.MULTILINE)
_TOLD: set[tuple[str | None, ...]] = set()


def known_weights(source: str | None) -> tuple[str | None, str | None]:
    """Return license and training data of weights on the hub.

    Parameters
    ----------
    source : str or None
        Their id.

    Returns
    -------
    license, training_data : str or None
        None if unknown.

    Examples
    --------
    >>> known_weights("Salesforce/moirai-1.1-R-small")
    ('CC-BY-NC-4.0', 'LOTSA')
    """
    for start, license_, data in _KNOWN:
        if source is not None and source.startswith(start):
            return license_, data
    return None, None


def checkpoint_origin(model: str | Path, revision: str | None) -> Entry:
    """Describe a checkpoint by its id on the hub, or by the name of its folder.

    Parameters
    ----------
    model : str or Path
        A folder, a file or an id on the hub.
    revision : str or None
        The requested revision.

    Returns
    -------
    entry : dict of str to str or None
        ``source``, ``revision``, ``license`` and ``training_data``; paths are left out.

    Examples
    --------
    >>> checkpoint_origin("amazon/chronos-bolt-small", None)["license"]
    'Apache-2.0'
    >>> checkpoint_origin("cache/models--Maple728--TimeMoE-50M/snapshots/0123abc", None)["source"]
    'Maple728/TimeMoE-50M'
    """
    path = Path(model)
    cached = [part for part in path.parts if part.startswith("models--")]
    if cached:
        source = cached[-1].removeprefix("models--").replace("--", "/")
        revision = path.parts[-1] if path.parts[-2:-1] == ("snapshots",) else revision
    elif isinstance(model, str) and not path.exists():
        source = model
    else:
        source = path.name
    license_, data = known_weights(source)
    return {"source": source, "revision": revision, "license": license_ or _card_license(path), "training_data": data}


def _card_license(folder: Path) -> str | None:
    """Read the license from the model card in a folder, if there is one."""
    card = folder / "README.md"
    try:
        head = card.read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError:
        return None
    found = _CARD_LICENSE.search(head) if head.startswith("---") else None
    return None if found is None else found.group(1).strip()


def describe_entry(entry: Mapping[str, str | None]) -> str:
    """Return an entry as a sentence.

    Parameters
    ----------
    entry : mapping of str to str or None
        The entry.

    Returns
    -------
    description : str
        What is known.

    Examples
    --------
    >>> describe_entry({"teacher": "Chronos", "source": "amazon/chronos-bolt-small", "license": "Apache-2.0"})
    'Chronos, from amazon/chronos-bolt-small, license Apache-2.0'
    """
    words = {"source": "from", "revision": "revision", "license": "license", "training_data": "trained on"}
    told = [f"{word} {entry[name]}" for name, word in words.items() if entry.get(name)]
    return ", ".join([str(entry.get("teacher")), *told])


def warn_of_license(entries: Iterable[Entry]) -> None:
    """Warn once in a process about each teacher whose license excludes commercial use.

    Parameters
    ----------
    entries : iterable of dict
        Provenance of a student.
    """
    for entry in entries:
        license_ = entry.get("license") or ""
        key = tuple(entry.get(name) for name in FIELDS)
        if not _NOT_COMMERCIAL.search(license_) or key in _TOLD:
            continue
        _TOLD.add(key)
        warnings.warn(
            f"the weights of the teacher {entry['teacher']} ({entry.get('source')}) have the license {license_}, which "
            "excludes commercial use; it may extend to students trained on their labels. provenance_ of the forecaster "
            "says so, and files that it saves or exports carry it.",
            stacklevel=stacklevel_of_user(),
        )


def members_of(params: Mapping[str, Any], kind: type) -> Iterator[Any]:
    """Yield the teachers among the parameters of a teacher.

    Parameters
    ----------
    params : mapping of str to object
        Its parameters, not nested.
    kind : type
        Class of teachers.

    Yields
    ------
    member : teacher
        Also those in lists and in pairs of name and teacher.
    """
    for value in params.values():
        yield from _inside(value, kind)


def _inside(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inside(one, kind)
