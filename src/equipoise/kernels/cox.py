"""The partial likelihood of the Cox model, its score and its information, with Breslow's or Efron's ties.

Purpose    log-likelihood l, score U and information I at one beta, with entry times, strata, weights and offsets; and
           the hazard that goes with them.
Model      group g has d events of weights w (mean w'), a risk set with sums S0 of w e^eta and S1 of w e^eta x, and the
           same sums E0, E1 over its events. With f = k/d for Efron and f = 0 for Breslow, for k = 0..d - 1:
           l = sum of w eta over events - sum of w' log(S0 - f E0),
           U = sum of w x over events - sum of w' (S1 - f E1) / (S0 - f E0), and I accordingly.
Method     1. every row adds w e^eta (x, 1) to its place in the table of groups, and running sums make S1 and S0;
           2. one pass over the groups gives l, U and the hazard of every group;
           3. running sums of the hazard give every row its v = w e^eta x (cumulative hazard while at risk), and
              I = sum of v x x' over rows - sum of the groups' means x x', two Gram matrices.
           No row is sorted where times are whole days; see `cox_risk_sets` for entry times.
Shift      x enters as a difference from the mean of its stratum, so a constant added to a column changes only rounding.
Ties       Efron's weights of the events of a group enter by their mean, as in R.
Singular   a column that does not vary within risk sets gives a zero row in I up to rounding. Nothing is raised.
Cost       four passes over the rows and p^2/2 products a row.
Paper      Breslow, Biometrics 1974;30:89; Efron, JASA 1977;72:557; Therneau, Grambsch: Modeling Survival Data (2000).
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.cox_risk_sets import RiskSets
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.weighted_gram import weighted_gram

EFRON, BRESLOW = "efron", "breslow"
ONE_STRATUM = np.empty(0, np.int32)
EMPTY = np.empty(0, np.int64)
SMALL, LARGE = 1e-100, 1e100  # two such numbers can be multiplied without leaving the range of a double


@dataclass(frozen=True, slots=True)
class Hazard:
    """What one beta says of every group: float64 (T,) or (T, p); x is measured from its stratum's centre.

    hazard          increment of the cumulative hazard at x = centre
    variance        its variance for known beta
    mean            mean of x over the risk set, averaged over the tied events
    moment          increment of the hazard times the mean of x, with each event's own mean under Efron
    own, own_moment what an event of the group itself has less of both: zero for Breslow
    risk            float64 (n,), w e^eta of the sorted rows
    """

    hazard: np.ndarray
    variance: np.ndarray
    mean: np.ndarray
    moment: np.ndarray
    own: np.ndarray
    own_moment: np.ndarray
    risk: np.ndarray


@dataclass(frozen=True, slots=True)
class CoxLikelihood:
    """The problem, immutable, with rows in the order of `sets`.

    x          float64 (n, p), C-contiguous
    centre     float64 (S, p), subtracted from the rows of each stratum
    stratum    int32 (n,), of shape (0,) with one stratum
    offset     float64 (n,), of shape (0,) where there is none
    weight     float64 (n,), zero for rows that are never at risk
    event      uint8 (n,)
    deaths     int64 (T,), events of each group
    death_weight float64 (T,), their mean weight
    event_sum  float64 (p + 1,), sum of w (x - centre) over events, and of w offset
    row        int64 (n,), where each row stood as it came in; of shape (0,) where none was moved
    offset_centre float64 (S,), subtracted from the offsets of each stratum
    """

    x: np.ndarray
    centre: np.ndarray
    stratum: np.ndarray
    offset: np.ndarray
    weight: np.ndarray
    event: np.ndarray
    sets: RiskSets
    deaths: np.ndarray
    death_weight: np.ndarray
    event_sum: np.ndarray
    ties: str
    row: np.ndarray
    offset_centre: np.ndarray

    @property
    def efron(self) -> bool:
        """Whether tied events need Efron's terms: without ties both approximations are the same."""
        return self.ties == EFRON and bool((self.deaths > 1).any())

    def rows_at(self, at: np.ndarray) -> np.ndarray:
        """Where the sorted rows `at` stood as they came in."""
        return self.row[at] if len(self.row) else at

    def linear_predictor(self, beta: np.ndarray) -> np.ndarray:
        """(x - centre) beta of the sorted rows, without offset: float64 (n,)."""
        shift = self.centre @ beta
        return self.x @ beta - (shift[self.stratum] if len(self.stratum) else shift[0])

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U of shape (p,) and I of shape (p, p) at beta of shape (p,)."""
        p = self.x.shape[1]
        log_denominators, expected, information, _ = self._terms(beta, np.ones(self.sets.n_groups))
        linear = float(self.event_sum[:p] @ beta + self.event_sum[p])
        return Evaluation(linear - log_denominators, self.event_sum[:p] - expected, information)

    def information(self, beta: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        """Sum over groups of `multiplier` (T,) times the group's part of the information: (p, p)."""
        return self._terms(beta, multiplier)[2]

    def null(self) -> tuple[Evaluation, np.ndarray]:
        """The evaluation without effects, and what the diagonal of its I is the rest of: sums of squares, (p,)."""
        p = self.x.shape[1]
        log_denominators, expected, information, squares = self._terms(np.zeros(p), np.ones(self.sets.n_groups))
        at = Evaluation(float(self.event_sum[p]) - log_denominators, self.event_sum[:p] - expected, information)
        return at, squares

    def hazard(self, beta: np.ndarray) -> Hazard:
        """Hazard and means of every group at beta (p,)."""
        risk, at_risk, events = self._sums(beta)
        return self._hazard(at_risk, events, risk)

    def exposure(self, hazard: Hazard) -> np.ndarray:
        """The cumulative hazard, at e^eta = 1, over which each sorted row was at risk: float64 (n,)."""
        total = self.sets.over_groups(hazard.hazard[:, None])[:, 0]
        return total + np.where(self.event > 0, hazard.own[self.sets.last], 0.0)

    def _hazard(self, at_risk: np.ndarray, events: np.ndarray, risk: np.ndarray) -> Hazard:
        n_groups, p = len(at_risk), self.x.shape[1]
        columns = [np.empty(n_groups), np.empty(n_groups), np.empty((n_groups, p)), np.empty((n_groups, p))]
        own, own_moment = np.zeros(n_groups), np.zeros((n_groups, p))
        _group_hazard(at_risk, events, self.deaths, self.death_weight, *columns, own, own_moment)
        return Hazard(*columns, own, own_moment, risk)

    def _sums(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """w e^eta of every row, and the sums (T, p + 1) over risk sets and, for Efron, over events."""
        n_groups, q = self.sets.n_groups, len(beta) + 1
        risk = self._relative_risks(beta)
        events, total = np.zeros((n_groups if self.efron else 0, q)), np.zeros((n_groups, q))
        table, own = np.zeros((n_groups + len(events), q)), len(events)  # events have places of their own behind
        rows = (self.x, self.centre, self.stratum, self.weight, self.event)
        for bit, a, b in self.sets.levels():
            _spread(*rows, self.sets.first, self.sets.last, a, b, bit >= 0, own, risk, table)
            if own:
                events += table[n_groups:]
                table[:n_groups] += table[n_groups:]
                table[n_groups:] = 0.0
            self.sets.add_up(table[:n_groups], bit, total)
        return risk, total, events

    def _relative_risks(self, beta: np.ndarray) -> np.ndarray:
        """e^eta of the sorted rows, float64 (n,)."""
        if not self.sets.n_groups:
            return np.zeros(len(self.x))
        risk = np.ones(len(self.x))
        if beta.any() or len(self.offset):
            _linear_predictors(self.x, self.centre, self.stratum, self.offset, beta, risk)
            with np.errstate(over="ignore", under="ignore"):
                np.exp(risk, out=risk)
        return risk

    def _terms(self, beta: np.ndarray, multiplier: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        p = len(beta)
        risk, at_risk, events = self._sums(beta)
        n_groups = len(at_risk)
        hazard, own, alpha, gamma = (np.zeros(n_groups) for _ in range(4))
        expected = np.zeros(p)
        log_denominators = _group_terms(
            at_risk, events, self.deaths, self.death_weight, multiplier, hazard, own, alpha, gamma, expected
        )
        for bit, a, b in self.sets.levels():
            table = hazard[:, None].copy()
            self.sets.run_out(table, bit)
            _expose(self.sets.first, self.sets.last, self.event, table, own, a, b, bit >= 0, risk)
        nowhere = np.zeros((1, p + 1))
        information = weighted_gram(self.x, self.centre, self.stratum, risk)
        squares = information.diagonal().copy()
        information -= weighted_gram(at_risk, nowhere, ONE_STRATUM, alpha)[:p, :p]
        if len(events):
            information -= weighted_gram(events, nowhere, ONE_STRATUM, gamma)[:p, :p]
        return log_denominators, expected, information, squares


def cox_likelihood(
    x: np.ndarray,
    stratum: np.ndarray,
    offset: np.ndarray,
    weight: np.ndarray,
    event: np.ndarray,
    sets: RiskSets,
    ties: str,
    row: np.ndarray = EMPTY,
) -> CoxLikelihood:
    """Bring rows into the order of `sets` and centre them.

    `x` (n, p), `stratum` int32 (n,) or of shape (0,), `offset` (n,) or (0,), `weight` (n,) and `event` uint8 (n,) are
    in the order in which the rows came in, and so is `row` if they are part of others. `sets` says who is at risk.
    """
    if sets.order is not None:
        x, weight, event = x[sets.order], weight[sets.order], event[sets.order]
        offset = offset[sets.order] if len(offset) else offset
        stratum = stratum[sets.order] if len(stratum) else stratum
        row = row[sets.order] if len(row) else sets.order
    weight = np.where(sets.at_risk, weight, 0.0)
    event = np.where(weight > 0.0, event, 0).astype(np.uint8)
    n_strata = len(sets.bounds) - 1
    centre, offset_centre = np.zeros((n_strata, x.shape[1])), np.zeros(n_strata)
    _centres(x, stratum, offset, np.full(n_strata, -1), np.zeros(n_strata), centre, offset_centre)
    if len(offset):
        offset = offset - (offset_centre[stratum] if len(stratum) else offset_centre[0])
    deaths, death_weight = np.zeros(sets.n_groups, np.int64), np.zeros(sets.n_groups)
    event_sum = np.zeros(x.shape[1] + 1)
    _events(x, centre, stratum, offset, weight, event, sets.last, deaths, death_weight, event_sum)
    death_weight /= np.maximum(deaths, 1)
    groups = (sets, deaths, death_weight, event_sum)
    return CoxLikelihood(x, centre, stratum, offset, weight, event, *groups, ties, row, offset_centre)


@compiled
def _centres(x, stratum, offset, first, count, centre, offset_centre):
    """Means by stratum, as the first row plus the mean difference from it: exact for a constant."""
    n, p = x.shape
    for i in range(n):
        s = stratum[i] if stratum.shape[0] else 0
        if first[s] < 0:
            first[s] = i
        a = first[s]
        count[s] += 1.0
        for k in range(p):
            centre[s, k] += x[i, k] - x[a, k]
        if offset.shape[0]:
            offset_centre[s] += offset[i] - offset[a]
    for s in range(centre.shape[0]):
        if first[s] >= 0:
            for k in range(p):
                centre[s, k] = x[first[s], k] + centre[s, k] / count[s]
            if offset.shape[0]:
                offset_centre[s] = offset[first[s]] + offset_centre[s] / count[s]


@compiled
def _events(x, centre, stratum, offset, weight, event, last, deaths, death_weight, event_sum):
    p = x.shape[1]
    for i in range(x.shape[0]):
        s = stratum[i] if stratum.shape[0] else 0
        w = weight[i] * event[i]
        deaths[last[i]] += event[i]
        death_weight[last[i]] += w
        for k in range(p):
            event_sum[k] += w * (x[i, k] - centre[s, k])
        if offset.shape[0]:
            event_sum[p] += w * offset[i]


@compiled_sums
def _linear_predictors(x, centre, stratum, offset, beta, eta):
    several, shifted = stratum.shape[0] > 0, offset.shape[0] > 0
    for i in range(x.shape[0]):
        s = stratum[i] if several else 0
        total = offset[i] if shifted else 0.0
        for k in range(x.shape[1]):
            total += (x[i, k] - centre[s, k]) * beta[k]
        eta[i] = total


@compiled_sums
def _spread(x, centre, stratum, weight, event, first, last, a, b, both, own, risk, table):
    """1. rows into the table, an event `own` places behind its group; turns e^eta of rows a..b - 1 into w e^eta."""
    p, several = x.shape[1], stratum.shape[0] > 0
    for i in range(a, b):
        s = stratum[i] if several else 0
        w = weight[i]
        r = w * risk[i] if w > 0.0 else 0.0
        risk[i] = r
        g = last[i] + own * event[i]
        for k in range(p):
            table[g, k] += r * (x[i, k] - centre[s, k])
        table[g, p] += r
        if both:
            h = first[i]
            for k in range(p):
                table[h, k] += r * (x[i, k] - centre[s, k])
            table[h, p] += r


@compiled
def _group_terms(at_risk, events, deaths, death_weight, multiplier, hazard, own, alpha, gamma, expected):
    """2. one pass over the groups. Leaves in `at_risk` the vector whose outer product `alpha` multiplies."""
    p, total = expected.shape[0], 0.0
    efron = events.shape[0] > 0
    for g in range(at_risk.shape[0]):
        d, w, m = deaths[g], death_weight[g], multiplier[g]
        s0 = at_risk[g, p]
        if not efron or d == 1:
            part = d * w / s0
            total += d * w * math.log(s0)
            hazard[g], alpha[g] = m * part, m * part / s0
            for k in range(p):
                expected[k] += part * at_risk[g, k]
            continue
        e0 = events[g, p]
        first, second, third, sum_0, sum_1, product = 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
        for j in range(d):
            f = j / d
            denominator = s0 - f * e0
            if SMALL < denominator < LARGE:  # one logarithm for many denominators
                product *= denominator
                if not SMALL < product < LARGE:
                    total += w * math.log(product)
                    product = 1.0
            else:
                total += w * math.log(denominator)
            inverse = 1.0 / denominator
            part = w * inverse
            sum_0 += part
            sum_1 += f * part
            part *= inverse
            first += part
            second += f * part
            third += f * f * part
        total += w * math.log(product)
        hazard[g], own[g] = m * sum_0, -m * sum_1
        alpha[g], gamma[g] = m * first, m * (third - second * second / first)
        for k in range(p):
            expected[k] += sum_0 * at_risk[g, k] - sum_1 * events[g, k]
            at_risk[g, k] -= second / first * events[g, k]
    return total


@compiled
def _expose(first, last, event, table, own, a, b, both, risk):
    """3. turn w e^eta of the rows a..b - 1 into v."""
    for i in range(a, b):
        g = last[i]
        total = table[g, 0] + event[i] * own[g]  # a branch here would be guessed wrong every other time
        if both:
            total += table[first[i], 0]
        risk[i] *= total


@compiled
def _group_hazard(at_risk, events, deaths, death_weight, hazard, variance, mean, moment, own, own_moment):
    """As `_group_terms`, keeping what residuals and predictions need."""
    p = mean.shape[1]
    efron = events.shape[0] > 0
    for g in range(at_risk.shape[0]):
        d, w = deaths[g], death_weight[g]
        hazard[g], variance[g] = 0.0, 0.0
        mean[g], moment[g] = 0.0, 0.0
        for j in range(d):
            f = j / d if efron and d > 1 else 0.0
            e0 = events[g, p] if f > 0.0 else 0.0
            denominator = at_risk[g, p] - f * e0
            part = w / denominator
            hazard[g] += part
            variance[g] += part / denominator
            own[g] -= f * part
            for k in range(p):
                e1 = events[g, k] if f > 0.0 else 0.0
                m = (at_risk[g, k] - f * e1) / denominator
                mean[g, k] += m / d
                moment[g, k] += part * m
                own_moment[g, k] -= f * part * m
