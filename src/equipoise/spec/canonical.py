"""The canonical form of a study and its hash: what two files that say the same thing have in common."""

import hashlib
import json
from typing import Any

from equipoise.spec.model import Model


def canonical(part: Model) -> dict[str, Any]:
    """A part of a study as plain values with every default written out.

    Key order of the file, comments and spelled-out defaults make no difference.
    """
    # By way of JSON text, where pydantic writes infinities as the word "Infinity" (and reads it back).
    return json.loads(part.model_dump_json(by_alias=True))


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, no infinite floats (see `canonical`)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 (hexadecimal) of the canonical text of plain values."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def study_hash(study: Model) -> str:
    """SHA-256 (hexadecimal) of a study's canonical form."""
    return content_hash(canonical(study))
