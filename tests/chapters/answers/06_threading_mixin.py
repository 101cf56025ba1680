# %% a thread
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, *job):
        worker = threading.Thread(name="worker", target=lambda: self.process_request_thread(*job))
        worker.start()

# %% a thread: in the loop's own thread
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request_thread(request, client_address)
        threading.Thread(target=work).start()

# %% a thread: in the loop's own thread
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).run()

# %% a thread: no client served beside the slow one
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        thread.join()

# %% a thread: missing 2 required positional arguments
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        threading.Thread(target=self.process_request_thread).start()

# %% a thread: threading.Thread takes both by name
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        threading.Thread(self.process_request_thread, request, client_address).start()

# %% a thread: was start() called?
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        threading.Thread(target=self.process_request_thread, args=(request, client_address))

# %% a thread: args is a tuple with both in it
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        threading.Thread(target=self.process_request_thread, args=(request)).start()

# %% a thread: lacks its first parameter, self
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).start()

# %% a thread: It's process_request_thread that it should run
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request
        threading.Thread(target=work, args=(request, client_address)).start()

# %% a thread: There's a raise NotImplementedError() in it
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).start()
        raise NotImplementedError()

# %% a thread: its method was not called
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = super().process_request
        threading.Thread(target=work, args=(request, client_address)).start()

# %% a thread: no datagram came back
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        request.settimeout(5)
        work = self.process_request_thread
        threading.Thread(target=work, args=(request, client_address)).start()

# %% errors
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        with contextlib.ExitStack() as stack:
            stack.callback(self.shutdown_request, request)
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)


import contextlib

# %% errors: shutdown_request called, and the exception ended the thread
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

# %% errors: only handle_error called
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)

# %% errors: handle_error takes two: the request and the client's address
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception as error:
            self.handle_error(error)
        finally:
            self.shutdown_request(request)

# %% errors: although the handler has no error
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
            raise NotImplementedError()
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% errors: So it's called in there
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        failed = False
        try:
            self.finish_request(request, client_address)
        except Exception:
            failed = True
        finally:
            if failed:
                self.handle_error(request, client_address)
            self.shutdown_request(request)

# %% errors: shutdown_request never called
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        self.shutdown_request(request)

# %% errors: the goodbye is said twice
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
            self.shutdown_request(request)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% errors: the goodbye is said twice
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            super().process_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% remember
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        job = {"request": request, "client_address": client_address}
        worker = threading.Thread(
            target=self.process_request_thread, kwargs=job, daemon=self.daemon_threads
        )
        if self.block_on_close and not self.daemon_threads:
            if not isinstance(self._threads, WeakSet):
                self._threads = WeakSet()
            self._threads.add(worker)
        worker.start()

# %% remember: inherits that from the one that starts it
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        vars(self).setdefault("_threads", WeakSet()).add(thread)

# %% remember: The attribute is set after the thread is made
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.start()
        thread.daemon = self.daemon_threads
        if self.block_on_close and not thread.daemon:
            vars(self).setdefault("_threads", WeakSet()).add(thread)

# %% remember: The server needs its own WeakSet first
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            self._threads.add(thread)

# %% remember: no thread in _threads of the server
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()

# %% remember: was the new thread added there?
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            vars(self).setdefault("_threads", WeakSet()).add(threading.current_thread())

# %% remember: 1 thread in _threads although block_on_close is False
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if not thread.daemon:
            vars(self).setdefault("_threads", WeakSet()).add(thread)

# %% remember: 1 thread in _threads, and two handlers are at work
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            self._threads = WeakSet()
            self._threads.add(thread)

# %% remember: ended threads still held
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            vars(self).setdefault("_threads", []).append(thread)

# %% remember: ended threads
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        def work():
            self.process_request_thread(request, client_address)
            mine.discard(threading.current_thread())

        mine = vars(self).setdefault("_threads", set())
        thread = threading.Thread(target=work, daemon=self.daemon_threads)
        thread.start()
        if self.block_on_close and not thread.daemon:
            mine.add(thread)

