"""Labels of a teacher: made once, kept, resumed, and estimated before."""

__all__: list[str] = []
