"""What can stop the work: one class per cause, each with a stable code and an exit code.

Codes of the family ``IDSE0xx`` belong to the tool; ``IDSE1xx`` to ``IDSE9xx`` are rules of the
constitution. ``docs/reference/errors.md`` is generated from this file, so a class's docstring
says what happened and what a reader can do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_NOT_AUTHORIZED = 4
EXIT_UNREACHABLE = 5
EXIT_INTERNAL = 70
EXIT_BUSY = 75
EXIT_INTERRUPTED = 130


def worst_exit(codes: Iterable[int]) -> int:
    """Returns the exit code for many outcomes: a failed check goes before a conflict."""
    found = set(codes)
    return EXIT_CHECK_FAILED if EXIT_CHECK_FAILED in found else max(found, default=EXIT_OK)


_PROGRAMS = (
    *("idse", "git", "pip", "pipx", "pre-commit", "lefthook", "npx"),
    *("cat", "cd", "chmod", "export", "mkdir", "mv", "rm", "tail", "ulimit"),
)


def told_apart(advice: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns what of `advice` is said in words, and what is a command.

    A command is one line of a shell that begins with a program. It may end in a comment, and a word in
    capitals (NAME, URL) is for the reader to fill in.
    """
    lines = tuple(advice)
    commands = tuple(line for line in lines if line.partition(" ")[0] in _PROGRAMS)
    return tuple(line for line in lines if line not in commands), commands


class IdseError(Exception):
    """Base of all errors a user is meant to read.

    ``message`` says what happened, ``where`` names the file, ref or setting, ``cause`` says why. Each entry
    of ``fix`` is a command that can be run where the error is met; what is given as one and is none goes to
    ``words``. No password of a URL gets into any of them: whatever is wrong, an error is printed, logged and
    pasted into reports.
    """

    code: ClassVar[str] = "IDSE000"
    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        cause: str | None = None,
        fix: tuple[str, ...] = (),
    ) -> None:
        self.message = redacted(message)
        super().__init__(self.message)
        self.where = redacted(where) if where else where
        self.cause = redacted(cause) if cause else cause
        self.words, self.fix = told_apart(map(redacted, fix))

    @property
    def explanation(self) -> str | None:
        """Why, and below it what to do that is no command: the cause as JSON gives it."""
        return "\n".join(filter(None, (self.cause, *self.words))) or None


class UsageError(IdseError):
    """The command line cannot be understood: an unknown option, or a value that does not fit."""

    code = "IDSE001"


class NotARepositoryError(IdseError):
    """The folder is not inside a git repository with a work tree. Make one with ``git init``."""

    code = "IDSE002"


class UnsupportedRepositoryError(IdseError):
    """The repository is of a kind that cannot be served safely (sha256, reftable, partial clone, bare)."""

    code = "IDSE003"


class InvalidNameError(IdseError):
    """A project, session or stage name breaks the naming rules, or differs from another only in case."""

    code = "IDSE004"


class NameTakenError(IdseError):
    """A project, a session or a branch of that name exists already."""

    code = "IDSE005"
    exit_code = EXIT_CONFLICT


class UnknownNameError(IdseError):
    """No project, session, stage, rule or event of that name exists here."""

    code = "IDSE006"


class AmbiguousError(IdseError):
    """Several projects fit and none was chosen. Name one with ``--project``."""

    code = "IDSE007"


class NoProjectError(IdseError):
    """The repository has no ledger of a project. ``idse init`` starts one, or brings those there are.

    Where documents are here and their ledgers are not, a new history would count nothing as finished. So it
    is begun only when ``--new-ledger`` says so.
    """

    code = "IDSE008"


class InvalidConfigurationError(IdseError):
    """A configuration value, a template or a constitution file cannot be used as it is."""

    code = "IDSE009"


class GateError(IdseError):
    """A stage cannot move: its gate does not hold. The findings say which promise is missing.

    Where a rule of the constitution is the reason, the error carries that rule's code instead.
    """

    code = "IDSE010"
    exit_code = EXIT_CHECK_FAILED

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        cause: str | None = None,
        fix: tuple[str, ...] = (),
        code: str | None = None,
        findings: object = None,
    ) -> None:
        super().__init__(message, where=where, cause=cause, fix=fix)
        self.findings = findings
        if code is not None:
            self.code = code  # type: ignore[misc]


