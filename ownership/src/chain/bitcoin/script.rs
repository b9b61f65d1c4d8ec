//! The scripts that are understood. Of any other it is not known who can satisfy it.

use bitcoin::{
    PublicKey, Script, WitnessVersion,
    opcodes::all::{OP_CHECKMULTISIG, OP_CHECKSIG, OP_DUP, OP_EQUALVERIFY, OP_HASH160},
    script::Instruction,
};

use super::address::{Coin, Target};
use crate::{
    defect::Defect,
    hash::{hash160, sha256},
};

/// A script that a key, or some of several keys, satisfy by signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// A key.
    Key(PublicKey),
    /// The hash of a key.
    KeyHash([u8; 20]),
    /// Some of several keys, in their order.
    Multiple {
        /// How many have to sign.
        threshold: usize,
        /// All keys.
        keys: Vec<PublicKey>,
    },
}

impl Template {
    /// What the script is, if it is one of these, in minimal pushes.
    pub fn of(script: &Script) -> Option<Self> {
        let parts: Vec<_> = script.instructions_minimal().collect::<Result<_, _>>().ok()?;
        let key = |part: &Instruction<'_>| PublicKey::from_slice(part.push_bytes()?.as_bytes()).ok();
        match &parts[..] {
            [only, Instruction::Op(OP_CHECKSIG)] => Some(Self::Key(key(only)?)),
            [
                Instruction::Op(OP_DUP),
                Instruction::Op(OP_HASH160),
                Instruction::PushBytes(hash),
                Instruction::Op(OP_EQUALVERIFY),
                Instruction::Op(OP_CHECKSIG),
            ] => Some(Self::KeyHash(hash.as_bytes().try_into().ok()?)),
            [first, keys @ .., last, Instruction::Op(OP_CHECKMULTISIG)] => {
                let (threshold, count) = (small_number(first)?, small_number(last)?);
                let keys: Vec<_> = keys.iter().map(key).collect::<Option<_>>()?;
                (count == keys.len() && threshold <= count).then_some(Self::Multiple { threshold, keys })
            }
            _ => None,
        }
    }

    /// Whether two of the keys are one: such a script needs fewer people than it says.
    pub fn has_a_key_twice(&self) -> bool {
        match self {
            Self::Multiple { keys, .. } => {
                keys.iter().enumerate().any(|(at, key)| keys[..at].iter().any(|other| other.inner == key.inner))
            }
            _ => false,
        }
    }

    /// Whether all keys are in the short form, which witnesses ask for.
    pub fn is_compressed(&self) -> bool {
        match self {
            Self::Key(key) => key.compressed,
            Self::KeyHash(_) => true,
            Self::Multiple { keys, .. } => keys.iter().all(|key| key.compressed),
        }
    }
}

/// 1 to 16.
fn small_number(part: &Instruction<'_>) -> Option<usize> {
    match part {
        Instruction::Op(op) => usize::from(op.to_u8()).checked_sub(0x50).filter(|n| (1..=16).contains(n)),
        Instruction::PushBytes(_) => None,
    }
}

/// The stack that a script of nothing but minimal pushes of bytes leaves.
pub fn pushes(script: &Script) -> Option<Vec<&[u8]>> {
    let bytes = |part| match part {
        Ok(Instruction::PushBytes(bytes)) => Some(bytes.as_bytes()),
        _ => None,
    };
    script.instructions_minimal().map(bytes).collect()
}

/// How an address commits to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// By its hash alone.
    Legacy,
    /// As a witness script, with or without a redeem script around it.
    Witness,
}

/// The script that the line states must be the one that the address commits to.
pub fn check(coin: &Coin, target: &Target, script: &[u8]) -> Result<Wrapping, Defect> {
    let witness_program = || [&[0, 32], &sha256(script)[..]].concat();
    match target {
        Target::Script(hash) if hash160(script) == *hash => Ok(Wrapping::Legacy),
        Target::Script(hash) if coin.has_witnesses() && hash160(&witness_program()) == *hash => Ok(Wrapping::Witness),
        Target::Witness(program)
            if program.version() == WitnessVersion::V0 && program.program().as_bytes() == sha256(script) =>
        {
            Ok(Wrapping::Witness)
        }
        _ => Err(Defect::Script { why: "does not hash to the address" }),
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::{
        ScriptBuf,
        opcodes::{OP_0, all::OP_PUSHNUM_2},
        script::Builder,
    };

    use super::*;

    const KEYS: [&str; 2] = [
        "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
    ];

    fn two_of(keys: &[&str]) -> ScriptBuf {
        let keys = keys.iter().map(|key| key.parse::<PublicKey>().unwrap());
        let script = keys.fold(Builder::new().push_opcode(OP_PUSHNUM_2), |script, key| script.push_key(&key));
        script.push_opcode(OP_PUSHNUM_2).push_opcode(OP_CHECKMULTISIG).into_script()
    }

    #[test]
    fn a_multisig_is_understood_and_other_scripts_are_not() {
        let script = two_of(&KEYS);
        let Some(Template::Multiple { threshold: 2, keys }) = Template::of(&script) else { panic!("{script}") };
        assert_eq!(keys.len(), 2);
        assert!(!Template::of(&script).unwrap().has_a_key_twice());
        assert!(Template::of(&two_of(&[KEYS[0], KEYS[0]])).unwrap().has_a_key_twice());
        assert_eq!(Template::of(&two_of(&KEYS[..1])), None, "two of one");
        assert_eq!(Template::of(&Builder::new().push_opcode(OP_0).into_script()), None);
        let mut longer = script.to_bytes();
        longer.push(0x61);
        assert_eq!(Template::of(Script::from_bytes(&longer)), None);
        assert_eq!(Template::of(Script::from_bytes(&longer[..60])), None);
    }

    #[test]
    fn pushes_are_minimal_and_nothing_else() {
        assert_eq!(pushes(Script::from_bytes(&[1, 0x51, 0])), Some(vec![&[0x51][..], &[]]));
        assert_eq!(pushes(Script::from_bytes(&[0x4c, 1, 0x51])), None, "a longer push");
        assert_eq!(pushes(Script::from_bytes(&[1, 5])), None, "a number has an opcode");
        assert_eq!(pushes(Script::from_bytes(&[0x61])), None);
    }
}
