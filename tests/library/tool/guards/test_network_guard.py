"""The guard of the network, and what tries to get around it."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import NotAllowedError, ToolTimeoutError
from llmspell_kernel.library.tool.guards.addresses import carried, special
from llmspell_kernel.library.tool.guards.network import UnreachableError
from llmspell_kernel.library.tool.guards.transport import TooLargeError
from llmspell_kernel.library.tool.guards.urls import shown_url
from tests.library.tool.web import certificate, server_context, serving, world

LOOPBACK = (
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b:1::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://user:password@127.0.0.1/",
    "http://example.org@127.0.0.1/",
    "HTTP://127.0.0.1:80/",
)

PRIVATE = (
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.1.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://203.0.113.5/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[fc00::1]/",
    "http://[fd12::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[2001::1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[2002:a00:1::]/",
    "http://[::ffff:0:10.0.0.1]/",
    "http://[5f00::1]/",
)

METADATA = (
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/",
    "http://METADATA.google.internal./",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
)

NONSENSE = (
    "",
    "example.org",
    "//example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http://",
    "http:///etc/passwd",
    "http://exa mple.org/",
    "http://example.org\\@127.0.0.1/",
    "http://example.org\r\nHost: x/",
    "http://example.org\t/",
    "http://example.org:99999/",
    "http://[::1/",
    "http://-example-.org/",
    "http://a..b/",
    "http://" + "a" * 300 + ".org/",
)

BLOCKED_PORTS = (22, 23, 25, 110, 135, 139, 445, 1433, 3306, 3389, 5432, 5900, 6379, 8020, 9200, 11211, 27017)


@pytest.mark.parametrize("url", [*LOOPBACK, *PRIVATE, *METADATA, *NONSENSE])
def test_urls_that_lead_nowhere_public_are_refused(url: str) -> None:
    there = world(private=())
    with pytest.raises(NotAllowedError, match="must not connect"):
        there.surroundings.network.check_url(url)
    assert there.acts[-1][0] == "network.connect" and there.acts[-1][1]["allowed"] is False
    # The client sees the same, whatever it makes of the URL.
    with (
        there.surroundings.network.client() as client,
        pytest.raises((NotAllowedError, httpx.HTTPError, httpx.InvalidURL)),
    ):
        client.get(url)


@pytest.mark.parametrize("port", BLOCKED_PORTS)
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    there = world(private=())
    with pytest.raises(NotAllowedError, match=r"tools\.network\.blocked_ports"):
        there.surroundings.network.check_url(f"http://example.org:{port}/")


def test_the_message_names_host_rule_and_setting() -> None:
    guard = world(private=(), resolve=lambda host, port: ["10.1.2.3"]).surroundings.network
    with pytest.raises(NotAllowedError) as refused:
        guard.address("intranet.example", 443)
    assert str(refused.value) == (
        "http-requester must not connect to intranet.example: 10.1.2.3 is a private address (if you mean it, "
        'add "intranet.example" to the setting tools.network.allow_private)'
    )


def test_public_addresses_are_allowed() -> None:
    guard = world(
        private=(), resolve=lambda host, port: ["93.184.216.34", "2606:2800:220:1::1"]
    ).surroundings.network
    assert guard.check_url("https://Example.ORG./x") == ("https", "example.org", 443)
    assert guard.addresses("example.org", 443) == ["93.184.216.34", "2606:2800:220:1::1"]
    assert guard.address("bücher.example", 443) == "93.184.216.34"
    assert guard.address("64:ff9b::8.8.8.8", 443) == "64:ff9b::808:808"


def test_one_private_address_among_many_is_enough_to_refuse() -> None:
    guard = world(private=(), resolve=lambda host, port: ["93.184.216.34", "127.0.0.1"]).surroundings.network
    with pytest.raises(NotAllowedError, match=r"127\.0\.0\.1 is a loopback address"):
        guard.connect("example.org", 80)


def test_lists_of_hosts() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        return {"bad.example.org": ["1.2.3.4"], "odd.example.org": ["9.9.9.9"]}.get(host, ["93.184.216.34"])

    settings = {
        "http_request": {
            "allowed_hosts": ["*.example.org", "93.184.0.0/16"],
            "blocked_hosts": ["bad.*", "9.0.0.0/8"],
        }
    }
    guard = world(settings=settings, private=(), resolve=resolve).surroundings.network
    assert guard.address("www.example.org", 80)
    assert guard.address("example.org", 80)
    assert guard.address("elsewhere.net", 80), "its address is in a network that is allowed"
    with pytest.raises(NotAllowedError, match=r"tools\.http_request\.blocked_hosts"):
        guard.address("bad.example.org", 80)
    with pytest.raises(NotAllowedError, match=r"tools\.http_request\.blocked_hosts"):
        guard.address("odd.example.org", 80)
    with pytest.raises(NotAllowedError, match=r"tools\.http_request\.allowed_hosts"):
        guard.address("8.8.8.8", 80)
    by_name = world(settings={"http_request": {"allowed_hosts": ["example.org"]}}).surroundings.network
    with pytest.raises(NotAllowedError, match=r"tools\.http_request\.allowed_hosts"):
        by_name.check_url("http://example.org.evil.net/")


def test_sites_that_readers_may_not_see() -> None:
    settings = {"web_search": {"blocked_domains": ["*.example.org"]}}
    reader = world("web-scraper", settings).surroundings.network
    with pytest.raises(NotAllowedError, match=r"tools\.web_search\.blocked_domains"):
        reader.check_url("http://www.example.org/")
    assert world("http-requester", settings).surroundings.network.check_url("http://www.example.org/")


def test_exceptions_are_as_narrow_as_they_are_written() -> None:
    guard = world(private=("10.1.0.0/16", "localhost")).surroundings.network
    assert guard.address("10.1.2.3", 80) == "10.1.2.3"
    for same in ("::ffff:10.1.2.3", "::ffff:a01:203"):
        assert guard.address(same, 80) == "::ffff:10.1.2.3"
    assert guard.address("localhost", 80) in ("127.0.0.1", "::1")
    for host in ("10.2.0.1", "127.0.0.1"):
        with pytest.raises(NotAllowedError):
            guard.address(host, 80)
    everything = world(private=("0.0.0.0/0", "*")).surroundings.network
    assert everything.address("192.168.0.1", 80)
    for host in ("169.254.169.254", "metadata.google.internal"):
        with pytest.raises(NotAllowedError):
            everything.address(host, 80)
    for named in ("169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"):
        guard = world(private=(named,)).surroundings.network
        assert guard.address(named, 80)


def test_a_setting_forbids_the_network() -> None:
    there = world(security={"allow_network_access": False})
    for act in (
        lambda: there.surroundings.network.check_url("https://example.org/"),
        lambda: there.surroundings.network.connect("127.0.0.1", 9),
        lambda: there.surroundings.network.client(),
    ):
        with pytest.raises(NotAllowedError, match=r"runtime\.security\.allow_network_access"):
            act()


def test_a_name_that_changes_its_address_gains_nothing() -> None:
    """DNS rebinding: a public address for the check, and then another one for the connection."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]])
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    with serving({"/": "inside"}) as site:
        there = world(resolve=resolve)
        with there.surroundings.network.client() as client:
            url = f"http://rebind.example:{site.port}/"
            assert client.get(url).text == "inside", "the address that was checked is the one that is used"
            assert asked == ["rebind.example"]
            for _ in range(2):
                with pytest.raises(NotAllowedError):
                    client.get(url, headers={"Connection": "close"})
                    client.get(url)
        assert {facts.get("address") for act, facts in there.acts if facts.get("address")} == {"127.0.0.1"}
        assert site.requests[0].headers["host"] == f"rebind.example:{site.port}"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "//0x7f.2/",
        "http://localhost:22/",
    ],
)
def test_redirects_are_checked(target: str) -> None:
    with (
        serving({"/": (302, {"Location": target}, "")}) as site,
        world().surroundings.network.client() as client,
    ):
        with pytest.raises((NotAllowedError, httpx.HTTPError)):
            client.get(site.url, follow_redirects=True)
        assert len(site.requests) == 1


