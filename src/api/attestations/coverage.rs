//! `GET /v1/attestations/{id}/coverage.svg`

use std::fmt::Write;

use actix_web::{HttpRequest, HttpResponse, web};
use assay_core::decimal::percent;
use assay_core::text::visible;
use assay_programs::ledger::{
    policy::{AssetLine, asset_lines},
    statement::Statement,
};

use crate::api::{artefact::Artefact, evidence::Part, parse::AttestationId, problem::Problem, state::ApiState};

/// Maximum number of assets in the chart.
const MAX_BARS: usize = 40;
const ROW: usize = 28;
const LEFT: usize = 110;
const RIGHT: usize = 110;
const TOP: usize = 64;
/// Width of 100 %.
const WHOLE: usize = 300;
/// Longest bar, in hundredths of a percent: 150 %.
const LONGEST_BPS: usize = 15_000;
/// Full coverage.
const COVERED_BPS: u128 = 10_000;

/// Download a chart of the coverage
///
/// Ratio of stated reserves to customer assets for each asset. The chart also contains the numbers as text.
#[utoipa::path(
    get, path = "/v1/attestations/{id}/coverage.svg", tag = "attestations",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The chart", body = String, content_type = "image/svg+xml"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn coverage(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let make = async || {
        let attested = state.evidence.attested(&state.store, id).await?;
        Ok(Artefact::new(chart(attested.tree.statement()).into_bytes(), "image/svg+xml"))
    };
    state.evidence.artefact(id, Part::Coverage, make).await?.answer(&request)
}

/// The chart as a self-contained SVG image.
fn chart(statement: &Statement) -> String {
    let lines = asset_lines(statement);
    let drawn = &lines[..lines.len().min(MAX_BARS)];
    let left_out = lines.len() - drawn.len();
    let required = statement.policy.coverage_bps.map(u128::from);
    let width = LEFT + bar(LONGEST_BPS as u128) + RIGHT;
    let height = TOP + ROW * (drawn.len() + usize::from(left_out > 0)) + ROW;
    // in quotes, or a name could go on in the chart's voice; no quote in it ends these
    let name = statement.exchange.name.replace('"', "'");
    let title = format!("Coverage of \"{name}\" on {}", statement.snapshot.taken_at);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"title desc\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"600\" fill=\"#1a1a1a\">{}</text>\n",
        escaped(&title),
        escaped(&description(drawn, left_out)),
        escaped(&title)
    );
    mark(&mut svg, COVERED_BPS, height, "100 %");
    if let Some(bps) = required.filter(|bps| *bps != COVERED_BPS && *bps <= LONGEST_BPS as u128) {
        mark(&mut svg, bps, height, &format!("required {}", percent(bps)));
    }
    for (line, y) in drawn.iter().zip((TOP..).step_by(ROW)) {
        row(&mut svg, line, required, y);
    }
    if left_out > 0 {
        let y = TOP + ROW * drawn.len() + 15;
        let _ = writeln!(svg, "<text x=\"16\" y=\"{y}\" fill=\"#1a1a1a\">and {left_out} more assets</text>");
    }
    svg.push_str("</svg>\n");
    svg
}

/// A vertical line at `bps` with its label.
fn mark(svg: &mut String, bps: u128, height: usize, name: &str) {
    let (x, bottom) = (LEFT + bar(bps), height - ROW);
    let _ = writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#6b6b6b\" stroke-dasharray=\"3 3\"/>\n\
         <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#4a4a4a\">{name}</text>",
        TOP - 6,
        TOP - 12
    );
}

