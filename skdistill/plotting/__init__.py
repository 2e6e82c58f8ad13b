"""Plots in the style of scikit-learn: displays with ``from_estimator``, ``from_predictions`` and ``plot``.

They need matplotlib: ``pip install 'skdistill[plot]'``.
"""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
