"""The page that a student gets back."""

from html import escape
from itertools import groupby

from ..checks import core
from ..exercises import find
from .grade import Grade, Result

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{student}</title>
<style>
:root {{ color-scheme: light dark; --passed: #2a7f3f; --failed: #b3261e; --soft: #8883 }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 1rem auto 4rem;
  padding: 0 1rem; overflow-wrap: anywhere }}
h1 {{ line-height: 1.2; margin-bottom: 0 }}
h2 {{ margin-top: 3rem; padding-bottom: .3rem; border-bottom: 2px solid var(--soft) }}
h2, h3 {{ display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem }}
h3 {{ margin: 2rem 0 .5rem }}
h2 span, h3 span {{ font-weight: normal; font-size: 1rem; align-self: center }}
ul {{ list-style: none; padding: 0; margin: 0 }}
li {{ padding: .2rem .8rem; border-left: 4px solid; margin: .4rem 0 }}
.passed {{ border-color: var(--passed) }} .failed {{ border-color: var(--failed) }}
.note {{ border-left: 4px dotted var(--failed); padding: .2rem .8rem }}
dl {{ display: grid; grid-template-columns: 6rem 1fr; gap: .3rem .8rem; margin: .5rem 0 }}
dt {{ opacity: .7 }} dd {{ margin: 0 }}
details {{ margin: .3rem 0 .3rem 1rem }} summary {{ cursor: pointer }}
@media (max-width: 30rem) {{ dl {{ display: block }} dt {{ margin-top: .4rem }} }}
</style>
<h1>{student}</h1>
{chapters}
</html>
"""


def page(student: str, grades: list[Grade]) -> str:
    """Return what a student gets back: each check, what it came to, and where to go on."""
    chapters = "\n".join(line for grade in grades for line in _chapter(grade))
    return _PAGE.format(student=escape(student), chapters=chapters)


def _chapter(grade: Grade) -> list[str]:
    if grade.trouble:
        told = f'<p class="note"><strong>Not graded.</strong> {escape(grade.trouble)}</p>'
        return [f"<h2>{escape(grade.chapter)}</h2>", told]
    points = _points(grade.results)
    lines = [f"<h2>{escape(grade.chapter)} <span>{points}</span></h2>"]
    notes = dict.fromkeys(note for result in grade.results for note in result.notes)
    lines += [f'<p class="note">{escape(note)}</p>' for note in notes]
    for exercise, results in groupby(grade.results, key=lambda result: result.exercise):
        lines += _exercise(find(exercise), list(results))
    return lines


def _exercise(exercise: core.Exercise, results: list[Result]) -> list[str]:
    title = escape(f"{exercise.id} {exercise.title}")
    lines = [f"<h3>{title} <span>{_points(results)}</span></h3>"]
    lines += ["<ul>", *map(_passed, (one for one in results if one.points))]
    failed = [one for one in results if not one.points]
    by_cause: dict[str, list[Result]] = {}
    for one in failed:  # what is not there yet fails every check, and is told once
        cause = one.check if one.topic or one.failure is None else one.failure.got
        by_cause.setdefault(cause, []).append(one)
    lines += [*map(_failed, by_cause.values()), "</ul>"]
    if failed:
        lines.append("<details><summary>Hints</summary>")
        for number, hint in enumerate(exercise.hints, 1):
            lines.append(f"<details><summary>Hint {number}</summary>{escape(hint)}</details>")
        lines.append("</details>")
    return lines


def _points(results: list[Result]) -> str:
    most = sum(one.max_points for one in results)
    return f"{sum(one.points for one in results)} of {most} point{'s' * (most != 1)}"


def _passed(one: Result) -> str:
    return f'<li class="passed">✓ <strong>{escape(one.check)}</strong>: {escape(one.praise)}</li>'


def _failed(alike: list[Result]) -> str:
    names = ", ".join(one.check for one in alike)
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _facts(alike[0]).items()
    )
    lines = f"✗ <strong>{escape(names)}</strong>: {_points(alike)}"
    return f'<li class="failed">{lines}{f"<dl>{facts}</dl>" * bool(facts)}</li>'


def _facts(failed: Result) -> dict[str, str]:
    """Return what was called, came and so on; nothing for a hidden check."""
    failure = failed.failure
    if failed.topic or failure is None:
        return {}
    return {
        "Called": failure.called,
        "Came": failure.got,
        "Expected": failure.expected,
        "Why": failure.why,
    }
