"""Drugs that stand in both arms, whatever each study file calls them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from equipoise.knowledge.rem_sleep import rem_facts, rem_groups
from equipoise.lint.findings import Finding, under
from equipoise.spec.concepts import ConceptItem, ConceptSet
from equipoise.spec.study import Analysis, Study

ATC = "ATC"
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Code:
    """A drug, or with `below` all drugs whose ATC code begins so."""

    vocabulary: str
    code: str
    below: bool = False

    def covers(self, other: "Code") -> bool:
        """Whether the other is this drug, or one of these."""
        within = self.below and self.vocabulary == ATC and other.code.startswith(self.code)
        return self.vocabulary == other.vocabulary and (self.code == other.code or within)


def drug_in_both_arms(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """A drug, or a class with it, is named on both sides, as codes, classes, ingredients or facts of the knowledge."""
    design = analysis.follow_up
    if design is None or design.comparator is None:
        return
    for target in design.target:
        arms = (study.exposures[name].concept_sets for name in (target, design.comparator))
        found = {
            code for one, two in product(*arms) for code in _common(study.concept_sets[one], study.concept_sets[two])
        }
        if found:
            yield Finding(
                "drug-in-both-arms",
                under(analysis, "design.target"),
                f"{target!r} and the comparator {design.comparator!r} both hold {_listed(found)}",
                "who uses it counts on both sides, and a rule meant for other patients leaves them out or picks one; "
                "arms are to differ in their drug (Lund, Richardson & Stürmer, Curr Epidemiol Rep 2015;2:221)",
                "exclude it from one of the two concept sets",
            )


def _common(one: ConceptSet, two: ConceptSet) -> set[Code]:
    """Codes that both sets hold after what they exclude; the narrower where one is a class."""
    left_out = [code for given in (one, two) for item in given.exclude for code in _codes(item)]
    pairs = product(*([code for item in given.include or () for code in _codes(item)] for given in (one, two)))
    shared = (b if a.covers(b) else a for a, b in pairs if a.covers(b) or b.covers(a))
    return {code for code in shared if not any(other.covers(code) for other in left_out)}


def _codes(item: ConceptItem) -> Iterator[Code]:
    """An item as codes; what it is called in other vocabularies as well."""
    if item.knowledge is not None:
        if item.file is None:  # a user's own facts are codes already, once the file was read
            drugs = getattr(rem_groups(rem_facts(), item.set or "default"), str(item.group))
            yield from (code for drug in drugs for code in _codes(drug.concept_item))
    elif item.concept_id is not None:
        yield Code("concept_id", str(item.concept_id))
    elif item.code_prefix is not None:
        yield Code(item.vocabulary or ATC, item.code_prefix.replace(".", "").upper(), below=True)
    else:
        yield Code(str(item.vocabulary), str(item.code), item.descendants)
        yield from (Code(same.vocabulary, same.code or str(same.name).lower()) for same in item.also)


def _listed(codes: set[Code]) -> str:
    """ATC codes where there are any: one drug has several names."""
    classes = sorted(code.code for code in codes if code.vocabulary == ATC)
    named = classes or sorted(f"{code.vocabulary} {code.code}" for code in codes)
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more
