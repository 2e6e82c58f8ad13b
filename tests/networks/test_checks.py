"""Checks of single values: what passes, what stops, and what the error says."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdistill._utils._checks import check_boolean, check_integer, check_real


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_integers_pass_from_the_minimum_on(value, minimum):
    if value >= minimum:
        assert check_integer(np.int32(value), "n of Owner", minimum=minimum) == value
        assert type(check_integer(np.int32(value), "n of Owner", minimum=minimum)) is int
    else:
        with pytest.raises(ValueError, match=rf"^n of Owner must be an integer of at least {minimum}; got {value}\.$"):
            check_integer(value, "n of Owner", minimum=minimum)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, np.float64(2), "1", None, float("nan")])
def test_what_is_no_whole_number_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"n of Owner must be an integer of at least 1; got .* of type \w+"):
        check_integer(value, "n of Owner")


@given(st.floats(-2, 2), st.booleans(), st.booleans())
def test_numbers_pass_inside_the_interval_and_at_its_included_ends(value, include_minimum, include_maximum):
    for number in (value, -1.0, 1.0):
        inside = -1 < number < 1 or (include_minimum and number == -1) or (include_maximum and number == 1)
        limits = {"include_minimum": include_minimum, "include_maximum": include_maximum}
        if inside:
            assert check_real(number, "w of Owner", minimum=-1, maximum=1, **limits) == number
        else:
            with pytest.raises(ValueError, match=r"w of Owner must be a number in [\[(]-1, 1[\])]; got "):
                check_real(number, "w of Owner", minimum=-1, maximum=1, **limits)


@pytest.mark.parametrize("value", [2, np.int64(2), np.float32(2), Fraction(2)])
def test_every_kind_of_real_number_passes_as_a_float(value):
    assert type(check_real(value, "w of Owner")) is float
    assert check_real(value, "w of Owner") == 2.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_numbers_must_be_finite_even_without_limits(value):
    with pytest.raises(ValueError, match=r"w of Owner must be a number in \(-inf, inf\); got "):
        check_real(value, "w of Owner")


@pytest.mark.parametrize("value", [True, np.False_, "0.5", None, 1j, [0.5]])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"w of Owner must be a number in \[0, inf\); got .* of type \w+"):
        check_real(value, "w of Owner", minimum=0)


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_truth_values_pass_as_python_ones(value):
    assert check_boolean(value, "b of Owner") is bool(value)


@pytest.mark.parametrize("value", [0, 1, None, "True", [], 1.0])
def test_what_is_merely_truthy_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"b of Owner must be True or False; got .* of type \w+"):
        check_boolean(value, "b of Owner")
