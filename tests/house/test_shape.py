"""How large the house may grow, and how far a command may walk in it: `benchmarks/house.py` prints it.

Raise a limit only with a reason beside the number.
"""

from __future__ import annotations

import pathlib
import sys

import pytest

HOUSE = pathlib.Path(__file__).parents[2]
sys.path.append(str(HOUSE / "benchmarks"))

from bed import Bed  # noqa: E402 - a folder of scripts, no package
from shape.imports import circles, graph  # noqa: E402
from shape.protocols import Classes  # noqa: E402
from shape.source import EDGES, read  # noqa: E402
from shape.trips import trips  # noqa: E402

MOST_FILES = 505
# Evidence has five: what documents say, what git shows, the judge, the trace of them, and its command. Two
# more are the table of agents, and the texts that lead one; two the report and the watch; two the branches
# of sessions, and code that is out of place; one renames sessions and deletes them. The merge of boxes has
# one: M rests on it, and who reads how lines merge need not. Drift has five: what it is, how Python is read
# for it, what git shows, what status keeps of it, and its command. The base of all records has one: rooms
# from the lowest on load it. Of a migration's, one finds documents that the source overwrote, and one what
# idse itself keeps where the source is this work tree. Old databases have four: the copy that is opened, what
# one holds, how its tables are read, and how its claims become ours. The server is a room of its own, with 42
# files: names, who uses it, its doors, and what a push is judged by; its commands have seven. Designs have
# three: how plans refer to them, the libraries of an Agency, and their command. A mirror has two.
# The projection has fourteen: the shape of the tables, the store in two engines with its making and opening,
# ids, rows, when what came, writing, comparing, the process that follows and what doctor says of it. One more
# asks that process for the doors, and one is its command.
# REST has nine, MCP four, writes by the server five; what a door asks the judge has two,
# kept answers one. Reports as data and schemas of tools have one each: commands and the server share them.
# The runner's agents have nine: the table of the user's agents and its file, four adapters beside the
# shell's, how their lines are read, the programs that are there, and tables that say where they are wrong.
# Limits, budgets and cost have eleven: buckets, where they are shared, budgets, prices, the meter of a run,
# how it is put together, cost and figures out of ledgers, and three commands.
# What Landlock is told is a file of its own: nothing else knows system calls.
# The runner has 25 beside these: the protocol of agents and one for each of them, what an attempt needs, what
# becomes of its result, the handler, the loop, the report; its wiring, its commands and the live view.
# The pages have ten: what each shows, how, by which address, two doors, logins, whom a proxy names, who puts
# them together for one repository, and their command. Those that write have four more: what they do, what a
# form holds of a document, what differs between two texts, and older versions of documents.
# Tasks have thirteen: their words, shapes, state, moves and kind, the queue with its board, graph and
# history, how a list becomes one and who asks for it, what fsck reads; and what appends to many ledgers at
# once. Their command has two, and one puts them together. How a task wants to be worked on has its own file.
MOST_LONELY_PROTOCOLS = 2
MOST_ENTERED = {"status": 26, "sync push": 62, "stage complete": 66}
# How hidden characters are shown is known to pages, too, so it stands in base/text, not beside the terminal.
# Patterns have a file of their own: what they may cost is worked out there, for every rule that has one.
# So has the door of all output, which every command goes through, and the lines of events that replay and
# merge share. A sync point is dated by the writer of events, which knows what no clock may say.
# Completing a stage says what comes next, as `status` does, in a file that it shares with `edit`. The base of
# records is entered by every class of them that loads. A push looks whether HEAD has rules that no hook
# recorded; and what a server says has a file of its own, of which a push without trouble reads little.


@pytest.fixture(scope="module")
def sources():
    """Every file of the package."""
    return read(str(HOUSE))


def test_a_change_finds_its_room_among_few_files(sources):
    assert len(sources) <= MOST_FILES


def test_no_file_knows_another_that_knows_it(sources):
    assert circles(graph(sources, type_checking=True)) == []


def test_a_protocol_has_more_than_one_implementation(sources):
    found = Classes(sources).implementations()
    assert sum(len(classes) == 1 for classes in found.values()) <= MOST_LONELY_PROTOCOLS


def test_only_wiring_and_the_command_line_look_around(sources):
    below = [source for source in sources if source.room not in EDGES]
    assert not [source.path for source in below if source.environment_reads]


def test_commands_enter_no_more_files_than_they_may(tmp_path):
    found = {name: len(trip.entered) for name, trip in trips(Bed(str(tmp_path / "bed")), str(HOUSE)).items()}
    assert {name: count for name, count in found.items() if count > MOST_ENTERED[name]} == {}
