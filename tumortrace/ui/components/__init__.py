"""Parts that several pages show: tables, images, figures, notes."""
