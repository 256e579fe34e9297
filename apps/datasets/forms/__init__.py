"""The forms of the pages about datasets, and about traces in so far as datasets hold them."""
