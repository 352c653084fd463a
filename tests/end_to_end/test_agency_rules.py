"""The rules of an Agency travel to its clones: the local gate says what the server would say, offline too."""

from __future__ import annotations

import json
import os

import pytest

from pushes import GOOD

RULES = "refs/idse-agency/rules"
KEPT = "refs/idse-local/rules/agency"
AGENCY = """\
raise:
  IDSE101: {pending: error}
rules:
  - id: ACME001
    name: no-todo
    applies_to: [intent]
    check: no_text
    with: {texts: [TODO]}
    severity: {pending: warning, in_progress: error, complete: error}
    message: "{artifact} says TODO"
    hint: say what is to be done
"""
CLIENT = "raise:\n  ACME001: {pending: error}\n"


def publish(bare, agency=AGENCY, client=None, mode="100644", extra=()):
    """Puts rules on the Agency's ref, as its server does; the commit."""
    files = {"agency.yaml": agency, "client.yaml": client, "format": '{"ledger_format": 3}\n'}
    rows = []
    for name, text in files.items():
        if text is not None:
            blob = bare.git("hash-object", "-w", "--stdin", stdin=text)
            rows.append(f"{mode if name != 'format' else '100644'} blob {blob}\t{name}\n")
    tree = bare.git("mktree", stdin="".join([*rows, *extra]))
    who = ("-c", "user.name=Agency", "-c", "user.email=agency@example.invalid")
    commit = bare.git(*who, "commit-tree", tree, "-m", "rules")
    bare.git("update-ref", RULES, commit)
    return commit


def rules_of(repo):
    done = repo.idse("rule", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {rule["id"]: rule for rule in json.loads(done.stdout)["data"]["rules"]}


def pulled(repo, code=0):
    done = repo.idse("sync", "pull")
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def one(begun, bare_remote):
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert begun.idse("sync", "push").returncode == 0
    return begun


def test_rules_come_with_a_pull_and_hold_here(one, bare_remote):
    commit = publish(bare_remote, client=CLIENT)
    done = pulled(one)
    assert "other rules than before" in done.stderr
    assert one.git("rev-parse", KEPT) == commit
    rules = rules_of(one)
    assert (rules["ACME001"]["origin"], rules["ACME001"]["severity"]["pending"]) == ("agency", "error")
    assert rules["IDSE101"]["raised"]
    assert "agency" in one.idse("rule", "show", "ACME001").stdout
    again = pulled(one)
    assert "other rules" not in again.stderr
    commit = publish(bare_remote, client=CLIENT + "policy: {gates: every}\n")
    assert "other rules" not in pulled(one).stderr  # no rule is another
    assert one.git("rev-parse", KEPT) == commit
    bare_remote.path.rename(bare_remote.path.with_name("away.git"))
    one.write(".idse/projects/portal/sessions/login/intent.md", "# Intent\n\nTODO\n")
    assert "ACME001" in one.idse("validate").stdout
    one.git("add", "-A")
    assert "ACME001" in one.run("git", "commit", "-qm", "x").stderr


def test_a_push_brings_them_too_and_a_settled_clone_starts_no_more_than_before(one, bare_remote, tmp_path):
    def started(direction):
        trace = tmp_path / f"trace-{os.urandom(4).hex()}"
        done = one.idse("sync", direction, env={"GIT_TRACE": str(trace)})
        assert "everything up to date" in done.stderr
        words = [line.partition("built-in: git ")[2].split() for line in trace.read_text().splitlines()]
        return sorted(each[0] for each in words if each)

    before = {direction: started(direction) for direction in ("push", "pull")}
    publish(bare_remote)
    assert one.idse("sync", "push").returncode == 0
    assert "ACME001" in rules_of(one)
    assert {direction: started(direction) for direction in ("push", "pull")} == before


def test_rules_that_change_or_go_are_followed(one, bare_remote):
    publish(bare_remote)
    pulled(one)
    second = publish(bare_remote, agency="{}\n")
    pulled(one)
    assert one.git("rev-parse", KEPT) == second
    assert "ACME001" not in rules_of(one)
    publish(bare_remote)
    pulled(one)
    bare_remote.git("update-ref", "-d", RULES)
    pulled(one)
    assert one.git("for-each-ref", KEPT) == ""
    assert "ACME001" not in rules_of(one)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"agency": "raise: [\n"}, "not readable YAML"),
        ({"agency": "# " + "x" * 300_000}, "at most 262,144"),
        ({"agency": "raise:\n  IDSE101: {complete: off}\n"}, "cannot be lowered"),
        ({"agency": AGENCY.replace("no_text", "Own Verb!")}, "Own Verb!"),
        ({"agency": AGENCY, "mode": "120000"}, "not a regular file"),
        ({"client": AGENCY}, "ACME001"),
        ({"agency": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"}, "agency.yaml"),
    ],
)
def test_rules_that_may_not_come_in_leave_those_from_before(one, bare_remote, given, words):
    first = publish(bare_remote)
    pulled(one)
    publish(bare_remote, **given)
    for _ in range(2):
        done = pulled(one)
        assert "did not come in" in done.stderr
        assert words in done.stderr
    assert one.git("rev-parse", KEPT) == first
    assert "ACME001" in rules_of(one)
    told = json.loads(one.idse("sync", "pull", "--json").stdout)
    assert words in told["diagnostics"][0]["message"]
    one.write(".idse/projects/portal/sessions/login/intent.md", "# Intent\n\nText.\n")
    assert one.idse("save", "login").returncode == 0
    assert one.idse("sync", "push").returncode == 0


