"""The conformance suite, importable: sample inputs of every op and the checks made with them.

Nothing here needs pytest: a check returns when it holds and raises AssertionError, with op, dtype,
attributes and the first wrong element, when it does not.
"""

from dovetail.testing.batching_check import check_batching
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import assert_close, ulp_error
from dovetail.testing.collect import check_all
from dovetail.testing.device_check import check_op
from dovetail.testing.gradient_check import check_derivative, check_gradient
from dovetail.testing.trace_check import check_trace

__all__ = [
    "Case",
    "assert_close",
    "check_all",
    "check_batching",
    "check_derivative",
    "check_gradient",
    "check_op",
    "check_trace",
    "samples_of",
    "ulp_error",
]
