//! Which logs and witnesses a reader trusts (C2SP tlog-policy), and whether a checkpoint meets that.

use assay_core::time::instant_of_seconds;

use super::{
    checkpoint::SignedCheckpoint,
    note::{KeyKind, NoteError, VerifierKey},
};

/// Largest policy that is read, in bytes.
pub const MAX_POLICY_BYTES: usize = 256 << 10;
/// Most logs of a policy, and most witnesses and groups together.
const MAX_LISTED: usize = 256;

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More bytes than are read.
    #[error("the policy is longer than {MAX_POLICY_BYTES} bytes")]
    TooLong,
    /// A line does not follow the format.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: usize,
        /// Why.
        reason: String,
    },
    /// There must be exactly one.
    #[error("the policy has no line `quorum`; `quorum none` asks for no witnesses")]
    NoQuorum,
}

/// Why a checkpoint does not meet a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMet {
    /// Nothing to trust.
    #[error("the policy lists no log")]
    NoLogs,
    /// None of the listed logs has this name.
    #[error("the checkpoint is of the log {origin}, which the policy does not list")]
    UnknownLog {
        /// The log's name.
        origin: String,
    },
    /// No listed key of the log signed.
    #[error("the log {origin} did not sign the checkpoint with a key that the policy lists")]
    Unsigned {
        /// The log's name.
        origin: String,
    },
    /// A listed key's signature is false.
    #[error(transparent)]
    False(#[from] NoteError),
    /// Too few witnesses.
    #[error("too few witnesses cosigned the checkpoint for the policy's quorum {quorum}; it is cosigned by {}", names(.cosigned))]
    NoQuorum {
        /// Name of the quorum.
        quorum: String,
        /// Witnesses of the policy that cosigned.
        cosigned: Vec<String>,
    },
}

fn names(cosigned: &[String]) -> String {
    if cosigned.is_empty() { "none of them".to_owned() } else { cosigned.join(", ") }
}

/// A cosignature by a listed witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's name in the policy.
    pub witness: String,
    /// When, in seconds since 1970, by the witness's clock.
    pub time: u64,
}

impl std::fmt::Display for Cosigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = i64::try_from(self.time).ok().and_then(instant_of_seconds);
        let at = at.unwrap_or_else(|| format!("second {}", self.time));
        write!(f, "{} ({at})", assay_core::text::visible(&self.witness))
    }
}

/// A log of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLog {
    /// Its key; the key's name is the log's origin.
    pub key: VerifierKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// A witness of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWitness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where checkpoints are submitted to it, if the policy says so.
    pub url: Option<String>,
}

/// What a reader trusts.
#[derive(Debug, Clone)]
pub struct Policy {
    logs: Vec<ListedLog>,
    members: Vec<Member>,
    /// The member that must have witnessed a checkpoint; none asks for no witness.
    quorum: Option<usize>,
}

/// A witness, or a group of members that are defined before it.
#[derive(Debug, Clone)]
struct Member {
    /// Any octets without white space.
    name: Vec<u8>,
    kind: MemberKind,
    /// Whether a group contains it: it may count once only.
    grouped: bool,
}

