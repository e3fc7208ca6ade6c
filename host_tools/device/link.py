"""Joins the firmware's modules into one, as a linker does: on a board each module costs heap.

A module is an object, a dict, three interned names and a table; forty of them are some 20 KB on
the bench's VM. Here all that the app imports becomes one module, the app's own: names at the top
of a module get one name in the whole (functions and tables a short one, classes keep theirs),
imports between our modules go away, and integer constants are put in where they are used.

Nothing else changes, and the lines keep their order: `Linked.where` says which line of which file
a line of the whole is. What can't be joined safely is refused (BadInput): a module used as a
value, ``global``, an f-string. Left out: names inside functions and classes (`shrink`), modules
that the app does not import by a statement.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from host_tools.errors import BadInput

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Edit = tuple[int, int, int, str]  # line (from 1), first and last column in bytes, new text


@dataclass(frozen=True)
class _Symbol:
    """A name at the top of one of our modules; `name` empty: the module itself."""

    module: str
    name: str = ""


_LOCAL = _Symbol("")
_Scope = Mapping[str, _Symbol]


@dataclass
class Linked:
    """`source` of the whole; `parts`: the line each file's text begins at, in order."""

    source: bytes
    parts: list[tuple[int, str]]

    def where(self, line: int) -> tuple[str, int]:
        """File and line of line `line` (from 1) of the whole; ValueError before the first file."""
        for first, name in reversed(self.parts):
            if line >= first:
                return name, line - first + 1
        raise ValueError(line)


@dataclass
class _Module:
    name: str
    lines: list[bytes]
    tree: ast.Module
    scope: dict[str, _Symbol] = field(default_factory=dict)
    consts: dict[str, int] = field(default_factory=dict)
    edits: list[_Edit] = field(default_factory=list)

    def refuse(self, node: ast.AST, why: str) -> BadInput:
        return BadInput(f"{self.name}:{getattr(node, 'lineno', 0)}: {why}")

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Put `text` in the place of `node`; its further lines become empty."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        for line in range(node.lineno, node.end_lineno + 1):
            first = node.col_offset if line == node.lineno else 0
            last = len(self.lines[line - 1].rstrip(b"\n"))
            if line == node.end_lineno:
                last = node.end_col_offset
            self.edits.append((line, first, last, text if line == node.lineno else ""))

    def edited(self) -> bytes:
        lines = list(self.lines)
        for line, first, last, text in sorted(set(self.edits), reverse=True):
            content = lines[line - 1]
            lines[line - 1] = content[:first] + text.encode() + content[last:]
        return b"".join(lines).rstrip(b"\n") + b"\n"


def link(sources: Mapping[str, bytes], entry: str, kept: Collection[str]) -> Linked:
    """All of `sources` (dotted name → text) that `entry` needs, as one module.

    `kept` are names of the entry that are asked for from outside.
    """
    return _Linker(sources, entry, kept).link()


