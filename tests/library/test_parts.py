"""All the parts beyond the standard library: what must hold when several stand in one class."""

import itertools

import pytest

import minisocketserver
from minisocketserver import beyond

from ..conformance.helpers import in_time, serving
from .helpers import ask

PARTS = [getattr(beyond, name) for name in beyond.__all__ if name.endswith("MixIn")]
SERVERS = [getattr(minisocketserver, name) for name in minisocketserver.__all__]


def own_names(part):
    """The names, private ones too, that a class brings along by itself and its constructor."""
    constructor = getattr(vars(part).get("__init__"), "__code__", None)
    of_objects = constructor.co_names if constructor else ()
    return {name for name in {*vars(part), *of_objects} if not name.startswith("__")}


def lineage(classes):
    return {base for part in classes for base in part.__mro__} - {object}


@pytest.mark.parametrize("part", sorted(lineage(PARTS), key=lambda part: part.__name__))
def test_private_names_are_of_one_part(part):
    """No two parts use one private name for two things: in one class they would collide."""
    private = {name for name in own_names(part) if name.startswith("_")}
    for other in lineage([*PARTS, *SERVERS]) - {part}:
        shared = private & own_names(other)
        related = issubclass(part, other) or issubclass(other, part)
        assert related or shared <= {"_threads", "_handle_request_noblock"}, (part, other, shared)


def orders(*names):
    """Each order of the parts that have these names."""
    found = [getattr(beyond, name, None) for name in names]
    return list(itertools.permutations(found)) if all(found) else []


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    "bases",
    orders("LimitsMixIn", "DrainMixIn", "TLSMixIn", "ThreadPoolMixIn")
    + orders("LimitsMixIn", "TLSMixIn", "PreForkMixIn", "ThreadPoolMixIn"),
    ids=lambda bases: "-".join(base.__name__.removesuffix("MixIn") for base in bases),
)
def test_any_order_serves_and_ends(make, connect, server_context, client_context, bases):
    """Whatever the order of the parts, a client is served and the server ends."""
    server_class = type(
        "Server",
        (*bases, minisocketserver.TCPServer),
        {"processes": 1, "ssl_context": server_context},
    )
    server = make(server_class, lambda request, *_: request.sendall(request.recv(9)))
    with serving(server):
        sock = connect(server)
        with client_context.wrap_socket(sock, server_hostname="localhost") as client:
            assert ask(client) == b"hello\n"
    in_time(server.server_close)
