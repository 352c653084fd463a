"""Many documents are shared out among processes; without them the same answer takes longer."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution import examination_pool
from idse_orchestrator.constitution.examination_pool import examine_on_all_cores
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.constitution.hits import DocumentKey
from idse_orchestrator.constitution.validate import POOL_PAYS, Examiner
from idse_orchestrator.constitution.validation_engine import Job, examine_batch
from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry
from no_cache import NoCache

CONFLICT = b"<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"


@pytest.fixture(scope="module")
def constitution():
    return load_constitution(constitution_bytes())


def job(number):
    data = b"# Spec %d\n" % number + CONFLICT * (number % 3)
    return Job(DocumentKey("spec.md", REGULAR, hashlib.sha1(data).hexdigest()), len(data), data)


BATCHES = [[job(number) for number in range(start, start + 20)] for start in range(0, 200, 20)]


def expected(constitution):
    return [(batch, examine_batch(batch, constitution, {})) for batch in BATCHES]


def test_workers_give_the_answers_this_process_would_give_in_order(constitution):
    assert list(examine_on_all_cores(BATCHES, constitution)) == expected(constitution)


def test_one_core_does_the_work_alone(constitution, monkeypatch):
    monkeypatch.setattr(examination_pool, "cores", lambda: 1)
    assert list(examine_on_all_cores(BATCHES, constitution)) == expected(constitution)


def test_workers_that_die_leave_nothing_undone(constitution, monkeypatch):
    monkeypatch.setattr(examination_pool, "cores", lambda: 2)
    monkeypatch.setattr(examination_pool, "_start", os._exit)
    assert list(examine_on_all_cores(BATCHES, constitution)) == expected(constitution)


def test_a_system_without_semaphores_does_the_work_alone(constitution, monkeypatch):
    def refuse(*_args, **_more):
        raise OSError("no semaphores here")

    monkeypatch.setattr(examination_pool, "cores", lambda: 2)
    monkeypatch.setattr(examination_pool, "ProcessPoolExecutor", refuse)
    assert list(examine_on_all_cores(BATCHES, constitution)) == expected(constitution)


def test_an_error_of_the_source_is_not_mistaken_for_a_missing_worker(constitution):
    def batches():
        yield BATCHES[0]
        raise OSError("the source failed")

    with pytest.raises(OSError, match="the source failed"):
        list(examine_on_all_cores(batches(), constitution))


class Source:
    """Documents by path, as a reader hands them out."""

    def __init__(self, contents):
        self.contents = contents

    def read_many(self, paths):
        return {path: self.contents[path] for path in paths}


def test_many_documents_give_what_few_at_a_time_give(constitution):
    jobs = {f"{number}.md": job(number) for number in range(POOL_PAYS + 100)}
    files = {one.key: (path, FileEntry(REGULAR, one.key.blob, one.size)) for path, one in jobs.items()}
    reader = Source({path: one.data for path, one in jobs.items()})
    examiner = Examiner(constitution, NoCache())
    few = dict(list(files.items())[:100])
    together = examiner.hits(reader, files)
    assert len(together) == len(files)
    assert {key: together[key] for key in few} == examiner.hits(reader, few)


SCRIPT = """
from idse_orchestrator.constitution.validation_engine import Job
from idse_orchestrator.constitution.examination_pool import examine_on_all_cores
from idse_orchestrator.constitution.hits import DocumentKey
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.base.files import constitution_bytes
constitution = load_constitution(constitution_bytes())
jobs = [[Job(DocumentKey("spec.md", 0o100644, "a" * 40), 7, b"# Spec\\n")]] * 3
print(len(list(examine_on_all_cores(jobs, constitution))))
"""


def test_a_script_that_cannot_be_imported_twice_still_gets_its_answers(repo):
    repo.write("script.py", SCRIPT)
    done = repo.run(sys.executable, "script.py")
    assert (done.returncode, done.stdout) == (0, "3\n")