class _Linker:
    def __init__(self, sources: Mapping[str, bytes], entry: str, kept: Collection[str]) -> None:
        self._known = set(sources)
        self._modules = {
            name: _Module(name, source.splitlines(keepends=True), ast.parse(source))
            for name, source in sources.items()
        }
        self._entry = entry
        self._kept = kept
        self._order: list[str] = []
        self._external: dict[str, str] = {}  # global name → the statement that binds it
        self._names: dict[_Symbol | None, str] = {}

    def link(self) -> Linked:
        self._visit(self._entry)
        for name in self._order:
            self._bind(self._modules[name])
        for name in self._order:
            self._find_consts(self._modules[name])
        self._choose_names()
        text = b"".join(f"{statement}\n".encode() for statement in self._external.values())
        parts = []
        for name in self._order:
            module = self._modules[name]
            self._body(module, module.tree.body, [module.scope])
            parts.append((text.count(b"\n") + 1, name))
            text += module.edited()
        return Linked(text, parts)

    # -- which modules, in which order

    def _visit(self, name: str) -> None:
        """Add `name` after what it imports at its top; what its functions import, somewhere."""
        if name in self._order:
            return
        tree = self._modules[name].tree
        top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        for node in top:
            for target in self._imported(node):
                self._visit(target)
        if name not in self._order:
            self._order.append(name)
        for inner in ast.walk(tree):
            if isinstance(inner, ast.ImportFrom) and inner not in top:
                for target in self._imported(inner):
                    self._visit(target)

    def _imported(self, node: ast.ImportFrom) -> Iterator[str]:
        package = node.module or ""
        for alias in node.names:
            if f"{package}.{alias.name}" in self._known:
                yield f"{package}.{alias.name}"
            elif package in self._known:
                yield package

    # -- what the names at the top of a module are

    def _bind(self, module: _Module) -> None:
        for node in module.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module.scope.update(self._import(module, node, top=True))
            else:
                for name in _bound_by(node):
                    module.scope.setdefault(name, _Symbol(module.name, name))

    def _import(
        self, module: _Module, node: ast.Import | ast.ImportFrom, top: bool
    ) -> dict[str, _Symbol]:
        """What an import binds. Ours are taken out, others at the top go to the head."""
        bound = {}
        ours = isinstance(node, ast.ImportFrom) and any(self._imported(node))
        for alias in node.names:
            local = alias.asname or alias.name.split(".")[0]
            if isinstance(node, ast.Import):
                if alias.name.split(".")[0] in ("protocol", "firmware"):
                    raise module.refuse(node, "import our modules with from … import")
                bound[local] = self._outside(local, f"import {_spelled(alias)}", top)
            elif (node.module, local) == ("protocol.compat", "const"):
                ours = True
            elif not ours:
                statement = f"from {node.module} import {_spelled(alias)}"
                bound[local] = self._outside(local, statement, top)
            elif f"{node.module}.{alias.name}" in self._known:
                bound[local] = _Symbol(f"{node.module}.{alias.name}")
            else:
                bound[local] = _Symbol(node.module or "", alias.name)
        if ours or top:
            module.replace(node, "pass")
        return bound

    def _outside(self, local: str, statement: str, top: bool) -> _Symbol:
        if top and self._external.setdefault(local, statement) != statement:
            raise BadInput(f"{statement}: {local} is {self._external[local]} elsewhere")
        return _LOCAL

    def _find_consts(self, module: _Module) -> None:
        """Integer constants; their assignments go, their uses become numbers."""
        for node in module.tree.body:
            name = const_name(node)
            if name is not None:
                assert isinstance(node, ast.Assign)
                assert isinstance(node.value, ast.Call)
                value = self._integer(module, node.value.args[0])
                if value is None:
                    raise module.refuse(node, f"const {name} is no integer known here")
                module.consts[name] = value
                module.replace(node, "pass")

    def _integer(self, module: _Module, node: ast.expr) -> int | None:
        known = {}
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                value = self._const(self._lookup([module.scope], part.id))
                if value is None:
                    return None
                known[part.id] = value
            elif not isinstance(
                part, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop
                | ast.expr_context
            ):
                return None
        code = compile(ast.Expression(node), "const", "eval")
        value = eval(code, {"__builtins__": {}}, known)
        return value if type(value) is int else None

    def _const(self, symbol: _Symbol | None) -> int | None:
        if symbol is None or symbol.module not in self._modules:
            return None
        return self._modules[symbol.module].consts.get(symbol.name)

    def _choose_names(self) -> None:
        spoken = set(self._external)
        classes = set(self._external)
        for name in self._order:
            for node in ast.walk(self._modules[name].tree):
                if not isinstance(node, ast.Attribute):  # those share their short names with ours
                    spoken.update(words_of(node))
        short = (name for name in short_names() if name not in spoken)
        for module in (self._modules[name] for name in self._order):
            for node in module.tree.body:
                for name in _bound_by(node):
                    symbol = _Symbol(module.name, name)
                    if name in module.consts or symbol in self._names:
                        continue
                    if isinstance(node, ast.ClassDef) and name not in classes:
                        classes.add(name)
                        self._names[symbol] = name
                    elif module.name == self._entry and name in self._kept:
                        self._names[symbol] = name
                    else:
                        self._names[symbol] = next(short)

    # -- rewriting

    def _lookup(self, scopes: list[_Scope], name: str) -> _Symbol | None:
        """What `name` is, innermost scope first; None for a builtin."""
        for scope in reversed(scopes):
            if name in scope:
                return scope[name]
        return None

    def _body(self, module: _Module, nodes: Collection[ast.AST], scopes: list[_Scope]) -> None:
        for node in nodes:
            self._node(module, node, scopes)

    def _node(self, module: _Module, node: ast.AST, scopes: list[_Scope]) -> None:
        if isinstance(node, ast.Global | ast.Nonlocal | ast.JoinedStr):
            raise module.refuse(node, "global, nonlocal and f-strings can't be joined")
        if isinstance(node, Function):
            self._function(module, node, scopes)
        elif isinstance(node, ast.ClassDef):
            self._class(module, node, scopes)
        elif isinstance(node, Comprehension):
            local = {part.id: _LOCAL for generator in node.generators
                     for part in ast.walk(generator.target) if isinstance(part, ast.Name)}
            self._body(module, list(ast.iter_child_nodes(node)), [*scopes, local])
        elif isinstance(node, ast.Name):
            symbol = self._lookup(scopes, node.id)
            if isinstance(scopes[-1], _ClassScope) and self._names.get(symbol) in scopes[-1]:
                raise module.refuse(node, f"{node.id} would be hidden in its class")
            self._name(module, node, symbol)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            symbol = self._lookup(scopes, node.value.id)
            if symbol is None or symbol is _LOCAL or symbol.name:
                self._name(module, node.value, symbol)
                return
            of = self._modules[symbol.module]
            self._name(module, node, of.scope.get(node.attr, _Symbol(of.name, node.attr)))
        elif not isinstance(node, ast.Import | ast.ImportFrom) and not (
            isinstance(node, ast.stmt) and const_name(node) in module.consts
        ):
            self._body(module, list(ast.iter_child_nodes(node)), scopes)

    def _name(
        self, module: _Module, node: ast.Name | ast.Attribute, symbol: _Symbol | None
    ) -> None:
        if symbol is None or symbol is _LOCAL:
            return
        value = self._const(symbol)
        if value is not None:
            module.replace(node, str(value) if value >= 0 else f"({value})")
            return
        while symbol not in self._names:  # imported on by another module
            onward = None
            if symbol.name and symbol.module in self._modules:
                onward = self._modules[symbol.module].scope.get(symbol.name)
            if onward is None or onward is _LOCAL or onward == symbol:
                raise module.refuse(node, f"{ast.unparse(node)} can't be joined")
            symbol = onward
        module.replace(node, self._names[symbol])

    def _function(self, module: _Module, node: Function, scopes: list[_Scope]) -> None:
        if not isinstance(node, ast.Lambda):
            self._head(module, node, scopes)
            self._body(module, node.decorator_list, scopes)
        arguments = node.args
        self._body(module, [*arguments.defaults, *filter(None, arguments.kw_defaults)], scopes)
        local: dict[str, _Symbol] = {
            arg.arg: _LOCAL for arg in ast.walk(arguments) if isinstance(arg, ast.arg)
        }
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        for inner in _own_nodes(body):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                local.update(self._import(module, inner, top=False))
            else:
                local.update(dict.fromkeys(_bound_here(inner), _LOCAL))
        outer = [scope for scope in scopes if not isinstance(scope, _ClassScope)]
        self._body(module, body, [*outer, local])

    def _class(self, module: _Module, node: ast.ClassDef, scopes: list[_Scope]) -> None:
        self._head(module, node, scopes)
        self._body(module, [*node.decorator_list, *node.bases], scopes)
        local = _ClassScope()
        for inner in node.body:
            local.update(dict.fromkeys(_bound_by(inner), _LOCAL))
        self._body(module, node.body, [*scopes, local])

    def _head(
        self,
        module: _Module,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        scopes: list[_Scope],
    ) -> None:
        """The name in the head of a function or class at the top of its module."""
        name = self._names.get(_Symbol(module.name, node.name))
        if len(scopes) == 1 and name is not None:
            line = module.lines[node.lineno - 1]
            keyword = b"class" if isinstance(node, ast.ClassDef) else b"def"
            after = line.index(keyword, node.col_offset) + len(keyword)
            at = line.index(node.name.encode(), after)
            module.edits.append((node.lineno, at, at + len(node.name), name))


