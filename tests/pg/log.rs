//! The transparency log: appended with each publication, signed only while it grows.

use std::{fs, path::Path, sync::Arc};

use actix_web::{
    App,
    dev::ServiceResponse,
    http::header,
    test::{TestRequest, call_service, init_service, read_body},
};
use assay::{
    api,
    clock::FixedClock,
    durable,
    home::Home,
    store::{
        StoreError,
        attestations::Published as Outcome,
        log::{
            SignerSession, damaged_hash, entries_between, entry_of, hashes_between, newest_checkpoint, size, try_signer,
        },
    },
    tokens::{KeyRing, Role},
    transparency::{
        judge::SigningError,
        mark::Mark,
        signer::{Signed, Signer, SignerHealth},
    },
};
use assay_core::sealed::Sealed;
use assay_programs::ledger::{
    inclusion::{Inclusion, verify_inclusion},
    statement::Statement,
};
use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    entry::Entry,
    policy::Policy,
    proof::LogProof,
    tree::{Node, Tree, leaf_hash, prove_consistency, verify_consistency},
};
use time::Duration;

use crate::{
    api::{EXCHANGE, NOW, Place, app, get, header_of},
    support::{Database, day, id_of, job, plan, publish, published, snapshot},
};

pub(crate) const ORIGIN: &str = "assay.example/log";

/// A home directory with its keys.
pub(crate) struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self::without_keys();
        machine.make_keys();
        machine
    }

    pub(crate) fn without_keys() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Another machine with a home directory of its own.
    pub(crate) fn with_same_keys(&self) -> Self {
        let other = Self::without_keys();
        let [from, to] = [&self.dir, &other.dir].map(|dir| dir.path().join("keys"));
        durable::create_private_directory(&to).unwrap();
        for key in fs::read_dir(from).unwrap() {
            let key = key.unwrap();
            fs::copy(key.path(), to.join(key.file_name())).unwrap();
        }
        other
    }

    fn make_keys(&self) {
        KeyRing::open_or_create(&self.dir.path().join("keys"), NOW).unwrap();
    }

    pub(crate) fn signer(&self, database: &Database) -> Signer {
        let home = Home::new(self.dir.path().to_owned());
        Signer {
            origin: ORIGIN.to_owned(),
            is_named: true,
            store: database.store.clone(),
            keys: Arc::new(KeyRing::open(&home.keys_dir(), NOW).unwrap()),
            mark: Mark::of(&home),
            clock: Arc::new(FixedClock(NOW)),
            health: SignerHealth::default(),
            cosigners: Vec::new(),
        }
    }

    /// One look at the log, as a process that starts.
    pub(crate) async fn sign(&self, database: &Database) -> Result<Signed, SigningError> {
        let signer = self.signer(database);
        let session = begun(&signer).await?;
        signer.sign(&session).await
    }

    /// Another key of the log, which this machine signs with from now on.
    pub(crate) fn replace_log_key(&self) {
        let keys = fs::read_dir(self.dir.path().join("keys")).unwrap().map(|file| file.unwrap().path());
        let own = keys.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("log-"));
        own.for_each(|path| fs::remove_file(path).unwrap());
        self.make_keys();
    }

    pub(crate) fn home(&self) -> Home {
        Home::new(self.dir.path().to_owned())
    }

    pub(crate) fn mark(&self) -> Option<SignedCheckpoint> {
        Mark::of(&Home::new(self.dir.path().to_owned())).read().unwrap()
    }
}

