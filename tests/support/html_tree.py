"""HTML as a tree, with the standard library's parser; tags that are not closed in order are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "polyline", "circle"}
BLOCKS = {"dt", "dd"}


@dataclass
class Node:
    """An element: its attributes, and elements and text in it, in order."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    inner: list[Node | str] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """This element and all in it."""
        yield self
        for child in self.inner:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, tag: str, **attrs: str) -> list[Node]:
        """Elements of a tag whose attributes have these values; ``_`` stands for ``-``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items()}
        return [n for n in self.walk() if n.tag == tag and wanted.items() <= n.attrs.items()]

    def one(self, tag: str, **attrs: str) -> Node:
        """The only such element."""
        (found,) = self.all(tag, **attrs)
        return found

    @property
    def classes(self) -> set[str]:
        """Its classes."""
        return set(self.attrs.get("class", "").split())

    @property
    def text(self) -> str:
        """All text in it, spaces as a browser shows them."""
        return " ".join(self._raw().split())

    def _raw(self) -> str:
        text = "".join(child if isinstance(child, str) else child._raw() for child in self.inner)
        return f" {text} " if self.tag in BLOCKS else text


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inner.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, f"<{tag}/> needs an end tag"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>, line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inner.append(data)


def parse(text: str) -> Node:
    """The document."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert len(builder.open) == 1, f"never closed: {[node.tag for node in builder.open[1:]]}"
    return builder.open[0]
