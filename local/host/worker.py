"""The app inside Microsoft's runtime library: index it, and call one function with the data its trigger would bring."""

import asyncio
import datetime as dt
import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host.config import HostError
from local.host.messages import Message, Parameter, Protos, TypedData

_log = logging.getLogger("local.host")


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function; `trigger` is its trigger binding as the worker announces it (camelCase keys)."""

    id: str
    name: str
    trigger: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """`blobTrigger`, `queueTrigger`, `timerTrigger` or `httpTrigger`."""
        return str(self.trigger["type"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `answer` is what an HTTP function returned, a Datum of the runtime."""

    ok: bool
    answer: Any = None


@dataclass(frozen=True, slots=True)
class QueueMessage:
    id: str
    text: str
    dequeue_count: int
    inserted: dt.datetime


class Worker:
    """Indexes the app on construction, on the calling thread. Calls may come from any thread, many at a time."""

    def __init__(self, app_dir: Path) -> None:
        import azure_functions_runtime as runtime
        from azure_functions_runtime import handle_event, native_invocation
        from azure_functions_runtime.bindings.datumdef import Datum

        os.environ.update({"AzureWebJobsScriptRoot": str(app_dir), "FUNCTIONS_WORKER_RUNTIME": "python"})
        self._runtime, self._handle_event, self._native, self._datum = runtime, handle_event, native_invocation, Datum
        runtime.start_threadpool_executor()
        self._loop = asyncio.new_event_loop()
        try:
            self._index(app_dir)
        except BaseException:
            runtime.stop_threadpool_executor()
            self._loop.close()
            raise
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker", daemon=True)
        self._thread.start()

    def _index(self, app_dir: Path) -> None:
        init = Message(capabilities={}, function_app_directory=str(app_dir))
        request = Message(
            request=Message(worker_init_request=init), properties={"host": "127.0.0.1", "protos": Protos()}
        )
        if str(app_dir) not in sys.path:
            sys.path.insert(0, str(app_dir))
        started = time.perf_counter()
        result = self._loop.run_until_complete(self._runtime.worker_init_request(request)).result
        if result.status != Protos.StatusResult.Success:
            raise HostError(f"{result.exception.message}\n{result.exception.stack_trace or ''}".strip())
        found = self._handle_event._metadata_result or []  # noqa: SLF001 - the library offers no other way to it
        self.functions = {each.name: _function(each) for each in found}
        if not self.functions:
            raise HostError(f"no functions found in {app_dir}: is function_app.py there?")
        _log.info("%d functions found (%.2f s)", len(self.functions), time.perf_counter() - started)

    def http(self, function: Function, request: Mapping[str, Any]) -> Outcome:
        """`request`: method, url, headers, query, params (all text) and body (bytes)."""
        text = self._text
        value = {
            "method": text(request["method"]),
            "url": text(request["url"]),
            **{part: {k: text(v) for k, v in request[part].items()} for part in ("headers", "query", "params")},
            "body": self._datum(request["body"], "bytes"),
        }
        return self._call(function, self._datum(value, "http"), {})

    def timer(self, function: Function, *, past_due: bool, last: dt.datetime, following: dt.datetime) -> Outcome:
        status = {"Last": last.isoformat(), "Next": following.isoformat(), "LastUpdated": last.isoformat()}
        timer = {"Schedule": {"AdjustForDST": True}, "IsPastDue": past_due, "ScheduleStatus": status}
        return self._call(function, self._json(timer), {})

    def queue(self, function: Function, message: QueueMessage) -> Outcome:
        inserted = self._json(message.inserted.isoformat())
        metadata = {
            "Id": self._text(message.id),
            "PopReceipt": self._text(""),
            "DequeueCount": self._json(message.dequeue_count),
            "InsertionTime": inserted,
            "ExpirationTime": inserted,
            "NextVisibleTime": inserted,
        }
        return self._call(function, self._text(message.text), metadata)

    def blob(self, function: Function, container: str, name: str) -> Outcome:
        """The function gets a BlobClient: names cross over, never content."""
        reference = {"Connection": function.trigger["connection"], "ContainerName": container, "BlobName": name}
        content = Message(
            version="1.0",
            source="AzureStorageBlobs",
            content_type="application/json",
            content=json.dumps(reference).encode(),
        )
        bound = Parameter(name=function.trigger["name"], data=TypedData("model_binding_data", content))
        invocation = Message(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=[bound],
            trigger_metadata={"BlobTrigger": TypedData("string", f"{container}/{name}")},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        request = Message(request=Message(invocation_request=invocation))
        started = time.perf_counter()
        # The library's protobuf-free entry point does not decode SDK types; this one does.
        result = self._run(self._handle_event.invocation_request(request)).result
        ok = result.status == Protos.StatusResult.Success
        if not ok:
            _log.error("%s\n%s", result.exception.message, result.exception.stack_trace)
        return _ended(function, started, Outcome(ok))

    def close(self) -> None:
        """Let the calls in hand end, then let go of the threads."""
        self._runtime.stop_threadpool_executor()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, function: Function, value: Any, metadata: Mapping[str, Any]) -> Outcome:
        started = time.perf_counter()
        ok, answer, _, _, _ = self._run(  # the library logs the exception itself
            self._native.invocation_request_native(
                str(uuid.uuid4()), function.id, [(function.trigger["name"], value)], metadata
            )
        )
        return _ended(function, started, Outcome(ok, answer))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _text(self, value: str) -> Any:
        return self._datum(value, "string")

    def _json(self, value: Any) -> Any:
        return self._datum(json.dumps(value), "json")


def _function(indexed: Any) -> Function:
    bindings = [json.loads(raw) for raw in indexed.raw_bindings]
    triggers = [each for each in bindings if each["type"].lower().endswith("trigger")]
    others = [each["type"] for each in bindings if each not in triggers and each["type"] != "http"]
    if others:
        raise HostError(f"{indexed.name}: this host does not know the binding {', '.join(others)}")
    return Function(indexed.function_id, indexed.name, triggers[0])


def _ended(function: Function, started: float, outcome: Outcome) -> Outcome:
    milliseconds = (time.perf_counter() - started) * 1000
    _log.info("Executed '%s' (%s, %d ms)", function.name, "Succeeded" if outcome.ok else "Failed", milliseconds)
    return outcome
