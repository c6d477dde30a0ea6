"""Where machine code is kept, and that nothing about it can fail an import or an answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from equipoise.kernels import jit

SCRIPT = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
import kernel_under_test
print(kernel_under_test.double(21))
"""
KERNEL = "from equipoise.kernels.jit import compiled\n\n@compiled\ndef double(x):\n    return 2 * x\n"


def run(folder: Path, cache: str, *flags: str) -> subprocess.CompletedProcess:
    (folder / "kernel_under_test.py").write_text(KERNEL)
    command = [sys.executable, *flags, "-c", SCRIPT, str(folder)]
    environment = {"PATH": "/usr/bin:/bin", "EQUIPOISE_KERNEL_CACHE": cache}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_machine_code_is_kept_in_the_named_folder(tmp_path: Path) -> None:
    done = run(tmp_path, str(tmp_path / "cache"))
    assert done.stdout.strip() == "42"
    assert done.stderr == ""
    assert list((tmp_path / "cache").rglob("*.nbc"))


def test_a_file_may_run_under_another_name_without_harm_to_its_machine_code(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert run(tmp_path, cache).stdout.strip() == "42"
    alone = [
        sys.executable,
        "-c",
        "import runpy, sys; print(runpy.run_path(sys.argv[1])['double'](4))",
    ]
    environment = {"PATH": "/usr/bin:/bin", "EQUIPOISE_KERNEL_CACHE": cache}
    path = str(tmp_path / "kernel_under_test.py")
    done = subprocess.run([*alone, path], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "8", done.stderr
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("flags", [(), ("-W", "error::RuntimeWarning")])
def test_where_nothing_can_be_written_it_is_compiled_each_time_with_one_warning(tmp_path: Path, flags: tuple) -> None:
    done = run(tmp_path, "/dev/null/nowhere", *flags)
    assert done.stdout.strip() == "42"
    assert done.stderr.count("cannot be kept on disk") == 1


def test_a_cache_that_fills_up_costs_time_and_not_the_answer(recwarn: pytest.WarningsRecorder) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    jit._warn_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="cannot be kept on disk"):
        assert jit._tolerant(full)("anything") is None
    assert jit._tolerant(full)("again") is None
    jit._warn_once.cache_clear()


def test_a_damaged_cache_is_compiled_over(tmp_path: Path) -> None:
    assert run(tmp_path, str(tmp_path / "cache")).stdout.strip() == "42"
    for place in (tmp_path / "cache").rglob("*.nbc"):
        place.write_bytes(b"not machine code")
    done = run(tmp_path, str(tmp_path / "cache"))
    assert done.stdout.strip() == "42"


def test_the_folder_changes_with_an_imported_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_KERNELS", tmp_path)
    (tmp_path / "below.py").write_text("A = 1\n")
    above = tmp_path / "above.py"
    above.write_text("from equipoise.kernels.below import A\n")
    before = jit._digest(above)
    (tmp_path / "below.py").write_text("A = 2\n")
    assert jit._digest(above) != before


def test_sums_are_compiled_too() -> None:
    @jit.compiled_sums
    def dot(a, b):
        total = 0.0
        for i in range(len(a)):
            total += a[i] * b[i]
        return total

    assert dot((1.0, 2.0), (3.0, 4.0)) == 11.0
