"""Files of other stages that the report reads: validated records, and their numbers as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from hanet.files.explain import explain


class Record(BaseModel):
    """A part of a file of another stage; keys that the report does not use are ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Provenance(Record):
    """Provenance of an experiment's numbers; other keys of the file are kept and shown unchanged."""

    model_config = ConfigDict(extra="allow")

    dataset: str
    estimator: str
    protocol: str
    fps: float
    leak: str | None = None
    split: str | None = None


class DataReport(Record):
    """A data set's splits, and the result of the leakage check."""

    splits: dict[str, dict[str, Any]]
    leakage: str


class Drawn(Record):
    """An entry of a folder's manifest of figures."""

    file: str
    kind: str
    title: str
    caption: str


class Column(Record):
    """One column of a table; numbers are shown with `digits` decimals."""

    key: str
    label: str
    unit: str
    digits: int = Field(ge=0)
    lower_is_better: bool


class Cell(Record):
    """A mean over seeds, with sd (of two seeds or more) and interval (of two sequences or more)."""

    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def interval(self, digits: int) -> str | None:
        """``[low, high]``; None without an interval."""
        return interval(self.low, self.high, digits)


class Difference(Record):
    """A row's `compared` metric minus that of the reference row, on the same sequences.

    `p` is adjusted over the table (Holm), `p_alone` is not; `no_p` says why there is none.
    """

    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_alone: float | None = None
    no_p: str | None = None

    def verdict(self, *, lower_is_better: bool) -> str | None:
        """``better`` or ``worse`` if the interval excludes 0, else None."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return None
        return "better" if (self.difference < 0) == lower_is_better else "worse"


class Row(Record):
    """A method; with `status` ``missing`` it has names and published figures only."""

    method: str
    label: str
    status: Literal["run", "missing"]
    seeds: list[int] = []
    observed: float | None = None
    frames: int | None = None
    sequences: int | None = None
    cells: dict[str, Cell] = {}
    against: Difference | None = None
    deviations: str | None = None
    published: dict[str, float] = {}
    leak: str | None = None

    @model_validator(mode="after")
    def _counted(self) -> Row:
        if self.status == "run" and None in (self.observed, self.frames, self.sequences):
            raise ValueError(f"row {self.label} was run, but has no observed, frames or sequences")
        return self

    @property
    def runs(self) -> list[str]:
        """Names of its runs: one training per seed, or the method itself."""
        return [f"{self.method}-{seed}" for seed in self.seeds] or [self.method]


class Published(Record):
    """Source of published figures, and the data that they were measured on."""

    on: str
    source: str
    same_data: bool = False


class Reference(Record):
    """The row that every other row of a table is compared with."""

    method: str
    label: str


class Table(Record):
    """A table over the methods of one experiment, or over several experiments; then `basis` describes it."""

    name: str
    title: str
    note: str | None = None
    experiment: str
    protocol: str
    columns: list[Column] = Field(min_length=1)
    compared: str
    published: Published | None = None
    rows: list[Row]
    basis: str | None = None
    leak: str | None = None
    reference: Reference | None = None
    over: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Table:
        if self.compared not in (names := [column.key for column in self.columns]):
            raise ValueError(f"rows are compared by {self.compared}, which is none of {', '.join(names)}")
        return self

    @property
    def published_columns(self) -> list[Column]:
        """Columns with a published figure in any row."""
        if self.published is None:
            return []
        return [column for column in self.columns if any(column.key in row.published for row in self.rows)]

    @property
    def compared_column(self) -> Column:
        """The column that rows are compared by."""
        return next(column for column in self.columns if column.key == self.compared)

    @property
    def compares(self) -> bool:
        """Whether any row is compared with another."""
        return any(row.against for row in self.rows)

    def best(self, column: Column) -> float | None:
        """The best measured mean of a column, without published figures and rows that leak."""
        rows = [row for row in self.rows if row.leak is None]
        means = [row.cells[column.key].mean for row in rows if column.key in row.cells]
        return (min if column.lower_is_better else max)(means, default=None)

    @property
    def deviates(self) -> bool:
        """Whether a deviation from a release is declared for any row."""
        return any(row.deviations for row in self.rows)


class Run(Record):
    """An MLflow run."""

    run_id: str
    experiment_id: str


class TableRun(Run):
    """The MLflow run of a table; its child runs are the table's rows."""

    children: dict[str, str] = {}


class Receipt(Record):
    """MLflow runs of an experiment, and the address of MLflow's pages."""

    tracking_ui: str | None = Field(default=None, pattern=r"^https?://")
    runs: dict[str, Run] = {}
    tables: dict[str, TableRun] = {}

    def of_table(self, table: Table) -> str | None:
        """Address of the page of a table's run; None if it was not published."""
        found = self.tables.get(table.name)
        return found and self._page(found.experiment_id, found.run_id)

    def of_row(self, table: Table, row: Row) -> list[tuple[str, str]]:
        """Name and page address of each published run of a row."""
        found = self.tables.get(table.name)
        pages = []
        for name in row.runs:
            if found and name in found.children:
                page = self._page(found.experiment_id, found.children[name])
            elif name in self.runs:
                page = self._page(self.runs[name].experiment_id, self.runs[name].run_id)
            else:
                continue
            if page is not None:
                pages.append((name, page))
        return pages

    def _page(self, experiment: str, run: str) -> str | None:
        if self.tracking_ui is None:
            return None
        return f"{self.tracking_ui.rstrip('/')}/#/experiments/{experiment}/runs/{run}"


T = TypeVar("T")


def read(path: Path, kind: type[T]) -> T:
    """Read a record from a JSON file.

    Raises:
        ValueError: naming the file and every missing or invalid key.
    """
    return _read(path, kind)


def read_list(path: Path, kind: type[T]) -> list[T]:
    """Read a list of records from a JSON file.

    Raises:
        ValueError: naming the file and every missing or invalid key.
    """
    return _read(path, list[kind])


def _read(path: Path, kind: Any) -> Any:
    adapter = TypeAdapter(kind)
    try:
        return adapter.validate_json(path.read_bytes())
    except ValidationError as error:
        problems = explain(error, adapter.json_schema())
    raise ValueError(f"{path} is not what the report reads (run dvc repro): {'; '.join(problems)}")


# --- numbers as text


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Format a number with a true minus sign."""
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int) -> str | None:
    """``[low, high]``, with one decimal less if the interval is wider than 100 units of the last decimal."""
    if low is None or high is None:
        return None
    places = digits - 1 if digits and high - low >= 100 / 10**digits else digits
    return f"[{number(low, places)}, {number(high, places)}]"


def probability(p: float) -> str:
    """``p = 0.008``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
