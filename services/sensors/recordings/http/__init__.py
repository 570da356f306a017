"""HTTP resources of recordings: one range in any format, many ranges at once, and what there is."""
