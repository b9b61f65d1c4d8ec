//! Posts the findings of a monitor to a webhook.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Serialize;

use crate::cli::exit::Failure;
use crate::client::{ClientError, WEBHOOK_TIMEOUT, Webhook, WebhookError, read_secret};
use crate::transparency::{delivered::Delivered, finding::MonitorFinding, monitor::Followed};

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

/// Posts the findings of one run that were not posted before.
pub(super) struct Delivery {
    webhook: Webhook,
    delivered: Delivered,
    /// The keys of all that was found.
    found: BTreeSet<String>,
    not_taken: usize,
    last: Option<WebhookError>,
}

impl Delivery {
    pub(super) fn new(webhook: Webhook, delivered: Delivered) -> Self {
        Self { webhook, delivered, found: BTreeSet::new(), not_taken: 0, last: None }
    }

    /// Posts findings, the most serious ones first. One that is not taken is no error before [`Self::finish`].
    pub(super) fn post(&mut self, followed: &Followed, findings: &[MonitorFinding]) -> Result<(), Failure> {
        let mut findings: Vec<&MonitorFinding> = findings.iter().collect();
        findings.sort_by_key(|finding| finding.rank());
        for finding in findings {
            let key = finding.key(&followed.origin);
            if !self.found.insert(key.clone()) || self.delivered.has(&key) {
                continue;
            }
            if self.not_taken >= MAX_NOT_TAKEN {
                self.not_taken += 1;
                continue;
            }
            let (origin, size, kind, detail) = (&followed.origin, followed.size, finding.kind, &finding.detail);
            let document = serde_json::to_vec(&Notification { origin, size, kind, detail, key: &key });
            let document = document.map_err(|e| Failure::environment(e.to_string()))?;
            match self.webhook.post(&document) {
                Ok(()) => self.delivered.add(key)?,
                Err(error) => (self.not_taken, self.last) = (self.not_taken + 1, Some(error)),
            }
        }
        Ok(())
    }

    /// Forgets what is gone, and says what was not taken.
    pub(super) fn finish(mut self, followed: &Followed) -> Result<(), Failure> {
        if followed.is_complete {
            self.delivered.keep_only(&self.found)?;
        }
        let Some(error) = self.last else { return Ok(()) };
        let findings = match self.not_taken {
            1 => "one finding was".to_owned(),
            findings => format!("{findings} findings were"),
        };
        Err(Failure::environment(format!("{findings} not delivered, and the next run posts again: {error}")))
    }
}
