"""What a learner guesses before a run, and what surprised them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..output import say
from . import progress_log

ASKED, AS_GUESSED, SURPRISED = "guess", "as guessed", "surprised"


def predict(chapter: str, number: int, guess: str = "", surprised: bool | None = None) -> None:
    """Keep the learner's guess about what the next cell will do, before they run it.

    `number` counts the predictions of a chapter. Without a `guess` there's a line to type it in,
    where the front end has one; the first guess counts. Once the next cell has run, the same place
    asks whether it came as guessed, which `surprised` says where there are no buttons.
    """
    kept = _guesses(chapter).get(number, "")
    if not kept and guess.strip():
        kept = _keep(chapter, number, guess)
    if surprised is not None:
        _judge(chapter, number, surprised)
    call = f'predict("{chapter}", {number}'
    if kept:
        say(f"Your guess: {kept}")
        say(f"Now run the next cell. Not as you thought? {call}, surprised=True)")
    elif not _shown(chapter, number):
        say(f'What do you think? {call}, "…") keeps it. Then run the next cell.')


def surprises(chapter: str) -> None:
    """Say what a learner has guessed in a chapter, first what came otherwise."""
    noted = {event for name, event in progress_log.events() if name == chapter}
    guesses = _guesses(chapter)
    otherwise = [number for number in guesses if f"{SURPRISED} {number}" in noted]
    as_guessed = [number for number in guesses if f"{AS_GUESSED} {number}" in noted]
    if not guesses:
        say("You have kept no guesses in this chapter. A wrong one is worth more than none.")
        return
    count = "1 guess" if len(guesses) == 1 else f"{len(guesses)} guesses"
    left = len(guesses) - len(as_guessed) - len(otherwise)
    open_ones = f", and you haven't said how {left} came out" if left else ""
    say(f"{count}: {len(as_guessed)} came true, {len(otherwise)} surprised you{open_ones}.")
    for number in sorted(otherwise):
        say(f"  {number}: you thought: {guesses[number]}")
    if otherwise:
        say("Those are the ones to read again.")


def _guesses(chapter: str) -> dict[int, str]:
    """Return what was guessed in a chapter, by the number of the prediction."""
    mine = [event for name, event in progress_log.events() if name == chapter]
    return {
        int(rest[0]): rest[1]
        for kind, *rest in (event.split(" ", 2) for event in sorted(mine, reverse=True))
        if kind == ASKED and len(rest) == 2 and rest[0].isdigit()
    }


def _keep(chapter: str, number: int, guess: str) -> str:
    """Keep the first guess, in one line; return it."""
    text = " ".join(guess.split())[:200]
    progress_log.note(chapter, f"{ASKED} {number} {text}")
    return text


def _judge(chapter: str, number: int, surprised: bool) -> None:
    progress_log.note(chapter, f"{SURPRISED if surprised else AS_GUESSED} {number}")


def _shown(chapter: str, number: int) -> bool:
    """Show a line to type a guess in; tell whether the front end has one."""
    try:
        import ipywidgets as widgets  # type: ignore[import-untyped]
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return False
    shell = get_ipython()
    if shell is None:
        return False
    line = widgets.Text(placeholder="What will happen?", layout={"width": "60%"})
    button = widgets.Button(description="That's my guess", disabled=True)
    told, box = widgets.Label(), widgets.VBox()
    yes = widgets.Button(description="As I thought")
    no = widgets.Button(description="That surprised me")
    asks = widgets.HBox([widgets.Label("It has run. Was it as you thought?"), yes, no])

    def keep(_: object) -> None:
        if line.value.strip() and not line.disabled:
            _keep(chapter, number, line.value)
            line.disabled = button.disabled = True
            told.value = "Kept. Now run the next cell."
            _after_next_cell(shell, ask)

    def ask() -> None:
        told.value = ""
        box.children = [*box.children, asks]

    def judge(surprised: bool, _: object) -> None:
        _judge(chapter, number, surprised)
        asks.children = [widgets.Label("Kept: a surprise." if surprised else "Kept.")]

    line.observe(lambda change: setattr(button, "disabled", not change["new"].strip()), "value")
    line.on_submit(keep)
    button.on_click(keep)
    yes.on_click(partial(judge, False))
    no.on_click(partial(judge, True))
    box.children = [widgets.HBox([line, button, told])]
    display(box)  # type: ignore[no-untyped-call]
    return True


def _after_next_cell(shell: Any, call: Callable[[], None]) -> None:
    """Call a function once the next cell has run to its end, an error perhaps."""

    def once(_: object) -> None:
        shell.events.unregister("post_run_cell", once)
        call()

    shell.events.register("post_run_cell", once)
