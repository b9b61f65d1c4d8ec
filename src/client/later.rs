//! Signatures, opinions and notices: what is added to a published attestation.

use assay_core::{sealed::StatementDigest, signature::Jws, signatures::Signatures, text::spelled_out};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{error::ClientError, http::Client};

/// Adds a countersignature or an opinion to the attestation `id`, and makes sure that the service gives it out. Returns the id of the key.
///
/// # Errors
/// [`ClientError`]; [`ClientError::NotGivenOut`] if the answer, or what is given out, is not what was sent.
pub fn add_signature(client: &Client, id: &str, jws: &Jws) -> Result<String, ClientError> {
    let bytes = jws.to_bytes();
    let path = format!("/v1/attestations/{id}/signatures");
    let answer = send(client, &path, &String::from_utf8_lossy(&bytes))?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let given = client.get(&path)?;
    let given = serde_json::to_vec(&given).ok().zip(StatementDigest::parse(id).ok());
    let given = given.and_then(|(bytes, statement)| Signatures::parse(&bytes, statement).ok());
    let is_given = given.is_some_and(|all| all.digests().contains(&digest));
    match answer["kid"].as_str().filter(|_| is_given && answer["document"] == hex::encode(digest)) {
        Some(kid) => Ok(spelled_out(kid)),
        None => Err(ClientError::NotGivenOut { address: format!("{}{path}", client.address()) }),
    }
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
