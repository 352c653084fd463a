"""Texts of `idse help` besides those of commands: exit codes, stages, refs, errors, examples of each command.

Each text is only here: `docs/generate.py` makes its pages from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from idse_orchestrator import errors
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.cli.layout import aligned, wrapped
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import IdseError

_WITHOUT_A_CODE = (
    "What happened has no code of its own: the message says all that is known. If it calls itself a "
    "defect of idse, please report it with the log file that it names."
)


class ExitCode(NamedTuple):
    """The meaning of a number, in a word or two and in a sentence."""

    title: str
    text: str


class Topic(NamedTuple):
    """Something `idse help` explains by name."""

    summary: str
    text: Callable[[], str]


EXIT_CODES: Mapping[int, ExitCode] = MappingProxyType(
    {
        errors.EXIT_OK: ExitCode("done", "Everything that was asked for happened."),
        errors.EXIT_CHECK_FAILED: ExitCode(
            "a check said no", "A rule, a gate or an integrity check found what blocks."
        ),
        errors.EXIT_USAGE: ExitCode(
            "usage or configuration", "The command, a setting or the place it ran in does not fit."
        ),
        errors.EXIT_CONFLICT: ExitCode(
            "conflict or stale", "Somebody was faster, or work would be lost. Look, then retry."
        ),
        errors.EXIT_NOT_AUTHORIZED: ExitCode(
            "not authorized", "The remote knows you and does not allow this."
        ),
        errors.EXIT_UNREACHABLE: ExitCode(
            "remote unreachable", "No connection. Nothing is lost; try again later."
        ),
        errors.EXIT_INTERNAL: ExitCode("internal error", "A defect of idse. A log file says more."),
        errors.EXIT_BUSY: ExitCode(
            "busy, try later",
            "Another process, the system or the Agency has no more of what is needed now. Run it again.",
        ),
        errors.EXIT_INTERRUPTED: ExitCode("interrupted", "You, or a signal, ended it. Nothing is half done."),
    }
)
"""Exit code to its explanation, in the order of the numbers."""

HOOKS_EXIT = "`idse hook …`, which git calls, uses only 0 and 1."

_STATUSES = (
    ("pending", "not begun"),
    ("in_progress", "begun, by completing the stage before it or by idse stage start"),
    ("complete", "its gate held when it was completed: idse stage complete STAGE"),
)
_CONDITIONS = (
    ("changed", "its own document is not the one that was completed"),
    ("stale", "a document that it builds on is not the one that it was completed with"),
)
_REFS = (
    ("refs/idse/projects/<project>", "a project's ledger: its settings and agents"),
    ("refs/idse/sessions/<project>/<session>", "a session's ledger: one commit for each event"),
    ("refs/idse/notes/commits", "notes on code commits: session, stage, verdict"),
    ("refs/idse/sync/<replica>", "sync points of one clone"),
    ("refs/idse-local/…", "never published: what was fetched"),
    ("refs/worktree/idse/…", "the current session of one work tree"),
)
_LEDGER = (
    ("artifacts/", "the session's folder, as it was"),
    ("event.json", "what happened"),
    ("state.json", "where the session stood after it"),
)


def exit_codes() -> str:
    """Lists every exit code and its meaning."""
    rows = [(f"{number:>3}", code.title, code.text) for number, code in EXIT_CODES.items()]
    return "\n".join([*aligned(rows), "", HOOKS_EXIT])


def stages() -> str:
    """Explains the pipeline, the statuses of a stage, and why completion expires."""
    return _text(
        "A session passes seven stages, and each of them writes one document:",
        list(ARTIFACTS.items()),
        "A stage has one of three statuses:",
        _STATUSES,
        "Complete means complete with these documents. When they change, the stage shows as one of:",
        _CONDITIONS,
        "Nothing has to be reset: bring the text back and the stage is current again. Otherwise take it "
        "up again (idse stage reopen STAGE -m WHY), or say that it still holds (idse stage confirm STAGE "
        "-m WHY).",
    )


def refs() -> str:
    """Explains where everything is kept, and how plain git reads it."""
    return _text(
        "Everything idse knows is in git:",
        _REFS,
        "A commit of a session's ledger holds:",
        _LEDGER,
        "Plain git reads all of it:",
        [
            ("git log refs/idse/sessions/<project>/<session>",),
            ("git show refs/idse/sessions/<project>/<session>:artifacts/spec.md",),
            ("git push agency",),
        ],
    )


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "exit-codes": Topic("What the exit code of a command means.", exit_codes),
        "stages": Topic("The seven stages, and when one is complete.", stages),
        "refs": Topic("What is kept where in git.", refs),
    }
)


def example_lines(path: str) -> list[str]:
    """Returns the examples of the command `path` ("idse stage start"), each a line that can be typed."""
    found = EXAMPLES.get(path.removeprefix("idse").strip(), ())
    return aligned([(typed, f"# {why}") for typed, why in found]) if found else []


def error_classes() -> list[type[IdseError]]:
    """Returns every error that has a code of its own, by code."""
    found = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, IdseError) and kind is not IdseError
    ]
    return sorted(found, key=lambda kind: kind.code)


def error_title(kind: type[IdseError]) -> str:
    """Names a class in prose: "Not a repository"."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("Error")).lower()
    return words[:1].upper() + words[1:]


