"""What run.py and the demo share: the library, the model's description, and the processing around them."""
