"""The transport, on real remotes: paths, file URLs, ssh, http; fast, slow, unwilling and dying ones."""

from __future__ import annotations

import os
import pathlib

import pytest

from here import discover
from idse_orchestrator.errors import ConflictError, GitFailedError, StorageError, UnreachableError
from idse_orchestrator.sync.agency import Agency
from idse_orchestrator.sync.incoming import incoming_folder
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.sync.transport import GitRemote

SESSIONS = "refs/idse/sessions/portal/"
POINT = "refs/idse/sync/01J00000000000000000000000"
NOBODY = "1" * 40


def record(repo, ref, text, *parents):
    """A commit on `ref` with one file; its id."""
    blob = repo.git("hash-object", "-w", "--stdin", stdin=text)
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tstate.json\n")
    given = [word for parent in parents for word in ("-p", parent)]
    commit = repo.git("commit-tree", tree, *given, "-m", text)
    repo.git("update-ref", ref, commit)
    return commit


def remote_of(repo, url, name="", **options):
    return GitRemote(discover(str(repo.path)), Agency(str(url), name, "a test"), **options)


def there(remote_repo):
    return dict(
        reversed(line.split(" "))
        for line in remote_repo.git("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    )


def objects_of(repo):
    return set(repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())


@pytest.fixture
def two(repo, bare_remote):
    """A repository with code and two sessions, of which the remote has both."""
    repo.write("code.py", "secret\n")
    repo.commit("code")
    for name in ("one", "two"):
        record(repo, SESSIONS + name, f"{name} 1")
    repo.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    return repo


@pytest.fixture
def other(make_repo):
    """Another clone, with code of its own and no ledgers."""
    made = make_repo("other")
    made.write("mine.py", "x\n")
    made.commit("code")
    return made


# --- heads ---


def test_heads_are_the_published_refs_and_nothing_else(two, bare_remote):
    commit = two.git("rev-parse", SESSIONS + "one")
    bare_remote.git("fetch", "--quiet", str(two.path), "main:refs/heads/main")
    bare_remote.git("update-ref", "refs/strange/refs/idse/x", commit)
    bare_remote.git("tag", "-a", "-m", "peeled", "refs/x", commit)
    bare_remote.git("update-ref", "refs/idse/sessions/portal/tagged", "refs/tags/refs/x")
    heads = remote_of(two, bare_remote.path).heads()
    assert sorted(heads) == [SESSIONS + name for name in ("one", "tagged", "two")]
    assert heads[SESSIONS + "one"] == commit


def test_an_empty_remote_has_no_heads(two, make_repo):
    assert remote_of(two, make_repo("empty.git", bare=True).path).heads() == {}


# --- fetch ---


def test_fetched_objects_are_readable_apart_and_go_with_the_block(other, two, bare_remote):
    remote = remote_of(other, bare_remote.path)
    before = objects_of(other)
    with remote.fetch(remote.heads()) as incoming:
        env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": incoming.folder}
        for head in remote.heads().values():
            assert other.run("git", "cat-file", "-t", head, env=env).stdout == "commit\n"
        assert objects_of(other) == before
        folder = incoming.folder
    assert not os.path.exists(folder)
    assert objects_of(other) == before
    assert not (other.path / ".git/FETCH_HEAD").exists()
    assert other.git("for-each-ref", "refs/idse", "refs/idse-local") == ""


@pytest.mark.parametrize("count", [3, 400])
def test_kept_objects_are_installed_whole_without_a_ref(other, two, bare_remote, count):
    for number in range(count):
        record(two, f"{SESSIONS}s{number}", f"number {number}")
    two.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    remote = remote_of(other, bare_remote.path)
    heads = remote.heads()
    with remote.fetch(heads) as incoming:
        incoming.keep()
    assert set(heads.values()) <= objects_of(other)
    for ref, head in list(heads.items())[:5]:
        other.git("update-ref", ref, head)
    other.git("fsck", "--strict")
    packs = list((other.path / ".git/objects/pack").iterdir())
    assert bool(packs) == (count > 100)
    assert not [path for path in packs if path.suffix in (".keep", ".lock")]
    assert not list((other.path / ".git/idse").glob("incoming-*"))


def test_a_second_fetch_brings_only_what_is_new(other, two, bare_remote, tmp_path):
    remote = remote_of(other, bare_remote.path)
    with remote.fetch(remote.heads()) as incoming:
        incoming.keep()
    for ref, head in remote.heads().items():
        other.git("update-ref", ref, head)
    tip = two.git("rev-parse", SESSIONS + "one")
    new = record(two, SESSIONS + "one", "one 2", tip)
    two.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    with remote.fetch({SESSIONS + "one": new}) as incoming:
        found = [path for path in pathlib.Path(incoming.folder).rglob("*") if path.is_file()]
    assert len(found) == 3


@pytest.mark.parametrize("known", [False, True])
def test_ids_of_code_are_never_told_to_the_agency(other, two, bare_remote, tmp_path, monkeypatch, known):
    if known:
        record(other, SESSIONS + "mine", "mine 1")
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE_PACKET", str(trace))
    remote = remote_of(other, bare_remote.path)
    with remote.fetch(remote.heads()):
        pass
    assert "want " in trace.read_text()
    assert other.git("rev-parse", "HEAD") not in trace.read_text()


def test_an_id_that_went_away_is_a_conflict(other, bare_remote):
    remote = remote_of(other, bare_remote.path)
    with pytest.raises(ConflictError), remote.fetch({SESSIONS + "one": NOBODY}):
        pass


def test_an_id_that_the_ref_has_moved_on_from_is_still_fetched(other, two, bare_remote):
    remote = remote_of(other, bare_remote.path)
    heads = remote.heads()
    record(two, SESSIONS + "one", "one 2", heads[SESSIONS + "one"])
    two.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    with remote.fetch(heads) as incoming:
        incoming.keep()
    assert set(heads.values()) <= objects_of(other)


def test_a_shallow_clone_of_code_fetches_whole_ledgers_and_stays_shallow(
    two, bare_remote, tmp_path, make_repo
):
    two.write("more.py", "x\n")
    two.commit("more")
    tip = two.git("rev-parse", SESSIONS + "one")
    record(two, SESSIONS + "one", "one 2", tip)
    two.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    shallow = make_repo("shallow")
    shallow.git("fetch", "--quiet", "--depth=1", f"file://{two.path}", "main:code")
    boundary = shallow.read(".git/shallow")
    remote = remote_of(shallow, bare_remote.path)
    heads = remote.heads()
    with remote.fetch(heads) as incoming:
        incoming.keep()
    for ref, head in heads.items():
        shallow.git("update-ref", ref, head)
    assert shallow.git("rev-list", "--count", SESSIONS + "one") == "2"
    assert shallow.read(".git/shallow") == boundary
    moved = record(shallow, SESSIONS + "two", "two 2", heads[SESSIONS + "two"])
    report = remote.push([RefMove(SESSIONS + "two", heads[SESSIONS + "two"], moved)])
    assert [move.new for move in report.accepted] == [moved]


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(repo):
    private = repo.path / ".git/idse"
    dead = repo.run("sh", "-c", "echo $$").stdout.strip()
    (private / f"incoming-{dead}-abc" / "pack").mkdir(parents=True)
    (private / f"incoming-{os.getppid()}-abc").mkdir()
    with (
        incoming_folder(discover(str(repo.path))) as first,
        incoming_folder(discover(str(repo.path))) as second,
    ):
        names = {path.name for path in private.glob("incoming-*")}
        assert names == {
            os.path.basename(first.folder),
            os.path.basename(second.folder),
            f"incoming-{os.getppid()}-abc",
        }


def test_a_colon_in_the_path_of_the_repository_does_no_harm(make_repo, two, bare_remote):
    odd = make_repo('a:b"c')
    record(odd, SESSIONS + "one", "mine")
    remote = remote_of(odd, bare_remote.path)
    with remote.fetch(remote.heads()) as incoming:
        incoming.keep()
    assert set(remote.heads().values()) <= objects_of(odd)


# --- push ---


def test_a_push_moves_all_refs_and_sends_nothing_else(two, bare_remote):
    old = two.git("rev-parse", SESSIONS + "one")
    new = record(two, SESSIONS + "one", "one 2", old)
    born = record(two, SESSIONS + "three", "three 1")
    moves = [RefMove(SESSIONS + "one", old, new), RefMove(SESSIONS + "three", "", born)]
    report = remote_of(two, bare_remote.path).push(moves)
    assert (set(report.accepted), report.rejected, report.raced) == (set(moves), {}, ())
    assert there(bare_remote)[SESSIONS + "one"] == new
    assert two.git("rev-parse", "HEAD") not in objects_of(bare_remote)


def test_a_push_that_was_done_already_is_accepted(two, bare_remote):
    tip = two.git("rev-parse", SESSIONS + "one")
    move = RefMove(SESSIONS + "one", "", tip)
    assert remote_of(two, bare_remote.path).push([move]).accepted == (move,)


def test_a_ref_that_moved_meanwhile_is_raced_and_keeps_all_others_back(two, other, bare_remote):
    old = two.git("rev-parse", SESSIONS + "one")
    other.git("fetch", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    theirs = record(other, SESSIONS + "one", "theirs", old)
    other.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    mine = record(two, SESSIONS + "one", "mine", old)
    born = record(two, SESSIONS + "three", "three 1")
    moves = [RefMove(SESSIONS + "one", old, mine), RefMove(SESSIONS + "three", "", born)]
    report = remote_of(two, bare_remote.path).push(moves)
    assert report.raced == (SESSIONS + "one",)
    assert report.accepted == ()
    assert "atomic" in report.rejected[SESSIONS + "three"]
    assert there(bare_remote)[SESSIONS + "one"] == theirs
    assert SESSIONS + "three" not in there(bare_remote)


def test_a_rewind_is_never_sent_whatever_the_configuration_says(two, bare_remote):
    old = two.git("rev-parse", SESSIONS + "one")
    new = record(two, SESSIONS + "one", "one 2", old)
    two.git("remote", "add", "agency", str(bare_remote.path))
    two.git("config", "remote.agency.push", "+refs/heads/*:refs/heads/*")
    two.git("config", "push.default", "matching")
    two.git("config", "push.followTags", "true")
    two.git("config", "push.recurseSubmodules", "on-demand")
    two.git("tag", "-a", "-m", "x", "v1", new)
    remote = remote_of(two, bare_remote.path, "agency")
    assert len(remote.push([RefMove(SESSIONS + "one", old, new)]).accepted) == 1
    back = remote.push([RefMove(SESSIONS + "one", new, old)])
    assert (back.accepted, back.raced) == ((), (SESSIONS + "one",))
    assert set(there(bare_remote)) == {SESSIONS + "one", SESSIONS + "two"}
    assert there(bare_remote)[SESSIONS + "one"] == new


def hook(bare, name, *lines):
    path = bare.write(f"hooks/{name}", "\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def test_a_remote_that_declines_is_quoted(two, bare_remote):
    hook(
        bare_remote, "pre-receive", "echo 'no room for portal' >&2", "echo https://u:pw@host/x >&2", "exit 1"
    )
    born = record(two, SESSIONS + "three", "three 1")
    report = remote_of(two, bare_remote.path).push([RefMove(SESSIONS + "three", "", born)])
    why = report.rejected[SESSIONS + "three"]
    assert "pre-receive hook declined" in why
    assert "no room for portal" in why
    assert "pw" not in why


def test_a_remote_that_declines_one_ref_keeps_all_others(two, bare_remote):
    hook(bare_remote, "update", f'[ "$1" != {SESSIONS}three ]')
    moves = [RefMove(SESSIONS + name, "", record(two, SESSIONS + name, name)) for name in ("three", "four")]
    report = remote_of(two, bare_remote.path).push(moves)
    assert report.accepted == ()
    assert "hook declined" in report.rejected[SESSIONS + "three"]
    assert "atomic" in report.rejected[SESSIONS + "four"]


def test_a_ref_that_is_locked_on_the_remote_is_raced(two, bare_remote):
    old = two.git("rev-parse", SESSIONS + "one")
    new = record(two, SESSIONS + "one", "one 2", old)
    bare_remote.write(f"{SESSIONS}one.lock", "")
    report = remote_of(two, bare_remote.path).push([RefMove(SESSIONS + "one", old, new)])
    assert (report.accepted, report.raced) == ((), (SESSIONS + "one",))


def test_a_name_that_stands_in_the_way_of_another_is_rejected_and_not_raced(two, bare_remote):
    born = record(two, "refs/idse/mine/portal", "x")
    ref = "refs/idse/sessions/portal"
    report = remote_of(two, bare_remote.path).push([RefMove(ref, "", born)])
    assert report.raced == ()
    assert "cannot create" in report.rejected[ref]


@pytest.mark.parametrize("declined", [False, True])
def test_a_remote_that_is_not_atomic_gets_sync_points_after_all_ledgers(two, bare_remote, declined):
    bare_remote.git("config", "receive.advertiseAtomic", "false")
    hook(bare_remote, "update", f'echo "$1" >>order; [ {int(declined)} = 0 ] || [ "$1" != {SESSIONS}three ]')
    moves = [RefMove(POINT, "", record(two, POINT, "point"))]
    moves += [RefMove(SESSIONS + name, "", record(two, SESSIONS + name, name)) for name in ("three", "four")]
    report = remote_of(two, bare_remote.path).push(moves)
    order = bare_remote.read("order").decode().split()
    if declined:
        assert order == [SESSIONS + "three", SESSIONS + "four"]
        assert [move.ref for move in report.accepted] == [SESSIONS + "four"]
        assert "hook declined" in report.rejected[SESSIONS + "three"]
        assert "atomic" in report.rejected[POINT]
        assert POINT not in there(bare_remote)
    else:
        assert order == [SESSIONS + "three", SESSIONS + "four", POINT]
        assert set(report.accepted) == set(moves)


def test_thousands_of_refs_are_pushed_and_fetched(two, other, bare_remote):
    blob = two.git("rev-parse", SESSIONS + "one")
    refs = [f"{SESSIONS}{'n' * 50}{number}" for number in range(5_200)]
    two.git("update-ref", "--stdin", stdin="".join(f"create {ref} {blob}\n" for ref in refs))
    moved = record(two, refs[0], "moved on after it was judged", blob)
    two.git("update-ref", "refs/idse-local/outgoing/1-abc/sessions/portal/x", blob)
    dead = two.run("sh", "-c", "echo $$").stdout.strip()
    two.git("update-ref", f"refs/idse-local/outgoing/{dead}-abc/sessions/portal/leftover", blob)
    report = remote_of(two, bare_remote.path).push([RefMove(ref, "", blob) for ref in refs])
    assert len(report.accepted) == 5_200
    assert there(bare_remote).items() >= dict.fromkeys(refs, blob).items()
    assert len(there(bare_remote)) == 5_202
    assert moved not in objects_of(bare_remote)
    assert two.git("for-each-ref", "--format=%(refname)", "refs/idse-local") == (
        "refs/idse-local/outgoing/1-abc/sessions/portal/x"
    )
    remote = remote_of(other, bare_remote.path)
    with remote.fetch(remote.heads()) as incoming:
        incoming.keep()
    assert blob in objects_of(other)


@pytest.mark.parametrize("moment", ["pre-receive", "update", "prepared", "committed"])
def test_a_remote_that_dies_in_the_middle_is_unreachable(two, bare_remote, moment):
    name = moment if moment in ("pre-receive", "update") else "reference-transaction"
    when = "" if name == moment else f'[ "$1" = {moment} ] || exit 0'
    hook(bare_remote, name, when, "kill -9 $PPID", "sleep 0.2")
    born = record(two, SESSIONS + "three", "three 1")
    with pytest.raises(UnreachableError):
        remote_of(two, bare_remote.path).push([RefMove(SESSIONS + "three", "", born)])
    assert (SESSIONS + "three" in there(bare_remote)) == (moment == "committed")


def test_a_remote_whose_disk_is_full_rejects_in_its_own_words(two, bare_remote):
    hook(bare_remote, "pre-receive", "echo 'fatal: write error: No space left on device' >&2", "exit 1")
    born = record(two, SESSIONS + "three", "three 1")
    report = remote_of(two, bare_remote.path).push([RefMove(SESSIONS + "three", "", born)])
    assert "No space left" in report.rejected[SESSIONS + "three"]


# --- tracking ---


def test_what_the_remote_has_is_remembered_where_the_objects_are_here(two, bare_remote):
    two.git("remote", "add", "agency", str(bare_remote.path))
    remote = remote_of(two, bare_remote.path, "agency")
    heads = remote.heads()
    remote.track({**heads, SESSIONS + "elsewhere": NOBODY})
    assert remote.remembered() == heads
    assert (
        two.git("rev-parse", "refs/idse-local/remotes/agency/sessions/portal/one") == heads[SESSIONS + "one"]
    )
    new = record(two, SESSIONS + "one", "one 2", heads[SESSIONS + "one"])
    remote.track({**heads, SESSIONS + "one": new})
    assert remote.remembered() == {**heads, SESSIONS + "one": new}


def test_a_name_that_git_would_not_take_keeps_back_no_other(two, bare_remote):
    remote = remote_of(two, bare_remote.path, "agency")
    tip = two.git("rev-parse", SESSIONS + "one")
    odd = (
        SESSIONS + "a.lock",
        SESSIONS + "a b",
        "refs/idse/../heads/main",
        SESSIONS + "one/below",
        SESSIONS + "x..y",
    )
    remote.track({**dict.fromkeys(odd, tip), SESSIONS + "one": tip})
    assert SESSIONS + "one" in remote.remembered()
    assert len(remote.remembered()) == 1


def test_nothing_is_tracked_for_a_bare_url(two, bare_remote):
    remote = remote_of(two, bare_remote.path)
    remote.track(remote.heads())
    assert remote.remembered() == {}
    assert two.git("for-each-ref", "refs/idse-local") == ""


# --- what can go wrong ---


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("/nowhere/at/all", UnreachableError),
        ("https://user:geheim@no-such-host.invalid/x.git", UnreachableError),
        ("https://127.0.0.1:1/x.git", UnreachableError),
        ("ssh://127.0.0.1:1/x.git", UnreachableError),
        ("strange://host/x", GitFailedError),
    ],
)
def test_a_remote_that_is_not_there_is_told_without_passwords(repo, url, error):
    with pytest.raises(error) as caught:
        remote_of(repo, url).heads()
    told = f"{caught.value.message} {caught.value.where} {caught.value.cause} {caught.value.fix}"
    assert "geheim" not in told
    assert caught.value.cause


def test_a_remote_that_says_nothing_is_given_up(two, bare_remote, tmp_path):
    two.git("remote", "add", "agency", str(bare_remote.path))
    two.git("config", "remote.agency.uploadpack", f"sh -c 'echo $$ >{tmp_path}/pid; exec sleep 1000'")
    with pytest.raises(UnreachableError) as caught:
        remote_of(two, bare_remote.path, "agency", patience=0.5).heads()
    assert "said nothing" in caught.value.cause
    state = two.run("ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text().strip()).stdout.strip()
    assert state[:1] in ("", "Z")


def test_a_store_that_cannot_be_written_is_no_fault_of_the_remote(other, two, bare_remote, monkeypatch):
    from idse_orchestrator.sync import incoming as module

    remote = remote_of(other, bare_remote.path)
    heads = remote.heads()

    def full(source, target):
        raise OSError(28, "No space left on device", target)

    with remote.fetch(heads) as incoming:
        monkeypatch.setattr(module.os, "rename", full)
        with pytest.raises(StorageError):
            incoming.keep()
