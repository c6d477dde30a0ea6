"""Propensity scores that a step has estimated once, for every estimate of a comparison and of its negative controls."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from equipoise.analysis_set import AnalysisSet
from equipoise.runner.artifact import Artifact

ROLE = "propensity"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores by person code of a comparison, with the covariates that were found in the database.

    score   float64 (n,), NaN of persons with a missing covariate
    kept    bool (n,), whom trimming left
    after   float64 (n,), the score estimated anew among those left; that of everybody where nobody was trimmed
    x       float64 CSC (n, p), the covariates of the set; their names beside it
    findings  what a reader should know of the score
    """

    score: np.ndarray
    kept: np.ndarray
    after: np.ndarray
    x: sparse.csc_array
    names: tuple[str, ...]
    findings: tuple[str, ...]

    def covariates_of(self, people: AnalysisSet) -> sparse.csc_array:
        """The covariates of the set, of some persons of the comparison."""
        return sparse.csc_array(sparse.csr_array(self.x)[people.person])


def pack_covariates(x: sparse.csc_array, names: tuple[str, ...], findings: tuple[str, ...]) -> Artifact:
    arrays = {"data": x.data, "indices": x.indices, "indptr": x.indptr}
    return Artifact(arrays, {"shape": list(x.shape), "names": list(names), "findings": list(findings)})


def unpack_covariates(made: Artifact) -> sparse.csc_array:
    return sparse.csc_array((made["data"], made["indices"], made["indptr"]), shape=tuple(made.values["shape"]))


def scored_of(inputs: Mapping[str, Artifact]) -> Scored | None:
    """The scores among the inputs of a step, None where each estimate makes its own."""
    if ROLE not in inputs:
        return None
    made, covariates = inputs[ROLE], inputs["covariate set"]
    return Scored(
        np.asarray(made["score"]),
        np.asarray(made["kept"]),
        np.asarray(made["after"]),
        unpack_covariates(covariates),
        tuple(covariates.values["names"]),
        tuple(made.values["findings"]),
    )
