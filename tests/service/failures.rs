//! What goes wrong: every write lost, or done and reported as failed; processes killed at every stage; two workers for one
//! job; Postgres restarted under everything; a full disk. After each there is exactly one attestation or a clean refusal, and
//! everything that is stored is verified again.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use assay::{
    attest::{MachineRates, Rates},
    home::Home,
};
use assay_core::sealed::Sealed;
use assay_programs::{
    ledger::{inclusion::verify_inclusion, shape::Shape, statement::Statement, verify::verify},
    purpose::TestShapes,
};
use assay_verifier::parameters::load;
use serde_json::Value;

use crate::{
    proxy::{Fate, Proxy},
    support::{
        Answer, Process, Service, SmallLedger, assay, cluster, migrated_database, parameters, restart_cluster, wait_for,
    },
};

/// Enough accounts for five steps.
const ACCOUNTS: usize = 40;

/// Reads back everything that the database holds of published attestations: each statement and proof is verified, each
/// belongs to its row, there is one for each epoch, and every customer is inside.
#[track_caller]
fn everything_stored_verifies(service: &Service, attestations: i64) {
    let mut sql = service.sql();
    let rows = sql.query("SELECT attestation_id, statement, proof, jws, job_id FROM attestations", &[]).unwrap();
    assert_eq!(rows.len() as i64, attestations);
    let epochs: i64 = sql.query_one("SELECT count(DISTINCT epoch) FROM attestations", &[]).unwrap().get(0);
    assert_eq!(epochs, attestations);
    let published: i64 = sql.query_one("SELECT count(*) FROM jobs WHERE state = 'published'", &[]).unwrap().get(0);
    assert_eq!(published, attestations);
    let checkpoints: i64 = sql.query_one("SELECT count(*) FROM checkpoints", &[]).unwrap().get(0);
    assert_eq!(checkpoints, 0);
    for row in rows {
        let (id, statement, proof): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        let statement = Sealed::<Statement>::parse(&statement).unwrap();
        assert_eq!(statement.digest().0.as_slice(), id);
        let report = verify(Ok(&statement), &proof, TestShapes::Accepted, |shape| load(shape, &parameters()));
        assert!(report.is_valid(), "{:?}", report.checks);
        let customer = service.token("customer", "customer-7");
        let path = format!("/v1/attestations/{}/inclusion", hex::encode(&id));
        let inclusion = service.get(&path, Some(&customer)).expect(200);
        let report = verify_inclusion(Ok(&statement), &inclusion.body, Some("customer-7"));
        assert!(report.is_valid(), "{:?}", report.checks);
        let jws: String = row.get(3);
        assert!(jws.contains("signatures"));
    }
}

/// A client that is told of failures and asks again with the same idempotency key, as clients do.
fn stubborn(service: &Service, method: &str, path: &str, token: &str, key: &str, body: &[u8]) -> Answer {
    let mut last = String::new();
    let begun = Instant::now();
    wait_for("an answer", 90, || {
        assert!(begun.elapsed() < Duration::from_secs(60), "{method} {path}: {last}\n{}", service.log());
        let kind = if method == "PUT" { "text/csv" } else { "application/json" };
        let headers = [("content-type", kind), ("idempotency-key", key)];
        let answer = service.try_request(method, path, Some(token), &headers, body).ok()?;
        last = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        (answer.status < 500).then_some(answer)
    })
}

fn through(proxy: &Proxy, url: &str) -> String {
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let user = url.split("://").nth(1).unwrap().split('@').next().unwrap();
    format!("postgres://{user}@127.0.0.1:{}/{name}", proxy.port)
}

