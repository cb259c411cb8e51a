"""Values of people as a page may show them: enough to see that the right column was chosen, too little to know whom."""

from typing import Any

DOTS = "•"
_MOST = 6  # dots a value


def mask(value: str) -> str:
    """`a•••@e•••.com` for an address, the first character and dots for anything else."""
    text = value.strip()
    local, at, domain = text.rpartition("@")
    if at and local and "." in domain:
        return f"{local[0]}{DOTS * 3}@{domain[0]}{DOTS * 3}.{domain.rpartition('.')[2][:10]}"
    return text[:1] + DOTS * min(len(text) - 1, _MOST) if len(text) > 1 else DOTS * len(text)


def mask_all(value: Any) -> Any:
    """The same object with every value in it masked; numbers become masked text."""
    if isinstance(value, dict):
        return {key: mask_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_all(inner) for inner in value]
    return value if value is None or isinstance(value, bool) else mask(str(value))
