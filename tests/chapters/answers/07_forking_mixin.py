# %% child
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
            self.shutdown_request(request)
        finally:
            os._exit(0)

# %% child: a child came back into the program of its parent (process_request returned
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

# %% child: it left with SystemExit, as sys.exit() does
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            sys.exit(0)

# %% child: with two clients whose handlers raise
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        os._exit(0)

# %% child: after a handler that raised the child called shutdown_request
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)
            os._exit(0)

# %% child: (process_request returned in the child after AttributeError: module 'os'
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            os.exit(0)

# %% child: came back into the program of its parent (KeyboardInterrupt
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        self.shutdown_request(request)
        os._exit(0)

# %% child: after success the child called no hook
@reopen(ForkingMixIn)
class ForkingMixIn:
    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)

    def _run_child(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            os._exit(0)

# %% parent
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        if child := os.fork():
            self.active_children = {child, *(self.active_children or ())}
            self.close_request(request)
            return
        self._run_child(request, client_address)

# %% parent: the parent called shutdown_request: the client hears goodbye before its answer
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        if self.active_children is None:
            self.active_children = set()
        self.active_children.add(pid)
        self.shutdown_request(request)

# %% parent: its hold of the connection still open: no close_request
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        if self.active_children is None:
            self.active_children = set()
        self.active_children.add(pid)

# %% parent: AttributeError: 'NoneType' object has no attribute 'add', in process_request()
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        self.active_children.add(pid)
        self.close_request(request)

# %% parent: ended before the check: did the parent run _run_child?
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid:
            self._run_child(request, client_address)
        self.close_request(request)

# %% parent: process_request back only when the child had ended: it waits
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        os.waitpid(pid, 0)
        self.close_request(request)

# %% parent: active_children is None after three requests
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = None

    def process_request(self, request, client_address):
        if os.fork() == 0:
            self._run_child(request, client_address)
        self.close_request(request)

# %% parent: is it on the class?
@reopen(ForkingMixIn)
class ForkingMixIn:
    active_children = set()

    def process_request(self, request, client_address):
        pid = os.fork()
        if pid == 0:
            self._run_child(request, client_address)
        self.active_children.add(pid)
        self.close_request(request)

# %% exit status
@reopen(ForkingMixIn)
class ForkingMixIn:
    def _run_child(self, request, client_address):
        status = 1
        try:
            try:
                self.finish_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
            else:
                status = 0
            finally:
                self.shutdown_request(request)
        finally:
            os._exit(status)

# %% exit status: exit status 0 after a handler that raised
@reopen(ForkingMixIn)
class ForkingMixIn:
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        status = 0
        try:
            self.shutdown_request(request)
        finally:
            os._exit(status)

# %% exit status: exit status 1 after success
@reopen(ForkingMixIn)
class ForkingMixIn:
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            try:
                self.shutdown_request(request)
            finally:
                os._exit(status)

# %% exit status: came back into the program of its parent (RuntimeError: a bug in shutdown_request
@reopen(ForkingMixIn)
class ForkingMixIn:
    def _run_child(self, request, client_address):
        status = 1
        try:
            self.finish_request(request, client_address)
            status = 0
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            os._exit(status)

# %% collect
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        still = set()
        for pid in self.active_children or set():
            with suppress(ChildProcessError):
                if os.waitpid(pid, 0 if blocking else os.WNOHANG) == (0, 0):
                    still.add(pid)
        self.active_children = still


from contextlib import suppress

# %% collect: is it waitpid(-1)?
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        while self.active_children:
            pid, _ = os.waitpid(-1, 0 if blocking else os.WNOHANG)
            if pid == 0:
                break
            self.active_children.discard(pid)

# %% collect: 'NoneType' object is not iterable
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children):
            ended, _ = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            if ended:
                self.active_children.discard(pid)

# %% collect: Set changed size during iteration
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in self.active_children or ():
            try:
                ended, _ = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self.active_children.discard(pid)

# %% collect: another part of the program had waited for this child
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            ended, _ = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            if ended:
                self.active_children.discard(pid)

# %% collect: a child at work, and active_children is empty
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            try:
                os.waitpid(pid, 0 if blocking else os.WNOHANG)
            except ChildProcessError:
                pass
            self.active_children.discard(pid)

# %% collect: collect_children() waits for a child at work: the loop comes to a halt
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass
            self.active_children.discard(pid)

# %% collect: of two children left after collect_children(blocking=True)
@reopen(ForkingMixIn)
class ForkingMixIn:
    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self.active_children.discard(pid)

# %% close
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        super().service_actions()
        self.collect_children(blocking=False)

    def server_close(self):
        super().server_close()
        if self.block_on_close:
            self.collect_children(blocking=True)
        else:
            self.collect_children()

# %% close: 3 zombies after service_actions()
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        super().service_actions()

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=self.block_on_close)

# %% close: the listener still open
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        self.collect_children()

    def server_close(self):
        self.collect_children(blocking=self.block_on_close)

# %% close: server_close() waits, and the listener is still open
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        self.collect_children()

    def server_close(self):
        self.collect_children(blocking=self.block_on_close)
        super().server_close()

# %% close: with block_on_close True, and the work not done
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        self.collect_children()

    def server_close(self):
        super().server_close()
        self.collect_children()

# %% close: with block_on_close False, and the work done
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        self.collect_children()

    def server_close(self):
        super().server_close()
        self.collect_children(blocking=True)

# %% close: a zombie after server_close()
@reopen(ForkingMixIn)
class ForkingMixIn:
    block_on_close = True

    def service_actions(self):
        self.collect_children()

    def server_close(self):
        super().server_close()
        if self.block_on_close:
            self.collect_children(blocking=True)

# %% limit
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        at_work = self.active_children or set()
        if self.max_children > len(at_work):
            return super()._handle_request_noblock()
        time.sleep(0.02)
        self.collect_children(blocking=False)

# %% limit: three at work
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) <= self.max_children:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)
            self.collect_children()

# %% limit: object of type 'NoneType' has no len()
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children) < self.max_children:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)
            self.collect_children()

# %% limit: are clients left outside while there's room?
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) > self.max_children:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)
            self.collect_children()

# %% limit: s while it was full: does it sleep?
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) < self.max_children:
            super()._handle_request_noblock()
        else:
            self.collect_children()

# %% limit: does it wait for a child to end?
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) >= self.max_children:
            self.collect_children(blocking=True)
        super()._handle_request_noblock()

# %% limit: the third client was taken, and not served
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) < self.max_children:
            super()._handle_request_noblock()
        else:
            request, _ = self.get_request()
            self.shutdown_request(request)
            time.sleep(0.01)
            self.collect_children()

# %% limit: is collect_children() called when the server is full?
@reopen(ForkingMixIn)
class ForkingMixIn:
    max_children = 40

    def _handle_request_noblock(self):
        if len(self.active_children or ()) < self.max_children:
            super()._handle_request_noblock()
        else:
            time.sleep(0.01)
