//! Posts documents to somebody else's address.

use std::{fs::File, path::Path, thread, time::Duration};

use assay_core::text::spelled_out;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use ureq::http::{Request, Uri, header};

use super::{address::Address, error::ClientError};
use crate::files::read_at_most;

/// The header with the signature of a document.
pub const SIGNATURE_HEADER: &str = "x-assay-signature";
/// For one attempt, from the connection to the end of the answer.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts to deliver one document.
const ATTEMPTS: u32 = 3;
/// Between the first two attempts; then twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A secret is some dozen bytes.
const MAX_SECRET_BYTES: u64 = 16 << 10;

/// Why a document was not delivered; `Display` is a sentence. The path of the address is left out, since for many receivers it is a secret.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No attempt was answered with success.
    #[error("the webhook at {at} did not take it in {ATTEMPTS} attempts: {reason}")]
    Failed {
        /// Scheme and host.
        at: String,
        /// What the last attempt came to.
        reason: String,
    },
    /// The receiver refuses the document.
    #[error("the webhook at {at} refused it with {status}")]
    Refused {
        /// Scheme and host.
        at: String,
        /// The status of the answer.
        status: u16,
    },
    /// The receiver is somewhere else.
    #[error("the webhook at {at} redirects to {target}, and no redirect is followed")]
    Redirect {
        /// Scheme and host.
        at: String,
        /// Where it leads to.
        target: String,
    },
}

/// A receiver of documents.
pub struct Webhook {
    agent: ureq::Agent,
    url: String,
    at: String,
    secret: Option<Vec<u8>>,
}

/// The outcome of one attempt.
enum Attempt {
    Taken,
    /// Another attempt may succeed.
    Failed(String),
    Ended(WebhookError),
}

impl Webhook {
    /// The receiver at `url`, which must be encrypted or on this machine. With a secret, documents are signed. An attempt takes at most
    /// `timeout`.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn new(url: &str, secret: Option<Vec<u8>>, timeout: Duration) -> Result<Self, ClientError> {
        let address = Address::parse(url)?;
        let uri: Uri = url.parse().unwrap_or_default();
        let authority = uri.authority().map_or_else(String::new, ToString::to_string);
        let at = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(address.is_encrypted())
            .timeout_global(Some(timeout));
        if !address.is_encrypted() {
            // it does not leave this machine
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().into(), url: url.to_owned(), at, secret })
    }

    /// Posts a JSON document, in a few attempts. If this succeeds, the receiver has it, perhaps more than once.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn post(&self, document: &[u8]) -> Result<(), WebhookError> {
        let (mut pause, mut last) = (FIRST_PAUSE, String::new());
        for attempt in 1..=ATTEMPTS {
            match self.attempt(document) {
                Attempt::Taken => return Ok(()),
                Attempt::Ended(error) => return Err(error),
                Attempt::Failed(reason) => last = reason,
            }
            if attempt < ATTEMPTS {
                thread::sleep(pause);
                pause *= 2;
            }
        }
        Err(WebhookError::Failed { at: self.at.clone(), reason: last })
    }

    fn attempt(&self, document: &[u8]) -> Attempt {
        let mut request =
            Request::builder().method("POST").uri(&self.url).header(header::CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE_HEADER, signature(secret, document));
        }
        let answer = match request.body(document).map_err(ureq::Error::from) {
            Ok(request) => self.agent.run(request),
            Err(e) => Err(e),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => return Attempt::Failed(e.to_string()),
        };
        let (at, status) = (self.at.clone(), answer.status());
        if status.is_success() {
            return Attempt::Taken;
        }
        if status.is_redirection() {
            let target = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let target = spelled_out(target.unwrap_or("no address")).to_string();
            return Attempt::Ended(WebhookError::Redirect { at, target });
        }
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            return Attempt::Failed(format!("it answered with {status}"));
        }
        Attempt::Ended(WebhookError::Refused { at, status: status.as_u16() })
    }
}

/// `sha256=` and the HMAC-SHA256 of a document, in hexadecimal digits.
fn signature(secret: &[u8], document: &[u8]) -> String {
    // HMAC takes keys of any length
    let mac = Hmac::<Sha256>::new_from_slice(secret).map(|mac| mac.chain_update(document).finalize().into_bytes());
    format!("sha256={}", hex::encode(mac.unwrap_or_default()))
}

