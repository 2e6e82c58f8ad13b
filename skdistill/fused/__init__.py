"""Fused students: a few matrix products in NumPy. The public names are in :mod:`skdistill.deploy`."""

__all__: list[str] = []
