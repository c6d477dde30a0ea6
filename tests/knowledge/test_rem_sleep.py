"""Facts about REM sleep: the groups of the evidence, conflicts, and files of a user's own."""

import pytest

from equipoise.errors import SpecError
from equipoise.knowledge.rem_sleep import REM_SETS, rem_facts, rem_groups, rem_score
from equipoise.simulate.formulary import FORMULARY


def names(drugs) -> set[str]:
    return {drug.ingredient for drug in drugs}


def test_every_set_puts_every_drug_in_one_group():
    facts = rem_facts()
    for of in REM_SETS:
        groups = rem_groups(facts, of)
        parts = [names(groups.suppressing), names(groups.non_suppressing), names(groups.neither)]
        assert sum(map(len, parts)) == len(set().union(*parts)) == len(facts.drugs)


def test_conflicts_and_contested_drugs_go_where_the_set_says():
    facts = rem_facts()
    strict, default = rem_groups(facts, "strict"), rem_groups(facts)
    assert names(strict.neither) - names(default.neither) == {"bupropion"}
    assert names(default.neither) == {"moclobemide", "trazodone"}
    assert {"moclobemide", "trazodone"} <= names(rem_groups(facts, "liberal_suppressing").suppressing)
    assert {"moclobemide", "trazodone"} <= names(rem_groups(facts, "liberal_non_suppressing").non_suppressing)


def test_trimipramine_is_the_tricyclic_that_does_not_suppress():
    groups = rem_groups(rem_facts())
    tricyclic = {drug.ingredient for drug in groups.non_suppressing if drug.atc.startswith("N06AA")}
    assert tricyclic == {"trimipramine"}


def test_a_score_is_given_where_studies_agree():
    facts = rem_facts()
    assert all((rem_score(facts, drug.atc) is None) == (drug.effect == "conflicting") for drug in facts.drugs)


def test_the_formulary_of_the_nation_follows_the_default_set():
    groups = rem_groups(rem_facts())
    known = {drug.atc: True for drug in groups.suppressing} | {drug.atc: False for drug in groups.non_suppressing}
    for drug in FORMULARY:
        if drug.atc.startswith("N06A"):
            assert drug.rem_suppressing is known.get(drug.atc), drug.atc


def test_every_fault_of_a_users_file_is_named(tmp_path):
    path = tmp_path / "facts.toml"
    path.write_text(
        '[[drugs]]\natc = "N06"\ningredient = "x"\neffect = "none"\n'
        '[[drugs]]\natc = "N06AB04"\ningredient = "citalopram"\neffect = "perhaps"\n'
    )
    with pytest.raises(SpecError) as caught:
        rem_facts(path)
    text = str(caught.value)
    assert "drugs[0]" in text or "drugs" in text
    assert "perhaps" in text
    path.write_text(
        '[[drugs]]\natc = "N06AB04"\ningredient = "citalopram"\neffect = "suppresses"\nscore = 2\nsources = ["x"]\n'
    )
    with pytest.raises(SpecError, match="citation"):
        rem_facts(path)
    with pytest.raises(SpecError, match="No such file"):
        rem_facts(tmp_path / "none.toml")
