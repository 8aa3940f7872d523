"""The replication article says what the committed tables say."""

from __future__ import annotations

import json
import re

import pytest

from docs.tools import article
from tests.support.paths import ROOT


def test_the_article_is_built_from_the_committed_tables():
    assert (article.ARTICLE / "index.md").read_text() == article.build(), "run make article"


def test_every_claim_has_a_row():
    claims = (ROOT / "docs/claims.md").read_text()
    text = article.build()
    listed = [line.split("|")[1].strip() for line in claims.splitlines() if line.startswith("| ")][1:]
    assert len(listed) >= 9
    assert all(f"| {claim} |" in text for claim in listed)


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (("-2.0", "-1.0"), "A: -1.50 [-2.0, -1.0] mm, lower than the row *B*."),
        (("1.0", "2.0"), "higher than the row *B*."),
        (("-1.0", "2.0"), "not detectably different from the row *B*."),
        (("", ""), "A: -1.50 mm, not detectably different from the row *B*."),
    ],
)
def test_a_sentence_goes_as_far_as_its_interval(ends, says):
    row = {"label": "A", "against.difference": "-1.5", "against.low": ends[0], "against.high": ends[1]}
    assert article.verdict(row, "B").endswith(says)


def test_cited_works_are_in_the_bibliography():
    cited = set(re.findall(r"@(\w+)", (ROOT / "paper.md").read_text().split("---", 2)[2]))
    entries = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text(), flags=re.MULTILINE))
    assert cited == entries


def test_the_paper_has_the_authors_of_the_citation_file():
    import yaml

    head = yaml.safe_load((ROOT / "paper.md").read_text().split("---", 2)[1])
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert [author["name"] for author in head["authors"]] == [a["name"] for a in citation["authors"]]
    assert head["bibliography"] == "paper.bib"
    described = json.loads((ROOT / "codemeta.json").read_text())
    assert head["title"] == described["name"] == citation["title"]
