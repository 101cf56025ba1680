"""More kinds of one-line faults in our solutions.

A statement comes one line late, a block loses its `with`, `try` or `finally`, a hook is
misspelt, an argument dropped, an attribute put on the class, a line end shortened. EXPLAINED
says why an answer is still a right one where no check notices. All of them take some minutes, so
the tests hold only that what is explained is still made.
"""

import ast
import copy
from collections.abc import Iterator

from socketlab.project import answer_cell

from . import EXPLAINED as OF_FEW_KINDS
from . import SOLUTIONS, named

GIVEN = "the line was in the exercise, and is not the learner's"
SIZE = "any size that holds the request will do"
WORDS = "the words are free"
RARE = "two threads have to meet in a few microseconds"
HEAD = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length:"

BREAK = "the task asks for no line break"
FITS = "so few bytes always fit"
NO_LOCK = "the task does not ask for a lock, and the third hint calls it better, no more"
CLIENTS = "(EOFError, ValueError, TimeoutError, ConnectionError)"
ONLY_BLOCKING = "a read from one's own pipe raises nothing else"

EXPLAINED = OF_FEW_KINDS | {
    ("01.1", "line 5: 65535 for 65536"): "in a loop any size will do",
    (
        "01.1",
        "line 14: without the argument 'daemon'",
    ): "the thread has ended when relay is back",
    ("01.2", "line 5: b'\\n\\r\\n' for b'\\r\\n\\r\\n'"): "an empty line after any other",
    ("01.2", "line 6: 1023 for 1024"): "in a loop any size will do",
    (
        "01.2",
        f"line 13: in an f-string {HEAD!r} for {HEAD + ' '!r}",
    ): "HTTP does not need the blank",
    ("02.1", "line 5: 'A QUEUE' for 'a queue'"): WORDS,
    ("02.1", "line 5: ' queue' for 'a queue'"): WORDS,
    ("02.1", "line 5: 'a queu' for 'a queue'"): WORDS,
    ("02.1", "line 5: \"super().__init__('a queue', wo...\" one line later"): "any order will do",
    ("02.1", "line 7: 'self.jobs = deque()' one line later"): "any order will do",
    ("02.1", "line 8: 'self.lock = threading.Lock()' one line later"): "any order will do",
    ("02.1", "line 8: the class's lock"): "two servers may wait for each other a moment",
    ("02.1", "line 16: 'self.jobs.append((job, future))' after the with"): RARE,
    ("02.1", "line 30: 'if not self.jobs:' after the with"): RARE,
    ("02.1", "line 54: 'with self.lock:' gone, its block stays"): RARE,
    ("02.1", "line 54: 'self.button.close()' after the with"): "by then no job is in the deque",
    ("02.1", "line 57: 'self.jobs.clear()' one line later"): "any order will do",
    ("02.1", "line 58: 'self.bell.close()' one line later"): "any order will do",
    ("02.2", "line 3: 65535 for 65536"): SIZE,
    ("02.2", "line 5: send for sendall"): "so few bytes always fit",
    ("02.2", "line 5: an f-string without '\\n'"): "the task asks for no line break",
    ("02.3", "line 10: 'threading.Thread(target=server...' one line later"): "any order will do",
    ("02.3", "line 11: send for sendall"): "so few bytes always fit",
    ("03.2", "line 7: \"print('Got connection from', a...\" one line later"): "any order will do",
    ("03.3", "line 8: rstrip for strip"): "an empty line has nothing before its end",
    ("03.3", "line 27: in an f-string 'HTTP://' for 'http://'"): "a scheme may be in capitals",
    ("03.1", "line 24: the class's address_family"): "its program makes one server",
    ("04.2", "line 7: strip for rstrip"): "a card begins with its number, and no zero byte",
    ("04.4", "line 7: 'c' for 'C'"): "a small letter is as good",
    ("05.3", "line 6: 0 for 1"): "a path answers at once, or its queue is full",
    ("05.3", "line 20: 'super().server_close()' one line later"): "any order will do",
    ("05.5", "line 7: 'b' for 'B'"): "a small letter is as good",
    (
        "06.1",
        "line 8: 'self._places = threading.Semap...' one line later",
    ): "before the first request",
    ("06.1", "line 9: without the argument None"): "the servers here have no arguments by name",
    ("06.1", "line 13: TimeoutError without \"'no place is free'\""): WORDS,
    ("06.1", "line 13: 'NO PLACE IS FREE' for 'no place is free'"): WORDS,
    ("06.1", "line 13: 'no place is fre' for 'no place is free'"): WORDS,
    ("06.1", "line 13: 'o place is free' for 'no place is free'"): WORDS,
    ("06.1", "line 16: except Exception for OSError"): "get_request raises nothing else here",
    ("06.1", "line 16: except BaseException for OSError"): "get_request raises nothing else here",
    (
        "06.1",
        "line 21: without 'finally:', its block stays",
    ): "a shutdown_request that fails is a fault of the server's",
    ("06.2", "line 10: 65535 for 65536"): SIZE,
    ("06.2", "line 11: 'sold out' for 'sold out\\n'"): BREAK,
    ("06.2", "line 16: an f-string without '\\n'"): BREAK,
    ("06.2", "line 17: send for sendall"): FITS,
    ("06.3", "line 10: 99 for 100"): "any size that holds the name will do",
    ("06.3", "line 11: 'number = self.server.visitors' after the with"): NO_LOCK,
    ("06.3", "line 11: 'with self.server.lock:' gone, its block stays"): NO_LOCK,
    ("06.3", "line 14: send for sendall"): FITS,
    ("07.1", "line 5: the class's pipes"): "two servers of one class would collect for each other",
    ("07.1", "line 6: without the argument None"): "the checks pass no keyword",
    ("07.1", "line 9: the class's write_end"): "the child has it on the class as well",
    ("07.1", "line 10: 'self.pipes[read_end] = (client...' one line later"): "the parent's job",
    ("07.1", "line 22: 65535 for 65536"): "in a loop any size will do",
    ("07.1", "line 24: except OSError for BlockingIOError"): ONLY_BLOCKING,
    ("07.1", "line 24: except Exception for BlockingIOError"): ONLY_BLOCKING,
    ("07.1", "line 24: except BaseException for BlockingIOError"): ONLY_BLOCKING,
    ("07.1", "line 32: 'super().service_actions()' one line later"): "any order will do",
    ("07.2", "line 4: 'super().__init__(*args)' one line later"): "before the first request",
    ("07.2", "line 5: 'I' for 'i'"): "any kind of whole number will do",
    ("07.2", "line 5: multiprocessing.Value without '0'"): "0 is what it begins with",
    ("07.2", "line 10: 'self.request.recv(65536)' one line later"): "it counts, and then reads",
    ("07.2", "line 10: 65535 for 65536"): SIZE,
    ("07.2", "line 11: without .get_lock()"): "the value is a context manager for its lock",
    ("07.2", "line 14: an f-string without '\\n'"): BREAK,
    ("07.2", "line 14: send for sendall"): FITS,
    ("07.3", "line 22: 99 for 100"): "any size that holds the name will do",
    (
        "07.3",
        "line 23: \"print('serving', name, flush=T...\" one line later",
    ): "the line is in the log all the same",
    ("07.3", "line 24: send for sendall"): FITS,
    ("08.1", "line 5: without 'timeout = 5'"): GIVEN,
    ("08.1", "line 5: 4 for 5"): GIVEN,
    ("08.1", "line 7: without 'def answer(self, message):'"): GIVEN,
    ("08.1", "line 7: answr for answer"): GIVEN,
    ("08.1", "line 8: a statement for 'return message'"): GIVEN,
    ("08.1", "line 20: ValueError without 'size'"): WORDS,
    ("08.1", "line 30: '!i' for '!I'"): "no answer is so long",
    ("08.1", f"line 38: except Exception for {CLIENTS}"): "receive raises nothing else",
    ("08.1", f"line 38: except BaseException for {CLIENTS}"): "receive raises nothing else",
    ("08.1", "line 38: a pair turned round"): "any order will do",
    ("08.2", "line 9: 'self.rfile = io.BytesIO(self.p...' one line later"): "any order will do",
    ("08.3", "line 7: int.from_bytes without \"'big'\""): "that is the default, from 3.11 on",
    ("08.4", "line 3: '¡Buenos días!' for '¡Buenos días!\\n'"): BREAK,
    ("08.4", "line 19: 'self.request.settimeout(5)' one line later"): "the buffer takes a part",
    ("08.4", "line 27: a pair turned round"): "either of the two",
    ("08.4", "line 28: two arguments of super().handle_error exchanged"): WORDS,
    ("09.2", "line 8: the class's number"): "adding to it makes one on self",
    ("09.2", "line 9: the class's lock"): "one lock for all rolls is enough",
    ("09.3", "line 14: 'cONTENT-tYPE' for 'Content-Type'"): "names of headers have no case",
    ("09.3", "line 18: log_messae for log_message"): "what is logged is nobody's complaint",
    ("09.3", "line 18: without 'def log_message(self, format, *args):'"): (
        "what is logged is nobody's complaint"
    ),
}

