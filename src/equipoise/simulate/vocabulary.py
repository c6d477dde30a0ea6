"""The vocabulary of the simulated database: real ATC and ICD-10 codes, a handful of drugs, and how they hang together.

ATC codes and names: WHO Collaborating Centre for Drug Statistics Methodology. Concepts of demography, record type, unit
and condition carry their identifiers in the OMOP standardized vocabularies; drugs, ATC and ICD-10 codes carry
identifiers above two billion, which OMOP leaves to local concepts.
"""

from typing import NamedTuple

LOCAL = 2_000_000_000
ATC_LEVELS = {4: "ATC 3rd", 5: "ATC 4th", 7: "ATC 5th"}

MALE, FEMALE, REGISTRY, DISPENSING, OUTPATIENT, MILLIGRAM, CDM_54 = 8507, 8532, 32879, 32825, 9202, 8576, 756265
DEPRESSION, ANXIETY, ALS = 440383, 442077, 373182


class Drug(NamedTuple):
    """A drug: ATC code, substance, strength of a tablet in milligrams, weight within its class."""

    atc: str
    substance: str
    milligrams: float
    weight: int


class Concept(NamedTuple):
    """A row of the concept table, without its dates of validity."""

    concept_id: int
    concept_name: str
    domain_id: str
    vocabulary_id: str
    concept_class_id: str
    standard_concept: str | None
    concept_code: str


DRUGS = (
    Drug("N05BA01", "diazepam", 5, 3),
    Drug("N05BA04", "oxazepam", 10, 4),
    Drug("N05BA12", "alprazolam", 0.5, 1),
    Drug("N05BB01", "hydroxyzine", 25, 4),
    Drug("N05CF01", "zopiclone", 7.5, 5),
    Drug("N05CF02", "zolpidem", 10, 2),
    Drug("N05CH01", "melatonin", 2, 2),
    Drug("N05CM06", "propiomazine", 25, 3),
    Drug("N06AA09", "amitriptyline", 25, 2),
    Drug("N06AB04", "citalopram", 20, 4),
    Drug("N06AB06", "sertraline", 50, 5),
    Drug("N06AB10", "escitalopram", 10, 3),
    Drug("N06AX11", "mirtazapine", 15, 4),
    Drug("N06AX16", "venlafaxine", 75, 2),
    Drug("A02BC01", "omeprazole", 20, 6),
    Drug("A02BC02", "pantoprazole", 40, 2),
    Drug("A02BC05", "esomeprazole", 20, 2),
)

CLASSES = {
    "A02B": "Drugs for peptic ulcer and gastro-oesophageal reflux disease (GORD)",
    "A02BC": "Proton pump inhibitors",
    "N05B": "Anxiolytics",
    "N05BA": "Benzodiazepine derivatives",
    "N05BB": "Diphenylmethane derivatives",
    "N05C": "Hypnotics and sedatives",
    "N05CF": "Benzodiazepine related drugs",
    "N05CH": "Melatonin receptor agonists",
    "N05CM": "Other hypnotics and sedatives",
    "N06A": "Antidepressants",
    "N06AA": "Non-selective monoamine reuptake inhibitors",
    "N06AB": "Selective serotonin reuptake inhibitors",
    "N06AX": "Other antidepressants",
}

ICD10 = (
    ("F32.9", "Depressive episode, unspecified", DEPRESSION),
    ("F41.9", "Anxiety disorder, unspecified", ANXIETY),
    ("G12.2", "Motor neuron disease", ALS),
)

STANDARD = (
    Concept(0, "No matching concept", "Metadata", "None", "Undefined", None, "No matching concept"),
    Concept(MALE, "MALE", "Gender", "Gender", "Gender", "S", "M"),
    Concept(FEMALE, "FEMALE", "Gender", "Gender", "Gender", "S", "F"),
    Concept(REGISTRY, "Registry", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976952"),
    Concept(DISPENSING, "EHR dispensing record", "Type Concept", "Type Concept", "Type Concept", "S", "OMOP4976898"),
    Concept(OUTPATIENT, "Outpatient Visit", "Visit", "Visit", "Visit", "S", "OP"),
    Concept(MILLIGRAM, "milligram", "Unit", "UCUM", "Unit", "S", "mg"),
    Concept(CDM_54, "OMOP CDM Version 5.4.0", "Metadata", "CDM", "CDM", "S", "CDM v5.4.0"),
    Concept(DEPRESSION, "Depressive disorder", "Condition", "SNOMED", "Disorder", "S", "35489007"),
    Concept(ANXIETY, "Anxiety disorder", "Condition", "SNOMED", "Disorder", "S", "197480006"),
    Concept(ALS, "Amyotrophic lateral sclerosis", "Condition", "SNOMED", "Disorder", "S", "86044005"),
)


def product_id(drug: int) -> int:
    """Standard concept of the product dispensed, for the position of a drug in `DRUGS`."""
    return LOCAL + 1_000 + drug


def ingredient_id(drug: int) -> int:
    """Standard concept of the substance."""
    return LOCAL + 2_000 + drug


def atc_id(code: str) -> int:
    """Concept of an ATC code of `DRUGS` or `CLASSES`."""
    return LOCAL + 3_000 + [*CLASSES, *(drug.atc for drug in DRUGS)].index(code)


def icd10_id(diagnosis: int) -> int:
    """Concept of an ICD-10 code, for its position in `ICD10`."""
    return LOCAL + 4_000 + diagnosis


def concepts() -> tuple[Concept, ...]:
    """Every concept that the database refers to."""
    found = list(STANDARD)
    for i, drug in enumerate(DRUGS):
        product = f"{drug.substance} {drug.milligrams:g} MG Oral Tablet"
        found.append(Concept(product_id(i), product, "Drug", "Simulated", "Clinical Drug", "S", f"P-{drug.atc}"))
        found.append(Concept(ingredient_id(i), drug.substance, "Drug", "Simulated", "Ingredient", "S", f"I-{drug.atc}"))
    for code, name in (CLASSES | {drug.atc: drug.substance for drug in DRUGS}).items():
        found.append(Concept(atc_id(code), name, "Drug", "ATC", ATC_LEVELS[len(code)], "C", code))
    for i, (code, name, _) in enumerate(ICD10):
        found.append(Concept(icd10_id(i), name, "Condition", "ICD10", "ICD10 code", None, code))
    return tuple(sorted(found))


def ancestors() -> tuple[tuple[int, int, int], ...]:
    """(ancestor, descendant, levels between them): product, substance, ATC levels 5, 4 and 3, each also its own."""
    found = {(concept, concept, 0) for concept in (DEPRESSION, ANXIETY, ALS)}
    for i, drug in enumerate(DRUGS):
        chain = (product_id(i), ingredient_id(i), *(atc_id(drug.atc[:length]) for length in (7, 5, 4)))
        found |= {(chain[up], chain[at], up - at) for at in range(5) for up in range(at, 5)}
    return tuple(sorted(found))
