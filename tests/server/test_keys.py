"""Keys: what they open, when they end, and that nobody learns one who should not."""

from __future__ import annotations

import collections
import os
import re
import statistics
import subprocess
import sys
import time

import pytest

from idse_orchestrator.errors import ConflictError, IdseError, UnknownNameError, UsageError
from idse_orchestrator.redaction import redacted
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import Caller
from idse_orchestrator.server.tenants.admin import Found, Moved
from idse_orchestrator.server.tenants.issued_keys import Wanted
from idse_orchestrator.server.tenants.keys import authorized_keys_line, duration, hash_of, new_secret

DAY = 86_400
SHOP = Place("acme", "shop")


@pytest.fixture
def acme(admin):
    admin.add_client("acme")
    admin.add_client("beta")
    return admin


def issue(admin, client="acme", **wanted):
    return admin.keys.issue(Wanted(client, **wanted))


def test_a_key_is_256_random_bits_of_letters_and_digits():
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(re.fullmatch(r"idse_[A-Za-z0-9]{43}", secret) for secret in secrets)
    counts = collections.Counter("".join(secret[5:-1] for secret in secrets))
    assert len(counts) == 62


def test_a_caller_is_what_the_key_was_issued_as(acme):
    key, secret = issue(
        acme,
        name="Ann",
        emails=("ann@example.org",),
        scopes=("push", "read"),
        projects=("portal",),
        expires=DAY,
    )
    assert acme.keys.caller(secret) == Caller(
        key.id,
        acme.client("acme").id,
        "acme",
        "Ann",
        ("read", "push"),
        ("ann@example.org",),
        "",
        (),
        ("portal",),
    )
    assert acme.keys.caller_by_id(key.id) == acme.keys.caller(secret)


def test_unknown_expired_and_revoked_keys_are_one_answer(acme, clock):
    _, expired = issue(acme, expires=DAY)
    key, revoked = issue(acme)
    _, gone = issue(acme, "beta")
    acme.keys.revoke(key.id)
    clock.at += DAY
    acme.archive_client("beta")
    assert acme.keys.caller(gone) is not None
    acme.delete_client("beta", confirm="beta")
    for secret in (expired, revoked, gone, new_secret(), "", "idse_", "x" * 5000, "\udcff", expired.lower()):
        assert acme.keys.caller(secret) is None
    assert acme.keys.caller_by_id(key.id) is None
    assert acme.keys.caller_by_id("") is None


def test_a_key_ends_with_its_second(acme, clock):
    _, secret = issue(acme, expires=10)
    clock.at += 9
    assert acme.keys.caller(secret)
    clock.at += 1
    assert acme.keys.caller(secret) is None


def test_unknown_expired_and_revoked_keys_cost_the_same(acme, clock):
    _, expired = issue(acme, expires=1)
    key, revoked = issue(acme)
    acme.keys.revoke(key.id)
    clock.at += 2
    statements = []
    acme.keys.caller(expired)
    acme.database._connection().set_trace_callback(statements.append)
    seen = []
    for secret in (expired, revoked, new_secret()):
        statements.clear()
        acme.keys.caller(secret)
        seen.append([re.sub(r"'[^']*'", "?", each) for each in statements])
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 1
    acme.database._connection().set_trace_callback(None)
    times = {name: [] for name in ("expired", "revoked", "unknown")}
    for _ in range(300):
        for name, secret in (("expired", expired), ("revoked", revoked), ("unknown", new_secret())):
            begin = time.perf_counter()
            acme.keys.caller(secret)
            times[name].append(time.perf_counter() - begin)
    middle = [statistics.median(each) for each in times.values()]
    assert max(middle) < 3 * min(middle)


def test_no_secret_is_in_the_home(acme, home):
    secrets = [issue(acme, name="Ann")[1] for _ in range(3)]
    secrets.append(acme.keys.rotate_own(acme.keys.caller(secrets[0]), 60))
    for folder, _, names in os.walk(home.path):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            assert not [secret for secret in secrets if secret[9:].encode() in content]


def test_the_use_of_a_key_is_noted_once_an_hour(acme, clock):
    key, secret = issue(acme)
    acme.keys.caller(secret)
    first = acme.keys.key(key.id).last_used_at
    clock.at += 3599
    acme.keys.caller(secret)
    assert acme.keys.key(key.id).last_used_at == first != ""
    clock.at += 2
    acme.keys.caller(secret)
    assert acme.keys.key(key.id).last_used_at > first


