"""Labels of a teacher: made once, kept, resumed, and estimated before."""

from skdistill.labeling._clear_memory import clear_memory

__all__ = ["clear_memory"]
