//! Does this home directory belong to this database? Fingerprints of its master secret and statement keys are noted in the
//! database at the first start, and compared at every later one.
//!
//! A secret or a statement key is made only where none is noted. All of it is one transaction, for which a second start waits: of two
//! first starts with two homes, one is noted and the other is refused without having made anything. A start that is interrupted
//! after it has written a file and before it has noted it leaves the file, which the next start notes.

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::{
    home::{Home, HomeError},
    store::{
        Store, StoreError, Tx,
        audit::audit,
        home_fingerprints::{
            FingerprintKind, NotedFingerprints, forget_fingerprints, lock_fingerprints, note_fingerprint,
            noted_fingerprints,
        },
    },
    tokens::{KeyRing, KeyRingError, Purpose},
};

/// What to do about a home that does not match.
const REMEDY: &str = "Restore it from a backup, or copy master.secret and keys/ from another machine of this service, or name the right \
    home with --home. Only if they are lost for good, run `assay migrate --adopt-home`: no inclusion file can then be made any more \
    of attestations that were published with the lost secret";

/// Why the home directory cannot be used with the database; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum HomeMatchError {
    /// There is no master secret, and the database knows one.
    #[error(
        "{}: there is no master secret here, and the database was made with the one of fingerprint {noted}. With another one every \
         customer would be told that they have no account. {REMEDY}",
        file.display()
    )]
    SecretMissing {
        /// Where it should be.
        file: PathBuf,
        /// The fingerprint in the database.
        noted: String,
    },
    /// The master secret is another one.
    #[error(
        "{}: this master secret has the fingerprint {found}, and the database was made with the one of fingerprint {noted}. With \
         another one every customer would be told that they have no account. {REMEDY}",
        file.display()
    )]
    SecretDiffers {
        /// The file.
        file: PathBuf,
        /// Its fingerprint.
        found: String,
        /// The fingerprint in the database.
        noted: String,
    },
    /// The statement key is another one.
    #[error(
        "{}: the newest statement key here is {found}, and the database was made with {noted}, which is not here and was not replaced \
         by a key that is. {REMEDY}",
        dir.display()
    )]
    StatementKey {
        /// The directory of keys.
        dir: PathBuf,
        /// The newest key's id, or `none`.
        found: String,
        /// The newest id in the database.
        noted: String,
    },
    /// The master secret cannot be read or made.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// Whether a home may take the place of the one that is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adoption {
    /// No: another one is refused.
    Refused,
    /// Yes: its owner says that the noted one is lost.
    Wanted,
}

/// Compares the home with what is noted. Makes nothing.
///
/// # Errors
/// [`HomeMatchError`] with both fingerprints.
pub fn compare_home(home: &Home, keys: &KeyRing, noted: &NotedFingerprints) -> Result<(), HomeMatchError> {
    if let Some(noted) = noted.master_secret.clone() {
        let file = home.secret_file();
        let found = match home.existing_secret() {
            Ok(secret) => secret.fingerprint(),
            Err(HomeError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(HomeMatchError::SecretMissing { file, noted });
            }
            Err(error) => return Err(error.into()),
        };
        if found != noted {
            return Err(HomeMatchError::SecretDiffers { file, found, noted });
        }
    }
    match noted.statement_keys.last() {
        Some(noted) if !keys.had_statement_key(noted) => {
            let found = keys.statement_kid().unwrap_or_else(|| "none".to_owned());
            Err(HomeMatchError::StatementKey { dir: home.keys_dir(), found, noted: noted.clone() })
        }
        _ => Ok(()),
    }
}

/// Compares the home with what is noted, makes what is missing where nothing is noted, and notes what is new. Returns the
/// fingerprint of the master secret.
///
/// # Errors
/// [`HomeMatchError`]; then nothing is noted.
pub(super) async fn match_home(
    store: &Store,
    home: &Home,
    keys: &KeyRing,
    adoption: Adoption,
    now: OffsetDateTime,
) -> Result<String, HomeMatchError> {
    let work = async |tx: Tx| {
        lock_fingerprints(&tx).await?;
        let before = noted_fingerprints(&tx).await?;
        let noted = if adoption == Adoption::Wanted { NotedFingerprints::default() } else { before.clone() };
        // an effect outside the database, but one that a second attempt finds and takes
        let fingerprint = match make_missing(home, keys, &noted, now) {
            Ok(fingerprint) => fingerprint,
            Err(error) => return Ok(Err(error)),
        };
        if noted != before {
            forget_fingerprints(&tx).await?;
            audit(&tx, "assay migrate", "home.adopted", &fingerprint, None, now).await?;
        }
        if noted.master_secret.is_none() {
            note_fingerprint(&tx, FingerprintKind::MasterSecret, &fingerprint, now).await?;
        }
        if let Some(kid) = keys.statement_kid().filter(|kid| !noted.statement_keys.contains(kid)) {
            note_fingerprint(&tx, FingerprintKind::StatementKey, &kid, now).await?;
        }
        Ok(Ok(fingerprint))
    };
    store.run_load("match_home", work).await?
}

