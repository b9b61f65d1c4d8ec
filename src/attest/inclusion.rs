//! One customer's inclusion file, made from the private part of an attestation in milliseconds: the account's identity
//! leads to its pages, a page's batch is hashed again, and the upper tree comes from the stored batch roots.

use std::path::Path;

use assay_circuits::{
    field::{F, to_hex},
    identity::identity,
    inclusion::{INCLUSION_PROTOCOL, IncludedPage, Inclusion, verify_inclusion},
    shape::{Shape, TREE_ARITY},
    statement::{MAX_STATEMENT_BYTES, Statement},
    tree::{UpperTree, batch_levels},
};
use assay_verifier::attestation::{STATEMENT_FILE, read_bounded};

use super::{
    AttestError, Home,
    files::{BATCH_ROOTS_FILE, PAGES_FILE, PRIVATE_DIR, PagesFile, SECRET_REFERENCE_FILE, read_batch_roots},
    prove::SecretReference,
};

/// The inclusion file of `account`, as JSON. It has been checked against the statement before it is returned.
///
/// # Errors
/// [`AttestError::Usage`] if the attestation has no such account, [`AttestError::NotValid`] if it was made with another
/// master secret or is damaged; [`AttestError::File`], [`AttestError::Unreadable`].
pub fn inclusion(out: &Path, account: &str, home: &Home) -> Result<Vec<u8>, AttestError> {
    let bytes = read_bounded(&out.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?;
    let statement = Statement::parse(&bytes)?;
    let shape = Shape::named(&statement.shape)?;
    let private = out.join(PRIVATE_DIR);
    let secret = home.existing_secret()?;
    SecretReference::read(&private.join(SECRET_REFERENCE_FILE))?.check(&secret, home)?;

    let salt = secret.salt(&statement.snapshot.id, account);
    let own = identity(&salt, &statement.snapshot.id, account);
    let mut pages = PagesFile::open(private.join(PAGES_FILE), shape)?;
    let first = pages
        .find(own)?
        .ok_or_else(|| AttestError::Usage(format!("snapshot {} has no account `{account}`", statement.snapshot.id)))?;
    let foreign = || AttestError::NotValid("the private files are not those of this attestation".to_owned());
    let roots = read_batch_roots(&private.join(BATCH_ROOTS_FILE))?;
    if roots.len() as u64 != statement.steps {
        return Err(foreign());
    }
    let upper = UpperTree::build(shape, roots);
    if to_hex(&upper.root()) != statement.root {
        return Err(foreign());
    }

    let count = u64::from(pages.page(first)?.remaining) + 1;
    let class = pages.page(first)?.class;
    let mut included = Vec::new();
    let mut levels: Option<(u64, Vec<Vec<F>>)> = None;
    for index in first..first + count {
        let batch = index / shape.batch() as u64;
        if levels.as_ref().is_none_or(|(b, _)| *b != batch) {
            levels = Some((batch, batch_levels(&batch_leaves(&mut pages, shape, batch)?)));
        }
        let (_, levels) = levels.as_ref().expect("set just above");
        let mut path = batch_path(levels, (index % shape.batch() as u64) as usize);
        path.extend(upper.path(batch as usize));
        included.push(IncludedPage::new(index, &pages.page(index)?, &path));
    }
    let file = Inclusion {
        protocol: INCLUSION_PROTOCOL.to_owned(),
        statement_digest: hex::encode(Statement::digest(&bytes)),
        snapshot: statement.snapshot.id.clone(),
        account: account.to_owned(),
        salt: hex::encode(salt),
        class,
        pages: included,
    };
    let mut json = serde_json::to_vec_pretty(&file)
        .map_err(|e| AttestError::NotValid(format!("the inclusion file cannot be written: {e}")))?;
    json.push(b'\n');
    let report = verify_inclusion(&bytes, &json, Some(account));
    if let Some(failed) = report.checks.iter().find(|c| !c.passed) {
        return Err(AttestError::NotValid(format!("the private files are damaged: {}", failed.detail)));
    }
    Ok(json)
}

fn batch_leaves(pages: &mut PagesFile, shape: &Shape, batch: u64) -> Result<Vec<F>, AttestError> {
    let start = batch * shape.batch() as u64;
    (start..start + shape.batch() as u64).map(|i| Ok(pages.page(i)?.leaf(shape))).collect()
}

/// The children on the path of the leaf at `position` inside its batch.
fn batch_path(levels: &[Vec<F>], position: usize) -> Vec<[F; TREE_ARITY]> {
    let mut group = position;
    levels[..levels.len() - 1]
        .iter()
        .map(|level| {
            group /= TREE_ARITY;
            std::array::from_fn(|j| level[group * TREE_ARITY + j])
        })
        .collect()
}
