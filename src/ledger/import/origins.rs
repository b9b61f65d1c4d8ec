//! Which line of which published file a row of the ledger was made from.

/// A line of a published file: the number of the file and of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: u32,
    pub(super) line: u64,
}

/// The places of all rows of one file of the ledger, as runs: rows of consecutive lines are one run, and so are rows of one line.
#[derive(Debug, Default)]
pub(super) struct Origins {
    rows: u64,
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    row: u64,
    place: Place,
    /// Lines from one row to the next; unknown for a run of one row.
    step: Option<u64>,
}

impl Origins {
    /// Adds the place of the next row.
    pub(super) fn push(&mut self, place: Place) {
        let row = self.rows;
        self.rows += 1;
        if let Some(run) = self.runs.last_mut()
            && run.place.file == place.file
            && let Some(lines) = place.line.checked_sub(run.place.line)
        {
            let step = *run.step.get_or_insert(lines.min(1));
            if step * (row - run.row) == lines {
                return;
            }
            if row - run.row == 1 {
                run.step = None;
            }
        }
        self.runs.push(Run { row, place, step: None });
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The place of row number `row`, counted from 0.
    pub(super) fn of(&self, row: u64) -> Option<Place> {
        let run = &self.runs[self.runs.partition_point(|run| run.row <= row).checked_sub(1)?];
        (row < self.rows).then(|| {
            let line = run.place.line + run.step.unwrap_or(0) * (row - run.row);
            Place { line, ..run.place }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_one_line_and_of_consecutive_lines_are_one_run() {
        for lines in [[2, 3, 4, 5, 6], [7, 7, 7, 7, 7]] {
            let mut origins = Origins::default();
            for line in lines {
                origins.push(Place { file: 0, line });
            }
            assert_eq!(origins.runs.len(), 1, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn every_row_has_the_place_it_came_from(places in prop::collection::vec((0u32..2, 1u64..6), 0..40)) {
            let mut origins = Origins::default();
            let places: Vec<_> = places.into_iter().map(|(file, line)| Place { file, line }).collect();
            for place in &places {
                origins.push(*place);
            }
            for (row, place) in places.iter().enumerate() {
                prop_assert_eq!(origins.of(row as u64), Some(*place));
            }
            prop_assert_eq!(origins.of(places.len() as u64), None);
        }
    }
}
