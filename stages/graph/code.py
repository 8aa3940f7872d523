"""What a stage's code means: a hash of each module of ours that the stage imports, directly or not.

A hash is one of the module's syntax tree without docstrings, comments and positions, so that only a change of
meaning changes it. Imports are followed as they stand in the source, except:

- imports under ``if TYPE_CHECKING``, which never run;
- imports of modules that carry no science, see `Source`;
- in a *registry*, a module in which the code of each kind of data set, estimate or network stands apart, what
  is for another kind. The class of a kind's options stands for the kind: an import statement that names the
  class, and one inside a ``case`` for the class, are followed for that kind only.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DIGITS = 12
"""Hexadecimal digits of a hash: a clash of two versions of one module is not to be feared."""


class CodeError(ValueError):
    """A module that cannot be read; the message says which."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Attributes:
        name: dotted, of a module or of something in one.
        kinds: it is followed for a stage that is about one kind of each of these.
    """

    name: str
    kinds: tuple[Set[str], ...] = ()


@dataclass(frozen=True)
class Module:
    """One file of ours: a hash of what it means (empty where it has no code), and its imports."""

    meaning: str
    imports: tuple[Import, ...]


class Source:
    """The packages of a source tree.

    Args:
        root: the folder that holds them.
        packages: their names.
        kinds: names of the classes that stand for kinds.
        registries: modules in which the code of each kind stands apart.
        without: modules, or packages, that carry no science: not followed.
    """

    def __init__(
        self,
        root: Path,
        *,
        packages: Collection[str],
        kinds: Set[str],
        registries: Collection[str],
        without: Collection[str],
    ) -> None:
        self._root = root
        self._packages = packages
        self._kinds = kinds
        self._registries = registries
        self._without = without
        self._module = cache(self._read)
        self._file = cache(self._find)
        self._loaded = cache(self._load)

    def code(self, modules: Iterable[str], kinds: Set[str]) -> dict[str, str]:
        """The meaning of modules and of all that they import, for a stage that is about these kinds.

        Args:
            modules: names of modules to begin at.
            kinds: names of the classes that stand for the stage's kinds.

        Returns:
            Hashes by a module's name, in the order of names; modules without code are left out.

        Raises:
            CodeError: one of `modules` is not there, or a file that is not Python.
        """
        todo = list(modules)
        if missing := [name for name in todo if self._file(name) is None]:
            raise CodeError(f"no module {', '.join(missing)} below {self._root}")
        seen: dict[str, Module] = {}
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen[name] = module = self._module(name)
            for one in module.imports:
                if all(wanted & kinds for wanted in one.kinds):
                    todo += [found for found in self._loaded(one.name) if found not in seen]
        return {name: seen[name].meaning for name in sorted(seen) if seen[name].meaning}

    def files(self, folder: str) -> dict[str, str]:
        """Hashes of what else a stage reads of the source tree: every file of a folder, by its path."""
        return {
            str(path.relative_to(self._root)): hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
            for path in sorted((self._root / folder).rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def _load(self, name: str) -> list[str]:
        """The modules of ours that importing a name runs: of a.b.c, packages a and a.b too."""
        parts = name.split(".")
        found: list[str] = []
        if parts[0] not in self._packages:
            return found
        for count in range(1, len(parts) + 1):
            module = ".".join(parts[:count])
            if module in self._without:
                break
            if self._file(module) is not None:
                found.append(module)
        return found

    def _find(self, name: str) -> Path | None:
        path = self._root.joinpath(*name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
        return None

    def _read(self, name: str) -> Module:
        file = self._file(name)
        assert file is not None
        try:
            tree = ast.parse(file.read_bytes(), filename=str(file))
        except SyntaxError as error:
            raise CodeError(f"{file} is not Python: {error}") from None
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        kinds = self._kinds if name in self._registries else frozenset()
        return Module(meaning(tree), tuple(_Imports(package, kinds).of(tree)))


class _Imports(ast.NodeVisitor):
    """Collects a module's imports, with the kinds that they are for; none in what is no registry."""

    def __init__(self, package: str, kinds: Set[str]) -> None:
        self._package = package
        self._kinds = kinds
        self._cases: list[Set[str]] = []
        self._found: list[Import] = []

    def of(self, tree: ast.Module) -> list[Import]:
        self.visit(tree)
        return self._found

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            above = self._package.split(".")[: len(self._package.split(".")) - node.level + 1]
            module = ".".join([*above, module] if module else above)
        kinds = self._kinds & {alias.name for alias in node.names}
        for alias in node.names:
            self._add(f"{module}.{alias.name}", *([kinds] if kinds else []))

    def visit_If(self, node: ast.If) -> None:
        typing = _last_name(node.test) == "TYPE_CHECKING"
        for statement in node.orelse if typing else [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_match_case(self, node: ast.match_case) -> None:
        kinds = _classes(node.pattern)
        concerned = [kinds] if kinds and kinds <= self._kinds else []
        self._cases += concerned
        self.generic_visit(node)
        del self._cases[len(self._cases) - len(concerned) :]

    def _add(self, name: str, *kinds: Set[str]) -> None:
        self._found.append(Import(name, (*self._cases, *kinds)))


def _last_name(node: ast.expr) -> str | None:
    """``c`` of ``c`` and of ``a.b.c``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _classes(pattern: ast.pattern) -> Set[str]:
    """The classes that a pattern names: ``A()``, ``A() | B()``, ``A() as x``; none where it is another."""
    match pattern:
        case ast.MatchClass(cls=ast.Name(id=name)):
            return frozenset({name})
        case ast.MatchOr(patterns=patterns):
            found = [_classes(one) for one in patterns]
            return frozenset().union(*found) if all(found) else frozenset()
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _classes(inner)
    return frozenset()


def meaning(tree: ast.Module) -> str:
    """A hash of a syntax tree without docstrings and positions; empty where nothing is left.

    Optional parts that are left out do not count, so that Pythons whose trees have new ones agree.
    """
    text = "".join(_text(tree))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS] if _statements(tree.body) else ""


def _text(value: object) -> Iterator[str]:
    match value:
        case ast.Constant():
            yield f"{type(value.value).__name__} {value.value!r}"
        case ast.AST():
            yield f"{type(value).__name__}("
            for name, inner in ast.iter_fields(value):
                if inner is not None and inner != [] and name not in ("ctx", "type_comment"):
                    yield f"{name}="
                    yield from _text(inner)
            yield ")"
        case list():
            yield "["
            for inner in _statements(value):
                yield from _text(inner)
                yield ","
            yield "]"
        case _:
            yield repr(value)


def _statements(body: Sequence[ast.AST]) -> list[ast.AST]:
    """A list of a tree without the strings that stand as statements: docstrings, of attributes too."""
    return [
        node
        for node in body
        if not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
    ]
