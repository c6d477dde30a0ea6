"""Settings of a follow-up design that are each allowed but contradict one another."""

from collections.abc import Iterator
from itertools import product

from equipoise.spec.canonical import canonical, canonical_json
from equipoise.spec.contradictions import Said, interactions, repeated
from equipoise.spec.follow_up import DEATH, FollowUpDesign
from equipoise.spec.function import Function
from equipoise.spec.missing_meaning import missing_contradictions, subgroup_contradictions
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path
from equipoise.spec.study import Analysis
from equipoise.spec.values import shown

NEEDS_TIMES = ("survival", "rmst", "cumulative_incidence")


def follow_up_contradictions(parts: Parts, analysis: Analysis, design: FollowUpDesign, where: Path) -> Iterator[Said]:
    """Every contradiction of one analysis; `where` is its place in the file."""
    inside = (*where, "design")
    yield from repeated((*inside, "target"), design.target)
    yield from repeated((*inside, "outcome", "any_of"), design.outcome.any_of)
    yield from repeated((*inside, "outcome", "competing"), design.outcome.competing)
    yield from repeated((*inside, "estimator", "kinds"), design.estimator.kinds)
    yield from repeated((*where, "adjust_for"), analysis.adjust_for)
    yield from interactions(analysis.adjust_for, analysis.interactions, where)
    yield from _adjustment(analysis, design, where)
    yield from _scored_once(analysis, design, where)
    yield from _arms(parts, design, inside)
    yield from _window(parts, design, inside)
    yield from subgroup_contradictions(parts, analysis, where)
    yield from missing_contradictions(parts, analysis, where)
    if design.timing == "time_varying":
        yield from _time_varying(parts, analysis, design, where)
    yield from _outcome(parts, design, inside)
    yield from _times(design, inside)
    yield from _delayed_entry(design, inside)
    if design.function is not None:
        yield from _function(parts, design, design.function, (*inside, "function"))


def _adjustment(analysis: Analysis, design: FollowUpDesign, where: Path) -> Iterator[Said]:
    kind = design.adjustment.kind
    if kind == "none" and analysis.adjust_for:
        found = f"{len(analysis.adjust_for)} covariates with adjustment of kind 'none'"
        yield (*where, "adjust_for"), found, "covariates with another kind of adjustment", "remove one of the two"
    if kind in ("match", "weigh", "stratify") and not analysis.adjust_for and not _covariate_set(design):
        found = f"no covariates with adjustment of kind {kind!r}"
        yield (*where, "adjust_for"), found, "covariates of the propensity score", "name covariates in adjust_for"
    if kind in ("weigh", "stratify") and design.outcome.competing:
        found = f"competing events with adjustment of kind {kind!r}"
        allowed = "competing events with adjustment of kind 'none', 'regression' or 'match'"
        yield (*where, "design", "adjustment"), found, allowed


def _covariate_set(design: FollowUpDesign) -> str | None:
    return getattr(design.adjustment, "covariate_set", None)


def _scored_once(analysis: Analysis, design: FollowUpDesign, where: Path) -> Iterator[Said]:
    """A score from a covariate set is estimated once; what would need it again and again is not offered."""
    if _covariate_set(design) is None:
        return
    place = (*where, "design", "adjustment", "covariate_set")
    again = {
        "a bootstrap": design.estimator.bootstrap is not None,
        "multiple imputation": analysis.missing.method == "multiple_imputation",
        "an exposure that varies in time": design.timing == "time_varying",
    }
    for what in (name for name, asked in again.items() if asked):
        yield place, f"a covariate_set with {what}", "one of them", "the score of a covariate set is estimated once"


def _arms(parts: Parts, design: FollowUpDesign, inside: Path) -> Iterator[Said]:
    other = parts.exposures.get(design.comparator or "")
    for i, name in enumerate(design.target):
        target = parts.exposures.get(name)
        common = sorted(set(target.concept_sets) & set(other.concept_sets)) if target and other else []
        if common:
            found = f"{name!r} and the comparator {design.comparator!r} both hold {common[0]!r}"
            yield (*inside, "target", i), found, "arms without a drug in common", "take it out of one of them"
        elif target and other and (alike := _same_drug(parts, target.concept_sets, other.concept_sets)):
            sets = f"in {alike[0]!r} and {alike[1]!r}"
            found = f"{name!r} and the comparator {design.comparator!r} hold the same drug, {sets}"
            yield (*inside, "target", i), found, "arms without a drug in common", "take it out of one of them"
    if design.use == "ongoing":
        for name in (*design.target, design.comparator or ""):
            least = parts.exposures[name].min_dispensings if name in parts.exposures else 1
            if least > 1:
                found = f"{least} dispensings make a user, and supply on the day of entry does"
                yield ("exposures", name, "min_dispensings"), found, 'min_dispensings = 1 with use = "ongoing"'
    if design.time_zero == "first_use":
        for name in (*design.target, design.comparator or ""):
            exposure = parts.exposures.get(name)
            if exposure is not None and exposure.min_dispensings > 1:
                yield (
                    ("exposures", name, "min_dispensings"),
                    f"{exposure.min_dispensings} dispensings make a user, whom the first one puts into an arm",
                    'min_dispensings = 1 with time_zero = "first_use"',
                    "a later dispensing is not known at time zero; who lives to have it would be immortal until then",
                )


def _same_drug(parts: Parts, target: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, str] | None:
    """Two concept sets, one of each arm, with an item in common."""
    for one, two in product(target, other):
        if _items(parts, one) & _items(parts, two):
            return one, two
    return None


