"""Students as a few matrix products, in NumPy; users find them in :mod:`skdistill.deploy`."""

__all__: list[str] = []
