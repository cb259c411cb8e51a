"""The triggers: a name, a binding, one call each."""

import os

import azure.functions as func
from azurefunctions.extensions.bindings import blob

from shared.api.routes import blueprint
from shared.app import app as function_app
from shared.runs import stopping

stopping.listen()
app = func.FunctionApp()
app.register_functions(blueprint)


@app.function_name("segment_landed")
@app.blob_trigger(
    arg_name="client",
    path="%SEGMENTS_CONTAINER%/{name}",
    connection="SegmentStorage",
    source=func.BlobSource(os.environ.get("BLOB_TRIGGER_SOURCE", "EventGrid")),
)
def segment_landed(client: blob.BlobClient) -> None:
    """A blob has arrived: queue runs of the exports whose segment it completes. Its content is not read here."""
    from shared.runs import start

    start.segment_landed(function_app().services, client.blob_name)


@app.function_name("scheduled_refresh")
@app.timer_trigger(arg_name="timer", schedule="%REFRESH_SCHEDULE%", run_on_startup=False, use_monitor=True)
def scheduled_refresh(timer: func.TimerRequest) -> None:  # noqa: ARG001 -- the worker passes it by name
    """Queue the exports that are due, and wake up what got stuck."""
    from shared.erasures.triggers import sweep

    sweep(function_app().services)


@app.function_name("process_run")
@app.queue_trigger(arg_name="message", queue_name="export-runs", connection="AzureWebJobsStorage")
def process_run(message: func.QueueMessage, context: func.Context) -> None:
    """Work on a run, or an erasure, for one slice."""
    from shared.erasures.triggers import work

    work(
        function_app().services,
        message.get_body(),
        inserted=message.insertion_time,
        traceparent=context.trace_context.trace_parent,
    )
