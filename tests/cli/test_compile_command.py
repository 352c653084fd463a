"""`idse compile`: what is written, what is left alone, and what is said."""

from __future__ import annotations

import json
import os
import shutil

import jsonschema
import pytest
import yaml

SESSIONS = ".idse/projects/portal/sessions"
OUT = ".idse/projects/portal/build/agents"
OWN = """\
## 8. Agent Profile

```yaml
id: login-agent
name: Login agent
goals: [Log in with a passkey]
memory_policy: {keep: {days: 7}}
version: null
```
"""
DEFAULTS = """\
## Agent Profile

```yaml
constraints: [No network]
memory_policy: {scope: session, keep: {days: 30}}
version: 1.10
```
"""


@pytest.fixture
def project(repo, once):
    """Project portal with session login, which is current; both specs have a profile, all is committed."""

    def make():
        for command in (("init", "portal"), ("spawn", "login", "--title", "Login")):
            done = repo.idse(*command)
            assert done.returncode == 0, done.stderr
        add(repo, "__blueprint__", DEFAULTS)
        add(repo, "login", OWN)
        repo.commit("start")

    once(repo, make)
    return repo


def spec_of(session):
    return f"{SESSIONS}/{session}/spec.md"


def add(repo, session, text):
    repo.write(spec_of(session), repo.read(spec_of(session)) + b"\n" + text.encode())


def change(repo, session, old, new):
    text = repo.read(spec_of(session)).decode()
    assert old in text
    repo.write(spec_of(session), text.replace(old, new))


def compiled(repo, *args, code=0):
    done = repo.idse("compile", "agent-spec", *args)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_profile_of_the_current_session_is_written_with_what_it_inherits(project):
    done = compiled(project)
    assert done.stdout == f"{OUT}/login.profile.yaml\n"
    assert done.stderr == "1 profile compiled from the worktree: 1 written\n"
    text = project.read(f"{OUT}/login.profile.yaml").decode()
    assert text.startswith(f"# Compiled by idse from {spec_of('login')}: change it there")
    data = yaml.safe_load(text)
    told = data.pop("compiled")
    assert data == {
        "id": "login-agent",
        "name": "Login agent",
        "goals": ["Log in with a passkey"],
        "constraints": ["No network"],
        "memory_policy": {"keep": {"days": 7}, "scope": "session"},
        "source_session": "login",
        "source_blueprint": "__blueprint__",
    }
    assert told["spec"] == project.git("rev-parse", f"HEAD:{spec_of('login')}")
    assert told["blueprint_spec"] == project.git("rev-parse", f"HEAD:{spec_of('__blueprint__')}")


def test_a_second_run_changes_nothing_and_says_so(project):
    compiled(project)
    path = project.path / OUT / "login.profile.yaml"
    before = path.stat()
    done = compiled(project, "--session", "login")
    assert done.stderr == "1 profile compiled from the worktree: 1 up to date\n"
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_every_clone_and_both_sources_make_the_same_bytes(project):
    compiled(project)
    here = project.read(f"{OUT}/login.profile.yaml")
    other = project.clone("other")
    assert not (other.path / OUT).exists()  # a clone without ledgers, as in CI
    compiled(other, "--session", "portal/login")
    assert other.read(f"{OUT}/login.profile.yaml") == here
    compiled(other, "--session", "login", "--at", "HEAD", "--out", "elsewhere")
    assert other.read("elsewhere/login.profile.yaml") == here


def test_windows_line_ends_in_the_work_tree_make_the_same_bytes(project):
    compiled(project)
    before = project.read(f"{OUT}/login.profile.yaml")
    project.git("config", "core.autocrlf", "true")
    project.write(spec_of("login"), project.read(spec_of("login")).replace(b"\n", b"\r\n"))
    compiled(project, "--check")
    project.write(f"{OUT}/login.profile.yaml", before.replace(b"\n", b"\r\n"))
    compiled(project, "--check")
    change(project, "login", "Log in with a passkey", "Log in")
    assert "1 written" in compiled(project).stderr


