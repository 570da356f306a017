"""Runtime services below everything else: clocks, waiting for servers at a start, combining of concurrent calls.

Time is always passed in as a Clock, so that tests can set it. Start with clock.py.
"""
