"""CMD as a page: a list without ids, Indonesian odds and lines in attributes.

Its markup is the one that changes under us most; an operator's YAML over selectors.yaml is
enough then (test: a changed site needs a yaml edit).
"""
