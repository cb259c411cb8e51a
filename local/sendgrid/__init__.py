"""A SendGrid account in a process of its own, for the local stack and the tests.

It answers as SendGrid's OpenAPI files say and as recordings of the real service show: asynchronous jobs that take
time, whole-batch refusals, rate limits, and, on request, everything that goes wrong. Start it with
`python -m local.sendgrid`, or from Python with `local.sendgrid.control.SimulatedSendGrid`.

    __main__   command line                     control    the Python side: starts and steers the process
    server     HTTP/1.1 over asyncio            service    every request's way: fault, key, rate, handler, log
    account    the state of one account         answers    error bodies and refusals
    routes     which handler, which scope       api_*      the handlers
    fields     custom and reserved fields       values     what fits a field, what is an address
    rows       reading an upsert's contacts     ordinary   the quick way to the same
    contacts   a million contacts, compactly    documents  how a contact reads
    jobs       asynchronous work                imports, exports
    limits, faults, stats                       steering   the control routes under /__sim
"""
