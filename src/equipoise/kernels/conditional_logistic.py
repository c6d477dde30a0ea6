"""The conditional likelihood of matched sets, its score and its information.

Purpose    log-likelihood l, score U and information I of conditional logistic regression at one beta.
Model      in a set with n rows of which d are cases, l = sum of eta over the cases - log of the sum, over all subsets
           of d rows, of exp(sum of eta over the subset), with eta = x beta + offset. The approximations of Breslow and
           Efron replace that sum by one over rows; with one case a set all three are the same.
Order      rows of a set side by side; set s is rows first[s]:first[s + 1]. x float64, C-contiguous and finite.
Method     1. one case, or one control, in a set: closed form in differences from the single row
              (`conditional_closed_form`);
           2. several of both, exact: the law of the chosen subset's sum of x is built row by row. With j rows seen, a
              subset of size k holds row j with probability r = e_j B(k-1, j-1) / B(k, j), so mean and covariance of
              its sum are those of a mixture of two cases. Only log B is carried: nothing overflows, nothing is
              subtracted, and a set costs d (n - d) p^2 / 2, counting controls as the chosen ones where they are fewer;
           3. several of both, Breslow or Efron: weighted means and covariances of the rows.
Shift      x enters as a difference within its set, so a constant added to a column changes nothing but rounding.
Singular   a column constant within every set gives a zero row in I. Nothing is raised.
Paper      Gail, Lubin, Rubinstein, Biometrika 1981;68:703; Howard, discussion of Cox, JRSS B 1972;34:210;
           Efron, JASA 1977;72:557; Breslow, Biometrics 1974;30:89.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.conditional_closed_form import closed_form
from equipoise.kernels.gram import symmetric
from equipoise.kernels.jit import compiled
from equipoise.kernels.matched_sets import SetCounts
from equipoise.kernels.newton import Evaluation

EXACT, EFRON, BRESLOW = "exact", "efron", "breslow"


@dataclass(frozen=True, slots=True)
class ClosedSets:
    """Sets with one row against the others: its place, and 1.0 where it is the case, -1.0 where it is the control."""

    start: np.ndarray
    stop: np.ndarray
    single: np.ndarray
    sign: np.ndarray


@dataclass(frozen=True, slots=True)
class TiedSets:
    """Sets with several cases: their rows and number of cases."""

    start: np.ndarray
    stop: np.ndarray
    n_cases: np.ndarray


@dataclass(frozen=True, slots=True)
class ConditionalLikelihood:
    """The problem, immutable: rows, offsets (of shape (0,) where there are none), cases, and sets by their method."""

    x: np.ndarray
    offset: np.ndarray
    case: np.ndarray
    ties: str
    closed: ClosedSets
    tied: TiedSets

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U of shape (p,) and I of shape (p, p) at beta of shape (p,)."""
        p = self.x.shape[1]
        score, lower = np.zeros(p), np.zeros((p, p))
        total = 0.0
        if len(self.closed.start):
            sets = self.closed
            rows = (self.x, self.offset, sets.start, sets.stop, sets.single, sets.sign)
            total += closed_form(*rows, beta, score, lower)
        if len(self.tied.start):
            tied = (self.x, self.offset, self.case, self.tied.start, self.tied.stop, self.tied.n_cases, beta)
            if self.ties == EXACT:
                total += _recursion(*tied, score, lower)
            else:
                total += _approximation(*tied, self.ties == EFRON, score, lower)
        return Evaluation(total, score, symmetric(lower, p))


def conditional_likelihood(
    x: np.ndarray, offset: np.ndarray, case: np.ndarray, first: np.ndarray, counts: SetCounts, ties: str
) -> ConditionalLikelihood:
    """Sort sets by the method that serves them. `case` is uint8 (n,), `offset` float64 (n,) or (0,).

    Exact: sets without a case or without a control drop out. Breslow and Efron: sets of several cases and no control
    stay, because these approximations are not constant there (nor are they in R's coxph).
    """
    d, m = counts.n_cases, counts.n_rows - counts.n_cases
    lone_case = (d == 1) & (m >= 1)
    lone_control = (m == 1) & (d >= 2) if ties == EXACT else np.zeros(len(d), np.bool_)
    tied = (d >= 2) & (m >= 2) if ties == EXACT else d >= 2
    closed = lone_case | lone_control
    start, stop = first[:-1], first[1:]
    single = np.zeros(len(d), np.int64)
    for lone, kind in ((lone_case, case != 0), (lone_control, case == 0)):
        if lone.any():
            rows = np.flatnonzero(kind)
            single[lone] = rows[np.searchsorted(rows, start[lone])]
    return ConditionalLikelihood(
        x,
        offset,
        case,
        ties,
        ClosedSets(
            start[closed],
            stop[closed],
            single[closed],
            np.where(lone_case, 1.0, -1.0)[closed],
        ),
        TiedSets(start[tied], stop[tied], d[tied]),
    )


