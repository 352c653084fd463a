"""Which project and session a command is about: the nearest hint wins, and a doubt is told, not guessed."""

from __future__ import annotations

import pytest

from here import discover, ledger_writer
from idse_orchestrator.errors import AmbiguousError, InvalidNameError, NoProjectError, UnknownNameError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.sessions.resolve import Asking, resolve_project, resolve_session
from idse_orchestrator.worktree.workspace import GitWorkspace


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.fixture
def make(repository):
    """``make("portal", "login", …)``: a project with its sessions."""
    writer = ledger_writer(repository)

    def make(project, *sessions):
        writer.append_to_project(project, lambda _: Draft("created", {"project": project}))
        for session in sessions:
            writer.append(project, session, lambda _: Draft("created", {}))

    return make


@pytest.fixture
def asking(repository):
    def asking(prefix="", wish=""):
        return Asking(GitLedgerReader(repository), GitWorkspace(repository), prefix, wish)

    return asking


@pytest.fixture
def switch(repository):
    return GitWorkspace(repository).set_current


class TestProject:
    def test_a_repository_without_one_says_what_to_type(self, asking):
        with pytest.raises(NoProjectError) as caught:
            resolve_project(asking(), None)
        assert "idse init" in caught.value.fix[0]

    def test_the_only_one_is_meant(self, make, asking):
        make("portal")
        assert resolve_project(asking(), None) == "portal"

    def test_of_several_the_one_worked_on_is_meant(self, make, asking, switch):
        make("portal", "login")
        make("shop", "cart")
        switch("shop", "cart")
        assert resolve_project(asking(), None) == "shop"

    def test_several_without_a_hint_are_listed(self, make, asking):
        make("portal")
        make("shop")
        with pytest.raises(AmbiguousError) as caught:
            resolve_project(asking(), None)
        assert "portal, shop" in caught.value.cause
        assert "add --project portal" in caught.value.words

    def test_the_option_beats_the_wish_beats_the_folder_beats_the_work(self, make, asking, switch):
        for name in ("one", "two", "three", "four"):
            make(name, "s")
        switch("four", "s")
        folder = ".idse/projects/three/sessions/"
        assert resolve_project(asking(folder, "two"), "one") == "one"
        assert resolve_project(asking(folder, "two"), None) == "two"
        assert resolve_project(asking(folder), None) == "three"
        assert resolve_project(asking(), None) == "four"

    def test_a_name_that_is_nearly_right_is_suggested(self, make, asking):
        make("portal")
        with pytest.raises(UnknownNameError) as caught:
            resolve_project(asking(), "portl")
        assert caught.value.words == ("did you mean portal?",)

    @pytest.mark.parametrize("name", ["../x", "-x", "a b"])
    def test_a_name_that_breaks_the_rules_is_not_looked_for(self, make, asking, name):
        make("portal")
        with pytest.raises(InvalidNameError):
            resolve_project(asking(), name)


class TestSession:
    def test_a_name_is_looked_for_in_the_project(self, make, asking):
        make("portal", "login", "search")
        assert resolve_session(asking(), None, "search") == ("portal", "search")

    def test_a_full_name_needs_no_project(self, make, asking):
        make("portal", "login")
        make("shop", "login")
        assert resolve_session(asking(), None, "shop/login") == ("shop", "login")

    def test_the_folder_we_stand_in_beats_the_session_worked_on(self, make, asking, switch):
        make("portal", "login", "search")
        switch("portal", "search")
        folder = ".idse/projects/portal/sessions/login/feedback/"
        assert resolve_session(asking(folder), None, None) == ("portal", "login")
        assert resolve_session(asking(), None, None) == ("portal", "search")

    def test_each_project_has_a_session_that_was_worked_on_last(self, make, asking, switch):
        make("portal", "login", "search")
        make("shop", "cart")
        switch("portal", "search")
        switch("shop", "cart")
        assert resolve_session(asking(), "portal", None) == ("portal", "search")

    def test_the_only_session_is_meant(self, make, asking):
        make("portal", "login")
        assert resolve_session(asking(), "portal", None) == ("portal", "login")

    def test_a_doubt_is_told_and_not_even_the_blueprint_is_guessed(self, make, asking):
        make("portal", "__blueprint__", "login")
        with pytest.raises(AmbiguousError) as caught:
            resolve_session(asking(), None, None)
        assert caught.value.fix == ("idse switch __blueprint__", "idse switch login")

    @pytest.mark.parametrize("name", ["logn", "portal/logn"])
    def test_a_session_that_is_not_there_is_named_with_its_neighbour(self, make, asking, name):
        make("portal", "login")
        with pytest.raises(UnknownNameError) as caught:
            resolve_session(asking(), None, name)
        assert "did you mean login?" in caught.value.words
