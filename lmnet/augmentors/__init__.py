"""Random changes of training images, functions of (seed, epoch, sample)."""
