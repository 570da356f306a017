"""What each key did: every metered request counted once, and what the counts say."""
