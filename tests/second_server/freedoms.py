FREEDOMS: dict[str, object] = {}
