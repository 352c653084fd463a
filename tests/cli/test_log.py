"""`idse log`: who moved which stage when, as people expect it from `git log`."""

from __future__ import annotations

import json
import re

import pytest

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

REF = "refs/idse/sessions/portal/login"


@pytest.fixture
def portal(repo):
    """A project `portal` whose session `login` has four events, a minute apart, one of them by an agent."""
    repository = discover(str(repo.path))
    clock = iter(range(1_767_225_600, 1_767_300_000, 60))
    person = ledger_writer(repository, "", lambda: times[-1])
    claude = ledger_writer(repository, "claude", lambda: times[-1])
    times = []

    def append(writer, kind, **body):
        times.append(next(clock))
        return writer.append("portal", "login", lambda _tip: Draft(kind, body)).commit

    times.append(next(clock))
    person.append_to_project("portal", lambda _tip: Draft("created", {"project": "portal"}))
    repo.commits = [
        append(person, "created", project="portal", session="login"),
        append(person, "stage", stage="spec", action="start", **{"from": "pending", "to": "in_progress"}),
        append(
            claude, "stage", stage="spec", action="complete", artifact="a", upstream={},
            reason="Reviewed with the team.",
            **{"from": "in_progress", "to": "complete"},
        ),
        append(person, "edited", changed={"spec.md": "1"}, source="save"),
    ]  # fmt: skip
    return repo


def log(repo, *args, **more):
    done = repo.idse("log", *args, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def merged(repo):
    """The session with a merge on top: one event on either side."""
    state = repo.git("rev-parse", f"{REF}:state.json")
    tree = repo.git("mktree", stdin=f"100644 blob {state}\tstate.json\n")
    other = repo.commits[2]
    one = repo.git("commit-tree", f"{repo.commits[3]}^{{tree}}", "-p", other, "-m", "twin")
    parents = sorted([repo.commits[3], one])
    merge = repo.git("commit-tree", tree, "-p", parents[0], "-p", parents[1], "-m", "merge")
    repo.git("update-ref", REF, merge)
    return merge


def by_hand(repo, *events):
    """The session with these raw events on top."""
    for data in events:
        blob = repo.git("hash-object", "-w", "--stdin", stdin=data)
        state = repo.git("rev-parse", f"{REF}:state.json")
        tree = repo.git("mktree", stdin=f"100644 blob {blob}\tevent.json\n100644 blob {state}\tstate.json\n")
        repo.git("update-ref", REF, repo.git("commit-tree", tree, "-p", REF, "-m", "by hand"))


def test_the_log_of_a_session_newest_first_with_reasons_beneath(portal):
    ids = [portal.git("rev-parse", "--short", commit) for commit in portal.commits]
    rows = [line.split("  ", 1) for line in log(portal, "login").splitlines()]
    assert [row[0] for row in rows] == [ids[3], ids[2], "", ids[1], ids[0]]
    assert [re.sub(" {2,}", " | ", row[1].strip()) for row in rows] == [
        "saved spec.md | 2026-01-01T00:04:00Z | Test Author",
        "spec: in_progress → complete | 2026-01-01T00:03:00Z | Test Author (claude)",
        "Reviewed with the team.",
        "spec: pending → in_progress | 2026-01-01T00:02:00Z | Test Author",
        "created portal/login | 2026-01-01T00:01:00Z | Test Author",
    ]
    assert len({row[1].index("2026-") for row in rows if "2026-" in row[1]}) == 1


def test_one_line_each(portal):
    lines = log(portal, "login", "--oneline").splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "saved spec.md",
        "spec: in_progress → complete",
        "spec: pending → in_progress",
        "created portal/login",
    ]


@pytest.mark.parametrize(
    ("args", "kinds"),
    [
        (("-n", "2"), ["edited", "stage"]),
        (("-n", "0"), []),
        (("--kind", "stage"), ["stage", "stage"]),
        (("--kind", "merge"), []),
        (("--stage", "spec", "-n", "1"), ["stage"]),
        (("--stage", "plan"), []),
        (("--agent", "claude"), ["stage"]),
        (("--since", "2026-01-01T00:03:30Z"), ["edited"]),
        (("--until", "2026-01-01T00:01:30Z"), ["created"]),
        (("--reverse", "-n", "2"), ["stage", "edited"]),
        (("--graph", "--stage", "spec"), ["* stage", "* stage"]),
    ],
)
def test_what_is_asked_for_is_what_comes(portal, args, kinds):
    assert log(portal, "login", *args, "--format", "%(kind)").splitlines() == kinds


