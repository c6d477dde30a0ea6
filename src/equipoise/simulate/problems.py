"""The problem lists of the network's patients: weak breathing, and diseases that nothing joins to ALS."""

from typing import NamedTuple

import numpy as np

from equipoise.simulate.block import People, Place, Records
from equipoise.simulate.psychiatry import control_days, sorted_once
from equipoise.simulate.spec_problems import ProblemLists
from equipoise.simulate.streams import stream


class Problem(NamedTuple):
    """An entry of a problem list: ICD-10-CM code and name."""

    code: str
    name: str


PROBLEMS = (
    Problem("G47.36", "Sleep related hypoventilation in conditions classified elsewhere"),
    Problem("J96.10", "Chronic respiratory failure"),
    Problem("B02.9", "Zoster"),
    Problem("B07.9", "Viral wart"),
    Problem("B35.1", "Fungal infection of nails"),
    Problem("C44.91", "Basal cell carcinoma of skin"),
    Problem("D12.6", "Benign neoplasm of colon"),
    Problem("D17.9", "Benign lipomatous neoplasm"),
    Problem("D22.9", "Melanocytic naevus"),
    Problem("E04.1", "Nontoxic single thyroid nodule"),
    Problem("E55.9", "Vitamin D deficiency"),
    Problem("H00.19", "Chalazion"),
    Problem("H04.129", "Dry eye syndrome"),
    Problem("H10.9", "Conjunctivitis"),
    Problem("H35.30", "Macular degeneration"),
    Problem("H40.9", "Glaucoma"),
    Problem("H43.819", "Vitreous degeneration"),
    Problem("H52.4", "Presbyopia"),
    Problem("H60.90", "Otitis externa"),
    Problem("H61.20", "Impacted cerumen"),
    Problem("H91.90", "Hearing loss"),
    Problem("I83.90", "Varicose veins of lower extremity"),
    Problem("J30.9", "Allergic rhinitis"),
    Problem("K40.90", "Inguinal hernia"),
    Problem("K57.30", "Diverticulosis of large intestine"),
    Problem("K64.9", "Haemorrhoids"),
    Problem("L21.9", "Seborrhoeic dermatitis"),
    Problem("L30.9", "Dermatitis"),
    Problem("L57.0", "Actinic keratosis"),
    Problem("L60.0", "Ingrowing nail"),
    Problem("L72.0", "Epidermal cyst"),
    Problem("L82.1", "Seborrhoeic keratosis"),
    Problem("M10.9", "Gout"),
    Problem("M17.9", "Osteoarthritis of knee"),
    Problem("M20.10", "Hallux valgus"),
    Problem("M72.2", "Plantar fasciitis"),
    Problem("N20.0", "Calculus of kidney"),
)
"""As `View.problems` counts them: what `breathing.BREATHING` names, then the diseases of `spec_problems.AMBULATORY`."""
CATEGORIES = [problem.code[:3] for problem in PROBLEMS]


def draw_problems(rules: ProblemLists, place: Place, people: People, breathing: Records) -> Records:
    """Every entry that a network which saw all of a block's people would make, sorted; `what` indexes `PROBLEMS`.

    Every disease has a random stream of its own.

    >>> from equipoise.simulate.nation_spec import NationSpec
    >>> from equipoise.simulate.population import draw_people
    >>> spec, place = NationSpec(), Place(seed=1, block=0, first_person=1, persons=500)
    >>> nobody = Records(*(np.zeros(0, int) for _ in range(4)))
    >>> records = draw_problems(spec.problems, place, draw_people(spec, place)[0], nobody)
    >>> bool((records.what >= 2).all())
    True
    """
    found = [(breathing.person, breathing.day)]
    kinds = [breathing.what.astype(np.int64)]
    for category, rule in rules.controls.items():
        person, day = control_days(people, rule, stream(place.seed, f"problem {category} {place.block}"))
        found.append((person, day))
        kinds.append(np.full(len(person), CATEGORIES.index(category)))
    person, day = (np.concatenate(column) for column in zip(*found, strict=True))
    return sorted_once(people, person, day, np.concatenate(kinds))


def nobody_listed() -> Records:
    """The problem lists of a source that keeps none."""
    return Records(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(0, np.float32))