fn socket() -> PathBuf {
    let url = cluster().lock().unwrap().url().to_owned();
    let host = url.split('@').nth(1).unwrap().split('/').next().unwrap().replace("%2F", "/");
    let host = percent_decoded(&host);
    Path::new(&host).join(".s.PGSQL.5432")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Each write × {lost, persisted but reported as failed}: the whole way from a ledger to its attestation, during which every
/// different write to the database fails once. The processes are killed and started again in between.
#[test]
fn every_write_may_be_lost_or_reported_as_failed_and_there_is_one_attestation() {
    let proxy = Proxy::start(socket());
    for (day, fate) in [(0, Fate::Lost), (1, Fate::PersistedButReportedAsFailed)] {
        let database = migrated_database();
        let mut service = Service::on(through(&proxy, &database), &["serve", "--worker"], &[]);
        let publisher = service.token("publisher", "ops");
        let ledger = SmallLedger::new(&format!("writes-{day}"), ACCOUNTS, day);
        proxy.hit(Some(fate));
        let created =
            stubborn(&service, "POST", "/v1/snapshots", &publisher, "create", ledger.metadata.to_string().as_bytes())
                .expect(201)
                .json();
        let snapshot = created["id"].as_str().unwrap();
        for (name, content) in &ledger.files {
            let path = format!("/v1/snapshots/{snapshot}/files/{name}");
            stubborn(&service, "PUT", &path, &publisher, name, content.as_bytes()).expect(204);
        }
        let path = format!("/v1/snapshots/{snapshot}/attestation");
        let job = stubborn(&service, "POST", &path, &publisher, "prove", br#"{"shape":"solvency-8"}"#).expect(202);
        let job = job.json()["id"].as_str().unwrap().to_owned();
        // a restart in the middle
        service.restart(&["serve", "--worker"], &[]);
        let ended = service.finished(&job, &publisher, 300);
        let hit = proxy.writes();
        proxy.hit(None);
        println!("{fate:?}: {} different writes were hit\n  {}", hit.len(), hit.join("\n  "));
        assert_eq!(ended["state"], "published", "{ended}\n{}", service.log());
        assert!(hit.len() >= 15, "{hit:?}");
        for part in
            ["INSERT INTO snapshots", "INSERT INTO snapshot_files", "INSERT INTO jobs", "INSERT INTO attestations"]
        {
            assert!(hit.iter().any(|h| h.contains(part)), "{part} was not hit: {hit:?}");
        }
        everything_stored_verifies(&service, 1);
    }
}

/// kill -9 of the worker during each stage; another one, elsewhere, goes on. And at the end two at once.
#[test]
fn a_worker_killed_at_any_stage_is_replaced_and_the_attestation_is_published_once() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let snapshot = service.upload(&SmallLedger::new("killed", ACCOUNTS, 0), &publisher);
    let job = service.prove(&snapshot, &publisher);
    let (here, elsewhere) = (service.other_home(), service.other_home());
    let mut steps_before = 0;
    for (i, state) in ["checking", "folding", "folding", "compressing", "publishing"].into_iter().enumerate() {
        let place = if i % 2 == 0 { &here } else { &elsewhere };
        let mut worker = service.worker(place.path(), &[]);
        let reached = wait_for(state, 120, || {
            assert!(worker.is_running(), "{}", worker.logged());
            let now = service.job(&job, &publisher);
            let at = now["state"].as_str().unwrap().to_owned();
            // a stage may pass between two looks; then the next kill is of a later one
            let order =
                ["queued", "checking", "planning", "folding", "compressing", "verifying", "publishing", "published"];
            let rank = |s: &str| order.iter().position(|o| *o == s).unwrap();
            let steps = now["steps_done"].as_i64().unwrap_or(0);
            let far_enough = rank(&at) > rank(state) || (at == state && (state != "folding" || steps > steps_before));
            far_enough.then_some((at, steps))
        });
        let log = worker.kill();
        steps_before = reached.1;
        println!("killed at {reached:?}");
        if reached.0 == "published" {
            break;
        }
        drop(log);
    }
    // two workers take what is left
    let (mut one, mut two) = (service.worker(here.path(), &[]), service.worker(elsewhere.path(), &[]));
    let ended = service.finished(&job, &publisher, 120);
    assert_eq!(ended["state"], "published", "{ended}\n{}\n{}", one.logged(), two.logged());
    everything_stored_verifies(&service, 1);
    for worker in [&mut one, &mut two] {
        let (code, took) = worker.terminate();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

/// SIGTERM in the middle of a fold, a worker that is declared dead while it lives, Postgres restarted under a fold and under
/// requests.
#[test]
fn a_stopped_worker_hands_over_and_postgres_may_restart_under_everything() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let snapshot = service.upload(&SmallLedger::new("restarted", 500, 0), &publisher);
    let job = service.prove(&snapshot, &publisher);
    let (here, elsewhere) = (service.other_home(), service.other_home());
    let mut first = service.worker(here.path(), &[]);
    let folding = |more_than: i64| {
        wait_for("the fold going on", 120, || {
            let now = service.get(&format!("/v1/jobs/{job}"), Some(&publisher));
            if now.status != 200 {
                return None;
            }
            let now: Value = now.json();
            let state = now["state"].as_str().unwrap().to_owned();
            let steps = now["steps_done"].as_i64().unwrap_or(0);
            (steps > more_than || !["queued", "checking", "planning", "folding"].contains(&state.as_str()))
                .then_some(steps)
        })
    };
    let steps = folding(1);
    let (code, took) = first.terminate();
    assert_eq!(code, Some(0), "{}", first.logged());
    assert!(took < Duration::from_secs(30), "{took:?}");
    let kept: i32 = service.sql().query_one("SELECT steps FROM checkpoints", &[]).unwrap().get(0);
    assert!(i64::from(kept) >= steps, "{kept} < {steps}");

    let begun = Instant::now();
    let mut second = service.worker(elsewhere.path(), &[]);
    let log = wait_for("the fold taken up", 60, || Some(second.logged()).filter(|log| log.contains("fold")));
    assert!(!log.contains("begun anew"), "{log}");
    folding(i64::from(kept));
    restart_cluster();
    println!("handed over and Postgres restarted after {:?}", begun.elapsed());
    // requests go on as soon as it is back, and never worse than 503
    wait_for("requests", 30, || {
        let answer = service.get("/v1/attestations", None);
        assert!(answer.status == 200 || answer.status == 503, "{}", answer.status);
        (answer.status == 200).then_some(())
    });
    let ended = service.finished_or(&job, &publisher, 120, || second.logged());
    assert!(second.is_running(), "{}", second.logged());
    assert_eq!(ended["state"], "published", "{ended}\n{}", second.logged());
    everything_stored_verifies(&service, 1);
}

/// The shape is chosen once, by the figures of the worker that plans: one that measured otherwise goes on with it.
#[test]
fn a_planned_job_keeps_its_shape_whatever_the_next_worker_measured() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let request = |name, epoch| {
        let snapshot = service.upload(&SmallLedger::new(name, 3_000, epoch), &publisher);
        let path = format!("/v1/snapshots/{snapshot}/attestation");
        let job = service.post(&path, &publisher, &serde_json::json!({"shape": "auto"})).expect(202).json();
        job["id"].as_str().unwrap().to_owned()
    };
    let job = request("here", 0);
    let (here, elsewhere) = (service.other_home(), service.other_home());
    let rates = |step, compression| {
        let [step, compression] = [step, compression].map(Duration::from_secs);
        Rates { parameters: step, step, compression, verification: step }
    };
    // elsewhere the large shape is said to be faster
    let figures = [("solvency-64", rates(10, 100)), ("solvency-512", rates(20, 1))];
    let figures = figures.map(|(name, rates)| (Shape::named(name).unwrap(), rates));
    MachineRates::from_iter(figures).write(&Home::new(elsewhere.path().to_owned()), 1).unwrap();

    let one_thread = [("ASSAY_WORKER__THREADS", "1")];
    let first = service.worker(here.path(), &one_thread);
    wait_for("a step", 120, || (service.job(&job, &publisher)["steps_done"].as_i64() > Some(0)).then_some(()));
    first.kill();
    let second = service.worker(elsewhere.path(), &one_thread);
    let ended = service.finished(&job, &publisher, 240);
    assert_eq!((&ended["state"], &ended["shape"]), (&"published".into(), &"solvency-64".into()), "{}", second.logged());
    assert!(!second.logged().contains("begun anew"), "{}", second.logged());

    let job = request("elsewhere", 1);
    let planned = |job: Value| Some(job["shape"].clone()).filter(|shape| shape != "auto");
    assert_eq!(wait_for("a plan", 120, || planned(service.job(&job, &publisher))), "solvency-512");
}

/// A worker whose disk is full fails, says why, and its job is done elsewhere; cancelled jobs stay cancelled.
#[test]
fn a_full_disk_is_an_error_of_the_machine_and_a_cancelled_job_publishes_nothing() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let snapshot = service.upload(&SmallLedger::new("full", 3_000, 0), &publisher);
    let path = format!("/v1/snapshots/{snapshot}/attestation");
    let job = service.post(&path, &publisher, &serde_json::json!({"shape": "solvency-64"})).expect(202).json();
    let job = job["id"].as_str().unwrap().to_owned();
    let place = service.other_home();
    // files may grow to 8 KiB: the ledger does not fit
    let mut limited = std::process::Command::new("bash");
    let inner = assay(place.path(), &service.database, &["work"]);
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" work"]).arg(inner.get_program());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    // its log is a pipe, which no limit touches
    let full = limited.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut full = Killed(full);
    let said = {
        use std::io::{BufRead, BufReader};
        let lines = BufReader::new(full.0.stderr.take().unwrap()).lines().map_while(Result::ok);
        lines.into_iter().find(|line| line.contains("to be tried again")).unwrap_or_default()
    };
    assert!(said.contains("too large"), "{said}");
    drop(full);
    let now = service.job(&job, &publisher);
    assert!(!["published", "failed", "refused"].contains(&now["state"].as_str().unwrap()), "{now}");

    let asked = service.try_request("DELETE", &format!("/v1/jobs/{job}"), Some(&publisher), &[], &[]).unwrap();
    assert_eq!(asked.status, 202);
    let _worker: Process = service.worker(place.path(), &[]);
    let ended = service.finished(&job, &publisher, 60);
    assert_eq!(ended["state"], "cancelled", "{ended}");
    everything_stored_verifies(&service, 0);
}

