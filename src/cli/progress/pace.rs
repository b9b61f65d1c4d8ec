//! How far, how fast, how much longer: numbers as text, in integers only.

use std::time::Duration;

/// How far a phase is, its rate so far, and the time left at that rate. A `total` of 0 is not known. Until there is a rate,
/// the time left is that of the time `expected` for the whole.
pub(super) fn standing(done: u64, total: u64, unit: &str, elapsed: Duration, expected: Option<Duration>) -> String {
    let forecast = expected.and_then(|expected| expected.checked_sub(elapsed)).filter(|_| done == 0);
    let forecast = forecast.map(|left| format!("about {} left", duration(left)));
    if (done, total) == (0, 0) {
        let so_far = format!("{} so far", duration(elapsed));
        return forecast.into_iter().fold(so_far, |line, left| format!("{line}, {left}"));
    }
    let mut parts = vec![if total == 0 {
        quantity(done, unit)
    } else {
        format!("{} of {}", bare(done, unit), quantity(total, unit))
    }];
    parts.extend(rate(done, unit, elapsed));
    parts.extend(time_left(done, total, elapsed).map(|left| format!("{} left", duration(left))));
    parts.extend(forecast);
    parts.join(", ")
}

/// A phase that is expected to take `time`.
pub(super) fn expectation(phase: &str, time: Duration) -> String {
    format!("{phase}: about {} expected", duration(time))
}

/// What a phase came to: its name, what was done, in which time.
pub(super) fn summary(phase: &str, done: u64, unit: &str, elapsed: Duration) -> String {
    if done == 0 {
        return format!("{phase}: {}", duration(elapsed));
    }
    format!("{phase}: {} in {}", quantity(done, unit), duration(elapsed))
}

/// Estimated time left at the current speed; `None` while unknown.
fn time_left(done: u64, total: u64, elapsed: Duration) -> Option<Duration> {
    let remaining = u128::from(total.checked_sub(done)?);
    let milliseconds = elapsed.as_millis().checked_mul(remaining)?.checked_div(u128::from(done))?;
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// Units per second, or per minute where a second is too short for one; nothing while there is no telling.
fn rate(done: u64, unit: &str, elapsed: Duration) -> Option<String> {
    let per = |milliseconds: u128| {
        let tenths = (u128::from(done) * milliseconds * 10).checked_div(elapsed.as_millis())?;
        u64::try_from(tenths).ok()
    };
    let tenths = per(1000).filter(|_| done > 0)?;
    if unit == "bytes" {
        return Some(format!("{}/s", quantity(tenths / 10, unit)));
    }
    if tenths < 10 {
        return per(60_000).map(|tenths| format!("{}/min", one_decimal(tenths)));
    }
    Some(format!("{}/s", one_decimal(tenths)))
}

fn one_decimal(tenths: u64) -> String {
    if tenths < 1000 { format!("{}.{}", tenths / 10, tenths % 10) } else { grouped(tenths / 10) }
}

/// `units` with its unit; bytes in binary multiples.
fn quantity(units: u64, unit: &str) -> String {
    match unit {
        "bytes" => bare(units, unit),
        "" => grouped(units),
        _ => format!("{} {unit}", grouped(units)),
    }
}

/// As [`quantity`], for text in which the unit follows later.
fn bare(units: u64, unit: &str) -> String {
    if unit != "bytes" {
        return grouped(units);
    }
    let multiples = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match multiples.iter().find(|(_, bits)| units >> bits > 0) {
        Some((name, bits)) => {
            let tenths = (u128::from(units) * 10) >> bits;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{units} B"),
    }
}

pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration to about two digits of what matters.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.subsec_millis()),
        1..10 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_standing_tells_how_far_how_fast_and_how_much_longer() {
        for (done, total, unit, elapsed, expected) in [
            (0, 1200, "steps", 0, "0 of 1,200 steps"),
            (0, 0, "", 20_000, "20 s so far"),
            (300, 1200, "steps", 0, "300 of 1,200 steps, 0 ms left"),
            (300, 1200, "steps", 93_750, "300 of 1,200 steps, 3.2/s, 4 min 41 s left"),
            (1, 4, "steps", 90_000, "1 of 4 steps, 0.6/min, 4 min 30 s left"),
            (7_654_321, 0, "accounts", 2000, "7,654,321 accounts, 3,827,160/s"),
            (3 << 29, 3 << 30, "bytes", 1000, "1.5 GiB of 3.0 GiB, 1.5 GiB/s, 1.0 s left"),
            (1200, 1200, "steps", 10_000, "1,200 of 1,200 steps, 120/s, 0 ms left"),
            (1300, 1200, "steps", 10_000, "1,300 of 1,200 steps, 130/s"),
        ] {
            assert_eq!(standing(done, total, unit, ms(elapsed), None), expected);
        }
    }

    #[test]
    fn what_is_expected_is_told_until_there_is_a_pace() {
        for (done, total, elapsed, expected) in [
            (0, 1200, 0, "0 of 1,200 steps, about 2 min 00 s left"),
            (0, 1200, 30_000, "0 of 1,200 steps, about 1 min 30 s left"),
            (0, 0, 30_000, "30 s so far, about 1 min 30 s left"),
            (300, 1200, 93_750, "300 of 1,200 steps, 3.2/s, 4 min 41 s left"),
            (0, 1200, 120_001, "0 of 1,200 steps"),
        ] {
            assert_eq!(standing(done, total, "steps", ms(elapsed), Some(ms(120_000))), expected);
        }
        assert_eq!(expectation("folding", ms(120_000)), "folding: about 2 min 00 s expected");
    }

    #[test]
    fn no_number_is_too_large_to_be_told() {
        let longest = Duration::from_millis(u64::MAX);
        for (done, total, elapsed) in
            [(u64::MAX, u64::MAX, ms(1)), (1, u64::MAX, longest), (u64::MAX, 0, Duration::MAX)]
        {
            assert!(!standing(done, total, "steps", elapsed, Some(longest)).is_empty());
            assert!(!standing(done, total, "bytes", elapsed, None).is_empty());
        }
    }

    #[test]
    fn a_summary_tells_the_phase_and_its_time() {
        assert_eq!(summary("fold", 12, "steps", ms(61_000)), "fold: 12 steps in 1 min 01 s");
        assert_eq!(summary("compress", 0, "", ms(1500)), "compress: 1.5 s");
        assert_eq!(summary("read a.csv", 2048, "bytes", ms(7)), "read a.csv: 2.0 KiB in 7 ms");
    }

    #[test]
    fn durations_get_coarser_as_they_grow() {
        for (milliseconds, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (9999, "9.9 s"),
            (59_999, "59 s"),
            (3_599_000, "59 min 59 s"),
            (90_000_000, "25 h 00 min"),
        ] {
            assert_eq!(duration(ms(milliseconds)), expected);
        }
    }
}