def test_both_formats_satisfy_the_schema_that_is_printed(project):
    schema = json.loads(project.idse("compile", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    compiled(project)
    compiled(project, "--format", "json")
    from_yaml = yaml.safe_load(project.read(f"{OUT}/login.profile.yaml"))
    from_json = json.loads(project.read(f"{OUT}/login.profile.json"))
    for data in (from_yaml, from_json):
        jsonschema.validate(data, schema)
        del data["compiled"]["checksum"]
    assert from_yaml == from_json


def test_a_dry_run_prints_the_file_and_writes_nothing(project):
    done = compiled(project, "--dry-run")
    assert not (project.path / OUT).exists()
    assert "1 to write" in done.stderr
    compiled(project)
    assert done.stdout.encode() == project.read(f"{OUT}/login.profile.yaml")


def test_all_sessions_with_a_profile_are_compiled_and_a_blueprint_of_defaults_is_none(project):
    project.idse("spawn", "search", "--title", "Search")
    project.idse("spawn", "plain", "--title", "Without an agent")
    add(project, "search", OWN.replace("login", "search"))
    done = compiled(project, "--all")
    assert done.stdout.splitlines() == [f"{OUT}/login.profile.yaml", f"{OUT}/search.profile.yaml"]
    assert "2 profiles compiled from the worktree: 2 written" in done.stderr
    stream = compiled(project, "--all", "--dry-run").stdout
    assert [each["id"] for each in yaml.safe_load_all(stream)] == ["login-agent", "search-agent"]


def test_two_profiles_of_one_id_are_a_warning(project):
    change(project, "__blueprint__", "constraints:", "id: base\nname: Base\nconstraints:")
    change(project, "login", "id: login-agent\n", "")
    done = compiled(project, "--all")
    assert "warning: login says no id of its own and takes that of __blueprint__, base\n" in done.stderr
    assert "warning: __blueprint__ and login have one id, base\n" in done.stderr
    document = json.loads(compiled(project, "--all", "--json").stdout)
    assert document["diagnostics"][0]["severity"] == "warning"


def test_check_says_what_is_missing_outdated_or_edited_and_writes_nothing(project):
    target = f"{OUT}/login.profile.yaml"
    assert compiled(project, "--check", code=1).stdout.split() == ["missing", target]
    compiled(project)
    assert compiled(project, "--check").stdout == ""
    change(project, "login", "passkey", "password")
    assert compiled(project, "--check", code=1).stdout.split() == ["outdated", target]
    compiled(project)
    edited = project.read(target) + b"tools: [rm]\n"
    project.write(target, edited)
    assert compiled(project, "--check", code=1).stdout.startswith("not as idse wrote it")
    assert project.read(target) == edited


def test_a_change_of_the_blueprint_makes_a_profile_outdated(project):
    compiled(project)
    change(project, "__blueprint__", "No network", "No disk")
    assert "outdated" in compiled(project, "--check", code=1).stdout


def without_profile(repo, session="login"):
    """Take the profile out of the session's spec."""
    text = repo.read(spec_of(session)).decode()
    repo.write(spec_of(session), text[: text.index("## 8. Agent Profile")])


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_file_of_a_profile_that_is_gone_goes_when_all_are_compiled(project, form):
    target = f"{OUT}/login.profile.{form}"
    compiled(project, "--format", form)
    without_profile(project)
    done = compiled(project, "--all", "--format", form, "--check", code=1)
    assert done.stdout.split() == ["left", "over", target]
    assert "to remove" in compiled(project, "--all", "--format", form, "--dry-run").stderr
    assert (project.path / target).exists()
    done = compiled(project, "--all", "--format", form)
    assert done.stderr == f"removed {target}: its session has no profile\nno profile in the worktree\n"
    assert not (project.path / target).exists()
    compiled(project, "--all", "--format", form, "--check")


def test_the_file_of_a_session_that_is_gone_goes_too_and_others_stay(project):
    project.idse("spawn", "search", "--title", "Search")
    add(project, "search", OWN.replace("login", "search"))
    compiled(project, "--all")
    shutil.rmtree(project.path / SESSIONS / "login")
    data = json.loads(compiled(project, "--all", "--json").stdout)["data"]
    assert data["leftovers"] == [{"path": f"{OUT}/login.profile.yaml", "removed": True}]
    assert os.listdir(project.path / OUT) == ["search.profile.yaml"]


def test_what_somebody_edited_or_put_there_stays_though_no_profile_is_behind_it(project):
    compiled(project)
    project.write(f"{OUT}/login.profile.yaml", project.read(f"{OUT}/login.profile.yaml") + b"tools: [rm]\n")
    project.write(f"{OUT}/mine.profile.yaml", "mine\n")
    (project.path / OUT / "folder.profile.yaml").mkdir()
    (project.path / OUT / "link.profile.yaml").symlink_to("login.profile.yaml")
    without_profile(project)
    before = sorted(os.listdir(project.path / OUT))
    compiled(project, "--all", "--check")
    compiled(project, "--all")
    assert sorted(os.listdir(project.path / OUT)) == before


def test_in_a_folder_that_projects_share_only_files_that_say_they_are_ours_go(project):
    for form in ("yaml", "json"):
        compiled(project, "--out", "agents", "--format", form)
    project.idse("init", "shop")
    for form in ("yaml", "json"):
        compiled(project, "--project", "shop", "--all", "--out", "agents", "--format", form)
    assert sorted(os.listdir(project.path / "agents")) == ["login.profile.json", "login.profile.yaml"]
    without_profile(project)
    done = compiled(project, "--project", "portal", "--all", "--out", "agents", "--check", code=1)
    assert done.stdout.split() == ["left", "over", "agents/login.profile.yaml"]
    compiled(project, "--project", "portal", "--all", "--out", "agents")
    assert os.listdir(project.path / "agents") == ["login.profile.json"]  # JSON does not say whose it is


def test_a_session_whose_profile_is_gone_is_told_what_takes_its_file_away(project):
    without_profile(project)
    hint = "idse compile agent-spec --all  # takes away the file of the profile that was here"
    assert hint not in compiled(project, code=1).stderr
    compiled(project, "--at", "HEAD")
    assert hint in compiled(project, code=1).stderr
    assert "takes away" not in compiled(project, "--format", "json", code=1).stderr
    compiled(project, "--at", "HEAD", "--out", "my agents")
    told = compiled(project, "--out", "my agents", code=1).stderr
    assert "idse compile agent-spec --all --out 'my agents'  # takes away" in told
    add(project, "login", OWN)
    project.idse("session", "new", "plain")
    assert hint not in compiled(project, "--session", "login", "--blueprint", "plain", code=1).stderr


def test_one_session_alone_removes_nothing_of_others(project):
    project.idse("spawn", "search", "--title", "Search")
    add(project, "search", OWN.replace("login", "search"))
    compiled(project, "--all")
    without_profile(project)
    compiled(project, "--session", "search")
    assert sorted(os.listdir(project.path / OUT)) == ["login.profile.yaml", "search.profile.yaml"]


@pytest.mark.parametrize("content", [b"mine: all mine\n", b"", b"\xff\xfe"])
def test_a_file_that_idse_did_not_write_is_not_replaced_without_force(project, content):
    target = f"{OUT}/login.profile.yaml"
    project.write(target, content)
    done = compiled(project, code=3)
    assert done.stderr.startswith("error[IDSE042]: login.profile.yaml is not as idse wrote it\n")
    assert "--force" in done.stderr
    assert project.read(target) == content
    compiled(project, "--force")
    assert yaml.safe_load(project.read(target))["id"] == "login-agent"


def test_one_foreign_file_keeps_all_from_being_written(project):
    project.idse("spawn", "search", "--title", "Search")
    add(project, "search", OWN.replace("login", "search"))
    project.write(f"{OUT}/search.profile.yaml", "mine\n")
    compiled(project, "--all", code=3)
    assert os.listdir(project.path / OUT) == ["search.profile.yaml"]


def test_the_json_document_tells_the_profile_and_what_became_of_the_file(project):
    data = json.loads(compiled(project, "--json").stdout)["data"]
    (told,) = data["profiles"]
    assert data["source"] == "worktree"
    assert (told["session"], told["blueprint"], told["before"], told["written"]) == (
        "login",
        "__blueprint__",
        "missing",
        True,
    )
    assert told["path"] == f"{OUT}/login.profile.yaml"
    assert told["profile"]["constraints"] == ["No network"]


def test_problems_are_told_all_at_once_each_at_its_line(project):
    change(project, "login", "goals: [Log in with a passkey]", "goals:\n- Plan: x.md\ngaols: [x]")
    change(project, "__blueprint__", "No network", "3")
    done = compiled(project, code=1)
    assert done.stderr.startswith("error[IDSE040]: no Agent Profile was compiled: there are 3 problems\n")
    lines = project.read(spec_of("login")).decode().split("\n")
    assert f"spec.md:{lines.index('- Plan: x.md') + 1}:3: item 1 of goals is a mapping" in done.stderr
    assert f"spec.md:{lines.index('gaols: [x]') + 1}:1: there is no key 'gaols'" in done.stderr
    assert "did you mean goals?" in done.stderr
    assert 'quote it:  - "Plan: x.md"' in done.stderr
    document = json.loads(compiled(project, "--json", code=1).stdout)
    assert [each["code"] for each in document["diagnostics"]] == ["IDSE040", "IDSE501", "IDSE501", "IDSE501"]
    assert not (project.path / OUT).exists()


def test_an_error_about_a_json_file_is_told_as_prose(project):
    change(project, "login", "id: login-agent", "id: [x]")
    done = compiled(project, "--format", "json", code=1)
    assert done.stdout == ""
    assert done.stderr.startswith("error[IDSE040]")


def test_a_spec_without_a_profile_is_told_with_what_nearly_was_one(project):
    change(project, "login", "## 8. Agent Profile", "### Agent Profile")
    line = project.read(spec_of("login")).decode().split("\n").index("### Agent Profile") + 1
    done = compiled(project, code=1)
    assert "error[IDSE041]: this spec has no Agent Profile" in done.stderr
    assert f"that in line {line} has another one" in done.stderr
    assert compiled(project, "--all").stderr == "no profile in the worktree\n"


@pytest.mark.parametrize(
    ("args", "code", "exit_code"),
    [
        (("--session", "nobody"), "IDSE006", 2),
        (("--session", "../../x"), "IDSE004", 2),
        (("--blueprint", "nobody"), "IDSE006", 2),
        (("--at", "nothing"), "IDSE006", 2),
        (("--format", "toml"), "IDSE001", 2),
        (("--all", "--session", "login"), "IDSE001", 2),
        (("--check", "--dry-run"), "IDSE001", 2),
        (("--out", ""), "IDSE001", 2),
        (("--check", "--force"), "IDSE001", 2),
        (("--session", "__blueprint__"), "IDSE040", 1),
        (("--project", "other"), "IDSE006", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_compiled_is_refused_and_nothing_is_written(project, args, code, exit_code):
    done = compiled(project, *args, code=exit_code)
    assert done.stderr.startswith(f"error[{code}]: ")
    assert project.git("status", "--short", "--ignored").splitlines() == [
        "!! .idse/projects/portal/CURRENT_SESSION",
        "!! .idse/projects/portal/session_state.json",
    ]


def test_a_spec_that_is_not_in_this_work_tree_is_told_with_what_brings_it(project):
    shutil.rmtree(project.path / SESSIONS / "login")
    told = compiled(project, "--session", "login", code=1).stderr
    assert f"--> {spec_of('login')}\n" in told
    assert "cause: there is no such file in the worktree\n" in told
    assert "fix:   idse restore login " in told
    assert project.idse("restore", "login").returncode == 0
    project.idse("spawn", "later", "--title", "Later")
    told = compiled(project, "--session", "later", "--at", "HEAD", code=1).stderr
    assert f"cause: there is no such file in the commit {project.git('rev-parse', 'HEAD')[:7]}\n" in told
    assert f"fix:   git log --oneline -- :/{spec_of('later')}" in told


def test_a_folder_that_was_named_is_not_called_the_repository(project):
    told = compiled(project, "--out", "/proc/profiles", code=2).stderr
    assert told.startswith("error[IDSE015]: the profile cannot be written\n  --> /proc/profiles\n")
    assert "hint:  name another folder: --out DIR\n" in told


def test_a_blueprint_that_was_named_must_have_a_profile(project):
    project.idse("spawn", "plain", "--title", "Plain")
    done = compiled(project, "--session", "login", "--blueprint", "plain", code=1)
    assert "error[IDSE041]" in done.stderr
    assert f"{SESSIONS}/plain/spec.md" in done.stderr


def test_defaults_can_come_from_any_session(project):
    done = compiled(project, "--session", "__blueprint__", "--blueprint", "login", "--dry-run")
    data = yaml.safe_load(done.stdout)
    assert (data["id"], data["version"], data["source_blueprint"]) == ("login-agent", "1.10", "login")


def test_paths_are_those_of_the_folder_we_stand_in(project):
    done = project.idse("compile", "agent-spec", "--out", "agents", cwd=SESSIONS)
    assert done.stdout == "agents/login.profile.yaml\n"
    assert (project.path / SESSIONS / "agents" / "login.profile.yaml").is_file()


def test_the_build_folder_is_ignored_by_git_and_by_the_hooks(project):
    compiled(project)
    assert project.git("status", "--short") == ""
    project.git("add", "--force", f"{OUT}/login.profile.yaml")
    done = project.run("git", "commit", "-m", "a compiled profile, although it can be made again")
    assert done.returncode == 0
    assert "error" not in done.stderr


def warnings(done):
    return [line for line in done.stderr.splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("source_session: login\nsource_blueprint: __blueprint__", []),
        ("source_session: portal/login\nsource_blueprint: portal/__blueprint__", []),
        ("source_session:\nsource_blueprint: null", []),
        ("source_session: [REQUIRES INPUT]", []),
        ("source_session: search", ["source_session says search, and this is the spec of login"]),
        (
            "source_session: shop/login\nsource_blueprint: base",
            [
                "source_session says shop/login, and this is the spec of login",
                "source_blueprint says base, and defaults come from __blueprint__",
            ],
        ),
        (f"source_session: {'x' * 200}", [f"source_session says {'x' * 60}, and this is the spec of login"]),
    ],
)
def test_keys_of_a_compiled_profile_are_passed_over_and_a_contradiction_is_told(project, lines, warned):
    compiled(project)
    before = yaml.safe_load(project.read(f"{OUT}/login.profile.yaml"))
    change(project, "login", "id: login-agent\n", f"id: login-agent\n{lines}\n")
    done = compiled(project)
    after = yaml.safe_load(project.read(f"{OUT}/login.profile.yaml"))
    assert {**after, "compiled": None} == {**before, "compiled": None}
    line = project.read(spec_of("login")).decode().split("\n").index("id: login-agent") + 2
    assert warnings(done) == [
        f"warning: {spec_of('login')}:{line + number}:1: {each}: the line is passed over"
        for number, each in enumerate(warned)
    ]


def test_a_compiled_file_that_was_copied_into_a_spec_compiles(project):
    compiled(project)
    copied = project.read(f"{OUT}/login.profile.yaml").decode()
    project.idse("spawn", "search", "--title", "Search")
    add(project, "search", f"## Agent Profile\n\n```yaml\n{copied}```\n")
    (line,) = warnings(compiled(project, "--session", "search"))
    assert line.endswith("source_session says login, and this is the spec of search: the line is passed over")
    assert warnings(compiled(project, "--session", "login")) == []
    data = yaml.safe_load(project.read(f"{OUT}/search.profile.yaml"))
    assert (data["id"], data["source_session"]) == ("login-agent", "search")


def test_what_the_blueprint_says_of_its_own_source_is_told_to_those_who_inherit(project):
    change(project, "__blueprint__", "constraints:", "source_session: login\nconstraints:")
    (line,) = warnings(compiled(project))
    assert f"{spec_of('__blueprint__')}:" in line
    assert "source_session says login, and this is the spec of __blueprint__" in line


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("id: [REQUIRES INPUT]\nname: [REQUIRES INPUT]\ntools: [git]", "id is a list, and a text is meant"),
        ("name:\ntools: [git]", "name has no value"),
        ("owner: ana\ntools: [git]", "there is no key 'owner'"),
        ("goals: 3\ntools: [git]", "goals is a number"),
        ("version: [1]\nmemory_policy: {scope: session}\ntools: [git]", "version is a list"),
        ("goal: [x]", "there is no key 'goal'"),
        ("id: [\nname: x", "mend the YAML"),
        ("- a\n- b", "the block is not a mapping"),
        ("", "the block is empty"),
    ],
)
def test_a_fault_of_the_blueprint_that_a_profile_does_not_inherit_is_a_warning(project, block, told):
    project.write(spec_of("__blueprint__"), f"## Agent Profile\n\n```yaml\n{block}\n```\n")
    done = compiled(project)
    data = yaml.safe_load(project.read(f"{OUT}/login.profile.yaml"))
    assert data.get("tools") == (["git"] if "tools" in block else None)
    assert data["id"] == "login-agent"
    assert len(warnings(done)) > 0
    assert all("nothing of it is inherited here" in line for line in warnings(done))
    assert any(told in line for line in warnings(done)) or "mend" in told
    done = compiled(project, "--all", code=1)
    assert warnings(done) == []
    assert "not every Agent Profile was compiled" in done.stderr
    assert f"{spec_of('__blueprint__')}:" in done.stderr


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ("tools: 3", "tools"),
        ("tool: [git]", "tools"),
        ("constraints: [No network, 3]", "constraints"),
        ("memory_policy: {scope: 1:30}", "memory_policy"),
        ("tools: [git\nid: x", "tools"),
        ("{id: x, tools: [git}", "tools"),
    ],
)
def test_a_fault_of_the_blueprint_that_a_profile_inherits_is_its_own(project, block, key):
    project.write(spec_of("__blueprint__"), f"## Agent Profile\n\n```yaml\n{block}\n```\n")
    done = compiled(project, code=1)
    assert f"it takes {key} from __blueprint__, whose profile has a problem there" in done.stderr
    assert f"{spec_of('__blueprint__')}:" in done.stderr
    assert not (project.path / OUT).exists()


