//! Discloses reserve lines: chosen lines of the reserves file, with one proof that the statement commits to them.
//! `assay_programs::reserves` has the format and the check.

use std::collections::BTreeMap;

use assay_core::{
    identity::MasterSecret,
    lines::{LineFields, ReserveTree},
    sealed::Sealed,
};
use assay_programs::{
    ledger::statement::Statement,
    reserves::{DisclosedFields, DisclosedLine, RESERVES_PROTOCOL, ReserveDisclosure},
};

use super::error::AttestError;

/// Discloses the lines at the indices `chosen` (ascending, at least one). `lines` is the whole reserves file of the
/// attestation with this `statement`.
///
/// # Errors
/// [`AttestError::Usage`] if `chosen` is empty, out of order or out of range; [`AttestError::NotValid`] if `lines` are
/// not those of the statement, or `secret` is not the master secret it was made with; [`AttestError::Core`].
pub fn disclose(
    statement: &Sealed<Statement>,
    lines: &[LineFields],
    secret: &MasterSecret,
    chosen: &[usize],
) -> Result<ReserveDisclosure, AttestError> {
    let blind = |line: usize| secret.reserve_blind(&statement.exchange.domain, &statement.snapshot.id, line as u64);
    let tree = ReserveTree::over(lines, blind);
    let root = hex::encode(tree.root());
    if root != statement.reserves.root || lines.len() as u64 != statement.reserves.lines {
        return Err(AttestError::NotValid(
            "these reserve lines, or this master secret, are not those of the attestation".to_owned(),
        ));
    }
    let proof = tree.multiproof(chosen).ok_or_else(|| {
        AttestError::Usage(format!("lines are chosen by ascending places, at least one, below {}", lines.len()))
    })?;
    let mut hidden: BTreeMap<&str, usize> = BTreeMap::new();
    for fields in lines {
        *hidden.entry(&fields[0]).or_default() += 1;
    }
    for place in chosen {
        hidden.entry(&lines[*place][0]).and_modify(|left| *left -= 1);
    }
    let complete = chosen.iter().all(|place| hidden.get(lines[*place][0].as_str()) == Some(&0));
    let disclosed = |place: &usize| DisclosedLine {
        index: *place as u64,
        fields: DisclosedFields::of(&lines[*place]),
        blind: hex::encode(blind(*place)),
    };
    Ok(ReserveDisclosure {
        protocol: RESERVES_PROTOCOL.to_owned(),
        attestation_id: statement.digest().to_string(),
        line_count: lines.len() as u64,
        root,
        lines: chosen.iter().map(disclosed).collect(),
        proof: hex::encode(proof),
        complete: Some(complete),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use assay_core::{holding::HoldingKeys, sealed::StatementDigest};
    use assay_ownership::{
        Context, Kind, Line, Verdict,
        testing::{TestLine, holding, holding_keys, holding_signature},
    };
    use assay_programs::{
        ledger::statement::{
            Asset, ByStatus, Column, ColumnKind, Evidence, Exchange, MAX_UNDATED_TEXTS, NOT_PROVEN, OWNERSHIP_RULES,
            OwnedAsset, PROTOCOL, Policy, Reserves, Shard, SnapshotInfo,
        },
        reserves::{MAX_DISCLOSURE_BYTES, ReservesReport, verify_reserves},
    };
    use assay_verifier::attestation::Attestation;
    use serde_json::{Value, json};

    use super::*;

    fn secret() -> MasterSecret {
        MasterSecret::new([3; 32])
    }

    /// Three lines of BTC (1.5, 0.25, 2e-8) and two of ETH (10, 0).
    fn all_lines() -> Vec<LineFields> {
        let line = |asset: &str, address: &str, amount: &str| {
            [asset, "chain", address, amount, "800000", "I am Example", "c2ln", "", "", ""].map(str::to_owned)
        };
        vec![
            line("BTC", "a", "1.5"),
            line("ETH", "b", "10"),
            line("BTC", "c", "0.25"),
            line("BTC", "d", "2e-8"),
            line("ETH", "e", "0"),
        ]
    }

    fn statement_over(lines: &[LineFields], reserves: [&str; 2]) -> Sealed<Statement> {
        let root =
            ReserveTree::over(lines, |line| secret().reserve_blind("exchange.example", "s1", line as u64)).root();
        let asset = |symbol: &str, scale, reserves: &str| Asset {
            symbol: symbol.to_owned(),
            scale,
            price: None,
            quote: "USD".to_owned(),
            reserves: reserves.to_owned(),
        };
        let column = |index, asset: &str| Column {
            index,
            kind: ColumnKind::Asset { asset: asset.to_owned() },
            total: "1".to_owned(),
        };
        let statement = Statement {
            protocol: PROTOCOL.to_owned(),
            shape: "solvency-64".to_owned(),
            parameter_digest: "00".repeat(32),
            exchange: Exchange { name: "Example".to_owned(), domain: "exchange.example".to_owned(), lei: None },
            snapshot: SnapshotInfo {
                id: "s1".to_owned(),
                series: "s1".to_owned(),
                taken_at: "2026-01-01T00:00:00Z".to_owned(),
                block_heights: BTreeMap::new(),
            },
            assets: vec![asset("BTC", 8, reserves[0]), asset("ETH", 2, reserves[1])],
            columns: vec![column(0, "BTC"), column(2, "ETH")],
            reserves: Reserves { root: hex::encode(root), lines: lines.len() as u64, evidence: None },
            policy: Policy {
                coverage_bps: Some(10_000),
                coverage_basis: None,
                below_margin_max: None,
                equity_ratio_bps: None,
                owned_bps: None,
            },
            rules: None,
            shards: vec![Shard { root: "00".repeat(32), steps: 1, rules: None }],
            not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
        };
        Sealed::seal(statement).unwrap()
    }

    fn honest_statement() -> Sealed<Statement> {
        statement_over(&all_lines(), ["175000002", "1000"])
    }

    fn disclosed(chosen: &[usize]) -> Value {
        serde_json::to_value(disclose(&honest_statement(), &all_lines(), &secret(), chosen).unwrap()).unwrap()
    }

    fn check(file: &Value) -> ReservesReport {
        verify_reserves(Ok(&honest_statement()), file.to_string().as_bytes())
    }

    /// The check that fails, and why.
    fn refusal(report: &ReservesReport) -> (&'static str, &str) {
        let failed = report.checks.iter().find(|c| !c.passed).unwrap();
        (failed.id, &failed.detail)
    }

    fn with(file: &Value, change: impl FnOnce(&mut Value)) -> Value {
        let mut changed = file.clone();
        change(&mut changed);
        changed
    }

    #[test]
    fn every_choice_of_lines_is_proved_and_summed() {
        for mask in 1u32..32 {
            let chosen: Vec<usize> = (0..5).filter(|i| mask >> i & 1 == 1).collect();
            let report = check(&disclosed(&chosen));
            assert!(report.is_valid(), "{chosen:?}: {:?}", report.checks);
            assert_eq!(report.lines, (chosen.len() as u64, 5));
            let sum = |units: [u128; 5]| chosen.iter().map(|i| units[*i]).sum::<u128>();
            let found = |symbol: &str| report.assets.iter().find(|a| a.symbol == symbol).map_or(0, |a| a.disclosed);
            assert_eq!(found("BTC"), sum([150_000_000, 0, 25_000_000, 2, 0]));
            assert_eq!(found("ETH"), sum([0, 1000, 0, 0, 0]));
        }
    }

    #[test]
    fn a_disclosure_of_whole_assets_says_so_and_is_held_to_it() {
        for (chosen, complete) in
            [(&[0, 2, 3][..], true), (&[1, 4], true), (&[0, 1, 2, 3, 4], true), (&[0, 2], false), (&[1, 2, 4], false)]
        {
            assert_eq!(disclosed(chosen)["complete"], complete, "{chosen:?}");
        }
        let report = check(&disclosed(&[0, 2, 3]));
        assert_eq!(report.checks.len(), 4);
        assert_eq!(report.assets[0].disclosed, report.assets[0].stated);
        let overclaimed = with(&disclosed(&[0, 2]), |file| file["complete"] = json!(true));
        assert_eq!(
            refusal(&check(&overclaimed)),
            ("reserves-complete", "the lines of BTC do not sum to what is stated")
        );
        let modest = with(&disclosed(&[0, 2, 3]), |file| {
            file.as_object_mut().unwrap().remove("complete");
        });
        assert!(check(&modest).is_valid());
    }

    #[test]
    fn an_empty_list_of_lines_never_passes() {
        let empty = with(&disclosed(&[0]), |file| {
            file["lines"] = json!([]);
            file["proof"] = json!("");
        });
        assert_eq!(refusal(&check(&empty)), ("reserves-root", "no lines are disclosed"));
        assert!(matches!(disclose(&honest_statement(), &all_lines(), &secret(), &[]), Err(AttestError::Usage(_))));
    }

    #[test]
    fn lines_out_of_order_twice_or_beyond_the_end_never_pass() {
        let honest = disclosed(&[0, 2]);
        for indices in [[2, 0], [0, 0], [2, 2]] {
            let changed = with(&honest, |file| {
                file["lines"][0]["index"] = json!(indices[0]);
                file["lines"][1]["index"] = json!(indices[1]);
            });
            assert_eq!(refusal(&check(&changed)).1, "the lines are not in ascending order, each once");
        }
        let swapped = with(&honest, |file| file["lines"].as_array_mut().unwrap().swap(0, 1));
        assert!(!check(&swapped).is_valid());
        for index in [1u64, 3, 5, 1 << 40, u64::MAX] {
            let changed = with(&honest, |file| file["lines"][1]["index"] = json!(index));
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
        for chosen in [&[2, 0][..], &[1, 1], &[5]] {
            assert!(matches!(
                disclose(&honest_statement(), &all_lines(), &secret(), chosen),
                Err(AttestError::Usage(_))
            ));
        }
    }

    #[test]
    fn root_and_number_of_lines_are_the_statements_and_not_the_files() {
        let honest = disclosed(&[0, 2]);
        // a forged tree: the file agrees with itself, but not with the statement
        let mut richer = all_lines();
        richer[0][3] = "1000".to_owned();
        let other = statement_over(&richer, ["100025000002", "1000"]);
        let forged = disclose(&other, &richer, &secret(), &[0, 2]).unwrap();
        let forged = with(&serde_json::to_value(forged).unwrap(), |file| {
            file["attestation_id"] = honest["attestation_id"].clone();
        });
        assert_eq!(refusal(&check(&forged)).1, "root or number of lines are not those of the statement");
        let borrowed = with(&forged, |file| file["root"] = honest["root"].clone());
        assert_eq!(refusal(&check(&borrowed)).1, "the proof does not lead from these lines to the statement's root");
        let fewer = with(&honest, |file| file["line_count"] = json!(4));
        assert_eq!(refusal(&check(&fewer)).0, "reserves-root");
    }

    #[test]
    fn not_one_field_of_a_line_can_be_changed() {
        let honest = disclosed(&[0, 2]);
        for name in ["asset", "chain", "address", "amount", "height", "message", "signature"] {
            for (place, value) in [(0, "ETH"), (1, ""), (1, "9")] {
                let changed = with(&honest, |file| file["lines"][place]["fields"][name] = json!(value));
                assert_eq!(refusal(&check(&changed)).0, "reserves-root", "{name}");
            }
        }
        for blind in [json!("00".repeat(32)), json!(""), json!("00"), json!("zz".repeat(32))] {
            let changed = with(&honest, |file| file["lines"][0]["blind"] = blind);
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
        let proof = honest["proof"].as_str().unwrap().to_owned();
        for proof in [String::new(), format!("{proof}{}", "00".repeat(32)), proof.to_uppercase(), format!("{proof}0")] {
            let changed = with(&honest, |file| file["proof"] = json!(proof));
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
    }

    #[test]
    fn a_file_of_another_attestation_or_form_is_refused() {
        let honest = disclosed(&[0]);
        let another = with(&honest, |file| file["attestation_id"] = json!("00".repeat(32)));
        assert_eq!(refusal(&check(&another)), ("reserves-file", "the file belongs to another attestation"));
        for (name, value) in [("protocol", json!("assay/reserves/1")), ("comment", json!("hello")), ("lines", json!(1))]
        {
            let odd = with(&honest, |file| file[name] = value);
            assert_eq!(refusal(&check(&odd)).0, "reserves-file", "{name}");
        }
        let statement = honest_statement();
        for odd in ["", "{}", "[]", "null", &format!("{honest}{honest}")] {
            assert_eq!(refusal(&verify_reserves(Ok(&statement), odd.as_bytes())).0, "reserves-file");
        }
        let twice = honest.to_string().replacen('{', r#"{"line_count":5,"#, 1);
        assert_eq!(refusal(&verify_reserves(Ok(&statement), twice.as_bytes())).0, "reserves-file");
        // bytes that are no statement, even if the file names their digest
        let named = with(&honest, |file| file["attestation_id"] = json!(StatementDigest::of(b"{}").to_string()));
        assert_eq!(
            refusal(&verify_reserves(Sealed::parse(b"{}").as_ref(), named.to_string().as_bytes())).0,
            "reserves-file"
        );
        let long = vec![b' '; MAX_DISCLOSURE_BYTES + 1];
        assert_eq!(refusal(&verify_reserves(Ok(&statement), &long)).0, "reserves-file");
    }

    #[test]
    fn lines_that_sum_to_more_than_is_stated_or_cannot_be_read_show_that_the_statement_is_false() {
        for (amount, asset, reason) in [
            ("1.50000001", "BTC", "sum to more"),
            ("1e-37", "BTC", "37 decimals"),
            ("-1", "BTC", "is negative"),
            ("much", "BTC", "is not a plain decimal number"),
            ("1", "DOGE", "not in the book"),
            ("340282366920938463463374607431768211456", "BTC", "too large"),
        ] {
            let mut lines = all_lines();
            lines[0][0] = asset.to_owned();
            lines[0][3] = amount.to_owned();
            let statement = statement_over(&lines, ["175000002", "1000"]);
            let file = disclose(&statement, &lines, &secret(), &[0, 2, 3]).unwrap();
            let report = verify_reserves(Ok(&statement), &serde_json::to_vec(&file).unwrap());
            let (id, detail) = refusal(&report);
            assert!(id == "reserves-amounts" && detail.contains(reason), "{detail}");
            assert!(report.assets.is_empty());
        }
    }

    #[test]
    fn amounts_with_more_decimals_than_their_asset_are_summed_exactly_and_rounded_once() {
        let mut lines = all_lines();
        // 1.500000006 and 0.250000005 are 1.750000011: each alone would lose its last decimal
        lines[0][3] = "1.500000006".to_owned();
        lines[2][3] = "0.250000005".to_owned();
        let statement = statement_over(&lines, ["175000003", "1000"]);
        for (chosen, disclosed) in [(&[0, 2, 3][..], 175_000_003), (&[0], 150_000_000)] {
            let file = disclose(&statement, &lines, &secret(), chosen).unwrap();
            let report = verify_reserves(Ok(&statement), &serde_json::to_vec(&file).unwrap());
            assert!(report.is_valid(), "{:?}", report.checks);
            assert_eq!(report.assets[0].disclosed, disclosed);
        }
    }

    #[test]
    fn lines_or_a_secret_of_another_attestation_are_not_disclosed() {
        let mut other = all_lines();
        other[4][2] = "f".to_owned();
        for (lines, secret) in
            [(other, secret()), (all_lines()[..4].to_vec(), secret()), (all_lines(), MasterSecret::new([4; 32]))]
        {
            assert!(matches!(disclose(&honest_statement(), &lines, &secret, &[0]), Err(AttestError::NotValid(_))));
        }
    }

    /// Lines in every form of signature, and a statement that says of them what they show.
    fn signed_lines(change: impl FnOnce(&mut Vec<LineFields>, &mut Evidence)) -> (Vec<LineFields>, Sealed<Statement>) {
        let context = Context {
            domain: "exchange.example",
            snapshot: "s1",
            taken_at: "2026-01-01T00:00:00Z",
            anchor: None,
            challenge: Some("audit-1"),
        };
        let mut signed = assay_ownership::testing::lines(&context, None);
        // a place is there once, in the first of its forms
        let mut places = BTreeSet::new();
        signed.retain(|own| places.insert(own.line().place()));
        let (mut counts, mut texts) = (ByStatus::default(), BTreeSet::new());
        let mut line = |own: &TestLine| {
            let kind = if own.kind == Kind::Contract { "contract" } else { "" };
            match &own.expected {
                Verdict::Fresh => counts.fresh += 1,
                Verdict::Undated { text } => {
                    counts.undated += 1;
                    texts.insert(text.clone());
                }
                Verdict::ThirdParty { .. } => counts.third_party += 1,
                Verdict::Unproven(_) => counts.unproven += 1,
            }
            let TestLine { chain, address, message, signature, key, .. } = own;
            let fields = ["BTC", chain, address, "1", "", message, signature, "", kind, key];
            fields.map(str::to_owned)
        };
        let mut lines: Vec<LineFields> = signed.iter().map(&mut line).collect();
        // of the banks, the exchange lists the keys 1 and 2
        for (account, number) in [("one", 1), ("two", 2), ("three", 3)] {
            lines.push(bank_line(account, number, &context));
        }
        (counts.third_party, counts.unproven) = (2, counts.unproven + 1);
        let units = |count: u64| (count * 100_000_000).to_string();
        let mut evidence = Evidence {
            rules: OWNERSHIP_RULES.to_owned(),
            challenge: Some("audit-1".to_owned()),
            anchor: None,
            assets: vec![OwnedAsset {
                symbol: "BTC".to_owned(),
                fresh: units(counts.fresh),
                undated: units(counts.undated),
                third_party: units(counts.third_party),
                unproven: units(counts.unproven),
            }],
            lines: counts,
            undated_texts: texts.len() as u64,
            texts: texts.into_iter().take(MAX_UNDATED_TEXTS).collect(),
        };
        change(&mut lines, &mut evidence);
        let reserves = units(lines.len() as u64);
        let mut statement = statement_over(&lines, [&reserves, "0"]).into_value();
        statement.reserves.evidence = Some(evidence);
        (lines, Sealed::seal(statement).unwrap())
    }

    /// One BTC that a bank with the key of this number states.
    fn bank_line(account: &str, number: u8, context: &Context<'_>) -> LineFields {
        let (chain, asset, amount) = ("Example Bank AG", "BTC", "1");
        let line = Line { chain, address: account, asset, amount, kind: Kind::Bank, ..Line::default() };
        let signature = holding_signature(&holding(&line, context), number);
        [asset, chain, account, amount, "", "", &signature, "", "bank", ""].map(str::to_owned)
    }

    /// What a reader finds who has the statement and all lines.
    fn read(lines: &[LineFields], statement: &Sealed<Statement>) -> ReservesReport {
        read_some(lines, statement, &(0..lines.len()).collect::<Vec<_>>())
    }

    /// What a reader finds who has the statement and some lines.
    fn read_some(lines: &[LineFields], statement: &Sealed<Statement>, chosen: &[usize]) -> ReservesReport {
        read_listed(lines, statement, chosen, None)
    }

    /// As `read_some`, for a reader who lists the banks of these numbers.
    fn read_listed(
        lines: &[LineFields],
        statement: &Sealed<Statement>,
        chosen: &[usize],
        banks: Option<&[u8]>,
    ) -> ReservesReport {
        let banks = banks.map(|numbers| HoldingKeys::parse(holding_keys(numbers).as_bytes()).unwrap());
        let file = disclose(statement, lines, &secret(), chosen).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("statement.json"), statement.bytes()).unwrap();
        let file = serde_json::to_vec(&file).unwrap();
        Attestation::read(dir.path()).unwrap().verify_reserves(&file, banks.as_ref())
    }

    #[test]
    fn a_reader_judges_every_signature_again_and_compares_the_sums() {
        let (lines, statement) = signed_lines(|_, _| {});
        let report = read(&lines, &statement);
        assert!(report.is_valid(), "{:?}", report.checks);
        assert!(report.owners.unwrap().fresh > 10);
        // one fresh line called two
        let (lines, statement) = signed_lines(|_, evidence| {
            let own = &mut evidence.assets[0];
            let more = |text: &str, by: i128| (text.parse::<i128>().unwrap() + by).to_string();
            (own.fresh, own.undated) = (more(&own.fresh, 1), more(&own.undated, -1));
        });
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-summary");
        // a signature of another line
        let (lines, statement) = signed_lines(|lines, _| {
            let of = |chain: &str| lines.iter().position(|line| line[1] == chain).unwrap();
            let (ethereum, tron) = (of("ethereum"), of("tron"));
            lines[ethereum][6] = lines[tron][6].trim_start_matches("tip191:").to_owned();
        });
        let report = read(&lines, &statement);
        assert_eq!(refusal(&report).0, "reserves-signatures", "{:?}", report.checks);
        // one line twice
        let (lines, statement) = signed_lines(|lines, evidence| {
            lines.push(lines[0].clone());
            evidence.lines.fresh += 1;
            evidence.assets[0].fresh = (evidence.assets[0].fresh.parse::<u64>().unwrap() + 100_000_000).to_string();
        });
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-places");
        // more unproven lines than the statement says, also where a part of them is disclosed
        let (lines, statement) = signed_lines(|_, evidence| {
            let own = &mut evidence.assets[0];
            let [fresh, unproven] = [&own.fresh, &own.unproven].map(|text| text.parse::<u64>().unwrap());
            (own.fresh, own.unproven) = ((fresh + unproven).to_string(), "0".to_owned());
        });
        let unproven = lines.iter().position(|line| line[8] == "contract").unwrap();
        assert_eq!(refusal(&read_some(&lines, &statement, &[unproven])).0, "reserves-summary");
        // other numbers of lines, and another text
        let (lines, statement) = signed_lines(|_, evidence| {
            (evidence.lines.fresh, evidence.lines.undated) = (evidence.lines.fresh + 1, evidence.lines.undated - 1);
        });
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-summary");
        let (lines, statement) = signed_lines(|_, evidence| evidence.texts[0] = "A".to_owned());
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-summary");
        // the same lines under a statement of another challenge
        let (lines, statement) = signed_lines(|_, evidence| evidence.challenge = Some("audit-2".to_owned()));
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-signatures");
    }

    #[test]
    fn a_reader_counts_third_parties_by_a_list_of_their_own() {
        let (lines, statement) = signed_lines(|_, _| {});
        let all: Vec<usize> = (0..lines.len()).collect();
        // the exchange lists 1 and 2; whoever lists others sees other sums, and the statement is as true
        for (banks, third_party) in [
            (None, 0),
            (Some(&[1, 2][..]), 2),
            (Some(&[1]), 1),
            (Some(&[3]), 1),
            (Some(&[1, 2, 3]), 3),
            (Some(&[9]), 0),
        ] {
            let report = read_listed(&lines, &statement, &all, banks);
            assert!(report.is_valid(), "{banks:?}: {:?}", report.checks);
            assert_eq!(report.owners.unwrap().third_party, third_party, "{banks:?}");
            assert_eq!(report.assets[0].owners.unwrap().third_party, u128::from(third_party) * 100_000_000);
            let signatures = report.checks.iter().find(|check| check.id == "reserves-signatures").unwrap();
            assert_eq!(signatures.detail.contains("on no list given here"), third_party < 3, "{}", signatures.detail);
        }
    }

    #[test]
    fn a_statement_cannot_count_as_a_third_partys_what_none_states() {
        // one more, one less than there are on anybody's list
        let shifted = |by: i64| {
            signed_lines(move |_, evidence| {
                let own = &mut evidence.assets[0];
                let moved = |text: &str, by: i64| (text.parse::<i64>().unwrap() + by * 100_000_000).to_string();
                (own.third_party, own.unproven) = (moved(&own.third_party, by), moved(&own.unproven, -by));
                let moved = |lines: u64, by: i64| lines.checked_add_signed(by).unwrap();
                (evidence.lines.third_party, evidence.lines.unproven) =
                    (moved(evidence.lines.third_party, by), moved(evidence.lines.unproven, -by));
            })
        };
        for (by, is_valid) in [(-2, true), (-1, true), (0, true), (1, true), (2, false)] {
            let (lines, statement) = shifted(by);
            assert_eq!(read(&lines, &statement).is_valid(), is_valid, "{by}");
        }
        let (lines, statement) = shifted(2);
        assert_eq!(refusal(&read(&lines, &statement)).0, "reserves-summary");
        // an unproven line that is shown alone betrays it too
        let (lines, statement) = signed_lines(|_, evidence| {
            let own = &mut evidence.assets[0];
            let sum = [&own.third_party, &own.unproven].map(|text| text.parse::<u64>().unwrap()).iter().sum::<u64>();
            (own.third_party, own.unproven) = (sum.to_string(), "0".to_owned());
        });
        let unproven = lines.iter().position(|line| line[8] == "contract").unwrap();
        assert_eq!(refusal(&read_some(&lines, &statement, &[unproven])).0, "reserves-summary");
    }

    #[test]
    fn a_third_partys_statement_about_another_line_or_by_another_key_is_found_by_its_reader() {
        // one unit more than the bank states, taken from another line
        let (lines, statement) = signed_lines(|lines, _| {
            let last = lines.len() - 1;
            (lines[0][3], lines[last][3]) = ("0.99999999".to_owned(), "1.00000001".to_owned());
        });
        let report = read(&lines, &statement);
        let (id, reason) = refusal(&report);
        assert!(id == "reserves-signatures" && reason.contains("amount \"1\""), "{reason}");
        // the name of one key and the signature of another: nothing shows it but the key
        let (lines, statement) = signed_lines(|lines, _| {
            let [.., first, second, _] = &mut lines[..] else { panic!("three banks") };
            let signature = second[6].rsplit_once('.').unwrap().1.to_owned();
            first[6] = format!("{}.{signature}", first[6].rsplit_once('.').unwrap().0);
        });
        let all: Vec<usize> = (0..lines.len()).collect();
        assert!(read_listed(&lines, &statement, &all, Some(&[2])).is_valid());
        assert_eq!(refusal(&read_listed(&lines, &statement, &all, Some(&[1]))).0, "reserves-signatures");
    }

    #[test]
    fn the_example_of_the_specification_is_what_we_write_and_verifies() {
        let spec = include_str!("../../api-spec/reserves.md");
        let example = spec.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
        let written =
            serde_json::to_string_pretty(&disclose(&honest_statement(), &all_lines(), &secret(), &[0, 2, 3]).unwrap());
        let written = written.unwrap();
        assert!(example == written, "the example should be:\n{written}");
        assert!(verify_reserves(Ok(&honest_statement()), example.as_bytes()).is_valid());
    }
}
