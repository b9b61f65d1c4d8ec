//! One attestation from many units: shards that any number of workers prove side by side, each unit going on where it stood.

use std::time::Duration;

use assay_core::sealed::Sealed;
use assay_programs::{
    ledger::{inclusion::verify_inclusion, statement::Statement, verify::verify},
    purpose::TestShapes,
};
use assay_verifier::parameters::load;
use serde_json::{Value, json};

use crate::support::{Service, SmallLedger, free_port, parameters, wait_for};

const ACCOUNTS: usize = 400;
const SHARDS: usize = 6;

fn request(service: &Service, name: &str, token: &str, shards: usize) -> String {
    let snapshot = service.upload(&SmallLedger::new(name, ACCOUNTS, 0), token);
    let path = format!("/v1/snapshots/{snapshot}/attestation");
    let job = service.post(&path, token, &json!({"shape": "solvency-8", "shards": shards})).expect(202).json();
    assert_eq!(job["shards"], shards);
    job["id"].as_str().unwrap().to_owned()
}

fn units(job: &Value) -> Vec<(String, u64, u64)> {
    let unit = |u: &Value| {
        let count = |name: &str| u[name].as_u64().unwrap();
        (u["state"].as_str().unwrap().to_owned(), count("steps_done"), count("steps"))
    };
    job["units"].as_array().map(|units| units.iter().map(unit).collect()).unwrap_or_default()
}

/// The stored statement and proof, verified again; the inclusion files of customers of every shard.
#[track_caller]
fn published_in(service: &Service, ended: &Value, shards: usize) {
    assert_eq!(ended["state"], "published", "{ended}");
    let id = ended["attestation"].as_str().unwrap();
    let part = |name: &str| service.get(&format!("/v1/attestations/{id}/{name}"), None).expect(200).body;
    let statement = Sealed::<Statement>::parse(&part("statement")).unwrap();
    assert_eq!(statement.shards.len(), shards);
    let report = verify(Ok(&statement), &part("proof"), TestShapes::Accepted, |shape| load(shape, &parameters()));
    assert!(report.is_valid(), "{:?}", report.checks);
    let mut seen = std::collections::BTreeSet::new();
    for a in 0..40 {
        let account = format!("customer-{a}");
        let customer = service.token("customer", &account);
        let file = service.get(&format!("/v1/attestations/{id}/inclusion"), Some(&customer)).expect(200).body;
        let report = verify_inclusion(Ok(&statement), &file, Some(&account));
        assert!(report.is_valid(), "{account}: {:?}", report.checks);
        seen.insert(serde_json::from_slice::<Value>(&file).unwrap()["shard"].as_u64().unwrap());
    }
    assert_eq!(seen.len(), shards, "customers of every shard");
    let stranger = service.token("customer", "nobody");
    service.get(&format!("/v1/attestations/{id}/inclusion"), Some(&stranger)).expect(404);
}

