"""How far a mean over seeds may be from the true one: standard errors and intervals."""

import math

import numpy as np

CONFIDENCE = 0.95


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis, [...] of [seeds, ...]; NaN for one seed."""
    values = np.asarray(values)
    if len(values) < 2:
        return np.asarray(values[0] * np.nan)
    return np.asarray(np.std(values, axis=0, ddof=1) / math.sqrt(len(values)))


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of numbers [seeds] and its two-sided 95% t interval: no ends for one number, NaN where one is lost."""
    from scipy.special import stdtrit  # here: a third of a second of every start

    values = np.asarray(values, float)
    count = len(values)
    if not count or not np.isfinite(values).all():
        return math.nan, math.nan, math.nan
    mean = float(values.mean())
    if count == 1:
        return mean, -math.inf, math.inf
    half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / math.sqrt(count))
    return mean, mean - half, mean + half
