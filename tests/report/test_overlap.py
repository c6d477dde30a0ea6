"""Figures of an adjustment: the spread of scores in both arms, and differences before and after."""

import re

from equipoise.report.overlap import balance_figure, score_figure, score_table


def scores(target: list[int | None], reference: list[int | None], scale: str = "preference") -> list[dict]:
    width = 1 / len(target)
    return [
        {"scale": scale, "score_from": i * width, "score_below": (i + 1) * width, "n_target": one, "n_reference": other,
         "n_target_suppressed": one is None, "n_reference_suppressed": other is None}
        for i, (one, other) in enumerate(zip(target, reference, strict=True))
    ]  # fmt: skip


def curve(figure: str, arm: str) -> str:
    return re.search(rf'<g class="curve {arm}">(.*?)</g>', figure, flags=re.DOTALL)[1]


def test_the_higher_of_two_shares_reaches_the_top() -> None:
    figure = str(score_figure(scores([10, 30], [5, 5])))
    assert "up to 75\u202f%" in figure
    assert 'y1="16"' in curve(figure, "target"), "three quarters of the target arm are in the second group"
    assert 'y1="16"' not in curve(figure, "reference")


def test_equipoise_is_shaded_on_the_preference_scale_only() -> None:
    assert 'class="region"' in str(score_figure(scores([5, 5], [5, 5])))
    assert 'class="region"' not in str(score_figure(scores([5, 5], [5, 5], "propensity")))


def test_where_a_count_is_hidden_the_outline_is_broken_and_the_table_says_so() -> None:
    whole, broken = scores([8, 9, 8, 9], [7] * 4), scores([8, None, 8, 9], [7] * 4)
    lines = [curve(str(score_figure(rows)), "target").count("<line") for rows in (whole, broken)]
    assert lines[1] < lines[0]
    cells = [row[1].content for row in score_table(broken).rows]
    assert cells == ["8", "hidden", "8", "9"]


def test_a_group_without_anybody_makes_no_fault() -> None:
    figure = str(score_figure(scores([0, 0], [0, 0])))
    assert "<svg" in figure


def difference(name: str, before: float | None, after: float | None) -> dict:
    return {"covariate": name, "smd_before": before, "smd_after": after}


def test_covariates_stand_by_their_largest_difference_with_the_limit() -> None:
    rows = [difference("age", -0.05, 0.02), difference("sex", 0.4, -0.01), difference("race[0]", None, None)]
    figure = str(balance_figure(rows))
    assert figure.index("Sex") < figure.index("Age") < figure.index("Race")
    assert figure.count("<circle") == 4, "none where nothing is shown"
    assert 'class="null"' in figure


def test_of_thousands_of_covariates_the_most_different_are_drawn() -> None:
    figure = str(balance_figure([difference(f"covariate {i}", i / 1000, 0.0) for i in range(1000)]))
    assert figure.count("<circle") == 80
    assert "Covariate 999" in figure
    assert ">Covariate 9<" not in figure


def test_a_spread_of_which_every_count_is_hidden_says_so() -> None:
    hidden = {"scale": "propensity", "score_from": 0.0, "score_below": 1.0, "n_target": None, "n_reference": None}
    assert "no group is shown: counts are small" in score_figure([hidden])
