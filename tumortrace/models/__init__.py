"""Networks, all mapping `[B, D, S, S]` in 0..1 to logits `[B, 3]`."""
