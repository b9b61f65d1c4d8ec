//! Addresses of Bitcoin and its kin.

use bitcoin::{
    ScriptBuf, WitnessProgram, WitnessVersion,
    bech32::{Fe32, Hrp, segwit},
    hashes::Hash,
};

use crate::encoding::{base32_bytes, base32_digits, base58_check, base58_check_text, cash_checksum_holds};

const CASH_ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// What distinguishes a coin.
#[derive(Debug, PartialEq, Eq)]
pub struct Coin {
    /// The chain's name.
    pub name: &'static str,
    /// What stands before a message when it is hashed.
    pub magic: &'static str,
    /// The version of an address of a key.
    key_version: u8,
    /// The versions of an address of a script; the first is the one to write.
    script_versions: &'static [u8],
    /// The prefix of addresses in bech32, where the chain has segregated witnesses.
    prefix: Option<&'static str>,
    /// Whether addresses may be CashAddr.
    has_cash: bool,
}

const BITCOIN: Coin = Coin {
    name: "bitcoin",
    magic: "Bitcoin Signed Message:\n",
    key_version: 0,
    script_versions: &[5],
    prefix: Some("bc"),
    has_cash: false,
};

/// The coins.
pub const COINS: [Coin; 6] = [
    BITCOIN,
    Coin {
        name: "litecoin",
        magic: "Litecoin Signed Message:\n",
        key_version: 48,
        script_versions: &[50, 5],
        prefix: Some("ltc"),
        ..BITCOIN
    },
    Coin {
        name: "dogecoin",
        magic: "Dogecoin Signed Message:\n",
        key_version: 30,
        script_versions: &[22],
        prefix: None,
        ..BITCOIN
    },
    Coin {
        name: "dash",
        magic: "DarkCoin Signed Message:\n",
        key_version: 76,
        script_versions: &[16],
        prefix: None,
        ..BITCOIN
    },
    Coin { name: "bitcoin-cash", prefix: None, has_cash: true, ..BITCOIN },
    Coin { name: "bitcoin-sv", prefix: None, ..BITCOIN },
];

/// What an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The hash of a key.
    Key([u8; 20]),
    /// The hash of a script.
    Script([u8; 20]),
    /// A witness program.
    Witness(WitnessProgram),
}

impl Coin {
    /// The coin of a chain.
    pub fn of(chain: &str) -> Option<&'static Self> {
        COINS.iter().find(|coin| coin.name == chain)
    }

    /// Whether the chain has segregated witnesses. Where it has none, whoever sees such a script can spend.
    pub fn has_witnesses(&self) -> bool {
        self.prefix.is_some()
    }

    /// Reads an address of the main network.
    pub fn parse(&self, address: &str) -> Result<Target, &'static str> {
        if let Some((version, hash)) = base58_check(address) {
            return match version {
                _ if version == self.key_version => Ok(Target::Key(hash)),
                _ if self.script_versions.contains(&version) => Ok(Target::Script(hash)),
                _ => Err("it is another chain's or a test network's"),
            };
        }
        if self.has_cash {
            return parse_cash(address);
        }
        let prefix = self.prefix.ok_or("it is not 21 bytes in base58 with their checksum")?;
        let (hrp, version, program) =
            segwit::decode(address).map_err(|_| "it is neither base58 nor bech32 with its checksum")?;
        if hrp.to_lowercase() != prefix {
            return Err("it is another chain's or a test network's");
        }
        WitnessVersion::try_from(version.to_u8())
            .ok()
            .and_then(|version| WitnessProgram::new(version, &program).ok())
            .map(Target::Witness)
            .ok_or("it is no witness program")
    }

    /// An address in one spelling.
    pub fn canonical(&self, address: &str) -> Result<String, &'static str> {
        let base58 = |version, hash: &[u8; 20]| base58_check_text(version, hash);
        Ok(match self.parse(address)? {
            Target::Key(hash) => base58(self.key_version, &hash),
            Target::Script(hash) => base58(self.script_versions[0], &hash),
            Target::Witness(program) => {
                let prefix = self.prefix.and_then(|prefix| Hrp::parse(prefix).ok()).ok_or("the chain has none")?;
                let version = Fe32::try_from(program.version().to_num()).map_err(|_| "it is no witness program")?;
                segwit::encode(prefix, version, program.program().as_bytes()).map_err(|_| "it is no witness program")?
            }
        })
    }
}

/// `bitcoincash:` and what follows; the prefix may be missing.
fn parse_cash(address: &str) -> Result<Target, &'static str> {
    const PREFIX: &str = "bitcoincash";
    let has = |case: fn(&u8) -> bool| address.as_bytes().iter().any(case);
    if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) {
        return Err("it is neither base58 nor CashAddr in letters of one case");
    }
    let lower = address.to_ascii_lowercase();
    let text = match lower.split_once(':') {
        Some((PREFIX, text)) => text,
        Some(_) => return Err("it is another chain's or a test network's"),
        None => &lower[..],
    };
    let digits = base32_digits(text, CASH_ALPHABET).ok_or("it is neither base58 nor CashAddr")?;
    if !cash_checksum_holds(PREFIX, &digits) {
        return Err("its checksum is wrong");
    }
    let bytes = base32_bytes(&digits[..digits.len() - 8]);
    let hash = |hash: &[u8]| hash.try_into().map_err(|_| "it has not 20 bytes");
    match bytes.as_deref() {
        Some([0, rest @ ..]) => hash(rest).map(Target::Key),
        Some([8, rest @ ..]) => hash(rest).map(Target::Script),
        _ => Err("it is of no known type"),
    }
}

impl Target {
    /// The script that a coin at this address is under.
    pub fn script_pubkey(&self) -> ScriptBuf {
        match self {
            Self::Key(hash) => ScriptBuf::new_p2pkh(&Hash::from_byte_array(*hash)),
            Self::Script(hash) => ScriptBuf::new_p2sh(&Hash::from_byte_array(*hash)),
            Self::Witness(program) => ScriptBuf::new_witness_program(program),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(chain: &str, address: &str) -> Result<String, &'static str> {
        Coin::of(chain).unwrap().canonical(address)
    }

    // the CashAddr examples of its specification
    #[test]
    fn cash_address_and_legacy_address_are_one() {
        for (cash, legacy) in [
            ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"),
            ("qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy", "1KXrWXciRDZUpQwQmuM1DbwsKDLYAYsVLR"),
            ("BITCOINCASH:PPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVN0H829PQ", "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC"),
        ] {
            assert_eq!(canonical("bitcoin-cash", cash).as_deref(), Ok(legacy));
            assert_eq!(canonical("bitcoin-cash", legacy).as_deref(), Ok(legacy));
        }
        assert!(canonical("bitcoin-cash", "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6b").is_err());
        assert!(canonical("bitcoin-cash", "bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a").is_err());
        assert!(canonical("bitcoin", "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a").is_err());
    }

    #[test]
    fn bech32_is_lower_case_and_of_its_chain() {
        let lower = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        assert_eq!(canonical("bitcoin", &lower.to_uppercase()).as_deref(), Ok(lower));
        assert!(canonical("litecoin", lower).is_err());
        assert!(canonical("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx").is_err());
        assert!(canonical("bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5").is_err());
        assert!(canonical("dogecoin", lower).is_err());
    }

    #[test]
    fn a_script_of_litecoin_has_an_old_spelling() {
        let old = base58_check_text(5, &[9; 20]);
        let new = base58_check_text(50, &[9; 20]);
        assert_eq!(canonical("litecoin", &old), Ok(new));
    }
}
