"""The report of one search: the pages of a comparison, as far as one search can fill them."""

from neurocap_search.comparison.search_report.compose import compose_search
from neurocap_search.comparison.search_report.subject import SearchSubject

__all__ = ["SearchSubject", "compose_search"]
