"""A small web server that serves git repositories, with git's own program behind it."""

from __future__ import annotations

import contextlib
import http.server
import os
import pathlib
import ssl
import subprocess
import threading
import typing
import urllib.parse


def certificate_for(host, folder):
    """Makes a certificate that signs itself, with its key, as one file; returns its path."""
    path = folder / "certificate.pem"
    names = ("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
    made = ("-keyout", str(path), "-out", f"{path}.only", "-days", "2")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made, *names],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + pathlib.Path(f"{path}.only").read_text())
    return path


@contextlib.contextmanager
def served(folder, certificate=None):
    """A class of its own that serves the repositories in `folder`; `url` is where they are."""

    class Handler(Backend):
        root = str(folder)
        seen: typing.ClassVar = []
        first: typing.ClassVar = []

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Handler.port = server.server_port
    Handler.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield Handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Backend(http.server.BaseHTTPRequestHandler):
    """`git http-backend` as a web server. `answer`: a status to give instead; `password`: one to demand.

    `first` are (part of the path, status, headers): each is the answer to one request, before any other.
    `seen` are (path, headers) of all requests.
    """

    protocol_version = "HTTP/1.1"
    root = ""
    answer = 0
    password = ""
    seen: typing.ClassVar = []
    first: typing.ClassVar = []

    def log_message(self, *_args) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        self.seen.append((self.path, dict(self.headers)))
        for given in self.first:
            if given[0] in self.path:
                self.first.remove(given)
                self._reply(given[1], given[2], b"later\n")
                return
        if self.answer:
            self._reply(self.answer, {}, b"no\n")
            return
        if self.password and self.password not in self.headers.get("Authorization", ""):
            self._reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?\n")
            return
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": urllib.parse.unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(headers.pop("Status", "200").split()[0])
        self._reply(status, headers, content)

    def _reply(self, status, headers, content) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
