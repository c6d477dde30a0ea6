"""What a step leaves behind: named arrays and plain values, with a digest of both."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Artifact:
    """The result of one step. Arrays hold person-level values, so an artifact lives only in memory or in the store."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def digest(self) -> str:
        """BLAKE2b (hexadecimal) of every array (type, shape, bytes) and of the values as canonical JSON."""
        state = hashlib.blake2b(digest_size=24)
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            state.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
            state.update(array.view(np.uint8).reshape(-1).data if array.size else b"")
        state.update(json.dumps(self.values, sort_keys=True, separators=(",", ":")).encode())
        return state.hexdigest()
