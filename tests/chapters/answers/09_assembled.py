# %% mix
def mix(mixin, server):
    class Mixed(mixin, server):
        pass

    Mixed.__name__ = mixin.__name__[: -len("MixIn")] + server.__name__
    return Mixed

# %% mix: whose process_request isn't the mix-in's
def mix(mixin, server):
    name = mixin.__name__.removesuffix("MixIn") + server.__name__
    return type(name, (server, mixin), {})

# %% mix: a class called 'ThreadingMixInTCPServer' for ThreadingMixIn and TCPServer
def mix(mixin, server):
    return type(mixin.__name__ + server.__name__, (mixin, server), {})

# %% mix: a class called 'ThreadingTCPServer' for ThreadingMixIn and UDPServer
def mix(mixin, server):
    return type("ThreadingTCPServer", (mixin, server), {})

# %% mix: None: is there a return?
def mix(mixin, server):
    name = mixin.__name__.removesuffix("MixIn") + server.__name__
    type(name, (mixin, server), {})

# %% mix: 'ThreadingTCPServer', which isn't a class
def mix(mixin, server):
    return mixin.__name__.removesuffix("MixIn") + server.__name__

# %% mix: argument 2 must be tuple, not list
def mix(mixin, server):
    name = mixin.__name__.removesuffix("MixIn") + server.__name__
    return type(name, [mixin, server], {})

# %% leak
def closes_its_connections(parts):
    class Handler(parts.BaseRequestHandler):
        def handle(self):
            self.server.connection = self.request

    server = parts.TCPServer(HERE, Handler)
    with running(server), socket.create_connection(server.server_address) as client:
        client.recv(1)
    with server.connection as connection:
        return connection.fileno() < 0

# %% leak: is it looked at below the with block
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        visit(server)
        closed = seen[0].fileno() == -1
    seen[0].close()
    return closed

# %% leak: it's the other way round
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        visit(server)
    is_open = seen[0].fileno() != -1
    seen[0].close()
    return is_open

# %% leak: is seen still empty? visit(server) brings it a client
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        pass
    closed = seen[0].fileno() == -1
    seen[0].close()
    return closed

# %% leak: True for the one that never closes
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        visit(server)
    seen[0].close()
    return seen[0].fileno() == -1

# %% leak: a connection left open: close seen[0]
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        visit(server)
    return seen[0].fileno() == -1

# %% leak: None: is there a return?
def closes_its_connections(parts):
    seen = []

    class Handler(parts.BaseRequestHandler):
        def handle(self):
            seen.append(self.request)

    with running(parts.TCPServer(HERE, Handler)) as server:
        visit(server)
    closed = seen[0].fileno() == -1
    seen[0].close()
