"""Makes the firmware's modules smaller in a board's heap, without changing what they do.

Every name that a MicroPython program knows at run time is interned for ever, some 25 bytes each on
the board and more on the bench, and every function costs as much as five names. Not needed are:

- *Private names* (one underscore) belong to their module, so they become ``_a``, ``_b``, … anew in
  each module. The names that a private constant has are left, mpy-cross drops those by itself.
- *Public integer constants* (``NAME = const(…)``) are put in where other modules use them; then
  nobody asks for the name, and it becomes a private one, which mpy-cross drops as well.
- *Arguments* that no call in the build gives by name are ``_0``, ``_1``, … in every function.
- *Functions, classes and tables at the top of a module* whose name stands nowhere in the build are
  for the host's tools only, and are left out. So are package files that hold nothing but words.

Text is replaced in its line, so line numbers in tracebacks stay true. What would not be safe is
refused (BadInput): a private name of another module, or one named in a ``global`` statement.
Left out: strings, public names.
"""

from __future__ import annotations

import ast
import string
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from host_tools.errors import BadInput

Function = ast.FunctionDef | ast.AsyncFunctionDef
Consts = Mapping[str, Mapping[str, int]]  # dotted module → its public constants
_Edit = tuple[int, int, int, str]  # line (from 1), first and last column in bytes, new text


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _short_names() -> Iterator[str]:
    letters = string.ascii_lowercase + string.ascii_uppercase
    for first in ("", *letters):
        for last in letters:
            yield f"_{first}{last}"


def public_consts(tree: ast.Module) -> dict[str, int]:
    """Public names that the module sets to an integer with ``const``; literals only."""
    found = {}
    for node in tree.body:
        name = _const_name(node)
        if name is not None and not name.startswith("_"):
            assert isinstance(node, ast.Assign)
            assert isinstance(node.value, ast.Call)
            value = _integer(node.value.args[0])
            if value is not None:
                found[name] = value
    return found


def _integer(node: ast.expr) -> int | None:
    """Value of an integer written with literals and operators, None for anything else."""
    allowed = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
    if not all(isinstance(part, allowed) for part in ast.walk(node)):
        return None
    value = eval(compile(ast.Expression(node), "const", "eval"), {"__builtins__": {}})
    return value if type(value) is int else None


def _const_name(node: ast.stmt) -> str | None:
    """NAME of ``NAME = const(…)``."""
    if (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "const"
        and isinstance(node.targets[0], ast.Name)
    ):
        return node.targets[0].id
    return None


@dataclass
class _Module:
    """What is known of the module at hand while its edits are gathered."""

    name: str
    lines: list[bytes]
    own: Mapping[str, int]
    consts: Consts
    kept: set[str] = field(default_factory=set)  # private constants, mpy-cross drops them
    foreign: set[str] = field(default_factory=set)  # names imported from outside our packages
    aliases: dict[str, str] = field(default_factory=dict)  # local name → module of ours
    taken: dict[str, int] = field(default_factory=dict)  # constants imported by name
    edits: list[_Edit] = field(default_factory=list)

    def refuse(self, node: ast.AST, why: str) -> BadInput:
        """The error for something that can't be shrunk safely."""
        return BadInput(f"{self.name}:{getattr(node, 'lineno', 0)}: {why}")


def shrink(source: bytes, name: str, consts: Consts, by_name: Collection[str]) -> bytes:
    """`source` of the dotted module `name`, smaller; `consts` are those of all modules, `by_name`
    the arguments that are given by name anywhere."""
    tree = ast.parse(source)
    module = _Module(name, source.splitlines(keepends=True), consts.get(name, {}), consts)
    module.kept = {
        found for node in tree.body
        if (found := _const_name(node)) is not None and _is_private(found)
    }
    for node in ast.walk(tree):
        _imports(module, node)
    short = _assign_short(module, tree)
    for node in ast.walk(tree):
        _rename(module, node, short)
    _rename_arguments(module, tree, {}, by_name)
    return _apply(module)


def _rename_arguments(
    module: _Module, node: ast.AST, outer: Mapping[str, str], by_name: Collection[str]
) -> None:
    """Rename the arguments of every function below `node`; `outer` are those it stands in."""
    for child in ast.iter_child_nodes(node):
        names = outer
        if isinstance(child, Function):
            mine = [arg for arg in child.args.args if arg.arg not in by_name]
            mine = [arg for arg in mine if arg.arg != "self"]
            own = {arg.arg: f"_{len(outer) + index}" for index, arg in enumerate(mine)}
            for arg in mine:
                at = (arg.lineno, arg.col_offset, arg.col_offset + len(arg.arg), own[arg.arg])
                module.edits.append(at)
            hidden = {arg.arg for arg in child.args.args}
            names = {name: short for name, short in outer.items() if name not in hidden} | own
        elif isinstance(child, ast.Lambda) and child.args.args:
            raise module.refuse(child, "a lambda with arguments")
        elif isinstance(child, ast.Name) and child.id in outer:
            _replace(module, child, child.col_offset, outer[child.id])
        _rename_arguments(module, child, names, by_name)


