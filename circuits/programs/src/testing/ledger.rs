//! Small ledgers and true statements about them.

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, identity},
    sealed::Sealed,
    tree::{TREE_ARITY, UpperTree, batch_levels},
};
use ff::Field;

use crate::ledger::{
    book::{FedColumn, SumCollector, private_digest},
    inclusion::{INCLUSION_PROTOCOL, IncludedPage, Inclusion, measures},
    page::{CappedEntry, Entry, Page},
    shape::{Family, MEASURES, OPEN_COLUMNS, Shape},
    statement::{
        Asset, Class, Column, ColumnKind, Exchange, Instrument, MEASURE_NAMES, MeasureResult, Policy, Reserves,
        RuleClaims, SnapshotInfo, Statement, first_challenge,
    },
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

/// Classes of the compliance family's test accounts.
const TEST_CLASSES: [u8; 3] = [0, 1, 2];
/// Instruments of its test book.
const TEST_INSTRUMENTS: u16 = 2;
/// The position limit of every class and side; and the width of every collateral tier.
pub const TEST_CAP: u64 = 1_000;

/// Index of the capped column of a class's null, long or short positions in an instrument, or collateral tier of the first
/// asset.
fn capped_columns() -> Vec<ColumnKind> {
    let instrument = |i: u16| format!("F{i:02}");
    let mut kinds: Vec<ColumnKind> = TEST_CLASSES.iter().map(|c| ColumnKind::Null { class: *c }).collect();
    for class in TEST_CLASSES.into_iter().skip(1) {
        for i in 0..TEST_INSTRUMENTS {
            let (class, cap) = (Some(class), Some(TEST_CAP.to_string()));
            kinds.push(ColumnKind::Long { instrument: instrument(i), class, cap: cap.clone() });
            kinds.push(ColumnKind::Short { instrument: instrument(i), class, cap });
        }
        let cap = Some(TEST_CAP.to_string());
        let (asset, table) = ("T00".to_owned(), Some("margin".to_owned()));
        kinds.push(ColumnKind::Collateral { asset, table, percent_bps: 9_500, class: Some(class), cap });
    }
    kinds
}

/// Pages that were cut off after any of them: those of an account without its last page become padding.
pub fn whole_accounts(shape: &Shape, pages: &mut [Page]) {
    let cut = pages.last().is_some_and(|p| p.remaining > 0);
    for page in pages.iter_mut().rev().take_while(|_| cut) {
        let first = page.first;
        *page = Page::padding(shape);
        if first {
            break;
        }
    }
}

/// `accounts` accounts with one to three pages each, padded to whole batches, and in the compliance family to as many as
/// take in all columns.
pub fn test_pages(shape: &Shape, accounts: usize, seed: u64) -> Vec<Page> {
    let mut random = TestRandom(seed);
    let secret = MasterSecret::new([seed as u8; 32]);
    let book = test_book(shape, &to_hex(&F::from(0)));
    let mut pages = Vec::new();
    for a in 0..accounts {
        let name = format!("account {a}");
        let identity = identity(&secret.salt("test", &name), "test", &name);
        let count = if random.below(4) == 0 { 3 } else { 1 };
        let class = match shape.family {
            Family::Solvency => random.below(256),
            Family::Compliance => 1 + random.below(2),
        } as u8;
        let own = pages.len();
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
            let (remaining, capped) = ((count - 1 - k) as u8, Vec::new());
            pages.push(Page { identity, first: k == 0, remaining, class, entries, capped, measures: [0; MEASURES] });
        }
        if shape.capped > 0 {
            give_capped(shape, &book, &mut random, &mut pages[own..]);
        }
    }
    let whole = shape.steps_for(pages.len(), book.columns.len()) * shape.batch();
    pages.resize_with(whole, || Page::padding(shape));
    pages
}

