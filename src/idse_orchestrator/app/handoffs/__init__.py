"""The use cases of handing a stage over: ask, approve, accept, reject, list, and the document of it."""