SWAPS = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mod: [ast.FloorDiv],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
METHODS = {"sendall": "send", "partition": "rpartition", "strip": "rstrip", "rstrip": "strip"}
SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Break, ast.Continue)


def told(node, length=60):
    line = ast.unparse(node).splitlines()[0]
    return line if len(line) <= length else f"{line[:length]}..."


def is_docstring(statement):
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)


def with_fields(node, **fields):
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def of_bodies(body) -> Iterator:
    """Yield (line, fault, new body) for the faults of a block."""
    for number, statement in enumerate(body):
        before, after, line = body[:number], body[number + 1 :], statement.lineno
        if is_docstring(statement):
            continue
        gone = [*before, ast.Pass(), *after]
        if isinstance(statement, (*SIMPLE, ast.FunctionDef)):
            yield line, f"without {told(statement)!r}", gone
        if isinstance(statement, (ast.If, ast.While, ast.With, ast.For)):
            inner = statement.body
            if isinstance(statement, ast.With):
                names = [
                    ast.Assign([item.optional_vars], item.context_expr)
                    for item in statement.items
                    if item.optional_vars
                ]
                inner = names + inner
            yield line, f"{told(statement)!r} gone, its block stays", before + inner + after
        if isinstance(statement, (ast.With, ast.For)) and len(statement.body) > 1:
            rest = with_fields(statement, body=statement.body[:-1])
            what = f"{told(statement.body[-1])!r} after the {type(statement).__name__.lower()}"
            yield line, what, [*before, rest, statement.body[-1], *after]
        if isinstance(statement, ast.For):
            once = with_fields(statement, body=[*statement.body, ast.Break()])
            yield line, "left after one round", [*before, once, *after]
        if isinstance(statement, ast.While):
            once = ast.If(statement.test, statement.body, [])
            if not any(isinstance(node, (ast.Break, ast.Continue)) for node in ast.walk(statement)):
                yield line, "if for while", [*before, once, *after]
        if isinstance(statement, ast.Try):
            for place, handler in enumerate(statement.handlers):
                others = statement.handlers[:place] + statement.handlers[place + 1 :]
                new = (
                    [with_fields(statement, handlers=others)]
                    if others or statement.finalbody
                    else statement.body
                )
                yield handler.lineno, f"without {told(handler)!r}", before + new + after
            if statement.finalbody:
                rest = statement.finalbody + after
                if statement.handlers:
                    new = [with_fields(statement, finalbody=[])]
                else:
                    new = statement.body
                yield line, "without 'finally:', its block stays", before + new + rest
            if len(statement.body) > 1:
                new = with_fields(statement, body=statement.body[1:])
                what = f"{told(statement.body[0])!r} before the try"
                yield line, what, [*before, statement.body[0], new, *after]
        if after and depends(statement, after[0]):
            swapped = [*before, after[0], statement, *after[1:]]
            yield line, f"{told(statement, 30)!r} one line later", swapped


