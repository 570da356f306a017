"""What the benchmarks over HTTP compare: each a server of one worker process, answering the same bytes."""
