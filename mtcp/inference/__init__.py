"""Photo in, maps out: `predictor` is the door, `prediction` what comes out, `write` and `onnx` the files."""