def error_page(code: str) -> str | None:
    """Returns the page of an error, such as ``IDSE004``; None where no error has this code."""
    if code == IdseError.code:
        return "\n\n".join([f"{code}  No code of its own", "\n".join(wrapped(_WITHOUT_A_CODE))])
    kind = next((kind for kind in error_classes() if kind.code == code), None)
    if kind is None:
        return None
    exit_code = EXIT_CODES[kind.exit_code]
    parts = [
        f"{code}  {error_title(kind)}",
        *("\n".join(wrapped(part)) for part in _paragraphs(kind)),
        f"Exit code {kind.exit_code}, {exit_code.title}: {exit_code.text}",
        "What to type now stands after fix: in the message.",
    ]
    return "\n\n".join(parts)


def _paragraphs(kind: type[IdseError]) -> list[str]:
    from inspect import getdoc  # slow, and `idse --help` reads this file

    text = (getdoc(kind) or "").replace("``", "`")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _text(*parts: str | list[tuple[str, ...]] | tuple[tuple[str, ...], ...]) -> str:
    """Joins paragraphs, and tables set in below them, with empty lines between."""
    blocks = [
        "\n".join(wrapped(part) if isinstance(part, str) else [f"  {line}" for line in aligned(part)])
        for part in parts
    ]
    return "\n\n".join(blocks)


