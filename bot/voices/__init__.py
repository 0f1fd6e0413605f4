"""The voices made from recordings: the speech server keeps them, people here make, choose and delete them."""
