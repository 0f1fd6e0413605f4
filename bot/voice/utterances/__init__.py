"""What people say, in words: whom it is for, and whether it is a command, an echo, or a listener's sign."""
