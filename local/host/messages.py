"""Stand-ins for the protobuf messages that the runtime library reads and makes. Nothing goes over a wire here."""

import types
from typing import Any, ClassVar


class Message(types.SimpleNamespace):
    """Keeps its keyword arguments as attributes."""


class TypedData:
    """A value with its kind, as protobuf's TypedData: exactly one field is set."""

    def __init__(self, kind: str, value: Any) -> None:
        self._kind = kind
        setattr(self, kind, value)

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        return self._kind


class Parameter(Message):
    """An input of an invocation, as protobuf's ParameterBinding."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        return "data"


class Protos:
    """The module of message types that the runtime is handed; every other name of it is a plain message."""

    class BindingInfo(Message):
        undefined, string, binary, stream = range(4)
        out, inout = 1, 2

    class StatusResult(Message):
        Failure, Success, Cancelled = range(3)

    _plain: ClassVar[type[Message]] = Message

    def __getattr__(self, name: str) -> type[Message]:
        return self._plain
