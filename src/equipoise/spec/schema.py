"""The JSON Schema of a study file, for editors and for other tools."""

from typing import Any

from equipoise.spec.study import Study


def study_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a study file."""
    schema = Study.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": "Equipoise study"}