def test_a_template_has_every_placeholder(portal):
    text = (
        "%h|%H|%P|%an|%ae|%aI|%ad|%at|%s|%b|%(kind)|%(stage)|%(from)|%(to)|%(agent)|%(session)|%(lamport)|"
        "%%%x41%n!"
    )
    out = log(portal, "login", "--agent", "claude", "--format", text)
    commit, parent = portal.commits[2], portal.commits[1]
    assert out == (
        f"{portal.git('rev-parse', '--short', commit)}|{commit}|{parent}|Test Author|author@example.invalid|"
        "2026-01-01T00:03:00Z|2026-01-01T00:03:00Z|1767225780|spec: in_progress → complete|"
        "Reviewed with the team.|stage|spec|in_progress|complete|claude|login|3|%A\n!\n"
    )


def test_a_template_keeps_its_empty_last_column(portal):
    assert log(portal, "login", "-n", "1", "--format", "%s\t%b") == "saved spec.md\t\n"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--format", "%q"), 2, "%q"),
        (("--format", "%(stgae)"), 2, "%(stage)"),
        (("--format", "onelin"), 2, "did you mean oneline?"),
        (("--kind", "stgae"), 2, "did you mean stage?"),
        (("--stage", "sepc"), 2, "did you mean spec?"),
        (("--since", "nonsense"), 2, "is not a date"),
        (("-n", "-1"), 2, "-1"),
        (("--graph", "--reverse"), 2, "cannot be reversed"),
        (("--graph", "--json"), 2, "parents"),
        (("--all",), 2, "exclude each other"),
    ],
)
def test_what_cannot_be_asked_is_said_clearly(portal, args, code, words):
    done = portal.idse("log", "login", *args)
    assert done.returncode == code
    assert words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_json_is_one_document_with_the_same_fields_for_all(portal):
    merge = merged(portal)
    document = json.loads(log(portal, "login", "--json"))
    assert document["schema"] == "idse.log/1"
    entries = document["data"]["entries"]
    assert entries[0]["commit"] == merge
    assert (entries[0]["kind"], entries[0]["event"]) == ("merge", None)
    assert len({tuple(entry) for entry in entries}) == 1
    completed = next(entry for entry in entries if entry["to"] == "complete")
    assert (completed["stage"], completed["reason"]) == ("spec", "Reviewed with the team.")
    assert completed["actor"] == {"name": "Test Author", "email": "author@example.invalid", "agent": "claude"}


def test_json_lines_are_documents_of_their_own(portal):
    lines = log(portal, "login", "--format", "json-lines").splitlines()
    assert [json.loads(line)["commit"] for line in lines] == portal.commits[::-1]


def test_a_merge_is_shown_as_one_and_drawn(portal):
    merged(portal)
    out = log(portal, "login", "--graph")
    assert "merged " in out.splitlines()[0]
    assert "|\\" in out
    assert "|/" in out
    assert out.count("*") == 6


def test_all_sessions_and_the_project_are_told_apart(portal):
    out = log(portal, "--all", "--oneline")
    assert "[login] saved spec.md" in out
    assert "[project portal] created portal" in out.splitlines()[-1]


def test_an_event_that_does_not_count_says_why(portal):
    repository = discover(str(portal.path))
    body = {
        "stage": "spec",
        "action": "complete",
        "artifact": "b",
        "upstream": {},
        "from": "in_progress",
        "to": "complete",
    }
    ledger_writer(repository).append("portal", "login", lambda _tip: Draft("stage", body))
    assert "not applied: the stage was complete, not in_progress" in log(portal, "login", "-n", "1")
    assert "(not applied)" in log(portal, "login", "-n", "1", "--oneline")
    assert json.loads(log(portal, "login", "-n", "1", "--format", "json-lines"))["not_applied"]


def test_damage_is_shown_with_its_commit_and_what_to_type(portal):
    by_hand(portal, "not json")
    out = log(portal, "login")
    assert out.startswith(portal.git("rev-parse", "--short", REF) + "  damaged entry: ")
    assert "idse fsck" in out.splitlines()[1]
    assert "created portal/login" in out
    assert json.loads(log(portal, "login", "--json"))["diagnostics"][0]["code"] == "IDSE013"


@pytest.mark.parametrize(
    "form", ["oneline", "short", "medium", "full", "json-lines", "%s %b %an %(stage) %(event)"]
)
def test_nothing_in_an_event_reaches_the_terminal_as_a_command(portal, form):
    evil = "\x1b]0;title\x07\x1b[2J\r\u202e\ud800"
    actor = {"name": evil, "email": evil, "agent": evil}
    body = {"stage": evil, "from": evil, "to": evil, "action": evil, "reason": evil, evil: evil}
    event = {"format": 1, "id": evil, "kind": "stage", "lamport": 9, "at": evil, "replica": evil}
    by_hand(portal, json.dumps(event | {"actor": actor, "body": body}))
    out = log(portal, "login", "-n", "1", "--format", form)
    assert out
    assert not set(out) & set("\x1b\x07\r\u202e\ud800")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_seen_enough_is_no_error(portal, unbuffered):
    script = "(idse log login; echo $? >&2) | head -c 1"
    done = portal.run("sh", "-c", script, env={"PYTHONUNBUFFERED": unbuffered})
    assert done.stderr == "0\n"