/// The right to sign, once the server has noticed that the process before has ended.
pub(crate) async fn begun(signer: &Signer) -> Result<SignerSession, SigningError> {
    for _ in 0..500 {
        if let Some(session) = try_signer(&signer.store).await? {
            signer.examine(&session).await?;
            return Ok(session);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("somebody else signs for ten seconds");
}

pub(crate) async fn with_entries(database: &Database, days: std::ops::Range<i64>) {
    for number in days {
        published(&database.store, "a.example", day(number), &format!("statement {number}")).await;
    }
}

/// The tree over the entries in the database, made by the verifier's code.
async fn tree_of(database: &Database) -> Tree {
    let client = database.store.read().await.unwrap();
    Tree::of(&entries_between(&client, 0, i64::MAX).await.unwrap())
}

#[tokio::test]
async fn each_publication_is_an_entry_and_the_hashes_are_those_of_the_tree() {
    let database = Database::new().await;
    with_entries(&database, 0..13).await;
    let client = database.store.read().await.unwrap();
    let (position, entry) = entry_of(&client, &id_of("statement 3")).await.unwrap();
    let expected = format!(
        "{{\"exchange\":\"a.example\",\"kind\":\"attestation\",\"protocol\":\"assay/log/1\",\"snapshot\":\"a.example-{}\",\
         \"statement\":\"{}\",\"taken_at\":\"2026-11-04T00:00:00Z\"}}",
        day(3),
        hex::encode(id_of("statement 3"))
    );
    assert_eq!((position, String::from_utf8(entry).unwrap()), (3, expected));
    let tree = tree_of(&database).await;
    assert_eq!((tree.size(), size(&client).await.unwrap()), (13, 13));
    for height in 0..4_i16 {
        let stored = hashes_between(&client, height, 0, 99).await.unwrap();
        let made: Vec<_> =
            (0..13 >> height).map(|position| tree.node(Node { height: height as u8, position })).collect();
        assert_eq!(stored, made, "height {height}");
    }
    assert_eq!(damaged_hash(&client).await.unwrap(), None);
}

#[tokio::test]
async fn names_and_instants_are_written_as_the_verifier_writes_them() {
    let database = Database::new().await;
    for (number, name) in
        ["plain", "qu\"ote \\ slash", "caf\u{e9} \u{4e2d}\u{1f600}", "tab-less"].into_iter().enumerate()
    {
        let micros = [0, 500_000, 123_456, 1][number];
        let epoch = day(number as i64) + Duration::microseconds(micros);
        let published = crate::api::publish(&database.store, "solvency-8", 3, name, epoch).await;
        let statement = Sealed::<Statement>::parse(&published.statement).unwrap();
        let client = database.store.read().await.unwrap();
        let (_, entry) = entry_of(&client, &statement.digest().0).await.unwrap();
        assert_eq!(
            String::from_utf8(entry).unwrap(),
            String::from_utf8(Entry::of(&statement).unwrap().bytes().to_vec()).unwrap()
        );
    }
}

#[tokio::test]
async fn publications_at_once_leave_no_gap_and_none_is_left_out() {
    let database = Database::new().await;
    let store = &database.store;
    let mut jobs = Vec::new();
    for number in 0..6 {
        let domain = format!("e{number}.example");
        let job = job(store, snapshot(store, &domain, day(0)).await.unwrap()).await.unwrap();
        plan(store, job, &domain).await.unwrap();
        jobs.push((job, domain));
    }
    let all = futures_util::future::join_all(jobs.iter().map(|(job, statement)| publish(store, *job, statement))).await;
    assert!(all.into_iter().all(|outcome| matches!(outcome, Ok(Outcome::Now))));
    assert_eq!(tree_of(&database).await.size(), 6);
    assert_eq!(database.count("log_entries WHERE position < 6").await, 6);
    assert_eq!(damaged_hash(&store.read().await.unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_attestation_whose_entry_cannot_be_written_is_not_published() {
    let database = Database::new().await;
    let store = &database.store;
    with_entries(&database, 0..2).await;
    let job = job(store, snapshot(store, "a.example", day(5)).await.unwrap()).await.unwrap();
    plan(store, job, "five").await.unwrap();
    database
        .run(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await;
    assert!(publish(store, job, "five").await.unwrap_err().to_string().contains("no room"));
    assert_eq!((database.count("attestations").await, database.count("log_entries").await), (2, 2));
    database.run("DROP TRIGGER fail ON log_entries").await;
    assert_eq!(publish(store, job, "five").await.unwrap(), Outcome::Now);
    assert_eq!(database.count("log_entries").await, 3);
}

#[tokio::test]
async fn what_is_logged_is_never_changed_or_deleted() {
    let database = Database::new().await;
    with_entries(&database, 0..2).await;
    Machine::new().sign(&database).await.unwrap();
    database.run("INSERT INTO log_cosignatures SELECT origin, size, 'x' FROM log_checkpoints").await;
    let refused = ("23001".to_owned(), "insert_only".to_owned());
    for table in ["log_entries", "log_hashes", "log_checkpoints", "log_cosignatures", "log_size"] {
        assert_eq!(database.refusal(&format!("DELETE FROM {table}")).await, refused, "{table}");
        assert_eq!(database.refusal(&format!("TRUNCATE {table} CASCADE")).await, refused, "{table}");
    }
    for change in ["log_entries SET entry = 'x'", "log_hashes SET position = 9", "log_checkpoints SET note = ''"] {
        assert_eq!(database.refusal(&format!("UPDATE {change}")).await, refused, "{change}");
    }
    for wrong in ["size - 1", "size", "size + 2"] {
        let found = database.refusal(&format!("UPDATE log_size SET size = {wrong}")).await;
        assert_eq!(found.1, "log_size_grows", "{wrong}");
    }
}

#[tokio::test]
async fn what_was_published_before_there_was_a_log_is_entered_in_its_order() {
    let database = Database::without_tables().await;
    let migration = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/migrations").join(name)).unwrap()
    };
    database.run(&migration("V0001__service.sql")).await;
    // the queue has no tables here
    database
        .run("CREATE OR REPLACE FUNCTION enqueue_task(task text, job uuid, attempts int) RETURNS void LANGUAGE sql AS 'SELECT'")
        .await;
    with_entries(&database, 0..5).await;
    database.run("ALTER TABLE attestations DISABLE TRIGGER USER").await;
    // published in another order than that of the epochs
    database.run("UPDATE attestations SET published_at = published_at - (epoch - '2026-11-01'::timestamptz)").await;
    database.run("ALTER TABLE attestations ENABLE TRIGGER USER").await;
    database.run(&migration("V0002__log.sql")).await;
    database.run(&migration("V0003__later.sql")).await;
    let client = database.store.read().await.unwrap();
    for number in 0..5 {
        assert_eq!(entry_of(&client, &id_of(&format!("statement {number}"))).await.unwrap().0, 4 - number);
    }
    assert_eq!(damaged_hash(&client).await.unwrap(), None);
    with_entries(&database, 5..6).await;
    assert_eq!(entry_of(&client, &id_of("statement 5")).await.unwrap().0, 5);
}

#[tokio::test]
async fn each_signed_checkpoint_continues_the_one_before_and_is_marked() {
    let (database, machine) = (Database::new().await, Machine::new());
    assert_eq!(machine.sign(&database).await.unwrap(), Signed::Now(0));
    let mut before = machine.mark().unwrap();
    for number in 0..4 {
        with_entries(&database, number..number + 1).await;
        assert_eq!(machine.sign(&database).await.unwrap(), Signed::Now(number as u64 + 1));
        assert_eq!(machine.sign(&database).await.unwrap(), Signed::Before(number as u64 + 1));
        let now = machine.mark().unwrap();
        let client = database.store.read().await.unwrap();
        let stored = newest_checkpoint(&client, ORIGIN).await.unwrap().unwrap();
        assert_eq!(stored.note, now.note().to_string());
        let tree = tree_of(&database).await;
        let (old, new) = (before.checkpoint(), now.checkpoint());
        assert_eq!((new.size, new.root), (tree.size(), tree.root()));
        let proof = prove_consistency(old.size, new.size, &mut |node| tree.node(node)).unwrap();
        verify_consistency((old.size, &old.root), (new.size, &new.root), &proof).unwrap();
        before = now;
    }
}

#[tokio::test]
async fn a_restored_older_database_is_not_signed_and_a_newer_one_heals_it() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..3).await;
    machine.sign(&database).await.unwrap();
    let marked = machine.mark().unwrap();
    // as it was before the third publication
    let older = Database::new().await;
    with_entries(&older, 0..2).await;
    let refused = machine.sign(&older).await.unwrap_err();
    assert!(matches!(refused, SigningError::Behind { size: 2, marked: 3, .. }), "{refused}");
    assert!(refused.to_string().contains("Restore a newer backup") && refused.to_string().contains("high-water"));
    // it goes on from there with another history
    published(&older.store, "a.example", day(7), "another third").await;
    published(&older.store, "a.example", day(8), "another fourth").await;
    assert!(matches!(machine.sign(&older).await, Err(SigningError::Differs { size: 3 })));
    assert_eq!(older.count("log_checkpoints").await, 0, "nothing was signed");
    assert_eq!(machine.mark().unwrap(), marked, "and the mark is as it was");
    // the same entries again, as a newer backup has them
    let newer = Database::new().await;
    with_entries(&newer, 0..4).await;
    assert_eq!(machine.sign(&newer).await.unwrap(), Signed::Now(4));
}

#[tokio::test]
async fn a_crash_between_mark_and_database_is_made_good_with_the_same_bytes() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..2).await;
    database
        .run(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'power cut'; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON log_checkpoints FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await;
    assert!(matches!(machine.sign(&database).await, Err(SigningError::Store(StoreError::Database { .. }))));
    let marked = machine.mark().unwrap().note().to_string();
    database.run("DROP TRIGGER fail ON log_checkpoints").await;
    assert_eq!(machine.sign(&database).await.unwrap(), Signed::Now(2));
    let client = database.store.read().await.unwrap();
    assert_eq!(newest_checkpoint(&client, ORIGIN).await.unwrap().unwrap().note, marked);
}

#[tokio::test]
async fn one_process_signs_at_a_time_and_the_next_takes_over() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..1).await;
    let [first, second] = [machine.signer(&database), machine.signer(&database)];
    let session = try_signer(&first.store).await.unwrap().unwrap();
    assert!(try_signer(&second.store).await.unwrap().is_none());
    assert_eq!(first.sign(&session).await.unwrap(), Signed::Now(1));
    assert!(try_signer(&database.store).await.unwrap().is_none());
    drop(session);
    let took_over = begun(&second).await.unwrap();
    assert_eq!(second.sign(&took_over).await.unwrap(), Signed::Before(1));
}

