"""What code means: which imports are followed, and which changes of a file are changes of meaning."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from stages.graph.code import CodeError, Source, meaning

FILES = {
    "stages/__init__.py": "",
    "stages/work.py": "from hanet.deep import a\nfrom stages import logs\nimport numpy",
    "stages/logs.py": "import hanet.never",
    "hanet/__init__.py": "'''only a docstring'''",
    "hanet/deep/__init__.py": "shared = 1",
    "hanet/deep/a.py": "if TYPE_CHECKING:\n    import hanet.never\nelse:\n    from . import beside\n"
    "def f():\n    import hanet.late",
    "hanet/deep/beside.py": "from .further import x",
    "hanet/deep/further.py": "x = 1",
    "hanet/never.py": "x = 1",
    "hanet/late.py": "x = 1",
    "hanet/registry.py": "from hanet.cats import Cat\n"
    "from hanet.dogs import Dog, Puppy\n"
    "def feed(pet):\n"
    "    match pet:\n"
    "        case Cat():\n"
    "            import hanet.fish\n"
    "        case Dog() | Cat() if pet.hungry:\n"
    "            import hanet.meat\n"
    "        case Dog() as dog:\n"
    "            import hanet.bones\n"
    "        case Puppy():\n"
    "            import hanet.milk\n"
    "        case _:\n"
    "            import hanet.seeds",
    "hanet/cats.py": "class Cat: pass",
    "hanet/dogs.py": "class Dog: pass\nclass Puppy: pass",
    **{f"hanet/{food}.py": "x = 1" for food in ("fish", "meat", "bones", "milk", "seeds")},
    "hanet/offers/__init__.py": "def __getattr__(name):\n    from hanet.offers import api\n    return api",
    "hanet/offers/api.py": "x = 1",
    "hanet/offers/part.py": "x = 1",
    "stages/part.py": "from hanet.offers import part",
    "stages/name.py": "from hanet.offers import refine",
    "hanet/broken.py": "def",
}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A source tree whose kinds are cats and dogs."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Source(
        tmp_path,
        packages=("hanet", "stages"),
        kinds=frozenset({"Cat", "Dog"}),
        registries=("hanet.registry",),
        without=("stages.logs",),
    )


def test_imports_are_followed_but_for_those_that_never_run_and_modules_without_science(
    source: Source,
) -> None:
    expected = ["hanet.deep", "hanet.deep.a", "hanet.deep.beside", "hanet.deep.further", "hanet.late"]
    assert list(source.code(["stages.work"], frozenset())) == [*expected, "stages.work"]


def test_a_packages_lazy_names_concern_those_who_take_them(source: Source) -> None:
    assert list(source.code(["stages.part"], frozenset())) == [
        "hanet.offers.part",
        "stages.part",
    ]
    assert list(source.code(["stages.name"], frozenset())) == [
        "hanet.offers.api",
        "stages.name",
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("Cat", {"cats", "fish", "meat", "milk", "seeds"}), ("Dog", {"dogs", "meat", "bones", "milk", "seeds"})],
)
def test_a_registry_concerns_a_kind_by_its_own_cases_alone(
    source: Source, kind: str, expected: set[str]
) -> None:
    found = source.code(["hanet.registry"], frozenset({kind}))
    assert set(found) == {"hanet.registry", *(f"hanet.{name}" for name in expected)}


def test_cases_elsewhere_are_followed(source: Source, tmp_path: Path) -> None:
    (tmp_path / "hanet" / "other.py").write_text(FILES["hanet/registry.py"])
    found = source.code(["hanet.other"], frozenset({"Cat"}))
    assert {"hanet.dogs", "hanet.bones"} <= set(found)


def test_what_is_not_there_or_no_python_is_named(source: Source) -> None:
    with pytest.raises(CodeError, match=r"no module stages\.play below "):
        source.code(["stages.work", "stages.play"], frozenset())
    with pytest.raises(CodeError, match=r"broken\.py is not Python: "):
        source.code(["hanet.broken"], frozenset())


def test_files_are_hashed_by_their_bytes(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "stages" / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("<p>")
    (folder / ".a.html.swp").write_text("x")
    # printf '<p>' | sha256sum
    assert source.files("stages/pages") == {"stages/pages/a.html": "33f279946717"}


PLAIN = '"""Doc."""\nSIZE = 3\n"""Of it."""\n\n\ndef f(x):\n    """Doc."""\n    return x + SIZE\n'


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("Doc.", "Other words."),
        PLAIN.replace("Of it.", "Of something."),
        "# A comment.\n" + PLAIN,
        PLAIN.replace("x + SIZE", "(x\n            + SIZE)  # why"),
        "SIZE = 3\ndef f(x): return x + SIZE",
    ],
)
def test_words_and_layout_mean_nothing(text: str) -> None:
    assert meaning(ast.parse(text)) == meaning(ast.parse(PLAIN))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 3", "x = 3.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = a - b", "x = a + b"),
        ("x = a", "y = a"),
        ("def f(a, b): pass", "def f(a, *, b): pass"),
        ("def f(): return", "def f(): return None"),
        ("{**a, 'b': 1}", "{'b': 1, **a}"),
        ("x = {'a': 1, 'b': 2}", "x = {'b': 2, 'a': 1}"),
        ("x: int = 1", "x: float = 1"),
        ("@a\ndef f(): pass", "def f(): pass"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = 'a' 'b'", "x = 'a', 'b'"),
        ("f('a')", "f('b')"),
    ],
)
def test_what_means_something_else_differs(one: str, other: str) -> None:
    assert meaning(ast.parse(one)) != meaning(ast.parse(other))


@pytest.mark.parametrize(
    "text",
    ["", "'''Doc.'''", "# a comment", "__all__ = ['a']", "def __getattr__(name): pass", "'''Doc.'''\n'more'"],
)
def test_a_module_without_code_means_nothing(text: str) -> None:
    assert meaning(ast.parse(text)) == ""
