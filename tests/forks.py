"""A call in a fork of this process, for what would harm the others here."""

import multiprocessing


def in_a_fork(call):
    """Return `call()`, which must be fit for pickle. EOFError where the fork ends without it."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=lambda: there.send(call()))
    process.start()
    there.close()
    with here:
        try:
            return here.recv()
        finally:
            process.join()