@compiled
def _linear_predictor(x, offset, reference, i, beta, sign, row):
    """Difference of row i from the reference row, written to `row`, and its eta."""
    eta = sign * (offset[i] - offset[reference]) if offset.shape[0] else 0.0
    for k in range(x.shape[1]):
        row[k] = sign * (x[i, k] - x[reference, k])
        eta += beta[k] * row[k]
    return eta


@compiled
def _mix(k, eta, row, log_b, mean, covariance):
    """Subsets of size k after one more row: mixture of those without it (k) and those with it (k - 1 of before)."""
    p = row.shape[0]
    with_row = eta + log_b[k - 1]
    if log_b[k] == -np.inf:
        r = 1.0
        log_b[k] = with_row
    else:
        gap = log_b[k] - with_row
        r = 1.0 / (1.0 + math.exp(gap))
        log_b[k] = max(log_b[k], with_row) + math.log1p(math.exp(-abs(gap)))
    both = r * (1.0 - r)
    for a in range(p):
        gap_a = mean[k - 1, a] + row[a] - mean[k, a]
        for b in range(a + 1):
            gap_b = mean[k - 1, b] + row[b] - mean[k, b]
            kept = covariance[k, a, b] + r * (covariance[k - 1, a, b] - covariance[k, a, b])
            covariance[k, a, b] = kept + both * gap_a * gap_b
    for a in range(p):
        mean[k, a] += r * (mean[k - 1, a] + row[a] - mean[k, a])


@compiled
def _recursion(x, offset, case, start, stop, n_cases, beta, score, lower):
    p, total = x.shape[1], 0.0
    most = 0
    for s in range(start.shape[0]):
        most = max(most, min(n_cases[s], stop[s] - start[s] - n_cases[s]))
    log_b, mean, covariance = np.empty(most + 1), np.empty((most + 1, p)), np.empty((most + 1, p, p))
    row = np.empty(p)
    for s in range(start.shape[0]):
        n = stop[s] - start[s]
        fewer_cases = 2 * n_cases[s] <= n
        d = n_cases[s] if fewer_cases else n - n_cases[s]
        sign = 1.0 if fewer_cases else -1.0
        log_b[: d + 1] = -np.inf
        log_b[0] = 0.0
        mean[: d + 1] = 0.0
        covariance[: d + 1] = 0.0
        for j in range(n):
            i = start[s] + j
            eta = _linear_predictor(x, offset, start[s], i, beta, sign, row)
            if (case[i] != 0) == fewer_cases:
                total += eta
                for k in range(p):
                    score[k] += row[k]
            least = max(1, d - (n - 1 - j))  # smaller subsets can no longer grow to size d
            for k in range(min(j + 1, d), least - 1, -1):
                _mix(k, eta, row, log_b, mean, covariance)
        total -= log_b[d]
        for a in range(p):
            score[a] -= mean[d, a]
            for b in range(a + 1):
                lower[a, b] += covariance[d, a, b]
    return total


@compiled
def _add_row(weight, row, first_moment, second_moment):
    for a in range(row.shape[0]):
        first_moment[a] += weight * row[a]
        for b in range(a + 1):
            second_moment[a, b] += weight * row[a] * row[b]


@compiled
def _approximation(x, offset, case, start, stop, n_cases, beta, efron, score, lower):
    p, total = x.shape[1], 0.0
    row, all_1, case_1 = np.empty(p), np.empty(p), np.empty(p)
    all_2, case_2 = np.empty((p, p)), np.empty((p, p))
    for s in range(start.shape[0]):
        top = -np.inf
        for i in range(start[s], stop[s]):
            top = max(top, _linear_predictor(x, offset, start[s], i, beta, 1.0, row))
        all_0, case_0 = 0.0, 0.0
        all_1[:], case_1[:], all_2[:], case_2[:] = 0.0, 0.0, 0.0, 0.0
        for i in range(start[s], stop[s]):
            eta = _linear_predictor(x, offset, start[s], i, beta, 1.0, row)
            weight = math.exp(eta - top)
            all_0 += weight
            _add_row(weight, row, all_1, all_2)
            if case[i]:
                total += eta - top
                for a in range(p):
                    score[a] += row[a]
                case_0 += weight
                _add_row(weight, row, case_1, case_2)
        for k in range(n_cases[s]):
            part = k / n_cases[s] if efron else 0.0
            denominator = all_0 - part * case_0
            total -= math.log(denominator)
            for a in range(p):
                mean_a = (all_1[a] - part * case_1[a]) / denominator
                score[a] -= mean_a
                for b in range(a + 1):
                    mean_b = (all_1[b] - part * case_1[b]) / denominator
                    lower[a, b] += (all_2[a, b] - part * case_2[a, b]) / denominator - mean_a * mean_b
    return total
