"""A function of every kind of trigger, for the host's tests: each writes what it was given to a journal."""

import json
import os
import threading
import time
from pathlib import Path

import azure.functions as func
from azurefunctions.extensions.bindings import blob

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
_lock = threading.Lock()


def _note(**fact: object) -> None:
    with _lock, Path(os.environ["TINY_JOURNAL"]).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(fact) + "\n")


@app.blob_trigger(
    arg_name="file",
    path="%TINY_CONTAINER%/{name}",
    connection="TinyStorage",
    source=func.BlobSource.LOGS_AND_CONTAINER_SCAN,
)
def landed(file: blob.BlobClient) -> None:
    size = file.get_blob_properties().size
    _note(function="landed", name=file.blob_name, size=size)
    if file.blob_name.startswith("bad"):
        raise ValueError("refused")


@app.queue_trigger(arg_name="message", queue_name="%TINY_QUEUE%", connection="AzureWebJobsStorage")
def worked(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    _note(function="worked", text=text, dequeue_count=message.dequeue_count)
    if text == "fail":
        raise ValueError("refused")
    if text.startswith("sleep"):
        time.sleep(float(text.split()[1]))
        _note(function="worked", text="slept")


@app.timer_trigger(arg_name="timer", schedule="%TINY_SCHEDULE%", run_on_startup=False)
def ticked(timer: func.TimerRequest) -> None:
    _note(function="ticked", past_due=timer.past_due)


@app.route(route="things/{thing}/{part?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), status_code=202, headers={"Location": "/there"})


@app.route(route="things/fixed", methods=["GET"])
def fixed(req: func.HttpRequest) -> str:
    return "fixed"


@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
def opened(req: func.HttpRequest) -> func.HttpResponse:
    if "fail" in req.params:
        raise ValueError("a secret in a message")
    return func.HttpResponse(status_code=200)


@app.route(route="closed", auth_level=func.AuthLevel.ADMIN)
def closed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("closed")
