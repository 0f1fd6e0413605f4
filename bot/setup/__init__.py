"""The guided setup, in the terminal and on the page: answers are tested at once, and written to ``.env``."""
