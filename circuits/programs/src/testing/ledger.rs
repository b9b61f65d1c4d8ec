//! Small ledgers and true statements about them.

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, Scope, identity, shard_of},
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
        Asset, COVER_COLUMNS, Class, Column, ColumnKind, Exchange, Instrument, MEASURE_NAMES, MeasureResult, Policy,
        Reserves, RuleClaims, Shard, ShardClaims, SnapshotInfo, Statement, first_challenge,
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

/// What the identities of test accounts are made from.
pub const TEST_SCOPE: Scope<'static> = Scope { domain: "exchange.example", series: "test" };
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
    test_pages_in(TEST_SCOPE, shape, accounts, seed)
}

/// [`test_pages`] of another exchange or series.
pub fn test_pages_in(scope: Scope<'_>, shape: &Shape, accounts: usize, seed: u64) -> Vec<Page> {
    let mut random = TestRandom(seed);
    let secret = MasterSecret::new([seed as u8; 32]);
    let book = test_book(shape, &to_hex(&F::from(0)), 1);
    let mut pages = Vec::new();
    for a in 0..accounts {
        let name = format!("account {a}");
        let identity = identity(&secret.salt(scope, &name), scope, &name);
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

/// The inclusion file of the account called `reference` in a statement about `pages`, its shard, which were made with
/// `secret`.
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
    let salt = secret.salt(statement.scope(), reference);
    let own = identity(&salt, statement.scope(), reference);
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
        snapshot: statement.snapshot.id.clone(),
        account: reference.to_owned(),
        salt: hex::encode(salt),
        class: pages[positions[0]].class,
        shard: shard_of(&own, statement.shard_count()) as u32,
        pages: positions.into_iter().map(include).collect(),
        log: None,
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

/// The columns of a statement about the one shard `pages` with their private sums, as the fold takes them in.
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

/// A true statement about `pages`, in one shard, with enough reserves.
///
/// # Panics
/// If a page holds something in a column that the test book lacks.
pub fn test_statement(shape: &Shape, parameter_digest: &str, pages: &[Page]) -> Statement {
    sharded_statement(shape, parameter_digest, &[pages])
}

/// A true statement about shards with these pages, with enough reserves.
///
/// # Panics
/// If a page holds something in a column that the test book lacks.
pub fn sharded_statement(shape: &Shape, parameter_digest: &str, shards: &[&[Page]]) -> Statement {
    let mut statement = test_book(shape, parameter_digest, shards.len());
    for (own, pages) in statement.shards.iter_mut().zip(shards) {
        let roots = batch_roots(shape, pages);
        own.steps = roots.len() as u64;
        own.root = to_hex(&UpperTree::build(shape.depths, roots).root());
    }
    restate_shards(&mut statement, shards);
    statement
}

/// [`test_pages`] divided into shards, each with a cover of its own among its accounts and padded to whole batches.
pub fn test_shards(shape: &Shape, accounts: usize, shards: u32, seed: u64) -> Vec<Vec<Page>> {
    let mut own: Vec<Vec<Page>> = (0..shards).map(|_| Vec::new()).collect();
    for page in test_pages(shape, accounts, seed).into_iter().filter(|page| page.identity != F::ZERO) {
        own[shard_of(&page.identity, shards) as usize].push(page);
    }
    let book = test_book(shape, &to_hex(&F::ZERO), shards as usize);
    let covers = book.columns.iter().filter(|c| c.kind == ColumnKind::Cover);
    let covers: Vec<u16> = covers.map(|c| c.index).collect();
    let secret = MasterSecret::new([seed as u8; 32]);
    for (s, pages) in own.iter_mut().enumerate() {
        if shards > 1 {
            let (identity, quantities) = secret.cover::<COVER_COLUMNS>(&[seed as u8; 32], s as u32, shards);
            let entries: Vec<Entry> =
                covers.iter().zip(quantities).map(|(column, quantity)| Entry { column: *column, quantity }).collect();
            let count = entries.len().div_ceil(shape.entries());
            pages.extend(entries.chunks(shape.entries()).enumerate().map(|(k, entries)| Page {
                identity,
                remaining: (count - 1 - k) as u8,
                first: k == 0,
                entries: entries.to_vec(),
                ..Page::padding(shape)
            }));
        }
        // a plan orders them so
        pages.sort_by_key(|page| page.identity);
        let whole = shape.steps_for(pages.len(), book.columns.len()) * shape.batch();
        pages.resize_with(whole, || Page::padding(shape));
    }
    own
}

/// Makes totals, reserves where they are stated, results and the commitment of a statement with one shard true of `pages`.
///
/// # Panics
/// If a page holds something in a column that the statement lacks.
pub fn restate(statement: &mut Statement, pages: &[Page]) {
    restate_shards(statement, &[pages]);
}

/// [`restate`] for all shards.
///
/// # Panics
/// If a page holds something in a column that the statement lacks.
pub fn restate_shards(statement: &mut Statement, shards: &[&[Page]]) {
    let mut totals = std::collections::BTreeMap::<u16, u128>::new();
    for page in shards.iter().copied().flatten() {
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
        for (own, pages) in statement.shards.iter_mut().zip(shards) {
            own.rules = Some(ShardClaims { results: results_of(pages), private: None });
        }
        let all: Vec<Page> = shards.iter().copied().flatten().cloned().collect();
        rules.results = results_of(&all);
        statement.policy.below_margin_max = Some(rules.results[1].below);
    }
    recommit_shards(statement, shards);
}

/// The results of the measures over `pages`.
fn results_of(pages: &[Page]) -> Vec<MeasureResult> {
    let result = |(m, measure): (usize, &&str)| {
        let (mut positive, mut negative, mut below) = (0u128, 0u128, 0);
        for value in pages.iter().map(|p| p.measures[m]) {
            let sum = if value < 0 { &mut negative } else { &mut positive };
            *sum += value.unsigned_abs();
            below += u64::from(value < 0);
        }
        let (positive, negative) = (positive.to_string(), negative.to_string());
        MeasureResult { measure: (*measure).to_owned(), positive, negative, below }
    };
    MEASURE_NAMES.iter().enumerate().map(result).collect()
}

/// Makes the commitment to the private sums that of `pages`, after anything else in a statement with one shard was changed.
///
/// # Panics
/// If the statement breaks a rule of its format.
pub fn recommit(statement: &mut Statement, pages: &[Page]) {
    recommit_shards(statement, &[pages]);
}

/// [`recommit`] for all shards.
///
/// # Panics
/// If the statement breaks a rule of its format.
pub fn recommit_shards(statement: &mut Statement, shards: &[&[Page]]) {
    if statement.rules.is_none() {
        return;
    }
    let digests: Vec<String> =
        shards.iter().map(|pages| to_hex(&private_digest(&test_columns(statement, pages)))).collect();
    for (own, digest) in statement.shards.iter_mut().zip(digests) {
        own.rules.iter_mut().for_each(|rules| rules.private = Some(digest.clone()));
    }
}

/// A statement about nothing: the test book, totals of 0.
fn test_book(shape: &Shape, parameter_digest: &str, shards: usize) -> Statement {
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
        value_decimals: None,
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
    });
    let covers = if shards > 1 { COVER_COLUMNS as u16 } else { 0 };
    let covers = (TEST_COLUMNS..TEST_COLUMNS + covers).map(|index| (index, ColumnKind::Cover));
    let shard = Shard {
        root: to_hex(&F::ZERO),
        steps: 1,
        rules: compliance.then(|| ShardClaims { results: MEASURE_NAMES.map(result).to_vec(), private: None }),
    };
    Statement {
        protocol: shape.family.protocol().to_owned(),
        shape: shape.name.to_owned(),
        parameter_digest: parameter_digest.to_owned(),
        exchange: Exchange { name: "Test Exchange".to_owned(), domain: TEST_SCOPE.domain.to_owned(), lei: None },
        snapshot: SnapshotInfo {
            id: "test".to_owned(),
            series: TEST_SCOPE.series.to_owned(),
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
        columns: open
            .chain(covers)
            .chain(capped)
            .map(|(index, kind)| Column { index, kind, total: "0".to_owned() })
            .collect(),
        reserves: Reserves { root: "5a".repeat(32), lines: 10, evidence: None },
        policy: Policy {
            coverage_bps: Some(10_000),
            coverage_basis: None,
            below_margin_max: rules.as_ref().map(|_| 0),
            equity_ratio_bps: rules.as_ref().map(|_| 10_000),
            owned_bps: None,
        },
        shards: vec![shard; shards],
        not_proven: shape.family.not_proven().iter().map(|sentence| (*sentence).to_owned()).collect(),
        rules,
    }
}