/// Some capped holdings for an account, in order, behind unused entries; and its measures.
fn give_capped(shape: &Shape, book: &Statement, random: &mut TestRandom, pages: &mut [Page]) {
    let class = pages[0].class;
    let own: Vec<(u16, u64)> = book
        .columns
        .iter()
        .filter(|c| !matches!(c.kind, ColumnKind::Null { .. }))
        .filter_map(|c| c.kind.cap().ok().flatten().filter(|(of, _)| *of == class).map(|(_, cap)| (c.index, cap)))
        .collect();
    let room = pages.len() * shape.capped;
    let mut entries: Vec<CappedEntry> = own
        .into_iter()
        .filter_map(|(column, cap)| {
            let quantity = random.below(cap + 1);
            (random.below(3) == 0).then_some(CappedEntry { column, quantity, slack: cap - quantity })
        })
        .take(room)
        .collect();
    let null = CappedEntry::unused(OPEN_COLUMNS + u16::from(class));
    entries.splice(0..0, vec![null; room - entries.len()]);
    for (page, own) in pages.iter_mut().zip(entries.chunks(shape.capped)) {
        page.capped = own.to_vec();
    }
    pages[0].measures = measures(book, pages).expect("test prices are small and all columns listed");
}

/// The inclusion file of the account called `reference` in a statement about `pages`, which were made with `secret`.
///
/// # Panics
/// If the pages have no such account.
pub fn test_inclusion(
    shape: &Shape,
    statement: &Sealed<Statement>,
    pages: &[Page],
    secret: &MasterSecret,
    reference: &str,
) -> Inclusion {
    let snapshot = &statement.snapshot.id;
    let salt = secret.salt(snapshot, reference);
    let own = identity(&salt, snapshot, reference);
    let upper = UpperTree::build(shape.depths, batch_roots(shape, pages));
    let include = |i: usize| {
        let (batch, position) = (i / shape.batch(), i % shape.batch());
        let leaves: Vec<F> = pages[batch * shape.batch()..][..shape.batch()].iter().map(|p| p.leaf()).collect();
        let mut group = position;
        let mut path: Vec<[F; TREE_ARITY]> = Vec::new();
        for level in batch_levels(&leaves).iter().take(shape.depths.batch) {
            group /= TREE_ARITY;
            path.push(std::array::from_fn(|j| level[group * TREE_ARITY + j]));
        }
        path.extend(upper.path(batch));
        IncludedPage::new(i as u64, &pages[i], &path)
    };
    let positions: Vec<usize> = (0..pages.len()).filter(|i| pages[*i].identity == own).collect();
    Inclusion {
        protocol: INCLUSION_PROTOCOL.to_owned(),
        statement_digest: statement.digest().to_string(),
        snapshot: snapshot.clone(),
        account: reference.to_owned(),
        salt: hex::encode(salt),
        class: pages[positions[0]].class,
        pages: positions.into_iter().map(include).collect(),
    }
}

/// The batch roots of whole batches of pages.
pub fn batch_roots(shape: &Shape, pages: &[Page]) -> Vec<F> {
    pages
        .chunks(shape.batch())
        .map(|batch| {
            let leaves: Vec<F> = batch.iter().map(|p| p.leaf()).collect();
            batch_levels(&leaves).swap_remove(shape.depths.batch)[0]
        })
        .collect()
}

/// The columns of a statement about `pages` with their private sums, as the fold takes them in.
///
/// # Panics
/// If the statement breaks a rule of its format.
pub fn test_columns(statement: &Statement, pages: &[Page]) -> Vec<FedColumn> {
    let first = statement.draft_bytes().expect("a statement in canonical form");
    let mut sums = SumCollector::new(first_challenge(&first));
    pages.iter().for_each(|p| sums.add(p));
    let book = statement.book().expect("a book in canonical form");
    sums.finish(&book, |index| F::from(1 + u64::from(index)).pow_vartime([23u64]))
}

/// A true statement about `pages` with enough reserves.
///
/// # Panics
/// If a page holds something in a column that the test book lacks.
pub fn test_statement(shape: &Shape, parameter_digest: &str, pages: &[Page]) -> Statement {
    let mut statement = test_book(shape, parameter_digest);
    let roots = batch_roots(shape, pages);
    statement.steps = roots.len() as u64;
    statement.root = to_hex(&UpperTree::build(shape.depths, roots).root());
    restate(&mut statement, pages);
    statement
}

