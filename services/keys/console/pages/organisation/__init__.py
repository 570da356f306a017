"""The organisation as a whole: use by key, tier and limits, its keys' states and history, and its policies."""
