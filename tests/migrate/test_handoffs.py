"""Handoffs of older tools: known by their metadata, told once, in the session they name, by their dates."""

from __future__ import annotations

import json

import pytest

NAME = "handoff_claude_to_codex_2025-12-30T22-50-00Z.md"
BESIDE = f"idse-governance/feedback/{NAME}"


def handoff(**fields):
    """A handoff document; a field that is None is left out."""
    said = {
        "Cycle ID": "2025-12-30T22-50-00Z",
        "From": "claude_code",
        "To": "codex_gpt",
        "Timestamp": "2025-12-30T22:50:00Z",
        "IDSE Stage": "Implementation",
        **{key.replace("_", " "): value for key, value in fields.items()},
    }
    rows = "".join(f"- {key}: {value}\n" for key, value in said.items() if value is not None)
    return f"# Handoff: Claude to Codex\n\n## Metadata\n{rows}\n## Summary of Work\n\nIt is done.\n"


def plan_of(session, project="portal"):
    return {"Plan_Reference": f"projects/{project}/sessions/{session}/plans/plan.md"}


def told(taker, session="portal/login"):
    return [event for event in taker.events(session) if event["kind"] == "handoff"]


def doubts(data):
    return [doubt for session in data["sessions"] for doubt in session["doubts"]]


def files(data):
    return {entry["path"]: entry for entry in data["files"]}


def listed(taker, session="portal/login"):
    done = taker.idse("handoff", "list", "--all", "--session", session, "--json")
    return json.loads(done.stdout)["data"]["handoffs"]


@pytest.fixture
def both(old):
    """Two sessions, of which the first is current."""
    for session in ("audit", "login"):
        old.put(old.where("C", "intent", session), f"# Intent\n\nThe words of {session}.\n")
    old.put("projects/portal/CURRENT_SESSION", "audit")
    return old


