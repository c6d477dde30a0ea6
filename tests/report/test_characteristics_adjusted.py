"""Table 1 after adjustment: shares in percent, means as they are, and what is hidden stays out."""

from equipoise.report.characteristics_adjusted import characteristics_adjusted
from equipoise.spec.read import parse_study
from tests.spec_model.test_follow_up_faults import raw

STUDY = parse_study(raw())


def row(covariate: str, kind: str, *values: float | None) -> dict:
    names = [f"value_{arm}_{when}" for when in ("before", "after") for arm in ("target", "reference")]
    named = dict(zip([*names, "smd_before", "smd_after"], values, strict=True))
    return {"exposure": "drug", "adjustment": "matched", "covariate": covariate, "kind": kind} | named


def test_the_arms_stand_beside_each_other_before_and_after() -> None:
    rows = [
        row("age", "mean", 65.04, 61.0, 62.0, 61.0, 0.4, 0.1),
        row("race[8516]", "share", 0.1, 0.2, None, 0.2, -0.3, None),
    ]
    (table,) = characteristics_adjusted(STUDY, rows)
    assert [str(cell.content) for cell in table.head][3:] == [
        "Difference before", "Target arm, after", "Reference arm, after", "Difference after"
    ]  # fmt: skip
    lines = [[str(cell.content) for cell in line] for line in table.rows]
    assert lines[0] == ["Age", "65.0", "61.0", "0.40", "62.0", "61.0", "0.10"]
    assert lines[1] == [
        "Race: Black or African American",
        "10.0\u202f%",
        "20.0\u202f%",
        "−0.30",
        "–",
        "20.0\u202f%",
        "–",
    ]
    assert characteristics_adjusted(STUDY, []) == []