/// Reads the secret of a webhook from a file: its bytes, without a line break at the end.
///
/// # Errors
/// [`ClientError::File`]; [`ClientError::Token`] if it is empty or too long.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, ClientError> {
    let failed = |error| ClientError::File { path: path.to_owned(), error };
    let read = File::open(path).and_then(|file| read_at_most(file, MAX_SECRET_BYTES)).map_err(failed)?;
    let refused = |reason| ClientError::Token { path: path.to_owned(), reason };
    let mut bytes = read.ok_or_else(|| refused("is too long for a secret"))?;
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.is_empty() { Err(refused("is empty; it must hold a secret")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        fs,
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        sync::mpsc::{Receiver, channel},
        time::Instant,
    };

    use super::*;

    /// The head and the body of a request.
    fn received(connection: &TcpStream) -> (String, Vec<u8>) {
        let mut reader = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let head = head.to_lowercase();
        let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (head, body)
    }

    /// A server that answers with these statuses, one after the other, and never with an empty one.
    fn server(answers: &'static [&'static str]) -> (String, Receiver<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/", listener.local_addr().unwrap());
        let (seen, requests) = channel();
        thread::spawn(move || {
            let mut silent = Vec::new();
            for answer in answers {
                let (mut connection, _) = listener.accept().unwrap();
                seen.send(received(&connection)).unwrap();
                if answer.is_empty() {
                    silent.push(connection);
                } else {
                    let more = "Content-Length: 0\r\nConnection: close\r\n\r\n";
                    write!(connection, "HTTP/1.1 {answer}\r\n{more}").unwrap();
                }
            }
            // whoever connects once more is one too many
            let _ = listener.accept().map(|(connection, _)| seen.send(received(&connection)));
        });
        (url, requests)
    }

    fn webhook(url: &str) -> Webhook {
        Webhook::new(url, Some(b"secret".to_vec()), Duration::from_millis(700)).unwrap()
    }

    #[test]
    fn a_document_is_signed_as_webhooks_are() {
        // RFC 4231, test case 2
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), expected);
        let (url, requests) = server(&["200 OK"]);
        webhook(&url).post(b"{}").unwrap();
        let (head, body) = requests.recv().unwrap();
        assert!(head.starts_with("post /hook/ http/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("x-assay-signature: {}\r\n", signature(b"secret", b"{}"))), "{head}");
        assert!(head.contains("content-type: application/json\r\n") && body == b"{}", "{head}");
    }

    #[test]
    fn a_failing_receiver_gets_the_document_again_for_a_few_times() {
        let (url, requests) = server(&["500 Internal Server Error", "200 OK"]);
        webhook(&url).post(b"{}").unwrap();
        assert_eq!(requests.iter().take(2).map(|(_, body)| body).collect::<Vec<_>>(), [b"{}", b"{}"]);
        let (url, requests) = server(&["503 Service Unavailable"; 3]);
        let error = webhook(&url).post(b"{}").unwrap_err();
        assert!(error.to_string().contains("in 3 attempts: it answered with 503"), "{error}");
        assert!(!error.to_string().contains("hook/"), "the path may be a secret: {error}");
        assert_eq!(requests.try_iter().count(), 3);
    }

    #[test]
    fn a_receiver_that_never_answers_is_left_after_the_timeout() {
        let (url, requests) = server(&["", "", ""]);
        let begun = Instant::now();
        let error = webhook(&url).post(b"{}").unwrap_err();
        assert!(matches!(&error, WebhookError::Failed { reason, .. } if reason.contains("timeout")), "{error}");
        // three times 0.7 s, and 1.5 s between them
        assert!((3..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!(requests.try_iter().count(), 3);
    }

    #[test]
    fn a_redirect_is_not_followed_and_a_refusal_is_the_last_word() {
        let (url, requests) = server(&["307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/elsewhere", "200 OK"]);
        let error = webhook(&url).post(b"{}").unwrap_err();
        assert!(matches!(&error, WebhookError::Redirect { target, .. } if target.ends_with("/elsewhere")), "{error}");
        assert_eq!(requests.try_iter().count(), 1);
        let (url, requests) = server(&["401 Unauthorized", "200 OK"]);
        assert!(matches!(webhook(&url).post(b"{}"), Err(WebhookError::Refused { status: 401, .. })));
        assert_eq!(requests.try_iter().count(), 1);
    }

    #[test]
    fn a_secret_is_the_bytes_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, " s\u{e9}cret \r\n").unwrap();
        assert_eq!(read_secret(&path).unwrap(), " s\u{e9}cret ".as_bytes());
        for wrong in [String::new(), "\n".to_owned(), "x".repeat(20_000)] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(read_secret(&path).unwrap_err().exit_code(), 2);
        }
        assert_eq!(read_secret(&dir.path().join("none")).unwrap_err().exit_code(), 3);
        assert!(Webhook::new("http://receiver.example/", None, WEBHOOK_TIMEOUT).is_err());
    }
}
