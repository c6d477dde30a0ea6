"""Study files that name knowledge: the drugs of a group by ATC code and by ingredient, and facts of a user's own."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

import equipoise as eq
from equipoise.data.concepts import ConceptProblem, resolve
from equipoise.data.events import extract_events
from equipoise.errors import SpecError, UnsupportedError
from equipoise.knowledge.study_file import with_knowledge
from equipoise.spec.canonical import study_hash
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.data.build import ONE_PERSON, concept, drug, write_parquet
from tests.spec_model.examples import FULL

WHEN = date(2005, 5, 5)
# Sertraline as a database that follows OMOP holds it: ATC class, ingredient and product, each below the one before.
ATC = [concept(31, "ATC", "N06AB06", standard="C")]
INGREDIENT = [concept(40, "RxNorm", "36437") | {"concept_name": "sertraline"}]
PRODUCTS = [concept(41, "RxNorm", "312938"), concept(42, "RxNorm", "1")]
BELOW = {31: (31, 40, 41), 40: (40, 41), 42: (42,)}
OWN = """
[sources]
mine = "A thesis"
[[drugs]]
atc = "N06AX05"
ingredient = "trazodone"
effect = "suppresses"
score = 1
sources = ["mine"]
"""


def study(*include: str, exclude: str = "") -> str:
    """A study file whose drugs are these items."""
    items = f"include = [{', '.join(include)}]" + (f"\nexclude = [{exclude}]" if exclude else "")
    return FULL.replace('include = [{ vocabulary = "ATC", code = "N06A", descendants = true }]', items)


def items_of(made: Study) -> list[str]:
    return [str(item.code) for item in made.concept_sets["drug"].include or ()]


def written(place: Path, *include: str, **more: str) -> Path:
    path = place / "study.toml"
    path.write_text(study(*include, **more))
    return path


def test_a_group_stands_in_the_study_as_codes_of_its_drugs(tmp_path: Path) -> None:
    path = written(tmp_path, '{ knowledge = "rem_sleep", group = "neither" }', '{ vocabulary = "ATC", code = "N05B" }')
    made = eq.read_study(path)
    assert items_of(made) == ["N06AG02", "N06AX05", "N05B"]
    trazodone = made.concept_sets["drug"].include[1]
    assert trazodone.descendants
    assert [same.code or same.name for same in trazodone.also] == ["10737", "trazodone", "trazodone"]
    assert with_knowledge(made) == made, "a study with codes stays as it is"


@pytest.mark.parametrize(
    ("of", "group", "n"),
    [
        ("strict", "suppressing", 22), ("strict", "non_suppressing", 5), ("strict", "neither", 3),
        ("default", "non_suppressing", 6), ("liberal_suppressing", "suppressing", 24),
        ("liberal_suppressing", "non_suppressing", 6), ("liberal_non_suppressing", "non_suppressing", 8),
    ],
)  # fmt: skip
def test_every_set_has_its_drugs(of: str, group: str, n: int, tmp_path: Path) -> None:
    made = eq.read_study(written(tmp_path, f'{{ knowledge = "rem_sleep", group = "{group}", set = "{of}" }}'))
    assert len(set(items_of(made))) == n


def test_excluded_drugs_can_be_named_by_knowledge_too(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{ vocabulary = "ATC", code = "N06A", descendants = true }',
        exclude='{ knowledge = "rem_sleep", group = "neither" }',
    )
    assert [item.code for item in eq.read_study(path).concept_sets["drug"].exclude] == ["N06AG02", "N06AX05"]


def test_facts_of_ones_own_are_found_beside_the_study_and_are_part_of_it(tmp_path: Path) -> None:
    own = '{ knowledge = "rem_sleep", group = "suppressing", file = "facts.toml" }'
    path = written(tmp_path, own)
    (tmp_path / "facts.toml").write_text(OWN)
    first = eq.read_study(path)
    assert items_of(first) == ["N06AX05"]
    (tmp_path / "facts.toml").write_text(OWN.replace('"N06AX05"', '"N06AX11"').replace("trazodone", "mirtazapine"))
    assert study_hash(eq.read_study(path)) != study_hash(first)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, r'concept_sets.drug.include\[0\].file: .*No such file'),
        ("[[drugs]]\natc = 1", "facts.toml, drugs"),
        (OWN.replace('["mine"]', '["other"]'), "add the citation"),
        (OWN.replace('"suppresses"\nscore = 1', '"none"'), "no drug of facts.toml is in the group 'suppressing'"),
    ],
)  # fmt: skip
def test_faults_of_such_a_file_are_named(facts: str | None, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, '{ knowledge = "rem_sleep", group = "suppressing", file = "facts.toml" }')
    if facts is not None:
        (tmp_path / "facts.toml").write_text(facts)
    with pytest.raises(SpecError, match=said):
        eq.read_study(path)


def test_a_study_without_a_file_cannot_name_one() -> None:
    given = {"knowledge": "rem_sleep", "group": "suppressing", "file": "facts.toml"}
    with pytest.raises(SpecError, match="read_study"):
        with_knowledge(parse_study(raw_study(given)))
    assert with_knowledge(parse_study(raw_study(given | {"file": None}))).concept_sets["drug"].include[0].code


def raw_study(item: dict) -> dict:
    raw = tomllib.loads(FULL)
    raw["concept_sets"]["drug"]["include"] = [{key: value for key, value in item.items() if value is not None}]
    return raw


def resolved(place: Path, concepts: list[dict], rows: list[dict]):
    """The records of the suppressing group, with what resolving it says."""
    held = {one["concept_id"] for one in concepts}
    ancestor = [
        {"ancestor_concept_id": above, "descendant_concept_id": one}
        for above, below in BELOW.items() if above in held for one in below if one in held
    ]  # fmt: skip
    tables = dict(ONE_PERSON) | {"concept": concepts, "concept_ancestor": ancestor, "drug_exposure": rows}
    item = {"knowledge": "rem_sleep", "group": "suppressing"}
    drugs = with_knowledge(parse_study(raw_study(item))).concept_sets["drug"]
    with eq.connect(write_parquet(place, tables)) as source:
        found = resolve(source, "drug", drugs)
        return found, sorted(extract_events(source, found)["concept_id"].to_pylist())


@pytest.mark.parametrize("held", [[*ATC, *INGREDIENT], ATC, INGREDIENT], ids=["both", "ATC", "RxNorm"])
def test_atc_and_rxnorm_both_resolve_and_count_a_record_once(held: list[dict], tmp_path: Path) -> None:
    rows = [drug(1, 41, WHEN), drug(1, 42, WHEN)]
    found, matched = resolved(tmp_path, [*held, *PRODUCTS], rows)
    assert matched == [41], "the product below sertraline, once, and not the other drug"
    said = [warning for warning in found.warnings if "N06AB06" in warning.item]
    assert said == [], "one vocabulary is enough"
    unknown = [warning for warning in found.warnings if warning.problem == ConceptProblem.UNKNOWN_CODE]
    assert len(unknown) == 21, "each of the other drugs, once"


def test_an_ingredient_is_found_by_its_name_where_its_code_is_another(tmp_path: Path) -> None:
    renamed = [
        INGREDIENT[0] | {"concept_code": "OMOP1", "vocabulary_id": "RxNorm Extension", "concept_name": "Sertraline"}
    ]
    assert resolved(tmp_path, [*renamed, *PRODUCTS], [drug(1, 41, WHEN)])[1] == [41]


def test_what_was_not_replaced_by_codes_is_refused(tmp_path: Path) -> None:
    given = ConceptSet.model_validate({"domain": "drug", "include": [{"knowledge": "rem_sleep", "group": "neither"}]})
    with (
        eq.connect(write_parquet(tmp_path, dict(ONE_PERSON))) as source,
        pytest.raises(UnsupportedError, match="codes"),
    ):
        resolve(source, "set", given)


FOLLOW_UP = Path(__file__).parents[2] / "studies" / "rem-suppression-als.toml"


def test_a_score_from_the_knowledge_stands_in_the_study_as_concept_sets() -> None:
    made = eq.read_study(FOLLOW_UP)
    design = next(item.follow_up for item in made.analyses if item.id == "rem-score")
    scale = {item.concept_set: item.score for item in design.score.scored}
    assert scale == {"REM sleep: score 0": 0.0, "REM sleep: score 2": 2.0, "REM sleep: score 3": 3.0}
    codes = [item.code for item in made.concept_sets["REM sleep: score 3"].include]
    assert sorted(codes) == ["N06AA04", "N06AF01", "N06AF03", "N06AF04"]
    assert with_knowledge(made) == made


def test_sum_and_mean_take_every_drug_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(FOLLOW_UP.read_text().replace('combine = "highest"', 'combine = "sum"'))
    made = eq.read_study(path)
    design = next(item.follow_up for item in made.analyses if item.id == "rem-score")
    scale = {item.concept_set: item.score for item in design.score.scored}
    assert len(scale) == 28, "conflicting drugs have no score"
    assert scale["REM sleep: clomipramine"] == 3.0


def test_faults_of_the_facts_behind_a_score_are_named(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    own = 'score = { knowledge = "rem_sleep", file = "facts.toml", combine'
    path.write_text(FOLLOW_UP.read_text().replace('score = { knowledge = "rem_sleep", combine', own))
    with pytest.raises(SpecError, match=r'analyses\["rem-score"\].design.score.file: .*No such file'):
        eq.read_study(path)
    (tmp_path / "facts.toml").write_text(OWN.replace('"suppresses"\nscore = 1', '"none"\nscore = 0'))
    with pytest.raises(SpecError, match="no drug of the facts has a score above 0"):
        eq.read_study(path)
