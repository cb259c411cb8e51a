"""Spans and metrics to Application Insights, if the app settings name a resource.

With providers of the app's own, never OpenTelemetry's global ones: nothing that instruments itself finds those, so no
request is told about with its URL, which may be a key to a file, or with its headers. Log lines go through the
Functions host in any case.
"""

import os
from typing import Any

from shared import telemetry
from shared.cloud.storage import credential
from shared.settings import Settings

SERVICE = "segments-to-sendgrid"  # unless the platform names the function app
# What the exporter would tell Microsoft about itself, and ask from it, beside what it is there for.
_KEEP_TO_YOURSELF = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}


def connect(settings: Settings, **options: Any) -> None:
    """Send spans and metrics from now on, from threads in the background. Without a resource, nothing is even loaded.

    `options` go to the exporters; only a test has any.
    """
    if not settings.insights_connection_string:
        return
    os.environ.update(_KEEP_TO_YOURSELF)
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    telemetry.quiet()
    options = {
        "connection_string": settings.insights_connection_string,
        "credential": credential(settings) if settings.insights_entra else None,
        "disable_offline_storage": True,  # instances come and go, and their disk is small
        **options,
    }
    resource = Resource({"service.name": os.environ.get("WEBSITE_SITE_NAME") or SERVICE})
    # Always on: the host marks its own spans as not sampled when it samples by itself, and ours would go with them.
    tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(AzureMonitorTraceExporter(**options)))
    reader = PeriodicExportingMetricReader(AzureMonitorMetricExporter(**options))
    meters = MeterProvider([reader], resource=resource)

    def flush() -> None:
        tracers.force_flush()
        meters.force_flush()

    telemetry.use(tracers, meters, flush=flush)
