"""Reports: documents of text, tables and figures, what stands in them, and how they are written."""
