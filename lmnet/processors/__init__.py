"""Pre- and post-processing with numpy and Pillow only: shipped to the device."""