/// The disk of Postgres is full, during uploads and during a fold, and then has room again: refusals meanwhile, and afterwards
/// everything goes on.
#[test]
#[ignore = "needs the right to mount a tmpfs: .ci/run full-disk"]
fn a_full_disk_of_the_database_is_a_refusal_and_everything_goes_on_afterwards() {
    let place = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(place.path());
    // the whole disk is smaller than the reserve
    let service = Service::private(place.path(), &[("ASSAY_BOUNDS__DISK_RESERVE_BYTES", "0")]);
    let publisher = service.token("publisher", "ops");
    let first = service.prove(&service.upload(&SmallLedger::new("before", 16, 0), &publisher), &publisher);
    let attestation = service.published(&first, &publisher);

    let snapshot = service.upload(&SmallLedger::new("meanwhile", ACCOUNTS, 1), &publisher);
    let upload = SmallLedger::new("afterwards", 16, 2);
    let wanted = service.post("/v1/snapshots", &publisher, &upload.metadata).expect(201).json();
    let path = format!("/v1/snapshots/{}/files/balances.csv", wanted["id"].as_str().unwrap());
    let job = service.prove(&snapshot, &publisher);
    wait_for("the fold", 60, || {
        let now = service.job(&job, &publisher);
        (now["steps_done"].as_i64().unwrap_or(0) > 0 || now["state"] == "published").then_some(())
    });
    disk.fill();
    let mut refused = 0;
    // hard to compress, so that it takes room
    let mut large = upload.files[2].1.clone().into_bytes();
    let mut state = 1u64;
    for _ in 0..4 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        large.push(b'a' + (state >> 59) as u8 % 26);
    }
    for _ in 0..8 {
        let answer = service.put(&path, &publisher, &large);
        assert!([204, 503, 507].contains(&answer.status), "{}", answer.status);
        if answer.status != 204 {
            refused += 1;
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!text.contains("file_chunks"), "{text}");
        }
        disk.fill();
    }
    assert!(refused > 0);
    let meanwhile = service.get(&format!("/v1/attestations/{attestation}/statement"), None).status;
    assert!(meanwhile == 200 || meanwhile == 503, "{meanwhile}");

    disk.make_room();
    let (_, balances) = &upload.files[2];
    stubborn(&service, "PUT", &path, &publisher, "again", balances.as_bytes()).expect(204);
    let ended = service.finished(&job, &publisher, 240);
    assert_eq!(ended["state"], "published", "{ended}\n{}", service.log());
    everything_stored_verifies(&service, 2);
    let ended = service.log().contains("had ended and was started again");
    println!("{refused} of 8 uploads were refused; Postgres {} meanwhile", if ended { "ended" } else { "lived on" });
}