/// What a worker counts can be seen where its settings say.
#[test]
fn a_worker_serves_its_own_metrics() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let (home, address) = (service.other_home(), format!("127.0.0.1:{}", free_port()));
    let mut worker = service.worker(home.path(), &[("ASSAY_WORKER__METRICS_LISTEN", &address)]);
    let job = service.prove(&service.upload(&SmallLedger::new("counted", 16, 0), &publisher), &publisher);
    service.published(&job, &publisher);
    let counted = ureq::get(format!("http://{address}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    for line in ["assay_jobs_total{state=\"published\"} 1", "assay_fold_steps_total ", "assay_compress_seconds_count 1"]
    {
        assert!(counted.contains(line), "{line}: {counted}");
    }
    assert_eq!(worker.terminate().0, Some(0));
}

/// Three workers; one is killed while units are folded, another while the first is compressed. The units of the others are not
/// disturbed, and there is one attestation.
#[test]
fn units_go_on_when_workers_die_and_there_is_one_attestation() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let job = request(&service, "units", &publisher, SHARDS);
    let homes = [service.other_home(), service.other_home(), service.other_home()];
    let settings = [("ASSAY_WORKER__THREADS", "1"), ("ASSAY_WORKER__UNITS", "1")];
    let [mut first, mut second, third] = homes.each_ref().map(|home| service.worker(home.path(), &settings));
    // two units at the least are under way
    let at = wait_for("two units folding side by side", 120, || {
        assert!(first.is_running() && second.is_running(), "{}\n{}", first.logged(), second.logged());
        let job = service.job(&job, &publisher);
        let units = units(&job);
        let under_way = units.iter().filter(|(_, done, steps)| *done > 0 && done < steps).count();
        (under_way >= 2 || job["state"] == "published").then_some(job)
    });
    assert_eq!(at["state"], "folding", "{at}");
    assert_eq!((units(&at).len(), &at["shards"]), (SHARDS, &SHARDS.into()));
    let before: u64 = units(&at).iter().map(|(_, done, _)| done).sum();
    first.kill();
    wait_for("a unit compressing or proved", 120, || {
        let job = service.job(&job, &publisher);
        units(&job).iter().any(|(state, ..)| state != "folding").then_some(())
    });
    second.kill();
    let ended = service.finished_or(&job, &publisher, 240, || third.logged());
    published_in(&service, &ended, SHARDS);
    assert!(before > 0 && !third.logged().contains("begun anew"), "{}", third.logged());
    let done = units(&ended);
    assert!(done.iter().all(|(state, done, steps)| state == "proved" && done == steps), "{done:?}");
    let mut sql = service.sql();
    let count = |sql: &mut postgres::Client, query: &str| sql.query_one(query, &[]).unwrap().get::<_, i64>(0);
    assert_eq!(count(&mut sql, "SELECT count(*) FROM attestations"), 1);
    assert_eq!(count(&mut sql, "SELECT count(*) FROM checkpoints"), 0);
    assert_eq!(count(&mut sql, "SELECT count(*) FROM units WHERE proof IS NOT NULL"), 0);
}

/// One worker that takes several units at once, on threads of their own; a job that is cancelled in the middle ends all of them.
#[test]
fn one_worker_takes_several_units_at_once_and_cancelling_ends_all() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let home = service.other_home();
    let settings = [("ASSAY_WORKER__THREADS", "2"), ("ASSAY_WORKER__UNITS", "2")];
    let mut worker = service.worker(home.path(), &settings);
    let cancelled = request(&service, "cancelled", &publisher, 3);
    wait_for("two units of one worker", 120, || {
        let units = units(&service.job(&cancelled, &publisher));
        (units.iter().filter(|(_, done, steps)| *done > 0 && done < steps).count() == 2).then_some(())
    });
    let asked = service.try_request("DELETE", &format!("/v1/jobs/{cancelled}"), Some(&publisher), &[], &[]).unwrap();
    assert_eq!(asked.status, 202);
    let ledger = SmallLedger::new("several", ACCOUNTS, 1);
    let snapshot = service.upload(&ledger, &publisher);
    let path = format!("/v1/snapshots/{snapshot}/attestation");
    let job = service.post(&path, &publisher, &json!({"shape": "solvency-8", "shards": 3})).expect(202).json();
    let ended = service.finished_or(job["id"].as_str().unwrap(), &publisher, 240, || worker.logged());
    published_in(&service, &ended, 3);
    assert_eq!(service.job(&cancelled, &publisher)["state"], "cancelled");
    let (code, took) = worker.terminate();
    assert_eq!(code, Some(0), "{}", worker.logged());
    assert!(took < Duration::from_secs(30), "{took:?}");
    // a number of shards out of range is refused before anything is sealed
    let snapshot = service.upload(&SmallLedger::new("wrong", 5, 2), &publisher);
    for wrong in [json!(0), json!(4097), json!(-1), json!("2"), json!(null)] {
        let refused =
            service.post(&format!("/v1/snapshots/{snapshot}/attestation"), &publisher, &json!({"shards": wrong}));
        assert_eq!(refused.status, 400, "{wrong}");
    }
}
