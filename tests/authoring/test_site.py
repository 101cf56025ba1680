"""The static site, as a reader sees it: pages from the disk, in a browser, without a network."""

import copy
import html
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import minisocketserver
from minisocketserver import beyond
from socketlab.authoring.excerpts import sections
from socketlab.authoring.pictures import draw
from socketlab.authoring.site import as_shown, for_readers
from tests import PROGRAM_SECONDS

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LEFT = "of_an_earlier_site.html"
DEADLINE = 20_000
"""Milliseconds for anything the browser waits for."""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="There is no chromium here: install Debian's package chromium."
)


def sources() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the site as `make site` does, where an earlier one lies."""
    site, before = tmp_path_factory.mktemp("site"), sources()
    (site / LEFT).touch()
    command = [sys.executable, "-m", "socketlab", "author", "site", str(site)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=PROGRAM_SECONDS
    )
    assert run.returncode == 0, run.stderr
    assert sources() == before
    return site


@pytest.mark.parametrize("module", [minisocketserver, beyond], ids=lambda one: one.__name__)
def test_the_reference_has_each_class_and_its_methods(site: Path, module: Any) -> None:
    """What is public in the library is on one page."""
    text = (site / "reference.html").read_text("utf-8")
    names = set(re.findall(r'<dt [^>]*id="([\w.]+)"', text))
    for name in module.__all__:
        of_class = getattr(module, name)
        own = [key for key, value in vars(of_class).items() if callable(value) and key[0] != "_"]
        wanted = {f"{module.__name__}.{name}", *(f"{module.__name__}.{name}.{one}" for one in own)}
        assert wanted <= names


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Give a page that collects what went wrong in it, and what it asked a network for."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(DEADLINE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda sent: None if sent.url.startswith(("file:", "data:")) else wrong.append(sent.url),
    )
    yield page
    page.close()
    assert wrong == []


PICTURES = """() => {
    const all = [...document.querySelectorAll("article img")];
    return all.length > 0 && all.every(
        picture => picture.complete && picture.naturalWidth > 20 && picture.alt);
}"""


@needs_chromium
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter(site: Path, page: Any, chapter: str) -> None:
    """All its pictures are drawn, a choice of its first quiz answers, and it leads to the next."""
    page.goto((site / "notebooks" / f"{chapter}.html").as_uri())
    assert page.locator("h1").inner_text().startswith(f"{chapter[:2]} ")
    page.wait_for_function(PICTURES)
    choice = page.locator("article details").first
    closed = choice.bounding_box()["height"]
    choice.locator("summary").click()
    assert choice.bounding_box()["height"] > closed + 10
    if chapter != CHAPTERS[-1]:
        following = CHAPTERS[CHAPTERS.index(chapter) + 1]
        page.locator("a.next-page").click()
        page.wait_for_url(f"**/{following}.html", wait_until="commit")


@needs_chromium
def test_the_search_finds_a_word(site: Path, page: Any) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_role("textbox").first.fill("TIME_WAIT")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li:has(a:has-text('03 TCPServer'))").first
    excerpt = found.locator("p.context")
    assert "in a state called TIME_WAIT" in excerpt.inner_text()
    page.locator("#search-results a", has_text="03 TCPServer").first.click()
    page.wait_for_url("**/03_tcp_server.html*")


@needs_chromium
def test_an_excerpt_is_of_the_section_found(site: Path, page: Any) -> None:
    page.goto((site / "search.html").as_uri() + "?q=how+long+it+takes")
    found = page.locator("#search-results li", has_text="How long it takes").first
    assert found.locator("p.context").inner_text().startswith("How long it takes")


def test_the_text_of_a_page_comes_by_section() -> None:
    page = (
        "<h1>menu</h1><article>top<script>no</script><section id=a>A &lt;b&gt;"
        "<a class=headerlink>¶</a><section id=b>B<img alt='>'></section></section></article>foot"
    )
    assert sections(page) == [("", "top"), ("a", "A <b>"), ("b", "B")]


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_front_page_decides_in_a_screen(site: Path, browser: Any, theme: Any) -> None:
    """The promise, a picture with its words, and how to start are seen without scrolling."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    page.goto((site / "index.html").as_uri())
    page.wait_for_function(PICTURES)
    for seen in [
        "article strong >> nth=0",
        "article img >> nth=0",
        "#start-now h2",
        "text=make lab",
    ]:
        box = page.locator(seen).bounding_box()
        assert box and box["y"] + box["height"] < 900, seen
    assert "Thread-5 works on request 4" in page.locator("article img").first.get_attribute("alt")
    assert page.locator("#the-first-page iframe").count() == 1
    page.close()


KEYS = re.compile(
    r"(Shift|Ctrl|Alt|Cmd)\W{0,3}(\+|-)?\W{0,3}Enter|Restart Kernel|press Run|stop button|"
    r"Click on the cell"
)


