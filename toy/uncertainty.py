"""How far a mean over seeds may be from the true one: standard errors, intervals, and what a t test can tell.

The special functions are imported where they are used: they would be a third of a second of every start.
"""

import math

import numpy as np

CONFIDENCE = 0.95
OF_DRAWS = "standard errors are over draws of the samples by the same networks, not over trainings"
MOST_NEEDED = 10_000  # repetitions that are looked for


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis, [...] of [seeds, ...]; NaN for one seed."""
    values = np.asarray(values)
    if len(values) < 2:
        return np.asarray(values[0] * np.nan)
    return np.asarray(np.std(values, axis=0, ddof=1) / math.sqrt(len(values)))


def interval(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Mean of numbers [seeds] and its two-sided t interval: no ends for one number, NaN where one is lost."""
    values = np.asarray(values, float)
    count = len(values)
    if not count or not np.isfinite(values).all():
        return math.nan, math.nan, math.nan
    mean = float(values.mean())
    if count == 1:
        return mean, -math.inf, math.inf
    half = _quantile(count, (1 + confidence) / 2) * float(standard_error(values))
    return mean, mean - half, mean + half


def doubt(values: np.ndarray, threshold: float) -> float:
    """One-sided p-value of the t test that the mean of numbers [seeds] is above a threshold.

    1 where nothing can be said: of one number, of a lost one, of numbers that are all the threshold.
    """
    from scipy.special import stdtr

    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite(values).all():
        return 1.0
    distance, error = float(values.mean()) - threshold, float(standard_error(values))
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(len(values) - 1, -distance / error))


def power(distance: float, count: int, level: float) -> float:
    """Probability that ``count`` repetitions show a mean to be on its side of a threshold.

    ``distance`` is that from the threshold, in standard deviations of one repetition; ``level`` is the one-sided one of
    the t test, whose statistic then has the noncentral t distribution.
    """
    from scipy.special import nctdtr

    if count < 2 or math.isnan(distance):
        return math.nan
    if math.isinf(distance):
        return 1.0
    found = float(nctdtr(count - 1, distance * math.sqrt(count), _quantile(count, 1 - level)))
    return 1.0 if math.isnan(found) else 1 - found  # NaN: so far above that the series gives up


def needed(distance: float, level: float, wanted: float) -> float:
    """The least number of repetitions that has a ``power`` of at least ``wanted``; infinite above 10,000."""
    if math.isnan(distance) or distance <= 0:
        return math.inf
    low, high = 1, 2  # of which the first is too few
    while power(distance, high, level) < wanted:
        low, high = high, 2 * high
        if high > MOST_NEEDED:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(distance, middle, level) >= wanted else (middle, high)
    return high


def _quantile(count: int, probability: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, probability))
