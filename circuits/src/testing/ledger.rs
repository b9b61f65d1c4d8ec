//! Small ledgers and true statements about them.

use crate::{
    field::{F, to_hex},
    identity::{MasterSecret, identity},
    page::{Entry, Page},
    shape::Shape,
    statement::{Asset, Column, ColumnKind, Exchange, NOT_PROVEN, PROTOCOL, Policy, Reserves, SnapshotInfo, Statement},
    tree::{UpperTree, batch_levels},
};

/// A generator of test values (SplitMix64): the same on every machine, and of no cryptographic use.
#[derive(Debug, Clone)]
pub struct TestRandom(pub u64);

impl TestRandom {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

/// Columns of the test book: assets at even, debts at odd indices.
pub const TEST_COLUMNS: u16 = 20;

/// `accounts` accounts with one to three pages each, padded to whole batches.
pub fn test_pages(shape: &Shape, accounts: usize, seed: u64) -> Vec<Page> {
    let mut random = TestRandom(seed);
    let secret = MasterSecret::new([seed as u8; 32]);
    let mut pages = Vec::new();
    for a in 0..accounts {
        let name = format!("account {a}");
        let identity = identity(&secret.salt("test", &name), "test", &name);
        let count = if random.below(4) == 0 { 3 } else { 1 };
        let class = random.below(256) as u8;
        for k in 0..count {
            let entries = (0..shape.entries())
                .map(|_| {
                    let debt = u16::from(random.below(10) == 0);
                    let column = 2 * random.below(u64::from(TEST_COLUMNS / 2)) as u16 + debt;
                    // debts are small, so that no asset's net is negative
                    let quantity = random.next_u64() >> (if debt == 1 { 44 } else { random.below(20) });
                    Entry { column, quantity }
                })
                .collect();
            pages.push(Page { identity, first: k == 0, remaining: (count - 1 - k) as u8, class, entries });
        }
    }
    let whole = pages.len().max(1).next_multiple_of(shape.batch());
    pages.resize_with(whole, || Page::padding(shape));
    pages
}

/// The batch roots of whole batches of pages.
pub fn batch_roots(shape: &Shape, pages: &[Page]) -> Vec<F> {
    pages
        .chunks(shape.batch())
        .map(|batch| {
            let leaves: Vec<F> = batch.iter().map(|p| p.leaf(shape)).collect();
            batch_levels(&leaves).swap_remove(shape.batch_depth)[0]
        })
        .collect()
}

/// A true statement about `pages` with enough reserves.
pub fn test_statement(shape: &Shape, parameter_digest: &str, pages: &[Page]) -> Statement {
    let mut totals = vec![0u128; usize::from(TEST_COLUMNS)];
    for entry in pages.iter().flat_map(|p| &p.entries) {
        totals[usize::from(entry.column)] += u128::from(entry.quantity);
    }
    let roots = batch_roots(shape, pages);
    let steps = roots.len() as u64;
    let symbol = |i: u16| format!("T{i:02}");
    Statement {
        protocol: PROTOCOL.to_owned(),
        shape: shape.name.to_owned(),
        parameter_digest: parameter_digest.to_owned(),
        exchange: Exchange { name: "Test Exchange".to_owned(), domain: "exchange.example".to_owned(), lei: None },
        snapshot: SnapshotInfo {
            id: "test".to_owned(),
            taken_at: "2026-01-01T00:00:00Z".to_owned(),
            block_heights: [("bitcoin".to_owned(), 900_000)].into(),
        },
        assets: (0..TEST_COLUMNS / 2)
            .map(|i| Asset {
                symbol: symbol(i),
                scale: 8,
                price: Some("1.5".to_owned()),
                quote: "USDT".to_owned(),
                reserves: totals[usize::from(2 * i)].to_string(),
            })
            .collect(),
        columns: (0..TEST_COLUMNS)
            .map(|c| Column {
                index: c,
                kind: if c % 2 == 0 { ColumnKind::Asset } else { ColumnKind::Debt },
                asset: symbol(c / 2),
                total: totals[usize::from(c)].to_string(),
            })
            .collect(),
        reserves: Reserves { root: "5a".repeat(32), lines: 10 },
        policy: Policy { coverage_bps: Some(10_000) },
        root: to_hex(&UpperTree::build(shape, roots).root()),
        steps,
        not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
    }
}
