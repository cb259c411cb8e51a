"""What the app tells while it works, kept in memory: spans and metrics as OpenTelemetry's own SDK takes them."""

import json
import logging
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry

_STATE = ("_tracer", "_flush", "_instruments")


class Telling:
    """`with Telling() as telling:` connects the app; afterwards it is as it was."""

    def __enter__(self) -> Self:
        self._before = {name: getattr(telemetry, name) for name in _STATE}
        telemetry._instruments = {}
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        tracers, meters = TracerProvider(resource=Resource({})), MeterProvider([self._metrics], resource=Resource({}))
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        telemetry.use(tracers, meters)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, value in self._before.items():
            setattr(telemetry, name, value)
        self._metrics.shutdown()

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Those that have ended, in the order of their ends."""
        return [span for span in self._spans.get_finished_spans() if name in {"", span.name}]

    def points(self, metric: str) -> list[NumberDataPoint | HistogramDataPoint]:
        data = self._metrics.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = [each for scope in scopes for each in scope.metrics if each.name == metric]
        return [point for each in found for point in each.data.data_points]  # type: ignore[misc]

    def counted(self, metric: str, by: str) -> Counter[str]:
        """The counter's values by one of its attributes."""
        counts: Counter[str] = Counter()
        for point in self.points(metric):
            assert isinstance(point, NumberDataPoint)
            assert point.attributes is not None
            counts[str(point.attributes[by])] += int(point.value)
        return counts

    def text(self) -> str:
        """All of it: names, attributes, events, states, resources."""
        data = self._metrics.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans()), data.to_json() if data else ""])


def lines(records: Iterable[logging.LogRecord]) -> list[dict[str, Any]]:
    """The app's own log lines, taken apart."""
    return [json.loads(record.getMessage()) for record in records if record.name == telemetry.NAME]
