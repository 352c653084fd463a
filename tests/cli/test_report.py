"""`idse report`: all sessions of all projects, as a table, as JSON, and as one page for a browser."""

from __future__ import annotations

import html
import json
import os
import re

import pytest

import browser as support

HOSTILE = "<script>document.title='owned'</script> & \"quotes\" \u202eevil\u2066 <img src=x onerror=alert(1)>"
SHOWN = HOSTILE.replace("\u202e", "<U+202E>").replace("\u2066", "<U+2066>")


@pytest.fixture
def several(loop, once):
    """Two projects; in the first one session is stale, another has a conflict, and a title is hostile."""

    def make():
        loop.finish("intent", "context", begins_next=False)
        loop.does("session", "new", "alpha", "--title", HOSTILE, "--owner", "Ada <ada@example.invalid>")
        loop.does("session", "new", "broken", "--title", "w" * 300)
        loop.does("session", "new", "old")
        loop.does("session", "archive", "old", "-m", "over")
        loop.write(
            ".idse/projects/portal/sessions/broken/plan.md",
            "# Plan\n<<<<<<< one\na\n=======\nb\n>>>>>>> two\n",
        )
        loop.does("save", "broken")
        loop.does("rule", "waive", "IDSE301", "--session", "alpha", "-m", "<b>later</b>")
        loop.does("init", "shop")
        loop.edit("intent.md", "# Intent\nAnother one.\n")

    once(loop, make)
    return loop


def data(loop, *args):
    """The data of ``idse report --json``."""
    told = json.loads(loop.does("report", "--json", *args).stdout)
    assert told["schema"] == "idse.report/1"
    return told["data"]


ORDER = [
    "portal/broken",
    "portal/__blueprint__",
    "portal/alpha",
    "shop/__blueprint__",
    "portal/old",
]


def test_what_needs_a_look_comes_first_and_what_is_archived_last(several):
    rows = data(several)["sessions"]
    assert [f"{row['project']}/{row['session']}" for row in rows] == ORDER
    assert [row["needs"] for row in rows] == [["conflicted"], ["changed", "stale"], [], [], []]


def test_each_session_is_told_with_its_stages_and_who_was_there_last(several):
    broken, blueprint, alpha, *_ = data(several)["sessions"]
    stages = {each["stage"]: each for each in blueprint["stages"]}
    assert stages["intent"]["condition"] == "changed"
    assert stages["context"]["condition"] == "stale"
    assert stages["context"]["causes"] == ["intent"]
    assert stages["spec"]["condition"] == "pending"
    assert {each["stage"]: each["condition"] for each in broken["stages"]}["plan"] == "conflicted"
    assert broken["conflicts"] == [{"path": "plan.md", "line": 2}]
    assert alpha["title"] == HOSTILE
    assert alpha["owner"] == "Ada <ada@example.invalid>"
    assert alpha["last"]["by"] == "Test Author"
    assert alpha["last"]["kind"] == "approved"
    assert [waiver["rule"] for waiver in alpha["waivers"]] == ["IDSE301"]


def test_a_stage_is_told_as_idse_status_tells_it(several):
    found = {each["stage"]: each["condition"] for each in several.status("portal/__blueprint__")["stages"]}
    told = {each["stage"]: each for each in data(several)["sessions"][1]["stages"]}
    assert (found["intent"], found["context"]) == ("changed", "stale")
    assert (told["intent"]["condition"], told["context"]["condition"]) == ("changed", "stale")


def test_the_table_is_short_and_has_a_line_for_each(several):
    lines = several.does("report").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ORDER
    assert "conflicted: plan" in lines[0]
    assert "changed: intent; stale: context" in lines[1]
    assert "<script>" in lines[2]
    assert max(map(len, lines)) <= 100
    done = several.does("report")
    assert "5 sessions in 2 projects, 2 need a look" in done.stderr


def test_one_project_alone(several):
    assert [row["project"] for row in data(several, "--project", "shop")["sessions"]] == ["shop"]
    assert several.idse("report", "--project", "nobody").returncode == 2


