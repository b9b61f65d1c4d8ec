//! Monitors that verify attestations and report what they find, as the program that people run.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use assay::transparency::monitor::{Asked, Monitor};
use assay::transparency::reader::Reader;
use assay_verifier::log::policy::Policy;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use time::Duration;

use crate::{
    api::NOW,
    witnesses::{Running, blocking},
};

/// A monitor's files, and the log that it follows.
struct Place {
    dir: tempfile::TempDir,
    url: String,
}

impl Place {
    async fn of(running: &Running) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap(), url: running.url.clone() };
        fs::write(place.at("policy"), running.text("/.well-known/assay-log").await).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(["log", "monitor", &self.url, "--json", "--test-shapes", "--log-policy"]).arg(self.at("policy"));
        command.arg("--state").arg(self.at("state")).args(more).env("ASSAY_HOME", self.at("home"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Exit code, findings as pairs of kind and detail, and what was said beside them.
    async fn run(&self, more: &[&str]) -> (Option<i32>, Vec<(String, String)>, String) {
        let mut command = self.command(more);
        let output = blocking(move || command.output().unwrap()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings = printed["findings"].as_array().cloned().unwrap_or_default();
        let findings = findings.iter().map(|finding| (text(&finding["kind"]), text(&finding["detail"]))).collect();
        (output.status.code(), findings, said)
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.at("state")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// The service through a server that answers some paths itself.
pub(crate) fn through(
    base: &str,
    instead: impl Fn(&str) -> Option<HttpResponse> + Clone + Send + Sync + 'static,
) -> String {
    let (listener, base) = (TcpListener::bind("127.0.0.1:0").unwrap(), base.strip_suffix("/log").unwrap().to_owned());
    let url = format!("http://{}/log", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let (base, instead) = (base.clone(), instead.clone());
        let forward = move |request: HttpRequest| {
            let own = instead(&request.uri().to_string());
            let asked = format!("{base}{}", request.uri());
            async move {
                if let Some(own) = own {
                    return own;
                }
                match blocking(move || ureq::get(&asked).call()).await {
                    Ok(mut given) => HttpResponse::Ok().body(given.body_mut().read_to_vec().unwrap()),
                    Err(_) => HttpResponse::NotFound().finish(),
                }
            }
        };
        App::new().default_service(web::to(forward))
    });
    actix_web::rt::spawn(server.workers(1).listen(listener).unwrap().run());
    url
}

/// The service, without its bundles.
fn without_bundles(base: &str) -> String {
    through(base, |path| path.ends_with("/bundle.zip").then(|| HttpResponse::NotFound().finish()))
}

#[actix_web::test]
async fn an_attestation_that_does_not_verify_or_cannot_be_had_is_found_at_each_run() {
    let mut running = Running::start().await;
    // the proofs of these are none
    let all = running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let place = Place::of(&running).await;
    assert_eq!(place.run(&[]).await.0, Some(0), "nothing is verified without --verify");
    let gone = Place { url: without_bundles(&running.url), ..Place::of(&running).await };
    for _ in 0..2 {
        let (code, found, said) = gone.run(&["--verify"]).await;
        assert_eq!((code, found.len()), (Some(1), 2), "{found:?} {said}");
        assert!(found.iter().all(|(kind, detail)| kind == "proof" && detail.contains("cannot be had")), "{found:?}");
    }
    let kept: BTreeSet<String> = all.iter().map(|published| format!("bundle-{}.zip", published.id)).collect();
    assert!(gone.names().is_disjoint(&kept));
    // found again, also if the service gives out nothing any more
    for url in [running.url.clone(), without_bundles(&running.url)] {
        let place = Place { dir: tempfile::tempdir().unwrap(), url };
        fs::copy(gone.at("policy"), place.at("policy")).unwrap();
        if place.url != running.url {
            fs::create_dir(place.at("state")).unwrap();
            for name in &kept {
                fs::copy(gone.at("state").join(name), place.at("state").join(name)).unwrap();
            }
        }
        let (code, found, said) = place.run(&["--verify"]).await;
        assert_eq!((code, found.len()), (Some(1), 2), "{found:?} {said}");
        for (published, (kind, detail)) in all.iter().zip(&found) {
            assert!(kind == "proof" && detail.contains("does not verify: not so: its shape"), "{detail}");
            assert!(detail.contains(&published.id), "{detail}");
        }
        assert!(said.contains("verifying"), "progress is shown: {said}");
        assert!(place.names().is_superset(&kept));
        assert_eq!(fs::read_to_string(place.at("state/verified")).unwrap(), "");
        for name in &kept {
            fs::copy(place.at("state").join(name), gone.at("state").join(name)).unwrap();
        }
    }
    // only what concerns one exchange
    assert_eq!(place.run(&["--verify", "--exchange", "other.example"]).await.0, Some(0));
    // what was noted is not verified again, unless its signature is asked for
    let note = |what: &str| all.iter().map(|published| format!("{} {what}\n", published.id)).collect::<String>();
    fs::write(place.at("state/verified"), note("proved")).unwrap();
    assert_eq!(place.run(&["--verify"]).await.0, Some(0));
    fs::write(place.at("keys"), running.text("/.well-known/jwks.json").await).unwrap();
    let keys = place.at("keys").to_str().unwrap().to_owned();
    assert_eq!(place.run(&["--verify", "--jwks", &keys]).await.1.len(), 2);
    fs::write(place.at("state/verified"), note("signed")).unwrap();
    assert!(place.names().is_superset(&kept));
    assert_eq!(place.run(&["--verify", "--jwks", &keys]).await.0, Some(0));
    assert!(place.names().is_disjoint(&kept), "a crash left these");
    fs::write(place.at("state/verified"), "something else\n").unwrap();
    let (code, _, said) = place.run(&["--verify"]).await;
    assert!(code == Some(3) && said.contains("not the list that a monitor wrote"), "{said}");
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_bundle_of_another_statement_is_not_kept_and_the_kept_ones_do_not_fill_the_disk() {
    let mut running = Running::start().await;
    let all = running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let name = |at: usize| format!("bundle-{}.zip", all[at].id);
    let url = format!("{}/v1/attestations/{}/bundle.zip", running.url.strip_suffix("/log").unwrap(), all[0].id);
    let first = blocking(move || ureq::get(&url).call().unwrap().body_mut().read_to_vec().unwrap()).await;
    let bytes = first.clone();
    let url = through(&running.url, move |path| {
        path.ends_with("/bundle.zip").then(|| HttpResponse::Ok().body(bytes.clone()))
    });
    let place = Place { url, ..Place::of(&running).await };
    let (code, found, said) = place.run(&["--verify"]).await;
    assert!(code == Some(1) && found[0].1.contains("does not verify"), "{found:?} {said}");
    assert!(found[1].1.contains("no bundle of its statement: it contains another statement"), "{found:?}");
    assert!(place.names().contains(&name(0)) && !place.names().contains(&name(1)));
    // one that was kept before is fetched again
    let honest = Place { url: running.url.clone(), ..place };
    fs::write(honest.at("state").join(name(1)), first).unwrap();
    let (_, found, _) = honest.run(&["--verify"]).await;
    assert!(found.iter().all(|(_, detail)| detail.contains("does not verify: not so: its shape")), "{found:?}");
    assert!(honest.names().contains(&name(0)) && honest.names().contains(&name(1)));
    // a file of 1 GiB that takes no room
    fs::remove_file(honest.at("state").join(name(1))).unwrap();
    fs::File::create(honest.at("state/bundle-x.zip")).unwrap().set_len(1 << 30).unwrap();
    let (_, found, _) = honest.run(&["--verify"]).await;
    assert!(found[1].1.contains("does not verify") && found[1].1.contains("is not kept"), "{found:?}");
    assert!(honest.names().contains(&name(0)) && !honest.names().contains(&name(1)));
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn an_attestation_that_is_false_is_another_finding_than_one_that_cannot_be_had() {
    let mut running = Running::start().await;
    running.publish(0..1).await;
    running.sign(&[]).await.unwrap();
    let place = Place::of(&running).await;
    fs::write(place.at("secret"), "of two").unwrap();
    let secret = place.at("secret").to_str().unwrap().to_owned();
    let receiver = Hook::new(vec!["200 OK"; 4]);
    let arguments = ["--verify", "--webhook", &receiver.url, "--webhook-secret-file", &secret];
    let of_statement = |answer: fn() -> HttpResponse| {
        through(&running.url, move |path| (path.ends_with("/statement") || path.ends_with("/bundle.zip")).then(answer))
    };
    let silent = of_statement(|| HttpResponse::NotFound().finish());
    let lying = of_statement(|| HttpResponse::Ok().body("x"));
    let mut place = Place { url: silent, ..place };
    assert_eq!(place.run(&arguments).await.0, Some(1));
    place.url = lying;
    assert_eq!(place.run(&arguments).await.0, Some(1));
    let keys = receiver.keys();
    assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (4, 4));
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn what_the_log_signed_is_kept_before_its_entries_and_a_log_that_goes_dark_is_posted() {
    let mut running = Running::start().await;
    running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let place = Place::of(&running).await;
    assert_eq!(place.run(&[]).await.0, Some(0));
    fs::write(place.at("secret"), "of two").unwrap();
    let secret = place.at("secret").to_str().unwrap().to_owned();
    let before = running.text("/log/checkpoint").await;
    running.publish(2..3).await;
    running.sign(&[]).await.unwrap();
    let (open, closed) = (running.url.clone(), "http://127.0.0.1:1/log".to_owned());
    let withheld = through(&open, |path| path.contains("/tile/entries/").then(|| HttpResponse::NotFound().finish()));
    let stale =
        through(&open, move |path| path.ends_with("/checkpoint").then(|| HttpResponse::Ok().body(before.clone())));
    let mut place = place;
    let unread = |place: &Place| {
        let names = place.names().into_iter();
        names.filter(|name| name.starts_with("evidence-3-") && name.ends_with("-unread.checkpoint")).count()
    };
    for (url, code, kind, kept) in [
        (withheld, Some(3), "unreadable", 1),
        (stale, Some(1), "older", 1),
        (open.clone(), Some(0), "", 0),
        (closed, Some(3), "unreadable", 0),
    ] {
        place.url = url;
        let receiver = Hook::new(vec!["200 OK"]);
        let (ended, found, said) = place.run(&["--webhook", &receiver.url, "--webhook-secret-file", &secret]).await;
        assert_eq!((ended, unread(&place)), (code, kept), "{found:?} {said}");
        let kinds: Vec<&str> = found.iter().map(|(kind, _)| kind.as_str()).collect();
        let posted: Vec<Value> = receiver.posts.try_iter().map(|(_, post)| post).collect();
        let posted: Vec<&str> = posted.iter().map(|post| post["kind"].as_str().unwrap()).collect();
        assert_eq!((kinds.concat().as_str(), posted.concat().as_str()), (kind, kind), "{said}");
    }
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn what_the_log_shows_is_posted_before_bundles_are_asked_for() {
    let mut running = Running::start().await;
    running.publish(0..1).await;
    running.sign(&[]).await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let url = through(&running.url, move |path| {
        let is_bundle = path.ends_with("/bundle.zip");
        count.fetch_add(usize::from(is_bundle), Ordering::SeqCst);
        is_bundle.then(|| HttpResponse::NotFound().finish())
    });
    let place = Place { url, ..Place::of(&running).await };
    fs::write(place.at("secret"), "of two").unwrap();
    let secret = place.at("secret").to_str().unwrap().to_owned();
    // the receiver does not answer
    let receiver = Hook::new(vec![""]);
    let arguments = ["--verify", "--cadence-days", "1", "--webhook", &receiver.url, "--webhook-secret-file", &secret];
    let mut killed: Child = place.command(&arguments).spawn().unwrap();
    let post = blocking(move || receiver.posts.recv().unwrap().1).await;
    assert_eq!((post["kind"].as_str(), asked.load(Ordering::SeqCst)), (Some("late"), 0));
    killed.kill().unwrap();
    blocking(move || killed.wait().unwrap()).await;
    assert_eq!(place.run(&["--verify"]).await.0, Some(1));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    running.handle.stop(false).await;
}

/// A receiver that answers each post with the next status, and lets the last one wait if that is empty.
struct Hook {
    url: String,
    posts: Receiver<(String, Value)>,
}

impl Hook {
    fn new(answers: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (seen, posts) = channel();
        thread::spawn(move || {
            let mut waiting = Vec::new();
            for status in answers {
                let (mut connection, _) = listener.accept().unwrap();
                let post = post(&connection);
                if seen.send(post).is_err() {
                    return;
                }
                if status.is_empty() {
                    waiting.push(connection);
                } else {
                    let more = "Content-Length: 0\r\nConnection: close\r\n\r\n";
                    write!(connection, "HTTP/1.1 {status}\r\n{more}").unwrap();
                }
            }
        });
        Self { url, posts }
    }

    fn keys(&self) -> Vec<String> {
        self.posts.try_iter().map(|(_, post)| post["key"].as_str().unwrap().to_owned()).collect()
    }
}

/// The signature and the document of a request, after a comparison of the two.
fn post(connection: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let field = |name: &str| {
        head.lines()
            .find_map(|line| Some(line.split_once(": ")?).filter(|(n, _)| n.eq_ignore_ascii_case(name)))
            .map(|(_, v)| v.to_owned())
    };
    let mut body = vec![0; field("content-length").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(b"of two").unwrap().chain_update(&body).finalize().into_bytes();
    let signature = field("x-assay-signature").unwrap();
    assert_eq!(signature, format!("sha256={}", hex::encode(mac)));
    (signature, serde_json::from_slice(&body).unwrap())
}

#[actix_web::test]
async fn each_finding_is_posted_until_it_is_taken_and_not_again() {
    let mut running = Running::start().await;
    running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let place = Place::of(&running).await;
    fs::write(place.at("secret"), "of two\n").unwrap();
    let secret = place.at("secret").to_str().unwrap().to_owned();
    let to = |url: &str| -> Vec<String> {
        let all = ["--verify", "--cadence-days", "1", "--webhook", url, "--webhook-secret-file", &secret];
        all.map(str::to_owned).to_vec()
    };
    let run = async |url: &str| {
        let arguments = to(url);
        place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };

    // nobody is there: all is printed and kept, and nothing is noted
    let (code, found, said) = run("http://127.0.0.1:1/hook").await;
    assert_eq!((code, found.len()), (Some(3), 3), "{said}");
    assert!(said.contains("3 findings were not delivered") && !said.contains("/hook"), "{said}");
    assert!(
        place.names().contains("checkpoint") && fs::read_to_string(place.at("state/delivered")).unwrap().is_empty()
    );

    // the second of three fails once, the third is refused
    let first = Hook::new(vec!["200 OK", "500 Internal Server Error", "204 No Content", "403 Forbidden"]);
    let (code, _, said) = run(&first.url).await;
    assert!(code == Some(3) && said.contains("one finding was not delivered") && said.contains("403"), "{said}");
    let posts: Vec<Value> = first.posts.try_iter().map(|(_, post)| post).collect();
    let kinds: Vec<&str> = posts.iter().map(|post| post["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["late", "proof", "proof", "proof"]);
    assert_eq!(posts[1], posts[2]);
    for (post, (kind, detail)) in [&posts[0], &posts[1], &posts[3]].into_iter().zip(&found) {
        assert_eq!((post["kind"].as_str(), post["detail"].as_str()), (Some(&**kind), Some(&**detail)));
        assert_eq!((post["origin"].as_str(), post["size"].as_u64()), (Some("assay.example/log"), Some(2)));
    }
    let keys: Vec<String> = posts.iter().map(|post| post["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 3);

    // a redirect is not followed, and what was not taken is posted again, alone
    let redirect = "307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/";
    let second = Hook::new(vec![redirect, "200 OK"]);
    let (code, _, said) = run(&second.url).await;
    assert!(code == Some(3) && said.contains("no redirect is followed"), "{said}");
    assert_eq!(run(&second.url).await.0, Some(1));
    assert_eq!(second.keys(), [&keys[3], &keys[3]].map(String::clone));
    // nobody is asked for nothing
    assert_eq!(run("http://127.0.0.1:1/hook").await.0, Some(1));

    // what is gone is forgotten, and posted again if it comes back
    let third = Hook::new(vec!["200 OK"]);
    let all = to("http://127.0.0.1:1/hook");
    let less: Vec<&str> =
        all.iter().map(String::as_str).filter(|word| !["--cadence-days", "1"].contains(word)).collect();
    assert_eq!(place.run(&less).await.0, Some(1));
    assert_eq!(run(&third.url).await.0, Some(1));
    assert_eq!(third.keys(), [keys[0].clone()]);

    // addresses that are none, and a secret that is none
    for (url, reason) in [("http://receiver.example/", "is not encrypted"), ("https://a@receiver.example/", "a user")] {
        let (code, _, said) = run(url).await;
        assert!(code == Some(2) && said.contains("--webhook") && said.contains(reason), "{said}");
    }
    fs::write(place.at("secret"), "").unwrap();
    assert_eq!(run(&third.url).await.0, Some(2));
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_finding_that_was_taken_by_the_receiver_and_not_noted_is_posted_again_under_its_key() {
    let mut running = Running::start().await;
    running.publish(0..1).await;
    running.sign(&[]).await.unwrap();
    let place = Place::of(&running).await;
    fs::write(place.at("secret"), "of two").unwrap();
    let secret = place.at("secret").to_str().unwrap().to_owned();
    let receiver = Hook::new(vec!["", "200 OK"]);
    let arguments = ["--cadence-days", "1", "--webhook", &receiver.url, "--webhook-secret-file", &secret];
    let mut killed: Child = place.command(&arguments).spawn().unwrap();
    let (before, posts) = blocking(move || (receiver.posts.recv().unwrap(), receiver.posts)).await;
    killed.kill().unwrap();
    blocking(move || killed.wait().unwrap()).await;
    assert_eq!(place.run(&arguments).await.0, Some(1));
    assert_eq!(posts.recv().unwrap(), before);
    assert_eq!(fs::read_to_string(place.at("state/delivered")).unwrap().trim_end(), before.1["key"]);
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_late_exchange_is_one_finding_until_it_publishes() {
    let mut running = Running::start().await;
    let (dir, policy) = (tempfile::tempdir().unwrap(), format!("log {}\nquorum none\n", running.log_key()));
    let keys = async |running: &Running, now| {
        let (dir, url, policy): (PathBuf, _, _) =
            (Path::join(dir.path(), "state"), running.url.clone(), policy.clone());
        let asked = Asked { cadence: Some(Duration::DAY), ..Asked::default() };
        let followed = blocking(move || {
            let mut monitor = Monitor::open(&dir, Policy::parse(policy.as_bytes()).unwrap()).unwrap();
            monitor.follow(&Reader::new(&url), &asked, now).unwrap()
        });
        let followed = followed.await;
        assert!(followed.is_complete);
        followed.findings.iter().map(|finding| (finding.kind, finding.key(&followed.origin))).collect::<Vec<_>>()
    };
    running.publish(0..1).await;
    running.sign(&[]).await.unwrap();
    let first = keys(&running, NOW).await;
    assert!(first.len() == 1 && first[0].0 == "late", "{first:?}");
    assert_eq!(keys(&running, NOW + Duration::days(9)).await, first);
    running.publish(1..2).await;
    running.sign(&[]).await.unwrap();
    let second = keys(&running, NOW).await;
    assert!(second.len() == 1 && second != first);
    running.handle.stop(false).await;
}
