"""Turns what a page shows into HTML. All text is escaped; a document is Markdown, and its HTML is text."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markupsafe import Markup, escape

from idse_orchestrator.base.text import printable
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

_HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = os.path.join(_HERE, "templates")
LONGEST = 24_000
"""Characters of a document that a page shows: it stays small, and the whole text is in its JSON."""
_SAFE_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_MOVE = re.compile(rf"idse stage (start|complete|confirm|reopen) ({'|'.join(STAGES)})\b")
_COMMENT = re.compile(r"\s*<!--.*?-->\s*", re.DOTALL)


@cache
def style() -> bytes:
    """Returns the one style of all pages."""
    return sheet("tokens.css", "pages.css")


def sheet(*names: str) -> bytes:
    """Returns files of style as one; the first has the colours, and how a stage is marked, of all pages."""
    return b"\n".join(map(_file, names))


@cache
def style_address() -> str:
    """Returns where the style is; another content has another address, so it may be kept for long."""
    return f"/static/{hashlib.sha256(style()).hexdigest()[:12]}.css"


@cache
def icon() -> bytes:
    """Returns the icon of all pages."""
    return _file("icon.svg")


def _file(name: str) -> bytes:
    with open(os.path.join(TEMPLATES, name), "rb") as file:
        return file.read()


@cache
def environment() -> Environment:
    """Returns what renders all templates: whatever people typed is escaped, and what hides is shown."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    made.filters.update(
        short=short,
        clip=clip,
        day=day,
        number=number,
        lines=lambda text: printable(text, lines=True),
        raw=raw,
    )
    made.globals.update(
        stages=STAGES,
        style=style_address(),
        markdown=markdown,
        highest=highest,
        longest=LONGEST,
        stage_move=stage_move,
    )
    return made


def html(template: str, **given: object) -> bytes:
    """Returns the page that a template makes of what is given."""
    text = environment().get_template(f"{template}.html.j2").render(**given)
    return text.encode("utf-8", "replace")


def raw(text: str) -> Markup:
    """Returns a text for a form, as it is: what hides in it has to stay, as it is sent back.

    The first line feed is one that a browser drops.
    """
    return Markup("\n") + escape(text)


def short(text: str, most: int = 90) -> str:
    """Returns the beginning of a text, in one line."""
    plain = " ".join(text[: 4 * most].split())
    return plain if len(plain) <= most else f"{plain[: most - 1].rstrip()}…"


def clip(text: str, most: int = 1_000) -> str:
    """Returns the beginning of a text, with all its spaces."""
    return text if len(text) <= most else f"{text[:most]}…"


def day(moment: str) -> str:
    """Returns a moment to the minute, or a dash where there was none."""
    return f"{moment[:10]} {moment[11:16]}".strip() if moment else "-"


def number(value: float) -> str:
    """Returns a count with its thousands apart."""
    return f"{value:,}"


def stage_move(command: str) -> tuple[str, str, str] | None:
    """Returns action, stage and document of a command that moves a stage; None for any other."""
    found = _MOVE.match(command)
    return (found[1], found[2], ARTIFACTS[found[2]]) if found else None


def highest(rows: Sequence[Mapping[str, Any]], *names: str) -> float:
    """Returns the largest of all values of that name, 1 at least: what the longest bar stands for."""
    return max((row[name] or 0 for row in rows for name in names), default=1) or 1


# --- documents ---


def markdown(text: str) -> Markup:
    """Returns a document as HTML in which nothing of its own HTML is alive; the beginning of a long one."""
    if len(text) > LONGEST:
        text = text[:LONGEST].rpartition("\n")[0] or text[:LONGEST]
    shown = str(_parser().render(printable(text, lines=True)))
    return Markup(shown)  # noqa: S704 - every text in it was escaped by the rules below


@cache
def _parser() -> MarkdownIt:
    # HTML is parsed so that comments of templates can be left out; the rules below make text of all other.
    made = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
    for name, rule in {
        "html_block": _html,
        "html_inline": _html,
        "image": _image,
        "link_open": _link_open,
        "link_close": _link_close,
        "heading_open": _heading,
        "heading_close": _heading,
    }.items():
        made.add_render_rule(name, rule)
    return made


def _html(_self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401 - theirs
    words = _COMMENT.sub("", tokens[index].content)
    if tokens[index].type == "html_inline":
        return escapeHtml(words)
    return f"<p>{escapeHtml(words)}</p>\n" if words.strip() else ""


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ANN401 - theirs
    """Nothing is loaded from anywhere: an image is its words."""
    words = self.renderInlineAsText(tokens[index].children or (), options, env)
    return f"<span>[image: {escapeHtml(words)}]</span>"


def _link_open(_self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401 - theirs
    address = str(tokens[index].attrGet("href") or "")
    if not _SAFE_LINK.match(address):
        return "<span>"
    return f'<a href="{escapeHtml(address)}" rel="noopener noreferrer nofollow">'


def _link_close(_self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401 - theirs
    opened = _opening(tokens, index)
    return "</a>" if _SAFE_LINK.match(str(opened.attrGet("href") or "")) else "</span>"


def _opening(tokens: Sequence[Token], index: int) -> Token:
    """Returns the token that the one at `index` closes; links do not nest."""
    while tokens[index].type != "link_open":
        index -= 1
    return tokens[index]


def _heading(_self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401 - theirs
    """A document stands below two headings of its page: its own begin at the third."""
    level = min(6, int(tokens[index].tag[1]) + 2)
    return f"</h{level}>\n" if tokens[index].nesting < 0 else f"<h{level}>"
