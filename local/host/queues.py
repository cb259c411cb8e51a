"""Queue triggers: messages taken in batches, hidden while the function runs, then deleted, shown again or poisoned."""

import base64
import binascii
import logging
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.host.config import QueueSettings
from local.host.listener import Listener
from local.host.worker import Function, QueueMessage, Worker

_log = logging.getLogger("local.host")

HIDDEN_SECONDS = 600  # as long as the real host hides a message; it renews at half of that
_SHORTEST_POLL = 0.1


class QueueListener(Listener):
    """One function's queue. `hidden` seconds after a host was killed, its message is there again."""

    def __init__(
        self,
        worker: Worker,
        function: Function,
        settings: QueueSettings,
        *,
        queue: QueueClient,
        poison: QueueClient,
        hidden: int,
    ) -> None:
        super().__init__(function.name)
        self._worker, self._function, self._queue, self._poison = worker, function, queue, poison
        self._settings, self._hidden = settings, hidden
        self._pause = _SHORTEST_POLL
        self._in_hand: set[Future[None]] = set()
        most = settings.batch_size + settings.new_batch_threshold
        self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix=function.name)

    def listen(self) -> float:
        self._in_hand = {future for future in self._in_hand if not future.done()}
        if len(self._in_hand) > self._settings.new_batch_threshold:
            wait(self._in_hand, timeout=_SHORTEST_POLL, return_when=FIRST_COMPLETED)
            return 0
        messages = self._receive()
        if not messages:
            self._pause = min(self._pause * 2, self._settings.max_polling_interval)
            return self._pause
        self._in_hand |= {self._pool.submit(self._process, message) for message in messages}
        self._pause = _SHORTEST_POLL
        return 0

    def join(self) -> None:
        super().join()
        self._pool.shutdown(wait=True)

    def _receive(self) -> list[Any]:
        try:
            return list(
                self._queue.receive_messages(max_messages=self._settings.batch_size, visibility_timeout=self._hidden)
            )
        except ResourceNotFoundError:  # a queue that nobody has made yet is an empty one
            return []

    def _process(self, raw: Any) -> None:
        try:
            text = _decode(raw.content) if self._settings.base64 else str(raw.content)
        except ValueError:
            _log.error("%s: message %s is not base64 text, as host.json says it is", self._function.name, raw.id)
            self._give_up(raw, raw.pop_receipt)
            return
        message = QueueMessage(raw.id, text, int(raw.dequeue_count), raw.inserted_on)
        with _Hidden(self._queue, raw, self._hidden) as hidden:
            outcome = self._worker.queue(self._function, message)
        try:
            if outcome.ok:
                self._queue.delete_message(raw.id, hidden.receipt)
            elif message.dequeue_count >= self._settings.max_dequeue_count:
                self._give_up(raw, hidden.receipt)
            else:
                after = round(self._settings.visibility_timeout)
                self._queue.update_message(raw.id, hidden.receipt, content=raw.content, visibility_timeout=after)
        except AzureError as error:  # the message will come back by itself
            _log.warning("%s: message %s: %s", self._function.name, raw.id, type(error).__name__)

    def _give_up(self, raw: Any, receipt: str) -> None:
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(raw.content, time_to_live=-1)
        self._queue.delete_message(raw.id, receipt)
        _log.warning(
            "%s: message %s moved to %s after %s tries",
            self._function.name,
            raw.id,
            self._poison.queue_name,
            raw.dequeue_count,
        )


class _Hidden:
    """Keeps a message invisible for as long as the context lasts. `receipt` is the newest pop receipt."""

    def __init__(self, queue: QueueClient, raw: Any, seconds: int) -> None:
        self._queue, self._raw, self._seconds = queue, raw, seconds
        self.receipt = str(raw.pop_receipt)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._done.wait(self._seconds / 2):
            try:
                updated = self._queue.update_message(
                    self._raw.id, self.receipt, content=self._raw.content, visibility_timeout=self._seconds
                )
            except AzureError as error:
                _log.warning("message %s could not be kept hidden: %s", self._raw.id, type(error).__name__)
            else:
                self.receipt = str(updated.pop_receipt)


def _decode(content: str) -> str:
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not base64 text") from error
