"""Who may do what: grants made from the log of keys, the quota policy, and verdicts for other back ends."""
