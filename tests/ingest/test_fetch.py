"""Pages are fetched politely, within bounds, and from the site that was asked for alone."""

import gzip
import socket
import subprocess
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from site_server import HTML, TEXT, Answer, moved, site

from ingest import fetch
from ingest.fetch import Fetcher, NoAnswer, Unread, absolute, retry_after, unpacked
from rag.data import FootnoteError

TEA = Answer("Warm the pot.")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("FOOTNOTE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fetcher(start, **options):
    return Fetcher(start, **{"pause": 0.01, **options})


def refused(url, start=None, **options):
    """What keeps `url` from being read."""
    with pytest.raises(Unread) as raised:
        fetcher(start or url, **options).get(url)
    assert str(raised.value).startswith(("http", "https"))
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_page_is_fetched_once_with_its_type_and_bytes():
    with site({"/tea": Answer("Thé", HTML)}) as tea:
        page = fetcher(tea.url).get(f"{tea.url}/tea")
    assert (page.url, page.content_type, page.body) == (f"{tea.url}/tea", HTML, "Thé".encode())
    assert tea.asked == [("GET", "/robots.txt"), ("GET", "/tea")]


def test_it_says_who_asks():
    with site({"/tea": TEA}) as tea:
        fetcher(tea.url).get(f"{tea.url}/tea")
    assert {headers["user-agent"] for headers in tea.headers} == {fetch.HEADERS["User-Agent"]}
    assert fetch.HEADERS["User-Agent"].startswith("footnote/")


def test_all_goes_over_one_connection():
    ports = set()

    def note_port(handler):
        ports.add(handler.client_address)
        handler.close_connection = False
        handler.answer(TEA)

    with site({"/robots.txt": TEA, "/a": note_port, "/b": note_port}) as tea:
        fetching = fetcher(tea.url)
        fetching.get(f"{tea.url}/a")
        fetching.get(f"{tea.url}/b")
    assert len(ports) == 1


# Rules


def test_robots_txt_is_read_once_and_obeyed():
    rules = Answer(
        "User-agent: other\nDisallow: /\n\nUser-agent: footnote\nDisallow: /no*\nAllow: /not/"
    )
    with site({"/robots.txt": rules, "/not/tea": TEA, "/tea": TEA, "/nope": TEA}) as tea:
        fetching = fetcher(tea.url)
        fetching.get(f"{tea.url}/tea")
        fetching.get(f"{tea.url}/not/tea")
        with pytest.raises(Unread, match="/nope is disallowed by robots"):
            fetching.get(f"{tea.url}/nope")
        assert fetching.where(f"{tea.url}/nope") is None
    assert tea.asked == [("GET", "/robots.txt"), ("GET", "/tea"), ("GET", "/not/tea")]


def test_a_redirect_does_not_lead_past_the_rules():
    rules = Answer("User-agent: *\nDisallow: /private/")
    with site({"/robots.txt": rules, "/tea": moved("/private/tea"), "/private/tea": TEA}) as tea:
        assert refused(f"{tea.url}/tea").reason == "page that robots.txt disallows"
        assert "/private/tea" not in tea.paths()


def test_a_site_whose_rules_cannot_be_had_is_let_be():
    with site({"/robots.txt": Answer(status=503), "/tea": TEA}) as tea:
        fault = refused(f"{tea.url}/tea")
        assert isinstance(fault, NoAnswer)
        assert "robots.txt answers 503; try again later" in str(fault)
        assert tea.paths() == []


@pytest.mark.parametrize("rules", [Answer(status=403), moved("https://elsewhere.example/")])
def test_a_site_without_rules_may_be_read(rules):
    with site({"/robots.txt": rules, "/tea": TEA}) as tea:
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot."


def test_the_delay_that_the_rules_ask_for_is_kept():
    rules = Answer("User-agent: *\nCrawl-delay: 0.2")
    with site({"/robots.txt": rules, "/a": TEA, "/b": TEA}) as tea:
        fetching = fetcher(tea.url)
        began = time.monotonic()
        fetching.get(f"{tea.url}/a")
        fetching.where(f"{tea.url}/b")
        assert time.monotonic() - began >= 0.4


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "User-agent",
                    "Disallow",
                    "Allow",
                    "Crawl-delay",
                    "Request-rate",
                    "Sitemap",
                    "\ufeff",
                    "",
                ]
            ),
            st.sampled_from([":", "", " : "]),
            st.text()
            | st.sampled_from(["*", "/", "footnote", "²", "9" * 5000, "1/²", "inf", "nan", "-1"]),
        )
    )
)
def test_any_rules_can_be_read(lines):
    text = "\n".join("".join(line) for line in lines)
    rules, delay = fetch.rules_in(text.encode(errors="replace"))
    assert 0 <= delay <= fetch.LONGEST_DELAY
    assert rules.can_fetch("http://tea.example/a?b=ü", fetch.AGENT) in (True, False)


