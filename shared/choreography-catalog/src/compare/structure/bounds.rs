//! Ranges of numbers, and lengths.

use std::cmp::Ordering;

use serde_json::Value;

use super::alternatives::Alternative;

/// Formats of whole numbers that are ranges.
const FORMATS: &[(&str, i128, i128)] = &[
    ("int8", i8::MIN as i128, i8::MAX as i128),
    ("int16", i16::MIN as i128, i16::MAX as i128),
    ("int32", i32::MIN as i128, i32::MAX as i128),
    ("int64", i64::MIN as i128, i64::MAX as i128),
    ("uint8", 0, u8::MAX as i128),
    ("uint16", 0, u16::MAX as i128),
    ("uint32", 0, u32::MAX as i128),
    ("uint64", 0, u64::MAX as i128),
];

/// A number, exactly if it is whole.
#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| value.as_f64().map(Self::Real))
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (one, other) => one.real().partial_cmp(&other.real()),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "only where the other one is not whole")]
    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => write!(formatter, "{whole}"),
            Self::Real(real) => write!(formatter, "{real}"),
        }
    }
}

/// An end of a range.
#[derive(Clone, Copy, Debug)]
struct Bound {
    at: Number,
    /// The number itself is outside.
    open: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Lower,
    Upper,
}

impl Bound {
    /// Whether what keeps this bound keeps the other one.
    fn implies(self, other: Self, end: End) -> bool {
        let inside = if end == End::Lower { Ordering::Greater } else { Ordering::Less };
        match self.at.compare(other.at) {
            Some(Ordering::Equal) => self.open || !other.open,
            order => order == Some(inside),
        }
    }

    fn text(self, end: End) -> String {
        match (end, self.open) {
            (End::Lower, false) => format!("at least {}", self.at),
            (End::Lower, true) => format!("more than {}", self.at),
            (End::Upper, false) => format!("at most {}", self.at),
            (End::Upper, true) => format!("less than {}", self.at),
        }
    }
}

fn bounds(of: &Alternative, end: End) -> Vec<Bound> {
    let [closed, open] = match end {
        End::Lower => ["minimum", "exclusiveMinimum"],
        End::Upper => ["maximum", "exclusiveMaximum"],
    };
    let said = |keyword: &str, open| {
        let at = Number::of(of.keywords.get(keyword)?)?;
        Some(Bound { at, open })
    };
    let format = of.keywords.get("format").and_then(Value::as_str);
    let by_format = FORMATS.iter().find(|(name, ..)| Some(*name) == format).map(|(_, lowest, highest)| Bound {
        at: Number::Whole(if end == End::Lower { *lowest } else { *highest }),
        open: false,
    });
    [said(closed, false), said(open, true), by_format].into_iter().flatten().collect()
}

/// Where numbers are written that are outside of what is read.
pub(super) fn ranges(written: &Alternative, read: &Alternative) -> impl Iterator<Item = String> {
    let of_end = |end: End| {
        let given = bounds(written, end);
        let asked = bounds(read, end);
        let unmet: Vec<Bound> =
            asked.into_iter().filter(|asked| !given.iter().any(|given| given.implies(*asked, end))).collect();
        // The tightest one says it all.
        let tightest = given.iter().find(|one| given.iter().all(|other| one.implies(*other, end)));
        let given = tightest.map_or_else(|| "any number".to_owned(), |bound| bound.text(end));
        unmet
            .into_iter()
            .map(|asked| format!("{given} may be written, and {} is read", asked.text(end)))
            .collect::<Vec<_>>()
    };
    [End::Lower, End::Upper].map(of_end).into_iter().flatten()
}

/// Where something is written that is shorter or longer than what is read.
pub(super) fn lengths(
    written: &Alternative,
    read: &Alternative,
    [least, most]: [&str; 2],
    of: &str,
) -> impl Iterator<Item = String> {
    let (given, asked) = (written.count(least).unwrap_or(0), read.count(least).unwrap_or(0));
    let short =
        (given < asked).then(|| format!("as few as {given} {of} may be written, and at least {asked} are read"));
    let long = read.count(most).and_then(|asked| match written.count(most) {
        Some(given) if given <= asked => None,
        Some(given) => Some(format!("as many as {given} {of} may be written, and at most {asked} are read")),
        None => Some(format!("any number of {of} may be written, and at most {asked} are read")),
    });
    [short, long].into_iter().flatten()
}
