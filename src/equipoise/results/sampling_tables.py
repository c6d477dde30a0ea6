"""Tables of the sampling of controls: its summary, and the sizes of the matched sets."""

from equipoise.results.columns import ANALYSIS, COMPARISON, SET, count, pairs, real
from equipoise.results.schema import ColumnSchema, Levels, Parts, Same, TableSchema, Total

SAMPLING = TableSchema(
    "sampling",
    "The drawing of controls in summary.",
    (
        ANALYSIS,
        COMPARISON,
        count("n_cases", "cases for whom controls were sought"),
        count("n_cases_matched", "of these, cases with at least one control"),
        count("n_cases_unmatched", "of these, cases without any, who leave the analysis"),
        count("n_controls", "controls drawn; a person drawn for two cases counts twice", "controls"),
        count("n_control_persons", "distinct persons among the controls"),
        real("mean_controls_per_case", "controls drawn by case", "", "n_cases", "n_controls"),
        real("risk_set_size_min", "smallest number of eligible controls of a case", "persons", size=True),
        real("risk_set_size_median", "median number of eligible controls of a case", "persons", size=True),
        real("risk_set_size_max", "largest number of eligible controls of a case", "persons", size=True),
        real("mean_inclusion_probability", "mean probability of an eligible person to be drawn", "probability"),
    ),
    SET,
    (
        Parts("n_cases", ("n_cases_matched", "n_cases_unmatched")),
        Same("n_cases_matched", "sampling", "n_cases", pairs(*SET)),
    ),
)

MATCHING = TableSchema(
    "matching",
    "Matched sets by the number of controls the case received. A hidden number can follow from the totals of cases and"
    " controls, which are shown: it tells how the sampling went, and nothing about a person.",
    (
        ANALYSIS,
        COMPARISON,
        ColumnSchema("controls_in_set", "int", "controls in the set; 0 for cases without any", required=True),
        count("n_sets", "matched sets of this size, which is the number of their cases", "sets"),
    ),
    (*SET, "controls_in_set"),
    (
        Levels(("n_sets",), SET, (Total("sampling", "n_cases", SET),)),
        Levels(("n_sets",), SET, (Total("sampling", "n_cases_unmatched", SET),), False, where=("controls_in_set", 0)),
        # The number of controls is not a link here: with it, two sets that lack a control would hide every total of
        # the study. How many controls a case found is a property of the sampling, not of any person.
    ),
)
