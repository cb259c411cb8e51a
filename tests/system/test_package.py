"""The package that is deployed, unpacked where there is nothing else, inside Microsoft's runtime library."""

import sys
import zipfile
from pathlib import Path

from local.stack import Stack
from release.package import package, write_zip
from shared import __version__


def test_the_package_by_itself_takes_a_segment_to_its_list(tmp_path: Path) -> None:
    archive, app = tmp_path / "app.zip", tmp_path / "app"
    write_zip(package(), archive)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(app)
    with Stack(package=app, settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        stack.put_connection("marketing")
        list_id = stack.sendgrid.create_list("Newsletter")
        stack.put_export("newsletter", list_id=list_id, segments=["People"], mapping={"email": "EMail"})
        stack.land("People.csv", b"EMail\nann@example.com\nbob@example.com\nnobody\n")
        run = stack.wait_for_run("newsletter")
        assert (run["state"], run["counts"]["accepted"]) == ("completed_with_warnings", 2)
        assert stack.sendgrid.addresses(list_id) == {"ann@example.com", "bob@example.com"}
        assert "invalid_email" in stack.report(run)
        assert stack.http("GET", "/api/health").json() == {"status": "ok", "version": __version__}
        for path in ("/api/openapi.json", "/api/console", "/api/console/app.js", "/api/exports", "/api/segments"):
            assert stack.http("GET", path).status_code == 200, path
        loaded = Path(f"/proc/{stack.host_pid}/cwd").resolve() if sys.platform == "linux" else stack.folder / "home"
        assert not (loaded / "shared").exists()
