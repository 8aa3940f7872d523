"""Sections of scores and of the tables that show them, with figures that others published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hanet.options import Names, Section, Seed


class Evaluate(Section):
    """How everything is scored."""

    protocol: Literal["full", "smoothnet"]
    resamples: int = Field(ge=100)
    seed: Seed


class Published(Section):
    """Figures of others, to stand beside ours: on which data, from where, by row and metric.

    A column in percent has them in percent. `same_data` says that they are of the very files scored here.
    """

    on: str
    source: str
    same_data: bool = False
    rows: dict[str, dict[str, float]]


class Table(Section):
    """A table of an experiment's report.

    Rows are methods by name, each with its label, in the order shown: a row is tested against the one above.
    Of `experiments` it is made for those named, else for all.
    """

    title: str
    experiments: Names | None = None
    note: str | None = None
    rows: Annotated[dict[str, str], Field(min_length=2)]
    published: Published | None = None

    @model_validator(mode="after")
    def _rows(self) -> Table:
        if self.published and (unknown := sorted(set(self.published.rows) - set(self.rows))):
            raise ValueError(f"published figures for rows that the table lacks: {', '.join(unknown)}")
        return self


class PublishedGroup(Published):
    """Figures of others that stand beside the rows of one `group`."""

    group: str


class Summary(Section):
    """A table over experiments: groups of them by name, a row for each method and group.

    Rows are methods by name, each with its label.
    """

    title: str
    note: str | None = None
    over: Annotated[dict[str, Names], Field(min_length=1)]
    rows: Annotated[dict[str, str], Field(min_length=1)]
    published: PublishedGroup | None = None

    @model_validator(mode="after")
    def _published(self) -> Summary:
        if self.published and self.published.group not in self.over:
            raise ValueError(
                f"published.group: {self.published.group} is none of {', '.join(self.over)}, the groups"
            )
        if self.published and (unknown := sorted(set(self.published.rows) - set(self.rows))):
            raise ValueError(f"published figures for rows that the table lacks: {', '.join(unknown)}")
        return self
