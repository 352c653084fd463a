"""Doubts are rare and real, `migrated` is said of what is used, and unknown files stand together."""

from __future__ import annotations

import json
import os

import pytest

LINE = "✅ Local docs scraped (21 file(s)) and saved to /srv/old/docs.json."
TEXT = "# Context\n\nWhere the login stands.\n\n- On a server.\n- With a database.\n"


def doubts(data):
    return [doubt for session in data["sessions"] for doubt in session["doubts"]]


def files(data):
    return {entry["path"]: (entry["fate"], entry["reason"]) for entry in data["files"]}


def document(name="handoff_claude_to_codex_7.md", **people):
    said = {"From": "claude_code", "To": "codex_gpt", **people}
    rows = "".join(f"- {key}: {value}\n" for key, value in said.items())
    return name, f"# Handoff\n\n## Metadata\n- Cycle ID: 7\n- Timestamp: 2025-01-02T00:00:00Z\n{rows}"


class TestAgents:
    @pytest.mark.parametrize(
        "people",
        [
            {},
            {"From": "Claude"},
            {"From": "claude-code", "To": "Codex GPT"},
            {"From": "claude_code (Developer Agency)", "To": "codex"},
        ],
    )
    def test_two_names_of_one_are_no_doubt(self, old, taker, people):
        old.session("C")
        old.put(*document(**people))
        assert doubts(taker.migrate(old)) == []

    @pytest.mark.parametrize("people", [{"From": "codex_gpt", "To": "claude_code"}, {"To": "cursor"}])
    def test_two_agents_are_one_doubt(self, old, taker, people):
        old.session("C")
        old.put(*document(**people))
        [doubt] = doubts(taker.migrate(old))
        assert "its name says claude → codex" in doubt


class TestADocumentThatShrankToALogLine:
    @pytest.fixture
    def source(self, make_repo):
        return make_repo("source", at="2025-01-01T10:00:00Z")

    def history(self, source, *texts, stage="context", layout="projects/portal/sessions/login/contexts"):
        source.write("projects/portal/sessions/login/specs/spec.md", "# Spec\n\nA login by passkeys.\n")
        for number, text in enumerate(texts):
            source.at = f"2025-01-0{number + 1}T10:00:00Z"
            source.write(f"{layout}/{stage}.md", text)
            source.commit(f"number {number}")

    @pytest.mark.parametrize(
        "after", [LINE, f"{LINE}\n{LINE}\n", "2025-01-02 INFO wrote it\n", "", "\n", TEXT.splitlines()[2]]
    )
    def test_is_one_with_the_way_to_the_text(self, source, taker, after):
        self.history(source, TEXT, after)
        [doubt] = doubts(taker.migrate(source.path))
        assert "context.md holds a mere line, and held 4 lines on 2025-01-01T10:00:00Z" in doubt
        command = doubt.partition(": ")[2].partition(", then ")[0].removeprefix("idse ").split()
        shown = taker.idse(*command, "--json")
        [entry] = json.loads(shown.stdout)["data"]["entries"]
        assert taker.idse("show", f"{entry['commit']}:context").stdout == TEXT
        assert doubts(taker.migrate(source.path)) == [doubt]

    def test_names_the_last_text_of_several_and_skips_the_lines_between(self, source, taker):
        self.history(source, "# Context\n\nFirst.\n", TEXT, LINE, f"{LINE}\n{LINE}")
        [doubt] = doubts(taker.migrate(source.path))
        assert "held 4 lines on 2025-01-02T10:00:00Z" in doubt

    @pytest.mark.parametrize(
        "texts",
        [
            (LINE,),
            (LINE, f"{LINE}\n{LINE}"),
            (LINE, TEXT),
            (TEXT, "# Context\n\nSee the wiki.\n"),
            (TEXT, TEXT + "More.\n"),
            (TEXT, "One\n\nTwo\n\nThree\n\nFour\n"),
        ],
    )
    def test_is_none_where_it_always_was_a_line_or_is_a_document(self, source, taker, texts):
        self.history(source, *texts)
        assert doubts(taker.migrate(source.path)) == []

    def test_is_one_also_where_the_text_stood_in_another_layout(self, source, taker):
        self.history(source, TEXT, layout="contexts/projects/portal/sessions/login")
        (source.path / "contexts/projects/portal/sessions/login/context.md").unlink()
        self.history(source, LINE)
        assert any("held 4 lines" in doubt for doubt in doubts(taker.migrate(source.path)))

    def test_side_files_may_be_lines(self, source, taker):
        self.history(source, TEXT, LINE, stage="notes")
        assert doubts(taker.migrate(source.path)) == []

    def test_cannot_be_known_without_the_history(self, source, taker):
        self.history(source, TEXT, LINE)
        assert doubts(taker.migrate(source.path, "--no-history")) == []