class UnsavedWorkError(IdseError):
    """The command would overwrite work that no ledger and no commit holds."""

    code = "IDSE011"
    exit_code = EXIT_CONFLICT


class ConflictError(IdseError):
    """Somebody else moved first, or a merge is unfinished. Look, then run the command again."""

    code = "IDSE012"
    exit_code = EXIT_CONFLICT


class CorruptLedgerError(IdseError):
    """A ledger does not hold what a ledger must hold. ``idse fsck`` names every defect."""

    code = "IDSE013"
    exit_code = EXIT_CHECK_FAILED


class BusyError(IdseError):
    """Another process held the ledger too long, or the Agency has no time for more. Try again later."""

    code = "IDSE014"
    exit_code = EXIT_BUSY


class StorageError(IdseError):
    """The repository, or a store, cannot be written or fails: read-only, no space left, not permitted."""

    code = "IDSE015"


class GitFailedError(IdseError):
    """The git program cannot be started, or failed in a way of its own; its words are the cause.

    Where git does not know what it was asked for, that is a defect of idse, and the exit code says so (70).
    """

    code = "IDSE016"


class InvalidArtifactError(IdseError):
    """A file of a session cannot enter a ledger: a symbolic link, an executable, or too large."""

    code = "IDSE017"
    exit_code = EXIT_CHECK_FAILED


class NotConfirmedError(IdseError):
    """The command needs an answer that nobody could give here. The fix names the flag that answers."""

    code = "IDSE018"


class HooksRefusedError(IdseError):
    """Hooks were not written: a hook manager is in charge, or other repositories share the folder.

    Put the printed lines into the manager's configuration, or write beside it with ``--force``.
    """

    code = "IDSE019"
    exit_code = EXIT_CONFLICT


class UnreachableError(IdseError):
    """The Agency cannot be reached. Nothing is lost: what waits is sent by the next push."""

    code = "IDSE020"
    exit_code = EXIT_UNREACHABLE


class NotAuthorizedError(IdseError):
    """The Agency refuses this user. Check the credentials that git uses for its URL."""

    code = "IDSE021"
    exit_code = EXIT_NOT_AUTHORIZED


class RefusedError(IdseError):
    """A ref may not be published, or what the Agency has may not come in: its defects are named."""

    code = "IDSE022"
    exit_code = EXIT_CHECK_FAILED


class UnsafeRemoteError(IdseError):
    """A git remote is configured so that it could overwrite, delete or leak: nothing was sent or fetched."""

    code = "IDSE023"


class NoAgencyError(IdseError):
    """No Agency is configured. Name one with ``idse sync setup URL``."""

    code = "IDSE024"


class ExhaustedError(IdseError):
    """The system gave no more: open files, processes, memory, or time of the processor.

    Nothing is wrong with the repository. Run the command again with less beside it, or raise the limit.
    """

    code = "IDSE025"
    exit_code = EXIT_BUSY


class UnfitEventError(IdseError):
    """What was to be recorded would not pass ``idse fsck``: a text too long, or a clock beyond the year 9999.

    Nothing was written.
    """

    code = "IDSE026"


class InvalidRegistryError(IdseError):
    """An agent registry cannot be as it was asked for.

    An agent twice, a stage or an agent that does not exist, rules that hand a stage round in a circle, or a
    file that is none. Nothing was changed.
    """

    code = "IDSE030"


class UnknownAgentError(IdseError):
    """No agent of that name is in the project's registry. ``idse agents list`` names them."""

    code = "IDSE031"


class HandoffRefusedError(IdseError):
    """Whoever acts may not answer this handoff, or assign this stage: a person or another agent has to."""

    code = "IDSE032"
    exit_code = EXIT_NOT_AUTHORIZED


class HandoffClosedError(IdseError):
    """The handoff is not open any more: somebody answered it before, or its stage went to another agent."""

    code = "IDSE033"
    exit_code = EXIT_CONFLICT


