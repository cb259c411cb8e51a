"""What is fed to the readers: the files of the corpus, and what bytes make of them when they go astray."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from hypothesis import assume
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"

_TOKENS = [
    *(b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\n\n", b"\\", b"\0", b"\0" * 9, b" "),
    *b"{ } [ ]".split(),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"\xfe\xff", b"\xe2\x80\xa8"),
    *"\u00a0\u200b \u0130 \u017f \u00df.de 例.jp \U0001f600 \u00e9".encode().split(b" "),
    *"@ @@ a@b.co A@B.CO a@b.co;c@d.ef x@\u00df.de".encode().split(b" "),
    *b"xn-- ' ');-- c0 NULL null true 1e309 -0 nan 0x1f 1_0 2026-11-21T03:00:00.1234567Z 0000-00-00".split(),
    *b"9999-12-31T23:59:59-14:00 EMail email CustomerId FirstName ../ %2e%2e/ %00 ?sig=x $type _SUCCESS".split(),
]  # fmt: skip
_ACCIDENTS = ("insert", "replace", "flip", "drop", "repeat", "cut", "splice", "noise", "recode")
_REPEATS = (2, 3, 50, 3000)
_LONGEST = 4 * 1024 * 1024  # bytes of an input; larger ones are for the tests of bounds


@dataclass(frozen=True, slots=True)
class Input:
    """`kind` is what comes after the first dot of a corpus file's name: it says which reader is meant, and how."""

    kind: str
    content: bytes

    def save(self, folder: Path = CORPUS) -> Path:
        """Write it as a corpus file that is named for its content."""
        path = folder / f"found-{hashlib.sha256(self.content).hexdigest()[:10]}.{self.kind}"
        path.write_bytes(self.content)
        return path


def read(path: Path) -> Input:
    return Input(path.name.partition(".")[2], path.read_bytes())


def corpus() -> list[Path]:
    """The corpus files, by name."""
    return sorted(CORPUS.iterdir())


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """A file of the corpus after up to eight accidents. Of a gzip file mostly the content has them."""
    seeds = [read(path) for path in corpus()]
    seed = draw(st.sampled_from(seeds))
    unpacked = _unpacked(seed) if draw(st.integers(0, 4)) else None
    content = before = unpacked if unpacked is not None else seed.content
    for _ in range(draw(st.integers(1, 8))):
        content = _accident(draw, content, [each.content for each in seeds if each.kind == seed.kind])[:_LONGEST]
    assume(content != before)  # some accidents do nothing, or undo one another
    return Input(seed.kind, content if unpacked is None else gzip.compress(content, 1, mtime=0))


def _unpacked(seed: Input) -> bytes | None:
    if not seed.kind.endswith(".gz"):
        return None
    try:
        return gzip.decompress(seed.content)
    except (OSError, EOFError):
        return None


def _accident(draw: st.DrawFn, content: bytes, others: list[bytes]) -> bytes:  # noqa: PLR0911 - one an accident
    start, end = sorted((_place(draw, content), _place(draw, content)))
    head, slice_, tail = content[:start], content[start:end], content[end:]
    match draw(st.sampled_from(_ACCIDENTS)):
        case "insert":
            return head + draw(st.sampled_from(_TOKENS)) + content[start:]
        case "replace":
            return head + draw(st.sampled_from(_TOKENS)) + tail
        case "flip":
            bit = 1 << draw(st.integers(0, 7))
            return head + bytes(byte ^ bit for byte in content[start : start + 1]) + content[start + 1 :]
        case "drop":
            return head + tail
        case "repeat":
            times = min(draw(st.sampled_from(_REPEATS)), _LONGEST // max(1, len(slice_)))
            return head + slice_ * times + tail
        case "cut":
            return head
        case "splice":
            other = draw(st.sampled_from(others))
            return head + other[_place(draw, other) :]
        case "noise":
            return head + draw(st.binary(max_size=12)) + tail
        case _:
            encoding = draw(st.sampled_from(["utf-16", "utf-16-be", "cp1252", "utf-8-sig"]))
            return content.decode(errors="replace").encode(encoding, errors="replace")


def _place(draw: st.DrawFn, content: bytes) -> int:
    # The remainder, because Hypothesis prefers the ends of a range: half of all accidents would befall a file's ends.
    return draw(st.integers(0, 2**24)) % (len(content) + 1)
