"""Commands on keys and organisations, carried out: what only the edge can make, then decide, append, and the receipt.

Start with command_handler.py; command_inputs.py has what commands take and return. What may happen is in lifecycle.
"""
