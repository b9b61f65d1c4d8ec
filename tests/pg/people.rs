//! The pages that people read, on a real Postgres.

use actix_web::{
    App,
    body::MessageBody,
    dev::ServiceResponse,
    http::header,
    test::{TestRequest, call_service, init_service, read_body},
};
use assay::{
    api,
    store::{attestations, jobs},
};
use assay_core::sealed::Sealed;
use assay_programs::{
    ledger::{shape::Shape, statement::Statement},
    testing::{test_pages, test_statement},
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    api::{EXCHANGE, NOW, Place, app, header_of, publish},
    support::{job, new_attestation, plan, snapshot},
};

fn page(path: &str, tag: &str) -> TestRequest {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    TestRequest::get().uri(path).insert_header((header::ACCEPT, accept)).insert_header((header::ACCEPT_LANGUAGE, tag))
}

async fn html(answer: ServiceResponse<impl MessageBody>) -> String {
    assert_eq!(answer.status(), 200);
    assert_eq!(header_of(&answer, "content-type"), "text/html; charset=utf-8");
    let policy = header_of(&answer, "content-security-policy");
    assert!(policy.contains("script-src 'self'") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
    assert_eq!(header_of(&answer, "cross-origin-opener-policy"), "same-origin");
    assert_eq!(header_of(&answer, "referrer-policy"), "no-referrer");
    assert!(header_of(&answer, "permissions-policy").contains("geolocation=()"));
    assert_eq!(header_of(&answer, "cache-control"), "public, max-age=60");
    String::from_utf8(read_body(answer).await.to_vec()).unwrap()
}

/// Publishes a statement of the test exchange that breaks its policy, changed, under the domain that it names.
async fn publish_changed(place: &Place, epoch: OffsetDateTime, change: impl FnOnce(&mut Statement)) -> String {
    publish_judged(place, epoch, false, change).await
}

async fn publish_judged(
    place: &Place,
    epoch: OffsetDateTime,
    valid: bool,
    change: impl FnOnce(&mut Statement),
) -> String {
    let shape = Shape::named("solvency-8").unwrap();
    let mut statement = test_statement(shape, &"0".repeat(64), &test_pages(shape, 3, 5));
    change(&mut statement);
    let (store, domain, name) =
        (&place.database.store, statement.exchange.domain.clone(), statement.exchange.name.clone());
    let sealed = Sealed::seal(statement).unwrap();
    let text = String::from_utf8(sealed.bytes().to_vec()).unwrap();
    let job = job(store, snapshot(store, &domain, epoch).await.unwrap()).await.unwrap();
    plan(store, job, &text).await.unwrap();
    let mut new = new_attestation(job, &text, NOW);
    new.exchange_name = name;
    new.valid = valid;
    new.report = serde_json::json!({ "checks": [{ "id": "coverage", "title": "<b>of every asset</b>", "passed": valid, "detail": "too little of T00" }] });
    let work = async |tx| {
        attestations::publish(&tx, &new).await?;
        jobs::advance(&tx, job, &crate::support::UNDER_WAY, jobs::JobState::Published, NOW).await
    };
    assert!(store.run_tx("test.publish", work).await.unwrap());
    hex::encode(sealed.digest().0)
}

#[actix_web::test]
async fn what_is_published_is_on_the_pages_in_both_languages() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    assert!(html(send(page("/", "en")).await).await.contains("No attestation is published yet"));
    assert_eq!(send(page(&format!("/e/{EXCHANGE}"), "en")).await.status(), 404);
    let mut published = Vec::new();
    for day in 1..=3 {
        let epoch = NOW - Duration::days(10 - day);
        published.push(publish(&place.database.store, "solvency-8", 5, &format!("s{day}"), epoch).await.id);
    }
    let newest = &published[2];

    // a list shows what was just published, although pages are kept
    let home = html(send(page("/", "en")).await).await;
    assert!(home.contains("Exchange s3") && home.contains(&format!("/a/{newest}")), "{home}");
    assert!(home.contains(&format!("/e/{EXCHANGE}")) && !home.contains("Exchange s2"), "{home}");
    assert!(home.contains("100.00\u{a0}%") && home.contains("less than 2 minutes ago"), "{home}");
    let heim = html(send(page("/", "de-CH,de;q=0.9")).await).await;
    assert!(heim.contains("lang=\"de\"") && heim.contains("100,00\u{a0}%") && heim.contains("Minuten"), "{heim}");
    assert_eq!(html(send(page("/?lang=de", "en")).await).await.matches("?lang=de").count(), 8);

    let history = html(send(page(&format!("/e/{EXCHANGE}"), "en")).await).await;
    for id in &published {
        assert!(history.contains(&format!("/a/{id}")), "{history}");
    }
    assert!(history.contains("<path class=\"line\"") && history.contains("gaps: 0"), "{history}");

    for (tag, sentence) in [("en", "This page verifies nothing"), ("de", "Diese Seite prüft nichts")] {
        let shown = html(send(page(&format!("/a/{newest}"), tag)).await).await;
        assert!(shown.contains(sentence) && shown.contains("Exchange s3") && shown.contains("T00"), "{shown}");
        assert!(shown.contains(&format!("/v1/attestations/{newest}/bundle.zip")), "{shown}");
    }
    // what is shown before is not asked of the database again
    let path = format!("/a/{newest}");
    let first = send(page(&path, "en")).await;
    let tag = header_of(&first, "etag");
    assert!(header_of(&first, "vary").starts_with("accept-encoding, accept-language"));
    let known = send(page(&path, "en").insert_header((header::IF_NONE_MATCH, tag))).await;
    assert_eq!(known.status(), 304);
    let packed = send(page(&path, "en").insert_header((header::ACCEPT_ENCODING, "gzip"))).await;
    assert_eq!(header_of(&packed, "content-encoding"), "gzip");

    let missing = send(page(&format!("/a/{}", "0".repeat(64)), "en")).await;
    assert_eq!(
        (missing.status().as_u16(), header_of(&missing, "content-type").as_str()),
        (404, "text/html; charset=utf-8")
    );
    for path in [format!("/a/{newest}?page=2"), format!("/a/{newest}?page=0"), "/?after=z.example".to_owned()] {
        assert_eq!(send(page(&path, "en")).await.status(), 404, "{path}");
    }
    let newest_statement: Value = serde_json::from_slice(
        &read_body(send(page(&format!("/v1/attestations/{newest}/statement"), "en")).await).await,
    )
    .unwrap();
    let taken = send(page(&format!("/a/{newest}/verify.html"), "en")).await;
    assert!(header_of(&taken, "content-security-policy").contains("connect-src 'none'; "), "it sends nothing");
    let taken = String::from_utf8(read_body(taken).await.to_vec()).unwrap();
    let block = taken.split_once("id=\"attestation\">").unwrap().1.split_once("</script>").unwrap().0;
    let block: Value = serde_json::from_str(block).unwrap();
    assert_eq!(block["id"], newest.as_str());
    let statement =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, block["statement_base64"].as_str().unwrap());
    assert_eq!(serde_json::from_slice::<Value>(&statement.unwrap()).unwrap(), newest_statement);
    assert!(block["jwks"]["keys"].is_array() && block["signatures"]["statement"].is_object());
}

