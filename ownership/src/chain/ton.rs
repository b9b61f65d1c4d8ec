//! TON: an address is the hash of a wallet's first state, which holds code and key.

use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    ed25519,
    encoding::{any_base64_bytes, okx_text},
    hash::sha256,
    verdict::Reason,
};

/// What wallets sign for a website, after the seconds of 1970 and a dot; the bare text; an exchange's own form.
pub const SCHEMES: &[&str] = &["ed25519", "ton-proof", "okx-ed25519"];

/// The number that wallets give to their first wallet.
const WALLET_ID: u32 = 698_983_191;
/// The same for version 5: it names the main network.
const WALLET_ID_V5: u32 = 0x7fff_ff11;
/// The number and the seconds that a high-load wallet is made with.
const HIGHLOAD_ID: u32 = 4269;
const HIGHLOAD_SECONDS: u32 = 12 * 60 * 60;

/// The code of a wallet: the hash of its tree of cells, and how deep the tree is.
struct Code {
    hash: &'static str,
    depth: u16,
    data: fn(&[u8; 32]) -> Bits,
}

/// Wallets v3r1, v3r2, v4r2, v5r1 and high-load v3r1.
const CODES: [Code; 5] = [
    Code { hash: "b61041a58a7980b946e8fb9e198e3c904d24799ffa36574ea4251c41a566f581", depth: 0, data: version_3 },
    Code { hash: "84dafa449f98a6987789ba232358072bc0f76dc4524002a5d0918b9a75d2d599", depth: 0, data: version_3 },
    Code { hash: "feb5ff6820e2ff0d9483e7e0d62c817d846789fb4ae580c878866d959dabd5c0", depth: 7, data: version_4 },
    Code { hash: "20834b7b72b112147e1b2fb457b84e74d1a30f04f737d4f62a668e9552d2b72f", depth: 6, data: version_5 },
    Code { hash: "11acad7955844090f283bf238bc1449871f783e7cc0979408d3f4859483e8525", depth: 6, data: highload },
];

/// An address' workchain and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    workchain: i32,
    hash: [u8; 32],
}

/// Reads an address: `0:` and 64 digits, or 36 bytes in base64 of either alphabet, for the main network.
pub fn parse(address: &str) -> Result<Account, &'static str> {
    if let Some((workchain, digits)) = address.split_once(':') {
        let workchain = match workchain {
            "0" => 0,
            "-1" => -1,
            _ => return Err("it is neither in workchain 0 nor in the masterchain"),
        };
        let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
        let hash = hex::decode(digits).ok().filter(|_| !mixed).and_then(|bytes| bytes.try_into().ok());
        return Ok(Account { workchain, hash: hash.ok_or("it has not 64 hexadecimal digits of one case")? });
    }
    let bytes: Option<[u8; 36]> = any_base64_bytes(address).and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or("it is not 36 bytes in base64")?;
    let (body, sum) = bytes.split_at(34);
    if crc16(body).to_be_bytes() != sum {
        return Err("its checksum is wrong");
    }
    if !matches!(body[0], 0x11 | 0x51) {
        return Err("it is not of the main network");
    }
    let workchain = match body[1] {
        0 => 0,
        0xff => -1,
        _ => return Err("it is neither in workchain 0 nor in the masterchain"),
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(&body[2..]);
    Ok(Account { workchain, hash })
}

/// The address in one spelling: its workchain and hash.
pub fn canonical(address: &str) -> Result<String, &'static str> {
    let Account { workchain, hash } = parse(address)?;
    Ok(format!("{workchain}:{}", hex::encode(hash)))
}

/// CRC-16/XMODEM.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        let start = sum ^ u16::from(*byte) << 8;
        (0..8).fold(start, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 })
    })
}

/// A wallet of a key.
pub fn prove(claim: &Claim<'_>) -> Result<Proof, Defect> {
    let account = parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let (signature, scheme) = claim.only_in(SCHEMES)?;
    let stated = claim.public_key::<32>()?;
    let website = if scheme == "ton-proof" { Some(for_website(signature)?) } else { None };
    let Some(key) = stated else {
        return ed25519::without_key(&website.map_or(*signature, |(_, signature)| signature));
    };
    let proof = match (website, scheme) {
        (Some((seconds, signature)), _) => {
            let text = website_text(account, claim.domain, seconds, claim.message);
            ed25519::prove(&Claim { signatures: &[signature], ..*claim }, &key, &[text], Proof::Signed)?
        }
        (None, "okx-ed25519") => ed25519::prove(claim, &key, &[okx_text(claim.message)], Proof::Imported)?,
        (None, _) => ed25519::prove(claim, &key, &[claim.message.to_vec()], Proof::Signed)?,
    };
    let is_wallet = account.workchain == 0 && CODES.iter().any(|code| wallet(code, &key) == account.hash);
    Ok(if is_wallet { proof } else { Proof::Unproven(Reason::Key) })
}

/// TON Connect's proof: the time, in seconds of 1970, and the signature.
fn for_website<'a>(signature: &SignatureText<'a>) -> Result<(u64, SignatureText<'a>), Defect> {
    let read = signature.text.split_once('.').and_then(|(seconds, text)| {
        let is_plain = seconds.bytes().all(|b| b.is_ascii_digit()) && !seconds.starts_with('0');
        let seconds = seconds.parse().ok().filter(|_| is_plain)?;
        Some((seconds, SignatureText { text, ..*signature }))
    });
    read.ok_or_else(|| signature.unreadable("it is not SECONDS.SIGNATURE with seconds of 1970"))
}

