"""What writes the bundled corpora: a module each, all of them pure functions of their seed."""
