"""An edition as a Helm chart: `chart`, from `values` that may differ and `templates` that take them. Pure."""