class TestRegistries:
    OWN = ".idse/projects/portal/agent_registry.json"

    def registry(self, old, path, *agents):
        old.json(path, {"agents": [{"id": agent} for agent in agents]})

    def agents(self, taker, project="portal"):
        state = json.loads(taker.git("show", f"refs/idse/projects/{project}:state.json"))
        return [agent["id"] for agent in state.get("registry", {}).get("agents", [])]

    @pytest.mark.parametrize(
        "other", ["src/config/agent_registry.json", "agent_registry.json", ".idse/agent_registry.json"]
    )
    def test_one_beside_that_of_the_project_is_unknown(self, old, taker, other):
        old.session("D")
        self.registry(old, self.OWN, "claude-code")
        self.registry(old, other, "test-agent")
        data = taker.migrate(old)
        assert self.agents(taker) == ["claude-code"]
        assert files(data)[other] == ("unknown", f"portal has its agents from {self.OWN}")
        assert files(data)[self.OWN] == ("migrated", "1 agent for portal")
        assert data["agents"] == 1

    def test_of_two_of_the_project_the_newer_place_counts(self, old, taker):
        old.session("D")
        self.registry(old, self.OWN, "claude-code")
        self.registry(old, "projects/portal/agent_registry.json", "codex")
        data = taker.migrate(old)
        assert self.agents(taker) == ["claude-code"]
        assert files(data)["projects/portal/agent_registry.json"][0] == "unknown"

    def test_the_same_bytes_are_a_duplicate(self, old, taker):
        old.session("D")
        self.registry(old, self.OWN, "claude-code")
        self.registry(old, "agent_registry.json", "claude-code")
        assert files(taker.migrate(old))["agent_registry.json"][0] == "duplicate"

    def test_one_for_all_is_for_those_that_have_none(self, old, taker):
        old.session("C", "login", "portal")
        old.session("C", "cart", "shop")
        self.registry(old, "projects/portal/agent_registry.json", "claude-code")
        self.registry(old, "agent_registry.json", "codex")
        data = taker.migrate(old)
        assert (self.agents(taker), self.agents(taker, "shop")) == (["claude-code"], ["codex"])
        assert files(data)["agent_registry.json"] == ("migrated", "1 agent for shop")

    def test_one_that_holds_nothing_is_none(self, old, taker):
        old.session("D")
        old.put(self.OWN, "{")
        self.registry(old, "agent_registry.json", "codex")
        data = taker.migrate(old)
        assert self.agents(taker) == ["codex"]
        assert files(data)[self.OWN] == ("unknown", "nothing of it can be taken over")