def test_no_page_tells_a_reader_to_press_what_is_not_there(site: Path) -> None:
    """A reader's page has no cells to run, and says so at its head."""
    for made in site.rglob("*.html"):
        text = " ".join(words for _, words in sections(made.read_text("utf-8")))
        assert not (told := KEYS.search(text)), f"{made.name}: {told}"
        if made.parent != site:
            assert "reading what came of a real run" in text, made.name


def test_words_for_readers_replace_what_is_there() -> None:
    notebook = {"cells": [{"id": "a", "source": ["Press *Run*. ", "Then look."]}]}
    words = {"chapter": "one", "cell": "a", "old": "Press *Run*.", "new": "It has run."}
    for_readers(notebook, [words])
    assert notebook["cells"][0]["source"] == "It has run. Then look."
    with pytest.raises(ValueError, match="cell a of one"):
        for_readers(notebook, [words])
    with pytest.raises(ValueError, match="cell b of one"):
        for_readers(notebook, [{"chapter": "one", "cell": "b", "new": "x"}])


BROKEN = """() => {
    // A word is broken where two of its letters are in different lines.
    const broken = [], range = document.createRange();
    const walk = document.createTreeWalker(
        document.querySelector("article"), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode;
        if (!node.parentElement.offsetParent || node.parentElement.closest("pre")) continue;
        for (const word of node.data.matchAll(/\\w{2,}/g)) {
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1) broken.push(word[0]);
        }
    }
    return broken;
}"""


@needs_chromium
def test_on_a_phone_no_word_is_broken(site: Path, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    broken = {}
    for made in sorted(site.glob("**/*.html")):
        page.goto(made.as_uri())
        if words := page.evaluate(BROKEN):
            broken[made.name] = words
    assert broken == {}
    page.add_style_tag(content="article { width: 3em }")
    assert page.evaluate(BROKEN), "this test would see it"


CUT_OFF = """() => [...document.querySelectorAll("article *")].filter(element => {
    if (element.getBoundingClientRect().right <= innerWidth) return false;
    for (let around = element; around.tagName !== "ARTICLE"; around = around.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(around).overflowX)) return false;
    return true;
}).map(element => element.outerHTML.slice(0, 80))"""


@needs_chromium
def test_on_a_phone_nothing_is_cut_off(site: Path, page: Any) -> None:
    """What is wider than the page can be scrolled into sight, on each page."""
    page.set_viewport_size({"width": 390, "height": 844})
    for made in sorted(site.glob("**/*.html")):
        page.goto(made.as_uri())
        if made.parent.name == "notebooks" and made.stem in CHAPTERS:
            page.wait_for_function(PICTURES)
        assert page.evaluate(CUT_OFF) == [], made.name
    page.goto((site / "index.html").as_uri())
    page.add_style_tag(content="h1 { width: 900px }")
    assert page.evaluate(CUT_OFF) != [], "this test would see it"


def test_every_link_leads_somewhere(site: Path) -> None:
    text = {made: made.read_text() for made in site.rglob("*.html")}
    dead = []
    for made, source in text.items():
        for link in re.findall(r'<a [^>]*href="([^"]*)"', source):
            parts = urlsplit(html.unescape(link))
            target = (made.parent / unquote(parts.path)).resolve() if parts.path else made
            place = f'id="{unquote(parts.fragment)}"' if parts.fragment else ""
            if not parts.scheme and (target not in text or place not in text[target]):
                dead.append(f"{made.relative_to(site)}: {link}")
    assert dead == []


def test_an_earlier_site_gives_way(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert not (site / LEFT).exists()


def test_a_described_picture_is_part_of_the_page() -> None:
    source = "<!-- picture\nflow\n(a_b) -> c\n-->\n\ntext"
    notebook = {"cells": [{"cell_type": "markdown", "source": source}]}
    draw(notebook)
    (cell,) = notebook["cells"]
    image = '><img alt="A flow chart. a_b → c." '
    assert image in cell["source"] and cell["source"].endswith("</div>\n\ntext")
    shown = as_shown(notebook)["cells"][0]["source"]
    assert "<!--" not in shown and shown.startswith("<div ") and shown.endswith("</div>\n\ntext")
    assert image in shown and "data:image/svg+xml;base64," in shown


def test_drawing_again_changes_nothing() -> None:
    source = "# One\n\n<!-- picture\nflow\na -> b\n-->\ntext\n\n<!-- picture\nflow\nc -> d\n-->"
    notebook = {"cells": [{"cell_type": "markdown", "source": source}]}
    draw(notebook)
    once = copy.deepcopy(notebook)
    draw(notebook)
    assert notebook == once
    assert once["cells"][0]["source"].count("<img ") == 2


def test_a_page_has_no_markers() -> None:
    source = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    shown = as_shown({"cells": [{"cell_type": "code", "source": source}]})
    assert shown["cells"][0]["source"] == "def f():\n    return 1"
