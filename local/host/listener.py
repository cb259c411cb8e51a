"""What all triggers share: a thread that listens until it is told to stop."""

import logging
import threading

_log = logging.getLogger("local.host")

_PAUSE_AFTER_ERROR = 1.0  # seconds


class Listener:
    """Calls `listen` again and again, waiting as long as it says in between.

    What goes wrong outside the function (storage away, say) is logged and tried again, as the real host does.
    """

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for what is in hand."""
        self._thread.join()

    def listen(self) -> float:
        """One look; gives the seconds to wait before the next."""
        raise NotImplementedError

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self.stopping:
            try:
                pause = self.listen()
            except Exception as error:  # noqa: BLE001 - a listener outlives whatever its source does
                _log.warning("%s: %s: %s", self._thread.name, type(error).__name__, str(error).splitlines()[0])
                pause = _PAUSE_AFTER_ERROR
            self._stopping.wait(pause)
