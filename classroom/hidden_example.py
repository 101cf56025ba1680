"""An example of hidden checks: copy it, keep it where no student can read it, make it yours.

    socketlab grade submitted --hidden my_checks.py

A hidden check gets a bench, and the answers that its parameters are named after. It uses them like
any program, and says what is wrong through a case. All of that is for you, and comes in
`grades/hidden.csv`. The student is told the topic and the points.
"""

from minisocketserver import BaseRequestHandler
from socketlab.grading.hidden import hidden_check


class Shout(BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.request.recv(1024).upper())


@hidden_check("03.1", topic="many visitors", points=2)
def many_visitors(bench, ActivatedServer):
    case = bench.case(
        called="an ActivatedServer, visited by twenty clients in turn",
        expected="for each its own words, in capitals",
        why="The visible checks send one. A server is made for more.",
    )
    server = case.call(ActivatedServer, ("127.0.0.1", 0), Shout)
    with case.serving(server):
        for number in range(20):
            words = f"ahoy from boat {number}".encode()
            got = case.talk(server.server_address, words)
            case.want(got == words.upper(), f"{got!r} for {words!r}")