def test_rules_of_a_remote_that_is_gone_are_not_read(one, bare_remote):
    publish(bare_remote)
    pulled(one)
    one.git("pack-refs", "--all")
    assert "ACME001" in rules_of(one)
    one.git("remote", "remove", "agency")
    assert "ACME001" not in rules_of(one)
    assert one.idse("uninstall", "--yes").returncode == 0
    assert one.git("for-each-ref", "refs/idse-local") == ""


def test_a_rule_whose_check_is_not_built_in_is_named_and_all_others_hold(one, bare_remote):
    """Nor does it block here what only the Agency can judge, whatever the client's file raises it to."""
    own = AGENCY.partition("rules:\n")[2].replace("ACME001", "ACME002").replace("no_text", "acme_ticket")
    publish(bare_remote, agency=AGENCY + own, client="raise:\n  ACME002: {pending: error}\n")
    done = pulled(one)
    assert "did not come in" not in done.stderr
    assert "judged by the Agency alone, as their check is not built in: ACME002" in done.stderr
    assert "ACME002" not in pulled(one).stderr
    rules = rules_of(one)
    assert (rules["ACME001"]["check"], rules["ACME002"]["check"]) == ("no_text", "agency:acme_ticket")
    one.write(".idse/projects/portal/sessions/login/intent.md", GOOD["intent"] + "\nTODO\n")
    told = one.idse("validate").stdout
    assert "ACME001" in told
    assert "ACME002" not in told
    one.write(".idse/projects/portal/sessions/login/intent.md", GOOD["intent"])
    done = one.idse("stage", "complete", "intent")
    assert done.returncode == 0, done.stderr


def test_a_check_that_is_installed_here_is_not_run_for_an_agency(tmp_path):
    """Its options come from elsewhere, so that would be code and data of a stranger's choice."""
    from idse_orchestrator.constitution.in_force import InstalledChecks, constitution_of, verdict_cache_in
    from idse_orchestrator.constitution.rules import AGENCY as FOR_ALL
    from idse_orchestrator.constitution.rules import Layer
    from idse_orchestrator.constitution.validation_engine import examine
    from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry

    def runs(_document, _options):
        raise AssertionError

    checks = InstalledChecks({"no_text_of_mine": runs}, "no_text_of_mine=1")
    data = AGENCY.replace("no_text", "no_text_of_mine").encode()
    layer = Layer(FOR_ALL, "agency.yaml", data, is_remote=True)
    rules = constitution_of((layer,), verdict_cache_in(str(tmp_path)), checks)
    entry = FileEntry(REGULAR, "", 4)
    hits = examine("intent.md", entry, b"TODO", rules, checks.checks)
    assert "IDSE108" not in {hit.rule for hit in hits}
