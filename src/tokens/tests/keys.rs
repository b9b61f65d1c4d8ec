//! Keys on disk, their rotation, and processes that share them.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn kids(ring: &KeyRing, now: OffsetDateTime, purpose: Purpose) -> Vec<String> {
    let jwks = ring.jwks(now);
    let keys = jwks["keys"].as_array().unwrap().iter();
    let of_purpose = keys.filter(|key| key["assay_purpose"] == purpose.as_str());
    of_purpose.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_are_their_owners_alone() {
    let world = World::new();
    assert_eq!(mode(&world.keys_dir()), 0o700);
    let files = files(&world.keys_dir());
    assert_eq!(files.len(), 3);
    for file in &files {
        assert_eq!(mode(file), 0o600);
    }
    world.ring.rotate(Purpose::Token, NOW).unwrap();
    for file in super::keys::files(&world.keys_dir()) {
        assert_eq!(mode(&file), 0o600);
    }
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let world = World::new();
    let file = files(&world.keys_dir()).remove(0);
    for bits in [0o640, 0o604, 0o660, 0o601] {
        set_mode(&file, bits);
        let error = KeyRing::open_or_create(&world.keys_dir(), NOW).unwrap_err().to_string();
        assert!(error.contains("other users can read this key") && error.contains("chmod 600"), "{error}");
        let error = world.ring.sign_statement(b"a statement", NOW).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
        assert!(world.ring.mint(&grant(Role::Regulator), NOW).is_ok(), "the other key is not this file's");
    }
    set_mode(&file, 0o600);
    for bits in [0o750, 0o701] {
        set_mode(&world.keys_dir(), bits);
        let error = KeyRing::open_or_create(&world.keys_dir(), NOW).unwrap_err().to_string();
        assert!(error.contains("chmod 700"), "{error}");
        assert!(world.ring.mint(&grant(Role::Regulator), NOW).is_err());
    }
    set_mode(&world.keys_dir(), 0o700);
    assert!(world.ring.mint(&grant(Role::Regulator), NOW).is_ok());
}

#[test]
fn a_damaged_key_is_named_and_not_quoted() {
    let world = World::new();
    let file = files(&world.keys_dir()).remove(0);
    let honest = fs::read_to_string(&file).unwrap();
    let key: Value = serde_json::from_str(&honest).unwrap();
    let other = URL_SAFE_NO_PAD.encode([5u8; 32]);
    for damaged in [
        String::new(),
        "{}".to_owned(),
        honest[..honest.len() / 2].to_owned(),
        with(&key, "d", json!(other)).to_string(),
        with(&key, "x", json!(other)).to_string(),
        with(&key, "kid", json!("mine")).to_string(),
        with(&key, "purpose", json!("everything")).to_string(),
        with(&key, "created_at", json!("yesterday")).to_string(),
        with(&key, "comment", json!("hello")).to_string(),
    ] {
        fs::write(&file, damaged).unwrap();
        let error = KeyRing::open_or_create(&world.keys_dir(), NOW).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
        assert!(!error.contains(key["d"].as_str().unwrap()) && !error.contains(&other), "{error}");
    }
    fs::write(&file, &honest).unwrap();
    // a statement key cannot be made a token key by giving its file another name
    let renamed = file.with_file_name("token-renamed.json");
    fs::rename(&file, &renamed).unwrap();
    assert!(KeyRing::open_or_create(&world.keys_dir(), NOW).is_err());
}

#[test]
fn a_purpose_cannot_be_changed_without_the_name() {
    let world = World::new();
    let key = newest_key(&world.keys_dir(), Purpose::Attestation);
    let file = world.keys_dir().join(key.file_name());
    let text = fs::read_to_string(&file).unwrap().replace("\"attestation\"", "\"token\"");
    fs::write(&file, text).unwrap();
    assert!(KeyRing::open_or_create(&world.keys_dir(), NOW).is_err());
}

