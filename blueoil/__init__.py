"""What a person touches: the command line, the questions, the config and the reports."""
