"""One Agency for the tests of a module, and clones that push to it."""

from __future__ import annotations

import pytest

from agency_bed import AgencyBed


@pytest.fixture(scope="module")
def _agency_of_module(tmp_path_factory, request):
    bed = AgencyBed(tmp_path_factory.mktemp("agency") / "home")
    options = getattr(request.module, "OPTIONS", ())
    bed.start(*options)
    yield bed
    assert bed.stop() == 0


@pytest.fixture
def agency(_agency_of_module):
    """An Agency that serves; tests of one module share it, each with clients of its own."""
    return _agency_of_module


@pytest.fixture
def own_agency(tmp_path):
    """An Agency that is not started yet, for one test alone."""
    bed = AgencyBed(tmp_path / "agency")
    yield bed
    bed.stop()
