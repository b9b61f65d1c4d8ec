//! What a statement says of the signatures over its reserve lines.

use assay_core::{Error, decimal::parse_count, text::spelled_out};
use serde::{Deserialize, Serialize};

/// The rules by which signatures are judged, those of the crate `assay-ownership`.
pub const OWNERSHIP_RULES: &str = "assay/ownership/1";
/// Most texts of undated lines that a statement lists.
pub const MAX_UNDATED_TEXTS: usize = 16;
/// The longest of them, in bytes: a message has at most 1,024, and one that is spelled out becomes at most six.
const MAX_TEXT_BYTES: usize = 6 * 1024;

/// Who signed for the reserves. The exchange says so, and whoever has the lines can check it: the sums are fixed before the challenge is
/// drawn, as everything in a statement is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`OWNERSHIP_RULES`].
    pub rules: String,
    /// A text in the signed message that an auditor asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// A block in the signed message: nothing was signed before it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorBlock>,
    /// The assets with reserves, in the order of the book.
    pub assets: Vec<OwnedAsset>,
    /// Number of lines that show this.
    pub lines: ByStatus<u64>,
    /// Number of different texts that undated lines signed.
    pub undated_texts: u64,
    /// The first 16 of them in ascending order, hidden characters spelled out.
    pub texts: Vec<String>,
}

/// A block of a public chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorBlock {
    /// The chain's name.
    pub chain: String,
    /// Its height.
    pub height: u64,
    /// Its hash: 1 to 128 letters and digits.
    pub hash: String,
}

/// One thing for each status of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByStatus<T> {
    /// The address' key signed the message of this snapshot. Only this may be called proven owned.
    pub fresh: T,
    /// The address' key once signed another text.
    pub undated: T,
    /// A custodian or bank states it for this snapshot, by a key that whoever judged had listed.
    pub third_party: T,
    /// Nothing is shown.
    pub unproven: T,
}

impl<T> ByStatus<T> {
    /// The same with each part changed.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> ByStatus<U> {
        let Self { fresh, undated, third_party, unproven } = self;
        ByStatus {
            fresh: change(fresh),
            undated: change(undated),
            third_party: change(third_party),
            unproven: change(unproven),
        }
    }

    /// The parts by reference.
    pub fn as_ref(&self) -> ByStatus<&T> {
        let Self { fresh, undated, third_party, unproven } = self;
        ByStatus { fresh, undated, third_party, unproven }
    }

    /// The parts, from what shows most to what shows nothing.
    pub fn parts(self) -> [T; 4] {
        let Self { fresh, undated, third_party, unproven } = self;
        [fresh, third_party, undated, unproven]
    }
}

impl ByStatus<u128> {
    /// All of it; `None` if that is above 2^128 − 1.
    pub fn sum(self) -> Option<u128> {
        self.parts().into_iter().try_fold(0u128, u128::checked_add)
    }
}

/// The reserves of one asset by status, which add up to those that are stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedAsset {
    /// The asset.
    pub symbol: String,
    /// Proven owned, in smallest units, rounded down.
    pub fresh: String,
    /// Undated, in smallest units, rounded down.
    pub undated: String,
    /// Stated by custodians and banks of the exchange's own list, in smallest units, rounded down.
    pub third_party: String,
    /// The rest of what is stated.
    pub unproven: String,
}

impl OwnedAsset {
    /// The sums in smallest units.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a number that is none.
    pub fn units(&self) -> Result<ByStatus<u128>, Error> {
        let Self { symbol: _, fresh, undated, third_party, unproven } = self;
        Ok(ByStatus {
            fresh: parse_count(fresh)?,
            undated: parse_count(undated)?,
            third_party: parse_count(third_party)?,
            unproven: parse_count(unproven)?,
        })
    }
}

impl Evidence {
    /// Why the evidence cannot be that of a statement with as many reserve `lines`. `stated` has the symbol and the reserves of each asset, in
    /// the order of the book.
    pub(super) fn defect(&self, lines: u64, stated: &[(&str, &str)]) -> Option<String> {
        if self.rules != OWNERSHIP_RULES {
            return Some(format!("its reserves are judged by other rules than {OWNERSHIP_RULES}"));
        }
        self.message_defect().or_else(|| self.text_defect()).or_else(|| self.sum_defect(lines, stated))
    }

    /// The grammar of the signed message, in which no part can have a space.
    fn message_defect(&self) -> Option<String> {
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:-".contains(&b);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is = |text: &str, most: usize, allowed: &dyn Fn(u8) -> bool| {
            (1..=most).contains(&text.len()) && text.bytes().all(allowed)
        };
        if self.challenge.as_ref().is_some_and(|challenge| !is(challenge, 64, &plain)) {
            return Some("its challenge is not 1 to 64 letters, digits, dots, underscores or hyphens".to_owned());
        }
        let AnchorBlock { chain, height, hash } = self.anchor.as_ref()?;
        let block = is(chain, 64, &lower) && is(hash, 128, &|b| b.is_ascii_alphanumeric()) && height >> 53 == 0;
        (!block).then(|| "its anchor is no block of a chain".to_owned())
    }

    fn text_defect(&self) -> Option<String> {
        let ascending = self.texts.windows(2).all(|pair| pair[0] < pair[1]);
        let readable = |text: &String| (1..=MAX_TEXT_BYTES).contains(&text.len()) && spelled_out(text) == *text;
        let listed = self.undated_texts.min(MAX_UNDATED_TEXTS as u64);
        if !ascending || !self.texts.iter().all(readable) || self.texts.len() as u64 != listed {
            return Some(
                "the texts of its undated lines are not all of the first 16, in order and readable".to_owned(),
            );
        }
        let possible = if self.lines.undated == 0 { self.undated_texts == 0 } else { self.undated_texts > 0 };
        (!possible || self.undated_texts > self.lines.undated)
            .then(|| "its undated lines and their texts do not fit".to_owned())
    }

    fn sum_defect(&self, lines: u64, stated: &[(&str, &str)]) -> Option<String> {
        if self.lines.map(u128::from).sum() != Some(u128::from(lines)) {
            return Some("its lines by status are not all lines".to_owned());
        }
        let held: Vec<&(&str, &str)> = stated.iter().filter(|(_, reserves)| *reserves != "0").collect();
        if !self.assets.iter().map(|asset| asset.symbol.as_str()).eq(held.iter().map(|(symbol, _)| *symbol)) {
            return Some("its evidence is not of exactly the assets with reserves, in their order".to_owned());
        }
        for (asset, (symbol, reserves)) in self.assets.iter().zip(held) {
            let sums = match asset.units() {
                Ok(sums) => sums,
                Err(e) => return Some(e.to_string()),
            };
            let sum = sums.sum();
            if sum.is_none() || sum != parse_count(reserves).ok() {
                return Some(format!("the reserves of {symbol} by status do not add up to those stated"));
            }
        }
        None
    }
}