def test_it_says_how_each_session_stands_to_the_agency(several, bare_remote):
    assert {row["agency"] for row in data(several)["sessions"]} == {None}
    several.does("sync", "setup", str(bare_remote.path))
    several.idse("sync", "push")
    assert {row["agency"] for row in data(several)["sessions"]} == {"equal"}
    several.does("session", "set", "portal/alpha", "--tag", "x")
    several.does("session", "new", "fresh", "--project", "portal")
    found = {row["session"]: row["agency"] for row in data(several, "--project", "portal")["sessions"]}
    assert found == {
        "broken": "equal",
        "__blueprint__": "equal",
        "alpha": "ahead",
        "fresh": "ahead",
        "old": "equal",
    }
    assert "ahead of the Agency" in several.does("report", "--html", "-").stdout


def test_a_bare_repository_reports_what_its_ledgers_hold(several, bare_remote):
    several.does("sync", "setup", str(bare_remote.path))
    several.idse("sync", "push")
    done = bare_remote.idse("report", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["data"]["sessions"]
    assert [f"{row['project']}/{row['session']}" for row in rows if row["needs"]] == ["portal/broken"]


def test_a_folder_without_git_has_a_report(tmp_path, repo):
    folder = tmp_path / "plain"
    folder.mkdir()
    assert repo.idse("--store", "filesystem", "init", "portal", cwd=folder).returncode == 0
    done = repo.idse("--store", "filesystem", "report", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["data"]["sessions"]
    assert (row["session"], row["agency"], row["last"]["kind"]) == ("__blueprint__", None, "stage")


def test_a_ledger_that_cannot_be_read_is_a_row_and_hides_no_other(several):
    several.git("update-ref", "refs/idse/sessions/portal/evil", "HEAD")
    done = several.idse("report")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("portal/evil ")
    assert len(done.stdout.splitlines()) == 6
    assert "refs/idse/sessions/portal/evil" in done.stderr
    page = several.idse("report", "--html", "-")
    assert page.returncode == 1
    assert "cannot be read" in page.stdout
    told = json.loads(several.idse("report", "--json").stdout)
    assert [each["code"] for each in told["diagnostics"]] == ["IDSE013"]
    assert told["data"]["sessions"][0]["needs"] == ["unreadable"]


def test_there_is_nothing_to_report_before_a_project_begins(repo):
    done = repo.idse("report")
    assert (done.returncode, done.stdout) == (2, "")
    assert "idse init NAME" in done.stderr


class TestPage:
    def test_it_is_written_and_named(self, several):
        done = several.does("report", "--html", "out.html")
        assert done.stdout == "out.html\n"
        assert "5 sessions in 2 projects, 2 need a look" in done.stderr
        assert several.read("out.html").startswith(b"<!doctype html>\n")

    def test_the_same_state_gives_the_same_bytes(self, several):
        first = several.does("report", "--html", "-").stdout
        assert first == several.does("report", "--html", "-").stdout
        several.does("report", "--html", "out.html")
        assert several.read("out.html").decode() == first
        several.does("session", "set", "portal/alpha", "--owner", "Bea")
        assert several.does("report", "--html", "-").stdout != first

    def test_an_older_page_is_replaced_also_after_git_changed_its_line_ends(self, several):
        several.does("report", "--html", "out.html")
        several.write("out.html", several.read("out.html").replace(b"\n", b"\r\n"))
        several.does("session", "set", "portal/alpha", "--owner", "Bea")
        several.does("report", "--html", "out.html")
        assert b"Bea" in several.read("out.html")

    @pytest.mark.parametrize("foreign", [b"mine\n", b"", None], ids=["another", "empty", "edited"])
    def test_what_idse_did_not_write_stays_without_force(self, several, foreign):
        several.does("report", "--html", "out.html")
        if foreign is None:
            foreign = several.read("out.html").replace(b"portal", b"my own words", 1)
        several.write("out.html", foreign)
        done = several.idse("report", "--html", "out.html")
        assert (done.returncode, done.stdout) == (3, "")
        assert "IDSE042" in done.stderr
        assert "idse report --html out.html --force" in done.stderr
        assert several.read("out.html") == foreign
        several.does("report", "--html", "out.html", "--force")
        assert several.read("out.html").startswith(b"<!doctype html>\n")

    def test_a_link_or_a_folder_in_the_way_stays_even_with_force(self, several):
        several.write("elsewhere.txt", "mine\n")
        os.symlink("elsewhere.txt", several.path / "out.html")
        assert several.idse("report", "--html", "out.html", "--force").returncode == 3
        assert several.read("elsewhere.txt") == b"mine\n"
        assert several.idse("report", "--html", ".idse", "--force").returncode == 3

    def test_a_folder_that_is_not_there_is_named(self, several):
        done = several.idse("report", "--html", "no/such/out.html")
        assert done.returncode == 2
        assert "mkdir -p no/such" in done.stderr

    @pytest.mark.parametrize("args", [("--html", "x.html", "--json"), ("--force",), ("--html", "")])
    def test_options_that_do_not_fit_are_refused(self, several, args):
        done = several.idse("report", *args)
        assert done.returncode == 2
        assert not (several.path / "x.html").exists()

    def test_it_asks_for_nothing_and_allows_nothing(self, several):
        page = several.does("report", "--html", "-").stdout
        assert "<script" not in page
        assert "http-equiv" in page
        assert "default-src 'none'" in html.unescape(page)
        assert not re.findall(r"""(?:src|href|url)\s*[=(]""", html.unescape(page).replace(SHOWN, ""))
        assert SHOWN not in page
        assert SHOWN in html.unescape(page)


@pytest.mark.parametrize(
    ("needed", "end"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)], ids=["here", "in CI"]
)
def test_where_there_is_no_browser_the_tests_below_are_skipped_and_in_ci_they_fail(monkeypatch, needed, end):
    monkeypatch.setattr(support, "NAMES", ())
    monkeypatch.setattr(support, "NEEDED", needed)
    with pytest.raises(end, match="apt-get install chromium"):
        support.chromium()


@pytest.fixture
def browser(tmp_path):
    with support.Browser(tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
def page(several):
    """The address of the page."""
    several.does("report", "--html", "out.html")
    return (several.path / "out.html").as_uri()


ROWS = "[...document.querySelectorAll('tbody th')].map(each => each.firstElementChild.textContent)"
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1).length
"""
CONTRAST = """
(() => {
  const bright = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(c => c / 255)
      .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(found) && found !== 'transparent') return found;
    }
    return 'rgb(255, 255, 255)';
  };
  let worst = 21;
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some(each => each.nodeType === 3 && each.textContent.trim())) continue;
    const pair = [bright(getComputedStyle(node).color), bright(behind(node))].sort((a, b) => b - a);
    worst = Math.min(worst, (pair[0] + 0.05) / (pair[1] + 0.05));
  }
  return worst;
})()
"""


class TestInABrowser:
    def test_it_asks_the_network_for_nothing_and_complains_of_nothing(self, browser, page):
        browser.open(page)
        assert browser.requests == [page]
        assert browser.complaints == []

    def test_rows_stand_in_order_and_hostile_text_is_text(self, browser, page):
        browser.open(page)
        assert browser.run(ROWS) == ORDER
        assert SHOWN in browser.run("document.body.innerText")
        assert browser.run("document.title") == "Sessions of portal, shop"
        assert browser.run("document.querySelectorAll('script, img, b').length") == 0

    @pytest.mark.parametrize("width", [360, 800, 1280])
    def test_nothing_is_wider_than_the_window(self, browser, page, width):
        browser.open(page, width)
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run(TOO_WIDE) == 0

    def test_nothing_is_wider_than_paper(self, browser, page):
        browser.open(page, 700, media="print")
        assert browser.run("document.documentElement.scrollWidth") <= 700

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_text_can_be_told_from_what_is_behind_it(self, browser, page, dark):
        browser.open(page, dark=dark)
        assert browser.run(CONTRAST) >= 4.5
        assert (
            browser.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        ) == dark

    def test_who_only_hears_it_hears_heads_and_words(self, browser, page):
        browser.open(page)
        assert browser.run("document.documentElement.lang") == "en"
        assert browser.run("[...document.querySelectorAll('h1, h2')].map(each => each.textContent)") == [
            "Sessions of portal, shop",
            "These need a look (2)",
            "All others (3)",
        ]
        assert browser.run("document.querySelectorAll('thead th:not([scope=col])').length") == 0
        assert browser.run("document.querySelectorAll('tbody th:not([scope=row])').length") == 0
        assert browser.run("document.querySelectorAll('table').length") == 2
        assert browser.run("document.querySelectorAll('table caption').length") == 2
        tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
        roles = [each["role"]["value"] for each in tree if not each["ignored"]]
        assert roles.count("table") == 2
        assert roles.count("rowheader") == 5

    def test_cards_on_a_small_screen_are_tables_to_who_hears_them(self, browser, page):
        browser.open(page, 360)
        tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
        roles = [each["role"]["value"] for each in tree if not each["ignored"]]
        assert (roles.count("table"), roles.count("rowheader")) == (2, 5)
