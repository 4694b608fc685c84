FAULTS: dict[str, object] = {}