# Trying again


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_refusal_that_passes_is_waited_out(status):
    with site({"/tea": [Answer(status=status), Answer(status=status), TEA]}) as tea:
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot."
        assert len(tea.paths()) == 3


def test_the_waits_grow_and_then_it_gives_up():
    times = []

    def fail(handler):
        times.append(time.monotonic())
        handler.answer(Answer(status=503))

    with site({"/tea": fail}) as tea:
        fault = refused(f"{tea.url}/tea", pause=0.1)
    assert (fault.reason, isinstance(fault, NoAnswer)) == ("page that answers 503", True)
    assert len(times) == fetch.TRIES
    first, second, third = (b - a for a, b in pairwise(times))
    assert 0.1 <= first < second < third


def test_it_comes_back_when_it_is_told_to():
    busy = Answer(status=429, headers={"Retry-After": "1"})
    with site({"/tea": [busy, TEA]}) as tea:
        began = time.monotonic()
        fetcher(tea.url).get(f"{tea.url}/tea")
        assert 1 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("soon", 0),
        ("20", 20),
        ("-5", 0),
        ("²", 0),
        ("9" * 5000, fetch.LONGEST_WAIT),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", fetch.LONGEST_WAIT),
        ("Thu, 01 Jan 2099 00:00:00 -0000", 0),
        ("Thu, 01 Jan 99999 00:00:00 GMT", 0),
    ],
)
def test_how_long_it_waits_when_told_to(header, seconds):
    assert retry_after(header) == seconds


def test_a_date_to_come_back_at():
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert 15 < retry_after(header) <= 20


def test_a_connection_that_breaks_is_made_again():
    tries = []

    def break_off(handler):
        tries.append(1)
        if len(tries) == 3:
            handler.answer(TEA)
        elif len(tries) == 2:
            handler.answer(Answer("Warm", headers={"Content-Length": "100"}))

    with site({"/tea": break_off}) as tea:
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot."


def test_nobody_there():
    with site({}) as tea:
        pass
    fault = refused(f"{tea.url}/tea")
    assert "does not answer" in str(fault)
    assert "refused" in str(fault)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 304, 300])
def test_other_refusals_are_final(status):
    with site({"/tea": Answer(status=status)}) as tea:
        assert refused(f"{tea.url}/tea").reason == f"page that answers {status}"
        assert tea.paths() == ["/tea"]


def test_a_site_that_goes_down_is_given_up():
    numbers = range(2 * fetch.SILENT)
    with site({f"/{number}": Answer(status=500) for number in numbers}) as tea:
        tea.pages["/3"] = TEA
        fetching = fetcher(tea.url, pause=0.001)
        fetching.get(f"{tea.url}/3")
        for number in (0, 1, 2):
            with pytest.raises(NoAnswer):
                fetching.get(f"{tea.url}/{number}")
        fetching.get(f"{tea.url}/3")  # alive after all
        for number in range(4, 4 + fetch.SILENT - 1):
            with pytest.raises(NoAnswer):
                fetching.get(f"{tea.url}/{number}")
        with pytest.raises(FootnoteError, match="has stopped answering; try again later"):
            fetching.get(f"{tea.url}/0")


