"""The HTTP API: routes, security, the event stream, and the console's files."""
