"""The use cases of the agent registry: change it, import it, keep its view, assign and route stages."""