class TestOneInSeveralPlaces:
    @pytest.fixture
    def thrice(self, old):
        old.put(old.where("C", "intent"), "# Intent\n\nThe words of login.\n")
        text = handoff(**plan_of("login"))
        for folder in ("projects/portal/sessions/login/feedback", "feedback/projects/portal/sessions/login"):
            old.put(f"{folder}/{NAME}", text)
        old.put(BESIDE, text)
        return old

    def test_is_one_event_and_the_copies_are_duplicates(self, thrice, taker):
        data = taker.migrate(thrice)
        assert len(told(taker)) == 1
        assert data["sessions"][0]["handoffs"] == 1
        assert doubts(data) == []
        assert data["counts"] == {"migrated": 1, "duplicate": 2, "side file": 1, "stub": 0, "unknown": 0}
        assert set(taker.folder()) == {"intent.md", f"feedback/{NAME}"}
        [event] = told(taker)
        assert event["body"]["document"] == f"projects/portal/sessions/login/feedback/{NAME}"
        assert sorted(event["body"]["copies"]) == [f"feedback/projects/portal/sessions/login/{NAME}", BESIDE]
        assert taker.is_sound()
        assert not taker.migrate(thrice)["changed"]

    def test_log_since_a_date_shows_what_is_not_older(self, thrice, taker):
        taker.migrate(thrice)
        assert taker.kinds()[:3] == ["created", "handoff", "migrated"]
        shown = taker.idse("log", "login", "--since", "2026-01-01").stdout
        assert "created portal/login" in shown
        assert "migrated" in shown
        assert "handed over" not in shown

    def test_is_listed_and_shown(self, thrice, taker):
        taker.migrate(thrice)
        [one] = listed(taker)
        assert (one["from"], one["to"], one["stage"]) == ("claude_code", "codex_gpt", "implementation")
        assert (one["result"], one["at"]) == ("migrated", "2025-12-30T22:50:00Z")
        assert "migrated, from 2025-12-30" in taker.idse("handoff", "list", "--all").stdout
        assert "no handoff is open" in taker.idse("handoff", "list").stderr
        assert taker.idse("handoff", "show").stdout == handoff(**plan_of("login"))
        shown = json.loads(taker.idse("handoff", "show", one["id"], "--json").stdout)["data"]
        assert shown["document"]["text"] == handoff(**plan_of("login"))

    def test_a_copy_of_other_bytes_is_kept_and_told_no_second_time(self, thrice, taker):
        other = handoff(Timestamp="2025-12-30T22:50:00.123+00:00", From="Claude Code") + "\nRead by codex.\n"
        thrice.put(BESIDE, other)
        data = taker.migrate(thrice)
        assert len(told(taker)) == 1
        assert files(data)[BESIDE]["fate"] == "side file"
        assert taker.folder()[f"migrated/governance/{NAME}"] == other.encode()

    def test_another_time_or_cycle_is_another_handoff(self, thrice, taker):
        thrice.put(BESIDE, handoff(Timestamp="2025-12-31T00:00:00Z", **plan_of("login")))
        thrice.put(f"x/{NAME}", handoff(Cycle_ID="8", **plan_of("login")))
        taker.migrate(thrice)
        assert len(told(taker)) == 3

    def test_without_cycle_and_time_only_the_same_bytes_are_one(self, old, taker):
        old.put(old.where("C", "intent"), "# Intent\n\nThe words of login.\n")
        bare = {"Cycle_ID": None, "Timestamp": None}
        for path, text in (("a/one.md", "x"), ("b/one.md", "x"), ("c/one.md", "y")):
            old.put(path, handoff(**bare) + text)
        taker.migrate(old)
        assert len(told(taker)) == 2

    def test_in_the_folders_of_two_sessions_is_told_where_it_says(self, both, taker):
        for session in ("audit", "login"):
            both.put(f"projects/portal/sessions/{session}/feedback/{NAME}", handoff(**plan_of("login")))
        taker.migrate(both)
        assert len(told(taker)) == 1
        assert told(taker, "portal/audit") == []
        assert f"feedback/{NAME}" in taker.folder("portal/audit")

    def test_whose_document_another_session_has_is_told_and_points_to_it(self, both, taker):
        both.put(f"projects/portal/sessions/audit/feedback/{NAME}", handoff(**plan_of("login")))
        taker.migrate(both)
        assert len(told(taker)) == 1
        shown = taker.idse("handoff", "show", "--session", "login")
        assert shown.returncode != 0
        assert f"sessions/audit/feedback/{NAME}" in shown.stderr
        assert "idse show 01" in shown.stderr