#[actix_web::test]
async fn an_exchange_s_names_stay_text_and_a_failure_is_shown_as_one() {
    let place = Place::new(|config| config.promised_interval_seconds = 3600).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let id = publish_changed(&place, NOW - Duration::days(1), |statement| {
        statement.exchange.name = "<script>alert(1)</script>&\"".to_owned();
        statement.exchange.domain = "hostile.example".to_owned();
    })
    .await;
    for path in ["/".to_owned(), "/e/hostile.example".to_owned(), format!("/a/{id}")] {
        let shown = html(send(page(&path, "en")).await).await;
        assert!(!shown.contains("<script") && !shown.contains("<b>"), "{path}: {shown}");
        assert!(shown.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;"), "{path}: {shown}");
        assert!(shown.contains("<bdi class=\"value\">&#60;script&#62;alert(1)"), "{path}: {shown}");
        assert!(shown.contains("badge bad") && shown.contains("not met"), "{path}: {shown}");
    }
    let shown = html(send(page(&format!("/a/{id}"), "en")).await).await;
    assert!(shown.contains("do not meet its own policy") && shown.contains("too little of T00"), "{shown}");
}

#[actix_web::test]
async fn no_page_says_that_a_policy_is_met_where_none_is_stated() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let publish = async |domain: &str, coverage_bps: Option<u32>| {
        let change = |statement: &mut Statement| {
            statement.exchange.domain = domain.to_owned();
            statement.policy.coverage_bps = coverage_bps;
            if coverage_bps.is_none() {
                // without reserves there is nothing to cover with
                (statement.reserves.lines, statement.reserves.root) = (0, "0".repeat(64));
                statement.assets.iter_mut().for_each(|asset| asset.reserves = "0".to_owned());
            }
        };
        publish_judged(&place, NOW - Duration::days(1), true, change).await
    };
    let free = publish("free.example", None).await;
    for path in ["/".to_owned(), "/e/free.example".to_owned(), format!("/a/{free}")] {
        for (tag, words) in [("en", "no policy stated"), ("de", "keine Vorgabe genannt")] {
            let shown = html(send(page(&path, tag)).await).await;
            assert!(shown.contains("<span class=\"badge plain\">") && shown.contains(words), "{path}: {shown}");
            assert!(
                !shown.contains("badge good\">met") && !shown.contains("badge good\">Own policy"),
                "{path}: {shown}"
            );
        }
    }
    let bound = publish("bound.example", Some(10_000)).await;
    let shown = html(send(page(&format!("/a/{bound}"), "en")).await).await;
    assert!(shown.contains("badge good\">Own policy: met"), "{shown}");
    assert!(html(send(page("/e/bound.example", "en")).await).await.contains("badge good\">met"));
}