def test_a_server_that_does_not_know_head_is_asked_once():
    with site({"/tea": Answer(status=501)}) as tea:
        assert fetcher(tea.url).where(f"{tea.url}/tea") is None
        tea.pages["/tea"] = Answer(status=500)
        assert fetcher(tea.url).where(f"{tea.url}/tea") is None
        assert tea.paths("HEAD") == ["/tea", "/tea"]


# Within bounds


def test_a_page_may_be_as_long_as_it_may_be():
    with site({"/tea": Answer("x" * 1000)}) as tea:
        assert len(fetcher(tea.url).get(f"{tea.url}/tea", 1000).body) == 1000
        with pytest.raises(Unread, match=r"is larger than 0.000999 MB") as raised:
            fetcher(tea.url).get(f"{tea.url}/tea", 999)
        assert raised.value.reason == "page that is too large"


def test_a_page_without_end_is_cut_off():
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", TEXT)
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(b"tea " * 10_000)

    with site({"/tea": endless}) as tea:
        assert refused(f"{tea.url}/tea").reason == "page that is too large"


def zipped(content, **headers):
    return Answer(gzip.compress(content), headers={"Content-Encoding": "gzip", **headers})


def test_packed_pages_are_unpacked():
    with site({"/tea": zipped(b"Warm the pot." * 1000)}) as tea:
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot." * 1000
        assert tea.headers[-1]["accept-encoding"] == "gzip"


def test_a_packed_page_is_measured_unpacked():
    with site({"/tea": zipped(bytes(fetch.PAGE_BYTES + 1))}) as tea:
        assert refused(f"{tea.url}/tea").reason == "page that is too large"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"tea", headers={"Content-Encoding": "gzip"}), "page that is damaged"),
        (
            Answer(gzip.compress(b"tea")[:-4], headers={"Content-Encoding": "gzip"}),
            "page that is damaged",
        ),
        (Answer(b"tea", headers={"Content-Encoding": "br"}), "page in an unknown encoding"),
        (
            Answer(b"tea", headers={"Content-Encoding": "gzip, gzip"}),
            "page in an unknown encoding",
        ),
        (Answer(b"\x89PNG", "image/png"), "page that is no text"),
        (Answer(b"{}", "application/json"), "page that is no text"),
    ],
)
def test_what_cannot_be_text(answer, reason):
    with site({"/tea": answer}) as tea:
        assert refused(f"{tea.url}/tea").reason == reason
        assert tea.paths() == ["/tea"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.integers(1, 50), st.booleans())
def test_unpacking_stops_at_its_bound(content, most, step, sound):
    packed = gzip.compress(content) if sound else content
    chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
    try:
        assert unpacked(chunks, most) == content[: most + 1]
    except zlib.error:
        assert not sound


def test_a_small_bomb_stays_small():
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    assert len(unpacked([bomb], 1000)) == 1001
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"])
def test_what_drips_is_hung_up_on(head):
    def drip(handler):
        handler.wfile.write(head or b"HTTP/1.1 200 OK\r\nX-Tea: ")
        for _ in range(100):
            handler.wfile.write(b"tea")
            time.sleep(0.1)

    with site({"/tea": drip}) as tea:
        fetching = fetcher(tea.url, page_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(NoAnswer, match="takes over 0") as raised:
            fetching.get(f"{tea.url}/tea")
        assert time.monotonic() - began < 3
        assert raised.value.reason == "page that takes too long"
        tea.pages["/tea"] = TEA
        assert fetching.get(f"{tea.url}/tea").body == b"Warm the pot."


def test_redirects_are_followed_within_the_site():
    with site({"/a": moved("b?c=d"), "/b?c=d": moved("/e#f"), "/e": TEA}) as tea:
        fetching = fetcher(tea.url)
        assert fetching.get(f"{tea.url}/a").url == f"{tea.url}/e"
        assert fetching.where(f"{tea.url}/a") == f"{tea.url}/e"


def test_going_round_in_circles_ends():
    with site({"/tea": moved("/tea")}) as tea:
        assert refused(f"{tea.url}/tea").reason == "page that redirects too often"
        assert len(tea.paths()) == fetch.HOPS + 1


# From nowhere else


def test_no_other_site_is_fetched():
    with site({"/tea": TEA}) as other, site({"/tea": moved(f"{other.url}/tea")}) as tea:
        for url in (f"{tea.url}/tea", f"{other.url}/tea"):
            fault = refused(url, start=tea.url)
            assert fault.reason == "link to another host"
            assert f"leads to another host, {other.url}/tea; give that address" in str(fault)
        assert fetcher(tea.url).where(f"{tea.url}/tea") is None
        assert other.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1:{port}/tea",
        "http://localhost:{port}/tea",
        "http://127.0.0.2:{port}/tea",
        "http://169.254.169.254/latest/meta-data",
        "http://user:pass@127.0.0.1:{port}/tea",
        "//127.0.0.1/tea",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://[::1/",
        "http://",
        "\x01",
    ],
)
def test_no_redirect_leads_out(target):
    with site({}) as tea:
        port = tea.url.rpartition(":")[2]
        tea.pages["/tea"] = moved(target.format(port=port))
        refused(f"{tea.url}/tea")
        assert set(tea.paths()) == {"/tea"}


