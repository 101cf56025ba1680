# %% answer
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        received = self.request.recv(4096)
        whose = threading.current_thread().name.encode()
        self.request.sendall(whose + b": " + received)

# %% answer: sendall wants bytes, and this is still text
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        name = threading.current_thread().name
        self.request.sendall(f"{name}: {data}")

# %% answer: is it self.request?
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = request.recv(1024).decode()
        name = threading.current_thread().name
        request.sendall(f"{name}: {data}".encode())

# %% answer: is it def handle(self)?
class Handler(socketserver.BaseRequestHandler):
    def handle():
        data = self.request.recv(1024).decode()
        name = threading.current_thread().name
        self.request.sendall(f"{name}: {data}".encode())

# %% answer: recv is a method of self.request
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.recv(1024).decode()
        name = threading.current_thread().name
        self.sendall(f"{name}: {data}".encode())

# %% answer: that's the message alone, without the thread's name
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024)
        self.request.sendall(data)

# %% answer: that's the name alone
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(1024)
        self.request.sendall(threading.current_thread().name.encode())

# %% answer: and is sendall called?
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        name = threading.current_thread().name
        return f"{name}: {data}".encode()

# %% answer: print writes into the notebook, and only sendall sends
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        name = threading.current_thread().name
        print(f"{name}: {data}")

# %% answer: the line with raise NotImplementedError() is still there
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        name = threading.current_thread().name
        raise NotImplementedError()
        self.request.sendall(f"{name}: {data}".encode())

# %% answer: the message in it is still bytes
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024)
        name = threading.current_thread().name
        self.request.sendall(f"{name}: {data}".encode())

# %% answer: the message is still bytes
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024)
        self.request.sendall((threading.current_thread().name + ": " + data).encode())

# %% answer: that's the whole thread
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        self.request.sendall(f"{threading.current_thread()}: {data}".encode())

# %% answer: a colon and a space
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024).decode()
        self.request.sendall(f"{threading.current_thread().name}:{data}".encode())

# %% answer: does handle ask for the name of the current thread?
class Handler(socketserver.BaseRequestHandler):
    name = threading.current_thread().name

    def handle(self):
        data = self.request.recv(1024).decode()
        self.request.sendall(f"{self.name}: {data}".encode())

# %% answer: nothing for the client: is the message received
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        name = threading.current_thread().name
