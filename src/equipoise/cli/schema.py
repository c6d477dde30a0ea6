"""`equipoise schema`."""

import json
from argparse import Namespace

from equipoise.cli.output import say
from equipoise.spec.schema import study_schema


def execute(arguments: Namespace) -> int:
    say(json.dumps(study_schema(), indent=2, ensure_ascii=False))
    return 0
