"""What idse advises to type: found in what it printed, held to its own command line, and tried."""

import re
import shlex

import click

from idse_orchestrator.cli.group import root
from idse_orchestrator.errors import told_apart

_BLOCK = re.compile(r"^ +(?:= )?fix: +(.*(?:\n {12}\S.*)*)", re.MULTILINE)
_HEAD = re.compile(r"^(error|warning)\[(\w+)\]: (.*)$", re.MULTILINE)

PLACEHOLDERS = {
    "AGENT": "codex",
    "DIR": "elsewhere",
    "FILE": "made.bundle",
    "FOLDER": "elsewhere",
    "NAME": "another",
    "COMMIT": "HEAD",
    "PATH": ".",
    "PROJECT": "portal",
    "REMOTE": "origin",
    "RULE": "IDSE301",
    "STAGE": "spec",
    "WHY": "because",
    "you@example.org": "you@example.invalid",
}
"""What a person would write for a word in capitals; the place of an Agency is for the test to say."""

_LOOKING = re.compile(
    r"--help|--dry-run|--json$|claims --all"
    r"|^idse (.* )?(list|show|log|status|fsck|diff|help|schema|route|validate|next)\b"
    r"|^git (config --(show-origin|get)|ls-remote|remote --verbose|help|reflog|ls-tree|fsck)|^idse doctor$"
)


def advised(text):
    """The commands that a printed answer advises, by (severity, code, message) of each error and finding."""
    heads = [*_HEAD.finditer(text)]
    ends = [head.start() for head in heads[1:]] + [len(text)] * bool(heads)
    return {head.groups(): commands_in(text[head.end() : end]) for head, end in zip(heads, ends, strict=True)}


def commands_in(text):
    """Every command that a printed answer advises, in order."""
    return [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines()]


def problem_with(command):
    """Why `command` cannot be typed, as the command line itself judges it; "" where it can."""
    if told_apart([command])[0]:
        return "it is no command"
    try:
        words = shlex.split(command, comments=True)
    except ValueError as error:
        return str(error)
    if "…" in command:
        return "it is cut short"
    for part in " ".join(map(shlex.quote, words)).replace("'&&'", "\n").splitlines():
        words = shlex.split(part)
        if words and words[0] == "idse":
            try:
                _parse(words[1:])
            except click.ClickException as error:
                return error.format_message()
            except click.exceptions.Exit:
                pass
    return ""


def _parse(words):
    command, context, name = root(), None, "idse"
    while True:
        context = command.make_context(name, list(words), parent=context)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        found, command, words = command.resolve_command(context, rest)
        if command is None:
            raise click.UsageError(f"there is no command {found}")
        name = found


def looks_only(command):
    """Whether `command` only shows something, so that what is wrong stays."""
    return _LOOKING.search(command.partition("  #")[0]) is not None


def filled(command, **more):
    """`command` with its words in capitals filled in."""
    for word, value in {**PLACEHOLDERS, **more}.items():
        command = re.sub(rf"(?<![\w$]){re.escape(word)}(?!\w)", value, command)
    return command
