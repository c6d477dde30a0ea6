"""Within and between families, from the database to the table, against the same model put together by hand."""

from copy import deepcopy
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.nested_case_control import members
from equipoise.report.families import family_figures
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.runner.packing import unpack_sets
from equipoise.runner.progress import Silent
from equipoise.runner.steps import study_steps
from equipoise.runner.store import Store
from equipoise.runner.walk import Walk
from equipoise.runner.within_between import sibship_of_sets
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.studies.places import STUDIES

WINDOW = ">1 y"
REGISTERED, FULL_SIBLINGS = 2_000_008_011, (2_000_009_002, 2_000_009_003)
KINDS = ("siblings", "half_siblings", "cousins", "spouses")
SAME = 1e-6  # of two maximisations of the same likelihood


def asked(**more: object) -> eq.Study:
    raw = deepcopy(canonical(eq.read_study(STUDIES / "psychotropics-als.toml")))
    analysis = next(item for item in raw["analyses"] if item["id"] == "risk")
    analysis |= {"subgroups": [], "adjust_for": ["low income"]}
    analysis["design"] |= {
        "lag_scan": "none", "indication": "none", "dose_response": [], "windows": [WINDOW], "readings": ["any_use"],
        "comparisons": ["population", *KINDS], "within_between": list(KINDS), "exposures": ["antidepressants"], **more,
    }  # fmt: skip
    kept = {key: value for key, value in raw.items() if key not in ("sensitivity", "published", "negative_controls")}
    return parse_study(kept | {"analyses": [analysis]})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("families")
    write_nation(place / "nation", persons=25_000, seed=5, multiplier=80.0)
    return place


@pytest.fixture(scope="module")
def found(place: Path) -> Results:
    with eq.connect(place / "nation") as source:
        return eq.run(asked(), source, to=place / "results", store=place / "store", min_cell_count=0)


def rows(results: Results, kind: str, adjustment: str) -> dict[str, dict]:
    every = results.rows("within_between")
    return {row["quantity"]: row for row in every if (row["comparison"], row["adjustment"]) == (kind, adjustment)}


def test_every_kind_of_family_has_five_quantities_crude_and_adjusted(found: Results) -> None:
    every = found.rows("within_between")
    assert len(every) == len(KINDS) * 2 * 5
    assert {row["comparison"] for row in every} == set(KINDS)
    for kind in KINDS:
        for adjustment in ("crude", "adjusted"):
            made = rows(found, kind, adjustment)
            if made["between"]["reason"] is None:
                product = made["within_given_mean"]["estimate"] * made["ratio"]["estimate"]
                assert made["between"]["estimate"] == pytest.approx(product)


def test_relatives_as_controls_give_the_estimate_of_their_comparison(found: Results) -> None:
    plain = {(row["comparison"], row["adjustment"]): row for row in found.rows("estimates")}
    for kind in KINDS:
        for own, other in (("crude", "sex and birth year"), ("adjusted", "adjusted")):
            within, estimate = rows(found, kind, own)["within"], plain[kind, other]
            assert within["log_estimate"] == pytest.approx(estimate["log_estimate"], abs=SAME)
            assert within["n_exposed_cases"] == estimate["n_exposed_cases"]
            assert within["n_cases"] + within["n_controls"] == estimate["n_persons"]


def test_the_model_is_that_of_own_exposure_and_the_mean_of_the_family(found: Results, place: Path) -> None:
    """Plain SQL gives the siblings of every case and control, and their use; the sets are those of `assemble`."""
    study = asked()
    with eq.connect(place / "nation") as source:
        sets = eq.assemble(study, source, analysis="risk")
    siblings = _members(place, study)
    own = sets.column(f"antidepressants | any_use | {WINDOW}")
    seen = sets.column(f"observable | any_use | {WINDOW}") == 1
    families = zip(own, siblings, strict=True)
    mean = np.array([np.mean([value, *others]) if others else np.nan for value, others in families])
    keep = seen & np.isfinite(mean)
    for event in (1, 0):
        keep &= np.isin(sets.stratum, sets.stratum[keep & (sets.event == event)])
    x = np.column_stack([own, mean])[keep]
    fit = eq.fit_conditional_logistic(x, case=sets.event[keep], matched_set=sets.stratum[keep])
    made = rows(found, "siblings", "crude")
    assert (made["population"]["n_cases"], made["population"]["n_controls"]) == (
        int(sets.event[keep].sum()), int((sets.event[keep] == 0).sum()),
    )  # fmt: skip
    assert made["within_given_mean"]["log_estimate"] == pytest.approx(fit.coefficients[0], abs=SAME)
    assert made["ratio"]["log_estimate"] == pytest.approx(fit.coefficients[1], abs=SAME)
    others = np.array([any(each) for each in siblings])[keep]
    assert made["between"]["n_exposed_controls"] == int((others & (sets.event[keep] == 0)).sum())