class TestPlaces:
    """What a caller may know of; None for all else, whatever the reason."""

    @pytest.fixture
    def places(self, acme):
        for place in (SHOP, Place("acme", "site"), Place("beta", "shop")):
            acme.add_repository(None, place)
        return acme

    def caller(self, admin, client="acme", **wanted):
        return admin.keys.caller(issue(admin, client, **wanted)[1])

    def test_its_own_and_nobody_elses(self, places):
        mine = self.caller(places)
        assert isinstance(places.place(mine, SHOP), Found)
        for other in ("beta/shop", "beta/none", "nobody/shop", "acme/none"):
            assert places.place(mine, Place(*other.split("/"))) is None

    def test_an_operator_sees_all(self, places):
        operator = self.caller(places, "")
        assert operator.client == ""
        assert places.place(operator, SHOP).exists
        assert places.place(operator, Place("beta", "shop")).exists

    def test_a_key_limited_to_repositories_knows_of_no_other(self, places):
        limited = self.caller(places, repositories=("site", "later"), scopes=("read", "push", "create"))
        assert places.place(limited, SHOP) is None
        assert places.place(limited, Place("acme", "site")).exists
        assert places.place(limited, Place("acme", "later")) == Found("", False, False, 1 << 62)  # noqa: FBT003
        assert places.place(limited, Place("acme", "other")) is None

    def test_the_limit_goes_with_a_repository_that_is_renamed(self, places):
        limited = self.caller(places, repositories=("site",))
        places.rename_repository(Place("acme", "site"), "web")
        assert places.place(limited, Place("acme", "web")).exists
        assert places.place(limited, Place("acme", "site")) == Moved(Place("acme", "web"))
        assert places.place(limited, SHOP) is None

    def test_scope_create_reads_a_gap_as_empty(self, places):
        creator = self.caller(places, scopes=("read", "push", "create"))
        assert places.place(creator, Place("acme", "new")) == Found("", False, False, 1 << 62)  # noqa: FBT003
        assert places.place(creator, Place("beta", "new")) is None
        assert places.place(self.caller(places), Place("acme", "new")) is None

    def test_a_deleted_name_is_a_gap_to_nobody(self, places):
        places.archive_repository(SHOP)
        places.delete_repository(SHOP, confirm="acme/shop")
        creator = self.caller(places, scopes=("read", "push", "create"))
        assert places.place(creator, SHOP) is None
        with pytest.raises(IdseError):
            places.add_repository(creator, SHOP)

    def test_what_is_archived_can_be_read(self, places):
        places.archive_repository(SHOP)
        assert places.place(self.caller(places), SHOP).is_archived
        places.archive_client("acme")
        assert places.place(self.caller(places), Place("acme", "site")).is_archived
        assert places.place(self.caller(places, scopes=("create",)), Place("acme", "gap")) is None

    def test_a_client_that_is_renamed_answers_under_both_names(self, places):
        mine = self.caller(places, scopes=("read", "create"))
        places.rename_client("acme", "apex")
        assert places.place(mine, SHOP) == Moved(Place("apex", "shop"))
        assert places.place(mine, Place("acme", "gap")) == Moved(Place("apex", "gap"))
        assert places.place(mine, Place("apex", "shop")).exists
        beta = self.caller(places, "beta")
        assert places.place(beta, SHOP) is None
        assert places.place(beta, Place("apex", "shop")) is None


class TestScopes:
    def test_an_agent_never_approves(self, acme):
        with pytest.raises(UsageError, match="never approves"):
            issue(acme, agent="claude", scopes=("read", "approve"))

    def test_a_key_is_of_a_person_or_an_agent(self, acme):
        with pytest.raises(UsageError, match="person or to an agent"):
            issue(acme, agent="claude", emails=("ann@example.org",))

    def test_unknown_scopes_and_clients_are_told(self, acme):
        with pytest.raises(UnknownNameError, match="scope 'pusch'"):
            issue(acme, scopes=("pusch",))
        with pytest.raises(UnknownNameError, match="client 'acne'"):
            issue(acme, "acne")

    @pytest.mark.parametrize("names", [(), ("shop", "site")])
    def test_adopt_is_for_one_repository(self, acme, names):
        with pytest.raises(UsageError, match="one repository"):
            issue(acme, scopes=("adopt",), repositories=names)

    def test_adopt_ends_with_the_first_push(self, acme):
        acme.add_repository(None, SHOP)
        _, secret = issue(acme, scopes=("push", "adopt"), repositories=("shop",))
        assert "adopt" in acme.keys.caller(secret).scopes
        acme.note_bytes(SHOP, 10, pushed=False)
        assert "adopt" in acme.keys.caller(secret).scopes
        acme.note_bytes(SHOP, 10)
        assert acme.keys.caller(secret).scopes == ("push",)

    def test_adopt_ends_after_a_week_and_rotation_does_not_prolong_it(self, acme, clock):
        _, secret = issue(acme, scopes=("push", "adopt"), repositories=("shop",))
        new = acme.keys.rotate_own(acme.keys.caller(secret), 30 * DAY)
        assert acme.keys.caller(new).scopes == ("push",)
        clock.at += 7 * DAY - 1
        assert "adopt" in acme.keys.caller(secret).scopes
        clock.at += 1
        assert acme.keys.caller(secret).scopes == ("push",)


