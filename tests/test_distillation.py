"""The flow: what is built, and when."""

import pytest
from doubles import LastValueTeacher, make_forecaster, make_series

from skdistill.losses import Response
from skdistill.networks import MLP, Linear


class CountedMLP(MLP):
    built = 0

    def build(self, spec):
        type(self).built += 1
        return super().build(spec)


class CountedLinear(Linear):
    built = 0

    def build(self, spec):
        type(self).built += 1
        return super().build(spec)


@pytest.mark.parametrize("teacher", [None, LastValueTeacher()], ids=["alone", "taught"])
@pytest.mark.parametrize("student", [CountedMLP, CountedLinear])
def test_a_student_is_built_once(student, teacher):
    student.built = 0
    make_forecaster(teacher=teacher, student=student(), loss=Response()).fit(make_series(80, 2))
    assert student.built == 1
