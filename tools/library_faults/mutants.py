"""Faults made from the library's own syntax trees: they need no care when a line changes.

A fault is called after its place: `TCPServer.server_close: without 'self.socket.close()'`.
EQUIVALENT says of those that no test can notice why the library is as right with them.
"""

import ast

from ..mutators import Changes, numbered

OTHER_NAMES = {
    "SOCK_STREAM": "SOCK_DGRAM",
    "SOCK_DGRAM": "SOCK_STREAM",
    "AF_INET": "AF_INET6",
    "AF_UNIX": "AF_INET",
    "SO_REUSEADDR": "SO_REUSEPORT",
    "SO_REUSEPORT": "SO_REUSEADDR",
    "SHUT_WR": "SHUT_RDWR",
    "WNOHANG": "WUNTRACED",
    "close_request": "shutdown_request",
    "shutdown_request": "close_request",
    "process_request_thread": "finish_request",
    "server_close": "server_activate",
    "sendall": "send",
    "start": "run",
    "stderr": "stdout",
    "min": "max",
    "OSError": "KeyError",
    "ChildProcessError": "KeyError",
    "Exception": "BaseException",
    "BaseException": "Exception",
}
"""For a name, or an attribute's, one that is taken for it by mistake."""


class LibraryChanges(Changes):
    """More kinds than in a solution, where each fault would have to be judged by hand."""

    def __init__(self, tree):
        places = {}

        def walk(node, place):
            places[node] = place or "module"
            for child in ast.iter_child_nodes(node):
                is_named = isinstance(child, (ast.ClassDef, ast.FunctionDef))
                walk(child, f"{place}.{child.name}".lstrip(".") if is_named else place)

        walk(tree, "")
        super().__init__(tree, lambda node: places[node])

    def visit(self, node):
        if not isinstance(node, (ast.AnnAssign, ast.arg)):
            return super().visit(node)
        if getattr(node, "value", None) is not None:  # what stands before it is an annotation
            self.visit(node.value)
        return None

    def visit_Constant(self, node):
        super().visit_Constant(node)
        if type(node.value) in (int, float):
            self.change(node, f"{node.value - 1} for {node.value}", value=node.value - 1)

    def test(self, node):
        """Let a condition always hold, and never."""
        if isinstance(node.test, ast.Constant):
            return
        for value in (True, False):
            what = f"{value} for {ast.unparse(node.test)!r}"
            self.change(node, what, test=ast.Constant(value))
        self.generic_visit(node)

    visit_If = visit_While = visit_IfExp = test

    def visit_Compare(self, node):
        super().visit_Compare(node)
        turned = f"{ast.unparse(node.comparators[0])} turned round"  # in any order it's the same
        self.found = [one for one in self.found if not one[0].endswith(f": {turned}")]

    def visit_BoolOp(self, node):
        for value in node.values:
            left = [one for one in node.values if one is not value]
            self.change(node, f"without the condition {ast.unparse(value)!r}", values=left)
        self.generic_visit(node)

    def visit_Name(self, node):
        if node.id in OTHER_NAMES and isinstance(node.ctx, ast.Load):
            other = OTHER_NAMES[node.id]
            self.change(node, f"{other} for {node.id}", id=other)

    def visit_Attribute(self, node):
        if node.attr in OTHER_NAMES:
            other = OTHER_NAMES[node.attr]
            self.change(node, f"{other} for {ast.unparse(node)}", attr=other)
        self.generic_visit(node)

    def visit_Assign(self, node):
        if isinstance(node.value, (ast.Name, ast.Attribute)):
            what = f"None for {ast.unparse(node.value)!r}"
            self.change(node, what, value=ast.Constant(None))
        self.generic_visit(node)

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        for number, arg in enumerate(node.args):
            if isinstance(arg, ast.Name) and called.startswith("self."):
                args = [*node.args[:number], ast.Constant(None), *node.args[number + 1 :]]
                self.change(node, f"{called} with None for {ast.unparse(arg)!r}", args=args)
        for word in node.keywords:
            left = [one for one in node.keywords if one is not word]
            self.change(node, f"{called} without {word.arg!r}", keywords=left)
        self.generic_visit(node)

    def visit_Try(self, node):
        if node.finalbody:
            after = {"finalbody": [], "orelse": [*node.orelse, *node.finalbody]}
            handlers = node.handlers or [
                ast.parse("try: 0\nexcept KeyError: raise").body[0].handlers[0]
            ]
            self.change(node, "else for finally", handlers=handlers, **after)
        for handler in node.handlers:
            if not isinstance(handler.body[-1], (ast.Raise, ast.Return)):
                again = [*handler.body, ast.Raise()]
                self.change(handler, "an exception raised again", body=again)
        self.generic_visit(node)

    def visit_With(self, node):
        for number, item in enumerate(node.items):
            if item.optional_vars is None:  # such as suppress(OSError)
                plain = ast.parse("__import__('contextlib').nullcontext()", mode="eval").body
                items = [*node.items[:number], ast.withitem(plain), *node.items[number + 1 :]]
                self.change(node, f"without {ast.unparse(item)!r}", items=items)
        self.generic_visit(node)

    def elements(self, node):
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and len(node.elts) > 1:
            for one in node.elts:
                left = [other for other in node.elts if other is not one]
                self.change(node, f"{ast.unparse(one)} left out", elts=left)
        self.generic_visit(node)

    visit_List = visit_Set = elements

    def visit_Tuple(self, node):
        if isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
            self.change(node, f"{ast.unparse(node)} turned round", elts=node.elts[::-1])
        self.elements(node)

    def visit_ClassDef(self, node):
        if len(node.bases) > 1:
            self.change(node, "bases turned round", bases=node.bases[::-1])
            for base in node.bases:
                left = [one for one in node.bases if one is not base]
                self.change(node, f"without the base {ast.unparse(base)}", bases=left)
        self.generic_visit(node)

    def visit_FunctionDef(self, node):
        if not node.name.startswith("__"):
            self.change(node, "under another name", name=f"{node.name}_")
        if node.args.kwonlyargs:
            given = ast.arguments(
                node.args.posonlyargs,
                [*node.args.args, *node.args.kwonlyargs],
                defaults=[*node.args.defaults, *node.args.kw_defaults],
                kwonlyargs=[],
                kw_defaults=[],
            )
            self.change(node, "positional arguments", args=given)
        self.generic_visit(node)


