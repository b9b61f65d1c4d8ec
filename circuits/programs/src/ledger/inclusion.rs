//! A customer's own evidence: their pages, and the path of each to the attested root.

use assay_core::{
    Error,
    check::Checks,
    decimal::parse_count,
    field::{F, from_hex, to_hex},
    identity::{SECRET_BYTES, identity, shard_of},
    sealed::Sealed,
    tree::{TREE_ARITY, node},
};
use ff::Field;
use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::{
    page::{CappedEntry, Entry, Page},
    shape::{MAX_PAGES_PER_ACCOUNT, MEASURE_BITS, MEASURES, OPEN_COLUMNS, Shape},
    spec::INCLUSION_CHECKS,
    statement::{Class, ColumnKind, Shard, Statement, StatementLabel},
};

/// Name and version of the format.
pub const INCLUSION_PROTOCOL: &str = "assay/inclusion/1";
/// Largest inclusion file that is read, in bytes: 256 pages with their paths fit twice.
pub const MAX_INCLUSION_BYTES: usize = 4 << 20;

/// What a customer is handed. Their own: it holds their account reference, their salt and all their balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// [`INCLUSION_PROTOCOL`].
    pub protocol: String,
    /// SHA-256 of the statement's canonical bytes, 64 hexadecimal digits.
    pub statement_digest: String,
    /// The snapshot's id.
    pub snapshot: String,
    /// The exchange's reference of the account.
    pub account: String,
    /// The account's salt in this snapshot, 64 hexadecimal digits.
    pub salt: String,
    /// The account's class.
    pub class: u8,
    /// The shard that the account lies in, from 0.
    pub shard: u32,
    /// All pages of the account, in order.
    pub pages: Vec<IncludedPage>,
    /// The proof that the statement is in a transparency log (C2SP tlog-proof), where the service has one. Public, and checked apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// One page with its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncludedPage {
    /// Position in the shard's tree, from 0.
    pub index: u64,
    /// The page's open entries, as many as the shape has.
    pub entries: Vec<IncludedEntry>,
    /// The page's capped entries, as many as the shape has; what is left up to each cap follows from the statement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capped: Vec<IncludedEntry>,
    /// Per level from the leaf up, the seven siblings from left to right, 64 hexadecimal digits each.
    pub path: Vec<Vec<String>>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncludedEntry {
    /// Index of the column.
    pub column: u16,
    /// Quantity in the column's smallest units, a decimal integer.
    pub quantity: String,
}

/// What a customer holds of one asset or instrument, summed over their pages and over its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Symbol of the asset or instrument.
    pub asset: String,
    /// What it is.
    pub kind: HoldingKind,
    /// Quantity in smallest units, or contracts.
    pub units: u128,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// The position limit of the account's class, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Which way something is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldingKind {
    /// The exchange owes it to the customer.
    Asset,
    /// The customer owes it to the exchange.
    Debt,
    /// Contracts bought.
    Long,
    /// Contracts sold.
    Short,
}

/// What checking an inclusion found.
#[derive(Debug, Clone)]
pub struct InclusionReport {
    /// Whose file it is, by its own word; only the owner knows whether this is their reference.
    pub account: String,
    /// The checks, in order; after a failed one, those that need it are left out.
    pub checks: Checks,
    /// What the account holds; empty unless everything holds.
    pub holdings: Vec<Holding>,
    /// The account's measures in the order of [`super::statement::MEASURE_NAMES`], recomputed from the public weights, in
    /// units of 10^-`value_decimals` of the quote currency; only in the compliance family, and only if everything holds.
    pub measures: Option<[i128; MEASURES]>,
    /// Decimals of the measures.
    pub value_decimals: u8,
    /// Currency of the measures.
    pub quote: String,
    /// The class that the account is held to; only if everything holds.
    pub class: Option<OwnClass>,
    /// The statement that the file was checked against; only if the file was made for it.
    pub statement: Option<StatementLabel>,
    /// The file's proof of logging, unchecked; only if the file was made for this statement.
    pub log: Option<String>,
}

/// The class of an account, with the position limits that it is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnClass {
    /// Its number.
    pub class: u8,
    /// What the exchange calls it; empty where it does not say.
    pub name: String,
    /// Level of identification; may be empty.
    pub kyc_level: String,
    /// Jurisdiction; may be empty.
    pub jurisdiction: String,
    /// Its limits, in the order of the statement.
    pub limits: Vec<OwnLimit>,
}

