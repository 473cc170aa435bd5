"""The proof that only somebody with real weights can make: one command, one file to send back."""
