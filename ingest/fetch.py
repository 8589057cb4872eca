"""Fetches the pages of one site: politely, within bounds, and from nowhere else.

Politely: robots.txt is obeyed with its crawl delay, one connection, longer and longer waits after
a refusal, and a page that has not changed is not sent again. Within bounds: bytes after unpacking,
seconds in all, redirects, tries. From nowhere else: one scheme, host and port, and never an
address within somebody's network unless that address is what was asked for. This module knows
nothing of what stands in a page. A proxy named in the environment is not used, since the address
behind it could not be looked at.
"""

import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from protego import Protego

from ingest.webcache import PageCache, Stored, folder_for
from rag import __version__
from rag.data import FootnoteError

AGENT = "footnote"
HEADERS = {
    "User-Agent": f"{AGENT}/{__version__} (+documentation ingest)",
    "Accept": "text/html, text/markdown;q=0.9, text/plain;q=0.8, application/xml;q=0.8, */*;q=0.1",
    "Accept-Encoding": "gzip",  # the one that is unpacked here, within bounds
}
PAGE_BYTES = 5_000_000
SECONDS = 10.0  # for a connection, and for each pause within an answer
PAGE_SECONDS = 60.0  # for a whole answer
HOPS = 5  # redirects followed
TRIES = 4
SILENT = 5  # addresses in a row without an answer, after which the site is taken to be down
TRY_AGAIN = (429, 500, 502, 503, 504)
LONGEST_WAIT = 30.0  # seconds, whatever Retry-After asks for
LONGEST_DELAY = 10.0  # seconds between two requests, whatever robots.txt asks for
MAY_BE_TEXT = re.compile(
    r"|text/.*|application/(xhtml\+xml|xml|gzip|x-gzip|markdown|octet-stream)", re.I
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # addresses that wrap an IPv4 one


class Unread(Exception):
    """A page that was not read. `reason` names its kind, to be counted; the message says it all."""

    def __init__(self, reason: str, url: str, what: str):
        super().__init__(f"{url} {what}")
        self.reason = reason
        self.url = url


class NoAnswer(Unread):
    """The site did not answer, or asked to come back later, each time it was tried."""


@dataclass(frozen=True, slots=True)
class Page:
    """What stands at `url`, redirects followed; `content_type` is the header, with its charset."""

    url: str
    content_type: str
    body: bytes


def absolute(base: str, link: str) -> str | None:
    """The web address that `link` means on the page `base`, without fragment; None for no such."""
    try:
        url = httpx.URL(base).join(link.strip()).copy_with(fragment=None)
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            return None
        return str(url.copy_with(raw_path=url.raw_path))  # an empty path becomes /
    except (httpx.InvalidURL, ValueError):
        return None


def origin_of(url: str) -> str:
    """Scheme, host and port, as in https://docs.example:8000."""
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode()}"


