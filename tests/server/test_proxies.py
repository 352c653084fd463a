"""nginx and Caddy before the Agency, as the how-to sets them up, over a port and over a socket."""

from __future__ import annotations

import os
import subprocess

import pytest

from agency_bed import AgencyBed, bearer
from proxies import free_port, program, wait_for
from pushes import GOOD, Clone, ref_of

OUTER = "203.0.113.7"
NGINX = """\
{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
NGINX_SERVER = """
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://{to};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_request_buffering off;
            proxy_buffering off;
            client_max_body_size 0;
            proxy_read_timeout 600;
            proxy_send_timeout 600;
        }}
    }}
"""


@pytest.fixture(scope="module")
def beds(tmp_path_factory, sealed_session):
    """Two Agencies that trust the proxy on this machine: one on a port, one on a socket."""
    folder = tmp_path_factory.mktemp("behind")
    made = {}
    for kind in ("port", "socket"):
        bed = made[kind] = AgencyBed(folder / kind)
        with open(bed.home.configuration_file, "w", encoding="utf-8") as file:
            file.write('trusted_proxy = "127.0.0.1"\n')
        bed.start(*(("--socket", str(folder / "s")) if kind == "socket" else ()))
    yield made
    for bed in made.values():
        assert bed.stop() == 0


@pytest.fixture(scope="module")
def proxies():
    """What runs, and is ended: kind to the ports for the two Agencies."""
    running = {}
    yield running
    for process, _ in running.values():
        process.terminate()
        process.wait(timeout=20)


def start(kind, beds, folder):
    ports = {name: free_port() for name in beds}
    to = {"port": beds["port"].address, "socket": beds["socket"].address}
    if kind == "nginx":
        to["socket"] = f"unix:{to['socket']}:"
        user = "user root;" if os.geteuid() == 0 else ""  # who may open the socket
        blocks = [NGINX_SERVER.format(port=ports[name], to=to[name]) for name in beds]
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user, servers="".join(blocks)))
        words = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    else:
        to["socket"] = f"unix/{to['socket']}"
        sites = [f"http://127.0.0.1:{ports[name]} {{\n\treverse_proxy {to[name]}\n}}\n" for name in beds]
        (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + "".join(sites))
        words = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with (folder / f"{kind}.out").open("w") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for port in ports.values():
        wait_for(port, process, folder / f"{kind}.out")
    return process, ports


@pytest.fixture(params=["nginx-port", "nginx-socket", "caddy-port", "caddy-socket"])
def way(request, beds, proxies, tmp_path_factory):
    """Which proxy, which Agency behind it, and the port of the proxy."""
    kind, _, over = request.param.partition("-")
    if kind not in proxies:
        proxies[kind] = start(kind, beds, tmp_path_factory.mktemp(kind))
    return request.param, beds[over], proxies[kind][1][over]


def test_git_works_through_a_proxy_and_the_caller_is_known(way, repo, make_repo):
    client, bed, port = way
    env = bearer(bed.key(client))
    url = f"http://127.0.0.1:{port}/git/{client}/shop.git"
    clone = Clone(repo)
    clone.create()
    clone.append("login", "described", {"title": "x" * 400})
    chunked = ("git", "-c", "http.postBuffer=1", "push", url, "refs/idse/*:refs/idse/*")
    done = repo.run(*chunked, env=env)
    assert done.returncode == 0, done.stderr
    other = make_repo("other")
    done = other.run("git", "fetch", url, f"{ref_of()}:{ref_of()}", env=env)
    assert (done.returncode, other.git("rev-parse", ref_of())) == (0, clone.tip(ref_of())), done.stderr
    clone.complete("intent", GOOD["intent"].replace("The log.", "[REQUIRES INPUT]"))
    done = repo.run(*chunked, env=env)
    assert done.returncode == 1
    assert f"refused {ref_of()}: error[IDSE301]" in done.stderr
    lines = [each for each in bed.entries() if each["client"] == client]
    assert {each["address"] for each in lines} == {"127.0.0.1"}
    # What a caller says of himself is no address: the one that the proxy saw is.
    said = {**env, "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_1": "http.extraHeader"}
    said["GIT_CONFIG_VALUE_1"] = f"X-Forwarded-For: {OUTER}"
    assert repo.run("git", "ls-remote", url, env=said).returncode == 0
    bed.until(lambda: len([each for each in bed.entries() if each["client"] == client]) > len(lines))
    assert bed.entries()[-1]["address"] == "127.0.0.1"


def test_only_a_trusted_proxy_names_a_caller(beds, server):
    path = "/git/direct/shop.git/info/refs?service=git-upload-pack"
    for bed, address in ((beds["port"], OUTER), (server, "127.0.0.1")):
        bed.get(path, bed.key("direct"), X_Forwarded_For=f"198.51.100.1, {OUTER}")
        bed.until(lambda bed=bed: any(each["client"] == "direct" for each in bed.entries()))
        (line,) = (each for each in bed.entries() if each["client"] == "direct")
        assert line["address"] == address
