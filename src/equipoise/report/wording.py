"""Labels of a study in the middle of a sentence, and age bands with the sign a journal prints."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from equipoise.spec.study import Study

# Names of persons and places keep their capital; those in the possessive ("Parkinson's") are known by it.
PROPER = re.compile(
    r"Alzheimer|Barrett|Basedow|Bechterew|Behcet|Burkitt|Charcot|Creutzfeldt|Crohn|Cushing|Down|"
    r"Dupuytren|Ewing|Graves|Guillain|Hashimoto|Hodgkin|Huntington|Kaposi|Lewy|Lyme|Marfan|"
    r"Niemann|Parkinson|Raynaud|Sjögren|Tourette|Turner|Wegener|Wilson|American|Asian|Danish|"
    r"English|European|Finnish|French|German|Nordic|Norwegian|Swedish"
)
Words = Callable[[str], str]


def lowered(label: str) -> str:
    """The label as it stands in mid-sentence. Names, and words with another capital or a digit, stay as they are.

    >>> lowered("Hypnotics and sedatives"), lowered("ALS in the register"), lowered("Parkinson's disease")
    ('hypnotics and sedatives', 'ALS in the register', "Parkinson's disease")
    """
    first = re.split(r"[\s,;:()/]", label, maxsplit=1)[0]
    plain = first.replace("-", "").isalpha() and first[:1].isupper() and first[1:].islower() and first[1:2].isalpha()
    if not plain or PROPER.fullmatch(first.split("-")[0]):
        return label
    return label[:1].lower() + label[1:]


def wording(study: Study, prose: bool = False) -> Words:
    """What puts a text of the page in order: labels of the study within a sentence without their capital, `≥` for `>=`.

    A label is within a sentence behind a word, a comma or a bracket; in running text (`prose`) behind a colon as well,
    which in captions and headings begins anew.
    """
    within = {label: text for label in _labels(study) if (text := lowered(label)) != label}
    known = "|".join(re.escape(label) for label in sorted(within, key=len, reverse=True))
    before = r"[^\W_A-Z]|[,:)]" if prose else r"[^\W_A-Z]|[,)]"
    pattern = re.compile(rf"(?:(?<=(?:{before}) )|(?<=\())(?:{known})(?!\w)") if within else None

    @cache
    def put(text: str) -> str:
        text = text.replace(">=", "≥").replace("<=", "≤")
        return text if pattern is None else pattern.sub(lambda found: within[found[0]], text)

    return put


def worded(row: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """A row of a result table with its texts put in order; ids have neither capitals nor spaces and stay."""
    return {name: words(value) if isinstance(value, str) else value for name, value in row.items()}


def _labels(study: Study) -> set[str]:
    named = [*study.exposures.values(), *study.concept_sets.values(), *study.cohorts.values(), *study.covariates]
    return {item.label for item in named if item.label}
