"""What a clone can leave out, the Agency does not: through git, `idse sync push` and ssh."""

from __future__ import annotations

import pathlib
import types

import pytest

from agency_bed import bearer
from idse_orchestrator.ledger.refs import AGENCY_RULES
from pushes import GOOD, Clone, ref_of

BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")
HASTE = (
    "rules: [{id: HOUSE001, name: no-haste, applies_to: [intent, context], check: no_text,"
    " with: {texts: [%s]}, message: '{text} is no date', hint: Say when}]\n"
)


class Door:
    """A way to an Agency: `push` sends all, and says its exit code and its words."""

    def __init__(self, bed, repo, folder, kind, client):
        self.bed, self.repo, self.kind, self.client = bed, repo, kind, client
        self.place = f"{client}/shop"
        secret = bed.key(client)
        self.key_id = bed.admin.keys.all(client)[-1].id
        self.url, self.env = bed.url(self.place), bearer(secret)
        if kind == "ssh":
            self.url = f"ssh://agency.invalid/{self.place}.git"
            self.env = bed.ssh_command(folder, self.key_id)
        repo.git("remote", "add", "agency", self.url)

    def push(self):
        if self.kind == "sync":
            done = self.repo.idse("sync", "push", env=self.env)
        else:
            git = ("git", "-c", "protocol.version=2", "push", "agency", "refs/idse/*:refs/idse/*")
            done = self.repo.run(*git, env=self.env)
        return types.SimpleNamespace(code=done.returncode, words=done.stdout + done.stderr)

    def there(self, ref=""):
        """The id of a ref on the server, read there."""
        git_dir = f"{self.bed.home.git}/{self.place}.git"
        return self.repo.git("--git-dir", git_dir, "for-each-ref", "--format=%(objectname)", ref or ref_of())


@pytest.mark.parametrize("kind", ["git", "sync", "ssh"])
def test_a_promise_is_kept_through_every_door(server, repo, tmp_path, kind):
    clone, door = Clone(repo), Door(server, repo, tmp_path, kind, f"kept-{kind}")
    clone.create()
    clone.complete("intent")
    assert door.push().code == 0
    before = door.there()
    assert before == clone.tip(ref_of())
    # broken after it was completed, as `git commit --no-verify` leaves it
    clone.save(intent=BAD)
    clone.create("other")
    said = door.push()
    assert said.code == 1, said.words
    assert "error[IDSE" in said.words
    assert ref_of() in said.words or "portal/login" in said.words
    assert door.there() == before
    assert bool(door.there(ref_of("other"))) == (kind == "sync")  # idse sends what is good, git all or none
    # reopened, rewritten and completed
    clone.stage("intent", "reopen")
    clone.save(intent=BAD + "\nMore.\n")
    clone.stage("intent", "complete")
    said = door.push()
    assert (said.code, door.there()) == (1, before), said.words
    assert "error[IDSE" in said.words
    # mended by what the refusal advises
    if kind == "git":
        clone.stage("intent", "reopen")
    else:
        clone.save(intent=GOOD["intent"] + "\nMore.\n")
        clone.stage("intent", "confirm")
    said = door.push()
    assert (said.code, door.there()) == (0, clone.tip(ref_of())), said.words
    if kind == "sync":  # the turn of a push that was refused is over: nobody waits for it
        listings = (each for each in server.entries() if each["path"] == f"{door.place} git-upload-pack")
        assert max(each["seconds"] for each in listings) < 4


@pytest.mark.parametrize("kind", ["git", "sync", "ssh"])
def test_another_clients_path_and_a_revoked_key_lead_nowhere(server, repo, tmp_path, kind):
    clone, door = Clone(repo), Door(server, repo, tmp_path, kind, f"gone-{kind}")
    clone.create()
    other = f"other-{kind}"
    server.key(other)
    repo.git("remote", "set-url", "agency", door.url.replace(door.client, other))
    said = door.push()
    assert said.code != 0
    assert not pathlib.Path(server.home.git, other, "shop.git").exists()
    repo.git("remote", "set-url", "agency", door.url)
    assert door.push().code == 0
    before = door.there()
    clone.complete("intent")
    server.admin.keys.revoke(door.key_id)
    said = door.push()
    assert said.code != 0
    assert door.there() == before
    if kind == "sync":
        assert said.code == 4
    if kind == "ssh":
        assert "this key is not known any more" in said.words


def test_no_verify_ends_at_the_agency_and_its_rules_come_to_clones(server, loop, tmp_path):
    door = Door(server, loop.repo, tmp_path, "sync", "house")
    loop.finish("intent", begins_next=False)
    good = loop.text("intent.md")
    loop.commit("intent")
    assert door.push().code == 0
    loop.edit("intent.md", BAD)
    assert loop.run("git", "commit", "-qam", "in haste").returncode == 1
    loop.commit("in haste", no_verify=True)
    said = door.push()
    assert said.code == 1, said.words
    assert "error[IDSE" in said.words
    loop.edit("intent.md", good + "\nMore words.\n")
    loop.commit("mended", no_verify=True)
    loop.does("stage", "confirm", "intent", "-m", "Only words")
    assert door.push().code == 0
    assert door.there(loop.REF) == loop.tip()

    other = loop.clone("other")
    other.git("remote", "add", "agency", door.url)
    assert other.idse("sync", "pull", env=door.env).returncode == 0
    assert other.git("rev-parse", loop.REF) == loop.tip()
    rules = door.there(AGENCY_RULES)
    pathlib.Path(server.home.rules, "house.yaml").write_text(HASTE % "words")
    server.until(lambda: door.there(AGENCY_RULES) != rules)
    done = other.idse("sync", "pull", env=door.env)
    assert done.returncode == 0, done.stderr
    assert "the Agency has other rules than before" in done.stderr
    other.git("remote", "set-url", "agency", "http://127.0.0.1:1/nowhere")  # from here on it is alone
    found = other.idse("rule", "show", "HOUSE001")
    assert found.returncode == 0, found.stderr
    other.git("merge", "--quiet", "--ff-only", "origin/main", check=False)
    said = other.idse("stage", "reopen", "intent", "-m", "again")
    assert said.returncode == 0, said.stderr
    said = other.idse("stage", "complete", "intent")
    assert said.returncode == 1
    assert "HOUSE001" in said.stdout + said.stderr
    # the server says the same to the clone that has not heard of the rule, or does not care
    loop.edit("intent.md", good + "\nFewer words.\n")
    loop.commit("mended", no_verify=True)
    Clone(loop.repo).stage("intent", "confirm", "__blueprint__")
    said = door.push()
    assert said.code == 1
    assert "HOUSE001" in said.words