def test_a_blueprint_of_which_nothing_is_known_gives_nothing_without_a_word(project):
    path = project.path / spec_of("__blueprint__")
    path.write_bytes(b"## Agent Profile\n\ncaf\xe9\n")
    assert "it takes tools from __blueprint__" in compiled(project, code=1).stderr
    path.write_text('## Agent Profile\n\n```json\n{"tools": ["git"]}\n```\n')
    assert "it takes tools from __blueprint__" in compiled(project, code=1).stderr
    path.write_text("## Agent Profile\n\nLater.\n")
    (line,) = warnings(compiled(project))
    assert "it has no fenced yaml block; nothing of it is inherited here" in line
    compiled(project, "--blueprint", "login", "--check", code=1)  # as it would be without defaults


@pytest.fixture
def one_faulty(project):
    """Three profiles, of which that of search is faulty."""
    for name in ("search", "trade"):
        project.idse("spawn", name, "--title", name)
        add(project, name, OWN.replace("login", name))
    compiled(project, "--all")
    change(project, "search", "id: search-agent", "id: [x]")
    change(project, "login", "Log in with a passkey", "Log in")
    return project


def test_sound_profiles_are_written_beside_a_faulty_one_and_the_exit_code_is_1(one_faulty):
    old = one_faulty.read(f"{OUT}/search.profile.yaml")
    assert compiled(one_faulty, "--all", "--check", code=1).stdout.split() == [
        "outdated",
        f"{OUT}/login.profile.yaml",
    ]
    assert "id: [x]" not in compiled(one_faulty, "--all", "--dry-run", code=1).stdout
    done = compiled(one_faulty, "--all", code=1)
    assert done.stdout.splitlines() == [f"{OUT}/login.profile.yaml", f"{OUT}/trade.profile.yaml"]
    assert "2 profiles compiled from the worktree: 1 written, 1 up to date\n" in done.stderr
    assert "error[IDSE040]: not every Agent Profile was compiled: there is a problem\n" in done.stderr
    assert f"  --> {spec_of('search')}:" in done.stderr
    assert one_faulty.read(f"{OUT}/search.profile.yaml") == old  # it is outdated, and no leftover
    assert compiled(one_faulty, "--all", "--check", code=1).stdout == ""


def test_json_tells_the_profiles_the_refused_and_why(one_faulty):
    document = json.loads(compiled(one_faulty, "--all", "--json", code=1).stdout)
    assert [each["session"] for each in document["data"]["profiles"]] == ["login", "trade"]
    assert document["data"]["refused"] == ["search"]
    assert document["data"]["leftovers"] == []
    assert [each["code"] for each in document["diagnostics"]] == ["IDSE040", "IDSE501"]


def test_where_no_profile_is_sound_nothing_is_written(project):
    change(project, "login", "id: login-agent", "id: [x]")
    done = compiled(project, "--all", code=1)
    assert done.stderr.startswith("error[IDSE040]: no Agent Profile was compiled: there is a problem\n")
    assert not (project.path / OUT).exists()


def test_help_of_the_group_names_both_commands(project):
    done = project.idse("compile", "--help")
    assert "agent-spec" in done.stdout
    assert "schema" in done.stdout
