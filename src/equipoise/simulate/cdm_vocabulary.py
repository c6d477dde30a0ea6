"""The vocabulary of the nation: its drugs, diagnoses, procedures, measurements and observations as concepts.

ATC codes and names: WHO Collaborating Centre for Drug Statistics Methodology. Diagnoses carry their ICD-10 codes.
Concepts of demography, record type, unit and a few conditions carry their identifiers in the OMOP standardized
vocabularies; everything else carries identifiers above two billion, which OMOP leaves to local concepts.
"""

from typing import NamedTuple

from equipoise.simulate.care import MEASUREMENTS, PROCEDURES
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.problems import PROBLEMS
from equipoise.simulate.psychiatry import DIAGNOSES

LOCAL = 2_000_000_000
ATC_LEVELS = {4: "ATC 3rd", 5: "ATC 4th", 7: "ATC 5th"}

EHR, EHR_PRESCRIPTION, EHR_PROBLEM_LIST = 32817, 32838, 32840
MALE, FEMALE, REGISTRY, DISPENSING, OUTPATIENT, MILLIGRAM, CDM_54 = 8507, 8532, 32879, 32825, 9202, 8576, 756265
PERSON_TABLE, MOTHER, CHILD = 1147314, 4248584, 4285883
FATHER, SPOUSE, FULL_BROTHER, FULL_SISTER, HALF_BROTHER, HALF_SISTER = (LOCAL + 9_000 + i for i in range(6))
"""Relationships, read "fact 1 is the … of fact 2"."""


class Concept(NamedTuple):
    """A row of the concept table, without its dates of validity."""

    concept_id: int
    concept_name: str
    domain_id: str
    vocabulary_id: str
    concept_class_id: str
    standard_concept: str | None
    concept_code: str


class Condition(NamedTuple):
    """A diagnosis: ICD-10 code, standard concept, name."""

    code: str
    concept: int
    name: str


def _local_condition(position: int) -> int:
    return LOCAL + 5_000 + position


CONDITIONS = (
    Condition("F32.9", 440383, "Depressive disorder"),
    Condition("F33.9", _local_condition(1), "Recurrent depressive disorder"),
    Condition("F41.9", 442077, "Anxiety disorder"),
    Condition("F43.2", _local_condition(3), "Adjustment disorder"),
    Condition("H25.9", _local_condition(4), "Senile cataract"),
    Condition("K35.8", _local_condition(5), "Acute appendicitis"),
    Condition("K80.2", _local_condition(6), "Gallstone"),
    Condition("L40.0", _local_condition(7), "Psoriasis"),
    Condition("S52.5", _local_condition(8), "Fracture of lower end of radius"),
    Condition("G12.2", 373182, "Amyotrophic lateral sclerosis"),
    Condition("G12.2", _local_condition(10), "Motor neuron disease other than amyotrophic lateral sclerosis"),
)
"""As `Block.conditions` counts them. Every motor neuron disease is coded G12.2; the standard concept tells ALS."""
SNOMED = {440383: "35489007", 442077: "197480006", 373182: "86044005"}
ALS_CONCEPT = CONDITIONS[len(DIAGNOSES)].concept
MOTOR_NEURON_DISEASE = _local_condition(11)

OBSERVATIONS = (
    "Highest education: primary", "Highest education: secondary", "Highest education: tertiary",
    "Disposable income: lowest fifth", "Disposable income: second fifth", "Disposable income: third fifth",
    "Disposable income: fourth fifth", "Disposable income: highest fifth",
    "Married or registered partner", "Divorced", "Widowed",
    "Included in the quality register of motor neuron disease", "Spinal onset", "Bulbar onset",
    "First symptom of motor neuron disease",
)  # fmt: skip
EDUCATION, INCOME, MARRIED, DIVORCED, WIDOWED, REGISTERED, ONSET_SITE, FIRST_SYMPTOM = 0, 3, 8, 9, 10, 11, 12, 14
"""Positions in `OBSERVATIONS` where education (by level), income (by fifth), …, the site of onset begin, and others."""

