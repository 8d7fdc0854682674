"""Checkpoint files: weights as safetensors beside a card. `store` reads and writes them."""
