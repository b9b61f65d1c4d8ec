//! `classes.csv`: `class,name,kyc_level,jurisdiction`. It describes the class numbers of accounts.csv.

use super::finding::{Environment, Findings};
use super::limits::Limits;
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::names::Refused;
use super::source::Source;
use crate::progress::Progress;
use assay_core::text::{name_defect, shown};

pub(crate) const CLASSES_HEADER: [&str; 4] = ["class", "name", "kyc_level", "jurisdiction"];

const MAX_TEXT_BYTES: usize = 256;

/// One class of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassInfo {
    /// Number, as in accounts.csv and limits.csv.
    pub class: u8,
    /// Name, 1 to 256 bytes.
    pub name: String,
    /// KYC level of its customers; may be empty.
    pub kyc_level: String,
    /// Jurisdiction of its customers; may be empty.
    pub jurisdiction: String,
}

/// All classes, sorted by number.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pub(crate) list: Vec<ClassInfo>,
    pub(crate) rows: u64,
    refused: Refused,
}

impl Classes {
    pub(crate) fn has(&self, class: u8) -> bool {
        self.list.binary_search_by_key(&class, |info| info.class).is_ok()
    }
}

/// Parses a class number. "+1" and "01" are refused. If there are `classes`, the number must be among them.
///
/// # Errors
/// The reason; `None` if it is that of an earlier finding.
pub(crate) fn parse_class(text: &str, classes: Option<&Classes>) -> Result<u8, Option<String>> {
    match text.parse::<u8>().ok().filter(|class| class.to_string() == text) {
        None => Err(Some(format!("class {} is not an integer from 0 to 255", shown(text)))),
        Some(class) => known_class(class, classes),
    }
}

/// The class, if it is among the `classes` or there are none.
///
/// # Errors
/// As [`parse_class`].
pub(crate) fn known_class(class: u8, classes: Option<&Classes>) -> Result<u8, Option<String>> {
    match classes {
        Some(classes) if !classes.has(class) => {
            // a number needs no quotes
            let reason = classes.refused.unknown("class", &class.to_string(), "classes.csv", None);
            Err(reason.map(|reason| reason.replacen(&format!("\"{class}\""), &class.to_string(), 1)))
        }
        _ => Ok(class),
    }
}

/// Reads the classes. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Classes>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    if !table.expect_header(&CLASSES_HEADER, findings)? {
        return Ok(None);
    }
    let mut classes = Classes::default();
    while let Some(line) = table.next(findings)? {
        let [class_text, name, kyc_level, jurisdiction] = [0, 1, 2, 3].map(|column| table.fields().get(column));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        for (word, text, may_be_empty) in
            [("name", name, false), ("kyc_level", kyc_level, true), ("jurisdiction", jurisdiction, true)]
        {
            if let Some(defect) = name_defect(text, MAX_TEXT_BYTES)
                && !(text.is_empty() && may_be_empty)
            {
                add(format!("{word} {} {defect}", shown(text)));
            }
        }
        let class = match parse_class(class_text, None) {
            Ok(class) => class,
            Err(reason) => {
                add(reason.unwrap_or_default());
                continue;
            }
        };
        let info = ClassInfo {
            class,
            name: name.to_owned(),
            kyc_level: kyc_level.to_owned(),
            jurisdiction: jurisdiction.to_owned(),
        };
        match classes.list.binary_search_by_key(&class, |info| info.class) {
            Ok(_) => add(format!("class {class} is listed twice")),
            Err(place) => classes.list.insert(place, info),
        }
    }
    classes.refused.unread(table.unread());
    classes.rows = table.rows();
    Ok(Some(classes))
}
