"""Who is logged in by the word of a proxy, with nginx and Caddy before a real Agency."""

from __future__ import annotations

import http.client
import subprocess

import pytest

from agency_bed import AgencyBed
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.server.api.problems import ProblemError
from idse_orchestrator.server.pages.proxied import ProxyLogins
from idse_orchestrator.server.tenants.configuration import Configuration, read_configuration
from proxies import free_port, program, wait_for

HEADER = "X-Forwarded-User"
ANN = "ann@example.org"
NGINX = """\
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    # What auth_request would set: the name of whoever shows this cookie.
    map $cookie_sso $user {{ default ""; ann "ann@example.org"; eve "eve@example.org"; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_set_header X-Forwarded-User $user;
            proxy_set_header Host $http_host;
            proxy_pass http://{to};
        }}
    }}
}}
"""
CADDY = """\
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	@ann header Cookie *sso=ann*
	@eve header Cookie *sso=eve*
	route {{
		request_header -X-Forwarded-User
		request_header @ann X-Forwarded-User ann@example.org
		request_header @eve X-Forwarded-User eve@example.org
		reverse_proxy {to}
	}}
}}
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory, sealed_session):
    """An Agency in which the proxy at 127.0.0.2 would be believed, and that at 127.0.0.1 is."""
    made = AgencyBed(tmp_path_factory.mktemp("proxied") / "agency")
    made.ann = made.key("acme", "read", name="Ann Lee")
    ident = made.admin.keys.caller(made.ann).key_id
    with open(made.home.configuration_file, "a", encoding="utf-8") as file:
        file.write(f'login_header = "{HEADER}"\nlogin_proxies = ["127.0.0.1", "10.0.0.0/8"]\n')
        file.write(f'[logins]\n"{ANN}" = "{ident}"\n"gone@example.org" = "key_of_nobody"\n')
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(request, bed, tmp_path_factory):
    """A proxy before it that knows people by a cookie; its port."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    if request.param == "nginx":
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, to=bed.address))
        words = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    else:
        (folder / "Caddyfile").write_text(CADDY.format(port=port, to=bed.address))
        words = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with (folder / "out").open("w") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(port, process, folder / "out")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(address, path="/c/acme", method="GET", *, source="", **headers):
    """Status, place and text of an answer; a header may be given several times as a list."""
    host, _, port = str(address).rpartition(":")
    connection = http.client.HTTPConnection(
        host or "127.0.0.1", int(port), timeout=60, source_address=(source, 0) if source else None
    )
    connection.putrequest(method, path)
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.headers.get("location", ""), answer.read().decode()
    connection.close()
    return found


def test_whom_the_proxy_names_sees_pages_without_a_key(proxy):
    status, _, text = ask(proxy, Cookie="sso=ann")
    assert (status, "Ann Lee" in text, "Log out" in text) == (200, True, False)
    assert ask(proxy, "/login", Cookie="sso=ann")[:2] == (303, "/")
    assert ask(proxy, "/findings.json", Cookie="sso=ann")[0] == 200


def test_whom_it_does_not_name_pastes_a_key(proxy):
    assert ask(proxy)[:2] == (303, "/login?to=/c/acme")
    assert ask(proxy, "/login")[0] == 200


def test_what_a_browser_says_of_itself_does_not_come_through(proxy):
    assert ask(proxy, X_Forwarded_User=ANN)[0] == 303
    assert ask(proxy, X_Forwarded_User=[ANN, ANN])[0] == 303
    status, _, text = ask(proxy, Cookie="sso=eve", X_Forwarded_User=ANN)
    assert (status, "this Agency does not" in text) == (403, True)


def test_a_name_counts_from_the_proxy_alone(bed):
    assert ask(bed.address, X_Forwarded_User=ANN)[0] == 200
    for address in ("127.0.0.2", "127.1.2.3"):
        status, _, text = ask(bed.address, source=address, X_Forwarded_User=ANN)
        assert (status, "not from the proxy" in text) == (403, True)
        assert ask(bed.address, source=address, X_Forwarded_User=ANN, X_Forwarded_For="127.0.0.1")[0] == 403
        assert ask(bed.address, source=address)[0] == 303


