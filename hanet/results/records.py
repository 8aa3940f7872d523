"""What the report reads, as the files of other stages hold it: checked, and its numbers as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hanet.files.explain import explain


class Record(BaseModel):
    """A part of a file that other stages write: keys that the report does not show are left alone."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Provenance(Record):
    """What an experiment's numbers stand on; what else the file says is shown as it is."""

    model_config = ConfigDict(extra="allow")

    dataset: str
    estimator: str
    protocol: str
    fps: float
    leak: str | None = None
    split: str | None = None


class DataReport(Record):
    """A data set's splits, and whether they leak."""

    splits: dict[str, dict[str, Any]]
    leakage: str


class Drawn(Record):
    """An entry of a folder's list of figures."""

    file: str
    kind: str
    title: str
    caption: str


class Column(Record):
    """One measured column; its numbers have `digits` decimals."""

    key: str
    label: str
    unit: str
    digits: int = Field(ge=0)
    lower_is_better: bool


class Cell(Record):
    """A mean over seeds, its deviation (of two seeds or more) and interval (of two sequences or more)."""

    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def interval(self, digits: int) -> str | None:
        """``[low, high]``, if there is one."""
        return interval(self.low, self.high, digits)


class Difference(Record):
    """A row's `compared` column minus that of another row, on the same sequences."""

    row: str
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    draws: str | int | None = None

    def verdict(self, *, lower_is_better: bool) -> str | None:
        """``better`` or ``worse`` where the interval excludes 0, else None."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return None
        return "better" if (self.difference < 0) == lower_is_better else "worse"


class Row(Record):
    """A method; only its names and published figures are known where `status` is ``missing``."""

    method: str
    label: str
    status: Literal["run", "missing"]
    seeds: list[int] = []
    observed: float | None = None
    frames: int | None = None
    sequences: int | None = None
    cells: dict[str, Cell] = {}
    against_above: Difference | None = None
    published: dict[str, float] = {}
    leak: str | None = None

    @property
    def runs(self) -> list[str]:
        """Names of what was run for it: a training a seed, or the method itself."""
        return [f"{self.method}-{seed}" for seed in self.seeds] or [self.method]


class Published(Record):
    """Where the published figures come from, and what they were measured on."""

    on: str
    source: str
    same_data: bool = False


class Table(Record):
    """One comparison of an experiment, or of several; then `basis` says what its numbers are."""

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

    @property
    def published_columns(self) -> list[Column]:
        """The columns that any row has a published figure for."""
        if self.published is None:
            return []
        return [column for column in self.columns if any(column.key in row.published for row in self.rows)]

    @property
    def compared_column(self) -> Column:
        """The column that differences between rows are of."""
        for column in self.columns:
            if column.key == self.compared:
                return column
        raise ValueError(
            f"table {self.name} compares {self.compared}, which is none of its columns "
            f"({', '.join(column.key for column in self.columns)}); run dvc repro"
        )

    @property
    def compares(self) -> bool:
        """Whether any row is held against another."""
        return any(row.against_above for row in self.rows)

    def best(self, column: Column) -> float | None:
        """The best mean that was measured in a column; never a published one, nor one of a row that leaks."""
        rows = [row for row in self.rows if row.leak is None]
        means = [row.cells[column.key].mean for row in rows if column.key in row.cells]
        return (min if column.lower_is_better else max)(means, default=None)

    @property
    def draws(self) -> list[str]:
        """What the p-values were drawn from, each wording once."""
        found = [row.against_above.draws for row in self.rows if row.against_above]
        return list(dict.fromkeys(str(draws) for draws in found if draws is not None))


class Run(Record):
    """An MLflow run."""

    run_id: str
    experiment_id: str


class TableRun(Run):
    """The MLflow run of a table; its children are runs of the table's rows."""

    children: dict[str, str] = {}


class Receipt(Record):
    """What of an experiment was published to MLflow, and where its pages are served."""

    tracking_ui: str | None = Field(default=None, pattern=r"^https?://")
    runs: dict[str, Run] = {}
    tables: dict[str, TableRun] = {}

    def of_table(self, table: Table) -> str | None:
        """The page of a table's run."""
        found = self.tables.get(table.name)
        return found and self._page(found.experiment_id, found.run_id)

    def of_row(self, table: Table, row: Row) -> list[tuple[str, str]]:
        """The pages of a row's runs, each with the run's name; none for what was not published."""
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
    """A record, or a list of them, from its JSON file.

    Raises:
        ValueError: the file and every key that is missing or wrong.
    """
    adapter = TypeAdapter(kind)
    try:
        return adapter.validate_json(path.read_bytes())
    except ValidationError as error:
        problems = explain(error, adapter.json_schema())
    raise ValueError("\n  ".join([f"{path} is not what the report reads (run dvc repro):", *problems]))


# --- numbers as text


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with a true minus."""
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int) -> str | None:
    """``[low, high]``, the last decimal left out where the interval is wider than a hundred of it."""
    if low is None or high is None:
        return None
    places = digits - 1 if digits and high - low >= 100 / 10**digits else digits
    return f"[{number(low, places)}, {number(high, places)}]"


def probability(p: float) -> str:
    """``p = 0.008``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
