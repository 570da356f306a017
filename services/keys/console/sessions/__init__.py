"""Who is signed in at the console: one-time links, sessions, and where a change came from.

Start with sign_in.py. What a session may do is judged by services/keys/revocation/session_fence.py.
"""
