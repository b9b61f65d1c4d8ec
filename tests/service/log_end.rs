//! The end of a log as its operator brings it about.

use std::{fs, time::Duration};

use sha2::{Digest, Sha256};

use crate::support::{Service, assay, wait_for};

/// The answer of `/readyz`, without the cache of its judgement.
fn is_refused(service: &Service) -> bool {
    let answer = service.get("/readyz", None);
    answer.status == 503 && String::from_utf8_lossy(&answer.body).contains("\"log\"")
}

#[test]
fn an_operator_ends_a_log_and_begins_the_next_one() {
    let mut service = Service::without_worker();
    let mark = service.home.path().join("log/high-water");
    wait_for("the first checkpoint", 20, || mark.exists().then_some(()));
    let origin = format!("127.0.0.1:{}/log", service.port);
    let retire = |service: &Service, more: &[&str]| {
        let own = ["log", "retire", "--reason", "A drill"];
        let mut command = assay(service.home.path(), &service.database, &[&own[..], more].concat());
        let output = command.env("ASSAY_PUBLIC_URL", service.url("")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = retire(&service, &[]);
    assert!(code == Some(2) && said.contains("--yes"), "{said}");
    let (code, said) = retire(&service, &["--yes"]);
    assert!(code == Some(3) && said.contains("stop every `assay serve` first"), "{said}");
    service.process = None;
    let (code, said) = retire(&service, &["--yes", "--successor", &origin]);
    assert!(code == Some(2) && said.contains("another name"), "{said}");
    // the server notices that the signer has ended
    let said = wait_for("the end of the log", 20, || {
        let (code, said) = retire(&service, &["--yes"]);
        (code == Some(0)).then_some(said)
    });
    assert!(said.starts_with(&format!("assay/log/retired/1\norigin {origin}\nsize 0\n")), "{said}");
    assert!(said.contains(&format!("successor {origin}2\nreason A drill\n\n\u{2014} {origin} ")), "{said}");
    let (code, said) = retire(&service, &["--yes"]);
    assert!(code == Some(3) && said.contains("retired already: A drill"), "{said}");

    service.restart(&["serve"], &[]);
    wait_for("the refusal", 30, || is_refused(&service).then_some(()));
    assert!(service.log().contains("is retired (A drill)"), "{}", service.log());
    let path = format!("/log/retired/{}", hex::encode(Sha256::digest(&origin)));
    let given = String::from_utf8(service.get(&path, None).expect(200).body).unwrap();
    assert!(given.contains("reason A drill"), "{given}");
    service.process = None;

    // the next one: its name and its key
    let keys = service.home.path().join("keys");
    let log_key = fs::read_dir(&keys).unwrap().map(|file| file.unwrap().path());
    let log_key = log_key.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("log-"));
    log_key.for_each(|path| fs::rename(&path, service.home.path().join("old-log-key.json")).unwrap());
    let made = assay(service.home.path(), &service.database, &["keys", "show"]).output().unwrap();
    assert!(made.status.success());
    let next = format!("{origin}2");
    service.restart(&["serve"], &[("ASSAY_TRANSPARENCY__ORIGIN", &next)]);
    let checkpoint = wait_for("a checkpoint of the next log", 40, || {
        let answer = service.get("/log/checkpoint", None);
        std::thread::sleep(Duration::from_millis(100));
        (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
    });
    assert!(checkpoint.starts_with(&format!("{next}\n")), "{checkpoint}");
    assert!(!is_refused(&service), "{}", service.log());
    assert_eq!(service.get(&path, None).status, 200);
}
