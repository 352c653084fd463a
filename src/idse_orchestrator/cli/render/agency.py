"""Clients, repositories and keys of an Agency, as lines and as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import ago, headed
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.server.tenants.admin import Client, Repository
from idse_orchestrator.server.tenants.keys import Key

Row = TypeVar("Row", Client, Repository, Key)
_KIB = 1024


def size_words(count: int) -> str:
    """Returns bytes in words: ``812 B``, ``1.4 MiB``."""
    if count < _KIB:
        return f"{count} B"
    number = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        number /= _KIB
        if number < _KIB:
            return f"{number:.1f} {unit}"
    return f"{number:,.1f} TiB"


def when(iso: str, never: str = "-") -> str:
    """Returns how long ago a time was; `never` where there is none."""
    return ago(time.time() - datetime.fromisoformat(iso).timestamp()) if iso else never


def client_lines(clients: Sequence[Client]) -> Iterator[str]:
    """Yields a row for each client."""
    rows = [
        (
            each.name,
            _repositories(each.repositories),
            size_words(each.bytes),
            f"pushed {when(each.pushed_at, 'never')}",
            counted(each.keys, "key"),
            _state(each),
        )
        for each in clients
    ]
    head, lines = headed(("client", "repositories", "size", "last push", "keys", ""), rows)
    yield from (*head, *lines)


def client_details(client: Client, repositories: Sequence[Repository], keys: Sequence[Key]) -> Iterator[str]:
    """Yields all that there is to say about a client."""
    quota = size_words(client.max_bytes) if client.max_bytes else "no limit"
    count = str(client.max_repositories) if client.max_repositories else "no limit"
    rows = [
        ("client", client.name),
        ("id", client.id),
        ("made", client.created_at),
        ("size", f"{size_words(client.bytes)} (limit: {quota})"),
        ("repositories", f"{client.repositories} (limit: {count})"),
        ("last push", when(client.pushed_at, "never")),
    ]
    rows += [("archived", client.archived_at)] if client.archived_at else []
    rows += [("repository", _about(each)) for each in repositories]
    now = now_iso()
    rows += [
        ("key", f"{each.id} {printable(holder(each))}".rstrip())
        for each in keys
        if each.state(now) == "valid"
    ]
    for name, value in rows:
        yield f"{name.ljust(13)} {value}"


def repository_lines(repositories: Sequence[Repository]) -> Iterator[str]:
    """Yields a row for each repository."""
    rows = [
        (str(each.place), size_words(each.bytes), f"pushed {when(each.pushed_at, 'never')}", _state(each))
        for each in repositories
    ]
    head, lines = headed(("repository", "size", "last push", ""), rows)
    yield from (*head, *lines)


def repository_details(repository: Repository, url: str, path: str) -> Iterator[str]:
    """Yields all that there is to say about a repository; `url` is where it is served, `path` its folder."""
    rows = [
        ("repository", str(repository.place)),
        ("id", repository.id),
        ("url", url),
        ("folder", printable(path)),
        ("made", repository.created_at),
        ("size", size_words(repository.bytes)),
        ("last push", when(repository.pushed_at, "never")),
        ("was called", ", ".join(repository.former)),
        ("archived", repository.archived_at),
    ]
    for name, value in rows:
        if value:
            yield f"{name.ljust(13)} {value}"


def key_lines(keys: Sequence[Key]) -> Iterator[str]:
    """Yields a row for each key."""
    now = now_iso()
    rows = [
        (
            each.id,
            each.client or "(operator)",
            f"{each.prefix}…",
            ",".join(each.scopes),
            each.state(now),
            f"ends {each.expires_at[:10]}" if each.expires_at else "never ends",
            f"used {when(each.last_used_at, 'never')}",
            printable(holder(each)),
        )
        for each in keys
    ]
    head, lines = headed(("key", "client", "begins", "may", "state", "end", "last use", "holder"), rows)
    yield from (*head, *lines)


def list_answer(schema: str, rows: Sequence[Row], lines: Callable[[Sequence[Row]], Iterator[str]]) -> Answer:
    """Returns what a command that lists `rows` answers; `lines` makes them readable."""
    return Answer(schema, lambda: list(map(row_data, rows)), lines(rows))


def done_answer(schema: str, row: Row, done: str, step: str = "") -> Answer:
    """Returns what a command answers that did something with `row`; `step` is what comes next."""
    return Answer(schema, lambda: row_data(row), [Said(done), *([Said(f"next: {step}")] if step else [])])


def row_data(row: Row) -> dict[str, object]:
    """Returns what JSON says of a client, a repository or a key: never the secret."""
    data = row._asdict()
    if isinstance(row, Key):
        data["state"] = row.state(now_iso())
    return {name: value if value != "" else None for name, value in data.items()}


def now_iso() -> str:
    """Returns the time, as it is kept."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _about(repository: Repository) -> str:
    state = _state(repository)
    return f"{repository.name}, {size_words(repository.bytes)}{', ' if state else ''}{state}"


def holder(key: Key) -> str:
    """Returns whose key it is, in words."""
    whose = f"agent {key.agent}" if key.agent else ", ".join(key.emails)
    return " ".join(filter(None, (key.name, f"<{whose}>" if whose else "")))


def _state(row: Client | Repository) -> str:
    return "archived" if row.archived_at else ""


def _repositories(count: int) -> str:
    return f"{count} {'repository' if count == 1 else 'repositories'}"
