"""The archive: files through the whole flow, as they date themselves or on a replay's clock."""
