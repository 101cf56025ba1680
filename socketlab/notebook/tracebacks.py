"""Where in a learner's code an error came from, or a thread stands."""

import linecache
import sys
import sysconfig
import threading
import traceback
from collections.abc import Collection
from pathlib import Path
from types import FrameType

_OURS = tuple(
    f"{Path(path).resolve()}/"
    for path in (
        Path(__file__).parents[1],
        Path(__file__).parents[2] / "minisocketserver",
        sysconfig.get_path("stdlib"),
    )
)


def is_theirs(filename: str) -> bool:
    """Tell whether a learner wrote this file, or this cell: it is not ours, nor a package's."""
    is_package = "/site-packages/" in filename or "/dist-packages/" in filename
    return not (is_package or filename.startswith((*_OURS, "<frozen")))


def whereabouts(known: Collection[threading.Thread]) -> str:
    """Tell where the learner's code stands, in the threads started since `known`."""
    frames = sys._current_frames()
    for thread in _since(known):
        if thread.ident in frames and (line := _line(frames[thread.ident])):
            return f"; it's at {line}"
    return ""


def _since(known: Collection[threading.Thread]) -> list[threading.Thread]:
    mine = threading.current_thread()
    return [one for one in threading.enumerate() if one not in known and one is not mine]


def _line(frame: FrameType) -> str:
    """Return the line of a learner's code in which a thread stands, "" if it is not in any."""
    stack = traceback.extract_stack(frame)
    theirs = [one for one in stack if is_theirs(one.filename)]
    if not theirs:
        return ""
    waits = f", in {stack[-1].name}()" if stack[-1] is not theirs[-1] else ""
    return f"line {theirs[-1].lineno} of your code: {theirs[-1].line}{waits}"


def describe(error: BaseException) -> str:
    """Return type, text and, where the learner's code is involved, the line it came from."""
    if told := getattr(error, "told", ""):  # the process in which it was raised knows the lines
        return str(told)
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    walk = traceback.walk_tb(error.__traceback__)  # not extract_tb, which reads all the files
    theirs = traceback.StackSummary.extract(
        (frame, line) for frame, line in walk if is_theirs(frame.f_code.co_filename)
    )
    if theirs and isinstance(error, NotImplementedError):
        above = linecache.getline(theirs[-1].filename, (theirs[-1].lineno or 1) - 1)
        if above.strip() != "# YOUR CODE HERE":  # it was left in, below an answer
            return f"{theirs[-1].name}() still raises NotImplementedError: delete that line"
        return f"{theirs[-1].name}() is still blank"
    return f"{text.rstrip('.')}, {_place(theirs[-1])}" if theirs else text


def _place(frame: traceback.FrameSummary) -> str:
    where = "" if frame.name == "<module>" else f"in {frame.name}(), "
    return f"{where}line {frame.lineno} of your code: {frame.line}"