def mutants(text):
    """Yield (name, text) for each change of a module's text."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None  # what it returns is said to people, and to mypy
    changes = LibraryChanges(tree)
    changes.visit(changes.tree)
    seen = {ast.unparse(changes.tree)}
    for name, made in numbered(changes.found):
        if made not in seen:
            seen.add(made)
            yield name, made


VERSION = "the Python that runs is on the same side of it"
TYPES = "only mypy looks there"
BIND = "tcp_server.py: TCPServer.server_bind"
HAS = "only a system that lacks this would notice"
SEEN = "the loop reads only what select has seen, so it needn't wait"
POLL = "base_server.py: BaseServer.__must_poll"
EQUIVALENT = {
    "base_server.py: _Waker.__init__: without 'self._receiver.setblocking(False)'": SEEN,
    "base_server.py: _Waker.__init__: True for False": SEEN,
    "base_server.py: _Waker.__init__: 2 for 1": "only one byte has been sent",
    "base_server.py: _Waker.clear: without 'suppress(OSError)'": SEEN,
    "base_server.py: _Waker.clear: KeyError for OSError": SEEN,
    "base_server.py: _Waker.clear: 4097 for 4096": "any size will do",
    "base_server.py: _Waker.clear: 4095 for 4096": "any size will do",
    "base_server.py: BaseServer.serve_forever: True for 'not self.__shutdown_request'": (
        "the loop looks at the flag before its first wait as well"
    ),
    "base_server.py: BaseServer.__serve: without \"vars(self).pop('_BaseServer__waker', None)\"": (
        "to wake a closed one does nothing"
    ),
    f"{POLL}: ('service_actions', '__setattr__') turned round": ("any order will do"),
    f"{POLL}: without the condition \"sys.platform == 'win32'\"": HAS,
    "tcp_server.py: TCPServer: LtE in a comparison": VERSION,
    "tcp_server.py: TCPServer: 3 left out": VERSION,
    "tcp_server.py: TCPServer: 4 for 3": VERSION,
    "tcp_server.py: TCPServer: 16 for 15": VERSION,
    "tcp_server.py: TCPServer: 14 for 15": VERSION,
    f"{BIND}: without the condition \"hasattr(socket, 'SO_REUSEADDR')\"": HAS,
    f"{BIND}: without the condition \"hasattr(socket, 'SO_REUSEPORT')\"": HAS,
    f"{BIND}: 2 for 1": "any number but 0 means yes",
    f"{BIND}: 2 for 1 (2)": "any number but 0 means yes",
    "__init__.py: module: True for 'sys.version_info < (3, 15)'": VERSION,
    **{
        f"{file}.py: module: {what} {condition!r}": HAS
        for file in ("__init__", "assembled")
        for condition in ("hasattr(os, 'fork')", "hasattr(socket, 'AF_UNIX')")
        for what in ("True for", "without the condition")
    },
    **{
        f"{file}.py: module: True for \"hasattr(os, 'fork') and hasattr(socket, 'AF_UNIX')\"": HAS
        for file in ("__init__", "assembled")
    },
    "handlers.py: StreamRequestHandler.finish: (self.wfile, self.rfile) turned round": (
        "both are closed, whichever comes first"
    ),
    "mixin_base.py: module: None for 'BaseServer'": TYPES,
    "mixin_base.py: module: False for 'TYPE_CHECKING'": TYPES,
    "mixin_base.py: module: without 'MixInBase = BaseServer'": TYPES,
    "udp_server.py: UDPServer.get_request: 2 for 1": (
        "one byte more than fits shows that a datagram was cut, and so do two"
    ),
    "forking_mixin.py: ForkingMixIn._run_child: an exception raised again": (
        "os._exit, in the finally, comes before it could go anywhere"
    ),
}
