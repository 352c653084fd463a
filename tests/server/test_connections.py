"""Connections of one address, and clients that hardly read or write: none of them keeps others out."""

from __future__ import annotations

import contextlib
import gzip
import os
import pathlib
import socket
import time

import pytest

from idse_orchestrator.server.gateway.limits import Crowd
from pushes import Clone, ref_of

PLACE = "acme/shop"
LISTING = f"/git/{PLACE}.git/info/refs?service=git-upload-pack"


def configure(bed, **settings):
    path = pathlib.Path(bed.home.configuration_file)
    path.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))


def connected(bed, address="127.0.0.1"):
    line = socket.socket()
    line.settimeout(60)
    line.bind((address, 0))
    host, _, port = bed.address.partition(":")
    line.connect((host, int(port)))
    return line


def all_of(line):
    """Returns what comes until the other side ends."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while more := line.recv(1 << 16):
            found += more
    return found


def asked(bed, path="/healthz", address="127.0.0.1", headers=()):
    """Returns the answer to one plain request from `address`."""
    with connected(bed, address) as line:
        head = "".join(f"{each}\r\n" for each in ("Host: x", "Connection: close", *headers))
        with contextlib.suppress(ConnectionError):
            line.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        return all_of(line)


def test_four_hundred_silent_sockets_of_one_address_shut_nobody_else_out(own_server, make_repo):
    own_server.start(files=200)
    own_server.key("acme")
    idle = []
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                idle.append(connected(own_server, "127.0.0.2"))
        answer = asked(own_server, address="127.0.0.2")
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 5" in answer
        assert b" 200 OK" in asked(own_server)
        clone = Clone(make_repo("clone"))
        clone.create()
        clone.repo.git("push", own_server.url(PLACE, own_server.key("acme")), ref_of())
        operator = own_server.key("")
        text = own_server.get("/metrics", operator)[1]
        figures = dict(line.rpartition(" ")[::2] for line in text.splitlines())
        assert float(figures["idse_connections_turned_away_total"]) >= 300
    finally:
        for each in idle:
            each.close()

    def is_free():
        return b" 200 OK" in asked(own_server, address="127.0.0.2")

    own_server.until(is_free)


def test_behind_a_proxy_the_address_that_it_tells_counts(own_server):
    """The proxy itself has as many connections as it likes."""
    configure(own_server, connections=2, trusted_proxy='"127.0.0.1"', silence=20)
    key = own_server.key("acme")
    own_server.start()
    body = "POST /git/acme/shop.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    body += f"Authorization: Bearer {key}\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n4\r\n00a0\r\n"
    idle = [connected(own_server) for _ in range(10)]
    try:
        for each in idle[:2]:
            each.sendall(body.encode())
        told = "X-Forwarded-For: 203.0.113.7"
        own_server.until(lambda: b" 429 " in asked(own_server, headers=[told]))
        assert b" 200 OK" in asked(own_server, headers=["X-Forwarded-For: 203.0.113.8"])
        assert b" 200 OK" in asked(own_server, headers=["X-Forwarded-For: 203.0.113.7, not-an-address"])
        assert b" 200 OK" in asked(own_server, address="127.0.0.1")
    finally:
        for each in idle:
            each.close()
    own_server.until(lambda: b" 200 OK" in asked(own_server, headers=[told]))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("unknown", "other", False),
    ],
)
def test_whose_connections_count_together(one, other, together):
    crowd = Crowd(1, lambda _address: False)
    assert crowd.enter(one)
    assert crowd.enter(other) is not together
    crowd.leave(one)
    assert crowd.enter(one) is not together or together
    assert not Crowd(0, lambda _address: False).enter(one)


@pytest.fixture
def large(own_server, make_repo):
    """A repository of 8 MB that packs no smaller, and a key that reads it."""
    configure(own_server, silence=2)
    key = own_server.key("acme")
    own_server.start()
    clone = Clone(make_repo("clone"))
    clone.create()
    clone.repo.git("push", own_server.url(PLACE, key), ref_of())
    git_dir = f"{own_server.home.git}/{PLACE}.git"
    blob = pathlib.Path(clone.repo.path, "noise")
    blob.write_bytes(os.urandom(8 << 20))
    ident = clone.repo.git("--git-dir", git_dir, "hash-object", "-w", str(blob))
    tree = clone.repo.git("--git-dir", git_dir, "mktree", stdin=f"100644 blob {ident}\tnoise\n")
    commit = clone.repo.git("--git-dir", git_dir, "commit-tree", tree, "-m", "noise")
    clone.repo.git("--git-dir", git_dir, "update-ref", "refs/heads/noise", commit)
    return own_server, key, commit


def fetching(bed, key, commit):
    """Asks for everything, over a line that takes little at once."""
    body = gzip.compress(f"0012command=fetch\n00010032want {commit}\n0009done\n0000".encode())
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    host, _, port = bed.address.partition(":")
    line.connect((host, int(port)))
    head = (
        f"POST /git/{PLACE}.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/x-git-upload-pack-request\r\nContent-Encoding: gzip\r\n"
        f"Git-Protocol: version=2\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    line.sendall(head.encode() + body)
    return line


def gits(bed, operator):
    figures = bed.get("/metrics", operator)[1].splitlines()
    return next(line for line in figures if line.startswith("idse_git_processes")).split(" ")[1]


def test_who_reads_a_byte_now_and_then_holds_no_place(large):
    bed, key, commit = large
    operator = bed.key("")
    with fetching(bed, key, commit) as line:
        bed.until(lambda: gits(bed, operator) == "1.0")
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while gits(bed, operator) == "1.0":
                line.recv(1)
                time.sleep(0.1)
                assert time.monotonic() - began < 12
    assert time.monotonic() - began > 1


def test_who_reads_slowly_and_goes_on_gets_all(large):
    bed, key, commit = large
    with fetching(bed, key, commit) as line:
        began, found = time.monotonic(), 0
        while more := line.recv(1 << 20):
            found += len(more)
            if time.monotonic() - began < 5:
                time.sleep(len(more) / (100 << 10))  # 100 KiB a second
    assert found > 8 << 20
    assert time.monotonic() - began > 4  # longer than the silence that would end it


def test_who_sends_a_byte_now_and_then_holds_no_place(own_server):
    configure(own_server, silence=2)
    key = own_server.key("acme")
    own_server.start()
    head = (
        f"POST /git/{PLACE}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with connected(own_server) as line:
        line.sendall(head.encode())
        began = time.monotonic()
        answer = b""
        line.settimeout(0.2)
        while not answer and time.monotonic() - began < 20:
            line.sendall(b"1\r\n0\r\n")
            with contextlib.suppress(TimeoutError):
                answer = line.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 408 ")
