"""What several commands share: options, tables, the installed plugins."""
