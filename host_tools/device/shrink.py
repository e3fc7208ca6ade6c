"""Makes the firmware's modules smaller in a board's heap, without changing what they do.

Every name that a MicroPython program knows at run time is interned for ever, some 25 bytes each on
the board and more on the bench, and every function costs as much as five names. Not needed are:

- *Private attributes and methods* (one underscore): they belong to their module, so they become
  ``_a``, ``_b``, … anew in each module (but where a class has a base of another module of ours).
- *Arguments* that no call in the build gives by name are ``_0``, ``_1``, … in every function.
- *Functions, classes, tables and methods* whose name stands nowhere in the build are for the
  host's tools only, and are left out. So are package files that hold nothing but words.

Text is replaced in its line, so line numbers in tracebacks stay true. What would not be safe is
refused (BadInput): a private name of another module. Left out: names at the top of a module and
constants (`link`), strings, public attributes.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from host_tools.device.link import short_names, words_of
from host_tools.errors import BadInput

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_OURS = ("protocol", "firmware")


def shrink_all(sources: Mapping[str, bytes], starts: Iterable[bytes]) -> dict[str, bytes]:
    """Every module of a build, by its path (protocol/tap.py), smaller.

    `starts` are the sources that use the modules and stay as they are (boot.py, main.py). BadInput
    for a module that does not parse or can't be made smaller safely.
    """
    starts = tuple(starts)
    try:
        left = {path: text for path, text in sources.items() if not _only_words(path, text)}
        left = _without_unused(left, starts)
        given = {
            node.arg
            for source in (*starts, *left.values())
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.keyword) and node.arg is not None
        }
        return {path: _shrink(source, path, given) for path, source in left.items()}
    except SyntaxError as error:
        raise BadInput(f"{error.filename}:{error.lineno}: {error.msg}") from error


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _only_words(path: str, source: bytes) -> bool:
    body = ast.parse(source, path).body
    return path.endswith("__init__.py") and all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body
    )


# -- what nobody names


def _without_unused(sources: dict[str, bytes], starts: tuple[bytes, ...]) -> dict[str, bytes]:
    """The modules without what nobody names, again and again until all that is left is named."""
    while True:
        named = Counter[str]()
        for source in (*starts, *sources.values()):
            for node in ast.walk(ast.parse(source)):
                named.update(words_of(node))
        smaller = {path: _drop(source, named) for path, source in sources.items()}
        if smaller == sources:
            return sources
        sources = smaller


def _drop(source: bytes, named: Mapping[str, int]) -> bytes:
    """Blank the lines of what is defined here and named nowhere else."""
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    for body in (tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))):
        left = len(body)
        for node in body:
            name = _defined(node)
            if name and named[name] == 1 and not name.startswith("__") and left > 1:
                left -= 1
                decorators = getattr(node, "decorator_list", [])
                first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
                assert node.end_lineno is not None
                for line in range(first - 1, node.end_lineno):
                    lines[line] = b"\n"
    return b"".join(lines)


def _defined(node: ast.stmt) -> str | None:
    if isinstance(node, _Function | ast.ClassDef):
        return node.name
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
    ):
        return node.targets[0].id
    return None


# -- names


class _Shrinker:
    def __init__(self, source: bytes, path: str, given: Collection[str]) -> None:
        self._path = path
        self._lines = source.splitlines(keepends=True)
        self._given = given
        self._edits: set[tuple[int, int, int, str]] = set()
        self._tree = ast.parse(source)
        self._foreign = {
            (alias.asname or alias.name).split(".")[0]
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Import)
            or (isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(_OURS))
            for alias in node.names
        }

    def shrunk(self) -> bytes:
        short = self._short_names()
        for node in ast.walk(self._tree):
            self._private(node, short)
        self._arguments(self._tree, {})
        lines = list(self._lines)
        for line, first, last, text in sorted(self._edits, reverse=True):
            lines[line - 1] = lines[line - 1][:first] + text.encode() + lines[line - 1][last:]
        return b"".join(lines)

    def _refuse(self, node: ast.AST, why: str) -> BadInput:
        return BadInput(f"{self._path}:{getattr(node, 'lineno', 0)}: {why}")

    def _is_ours(self, node: ast.Attribute) -> bool:
        """Not an attribute of a module (of a part of a module, …) that is not ours."""
        root = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        return not (isinstance(root, ast.Name) and root.id in self._foreign)

    def _short_names(self) -> dict[str, str]:
        """Private attributes and methods this module defines → short ones."""
        defined: dict[str, None] = {}
        used: dict[str, ast.AST] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    defined.setdefault(_defined(inner) or "")
            elif isinstance(node, ast.Attribute) and self._is_ours(node):
                if isinstance(node.ctx, ast.Store):
                    defined.setdefault(node.attr)
                used.setdefault(node.attr, node)
        for name, node in used.items():
            if _is_private(name) and name not in defined:
                raise self._refuse(node, f"{name} is private to another module")
        if self._inherits():
            return {}
        private = [name for name in defined if _is_private(name)]
        spoken = {word for node in ast.walk(self._tree) for word in words_of(node)}
        names = (name for name in short_names() if name not in spoken - set(private))
        return dict(zip(private, names, strict=False))

    def _inherits(self) -> bool:
        """A class here has a base of another module: its short names could meet that one's."""
        ours = {
            alias.asname or alias.name
            for node in ast.walk(self._tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_OURS)
            for alias in node.names
        }
        return any(
            isinstance(node, ast.ClassDef)
            and any(isinstance(part, ast.Name) and part.id in ours
                    for base in node.bases for part in ast.walk(base))
            for node in ast.walk(self._tree)
        )

    def _private(self, node: ast.AST, short: Mapping[str, str]) -> None:
        if isinstance(node, ast.Attribute) and self._is_ours(node) and node.attr in short:
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            first = node.end_col_offset - len(node.attr)
            self._edits.add((node.end_lineno, first, node.end_col_offset, short[node.attr]))
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                name = _defined(inner)
                if name is not None and name in short:
                    start = inner.col_offset
                    line = self._lines[inner.lineno - 1]
                    if isinstance(inner, _Function):
                        start = line.index(b"def", start) + 3
                    at = line.index(name.encode(), start)
                    self._edits.add((inner.lineno, at, at + len(name), short[name]))

    def _arguments(self, node: ast.AST, outer: Mapping[str, str]) -> None:
        """Rename the arguments of every function below `node`; `outer` are those it stands in."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Function):
                self._function(child, outer)
                continue
            if isinstance(child, ast.Lambda) and child.args.args:
                raise self._refuse(child, "a lambda with arguments")
            if isinstance(child, ast.Name) and child.id in outer:
                assert child.end_col_offset is not None
                edit = (child.lineno, child.col_offset, child.end_col_offset, outer[child.id])
                self._edits.add(edit)
            self._arguments(child, outer)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Mapping[str, str]
    ) -> None:
        mine = [arg for arg in node.args.args if arg.arg not in self._given and arg.arg != "self"]
        own = {arg.arg: f"_{len(outer) + index}" for index, arg in enumerate(mine)}
        for arg in mine:
            end = arg.col_offset + len(arg.arg)
            self._edits.add((arg.lineno, arg.col_offset, end, own[arg.arg]))
        hidden = {arg.arg for arg in node.args.args}
        inner = {name: short for name, short in outer.items() if name not in hidden} | own
        for default in (*node.args.defaults, *node.decorator_list):
            self._arguments(ast.Expr(default), outer)
        for statement in node.body:
            self._arguments(ast.Module([statement], []), inner)


def _shrink(source: bytes, path: str, given: Collection[str]) -> bytes:
    return _Shrinker(source, path, given).shrunk()
