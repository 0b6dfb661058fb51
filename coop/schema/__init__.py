"""GraphQL only: types, inputs, resolvers, and the edge that serves them."""