/// Waits for what a running signer does.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen in 20 seconds");
}

#[tokio::test]
async fn after_a_restore_a_machine_that_refuses_lets_no_machine_without_a_mark_sign() {
    let (database, first) = (Database::new().await, Machine::new());
    let [second, new] = [first.with_same_keys(), first.with_same_keys()];
    with_entries(&database, 0..3).await;
    let signs = tokio::spawn(first.signer(&database).run());
    until("a signature", async || first.mark().is_some_and(|mark| mark.checkpoint().size == 3)).await;
    let stands_by = tokio::spawn(second.signer(&database).run());
    until("the mark of a machine that stands by", async || second.mark() == first.mark()).await;
    with_entries(&database, 3..4).await;
    until("the next mark", async || second.mark().unwrap().checkpoint().size == 4).await;
    assert_eq!(second.mark(), first.mark());
    signs.abort();
    stands_by.abort();
    // all start again with a database as it was before, the one without a mark last
    let older = Database::new().await;
    with_entries(&older, 0..2).await;
    let mut running = Vec::new();
    for machine in [&first, &second] {
        let signer = machine.signer(&older);
        let health = signer.health.clone();
        running.push(tokio::spawn(signer.run()));
        until("a refusal", async || health.refusal().is_some()).await;
        assert!(health.refusal().unwrap().contains("a checkpoint of 4 entries was signed"), "{:?}", health.refusal());
    }
    running.push(tokio::spawn(new.signer(&older).run()));
    for _ in 0..40 {
        assert!(try_signer(&older.store).await.unwrap().is_none(), "the right to sign is free");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!((older.count("log_checkpoints").await, new.mark()), (0, None), "nobody signs");
    running.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_mark_is_never_taken_back() {
    let (database, machine) = (Database::new().await, Machine::new());
    let mut all = Vec::new();
    for number in 0..3 {
        with_entries(&database, number..number + 1).await;
        machine.sign(&database).await.unwrap();
        all.push(machine.mark().unwrap());
    }
    let mark = machine.signer(&database).mark;
    for signed in all.iter().rev() {
        mark.raise(signed).unwrap();
        assert_eq!(machine.mark().as_ref(), all.last());
    }
}

#[tokio::test]
async fn a_machine_with_another_key_a_lost_mark_or_another_name_is_told_what_to_do() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..2).await;
    machine.sign(&database).await.unwrap();
    // another machine without the key
    let other = Machine::without_keys();
    let refused = other.sign(&database).await.unwrap_err();
    assert!(matches!(refused, SigningError::KeyMissing { .. }), "{refused}");
    let elsewhere = Database::new().await;
    let refused = other.sign(&elsewhere).await.unwrap_err();
    assert!(matches!(refused, SigningError::NoKey), "{refused}");
    assert!(!other.dir.path().join("keys").exists(), "the signer makes no key");
    // with a key of its own
    other.make_keys();
    other.sign(&elsewhere).await.unwrap();
    fs::remove_dir_all(other.dir.path().join("log")).unwrap();
    let refused = other.sign(&database).await.unwrap_err();
    assert!(matches!(refused, SigningError::OtherKey { .. }), "{refused}");
    // the mark is lost: the database is all that is known, and the mark is made again
    fs::remove_dir_all(machine.dir.path().join("log")).unwrap();
    assert_eq!(machine.sign(&database).await.unwrap(), Signed::Before(2));
    assert_eq!(machine.mark().unwrap().checkpoint().size, 2);
    // another name
    let mut renamed = machine.signer(&database);
    renamed.origin = "other.example/log".to_owned();
    let session = begun(&renamed).await.unwrap();
    let refused = renamed.sign(&session).await.unwrap_err().to_string();
    assert!(refused.contains("set transparency.origin = \"assay.example/log\""), "{refused}");
    drop(session);
    // a damaged mark
    fs::write(machine.dir.path().join("log/high-water"), "half a n").unwrap();
    let signer = machine.signer(&database);
    let refused = signer.sign(&begun(&signer).await.unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains("high-water: line 1: ") && refused.contains("restore this file"), "{refused}");
}