class TestRotation:
    def test_both_hold_until_the_overlap_ends(self, acme, clock):
        _, old = issue(acme, name="CI", scopes=("read",), repositories=("shop",), expires=90 * DAY)
        clock.at += 80 * DAY
        new = acme.keys.rotate_own(acme.keys.caller(old), 3600)
        a, b = acme.keys.caller(old), acme.keys.caller(new)
        assert a._replace(key_id="") == b._replace(key_id="")
        clock.at += 3600
        assert acme.keys.caller(old) is None
        assert acme.keys.caller(new)
        clock.at += 89 * DAY
        assert acme.keys.caller(new)
        clock.at += DAY
        assert acme.keys.caller(new) is None

    def test_an_overlap_never_prolongs_the_old_key(self, acme, clock):
        _, old = issue(acme, expires=60)
        acme.keys.rotate_own(acme.keys.caller(old), 7 * DAY)
        clock.at += 60
        assert acme.keys.caller(old) is None

    def test_a_key_is_replaced_once(self, acme):
        key, old = issue(acme)
        caller = acme.keys.caller(old)
        acme.keys.rotate_own(caller, 3600)
        with pytest.raises(ConflictError, match="was replaced"):
            acme.keys.rotate_own(caller, 3600)
        acme.keys.revoke(key.id)
        with pytest.raises(ConflictError, match="was replaced"):
            acme.keys.rotate_own(caller, 3600)

    def test_revoked_and_expired_keys_are_not_rotated(self, acme, clock):
        key, _ = issue(acme)
        acme.keys.revoke(key.id)
        with pytest.raises(ConflictError, match="is revoked"):
            acme.keys.rotate(key.id, 60)
        late, _ = issue(acme, expires=5)
        clock.at += 5
        with pytest.raises(ConflictError, match="is expired"):
            acme.keys.rotate(late.id, 60)

    @pytest.mark.parametrize("overlap", [-1, 31 * DAY])
    def test_an_overlap_is_bounded(self, acme, overlap):
        key, _ = issue(acme)
        with pytest.raises(UsageError):
            acme.keys.rotate(key.id, overlap)


def test_a_key_in_an_error_or_a_log_is_hidden():
    secret = new_secret()
    for text in (f"bad {secret}", f"https://acme:{secret}@host/x", f'"{secret}"', f"{secret}\n{secret}"):
        assert secret not in redacted(text)
    error = UsageError(f"what is {secret}", where=secret, cause=secret, fix=(f"idse {secret}",))
    assert secret not in f"{error} {vars(error)}"
    assert redacted("idse_orchestrator/server and idse_agency") == "idse_orchestrator/server and idse_agency"


def test_a_key_is_in_no_list_of_processes(home, acme):
    """`key issue` prints it, and takes it nowhere: while it runs, no command line holds it."""
    watch = (
        "import subprocess, sys, glob\n"
        "child = subprocess.Popen([sys.executable, '-m', 'idse_orchestrator', 'agency', '--home',\n"
        "    sys.argv[1], 'key', 'issue', 'acme', '-q'], stdout=subprocess.PIPE, text=True)\n"
        "seen = set()\n"
        "while child.poll() is None:\n"
        "    for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n"
        "        try: seen.add(open(path, 'rb').read())\n"
        "        except OSError: pass\n"
        "secret = child.stdout.read().strip()\n"
        "assert len(secret) == 48, secret\n"
        "assert not [each for each in seen if secret.encode() in each]\n"
        "print(len(seen))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, home.path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 90 * DAY), ("12h", 43_200), (" 1w ", 7 * DAY), ("0s", 0)]
)
def test_a_duration_is_a_number_with_a_unit(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "9x", "-1d", "1.5h", "101y", "٣d", "1d2h"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(UsageError, match="no duration"):
        duration(text)


class TestSshLines:
    KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBoXLjPJ6XXI ann@laptop"

    def test_a_key_can_do_nothing_but_the_command(self):
        line = authorized_keys_line(self.KEY + "\n", 'idse agency --home "/srv/a b" ssh-shell X')
        assert line == f'command="idse agency --home \\"/srv/a b\\" ssh-shell X",restrict {self.KEY}'

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "ssh-ed25519",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk",
            'command="x" ssh-ed25519 AAAA',
            'ssh-ed25519 AA"AA',
            "idse_key AAAA",
        ],
    )
    def test_what_is_no_public_key_is_refused(self, text):
        with pytest.raises(UsageError, match="no public key"):
            authorized_keys_line(text, "x")

    def test_a_comment_cannot_add_a_line(self):
        line = authorized_keys_line('ssh-ed25519 AAAA x\nssh-rsa BBBB "y"', "c")
        assert "\n" not in line
        assert line.count("ssh-ed25519") == 1
        assert '"y"' not in line


def test_hashes_differ():
    assert len({hash_of(new_secret()) for _ in range(50)}) == 50
