"""Work that goes on while the one before is being used: the network and DuckDB do not need Python for theirs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

_END = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each of which is being made, in another thread, while the one before is in use."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, source, _END)
            yield item  # type: ignore[misc]


def some_ahead(make: Callable[[Item], Made], items: Iterable[Item], most: int) -> Iterator[Made]:
    """What is made of each item, in their order. At most so many are held, or being made in threads of their own."""
    with ThreadPoolExecutor(most, thread_name_prefix="ahead") as pool:
        coming: deque[Future[Made]] = deque()
        for item in items:
            coming.append(pool.submit(make, item))
            if len(coming) == most:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