/// The 32 bytes that a wallet signs for a website: the website is the exchange's domain, and what it asked for is the digest of the
/// message.
pub fn website_text(account: Account, domain: &str, seconds: u64, message: &[u8]) -> Vec<u8> {
    let item = [
        b"ton-proof-item-v2/",
        &account.workchain.to_be_bytes()[..],
        &account.hash,
        // a domain has at most 253 bytes
        &(domain.len() as u32).to_le_bytes(),
        domain.as_bytes(),
        &seconds.to_le_bytes(),
        hex::encode(sha256(message)).as_bytes(),
    ]
    .concat();
    sha256(&[&b"\xff\xffton-connect"[..], &sha256(&item)].concat()).to_vec()
}

/// The address of the newest ordinary wallet of a key.
pub(crate) fn newest_wallet(key: &[u8; 32]) -> [u8; 32] {
    wallet(&CODES[3], key)
}

/// The address of a wallet: the hash of a cell with nothing but code and data.
fn wallet(code: &Code, key: &[u8; 32]) -> [u8; 32] {
    let mut code_hash = [0; 32];
    let decoded = hex::decode_to_slice(code.hash, &mut code_hash);
    debug_assert!(decoded.is_ok(), "a constant of 64 digits");
    let mut state = Bits::default();
    state.push(0b00110, 5);
    state.cell_hash(&[(code.depth, code_hash), (0, (code.data)(key).cell_hash(&[]))])
}

fn version_3(key: &[u8; 32]) -> Bits {
    let mut data = Bits::default();
    data.push(0, 32);
    data.push(WALLET_ID.into(), 32);
    data.push_bytes(key);
    data
}

fn version_4(key: &[u8; 32]) -> Bits {
    let mut data = version_3(key);
    data.push(0, 1);
    data
}

fn version_5(key: &[u8; 32]) -> Bits {
    let mut data = Bits::default();
    data.push(1, 1);
    data.push(0, 32);
    data.push(WALLET_ID_V5.into(), 32);
    data.push_bytes(key);
    data.push(0, 1);
    data
}

fn highload(key: &[u8; 32]) -> Bits {
    let mut data = Bits::default();
    data.push_bytes(key);
    data.push(HIGHLOAD_ID.into(), 32);
    data.push(0, 2);
    data.push(0, 64);
    data.push(HIGHLOAD_SECONDS.into(), 22);
    data
}

/// The bits of a cell.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    fn push(&mut self, value: u64, width: usize) {
        for at in (0..width).rev() {
            if self.length.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> at & 1) as u8) << (7 - self.length % 8);
            }
            self.length += 1;
        }
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.push((*byte).into(), 8));
    }

    /// The hash of the cell that has these bits and refers to cells of these depths and hashes.
    fn cell_hash(mut self, references: &[(u16, [u8; 32])]) -> [u8; 32] {
        let halves = self.length / 8 + self.length.div_ceil(8);
        if !self.length.is_multiple_of(8) {
            self.push(1, 1);
        }
        let mut text = vec![references.len() as u8, halves as u8];
        text.extend(&self.bytes);
        references.iter().for_each(|(depth, _)| text.extend(depth.to_be_bytes()));
        references.iter().for_each(|(_, hash)| text.extend(hash));
        sha256(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // made with a library of TON for the key 0707…07: the wallets of this list in order
    #[test]
    fn wallets_have_the_addresses_that_a_library_of_the_chain_gives_them() {
        let found = CODES.map(|code| hex::encode(wallet(&code, &[7; 32])));
        assert_eq!(found, WALLETS_OF_7);
    }

    const WALLETS_OF_7: [&str; 5] = [
        "698386dcdf3ab4e6a14ebf27715ec164576cd1fb08603258eb73fc7721963541",
        "d20b8aa38e9c77902c130c8760bdbe407da810026dbad1b0f740e470a55f375f",
        "90d4b6f138065a04d8a8047eb892ccdb0b8d4cc298c0d2bfe28c88aa204f6195",
        "9e88a7a0cd2fa9a4a0d83f41daa773364b295d2855394419314df2ea91fee8fe",
        "2b8d9e29065184897fb7f3ea78de08d8f4f3369fb56e7b968013e52f85c36797",
    ];

    #[test]
    fn an_address_has_three_spellings() {
        let body = [&[0x11, 0][..], &[9; 32]].concat();
        let text = |tag: u8| {
            let body = [&[tag][..], &body[1..]].concat();
            crate::encoding::base64_text(&[&body[..], &crc16(&body).to_be_bytes()].concat())
        };
        let raw = format!("0:{}", "09".repeat(32));
        for spelling in [text(0x11), text(0x51), text(0x11).replace('/', "_").replace('+', "-"), raw.clone()] {
            assert_eq!(canonical(&spelling).as_deref(), Ok(&raw[..]), "{spelling}");
        }
        assert!(parse(&text(0x91)).is_err(), "a test network");
        assert!(parse(&raw.replacen("0:", "1:", 1)).is_err());
        assert!(parse(&raw[..60]).is_err());
    }
}
