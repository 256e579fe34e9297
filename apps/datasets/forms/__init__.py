"""The forms of the pages about datasets, and about traces in so far as datasets hold them."""

from apps.datasets.describe import chips, where_params
from apps.datasets.forms.where import WhereForm

__all__ = ["WhereForm", "chips", "where_params"]
