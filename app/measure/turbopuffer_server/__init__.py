"""A server of turbopuffer's API (v2) on loopback, for its own client, which can be made to misbehave."""

from app.measure.turbopuffer_server.faults import Fault
from app.measure.turbopuffer_server.namespace import Namespace
from app.measure.turbopuffer_server.server import API_KEY, TurbopufferServer, serving_turbopuffer

__all__ = ["API_KEY", "Fault", "Namespace", "TurbopufferServer", "serving_turbopuffer"]