fn make_missing(
    home: &Home,
    keys: &KeyRing,
    noted: &NotedFingerprints,
    now: OffsetDateTime,
) -> Result<String, HomeMatchError> {
    // a start that was faster may have made and noted them meanwhile
    keys.reload(now)?;
    compare_home(home, keys, noted)?;
    let secret = if noted.master_secret.is_some() { home.existing_secret()? } else { home.master_secret()? };
    let purposes: &[Purpose] = if noted.statement_keys.is_empty() { &Purpose::MADE } else { &[Purpose::Token] };
    keys.create_missing(purposes, now)?;
    Ok(secret.fingerprint())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

    struct Place {
        _dir: tempfile::TempDir,
        home: Home,
        keys: KeyRing,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let home = Home::new(dir.path().join("home"));
            let keys = KeyRing::open(&home.keys_dir(), NOW).unwrap();
            Self { _dir: dir, home, keys }
        }

        fn noted(&self) -> NotedFingerprints {
            let fingerprint = make_missing(&self.home, &self.keys, &NotedFingerprints::default(), NOW).unwrap();
            let statement_keys = self.keys.statement_kid().into_iter().collect();
            NotedFingerprints { master_secret: Some(fingerprint), statement_keys }
        }
    }

    #[test]
    fn a_home_matches_what_was_noted_of_it_and_no_other_does() {
        let (own, other, empty) = (Place::new(), Place::new(), Place::new());
        let (noted, others) = (own.noted(), other.noted());
        compare_home(&own.home, &own.keys, &noted).unwrap();
        let error = compare_home(&other.home, &other.keys, &noted).unwrap_err();
        let sentence = error.to_string();
        assert!(matches!(error, HomeMatchError::SecretDiffers { .. }));
        for part in [noted.master_secret.as_ref().unwrap(), others.master_secret.as_ref().unwrap(), "--adopt-home"] {
            assert!(sentence.contains(part), "{sentence}");
        }
        let error = make_missing(&empty.home, &empty.keys, &noted, NOW).unwrap_err();
        assert!(matches!(error, HomeMatchError::SecretMissing { .. }));
        assert!(!empty.home.dir().exists(), "nothing is made where something is noted");
    }

    #[test]
    fn a_statement_key_is_made_only_where_none_is_noted() {
        let (own, other) = (Place::new(), Place::new());
        let (noted, others) = (own.noted(), other.noted());
        let mixed = NotedFingerprints { master_secret: noted.master_secret.clone(), ..others.clone() };
        let error = compare_home(&own.home, &own.keys, &mixed).unwrap_err().to_string();
        assert!(error.contains(&noted.statement_keys[0]) && error.contains(&others.statement_keys[0]), "{error}");
        std::fs::remove_dir_all(own.home.keys_dir()).unwrap();
        own.keys.reload(NOW).unwrap();
        let error = make_missing(&own.home, &own.keys, &noted, NOW).unwrap_err();
        assert!(matches!(error, HomeMatchError::StatementKey { ref found, .. } if found == "none"));
        assert!(!own.home.keys_dir().exists());
    }

    #[test]
    fn a_rotated_key_still_matches_and_so_does_one_whose_predecessors_are_deleted() {
        let own = Place::new();
        let noted = own.noted();
        own.keys.rotate(Purpose::Attestation, NOW + Duration::HOUR).unwrap();
        let last = own.keys.rotate(Purpose::Attestation, NOW + Duration::DAY).unwrap();
        for entry in std::fs::read_dir(own.home.keys_dir()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("attestation-") && !name.contains(&last) {
                std::fs::remove_file(path).unwrap();
            }
        }
        own.keys.reload(NOW + Duration::DAY).unwrap();
        compare_home(&own.home, &own.keys, &noted).unwrap();
    }
}