#[test]
fn a_name_is_the_thumbprint_of_rfc_8037() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).unwrap();
    assert_eq!(assay_core::signature::thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_published_list_holds_public_halves_only() {
    let world = World::new();
    let jwks = world.ring.jwks(NOW);
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    for key in jwks["keys"].as_array().unwrap() {
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "assay_purpose", "crv", "kid", "kty", "use", "x"]);
    }
}

#[test]
fn tokens_of_a_replaced_key_live_on_and_new_ones_are_by_its_successor() {
    let world = World::new();
    let before = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let old = newest_key(&world.keys_dir(), Purpose::Token).kid;
    let new = world.ring.rotate(Purpose::Token, NOW + Duration::MINUTE).unwrap();
    assert_ne!(old, new);
    assert!(world.verifier.verify(&before, NOW + Duration::minutes(30)).is_ok());
    let after = world.ring.mint(&grant(Role::Regulator), NOW + Duration::MINUTE).unwrap();
    assert!(world.verify(&after).is_ok());
    assert_eq!(world.own_header()["kid"], new);
    assert_eq!(kids(&world.ring, NOW, Purpose::Token), [old.clone(), new.clone()]);
    // nothing can sign with the old one any more
    let file = world.keys_dir().join(format!("token-{old}.json"));
    assert!(Key::read(&file).unwrap().private.is_none());
    assert!(!fs::read_to_string(&file).unwrap().contains("\"d\""));
}

#[test]
fn a_replaced_token_key_goes_when_its_last_token_has_expired() {
    let world = World::new();
    let longest = Grant { ttl: MAX_TTL, ..grant(Role::Regulator) };
    let last = world.ring.mint(&longest, NOW).unwrap();
    let new = world.ring.rotate(Purpose::Token, NOW).unwrap();
    let end = NOW + MAX_TTL;
    assert!(world.verifier.verify(&last, end).is_ok());
    assert_eq!(kids(&world.ring, end, Purpose::Token).len(), 2);
    let gone = end + Duration::minutes(2);
    assert_eq!(world.verifier.verify(&last, gone).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(kids(&world.ring, gone, Purpose::Token), std::slice::from_ref(&new));
    assert_eq!(files(&world.keys_dir()).len(), 4);
    let newest = world.ring.rotate(Purpose::Token, gone).unwrap();
    assert_eq!(kids(&world.ring, gone, Purpose::Token), [new, newest]);
    assert_eq!(files(&world.keys_dir()).len(), 4);
}

#[test]
fn a_replaced_statement_key_stays_published_for_good() {
    use assay_core::signature::{Jwks, Jws};
    let world = World::new();
    let jws = world.ring.sign_statement(b"a statement", NOW).unwrap();
    world.ring.rotate(Purpose::Attestation, NOW).unwrap();
    let later = NOW + Duration::days(20_000);
    world.ring.rotate(Purpose::Token, later).unwrap();
    world.ring.rotate(Purpose::Attestation, later).unwrap();
    assert_eq!(kids(&world.ring, later, Purpose::Attestation).len(), 3);
    let jwks = Jwks::parse(world.ring.jwks(later).to_string().as_bytes()).unwrap();
    let verify = |jws: &str| Jws::parse(jws.as_bytes()).unwrap().verify(b"a statement", &jwks).unwrap();
    assert_ne!(verify(&jws), verify(&world.ring.sign_statement(b"a statement", later).unwrap()));
}

#[test]
fn a_process_notices_keys_that_another_one_made_or_deleted() {
    let world = World::new();
    let other = KeyRing::open_or_create(&world.keys_dir(), NOW).unwrap();
    let later = NOW + Duration::seconds(2);
    other.rotate(Purpose::Token, later).unwrap();
    let token = other.mint(&grant(Role::Regulator), later).unwrap();
    // an unknown key is looked up, but not more than once a second
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::UnknownKey);
    assert!(world.verifier.verify(&token, later).is_ok());
    assert_eq!(world.ring.jwks(later), other.jwks(later));
    // whoever signs looks first
    let by_the_first = world.ring.mint(&grant(Role::Regulator), later).unwrap();
    assert_eq!(by_the_first.split('.').next(), token.split('.').next());
    // taking a key back means deleting its file
    fs::remove_file(world.keys_dir().join(newest_key(&world.keys_dir(), Purpose::Token).file_name())).unwrap();
    assert!(world.verifier.verify(&token, later).is_ok());
    let error = world.verifier.verify(&token, later + Duration::seconds(5)).unwrap_err();
    assert_eq!(error, TokenError::UnknownKey);
}

