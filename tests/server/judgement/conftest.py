"""What tests of judgements share: an Agency without a server, and a clone that pushes to it."""

from __future__ import annotations

import pytest

from pushes import Agency, Clone


@pytest.fixture
def agency(tmp_path):
    return Agency(tmp_path / "home")


@pytest.fixture
def clone(make_repo):
    made = Clone(make_repo("clone"))
    made.create()
    return made