#[tokio::test]
async fn another_name_begins_another_log_only_if_the_operator_says_so_and_with_another_key() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..2).await;
    machine.sign(&database).await.unwrap();
    // machines without a mark
    for (is_named, same_key, begins) in
        [(false, true, false), (true, true, false), (false, false, false), (true, false, true)]
    {
        let other = if same_key { machine.with_same_keys() } else { Machine::new() };
        let mut signer = other.signer(&database);
        signer.origin = "other.example/log".to_owned();
        signer.is_named = is_named;
        let session = begun(&signer).await.unwrap();
        match signer.sign(&session).await {
            Ok(signed) => assert!(begins && signed == Signed::Now(2)),
            Err(refused) => {
                assert!(!begins && matches!(refused, SigningError::EarlierOrigin { .. }), "{refused}");
                assert!(refused.to_string().contains("set transparency.origin = \"assay.example/log\""), "{refused}");
                assert_eq!(database.count("log_checkpoints").await, 1);
            }
        }
    }
    assert_eq!(database.count("log_checkpoints").await, 2);
    // the first log goes on beside it
    with_entries(&database, 2..3).await;
    assert_eq!(machine.sign(&database).await.unwrap(), Signed::Now(3));
}

#[tokio::test]
async fn an_altered_entry_or_hash_is_found_before_anything_is_signed() {
    for (table, change) in [
        ("log_entries", "UPDATE log_entries SET entry = set_byte(entry, 5, 33) WHERE position = 2"),
        (
            "log_hashes",
            "UPDATE log_hashes SET digest = set_byte(digest, 31, get_byte(digest, 31) # 1) WHERE height = 1 AND position = 0",
        ),
        (
            "log_hashes",
            "UPDATE log_hashes SET digest = set_byte(digest, 0, get_byte(digest, 0) # 1) WHERE height = 0 AND position = 4",
        ),
        ("log_hashes", "DELETE FROM log_hashes WHERE height = 0 AND position = 4"),
    ] {
        let (database, machine) = (Database::new().await, Machine::new());
        with_entries(&database, 0..5).await;
        database.run(&format!("ALTER TABLE {table} DISABLE TRIGGER USER; {change}")).await;
        let refused = machine.sign(&database).await.unwrap_err();
        assert!(matches!(refused, SigningError::Damaged { .. }), "{change}: {refused}");
        assert!(machine.mark().is_none());
    }
}

