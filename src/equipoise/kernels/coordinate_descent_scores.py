"""Sums over columns and rows that penalised logistic regression needs around its solutions.

Purpose    moments of columns, for standardisation; the log-likelihood of rows that a lane left out, for
           cross-validation; sums of products of columns, for correlations; the area under the ROC curve.
Order      columns: CSC, rows ascending. Held-out rows: eta [n * lanes], each row belongs to one lane or none.
Ties       equal scores count one half in the area under the curve.
Cost       one pass over the nonzeros; correlations between columns take sum of (nonzeros of a row)^2 / 2, plus p^2 / 2.
"""

import math

import numpy as np

from equipoise.kernels.jit import compiled


@compiled
def column_moments(n, start, rows, values, weight, mean, variance):
    """Weighted mean and variance (divided by the sum of weights) of each column: weight (n,), or (0,) for ones."""
    total = weight.sum() if weight.shape[0] else float(n)
    for j in range(mean.shape[0]):
        kept, sum_x, sum_squares = 0.0, 0.0, 0.0
        for q in range(start[j], start[j + 1]):
            c = weight[rows[q]] if weight.shape[0] else 1.0
            kept += c
            sum_x += c * values[q]
        m = sum_x / total
        for q in range(start[j], start[j + 1]):
            c = weight[rows[q]] if weight.shape[0] else 1.0
            sum_squares += c * (values[q] - m) ** 2
        mean[j], variance[j] = m, (sum_squares + (total - kept) * m * m) / total


@compiled
def covariances_with(n, start, rows, values, y, mean, covariance):
    """covariance[j] = mean of x_j y, less the product of their means; y float64 (n,)."""
    middle = y.mean()
    for j in range(mean.shape[0]):
        total = 0.0
        for q in range(start[j], start[j + 1]):
            total += values[q] * (y[rows[q]] - middle)
        covariance[j] = total / n


@compiled
def correlated_pairs(n, by_row, columns, by_row_values, start, rows, values, mean, deviation, bound, limit):
    """Pairs j < k with |correlation| above `bound`: first, second, correlation; at most `limit` of them are kept.

    The matrix comes by rows (by_row, columns, by_row_values) and by columns. Returns the number of pairs found, too.
    """
    p = mean.shape[0]
    first, second = np.empty(limit, np.int64), np.empty(limit, np.int64)
    found, count = np.empty(limit), 0
    total = np.zeros(p)
    for j in range(p):
        total[:] = 0.0
        for q in range(start[j], start[j + 1]):
            i, v = rows[q], values[q]
            for t in range(by_row[i + 1] - 1, by_row[i] - 1, -1):
                if columns[t] <= j:
                    break
                total[columns[t]] += v * by_row_values[t]
        for k in range(j + 1, p):
            spread = deviation[j] * deviation[k]
            if spread > 0.0:
                correlation = (total[k] / n - mean[j] * mean[k]) / spread
                if abs(correlation) > bound:
                    if count < limit:
                        first[count], second[count], found[count] = j, k, correlation
                    count += 1
    kept = min(count, limit)
    return first[:kept], second[:kept], found[:kept], count


@compiled
def held_out_log_likelihood(eta, y, weight, lane, lanes, out):
    """out[l] += sum of c_i (y_i eta_il - log(1 + exp(eta_il))) over rows i with lane[i] = l; -1 is no lane."""
    for i in range(y.shape[0]):
        k = lane[i]
        if k >= 0:
            v = eta[i * lanes + k]
            c = weight[i] if weight.shape[0] else 1.0
            out[k] += c * ((v if y[i] > 0.5 else 0.0) - max(v, 0.0) - math.log1p(math.exp(-abs(v))))


def area_under_curve(score: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """The probability that a row with y = 1 scores above one with y = 0; nan where one of them has no weight.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.coordinate_descent_scores import area_under_curve
        >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))
        0.875
    """
    order = np.argsort(score, kind="stable")
    ranked, c = score[order], weight[order]
    case, control = c * (y[order] > 0.5), c * (y[order] < 0.5)
    if not case.any() or not control.any():
        return math.nan
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    cases, controls = (np.diff(np.concatenate(([0.0], np.cumsum(part)[last]))) for part in (case, control))
    below = np.cumsum(controls) - controls
    return float((cases * (below + controls / 2.0)).sum() / (case.sum() * control.sum()))
