"""Pages that sign in and out, by a link or by an issuer, and what people keep of their own: sessions and time zone."""
