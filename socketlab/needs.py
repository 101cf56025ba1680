"""Stop a chapter, in a sentence, where the system lacks what it is about."""


class NotHere(Exception):
    """What the rest of the notebook needs is missing. In a notebook, shows without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def needs(what: str, there: bool) -> None:
    """Raise NotHere unless `there`: the cells below are not run then, and the reader knows why."""
    if not there:
        raise NotHere(
            f"This system has no {what}, so the cells below cannot run here. "
            "Read on: the text says what they do elsewhere."
        )
