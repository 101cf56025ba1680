"""Grade a class: answers run apart, and are judged from the other end of a socket."""
