"""How function after time zero was read and modelled, in words, made from the protocol."""

from collections.abc import Iterator

from equipoise.report.methods import listed
from equipoise.report.protocol import concept_set_label
from equipoise.spec.function import Function
from equipoise.spec.study import Study

ASSOCIATIONS = {
    "value": "its current value",
    "slope": "its current slope",
    "both": "its current value and slope",
}


def function_words(study: Study, function: Function) -> str:
    """One paragraph: which scores counted, and what each quantity asked for was made of."""
    return " ".join([_scores(study, function), *_quantities(study, function)])


def _scores(study: Study, function: Function) -> str:
    named = function.total or function.items[0]
    what = "the measured total" if function.total else "the sum of the twelve items"
    return (
        f"Function was the ALSFRS-R, 0 to 48: {what} ({concept_set_label(study, named)}). A score counted on its own "
        "day from time zero to the end of follow-up; none was carried forward, and scores outside the scale, that "
        "differ on one day, or after death were left out. The first one up to day "
        f"{function.baseline_days:,} stood for time zero."
    )


def _quantities(study: Study, function: Function) -> Iterator[str]:
    shape = "a straight line" if function.shape == "linear" else f"a natural cubic spline (knots: {_knots(function)})"
    if "trajectory" in function.gives:
        yield (
            f"Mean scores up to day {function.until_day:,} followed {shape} of time in a linear mixed model with "
            "random intercepts and slopes, with the arm, covariates and the products of both with time."
        )
    if "progression" in function.gives:
        first = concept_set_label(study, str(function.onset))
        yield f"Progression was (48 less score) by months from the first symptom ({first}) to time zero."
    if "stages" in function.gives:
        marks = [concept_set_label(study, name) for key, name in function.firsts.items() if key != "onset"]
        failed = f" {listed(marks)} made King's stage 4." if marks else ""
        yield f"King's and MiToS stages came from the items.{failed}"
    if "ranks" in function.gives:
        yield (
            f"Combined assessment of function and survival, and win ratio, compared persons on day {function.day:,}: "
            f"by the outcome, then by the change to the score nearest to it (within {function.within_days:,} days)."
        )
    if "joint" in function.gives:
        yield (
            f"A joint model let the hazard depend on arm, covariates and the trajectory ({shape}) by "
            f"{ASSOCIATIONS[function.association]}, with a {function.baseline_hazard} baseline hazard. Mediated and "
            f"total hazard ratios are those on day {function.day:,}."
        )


def _knots(function: Function) -> str:
    return "days " + listed([f"{day:,}" for day in function.knots_days])
