"""Joint models of a longitudinal outcome and events: `fit_joint`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, check_conf_level
from equipoise.estimators.joint_components import components, random_covariance
from equipoise.estimators.joint_design import references
from equipoise.estimators.joint_estimation import ADAPTIVE, PSEUDO_ADAPTIVE, Determined, Solution, determined, solve
from equipoise.estimators.joint_fit import JointFit
from equipoise.estimators.joint_problem import FEATURES, Given, Request, given, request_of
from equipoise.estimators.joint_table import Columns, person_labels, table_of
from equipoise.estimators.joint_terms import ASSOCIATION, aliases_of, coefficients_of, terms_of
from equipoise.estimators.linear_mixed_components import absent
from equipoise.kernels.joint_baseline import PIECEWISE


def fit_joint(
    longitudinal: Any,
    survival: Any,
    *,
    person: str,
    outcome: str,
    measured_at: str,
    fixed: Sequence[str] | str,
    random: Sequence[str] | str,
    time: str,
    event: str,
    entry: str | None = None,
    covariates: Sequence[str] | str | None = None,
    association: str = "value",
    baseline: str = "weibull",
    knots: int | Sequence[float] | None = None,
    boundary: tuple[float, float] | None = None,
    quadrature: str = PSEUDO_ADAPTIVE,
    quadrature_points: int = 5,
    time_points: int | None = None,
    conf_level: float = 0.95,
) -> JointFit:
    """A trajectory measured with error at some times, and hazards that depend on its true course.

    longitudinal  one row a measurement, in any order: a pandas, Polars or Arrow frame, or a dict of arrays
    survival      one row a person: the same, or an AnalysisSet (columns person, start, stop, event and its own)
    person        the column of both that tells persons apart
    outcome, measured_at  columns of `longitudinal`: what was measured, and when, on the time scale of follow-up
    fixed, random  right-hand sides of the trajectory with an implied intercept, over `measured_at` and columns that do
                  not change within a person; trusted code. Splines that go on beyond the last measurement are
                  natural_spline(year, [0, 2, 5, 12]) and b_spline(year, [0, 4, 15])
    time, event   end of follow-up, after time 0; 0 censored, 1 to k for k causes, or Booleans
    entry         delayed entry: follow-up starts then, given survival until then
    covariates    of the hazards: names, or a right-hand side
    association   what of the trajectory acts on the hazards: its current "value", its "slope", or "both"
    baseline      "weibull", "piecewise" (constant) or "spline" (cubic B-splines of the log hazard)
    knots         inner knots of the latter two: their number (6 and 5 by default, at quantiles of `time` as in R's JM)
                  or their places; `boundary` are the outer knots of splines, by default 0 and the last time
    quadrature    "pseudo-adaptive": nodes around the random effects expected from the measurements alone, as in R's JM;
                  "adaptive": around those expected from all data at every step. With delayed entry, and where the
                  former prove misplaced, as with a variance near zero, nodes are adaptive and the fit says so.
                  Where more points would move estimates, the fit says so and has not converged
    quadrature_points  Gauss-Hermite points for each random effect
    time_points   points of the integral of the hazard: 15 is Gauss-Kronrod's rule, other numbers are Gauss-Legendre's;
                  15 by default, denser towards 0 for Weibull shapes below 0.9 unless their number is given; 7 in each
                  interval of a piecewise baseline
    conf_level    of intervals

    Returns a `JointFit`. Terms are "trajectory: ...", "hazard: ...", "association: ..." and "baseline: ...", for
    several causes "hazard 2: ..." and so on. Standard errors are from the observed information. A term that does not
    vary or is a combination of others, a cause or an interval of a piecewise baseline without events, has a reason.

    Raises DesignError for columns that are absent or hold missing or infinite values, measurements after the end of
    follow-up, times of 0 or less, entry at or after the end, several rows a person in `survival`, measurements of
    persons who are not there, trajectories whose covariates change within a person; UnsupportedError for options that
    do not exist.

    Source: Wulfsohn, Tsiatis, Biometrics 1997;53:330; Rizopoulos, Comput Stat Data Anal 2012;56:491.

    Example:
        >>> import numpy as np
        >>> from equipoise import fit_joint
        >>> draw, n = np.random.default_rng(1), 200
        >>> b = draw.normal(size=n)  # persons with a higher level have shorter lives
        >>> end = np.minimum(draw.exponential(np.exp(-0.5 * b)), 2.0)
        >>> lives = {"id": np.arange(n), "end": end, "died": end < 2.0}
        >>> seen = np.repeat(np.arange(n), 3)
        >>> when = end[seen] * np.tile([0.0, 0.5, 1.0], n)
        >>> level = b[seen] + 0.3 * draw.normal(size=3 * n)
        >>> fit = fit_joint({"id": seen, "when": when, "level": level}, lives, person="id", outcome="level",
        ...     measured_at="when", fixed="1", random="1", time="end", event="died")
        >>> round(fit.estimate("association: value").estimate, 1)
        0.5
    """
    check_conf_level(conf_level)
    if quadrature not in (PSEUDO_ADAPTIVE, ADAPTIVE):
        raise UnsupportedError(Fault("quadrature", repr(quadrature), f"{PSEUDO_ADAPTIVE}, {ADAPTIVE}"))
    may_grade = time_points is None
    if time_points is None:
        time_points = 7 if baseline == PIECEWISE else 15
    for name, number in (("quadrature_points", quadrature_points), ("time_points", time_points)):
        if isinstance(number, bool) or not isinstance(number, int) or not 3 <= number <= 100:
            raise DesignError(Fault(name, repr(number), "a whole number from 3 to 100"))
    columns = Columns(person, outcome, measured_at, time, event, entry)
    rest = {"knots": knots, "boundary": boundary, "time_points": time_points, "may_grade": may_grade}
    request = request_of(columns, fixed, random, covariates, association, baseline, **rest)
    measurements, follow_up = table_of(longitudinal, "longitudinal"), table_of(survival, "survival")
    found = given(measurements, follow_up, request)
    used = determined(found)
    solution = solve(found, request, used, quadrature_points, quadrature)
    used_rule = solution.quadrature if solution else quadrature
    graded = ", denser towards 0" if solution and solution.model.graded else ""
    rule = f"{quadrature_points} points a random effect; {time_points} of time{graded}"
    if solution and not solution.enough_points:
        rule += "; too few points a random effect: give more quadrature_points"
    whole = {
        "conf_level": float(conf_level),
        "frame_kind": measurements.kind,
        "quadrature": f"{used_rule} Gauss-Hermite quadrature, {rule}",
    }
    return JointFit(**whole, **_described(found, request, used, solution), **_variances(found, solution))


def _described(found: Given, request: Request, used: Determined, solution: Solution | None) -> dict[str, Any]:
    """What a fit says of its terms, its data and its maximum."""
    terms = terms_of(found, request, used, solution)
    coefficients, covariance = coefficients_of(terms, solution)
    ending = (solution.converged, solution.iterations, solution.gradient_norm) if solution else (False, 0, math.nan)
    features = " and ".join(FEATURES[request.association])
    return {
        "model": f"Joint model, {request.baseline} baseline hazard, association by {features} of the trajectory",
        "measure": "differences in mean outcome (trajectory) and log hazard ratios (hazard, association)",
        "direction": _direction(found),
        "terms": tuple(term.name for term in terms),
        "measures": tuple(term.measure for term in terms),
        "coefficients": coefficients,
        "covariance": covariance,
        "reasons": tuple(term.reason for term in terms),
        "aliases": aliases_of(terms),
        "associations": tuple(j for j, term in enumerate(terms) if term.name.startswith(ASSOCIATION)),
        "log_likelihood": solution.log_likelihood if solution else math.nan,
        "log_likelihood_null": solution.log_likelihood_null if solution else math.nan,
        "rank": sum(term.reason is None for term in terms),
        "n_parameters": len(solution.kept) if solution else 0,
        "rows": len(found.x),
        "events": int(np.count_nonzero(found.ends.cause)),
        "persons": len(found.ends.time),
        "convergence": Convergence(*ending),
        "variance": "observed-information",
        "labels": person_labels(found.ends.table, request.columns.person),
        "covariates": found.covariates,
        "solution": solution,
    }


def _variances(found: Given, solution: Solution | None) -> dict[str, Any]:
    """What a fit says of the random effects."""
    terms, q = found.random.terms, found.z.shape[1]
    if solution is None:
        unknown = Reason.NOT_IDENTIFIED
        parts = tuple(absent(f"sd {name}", math.nan, unknown) for name in (*terms, "residual"))
        return {
            "components": parts, "random_terms": terms, "random_covariance": np.full((q, q), math.nan),
            "sigma": math.nan,
        }  # fmt: skip
    layout = solution.objective.layout
    sizes = np.sqrt(np.mean(found.z**2, axis=0))
    return {
        "components": components(layout, solution.theta, solution.covariance, terms, sizes),
        "random_terms": terms,
        "random_covariance": random_covariance(layout, solution.theta),
        "sigma": float(np.exp(solution.theta[layout.at_sigma])),
    }


def _direction(found: Given) -> str:
    against = references(found.fixed) | references(found.hazard)
    if not against:
        return "for each term, one unit more (1 against 0)"
    levels = ", ".join(f"{factor}: {level}" for factor, level in against.items())
    return f"for a level, against the reference ({levels}); for a number, one unit more"
