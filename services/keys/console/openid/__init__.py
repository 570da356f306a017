"""Sign-in by an issuer of the organisation's own: OpenID Connect, with code, PKCE, state and nonce.

Begin with issuer_sign_in.py. What the issuer says of a person becomes an organisation and a role in identity.py.
"""