def test_a_session_without_a_ledger_is_said_to_have_none(portal):
    portal.git("symbolic-ref", "refs/worktree/idse/session", "refs/idse/sessions/portal/ghost")
    done = portal.idse("log")
    assert done.returncode == 2
    assert "has no ledger yet" in done.stderr


def test_colours_are_few_and_only_where_wanted(portal):
    assert "\x1b" not in log(portal, "login")
    out = log(portal, "login", "--color", "always")
    assert "\x1b[32mcomplete\x1b[0m" in out
    assert f"\x1b[33m{portal.git('rev-parse', '--short', REF)}\x1b[0m" in out


@pytest.fixture
def unsorted(repo):
    """A session whose events are dated as clocks of several machines had it: not in order."""
    repository = discover(str(repo.path))
    times = [1_767_225_600]
    writer = ledger_writer(repository, "", lambda: times[-1])
    writer.append_to_project("portal", lambda _tip: Draft("created", {"project": "portal"}))
    days = (5, 20, 2, 25, 1, 15)
    for number, day in enumerate(days):
        times.append(1_767_225_600 + (day - 1) * 86_400 + 3600)
        body = {"project": "portal", "session": "login"} if number == 0 else {"title": f"day {day}"}
        kind = "created" if number == 0 else "described"
        writer.append("portal", "login", lambda _tip, kind=kind, body=body: Draft(kind, body))
    return repo


def days_of(repo, *args):
    return [row[8:10] for row in log(repo, "login", "--format", "%aI", *args).splitlines() if row]


@pytest.mark.parametrize(
    ("args", "days"),
    [
        ((), ["15", "01", "25", "02", "20", "05"]),
        (("--since", "2026-01-10"), ["15", "25", "20"]),
        (("--since", "2026-01-20"), ["25", "20"]),
        (("--until", "2026-01-05"), ["01", "02", "05"]),
        (("--since", "2026-01-02", "--until", "2026-01-15"), ["15", "02", "05"]),
        (("--since", "2026-01-02", "-n", "2"), ["15", "25"]),
        (("--since", "2026-01-02", "--reverse"), ["05", "20", "02", "25", "15"]),
        (("--since", "2026-01-02", "--kind", "created"), ["05"]),
        (("--since", "10 jan 2026"), None),
        (("--since", "2026-01-20T01:00:01Z"), ["25"]),
        (("--until", "2150-01-01"), ["15", "01", "25", "02", "20", "05"]),
        (("--since", "1969-01-01"), ["15", "01", "25", "02", "20", "05"]),
    ],
)
def test_dates_leave_out_what_they_say_and_nothing_behind_it(unsorted, args, days):
    found = days_of(unsorted, *args)
    if days is None:  # a word that only git knows: the time of day is the one that it is now
        assert {"15", "25", "20"} <= set(found) <= {"15", "25", "20"}
    else:
        assert found == days
    if "--reverse" not in args and "--kind" not in args:
        graph = log(unsorted, "login", "--graph", "--format", "%aI", *args)
        assert re.findall(r"2026-01-(\d\d)", graph) == found


def test_a_whole_day_is_meant_by_a_day_and_by_today(loop):
    shown = loop.does("log", "--since", "today", "--format", "oneline").stdout
    assert shown == loop.does("log", "--format", "oneline").stdout != ""
    assert loop.does("log", "--until", "today", "--format", "oneline").stdout == shown


def test_an_event_is_found_however_many_pretend_to_be_it(portal):
    own = json.loads(portal.git("show", f"{portal.commits[0]}:event.json"))["id"]
    for number in range(12):
        event = portal.git("show", f"{portal.commits[3]}:event.json")
        blob = portal.git("hash-object", "-w", "--stdin", stdin=event)
        tree = portal.git("mktree", stdin=f"100644 blob {blob}\tevent.json\n")
        message = f"{number}\n\nIdse-Event: {own}\n"
        portal.git("update-ref", REF, portal.git("commit-tree", tree, "-p", REF, stdin=message))
    done = portal.idse("show", own)
    assert "created portal/login" in done.stdout, done.stderr


def test_what_a_user_set_for_git_log_changes_no_answer(portal):
    usual = log(portal, "login")
    own = json.loads(portal.git("show", f"{portal.commits[0]}:event.json"))["id"]
    for key, value in {
        "log.showSignature": "true",
        "log.date": "relative",
        "log.follow": "true",
        "grep.patternType": "perl",
        "log.decorate": "full",
        "color.ui": "always",
        "log.mailmap": "false",
        "log.diffMerges": "on",
    }.items():
        portal.git("config", key, value)
    assert re.sub(r"(?m)^\w{7,12}  ", "", log(portal, "login")) == re.sub(r"(?m)^\w{7,12}  ", "", usual)
    assert "created portal/login" in portal.idse("show", own).stdout
    assert portal.idse("restore", "login", "--at", own).returncode != 70