class TestWhatMakesOne:
    @pytest.mark.parametrize("path", ["docs/notes.md", "idse-governance/handoffs/x.MD", "a_handoff.md"])
    def test_its_metadata_whatever_it_is_called(self, both, taker, path):
        both.put(path, handoff(**plan_of("login")))
        taker.migrate(both)
        [event] = told(taker)
        assert event["body"]["document"] == path

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("\n", "\r\n"),
            ("# Handoff", "\ufeff# Handoff"),
            ("## Metadata", "### 1. Handoff Metadata:"),
            ("- From: claude_code", "* **From:** claude_code (Developer Agency)"),
            ("Timestamp: 2025-12-30T22:50:00Z", "Timestamp: 2025-12-30T22-50-00Z"),
            ("22:50:00Z", "22:50:00.1+00:00 (updated)"),
            ("- Timestamp", "- Date"),
            ("- IDSE Stage", "- Stage"),
        ],
    )
    def test_however_it_is_written(self, both, taker, before, after):
        both.put("a/b.md", handoff(**plan_of("login")).replace(before, after))
        data = taker.migrate(both)
        [event] = told(taker)
        assert event["at"] == "2025-12-30T22:50:00Z"
        assert (event["body"]["from"], event["body"]["to"]) == ("claude_code", "codex_gpt")
        assert event["body"]["stage"] == "implementation"
        assert doubts(data) == []

    def test_the_lines_below_the_title_do_where_it_is_named_so(self, both, taker):
        path = "idse-governance/handoffs/2026-01-10T16-30-00Z_claude_to_codex_more.md"
        fields = "**Date**: 2026-01-10T16:30:00Z\n**Session**: portal/login\n**Stage**: Plan\n"
        both.put(path, f"# Handoff: Claude Code → Codex\n{fields}\n---\n\n## Summary\n\n- To: nobody\n")
        taker.migrate(both)
        [event] = told(taker)
        assert (event["at"], event["body"]["to"]) == ("2026-01-10T16:30:00Z", "codex")

    def test_in_a_session_too(self, both, taker):
        both.put("projects/portal/sessions/login/feedback/handoff-clarified.md", handoff())
        taker.migrate(both)
        assert len(told(taker)) == 1
        assert told(taker, "portal/audit") == []

    @pytest.mark.parametrize(
        "text",
        [
            handoff(Cycle_ID="{{handoff_cycle_id}}", Timestamp="{{timestamp}}", IDSE_Stage="{{stage}}"),
            "# A mail\n\n## Metadata\n- From: ann\n- To: bob\n",
            "# Notes\n\n- From: claude\n- To: codex\n- Cycle ID: 7\n",
            "## Metadata\n",
        ],
    )
    def test_no_template_no_mail_and_no_mere_words(self, both, taker, text):
        both.put("idse-governance/templates/claude_to_codex_template.md", text)
        data = taker.migrate(both)
        assert data["counts"]["unknown"] == 1
        assert sum(session["handoffs"] for session in data["sessions"]) == 0

    def test_one_that_has_only_the_name_is_kept_and_is_none(self, both, taker):
        both.put("handoff_claude_to_codex_7.md", "# Notes\n\nNothing was handed over.\n")
        data = taker.migrate(both)
        assert data["counts"]["side file"] == 1
        assert told(taker, "portal/audit") == []


class TestTheSessionItBelongsTo:
    @pytest.mark.parametrize(
        ("path", "fields"),
        [
            (BESIDE, plan_of("login")),
            (BESIDE, {"Plan_Reference": "plans/projects/portal/sessions/login/plan.md"}),
            (BESIDE, {"Plan_Reference": "/home/you/old/projects/portal/sessions/login/plans/plan.md"}),
            (BESIDE, {"Project": "portal/login", "Plan_Reference": "plans/current/plan.md"}),
            (BESIDE, {"Project": "portal / login"}),
            (BESIDE, {"Session": "login"}),
            ("idse-governance/handoffs/2026-01-02T05-30-05Z_claude_to_codex_login.md", {}),
            ("idse-governance/handoffs/2026-01-02T05-30-05Z_final_summary_login.md", {}),
        ],
    )
    def test_is_the_one_that_it_names(self, both, taker, path, fields):
        both.put(path, handoff(**fields))
        data = taker.migrate(both)
        assert len(told(taker)) == 1
        assert told(taker, "portal/audit") == []
        assert files(data)[path]["session"] == "portal/login"
        assert doubts(data) == []

    def test_is_the_one_that_governance_state_says(self, both, taker):
        both.put("idse-governance/handoffs/last.md", handoff())
        both.put("idse-governance/handoffs/first.md", handoff(Cycle_ID="1"))
        last = {
            "timestamp": "2026-01-01T00:00:00Z",
            "handoff_document": "idse-governance/handoffs/last.md",
            "project": "portal/login",
        }
        both.json("idse-governance/state/state.json", {"active_llm": "codex_gpt", "last_handoff": last})
        data = taker.migrate(both)
        documents = [event["body"]["document"] for event in told(taker)]
        assert documents == ["idse-governance/handoffs/last.md", "idse-governance/state/state.json"]
        assert told(taker)[1]["at"] == "2026-01-01T00:00:00Z"
        assert [one["document"] for one in (event["body"] for event in told(taker, "portal/audit"))] == [
            "idse-governance/handoffs/first.md"
        ]
        assert {each["session"]: each["handoffs"] for each in data["sessions"]} == {
            "portal/audit": 1,
            "portal/login": 1,
        }
        assert len(listed(taker)) == 1

    def test_both_names_of_one_document_and_the_state_lead_to_it(self, both, taker):
        """The two names contradict each other: that is a doubt, and the only one."""
        other = "idse-governance/handoffs/2026-01-02T05-30-05Z_codex_to_claude_login.md"
        both.put(BESIDE, handoff(**plan_of("login")))
        both.put(other, handoff(**plan_of("login")))
        both.json("idse-governance/state/state.json", {"last_handoff": {"project": "portal/login"}})
        data = taker.migrate(both)
        assert set(taker.folder("portal/audit")) == {"intent.md"}
        assert [event["body"].get("from") for event in told(taker)] == ["claude_code", None]
        assert files(data)[other]["fate"] == "duplicate"
        assert doubts(data) == [f"{other}: its name says codex → claude, its text claude_code → codex_gpt"]

    def test_is_the_current_one_where_nothing_names_another(self, both, taker):
        both.put(BESIDE, handoff(Plan_Reference="plans/current/plan.md"))
        taker.migrate(both)
        assert len(told(taker, "portal/audit")) == 1

    def test_of_a_project_that_was_not_asked_for_is_left(self, both, taker):
        both.session("C", "cart", "shop")
        both.put(BESIDE, handoff(**plan_of("cart", "shop")))
        data = taker.migrate(both, "--only", "portal")
        assert "not asked for" in files(data)[BESIDE]["reason"]
        assert told(taker) == told(taker, "portal/audit") == []

    def test_nobody_s_is_told(self, old, taker):
        for session in ("audit", "login"):
            old.session("C", session)
        old.put(BESIDE, handoff())
        assert "nobody can say" in files(taker.migrate(old))[BESIDE]["reason"]


