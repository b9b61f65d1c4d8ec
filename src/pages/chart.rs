//! Step lines of a ratio over time, as the numbers of an SVG. All arithmetic is on integers.

use std::fmt::Write;

use super::language::Language;
use super::{
    amount::{instant, percent},
    text::{Sentence, fill, texts},
};

/// Width of the picture.
pub const WIDTH: i64 = 480;
/// Height of the picture.
pub const HEIGHT: i64 = 160;
/// Where the lines are drawn: between these sides, and between these heights. Labels are on the left and below.
pub const LEFT: i64 = 92;
/// As [`LEFT`].
pub const RIGHT: i64 = WIDTH - 10;
const TOP: i64 = 16;
const BOTTOM: i64 = HEIGHT - 32;
/// Full coverage.
const WHOLE: i64 = 10_000;
/// The highest ratio that is drawn. A higher one is drawn at this height, and the text has its number.
const HIGHEST: u128 = 20_000;
/// Least distance of two labels on the left.
const LABEL: i64 = 18;

/// A ratio at an instant; nothing where nothing was owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Seconds since 1970.
    pub at: i64,
    /// The instant, RFC 3339.
    pub instant: String,
    /// Hundredths of a percent.
    pub ratio: Option<u128>,
}

/// A label with its height.
#[derive(Debug, PartialEq, Eq)]
pub struct Label {
    /// Height in the picture.
    pub y: i64,
    /// What it says.
    pub text: String,
}

/// One picture.
pub struct Chart {
    /// What it shows.
    pub title: Sentence,
    /// The same in words and numbers.
    pub description: Sentence,
    /// The steps, as an SVG path.
    pub steps: String,
    /// A mark for each attestation with a ratio.
    pub marks: Vec<(i64, i64)>,
    /// Height of 100 %.
    pub whole_y: i64,
    /// Labels on the left.
    pub labels: Vec<Label>,
    /// The first day, unless it is the last one too.
    pub first_day: Option<String>,
    /// The last day.
    pub last_day: String,
}

impl Chart {
    /// The chart of an asset, oldest point first; nothing if no point has a ratio. After `hold` seconds without another attestation
    /// the line ends.
    pub fn of(language: Language, asset: &str, points: &[Point], hold: Option<i64>) -> Option<Self> {
        let ratios: Vec<u128> = points.iter().filter_map(|point| point.ratio).collect();
        let (first, last) = (points.first()?, points.last()?);
        let (lowest, highest, newest) = (ratios.iter().min()?, ratios.iter().max()?, ratios.last()?);
        let range = Range::of(*lowest, *highest);
        let place = |point: &Point| Some((x(point.at, first.at, last.at), range.y(point.ratio?)));
        let placed: Vec<_> = points.iter().map(place).collect();
        let (steps, gaps) = steps(points, &placed, hold);
        let t = texts(language);
        let number = |bps: &u128| percent(language, *bps);
        let day = |point: &Point| point.instant.get(..10).unwrap_or_default().to_owned();
        let description = fill(
            &t.chart_desc,
            &[
                ("from", &instant(&first.instant)),
                ("to", &instant(&last.instant)),
                ("count", &ratios.len().to_string()),
                ("gaps", &gaps.to_string()),
                ("lowest", &number(lowest)),
                ("highest", &number(highest)),
                ("newest", &number(newest)),
            ],
        );
        Some(Self {
            title: fill(&t.chart_title, &[("asset", asset)]),
            description,
            steps,
            marks: placed.into_iter().flatten().collect(),
            whole_y: range.y(WHOLE.unsigned_abs().into()),
            labels: range.labels(language),
            first_day: Some(day(first)).filter(|first| *first != day(last)),
            last_day: day(last),
        })
    }
}

/// The ratios between bottom and top: at least all that are drawn, and 100 %.
struct Range {
    low: i64,
    high: i64,
}

impl Range {
    fn of(lowest: u128, highest: u128) -> Self {
        let (low, high) = (bounded(lowest).min(WHOLE), bounded(highest).max(WHOLE));
        let air = ((high - low) / 8).max(50);
        Self { low: (low - air).max(0), high: high + air }
    }

    fn y(&self, ratio: u128) -> i64 {
        BOTTOM - (bounded(ratio) - self.low) * (BOTTOM - TOP) / (self.high - self.low)
    }

    fn labels(&self, language: Language) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        for ratio in [WHOLE, self.low, self.high] {
            let y = self.y(ratio.unsigned_abs().into());
            if labels.iter().all(|label| (label.y - y).abs() >= LABEL) {
                labels.push(Label { y, text: percent(language, ratio.unsigned_abs().into()) });
            }
        }
        labels
    }
}

fn bounded(ratio: u128) -> i64 {
    i64::try_from(ratio.min(HIGHEST)).unwrap_or(WHOLE)
}

