//! The tasks of the queue: from a sealed snapshot to a published attestation.
