"""The benchmark: every model under every protocol, from training to the tables that ship."""