#[tokio::test]
async fn what_is_altered_between_its_publication_and_the_signature_is_not_signed() {
    let flip = |column: &str, whom: &str| {
        format!("SET {column} = set_byte({column}, 9, get_byte({column}, 9) # 1) WHERE {whom}")
    };
    for (table, change) in [
        ("log_entries", flip("entry", "position = 3")),
        ("log_entries", flip("entry", "position = 6")),
        ("log_hashes", flip("digest", "height = 0 AND position = 6")),
        ("log_hashes", flip("digest", "height = 0 AND position = 3")),
        ("log_hashes", flip("digest", "height = 1 AND position = 1")),
        ("log_hashes", flip("digest", "height = 2 AND position = 0")),
    ] {
        let (database, machine) = (Database::new().await, Machine::new());
        with_entries(&database, 0..3).await;
        let signer = machine.signer(&database);
        let session = begun(&signer).await.unwrap();
        assert_eq!(signer.sign(&session).await.unwrap(), Signed::Now(3));
        with_entries(&database, 3..7).await;
        database.run(&format!("ALTER TABLE {table} DISABLE TRIGGER USER; UPDATE {table} {change}")).await;
        let refused = signer.sign(&session).await.unwrap_err();
        assert!(matches!(refused, SigningError::Damaged { .. }), "{table} {change}: {refused}");
        assert_eq!(machine.mark().unwrap().checkpoint().size, 3, "and nothing is marked");
    }
}

