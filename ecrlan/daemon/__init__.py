"""The process at the till: it owns the journal and the terminals, and serves tills, programs and people over HTTP (interfaces.md)."""
