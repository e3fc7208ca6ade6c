"""The task queue under asyncio, on bench time; takes the place of the built-in `_asyncio`.

The built-in one reads the host's clock in C. This one keeps a list ordered by due time (a board
runs a dozen tasks), equal times in the order they came. Written against what asyncio/core.py uses
of the two classes.
"""

from time import ticks_diff, ticks_ms


class TaskQueue:
    def __init__(self):
        self._tasks = []

    def push(self, task, due=None):
        if due is None:
            due = ticks_ms()
        task.ph_key = due
        task.data = None
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(tasks[at - 1].ph_key, due) > 0:
            at -= 1
        tasks.insert(at, task)

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def pop(self):
        return self._tasks.pop(0)

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    """`state`: True running, a TaskQueue of those who await it, a function to call at the end;
    then None (ended, nobody has awaited it) or False. `data`: what it waits on, what to throw into
    it, at last the exception it ended with."""

    def __init__(self, coro, core=None):
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0
        self._core = core

    def done(self):
        return not self.state

    def __iter__(self):
        if self.state is True:
            self.state = TaskQueue()
        elif not self.state:
            self.state = False
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if self.state:
            waiter = self._core["cur_task"]
            self.state.push(waiter)
            waiter.data = self
        elif self.data is None:
            raise StopIteration
        else:
            raise self.data

    def cancel(self):
        core = self._core
        if not self.state:
            return False
        if self is core["cur_task"]:
            raise RuntimeError("can't cancel self")
        inner = self
        while isinstance(inner.data, Task):
            inner = inner.data
        queue = core["_task_queue"]
        if hasattr(inner.data, "remove"):
            inner.data.remove(inner)
            queue.push(inner)
        elif ticks_diff(inner.ph_key, ticks_ms()) > 0:
            queue.remove(inner)
            queue.push(inner)
        inner.data = core["CancelledError"]
        return True