#[actix_web::test]
async fn lists_are_paged_and_a_late_exchange_is_marked() {
    let place = Place::new(|config| config.promised_interval_seconds = 3600).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    for number in 0..51 {
        let of = |statement: &mut Statement| statement.exchange.domain = format!("x{number:02}.example");
        publish_changed(&place, NOW - Duration::days(1), of).await;
    }
    let first = html(send(page("/", "en")).await).await;
    assert!(first.contains("/e/x00.example") && first.contains("/e/x49.example") && !first.contains("x50"), "{first}");
    assert!(first.contains("href=\"/?after=x49.example\""), "{first}");
    assert!(!first.contains("Late means"), "{first}");
    let second = html(send(page("/?after=x49.example", "en")).await).await;
    assert!(second.contains("/e/x50.example") && !second.contains("x49.example\"><bdi"), "{second}");

    for number in 0..31 {
        let of = |statement: &mut Statement| {
            statement.exchange.domain = "many.example".to_owned();
            statement.snapshot.id = format!("s{number}");
        };
        publish_changed(&place, NOW - Duration::days(40 - number), of).await;
    }
    let newest = html(send(page("/e/many.example", "en")).await).await;
    assert_eq!(newest.matches("href=\"/a/").count(), 30);
    let next = newest.split_once("href=\"/e/many.example?cursor=").unwrap().1.split_once('"').unwrap().0;
    let oldest = html(send(page(&format!("/e/many.example?cursor={next}"), "de")).await).await;
    assert_eq!(oldest.matches("href=\"/a/").count(), 1);
    // the switch of the language stays on this page of the list
    assert!(oldest.contains(&format!("?cursor={next}&#38;lang=en")), "{oldest}");

    // what nobody links to is shown, and not kept: here a row changes, which never happens, to tell one from the other
    let flip = |id: &str| id[..id.len() - 1].to_owned() + if id.ends_with('0') { "1" } else { "0" };
    let kept = ["/?after=x48.example".to_owned(), format!("/e/many.example?cursor={next}")];
    let invented = [
        "/?after=x48.invented.example".to_owned(),
        format!("/e/many.example?cursor={}", flip(next)),
        format!("/e/x07.example?cursor={}-{}", NOW.unix_timestamp_nanos(), "0".repeat(64)),
    ];
    let read = async |path: &String| html(send(page(path, "en")).await).await;
    let (kept_before, invented_before) = (
        [read(&kept[0]).await, read(&kept[1]).await],
        [read(&invented[0]).await, read(&invented[1]).await, read(&invented[2]).await],
    );
    place.database.run("ALTER TABLE attestations DISABLE TRIGGER attestations_insert_only").await;
    place.database.run("UPDATE attestations SET published_at = published_at - interval '2 hours'").await;
    for (path, before) in kept.iter().zip(&kept_before) {
        assert_eq!(read(path).await, *before, "{path}");
    }
    for (path, before) in invented.iter().zip(&invented_before) {
        assert_ne!(read(path).await, *before, "{path}");
    }
    let late = html(send(page("/", "en")).await).await;
    assert!(late.contains("Late means"), "{late}");
}

#[actix_web::test]
async fn a_statement_that_cannot_be_read_keeps_its_line_and_takes_nothing_else_away() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let id = publish(&place.database.store, "solvency-8", 3, "one", NOW - Duration::days(1)).await.id;
    publish_changed(&place, NOW - Duration::days(1), |s| s.exchange.domain = "other.example".to_owned()).await;
    let sql = "ALTER TABLE attestations DISABLE TRIGGER ALL;
               ALTER TABLE attestations DROP CONSTRAINT attestations_id_is_digest;
               UPDATE attestations SET statement = 'damaged' WHERE exchange_name = 'Exchange one'";
    place.database.run(sql).await;
    let home = html(send(page("/", "en")).await).await;
    assert!(
        home.contains("cannot be read")
            && home.contains("/e/other.example")
            && home.contains(" of <bdi class=\"value\">T"),
        "{home}"
    );
    let history = html(send(page(&format!("/e/{EXCHANGE}"), "en")).await).await;
    // ratio, share and policy: nobody can tell whether a rule is met that nobody can read
    assert_eq!(history.matches("cannot be read").count(), 3, "{history}");
    let failed = send(page(&format!("/a/{id}"), "en")).await;
    assert_eq!(
        (failed.status().as_u16(), header_of(&failed, "content-type").as_str()),
        (500, "text/html; charset=utf-8")
    );
}
