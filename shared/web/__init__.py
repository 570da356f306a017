"""Everything about HTTP that is not about one resource. The only place that knows status codes."""
