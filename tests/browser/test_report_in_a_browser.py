"""The report opened in Chromium: every section is drawn, nothing is asked from outside, nothing is complained about."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from equipoise.report.write import write_report
from tests.report.example import example_results

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--enable-logging=stderr",
    "--v=0",
]


def browse(page: Path, profile: Path, *more: str) -> subprocess.CompletedProcess:
    assert BROWSER is not None
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", *more, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(example_results(), tmp_path_factory.mktemp("report") / "report.html")


def complaints(log: str) -> list[str]:
    """Messages of the page's own console; what the browser says of its surroundings does not count."""
    return [line for line in log.splitlines() if ":CONSOLE" in line]


def test_the_page_is_drawn_without_complaint(page: Path, tmp_path: Path) -> None:
    done = browse(page, tmp_path / "profile", "--dump-dom")
    assert complaints(done.stderr) == []
    assert len(re.findall(r"<section id=", done.stdout)) == 11
    assert "</html>" in done.stdout


def test_the_listener_hears_complaints(tmp_path: Path) -> None:
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
    bad = tmp_path / "bad.html"
    bad.write_text(f"<!DOCTYPE html><html><head>{policy}</head><body><img src='file:///nowhere.png'></body></html>")
    assert complaints(browse(bad, tmp_path / "profile", "--dump-dom").stderr)


@pytest.mark.parametrize("width", [1200, 600])
def test_the_page_is_no_wider_than_its_window(page: Path, tmp_path: Path, width: int) -> None:
    # A copy with a script of its own measures what the page needs; wide tables must scroll inside their own box.
    measure = "<script>document.title = document.documentElement.scrollWidth - window.innerWidth</script></body>"
    text = (
        page.read_text()
        .replace("script-src 'none'", "")
        .replace("default-src 'none'; ", "")
        .replace("</body>", measure)
    )
    copy = tmp_path / "measured.html"
    copy.write_text(text)
    done = browse(copy, tmp_path / "profile", "--dump-dom", f"--window-size={width},900")
    too_wide = int(re.search(r"<title>(-?\d+)</title>", done.stdout).group(1))
    assert too_wide <= 0


def test_the_page_prints(page: Path, tmp_path: Path) -> None:
    browse(page, tmp_path / "profile", f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
