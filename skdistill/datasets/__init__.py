"""Real series, the splits published tables use, and made series."""

from skdistill.datasets._csv import load_csv
from skdistill.datasets._ett import fetch_ett
from skdistill.datasets._exchange_rate import fetch_exchange_rate
from skdistill.datasets._m4 import fetch_m4
from skdistill.datasets._splits import standard_split
from skdistill.datasets._synthetic import make_multiseasonal

__all__ = ["fetch_ett", "fetch_exchange_rate", "fetch_m4", "load_csv", "make_multiseasonal", "standard_split"]
