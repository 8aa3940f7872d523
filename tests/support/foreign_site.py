"""A web page of another origin that tries to read Prefect's API and to start a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.browser import FOREIGN, page_text

PAGE = """<body><script>
const api = "TARGET/api", found = {};
async function attempt(name, path, options) {
  try {
    const answer = await fetch(api + path, {method: "POST", ...options});
    found[name] = answer.type === "opaque" ? "opaque" : answer.status + " " + await answer.text();
  } catch (error) { found[name] = String(error); }
}
(async () => {
  const json = {"Content-Type": "application/json"};
  const run = JSON.stringify({job_variables: {command: "touch X"}});
  await attempt("list", "/deployments/filter", {body: "{}", headers: json});
  await attempt("plain", "/deployments/filter", {body: "{}"});
  await attempt("run", "RUN", {body: run, headers: json});
  // Without a content type, which Prefect takes for JSON; the answer is hidden, the request is sent.
  await attempt("blind", "RUN", {body: new Blob([run]), mode: "no-cors"});
  document.body.textContent = JSON.stringify(found);
})();
</script></body>"""


@contextmanager
def foreign_site(run: str) -> Iterator[tuple[str, list[str]]]:
    """Serve the page under a foreign name, and an API that admits every origin; yield address and calls."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self, text: str) -> None:
            self.send_response(200)
            for name, value in (
                ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "*"),
                ("Content-Type", "text/html"), ("Content-Length", str(len(text))),
            ):  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            target = self.path.partition("?")[2]
            self.answer(PAGE.replace("TARGET", target).replace("RUN", run))

        def do_OPTIONS(self) -> None:
            self.answer("")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            reached.append(self.path)
            self.answer("open")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{FOREIGN}:{server.server_port}", reached
        server.shutdown()


def attack(site: str, target: str) -> dict[str, str]:
    """Open the page of a site and return what it gets from a target."""
    document = page_text(f"{site}/?{target.replace(FOREIGN, '127.0.0.1')}")
    return json.loads(document[document.index("{") : document.rindex("}") + 1])