CLASS_NAMES = {
    "A02B": "Drugs for peptic ulcer and gastro-oesophageal reflux disease (GORD)",
    "A02BC": "Proton pump inhibitors",
    "C08C": "Selective calcium channel blockers with mainly vascular effects",
    "C08CA": "Dihydropyridine derivatives",
    "C09A": "ACE inhibitors, plain",
    "C09AA": "ACE inhibitors, plain",
    "H03A": "Thyroid preparations",
    "H03AA": "Thyroid hormones",
    "J01C": "Beta-lactam antibacterials, penicillins",
    "J01CE": "Beta-lactamase sensitive penicillins",
    "N05B": "Anxiolytics",
    "N05BA": "Benzodiazepine derivatives",
    "N05BB": "Diphenylmethane derivatives",
    "N05BE": "Azaspirodecanedione derivatives",
    "N05C": "Hypnotics and sedatives",
    "N05CD": "Benzodiazepine derivatives",
    "N05CF": "Benzodiazepine related drugs",
    "N05CH": "Melatonin receptor agonists",
    "N05CM": "Other hypnotics and sedatives",
    "N06A": "Antidepressants",
    "N06AA": "Non-selective monoamine reuptake inhibitors",
    "N06AB": "Selective serotonin reuptake inhibitors",
    "N06AG": "Monoamine oxidase A inhibitors",
    "N06AX": "Other antidepressants",
    "N07X": "Other nervous system drugs",
    "N07XX": "Other nervous system drugs",
    "R06A": "Antihistamines for systemic use",
    "R06AX": "Other antihistamines for systemic use",
}
_ATC = (*CLASS_NAMES, *(drug.atc for drug in FORMULARY))