/// What may lie about in a directory of keys.
#[test]
fn a_file_that_cannot_be_used_keeps_no_deleted_key_alive() {
    let lie_about = |dir: &Path| -> Vec<std::path::PathBuf> {
        let name = |name: &str| dir.join(name);
        let key = newest_key(dir, Purpose::Attestation).file_name();
        fs::copy(name(&key), name("attestation-backup.json")).unwrap();
        fs::write(name("notes.json"), "{").unwrap();
        fs::create_dir(name("old.json")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", name("link.json")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(name("pipe.json")).status().unwrap().success());
        std::os::unix::fs::symlink(name("circle.json"), name("circle.json")).unwrap();
        ["attestation-backup.json", "notes.json", "old.json", "pipe.json", "circle.json"].map(name).to_vec()
    };
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let unused = lie_about(&world.keys_dir());
    let later = NOW + Duration::seconds(5);
    assert!(world.verifier.verify(&token, later).is_ok());
    let defects = world.ring.defects();
    assert_eq!(defects.len(), unused.len(), "{defects:?}");
    assert!(unused.iter().all(|file| defects.iter().any(|d| d.contains(file.to_str().unwrap()))), "{defects:?}");
    // the other key still signs, and a new process starts with both
    world.ring.sign_statement(b"a statement", later).unwrap();
    let opened = KeyRing::open_or_create(&world.keys_dir(), later).unwrap();
    assert_eq!(opened.jwks(later)["keys"].as_array().unwrap().len(), 2);
    let generation = world.verifier.generation(later);
    fs::remove_file(world.keys_dir().join(newest_of(&world.ring, later, Purpose::Token))).unwrap();
    let gone = later + Duration::seconds(5);
    assert_eq!(world.verifier.verify(&token, gone).unwrap_err(), TokenError::UnknownKey);
    assert_ne!(world.verifier.generation(gone), generation);
    // nothing is made in its place while a file may be the missing key
    let error = KeyRing::open_or_create(&world.keys_dir(), gone).unwrap_err().to_string();
    assert!(unused.iter().any(|file| error.contains(file.to_str().unwrap())), "{error}");
}

#[test]
fn thousands_of_files_that_are_no_keys_take_no_key_away() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    for number in 0..1500 {
        fs::write(world.keys_dir().join(format!("{number}.json")), "{}").unwrap();
    }
    assert!(world.verifier.verify(&token, NOW + Duration::seconds(5)).is_ok());
    assert!((1..100).contains(&world.ring.defects().len()));
}

fn newest_of(ring: &KeyRing, now: OffsetDateTime, purpose: Purpose) -> String {
    format!("{}-{}.json", purpose.as_str(), kids(ring, now, purpose).last().unwrap())
}

#[test]
fn a_directory_that_is_closed_or_gone_has_no_keys() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let later = NOW + Duration::seconds(5);
    set_mode(&world.keys_dir(), 0o755);
    assert_eq!(world.verifier.verify(&token, later).unwrap_err(), TokenError::UnknownKey);
    set_mode(&world.keys_dir(), 0o700);
    assert!(world.verifier.verify(&token, later + Duration::seconds(5)).is_ok());
    fs::rename(world.keys_dir(), world.dir.path().join("moved")).unwrap();
    assert_eq!(world.verifier.verify(&token, later + Duration::seconds(10)).unwrap_err(), TokenError::UnknownKey);
    fs::write(world.keys_dir(), "a file").unwrap();
    assert_eq!(world.verifier.verify(&token, later + Duration::seconds(15)).unwrap_err(), TokenError::UnknownKey);
}

