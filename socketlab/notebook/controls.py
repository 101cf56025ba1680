"""Things to play with: a picture of a run, and controls that run it again."""

import inspect
import threading
from collections.abc import Callable
from typing import Any


def play(draw: Callable[..., Any], **ranges: tuple[float, float]) -> None:
    """Show what `draw()` returns, with a slider for each range and a button to draw it anew.

        play(draw, clients=(1, 8), delay=(0.0, 0.5))

    `draw` takes the named values and has a default for each, where the sliders start; whole
    numbers make a slider of whole numbers. A run that fails tells why in a sentence, and the
    last picture stays. Where ipywidgets is not installed the picture stands alone.
    """
    from IPython.display import display

    shown = display(draw(), display_id=True)  # type: ignore[no-untyped-call]
    try:
        import ipywidgets as widgets  # type: ignore[import-untyped]
    except ImportError:
        return
    start = inspect.signature(draw).parameters
    sliders = {}
    for name, (low, high) in ranges.items():
        whole = isinstance(low, int) and isinstance(high, int)
        kind, step = (widgets.IntSlider, 1) if whole else (widgets.FloatSlider, 0.01)
        options = {"value": start[name].default, "min": low, "max": high, "step": step}
        sliders[name] = kind(description=name, style={"description_width": "8em"}, **options)
    button, told = widgets.Button(description="Run"), widgets.Label()
    busy = threading.Lock()

    def run(_: object) -> None:
        if not busy.acquire(blocking=False):  # one run at a time, however often it is clicked
            return
        button.disabled, told.value = True, "running …"
        outcome = "This run was interrupted."
        try:
            picture = draw(**{name: slider.value for name, slider in sliders.items()})
            if shown is not None:
                shown.update(picture)
            outcome = ""
        except Exception as error:
            outcome = f"This run failed. {type(error).__name__}: {error}".rstrip(": ")
        finally:
            button.disabled, told.value = False, outcome
            busy.release()

    button.on_click(run)
    display(widgets.VBox([*sliders.values(), widgets.HBox([button, told])]))  # type: ignore[no-untyped-call]
