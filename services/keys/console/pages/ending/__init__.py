"""What is asked and told where a key ends: which requests will fail, and what to do about one that leaked."""
