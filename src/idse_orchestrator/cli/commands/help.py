"""`idse help`: explain a command, an error, a rule or a topic."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from idse_orchestrator.base.text import near
from idse_orchestrator.cli import options
from idse_orchestrator.cli.group import root
from idse_orchestrator.cli.help_topics import TOPICS, error_classes, error_page
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.rules import rule_page
from idse_orchestrator.cli.table import COMMANDS
from idse_orchestrator.cli.terminal import Answer, Run
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.sessions.verdicts import known_rule

_CODE = re.compile(r"[A-Z]{2,10}\d{3}", re.ASCII | re.IGNORECASE)


def _suggestions(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests commands, topics and codes first, then what the command named before has below it."""
    words = context.params.get("words") or ()
    if words:
        found = _found(words)
        return found.command.list_commands(found) if isinstance(found.command, click.Group) else ()
    if incomplete[:1].isupper():
        rules = [rule.id for rule in options.constitution_here().rules]
        return [*(kind.code for kind in error_classes()), *rules]
    return [name for name, entry in COMMANDS.items() if entry.section] + list(TOPICS)


@command("help", project=False)
@click.argument("words", nargs=-1, metavar="[TOPIC]", shell_complete=options.silently(_suggestions))
def help_(run: Run, words: tuple[str, ...]) -> Answer:
    """Explain a command, an error, a rule or a topic.

    TOPIC is a command (idse help stage start), the code of an error or of a rule (idse help IDSE301), or
    one of: exit-codes, stages, refs.
    """
    return Answer(lines=[_explained(run, words)])


def _explained(run: Run, words: tuple[str, ...]) -> str:
    if not words:
        return _context().get_help()
    if len(words) == 1 and words[0].lower() in TOPICS:
        return TOPICS[words[0].lower()].text()
    if len(words) == 1 and _CODE.fullmatch(words[0]):
        return error_page(words[0].upper()) or _rule(run, words[0].upper())
    return _found(words).get_help()


def _rule(run: Run, code: str) -> str:
    if code.startswith("IDSE0"):
        codes = [kind.code for kind in error_classes()]
        raise UnknownNameError(f"there is no error {code}", fix=(f"idse help {codes[0]} … {codes[-1]}",))
    constitution = options.constitution_here()
    return rule_page(known_rule(constitution, code), constitution, run.terminal.style)


def _context() -> click.Context:
    group = root()
    return click.Context(group, info_name="idse", **group.context_settings)


def _found(words: Iterable[str]) -> click.Context:
    """Returns the context of the command that `words` name; UnknownNameError where they name none."""
    context = _context()
    for word in words:
        group = context.command
        names = group.list_commands(context) if isinstance(group, click.Group) else []
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            raise _unknown(word, context, names)
        context = click.Context(found, info_name=word, parent=context, **found.context_settings)
    return context


def _unknown(word: str, context: click.Context, names: list[str]) -> UnknownNameError:
    at_top = context.parent is None
    known = [*names, *TOPICS] if at_top else names
    path = context.command_path.removeprefix("idse").strip()
    prefix = f"idse help {path}".strip()
    return UnknownNameError(
        f"there is no help on {word!r}" if at_top else f"{context.command_path} has no command {word!r}",
        fix=tuple(f"{prefix} {name}" for name in near(word, known, 3)) or (prefix,),
    )
