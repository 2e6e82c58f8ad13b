"""Training through skorch: the net, batches, callbacks, settings, and the exact solver."""

__all__: list[str] = []
