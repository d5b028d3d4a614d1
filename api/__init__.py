"""The HTTP service over the releases of one home.

server       sockets, signals: `kg serve`
app          which part answers which path; headers of every answer
endpoint     /sparql · queries: /queries/… · resources: /id/…  (plain ASGI, ask the workers)
ontology     /ontology: its documentation and its files
site         the rest, on FastAPI: first page, catalogue, health, OpenAPI
live         the release that answers now, and the change to the next
pages        HTML · negotiation: formats · problems: error → status · http: bytes in and out
"""

from api.app import Application, create_app

__all__ = ["Application", "create_app"]
