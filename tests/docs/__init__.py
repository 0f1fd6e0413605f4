"""What documents say is held against the code, where it can be; a failure names the document and the line."""