#[test]
#[ignore = "needs the right to mount a tmpfs: .ci/run full-disk"]
fn a_full_disk_is_not_waited_for_uploads_leave_a_reserve_and_say_so() {
    let place = tempfile::tempdir().unwrap();
    let _disk = SmallDisk::mount(place.path());
    let service = Service::private(place.path(), &[("ASSAY_BOUNDS__DISK_RESERVE_BYTES", "1000000000")]);
    let publisher = service.token("publisher", "ops");
    let refused = service.post("/v1/snapshots", &publisher, &SmallLedger::new("s", 4, 0).metadata).expect(507).json();
    assert_eq!(refused["type"], "/problems/insufficient-storage");
    assert!(refused["detail"].as_str().unwrap().contains("bounds.disk_reserve_bytes"), "{refused}");
    // what is there is still served
    service.get("/v1/attestations", None).expect(200);
}

/// The files of the private Postgres are behind a link, on a disk that is smaller than the reserve; the home has room.
#[test]
#[ignore = "needs the right to mount a tmpfs: .ci/run full-disk"]
fn a_full_disk_is_found_where_the_link_to_the_cluster_leads() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let _disk = SmallDisk::mount(elsewhere.path());
    let mut service = Service::private(place.path(), &[("ASSAY_BOUNDS__DISK_RESERVE_BYTES", "0")]);
    let publisher = service.token("publisher", "ops");
    service.post("/v1/snapshots", &publisher, &SmallLedger::new("before", 4, 0).metadata).expect(201);
    assert_eq!(service.process.as_mut().unwrap().terminate().0, Some(0));
    let (named, moved) = (service.home.path().join("postgres/postgres"), elsewhere.path().join("cluster"));
    assert!(std::process::Command::new("cp").arg("-a").args([&named, &moved]).status().unwrap().success());
    std::fs::remove_dir_all(&named).unwrap();
    std::os::unix::fs::symlink(&moved, &named).unwrap();
    // more than the small disk has, and less than the home's
    let reserve = [("ASSAY_BOUNDS__DISK_RESERVE_BYTES", "300000000")];
    service.restart(&["serve", "--worker"], &reserve);
    let refused = service.post("/v1/snapshots", &publisher, &SmallLedger::new("s", 4, 1).metadata).expect(507).json();
    assert!(refused["detail"].as_str().unwrap().contains("bounds.disk_reserve_bytes"), "{refused}");
    let mut doctor = assay(service.home.path(), "", &["doctor"]);
    let said = doctor.env_remove("DATABASE_URL").envs(reserve).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!("✗ disk: {}", named.display())), "{said}");
    assert!(said.contains("it runs"), "{said}");
}

/// A file system that is soon full.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path) -> Self {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=200m,mode=0755", "tmpfs"]).arg(place);
        assert!(mount.status().unwrap().success(), "no tmpfs can be mounted");
        Self(place.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn fill(&self) {
        use std::io::Write;
        let mut filler = std::fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        while filler.write_all(&[7; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