#[derive(Debug, Clone)]
enum MemberKind {
    Witness(Box<ListedWitness>),
    Group { needed: usize, members: Vec<usize> },
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLong);
        }
        let mut policy = Self { logs: Vec::new(), members: Vec::new(), quorum: None };
        let mut quorum = None;
        for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            let refused = |reason: String| PolicyError::Line { line: i + 1, reason };
            let line = line.strip_suffix(b"\n").ok_or_else(|| {
                refused("the line does not end with a line end; the file may have been cut off".to_owned())
            })?;
            policy.read_line(line, &mut quorum).map_err(refused)?;
        }
        policy.quorum = quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(policy)
    }

    fn read_line(&mut self, line: &[u8], quorum: &mut Option<Option<usize>>) -> Result<(), String> {
        if let Some(control) = line.iter().find(|b| (**b < 0x20 && **b != b'\t') || **b == 0x7f) {
            let remedy = if *control == b'\r' { "; save the file with Unix line ends" } else { "" };
            return Err(format!("contains the control character U+{control:04X}{remedy}"));
        }
        let words: Vec<&[u8]> = line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match &words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", rest @ ..] => self.read_log(rest),
            [b"witness", rest @ ..] => self.read_witness(rest),
            [b"group", rest @ ..] => self.read_group(rest),
            [b"quorum", name] => {
                let found = if *name == b"none" { None } else { Some(self.find(name)?) };
                match quorum.replace(found) {
                    None => Ok(()),
                    Some(_) => Err("a second line `quorum`".to_owned()),
                }
            }
            [b"quorum", ..] => Err("`quorum` is followed by one name".to_owned()),
            [other, ..] => Err(format!("{} is none of log, witness, group and quorum", shown(other))),
        }
    }

    fn read_log(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let (key, url) = match words {
            [key] => (key, None),
            [key, url] => (key, Some(lossy(url))),
            _ => return Err("`log` is followed by a verifier key and perhaps a URL".to_owned()),
        };
        let key = read_key(key, KeyKind::Log)?;
        if self.logs.iter().any(|log| log.key.bytes() == key.bytes()) {
            return Err("another line lists the same log key".to_owned());
        }
        self.logs.push(ListedLog { key, url });
        within(self.logs.len(), "logs")
    }

    fn read_witness(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let (name, key, url) = match words {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(lossy(url))),
            _ => return Err("`witness` is followed by a name, a verifier key and perhaps a URL".to_owned()),
        };
        let key = read_key(key, KeyKind::Witness)?;
        if self.witnesses().any(|witness| witness.key.bytes() == key.bytes()) {
            return Err("another line lists the same witness key".to_owned());
        }
        self.define(name, MemberKind::Witness(Box::new(ListedWitness { name: lossy(name), key, url })))
    }

    fn read_group(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let [name, needed, names @ ..] = words else {
            return Err("`group` is followed by a name, how many are needed, and its members".to_owned());
        };
        if names.is_empty() {
            return Err(format!("the group {} has no members", shown(name)));
        }
        let members = names.iter().map(|name| self.find(name)).collect::<Result<Vec<_>, _>>()?;
        let needed = match *needed {
            b"any" => 1,
            b"all" => members.len(),
            number => std::str::from_utf8(number)
                .ok()
                .and_then(super::checkpoint::parse_decimal)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=members.len()).contains(number))
                .ok_or_else(|| {
                    format!("{} is neither any, all nor a number from 1 to {}", shown(number), members.len())
                })?,
        };
        for (&member, name) in members.iter().zip(names) {
            if std::mem::replace(&mut self.members[member].grouped, true) {
                return Err(format!("{} is already a member of a group, and may count only once", shown(name)));
            }
        }
        self.define(name, MemberKind::Group { needed, members })
    }

    fn define(&mut self, name: &[u8], kind: MemberKind) -> Result<(), String> {
        if name == b"none" || self.members.iter().any(|member| member.name == name) {
            return Err(format!("the name {} is already defined", shown(name)));
        }
        self.members.push(Member { name: name.to_owned(), kind, grouped: false });
        within(self.members.len(), "witnesses and groups")
    }

    fn find(&self, name: &[u8]) -> Result<usize, String> {
        let found = self.members.iter().position(|member| member.name == name);
        found.ok_or_else(|| format!("{} is not defined on a line before", shown(name)))
    }

    /// The logs.
    pub fn logs(&self) -> &[ListedLog] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> impl Iterator<Item = &ListedWitness> {
        self.members.iter().filter_map(|member| match &member.kind {
            MemberKind::Witness(witness) => Some(&**witness),
            MemberKind::Group { .. } => None,
        })
    }

    /// Whether one of the logs signed the checkpoint, no listed key's signature is false, and the quorum cosigned; who did.
    ///
    /// # Errors
    /// [`NotMet`].
    pub fn check(&self, signed: &SignedCheckpoint) -> Result<Vec<Cosigned>, NotMet> {
        self.check_log(signed)?;
        let mut cosigned = Vec::new();
        let mut witnessed: Vec<bool> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            witnessed.push(match &member.kind {
                MemberKind::Witness(witness) => {
                    let time = signed.note().signed_by(&witness.key)?.flatten();
                    cosigned.extend(time.map(|time| Cosigned { witness: witness.name.clone(), time }));
                    time.is_some()
                }
                MemberKind::Group { needed, members } => members.iter().filter(|&&m| witnessed[m]).count() >= *needed,
            });
        }
        match self.quorum {
            Some(quorum) if !witnessed[quorum] => Err(NotMet::NoQuorum {
                quorum: shown(&self.members[quorum].name),
                cosigned: cosigned.iter().map(|c| assay_core::text::visible(&c.witness)).collect(),
            }),
            _ => Ok(cosigned),
        }
    }

    /// Whether one of the logs signed the checkpoint, and no listed log key's signature is false.
    ///
    /// # Errors
    /// [`NotMet`].
    pub fn check_log(&self, signed: &SignedCheckpoint) -> Result<(), NotMet> {
        let origin = &signed.checkpoint().origin;
        let visible = || assay_core::text::visible(origin);
        if self.logs.is_empty() {
            return Err(NotMet::NoLogs);
        }
        let mut own = self.logs.iter().filter(|log| log.key.name() == origin).peekable();
        if own.peek().is_none() {
            return Err(NotMet::UnknownLog { origin: visible() });
        }
        let mut found = false;
        for log in own {
            found |= signed.note().signed_by(&log.key)?.is_some();
        }
        if found { Ok(()) } else { Err(NotMet::Unsigned { origin: visible() }) }
    }
}

fn read_key(text: &[u8], kind: KeyKind) -> Result<VerifierKey, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the verifier key is not UTF-8".to_owned())?;
    let key = VerifierKey::parse(text).map_err(|e| e.to_string())?;
    match (kind, key.kind()) {
        (KeyKind::Log, KeyKind::Witness) => {
            Err(format!("{} is the key of a witness, not of a log", shown(text.as_bytes())))
        }
        (KeyKind::Witness, KeyKind::Log) => {
            Err(format!("{} is the key of a log, not of a witness", shown(text.as_bytes())))
        }
        _ => Ok(key),
    }
}

fn within(listed: usize, what: &str) -> Result<(), String> {
    if listed > MAX_LISTED { Err(format!("more than {MAX_LISTED} {what}")) } else { Ok(()) }
}

fn lossy(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

fn shown(word: &[u8]) -> String {
    assay_core::text::shown(&lossy(word))
}
