"""Published figures that belong to no estimate of the analysis they name."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path
from equipoise.spec.published import Published
from equipoise.spec.study import Analysis

OF_JOINT_MODEL = ("direct_hazard_ratio", "total_hazard_ratio")
HAZARD_RATIO = "hazard_ratio"


def of_case_control(figure: Published, where: Path) -> Iterator[Said]:
    """What a figure of a case-control analysis must and must not say, beside naming parts of it."""
    if figure.window is None:
        yield (*where, "window"), "no window for a figure of a case-control study", "a window of the analysis"
    if figure.quantity not in (None, "odds_ratio"):
        yield (*where, "quantity"), f"{figure.quantity!r} of a case-control study", "'odds_ratio'"


def of_follow_up(
    parts: Parts, figure: Published, analysis: Analysis, design: FollowUpDesign, where: Path
) -> Iterator[Said]:
    """Figures of a follow-up analysis that it does not estimate."""
    named = f"analysis {figure.analysis!r}"
    if figure.exposure in parts.exposures and figure.exposure not in design.target:
        allowed = ", ".join(map(repr, design.target))
        yield (*where, "exposure"), f"{figure.exposure!r} is not part of {named}", allowed
    if figure.window is not None and figure.window in parts.windows and figure.window != design.window:
        allowed = repr(design.window) if design.window else "no window, for the analysis has none"
        yield (*where, "window"), f"{figure.window!r} is not part of {named}", allowed
    if figure.comparison != "population":
        yield (*where, "comparison"), f"{figure.comparison!r} is not part of {named}", "a figure without comparison"
    if figure.subgroup is not None:
        yield (*where, "subgroup"), f"{figure.subgroup!r} of a follow-up study", "a figure of everybody"
    kinds = design.estimator.kinds
    joint = design.function is not None and "joint" in design.function.gives
    if figure.quantity == "odds_ratio" or (figure.quantity in (None, HAZARD_RATIO) and "cox" not in kinds):
        found = f"{figure.quantity or HAZARD_RATIO!r}, which {named} does not estimate"
        yield (*where, "quantity"), found, "a quantity that it estimates", "add it to estimator.kinds"
    if figure.quantity == "survival":
        last = design.follow_up.clock_days
        points = design.estimator.time_points_days or ((last,) if last else ())
        if "survival" not in kinds:
            found = f"'survival', which {named} does not estimate"
            yield (*where, "quantity"), found, "a quantity that it estimates", "add it to estimator.kinds"
        elif figure.time_point_days not in points:
            allowed = ", ".join(f"{point:,}" for point in points)
            yield (*where, "time_point_days"), f"day {figure.time_point_days:,} is no time point of {named}", allowed
    if figure.quantity in OF_JOINT_MODEL and not joint:
        found = f"{figure.quantity!r}, which {named} does not estimate"
        yield (*where, "quantity"), found, "a quantity that it estimates", "add 'joint' to gives of its function"
