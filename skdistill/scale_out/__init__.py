"""Past one machine: forecast and fit tables of Spark, Dask and Ray, and Parquet files larger than memory."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
