//! Set-ups that cannot work: what the commands say of them, and what they leave alone.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Process, Service, SmallLedger, assay, cluster, database, home, migrated_database, run, wait_for};

/// How a command ends that ends by itself, and what it says.
fn ended(mut command: Command) -> (Option<i32>, String) {
    let said = tempfile::NamedTempFile::new().unwrap();
    let writer = || said.as_file().try_clone().unwrap();
    let mut child = command.stdout(writer()).stderr(writer()).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("{command:?} goes on: {}", fs::read_to_string(said.path()).unwrap());
        }
        sleep(Duration::from_millis(20));
    };
    (status.code(), fs::read_to_string(said.path()).unwrap())
}

/// Everything below a directory that a command could make or change.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path, (meta.permissions().mode(), content));
    }
    found
}

/// A home that belongs to a database.
struct Place {
    home: tempfile::TempDir,
    database: String,
}

impl Place {
    fn new() -> Self {
        let place = Self { home: home(), database: database() };
        run(place.command(&["migrate"]));
        place
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = assay(self.home.path(), &self.database, arguments);
        command.env("ASSAY_LISTEN", "127.0.0.1:0");
        command
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn statement_key(&self) -> PathBuf {
        let entries = fs::read_dir(self.at("keys")).unwrap().map(|entry| entry.unwrap().path());
        let is_statement_key = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("attestation-");
        entries.filter(is_statement_key).max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap()
    }

    fn fingerprint(&self) -> String {
        let row = postgres::Client::connect(&self.database, postgres::NoTls)
            .unwrap()
            .query_one("SELECT fingerprint FROM home_fingerprints WHERE kind = 'master_secret'", &[])
            .unwrap();
        row.get(0)
    }

    /// `serve`, `work` and `migrate` end with 3, say all of `parts`, and make nothing.
    #[track_caller]
    fn all_refuse(&self, parts: &[&str]) {
        let before = tree(self.home.path());
        for arguments in [&["serve"][..], &["serve", "--worker"], &["work"], &["migrate"]] {
            let (code, said) = ended(self.command(arguments));
            assert_eq!(code, Some(3), "{arguments:?}: {said}");
            for part in parts {
                assert!(said.contains(part), "{arguments:?}: {part} is not in {said}");
            }
            assert_eq!(tree(self.home.path()), before, "{arguments:?}");
        }
    }
}

#[test]
fn a_home_without_its_master_secret_or_with_another_one_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let (own, others) = (place.fingerprint(), other.fingerprint());
    let secret = fs::read(place.at("master.secret")).unwrap();
    fs::remove_file(place.at("master.secret")).unwrap();
    place.all_refuse(&["there is no master secret here", &own, "--adopt-home"]);
    fs::copy(other.at("master.secret"), place.at("master.secret")).unwrap();
    place.all_refuse(&[&own, &others, "--adopt-home"]);
    // the file is back, and so is the service
    fs::write(place.at("master.secret"), &secret).unwrap();
    run(place.command(&["migrate"]));
    // its owner says that the noted one is lost
    fs::copy(other.at("master.secret"), place.at("master.secret")).unwrap();
    run(place.command(&["migrate", "--adopt-home"]));
    assert_eq!(place.fingerprint(), others);
    run(place.command(&["migrate"]));
    fs::write(place.at("master.secret"), &secret).unwrap();
    place.all_refuse(&[&own, &others]);
}

#[test]
fn a_home_without_its_statement_key_or_with_another_one_is_refused_and_a_rotation_is_not() {
    let (place, other) = (Place::new(), Place::new());
    let (own, others) = (place.statement_key(), other.statement_key());
    let id = |path: &Path| path.file_stem().unwrap().to_str().unwrap().strip_prefix("attestation-").unwrap().to_owned();
    let kept = fs::read(&own).unwrap();
    fs::remove_file(&own).unwrap();
    place.all_refuse(&["the newest statement key here is none", &id(&own)]);
    fs::copy(&others, place.at("keys").join(others.file_name().unwrap())).unwrap();
    place.all_refuse(&[&id(&own), &id(&others)]);
    fs::remove_file(place.at("keys").join(others.file_name().unwrap())).unwrap();
    fs::write(&own, kept).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    run(place.command(&["migrate"]));
    // rotated twice and revoked, while no process ran that could note it
    for _ in 0..2 {
        run(place.command(&["keys", "rotate", "--purpose", "attestation"]));
    }
    fs::remove_file(&own).unwrap();
    run(place.command(&["migrate"]));
    let noted = "SELECT count(*) FROM home_fingerprints WHERE kind = 'statement_key'";
    let mut sql = postgres::Client::connect(&place.database, postgres::NoTls).unwrap();
    assert_eq!(sql.query_one(noted, &[]).unwrap().get::<_, i64>(0), 2);
}

