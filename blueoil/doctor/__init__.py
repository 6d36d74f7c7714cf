"""What ``blueoil doctor`` looks at: the table of checks, and what each of them asks of this machine."""