#[test]
fn without_descriptors_the_keys_stay_for_two_minutes_and_no_longer() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // the limit is the process's, so the test is a process of its own
    const ALONE: &str = "TEST_WITHOUT_DESCRIPTORS";
    if std::env::var_os(ALONE).is_none() {
        let name = "tokens::tests::keys::without_descriptors_the_keys_stay_for_two_minutes_and_no_longer";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = alone.args(["--exact", name]).env(ALONE, "1").output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
    let verify = |after| world.verifier.verify(&token, NOW + Duration::seconds(after));
    let seen = [verify(6), verify(119), verify(121)].map(|answer| answer.map(drop));
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(seen, [Ok(()), Ok(()), Err(TokenError::UnknownKey)]);
    assert!(verify(127).is_ok());
}

#[test]
fn a_statement_key_is_known_by_its_successor_after_its_file_is_gone() {
    let world = World::new();
    let first = world.ring.statement_kid().unwrap();
    let second = world.ring.rotate(Purpose::Attestation, NOW + Duration::MINUTE).unwrap();
    let third = world.ring.rotate(Purpose::Attestation, NOW + Duration::HOUR).unwrap();
    for kid in [&first, &second] {
        fs::remove_file(world.keys_dir().join(format!("attestation-{kid}.json"))).unwrap();
    }
    let ring = KeyRing::open(&world.keys_dir(), NOW + Duration::HOUR).unwrap();
    assert_eq!(ring.statement_kid(), Some(third.clone()));
    assert!([&first, &second, &third].into_iter().all(|kid| ring.had_statement_key(kid)));
    let token_key = newest_key(&world.keys_dir(), Purpose::Token).kid;
    assert!(!ring.had_statement_key(&token_key) && !ring.had_statement_key(""));
}

#[test]
fn processes_that_start_together_make_one_key_of_each_purpose() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    let lists: Vec<Value> = std::thread::scope(|scope| {
        let start = || KeyRing::open_or_create(&keys, NOW).unwrap().jwks(NOW);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(files(&keys).len(), 3);
    assert!(lists.iter().all(|list| *list == lists[0]));
}

#[test]
fn the_key_of_the_log_is_in_no_list_and_outlives_every_rotation() {
    let world = World::new();
    let own = world.ring.log_key(NOW).unwrap().unwrap();
    assert!(kids(&world.ring, NOW, Purpose::Log).is_empty());
    for purpose in Purpose::ALL {
        world.ring.rotate(purpose, NOW).unwrap();
    }
    let again = KeyRing::open_or_create(&world.keys_dir(), NOW + Duration::HOUR).unwrap();
    assert_eq!(again.log_key(NOW + Duration::HOUR).unwrap().unwrap().to_bytes(), own.to_bytes());
    assert!(world.ring.check_signing().is_ok());
}

#[test]
fn an_interrupted_rotation_leaves_working_keys() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    // the new key is written, the old one still has its private half, and a half file lies about
    let later = NOW + Duration::MINUTE;
    let new = Key::generate(Purpose::Token, later).unwrap();
    new.write(&world.keys_dir()).unwrap();
    let half = world.keys_dir().join("token-half.partial");
    fs::write(&half, "{").unwrap();
    let ring = KeyRing::open_or_create(&world.keys_dir(), later).unwrap();
    assert_eq!(kids(&ring, later, Purpose::Token).len(), 2);
    assert!(world.verifier.verify(&token, later + Duration::MINUTE).is_ok());
    let fresh = ring.mint(&grant(Role::Regulator), later).unwrap();
    assert!(world.verifier.verify(&fresh, later + Duration::MINUTE).is_ok());
    ring.rotate(Purpose::Token, later).unwrap();
    let with_private =
        files(&world.keys_dir()).into_iter().filter(|file| file.extension().is_some_and(|e| e == "json"));
    let keys: Vec<Key> = with_private.map(|file| Key::read(&file).unwrap()).collect();
    let signing = keys.iter().filter(|key| key.purpose == Purpose::Token && key.private.is_some());
    assert_eq!(signing.count(), 1);
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_the_old_key_in_use() {
    let world = World::new();
    let past = NOW - Duration::days(365);
    let new = world.ring.rotate(Purpose::Token, past).unwrap();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["kid"], new);
}
