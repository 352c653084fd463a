"""A hook of mkdocs: the folders of docs/ in the order in which people need them, pages by name."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

SECTIONS = {
    "tutorial": "Tutorial",
    "how-to": "How-to guides",
    "reference": "Reference",
    "explanation": "Explanation",
    "adr": "Decisions",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the navigation."""
    config.nav = navigation(pathlib.Path(config.docs_dir))
    return config


def navigation(docs: pathlib.Path) -> list[Any]:
    """What stands in `docs`, shaped as mkdocs wants its ``nav``; sections without a page are left out."""
    nav: list[Any] = [{"Home": "index.md"}]
    for folder, title in SECTIONS.items():
        pages = [path.relative_to(docs).as_posix() for path in (docs / folder).rglob("*.md")]
        if pages:
            nav.append({title: sorted(pages, key=lambda page: (not page.endswith("/index.md"), page))})
    return nav
