"""`python -m release.inventory`: what is deployed and under which licences, as dist/sbom.cdx.json and docs/licences.md.

The packages are those of requirements.lock; what they say of their licences is in the metadata of the same packages as
they are installed here. The SBOM is CycloneDX 1.6, and the same lock gives the same bytes: it has no time and no serial
number.
"""

import json
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from release.package import LOCK, ROOT

SBOM, TABLE = ROOT / "dist" / "sbom.cdx.json", ROOT / "docs" / "licences.md"
# Of SPDX. MPL-2.0 asks for changed files of such a package to be published; the app changes none.
ALLOWED = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense"}
)
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)((?:\s+\\\n\s+--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)
_SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


@dataclass(frozen=True, slots=True)
class Package:
    """One package that is deployed. `licence`: an SPDX expression, empty if the package does not tell."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str

    @property
    def is_allowed(self) -> bool:
        words = set(re.findall(r"[\w.-]+", self.licence)) - {"AND", "OR"}
        return bool(words) and words <= ALLOWED


def packages(lock: str | None = None) -> list[Package]:
    """All of them, by name. PackageNotFoundError for one that is not installed here."""
    text = (ROOT / LOCK).read_text(encoding="utf-8") if lock is None else lock
    return [
        Package(name, version, tuple(re.findall(r"sha256:(\w+)", hashes)), licence_of(name))
        for name, version, hashes in _PIN.findall(text)
    ]


def licence_of(name: str) -> str:
    """By the package's License-Expression, else its classifier, else its License if that is a word."""
    told = metadata.metadata(name)
    if expression := told.get("License-Expression"):
        return str(expression)
    named = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or [] if each.startswith("License :: ")]
    found = [_SPDX[each] for each in named if each in _SPDX] or [told.get("License") or ""]
    return " AND ".join(found) if re.fullmatch(r"[\w.-]+", found[0]) else ""


def sbom(found: list[Package]) -> dict[str, Any]:
    """CycloneDX 1.6: the app and its packages, none of which needs more than the lock to be told from others."""
    from shared import __version__

    app = {"type": "application", "bom-ref": "app", "name": "segments-to-sendgrid", "version": __version__}
    refs = {each.name: f"pkg:pypi/{each.name}@{each.version}" for each in found}
    components = [
        {
            "type": "library",
            "bom-ref": refs[each.name],
            "name": each.name,
            "version": each.version,
            "purl": refs[each.name],
            "licenses": [{"expression": each.licence}],
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": f"https://pypi.org/project/{each.name}/{each.version}/",
                    "comment": "the hashes of its files",
                    "hashes": [{"alg": "SHA-256", "content": hashed} for hashed in each.hashes],
                }
            ],
        }
        for each in found
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": app},
        "components": components,
        "dependencies": [{"ref": "app", "dependsOn": sorted(refs.values())}],
    }


def table(found: list[Package]) -> str:
    """The page for people, without versions, which change more often than licences do."""
    rows = "".join(f"| {each.name} | {each.licence} |\n" for each in found)
    return f"""# Licences of what is deployed

Every package of `requirements.lock`, and the licence that it gives itself, as SPDX. Made by `make licences`; a test
fails if a package has a licence that is not in the list of `release/inventory.py`.

| package | licence |
|---|---|
{rows}
The console brings one library, Preact with htm: Apache-2.0 and MIT, whose texts are in
`shared/api/console/preact-htm.LICENSES.txt`. The SBOM, with versions and hashes, is `dist/sbom.cdx.json`: the same
command makes it.
"""


def main() -> int:
    found = packages()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(sbom(found), indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(table(found), encoding="utf-8")
    sys.stdout.write(f"{len(found)} packages in {SBOM.relative_to(ROOT)} and {TABLE.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
