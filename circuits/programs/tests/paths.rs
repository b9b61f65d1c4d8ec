//! Which code multiplies points changes no value: parameters derived on each path are the pinned ones, and a proof made on one path
//! is valid on the others. One test, because the path is the whole process's.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_core::sealed::Sealed;
use assay_fold::keys::Keys;
use assay_msm::{Path, path, set_path};
use assay_programs::{
    ledger::{Ledger, fold::Fold, shape::Shape, verify::verify},
    purpose::TestShapes,
    testing::{batch_roots, test_columns, test_pages, test_statement},
};

#[test]
fn what_one_path_proves_every_path_accepts() {
    let shape = Shape::named("solvency-8").unwrap();
    let pages = test_pages(shape, 9, 1);
    // the best one is the portable one on some processors
    for made_on in [path(), Path::Portable] {
        set_path(Some(made_on));
        let keys = Keys::<Ledger>::derive(shape).unwrap();
        keys.check_pin().unwrap();
        let statement = test_statement(shape, keys.digest(), &pages);
        let columns = test_columns(&statement, &pages);
        let statement = Sealed::seal(statement).unwrap();
        let roots = batch_roots(shape, &pages);
        let mut fold = Fold::begin(&keys, &statement, 0, &roots, &columns).unwrap();
        pages.chunks(shape.batch()).for_each(|batch| fold.step(batch.to_vec()).unwrap());
        let proof = fold.compress().unwrap();
        for read_on in [path(), Path::Portable, Path::Nova] {
            set_path(Some(read_on));
            let report = verify(Ok(&statement), &proof, TestShapes::Accepted, |_| Ok(&keys));
            assert!(report.is_valid(), "made on {made_on:?}, read on {read_on:?}: {:?}", report.checks);
        }
        set_path(None);
    }
}
