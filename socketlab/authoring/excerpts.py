"""What the site's search shows of each page it finds, where a browser may fetch no page."""

import json
from html.parser import HTMLParser
from pathlib import Path

SCRIPT = """\
// Sphinx's search fetches each page it finds, to show some words of it. Browsers forbid that for
// pages read from a disk, so their text is here.
const PAGES = %s;
window.fetch = address => {
  const name = decodeURI(address).slice(document.documentElement.dataset.content_root.length);
  return Promise.resolve({text: () => Promise.resolve(PAGES[name])});
};
Search.htmlToText = (page, anchor) => {
  const from = page.findIndex(([id]) => anchor === "#" + id);
  return page.slice(Math.max(from, 0)).map(([, text]) => text).join(" ");
};
"""
NAME = "excerpts.js"


def add(site: Path) -> None:
    """Give the search page of a finished site the text of all others, to show excerpts from."""
    pages = {
        path.relative_to(site).as_posix(): sections(path.read_text("utf-8"))
        for path in sorted(site.rglob("*.html"))
    }
    (site / "_static" / NAME).write_text(SCRIPT % json.dumps(pages, separators=(",", ":")))
    search = site / "search.html"
    text = search.read_text("utf-8")
    known = '<script src="searchindex.js"></script>'
    if known not in text:
        raise ValueError("Sphinx's search page has changed: where should its excerpts go?")
    search.write_text(
        text.replace(known, f'<script src="_static/{NAME}"></script>\n{known}'), "utf-8"
    )


def sections(page: str) -> list[tuple[str, str]]:
    """Return the sections of a page, each with its id and its text."""
    reader = _Reader()
    reader.feed(page)
    return [(name, " ".join("".join(parts).split())) for name, parts in reader.sections]


class _Reader(HTMLParser):
    """Collects text in `<article>`, but for links to headings, scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[tuple[str, list[str]]] = []
        self._inside = False
        self._skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "article":
            self._inside = True
            self.sections.append(("", []))
        elif self._inside and tag == "section":
            self.sections.append((given.get("id") or "", []))
        if tag in ("script", "style") or "headerlink" in (given.get("class") or ""):
            self._skipped = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._inside = False
        if tag == self._skipped:
            self._skipped = ""

    def handle_data(self, data: str) -> None:
        if self._inside and not self._skipped:
            self.sections[-1][1].append(data)
