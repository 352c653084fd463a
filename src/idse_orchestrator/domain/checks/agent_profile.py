"""The check of the Agent Profile: one fenced block of YAML that a compiler can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.options import heading, heading_name, sections_called, texts
from idse_orchestrator.domain.markdown import Fence, Section

_YAML = ("yaml", "yml")


def yaml_section(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for whatever is wrong with `section`, where the document has one.

    It must be there once and hold one fenced YAML block, whose content is a mapping; the keys in
    `texts` must be there, as texts.
    """
    wanted = heading(options)
    found = sections_called(document.outline, wanted)
    for section in found[1:]:
        yield _notice(section.line, f'there is a second section "{heading_name(wanted)}"')
    if found:
        yield from _of_section(document, found[0], texts(options, "texts"))


def _of_section(document: Document, section: Section, keys: tuple[str, ...]) -> Iterator[Notice]:
    fences = [each for each in document.outline.fences if section.first <= each.line <= section.last]
    blocks = [each for each in fences if each.info in _YAML]
    if not blocks:
        also = " (the block there does not say yaml)" if fences else ""
        yield _notice(section.line, f"it has no fenced yaml block{also}")
    elif len(blocks) > 1:
        yield _notice(blocks[1].line, f"it has {len(blocks)} yaml blocks, one is meant")
    else:
        yield from _of_block(blocks[0], keys)


def _of_block(block: Fence, keys: tuple[str, ...]) -> Iterator[Notice]:
    for number, line in enumerate(block.content.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            yield _notice(block.line + number, "a tab indents this line, YAML wants spaces")
            return
    from idse_orchestrator.domain.safe_yaml import YamlProblem, load_yaml

    try:
        value = load_yaml(block.content.encode())
    except YamlProblem as problem:
        yield _notice(block.line + problem.line, problem.what)
        return
    yield from _of_value(block, value, keys)


def _of_value(block: Fence, value: object, keys: tuple[str, ...]) -> Iterator[Notice]:
    if not isinstance(value, dict):
        yield _notice(block.line, "the block is not a mapping of keys to values")
        return
    for key in keys:
        if key not in value:
            yield _notice(block.line, f"it has no {key}")
        elif not isinstance(value[key], str) or not value[key].strip():
            yield _notice(block.line, f"{key} is not a text")


def _notice(line: int, problem: str) -> Notice:
    return Notice(line, 1, {"problem": problem})
