"""What engines were used by whom: counted, stored by day, shown by ``!usage``, and limited where it costs money."""
