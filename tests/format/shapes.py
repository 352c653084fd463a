"""What a schema of ledgers knows, as a list of words that another release can be held to.

``stage`` is a kind of event, ``stage.routed`` a field of it, ``stage.action=reopen`` a word that may stand
there; ``session.claims.text`` is a field in the state of a session, ``project.stack`` one of a project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args


def shapes(event: Any, bodies: Mapping[str, list[Any]], session: Any, project: Any) -> list[str]:
    """All of it, from the models of an event, of the bodies of each kind, and of both states."""
    known = set(get_args(event.model_fields["kind"].annotation))
    for kind, models in bodies.items():
        for body in models:
            known |= set(_fields(f"{kind}.", body))
    return sorted({*known, *_fields("session.", session), *_fields("project.", project)})


def _fields(prefix: str, model: Any) -> Iterator[str]:
    for name, field in model.model_fields.items():
        shown = f"{prefix}{field.alias or name}"
        yield shown
        if name in ("action", "status"):
            yield from (f"{shown}={word}" for word in get_args(field.annotation))
        for inner in _models(field.annotation):
            yield from _fields(f"{shown}.", inner)


def _models(annotation: Any) -> Iterator[Any]:
    """The models that a field's type is made of, however they are wrapped."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
