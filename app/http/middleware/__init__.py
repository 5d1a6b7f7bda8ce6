"""What every request and answer passes through, written against ASGI."""
