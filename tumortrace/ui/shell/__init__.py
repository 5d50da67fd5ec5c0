"""What every page has: layout, session state, caches, loaded models, the benchmark's document, the address."""