def _items(parts: Parts, name: str) -> set[str]:
    given = parts.concept_sets.get(name)
    return set() if given is None else {canonical_json(canonical(item)) for item in given.include or ()}


def _window(parts: Parts, design: FollowUpDesign, inside: Path) -> Iterator[Said]:
    window = parts.windows.get(design.window or "")
    if window is None:
        return
    if design.new_users is not None and window.first_day is None:
        yield (
            (*inside, "window"),
            f"{design.window!r} has no beginning, and new users have none of the drugs before it begins",
            "a window with a beginning, or prevalent users",
            'end the window in the past, or write new_users = "none"',
        )
    if window.first_day is not None and design.lag_days >= -window.first_day:
        found = f"a lag of {design.lag_days} days leaves nothing of window {design.window!r}"
        yield (*inside, "lag_days"), found, f"less than {-window.first_day} days"


def _time_varying(parts: Parts, analysis: Analysis, design: FollowUpDesign, where: Path) -> Iterator[Said]:
    window = parts.windows.get(design.window or "")
    if window is not None and window.last_day != -1:
        found = f"{design.window!r} ends on day {window.last_day} and use counts up to every day of follow-up"
        yield (*where, "design", "window"), found, "a window up to day -1, such as [0, 5] years", "lag_days delays use"
    if analysis.missing.method == "multiple_imputation":
        found = "multiple imputation with an exposure that varies in time"
        yield (*where, "missing"), found, 'method = "complete_case"', "a person has several rows there"


def _outcome(parts: Parts, design: FollowUpDesign, inside: Path) -> Iterator[Said]:
    named = parts.concept_sets.get(DEATH)
    if named is not None and named.domain != "death" and DEATH in (*design.outcome.any_of, *design.outcome.competing):
        yield (
            ("concept_sets", DEATH),
            f"a set of the domain {shown(named.domain)} is called {DEATH!r}, the name of death itself in outcomes",
            "another name for the set",
        )


def _times(design: FollowUpDesign, inside: Path) -> Iterator[Said]:
    points, days = design.estimator.time_points_days, design.follow_up.clock_days
    asked = [kind for kind in design.estimator.kinds if kind in NEEDS_TIMES]
    if asked and not points and days is None:
        yield (
            (*inside, "estimator", "time_points_days"),
            f"no time points for {asked[0]}, and follow-up without an end",
            "time points, or days of follow-up",
            "write time_points_days = [365], say",
        )
    yield from repeated((*inside, "estimator", "time_points_days"), [str(point) for point in points])
    for i, point in enumerate(points):
        beyond = days is not None and point > days
        if beyond or point <= design.follow_up.starts_day:
            limits = f"after day {design.follow_up.starts_day}" + (f", up to day {days}" if days is not None else "")
            yield (*inside, "estimator", "time_points_days", i), f"day {point}, outside follow-up", limits


def _delayed_entry(design: FollowUpDesign, inside: Path) -> Iterator[Said]:
    """What has no meaning where persons are seen only if they live to a later day."""
    name = design.follow_up.delayed_entry
    if name is None:
        return
    place = (*inside, "follow_up", "delayed_entry")
    if name in (*design.outcome.any_of, *design.outcome.competing):
        yield place, f"{name!r} is an event that ends follow-up too", "another concept set", "nobody would be at risk"
    if design.adjustment.kind not in ("none", "regression"):
        found = f"delayed entry with adjustment of kind {design.adjustment.kind!r}"
        allowed = "delayed entry with adjustment of kind 'none' or 'regression'"
        yield place, found, allowed, "a score among those who lived to enter does not balance arms at time zero"
    if "logistic" in design.estimator.kinds:
        remedy = "an odds needs everybody from time zero on"
        yield place, "delayed entry with logistic", "estimator.kinds without logistic", remedy
    other = sorted(set(design.function.gives) - {"joint"}) if design.function is not None else []
    if other:
        remedy = "scores of those who did not live to enter are not seen; the joint model takes account of that"
        yield place, f"delayed entry with function that gives {shown(other[0])}", 'gives = ["joint"]', remedy


def _function(parts: Parts, design: FollowUpDesign, function: Function, where: Path) -> Iterator[Said]:
    yield from repeated((*where, "gives"), function.gives)
    for key, name in (("total", function.total), *(("items", name) for name in function.items)):
        named = parts.concept_sets.get(name or "")
        if named is not None and named.domain != "measurement":
            yield (*where, key), f"{name!r} is a set of the domain {shown(named.domain)}", 'the domain "measurement"'
    kind = design.adjustment.kind
    if kind not in ("none", "regression"):
        found = f"function with adjustment of kind {kind!r}"
        yield where, found, "function with adjustment of kind 'none' or 'regression'", "give it an analysis of its own"
    if design.timing == "time_varying":
        remedy = "name an analysis with arms at time zero"
        yield where, 'function with timing = "time_varying"', 'timing = "fixed"', remedy
    if design.follow_up.starts_day:
        found = f"function with follow-up from day {design.follow_up.starts_day}"
        yield where, found, "starts_day = 0", "scores are read from time zero on"
    if "ranks" in function.gives and design.outcome.competing:
        yield (
            (*where, "gives"),
            "ranks with competing events",
            "ranks of function and one outcome",
            "who had a competing event can be ranked neither as with the event nor as without",
        )
    days = design.follow_up.days
    if days is not None and function.day > days:
        yield (*where, "day"), f"day {function.day}, outside follow-up", f"up to day {days}"