/// Makes totals, reserves where they are stated, results and the commitment of a statement true of `pages`.
///
/// # Panics
/// If a page holds something in a column that the statement lacks.
pub fn restate(statement: &mut Statement, pages: &[Page]) {
    let mut totals = std::collections::BTreeMap::<u16, u128>::new();
    for page in pages {
        let open = page.entries.iter().map(|e| (e.column, e.quantity));
        for (column, quantity) in open.chain(page.capped.iter().map(|e| (e.column, e.quantity))) {
            *totals.entry(column).or_default() += u128::from(quantity);
        }
    }
    for column in &mut statement.columns {
        column.total = totals.get(&column.index).copied().unwrap_or(0).to_string();
    }
    let stated = statement.reserves.lines > 0;
    for i in (0..statement.assets.len()).filter(|_| stated) {
        statement.assets[i].reserves = statement.customer_assets(&statement.assets[i].symbol).to_string();
    }
    if let Some(rules) = &mut statement.rules {
        for (m, result) in rules.results.iter_mut().enumerate() {
            let (mut positive, mut negative, mut below) = (0u128, 0u128, 0);
            for value in pages.iter().map(|p| p.measures[m]) {
                let sum = if value < 0 { &mut negative } else { &mut positive };
                *sum += value.unsigned_abs();
                below += u64::from(value < 0);
            }
            (result.positive, result.negative, result.below) = (positive.to_string(), negative.to_string(), below);
        }
        let below = rules.results[1].below;
        statement.policy.below_margin_max = Some(below);
    }
    recommit(statement, pages);
}

/// Makes the commitment to the private sums that of `pages`, after anything else in the statement was changed.
///
/// # Panics
/// If the statement breaks a rule of its format.
pub fn recommit(statement: &mut Statement, pages: &[Page]) {
    if statement.rules.is_some() {
        let digest = to_hex(&private_digest(&test_columns(statement, pages)));
        statement.rules.iter_mut().for_each(|rules| rules.private = Some(digest.clone()));
    }
}

/// A statement about nothing: the test book, totals of 0.
fn test_book(shape: &Shape, parameter_digest: &str) -> Statement {
    let symbol = |i: u16| format!("T{i:02}");
    let open = (0..TEST_COLUMNS).map(|c| {
        let asset = symbol(c / 2);
        (c, if c % 2 == 0 { ColumnKind::Asset { asset } } else { ColumnKind::Debt { asset } })
    });
    let capped = capped_columns().into_iter().zip(OPEN_COLUMNS..).map(|(kind, index)| (index, kind));
    let compliance = shape.family == Family::Compliance;
    let capped = capped.filter(|_| compliance);
    let result =
        |m: &str| MeasureResult { measure: m.to_owned(), positive: "0".to_owned(), negative: "0".to_owned(), below: 0 };
    let rules = compliance.then(|| RuleClaims {
        instruments: (0..TEST_INSTRUMENTS)
            .map(|i| Instrument {
                symbol: format!("F{i:02}"),
                contract_size: "0.5".to_owned(),
                mark_price: format!("{}", 1_000 + i),
                maintenance_margin_bps: 500,
            })
            .collect(),
        classes: TEST_CLASSES
            .map(|class| Class {
                class,
                name: format!("class {class}"),
                kyc_level: String::new(),
                jurisdiction: String::new(),
            })
            .to_vec(),
        results: MEASURE_NAMES.map(result).to_vec(),
        private: None,
    });
    Statement {
        protocol: shape.family.protocol().to_owned(),
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
                reserves: "0".to_owned(),
            })
            .collect(),
        columns: open.chain(capped).map(|(index, kind)| Column { index, kind, total: "0".to_owned() }).collect(),
        reserves: Reserves { root: "5a".repeat(32), lines: 10 },
        policy: Policy {
            coverage_bps: Some(10_000),
            coverage_basis: None,
            below_margin_max: rules.as_ref().map(|_| 0),
            equity_ratio_bps: rules.as_ref().map(|_| 10_000),
        },
        root: to_hex(&F::from(0)),
        steps: 1,
        not_proven: shape.family.not_proven().iter().map(|sentence| (*sentence).to_owned()).collect(),
        rules,
    }
}
