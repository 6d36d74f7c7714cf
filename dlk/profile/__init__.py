"""Where the time of a library goes: what it knows of its steps, how long they take, and what bounds them."""
