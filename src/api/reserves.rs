//! `GET /v1/reserves/{id}`
