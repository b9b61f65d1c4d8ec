//! The circuits' parameters, which all test programs of the workspace share.

use std::path::{Path, PathBuf};

use assay_fold::{Error, Program, keys::Keys};
use assay_verifier::parameters::load;

/// Reads the parameters of `shape` where an earlier test has kept them, or derives and keeps them.
pub fn kept<P: Program>(shape: &'static P::Shape) -> Result<Keys<P>, Error> {
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../assay-parameters");
    load(shape, &std::env::var_os("TEST_PARAMETERS").map_or(default, PathBuf::from))
}
