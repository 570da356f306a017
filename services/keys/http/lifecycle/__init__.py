"""Resources that renew, pause and end keys: rotate, suspend, resume, revoke."""
