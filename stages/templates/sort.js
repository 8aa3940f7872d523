// Sort a table by a header: best first, then the other way round, then the order it came in.
(() => {
  "use strict";
  const value = (row, column, kind) => {
    const cell = [...row.cells].find((found) => found.dataset.column === column);
    if (!cell || cell.dataset.value === undefined) return null;
    return kind === "text" ? cell.dataset.value : Number(cell.dataset.value);
  };
  const sorted = (rows, header, direction) => {
    const { column, kind } = header.dataset;
    const sign = direction === "ascending" ? 1 : -1;
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a, column, kind), value(b, column, kind)];
      if (x === null || y === null) return (x === null) - (y === null); // without a value: last, either way
      return sign * (kind === "text" ? x.localeCompare(y, "en") : x - y);
    });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const headers = [...table.querySelectorAll("th[data-first]")];
    for (const header of headers) {
      const first = header.dataset.first;
      const second = first === "ascending" ? "descending" : "ascending";
      header.querySelector("button").addEventListener("click", () => {
        const now = header.getAttribute("aria-sort");
        const next = now === first ? second : now === second ? null : first;
        for (const other of headers) other.removeAttribute("aria-sort");
        if (next) header.setAttribute("aria-sort", next);
        body.append(...(next ? sorted(original, header, next) : original));
      });
    }
  }
})();
