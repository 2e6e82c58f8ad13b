"""Networks: architectures with their hyperparameters, for students and for teachers that are trained."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
