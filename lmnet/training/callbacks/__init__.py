"""What happens after a step, one file each; trainer.py lists them in their order."""