/// Where an instant is between the first and the last.
fn x(at: i64, first: i64, last: i64) -> i64 {
    let (since, span) = (i128::from(at) - i128::from(first), i128::from(last) - i128::from(first));
    if span <= 0 {
        return LEFT.midpoint(RIGHT);
    }
    LEFT + i64::try_from(since.clamp(0, span) * i128::from(RIGHT - LEFT) / span).unwrap_or(0)
}

/// The path and the number of gaps in it.
fn steps(points: &[Point], placed: &[Option<(i64, i64)>], hold: Option<i64>) -> (String, usize) {
    let (mut path, mut gaps, mut is_drawing) = (String::new(), 0, false);
    let (first, last) = points.first().zip(points.last()).map_or((0, 0), |(first, last)| (first.at, last.at));
    for (number, (point, place)) in points.iter().zip(placed).enumerate() {
        let Some((at_x, at_y)) = place else {
            gaps += 1;
            is_drawing = false;
            continue;
        };
        let _ = if is_drawing { write!(path, "V{at_y}") } else { write!(path, "M{at_x} {at_y}") };
        is_drawing = true;
        let Some(next) = points.get(number + 1) else { break };
        let end = hold.map_or(next.at, |hold| next.at.min(point.at.saturating_add(hold)));
        let _ = write!(path, "H{}", x(end, first, last));
        if end < next.at {
            gaps += 1;
            is_drawing = false;
        }
    }
    (path, gaps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DAY: i64 = 86_400;

    fn points(ratios: &[Option<u128>]) -> Vec<Point> {
        let point = |(day, ratio): (usize, &Option<u128>)| Point {
            at: 1_793_491_200 + day as i64 * DAY,
            instant: format!("2026-11-{:02}T00:00:00Z", day + 1),
            ratio: *ratio,
        };
        ratios.iter().enumerate().map(point).collect()
    }

    fn chart(ratios: &[Option<u128>], hold: Option<i64>) -> Chart {
        Chart::of(Language::English, "BTC", &points(ratios), hold).unwrap()
    }

    #[test]
    fn a_ratio_holds_until_the_next_attestation() {
        let chart = chart(&[Some(10_000), Some(10_100), Some(10_000)], None);
        assert_eq!(chart.marks.len(), 3);
        let [(x0, y0), (x1, y1), (x2, y2)] = chart.marks[..] else { panic!() };
        assert_eq!(chart.steps, format!("M{x0} {y0}H{x1}V{y1}H{x2}V{y2}"));
        assert!(x0 == LEFT && x2 == RIGHT && y1 < y0 && y0 == chart.whole_y);
        assert!(chart.description.plain().contains("gaps: 0"), "{}", chart.description.plain());
    }

    #[test]
    fn a_gap_is_a_gap() {
        let chart = chart(&[Some(10_000), None, Some(10_000), Some(9_000)], None);
        assert_eq!(chart.steps.matches('M').count(), 2);
        assert_eq!(chart.marks.len(), 3);
        assert!(chart.description.plain().contains("gaps: 1"));
        assert!(chart.description.plain().contains("Lowest 90.00\u{a0}%"));
    }

    #[test]
    fn a_line_ends_where_the_promised_interval_does() {
        let held = chart(&[Some(10_000), Some(10_000)], Some(2 * DAY));
        assert_eq!(held.steps.matches('M').count(), 1);
        let cut = chart(&[Some(10_000), Some(10_000)], Some(DAY / 2));
        assert_eq!(cut.steps.matches('M').count(), 2);
        let half = LEFT + (RIGHT - LEFT) / 2;
        assert!(cut.steps.contains(&format!("H{half}M")), "{}", cut.steps);
    }

    #[test]
    fn no_ratio_and_no_time_leaves_the_picture() {
        for ratios in [vec![Some(u128::MAX), Some(0)], vec![Some(0)], vec![Some(10_000); 400]] {
            let chart = chart(&ratios, None);
            for (x, y) in &chart.marks {
                assert!((LEFT..=RIGHT).contains(x) && (TOP..=BOTTOM).contains(y), "{x} {y}");
            }
            assert!((TOP..=BOTTOM).contains(&chart.whole_y));
        }
        assert!(Chart::of(Language::English, "BTC", &points(&[None, None]), None).is_none());
        assert!(Chart::of(Language::English, "BTC", &[], None).is_none());
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        for (low, high) in [(10_000, 10_000), (0, 20_000), (9_990, 10_001), (9_000, 10_000), (10_000, 11_000)] {
            let labels = Range::of(low, high).labels(Language::English);
            assert_eq!(labels[0].text, "100.00\u{a0}%");
            for (at, label) in labels.iter().enumerate() {
                assert!(labels[..at].iter().all(|other| (other.y - label.y).abs() >= LABEL));
            }
        }
    }
}
