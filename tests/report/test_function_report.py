"""How the report shows function: figures and tables from result rows, hidden numbers, words about the protocol."""

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from equipoise.report.function import function_tables, trajectory_figures
from equipoise.report.function_words import function_words
from equipoise.report.hazard_checks import hazard_table
from equipoise.report.published import published_hazards
from equipoise.report.trajectories import trajectory_figure
from equipoise.results.tables import schema_of, table
from equipoise.spec.function import Function
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.spec_model.test_function_faults import raw_study

KEY = {"analysis": "main", "comparison": "no use", "exposure": "drug"}
Row = dict[str, Any]


def study() -> Study:
    return parse_study(raw_study())


def rows_of(name: str, *rows: Row) -> list[Row]:
    """Rows of a result table, complete, nothing hidden."""
    return table(name, [KEY | row for row in rows]).to_pylist()


def curve(arm: str, **changes: Any) -> list[Row]:
    rows = [
        {"arm": arm, "position": i + 1, "from_day": 91 * i, "to_day": 91 * i + 90, "time_days": 91 * i}
        | {"n_measured": 50, "n_persons": 40 - i, "n_scores": 60 - i, "observed_mean": 38.0 - i}
        | {"mean": 38.0 - 2 * i, "conf_low": 36.0 - 2 * i, "conf_high": 40.0 - 2 * i}
        for i in range(4)
    ]
    return [row | changes for row in rows]


def estimate(measure: str, value: float | None, adjustment: str = "adjusted", **more: Any) -> Row:
    row: Row = {"measure": measure, "adjustment": adjustment, "term": "use against no use", "time_point_days": None}
    row |= {"target_level": "use", "reference_level": "no use", "n_target": 60, "n_reference": 70, "n_scores": 500}
    if value is None:
        return row | {"reason": "NO_EVENTS"} | more
    return row | {"estimate": value, "conf_low": value * 0.8, "conf_high": value * 1.25, "p_value": 0.04} | more


def texts(made: Any) -> list[list[str]]:
    return [[str(cell.content) for cell in row] for row in made.rows]


def test_the_figure_draws_bands_lines_marks_and_numbers_of_both_arms() -> None:
    rows = rows_of("trajectories", *curve("target"), *curve("reference", observed_mean=30.0))
    figure = ElementTree.fromstring(str(trajectory_figure(rows)))
    assert len(figure.findall(".//polygon")) == len(figure.findall(".//polyline")) == 2
    assert len(figure.findall(".//circle")) == 8
    line = figure.find(".//g[@class='curve target']/polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert all(later > earlier for earlier, later in pairwise(heights))  # a falling score goes down the page
    words = [element.text for element in figure.findall(".//text")]
    assert {"40", "37", "target", "reference", "days from time zero", "48"} <= set(words)


def test_hidden_numbers_are_marked_and_their_means_left_out() -> None:
    rows = rows_of("trajectories", *curve("target"))
    rows[3] |= {"n_persons": None, "n_persons_suppressed": True, "observed_mean": None}
    figure = ElementTree.fromstring(str(trajectory_figure(rows)))
    assert len(figure.findall(".//circle")) == 3
    assert "…" in [element.text for element in figure.findall(".//text")]


def test_each_comparison_has_its_figure_with_the_names_of_its_arms() -> None:
    arms = rows_of("follow_up", *({"arm": arm, "label": f"{arm} in words"} for arm in ("target", "reference")))
    (made,) = trajectory_figures(study(), rows_of("trajectories", *curve("target"), *curve("reference")), arms)
    assert made.arms == [("target", "target in words"), ("reference", "reference in words")]
    assert texts(made.table)[0] == [
        "target in words", "0 to 90", "40", "60", "38.0", "38.0 (36.0 to 40.0)",
    ]  # fmt: skip


def test_tables_show_slopes_ranks_and_the_three_hazard_ratios() -> None:
    rows = rows_of(
        "function",
        estimate("slope_difference", -0.2, conf_low=-0.35, conf_high=-0.05),
        estimate("win_ratio", 0.8, "crude", time_point_days=365),
        estimate("association", 0.95, term="association: value", target_level="one point more"),
        estimate("direct_hazard_ratio", 1.5, n_target_events=20, n_reference_events=25),
        estimate("mediated_hazard_ratio", 1.1, time_point_days=365),
        estimate("total_hazard_ratio", None, time_point_days=365),
    )
    over_time, ranks, joint = function_tables(study(), rows, [], 0.95)
    assert "−0.20 (−0.35 to −0.05)" in texts(over_time)[1]
    assert "0.80 (0.64 to 1.00)" in texts(ranks)[1]
    words = [row[0] for row in texts(joint)]
    assert words[1:] == [
        "Association, one point more",
        "Direct",
        "Mediated by the trajectory, day 365",
        "Total, day 365",
    ]
    assert "20 / 60" in texts(joint)[2]
    assert texts(joint)[4][-1] == "Not estimated: no outcome event occurred"


def test_stages_stand_side_by_side() -> None:
    stage = {"scale": "kings", "stage": "2", "position": 4, "n_at_most": 30, "n_persons": 12, "n_below": 18}
    rows = rows_of(
        "stages",
        stage | {"arm": "target", "percent": 24.0, "median_days": 200.0, "conf_low": 150.0},
        stage | {"arm": "reference", "percent": 20.0},
    )
    (made,) = function_tables(study(), [], rows, 0.95)
    assert texts(made)[0] == ["drug: King's stages"]
    assert texts(made)[1] == ["2", "12 (24.0\u202f%)", "200 (150 to ∞)", "12 (20.0\u202f%)", "–"]


def test_a_published_figure_of_unknown_form_stands_beside_the_direct_ratio_and_cox_regression() -> None:
    ratio = dict.fromkeys(schema_of("estimates").keys) | KEY | {"subgroup": "overall", "measure": "hazard_ratio"}
    ratio |= {"adjustment": "adjusted", "estimate": 2.4, "conf_low": 1.8, "conf_high": 3.2, "reason": None}
    function = rows_of("function", estimate("direct_hazard_ratio", 1.6, n_target_events=20, n_reference_events=25))
    made = published_hazards(study(), study().analyses[0], [ratio], function)
    first, second = texts(made)
    assert first[1] == "1.50"
    assert "form unknown" in first[2]
    assert first[3:] == ["joint model, direct, adjusted", "1.60 (1.28 to 2.00)", "yes"]
    assert second == ["Cox regression, adjusted", "2.40 (1.80 to 3.20)", "no"]


def test_checks_of_hazard_ratios_say_which_form_of_e_value() -> None:
    check = {"adjustment": "crude", "arm_statistic": 3.1, "arm_df": 1, "arm_p_value": 0.078, "all_statistic": 3.1}
    check |= {"all_df": 1, "all_p_value": 0.078, "outcome": "common", "e_value": 2.2, "e_value_limit": 1.0}
    made = hazard_table(study(), rows_of("hazard_checks", check))
    assert texts(made)[1] == ["Crude", "3.10", "0.078", "3.10 (1)", "0.078", "2.20", "1.00"]
    assert made.rows[1][0].note == "common outcome"


def test_words_name_what_was_read_and_made() -> None:
    function = Function(total="total", shape="spline", knots_days=(0, 182, 730), association="both")
    words = function_words(study(), function)
    for part in ("natural cubic spline (knots: days 0, 182 and 730)", "current value and slope", "on day 365"):
        assert part in words, part
    assert "stages" not in words