EXAMPLES: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {
        "": (
            ("idse init portal", "begins the project portal in this repository"),
            ("idse next", "says what to do now"),
        ),
        "status": (
            ("idse status", "where the session stands that you work on"),
            ("idse status --all --watch", "all sessions of the project, as they change"),
        ),
        "next": (
            ("idse next", "the first thing that keeps the session from being complete"),
            ("idse next portal/login --json", "the same of another session, for a program"),
        ),
        "prime": (
            ("idse prime", "where we stand, for an agent that begins"),
            ("idse prime portal/login --json", "of another session, for a program"),
        ),
        "instructions": (
            ("idse instructions", "what the open stage's document must hold"),
            ("idse instructions spec --session login", "what spec.md of another session must hold"),
        ),
        "stage": (
            ("idse stage complete", "the stage in progress"),
            ('idse stage reopen spec -m "Paying came in"', "takes a complete one up again"),
        ),
        "stage start": (
            ("idse stage start", "the next one"),
            ("idse stage start feedback --session login", "one by name, of another session"),
        ),
        "stage complete": (
            ("idse stage complete", "the one in progress"),
            ("idse stage complete intent context --no-start", "two at once, and begins none"),
        ),
        "stage reopen": (
            ('idse stage reopen spec -m "Paying came in"', "what builds on it then shows as stale"),
            ('idse stage reopen plan tasks -m "Too slow"', "two at once"),
        ),
        "stage confirm": (
            ('idse stage confirm -m "Only words changed"', "all that do not hold any more"),
            ('idse stage confirm intent --downstream -m "A typo"', "one, and those behind it"),
        ),
        "edit": (
            ("idse edit", "the document of the stage in progress"),
            ("idse edit spec --yes", "completes the stage without asking, once it may be"),
        ),
        "save": (
            ("idse save", "the session you work on"),
            ('idse save login -m "What support says"', "another one, with a reason for the history"),
        ),
        "restore": (
            ("idse restore", "what others changed comes here"),
            ("idse restore --at @{2}", "the folder as it was two entries ago"),
        ),
        "report": (
            ("idse report", "a line for each session"),
            ("idse report --html sessions.html", "one page for a browser"),
        ),
        "dashboard": (
            ("idse dashboard", "prints the address that opens the pages"),
            ("idse dashboard --port 8417", "the same, at a port that you choose"),
        ),
        "diff": (
            ("idse diff", "what is not in the ledger yet"),
            ("idse diff spec --since-complete", "what changed since spec was complete"),
        ),
        "trace": (
            ("idse trace", "what leads from each success criterion to code and checks"),
            ("idse trace login --mermaid", "the same as a chart, to put into a page"),
        ),
        "cost": (
            ("idse cost report --by agent", "what each agent used and cost in this project"),
            ("idse cost prices", "what a million tokens of each model cost, since when, and who says so"),
        ),
        "limits": (
            ("idse limits show", "what is left of this minute's requests and tokens, and of budgets"),
            ("idse limits show --json", "the same for a program"),
        ),
        "metrics": (
            ("idse metrics print", "figures of all tasks of the project, as Prometheus reads them"),
            ("idse metrics print --project portal", "of one project by name"),
        ),
        "cost report": (
            ("idse cost report --by agent", "what each agent used and cost in this project"),
            ("idse cost report --by day --csv", "a line for each day, for a spreadsheet"),
        ),
        "cost prices": (
            ("idse cost prices", "what a million tokens of each model cost, since when, and who says so"),
            ("idse cost prices --json", "the same for a program"),
        ),
        "limits show": (
            ("idse limits show", "what is left of this minute's requests and tokens, and of budgets"),
            ("idse limits show --json", "the same for a program"),
        ),
        "metrics print": (
            ("idse metrics print", "figures of all tasks of the project, as Prometheus reads them"),
            ("idse metrics print --project portal", "of one project by name"),
        ),
        "drift": (
            ("idse drift", "which commits changed what the session you work on built"),
            ("idse drift --all --strict", "all sessions of the project, as in CI"),
        ),
        "drift show": (
            ("idse drift show login", "the same as idse drift login"),
            ("idse drift show --json", "for a program, with what was set aside"),
        ),
        "drift accept": (
            ('idse drift accept -m "The wording was agreed on"', "drift counts from here"),
            ('idse drift accept login -m "Reviewed in September"', "of another session"),
        ),
        "log": (
            ("idse log --oneline", "the session you work on, newest first"),
            ("idse log --all --since 2026-01-31", "all sessions of the project since a day"),
        ),
        "show": (
            ("idse show @{1}", "the entry before the newest"),
            ("idse show @{0}:spec.md", "a document as it was then"),
        ),
        "session": (
            ("idse session list", "the sessions of all projects"),
            ('idse session new login --title "Log in by mail"', "one more"),
        ),
        "session new": (
            ("idse session new login", "made, and not switched to"),
            (
                "idse session new login --parent __blueprint__ --owner Ada",
                "it says where it comes from, and who answers for it",
            ),
        ),
        "session list": (
            ("idse session list", "of all projects"),
            ("idse session list --project portal", "of one"),
        ),
        "session show": (
            ("idse session show login", "by name"),
            ("idse session show portal/login --json", "of any project, for a program"),
        ),
        "session set": (
            ('idse session set login --title "Log in by mail"', "what it is about"),
            ("idse session set --owner Ada --tag auth", "of the session you work on"),
        ),
        "session rename": (
            ("idse session rename sign-in", "the current session; its first name means it, too"),
            ('idse session rename login sign-in --title "Sign in by mail"', "another one, with a title"),
        ),
        "session delete": (
            ('idse session delete login -m "Twice the same"', "hides it; its folder and its ledger stay"),
            ("idse session delete login --undo", "brings it back"),
        ),
        "session archive": (
            ('idse session archive login -m "Not wanted any more"', "its stages move no more"),
            ("idse session archive login --undo", "brings it back"),
        ),
        "session switch": (
            ("idse session switch login", "a session of this project"),
            ("idse session switch portal/login", "of any project"),
        ),
        "spawn": (
            ("idse spawn login --branch", "with a git branch of its own"),
            ('idse spawn typo --type fix --title "A word"', "with fewer stages"),
        ),
        "switch": (
            ("idse switch login", "a session of this project"),
            ("idse switch login --branch", "and the branch we are on belongs to it"),
        ),
        "agents": (
            ("idse agents list", "who works on the project"),
            ("idse agents route spec", "who should write it"),
        ),
        "agent-files": (
            ("idse agent-files install", "has coding agents read and obey what idse says"),
            ("idse agent-files status", "which files there are, and how they stand"),
        ),
        "agents add": (
            ("idse agents add claude --stage spec --stage plan", "it handles two stages"),
            ("idse agents add codex --stage tasks --before claude", "it is asked first"),
        ),
        "agents assign": (
            ("idse agents assign spec codex", "in this session, whatever the registry says"),
            ("idse agents assign spec --nobody", "the registry decides again"),
        ),
        "agents import": (
            ("idse agents import agents.json", "from a file"),
            ("idse agents import - --replace", "from standard input, as it stands there"),
        ),
        "agent-files install": (
            ("idse agent-files install --dry-run", "what would be written"),
            ("idse agent-files install claude", "the files of one agent"),
        ),
        "agents list": (
            ("idse agents list", "in the order in which they are asked"),
            ("idse agents list --json", "for a program"),
        ),
        "agents move": (
            ("idse agents move codex --before claude", "it is asked before that one"),
            ("idse agents move codex", "it is asked before all others"),
        ),
        "agents remove": (
            ("idse agents remove codex", "it is nobody's choice any more"),
            ("idse agents remove codex --with-rules", "with the rules that name it"),
        ),
        "agents route": (
            ("idse agents route spec", "who should act on a stage"),
            ("idse agents route spec --session login --json", "in another session, for a program"),
        ),
        "agents rule": (
            ("idse agents rule add spec claude plan codex", "claude hands on to codex"),
            ("idse agents rule list", "all of them"),
        ),
        "agents rule add": (
            ("idse agents rule add spec claude plan codex", "claude hands on to codex"),
            (
                "idse agents rule add plan codex tasks codex --requires-approval",
                "once a person has approved it",
            ),
        ),
        "agents rule list": (
            ("idse agents rule list", "who hands what to whom"),
            ("idse agents rule list --project portal", "of another project"),
        ),
        "agents rule remove": (
            ("idse agents rule remove spec claude plan codex", "the rule that was added so"),
            (
                'idse agents rule remove spec claude plan codex -m "One does both"',
                "with a reason for the history",
            ),
        ),
        "agents schema": (
            ("idse agents schema", "on the terminal"),
            ("idse agents schema > agents.schema.json", "into a file"),
        ),
        "agents set": (
            (
                "idse agents set claude --role architect --stage spec",
                "what it does, and all stages it handles",
            ),
            ("idse agents set claude --no-stages", "it handles none any more"),
        ),
        "agents set-mode": (
            ("idse agents set-mode claude planning", "it writes under .idse/ alone"),
            ("idse agents set-mode claude implementation", "it writes code, too"),
        ),
        "agents set-role": (
            ("idse agents set-role claude architect", "in a word"),
            ('idse agents set-role codex "writes what the plan says"', "in a few"),
        ),
        "agents show": (
            ("idse agents show claude", "all there is to say about it"),
            ("idse agents show claude --json", "for a program"),
        ),
        "agent-files status": (
            ("idse agent-files status", "which files agents get, and how they stand"),
            ("idse agent-files status --json", "for a program"),
        ),
        "agents suggest": (
            ("idse agents suggest", "for each stage of the session you work on"),
            ("idse agents suggest --session login", "of another one"),
        ),
        "agent-files uninstall": (
            ("idse agent-files uninstall --dry-run", "what would be removed"),
            ("idse agent-files uninstall cursor", "the files of one agent"),
        ),
        "run": (
            ("idse run --agent 'make $IDSE_TASK' -j 3", "works off the tasks, three at a time, by a command"),
            ("idse run --dry-run", "what would be done, and what keeps it from being done"),
        ),
        "logs": (
            ("idse logs T014 -f", "what the agent prints that works on a task"),
            ("idse logs T014 --attempt 1", "what its first attempt printed"),
        ),
        "task": (
            ("idse task add", "queues what is new in tasks.md, once its stage is complete"),
            ("idse task list --state blocked --state failed", "what does not go on by itself"),
        ),
        "task list": (
            ("idse task list", "all of them"),
            ("idse task list login --state review --json", "what waits for you, for a program"),
        ),
        "task show": (
            ("idse task show T014", "how it stands, and what it waits for"),
            ("idse task show T014 --session login --json", "of another session, for a program"),
        ),
        "task log": (
            ("idse task log T014", "each attempt, by whom, and how it ended"),
            ("idse task log T014 --json", "with everything that the events say"),
        ),
        "task add": (
            ("idse task add", "brings tasks.md into the queue"),
            ('idse task add T900 "Tell the users" --needs T014 --for claude', "one that is in no list"),
        ),
        "task accept": (
            ("idse task accept T014", "its code is on the branch, or at HEAD"),
            ('idse task accept T014 --into main -m "Picked by hand"', "it is in another commit"),
        ),
        "task reject": (
            ('idse task reject T014 -m "The test is missing"', "it is ready again"),
            ('idse task reject T014 --session login -m "Wrong file"', "of another session"),
        ),
        "task approve": (
            ("idse task approve look", "it may begin"),
            ('idse task approve look -m "Findings read"', "with a word for the history"),
        ),
        "task refuse": (
            ('idse task refuse look -m "Not now"', "it fails, and so nothing after it begins"),
            ('idse task refuse look --session login -m "No"', "of another session"),
        ),
        "task cancel": (
            ('idse task cancel T014 -m "Not needed any more"', "whoever holds it goes on in vain"),
            ('idse task cancel T014 --session login -m "Twice the same"', "of another session"),
        ),
        "task retry": (
            ("idse task retry T014", "after it failed too often"),
            ('idse task retry T014 -m "The server was down"', "with a word for the history"),
        ),
        "task reopen": (
            ('idse task reopen T014 -m "The text changed"', "it is ready again"),
            ('idse task reopen T014 --session login -m "It came back"', "of another session"),
        ),
        "task tick": (
            ("idse task tick", "in tasks.md of the session you work on"),
            ("idse task tick login", "of another one"),
        ),
        "task output": (
            ("idse task output T014", "the files that it put out"),
            ("idse task output T014 report.md --attempt 1", "prints one of them"),
        ),
        "handoff": (
            ("idse handoff --from claude --to codex --stage plan", "asks codex to go on"),
            ("idse handoff list", "what is open"),
        ),
        "handoff request": (
            ('idse handoff request --to codex -m "The spec is done"', "with the stage that is next"),
            ('idse handoff request --from claude --to codex --stage plan -m "Go on"', "with one by name"),
        ),
        "handoff accept": (
            ("idse handoff accept", "the only one that you can accept"),
            ('idse handoff accept --agent codex -m "I begin today"', "for an agent"),
        ),
        "handoff reject": (
            ('idse handoff reject -m "No time this week"', "the only one that is open"),
            ('idse handoff reject 01M8NGZWKW4D99MHHSMHCB0K0R -m "Too early"', "one by its id"),
        ),
        "handoff approve": (
            ("idse handoff approve", "the only one that waits for it"),
            ('idse handoff approve 01M8NGZWKW4D99MHHSMHCB0K0R -m "Looks good"', "one by its id"),
        ),
        "handoff list": (
            ("idse handoff list", "what is open"),
            ("idse handoff list --all --session login", "answered ones as well, of another session"),
        ),
        "handoff show": (
            ("idse handoff show", "the open one"),
            ("idse handoff show 01M8NGZWKW4D99MHHSMHCB0K0R", "any by its id"),
        ),
        "mcp": (
            ("idse mcp", "what an agent's settings name as its command"),
            ("idse mcp --verbose", "says more on standard error"),
        ),
        "validate": (
            ("idse validate", "the session you work on"),
            ("idse validate --from-ref origin/main --strict", "what a branch changed, as in CI"),
        ),
        "rule": (
            ("idse rule show IDSE301", "what it asks for, and why"),
            ('idse rule waive IDSE301 -m "The number comes in May"', "for the session you work on"),
        ),
        "rule list": (
            ("idse rule list", "all that are in force here"),
            ("idse rule list --stage spec", "those that look at a stage"),
        ),
        "rule show": (
            ("idse rule show IDSE301", "what it asks for, and why"),
            ("idse rule show IDSE402 --json", "for a program"),
        ),
        "rule waive": (
            ('idse rule waive IDSE301 -m "The number comes in May"', "for the session you work on"),
            (
                'idse rule waive IDSE301 --session login --until 2027-05-31 -m "Later"',
                "for another one, until a day",
            ),
        ),
        "rule unwaive": (
            ('idse rule unwaive IDSE301 -m "The number is here"', "it counts again"),
            ('idse rule unwaive IDSE301 --session login -m "Done"', "in another session"),
        ),
        "blueprint": (
            ("idse blueprint candidates", "what recurs and is no claim yet"),
            ("idse blueprint verify", "which claims do not hold any more"),
        ),
        "blueprint candidates": (
            ("idse blueprint candidates", "the strongest first"),
            ("idse blueprint candidates -n 5", "five of them"),
        ),
        "blueprint claims": (
            ("idse blueprint claims", "those that count"),
            ("idse blueprint claims --write", "into blueprint.md"),
        ),
        "blueprint declare": (
            ('idse blueprint declare "Amounts are whole cents"', "one more claim"),
            ('idse blueprint declare "Amounts are whole cents" --dry-run', "only what would happen"),
        ),
        "blueprint promote": (
            ("idse blueprint promote c-0123456789", "by its id"),
            ("idse blueprint promote c-0123456789 --dry-run", "only whether it may"),
        ),
        "blueprint reinforce": (
            ("idse blueprint reinforce c-0123456789", "by all sessions"),
            ("idse blueprint reinforce c-0123456789 --session login", "by one"),
        ),
        "blueprint demote": (
            ('idse blueprint demote c-0123456789 -m "Support said otherwise"', "it counts no more"),
            ('idse blueprint demote c-0123456789 -m "Why" --dry-run', "only what would happen"),
        ),
        "blueprint verify": (
            ("idse blueprint verify", "exits with 1 where one does not hold"),
            ("idse blueprint verify --json", "for a program"),
        ),
        "compile": (
            ("idse compile agent-spec", "the profile in the spec you work on"),
            ("idse compile schema", "what every compiled profile satisfies"),
        ),
        "compile agent-spec": (
            ("idse compile agent-spec", "of the session you work on"),
            ("idse compile agent-spec --all --check", "whether all files are as they should be, as in CI"),
        ),
        "compile schema": (
            ("idse compile schema", "on the terminal"),
            ("idse compile schema > profile.schema.json", "into a file"),
        ),
        "sync": (
            ("idse sync setup ../agency.git", "says where the Agency is"),
            ("idse sync push", "sends what it does not have"),
        ),
        "sync push": (
            ("idse sync push", "all that the Agency does not have"),
            ("idse sync push --dry-run", "only what would be sent"),
        ),
        "sync pull": (
            ("idse sync pull", "all that is new at the Agency"),
            ("idse sync pull --json", "for a program"),
        ),
        "sync status": (
            ("idse sync status", "what differs"),
            ("idse sync status --all --json", "everything, for a program"),
        ),
        "sync setup": (
            ("idse sync setup ../agency.git", "any git repository may be it"),
            ("idse sync setup --remote origin", "the remote of your code is the Agency, too"),
        ),
        "export": (
            ("idse export ../portal-ledgers", "everything"),
            ("idse export ../portal-ledgers --project portal", "one project"),
        ),
        "import": (
            ("idse import ../portal-ledgers", "what idse export wrote"),
            ("idse import ../portal-ledgers --json", "for a program"),
        ),
        "init": (
            ("idse init portal", "begins a project, or takes over its ledgers"),
            ("idse init portal --agency ../agency.git", "and says where to sync"),
        ),
        "migrate": (
            ("idse migrate ../old --dry-run", "what would be taken over"),
            ("idse migrate ../old --only shop --project store", "one of its projects, under another name"),
        ),
        "hooks": (
            ("idse hooks install", "what checks and records commits"),
            ("idse hooks status", "whether they are called"),
        ),
        "hooks install": (
            ("idse hooks install", "hooks of yours are kept, and run first"),
            ("idse hooks install --force", "also where somebody changed ours"),
        ),
        "hooks status": (
            ("idse hooks status", "on the terminal"),
            ("idse hooks status --json", "for a program"),
        ),
        "hooks uninstall": (
            ("idse hooks uninstall", "hooks of yours come back"),
            ("idse hooks uninstall --quiet", "without a word"),
        ),
        "hook": (
            ("idse hook pre-commit", "as git calls it"),
            ("idse hook agent-stop claude", "as a coding agent calls it"),
        ),
        "config": (
            ("idse config list --show-origin", "all settings, and who made them"),
            ("idse config set agency.timeout 30", "one of this repository"),
        ),
        "config get": (
            ("idse config get agency.url", "its value"),
            ("idse config get agency.url --show-origin", "and where it comes from"),
        ),
        "config list": (
            ("idse config list", "all that are set"),
            ("idse config list --show-origin", "and where they come from"),
        ),
        "config set": (
            ("idse config set agency.timeout 30", "how long the Agency may be silent"),
            ("idse config set project portal", "which project is meant where nothing else says so"),
        ),
        "doctor": (
            ("idse doctor", "what is wrong here"),
            ("idse doctor --fix", "mends what is safe"),
        ),
        "fsck": (
            ("idse fsck", "every ledger"),
            ("idse fsck portal/login --json", "one, for a program"),
        ),
        "agency": (
            ("idse agency init --home /srv/agency", "a home for it"),
            ("idse agency client list", "who is served"),
        ),
        "agency init": (
            ("idse agency init --home /srv/agency", "a folder that only you can read"),
            ("idse agency init --url https://agency.example.org", "also says where clients reach it"),
        ),
        "agency client": (
            ("idse agency client add acme", "one more"),
            ("idse agency client list", "all of them"),
        ),
        "agency client add": (
            ("idse agency client add acme", "with the quota of agency.toml"),
            ("idse agency client add acme --bytes 5G --repositories 20", "with one of its own"),
        ),
        "agency client list": (
            ("idse agency client list", "size, last push, keys"),
            ("idse agency client list --json", "for a program"),
        ),
        "agency client show": (
            ("idse agency client show acme", "its quota, repositories and keys"),
            ("idse agency client show acme --json", "for a program"),
        ),
        "agency client quota": (
            ("idse agency client quota acme --bytes 10G", "what its repositories may take"),
            ("idse agency client quota acme --repositories 0", "as many as it likes"),
        ),
        "agency client rename": (
            ("idse agency client rename acme acme-inc", "old addresses lead to the new ones"),
            ("idse agency client rename acme-inc acme", "back to a name that it had"),
        ),
        "agency client archive": (
            ("idse agency client archive acme", "reads go on"),
            ("idse agency client archive acme --quiet", "without a word"),
        ),
        "agency client delete": (
            ("idse agency client delete acme --confirm acme", "once its repositories are deleted"),
            ("idse agency client delete acme --confirm acme --purge", "and details in the audit as well"),
        ),
        "agency repository": (
            ("idse agency repository list", "all of them"),
            ("idse agency repository add acme/shop", "ahead of the first push"),
        ),
        "agency repository add": (
            ("idse agency repository add acme/shop", "an empty one"),
            ("idse agency repository add acme/shop --json", "for a program"),
        ),
        "agency repository list": (
            ("idse agency repository list", "of all clients"),
            ("idse agency repository list acme", "of one"),
        ),
        "agency repository show": (
            ("idse agency repository show acme/shop", "address, folder, size"),
            ("idse agency repository show acme/shop --json", "for a program"),
        ),
        "agency repository rename": (
            ("idse agency repository rename acme/shop store", "now acme/store; the old address leads there"),
            ("idse agency repository rename acme/store shop", "back to a name that it had"),
        ),
        "agency repository archive": (
            ("idse agency repository archive acme/shop", "reads go on"),
            ("idse agency repository archive acme/shop --quiet", "without a word"),
        ),
        "agency repository delete": (
            ("idse agency repository delete acme/shop --confirm acme/shop", "its bundle is kept"),
            ("idse agency repository delete acme/shop --confirm acme/shop --purge", "nothing is kept"),
        ),
        "agency key": (
            ("idse agency key issue acme --name Ann --email ann@example.org", "one for a person"),
            ("idse agency key list acme", "those of a client"),
        ),
        "agency key issue": (
            ("idse agency key issue acme --name Ann --email ann@example.org --expires 90d", "for a person"),
            (
                "idse agency key issue acme --agent claude --repository shop",
                "for an agent, and one repository",
            ),
        ),
        "agency key list": (
            ("idse agency key list", "of all clients"),
            ("idse agency key list acme --json", "of one, for a program"),
        ),
        "agency key revoke": (
            ("idse agency key revoke 01JD0PXR3QV8N4ZK2M7TA5C9WE", "it ends at once"),
            ("idse agency key revoke 01JD0PXR3QV8N4ZK2M7TA5C9WE --quiet", "without a word"),
        ),
        "agency key rotate": (
            ("idse agency key rotate 01JD0PXR3QV8N4ZK2M7TA5C9WE", "both hold for a week"),
            ("idse agency key rotate 01JD0PXR3QV8N4ZK2M7TA5C9WE --overlap 1h", "or for an hour"),
        ),
        "agency audit": (
            ("idse agency audit acme --since 7d", "what a client did, and what was done for it"),
            ("idse agency audit --format csv", "everything, for a spreadsheet"),
        ),
        "agency backup": (
            ("idse agency backup /var/backups/agency-monday", "while pushes go on"),
            ("idse agency backup /media/safe/agency --with-secrets", "also what is in secrets/"),
        ),
        "agency restore": (
            ("idse agency restore /var/backups/agency-monday --home /srv/agency", "into an empty folder"),
            (
                "idse agency restore /var/backups/agency-monday --home /tmp/trial",
                "to see whether it would work",
            ),
        ),
        "agency index": (
            ("idse agency index --compare", "whether every row is as git says"),
            ("idse agency index --rebuild", "all of it anew, while it is read"),
        ),
        "agency doctor": (
            ("idse agency doctor", "what is wrong"),
            ("idse agency doctor --fix --fsck", "mends what is safe, and reads every ledger"),
        ),
        "agency design": (
            ("idse agency design add ./kit", "a folder with design.json and README.md"),
            ("idse agency design list", "what there is"),
        ),
        "agency design add": (
            ("idse agency design add ./kit", "copy it: its version never changes"),
            ("idse agency design add ./kit --json", "for a program"),
        ),
        "agency design list": (
            ("idse agency design list", "libraries and their versions"),
            ("idse agency design list --json", "with the names of all components"),
        ),
        "agency design show": (
            ("idse agency design show kit", "the components of the newest version"),
            ("idse agency design show kit/button@1.2", "one, with what its README says"),
        ),
        "agency import-mirror": (
            ("idse agency import-mirror https://git.example.org/shop.git acme/shop", "once"),
            (
                "idse agency import-mirror ssh://git@git.example.org/shop.git acme/shop --every 5m",
                "again and again",
            ),
        ),
        "agency report": (
            ("idse agency report", "all clients, those that need attention first"),
            ("idse agency report acme --since 30d --format csv", "one, as a table"),
        ),
        "agency rules": (
            ("idse agency rules show acme", "what holds for a client, layer by layer"),
            ("idse agency rules check", "which sessions would fail today"),
        ),
        "agency rules show": (
            ("idse agency rules show", "for all clients"),
            ("idse agency rules show acme", "for one"),
        ),
        "agency rules check": (
            ("idse agency rules check", "sessions of all clients"),
            ("idse agency rules check acme --json", "for a program"),
        ),
        "agency serve": (
            ("idse agency serve", "at 127.0.0.1:8417, or where agency.toml says"),
            ("idse agency serve --listen 127.0.0.1:9000 --read-only", "elsewhere, and without pushes"),
        ),
        "agency ssh-shell": (
            ("idse agency ssh-shell 01JD0PXR3QV8N4ZK2M7TA5C9WE", "in authorized_keys, where sshd runs it"),
            (
                "idse agency ssh-shell 01JD0PXR3QV8N4ZK2M7TA5C9WE --home /srv/agency",
                "where no variable names the home",
            ),
        ),
        "demo": (
            ("idse demo", "in a folder that is gone afterwards"),
            ("idse demo --agency", "with a server, two clients, and a push that it refuses"),
        ),
        "completion": (
            ("idse completion bash", "on the terminal"),
            ("idse completion fish > ~/.config/fish/completions/idse.fish", "into a file"),
        ),
        "uninstall": (
            ("idse uninstall --dry-run", "what would be removed"),
            ("idse uninstall", "documents and ledgers stay"),
        ),
        "help": (
            ("idse help stage complete", "a command"),
            ("idse help IDSE301", "a rule, or an error"),
        ),
    }
)
"""Two examples for each command ("" is idse itself): what is typed, and what that does."""
