"""Converting: from a trained graph to native libraries that are proved equal to it."""