class Fetcher:
    """Fetches from the origin of `start` alone. Not for use by two threads at a time.

    `pause` is the wait in seconds before the second try, doubled before each further one;
    `page_seconds` is how long one answer may take in all.
    """

    def __init__(self, start: str, *, pause: float = 1.0, page_seconds: float = PAGE_SECONDS):
        self.origin = origin_of(start)
        self._pause = pause
        self._page_seconds = page_seconds
        self._line = _Line(private_too=_is_private_itself(httpx.URL(start).host))
        self._client = httpx.Client(transport=self._line, headers=HEADERS, timeout=SECONDS)
        self._cache = PageCache(folder_for(self.origin))
        self._rules: Protego | None = None
        self._delay = 0.0  # seconds between the beginnings of two requests
        self._last = float("-inf")
        self._silent = 0  # addresses in a row without an answer

    def close(self) -> None:
        self._client.close()

    def get(self, url: str, most: int = PAGE_BYTES) -> Page:
        """The page at `url`, of at most `most` bytes; raises Unread.

        Raises FootnoteError when this and several addresses before had no answer.
        """
        self._know_rules()
        return self._follow("GET", url, most)

    def where(self, url: str) -> str | None:
        """The address at which `url` answers, redirects followed; None when it does not."""
        self._know_rules()
        try:
            return self._follow("HEAD", url, 0).url
        except Unread:
            return None

    def _know_rules(self) -> None:
        """Reads robots.txt once. A site without one has no rules; one that is down is let be."""
        if self._rules is not None:
            return
        try:
            text = self._follow("GET", f"{self.origin}/robots.txt", PAGE_BYTES).body
        except NoAnswer:
            raise
        except Unread:
            text = b""
        self._rules, self._delay = rules_in(text)

    def _follow(self, method: str, url: str, most: int) -> Page:
        asked = url
        for _ in range(HOPS + 1):
            if origin_of(url) != self.origin:
                raise Unread(
                    "link to another host",
                    asked,
                    f"leads to another host, {url}; give that address if it is meant",
                )
            if self._rules and not self._rules.can_fetch(url, AGENT):
                raise Unread("page that robots.txt disallows", url, "is disallowed by robots.txt")
            try:
                response, page = self._ask(method, url, most)
            except NoAnswer as fault:
                self._silent += 1
                if self._silent == SILENT:
                    raise FootnoteError(
                        f"{self.origin} has stopped answering; try again later ({fault})"
                    ) from fault
                raise
            self._silent = 0
            if page:
                return page
            url = _onward(url, response)
        raise Unread("page that redirects too often", asked, f"redirects more than {HOPS} times")

    def _ask(self, method: str, url: str, most: int) -> tuple[httpx.Response, Page | None]:
        """The answer and, where it is one, the page; tried again while there is hope."""
        for number in range(TRIES):
            wait = self._pause * 2**number
            try:
                response, page = self._exchange(method, url, most)
            except httpx.TransportError as error:
                fault = NoAnswer(
                    "page without an answer", url, f"does not answer ({error}); try again later"
                )
            else:
                # A server that fails at HEAD alone is not worth asking twice.
                if response.status_code not in (TRY_AGAIN if method == "GET" else (429, 503)):
                    return response, page
                fault = NoAnswer(*_refusal(url, response, "try again later"))
                wait = max(wait, retry_after(response.headers.get("retry-after", "")))
            if number + 1 < TRIES:
                time.sleep(wait)
        raise fault

    def _exchange(self, method: str, url: str, most: int) -> tuple[httpx.Response, Page | None]:
        """One request and its answer, from the cache where the site says that it still holds."""
        time.sleep(max(0.0, self._last + self._delay - time.monotonic()))
        self._last = time.monotonic()
        stored = self._cache.find(url) if method == "GET" else None
        headers = {"If-None-Match": stored.etag} if stored and stored.etag else {}
        if stored and stored.last_modified:
            headers["If-Modified-Since"] = stored.last_modified
        with self._in_time(url), self._client.stream(method, url, headers=headers) as response:
            if response.status_code == 304 and stored:
                return response, Page(url, stored.content_type, stored.body)
            if response.status_code != 200:
                return response, None
            if method == "HEAD":
                return response, Page(url, "", b"")
            page = Page(url, response.headers.get("content-type", ""), _body(url, response, most))
        etag = response.headers.get("etag", "")
        last_modified = response.headers.get("last-modified", "")
        if etag or last_modified:
            self._cache.keep(url, Stored(page.content_type, etag, last_modified, page.body))
        return response, page

    @contextmanager
    def _in_time(self, url: str) -> Iterator[None]:
        """Hangs up on an exchange that takes too long in all, at whatever pace it drips."""
        over = threading.Event()

        def hang_up() -> None:
            over.set()
            self._line.hang_up()

        timer = threading.Timer(self._page_seconds, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if over.is_set():
                raise NoAnswer(
                    "page that takes too long", url, f"takes over {self._page_seconds:g} seconds"
                )


class _Line(httpx.HTTPTransport):
    """One connection, to the address that was looked at and to no other.

    A name is resolved once, and what it stands for is connected to by number, so that no later
    answer of a name server can lead elsewhere. With `private_too` any address will do.
    """

    def __init__(self, private_too: bool):
        super().__init__(limits=httpx.Limits(max_connections=1))
        self._private_too = private_too
        self._addresses: list[str] = []
        self._socket: socket.socket | None = None

    def hang_up(self) -> None:
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.raw_host.decode("ascii")
        if not self._addresses:
            self._addresses = self._resolve(name, str(request.url))
        for address in list(self._addresses):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # with the name as Host
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": name, "trace": self._keep_socket},
            )
            try:
                return super().handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if tls := _behind(error, ssl.SSLError):
                    raise NoAnswer(
                        "page without an answer", str(request.url), f"has no sound TLS ({tls})"
                    ) from error
                fault = error
                self._addresses.append(self._addresses.pop(0))  # the next is tried first from now
        raise fault

    def _resolve(self, name: str, url: str) -> list[str]:
        """The first few addresses of `name`; raises Unread when there is none, or a private one."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NoAnswer(
                "page without an answer",
                url,
                f"is on a host that has no address ({error}); check the name and the network",
            ) from error
        addresses = [str(place[4][0]) for place in found]
        for address in addresses:
            if not self._private_too and not is_public(address):
                raise Unread(
                    "host in a private network",
                    url,
                    f"is on a host with the address {address}, which is not public; where that is"
                    " meant, give the address itself",
                )
        return addresses[:3]

    def _keep_socket(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")


def rules_in(robots: bytes) -> tuple[Protego, float]:
    """The rules of a robots.txt, and the seconds that it asks for between two requests."""
    rules = Protego.parse(robots.decode("utf-8-sig", errors="replace"))
    return rules, min(rules.crawl_delay(AGENT) or 0.0, LONGEST_DELAY)


def unpacked(chunks: Iterable[bytes], most: int) -> bytes:
    """The content of gzip data, cut off after `most` + 1 bytes; raises zlib.error."""
    unpacker = zlib.decompressobj(wbits=31)
    content = bytearray()
    for chunk in chunks:
        content += unpacker.decompress(chunk, most + 1 - len(content))
        if len(content) > most:
            return bytes(content)
    if not unpacker.eof:
        raise zlib.error("cut off")
    return bytes(content)


def _body(url: str, response: httpx.Response, most: int) -> bytes:
    """The answer's body, unpacked; raises Unread where it is no text or too much of it."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if not MAY_BE_TEXT.fullmatch(kind):
        raise Unread("page that is no text", url, f"is {kind}, not text")
    encoding = response.headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Unread("page in an unknown encoding", url, f"is encoded as {encoding}, unasked")
    try:
        body = (
            _joined(response.iter_raw(), most)
            if encoding == "identity"
            else unpacked(response.iter_raw(), most)
        )
    except zlib.error as error:
        raise Unread("page that is damaged", url, f"is not sound gzip ({error})") from error
    if len(body) > most:
        raise Unread("page that is too large", url, f"is larger than {most / 1e6:g} MB")
    return body


