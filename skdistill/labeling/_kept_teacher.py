"""A teacher that is fitted, or found where an earlier fit left it."""

from __future__ import annotations

import logging
from pathlib import Path

import joblib

from skdistill._utils._moved_folders import load_with_folders
from skdistill.data._windows import TrainingWindows
from skdistill.teachers._base import BaseTeacher

__all__ = ["fit_teacher"]

logger = logging.getLogger("skdistill")


def fit_teacher(teacher: BaseTeacher, windows: TrainingWindows, folder: Path | None) -> BaseTeacher:
    if folder is None or not teacher.keeps_what_fit_learned:
        return teacher.fit(windows)
    path = folder / "teacher.joblib"
    if path.is_file():
        try:
            return load_with_folders(path, teacher)
        except Exception as error:
            logger.warning("the teacher kept in %s cannot be read (%s) and is fitted anew", path, error)
    checkpoint = folder / "teacher-checkpoint.pt"
    teacher = teacher.fit(windows, checkpoint)
    temporary = path.with_suffix(".tmp")
    joblib.dump(teacher, temporary)
    temporary.replace(path)
    for leftover in folder.glob("teacher-checkpoint*"):
        leftover.unlink()
    return teacher
