"""`idse help` explains a command, an error, a rule or a topic; `idse completion` has a shell complete them.

Scripts and protocol of completion are click's. A shell that asks is in the middle of a line somebody types,
so nothing but suggestions may ever be printed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr

import click
from click.shell_completion import ShellComplete, get_completion_class

from idse_orchestrator.base.text import near
from idse_orchestrator.cli import options
from idse_orchestrator.cli.group import COMMANDS, root
from idse_orchestrator.cli.help_topics import TOPICS, error_classes, error_page
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.rules import rule_page
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.errors import EXIT_OK, UnknownNameError, UsageError
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
        raise UnknownNameError(
            f"there is no error {code}", fix=(f"idse help {codes[0]}  # the first; the last is {codes[-1]}",)
        )
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


_VARIABLE = "_IDSE_COMPLETE"
"""A completion script sets it to call us; its value names the shell and what it wants."""

_START_FILES = {
    "bash": ("~/.bashrc", 'eval "$(idse completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(idse completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "idse completion fish | source"),
}
"""Shell to the file it reads when it starts, and the line that loads the script there."""


def answer_shell() -> int:
    """Prints the suggestions that a shell asks for in the environment; nothing on any failure."""
    shell, _, question = os.environ[_VARIABLE].partition("_")
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            asked = _shell(shell)
            answer = asked.complete() if question == "complete" else ShellComplete.source(asked)
    except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
        return EXIT_OK
    if answer:
        sys.stdout.write(answer + "\n")
    return EXIT_OK


def _shell(name: str) -> ShellComplete:
    known = get_completion_class(name)
    if known is None:
        raise UsageError(f"no completion for the shell {name!r}", fix=("idse completion bash",))
    return known(root(), {}, "idse", _VARIABLE)


def _print(run: Run, shell: str) -> Answer:  # noqa: ARG001 - every command is given its run
    # click's own source() of bash starts a bash to look at its version; a script may be for another machine.
    lines = [ShellComplete.source(_shell(shell)).strip("\n")]
    if sys.stdout.isatty():
        file, line = _START_FILES[shell]
        lines.append(Said(f"to load it in every {shell}, put this line into {file}:\n  {line}"))
    return Answer(lines=lines)


_print.__doc__ = """Print the completion script for a shell.

It completes commands, options, and the names of sessions, stages and rules. One line in the file that the
shell reads when it starts loads it:

\b
""" + "\n".join(f"{file}:  {line}" for file, line in _START_FILES.values())

_argument = click.argument("shell", type=click.Choice(tuple(_START_FILES)))
completion = command("completion", _argument, project=False)(_print)
