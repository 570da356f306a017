"""Public pages: the start page, the API reference, the guides and a page for each problem."""