fn row(svg: &mut String, line: &AssetLine, required: Option<u128>, y: usize) {
    let coverage = line.coverage_bps();
    let length = bar(coverage.unwrap_or(0));
    // the number beside the bar says it too, for readers who do not see the colour
    let short = coverage.zip(required).is_some_and(|(coverage, required)| coverage < required);
    let colour = if short { "#b3261e" } else { "#1d5fa8" };
    let number = coverage.map_or_else(|| "nothing is owed".to_owned(), percent);
    let note = if short { ", too little" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#1a1a1a\">{}</text>\n\
         <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length}\" height=\"{}\" fill=\"{colour}\"/>\n\
         <text x=\"{}\" y=\"{}\" fill=\"#1a1a1a\">{number}{note}</text>",
        LEFT - 8,
        y + 15,
        escaped(&short_name(&line.symbol)),
        ROW - 8,
        LEFT + length + 8,
        y + 15,
    );
}

/// Length of a bar in pixels.
fn bar(bps: u128) -> usize {
    let bounded = usize::try_from(bps).unwrap_or(LONGEST_BPS).min(LONGEST_BPS);
    bounded * WHOLE / 10_000
}

/// Text alternative of the chart.
fn description(drawn: &[AssetLine], left_out: usize) -> String {
    let mut text = "Ratio of stated reserves to customer assets. ".to_owned();
    for line in drawn {
        match line.coverage_bps() {
            Some(bps) => {
                let _ = write!(text, "{}: {}. ", visible(&line.symbol), percent(bps));
            }
            None => {
                let _ = write!(text, "{}: nothing is owed. ", visible(&line.symbol));
            }
        }
    }
    if left_out > 0 {
        let _ = write!(text, "{left_out} more assets are not shown.");
    }
    text.trim_end().to_owned()
}

fn short_name(symbol: &str) -> String {
    const SHOWN: usize = 12;
    let cut: String = symbol.chars().take(SHOWN).collect();
    if cut.len() < symbol.len() { cut + "…" } else { cut }
}

/// Escapes text for XML and makes invisible characters visible: exchanges choose the names.
fn escaped(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::{
        ledger::shape::Shape,
        testing::{test_pages, test_statement},
    };

    use super::*;

    fn statement() -> Statement {
        let shape = Shape::named("solvency-8").unwrap();
        test_statement(shape, &"0".repeat(64), &test_pages(shape, 5, 1))
    }

    #[test]
    fn the_chart_says_in_words_what_it_shows() {
        let mut statement = statement();
        statement.assets[0].reserves = "1".to_owned();
        let svg = chart(&statement);
        for part in [
            "role=\"img\"",
            "<title id=\"title\">Coverage of &quot;Test Exchange&quot; on",
            "T01: 100.00 %",
            "too little",
        ] {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!(svg, chart(&statement));
        statement.exchange.name = "Acme\" (verified by this service)".to_owned();
        assert_eq!(chart(&statement).matches("&quot;Acme' (verified by this service)&quot; on").count(), 2);
    }

    #[test]
    fn no_name_gets_out_of_its_text() {
        let mut statement = statement();
        statement.exchange.name = "</title><script>alert(1)</script>&\u{202e}\"".to_owned();
        statement.assets[0].symbol = "<b>\u{1b}".to_owned();
        let svg = chart(&statement);
        assert!(
            !svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{202e}') && !svg.contains('\u{1b}')
        );
        assert_eq!(svg.matches("</title>").count(), 1);
    }

    #[test]
    fn no_coverage_makes_a_bar_longer_than_the_picture() {
        assert_eq!(bar(u128::MAX), bar(LONGEST_BPS as u128));
        assert_eq!(bar(10_000), WHOLE);
        assert_eq!(bar(0), 0);
    }

    #[test]
    fn a_book_of_thousands_of_assets_is_still_a_picture() {
        let mut statement = statement();
        let asset = statement.assets[0].clone();
        statement.assets = (0..4096)
            .map(|i| {
                let mut a = asset.clone();
                a.symbol = format!("A{i}");
                a
            })
            .collect();
        let svg = chart(&statement);
        assert!(svg.contains("and 4056 more assets") && svg.len() < 32 << 10, "{}", svg.len());
    }
}
