"""The life of API keys, and of the organisations that hold them."""
