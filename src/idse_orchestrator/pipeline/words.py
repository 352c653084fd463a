"""The subjects of what happens to sessions and projects: one line for each kind of event, from its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def created(body: Mapping[str, Any]) -> str:
    """Says what began."""
    return f"created {body.get('project', '')}{'/' if body.get('session') else ''}{body.get('session', '')}"


def edited(body: Mapping[str, Any]) -> str:
    """Says which documents changed."""
    changed = sorted(body.get("changed", {}))
    what = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    if not body.get("code"):
        return f"saved {what or 'the folder'}"
    return f"committed {what or 'what was saved'} in {body['code'][:7]}"


def stage(body: Mapping[str, Any]) -> str:
    """Says which way a stage went."""
    arrow = f"{body['stage']}: {body['from']} → {body['to']}"
    return f"{arrow} ({body['action']}ed)" if body["action"] == "confirm" else arrow


def validated(body: Mapping[str, Any]) -> str:
    """Says the verdict."""
    return f"validated: {body['status']}"


def approved(body: Mapping[str, Any]) -> str:
    """Says which rule was waived, or is not any more."""
    if body.get("withdrawn"):
        return f"withdrew the waiver of {body['rule']}"
    return f"waived {body['rule']}" + (f" until {body['expires']}" if body.get("expires") else "")


def assigned(body: Mapping[str, Any]) -> str:
    """Says who has a stage now."""
    return (
        f"{body['stage']}: assigned to {body['agent']}" if body["agent"] else f"{body['stage']}: unassigned"
    )


def described(body: Mapping[str, Any]) -> str:
    """Says what is said now."""
    return "described: " + ", ".join(f"{key} {_words(body[key])}" for key in sorted(body) if key != "reason")


def archived(body: Mapping[str, Any]) -> str:
    """Says whether it came or went."""
    return "brought back from the archive" if body.get("restored") else "archived"


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else repr(value)
