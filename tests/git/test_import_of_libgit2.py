"""pygit2 is imported without what it would only ask for certificates."""

from __future__ import annotations

import subprocess
import sys

import pytest


def said_by(code: str) -> str:
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    return done.stdout.strip()


_IMPORT = "import sys; from idse_orchestrator.git.libgit2 import libgit2; "


def test_it_loads_no_ssl_and_leaves_none_of_its_own_behind():
    assert said_by(_IMPORT + "libgit2(); print('ssl' in sys.modules)") == "False"
    assert said_by(_IMPORT + "libgit2(); import ssl; print(ssl.SSLContext.__name__)") == "SSLContext"


def test_an_ssl_that_is_there_stays_as_it_was():
    code = _IMPORT + "import ssl as before; libgit2(); import ssl; print(ssl is before)"
    assert said_by(code) == "True"


@pytest.mark.parametrize("work", ["libgit2().Repository", "libgit2().init_repository"])
def test_it_is_whole(work):
    assert said_by(_IMPORT + f"print(callable({work}))") == "True"