/// The largest position of one side that an account of a class may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnLimit {
    /// The instrument.
    pub instrument: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// In contracts.
    pub limit: u64,
}

impl OwnClass {
    fn of(statement: &Statement, class: u8) -> Self {
        let stated = statement.rules.iter().flat_map(|rules| &rules.classes).find(|stated| stated.class == class);
        let text = |field: fn(&Class) -> &String| stated.map_or_else(String::new, |stated| field(stated).clone());
        let own = statement.limits().into_iter().filter(|(of, ..)| *of == class);
        Self {
            class,
            name: text(|stated| &stated.name),
            kyc_level: text(|stated| &stated.kyc_level),
            jurisdiction: text(|stated| &stated.jurisdiction),
            limits: own
                .map(|(_, instrument, side, limit)| OwnLimit { instrument: instrument.to_owned(), side, limit })
                .collect(),
        }
    }
}

impl InclusionReport {
    /// Whether every check was made and holds.
    pub fn is_valid(&self) -> bool {
        self.checks.len() == INCLUSION_CHECKS.len() && self.checks.all_passed()
    }
}

impl IncludedPage {
    /// A page as the planner made it, at `index`, with the children at each level of its path.
    pub fn new(index: u64, page: &Page, path: &[[F; TREE_ARITY]]) -> Self {
        let mut position = index as usize;
        let path = path
            .iter()
            .map(|children| {
                let own = position % TREE_ARITY;
                position /= TREE_ARITY;
                children.iter().enumerate().filter(|(j, _)| *j != own).map(|(_, c)| to_hex(c)).collect()
            })
            .collect();
        let entry = |e: &Entry| IncludedEntry { column: e.column, quantity: e.quantity.to_string() };
        let capped = page.capped.iter().map(|e| entry(&Entry { column: e.column, quantity: e.quantity })).collect();
        Self { index, entries: page.entries.iter().map(entry).collect(), capped, path }
    }
}

/// Root that `leaf` at `index` has with the given siblings.
///
/// # Errors
/// [`Error::Malformed`] unless there are `depth` levels of seven canonical elements each, and `index` is below 8^depth.
pub fn path_root(leaf: F, index: u64, path: &[Vec<String>], depth: usize) -> Result<F, Error> {
    let levels = children_along(leaf, index, path, depth)?;
    Ok(levels.last().map_or(leaf, |(_, children)| node(children)))
}

/// From the leaf up, the eight children of each node on the path of `leaf` at `index`, and which of them is on the path.
///
/// # Errors
/// [`Error::Malformed`] unless there are `depth` levels of seven canonical elements each, and `index` is below 8^depth.
pub(crate) fn children_along(
    leaf: F,
    index: u64,
    path: &[Vec<String>],
    depth: usize,
) -> Result<Vec<(usize, [F; TREE_ARITY])>, Error> {
    if path.len() != depth {
        return Err(Error::Malformed(format!("the path has {} levels, this tree has {depth}", path.len())));
    }
    let mut position = usize::try_from(index).map_err(|_| Error::Malformed(format!("position {index}")))?;
    let mut value = leaf;
    let mut levels = Vec::with_capacity(depth);
    for (level, siblings) in path.iter().enumerate() {
        if siblings.len() != TREE_ARITY - 1 {
            return Err(Error::Malformed(format!("level {level} of the path has {} siblings, not 7", siblings.len())));
        }
        let own = position % TREE_ARITY;
        let mut children = [value; TREE_ARITY];
        let others = (0..TREE_ARITY).filter(|j| *j != own);
        for (j, text) in others.zip(siblings) {
            children[j] = from_hex(text)?;
        }
        position /= TREE_ARITY;
        value = node(&children);
        levels.push((own, children));
    }
    if position != 0 {
        return Err(Error::Malformed(format!("position {index} is beyond the tree's capacity")));
    }
    Ok(levels)
}

