"""Which rows of the projection a caller may see, and pages of them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.api.problems import USAGE, Problem, ProblemError

if TYPE_CHECKING:
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.admin import Admin

MOST = 200
"""Items of a page, at most."""
USUAL = 50


class Page(NamedTuple):
    """Items of a list, and the cursor of those after them; "" : there are none.

    `tag` tells the page from others; "" : its content does.
    """

    items: Sequence[dict[str, Any]]
    after: str = ""
    tag: str = ""


def cut(rows: list[dict[str, Any]], limit: int, keys: Sequence[str]) -> Page:
    """Returns a page of `rows`, of which one more than `limit` was asked for; `keys` order them."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], cursor_of([rows[limit - 1][key] for key in keys]))


def cursor_of(values: Sequence[object]) -> str:
    """Returns the cursor of a row by its values in the order."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def values_of(cursor: str, kinds: Sequence[type]) -> Sequence[Any]:
    """Returns the values of a cursor; ProblemError for one that we did not give."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        if [type(each) for each in found] == list(kinds) and all(map(_fits, found)):
            return list(found)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise ProblemError(Problem(422, USAGE, "this cursor is none of ours", fix=["leave out `after`"]))


def _fits(value: object) -> bool:
    return is_text(value) if isinstance(value, str) else not isinstance(value, int) or abs(value) < 1 << 63


def is_text(value: str) -> bool:
    """Tests whether databases take it for a text: without NUL, and without halves of characters."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


def limit_of(said: str) -> int:
    """Returns how many items a page is to have; ProblemError where it is no number that fits."""
    if said.isascii() and said.isdecimal() and len(said) <= len(str(MOST)) and 1 <= int(said) <= MOST:
        return int(said)
    raise ProblemError(Problem(422, USAGE, f"a limit is a number from 1 to {MOST}"))


class Sight(NamedTuple):
    """What a caller may see: conditions on the columns of sessions or projects, and what they are given.

    `client` is whose rows the store shows. `repositories` are ids, None: all of them.
    """

    client: str
    repositories: tuple[str, ...] | None
    projects: tuple[str, ...]

    def where(self, repository: str, project: str = "") -> tuple[list[str], dict[str, object]]:
        """Returns conditions on the columns of that name; without `project` none is about projects."""
        conditions: list[str] = []
        given: dict[str, object] = {}
        if self.client:
            conditions.append(f"{repository.partition('.')[0]}.client_id = :client")
        for column, values in ((repository, self.repositories), (project, self.projects or None)):
            if column and values is not None:
                names = {f"{column.partition('.')[2]}_{n}": value for n, value in enumerate(values)}
                given.update(names)
                conditions.append(f"{column} IN ({', '.join(f':{name}' for name in names) or 'NULL'})")
        return conditions, given


def sight_of(caller: Caller, admin: Admin) -> Sight:
    """Returns what `caller` may see; a key that is limited to repositories sees these, by whatever name."""
    repositories = None
    if caller.repositories:
        names = {f"n{number}": name for number, name in enumerate(caller.repositories)}
        rows = admin.database.read(
            "SELECT repository_id FROM repository_names WHERE client_id = :client "  # noqa: S608 - names are ours
            f"AND name IN ({', '.join(f':{name}' for name in names)})",
            client=caller.client_id,
            **names,
        )
        repositories = tuple(dict.fromkeys(row["repository_id"] for row in rows))
    return Sight(caller.client_id, repositories, caller.projects)


def parsed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row with what it holds as JSON read, and ids of a line or a time that is none as null."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_json"):
            found[name.removesuffix("_json")] = json.loads(value) if value else None
        else:
            found[name] = value
    return found
