"""HTTP endpoints, one module a resource."""
