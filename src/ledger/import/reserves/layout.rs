//! The columns of published reserve lines. Exchanges name, order and leave out columns as they like: a layout is known by its names.

use assay_core::text::shown;
use assay_ownership::Chain;

/// Which column has what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    coin: usize,
    network: Option<usize>,
    kind: Option<usize>,
    height: Option<usize>,
    address: usize,
    amount: usize,
    message: Option<usize>,
    signatures: Vec<usize>,
    key: Option<usize>,
    owners: Vec<usize>,
    width: usize,
}

/// A published line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published<'r> {
    pub(super) coin: &'r str,
    /// Empty where the layout has none.
    pub(super) network: &'r str,
    /// What stands behind the line; empty where the layout does not say.
    pub(super) kind: &'r str,
    pub(super) height: &'r str,
    pub(super) address: &'r str,
    pub(super) amount: &'r str,
    pub(super) message: &'r str,
    pub(super) signatures: Vec<&'r str>,
    /// A script or a public key.
    pub(super) key: &'r str,
    /// Keys' addresses that signed instead of the line's own.
    pub(super) owners: Vec<&'r str>,
}

/// Where the coins of a line are, in a ledger's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coins {
    pub(super) asset: String,
    pub(super) chain: String,
    /// The coin's published name; empty for the chain's own coin. The files do not name contracts.
    pub(super) token: String,
}

impl Layout {
    /// Whether a row has names of columns, and not a line: one of them is that of the address.
    pub(super) fn is_header(row: &[&str]) -> bool {
        row.iter().any(|name| plain(name) == "address")
    }

    /// The layout of a row of names.
    ///
    /// # Errors
    /// Why it is none of published reserve lines.
    pub(super) fn of(row: &[&str]) -> Result<Self, String> {
        let names: Vec<String> = row.iter().map(|name| plain(name)).collect();
        let at = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let each = |known: &[&str]| known.iter().filter_map(|name| at(&[*name])).collect();
        let known: Vec<&[&str]> = vec![COIN, NETWORK, KIND, HEIGHT, ADDRESS, AMOUNT, MESSAGE, SIGNATURES, KEY, OWNERS];
        for (number, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let Some(own) = known.iter().find(|own| own.contains(&name.as_str())) else {
                return Err(format!("column {} is {}, which no known layout has", number + 1, shown(row[number])));
            };
            let is_several = [SIGNATURES, OWNERS].contains(own);
            let same = |other: &String| if is_several { other == name } else { own.contains(&other.as_str()) };
            if names[..number].iter().any(same) {
                return Err(format!(
                    "column {} is {}, and an earlier one says the same",
                    number + 1,
                    shown(row[number])
                ));
            }
        }
        let (Some(coin), Some(address)) = (at(COIN), at(ADDRESS)) else {
            return Err("there is no column of coins".to_owned());
        };
        let Some(amount) = at(AMOUNT) else {
            return Err("this layout has no amounts: it shows signatures, and no reserves".to_owned());
        };
        Ok(Self {
            coin,
            network: at(NETWORK),
            kind: at(KIND),
            height: at(HEIGHT),
            address,
            amount,
            message: at(MESSAGE),
            signatures: each(SIGNATURES),
            key: at(KEY),
            owners: each(OWNERS),
            width: row.len(),
        })
    }

    /// Whether it says on which network an address is.
    pub(super) fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// A line. Columns at the end may be missing.
    ///
    /// # Errors
    /// If it has more columns than there are names.
    pub(super) fn read<'r>(&self, row: &[&'r str]) -> Result<Published<'r>, String> {
        if row.len() > self.width && row[self.width..].iter().any(|field| !field.is_empty()) {
            return Err(format!("{} columns, where there are {} names", row.len(), self.width));
        }
        let field = |at: usize| row.get(at).copied().map_or("", given);
        let optional = |at: Option<usize>| at.map_or("", field);
        let each = |places: &[usize]| places.iter().map(|at| field(*at)).filter(|text| !text.is_empty()).collect();
        Ok(Published {
            coin: field(self.coin),
            network: optional(self.network),
            kind: optional(self.kind),
            height: optional(self.height),
            address: field(self.address),
            amount: field(self.amount),
            message: optional(self.message),
            signatures: each(&self.signatures),
            key: optional(self.key),
            owners: each(&self.owners),
        })
    }
}

const COIN: &[&str] = &["coin", "digitalasset"];
const NETWORK: &[&str] = &["network"];
const KIND: &[&str] = &["type"];
const HEIGHT: &[&str] = &["snapshotheight"];
const ADDRESS: &[&str] = &["address"];
const AMOUNT: &[&str] = &["amount", "balance"];
const MESSAGE: &[&str] = &["message"];
const SIGNATURES: &[&str] = &["signature", "signature1", "signature2", "signedmessage", "signedmessage2"];
const KEY: &[&str] = &["redeemscript/publickey", "publickey"];
const OWNERS: &[&str] = &["eoa1", "eoa2", "owner1", "owner2"];

/// A name without spaces and in small letters.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// What a field says; two words stand for nothing.
fn given(field: &str) -> &str {
    if ["-", "null"].contains(&field) { "" } else { field }
}

/// Whether an asset is what its chain counts in.
pub(super) fn is_native(chain: &str, asset: &str) -> bool {
    // a validator's key is no address, and what it stakes is the chain's coin
    let chain = if chain == "ethereum-validators" { "ethereum" } else { chain };
    Chain::parse(chain).is_some_and(|chain| chain.counts_in(asset))
}
