"""HTML and SVG by construction: what is put in is text, and only the tree makes markup.

This module knows nothing of what is shown.
"""

from xml.etree.ElementTree import Element, tostring

# Nothing may be loaded or run, wherever the page is opened.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def element(tag: str, *children: Element | str, **attributes: object) -> Element:
    """Returns an element; `class_` is the attribute class, and so on with other words of Python."""
    made = Element(tag, {n.rstrip("_").replace("_", "-"): str(v) for n, v in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + child
        else:
            made.text = (made.text or "") + child
    return made


def link(text: str, url: str) -> Element:
    """Returns a link to a web address; of anything else, its text."""
    if url.startswith(("https://", "http://")):
        return element("a", text, href=url, rel="noreferrer noopener", target="_blank")
    return element("span", text)


def document(title: str, style: str, *body: Element) -> str:
    """Returns a whole page, which needs nothing but itself."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    page = element("html", head, element("body", *body), lang="en")
    return "<!doctype html>\n" + tostring(page, encoding="unicode", method="html") + "\n"