Body = Callable[[Any, Any], Any]


def endless(handler: Any, request: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while not handler.site.over.is_set():
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


def slow(handler: Any, request: Any) -> None:
    """A byte now and then: each read gets something, so that no read alone is too slow."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not handler.site.over.wait(0.05):
            handler.wfile.write(b"X-More: 1\r\n")
    except OSError:
        pass


def slow_body(handler: Any, request: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while not handler.site.over.wait(0.05):
            handler.wfile.write(b"x")
    except OSError:
        pass


def test_answers_without_end_are_cut() -> None:
    with serving({"/": endless}) as site, world().surroundings.network.client(max_bytes=1_000_000) as client:
        with pytest.raises(TooLargeError, match="bigger than 1000000 bytes"):
            client.get(site.url)


@pytest.mark.parametrize("page", [slow, slow_body])
def test_answers_that_trickle_end_in_time(page: Body) -> None:
    with serving({"/": page}) as site:
        began = time.monotonic()
        with (
            world().surroundings.network.client(seconds=0.4) as client,
            pytest.raises(httpx.TimeoutException),
        ):
            client.get(site.url)
        with world(seconds=0.4).surroundings.network.client() as client, pytest.raises(ToolTimeoutError):
            client.get(site.url)
        assert time.monotonic() - began < 5


def test_servers_that_say_nothing_at_all_end_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}/"
        for scheme in ("http", "https"):
            client = world().surroundings.network.client(seconds=0.3)
            with client, pytest.raises(httpx.TimeoutException):
                client.get(f"{scheme}://{where}")


def test_a_request_ends_when_nobody_waits_for_it() -> None:
    with serving({"/": slow_body}) as site:
        there = world()
        threading.Timer(0.2, there.surroundings.cancelled.set).start()
        began = time.monotonic()
        with there.surroundings.network.client() as client, pytest.raises(ToolTimeoutError):
            client.get(site.url)
        assert time.monotonic() - began < 5


def test_packed_answers_are_unpacked_up_to_the_limit() -> None:
    text = b"hello " * 50_000
    raw = zlib.compressobj(wbits=-15)
    pages: dict[str, Any] = {
        "/gzip": (200, {"Content-Encoding": "gzip"}, gzip.compress(text)),
        "/members": (200, {"Content-Encoding": "gzip"}, gzip.compress(text) + gzip.compress(b"more")),
        "/deflate": (200, {"Content-Encoding": "deflate"}, zlib.compress(text)),
        "/raw": (200, {"Content-Encoding": "deflate"}, raw.compress(text) + raw.flush()),
        "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(30_000_000), 1)),
        "/broken": (200, {"Content-Encoding": "gzip"}, b"no gzip at all"),
        "/other": (200, {"Content-Encoding": "zstd"}, b"x"),
        "/twice": (200, {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(text))),
    }
    with serving(pages) as site, world().surroundings.network.client() as client:
        for path in ("gzip", "deflate", "raw"):
            assert client.get(f"{site.url}/{path}").content == text
        assert client.get(f"{site.url}/members").content == text + b"more"
        with pytest.raises(TooLargeError):
            client.get(f"{site.url}/bomb")
        for path in ("broken", "other", "twice"):
            with pytest.raises(httpx.DecodingError):
                client.get(f"{site.url}/{path}")


def test_headers_without_end_are_cut() -> None:
    def page(handler: Any, request: Any) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not handler.site.over.is_set():
                handler.wfile.write(b"X-More: " + b"x" * 60_000 + b"\r\n")
        except OSError:
            pass

    with serving({"/": page}) as site, world().surroundings.network.client() as client:
        with pytest.raises(httpx.HTTPError):
            client.get(site.url)


def test_servers_prove_who_they_are(tmp_path: Path) -> None:
    paths = certificate(tmp_path)
    context = server_context(paths)

    def wrapped(plain: socket.socket) -> socket.socket:
        return context.wrap_socket(plain, server_side=True)

    with serving({"/": "hello"}, wrapped) as site:
        url = f"https://localhost:{site.port}/"
        private = ("localhost",)
        with (
            world(private=private).surroundings.network.client() as client,
            pytest.raises(httpx.ConnectError),
        ):
            client.get(url)
        for network in ({"ca_file": str(paths[0])}, {"verify_ssl": False}):
            there = world(settings={"network": {"allow_private": private, **network}})
            with there.surroundings.network.client() as client:
                assert client.get(url).text == "hello"


def test_proxies_come_from_the_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"http://public.example/x": "by proxy"}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        with serving({"/": "direct"}) as site, world().surroundings.network.client() as client:
            assert client.get(site.url).text == "direct"
        there = world(
            settings={"network": {"proxy": proxy.url}},
            private=(),
            resolve=lambda host, port: ["93.184.216.34"] if host == "public.example" else ["10.0.0.1"],
        )
        with there.surroundings.network.client() as client:
            assert client.get("http://public.example/x").text == "by proxy"
            with pytest.raises(NotAllowedError):
                client.get("http://inside.example/")
        assert len(proxy.requests) == 1


def test_connections_for_other_protocols() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        there = world()
        with there.surroundings.network.connect("127.0.0.1", port) as opened, server.accept()[0] as other:
            other.sendall(b"hello")
            assert opened.recv(10) == b"hello"
            # Who waits for the other side wakes up when the call is over.
            opened.settimeout(None)
            with there.surroundings.network.ending(opened.fileno()):
                threading.Timer(0.1, there.surroundings.cancelled.set).start()
                assert opened.recv(10) == b""
        assert there.acts[0] == (
            "network.connect",
            {"host": "127.0.0.1", "address": "127.0.0.1", "port": port},
        )
    with pytest.raises(UnreachableError, match="refused"):
        world().surroundings.network.connect("127.0.0.1", port)


def test_a_resolver_that_does_not_answer_is_left_behind() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        release.wait(20)
        return ["93.184.216.34"]

    there = world(settings={"network": {"timeout_seconds": 0.2}}, resolve=resolve)
    with pytest.raises(UnreachableError, match="in time"):
        there.surroundings.network.address("slow.example", 80)
    release.set()


def test_names_without_addresses() -> None:
    def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UnreachableError, match="not known"):
        world(resolve=nothing).surroundings.network.address("nowhere.example", 80)


def test_secrets_in_urls_are_not_shown() -> None:
    shown = shown_url("https://ann:hush@example.org:8443/a?api_key=hush&q=x+y&X-Amz-Signature=hush#f")
    assert shown == "https://example.org:8443/a?api_key=***&q=x+y&X-Amz-Signature=***#f"


@given(st.ip_addresses())
def test_what_python_knows_as_private_is_never_public(address: Any) -> None:
    real = carried(address)
    if real.is_private or real.is_loopback or real.is_link_local or real.is_multicast or real.is_reserved:
        assert special(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_not_special(address: str) -> None:
    assert special(ip_address(address)) == ""
