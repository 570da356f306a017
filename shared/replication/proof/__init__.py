"""Proof: Ed25519 signatures on what followers are told, so that the bus and the network give nobody power.

Start with signatures.py, then signed_pages.py (what is pulled), signed_pushes.py and push_proof.py (what is pushed).
"""
