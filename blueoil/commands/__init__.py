"""One verb a file: parse, call, print the next command."""
