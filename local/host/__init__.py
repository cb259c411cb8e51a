"""A small Functions host: `python -m local.host` runs a Python v2 app without Core Tools.

It drives the app's own decorators through Microsoft's runtime library (azure-functions-runtime), the code that runs in
a Function App, and does around it what the .NET host does: watches blobs, takes queue messages, keeps the clock and
serves HTTP, for the triggers blob (bound to the SDK's BlobClient), queue, timer and HTTP. One app, one process.
"""
