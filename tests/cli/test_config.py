"""Settings come in layers, and each value says where it comes from."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def home(sealed):
    """Writes ``~/.idseconfig.json``."""

    def write(content):
        path = sealed / ".idseconfig.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def origin(repo, key, **env):
    done = repo.idse("config", "get", key, "--json", env=env)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    return data["value"], data["layer"], data["origin"]


def test_each_layer_decides_over_the_one_below_it(repo, home):
    assert origin(repo, "agent") == ("", "built-in", "built-in")
    path = home({"agent": "from-home", "agency": {"url": "https://home.example"}})
    assert origin(repo, "agent") == ("from-home", "home", path)
    assert origin(repo, "agency.url") == ("https://home.example", "home", path)
    repo.git("config", "--global", "idse.agent", "from-global")
    assert origin(repo, "agent")[0] == "from-global"
    repo.git("config", "idse.agent", "from-git")
    assert origin(repo, "agent") == ("from-git", "git", ".git/config")
    assert origin(repo, "agent", IDSE_AGENT="from-env") == ("from-env", "environment", "IDSE_AGENT")


def test_the_list_is_plain_lines_and_shows_origins_when_asked(repo):
    repo.git("config", "idse.agency.url", "https://agency.example")
    assert repo.idse("config", "list").stdout == (
        "agent=\nproject=\nmisplaced-code=warn\nrequireledgers=false\ndrift=true\nchecks=\nagency.url=https://agency.example\nagency.remote=\nagency.timeout=300\n"
    )
    with_origin = repo.idse("config", "list", "--show-origin").stdout
    assert "git: .git/config\tagency.url=https://agency.example\n" in with_origin


def test_setting_writes_this_repositorys_git_configuration_alone(repo, sealed):
    before = sorted(path.name for path in sealed.iterdir())
    assert repo.idse("config", "set", "agency.url", "https://a.example").returncode == 0
    assert repo.git("config", "--local", "--get", "idse.agency.url") == "https://a.example"
    assert sorted(path.name for path in sealed.iterdir()) == before


def test_setting_says_when_another_layer_decides(repo):
    done = repo.idse("config", "set", "agent", "mine", env={"IDSE_AGENT": "theirs"})
    assert "IDSE_AGENT decides" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{\n  "agent": "x",\n  oops\n}', ".idseconfig.json:3:3"),
        ("", ".idseconfig.json:1:1"),
        ("[]", "valid dictionary"),
        ('{"agent": 7}', "agent: Input should be a valid string"),
        ('{"agency": "https://x"}', "agency: Input should be"),
        ('{"agency": {"url": []}}', "agency.url: Input should be"),
    ],
)
def test_a_home_file_that_cannot_be_read_says_where(repo, home, content, words):
    home(content)
    done = repo.idse("config", "list")
    assert done.returncode == 2
    assert "error[IDSE009]" in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project", "a/b"),
        ("agency.url", "--upload-pack=x"),
        ("agency.url", "ext::sh -c x"),
        ("agent", "a\nb"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_not_written(repo, key, value):
    done = repo.idse("config", "set", key, "--", value)
    assert (done.returncode, "IDSE009" in done.stderr) == (2, True)
    assert repo.git("config", "--get", f"idse.{key}", check=False) == ""


def test_a_bad_value_of_one_setting_hides_no_other(repo):
    repo.git("config", "idse.project", "a/b")
    assert origin(repo, "agent")[0] == ""
    done = repo.idse("config", "get", "project")
    assert "--> .git/config" in done.stderr


def test_an_unknown_setting_is_told_and_the_near_one_suggested(repo, home):
    done = repo.idse("config", "get", "agency.uri")
    assert (done.returncode, "did you mean agency.url?" in done.stderr) == (2, True)
    home({"editor": "vi", "agency": {"token": "x"}})
    stderr = repo.idse("config", "list").stderr
    assert "there is no setting editor" in stderr
    assert "there is no setting agency.token" in stderr


def test_a_file_in_the_repository_sets_nothing(repo):
    repo.write(".idseconfig.json", '{"agent": "branch"}')
    repo.write(".idse/config.json", '{"agent": "branch"}')
    assert origin(repo, "agent")[0] == ""


def test_the_configured_agent_acts_in_events(repo):
    repo.git("config", "idse.agent", "robot")
    assert repo.idse("init", "demo").returncode == 0
    assert "Idse-Agent: robot" in repo.git("log", "refs/idse/projects/demo")


def test_the_configured_project_is_meant_when_nothing_else_says(repo, make_repo):
    repo.idse("init", "one")
    repo.idse("init", "two")
    repo.git("symbolic-ref", "--delete", "refs/worktree/idse/session")
    repo.git("config", "idse.project", "two")
    done = repo.idse("status", "--json")
    assert done.returncode == 0, done.stderr
    assert '"two"' in done.stdout
