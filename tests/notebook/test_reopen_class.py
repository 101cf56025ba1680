"""`reopen` adds methods to a class as if they had been written in it."""

import pytest

from socketlab import reopen


def make():
    class Base:
        def greet(self):
            return "base"

    class Server(Base):
        """The first text."""

        def __init__(self):
            self.__flag = "private"

    return Base, Server


def test_objects_made_before_get_the_new_methods():
    _, Old = make()
    early = Old()

    @reopen(Old)
    class Server:
        limit = 3

        def serve(self):
            return "serving"

    assert Server is Old
    assert early.serve() == "serving"
    assert early.limit == 3
    assert Old.__doc__ == "The first text."


def test_super_looks_from_the_old_class():
    _, Old = make()

    @reopen(Old)
    class Server:
        def greet(self):
            return f"old, then {super().greet()}"

        @property
        def greeting(self):
            return super().greet()

        @classmethod
        def kind(cls):
            return __class__

    assert Server().greet() == "old, then base"
    assert Server().greeting == "base"
    assert Server.kind() is Old


def test_private_names_are_the_same():
    _, Old = make()

    @reopen(Old)
    class Server:
        def reveal(self):
            return self.__flag

    assert Server().reveal() == "private"


def test_a_later_method_replaces_the_earlier():
    _, Old = make()

    @reopen(Old)
    class Server:
        def answer(self):
            return "first"

    @reopen(Old)
    class Server:  # noqa: F811
        def answer(self):
            return "second"

    assert Old().answer() == "second"


def test_another_name_is_refused_and_nothing_changes():
    _, Old = make()
    before = dict(vars(Old))
    with pytest.raises(TypeError, match=r"reopen\(Server\) stands above class Sever"):

        @reopen(Old)
        class Sever:
            def serve(self):
                pass

    assert dict(vars(Old)) == before


def test_what_python_adds_to_a_class_is_not_moved():
    """Of a body with a little of everything, only what is written there."""

    class Server:
        """What it is."""

    before = set(vars(Server))
    Old = Server

    @reopen(Old)
    class Server(list):
        """A note on this cell."""

        limit: int = 3
        name: str

        def kind(self):
            self.asked = True
            return __class__

    assert Old.__doc__ == "What it is."
    assert set(vars(Old)) - before == {"limit", "kind"}