@pytest.fixture
def names(monkeypatch):
    """What names stand for, in place of a name server's answers; the rest goes to the real one."""
    known = {}
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **options):
        addresses = known.get(host, [host])
        return [place for address in addresses for place in resolve(address, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["10.0.0.1"],
        ["172.16.3.4"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["240.0.0.1"],
        ["255.255.255.255"],
        ["::1"],
        ["::"],
        ["fe80::1"],
        ["fc00::1"],
        ["fec0::1"],
        ["ff02::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["64:ff9b::a00:1"],
        ["2002:7f00:1::"],
    ],
)
def test_a_name_that_stands_for_an_address_inside_is_refused(names, addresses):
    names["docs.example.test"] = addresses
    fault = refused("http://docs.example.test/")
    assert fault.reason == "host in a private network"
    assert f"the address {addresses[-1]}, which is not public" in str(fault)


def test_a_name_that_stands_for_this_machine_is_not_connected_to(names):
    with site({"/tea": TEA}) as tea:
        names["docs.example.test"] = ["127.0.0.1"]
        refused(f"http://docs.example.test:{tea.url.rpartition(':')[2]}/tea")
        assert tea.asked == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "169.254.169.254", "0.0.0.0"])
def test_an_address_in_disguise_is_refused(host):
    assert refused(f"http://{host}:9/").reason == "host in a private network"


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]
)
def test_public_addresses(address):
    assert fetch.is_public(address)


def test_a_private_address_that_was_asked_for_is_allowed():
    with site({"/tea": TEA}) as tea:
        url = f"http://localhost:{tea.url.rpartition(':')[2]}/tea"
        assert fetcher(url).get(url).body == b"Warm the pot."
        assert tea.headers[-1]["host"].startswith("localhost:")


def test_a_name_is_looked_up_once_and_its_other_addresses_are_tried(names):
    with site({"/a": TEA, "/b": TEA}) as tea:
        # The first address refuses connections on this port.
        names["localhost"] = ["127.0.0.2", "127.0.0.1"]
        here = f"http://localhost:{tea.url.rpartition(':')[2]}"
        fetching = fetcher(here)
        assert fetching.get(f"{here}/a").body == b"Warm the pot."
        names["localhost"] = ["127.0.0.2"]
        assert fetching.get(f"{here}/b").body == b"Warm the pot."


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch):
    resolve = socket.getaddrinfo
    answers = ["127.0.0.1"]

    def getaddrinfo(host, *arguments, **options):
        if host == "localhost":
            host = answers.pop() if answers else "127.0.0.2"  # later it leads elsewhere
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with site({"/tea": TEA}) as tea:
        url = f"http://localhost:{tea.url.rpartition(':')[2]}/tea"
        assert fetcher(url).get(url).body == b"Warm the pot."
    assert answers == []


