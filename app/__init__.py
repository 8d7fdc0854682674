"""The Explorer, a page over one `Prediction`: `ui` wires, `views` turn data into pictures and HTML."""
