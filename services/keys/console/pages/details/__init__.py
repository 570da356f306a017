"""Details of a key: configuration, use, activity, how it was at a moment, and why a request was refused."""
