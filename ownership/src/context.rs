//! The snapshot that a line belongs to, and the text that an address signs for it.

use crate::defect::Defect;

/// The longest canonical message.
const MAX_BYTES: usize = 1024;

/// What a signature has to name to be fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The exchange's internet domain.
    pub domain: &'a str,
    /// The snapshot's id.
    pub snapshot: &'a str,
    /// The snapshot's instant, such as `2026-11-30T00:00:00Z`.
    pub taken_at: &'a str,
    /// A block that shows that nothing was signed before it.
    pub anchor: Option<Anchor<'a>>,
    /// A text that an auditor asked for.
    pub challenge: Option<&'a str>,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor<'a> {
    /// The chain's name.
    pub chain: &'a str,
    /// The block's height.
    pub height: u64,
    /// The block's hash.
    pub hash: &'a str,
}

impl Context<'_> {
    /// The canonical message: one line of printable ASCII, at most 1,024 bytes, from which each part can be read back. `family` is
    /// `evm` for an address on any EVM chain and the chain itself otherwise, also for a contract.
    ///
    /// # Errors
    /// If a part is outside of its grammar.
    pub fn message(&self, family: &str, address: &str) -> Result<String, Defect> {
        let Self { domain, snapshot, taken_at, .. } = self;
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        part("domain", domain, 253, "letters a to z, digits, dots and hyphens", |b| lower(b) || b".-".contains(&b))?;
        part("snapshot id", snapshot, 64, "1 to 64 of A-Z, a-z, 0-9 and . _ : + -", |b| {
            b.is_ascii_alphanumeric() || b"._:+-".contains(&b)
        })?;
        if !is_instant(taken_at) {
            return Err(defect("instant", taken_at, "an instant in UTC such as 2026-11-30T00:00:00Z"));
        }
        part("chain", family, 64, "a chain's name", |b| lower(b) || b".:-".contains(&b))?;
        part("address", address, 128, "printable ASCII without spaces", |b| b.is_ascii_graphic())?;
        let mut text =
            format!("{domain} states {address} on {family} as its reserve in snapshot {snapshot} of {taken_at}");
        if let Some(Anchor { chain, height, hash }) = self.anchor {
            part("anchor's chain", chain, 64, "a chain's name", |b| lower(b) || b".:-".contains(&b))?;
            part("anchor's hash", hash, 128, "1 to 128 letters and digits", |b| b.is_ascii_alphanumeric())?;
            text += &format!(", after {chain} block {height} {hash}");
        }
        if let Some(challenge) = self.challenge {
            part("challenge", challenge, 64, "1 to 64 of A-Z, a-z, 0-9 and . _ -", |b| {
                b.is_ascii_alphanumeric() || b"._-".contains(&b)
            })?;
            text += &format!(", challenge {challenge}");
        }
        text += ". Assay reserves v1";
        if text.len() > MAX_BYTES {
            return Err(Defect::TooLong { column: "the canonical message", bytes: text.len(), most: MAX_BYTES });
        }
        Ok(text)
    }
}

fn part(
    part: &'static str,
    value: &str,
    most: usize,
    allowed: &'static str,
    is_allowed: impl Fn(u8) -> bool,
) -> Result<(), Defect> {
    let holds = (1..=most).contains(&value.len()) && value.bytes().all(is_allowed);
    if holds { Ok(()) } else { Err(defect(part, value, allowed)) }
}

fn defect(part: &'static str, value: &str, allowed: &'static str) -> Defect {
    Defect::Message { part, value: value.to_owned(), allowed }
}

/// Whether the text has the form `2026-11-30T00:00:00Z`, with or without up to nine decimals of a second. Whether there is such a day
/// is the manifest's matter.
fn is_instant(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(b, form): (u8, &u8)| if *form == b'0' { b.is_ascii_digit() } else { b == *form };
    let Some((seconds, rest)) = text.strip_suffix('Z').and_then(|text| text.split_at_checked(FORM.len())) else {
        return false;
    };
    let decimals = rest.strip_prefix('.').map(str::as_bytes);
    let is_fraction = |digits: &[u8]| (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    seconds.bytes().zip(FORM).all(fits) && (rest.is_empty() || decimals.is_some_and(is_fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Context<'_> = Context {
        domain: "exchange.example",
        snapshot: "2026-11-30",
        taken_at: "2026-11-30T00:00:00Z",
        anchor: None,
        challenge: None,
    };

    #[test]
    fn the_message_is_one_line_that_says_everything() {
        assert_eq!(
            CONTEXT.message("evm", "0x01").as_deref(),
            Ok(
                "exchange.example states 0x01 on evm as its reserve in snapshot 2026-11-30 of 2026-11-30T00:00:00Z. Assay \
                reserves v1"
            )
        );
        let anchor = Some(Anchor { chain: "bitcoin", height: 925_001, hash: "00ab" });
        let with = Context { anchor, challenge: Some("KPMG-7f3a"), ..CONTEXT };
        assert_eq!(
            with.message("tron", "T1").as_deref(),
            Ok(
                "exchange.example states T1 on tron as its reserve in snapshot 2026-11-30 of 2026-11-30T00:00:00Z, after \
                bitcoin block 925001 00ab, challenge KPMG-7f3a. Assay reserves v1"
            )
        );
    }

    #[test]
    fn a_part_outside_of_its_grammar_is_refused() {
        let anchor = |chain, hash| Some(Anchor { chain, height: 1, hash });
        for bad in [
            Context { domain: "Exchange.example", ..CONTEXT },
            Context { domain: "a states b", ..CONTEXT },
            Context { domain: "", ..CONTEXT },
            Context { snapshot: "a b", ..CONTEXT },
            Context { snapshot: "é", ..CONTEXT },
            Context { snapshot: "", ..CONTEXT },
            Context { taken_at: "2026-11-30T00:00:00+00:00", ..CONTEXT },
            Context { taken_at: "2026-11-30", ..CONTEXT },
            Context { taken_at: "2026-11-30T00:00:00.Z", ..CONTEXT },
            Context { taken_at: "2026-11-30T00:00:00.5 Z", ..CONTEXT },
            Context { taken_at: "2026-11-30T00:00:00.0123456789Z", ..CONTEXT },
            Context { anchor: anchor("bit coin", "00"), ..CONTEXT },
            Context { anchor: anchor("bitcoin", "0,0"), ..CONTEXT },
            Context { challenge: Some("a, b"), ..CONTEXT },
            Context { challenge: Some(""), ..CONTEXT },
        ] {
            assert!(matches!(bad.message("evm", "0x01"), Err(Defect::Message { .. })), "{bad:?}");
        }
        let fraction = Context { taken_at: "2026-11-30T00:00:00.25Z", ..CONTEXT };
        assert!(fraction.message("evm", "0x01").is_ok_and(|text| text.contains(" of 2026-11-30T00:00:00.25Z. ")));
        assert!(CONTEXT.message("evm", "0x 01").is_err());
        assert!(CONTEXT.message("evm", "0x\n").is_err());
    }

    #[test]
    fn the_longest_message_is_short_enough_for_every_wallet() {
        let (long, longer, longest) = ("a".repeat(64), "b".repeat(128), "c".repeat(253));
        let context = Context {
            domain: &longest,
            snapshot: &long,
            anchor: Some(Anchor { chain: &long, height: u64::MAX, hash: &longer }),
            challenge: Some(&long),
            ..CONTEXT
        };
        assert!(context.message(&long, &longer).is_ok_and(|text| text.len() <= MAX_BYTES));
    }
}
