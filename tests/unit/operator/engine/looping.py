"""An event loop whose time passes as soon as all wait, and threads that are none."""

import asyncio
import selectors
from concurrent.futures import Executor, Future


class StuckError(Exception):
    """Everybody waits and nobody will wake them."""


class _Selector(selectors.DefaultSelector):
    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise StuckError
        self.now += max(timeout, 0)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop that never waits: when all do, its clock goes on."""

    def __init__(self):
        self._simulated = _Selector()
        super().__init__(self._simulated)
        self.set_exception_handler(lambda *_: None)  # the killed are not mourned

    def time(self):
        return self._simulated.now


def simulate(main):
    """Run the coroutine *main* to its end in simulated time."""
    loop = Loop()
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class Threads(Executor):
    """Threads that are none: every call takes *seconds* of the loop's time."""

    def __init__(self, seconds=0.01):
        self.seconds = seconds
        self.is_shut_down = False

    def submit(self, work, *arguments):
        if self.is_shut_down:
            raise RuntimeError
        future = Future()
        asyncio.get_running_loop().call_later(self.seconds, self._do, future, work, arguments)
        return future

    def _do(self, future, work, arguments):
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)

    def shutdown(self, wait=True, *, cancel_futures=False):  # noqa: ARG002, FBT002 - its signature
        self.is_shut_down = True
