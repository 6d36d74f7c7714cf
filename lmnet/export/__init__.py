"""Write a checkpoint as frozen graphs, reference tensors and metadata."""
