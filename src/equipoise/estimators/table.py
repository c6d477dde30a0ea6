"""A data frame of any kind, as columns of numbers, levels and codes.

Identifiers never pass through floating point: they are integers or whatever can be told apart, and become codes.
"""

from collections.abc import Iterable, Mapping, Sequence

import narwhals as nw
import numpy as np

from equipoise.errors import DesignError, Fault

KINDS = ("pandas", "polars", "pyarrow")
FACTORS = (nw.String, nw.Categorical, nw.Enum, nw.Boolean)


class Table:
    """A pandas, Polars or Arrow table. `kind` names the library, so that results come back the same way."""

    def __init__(self, frame: nw.DataFrame):
        self.frame = frame
        name = str(frame.implementation).lower()
        self.kind = name if name in KINDS else "pandas"

    def __len__(self) -> int:
        return len(self.frame)

    def require(self, names: Iterable[str], identifiers: bool = False) -> None:
        """Refuse columns that do not exist, hold missing or infinite values, or cannot be numbers or levels.

        Identifiers can also be dates and times.
        """
        names = list(names)
        for name in names:
            refuse_arrays({"name of a column": name})
        absent = [name for name in names if name not in self.frame.columns]
        if absent:
            known = ", ".join(map(str, self.frame.columns))
            raise DesignError(Fault(f"column {label(name)}", "not in the data frame", known) for name in absent)
        faults = [fault for name in names if (fault := self._fault(name, identifiers)) is not None]
        if faults:
            raise DesignError(faults)

    def is_float(self, name: str) -> bool:
        """Whether a column exists and holds double-precision numbers."""
        return name in self.frame.columns and self.frame[name].dtype == nw.Float64

    def numbers(self, name: str) -> np.ndarray:
        """A numeric column as float64 (n,)."""
        series = self.frame[name]
        if series.dtype != nw.Float64:
            series = series.cast(nw.Float64)
        return np.asarray(series.to_numpy(), np.float64)

    def levels(self, name: str) -> tuple[list[str] | None, np.ndarray]:
        """The observed levels of a factor in their order, the reference first, and each row's position among them.

        Declared order where there is one (pandas categories, Polars Enum, Arrow dictionaries), else sorted; a Boolean
        has reference False. None and no positions for a numeric column.
        """
        series = self.frame[name]
        if not _is_factor(series.dtype):
            return None, np.empty(0, np.int64)
        if series.dtype == nw.Boolean:
            observed, code = np.unique(np.asarray(series.to_numpy(), np.bool_), return_inverse=True)
            return [str(value) for value in observed], code
        values = series.cast(nw.String).to_list()
        seen = set(values)
        levels = [level for level in self._declared(series) if level in seen] or sorted(seen)
        position = {level: k for k, level in enumerate(levels)}
        return levels, np.fromiter(map(position.__getitem__, values), np.int64, len(values))

    def cases(self, name: str) -> np.ndarray:
        """A case indicator as uint8 (n,): 0/1 in any numeric type, or Boolean."""
        self.require([name])
        series = self.frame[name]
        if series.dtype == nw.Boolean:
            return np.asarray(series.to_numpy(), np.bool_).astype(np.uint8)
        if not series.dtype.is_numeric():
            raise DesignError(not_a_case(label(name), f"values of type {series.dtype}"))
        return as_cases(series.to_numpy(), label(name))

    def codes(self, name: str) -> np.ndarray:
        """An identifier as int64 codes (n,): equal where the values are equal."""
        self.require([name], identifiers=True)
        series = self.frame[name]
        if series.dtype.is_integer() and series.dtype != nw.UInt64:
            return np.asarray(series.cast(nw.Int64).to_numpy(), np.int64)
        return codes_of(series.to_list())

    def _declared(self, series: nw.Series) -> list[str]:
        if series.dtype == nw.String:
            return []
        native = series.to_native()
        if self.kind == "pandas":
            return [str(level) for level in native.cat.categories]
        if self.kind == "pyarrow":
            chunks = native.unify_dictionaries().chunks
            return [str(level) for level in chunks[0].dictionary.to_pylist()] if chunks else []
        return list(series.dtype.categories) if isinstance(series.dtype, nw.Enum) else []

    def _fault(self, name: str, identifier: bool) -> Fault | None:
        series = self.frame[name]
        is_time = series.dtype.is_temporal() and identifier
        if not (_is_factor(series.dtype) or series.dtype.is_numeric() or is_time):
            return Fault(f"column {label(name)}", f"type {series.dtype}", "numbers, Booleans, strings or categories")
        missing, infinite = series.null_count(), 0
        if series.dtype.is_float():
            values = self.numbers(name)
            missing, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        return not_finite(label(name), missing, infinite, len(self)) if missing or infinite else None


def is_array(value: object) -> bool:
    """Whether a value is an array, list or series of values instead of a column's name."""
    return isinstance(value, list) or (hasattr(value, "__array__") and np.ndim(value) > 0)


def refuse_arrays(roles: Mapping[str, object]) -> None:
    """Refuse what is an array instead of the name of a column, by role."""
    arrays = {role: value for role, value in roles.items() if is_array(value)}
    if arrays:
        allowed, remedy = "the name of a column", "put the values into the data frame as a column, and name it"
        found = {role: f"an array of shape {np.shape(value)}" for role, value in arrays.items()}
        raise DesignError(Fault(role, found[role], allowed, remedy) for role in arrays)


def label(name: object) -> str:
    """A column's name as it is shown in messages."""
    return repr(str(name))


def codes_of(values: Sequence[object]) -> np.ndarray:
    """Codes in order of first appearance, int64 (n,), of values that can be told apart."""
    seen: dict[object, int] = {}
    return np.fromiter((seen.setdefault(value, len(seen)) for value in values), np.int64, len(values))


def as_cases(values: np.ndarray, name: str) -> np.ndarray:
    """A case indicator as uint8, or a DesignError; `name` is what messages call it."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise DesignError(not_a_case(name, f"values of type {values.dtype}"))
    is_case = values == 1
    other = len(values) - int(np.count_nonzero(is_case)) - int(np.count_nonzero(values == 0))
    if other:
        raise DesignError(not_a_case(name, f"{other:,} values that are neither 0 nor 1"))
    return is_case.astype(np.uint8)


def not_a_case(name: str, found: str) -> Fault:
    return Fault(f"case indicator {name}", found, "0 and 1, or false and true", "derive an indicator, 1 for a case")


def not_finite(name: str, missing: int, infinite: int, rows: int) -> Fault:
    """The fault of one column with values that a model cannot use."""
    return Fault(
        f"column {name}",
        f"{missing:,} missing and {infinite:,} infinite values in {rows:,} rows",
        "finite numbers or levels in every column the model uses",
        "leave these rows out, impute them, or make 'missing' a level of its own",
    )


def out_of_range(name: str, found: str) -> Fault:
    """The fault of one column whose squares a computer cannot hold."""
    return Fault(f"column {name}", found, "sizes between 1e-100 and 1e100", "give the column in another unit")


def _is_factor(dtype: nw.dtypes.DType) -> bool:
    return any(dtype == kind for kind in FACTORS)