class TestTheCurrentSession:
    """A file that names one is migrated where that is what the project works on afterwards."""

    def test_where_another_is_current_here_it_is_told(self, old, taker):
        taker.idse("init", "portal", "--no-hooks")
        for session in ("audit", "login"):
            old.session("C", session)
        old.put("CURRENT_SESSION", "login")
        data = taker.migrate(old)
        assert files(data)["CURRENT_SESSION"] == (
            "unknown",
            "it names login as current, but here __blueprint__ is: idse switch portal/login",
        )
        assert taker.read(".idse/projects/portal/CURRENT_SESSION") == b"__blueprint__"
        assert taker.idse("switch", "portal/login").returncode == 0

    def test_what_was_taken_stays_so_whatever_becomes_current_later(self, old, taker):
        for session in ("audit", "login"):
            old.session("C", session)
        old.put("CURRENT_SESSION", "login")
        first = taker.migrate(old)
        assert files(first)["CURRENT_SESSION"] == ("migrated", "it names login as current")
        assert taker.read(".idse/projects/portal/CURRENT_SESSION") == b"login"
        taker.idse("switch", "portal/audit")
        assert taker.migrate(old)["counts"] == first["counts"]

    def test_one_that_waits_is_told(self, old, run_bound):
        old.session("C", "audit")
        old.session("C")
        old.put("CURRENT_SESSION", "login")
        os.chmod(old.path / "projects/portal/sessions/login/specs", 0)
        _, data = run_bound(old)
        os.chmod(old.path / "projects/portal/sessions/login/specs", 0o700)
        assert files(data)["CURRENT_SESSION"] == ("unknown", "it names login as current, which waits")


class TestWhatIsPrinted:
    @pytest.fixture
    def full(self, old):
        old.session("C")
        for number in range(40):
            old.put(f"src/lib/{number}.py", "x")
            old.put(f"projects/portal/notes/{number}.txt", "x")
        for name in ("a.txt", "b.txt", "c.txt", "d.txt", "docs/e.txt", "specs/f.txt"):
            old.put(name, "x")
        (old.path / "src/link").symlink_to("lib")
        return old

    def test_unknown_files_stand_together_by_folder(self, full, taker):
        unknown = [
            "unknown: a.txt, b.txt and 2 more  (it belongs to no layout)",
            "unknown: docs/e.txt  (it belongs to no layout)",
            "unknown: projects/portal/notes/ (40 files)  (it belongs to no layout)",
            "unknown: specs/f.txt  (it belongs to no layout)",
            "unknown: src/lib/ (40 files)  (it belongs to no layout)",
            "unknown: src/link  (a symbolic link to lib: links are not followed)",
        ]
        for options in (["--dry-run"], []):
            lines = taker.idse("migrate", str(full.path), *options).stdout.splitlines()
            assert [line.strip() for line in lines if line.startswith("  unknown:")] == unknown
            assert "7 migrated, 0 duplicates, 0 side files, 0 stubs, 87 unknown: 94 in all" in lines[-1]

    def test_one_by_one_for_who_asks(self, full, taker):
        shown = taker.idse("migrate", str(full.path), "--dry-run", "-v").stdout
        assert "unknown: src/lib/39.py  (" in shown
        assert shown.count("  unknown: ") == 87
        assert taker.migrate(full, "--dry-run")["counts"]["unknown"] == 87

    def test_a_doubt_about_several_sessions_is_said_once(self, old, taker):
        for session in ("audit", "login", "other"):
            old.session("C", session)
            old.json(
                f"projects/portal/sessions/{session}/session_state.json",
                {"created_at": "2025-01-02T03:04:05"},
            )
        old.put("projects/portal/sessions/login/specs/.owner", "ann")
        old.put("projects/portal/sessions/login/plans/.owner", "bob")
        shown = taker.idse("migrate", str(old.path)).stdout
        assert shown.count("read as UTC") == 1
        assert "doubt: of 3 sessions: its times have no offset" in shown
        assert shown.count("doubt:") == 2

    def test_doubts_that_are_not_shown_are_counted(self, old, taker):
        old.session("C")
        for number in range(6):
            old.put(f"projects/portal/sessions/login/s{number}/.owner", f"owner-{number}")
        shown = taker.idse("migrate", str(old.path)).stdout
        assert shown.count("doubt:") == 3
        assert "and 2 more doubts: --report FILE, or -v, lists all" in shown
        assert taker.idse("migrate", str(old.path), "-v").stdout.count("doubt:") == 5
