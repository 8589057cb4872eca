"""Reads documentation from the web: a page, an llms.txt, an llms-full.txt or a sitemap.

A list's pages are read in its order, those of its own host alone; the links within a page are not
followed. Markdown is cited by the page that a person would open, where there is one. This module
knows nothing of how pages are fetched, and leaves what stands in one to the readers of pages.
"""

import codecs
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from ingest import html, markdown
from ingest.document import Document
from ingest.document import passages as passages_of
from ingest.fetch import PAGE_BYTES, Fetcher, Page, Unread, absolute, origin_of, unpacked
from ingest.reading import Options, Reading, url_fault
from ingest.weblists import NoSitemap, links_in, locations_in, pages_in
from rag.data import FootnoteError, Passage

MOST_PAGES = 10_000
LIST_BYTES = 50_000_000  # the most that a sitemap may have; some llms-full.txt come near it

Form = Literal["HTML", "Markdown", "llms.txt", "llms-full.txt", "sitemap"]
OF_TYPE: dict[str, Form] = {
    "text/html": "HTML",
    "application/xhtml+xml": "HTML",
    "text/markdown": "Markdown",
    "text/x-markdown": "Markdown",
    "application/markdown": "Markdown",
    "text/xml": "sitemap",
    "application/xml": "sitemap",
    "application/gzip": "sitemap",
    "application/x-gzip": "sitemap",
}
# Where the type says no more than that it is text, or bytes.
OF_SUFFIX: dict[str, Form] = {
    ".html": "HTML",
    ".htm": "HTML",
    ".md": "Markdown",
    ".mdx": "Markdown",
    ".markdown": "Markdown",
    ".txt": "Markdown",
    ".xml": "sitemap",
    ".gz": "sitemap",
}
CHARSET_IN_TYPE = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
CHARSET_IN_PAGE = re.compile(rb"""<meta[^>]{1,200}charset=["']?([\w-]{1,40})""", re.I)
# Python knows more codecs than web pages have, some of them endlessly slow.
CHARSET = re.compile(r"ascii|utf-(8|16|32).*|(iso8859|cp|shift_jis|euc|gb|big5|koi8).*")
FULL_TEXT = re.compile(r"(^|/)llms-full\.txt($|[?#])")
GZIP = b"\x1f\x8b"


def read(url: str, options: Options) -> Reading:
    """Opens the page or list at `url`; the options are for other kinds of source.

    Raises FootnoteError when `url` itself cannot be read, and while the passages are read when
    none of the pages that it lists can be, or when the site stops answering.
    """
    fault = url_fault(url)
    start = None if fault else absolute(url, "")
    if start is None:
        fault = fault or "is not the address of a page"
        raise FootnoteError(f"{url!r} {fault}; give one like https://docs.example.org/llms.txt")
    return open_with(Fetcher(start), start)


def open_with(fetcher: Fetcher, start: str, most_pages: int = MOST_PAGES) -> Reading:
    """Opens the page or list at `start` with a fetcher for its site, which is closed at the end."""
    try:
        first = fetcher.get(start, _room(start))
        title = _title(first)
    except Unread as fault:
        fetcher.close()
        raise FootnoteError(str(fault)) from fault
    crawl = _Crawl(fetcher, start, first, most_pages)
    return Reading(start, title, "", None, crawl.passages(), crawl.left_out)