def _joined(chunks: Iterable[bytes], most: int) -> bytes:
    """The chunks in one piece, cut off after `most` + 1 bytes."""
    content = bytearray()
    for chunk in chunks:
        content += chunk[: most + 1 - len(content)]
        if len(content) > most:
            break
    return bytes(content)


def _onward(url: str, response: httpx.Response) -> str:
    """Where a redirect leads; raises Unread for any other answer than a page."""
    if not response.has_redirect_location:
        raise Unread(*_refusal(url, response, "check the address"))
    target = absolute(url, response.headers["location"])
    if target is None:
        raise Unread("redirect to no page", url, "redirects to what is no web address")
    return target


def _refusal(url: str, response: httpx.Response, remedy: str) -> tuple[str, str, str]:
    status = response.status_code
    return f"page that answers {status}", url, f"answers {status}; {remedy}"


def retry_after(header: str) -> float:
    """Seconds from now, whether the header gives them or a date, within bounds; 0 for neither."""
    seconds = 0.0
    with suppress(ValueError, TypeError, OverflowError):  # TypeError: a date without its zone
        seconds = (
            float(header)
            if header.isascii() and header.isdigit()
            else (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        )
    return min(max(seconds, 0.0), LONGEST_WAIT)


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.is_site_local:
            return False
        ip = wrapped or ip
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _is_private_itself(host: str) -> bool:
    """Whether `host` is this machine or a private address literally, as the person wrote it."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    # Link-local ones are a cloud's own services, not a documentation server.
    return ip.is_loopback or (ip.is_private and not (ip.is_link_local or ip.is_unspecified))


def _behind(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """The error of that kind which led to `error`, if one did."""
    while error and not isinstance(error, kind):
        error = error.__context__  # httpcore names no cause
    return error