TWICE = {"x_forwarded_user": [ANN, ANN]}
UNCLEAR = [{"X_Forwarded_User": [ANN, ANN]}, TWICE, {"X_Forwarded_User": ""}, {"X_Forwarded_User": "  "}]


@pytest.mark.parametrize("headers", UNCLEAR)
def test_twice_or_empty_is_nobody(bed, headers):
    status, _, text = ask(bed.address, **headers)
    assert (status, "does not say clearly" in text) == (403, True)


STRANGERS = [
    "eve@example.org",
    "Ann@Example.org",
    f"{ANN},{ANN}",
    "gone@example.org",
    "key_of_nobody",
    f"{ANN}\xc2\xa0",
    "\xff",
]


def test_who_follows_a_link_to_the_login_comes_where_it_leads(bed):
    for to, where in (("/c/acme/shop/portal", "/c/acme/shop/portal"), ("//evil.example", "/")):
        assert ask(bed.address, f"/login?to={to}", X_Forwarded_User=ANN)[:2] == (303, where)


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_refused(bed, name):
    assert ask(bed.address, X_Forwarded_User=name)[0] == 403


def test_the_name_goes_before_a_cookie_and_is_for_pages_alone(bed):
    mill = bed.key("mill", "read", name="Somebody else")
    form = {"Origin": f"http://{bed.address}", "Content_Length": "0"}
    assert ask(bed.address, "/logout", "POST", X_Forwarded_User=ANN, **form)[0] == 403
    assert ask(bed.address, "/c/mill", X_Forwarded_User=ANN, Authorization=f"Bearer {mill}")[0] == 404
    assert ask(bed.address, "/api/v1/sessions", X_Forwarded_User=ANN)[0] == 401
    assert (
        ask(bed.address, "/git/acme/shop.git/info/refs?service=git-upload-pack", X_Forwarded_User=ANN)[0]
        == 401
    )


def test_a_key_that_is_revoked_ends_it_at_once(bed, tmp_path):
    other = bed.key("acme", "read", name="Bob")
    ident = bed.admin.keys.caller(other).key_id
    logins = ProxyLogins(Configuration(login_header=HEADER, login_proxies=("::1",), logins=(("bob", ident),)),
                         bed.admin.keys)  # fmt: skip
    scope = {"headers": [(b"x-forwarded-user", b"bob")], "client": ("::1", 1)}
    assert logins.caller(scope).name == "Bob"
    bed.admin.keys.revoke(ident)
    with pytest.raises(ProblemError):
        logins.caller(scope)


def test_it_is_off_unless_a_header_is_named(server):
    server.key("acme")
    assert ask(server.address, X_Forwarded_User=ANN)[0] == 303


@pytest.mark.parametrize("client", [None, ("", 0)])
def test_a_socket_counts_where_it_is_said(bed, client):
    scope = {"headers": [(b"x-forwarded-user", ANN.encode())], "client": client}
    ident = bed.admin.keys.caller(bed.ann).key_id
    for proxies, is_let_in in ((("socket",), True), (("127.0.0.1",), False), ((), False)):
        given = Configuration(login_header=HEADER, login_proxies=proxies, logins=((ANN, ident),))
        logins = ProxyLogins(given, bed.admin.keys)
        if is_let_in:
            assert logins.caller(scope).name == "Ann Lee"
        else:
            with pytest.raises(ProblemError):
                logins.caller(scope)


WRONG = [
    'login_header = "Cookie"',
    'login_header = "X Y"',
    'login_proxies = "everywhere"',
    'login_proxies = [""]',
    "login_proxies = 3",
    'logins = "x"',
    "logins = 3",
    '[logins]\n" ann" = "k"',
]


@pytest.mark.parametrize("text", WRONG)
def test_a_setting_that_does_not_fit_is_told(tmp_path, text):
    path = tmp_path / "agency.toml"
    path.write_text(text)
    with pytest.raises(InvalidConfigurationError):
        read_configuration(str(path), {})


def test_settings_are_variables_as_well(tmp_path):
    variables = {"IDSE_AGENCY_LOGIN_PROXIES": "10.0.0.1, socket", "IDSE_AGENCY_LOGINS": f"{ANN}=k1, b=k2"}
    found = read_configuration(str(tmp_path / "none"), variables)
    assert (found.login_proxies, found.logins) == (("10.0.0.1", "socket"), ((ANN, "k1"), ("b", "k2")))
