"""Runs the installed command as a user would: another process, its exit code and its two streams."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies" / "nsaid-gi-bleed.toml"
GIBLEED = ROOT.parent / "shared" / "data" / "gibleed"
COMMAND = [sys.executable, "-m", "equipoise"]


def equipoise(
    *arguments: object, store: Path | None = None, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`equipoise` with these arguments; intermediates go to `store`, never to the user's cache folder."""
    place = {"EQUIPOISE_STORE": str(store)} if store else {"EQUIPOISE_STORE": "/nonexistent/store"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        env=os.environ | place | (env or {}),
    )