def _imports(module: _Module, node: ast.AST) -> None:
    """Note what an import brings; constants of ours are taken out of it."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            module.foreign.add((alias.asname or alias.name).split(".")[0])
    elif isinstance(node, ast.ImportFrom):
        left = [alias for alias in node.names if _stays(module, node, alias)]
        if len(left) != len(node.names):
            _rewrite_import(module, node, left)


def _stays(module: _Module, node: ast.ImportFrom, alias: ast.alias) -> bool:
    """Note what one imported name is; False if it need not be imported any more."""
    package = node.module or ""
    local = alias.asname or alias.name
    if (package, local) == ("protocol.compat", "const"):
        return False  # mpy-cross knows it by itself
    if _is_private(alias.name):
        raise module.refuse(node, f"imports the private name {alias.name}")
    if alias.name in module.consts.get(package, {}):
        module.taken[local] = module.consts[package][alias.name]
        return False
    if f"{package}.{alias.name}" in module.consts:
        module.aliases[local] = f"{package}.{alias.name}"
    elif package.split(".")[0] not in ("protocol", "firmware"):
        module.foreign.add(local)
    return True


def _rewrite_import(module: _Module, node: ast.ImportFrom, left: list[ast.alias]) -> None:
    text = "pass"
    if left:
        names = ", ".join(
            f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in left
        )
        text = f"from {node.module} import {names}"
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    for line in range(node.lineno, node.end_lineno + 1):
        first = node.col_offset if line == node.lineno else 0
        last = len(module.lines[line - 1].rstrip(b"\n"))
        if line == node.end_lineno:
            last = node.end_col_offset
        module.edits.append((line, first, last, text if line == node.lineno else ""))


def _assign_short(module: _Module, tree: ast.Module) -> dict[str, str]:
    """Private names that this module defines → short ones; refuses those of other modules."""
    defined: dict[str, None] = {}
    used: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.setdefault(node.name)
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in module.foreign:
                continue
            if isinstance(node.ctx, ast.Store):
                defined.setdefault(node.attr)
            used.setdefault(node.attr, node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.setdefault(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal) and any(map(_is_private, node.names)):
            raise module.refuse(node, "a private name in a global statement")
    for name, node in used.items():
        if _is_private(name) and name not in defined:
            raise module.refuse(node, f"{name} is private to another module")
    private = [
        name for name in defined if _is_private(name) and name not in module.kept and name != "_"
    ]
    names = (name for name in _short_names() if name not in module.kept)
    return dict(zip(private, names, strict=False))


def _rename(module: _Module, node: ast.AST, short: Mapping[str, str]) -> None:
    if isinstance(node, ast.Attribute):
        of = node.value.id if isinstance(node.value, ast.Name) else ""
        value = module.consts.get(module.aliases.get(of, ""), {}).get(node.attr)
        if value is not None:
            _replace(module, node, node.col_offset, str(value))
        elif of not in module.foreign and node.attr in short:
            assert node.end_col_offset is not None
            _replace(module, node, node.end_col_offset - len(node.attr), short[node.attr], True)
    elif isinstance(node, ast.Name):
        if node.id in module.taken:
            _replace(module, node, node.col_offset, str(module.taken[node.id]))
        elif node.id in module.own:
            _replace(module, node, node.col_offset, "_" + node.id)
        elif node.id in short:
            _replace(module, node, node.col_offset, short[node.id])
    elif (
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name in short
    ):
        line = module.lines[node.lineno - 1]
        at = line.index(node.name.encode(), node.col_offset)
        module.edits.append((node.lineno, at, at + len(node.name), short[node.name]))


def _replace(
    module: _Module, node: ast.expr, start: int, text: str, at_end: bool = False
) -> None:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    if not at_end and node.end_lineno != node.lineno:
        raise module.refuse(node, "a constant's name runs over two lines")
    module.edits.append((node.end_lineno, start, node.end_col_offset, text))


def _apply(module: _Module) -> bytes:
    lines = list(module.lines)
    for line, first, last, text in sorted(set(module.edits), reverse=True):
        content = lines[line - 1]
        lines[line - 1] = content[:first] + text.encode() + content[last:]
    return b"".join(lines)


def shrink_all(sources: Mapping[str, bytes], starts: Iterable[bytes]) -> dict[str, bytes]:
    """Every module of a build, by its path (protocol/tap.py); BadInput as `shrink` says.

    `starts` are the sources that use the modules and stay as they are (boot.py, main.py).
    """
    names = {
        path: path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in sources
    }
    starts = tuple(starts)
    left = {path: source for path, source in sources.items() if not _only_words(path, source)}
    try:
        left = _without_unused(left, starts)
        consts = {names[path]: public_consts(ast.parse(left[path])) for path in left}
    except SyntaxError as error:
        raise BadInput(f"{error.filename}:{error.lineno}: {error.msg}") from error
    by_name = {
        node.arg for source in (*starts, *left.values()) for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.keyword) and node.arg is not None
    }
    return {path: shrink(source, names[path], consts, by_name) for path, source in left.items()}


def _only_words(path: str, source: bytes) -> bool:
    body = ast.parse(source).body
    return path.endswith("__init__.py") and all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body
    )


def _without_unused(sources: dict[str, bytes], starts: tuple[bytes, ...]) -> dict[str, bytes]:
    """The modules without what nobody names, again and again until all that is left is named."""
    while True:
        named = Counter[str]()
        for source in (*starts, *sources.values()):
            named.update(_names_in(ast.parse(source)))
        smaller = {path: _drop(source, named) for path, source in sources.items()}
        if smaller == sources:
            return sources
        sources = smaller


def _names_in(tree: ast.AST) -> Iterator[str]:
    """Every word that could stand for something at the top of a module, its definition too."""
    for node in ast.walk(tree):
        match node:
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.alias():
                yield from node.name.split(".")
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Constant(value=str()):
                yield node.value


def _drop(source: bytes, named: Mapping[str, int]) -> bytes:
    """Blank the lines of what is defined here and named nowhere else."""
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        name = ""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and _const_name(node) is None:
                name = target.id
        if name and named[name] == 1:
            assert node.end_lineno is not None
            for line in range(node.lineno - 1, node.end_lineno):
                lines[line] = b"\n"
    return b"".join(lines)
