"""An error that a beginner's slip leads to is told with what to write instead."""

import socket

import pytest

from socketlab.checks.slips import explain, likely_slip


class Server:
    size = 5

    def bind():
        pass

    def close(self):
        pass


TEXT = "self.socket = socket.socket()\nself.address = address"


@pytest.mark.parametrize(
    "got, told",
    [
        ("bind() is still blank", "has a line with raise NotImplementedError"),
        (
            "TypeError: Server.bind() takes 0 positional arguments but 1 was given, in __init__()",
            "bind lacks its first parameter, self",
        ),
        ("NameError: name 'close' is not defined, in stop(), line 3 of your code: x", "self.close"),
        ("NameError: name 'size' is not defined, in stop(), line 3 of your code: x", "self.size"),
        (
            "NameError: name 'address' is not defined, in bind(), line 3 of your code: x",
            "self.address",
        ),
        (
            "UnboundLocalError: cannot access local variable 'address' where it is not associated "
            "with a value, in bind(), line 3 of your code: x",
            "self.address",
        ),
        (
            "NameError: name 'SHUT_WR' is not defined, in bind(), line 3 of your code: x",
            "write socket.SHUT_WR",
        ),
        ("AttributeError: module 'socket' has no attribute 'bind', in bind()", "self.socket"),
    ],
)
def test_a_slip_is_named(got, told):
    assert told in likely_slip(got, [Server], {"socket": socket}, TEXT)


@pytest.mark.parametrize(
    "got",
    [
        "TypeError: Server.close() takes 1 positional argument but 2 were given, in stop()",
        "TypeError: Other.bind() takes 0 positional arguments but 1 was given",
        "NameError: name 'socket' is not defined, in bind(), line 3 of your code: x",
        "NameError: name 'create_server' is not defined, line 1 of your code: @x(create_server)",
        "NameError: name 'helper' is not defined, in bind(), line 3 of your code: x",
        "AttributeError: module 'os' has no attribute 'bind'",
        "b'ping', and no end within 2 seconds",
    ],
)
def test_nothing_is_guessed_for_another_error(got):
    assert likely_slip(got, [Server], {"socket": socket}, TEXT) == ""


def test_a_table_of_slips_is_asked_in_its_order():
    slips = {"not 'str'": "encode it", "TypeError": "another type"}
    assert explain("TypeError: bytes, not 'str'", slips) == "encode it"
    assert explain("TypeError: no tuple", slips) == "another type"
    assert explain("OSError", slips) == ""
    assert explain("OSError", slips, otherwise="as it is") == "as it is"
