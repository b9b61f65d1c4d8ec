//! What the service keeps in Postgres: SQL beside its type.
