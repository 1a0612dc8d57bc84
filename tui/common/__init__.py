"""What all screens and commands share: client, messages, keys, terminal, formatting."""
