"""Finding what is wrong with a function: its gradients against differences, its first NaN."""

from dovetail.debug.gradients import GradientCheck, GradientReport, check_gradients
from dovetail.debug.nonfinite import nan_check

__all__ = ["GradientCheck", "GradientReport", "check_gradients", "nan_check"]