/// The first page of an inclusion file's account, once the file was checked against the statement.
///
/// # Errors
/// [`Error::Malformed`] with the first thing that does not hold.
#[cfg(feature = "proof")]
pub(crate) fn first_page(
    statement: &Sealed<Statement>,
    file: &[u8],
) -> Result<(&'static Shape, Page, IncludedPage), Error> {
    let (shape, inclusion) = read(statement, file, None)?;
    let mut pages = rebuild(statement, shape, &inclusion)?;
    included(own_shard(statement, &inclusion, &pages)?, shape, &inclusion, &pages)?;
    Ok((shape, pages.swap_remove(0), inclusion.pages[0].clone()))
}

/// Checks a customer's inclusion file against a statement, which was read or could not be. Whether the statement is proved
/// is another question: `verify` answers it.
///
/// `expected` is the account reference as its owner knows it. It matters: an exchange that hands one file to two customers
/// with equal balances owes only one of them, and the reference in the file is all that tells them apart.
pub fn verify_inclusion(
    statement: Result<&Sealed<Statement>, &Error>,
    file: &[u8],
    expected: Option<&str>,
) -> InclusionReport {
    let mut report = InclusionReport {
        account: String::new(),
        checks: Checks::default(),
        holdings: Vec::new(),
        measures: None,
        value_decimals: 0,
        quote: String::new(),
        class: None,
        statement: None,
        log: None,
    };
    verify_into(&mut report, statement, file, expected);
    report
}

/// [`verify_inclusion`]; ends at the first check that later ones need. `None` says only that it ended early.
fn verify_into(
    report: &mut InclusionReport,
    statement: Result<&Sealed<Statement>, &Error>,
    file: &[u8],
    expected: Option<&str>,
) -> Option<()> {
    let checks = &mut report.checks;
    let read = statement.map_err(Clone::clone).and_then(|statement| {
        let (shape, inclusion) = read(statement, file, expected)?;
        Ok((statement, shape, inclusion))
    });
    let (statement, shape, inclusion) =
        checks.step("inclusion-file", "the file is complete and was made for this statement", read, |(s, _, i)| {
            format!("{} in {}", i.account, s.snapshot.id)
        })?;
    report.statement = Some(StatementLabel::of(statement));
    report.log = inclusion.log.clone();
    let pages = checks.step(
        "inclusion-pages",
        "the pages are the account's, complete and in order",
        rebuild(statement, shape, &inclusion),
        |pages| format!("{} pages", pages.len()),
    )?;
    let shard = checks.step(
        "inclusion-shard",
        "the account lies in the shard that its identity belongs to",
        own_shard(statement, &inclusion, &pages),
        |_| format!("{} of {}", inclusion.shard, statement.shards.len()),
    )?;
    let holdings = checks.step(
        "inclusion-columns",
        "everything held is a column of the statement",
        holdings(statement, &pages),
        |holdings| format!("{} columns", holdings.len()),
    );
    let included = checks.step(
        "inclusion-root",
        "every page is a leaf under the shard's root, at its position",
        included(shard, shape, &inclusion, &pages),
        |()| shard.root.clone(),
    );
    if let (Some(holdings), Some(())) = (holdings, included) {
        report.holdings = holdings;
        report.measures = (shape.measures > 0).then_some(pages[0].measures);
        report.value_decimals = statement.value_decimals();
        report.quote = statement.assets[0].quote.clone();
        report.class = Some(OwnClass::of(statement, inclusion.class));
    }
    report.account = inclusion.account;
    Some(())
}

fn read(
    statement: &Sealed<Statement>,
    file: &[u8],
    expected: Option<&str>,
) -> Result<(&'static Shape, Inclusion), Error> {
    let shape = statement.shape()?;
    if file.len() > MAX_INCLUSION_BYTES {
        return Err(Error::Malformed(format!("the file has more than {MAX_INCLUSION_BYTES} bytes")));
    }
    let inclusion: Inclusion =
        serde_json::from_slice(file).map_err(|e| Error::Malformed(format!("the file cannot be read: {e}")))?;
    if inclusion.protocol != INCLUSION_PROTOCOL {
        return Err(Error::Malformed(format!("its format is `{}`, not `{INCLUSION_PROTOCOL}`", inclusion.protocol)));
    }
    if inclusion.statement_digest != statement.digest().to_string() {
        return Err(Error::Malformed("it was made for another statement".to_owned()));
    }
    if inclusion.snapshot != statement.snapshot.id {
        return Err(Error::Malformed(format!("it is of snapshot {}", inclusion.snapshot)));
    }
    if inclusion.account.is_empty() || inclusion.account.chars().any(char::is_control) {
        return Err(Error::Malformed("the account reference is empty or holds control characters".to_owned()));
    }
    if let Some(expected) = expected.filter(|e| *e != inclusion.account) {
        return Err(Error::Malformed(format!("it is the file of account {}, not of {expected}", inclusion.account)));
    }
    Ok((shape, inclusion))
}

