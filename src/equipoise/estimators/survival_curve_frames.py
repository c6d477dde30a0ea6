"""Columns of text and numbers as a frame of the kind that came in."""

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

Columns = Mapping[str, Sequence[Any] | np.ndarray]


def frame_of(columns: Columns, kind: str) -> Any:
    """A native frame of the library `kind`. Columns of text, whole numbers or numbers; a Reason is written as text."""
    # pandas infers the same kinds itself, while a declared string column would hold the word "None"
    kinds = None if kind == "pandas" else {name: _kind(values) for name, values in columns.items()}
    plain = {name: _plain(values) for name, values in columns.items()}
    return nw.from_dict(plain, kinds, backend=kind).to_native()


def _kind(values: Sequence[Any] | np.ndarray) -> Any:
    if isinstance(values, np.ndarray):
        return nw.Int64() if values.dtype.kind in "iu" else nw.Float64()
    return nw.String()


def _plain(values: Sequence[Any] | np.ndarray) -> Any:
    if isinstance(values, np.ndarray):
        return values
    return [None if value is None else str(value) for value in values]
