"""What is done to sound after an engine has made it: its pitch and its tempo, as it streams."""
