"""What a conversion did, as one JSON document: facts out of the graph, the program, the proofs and the clock."""
