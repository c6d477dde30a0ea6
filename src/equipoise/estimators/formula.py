"""Right-hand-side formulas for data-frame users, through formulaic. A formula is trusted code: it can call functions.

Study files never hold formulas; they declare covariates by name.
"""

import re
from collections.abc import Mapping

import formulaic
import numpy as np
from formulaic.errors import FormulaicError
from formulaic.transforms.contrasts import TreatmentContrasts

from equipoise.errors import DesignError, Fault
from equipoise.estimators.table import Table

INTERCEPT = "Intercept"
_TREATMENT = re.compile(r"\[T\.")


def formula_columns(table: Table, formula: str) -> tuple[np.ndarray, tuple[str, ...], Mapping[str, str]]:
    """The model matrix (n, p) without its intercept, the terms, and the reference level by factor.

    Factors are treatment-coded against their first level, as if the model had an intercept.
    """
    if "~" in formula:
        raise DesignError(Fault("formula", "an outcome before ~", "the right-hand side only, such as 'age + sex'"))
    parsed = _parsed(formula)
    table.require(sorted(str(name) for name in parsed.required_variables if str(name) in table.frame.columns))
    try:
        matrix = parsed.get_model_matrix(table.frame.to_native(), na_action="ignore", output="numpy")
    except (FormulaicError, KeyError, NameError, TypeError, ValueError) as problem:
        raise DesignError(Fault("formula", type(problem).__name__, "columns of the data frame", str(problem))) from None
    names = list(matrix.model_spec.column_names)
    if INTERCEPT not in names:
        raise DesignError(Fault("formula", "leaves the intercept out", "no 0 or -1: matched sets stand for it"))
    at = [k for k, name in enumerate(names) if name != INTERCEPT]
    if not at:
        raise DesignError(Fault("formula", "no covariates", "at least one"))
    x = np.ascontiguousarray(np.asarray(matrix, np.float64)[:, at])
    return x, tuple(_TREATMENT.sub("[", names[k]) for k in at), _references(matrix.model_spec)


def _parsed(formula: str) -> formulaic.Formula:
    try:
        return formulaic.Formula(f"1 + {formula}")
    except (FormulaicError, SyntaxError) as problem:
        raise DesignError(Fault("formula", type(problem).__name__, "such as 'age + sex + age:sex'")) from None


def _references(spec: formulaic.ModelSpec) -> dict[str, str]:
    references = {}
    for factor, state in spec.factor_contrasts.items():
        levels = [str(level) for level in state.levels]
        base = str(getattr(state.contrasts, "base", None))
        if isinstance(state.contrasts, TreatmentContrasts) and levels:
            references[str(factor)] = base if base in levels else levels[0]
    return references
