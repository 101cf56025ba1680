# %% serve
def serve(listener, handle, clients):
    served = 0
    while served < clients:
        pair = listener.accept()
        handle(pair[0])
        served += 1

# %% serve: handle called with tuple; accept gives a pair
def serve(listener, handle, clients):
    for _ in range(clients):
        connection = listener.accept()
        handle(connection)

# %% serve: is it the listener?
def serve(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        handle(listener)

# %% serve: handle called with socket, tuple; accept gives a pair
def serve(listener, handle, clients):
    for _ in range(clients):
        handle(*listener.accept())

# %% serve: is accept called for each of them?
def serve(listener, handle, clients):
    connection, _ = listener.accept()
    for _ in range(clients):
        handle(connection)

# %% serve: is accept called more than once for each client?
def serve(listener, handle, clients):
    for _ in range(clients):
        connection = listener.accept()[0]
        address = listener.accept()[1]
        handle(connection)

# %% serve: handle was never called
def serve(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        echo(connection)

# %% serve: does a return leave the loop early?
def serve(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        return handle(connection)

# %% read line
def read_line(connection):
    pieces = []
    while True:
        byte = connection.recv(1)
        pieces.append(byte)
        if byte in (b"", b"\n"):
            return b"".join(pieces)

# %% read line: a part of the line
def read_line(connection):
    return connection.recv(1024)

# %% read line: more than a line
def read_line(connection):
    line = b""
    while b"\n" not in line:
        line += connection.recv(1024)
    return line

# %% read line: without its line break
def read_line(connection):
    line = b""
    while True:
        byte = connection.recv(1)
        if byte == b"\n" or not byte:
            return line
        line += byte

# %% read line: read_line() goes on, although recv gives b''
def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)
    return line

# %% read line: is each byte added to those before it?
def read_line(connection):
    line = connection.recv(1)
    while line and line != b"\n":
        line = connection.recv(1)
    return line

# %% read line: is there a return?
def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)

# %% read line: does it look for b'\n', in bytes?
def read_line(connection):
    line = b""
    while True:
        byte = connection.recv(1)
        line += byte
        if byte == "\n" or byte == b"":
            return line

# %% read line: has the first taken more than its own line?
def read_line(connection):
    return connection.makefile("rb").readline()

# %% read line: so begin with b''
def read_line(connection):
    line = ""
    while not line.endswith("\n"):
        line += connection.recv(1)
    return line

# %% echo
def echo(connection):
    with connection:
        while True:
            data = connection.recv(65536)
            if not data:
                break
            connection.sendall(data)

# %% echo: is there no loop?
def echo(connection):
    with connection:
        data = connection.recv(1024)
        connection.sendall(data)

# %% echo: echo() goes on, although recv gives b''
def echo(connection):
    with connection:
        while True:
            data = connection.recv(1024)
            connection.sendall(data)

# %% echo: echo() is back, and the connection still open
def echo(connection):
    while data := connection.recv(1024):
        connection.sendall(data)

# %% echo: is each piece sent back at once?
def echo(connection):
    with connection:
        received = b""
        while data := connection.recv(1024):
            received += data
        connection.sendall(received)

# %% echo: is it sendall that sends?
def echo(connection):
    with connection:
        while data := connection.recv(1024):
            connection.send(data)

# %% echo: is there a recv in the loop?
def echo(connection):
    with connection:
        data = connection.recv(1024)
        while data:
            connection.sendall(data)

# %% echo: no answer (TypeError: 'socket' object is not iterable
def echo(connection):
    with connection:
        for data in connection:
            connection.sendall(data)

# %% thread
def serve_threaded(listener, handle, clients):
    threads = []
    for _ in range(clients):
        connection, address = listener.accept()
        thread = threading.Thread(target=lambda mine=connection: handle(mine))
        thread.daemon = True
        thread.start()
        threads.append(thread)

# %% thread: it calls handle itself
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        threading.Thread(target=handle(connection), daemon=True).start()

# %% thread: or waits for the thread to end
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        thread = threading.Thread(target=handle, args=(connection,), daemon=True)
        thread.start()
        thread.join()

# %% thread: is the thread started
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True)

# %% thread: is args a tuple, (connection,)?
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection), daemon=True).start()

# %% thread: a thread that isn't a daemon
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,)).start()

# %% thread: Thread wants its arguments by name
def serve_threaded(listener, handle, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        threading.Thread(handle, (connection,), daemon=True).start()

# %% datagram
def send_back(server):
    pair = server.recvfrom(65535)
    server.sendto(*pair)

# %% datagram: a datagram needs an address
def send_back(server):
    data = server.recv(1024)
    server.send(data)

# %% datagram: the server's own address
def send_back(server):
    data, client_address = server.recvfrom(1024)
    server.sendto(data, server.getsockname())

# %% datagram: the server's socket is closed
def send_back(server):
    with server:
        data, client_address = server.recvfrom(1024)
        server.sendto(data, client_address)

# %% datagram: sendto() takes 2 or 3 arguments
def send_back(server):
    data, client_address = server.recvfrom(1024)
    server.sendto(data)

# %% datagram: sendto wants the data first
def send_back(server):
    data, client_address = server.recvfrom(1024)
    server.sendto(client_address, data)

# %% datagram: does it wait for a second one?
def send_back(server):
    while True:
        data, client_address = server.recvfrom(1024)
        server.sendto(data, client_address)
