"""The arrays of a joint model: trajectories at measurements, at points of time, at the end and at entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.joint_design import (
    Design,
    covariate_frame,
    design,
    right_hand_side,
    variables_of,
)
from equipoise.estimators.joint_table import Columns, FollowUp, Measured, constant_within_person, read
from equipoise.estimators.table import Table
from equipoise.kernels.joint_baseline import (
    PIECEWISE,
    SPLINE,
    WEIBULL,
    piecewise_columns,
    spline_columns,
    weibull_columns,
)
from equipoise.kernels.joint_quadrature import time_points
from equipoise.kernels.joint_rows import Ends, Exposure, Measurements

BASELINES = (PIECEWISE, WEIBULL, SPLINE)
INNER_KNOTS = {PIECEWISE: 6, SPLINE: 5}  # as in R's package JM
FEATURES = {"value": ("value",), "slope": ("slope",), "both": ("value", "slope")}
NO_CUTS = np.empty(0)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A log baseline hazard: its kind, its inner knots (cuts) and, for splines, its boundary."""

    kind: str
    knots: np.ndarray
    boundary: tuple[float, float]

    def columns(self, times: np.ndarray) -> np.ndarray:
        """Its columns (n, d) at times (n,)."""
        if self.kind == PIECEWISE:
            return piecewise_columns(times, self.knots)
        if self.kind == WEIBULL:
            return weibull_columns(times)
        return spline_columns(times, self.knots, self.boundary)

    @property
    def cuts(self) -> np.ndarray:
        """Times at which the rule for the cumulative hazard is applied anew."""
        return self.knots if self.kind == PIECEWISE else NO_CUTS

    @property
    def names(self) -> tuple[str, ...]:
        """One name a reported parameter."""
        if self.kind == WEIBULL:
            return ("(Intercept)", "log shape")
        if self.kind == SPLINE:
            return tuple(f"spline {j + 1}" for j in range(len(self.knots) + 4))
        ends = [0.0, *self.knots, np.inf]
        return tuple(f"({low:.4g}, {high:.4g}]" for low, high in pairwise(ends))


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The designs of the longitudinal outcome. `kept` are the columns of `fixed` that the model uses."""

    fixed: Design
    random: Design
    time: str
    longest: float
    features: tuple[str, ...]
    kept: np.ndarray

    def at(self, persons: pd.DataFrame, row: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of the persons in the stated rows at times (M,): fixed (M, A, p) and random (M, A, q)."""
        frame = persons.iloc[row].assign(**{self.time: times}).reset_index(drop=True)
        parts = [self._feature(feature, frame) for feature in self.features]
        fixed, random = (np.ascontiguousarray(np.stack(part, axis=1)) for part in zip(*parts, strict=True))
        return np.ascontiguousarray(fixed[:, :, self.kept]), random

    def _feature(self, feature: str, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        if feature == "value":
            return self.fixed.columns(frame), self.random.columns(frame)
        return self.fixed.slopes(frame, self.time, self.longest), self.random.slopes(frame, self.time, self.longest)


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted: designs, baseline and number of points, known before any parameter is.

    `origin` (C, k) are the values at which each cause's covariates count as zero: 0, but for a separated one the value
    at which its events are. `graded`: points of time are denser towards 0.
    """

    columns: Columns
    trajectory: Trajectory
    baseline: Baseline
    hazard: Design
    hazard_terms: tuple[str, ...]
    causes: tuple[int, ...]
    origin: np.ndarray
    time_points: int
    graded: bool = False

    def log_hazard_columns(self, w: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Baseline columns at times (n,) and covariates w (n, k) from their origin, for each cause: (n, C (d + k))."""
        baseline = self.baseline.columns(times)
        return np.hstack([part for zero in self.origin for part in (baseline, w - zero)] or [np.empty((len(times), 0))])

    def exposure(
        self, persons: pd.DataFrame, w: np.ndarray, until: np.ndarray, entry: np.ndarray | None = None
    ) -> Exposure:
        """Points of time from 0 until the stated times (n,), with their features.

        With `entry` (n,) the rule is applied before and after it, so that the part before has the points, and the
        errors, that the integral until entry has, and they cancel.
        """
        zero, cuts = np.zeros(len(until)), self.baseline.cuts
        start, times, weight = time_points(zero, until, cuts, self.time_points, entry, self.graded)
        row = np.repeat(np.arange(len(until)), np.diff(start))
        return Exposure(weight, self.log_hazard_columns(w[row], times), *self.trajectory.at(persons, row, times), start)

    def ends(self, persons: pd.DataFrame, w: np.ndarray, time: np.ndarray, cause: np.ndarray) -> Ends:
        """The last times (n,) with their causes, numbered by their place in `causes`."""
        number = np.zeros(max((*self.causes, int(cause.max(initial=0)))) + 1, np.int64)
        number[list(self.causes)] = np.arange(1, len(self.causes) + 1)
        features = self.trajectory.at(persons, np.arange(len(time)), time)
        return Ends(number[cause], self.log_hazard_columns(w, time), *features)

    @property
    def cause_start(self) -> np.ndarray:
        """Where the columns of log hazard of each cause start, (C + 1,)."""
        width = len(self.baseline.names) + len(self.hazard_terms)
        return np.arange(len(self.causes) + 1, dtype=np.int64) * width


@dataclass(frozen=True, slots=True)
class Arrays:
    """The model's data as the kernels take them: everybody's, and points of time until entry of those who came late."""

    rows: Measurements
    points: Exposure
    ends: Ends
    entered_late: np.ndarray
    entry_points: Exposure | None


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments that describe the model."""

    columns: Columns
    fixed: str
    random: str
    covariates: str
    association: str
    baseline: str
    knots: int | Sequence[float] | None
    boundary: tuple[float, float] | None
    time_points: int
    may_grade: bool


@dataclass(frozen=True, slots=True)
class Given:
    """Checked tables and designs before columns without information are left out."""

    measured: Measured
    ends: FollowUp
    fixed: Design
    random: Design
    hazard: Design
    x: np.ndarray
    z: np.ndarray
    w: np.ndarray
    persons: pd.DataFrame
    baseline: Baseline
    covariates: pd.DataFrame


def given(measurements: Table, follow_up: Table, request: Request) -> Given:
    """Read and check both tables, and learn the designs from them."""
    columns = request.columns
    measured, ends = read(measurements, follow_up, columns)
    names = {*variables_of("fixed", request.fixed, measurements), *variables_of("random", request.random, measurements)}
    names = sorted(names | {columns.measured_at})
    frame = covariate_frame(measurements, names).iloc[measured.order].reset_index(drop=True)
    frame[columns.measured_at] = measured.time
    fixed, x = design("fixed", request.fixed, frame)
    random, z = design("random", request.random, frame)
    w_names = variables_of("covariates", request.covariates, follow_up)
    of_hazard = covariate_frame(follow_up, w_names)
    hazard, w = design("covariates", f"1 + {request.covariates}", of_hazard)
    persons = _persons(constant_within_person(frame, measured, columns.measured_at), measured, ends, columns)
    covariates = pd.concat([persons, of_hazard.drop(columns=persons.columns, errors="ignore")], axis=1)
    return Given(measured, ends, fixed, random, hazard, x, z, w, persons, baseline_of(request, ends), covariates)


def hazard_columns(hazard: Design, w: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Columns and names without the intercept, which the baseline holds."""
    at = [j for j, term in enumerate(hazard.terms) if term != "(Intercept)"]
    return np.ascontiguousarray(w[:, at]), tuple(hazard.terms[j] for j in at)


def _persons(first: pd.DataFrame, measured: Measured, ends: FollowUp, columns: Columns) -> pd.DataFrame:
    """Covariates of the trajectory, one row a person; of persons without measurements from the follow-up."""
    names = list(first.columns.drop(columns.measured_at))
    has = np.diff(measured.start) > 0
    if has.all():
        return first[names].reset_index(drop=True)
    absent = [name for name in names if name not in ends.table.frame.columns]
    if absent:
        raise DesignError(
            Fault(
                "longitudinal",
                f"{int(np.count_nonzero(~has)):,} persons of `survival` have no measurement",
                f"`survival` with the columns {', '.join(absent)} that the trajectory needs",
                "leave these persons out, or add the columns",
            )
        )
    others = covariate_frame(ends.table, names)[~has]
    return pd.concat([first[names].set_axis(np.flatnonzero(has)), _as_levels(others, first)]).sort_index()


def _as_levels(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    out = frame.copy()
    for name in frame.columns:
        if isinstance(like[name].dtype, pd.CategoricalDtype):
            out[name] = frame[name].astype(like[name].dtype)
            unknown = int(out[name].isna().sum())
            if unknown:
                raise DesignError(Fault(f"column {name!r}", f"{unknown:,} levels not seen in `longitudinal`"))
    return out


def baseline_of(request: Request, ends: FollowUp) -> Baseline:
    """The baseline with its knots: as given, or at quantiles of the times of follow-up, as in R's package JM."""
    if request.baseline not in BASELINES:
        raise UnsupportedError(Fault("baseline", repr(request.baseline), ", ".join(BASELINES)))
    last = float(ends.time.max())
    boundary = request.boundary or (0.0, last)
    if request.baseline == WEIBULL:
        if request.knots is not None:
            raise UnsupportedError(Fault("knots", "given for a Weibull baseline", "piecewise or spline baselines"))
        return Baseline(WEIBULL, NO_CUTS, boundary)
    knots = INNER_KNOTS[request.baseline] if request.knots is None else request.knots
    if isinstance(knots, int):
        if knots < 0:
            raise DesignError(Fault("knots", f"{knots}", "a number of inner knots, 0 or more"))
        knots = np.unique(np.quantile(ends.time, np.arange(1, knots + 1) / (knots + 1)))
        knots = knots[knots < last]
    found = np.asarray(knots, np.float64)
    if not (np.diff(found) > 0.0).all() or (len(found) and not (boundary[0] < found[0] and found[-1] < boundary[1])):
        low, high = boundary
        raise DesignError(Fault("knots", "not rising between the boundary", f"between {low:g} and {high:g}"))
    return Baseline(request.baseline, found, (float(boundary[0]), float(boundary[1])))


def model_of(found: Given, request: Request, kept: np.ndarray, causes: tuple[int, ...], origin: np.ndarray) -> Model:
    """The model with the kept columns of the trajectory."""
    longest = float(found.ends.time.max())
    features = FEATURES[request.association]
    trajectory = Trajectory(found.fixed, found.random, request.columns.measured_at, longest, features, kept)
    terms = hazard_columns(found.hazard, found.w)[1]
    return Model(request.columns, trajectory, found.baseline, found.hazard, terms, causes, origin, request.time_points)


def arrays_of(found: Given, model: Model) -> Arrays:
    """Every array the likelihood needs."""
    w = hazard_columns(found.hazard, found.w)[0]
    ends, persons = found.ends, found.persons
    x = np.ascontiguousarray(found.x[:, model.trajectory.kept])
    rows = Measurements(found.measured.y, x, found.z, found.measured.start)
    late = np.flatnonzero(ends.entry > 0.0)
    entry_points = model.exposure(persons.iloc[late], w[late], ends.entry[late]) if len(late) else None
    last = model.ends(persons, w, ends.time, ends.cause)
    entry = ends.entry if len(late) else None
    return Arrays(rows, model.exposure(persons, w, ends.time, entry), last, late, entry_points)


def request_of(
    columns: Columns, fixed: Any, random: Any, covariates: Any, association: str, baseline: str, **rest: Any
) -> Request:
    """The arguments, with names of columns written as formulas."""
    if association not in FEATURES:
        raise UnsupportedError(Fault("association", repr(association), ", ".join(FEATURES)))
    sides = [f"1 + {right_hand_side(side)}" for side in (fixed, random)]
    return Request(columns, *sides, right_hand_side(covariates), association, baseline, **rest)
