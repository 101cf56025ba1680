"""The controls: a button that draws again, once at a time, and says what went wrong."""

import sys
import threading

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell

from socketlab.notebook.controls import play


class Shown(list):
    """Stands for the page: what was displayed, then what replaced the picture."""

    def __call__(self, thing, display_id=False):
        self.append(thing)
        return self if display_id else None

    def update(self, thing):
        self.append(thing)


@pytest.fixture
def page(monkeypatch):
    shown = Shown()
    monkeypatch.setattr("IPython.display.display", shown)
    return shown


def controls(page):
    *fields, last = page[1].children
    button, told = last.children
    return fields, button, told


def draw(clients=3, delay=0.2):
    return f"{clients} clients, {delay} s"


def test_the_picture_of_the_defaults_comes_first(page):
    play(draw, clients=(1, 8), delay=(0.0, 0.5))
    assert page[0] == "3 clients, 0.2 s"


def test_the_fields_have_the_ranges_and_the_defaults(page):
    play(draw, clients=(1, 8), delay=(0.0, 0.5))
    clients, delay = controls(page)[0]
    assert isinstance(clients, ipywidgets.BoundedIntText)
    assert isinstance(delay, ipywidgets.BoundedFloatText)
    assert (clients.min, clients.value, clients.max) == (1, 3, 8)
    assert (delay.min, delay.value, delay.max) == (0.0, 0.2, 0.5)
    assert (clients.description, delay.description) == ("clients (1 to 8)", "delay (0 to 0.5)")


def test_a_default_lies_on_a_step_of_its_field(page):
    """The browser's arrows go from step to step."""
    play(lambda interval=0.5: interval, interval=(0.05, 1.0))
    [[interval], *_] = controls(page)
    steps = (interval.value - interval.min) / interval.step
    assert steps == pytest.approx(round(steps))


def test_changing_a_field_runs_nothing_and_the_button_does(page):
    play(draw, clients=(1, 8), delay=(0.0, 0.5))
    (clients, _), button, told = controls(page)
    clients.value = 5
    assert len(page) == 2
    button.click()
    assert page[2:] == ["5 clients, 0.2 s"]
    assert (told.value, button.disabled) == ("", False)


def test_a_failure_is_a_sentence_and_the_next_run_works(page):
    def picky(clients=1):
        if clients > 1:
            raise ValueError("too many")
        return "fine"

    play(picky, clients=(1, 8))
    (clients,), button, told = controls(page)
    clients.value = 2
    button.click()
    assert told.value == "This run failed. ValueError: too many"
    assert page[2:] == []
    clients.value = 1
    button.click()
    assert (page[2:], told.value, button.disabled) == (["fine"], "", False)


def test_an_interruption_is_told_and_the_button_comes_back(page):
    answers = iter(["first", KeyboardInterrupt()])

    def interrupted(clients=1):
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    play(interrupted, clients=(1, 8))
    _, button, told = controls(page)
    with pytest.raises(KeyboardInterrupt):
        button.click()
    assert (told.value, button.disabled) == ("This run was interrupted.", False)


def test_only_one_run_at_a_time(page):
    begun, go = threading.Semaphore(0), threading.Event()
    first = iter([False, True, False])

    def slow(clients=1):
        if next(first):
            begun.release()
            assert go.wait(5)
        return clients

    play(slow, clients=(1, 8))
    _, button, told = controls(page)
    running = threading.Thread(target=button.click)
    running.start()
    assert begun.acquire(timeout=5)
    assert (button.disabled, told.value) == (True, "running …")
    button.click()  # the second click of a double click: it returns at once, and runs nothing
    assert page[2:] == []
    go.set()
    running.join(5)
    assert page[2:] == [1]
    button.click()
    assert page[2:] == [1, 1]


def test_without_ipywidgets_the_picture_stands_alone(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    play(draw, clients=(1, 8))
    assert page == ["3 clients, 0.2 s"]


def test_outside_of_a_notebook_it_prints(capsys):
    assert not InteractiveShell.initialized()
    play(draw, clients=(1, 8))
    assert "3 clients, 0.2 s" in capsys.readouterr().out


def test_the_first_run_may_fail_loudly(page):
    """A cell that cannot draw at all is the author's mistake, or the reader's to see."""
    with pytest.raises(ZeroDivisionError):
        play(lambda clients=1: 1 // 0, clients=(1, 8))