# %% remember: in _threads of the other server
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    daemon_threads = False
    block_on_close = True
    _threads = ()

    def process_request(self, request, client_address):
        work = self.process_request_thread
        thread = threading.Thread(target=work, args=(request, client_address))
        thread.daemon = self.daemon_threads
        thread.start()
        if self.block_on_close and not thread.daemon:
            if not type(self)._threads:
                type(self)._threads = WeakSet()
            self._threads.add(thread)

# %% closing
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        while left := [thread for thread in self._threads if thread.is_alive()]:
            left[0].join(0.1)

# %% closing: is that closed first, by super().server_close()?
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        for thread in self._threads:
            thread.join()

# %% closing: server_close() waits, and the listener is still open
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        for thread in list(self._threads):
            thread.join()
        super().server_close()

# %% closing: the handler still at work: a time limit?
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        for thread in list(self._threads):
            thread.join(5)

# %% closing: was join() called for each thread?
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        for thread in list(self._threads):
            thread.join

# %% closing: server_close() back when one of the two was done
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        for thread in list(self._threads)[:1]:
            thread.join()

# %% closing: so it's called with nothing in the parentheses
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close(self)
        for thread in list(self._threads):
            thread.join()

# %% closing: without super().server_close(), which may do more
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        TCPServer.server_close(self)
        for thread in list(self._threads):
            thread.join()

# %% closing: object has no attribute 'join'
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        self._threads.join()

# %% lock
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        self.server.lock.acquire()
        try:
            self.server.visitors = number = self.server.visitors + 1
        finally:
            self.server.lock.release()
        self.request.sendall(b"you are number %d" % number)

# %% lock: visitors read while the handler didn't hold self.server.lock
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        number = self.server.visitors + 1
        time.sleep(0.02)
        with self.server.lock:
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% lock: the handler never took that lock, so is it another one?
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        lock = threading.Lock()
        self.request.recv(100)
        with lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% lock: given back in between
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            number = self.server.visitors + 1
        time.sleep(0.02)
        with self.server.lock:
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% lock: the lock is held while the silent client is waited for
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        with self.server.lock:
            self.request.recv(100)
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
            self.request.sendall(f"you are number {number}".encode())

# %% lock: the answer sent while the handler still holds the lock
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            self.server.visitors += 1
            self.request.sendall(f"you are number {self.server.visitors}".encode())

# %% lock: visitors before one was added?
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            number = self.server.visitors
            self.server.visitors = number + 1
        self.request.sendall(f"you are number {number}".encode())

# %% lock: the lock was never given back
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        self.server.lock.acquire()
        number = self.server.visitors + 1
        time.sleep(0.02)
        self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% a thread: in args the request comes first
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request(self, request, client_address):
        work = self.process_request_thread
        threading.Thread(target=work, args=(client_address, request)).start()

# %% errors: sys.exit() raises SystemExit
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% errors: which would start the next
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def process_request_thread(self, request, client_address):
        try:
            self.process_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% closing: join() sleeps
@reopen(ThreadingMixIn)
class ThreadingMixIn:
    def server_close(self):
        super().server_close()
        while any(thread.is_alive() for thread in list(self._threads)):
            pass

# %% lock: There's a raise NotImplementedError() in it
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())
        raise NotImplementedError()

# %% lock: send() may send only a part
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.send(f"you are number {number}".encode())

# %% lock: the error, and the lock still held
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        self.server.lock.acquire()
        number = self.server.visitors + 1
        time.sleep(0.02)
        self.server.visitors = number
        self.server.lock.release()
        self.request.sendall(f"you are number {number}".encode())

# %% lock: A handler reaches that as self.server.lock
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% lock: The handler receives the message first
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        with self.server.lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.sendall(f"you are number {number}".encode())

# %% lock: An f before the opening quotation mark
class LockedNumbering(BaseRequestHandler):
    def handle(self):
        self.request.recv(100)
        with self.server.lock:
            number = self.server.visitors + 1
            time.sleep(0.02)
            self.server.visitors = number
        self.request.sendall("you are number {number}".encode())
