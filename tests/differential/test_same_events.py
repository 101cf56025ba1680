"""Random sequences of actions, played on both modules."""

import socketserver

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import minisocketserver

from .scenario import Play

fixed = settings(
    derandomize=True,
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

sizes = st.integers(0, 3) | st.integers(62, 66) | st.just(5000)
words = sizes.map(lambda size: b"a" * size + b"\n")
lines = words | st.sampled_from([b"", b"no line end", b"raise\n", b"two\nlines\n"])
action = st.one_of(
    st.tuples(st.just("one"), lines | st.just(b"exit\n")),
    st.tuples(st.just("rejected"), lines),
    st.just(("reset",)),
    st.tuples(st.just("nobody"), st.sampled_from([0, 0.001])),
    st.tuples(st.just("forever"), st.lists(lines, max_size=3)),
)
scripts = st.lists(action, min_size=1, max_size=6)


@pytest.mark.parametrize("kind", ["TCPServer", "UDPServer"])
@fixed
@given(actions=scripts)
def test_same_events(kind, actions):
    ours = Play(minisocketserver, kind).run(actions)
    theirs = Play(socketserver, kind).run(actions)
    assert ours == theirs


def forgetful(server_class):
    class Forgetful(server_class):
        def shutdown_request(self, request):
            self.close_request(request)

    return Forgetful


def deaf(server_class):
    class Deaf(server_class):
        def handle_timeout(self):
            pass

    return Deaf


@pytest.mark.parametrize("broken", [forgetful, deaf])
def test_a_broken_server_is_noticed(broken):
    @settings(fixed, phases=[Phase.generate])  # found is enough: no search for the shortest
    @given(actions=scripts)
    def search(actions):
        ours = Play(minisocketserver, "TCPServer", broken).run(actions)
        assert ours == Play(socketserver, "TCPServer").run(actions)

    with pytest.raises(AssertionError):
        search()
