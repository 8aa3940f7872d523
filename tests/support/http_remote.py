"""A DVC remote over HTTP: ``python http_remote.py FOLDER ADDRESS PORT``. Takes files by PUT."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    """GET and HEAD of files, and PUT, as DVC asks for it: in chunks."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        path = Path(self.translate_path(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{id(self)}.tmp")
        with temporary.open("wb") as handle:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    handle.write(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
            else:
                handle.write(self.rfile.read(int(self.headers["Content-Length"])))
        temporary.replace(path)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    folder, address, port = sys.argv[1:]
    ThreadingHTTPServer((address, int(port)), partial(Handler, directory=folder)).serve_forever()
