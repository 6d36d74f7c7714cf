"""What a person touches: the command line, the questions, the config and the reports."""

__version__ = "0.1.0"
