"""What is in tests/shared holds in the real MicroPython VM too."""

import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[1]
_RUNNER = _REPOSITORY / "tests" / "shared_runner.py"
_VM = Path(sys.executable).with_name("micropython")
_MODULES = sorted(path.stem for path in (_REPOSITORY / "tests" / "shared").glob("test_*.py"))


def _run(*modules: str, repository: Path = _REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_VM, "-X", "heapsize=4m", _RUNNER, repository, *modules],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.vm
@pytest.mark.parametrize("module", _MODULES)
def test_shared_module_in_the_vm(module):
    done = _run(module)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("ok ")]
    written = (_REPOSITORY / "tests" / "shared" / f"{module}.py").read_text()
    assert len(ran) == written.count("\ndef test_") + written.startswith("def test_")


@pytest.mark.vm
def test_a_failing_test_fails_the_run(tmp_path):
    folder = tmp_path / "tests" / "shared"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    (folder / "test_right.py").write_text("def test_right():\n    assert 1 == 1\n")
    (folder / "test_wrong.py").write_text("def test_wrong():\n    assert 1 == 2\n")
    (folder / "test_empty.py").write_text("")
    assert _run("test_right", repository=tmp_path).returncode == 0
    assert _run("test_right", "test_wrong", repository=tmp_path).returncode == 1
    assert _run("test_empty", repository=tmp_path).returncode == 1