def test_a_name_without_an_address():
    fault = refused("http://docs.example.invalid/")
    assert "is on a host that has no address" in str(fault)


def test_https_without_tls_is_said_so():
    with site({"/tea": TEA}) as tea:
        fault = refused(f"{tea.url}/tea".replace("http:", "https:"))
        assert "has no sound TLS" in str(fault)


def test_a_certificate_is_checked_against_the_name(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
            *["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout"],
            *[key, "-out", certificate],
        ],
        check=True,
        capture_output=True,
    )
    with site({"/tea": TEA}, certificate=certificate, key=key) as tea:
        port = tea.url.rpartition(":")[2]
        unknown = refused(f"https://localhost:{port}/tea")
        assert "certificate" in str(unknown)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        named = f"https://localhost:{port}/tea"
        assert fetcher(named).get(named).body == b"Warm the pot."
        assert "127.0.0.1" in str(refused(f"https://127.0.0.1:{port}/tea"))


# Unchanged pages


def test_what_has_not_changed_is_not_sent_again(cache):
    marks = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    with site({"/tea": Answer("Warm the pot.", HTML, headers=marks)}) as tea:
        first = fetcher(tea.url).get(f"{tea.url}/tea")
        again = fetcher(tea.url).get(f"{tea.url}/tea")
        assert again == first
        assert tea.headers[-1]["if-none-match"] == '"1"'
        assert tea.headers[-1]["if-modified-since"] == marks["Last-Modified"]
        tea.pages["/tea"] = Answer("Boil the water.", headers={"ETag": '"2"'})
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Boil the water."
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Boil the water."
        assert tea.headers[-1]["if-none-match"] == '"2"'
        assert "if-modified-since" not in tea.headers[-1]
    assert len([file for file in cache.rglob("*") if file.is_file()]) == 1


def test_a_page_without_marks_is_not_stored(cache):
    with site({"/tea": TEA}) as tea:
        fetcher(tea.url).get(f"{tea.url}/tea")
    assert not cache.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content.replace(b"Warm", b"Burn"),
        lambda content: content.replace(b'"etag"', b'"tag"'),
        lambda content: content.replace(b"/tea", b"/pot"),
        lambda content: b"[]\n" + content,
        lambda content: b"\xff" + content,
        lambda content: b"[" * 100_000,
    ],
)
def test_a_damaged_store_is_fetched_anew(cache, damage):
    with site({"/tea": Answer("Warm the pot.", headers={"ETag": '"1"'})}) as tea:
        fetcher(tea.url).get(f"{tea.url}/tea")
        (file,) = (file for file in cache.rglob("*") if file.is_file())
        sound = file.read_bytes()
        file.write_bytes(damage(sound))
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot."
        assert "if-none-match" not in tea.headers[-1]
        assert file.read_bytes() == sound


def test_a_store_that_cannot_be_written_does_not_matter(cache):
    cache.write_text("in the way")
    with site({"/tea": Answer("Warm the pot.", headers={"ETag": '"1"'})}) as tea:
        assert fetcher(tea.url).get(f"{tea.url}/tea").body == b"Warm the pot."


# Addresses


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("pot#lid", "http://tea.example/a/pot"),
        ("/pot?x=1", "http://tea.example/pot?x=1"),
        ("//Tea.Example:80", "http://tea.example/"),
        ("https://TEA.example:443/./b/../c", "https://tea.example/c"),
        (" ../pot ", "http://tea.example/pot"),
        ("", "http://tea.example/a/b"),
        ("mailto:tea@tea.example", None),
        ("javascript:alert(1)", None),
        ("data:text/html,tea", None),
        ("http://user:pass@tea.example/", None),
        ("http://tea:pot/", None),
        ("/te\x00a", None),
    ],
)
def test_what_a_link_means(link, address):
    assert absolute("http://tea.example/a/b", link) == address


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="htps:/[]@.#?%0123456789é\\").map("http:{}".format))
def test_any_link_can_be_looked_at(link):
    address = absolute("http://tea.example/a/b", link)
    assert address is None or absolute(address, "") == address