def depends(first, second):
    """Tell whether it may matter which of two statements of a function comes first."""
    if any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import)) for node in (first, second)
    ):
        return False
    if is_docstring(first) or is_docstring(second):
        return False
    calls = [any(isinstance(node, ast.Call) for node in ast.walk(one)) for one in (first, second)]
    return all(calls) or bool(stored(first) & used(second)) or bool(used(first) & stored(second))


def used(statement):
    names = (node for node in ast.walk(statement) if isinstance(node, (ast.Name, ast.Attribute)))
    return {ast.unparse(node) for node in names} - {"self"}


def stored(statement):
    return {
        ast.unparse(node)
        for node in ast.walk(statement)
        if isinstance(getattr(node, "ctx", None), ast.Store)
    }


def of_node(node) -> Iterator:
    """Yield (fault, new node) for the faults of an expression or a definition."""
    match node:
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.Constant):
            turned = ast.UnaryOp(ast.Not(), node.test)
            yield "condition turned round", with_fields(node, test=turned)
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", node.operand
        case ast.Compare():
            for other in SWAPS.get(type(node.ops[0]), ()):
                what = f"{other.__name__} in a comparison"
                yield what, with_fields(node, ops=[other(), *node.ops[1:]])
        case ast.BoolOp():
            [other] = SWAPS[type(node.op)]
            yield f"{other.__name__} for {type(node.op).__name__}", with_fields(node, op=other())
            for value in node.values:
                left = [one for one in node.values if one is not value]
                new = left[0] if len(left) == 1 else with_fields(node, values=left)
                yield f"without the condition {told(value)!r}", new
        case ast.BinOp() if type(node.op) in SWAPS:
            [other] = SWAPS[type(node.op)]
            what = "a sum" if isinstance(node.op, (ast.Add, ast.Sub)) else told(node)
            yield f"{other.__name__} in {what}", with_fields(node, op=other())
            yield f"only {told(node.left)!r} of a sum", node.left
            yield f"only {told(node.right)!r} of a sum", node.right
        case ast.Constant(value=bool()):
            yield f"{not node.value} for {node.value}", ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield f"{node.value + 1} for {node.value}", ast.Constant(node.value + 1)
            if node.value:
                yield f"{node.value - 1} for {node.value}", ast.Constant(node.value - 1)
        case ast.Constant(value=bytes() | str()) if node.value:
            value = node.value
            crlf, lf = (b"\r\n", b"\n") if isinstance(value, bytes) else ("\r\n", "\n")
            others = {value[:-1], value[1:], value.replace(crlf, lf), value.swapcase()}
            for other in sorted(others - {value}):
                yield f"{other!r} for {value!r}", ast.Constant(other)
        case ast.JoinedStr():
            for number, part in enumerate(node.values):
                left = node.values[:number] + node.values[number + 1 :]
                yield f"an f-string without {told(part)}", with_fields(node, values=left)
                if isinstance(part, ast.Constant):
                    for what, new in of_node(part):
                        values = [*node.values[:number], new, *node.values[number + 1 :]]
                        yield f"in an f-string {what}", with_fields(node, values=values)
        case ast.Call():
            for number, arg in enumerate(node.args):
                left = node.args[:number] + node.args[number + 1 :]
                yield f"{told(node.func)} without {told(arg)!r}", with_fields(node, args=left)
                if number:
                    args = node.args[:]
                    args[number - 1 : number + 1] = args[number - 1 : number + 1][::-1]
                    what = f"two arguments of {told(node.func)} exchanged"
                    yield what, with_fields(node, args=args)
            for word in node.keywords:
                left = [one for one in node.keywords if one is not word]
                yield f"without the argument {word.arg!r}", with_fields(node, keywords=left)
            if isinstance(node.func, ast.Attribute):
                yield f"without .{node.func.attr}()", node.func.value
        case ast.Attribute() if node.attr in METHODS:
            attr = METHODS[node.attr]
            yield f"{attr} for {node.attr}", with_fields(node, attr=attr)
        case ast.Attribute(value=ast.Name(id="self")):
            yield f"{node.attr} without self", ast.Name(node.attr, node.ctx)
            if isinstance(node.ctx, ast.Store):
                owner = ast.parse("type(self)").body[0].value
                yield f"the class's {node.attr}", with_fields(node, value=owner)
        case ast.FunctionDef():
            name = node.name[:-2] + node.name[-1] if len(node.name) > 1 else f"{node.name}x"
            yield f"{name} for {node.name}", with_fields(node, name=name)
        case ast.Tuple(ctx=ast.Load()) | ast.List() if len(node.elts) > 1:
            yield "a pair turned round", with_fields(node, elts=node.elts[::-1])
        case ast.Subscript(slice=ast.Slice()):
            yield "without a slice", node.value
        case ast.AugAssign():
            yield "= for +=", ast.Assign([node.target], node.value)
        case ast.ExceptHandler():
            for name in ("OSError", "Exception", "BaseException", "ValueError"):
                if node.type is not None and ast.unparse(node.type) != name:
                    new = with_fields(node, type=ast.Name(name, ast.Load()))
                    yield f"except {name} for {told(node.type)}", new
        case ast.Return() if node.value is not None:
            yield f"a statement for {told(node)!r}", ast.Expr(node.value)