@dataclass
class _Crawl:
    """One reading of a site, and what has been left out of it so far."""

    fetcher: Fetcher
    start: str
    first: Page
    most_pages: int
    left_out: Counter[str] = field(default_factory=Counter)
    first_fault: Unread | None = None
    names: Counter[str] = field(default_factory=Counter)

    def passages(self) -> Iterator[Passage]:
        """The passages of every page, as the pages come; raises FootnoteError when none has any."""
        empty = True
        try:
            for page in self._pages():
                for document in self._documents(page):
                    found = list(passages_of(document))
                    if not found:
                        self._leave_out(Unread("page without text", document.url, "holds no text"))
                    empty = empty and not found
                    yield from found
        finally:
            self.fetcher.close()
        if empty:
            fault = self.first_fault
            if fault and fault.url == self.first.url:
                raise FootnoteError(str(fault))
            why = fault or "it lists no pages"
            raise FootnoteError(f"{self.start}: nothing could be read; {why}")

    def _pages(self) -> Iterator[Page]:
        """The pages that the first address leads to, itself if it is no list; each page once."""
        waiting, known = deque([self.first.url]), {self.start, self.first.url}
        asked = 0
        while waiting and asked <= self.most_pages:
            asked += 1
            url = waiting.popleft()
            try:
                page = self.first if url == self.first.url else self.fetcher.get(url, _room(url))
                links = _links(page)
            except Unread as fault:
                self._leave_out(fault)
                continue
            if page.url != url and page.url in known:
                continue
            known.add(page.url)
            if links is None:
                yield page
            for link in self._of_this_site(page.url, links or []):
                if link not in known:
                    known.add(link)
                    waiting.append(link)
        if waiting:
            self.left_out[f"page after the first {self.most_pages:,}"] += len(waiting)

    def _of_this_site(self, base: str, links: list[str]) -> Iterator[str]:
        for link in links:
            url = absolute(base, link)
            if url is None:
                self._leave_out(Unread("link that is no web address", repr(link), "is none"))
            elif origin_of(url) != self.fetcher.origin:
                self._leave_out(Unread("link to another host", url, "leads to another host"))
            else:
                yield url

    def _documents(self, page: Page) -> Iterator[Document]:
        form = _form(page)
        text = _text(page, form)
        if form == "llms-full.txt":
            for url, part in pages_in(text, self.fetcher.origin):
                if part.strip():
                    cited = self._cited(absolute(page.url, url) or page.url)
                    yield markdown.document(part, self._new_name(cited), cited)
            return
        url = page.url if form == "HTML" else self._cited(page.url)
        if self._name(url) in self.names:
            return  # the same page in another form
        reader = html.document if form == "HTML" else markdown.document
        try:
            document = reader(text, self._new_name(url), url)
        except FootnoteError as fault:
            self._leave_out(Unread("page that cannot be parsed", url, f"cannot be parsed: {fault}"))
            return
        yield document

    def _cited(self, url: str) -> str:
        """The page that a person would open for the Markdown at `url`; itself where there is none.

        X.html.md stands for X.html, X.md for X, and index.md for its folder.
        """
        path, _, query = url.partition("?")
        if origin_of(url) != self.fetcher.origin or not path.endswith(".md"):
            return url
        page = re.sub(r"/index\Z", "/", path.removesuffix(".md"))
        return self.fetcher.where(f"{page}?{query}" if query else page) or url

    def _new_name(self, url: str) -> str:
        """A name for the page at `url` that no other has, even where a list names it twice."""
        name = self._name(url)
        self.names[name] += 1
        return name if self.names[name] == 1 else f"{name} ({self.names[name]})"

    def _name(self, url: str) -> str:
        return url.removeprefix(self.fetcher.origin)

    def _leave_out(self, fault: Unread) -> None:
        self.left_out[fault.reason] += 1
        self.first_fault = self.first_fault or fault


def _links(page: Page) -> list[str] | None:
    """What a list leads to, as it is written; None for a page. Raises Unread for neither."""
    form = _form(page)
    if form == "llms.txt":
        links = links_in(_text(page, form))
        # A list that names the full text besides has its pages there once more.
        pages = [link for link in links if not FULL_TEXT.search(link)]
        return pages or links or None
    if form != "sitemap":
        return None
    try:
        xml = page.body
        if xml.startswith(GZIP):
            xml = unpacked([xml], LIST_BYTES)
        if len(xml) > LIST_BYTES:
            raise NoSitemap(f"larger than {LIST_BYTES / 1e6:g} MB")
        return locations_in(xml)
    except (zlib.error, NoSitemap) as fault:
        raise Unread("XML that is no sitemap", page.url, f"is {fault}") from fault


def _form(page: Page) -> Form:
    """What to read `page` as; raises Unread when it is nothing that is read here."""
    name = PurePosixPath(urlsplit(page.url).path.lower())
    kind = page.content_type.partition(";")[0].strip().lower()
    form = OF_TYPE.get(kind)
    if kind in ("", "text/plain", "application/octet-stream"):
        form = OF_SUFFIX.get(name.suffix, "Markdown" if kind == "text/plain" else None)
    if form is None or (form == "Markdown" and b"\0" in page.body):
        raise Unread("page that is no text", page.url, f"is no text but {kind or 'of no type'}")
    if name.name not in ("llms.txt", "llms-full.txt"):
        return form
    if form != "Markdown":
        raise Unread("list that is none", page.url, f"is no list but {form}; check the address")
    return "llms.txt" if name.name == "llms.txt" else "llms-full.txt"


def _text(page: Page, form: Form) -> str:
    """The page's text in the charset that it names, UTF-8 where it names none that is known."""
    named = CHARSET_IN_TYPE.search(page.content_type)
    in_page = CHARSET_IN_PAGE.search(page.body[:2048]) if form == "HTML" else None
    name = named[1] if named else in_page[1].decode() if in_page else "utf-8"
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        codec = ""
    if not CHARSET.fullmatch(codec):
        codec = "utf-8"
    return page.body.decode(codec, errors="replace").removeprefix("\ufeff").replace("\0", "")


def _title(page: Page) -> str:
    """The first heading of a list in Markdown, the address of anything else."""
    form, heading = _form(page), None
    if form in ("llms.txt", "llms-full.txt"):
        heading = re.search(r"^#[ \t]+(\S.{0,200})", _text(page, form), re.MULTILINE)
    return heading[1].strip() if heading else page.url.partition("://")[2].rstrip("/")


def _room(url: str) -> int:
    """The bytes that what stands at `url` may have: a list by its name may be longer."""
    return LIST_BYTES if url.endswith(("/llms-full.txt", ".xml", ".gz")) else PAGE_BYTES