def _members(place: Path, study: eq.Study) -> list[list[bool]]:
    """Of each row of the population sets, the use of every full sibling who might serve, from the tables by SQL."""
    with eq.connect(place / "nation") as source:
        walk = Walk(source, Store(place / "store"), Silent())
        walk.run(study_steps(study, study.seed))
    sets = members(unpack_sets(walk.artifact("matched sets of risk")))
    looked_at = pa.table(
        {
            "row": np.arange(len(sets.person)),
            "person_id": walk.artifact("people")["person_id"][sets.person],
            "day": sets.index_day.astype("datetime64[D]"),
        }
    )
    table = lambda name: f"'{place / 'nation' / name}.parquet'"  # noqa: E731
    last, since = study.windows[WINDOW].last_day, study.data_needs.drug_recording_from
    query = f"""
        with ill as (
            select person_id, min(day) as day from (
                select person_id, condition_start_date as day from {table("condition_occurrence")}
                where condition_source_value like 'G12.2%'
                union all select person_id, observation_date from {table("observation")}
                where observation_concept_id = {REGISTERED}) group by 1),
        siblings as (
            select distinct r.row, r.day, l.fact_id_1 as sibling,
                   greatest(o.observation_period_start_date, date '{since}') as since
            from looked_at r
            join {table("fact_relationship")} l
              on l.fact_id_2 = r.person_id and l.relationship_concept_id in ({", ".join(map(str, FULL_SIBLINGS))})
            join {table("observation_period")} o
              on o.person_id = l.fact_id_1
             and r.day between o.observation_period_start_date and o.observation_period_end_date
             and o.observation_period_start_date <= r.day + ({last})
            left join ill i on i.person_id = l.fact_id_1
            left join {table("death")} d on d.person_id = l.fact_id_1
            where (i.day is null or i.day > r.day) and (d.death_date is null or d.death_date > r.day))
        select row, (select count(distinct x.drug_exposure_start_date) from {table("drug_exposure")} x
                     where x.person_id = s.sibling and x.drug_source_value like 'N06A%'
                       and x.drug_exposure_start_date >= s.since
                       and x.drug_exposure_start_date <= s.day + ({last})) >= 2 as used
        from siblings s order by row, sibling
    """
    found: list[list[bool]] = [[] for _ in range(len(sets.person))]
    with duckdb.connect() as database:
        database.register("looked_at", looked_at)
        for row, used in database.execute(query).fetchall():
            found[row].append(used)
    return found


def test_a_case_without_population_controls_keeps_its_sibship() -> None:
    """Its set leaves the population's model, and is a set of relatives with the same number all the same."""
    sets = MatchedSets(
        matched_set=np.array([0, 0, 1, 2]),
        person=np.array([4, 0, 2, 3]),
        is_case=np.array([True, False, True, True]),
        index_day=np.zeros(4, dtype=np.int32),
        risk_set_size=np.array([1, 0, 0]),
        n_controls=np.array([1, 0, 0]),
    )
    assert sibship_of_sets(sets, np.array([10, 11, 12, 13, 14])).tolist() == [14, 12, 13]


def test_the_report_draws_families_beside_one_another(found: Results) -> None:
    study = asked()
    figures = list(family_figures(study, study.analyses[0], found.rows("within_between")))
    assert [figure.caption for figure in figures] == [
        "Within and between families: families of siblings",
        "Within and between families: families of half siblings",
        "Within and between families: families of cousins",
        "Within and between families: couples",
    ]
    siblings = figures[0]
    assert siblings.figure.count("<circle") == 4
    text = [str(cell.content) for row in siblings.table.rows for cell in row]
    assert "Between over within" in text
    page = report_html(found)
    assert "between / within" in page
    assert "the between-within model" in page


def test_withheld_estimates_are_not_drawn(place: Path) -> None:
    study = asked(windows=["0-1 y"], readings=["initiation"], within_between=["siblings"])
    with eq.connect(place / "nation") as source:
        made = eq.run(study, source, to=place / "few", store=place / "store", min_cell_count=9)
    (figure,) = family_figures(study, study.analyses[0], made.rows("within_between"))
    withheld = [row for row in made.rows("within_between") if row["reason"] == "SMALL_CELLS"]
    assert {row["estimate"] for row in withheld} == {None}
    assert withheld
    absent = [row for row in made.rows("within_between") if row["estimate"] is None and row["adjustment"] == "adjusted"]
    assert figure.figure.count("not shown") == len([row for row in absent if row["quantity"] != "ratio"])
