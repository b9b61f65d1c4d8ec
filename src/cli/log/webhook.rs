//! Posts the findings of a monitor to a webhook.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Serialize;

use crate::cli::exit::Failure;
use crate::client::{ClientError, WEBHOOK_TIMEOUT, Webhook, read_secret};
use crate::transparency::{delivered::Delivered, monitor::Followed};

/// After this many findings that were not taken in one run, the others wait for the next one.
const MAX_NOT_TAKEN: usize = 3;

/// The receiver of findings.
#[derive(Debug, clap::Args)]
pub(super) struct WebhookArgs {
    /// Address to which each new finding is posted: https, or http on this machine
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,

    /// File with the secret that findings are signed with (HMAC-SHA256)
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret_file: Option<PathBuf>,
}

impl WebhookArgs {
    pub(super) fn webhook(&self) -> Result<Option<Webhook>, Failure> {
        let Some(url) = &self.webhook else { return Ok(None) };
        let secret = self.webhook_secret_file.as_deref().map(read_secret).transpose()?;
        Webhook::new(url, secret, WEBHOOK_TIMEOUT).map(Some).map_err(|e| match e {
            ClientError::Address { address, reason } => Failure::usage(format!("--webhook {address} {reason}")),
            e => e.into(),
        })
    }
}

/// What is posted.
#[derive(Serialize)]
struct Notification<'a> {
    origin: &'a str,
    size: u64,
    kind: &'a str,
    detail: &'a str,
    key: &'a str,
}

/// Posts the findings that were not posted before.
pub(super) fn deliver(webhook: &Webhook, followed: &Followed, delivered: &mut Delivered) -> Result<(), Failure> {
    let (mut found, mut not_taken, mut last) = (BTreeSet::new(), 0, None);
    for finding in &followed.findings {
        let key = finding.key(&followed.origin);
        if !found.insert(key.clone()) || delivered.has(&key) {
            continue;
        }
        if not_taken >= MAX_NOT_TAKEN {
            not_taken += 1;
            continue;
        }
        let (origin, size, kind, detail) = (&followed.origin, followed.size, finding.kind, &finding.detail);
        let document = serde_json::to_vec(&Notification { origin, size, kind, detail, key: &key });
        let document = document.map_err(|e| Failure::environment(e.to_string()))?;
        match webhook.post(&document) {
            Ok(()) => delivered.add(key)?,
            Err(error) => (not_taken, last) = (not_taken + 1, Some(error)),
        }
    }
    if followed.is_complete {
        delivered.keep_only(&found)?;
    }
    match last {
        None => Ok(()),
        Some(error) => {
            let findings =
                if not_taken == 1 { "one finding was".to_owned() } else { format!("{not_taken} findings were") };
            Err(Failure::environment(format!("{findings} not delivered, and the next run posts again: {error}")))
        }
    }
}
