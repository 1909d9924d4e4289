"""Everything a user may pass becomes a SequenceDataset here."""