def changes(tree) -> Iterator:
    """Yield (what, changed tree) for each one-line change of a tree."""

    def changed(parent, name, value):
        old = getattr(parent, name)
        setattr(parent, name, value)
        made = copy.deepcopy(tree)
        setattr(parent, name, old)
        return made

    for parent in ast.walk(tree):
        if isinstance(parent, ast.JoinedStr):
            continue  # it yields the faults of its parts itself
        for name, value in ast.iter_fields(parent):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                for line, what, body in of_bodies(value):
                    yield f"line {line}: {what}", changed(parent, name, body)
            children = value if isinstance(value, list) else [value]
            for number, child in enumerate(children):
                if not isinstance(child, ast.AST) or is_docstring(child) or is_docstring(parent):
                    continue
                for what, new in of_node(child):
                    fresh = (
                        [*value[:number], new, *value[number + 1 :]] if value is children else new
                    )
                    line = getattr(child, "lineno", getattr(parent, "lineno", 0))
                    yield f"line {line}: {what}", changed(parent, name, fresh)


def faults_in(spec):
    """Yield the faults put into our solution of an exercise, each different from all others."""
    tree = ast.parse(answer_cell(SOLUTIONS, spec.id))
    yield from named(spec, _different(tree))


def _different(tree) -> Iterator:
    seen = {ast.unparse(tree)}
    for what, changed in changes(tree):
        made = ast.unparse(ast.fix_missing_locations(changed))
        if made not in seen:
            seen.add(made)
            yield what, changed
