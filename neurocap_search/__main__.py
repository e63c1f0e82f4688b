"""``python -m neurocap_search`` is ``neurocap``."""

from neurocap_search.cli import main

main()
