"""The one redaction: what must not be printed or recorded, wherever it stands in a text.

Passwords and tokens of URLs: before the host, among the parameters behind ``?``, ``&`` or ``#``. Tokens that
forges give out are known by their form, and credentials of http headers, as git's traces print them, by name.
"""

from __future__ import annotations

import re

HIDDEN = "***"

_SIGNS = ("://", "=", "gh", "glpat-", "idse_", "uthorization")
"""One of them is in every text that holds a secret; most texts hold none."""

SSH = ("ssh", "git+ssh", "ssh+git")
"""Schemes whose URLs name a user who is no secret."""

_USER = r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s@]*(?:@[^/\s@]*)*)@"
_NAME = r"^([A-Za-z][A-Za-z0-9+.-]*)://(?!(?=\w*\d)\w{20,}@)(?!\w*(?:gh[pousr]_|github_pat_|idse_))[^/\s:@]+@"
_KEYS = r"token|secret|pass|pwd|key|auth|sig|cred|jwt|bearer|session"
_PARAMETER = rf"(?i)([?&#;][\w.\[\]%-]*(?:{_KEYS})[\w.\[\]%-]*=)[^&#;\s'\"<>]+"
_OF_FORGES = r"\b(gh[pousr]_|github_pat_|glpat-)[\w-]{16,}"
_OF_AGENCIES = r"(?<![A-Za-z0-9])(idse_)[A-Za-z0-9]{43}(?![A-Za-z0-9])"
_HEADER = r"(?i)(authorization(?::|=)\s*(?:(?:basic|bearer|token|digest|negotiate)\s+)?)[^\s'\"]+"


def redacted(text: str) -> str:
    """Returns `text` without the passwords and tokens in it; the user of an ssh URL stays."""
    if not any(sign in text for sign in _SIGNS):
        return text
    text = re.sub(_USER, _without_user, text)
    text = re.sub(_PARAMETER, rf"\1{HIDDEN}", text)
    text = re.sub(_OF_FORGES, rf"\1{HIDDEN}", text)
    text = re.sub(_OF_AGENCIES, rf"\1{HIDDEN}", text)
    return re.sub(_HEADER, rf"\1{HIDDEN}", text)


def has_secret(url: str) -> bool:
    """Tests whether `url` carries a password, or a token in the place of an https user or of a parameter.

    The name of a user is none, unless it looks like a token: long, of letters and digits alone.
    """
    bare = re.sub(_NAME, r"\1://", url)
    return redacted(bare) != bare


def _without_user(found: re.Match[str]) -> str:
    scheme, user = found[1], found[2].partition(":")[0]
    return f"{scheme}://{user}@" if scheme.lower() in SSH and user else f"{scheme}://"
