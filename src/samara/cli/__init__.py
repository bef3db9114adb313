"""The command line: one file per command, which parses the options, calls one function and shows the result."""
