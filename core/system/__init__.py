"""Files, locks, machine facts and processes: what the operating system offers."""
