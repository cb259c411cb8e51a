"""What a release takes and the app does not: the package that is deployed, its lock, and the scans.

Nothing but the standard library is imported here at the top of a module: `release.package` runs on any machine that
deploys.
"""
