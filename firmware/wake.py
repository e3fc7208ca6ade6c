"""Waiting in an asyncio task for a call of `wake`, or until a time has passed, whichever is first.

`asyncio.wait_for` does the same by way of two tasks and some kilobytes of garbage each time; this
makes none. It uses what `Task.cancel` uses: a task that sleeps is taken out of the queue and put
in front (micropython/extmod/asyncio/core.py, v1.25 and later).
"""

import asyncio


class Wake:
    """For one waiting task. A `wake` while nobody waits is kept for the next `wait`."""

    def __init__(self):
        self._task = None
        self._called = False

    def clear(self):
        """Forget a `wake` that nobody has waited for."""
        self._called = False

    def wake(self):
        """Let the waiting task go on at once."""
        self._called = True
        task = self._task
        if task is not None:
            self._task = None
            queue = asyncio.core._task_queue
            queue.remove(task)
            queue.push(task)

    async def wait(self, ms):
        """Wait at most `ms`; True if `wake` was called."""
        if not self._called:
            self._task = asyncio.core.cur_task
            try:
                await asyncio.sleep_ms(ms)
            finally:
                self._task = None
        called = self._called
        self._called = False
        return called
