"""Labeling: labels of a teacher are computed once, stored, resumed, and estimated in advance."""

__all__: list[str] = []
