"""Rules as data, the checks that they name, and the engine that holds documents to them."""
