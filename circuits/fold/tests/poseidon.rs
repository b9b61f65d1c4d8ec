//! The hash is the one that nova-snark uses: two implementations that share no code agree on random input.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_core::{
    field::F,
    hash::{Domain, hash},
};
use ff::Field;
use nova_snark::frontend::gadgets::poseidon::{
    IOPattern, PoseidonConstants, Simplex, Sponge, SpongeAPI, SpongeOp, SpongeTrait, Strength,
};

fn inputs(seed: u64, n: usize) -> Vec<F> {
    (0..n as u64).map(|i| F::from(seed * 1000 + i).pow_vartime([77u64]) - F::from(i)).collect()
}

macro_rules! nova_hash {
    ($arity:ty, $domain:expr, $xs:expr) => {{
        let constants: PoseidonConstants<F, $arity> = Sponge::<F, $arity>::api_constants(Strength::Standard);
        let mut sponge = Sponge::new_with_constants(&constants, Simplex);
        let n = $xs.len() as u32;
        sponge.start(IOPattern(vec![SpongeOp::Absorb(n), SpongeOp::Squeeze(1)]), Some($domain), &mut ());
        SpongeAPI::absorb(&mut sponge, n, $xs, &mut ());
        SpongeAPI::squeeze(&mut sponge, 1, &mut ())[0]
    }};
}

#[test]
fn agrees_with_nova_on_every_arity_in_use() {
    use generic_array::typenum::{U2, U3, U4, U5, U6, U7, U8};
    for domain in [Domain::Leaf, Domain::Node, Domain::Book, Domain::Private] {
        for seed in 1..4 {
            let d = domain as u32;
            assert_eq!(hash(domain, &inputs(seed, 2)), nova_hash!(U2, d, &inputs(seed, 2)));
            assert_eq!(hash(domain, &inputs(seed, 3)), nova_hash!(U3, d, &inputs(seed, 3)));
            assert_eq!(hash(domain, &inputs(seed, 4)), nova_hash!(U4, d, &inputs(seed, 4)));
            assert_eq!(hash(domain, &inputs(seed, 5)), nova_hash!(U5, d, &inputs(seed, 5)));
            assert_eq!(hash(domain, &inputs(seed, 6)), nova_hash!(U6, d, &inputs(seed, 6)));
            assert_eq!(hash(domain, &inputs(seed, 7)), nova_hash!(U7, d, &inputs(seed, 7)));
            assert_eq!(hash(domain, &inputs(seed, 8)), nova_hash!(U8, d, &inputs(seed, 8)));
        }
    }
}
