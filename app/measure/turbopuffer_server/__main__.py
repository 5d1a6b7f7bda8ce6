"""Serve until standard input ends: for measurements, which need another process. Prints its address and key.

Example:
    python -m app.measure.turbopuffer_server
"""

import sys

from app.measure.turbopuffer_server import API_KEY, serving_turbopuffer

if __name__ == "__main__":
    with serving_turbopuffer() as server:
        sys.stdout.write(f"{server.url} {API_KEY}\n")
        sys.stdout.flush()
        sys.stdin.read()
