"""Plots in scikit-learn's convention: displays with ``from_estimator``, ``from_predictions`` and ``plot``.

They need matplotlib: ``pip install 'skdistill[plot]'``.
"""

from skdistill.plotting._forecast import ForecastDisplay
from skdistill.plotting._history import HistoryDisplay
from skdistill.plotting._horizon_error import HorizonErrorDisplay
from skdistill.plotting._report import write_report
from skdistill.plotting._scales import ScalesDisplay
from skdistill.plotting._spectrum import SpectrumDisplay
from skdistill.plotting._trade_off import TradeOffDisplay
from skdistill.plotting._win_rate import WinRateDisplay

__all__ = [
    "ForecastDisplay",
    "HistoryDisplay",
    "HorizonErrorDisplay",
    "ScalesDisplay",
    "SpectrumDisplay",
    "TradeOffDisplay",
    "WinRateDisplay",
    "write_report",
]
