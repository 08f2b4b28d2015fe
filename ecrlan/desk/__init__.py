"""What people at the desk are told about an operation, in English and Italian; for the command line and for the daemon's console."""