async fn text_of(answer: ServiceResponse<impl actix_web::body::MessageBody>) -> String {
    String::from_utf8(read_body(answer).await.to_vec()).unwrap()
}

#[actix_web::test]
async fn anybody_can_follow_the_log_and_check_what_it_holds() {
    let place = Place::new(|config| config.transparency.origin = ORIGIN.to_owned()).await;
    let app = app!(place);
    let send = async |path: &str| call_service(&app, get(path, "").to_request()).await;
    for path in ["/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"] {
        assert_eq!(send(path).await.status(), 404, "{path} before anything is signed");
    }
    let mut all = Vec::new();
    for number in 0..3 {
        let (name, epoch) = (format!("s{number}"), NOW - Duration::days(9 - number));
        all.push(crate::api::publish(&place.database.store, "solvency-8", 3, &name, epoch).await);
    }
    let proof_path = format!("/v1/attestations/{}/log-proof", all[1].id);
    assert_eq!(send(&proof_path).await.status(), 404, "published and not yet signed");
    let signer = Signer {
        origin: ORIGIN.to_owned(),
        is_named: true,
        store: place.database.store.clone(),
        keys: Arc::clone(&place.keys),
        mark: Mark::of(&Home::new(place.dir.path().to_owned())),
        clock: Arc::new(FixedClock(NOW)),
        health: place.signer.clone(),
        cosigners: Vec::new(),
    };
    let session = try_signer(&signer.store).await.unwrap().unwrap();
    assert_eq!(signer.sign(&session).await.unwrap(), Signed::Now(3));

    let policy = send("/.well-known/assay-log").await;
    assert_eq!(header_of(&policy, "content-type"), "text/plain; charset=utf-8");
    let policy = Policy::parse(text_of(policy).await.as_bytes()).unwrap();
    assert_eq!(policy.logs()[0].url.as_deref(), Some("http://127.0.0.1:8080/log"));
    let answer = send("/log/checkpoint").await;
    assert_eq!(header_of(&answer, "cache-control"), "public, max-age=5");
    let signed = SignedCheckpoint::parse(text_of(answer).await.as_bytes()).unwrap();
    assert_eq!(policy.check(&signed), Ok(vec![]));
    assert_eq!((signed.checkpoint().origin.as_str(), signed.checkpoint().size), (ORIGIN, 3));

    // entries hash to the tile, and the tile to the root
    let entries = send("/log/tile/entries/000.p/3").await;
    assert!(header_of(&entries, "cache-control").contains("immutable"));
    let (mut bundle, mut tree) = (&read_body(entries).await[..], Tree::default());
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        tree.push(leaf_hash(entry));
        bundle = rest;
    }
    assert_eq!((tree.size(), tree.root()), (3, signed.checkpoint().root));
    let tile = send("/log/tile/0/000.p/3").await;
    assert!(header_of(&tile, "cache-control").contains("immutable"));
    let leaves: Vec<u8> = (0..3).flat_map(|position| tree.node(Node { height: 0, position })).collect();
    assert_eq!(read_body(tile).await[..], leaves);
    for path in [
        "/log/tile/0/000.p/4",
        "/log/tile/0/000",
        "/log/tile/1/000.p/1",
        "/log/tile/entries/001",
        "/log/tile/0/x000/000.p/1",
    ] {
        assert_eq!(send(path).await.status(), 404, "{path}");
    }

    // an attestation with its proof
    let statement = Sealed::<Statement>::parse(&all[1].statement).unwrap();
    let proof = text_of(send(&proof_path).await).await;
    let holds = |text: &str| {
        let proof = LogProof::parse(text.as_bytes()).unwrap();
        proof.verify(&leaf_hash(Entry::of(&statement).unwrap().bytes())).unwrap();
        assert_eq!((proof.index, policy.check(&proof.checkpoint)), (1, Ok(vec![])));
    };
    holds(&proof);
    let token = place.token(Role::Customer, "account 1", EXCHANGE);
    let path = format!("/v1/attestations/{}/inclusion", all[1].id);
    let answer =
        call_service(&app, TestRequest::get().uri(&path).insert_header((header::AUTHORIZATION, token)).to_request())
            .await;
    assert_eq!(answer.status(), 200);
    let file = read_body(answer).await;
    assert!(verify_inclusion(Ok(&statement), &file, None).is_valid());
    holds(&serde_json::from_slice::<Inclusion>(&file).unwrap().log.unwrap());
}

#[actix_web::test]
async fn a_service_whose_log_may_not_be_signed_is_not_ready() {
    let place = Place::new(|config| config.transparency.origin = ORIGIN.to_owned()).await;
    let app = app!(place);
    let machine = Machine::new();
    with_entries(&place.database, 0..2).await;
    machine.sign(&place.database).await.unwrap();
    // another machine, whose key is another one
    let signer =
        Signer { keys: Arc::clone(&place.keys), health: place.signer.clone(), ..machine.signer(&place.database) };
    let running = actix_web::rt::spawn(signer.run());
    let mut body = serde_json::Value::Null;
    for _ in 0..200 {
        let answer = call_service(&app, get("/readyz", "").to_request()).await;
        if answer.status() == 503 {
            body = crate::api::json_of(answer).await;
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.abort();
    assert_eq!(body["errors"][0]["place"], "log", "{body}");
    let refusal = place.signer.refusal().unwrap();
    assert!(refusal.contains("restore the log-"), "{refusal}");
    assert!(!body.to_string().contains("keys"), "no paths are shown to strangers: {body}");
}