class RegistryEditedError(IdseError):
    """The file ``agent_registry.json`` was edited by hand, and a command would have overwritten it.

    Take the edit over with ``idse agents import``, or delete the file to drop it.
    """

    code = "IDSE034"
    exit_code = EXIT_CONFLICT


class AgentFileKeptError(IdseError):
    """A file of a coding agent was left exactly as it is.

    Its block was changed by hand, or cannot be told from the rest; its settings are not valid JSON; or it has
    the name of a command of idse and is somebody else's.
    """

    code = "IDSE035"
    exit_code = EXIT_CONFLICT


class AgentProfileError(IdseError):
    """An Agent Profile cannot be compiled. Each problem is named with its line and column.

    Nothing was written for it; with ``--all`` the sound ones were compiled.
    """

    code = "IDSE040"
    exit_code = EXIT_CHECK_FAILED

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        cause: str | None = None,
        fix: tuple[str, ...] = (),
        findings: object = None,
    ) -> None:
        super().__init__(message, where=where, cause=cause, fix=fix)
        self.findings = findings


class NoAgentProfileError(IdseError):
    """The spec has no Agent Profile: no heading of level 2 by that name with a fenced yaml block below it."""

    code = "IDSE041"
    exit_code = EXIT_CHECK_FAILED


class ForeignFileError(IdseError):
    """Where a file is to be written stands one that idse did not write, or that somebody changed since."""

    code = "IDSE042"
    exit_code = EXIT_CONFLICT


class LedgerMovedError(IdseError):
    """A ledger is no longer where it was read: somebody else wrote first. Run the command again."""

    code = "IDSE045"
    exit_code = EXIT_CONFLICT


class UnknownStoreError(IdseError):
    """No store of that name is known, built in or offered by an installed package; or none was named."""

    code = "IDSE046"


class NeedsGitError(IdseError):
    """The command works on a git repository, and the ledgers are kept in a store without git."""

    code = "IDSE047"


class MigrationSourceError(IdseError):
    """What ``idse migrate`` was pointed at cannot be read, or holds no session of any layout it knows."""

    code = "IDSE050"


class ArchiveRefusedError(IdseError):
    """The branch or folder for ``idse migrate --archive`` exists already, or cannot be made: nothing was."""

    code = "IDSE051"
    exit_code = EXIT_CONFLICT


class ClaimDeniedError(IdseError):
    """A claim does not pass the promotion gate. Each test that failed is named, with its figures."""

    code = "IDSE055"
    exit_code = EXIT_CHECK_FAILED


class ClaimsBlockError(IdseError):
    """The block of claims in ``blueprint.md`` was edited by hand, or its markers are not a pair."""

    code = "IDSE056"
    exit_code = EXIT_CONFLICT


class NewerLedgerError(CorruptLedgerError):
    """A newer idse wrote in this ledger, and this one cannot read it. Nothing is damaged: upgrade idse."""

    code = "IDSE057"


class QuotaError(IdseError):
    """A client of an Agency has all that it may have: an operator raises its quota, or something goes."""

    code = "IDSE060"
    exit_code = EXIT_CHECK_FAILED


class HomeError(IdseError):
    """The home of an Agency is missing, damaged, not yours, or open to others: nothing was done in it."""

    code = "IDSE061"


class BackupError(IdseError):
    """A backup of an Agency is not whole, or is not what its manifest says. Nothing was brought back."""

    code = "IDSE062"
    exit_code = EXIT_CHECK_FAILED


class TaskStateError(IdseError):
    """A task cannot make that move from where it stands. ``idse task show TASK`` says where it stands."""

    code = "IDSE070"
    exit_code = EXIT_CONFLICT


class FencedError(TaskStateError):
    """An attempt ended after its task had gone on without it. Its result does not count; nothing is lost."""

    code = "IDSE071"


class TaskListError(IdseError):
    """A list of tasks cannot be worked off as it is: a cycle, one id twice, a need that is not there."""

    code = "IDSE072"


class AgentNotReadyError(IdseError):
    """A program that is to work on tasks is not installed, or has no key to log in with."""

    code = "IDSE080"


class BudgetError(IdseError):
    """A budget leaves no room for one more attempt. Raise it, or wait for the month to end."""

    code = "IDSE081"
    exit_code = EXIT_BUSY
