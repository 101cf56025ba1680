"""Things to play with: a picture of a run, and fields for the values of the next one."""

import inspect
import threading
from collections.abc import Callable
from typing import Any


def play(draw: Callable[..., Any], **ranges: tuple[float, float]) -> None:
    """Show what `draw()` returns, with a field for each range and a button to draw it again.

        play(draw, clients=(1, 8), delay=(0.0, 0.5))

    `draw` takes the named values and has a default for each, which the fields show first; a
    range of whole numbers takes whole numbers. When a run fails, a sentence says why, and the last
    picture stays. Where ipywidgets isn't installed there's only the picture.
    """
    from IPython.display import display

    shown = display(draw(), display_id=True)  # type: ignore[no-untyped-call]
    try:
        import ipywidgets as widgets  # type: ignore[import-untyped]
    except ImportError:
        return
    start = inspect.signature(draw).parameters
    fields = {}
    for name, (low, high) in ranges.items():
        whole = isinstance(low, int) and isinstance(high, int)
        # Not a slider: ipywidgets gives those no name that a screen reader could say.
        kind, step = (widgets.BoundedIntText, 1) if whole else (widgets.BoundedFloatText, 0.01)
        options = {"value": start[name].default, "min": low, "max": high, "step": step}
        label = f"{name} ({low:g} to {high:g})"
        fields[name] = kind(description=label, style={"description_width": "14em"}, **options)
        fields[name].layout.width = "22em"
    button, told = widgets.Button(description="Run"), widgets.Label()
    busy = threading.Lock()

    def run(_: object) -> None:
        if not busy.acquire(blocking=False):  # one run at a time, however often it is clicked
            return
        button.disabled, told.value = True, "running …"
        outcome = "This run was interrupted."
        try:
            picture = draw(**{name: field.value for name, field in fields.items()})
            if shown is not None:
                shown.update(picture)
            outcome = ""
        except Exception as error:
            outcome = f"This run failed. {type(error).__name__}: {error}".rstrip(": ")
        finally:
            button.disabled, told.value = False, outcome
            busy.release()

    button.on_click(run)
    display(widgets.VBox([*fields.values(), widgets.HBox([button, told])]))  # type: ignore[no-untyped-call]
