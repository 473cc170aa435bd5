"""Structure control, measured: what the event path is made of, how little it needs, and what it costs."""
