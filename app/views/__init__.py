"""One module per view: plain functions from data to pictures, numbers and HTML. No gradio here."""