/// The pages as the tree must hold them: the identity from account and salt, `first` and `remaining` from the order.
fn rebuild(statement: &Statement, shape: &Shape, inclusion: &Inclusion) -> Result<Vec<Page>, Error> {
    let count = inclusion.pages.len();
    if count == 0 || count > MAX_PAGES_PER_ACCOUNT {
        return Err(Error::Malformed(format!(
            "an account has 1 to {MAX_PAGES_PER_ACCOUNT} pages, the file lists {count}"
        )));
    }
    let mut salt = [0u8; SECRET_BYTES];
    hex::decode_to_slice(&inclusion.salt, &mut salt)
        .map_err(|_| Error::Malformed("the salt is not 64 hexadecimal digits".to_owned()))?;
    let identity = identity(&salt, statement.scope(), &inclusion.account);
    if identity == F::ZERO {
        return Err(Error::Malformed("the identity is that of padding".to_owned()));
    }
    let mut pages = Vec::with_capacity(count);
    for (k, included) in inclusion.pages.iter().enumerate() {
        if k > 0 && included.index != inclusion.pages[k - 1].index.saturating_add(1) {
            return Err(Error::Malformed(format!("page {} does not follow page {k} in the tree", k + 1)));
        }
        if included.entries.len() != shape.entries() {
            return Err(Error::Malformed(format!(
                "page {} has {} entries, a page of {} has {}",
                k + 1,
                included.entries.len(),
                shape.name,
                shape.entries()
            )));
        }
        if included.capped.len() != shape.capped {
            return Err(Error::Malformed(format!("page {} has {} capped entries", k + 1, included.capped.len())));
        }
        let entries = included.entries.iter().map(parse_entry).collect::<Result<_, _>>()?;
        let capped = included.capped.iter().map(|e| parse_capped(statement, inclusion.class, e));
        let capped = capped.collect::<Result<_, _>>()?;
        let remaining = (count - 1 - k) as u8;
        let measures = [0; MEASURES];
        pages.push(Page { identity, first: k == 0, remaining, class: inclusion.class, entries, capped, measures });
    }
    if shape.measures > 0 {
        pages[0].measures = measures(statement, &pages)?;
    }
    Ok(pages)
}

/// What the public weights make of an account's pages, in [`Statement::value_decimals`] of the quote currency.
///
/// # Errors
/// [`Error::Malformed`] for an unlisted column, [`Error::OutOfBounds`] for a value of 2^96 or more in magnitude.
pub fn measures(statement: &Statement, pages: &[Page]) -> Result<[i128; MEASURES], Error> {
    let weigher = statement.weigher();
    let mut sums: [BigInt; MEASURES] = Default::default();
    let open = pages.iter().flat_map(|p| &p.entries).map(|e| (e.column, e.quantity));
    let capped = pages.iter().flat_map(|p| &p.capped).map(|e| (e.column, e.quantity));
    for (column, quantity) in open.chain(capped).filter(|(_, quantity)| *quantity > 0) {
        let listed = statement.column(column).ok_or_else(|| unlisted(column))?;
        for (sum, weight) in sums.iter_mut().zip(weigher.weights(&listed.kind)?) {
            *sum += BigInt::from(weight) * quantity;
        }
    }
    let mut measures = [0; MEASURES];
    for (measure, sum) in measures.iter_mut().zip(sums) {
        let bounded = i128::try_from(&sum).ok().filter(|m| m.unsigned_abs() >> MEASURE_BITS == 0);
        *measure = bounded.ok_or_else(|| {
            let decimals = statement.value_decimals();
            Error::OutOfBounds(format!(
                "an account's value of {sum} units of 10^-{decimals} does not fit {MEASURE_BITS} bits"
            ))
        })?;
    }
    Ok(measures)
}

fn unlisted(column: u16) -> Error {
    Error::Malformed(format!("column {column} is not in the statement"))
}