class _ClassScope(dict[str, _Symbol]):
    """Names of a class body: its functions don't see them."""


def _spelled(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _own_nodes(body: Collection[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a function's body but those of the functions and classes in it."""
    for node in body:
        yield node
        if not isinstance(node, Function | ast.ClassDef | Comprehension):
            yield from _own_nodes(list(ast.iter_child_nodes(node)))


def _bound_here(node: ast.AST) -> Iterator[str]:
    """Names that this very node binds in the scope it stands in."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ExceptHandler):
        yield from [node.name] if node.name else []


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that a statement at the top of a module or class binds."""
    for inner in _own_nodes([node]):
        yield from _bound_here(inner)


def const_name(node: ast.stmt) -> str | None:
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


def short_names() -> Iterator[str]:
    """_a, _b, … _A, … _aa, _ab, …"""
    letters = string.ascii_letters
    for first in ("", *letters):
        for last in letters:
            yield f"_{first}{last}"


def words_of(node: ast.AST) -> Iterator[str]:
    """Every word of a node that could stand for something: names, attributes, parts of imports,
    the definition's own, strings."""
    match node:
        case ast.Name():
            yield node.id
        case ast.Attribute():
            yield node.attr
        case ast.arg():
            yield node.arg
        case ast.alias():
            yield from node.name.split(".")
            yield node.asname or ""
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Constant(value=str()):
            yield str(node.value)
