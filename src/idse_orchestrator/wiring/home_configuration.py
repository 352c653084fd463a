"""``~/.idseconfig.json``: what it may hold, checked whenever it is read.

``{"agent": "…", "project": "…", "checks": "…", "agency": {"url": "…"}}``; every key may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.sessions.configuration import Stated

FILE = ".idseconfig.json"


def parse_home(data: bytes, path: str) -> Sequence[Stated]:
    """Returns what the file `path` with the content `data` says.

    InvalidConfigurationError with line and column.
    """
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _invalid(f"{path}:{error.lineno}:{error.colno}", f"{error.msg}") from error
    except UnicodeDecodeError as error:
        raise _invalid(path, f"byte {error.start + 1} is not UTF-8") from error
    except RecursionError as error:
        raise _invalid(path, "it is nested too deeply") from error
    if not _is_plain(raw):
        from idse_orchestrator.wiring.home_schema import home_problem  # a hook has no time to import it

        problem = home_problem(raw)
        if problem is not None:
            raise _invalid(path, problem)
    return [Stated(key, value, path) for key, value in _flat("", raw)]


def _is_plain(raw: object) -> bool:
    """Tests whether `raw` holds nothing but text: such a file is right whatever its keys are."""
    if not isinstance(raw, dict):
        return False
    agency = raw.get("agency", {})
    texts = [
        raw.get("agent", ""),
        raw.get("project", ""),
        raw.get("checks", ""),
        agency.get("url", "") if isinstance(agency, dict) else None,
    ]
    return all(isinstance(text, str) for text in texts)


def _flat(prefix: str, raw: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in raw.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(f"{name}.", value)
        elif value is not None:
            yield name, value if isinstance(value, str) else json.dumps(value)


def _invalid(where: str, cause: str) -> InvalidConfigurationError:
    return InvalidConfigurationError(
        f"{FILE} cannot be read", where=where, cause=cause, fix=("correct the file, or move it away",)
    )