class TestDates:
    def test_stories_stand_among_commits_by_their_dates(self, make_repo, taker):
        source = make_repo("source")
        spec = "projects/portal/sessions/login/specs/spec.md"
        for day, subject in (("2025-12-01", "first"), ("2026-01-05", "second"), ("2026-01-09", "third")):
            source.write(spec, f"# Spec\n\nWhat was known on {day}.\n")
            source.at = f"{day}T00:00:00Z"
            source.commit(subject)
        for number, time in enumerate(
            ("2026-01-07T00:00:00Z", "2025-12-30T00:00:00Z", "2026-02-01T00:00:00Z")
        ):
            source.write(f"g/{number}.md", handoff(Cycle_ID=str(number), Timestamp=time))
        taker.migrate(source.path)
        moves = [event for event in taker.events() if event["kind"] in ("migrated", "handoff")]
        names = [event["body"].get("subject") or event["body"].get("cycle") for event in moves]
        assert names == ["first", "1", "second", "0", "third", None, "2"]
        assert [event["at"] for event in moves] == sorted(event["at"] for event in moves)
        assert taker.kinds()[0] == "created"
        assert taker.is_sound()

    def test_one_without_a_time_is_dated_by_its_name(self, both, taker):
        path = "idse-governance/handoffs/2026-01-02T05-30-05Z_claude_to_codex_login.md"
        both.put(path, handoff(Timestamp="soon"))
        data = taker.migrate(both)
        assert told(taker)[0]["at"] == "2026-01-02T05:30:05Z"
        assert doubts(data) == [
            f"{path}: it has no timestamp that can be read, so it is dated by 2026-01-02T05-30-05Z"
        ]


class TestStages:
    @pytest.mark.parametrize(
        ("said", "stage"),
        [
            ("Implementation (phase 0 may begin)", "implementation"),
            ("Tasks → Implementation", "implementation"),
            ("Implementation → Review", "implementation"),
            ("feedback", "feedback"),
        ],
    )
    def test_a_known_word_among_others_is_no_doubt(self, both, taker, said, stage):
        both.put(BESIDE, handoff(IDSE_Stage=said, **plan_of("login")))
        data = taker.migrate(both)
        assert told(taker)[0]["body"]["stage"] == stage
        assert doubts(data) == []
