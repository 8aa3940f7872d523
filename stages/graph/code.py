"""Hash the code of a stage: each of our modules that the stage imports, directly or indirectly.

The hash covers the module's syntax tree without docstrings, comments and positions, so only a change of
meaning changes it. Imports in the source are followed, except:

- imports under ``if TYPE_CHECKING``, which never run;
- imports of modules that carry no science, see `Source`;
- imports in a package's ``__getattr__``, unless the stage asks the package for one of its names;
- in a *registry*, a module that dispatches to the code of each kind of data set, estimate or network, imports
  for other kinds. A kind is identified by the class of its options: an import statement that names the class,
  and one inside a ``case`` for the class, are followed for that kind only.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DIGITS = 12
"""Hexadecimal digits of a hash: enough to make a collision between two versions of a module unlikely."""


class CodeError(ValueError):
    """An unreadable module; the message names it."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Attributes:
        name: dotted, of a module or of something in one.
        kinds: the import is followed for a stage with one kind of each of these sets.
    """

    name: str
    kinds: tuple[Set[str], ...] = ()


@dataclass(frozen=True)
class Module:
    """One of our files: a hash of its meaning (empty for a file without code), and its imports.

    `lazy` are those in its ``__getattr__``: they run when someone takes a name from it that it does not have.
    """

    meaning: str
    imports: tuple[Import, ...]
    lazy: tuple[Import, ...]


class Source:
    """The packages of a source tree.

    Args:
        root: the folder that contains them.
        packages: their names.
        kinds: names of the classes that identify kinds.
        registries: modules that dispatch to the code of each kind.
        without: modules, or packages, that do not affect results: not followed.
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
        """Hashes of modules and of all that they import, for a stage with these kinds.

        Args:
            modules: names of the first modules.
            kinds: names of the classes that identify the stage's kinds.

        Returns:
            Hashes by module name, sorted; modules without code are left out.

        Raises:
            CodeError: one of `modules` is missing, or a file is not Python.
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
                    todo += self._lazily(one.name)
        return {name: seen[name].meaning for name in sorted(seen) if seen[name].meaning}

    def files(self, folder: str) -> dict[str, str]:
        """Hashes of the other source files that a stage reads: every file of a folder, by its path."""
        return {
            str(path.relative_to(self._root)): hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
            for path in sorted((self._root / folder).rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def _load(self, name: str) -> list[str]:
        """Our modules that importing a name runs: for a.b.c, also the packages a and a.b."""
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

    def _lazily(self, name: str) -> list[str]:
        """What taking a name from a module imports in the module's ``__getattr__``."""
        module = name.rpartition(".")[0]
        if self._file(name) is not None or module in self._without or self._file(module) is None:
            return []
        return [found for one in self._module(module).lazy for found in self._loaded(one.name)]

    def _find(self, name: str) -> Path | None:
        if not name:
            return None
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
        imports = _Imports(package, kinds)
        imports.visit(tree)
        return Module(meaning(tree), tuple(imports.found), tuple(imports.lazy))


class _Imports(ast.NodeVisitor):
    """Collects a module's imports and the kinds that they are for; outside registries there are no kinds."""

    def __init__(self, package: str, kinds: Set[str]) -> None:
        self._package = package
        self._kinds = kinds
        self._cases: list[Set[str]] = []
        self.found: list[Import] = []
        self.lazy: list[Import] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name != "__getattr__":
            self.generic_visit(node)
            return
        inside = _Imports(self._package, self._kinds)
        inside.generic_visit(node)
        self.lazy += inside.found

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
        self.found.append(Import(name, (*self._cases, *kinds)))


def _last_name(node: ast.expr) -> str | None:
    """``c`` of ``c`` and of ``a.b.c``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _classes(pattern: ast.pattern) -> Set[str]:
    """The classes that a pattern names: ``A()``, ``A() | B()``, ``A() as x``; none for other patterns."""
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

    What only offers names does not count: ``__all__``, and a ``__getattr__`` of the module. Absent optional
    fields are ignored, so the hash is the same for Python versions whose trees have additional ones.
    """
    body = [node for node in _statements(tree.body) if not _offers(node)]
    text = "".join(_text(body))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS] if body else ""


def _offers(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name="__getattr__") | ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


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
    """A list of statements without strings: docstrings, also those of attributes."""
    return [
        node
        for node in body
        if not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
    ]
