"""Tables and files of one or many series, real series, the splits published tables use, and made series."""

from skdistill.datasets._csv import load_csv
from skdistill.datasets._ett import fetch_ett
from skdistill.datasets._exchange_rate import fetch_exchange_rate
from skdistill.datasets._m4 import fetch_m4
from skdistill.datasets._read_panel import read_panel, to_long
from skdistill.datasets._regularize import regularize
from skdistill.datasets._splits import standard_split
from skdistill.datasets._synthetic import make_multiseasonal

__all__ = [
    "fetch_ett",
    "fetch_exchange_rate",
    "fetch_m4",
    "load_csv",
    "make_multiseasonal",
    "read_panel",
    "regularize",
    "standard_split",
    "to_long",
]
