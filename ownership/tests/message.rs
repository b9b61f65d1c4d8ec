//! The canonical message says one thing alone.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_ownership::{Anchor, Context};
use proptest::prelude::*;

/// What a message is made from, drawn from few letters, so that two draws are often alike and parts run into each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    domain: String,
    snapshot: String,
    second: u8,
    family: String,
    address: String,
    anchor: Option<(String, u64, String)>,
    challenge: Option<String>,
}

impl Parts {
    fn message(&self) -> Option<String> {
        let taken_at = format!("2026-11-30T00:00:0{}Z", self.second);
        let anchor = self.anchor.as_ref().map(|(chain, height, hash)| Anchor { chain, height: *height, hash });
        let context = Context {
            domain: &self.domain,
            snapshot: &self.snapshot,
            taken_at: &taken_at,
            anchor,
            challenge: self.challenge.as_deref(),
        };
        context.message(&self.family, &self.address).ok()
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let text = || "[a.,1 ]{1,3}|of|on|after|block|challenge";
    let anchor = prop::option::of((text(), 0..3u64, text()));
    (text(), text(), 0..2u8, text(), text(), anchor, prop::option::of(text())).prop_map(
        |(domain, snapshot, second, family, address, anchor, challenge)| Parts {
            domain,
            snapshot,
            second,
            family,
            address,
            anchor,
            challenge,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_messages_are_one_only_if_all_parts_are(one in parts(), other in parts(), moved in 0..6usize) {
        let close = match moved {
            0 => Parts { domain: other.domain.clone(), ..one.clone() },
            1 => Parts { snapshot: other.snapshot.clone(), ..one.clone() },
            2 => Parts { anchor: other.anchor.clone(), ..one.clone() },
            3 => Parts { challenge: other.challenge.clone(), ..one.clone() },
            4 => Parts { address: other.address.clone(), family: other.family.clone(), ..one.clone() },
            _ => other,
        };
        if let (Some(first), Some(second)) = (one.message(), close.message()) {
            prop_assert_eq!(first == second, one == close, "{} {}", first, second);
            prop_assert!(first.bytes().all(|b| (0x20..0x7f).contains(&b)));
        }
    }
}
