"""The graph: onnx-ir models in our own op domain, and the rules that hold at each stage."""
