"""Bias-reduced estimation: the likelihood times Jeffreys' prior, whose maximum is finite under separation.

Paper: Firth, Biometrika 1993;80:27; Heinze, Schemper, Statistics in Medicine 2002;21:2409.
"""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.estimators.glm_problem import GlmProblem
from equipoise.estimators.identification import identify
from equipoise.estimators.maximum_likelihood import Embedded, Solution, solve
from equipoise.kernels.glm_scores import firth_adjustment
from equipoise.kernels.newton import Evaluation, Maximum, maximise, solve_information

POLISHED = 1e-20  # of the decrement: scoring steps shrink by a constant factor, so they go on to 1e-10 standard errors
POLISHING_STEPS = 60


@dataclass(frozen=True, slots=True)
class FirthProblem:
    """l + log|I| / 2 over the terms that the data determine, at positions `kept`; it never separates."""

    problem: GlmProblem
    kept: np.ndarray

    @property
    def events(self) -> int:
        return self.problem.events

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """The penalised value and score; the information is Fisher's, which the bias reduction leaves as it is."""
        plain = self.problem.evaluate(beta)
        information = plain.information[np.ix_(self.kept, self.kept)]
        part = solve_information(information, np.eye(len(self.kept)))
        if part is None:
            return Evaluation(-np.inf, plain.score, plain.information)
        inverse = np.zeros_like(plain.information)
        inverse[np.ix_(self.kept, self.kept)] = part
        penalty = 0.5 * float(np.linalg.slogdet(information)[1])
        score = plain.score + firth_adjustment(self.problem.likelihood, beta, inverse)
        return Evaluation(plain.log_likelihood + penalty, score, plain.information)

    def recession(self, scale: np.ndarray) -> None:
        """There is none: the prior falls in every direction."""

    def limit(self, direction: np.ndarray) -> "FirthProblem":
        return self


def firth_problem(problem: GlmProblem, size: np.ndarray) -> FirthProblem:
    """The penalised problem over the terms that vary and are not combinations of others."""
    return FirthProblem(problem, identify(problem.evaluate(np.zeros(len(size))).information, size).kept)


def solve_firth(problem: FirthProblem, size: np.ndarray) -> Solution:
    """The penalised maximum, with steps that continue until they are negligible."""
    found = solve(problem, size)
    if found.maximum is None or not found.maximum.converged:
        return found
    seen = Embedded(problem, found.kept, np.zeros(len(size)))
    return replace(found, maximum=_polish(seen, found.maximum))


def penalised_null(problem: FirthProblem) -> float:
    """The penalised log-likelihood with the intercept alone at its best and all effects at zero."""
    seen = Embedded(problem, np.array([0]), np.zeros(1 + problem.problem.likelihood.x.shape[1]))
    return maximise(seen.evaluate, np.zeros(1)).at.log_likelihood


def _polish(seen: Embedded, maximum: Maximum) -> Maximum:
    for _ in range(POLISHING_STEPS):
        at = seen.evaluate(maximum.beta)
        step = solve_information(at.information, at.score)
        if step is None:
            break
        decrement = float(at.score @ step)
        maximum = Maximum(maximum.beta + step, at, True, maximum.iterations + 1, decrement)
        if decrement <= POLISHED:
            break
    return maximum
