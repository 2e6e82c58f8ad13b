"""Honest comparison: teacher, student, the student alone and baselines, with the noise."""

from skdistill.comparison._bootstrap import block_bootstrap_means
from skdistill.comparison._compare import compare
from skdistill.comparison._result import Comparison

__all__ = ["Comparison", "block_bootstrap_means", "compare"]
