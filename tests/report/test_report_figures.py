"""Figures are to scale, and say what lies beyond them."""

import re
from math import log

import pytest

from equipoise.report.forest import EDGE, RatioScale, interval, ratio_scale
from equipoise.report.protocol import diagram_rows
from equipoise.report.svg import element
from equipoise.report.timeline import DiagramRow, timeline
from tests.report.example import STUDY, example_study


def estimate(value: float, low: float, high: float, adjustment: str = "crude") -> dict:
    return {"estimate": value, "conf_low": low, "conf_high": high, "adjustment": adjustment}


def bars(figure: str) -> list[tuple[float, float]]:
    """Left and right end of each bar."""
    found = []
    for path in re.findall(r'd="(M[^"]+ Z)"', figure):
        places = [float(x) for x in re.findall(r"([\d.]+),", path)]
        found.append((min(places), max(places)))
    return found


def test_bars_are_drawn_to_scale() -> None:
    figure = timeline([DiagramRow("a", -1000, -1, "exposure"), DiagramRow("b", -500, -1, "exposure")])
    (a_left, a_right), (b_left, b_right) = bars(figure)
    assert a_right == b_right
    assert (b_right - b_left) / (a_right - a_left) == pytest.approx(0.5, abs=0.01)


def test_windows_that_follow_one_another_touch_and_do_not_overlap() -> None:
    figure = timeline([DiagramRow("near", -365, -1, "exposure"), DiagramRow("far", -1826, -366, "exposure")])
    (near_left, near_right), (_, far_right) = bars(figure)
    assert far_right == pytest.approx(near_left, abs=0.11)
    index = float(re.search(r'<line x1="([\d.]+)"[^>]*class="index"', figure).group(1))
    assert near_right == pytest.approx(index, abs=0.11)


def test_an_open_window_reaches_beyond_every_closed_one() -> None:
    figure = timeline([DiagramRow("open", None, -1827, "exposure"), DiagramRow("closed", -1826, -1, "exposure")])
    (open_left, _), (closed_left, _) = bars(figure)
    assert open_left < closed_left - 50


@pytest.mark.parametrize("rows", [[DiagramRow("ever", None, -1, "exposure")], [DiagramRow("day", -1, -1, "lag")], []])
def test_degenerate_diagrams_can_be_drawn(rows) -> None:
    assert "index date" in timeline(rows)


def test_the_diagram_of_a_study_shows_what_the_protocol_says() -> None:
    study = example_study()
    rows = {row.label: (row.start_day, row.end_day, row.kind) for row in diagram_rows(study, study.analyses[0])}
    assert rows["Under observation"] == (-365, -1, "eligibility")
    assert rows["No peptic ulcer"] == (-180, -1, "exclusion")
    assert rows["Controls free of the outcome"] == (None, 0, "exclusion")
    assert rows["Peptic ulcer"] == (-730, -1, "covariate")
    assert rows["Region"] == (0, 0, "covariate")
    assert rows["Exposure window 0-1 y"] == (-365, -31, "exposure")
    assert rows["Exposure window 1-5 y"] == (-1826, -366, "exposure")
    assert rows["Exposure window >5 y"] == (None, -1827, "exposure")
    assert rows["Lag"] == (-30, -1, "lag")
    assert rows["Run-in"] == (-2192, -1828, "run_in")


def test_without_initiation_there_is_no_run_in() -> None:
    study = example_study(
        STUDY.replace('windows = ["0-1 y", "1-5 y", ">5 y"]', 'windows = ["0-1 y"]\nreadings = ["any_use"]')
    )
    assert "Run-in" not in {row.label for row in diagram_rows(study, study.analyses[0])}


def test_the_scale_is_logarithmic_and_symmetric() -> None:
    scale = RatioScale(0.5, 2.0)
    assert scale.at(1.0) == pytest.approx(50)
    assert scale.at(0.5) == pytest.approx(EDGE)
    assert scale.at(2**0.5) - 50 == pytest.approx((50 - EDGE) * log(2**0.5) / log(2))
    assert scale.ticks == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("rows", "low", "high"),
    [
        ([], 0.5, 2.0),
        ([estimate(1.1, 0.9, 1.4)], 0.5, 2.0),
        ([estimate(3.1, 1.9, 5.4)], 0.5, 10.0),
        ([estimate(3.1, 1e-9, 1e12)], 0.02, 50.0),
        ([estimate(280, 113, 690)], 0.5, 500.0),
        ([estimate(1e-30, 0.0, float("inf"))], 0.001, 50.0),
    ],
)
def test_the_scale_holds_the_estimates_and_no_extremes(rows, low, high) -> None:
    scale = ratio_scale(rows)
    assert (scale.low, scale.high) == (low, high)
    assert 1.0 in scale.ticks
    assert len(scale.ticks) <= 7


def test_an_interval_that_leaves_the_scale_ends_in_an_arrow() -> None:
    scale = RatioScale(0.5, 2.0)
    assert "arrow" not in interval(estimate(1.1, 0.9, 1.4), scale)
    assert interval(estimate(1.1, 0.1, 1.4), scale).count("arrow") == 1
    assert interval(estimate(1.1, 0.1, 14), scale).count("arrow") == 2
    beyond = interval(estimate(30, 20, 45), scale)
    assert beyond.count("arrow") == 1
    assert "rect" not in beyond, "an estimate beyond the scale has no mark on it"


def test_crude_and_adjusted_have_marks_of_their_own() -> None:
    scale = RatioScale(0.5, 2.0)
    assert 'class="estimate crude"' in interval(estimate(1, 0.9, 1.2), scale)
    assert 'class="estimate adjusted"' in interval(estimate(1, 0.9, 1.2, "adjusted"), scale)


def test_text_in_a_figure_is_escaped() -> None:
    assert element("text", "<script>", x=1.5, class_='a"b') == '<text x="1.5" class="a&#34;b">&lt;script&gt;</text>'
    assert "<script>" not in timeline([DiagramRow("<script>", -10, -1, "exposure")])