#[test]
fn of_two_first_starts_with_two_homes_one_is_noted_and_the_other_makes_nothing() {
    for _ in 0..3 {
        let database = migrated_database();
        let homes = [home(), home()];
        let before = homes.each_ref().map(|home| tree(home.path()));
        let starts = homes.each_ref().map(|home| {
            let command = assay(home.path(), &database, &["migrate"]);
            thread::spawn(move || ended(command))
        });
        let codes = starts.map(|start| start.join().unwrap());
        let mut sorted = codes.each_ref().map(|(code, _)| *code);
        sorted.sort_unstable();
        assert_eq!(sorted, [Some(0), Some(3)], "{codes:?}");
        let loser = usize::from(codes[1].0 == Some(3));
        assert!(codes[loser].1.contains("there is no master secret here"), "{codes:?}");
        assert_eq!(tree(homes[loser].path()), before[loser]);
    }
}

#[test]
fn first_starts_with_one_home_agree_and_one_that_was_interrupted_is_finished() {
    let (place, database) = (home(), migrated_database());
    let starts = [(); 4].map(|()| {
        let command = assay(place.path(), &database, &["migrate"]);
        thread::spawn(move || ended(command))
    });
    for start in starts {
        let (code, said) = start.join().unwrap();
        assert_eq!(code, Some(0), "{said}");
    }
    // the secret and the keys are written, and nothing is noted: the process died in between
    let files = tree(place.path());
    let mut sql = postgres::Client::connect(&database, postgres::NoTls).unwrap();
    let noted = "SELECT kind, fingerprint FROM home_fingerprints ORDER BY kind";
    let all = |sql: &mut postgres::Client| -> Vec<(String, String)> {
        sql.query(noted, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let before = all(&mut sql);
    assert_eq!(before.len(), 2);
    sql.batch_execute("DELETE FROM home_fingerprints").unwrap();
    run(assay(place.path(), &database, &["migrate"]));
    assert_eq!((all(&mut sql), tree(place.path())), (before, files));
}

#[test]
fn a_setting_out_of_range_ends_every_service_command_with_2_and_is_named() {
    let place = Place::new();
    for (name, value, key) in [
        ("ASSAY_CORS_ORIGINS", "[\"not an origin\"]", "cors_origins"),
        ("ASSAY_CORS_ORIGINS", "[\"https://a.example/path\"]", "cors_origins"),
        ("ASSAY_DATABASE_CONNECTIONS", "0", "database_connections"),
        ("ASSAY_UPLOAD_IDLE_SECONDS", "0", "upload_idle_seconds"),
        ("ASSAY_UPLOAD_IDLE_SECONDS", "18446744073709551615", "upload_idle_seconds"),
        ("ASSAY_UPLOAD_MAX_BYTES", "0", "upload_max_bytes"),
        ("ASSAY_WORKER__DEAD_AFTER_SECONDS", "1", "worker.dead_after_seconds"),
        ("ASSAY_WORKER__UNITS", "0", "worker.units"),
        ("ASSAY_PUBLIC_URL", "https://", "public_url"),
        ("ASSAY_PUBLIC_URL", "assay.example", "public_url"),
        ("ASSAY_TRUSTED_PROXIES", "[\"10.0.0.0/99\"]", "trusted_proxies"),
        ("ASSAY_LOG__FILTER", "assay=loud", "log.filter"),
    ] {
        for command in ["serve", "work", "migrate"] {
            let mut command = place.command(&[command]);
            command.env(name, value);
            let (code, said) = ended(command);
            assert_eq!(code, Some(2), "{name}={value}: {said}");
            assert!(said.contains(key), "{name}={value}: {said}");
        }
    }
}

#[test]
fn a_worker_that_may_not_delete_snapshots_clears_its_scratch_all_the_same() {
    let place = Place::new();
    let mut roles = Command::new(cluster().lock().unwrap().programs().join("psql"));
    roles.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"]);
    roles.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/roles.sql")).arg(&place.database);
    run(roles);
    sql(&place, "REVOKE DELETE ON snapshots FROM assay_worker");
    // one that is to be swept
    sql(
        &place,
        "INSERT INTO exchanges (exchange_id, domain, created_at)
         VALUES (gen_random_uuid(), 'a.example', now() - interval '99 days');
         INSERT INTO snapshots (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at)
         SELECT gen_random_uuid(), exchange_id, 'old', created_at, '', '', created_at FROM exchanges",
    );
    let scratch = place.at("work/0197f3c1-0000-7000-8000-000000000000");
    fs::create_dir_all(scratch.join("ledger")).unwrap();
    let joint = if place.database.contains('?') { '&' } else { '?' };
    let database = format!("{}{joint}options=-c%20role%3Dassay_worker", place.database);
    let (_, failed, said) = failing(assay(place.home.path(), &database, &[]));
    assert!(failed.contains(&"database".to_owned()), "{said}");
    let worker = Process::start(assay(place.home.path(), &database, &["work"]));
    wait_for("the end of the scratch", 30, || (!scratch.exists()).then_some(()));
    let said = worker.logged();
    assert!(said.contains("\"what\":\"snapshots\"") && said.contains("not swept"), "{said}");
}

/// What `assay doctor` says of a set-up: the names of the checks that fail.
fn failing(mut command: Command) -> (Option<i32>, Vec<String>, String) {
    let output = command.arg("doctor").arg("--json").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let diagnosis: Value = serde_json::from_str(&said)
        .unwrap_or_else(|e| panic!("{e}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    let findings = diagnosis["findings"].as_array().unwrap().iter();
    let failed = findings.filter(|finding| finding["ok"] == json!(false));
    let names = failed.map(|finding| finding["name"].as_str().unwrap().to_owned());
    // how much memory is free is the machine's business
    (output.status.code(), names.filter(|name| name != "memory" && name != "disk").collect(), said)
}

#[test]
fn doctor_finds_what_serve_would_end_with_and_makes_nothing() {
    type Change = fn(&Place, &mut Command);
    let set_ups: &[(&str, &str, Change)] = &[
        ("no master secret", "home and database", |p, _| fs::remove_file(p.at("master.secret")).unwrap()),
        ("another master secret", "home and database", |p, _| {
            fs::write(p.at("master.secret"), "ab".repeat(32)).unwrap();
        }),
        ("a master secret that others read", "master secret", |p, _| {
            fs::set_permissions(p.at("master.secret"), fs::Permissions::from_mode(0o644)).unwrap();
        }),
        ("no statement key", "home and database", |p, _| fs::remove_file(p.statement_key()).unwrap()),
        ("a statement key without its private half", "keys", |p, _| {
            let path = p.statement_key();
            let mut key: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            key.as_object_mut().unwrap().remove("d");
            fs::write(path, key.to_string()).unwrap();
        }),
        ("a damaged key", "keys", |p, _| fs::write(p.statement_key(), "{").unwrap()),
        ("a pipe among the keys", "keys", |p, _| {
            assert!(Command::new("mkfifo").arg(p.at("keys/x.json")).status().unwrap().success());
        }),
        ("keys that others may enter", "keys", |p, _| {
            fs::set_permissions(p.at("keys"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("an issuer's file that is missing", "issuers", |p, c| issuer(p, c, "ES256", "missing.json")),
        ("an issuer's file that is a pipe", "issuers", |p, c| {
            assert!(Command::new("mkfifo").arg(p.at("pipe.json")).status().unwrap().success());
            issuer(p, c, "ES256", "pipe.json");
        }),
        ("an issuer's file with a bad key", "issuers", |p, c| {
            let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA" }] });
            fs::write(p.at("keys.json"), keys.to_string()).unwrap();
            issuer(p, c, "EdDSA", "keys.json");
        }),
        ("an unknown algorithm", "issuers", |p, c| issuer(p, c, "RS256", "missing.json")),
        ("a proxy that is no address", "settings", |_, c| {
            c.env("ASSAY_TRUSTED_PROXIES", "[\"proxy.internal\"]");
        }),
        ("an address of another machine", "listen", |_, c| {
            c.env("ASSAY_LISTEN", "192.0.2.1:8080");
        }),
        ("metrics at an address of another machine", "metrics_listen", |_, c| {
            c.env("ASSAY_METRICS_LISTEN", "192.0.2.1:9464");
        }),
        ("a worker's metrics at an address of another machine", "worker.metrics_listen", |_, c| {
            c.env("ASSAY_WORKER__METRICS_LISTEN", "192.0.2.1:9465");
        }),
        ("a database that is not there", "database", |_, c| {
            c.env("DATABASE_URL", "postgres://assay@127.0.0.1:1/assay");
        }),
        ("a database without tables", "database", |_, c| {
            c.env("DATABASE_URL", database());
        }),
        ("a database of a newer program", "database", |p, _| {
            sql(p, "INSERT INTO refinery_schema_history VALUES (9999, 'x', '', '0')");
        }),
        ("a database that is read only", "database", |p, _| {
            let name = p.database.split('?').next().unwrap().rsplit('/').next().unwrap();
            sql(p, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        }),
        ("more connections than there are", "database", |_, c| {
            c.env("ASSAY_DATABASE_CONNECTIONS", "1000");
        }),
        ("a database without the queue", "database", |p, _| sql(p, "DROP SCHEMA graphile_worker CASCADE")),
        ("a directory of parameters that is a file", "home", |p, _| {
            fs::remove_file(p.at("parameters")).unwrap();
            fs::write(p.at("parameters"), "").unwrap();
        }),
        ("a directory of parameters that is not there", "home", |p, _| {
            fs::remove_file(p.at("parameters")).unwrap();
            std::os::unix::fs::symlink("/nowhere/at/all", p.at("parameters")).unwrap();
        }),
        ("a scratch directory that is a file", "home", |p, _| fs::write(p.at("work"), "").unwrap()),
        ("a private database without its master secret", "master secret", |p, c| {
            fs::remove_file(p.at("master.secret")).unwrap();
            fs::create_dir_all(p.at("postgres/postgres")).unwrap();
            c.env_remove("DATABASE_URL");
        }),
        ("a home that others may write to", "home", |p, _| {
            fs::set_permissions(p.home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        }),
    ];
    let healthy = Place::new();
    let (_, failed, said) = failing(healthy.command(&[]));
    assert!(failed.is_empty(), "{said}");
    for (what, name, change) in set_ups {
        let place = Place::new();
        let mut command = place.command(&[]);
        change(&place, &mut command);
        let before = tree(place.home.path());
        let (code, failed, said) = failing(command);
        assert_eq!(code, Some(3), "{what}: {said}");
        assert!(failed.iter().any(|failed| failed == name), "{what}: {said}");
        assert_eq!(tree(place.home.path()), before, "{what}");
    }
    // an address that another program has
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = healthy.command(&[]);
    command.env("ASSAY_LISTEN", taken.local_addr().unwrap().to_string());
    assert_eq!(failing(command).1, ["listen"]);
    drop(taken);
    // and a service that runs already is no fault
    let service = Service::without_worker();
    let mut command = assay(service.home.path(), &service.database, &[]);
    let address = format!("127.0.0.1:{}", service.port);
    command.env("ASSAY_LISTEN", &address).env("ASSAY_PUBLIC_URL", format!("http://{address}"));
    let (_, failed, said) = failing(command);
    assert!(failed.is_empty(), "{said}");
    // but with another address it would sign another log
    let mark = service.home.path().join("log/high-water");
    let signed = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        mark.exists()
    });
    assert!(signed, "the empty log is signed within seconds");
    let mut command = assay(service.home.path(), &service.database, &[]);
    command.env("ASSAY_LISTEN", &address).env("ASSAY_PUBLIC_URL", "https://another.example");
    let (_, failed, said) = failing(command);
    assert_eq!(failed, ["transparency log"], "{said}");
    assert!(said.contains(&format!("set transparency.origin = \\\"{address}/log\\\"")), "{said}");
}

fn sql(place: &Place, sql: &str) {
    postgres::Client::connect(&place.database, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
}

/// Settings with one issuer, whose keys are in a file of the home.
fn issuer(place: &Place, command: &mut Command, algorithm: &str, file: &str) {
    let text = format!(
        "[[issuers]]\nissuer = \"https://id.example\"\njwks_file = {:?}\nalgorithms = [{algorithm:?}]\n\
         exchange = \"a.example\"\nscopes = [\"audit:read\"]\n",
        place.at(file)
    );
    fs::write(place.at("assay.toml"), text).unwrap();
    command.env("ASSAY_CONFIG", place.at("assay.toml"));
}

/// A whole day of a service at the finest level: a ledger is handed over, proved and looked up.
#[test]
fn no_level_of_the_log_shows_an_account_a_balance_or_a_token() {
    let service = Service::on(database(), &["serve", "--worker"], &[("ASSAY_LOG__FILTER", "trace")]);
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("traced", 5, 0);
    let id = service.published(&service.prove(&service.upload(&ledger, &publisher), &publisher), &publisher);
    let customer = service.token("customer", "customer-3");
    let inclusion = service.get(&format!("/v1/attestations/{id}/inclusion"), Some(&customer)).expect(200).json();
    let said = service.post(&format!("/v1/attestations/{id}/verification"), &customer, &json!({"included": true}));
    said.expect(204);
    let regulator = service.token("regulator", "authority");
    service.get(&format!("/v1/reserves/{id}"), Some(&regulator)).expect(200);
    let log = service.log();
    assert!(
        log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""),
        "the filter lets nothing through"
    );
    let mut secrets = vec!["customer-".to_owned(), "bc1qone".to_owned(), "9000000".to_owned()];
    secrets.push(inclusion["salt"].as_str().unwrap().to_owned());
    secrets.extend([&publisher, &customer, &regulator].map(|token| token.rsplit('.').next().unwrap().to_owned()));
    // of the balances those that no other number looks like
    secrets.extend((0..5).map(|account| format!("0.{:08}", account + 1)));
    secrets.extend(["30.5", "40.5"].map(str::to_owned));
    for secret in secrets {
        // a file's content is a list of numbers as a parameter
        let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        for shown in [secret.clone(), bytes.join(", ")] {
            // without the time, whose seconds may look like a balance
            let mut lines = log.lines().map(|line| line.split_once("\"level\"").map_or(line, |(_, rest)| rest));
            let line = lines.find(|line| line.contains(&shown));
            assert!(line.is_none(), "{secret} is in the log: {}", line.unwrap_or_default());
        }
    }
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines.filter(|line| line["level"] == "DEBUG" || line["level"] == "TRACE") {
        assert!(line["target"].as_str().unwrap().starts_with("assay"), "{line}");
    }
}

#[test]
fn tokens_for_another_address_are_told_which_one_is_right() {
    let service = Service::without_worker();
    let ask = |settings: &[(&str, &str)]| {
        let mut command = assay(service.home.path(), &service.database, &["token", "mint", "--role", "regulator"]);
        command.args(["--subject", "s"]).envs(settings.iter().copied());
        let token = run(command).trim().to_owned();
        service.get(&format!("/v1/compliance/{}", "0".repeat(64)), Some(&token)).expect(401)
    };
    for settings in [&[][..], &[("ASSAY_PUBLIC_URL", "https://elsewhere.example")]] {
        let refused = ask(settings);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&service.url("")) && detail.contains("public_url"), "{detail}");
        assert!(!detail.contains("elsewhere"), "nothing of the token is repeated");
    }
    // and who starts a service at another address than its public one is told at once
    let place = Place::new();
    let mut process = Process::start(place.command(&["serve"]));
    let warned = wait_for("a warning", 30, || {
        let log = process.logged();
        log.contains("is listening on").then_some(()).and_then(|()| log.contains("ASSAY_PUBLIC_URL").then_some(log))
    });
    assert!(warned.contains("http://127.0.0.1:8080"), "{warned}");
    assert_eq!(process.terminate().0, Some(0));
}

/// Also where tokens are cached for a minute and a backup lies beside the keys.
#[test]
fn a_deleted_key_ends_within_five_seconds_in_a_running_service() {
    let service = Service::on(database(), &["serve"], &[("ASSAY_TOKEN_BELIEVED_SECONDS", "60")]);
    let token = service.token("regulator", "authority");
    let ask = || service.get(&format!("/v1/compliance/{}", "0".repeat(64)), Some(&token)).status;
    let keys = service.home.path().join("keys");
    fs::write(keys.join("token-backup.json"), "{").unwrap();
    assert_eq!(ask(), 404);
    let key = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let key =
        key.filter(|path| path.metadata().unwrap().len() > 1).find(|path| path.to_str().unwrap().contains("/token-"));
    fs::remove_file(key.unwrap()).unwrap();
    let deleted = std::time::Instant::now();
    wait_for("the end of the token", 6, || (ask() == 401).then_some(()));
    assert!(deleted.elapsed() < std::time::Duration::from_secs(6));
    let log = service.log();
    assert!(log.contains("a key cannot be used") && log.contains("token-backup.json"), "{log}");
}

#[test]
fn keys_of_other_issuers_are_fetched_before_the_first_request() {
    let place = tempfile::tempdir().unwrap();
    let settings = place.path().join("assay.toml");
    let text = "[[issuers]]\nissuer = \"https://id.example\"\njwks_file = \"/no/such/list.json\"\nalgorithms = [\"ES256\"]\n\
                scopes = [\"audit:read\"]\n";
    fs::write(&settings, text).unwrap();
    let service = Service::on(database(), &["serve"], &[("ASSAY_CONFIG", settings.to_str().unwrap())]);
    let log = service.log();
    assert!(log.contains("keys of an issuer cannot be used") && log.contains("/no/such/list.json"), "{log}");
}
