//! Signatures, opinions and notices: what is added to a published attestation.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{error::ClientError, http::Client};

/// Adds a countersignature or an opinion (a JWS in general JSON) to the attestation `id`. Returns the service's answer.
///
/// # Errors
/// [`ClientError`].
pub fn add_signature(client: &Client, id: &str, jws: &str) -> Result<Value, ClientError> {
    send(client, &format!("/v1/attestations/{id}/signatures"), jws)
}

/// Withdraws the attestation `id`, or says that the one with the id `by` takes its place. Returns the service's answer.
///
/// # Errors
/// [`ClientError`].
pub fn add_notice(client: &Client, id: &str, kind: &str, reason: &str, by: Option<&str>) -> Result<Value, ClientError> {
    let mut body = json!({ "kind": kind, "reason": reason });
    if let Some(by) = by {
        body["by"] = json!(by);
    }
    send(client, &format!("/v1/attestations/{id}/notices"), &body.to_string())
}

/// The key stands for what is sent, so that a request that is made again after a lost answer takes effect once.
fn send(client: &Client, path: &str, body: &str) -> Result<Value, ClientError> {
    let key = format!("later-{}", hex::encode(Sha256::digest(format!("{path}\n{body}"))));
    Ok(client.post(path, &key, body)?.body)
}
