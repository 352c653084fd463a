"""A project in a folder where git is not allowed: no repository, no git on PATH, no libgit2."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

LOGIN = ".idse/projects/portal/sessions/login"
OWN = pathlib.Path(__file__).parents[2] / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
"""Real documents that keep every promise."""
WITHOUT = """
import sys
sys.modules["pygit2"] = None
from idse_orchestrator.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""The command line of idse in a Python that has no pygit2."""


STRICTLY_WITHOUT = (
    """
import sys

class NoGit:
    def find_spec(self, name, path=None, target=None):
        if name == "idse_orchestrator.git" or name.startswith("idse_orchestrator.git."):
            raise AssertionError(name + " was asked for")

sys.meta_path.insert(0, NoGit())
"""
    + WITHOUT
)
"""The same in a Python in which nothing may ask for the room of git."""


class Plain:
    """A folder, and idse in it without git."""

    def __init__(self, path, programs):
        self.path = path
        self.environment = {**os.environ, "PATH": str(programs), "IDSE_AUTHOR_NAME": "Ann Other"}

    def idse(self, *words, env=None, cwd=None, program=WITHOUT):
        return subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=self.path / (cwd or "."),
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )

    def does(self, *words, **options):
        done = self.idse(*words, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def data(self, *words):
        return json.loads(self.does(*words, "--json").stdout)["data"]

    def write(self, name, text):
        target = self.path / LOGIN / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        return (self.path / LOGIN / name).read_bytes()


@pytest.fixture
def programs(tmp_path):
    """A folder for PATH in which there is no git."""
    (tmp_path / "programs").mkdir()
    return tmp_path / "programs"


@pytest.fixture
def empty(tmp_path, programs):
    (tmp_path / "plain").mkdir()
    return Plain(tmp_path / "plain", programs)


@pytest.fixture
def plain(empty):
    """Project portal with session login, current, in a folder without git."""
    empty.does("--store", "filesystem", "init", "portal")
    empty.does("spawn", "login", "--title", "Login")
    return empty


def complete(plain, stage, path):
    plain.write(path, (OWN / path).read_text(encoding="utf-8").replace("- [ ]", "- [x]"))
    if plain.data("status")["stages"][0]["stage"] != stage:
        plain.does("stage", "start", stage)
    plain.does("stage", "complete", stage)


def test_a_stage_goes_through_its_gate(plain):
    done = plain.idse("stage", "complete", "intent")
    assert done.returncode == 1
    assert "error[IDSE301]" in done.stdout
    complete(plain, "intent", "intent.md")
    complete(plain, "context", "context.md")
    stages = {each["stage"]: each["status"] for each in plain.data("status")["stages"]}
    assert (stages["intent"], stages["context"], stages["spec"]) == (
        "complete",
        "complete",
        "in_progress",
    )
    assert plain.data("next")["stage"] == "spec"
    plain.write("intent.md", "# Intent\n\nanother one\n")
    assert "changed" in plain.does("status").stdout


def test_the_store_is_found_from_any_folder_below(plain):
    assert plain.does("status", cwd=LOGIN).stdout == plain.does("status").stdout
    assert plain.data("status")["session"] == "login"


def test_who_writes_is_told_by_the_environment_or_the_system(plain):
    assert plain.data("log")["entries"][0]["actor"]["name"] == "Ann Other"
    plain.does("session", "set", "--title", "More", env={"IDSE_AUTHOR_NAME": "", "IDSE_AUTHOR_EMAIL": ""})
    assert plain.data("log")["entries"][0]["actor"]["name"]


def test_saving_looking_back_and_restoring(plain):
    plain.write("intent.md", b"# Intent\r\n\r\none\r\n")
    plain.does("save", "-m", "the first")
    plain.write("intent.md", "# Intent\n\ntwo\n")
    plain.does("save")
    told = plain.does("log", "--oneline").stdout.splitlines()
    assert [line.split(None, 1)[1].strip() for line in told] == [
        "saved intent.md",
        "saved intent.md",
        "intent: pending → in_progress",
        "created portal/login",
    ]
    assert "the first" in plain.does("show", "@{1}").stdout
    assert plain.does("show", "@{1}:intent").stdout == "# Intent\n\none\n"  # text mode reads the line ends
    assert " 1 file changed" in plain.does("show").stdout
    assert "\n-one\n+# Intent\n+\n+two\n" in plain.does("show", "-p").stdout
    plain.does("restore", "--at", "@{1}")
    assert plain.read("intent.md") == b"# Intent\r\n\r\none\r\n"


def test_a_document_that_was_deleted_is_brought_back_without_force(plain):
    text = plain.read("intent.md")
    os.unlink(plain.path / LOGIN / "intent.md")
    plain.does("restore")
    assert plain.read("intent.md") == text


def test_unsaved_work_is_not_replaced(plain):
    plain.write("intent.md", "# Intent\n\nnobody else has this\n")
    done = plain.idse("restore")
    assert (done.returncode, "IDSE011" in done.stderr) == (3, True)
    plain.does("restore", "--force")
    assert "nobody else" in plain.does("show", "@{0}:intent").stdout


def test_sessions_are_listed_and_switched(plain):
    plain.does("session", "new", "search")
    names = [each["session"] for each in plain.data("session", "list")["sessions"]]
    assert names == ["__blueprint__", "login", "search"]
    plain.does("session", "switch", "search")
    assert (plain.path / ".idse/projects/portal/CURRENT_SESSION").read_text() == "search"
    assert plain.data("status")["session"] == "search"


def test_prime_and_validate_say_what_they_say_in_a_repository(plain, begun):
    done = plain.idse("validate", "--all", "--format", "json")
    there = begun.idse("validate", "--all", "--format", "json")
    here, there = (json.loads(each.stdout)["data"] for each in (done, there))
    assert here["findings"] == there["findings"]
    assert plain.does("prime").stdout == begun.idse("prime").stdout
    assert plain.idse("validate", "--ledger").returncode == 0


def test_the_store_itself_is_no_document_to_judge(plain):
    report = json.loads(plain.idse("validate", "--all", "--format", "json").stdout)["data"]
    assert not [each for each in report["findings"] if "store" in each["path"] or "local" in each["path"]]


@pytest.mark.parametrize(
    "words",
    [
        ("hooks", "install"),
        ("hooks", "status"),
        ("sync", "push"),
        ("sync", "pull"),
        ("sync", "status"),
        ("doctor",),
        ("uninstall", "--yes"),
        ("log", "--graph"),
        ("log", "--sync"),
        ("validate", "--staged"),
        ("validate", "--commit", "HEAD"),
        ("config", "set", "agent", "claude"),
    ],
    ids=" ".join,
)
def test_what_needs_git_says_so_and_changes_nothing(plain, words):
    before = {path: path.read_bytes() for path in plain.path.rglob("*") if path.is_file()}
    done = plain.idse(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error[IDSE047]: ")
    assert "git" in done.stderr
    after = {path: path.read_bytes() for path in plain.path.rglob("*") if path.is_file()}
    assert after == before


def test_fsck_replays_the_ledgers_of_a_store(plain):
    assert plain.does("fsck").stderr == "3 ledgers, 5 commits: no defects\n"


@pytest.mark.parametrize("name", ["state.json", "event.json", "commit"])
@pytest.mark.parametrize("which", [min, max])
def test_fsck_names_an_entry_that_was_changed(plain, name, which):
    entry = which((plain.path / ".idse/store/projects/portal/sessions/login/entries").iterdir())
    (entry / name).write_bytes((entry / name).read_bytes().replace(b"o", b"0"))
    done = plain.idse("fsck")
    assert done.returncode == 1, done.stderr
    assert "refs/idse/sessions/portal/login" in done.stdout
    assert "Traceback" not in done.stderr


def test_fsck_judges_what_an_entry_says(plain):
    from idse_orchestrator.stores.entry import Content, make_entry
    from idse_orchestrator.stores.filesystem_store import FilesystemStore

    store = FilesystemStore(str(plain.path / ".idse/store"))
    key = ("portal", "login")
    tip, newest = store.load_session(key).tip, next(store.entries(key))
    content = Content(newest.event, newest.state.replace(b"in_progress", b"complete"), newest.artifacts)
    forged = make_entry(content, [tip], "A <a@b> 1700000000 +0000", "forged\n")
    store.save_session(key, [forged], tip)
    found = {each["code"] for each in json.loads(plain.idse("fsck", "--json").stdout)["data"]["defects"]}
    assert {"repeated-event", "message", "lamport"} <= found


def test_a_project_without_git_moves_into_a_repository_with_its_history(plain, make_repo):
    plain.write("intent.md", b"# Intent\r\n\r\nwindows\r\n")
    plain.does("save")
    complete(plain, "intent", "intent.md")
    repo = make_repo("repo")
    done = repo.idse("import", str(plain.path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert repo.idse("fsck").returncode == 0
    assert repo.git("fsck", "--strict") == ""
    tip = repo.git("rev-parse", "refs/idse/sessions/portal/login")
    assert tip == plain.data("log")["entries"][0]["commit"]


def test_ledgers_of_a_repository_go_on_in_a_folder_without_git_and_come_back(begun, plain, tmp_path):
    assert begun.idse("export", str(tmp_path / "out")).returncode == 0
    other = Plain(tmp_path / "other", pathlib.Path(plain.environment["PATH"]))
    other.path.mkdir()
    other.does("--store", "filesystem", "import", str(tmp_path / "out"))
    other.does("switch", "portal/login")
    other.does("restore")
    other.write("intent.md", "# Intent\n\nwritten where git is not\n")
    other.does("save")
    done = begun.idse("import", str(other.path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert begun.idse("fsck").returncode == 0
    shown = begun.git("show", "refs/idse/sessions/portal/login:artifacts/intent.md")
    assert shown.endswith("written where git is not")


def test_an_import_that_would_have_to_merge_is_refused_without_git(begun, plain, tmp_path):
    assert begun.idse("export", str(tmp_path / "out")).returncode == 0
    tip = plain.data("log")["entries"][0]["commit"]
    done = plain.idse("import", str(tmp_path / "out"))
    assert done.returncode == 3
    assert "diverged" in done.stdout
    assert plain.data("log")["entries"][0]["commit"] == tip


def test_an_import_of_a_forged_ledger_is_refused_without_git(begun, empty, tmp_path):
    out = tmp_path / "out"
    assert begun.idse("export", str(out)).returncode == 0
    entry = max((out / "projects/portal/sessions/login/entries").iterdir())
    (entry / "state.json").write_bytes((entry / "state.json").read_bytes().replace(b"Login", b"Other"))
    done = empty.idse("--store", "filesystem", "import", str(out))
    assert done.returncode == 1
    assert "refused  portal/login" in done.stdout
    assert empty.data("session", "list", "--project", "portal")["sessions"][0]["session"] == "__blueprint__"


def test_two_folders_that_share_a_store_bring_their_edits_together(plain, tmp_path):
    place = f"filesystem:{plain.path / '.idse' / 'store'}"
    other = Plain(tmp_path / "other", pathlib.Path(plain.environment["PATH"]))
    other.path.mkdir()
    other.environment["IDSE_STORE"] = place
    plain.write("intent.md", "".join(f"{n}\n" for n in range(20)))
    plain.does("save")
    other.does("switch", "portal/login")
    other.does("restore")
    other.write("intent.md", "first\n" + "".join(f"{n}\n" for n in range(20)))
    other.does("save")
    plain.write("intent.md", "".join(f"{n}\n" for n in range(20)) + "last\n")
    plain.does("save")
    text = plain.does("show", "@{0}:intent").stdout
    assert text == "first\n" + "".join(f"{n}\n" for n in range(20)) + "last\n"
    assert plain.idse("stage", "complete", "intent").returncode != 0  # the folder does not have `first` yet
    for folder in (plain, other):
        folder.does("restore")
    other.write("intent.md", "mine\n")
    other.does("save")
    plain.write("intent.md", "theirs\n")
    done = plain.does("save")
    assert "conflict" in done.stderr
    assert "<<<<<<< ledger\nmine" in plain.does("show", "@{0}:intent").stdout


def test_a_document_renamed_in_one_folder_and_edited_in_another_stays_under_both_names(plain, tmp_path):
    other = Plain(tmp_path / "other", pathlib.Path(plain.environment["PATH"]))
    other.path.mkdir()
    other.environment["IDSE_STORE"] = f"filesystem:{plain.path / '.idse' / 'store'}"
    text = "".join(f"line {number}\n" for number in range(20))
    plain.write("notes.md", text)
    plain.does("save")
    other.does("switch", "portal/login")
    other.does("restore")
    (other.path / LOGIN / "notes.md").rename(other.path / LOGIN / "renamed.md")
    other.does("save")
    plain.write("notes.md", f"first\n{text}")
    assert "notes.md was edited here, but somebody removed it" in plain.does("save").stderr
    plain.does("restore", "--force")
    assert (plain.read("notes.md").decode(), plain.read("renamed.md").decode()) == (f"first\n{text}", text)


def test_without_git_and_without_a_store_the_error_says_what_to_do(empty):
    done = empty.idse("status")
    assert "error[IDSE016]: git cannot be started" in done.stderr
    assert done.returncode == 2


def test_an_unknown_store_is_an_error_that_lists_the_known_ones(empty):
    done = empty.idse("--store", "filesytem", "status")
    assert done.returncode == 2
    assert done.stderr.startswith("error[IDSE046]: there is no store called 'filesytem'")
    assert "known: filesystem, git" in done.stderr
    assert "idse --store filesystem" in done.stderr
    assert os.listdir(empty.path) == []


def test_in_a_repository_a_store_that_the_branch_carries_is_not_used(plain, make_repo):
    repo = make_repo("repo")
    repo.run("cp", "-r", str(plain.path / ".idse"), ".")
    done = repo.idse("status")
    assert done.returncode == 2
    assert "IDSE008" in done.stderr


def test_in_a_repository_it_is_not_used_either_where_git_cannot_be_started(plain):
    (plain.path / ".git").mkdir()
    done = plain.idse("status")
    assert (done.returncode, "IDSE016" in done.stderr) == (2, True)
    assert plain.idse("--store", "filesystem", "status").returncode == 0


def test_git_is_told_to_ignore_the_ledgers_should_the_folder_become_a_repository(plain):
    assert (plain.path / ".idse/.gitignore").read_text().endswith("\nstore/\nlocal/\n")


def test_hooks_serve_the_repository_whatever_store_is_chosen(begun):
    begun.write(f"{LOGIN}/intent.md", "# Intent\n\ncommitted\n")
    begun.git("add", "--all")
    begun.git("commit", "-q", "-m", "edit", env={"IDSE_STORE": "filesystem"})
    assert "committed" in begun.git("show", "refs/idse/sessions/portal/login:artifacts/intent.md")


def test_a_strangers_store_is_used_by_its_name(plain, tmp_path):
    page = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "write-a-store.md"
    package = tmp_path / "package"
    package.mkdir()
    (package / "sqlite_store.py").write_text(
        page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0], encoding="utf-8"
    )
    (package / "sqlite_store-1.0.dist-info").mkdir()
    (package / "sqlite_store-1.0.dist-info" / "METADATA").write_text("Name: sqlite-store\nVersion: 1.0\n")
    (package / "sqlite_store-1.0.dist-info" / "entry_points.txt").write_text(
        "[idse_orchestrator.stores]\nsqlite = sqlite_store:open_store\n"
    )
    other = Plain(tmp_path / "other", pathlib.Path(plain.environment["PATH"]))
    other.path.mkdir()
    other.environment |= {"PYTHONPATH": str(package), "IDSE_STORE": f"sqlite:{tmp_path / 'ledgers'}"}
    other.does("import", str(plain.path))
    other.does("switch", "portal/login")
    other.does("restore")
    other.write("intent.md", "# Intent\n\nin a database\n")
    other.does("save")
    assert other.does("show", "@{0}:intent").stdout == "# Intent\n\nin a database\n"
    other.does("export", str(tmp_path / "back"))
    plain.does("import", str(tmp_path / "back"))
    assert plain.data("log")["entries"][0] == other.data("log")["entries"][0]
    assert "known: filesystem, git, sqlite" in other.idse("--store", "x", "status").stderr


def test_a_store_that_cannot_be_loaded_is_named(empty, tmp_path):
    package = tmp_path / "package" / "broken-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: broken\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[idse_orchestrator.stores]\nbroken = nowhere:open\n")
    done = empty.idse("--store", "broken", "status", env={"PYTHONPATH": str(package.parent)})
    assert done.returncode == 2
    assert done.stderr.startswith("error[IDSE009]: the store 'broken' cannot be opened")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("rule", "list"), "IDSE301"),
        (("rule", "waive", "IDSE301", "-m", "why"), ""),
        (("agents", "add", "ann", "--stage", "spec"), ""),
        (("blueprint", "declare", "People come in quickly"), "People come in quickly"),
        (("config", "list"), "agent="),
        (("session", "archive"), ""),
        (("diff",), ""),
        (("log", "--all", "--since", "2 days ago"), "created portal/login"),
        (("validate", "--record"), ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_needs_no_git_works_and_leaves_sound_ledgers(plain, words, shown):
    done = plain.does(*words)
    assert shown in done.stdout + done.stderr
    assert plain.does("fsck").stdout == ""


def test_in_a_repository_nothing_of_other_stores_is_loaded(begun):
    script = (
        "import sys\nfrom idse_orchestrator.cli.main import run\ncode = run(['status'])\n"
        "print([name for name in sys.modules if '.stores' in name or 'wiring.stores' in name"
        " or 'importlib.metadata' in name], file=sys.stderr)\nsys.exit(code)\n"
    )
    done = begun.run(sys.executable, "-c", script)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_eight_commands_at_once_lose_no_event(plain):
    words = [sys.executable, "-c", WITHOUT, "session", "set", "--title"]
    running = [
        subprocess.Popen(
            [*words, f"title {number}"], cwd=plain.path, env=plain.environment, stderr=subprocess.PIPE
        )
        for number in range(8)
    ]
    assert [(each.communicate()[1], each.returncode) for each in running] == [
        (b"described portal/login\n", 0)
    ] * 8
    titles = {each["body"].get("title") for each in plain.data("log")["entries"]}
    assert {f"title {number}" for number in range(8)} <= titles
    assert plain.idse("fsck").returncode == 0


@pytest.mark.parametrize("words", [("status",), ("fsck",)], ids=" ".join)
def test_the_guard_against_git_would_notice_it(plain, words):
    """Without the name of a store git is asked first."""
    done = plain.idse(*words, program=STRICTLY_WITHOUT)
    assert "idse_orchestrator.git was asked for" in done.stderr


def test_a_store_that_is_named_needs_nothing_of_git(empty):
    """Not a module of the room of git is imported, whatever is done with the ledgers."""
    for words in (
        ("init", "portal"),
        ("spawn", "login", "--title", "Log in"),
        ("stage", "reopen", "intent", "-m", "why"),
        ("save",),
        ("status",),
        ("next",),
        ("prime",),
        ("log",),
        ("diff",),
        ("validate", "--all"),
        ("session", "list"),
        ("agents", "add", "claude", "--stage", "spec"),
        ("handoff", "request", "--to", "claude", "--stage", "spec", "-m", "go on"),
        ("handoff", "accept", "--agent", "claude"),
        ("config", "list"),
        ("export", "../elsewhere"),
        ("import", "../elsewhere"),
        ("fsck",),
    ):
        done = empty.idse(*words, env={"IDSE_STORE": "filesystem"}, program=STRICTLY_WITHOUT)
        assert "was asked for" not in done.stderr, (words, done.stderr)
        assert done.returncode in (0, 1), (words, done.stdout, done.stderr)
