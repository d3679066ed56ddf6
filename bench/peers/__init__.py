"""The systems that Actarium is compared with; each module loads the same events and answers the same questions."""