STANDARD = (
    Concept(0, "No matching concept", "Metadata", "None", "Undefined", None, "No matching concept"),
    Concept(MALE, "MALE", "Gender", "Gender", "Gender", "S", "M"),
    Concept(FEMALE, "FEMALE", "Gender", "Gender", "Gender", "S", "F"),
    Concept(REGISTRY, "Registry", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976952"),
    Concept(EHR, "EHR", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976890"),
    Concept(EHR_PRESCRIPTION, "EHR prescription", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976911"),
    Concept(EHR_PROBLEM_LIST, "EHR problem list", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976913"),
    Concept(DISPENSING, "EHR dispensing record", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976898"),
    Concept(OUTPATIENT, "Outpatient Visit", "Visit", "Visit", "Visit", "S", "OP"),
    Concept(MILLIGRAM, "milligram", "Unit", "UCUM", "Unit", "S", "mg"),
    Concept(CDM_54, "OMOP CDM Version 5.4.0", "Metadata", "CDM", "CDM", "S", "CDM v5.4.0"),
    Concept(PERSON_TABLE, "person", "Metadata", "CDM", "Table", "S", "person"),
    Concept(MOTHER, "Mother", "Relationship", "SNOMED", "Social Context", "S", "72705000"),
    Concept(CHILD, "Child", "Relationship", "SNOMED", "Social Context", "S", "67822003"),
    Concept(FATHER, "Father", "Relationship", "SNOMED", "Social Context", "S", "66839005"),
    Concept(SPOUSE, "Spouse", "Relationship", "SNOMED", "Social Context", "S", "127848009"),
    Concept(FULL_BROTHER, "Natural brother", "Relationship", "SNOMED", "Social Context", "S", "60614009"),
    Concept(FULL_SISTER, "Natural sister", "Relationship", "SNOMED", "Social Context", "S", "73678001"),
    Concept(HALF_BROTHER, "Half-brother", "Relationship", "SNOMED", "Social Context", "S", "45929001"),
    Concept(HALF_SISTER, "Half-sister", "Relationship", "SNOMED", "Social Context", "S", "2272004"),
)


def product_id(drug: int) -> int:
    """Standard concept of the product dispensed, for the position of a drug in the formulary."""
    return LOCAL + 1_000 + drug


def ingredient_id(drug: int) -> int:
    """Standard concept of the substance."""
    return LOCAL + 2_000 + drug


def atc_id(code: str) -> int:
    """Concept of an ATC code of the formulary or of a class above it."""
    return LOCAL + 3_000 + _ATC.index(code)


def icd10_id(condition: int) -> int:
    """Concept of the ICD-10 code, for the position of a diagnosis in `CONDITIONS`; one concept a code."""
    codes = [each.code for each in CONDITIONS]
    return LOCAL + 4_000 + codes.index(codes[condition])


def problem_id(problem: int) -> int:
    """Standard concept of an entry of a problem list, for its position in `PROBLEMS`."""
    return _local_condition(100 + problem)


def icd10cm_id(problem: int) -> int:
    """Concept of the ICD-10-CM code of an entry of a problem list."""
    return LOCAL + 4_100 + problem


def procedure_id(procedure: int) -> int:
    """Concept of a procedure, for its position in `PROCEDURES`."""
    return LOCAL + 6_000 + procedure


def measurement_id(measurement: int) -> int:
    """Concept of a measurement, for its position in `MEASUREMENTS`."""
    return LOCAL + 7_000 + measurement


def observation_id(observation: int) -> int:
    """Concept of an observation, for its position in `OBSERVATIONS`."""
    return LOCAL + 8_000 + observation


def concepts() -> tuple[Concept, ...]:
    """Every concept that the database refers to."""
    return tuple(sorted({*STANDARD, *_drugs(), *_conditions(), *_others()}))


def _drugs() -> list[Concept]:
    found = []
    for i, drug in enumerate(FORMULARY):
        product = f"{drug.substance} {drug.milligrams:g} MG Oral Tablet"
        found.append(Concept(product_id(i), product, "Drug", "Simulated", "Clinical Drug", "S", f"P-{drug.atc}"))
        found.append(Concept(ingredient_id(i), drug.substance, "Drug", "Simulated", "Ingredient", "S", f"I-{drug.atc}"))
    names = CLASS_NAMES | {drug.atc: drug.substance for drug in FORMULARY}
    found += [
        Concept(atc_id(code), name, "Drug", "ATC", ATC_LEVELS[len(code)], "C", code) for code, name in names.items()
    ]
    return found


def _conditions() -> list[Concept]:
    named = [(condition.concept, condition.name) for condition in CONDITIONS]
    found = [_local(concept, name, "Condition", "Disorder") for concept, name in named]
    found.append(_local(MOTOR_NEURON_DISEASE, "Motor neuron disease", "Condition", "Disorder"))
    for i, condition in enumerate(CONDITIONS[: len(DIAGNOSES)]):
        found.append(Concept(icd10_id(i), condition.name, "Condition", "ICD10", "ICD10 code", None, condition.code))
    for i, problem in enumerate(PROBLEMS):
        found.append(_local(problem_id(i), problem.name, "Condition", "Disorder"))
        code_class = f"{len(problem.code) - 1}-char billing code"
        found.append(Concept(icd10cm_id(i), problem.name, "Condition", "ICD10CM", code_class, None, problem.code))
    name, code = "Motor neuron disease", CONDITIONS[-1].code
    found.append(Concept(icd10_id(len(DIAGNOSES)), name, "Condition", "ICD10", "ICD10 code", None, code))
    return found


def _others() -> list[Concept]:
    measures = [f"ALSFRS-R {name}" if i < 12 else name for i, name in enumerate(MEASUREMENTS)]
    return [
        *(_local(procedure_id(i), name.capitalize(), "Procedure", "Procedure") for i, name in enumerate(PROCEDURES)),
        *(_local(measurement_id(i), name, "Measurement", "Clinical Observation") for i, name in enumerate(measures)),
        *(_local(observation_id(i), name, "Observation", "Clinical Finding") for i, name in enumerate(OBSERVATIONS)),
    ]


def _local(concept: int, name: str, domain: str, concept_class: str) -> Concept:
    if concept in SNOMED:
        return Concept(concept, name, domain, "SNOMED", concept_class, "S", SNOMED[concept])
    return Concept(concept, name, domain, "Simulated", concept_class, "S", f"{domain[0]}-{concept % LOCAL}")


def ancestors() -> tuple[tuple[int, int, int], ...]:
    """(ancestor, descendant, levels between them): product, substance, ATC levels 5 to 3; conditions; each its own."""
    found = {(concept.concept_id, concept.concept_id, 0) for concept in concepts() if concept.standard_concept == "S"}
    for i, drug in enumerate(FORMULARY):
        chain = (product_id(i), ingredient_id(i), *(atc_id(drug.atc[:length]) for length in (7, 5, 4)))
        found |= {(chain[up], chain[at], up - at) for at in range(5) for up in range(at, 5)}
    found |= {(MOTOR_NEURON_DISEASE, condition.concept, 1) for condition in CONDITIONS[len(DIAGNOSES) :]}
    return tuple(sorted(found))
