"""HTTP, and nothing else: uvicorn under bounds, and the ASGI callable between it and the gateway.

bound                          beyond it                                        source: config.py
header bytes                   400, closed
body bytes                     413 in the service's own shape, closed; what still comes is thrown away first
seconds of one request         aborted, from its first byte to its last
seconds of an unread answer    aborted
requests queued on one         400, closed
seconds between requests       closed, or aborted where the last answer has not been read
connections                    closed as soon as they are made
"""

from keystead.server.answering import application
from keystead.server.asgi import CLOSE, Application, Receive, Scope, Send, read_body, respond
from keystead.server.serving import server

__all__ = ["CLOSE", "Application", "Receive", "Scope", "Send", "application", "read_body", "respond", "server"]
