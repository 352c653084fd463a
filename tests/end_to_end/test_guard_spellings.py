"""One place, spelled in many ways: no push to it carries code, and a push elsewhere starts no idse.

Every row is held against the real thing first: git reaches the Agency by this spelling.
"""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

from here import discover
from idse_orchestrator.worktree.hook_files import GitHookFiles
from web import Backend

REF = "refs/idse/sessions/portal/__blueprint__"
FORMS = (
    ("main",),
    ("--force", "HEAD:refs/heads/x"),
    ("--all",),
    ("--tags",),
    ("HEAD^{/start}:refs/tags/y",),
    ("--mirror",),
    (f"main:{REF}", "--force"),
)
BARE = ("acme/ag.git", "other/ag.git", "acme/portal.git", "acme/bg.git")
SSH = """\
#!/bin/sh
# An ssh that runs the command on this machine, with the folder {root} as the home and the root of all.
for last; do case $last in -G) exec /usr/bin/env ssh -F {config} "$@" ;; esac; done
path=$(printf '%s' "${{last#*\\'}}" | sed "s/'$//; s|^/*~*/*||" | tr '[:upper:]' '[:lower:]')
cd {root} && exec ${{last%% *}} "$path"
"""


class World:
    """A client's repository with code and ledgers, and an Agency that all spellings lead to."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.client = folder / "client"
        self.agency = folder / "acme" / "ag.git"
        self.port = 0
        self.environment: dict[str, str] = {}

    def run(self, *words: str, cwd: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.client / cwd,
            env={**os.environ, "GIT_SSH_COMMAND": str(self.folder / "ssh"), **self.environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def git(self, *words: str) -> str:
        done = self.run("git", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def spelled(self, text: str) -> str:
        for name, value in {"T": str(self.folder), "P": str(self.port), "AG": str(self.agency)}.items():
            text = text.replace("{" + name + "}", value)
        return text

    def there(self) -> tuple[str, ...]:
        """All that stands in the Agency: refs, and every object."""
        git = ("git", "-C", str(self.agency))
        return self.git(*git[1:], "for-each-ref"), self.git(*git[1:], "count-objects", "-v")


@pytest.fixture(scope="module")
def built(sealed_session, tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    here = world.folder
    for folder in ("client/deep", "acme/x", "file", "other"):
        (here / folder).mkdir(parents=True)
    for name in BARE:
        subprocess.run(["git", "init", "-q", "--bare", str(here / name)], check=True)
    for name, target in {"link": "acme/ag.git", "link.git": "acme/ag.git", "there": "acme"}.items():
        (here / name).symlink_to(target)
    (here / "file/.git").write_text("gitdir: ../acme/ag.git\n")
    (here / "ssh-config").write_text("Host hub\n  HostName forge.example\n")
    (here / "ssh").write_text(SSH.format(root=here, config=here / "ssh-config"))
    (here / "ssh").chmod(0o755)
    seed = ("git", "-C", str(world.agency), "-c", "user.name=a", "-c", "user.email=a@b.example")
    tree = subprocess.run(
        [*seed, "mktree"], input="", capture_output=True, text=True, check=True
    ).stdout.strip()
    done = subprocess.run([*seed, "commit-tree", tree, "-m", "s"], capture_output=True, text=True, check=True)
    subprocess.run([*seed, "update-ref", "refs/marked/as-the-agency", done.stdout.strip()], check=True)
    subprocess.run(
        [*seed, "worktree", "add", "-q", "--detach", here / "tree", done.stdout.strip()], check=True
    )
    program = str(pathlib.Path(sys.executable).parent / "idse")
    world.git("init", "-q")
    (world.client / "app.py").write_text("code")
    assert world.run(program, "init", "portal").returncode == 0
    world.git("add", "--all")
    world.git("commit", "-qm", "start")
    world.git("tag", "-am", "v1", "v1")

    class Handler(Backend):
        root = str(here / "acme")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    world.port = server.server_port
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def world(built):
    """The same for each test: what a test configures or pushes is taken back."""
    shutil.copy(built.client / ".git/config", built.folder / "config")
    home = pathlib.Path(os.environ["HOME"])
    shutil.copy(home / ".gitconfig", built.folder / "gitconfig")
    yield built
    shutil.copy(built.folder / "config", built.client / ".git/config")
    shutil.copy(built.folder / "gitconfig", home / ".gitconfig")
    built.environment = {}
    for place in BARE:
        git = ("git", "-C", str(built.folder / place))
        refs = subprocess.run(
            [*git, "for-each-ref", "--format=delete %(refname)"], capture_output=True, check=True
        )
        left = b"".join(line for line in refs.stdout.splitlines(keepends=True) if b"refs/marked" not in line)
        subprocess.run([*git, "update-ref", "--stdin"], input=left, check=True)


PATHS = (
    "{AG}",
    "{AG}/",
    "{AG}/.",
    "{AG}//",
    "{T}/acme//ag.git",
    "{T}/acme/./ag.git",
    "{T}/acme/x/../ag.git",
    "{T}/acme/ag.git/../ag.git",
    "{T}/acme/ag",
    "../acme/ag.git",
    "./../acme/ag",
    "~/acme/ag.git",
    "{T}/link",
    "{T}/link/",
    "{T}/link.git/.",
    "{T}/there/ag.git",
    "{T}/file",
    "{T}/file/.git",
    "{T}/tree",
    "file://{AG}",
    "file://{AG}/.",
    "file:///{AG}",
    "file://localhost{AG}",
    "file://any.host.example{AG}",
    "file://{T}/acme/%61g.git",
    "file://{T}/acme/ag%2Egit",
    "file://%6c{T}/link",
    "file://{T}/there/../link.git",
    "localhost:acme/ag.git",
    "ssh://127.0.0.1/acme/ag.git",
    "http://localhost:{P}/ag.git",
)
SSHS = (
    "git@forge.example:acme/ag.git",
    "forge.example:acme/ag",
    "forge.example:/acme/ag.git",
    "forge.example:~/acme/ag.git",
    "forge.example:acme//ag.git/",
    "forge.example:acme/./ag.git",
    "[forge.example]:acme/ag.git",
    "Other@FORGE.example:Acme/AG.git",
    "ssh://forge.example/acme/ag.git",
    "ssh://git@forge.example:22/acme/ag",
    "ssh://forge.example./acme/ag.git/.",
    "ssh://forge.example/~/acme/ag.git",
    "ssh://forge.example/acme/%61g.git",
    "ssh://g%69t@forge.example/acme/ag.git",
    "ssh://git@ssh.forge.example:443/acme/ag.git",
    "git+ssh://forge.example/acme/ag.git",
    "hub:acme/ag.git",
    "ssh://hub/acme/ag.git",
)
WEBS = (
    "http://127.0.0.1:{P}/ag.git",
    "http://127.0.0.1:{P}/ag.git/",
    "http://127.0.0.1:{P}/ag",
    "http://127.0.0.1:{P}//ag.git",
    "http://127.0.0.1:{P}/./ag.git",
    "http://127.0.0.1:{P}/x/../ag.git",
    "http://127.0.0.1:{P}/%61g.git",
    "http://localhost:{P}/ag.git",
    "http://LOCALHOST:{P}/ag.git",
    "http://127.1:{P}/ag.git",
    "http://me@127.0.0.1:{P}/ag.git",
    "http://me:word@localhost:{P}/ag.git",
    "http::http://localhost:{P}/ag.git",
    "{T}/acme/ag.git",
)
AGENCIES = {
    "{AG}": PATHS,
    "{T}/link": ("{AG}", "file://{AG}", "{T}/tree"),
    "file://localhost{T}/acme/%61g.git": ("{AG}", "{T}/link"),
    "git@forge.example:acme/ag.git": SSHS,
    "ssh://hub/acme/ag.git": ("forge.example:acme/ag.git",),
    "http://127.0.0.1:{P}/ag.git": WEBS,
}
SPELLINGS = [(agency, spelling) for agency, spellings in AGENCIES.items() for spelling in spellings]


def test_there_are_enough_of_them():
    assert len(SPELLINGS) >= 60


def no_code_arrives(world: World, *to: str, forms=FORMS) -> None:
    """Pushes in every form; first git itself has to find the Agency there."""
    assert "as-the-agency" in world.run("git", "ls-remote", to[-1]).stdout, "this leads elsewhere"
    before = world.there()
    for form in forms:
        done = world.run("git", "push", *to, *form)
        assert done.returncode == 1, (form, done.stderr)
        assert "may not be pushed" in done.stderr or "called the Agency" in done.stderr, done.stderr
        assert world.there() == before, form


@pytest.mark.parametrize(("agency", "spelling"), SPELLINGS, ids=str)
def test_no_spelling_of_the_agencys_place_lets_code_in(world, agency, spelling):
    world.git("remote", "add", "agency", world.spelled(agency))
    world.environment["HOME"] = str(world.folder)
    no_code_arrives(world, world.spelled(spelling), forms=FORMS[1:2] + FORMS[-2:])


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_no_form_of_a_push_lets_code_in(world, form):
    world.git("remote", "add", "agency", str(world.agency))
    world.git("remote", "add", "other", world.spelled("{T}/link"))
    no_code_arrives(world, "other", forms=[form])


ANOTHER = {
    "insteadOf": (("config", "url.{T}/acme/.insteadOf", "hub:"), "hub:ag.git"),
    "insteadOf, the whole of it": (("config", "url.{T}/link.insteadOf", "away"), "away"),
    "pushInsteadOf": (("config", "url.{T}/there/.pushInsteadOf", "{T}/acme/"), "{T}/acme/ag.git"),
    "insteadOf for all repositories": (("config", "--global", "url.{T}/.insteadOf", "h:"), "h:link"),
    "another remote": (("remote", "add", "other", "{T}/link"), "other"),
    "a remote with a push URL": (("config", "remote.other.pushurl", "file://{AG}/."), "other"),
    "an ext program": (("config", "protocol.ext.allow", "always"), "ext::git-receive-pack {AG}"),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_no_setting_of_git_leads_code_around_the_guard(world, name):
    words, to = ANOTHER[name]
    world.git("remote", "add", "agency", str(world.agency))
    world.git(*map(world.spelled, words))
    if name == "a remote with a push URL":
        world.git("config", "remote.other.url", world.spelled("{T}/acme/bg.git"))
    before = world.there()
    for form in FORMS:
        assert world.run("git", "push", world.spelled(to), *form).returncode != 0, form
        assert world.there() == before, form


def test_a_remote_with_several_places_sends_nothing_to_the_agency_among_them(world):
    world.git("remote", "add", "agency", str(world.agency))
    world.git("remote", "add", "all", world.spelled("{T}/acme/bg.git"))
    world.git("remote", "set-url", "--add", "all", world.spelled("{T}/link"))
    before = world.there()
    assert world.run("git", "push", "all", "main").returncode != 0
    assert world.there() == before


def test_an_included_file_of_settings_counts(world):
    rules = world.folder / "rules"
    rules.write_text(
        world.spelled('[remote "agency"]\n\turl = hub:ag.git\n[url "{T}/acme/"]\n\tinsteadOf = hub:\n')
    )
    world.git("config", "include.path", str(rules))
    no_code_arrives(world, world.spelled("{T}/link"))


STATED = {
    "git": lambda world, url: world.git("config", "idse.agency.url", url),
    "git, for all": lambda world, url: world.git("config", "--global", "idse.agency.url", url),
    "environment": lambda world, url: world.environment.update(IDSE_AGENCY_URL=url),
    "remote": lambda world, url: (
        world.git("config", "remote.hub.url", url),
        world.git("config", "idse.agency.remote", "hub"),
    ),
}


@pytest.mark.parametrize("how", STATED)
@pytest.mark.parametrize("url", ["{AG}", "http://127.0.0.1:{P}/ag.git", "h:ag.git"])
def test_wherever_the_agency_is_named_its_spellings_are_known(world, how, url):
    world.git("config", "url.http://127.0.0.1:" + str(world.port) + "/.insteadOf", "h:")
    STATED[how](world, world.spelled(url))
    spelling = "{T}/link" if url == "{AG}" else "http://localhost:{P}//ag"
    no_code_arrives(world, world.spelled(spelling), forms=FORMS[:1])


@pytest.mark.parametrize(
    "text",
    [
        '{"agency": {"url": "AG"}}',
        '{"project": "x",\n "agency"\n:\n{\n"url"\n:\n"AG"\n}\n}',
        '{"agency": {"url": "AG"}, "checks": ""}',
        '{"agency": {"u\\u0072l": "AG"}}',
    ],
)
def test_the_agency_of_the_home_is_known_however_the_file_is_written(world, text):
    home = world.folder / "home"
    home.mkdir(exist_ok=True)
    (home / ".idseconfig.json").write_text(text.replace("AG", str(world.agency)))
    assert json.loads((home / ".idseconfig.json").read_text())
    world.environment["HOME"] = str(home)
    no_code_arrives(world, world.spelled("{T}/link"), forms=FORMS[:1])


def test_an_agency_that_a_stronger_setting_hides_is_still_one(world):
    world.git("config", "idse.agency.url", str(world.agency))
    world.environment["IDSE_AGENCY_URL"] = world.spelled("{T}/acme/bg.git")
    before = world.there()
    assert world.run("git", "push", world.spelled("{T}/link"), "main").returncode != 0
    assert world.there() == before


# --- ledgers under other names ---


LEDGERS = {
    "of this work tree": ("refs/worktree/idse/session:refs/heads/x",),
    "by id": ("@ID:refs/heads/x",),
    "from a branch": ("copy:copy",),
    "by a tag": ("refs/tags/copied",),
    "older states": (f"{REF}~1:refs/heads/x",),
    "merged into code": ("merged",),
    "merged, and none of it kept": ("ours",),
    "copied": ("again",),
    "a tree": (f"{REF}^{{tree}}:refs/tags/x",),
    "a file": (f"{REF}:event.json:refs/tags/x",),
    "behind a file of code": ("main:app.py:refs/tags/app", "copy"),
    "notes": ("refs/idse/notes/commits:refs/notes/commits",),
    "notes, copied": ("refs/notes/copied",),
    "with code": ("main", "copy"),
    "all branches": ("--all",),
    "HEAD": ("HEAD:refs/heads/x",),
}


@pytest.fixture(scope="module")
def hidden(built):
    """Ledgers under names that say nothing of them."""
    git = built.git
    for name, target in {"heads/copy": REF, "notes/copied": "refs/idse/notes/commits"}.items():
        git("update-ref", f"refs/{name}", target)
    git("tag", "-am", "x", "copied", REF)
    git("update-ref", "refs/heads/again", git("commit-tree", f"{REF}^{{tree}}", "-m", "what is it"))
    for name, tree in {"merged": REF, "ours": "main"}.items():
        merged = git("commit-tree", f"{tree}^{{tree}}", "-p", "main", "-p", REF, "-m", "a merge")
        git(
            "update-ref", f"refs/heads/{name}", git("commit-tree", "main^{tree}", "-p", merged, "-m", "later")
        )
    yield
    for name in ("heads/copy", "heads/again", "heads/merged", "heads/ours", "notes/copied", "tags/copied"):
        git("update-ref", "-d", f"refs/{name}")


def refs_of(folder):
    done = subprocess.run(["git", "-C", folder, "for-each-ref"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("known", [True, False], ids=["a remote", "a URL"])
def test_no_ledger_reaches_a_fork_under_another_name(world, name, known):
    fork = world.folder / "acme/bg.git"
    if known:
        world.git("remote", "add", "fork", str(fork))
        world.git("push", "-q", "fork", "main")
    before = refs_of(fork)
    if name == "HEAD":
        world.git("checkout", "-q", "--detach", REF)
    words = [word.replace("@ID", world.git("rev-parse", REF)) for word in LEDGERS[name]]
    done = world.run("git", "push", "fork" if known else str(fork), *words)
    world.git("checkout", "-qf", "main")
    assert done.returncode == 1, done.stderr
    assert "ledgers go to the Agency only" in done.stderr
    assert refs_of(fork) == before


@pytest.mark.usefixtures("hidden")
def test_an_agency_that_takes_code_takes_ledgers_under_their_own_names_only(world):
    world.git("remote", "add", "origin", str(world.agency))
    world.git("config", "idse.agency.remote", "origin")
    world.git("push", "-q", "origin", "main", f"{REF}:{REF}")
    before = world.there()
    done = world.run("git", "push", "origin", "copy")
    assert (done.returncode, "under their own names only" in done.stderr) == (1, True)
    assert world.there() == before


@pytest.mark.parametrize("content", ["{}", '{"kind": "click"}', "[1]", "no JSON", '{"events": []}'])
def test_files_of_code_that_are_called_alike_are_no_ledger(world, content):
    world.git("checkout", "-q", "-b", "alike")
    for name in ("event.json", "state.json", "sync.json", "ab/" + "c" * 38):
        (world.client / name).parent.mkdir(exist_ok=True)
        (world.client / name).write_text(content)
    world.git("add", "event.json", "state.json", "sync.json", "ab")
    world.git("commit", "-qm", "idse: note that this is code")
    done = world.run("git", "push", str(world.folder / "acme/bg.git"), "alike")
    world.git("checkout", "-qf", "main")
    world.git("branch", "-qD", "alike")
    assert done.returncode == 0, done.stderr


# --- elsewhere ---


@pytest.fixture
def starts(world):
    """Answers whether a push started idse; a script stands in its place, and lets all pass."""
    script, calls = world.folder / "recorder", world.folder / "calls"
    script.write_text(f"#!/bin/sh\necho called >>{calls}\n")
    script.chmod(0o755)
    files = GitHookFiles(discover(str(world.client)), str(script))
    files.put()

    def push(*words):
        calls.unlink(missing_ok=True)
        done = world.run("git", "push", *words)
        assert done.returncode == 0, done.stderr
        return calls.exists()

    yield push
    GitHookFiles(discover(str(world.client)), str(pathlib.Path(sys.executable).parent / "idse")).put()


ELSEWHERE = {
    "{AG}": (
        "{T}/acme/bg.git",
        "{T}/other/ag.git",
        "file://{T}/acme/bg.git",
        "git@forge.example:acme/portal.git",
        "http://127.0.0.1:{P}/bg.git",
    ),
    "git@forge.example:acme/ag.git": (
        "git@forge.example:acme/portal.git",
        "git@forge.example:acme/bg.git",
        "ssh://git@forge.example/acme/portal",
    ),
    "http://127.0.0.1:{P}/ag.git": ("git@forge.example:acme/portal.git",),
}


@pytest.mark.parametrize(
    ("agency", "to"), [(agency, to) for agency, others in ELSEWHERE.items() for to in others], ids=str
)
def test_a_push_elsewhere_starts_no_idse_unless_this_machine_is_meant(world, starts, agency, to):
    world.git("remote", "add", "agency", world.spelled(agency))
    world.git("config", "--global", "url.git@forge.example:.pushInsteadOf", "https://forge.example/")
    assert starts(world.spelled(to), "--force", "main", "v1") == ("127.0.0.1" in to)


@pytest.mark.parametrize(
    ("agency", "to"),
    [
        ("git@forge.example:acme/ag.git", "git@elsewhere.example:acme/ag.git"),
        ("git@forge.example:acme/ag.git", "git@forge.example:other/ag.git"),
        ("git@forge.example:acme/ag.git", "{T}/other/ag.git"),
        ("ssh://forge.example:2222/acme/ag.git", "git@forge.example:acme/ag.git"),
        ("http://127.0.0.1:{P}/ag.git", "http://127.0.0.1:{P}/bg.git"),
        ("{AG}", "{T}/other/ag.git"),
        ("{AG}", "git@forge.example:other/ag.git"),
    ],
)
def test_a_place_that_only_looks_like_the_agency_takes_code(world, agency, to):
    world.git("remote", "add", "agency", world.spelled(agency))
    done = world.run("git", "push", "--force", world.spelled(to), "main:refs/heads/looks")
    assert done.returncode == 0, done.stderr
