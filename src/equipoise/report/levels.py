"""Names of the levels that databases write as numbers: the standard concepts of race and ethnicity in OMOP."""

import re

CONCEPTS = {
    "8527": "White",
    "8516": "Black or African American",
    "8515": "Asian",
    "8657": "American Indian or Alaska Native",
    "8557": "Native Hawaiian or other Pacific Islander",
    "38003563": "Hispanic or Latino",
    "38003564": "not Hispanic or Latino",
}
NOT_RECORDED = "not recorded"


def level_name(variable: str, level: str) -> str:
    """A level of a characteristic as a reader knows it; as it is where it has no other name.

    >>> level_name("race", "8516"), level_name("race", "0"), level_name("children", "0")
    ('Black or African American', 'not recorded', '0')
    """
    if level == "0" and variable.lower() in ("race", "ethnicity"):
        return NOT_RECORDED
    return CONCEPTS.get(level, level)


def covariate_name(name: str) -> str:
    """The name of a model's column, `race[8516]`, with the level as a reader knows it: `race: Black or …`.

    >>> covariate_name("race[8515]"), covariate_name("sex[male]"), covariate_name("age")
    ('race: Asian', 'sex: male', 'age')
    """
    found = re.fullmatch(r"([^\[\]]+)\[([^\[\]]+)\]", name)
    return f"{found[1]}: {level_name(found[1], found[2])}" if found else name
