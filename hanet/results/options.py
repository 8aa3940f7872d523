"""Options of scores and of the tables that show them, with figures that others published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hanet.options import Name, Names, Section, Seed, Text


class Evaluate(Section):
    """How everything is scored."""

    protocol: Literal["full", "smoothnet"]
    resamples: int = Field(ge=100)
    seed: Seed


class Published(Section):
    """Published figures to show beside ours: on which data, from where, by row and metric.

    A column in percent has them in percent. `same_data` says that they are of the very files scored here.
    """

    on: Text
    source: Text
    same_data: bool = False
    rows: Annotated[dict[Name, dict[Name, float]], Field(min_length=1)]

    def check_rows(self, rows: Iterable[str]) -> None:
        """Refuse figures of rows that a table does not have.

        Raises:
            ValueError: naming the rows.
        """
        if unknown := sorted(set(self.rows) - set(rows)):
            raise ValueError(
                f"published.rows: the table has no row {', '.join(unknown)}; its rows are {', '.join(rows)}"
            )


class Table(Section):
    """A table of an experiment's report.

    Attributes:
        title, note: words above it.
        experiments: those that it is made for; None for all.
        rows: methods and their labels, in the order shown.
        reference: the row that every other one is compared with; None for the first row.
        columns: keys of `hanet.results.columns`, of which those are shown that were measured; None for all
            but errors by kind of frame.
        deviations: by row, in what it differs from what its authors released.
        published: what others published beside it.
    """

    title: Text
    experiments: Names | None = None
    note: Text | None = None
    rows: Annotated[dict[Name, Text], Field(min_length=2)]
    reference: Name | None = None
    columns: Names | None = None
    deviations: dict[Name, Text] = Field(default_factory=dict)
    published: Published | None = None

    @model_validator(mode="after")
    def _rows(self) -> Table:
        if self.published:
            self.published.check_rows(self.rows)
        named = {"reference": [self.reference] if self.reference else [], "deviations": self.deviations}
        for key, names in named.items():
            if unknown := sorted(set(names) - set(self.rows)):
                raise ValueError(
                    f"{key}: the table has no row {', '.join(unknown)}; its rows are {', '.join(self.rows)}"
                )
        return self


class PublishedGroup(Published):
    """Published figures to show beside the rows of one `group`."""

    group: str


class Summary(Section):
    """A table over experiments: groups of them by title, one row per method and group.

    `rows` maps methods to labels.
    """

    title: Text
    note: Text | None = None
    over: Annotated[dict[Text, Names], Field(min_length=1)]
    rows: Annotated[dict[Name, Text], Field(min_length=1)]
    published: PublishedGroup | None = None

    @model_validator(mode="after")
    def _published(self) -> Summary:
        if self.published:
            if self.published.group not in self.over:
                raise ValueError(
                    f"published.group: expected one of the groups {', '.join(self.over)}, "
                    f"got {self.published.group!r}"
                )
            self.published.check_rows(self.rows)
        return self
