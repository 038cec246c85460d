"""MATCH_RECOGNIZE in statements: where the clauses are, what they mean, what is put in their place."""