fn parse_quantity(entry: &IncludedEntry) -> Result<u64, Error> {
    let quantity = parse_count(&entry.quantity)?;
    u64::try_from(quantity).map_err(|_| Error::Malformed(format!("quantity {} does not fit 64 bits", entry.quantity)))
}

/// A capped entry with what is left up to its cap; its column must be of the account's class.
fn parse_capped(statement: &Statement, class: u8, entry: &IncludedEntry) -> Result<CappedEntry, Error> {
    let quantity = parse_quantity(entry)?;
    let listed = statement.column(entry.column).ok_or_else(|| unlisted(entry.column))?;
    let Some((_, cap)) = listed.kind.cap()?.filter(|(of, _)| *of == class) else {
        return Err(Error::Malformed(format!("column {} is not one of class {class}", entry.column)));
    };
    let slack = cap.checked_sub(quantity).ok_or_else(|| {
        Error::Malformed(format!("quantity {quantity} is above the limit {cap} of column {}", entry.column))
    })?;
    Ok(CappedEntry { column: entry.column, quantity, slack })
}

fn parse_entry(entry: &IncludedEntry) -> Result<Entry, Error> {
    let quantity = parse_quantity(entry)?;
    if entry.column >= OPEN_COLUMNS {
        return Err(Error::Malformed(format!("{} is not an open column", entry.column)));
    }
    Ok(Entry { column: entry.column, quantity })
}

fn holdings(statement: &Statement, pages: &[Page]) -> Result<Vec<Holding>, Error> {
    let mut holdings: Vec<Holding> = Vec::new();
    let open = pages.iter().flat_map(|p| &p.entries).map(|e| (e.column, e.quantity));
    let capped = pages.iter().flat_map(|p| &p.capped).map(|e| (e.column, e.quantity));
    let mut held: Vec<(u16, u64)> = open.chain(capped).filter(|(_, quantity)| *quantity > 0).collect();
    held.sort_unstable();
    for (column, quantity) in held {
        let units = u128::from(quantity);
        let kind = &statement.column(column).ok_or_else(|| unlisted(column))?.kind;
        let (symbol, own) = match kind {
            ColumnKind::Asset { asset } | ColumnKind::Collateral { asset, .. } => (asset, HoldingKind::Asset),
            ColumnKind::Debt { asset } => (asset, HoldingKind::Debt),
            ColumnKind::Long { instrument, .. } => (instrument, HoldingKind::Long),
            ColumnKind::Short { instrument, .. } => (instrument, HoldingKind::Short),
            ColumnKind::Null { .. } => return Err(Error::Malformed("something is held of a null column".to_owned())),
            ColumnKind::Cover => return Err(Error::Malformed("something is held of a cover column".to_owned())),
        };
        if let Some(holding) = holdings.iter_mut().find(|h| h.kind == own && h.asset == *symbol) {
            holding.units += units;
            continue;
        }
        let scale = statement.assets.iter().find(|a| kind.asset() == Some(&a.symbol)).map_or(0, |a| a.scale);
        let limit = kind.instrument().and(kind.cap()?).map(|(_, cap)| cap);
        holdings.push(Holding { asset: symbol.clone(), kind: own, units, scale, limit });
    }
    Ok(holdings)
}

/// The shard that the file names, which must be the one that the identity belongs to: elsewhere in the statement a second
/// set of pages may stand under the same identity.
fn own_shard<'a>(statement: &'a Statement, inclusion: &Inclusion, pages: &[Page]) -> Result<&'a Shard, Error> {
    let count = statement.shard_count();
    let own = shard_of(&pages[0].identity, count);
    if own != u64::from(inclusion.shard) {
        return Err(Error::Malformed(format!(
            "the file is of shard {}; the account belongs in shard {own} of {count}",
            inclusion.shard
        )));
    }
    let missing = || Error::Malformed(format!("the statement has no shard {own}"));
    statement.shards.get(inclusion.shard as usize).ok_or_else(missing)
}

fn included(shard: &Shard, shape: &Shape, inclusion: &Inclusion, pages: &[Page]) -> Result<(), Error> {
    let root = from_hex(&shard.root)?;
    for (k, (page, included)) in pages.iter().zip(&inclusion.pages).enumerate() {
        if path_root(page.leaf(), included.index, &included.path, shape.depth())? != root {
            return Err(Error::Malformed(format!("page {} is not under the shard's root", k + 1)));
        }
    }
    Ok(())
}
